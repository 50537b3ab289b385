/* What every operation of the codec needs: versions, names, defaults. */
#include "broker/protocol/codec.h"

#include "broker/protocol/codec_field.h"

bool
codec_has_version(enum k_msg msg, int16_t version)
{
    return msg >= 0 && msg < K_MSGS_N && version >= k_messages[msg].lo &&
           version <= k_messages[msg].hi;
}

bool
codec_is_flexible(enum k_msg msg, int16_t version)
{
    CHECK(codec_has_version(msg, version));
    return version >= k_messages[msg].flexible;
}

int64_t
codec_struct_bytes(enum k_msg msg)
{
    return k_structs[k_messages[msg].root].size;
}

struct slice
codec_name(enum k_msg msg)
{
    CHECK(msg >= 0 && msg < K_MSGS_N);
    return k_name(k_messages[msg].name);
}

int64_t
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

void
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

/* ---- defaults ------------------------------------------------------------------------------- */

/* `at` is all zero. */
static void
set_default_in_zeroes(const struct k_field *f, uint8_t *at)
{
    if (!(f->flags & K_HAS_DEFAULT)) return;
    if (f->flags & K_ARRAY) {
        array_store(at, NULL, -1);
        return;
    }
    if (f->flags & K_DEFAULT_NULL) return;
    if (f->type == K_STRUCT) {
        struct_set_defaults(&k_structs[f->item], at);
    } else if (f->type == K_RECORDS) {
        struct k_records r = {.bytes = SLICE_EMPTY};
        memcpy(at, &r, sizeof r);
    } else if (f->type >= K_STRING) {
        memcpy(at, &SLICE_EMPTY, sizeof(struct slice));
    } else {
        field_store_int(f->type, at, k_defaults[f->value]);
    }
}

static int64_t
field_bytes(const struct k_field *f)
{
    if (f->flags & K_ARRAY) return (int64_t)sizeof(void *) + 4;
    return f->flags & K_POINTER ? (int64_t)sizeof(void *) : field_item_bytes(f);
}

void
field_set_default(const struct k_field *f, uint8_t *at)
{
    memset(at, 0, (size_t)field_bytes(f));
    set_default_in_zeroes(f, at);
}

void
struct_set_defaults(const struct k_struct *s, uint8_t *to)
{
    memset(to, 0, s->size);
    const struct k_field *f = &k_fields[s->first];
    for (int i = 0; i < s->n + s->tagged; i++) set_default_in_zeroes(&f[i], to + f[i].at);
}

bool
struct_is_default(const struct k_struct *s, const uint8_t *at)
{
    const struct k_field *f = &k_fields[s->first];
    for (int i = 0; i < s->n + s->tagged; i++)
        if (!field_is_default(&f[i], at + f[i].at)) return false;
    return true;
}

static bool
bytes_are_default(const struct k_field *f, struct slice s)
{
    return f->flags & K_DEFAULT_NULL ? s.p == NULL : s.n == 0;
}

bool
field_is_default(const struct k_field *f, const uint8_t *at)
{
    static const struct uuid zero;
    struct k_records r;
    if (f->flags & K_ARRAY) return array_load(at).n == (f->flags & K_DEFAULT_NULL ? -1 : 0);
    if (f->flags & K_POINTER) return pointer_load(at) == NULL;
    switch ((enum k_type)f->type) {
    case K_UUID: return memcmp(at, &zero, sizeof zero) == 0;
    case K_STRING:
    case K_BYTES: return bytes_are_default(f, slice_load(at));
    case K_RECORDS: r = records_load(at); return !r.file && bytes_are_default(f, r.bytes);
    case K_STRUCT: return struct_is_default(&k_structs[f->item], at);
    case K_BOOL:
    case K_INT8:
    case K_INT16:
    case K_UINT16:
    case K_INT32:
    case K_UINT32:
    case K_INT64:
    case K_FLOAT64: return field_load_int(f->type, at) == k_defaults[f->value];
    }
    UNREACHABLE();
}

void
codec_default(enum k_msg msg, void *ret)
{
    struct_set_defaults(message_root(msg), ret);
}

void
codec_default_struct(enum k_struct_id id, void *ret)
{
    CHECK(id >= 0 && id < K_STRUCTS_N);
    struct_set_defaults(&k_structs[id], ret);
}

void *
codec_array(struct arena *a, enum k_struct_id id, int64_t n)
{
    CHECK(id >= 0 && id < K_STRUCTS_N);
    const struct k_struct *s = &k_structs[id];
    uint8_t *items = arena_alloc(a, n * s->size);
    for (int64_t i = 0; items && i < n; i++) struct_set_defaults(s, items + i * s->size);
    return items;
}
