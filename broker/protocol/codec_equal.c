#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

static bool equal_struct(const struct k_struct *s, const uint8_t *a, const uint8_t *b);

static bool
equal_records(struct k_records a, struct k_records b)
{
    if (a.file || b.file) return a.file == b.file && a.offset == b.offset && a.n == b.n;
    return slice_eq(a.bytes, b.bytes);
}

static bool
equal_scalar(const struct k_field *f, const uint8_t *a, const uint8_t *b)
{
    if (f->type < K_UUID) return field_load_int(f->type, a) == field_load_int(f->type, b);
    if (f->type == K_UUID) return memcmp(a, b, sizeof(struct uuid)) == 0;
    if (f->type == K_RECORDS) return equal_records(records_load(a), records_load(b));
    return slice_eq(slice_load(a), slice_load(b));
}

static bool
equal_array(const struct k_field *f, const uint8_t *at_a, const uint8_t *at_b)
{
    struct field_array a = array_load(at_a), b = array_load(at_b);
    int64_t bytes = field_item_bytes(f);
    if (a.n != b.n) return false;
    for (int32_t i = 0; i < a.n; i++) {
        const uint8_t *x = (const uint8_t *)a.items + i * bytes,
                      *y = (const uint8_t *)b.items + i * bytes;
        if (f->type == K_STRUCT ? !equal_struct(&k_structs[f->item], x, y) : !equal_scalar(f, x, y))
            return false;
    }
    return true;
}

static bool
equal_field(const struct k_field *f, const uint8_t *a, const uint8_t *b)
{
    if (f->flags & K_ARRAY) return equal_array(f, a, b);
    if (f->type != K_STRUCT) return equal_scalar(f, a, b);
    if (!(f->flags & K_POINTER)) return equal_struct(&k_structs[f->item], a, b);
    const uint8_t *x = pointer_load(a), *y = pointer_load(b);
    return x && y ? equal_struct(&k_structs[f->item], x, y) : x == y;
}

static bool
equal_struct(const struct k_struct *s, const uint8_t *a, const uint8_t *b)
{
    const struct k_field *f = &k_fields[s->first];
    for (int i = 0; i < s->n + s->tagged; i++)
        if (!equal_field(&f[i], a + f[i].at, b + f[i].at)) return false;
    if (s->unknown_at == K_NO_TAGS) return true;
    struct k_tags x, y;
    memcpy(&x, a + s->unknown_at, sizeof x);
    memcpy(&y, b + s->unknown_at, sizeof y);
    return x.n == y.n && x.bytes.n == y.bytes.n && (x.n == 0 || slice_eq(x.bytes, y.bytes));
}

bool
codec_equal(enum k_msg msg, const void *a, const void *b)
{
    return equal_struct(message_root(msg), a, b);
}
