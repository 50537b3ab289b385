#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

struct measure {
    int version;
    bool flexible;
};

static int64_t size_struct(const struct measure *x, const struct k_struct *s, const uint8_t *at);

static int64_t
size_length(bool flexible, int classic_bytes, int64_t n)
{
    return flexible ? uvarint_bytes((uint32_t)(n + 1)) : classic_bytes;
}

/* null and empty differ only in the length's value, never in its size */
static int64_t
size_scalar(const struct k_field *f, const uint8_t *at, bool flexible)
{
    static const uint8_t fixed[] = {
        [K_BOOL] = 1,   [K_INT8] = 1,  [K_INT16] = 2,   [K_UINT16] = 2, [K_INT32] = 4,
        [K_UINT32] = 4, [K_INT64] = 8, [K_FLOAT64] = 8, [K_UUID] = 16};
    if (f->type < K_STRING) return fixed[f->type];
    int64_t n;
    if (f->type == K_RECORDS) {
        struct k_records r = records_load(at);
        n = r.file ? r.n : r.bytes.n;
    } else {
        struct slice s = slice_load(at);
        n = f->type == K_STRING ? utf8_mended_bytes(s) : s.n;
    }
    return size_length(flexible, f->type == K_STRING ? 2 : 4, n) + n;
}

static int64_t
size_array(const struct measure *x, const struct k_field *f, const uint8_t *at)
{
    struct field_array a = array_load(at);
    const uint8_t *item = a.items;
    int64_t n = size_length(x->flexible, 4, a.n), bytes = field_item_bytes(f);
    for (int32_t i = 0; i < a.n; i++, item += bytes)
        n += f->type == K_STRUCT ? size_struct(x, &k_structs[f->item], item)
                                 : size_scalar(f, item, x->flexible);
    return n;
}

static int64_t
size_field(const struct measure *x, const struct k_field *f, const uint8_t *at)
{
    if (f->flags & K_ARRAY) return size_array(x, f, at);
    if (f->type != K_STRUCT) return size_scalar(f, at, field_is_flexible(f, x->flexible));
    if (!(f->flags & K_POINTER)) return size_struct(x, &k_structs[f->item], at);
    const uint8_t *p = pointer_load(at);
    return (field_is_nullable(f, x->version) ? 1 : 0) +
           (p ? size_struct(x, &k_structs[f->item], p) : 0);
}

static int64_t
size_tags(const struct measure *x, const struct k_struct *s, const uint8_t *at)
{
    const struct k_field *f = &k_fields[s->first + s->n];
    struct k_tags unknown = {0};
    if (s->unknown_at != K_NO_TAGS) memcpy(&unknown, at + s->unknown_at, sizeof unknown);
    int64_t n = unknown.bytes.n, count = unknown.n;
    for (int i = 0; i < s->tagged; i++) {
        if (!field_is_in(&f[i], x->version) || field_is_default(&f[i], at + f[i].at)) continue;
        int64_t size = size_field(x, &f[i], at + f[i].at);
        n += uvarint_bytes((uint32_t)f[i].tag) + uvarint_bytes((uint32_t)size) + size;
        count++;
    }
    return uvarint_bytes((uint32_t)count) + n;
}

static int64_t
size_struct(const struct measure *x, const struct k_struct *s, const uint8_t *at)
{
    const struct k_field *f = &k_fields[s->first];
    int64_t n = 0;
    for (int i = 0; i < s->n; i++)
        if (field_is_in(&f[i], x->version)) n += size_field(x, &f[i], at + f[i].at);
    return n + (x->flexible ? size_tags(x, s, at) : 0);
}

int64_t
codec_size(enum k_msg msg, int16_t version, const void *m)
{
    struct measure x = {version, codec_is_flexible(msg, version)};
    return size_struct(&x, message_root(msg), m);
}
