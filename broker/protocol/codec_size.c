#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

static int64_t size_struct(int version, const struct k_struct *s, const uint8_t *at);

static inline int64_t
size_length(unsigned flags, int classic_bytes, int64_t n)
{
    return flags & K_STEP_COMPACT ? uvarint_bytes((uint32_t)(n + 1)) : classic_bytes;
}

/* null and empty differ only in the length's value, never in its size */
static inline int64_t
size_scalar(enum k_step_op op, unsigned flags, const uint8_t *at)
{
    if (op < K_STEP_STRING) return step_fixed_bytes(op);
    int64_t n;
    if (op == K_STEP_RECORDS) {
        struct k_records r = records_load(at);
        n = r.file ? r.n : r.bytes.n;
    } else {
        struct slice s = slice_load(at);
        n = op == K_STEP_STRING ? utf8_mended_bytes(s) : s.n;
    }
    return size_length(flags, op == K_STEP_STRING ? 2 : 4, n) + n;
}

static int64_t
size_array(int version, const struct k_step *p, const uint8_t *at)
{
    struct field_array a = array_load(at);
    const uint8_t *item = a.items;
    int64_t n = size_length(p->flags, 4, a.n), bytes = step_item_bytes(p);
    unsigned item_flags = p->flags & K_STEP_COMPACT;
    for (int32_t i = 0; i < a.n; i++, item += bytes)
        n += p->item_op == K_STEP_STRUCT
               ? size_struct(version, &k_structs[p->item], item)
               : size_scalar((enum k_step_op)p->item_op, item_flags, item);
    return n;
}

static int64_t
size_pointer(int version, const struct k_step *p, const uint8_t *at)
{
    const uint8_t *item = pointer_load(at);
    return (p->flags & K_STEP_NULLABLE ? 1 : 0) +
           (item ? size_struct(version, &k_structs[p->item], item) : 0);
}

static inline int64_t
size_step(int version, const struct k_step *p, const uint8_t *at)
{
    switch ((enum k_step_op)p->op) {
    case K_STEP_STRUCT: return size_struct(version, &k_structs[p->item], at + p->at);
    case K_STEP_POINTER: return size_pointer(version, p, at + p->at);
    case K_STEP_ARRAY: return size_array(version, p, at + p->at);
    case K_STEP_ABSENT: return 0;
    default: return size_scalar((enum k_step_op)p->op, p->flags, at + p->at);
    }
}

static int64_t
size_tags(int version, const struct k_struct *s, const struct k_step *tags, const uint8_t *at)
{
    const struct k_field *fields = &k_fields[s->first];
    struct k_tags unknown = {0};
    if (s->unknown_at != K_NO_TAGS) memcpy(&unknown, at + s->unknown_at, sizeof unknown);
    int64_t n = unknown.bytes.n, count = unknown.n;
    for (int i = 1; i <= tags->item; i++) {
        const struct k_field *f = &fields[tags[i].field];
        if (field_is_default(f, at + f->at)) continue;
        int64_t size = size_step(version, &tags[i], at);
        n += uvarint_bytes((uint32_t)f->tag) + uvarint_bytes((uint32_t)size) + size;
        count++;
    }
    return uvarint_bytes((uint32_t)count) + n;
}

static int64_t
size_struct(int version, const struct k_struct *s, const uint8_t *at)
{
    const struct k_step *p = struct_program(s, version);
    int64_t n = 0;
    for (; p->op > K_STEP_TAGS; p++)
        if (p->op == K_STEP_ROW) n += p->item, p += p->field;
        else n += size_step(version, p, at);
    return n + (p->op == K_STEP_TAGS ? size_tags(version, s, p, at) : 0);
}

int64_t
codec_size(enum k_msg msg, int16_t version, const void *m)
{
    CHECK(codec_has_version(msg, version));
    return size_struct(version, message_root(msg), m);
}
