#include "broker/record/control.h"

#include "broker/base/check.h"

bool
control_key_parse(struct slice key, int16_t *ret_type)
{
    struct reader r = reader(key);
    int16_t version = reader_i16(&r);
    int16_t type = reader_i16(&r);
    /* Later versions may append fields. */
    if (r.err || version < 0) return false;
    *ret_type = type;
    return true;
}

static struct slice
control_key(enum control_type type, uint8_t room[CONTROL_KEY_BYTES])
{
    store_be16(room, 0);
    store_be16(room + 2, (uint16_t)type);
    return slice(room, CONTROL_KEY_BYTES);
}

bool
end_txn_parse(struct slice value, int32_t *ret_coordinator_epoch)
{
    struct reader r = reader(value);
    int16_t version = reader_i16(&r);
    int32_t epoch = reader_i32(&r);
    if (r.err || version < 0) return false;
    *ret_coordinator_epoch = epoch;
    return true;
}

static struct slice
end_txn_value(int32_t coordinator_epoch, uint8_t room[END_TXN_BYTES])
{
    store_be16(room, 0);
    store_be32(room + 2, (uint32_t)coordinator_epoch);
    return slice(room, END_TXN_BYTES);
}

void
builder_add_control(struct batch_builder *b, enum control_type type, int64_t timestamp,
                    struct slice value)
{
    uint8_t key[CONTROL_KEY_BYTES];
    b->h.attributes |= BATCH_CONTROL;
    bool added = builder_add(b, timestamp, control_key(type, key), value, NULL, 0);
    CHECK(added);
}

bool
marker_parse(const struct batch_header *h, struct slice batch, struct marker *ret)
{
    struct records rs;
    struct record rec;
    int16_t type;
    if (!batch_is_control(h) || batch.n < batch_size_bytes(h) || batch_codec(h) != CODEC_NONE)
        return false;
    records_begin(&rs, h, batch_payload(batch, h));
    if (!records_next(&rs, &rec) || !control_key_parse(rec.key, &type)) return false;
    if (type != CONTROL_ABORT && type != CONTROL_COMMIT) return false;
    ret->commit = type == CONTROL_COMMIT;
    return end_txn_parse(rec.value, &ret->coordinator_epoch);
}

struct buf *
end_txn_batch(enum crc32c_impl impl, struct mem *mem, bool commit, int64_t timestamp,
              int64_t producer_id, int16_t producer_epoch, int32_t coordinator_epoch)
{
    struct batch_builder b;
    uint8_t value[END_TXN_BYTES];
    builder_init(&b, mem, 0);
    b.h.attributes = BATCH_TRANSACTIONAL;
    b.h.producer_id = producer_id;
    b.h.producer_epoch = producer_epoch;
    builder_add_control(&b, commit ? CONTROL_COMMIT : CONTROL_ABORT, timestamp,
                        end_txn_value(coordinator_epoch, value));
    struct buf *batch = builder_finish(&b, impl, mem);
    builder_release(&b);
    return batch;
}
