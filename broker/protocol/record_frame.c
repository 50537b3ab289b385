#include "broker/protocol/record_frame.h"

#include "broker/base/check.h"

#define METADATA_FRAME 1

/* From behind: the coordinators' records stand last, behind some two hundred requests and responses. */
static bool
find_record_message(enum k_kind kind, struct slice folder, int32_t api_key, enum k_msg *ret)
{
    for (int i = K_MSGS_N; i-- > 0;) {
        const struct k_message *m = &k_messages[i];
        if (m->kind != (int8_t)kind || m->api_key != api_key ||
            !slice_eq(slice_cstr(k_names + m->folder), folder))
            continue;
        *ret = (enum k_msg)i;
        return true;
    }
    return false;
}

bool
metadata_record_write(struct writer *w, enum k_msg msg, int16_t version, const void *record,
                      struct codec_refusal *ret_why)
{
    CHECK(k_messages[msg].kind == K_KIND_METADATA);
    writer_uvarint(w, METADATA_FRAME);
    writer_uvarint(w, (uint32_t)k_messages[msg].api_key);
    writer_uvarint(w, (uint32_t)version);
    return codec_write(msg, version, record, w, ret_why);
}

bool
coordinator_key_write(struct writer *w, enum k_msg key, const void *record,
                      struct codec_refusal *ret_why)
{
    CHECK(k_messages[key].kind == K_KIND_KEY);
    writer_i16(w, k_messages[key].api_key);
    return codec_write(key, 0, record, w, ret_why);
}

bool
coordinator_key_read(struct reader *r, enum coordinator_type of, enum k_msg *ret_key,
                     enum k_msg *ret_value)
{
    static const char folders[][24] = {"group-coordinator", "transaction-coordinator",
                                       "share-coordinator"};
    struct slice folder = slice_cstr(folders[of]);
    int16_t type = reader_i16(r);
    enum k_msg key, value;
    if (r->err || !find_record_message(K_KIND_KEY, folder, type, &key) ||
        !find_record_message(K_KIND_VALUE, folder, type, &value))
        return false;
    *ret_key = key;
    *ret_value = value;
    return true;
}

bool
coordinator_value_write(struct writer *w, enum k_msg value, int16_t version, const void *record,
                        struct codec_refusal *ret_why)
{
    CHECK(k_messages[value].kind == K_KIND_VALUE);
    writer_i16(w, version);
    return codec_write(value, version, record, w, ret_why);
}

bool
coordinator_value_read(struct reader *r, enum k_msg value, int16_t *ret_version)
{
    int16_t version = reader_i16(r);
    if (r->err || !codec_has_version(value, version)) return false;
    *ret_version = version;
    return true;
}
