#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"
#include "broker/protocol/double.h"

static void json_struct(struct writer *w, int version, const struct k_struct *s, const uint8_t *at);

static void
json_name(struct writer *w, uint32_t name)
{
    struct slice s = k_name(name);
    fmt_char(w, '"');
    fmt_char(w, (char)(s.p[0] >= 'A' && s.p[0] <= 'Z' ? s.p[0] + 32 : s.p[0]));
    fmt_slice(w, slice_sub(s, 1, s.n));
    fmt_str(w, "\":");
}

static void
json_uuid(struct writer *w, const uint8_t *at)
{
    struct uuid u;
    memcpy(&u, at, sizeof u);
    fmt_char(w, '"');
    fmt_uuid(w, u);
    fmt_char(w, '"');
}

static void
json_base64(struct writer *w, struct slice s)
{
    if (!s.p) {
        fmt_str(w, "null");
        return;
    }
    fmt_char(w, '"');
    fmt_base64(w, s);
    fmt_char(w, '"');
}

/* A range of a file has no bytes here. */
static void
json_records(struct writer *w, struct k_records r)
{
    if (!r.file) {
        json_base64(w, r.bytes);
        return;
    }
    fmt_str(w, "{\"sizeInBytes\":");
    fmt_i64(w, r.n);
    fmt_char(w, '}');
}

static void
json_scalar(struct writer *w, const struct k_field *f, const uint8_t *at)
{
    switch ((enum k_type)f->type) {
    case K_BOOL: fmt_str(w, field_load_int(K_BOOL, at) ? "true" : "false"); return;
    case K_INT8:
    case K_INT16:
    case K_UINT16:
    case K_INT32:
    case K_UINT32:
    case K_INT64: fmt_i64(w, field_load_int(f->type, at)); return;
    case K_FLOAT64: fmt_double(w, (uint64_t)field_load_int(K_FLOAT64, at)); return;
    case K_UUID: json_uuid(w, at); return;
    case K_STRING:
        if (slice_load(at).p) fmt_json(w, slice_load(at));
        else fmt_str(w, "null");
        return;
    case K_BYTES: json_base64(w, slice_load(at)); return;
    case K_RECORDS: json_records(w, records_load(at)); return;
    case K_STRUCT: break;
    }
    UNREACHABLE();
}

static void
json_array(struct writer *w, int version, const struct k_field *f, const uint8_t *at)
{
    struct field_array a = array_load(at);
    const uint8_t *item = a.items;
    int64_t bytes = field_item_bytes(f);
    if (a.n < 0) {
        fmt_str(w, "null");
        return;
    }
    fmt_char(w, '[');
    for (int32_t i = 0; i < a.n; i++, item += bytes) {
        if (i) fmt_char(w, ',');
        if (f->type == K_STRUCT) json_struct(w, version, &k_structs[f->item], item);
        else json_scalar(w, f, item);
    }
    fmt_char(w, ']');
}

static void
json_field(struct writer *w, int version, const struct k_field *f, const uint8_t *at)
{
    json_name(w, f->name);
    const uint8_t *p = f->flags & K_POINTER ? pointer_load(at) : at;
    if (f->flags & K_ARRAY) json_array(w, version, f, at);
    else if (f->type != K_STRUCT) json_scalar(w, f, at);
    else if (p) json_struct(w, version, &k_structs[f->item], p);
    else fmt_str(w, "null");
}

static void
json_struct(struct writer *w, int version, const struct k_struct *s, const uint8_t *at)
{
    const struct k_field *f = &k_fields[s->first];
    bool first = true;
    fmt_char(w, '{');
    for (int i = 0; i < s->n + s->tagged; i++) {
        if (!field_is_in(&f[i], version)) continue;
        if (i >= s->n && field_is_default(&f[i], at + f[i].at)) continue;
        if (!first) fmt_char(w, ',');
        first = false;
        json_field(w, version, &f[i], at + f[i].at);
    }
    fmt_char(w, '}');
}

void
codec_json(enum k_msg msg, int16_t version, const void *m, struct writer *w)
{
    json_struct(w, version, message_root(msg), m);
}
