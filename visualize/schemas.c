/* What the bytes of messages mean, for a page: of each request and answer that was sent, in its version, the fields
 * with their names and types, from the protocol's tables. The page reads bytes with these alone.
 *
 *     "schemas": {"12.9": {"flexible": true, "fields": [["Topics", "struct", flags, "13.9", null], …],
 *                          "tagged": [["ClusterId", "string", flags, null, 0], …]}}
 *     "apis": {"1": {"name": "Fetch", "9": ["12.9", "14.9", request's header, answer's header]}}
 *
 *     flags: 1 array, 2 may be null, 4 compact, 8 a struct that may be null */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec_field.h"
#include "broker/protocol/frame.h"
#include "visualize/page.h"

enum { FIELD_IS_ARRAY = 1, FIELD_IS_NULLABLE = 2, FIELD_IS_COMPACT = 4, FIELD_IS_POINTER = 8 };

struct asked_for {
    uint16_t structure;
    int16_t version;
};
struct schemas {
    struct mem *mem;
    VEC(struct asked_for) v; /* those up to `done` are written */
    struct writer *w;
};

static void
schema_ask(struct schemas *s, uint16_t structure, int16_t version)
{
    for (int64_t i = 0; i < s->v.n; i++)
        if (s->v.v[i].structure == structure && s->v.v[i].version == version) return;
    VEC_PUSH(s->mem, &s->v, ((struct asked_for){structure, version}));
}

static void
schema_name(struct writer *w, uint16_t structure, int16_t version)
{
    fmt_char(w, '"');
    fmt_i64(w, structure);
    fmt_char(w, '.');
    fmt_i64(w, version);
    fmt_char(w, '"');
}

static void
schema_field(struct schemas *s, const struct k_struct *of, const struct k_field *f, int16_t version,
             bool is_tagged)
{
    static const char *const types[] = {"bool",   "int8",    "int16",   "uint16", "int32",
                                        "uint32", "int64",   "float64", "uuid",   "string",
                                        "bytes",  "records", "struct"};
    bool compact = version >= of->flexible && !(f->flags & K_CLASSIC);
    int flags = (f->flags & K_ARRAY ? FIELD_IS_ARRAY : 0) |
                (field_is_nullable(f, version) ? FIELD_IS_NULLABLE : 0) |
                (compact ? FIELD_IS_COMPACT : 0) | (f->flags & K_POINTER ? FIELD_IS_POINTER : 0);
    fmt_char(s->w, '[');
    fmt_json(s->w, k_name(f->name));
    fmt_str(s->w, ",\"");
    fmt_str(s->w, types[f->type]);
    fmt_str(s->w, "\",");
    fmt_i64(s->w, flags);
    fmt_char(s->w, ',');
    if (f->type == K_STRUCT) schema_name(s->w, f->item, version), schema_ask(s, f->item, version);
    else fmt_str(s->w, "null");
    fmt_char(s->w, ',');
    if (is_tagged) fmt_i64(s->w, f->tag);
    else fmt_str(s->w, "null");
    fmt_char(s->w, ']');
}

static void
schema_fields(struct schemas *s, const struct k_struct *of, int from, int n, int16_t version)
{
    bool is_first = true;
    fmt_char(s->w, '[');
    for (int i = from; i < from + n; i++) {
        const struct k_field *f = &k_fields[of->first + i];
        if (!field_is_in(f, version)) continue;
        if (!is_first) fmt_char(s->w, ',');
        is_first = false;
        schema_field(s, of, f, version, from > 0);
    }
    fmt_char(s->w, ']');
}

/* Writing one asks for those in it, which are written behind it. */
static void
schemas_write(struct schemas *s)
{
    fmt_str(s->w, "\"schemas\":{");
    for (int64_t i = 0; i < s->v.n; i++) {
        struct asked_for a = s->v.v[i];
        const struct k_struct *of = &k_structs[a.structure];
        if (i) fmt_char(s->w, ',');
        schema_name(s->w, a.structure, a.version);
        fmt_str(s->w, ":{\"flexible\":");
        fmt_str(s->w, a.version >= of->flexible ? "true" : "false");
        fmt_str(s->w, ",\"fields\":");
        schema_fields(s, of, 0, of->n, a.version);
        fmt_str(s->w, ",\"tagged\":");
        schema_fields(s, of, of->n, of->tagged, a.version);
        fmt_char(s->w, '}');
    }
    fmt_char(s->w, '}');
}

/* Of one version of an api. */
static void
api_version(struct schemas *s, int16_t key, const struct k_api *api, int16_t version)
{
    uint16_t request = k_messages[api->request].root, answer = k_messages[api->response].root;
    schema_ask(s, request, version);
    schema_ask(s, answer, version);
    fmt_str(s->w, ",\"");
    fmt_i64(s->w, version);
    fmt_str(s->w, "\":[");
    schema_name(s->w, request, version);
    fmt_char(s->w, ',');
    schema_name(s->w, answer, version);
    fmt_char(s->w, ',');
    fmt_i64(s->w, request_head_version(key, version));
    fmt_char(s->w, ',');
    fmt_i64(s->w, response_head_version(key, version));
    fmt_char(s->w, ']');
}

static void
api_versions(struct schemas *s, const struct events *e, int16_t key)
{
    const struct k_api *api = k_api_of(key);
    bool seen[128] = {0};
    for (int64_t i = 0; i < e->sent.n; i++)
        if (e->sent.v[i].api == key && e->sent.v[i].version >= 0 && e->sent.v[i].version < 128)
            seen[e->sent.v[i].version] = true;
    fmt_str(s->w, "{\"name\":");
    fmt_json(s->w, k_api_name(key));
    for (int16_t v = 0; v < 128; v++)
        if (seen[v] && k_api_has_version(api, v)) api_version(s, key, api, v);
    fmt_char(s->w, '}');
}

void
schemas_json(const struct events *e, struct mem *mem, struct writer *w)
{
    struct schemas s = {.mem = mem, .w = w};
    bool seen[APIS_MAX] = {0}, is_first = true;
    for (int64_t i = 0; i < e->sent.n; i++)
        if (e->sent.v[i].api >= 0 && e->sent.v[i].api < APIS_MAX) seen[e->sent.v[i].api] = true;
    fmt_str(w, "\"apis\":{");
    for (int16_t key = 0; key < APIS_MAX; key++) {
        if (!seen[key] || !k_api_of(key)) continue;
        if (!is_first) fmt_char(w, ',');
        is_first = false;
        fmt_char(w, '"');
        fmt_i64(w, key);
        fmt_str(w, "\":");
        api_versions(&s, e, key);
    }
    fmt_str(w, "},");
    schemas_write(&s);
    VEC_RELEASE(mem, &s.v);
}
