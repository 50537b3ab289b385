/* How the interpreter sees one field: what a row says of a version, and how its value lies in
 * memory. For codec_*.c only. */
#ifndef PROTOCOL_CODEC_FIELD_H
#define PROTOCOL_CODEC_FIELD_H

#include "broker/base/check.h"
#include "broker/protocol/schema.h"

#include "messages.h"

/* For what a struct's loop does at each step: a call there costs as much as the step. */
#define INLINE inline __attribute__((always_inline))

static inline bool
field_is_in(const struct k_field *f, int version)
{
    return version >= f->lo && version <= f->hi;
}

static inline bool
field_is_nullable(const struct k_field *f, int version)
{
    return version >= f->null_lo && version <= f->null_hi;
}

/* Bytes of one value (of an array: of one element) in memory. */
static inline int64_t
field_item_bytes(const struct k_field *f)
{
    static const uint8_t sizes[] = {
        [K_BOOL] = sizeof(bool),
        [K_INT8] = 1,
        [K_INT16] = 2,
        [K_UINT16] = 2,
        [K_INT32] = 4,
        [K_UINT32] = 4,
        [K_INT64] = 8,
        [K_FLOAT64] = 8,
        [K_UUID] = sizeof(struct uuid),
        [K_STRING] = sizeof(struct slice),
        [K_BYTES] = sizeof(struct slice),
        [K_RECORDS] = sizeof(struct k_records),
    };
    return f->type == K_STRUCT ? (int64_t)k_structs[f->item].size : sizes[f->type];
}

/* As field_item_bytes, of an array's step. */
static inline int64_t
step_item_bytes(const struct k_step *p)
{
    static const uint8_t sizes[] = {
        [K_STEP_BOOL] = sizeof(bool),
        [K_STEP_8] = 1,
        [K_STEP_16] = 2,
        [K_STEP_32] = 4,
        [K_STEP_64] = 8,
        [K_STEP_UUID] = sizeof(struct uuid),
        [K_STEP_STRING] = sizeof(struct slice),
        [K_STEP_BYTES] = sizeof(struct slice),
        [K_STEP_RECORDS] = sizeof(struct k_records),
    };
    return p->item_op == K_STEP_STRUCT ? (int64_t)k_structs[p->item].size : sizes[p->item_op];
}

static inline const struct k_step *
struct_program(const struct k_struct *s, int version)
{
    return &k_steps[k_programs[s->programs_at + version - s->lo]];
}

/* Of a step before K_STEP_STRING. */
static inline int64_t
step_fixed_bytes(enum k_step_op op)
{
    static const uint8_t bytes[] = {[K_STEP_BOOL] = 1, [K_STEP_8] = 1,  [K_STEP_16] = 2,
                                    [K_STEP_32] = 4,   [K_STEP_64] = 8, [K_STEP_UUID] = 16};
    return bytes[op];
}

struct field_array {
    void *items;
    int32_t n; /* -1: null */
};

_Static_assert(offsetof(struct field_array, n) == sizeof(void *),
               "as generated: pointer, then count");

static inline struct field_array
array_load(const uint8_t *at)
{
    struct field_array a;
    memcpy(&a.items, at, sizeof a.items);
    memcpy(&a.n, at + sizeof a.items, sizeof a.n);
    return a;
}

static inline void
array_store(uint8_t *at, void *items, int32_t n)
{
    memcpy(at, &items, sizeof items);
    memcpy(at + sizeof items, &n, sizeof n);
}

static inline struct slice
slice_load(const uint8_t *at)
{
    struct slice s;
    memcpy(&s, at, sizeof s);
    return s;
}

static inline struct k_records
records_load(const uint8_t *at)
{
    struct k_records r;
    memcpy(&r, at, sizeof r);
    return r;
}

static inline void *
pointer_load(const uint8_t *at)
{
    void *p;
    memcpy(&p, at, sizeof p);
    return p;
}

static inline struct k_tags
tags_load(const uint8_t *at)
{
    struct k_tags t;
    memcpy(&t, at, sizeof t);
    return t;
}

/* Integers of every width, booleans and the bits of floats, as 64 bits. */
static inline int64_t
field_load_int(enum k_type type, const uint8_t *at)
{
    union {
        int8_t i8;
        bool b;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
    } v;
    switch (type) {
    case K_BOOL: return memcpy(&v.b, at, sizeof v.b), v.b;
    case K_INT8: return memcpy(&v.i8, at, 1), v.i8;
    case K_INT16: return memcpy(&v.i16, at, 2), v.i16;
    case K_UINT16: return memcpy(&v.u16, at, 2), v.u16;
    case K_INT32: return memcpy(&v.i32, at, 4), v.i32;
    case K_UINT32: return memcpy(&v.u32, at, 4), v.u32;
    case K_INT64:
    case K_FLOAT64: return memcpy(&v.i64, at, 8), v.i64;
    case K_UUID:
    case K_STRING:
    case K_BYTES:
    case K_RECORDS:
    case K_STRUCT: break;
    }
    UNREACHABLE();
}

static inline void
field_store_int(enum k_type type, uint8_t *at, int64_t v)
{
    bool b = v != 0;
    int8_t i8 = (int8_t)v;
    int16_t i16 = (int16_t)v;
    int32_t i32 = (int32_t)v;
    switch (type) {
    case K_BOOL: memcpy(at, &b, sizeof b); return;
    case K_INT8: memcpy(at, &i8, 1); return;
    case K_INT16:
    case K_UINT16: memcpy(at, &i16, 2); return;
    case K_INT32:
    case K_UINT32: memcpy(at, &i32, 4); return;
    case K_INT64:
    case K_FLOAT64: memcpy(at, &v, 8); return;
    case K_UUID:
    case K_STRING:
    case K_BYTES:
    case K_RECORDS:
    case K_STRUCT: break;
    }
    UNREACHABLE();
}

/* Of all but an embedded struct; `value` is a number's default. */
static INLINE bool
value_is_default(enum k_type type, unsigned flags, int64_t value, const uint8_t *at)
{
    static const struct uuid zero;
    bool null = flags & K_DEFAULT_NULL;
    struct slice s;
    if (flags & K_ARRAY) return array_load(at).n == (null ? -1 : 0);
    if (flags & K_POINTER) return pointer_load(at) == NULL;
    if (type == K_UUID) return memcmp(at, &zero, sizeof zero) == 0;
    if (type < K_STRING) return field_load_int(type, at) == value;
    if (type == K_RECORDS && records_load(at).file) return false;
    s = type == K_RECORDS ? records_load(at).bytes : slice_load(at);
    return null ? s.p == NULL : s.n == 0;
}

void struct_set_defaults(const struct k_struct *s, uint8_t *to);
bool field_is_default(const struct k_field *f, const uint8_t *at);

static inline const struct k_struct *
message_root(enum k_msg msg)
{
    CHECK(msg >= 0 && msg < K_MSGS_N);
    return &k_structs[k_messages[msg].root];
}

static inline struct slice
k_name(uint32_t at)
{
    return slice_cstr(k_names + at);
}

#endif
