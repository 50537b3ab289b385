/* Reads the descriptions of messages and checks what the interpreter relies on: structs do not
 * contain themselves (so the depth of any message is bounded by its schema), a tagged field is
 * tagged in all its versions and never records, and a nullable struct is null by default. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "broker/protocol/gen/gen.h"

struct message *messages[512];
int messages_n;

static const char *const type_names[] = {
    [K_BOOL] = "bool",   [K_INT8] = "int8",     [K_INT16] = "int16", [K_UINT16] = "uint16",
    [K_INT32] = "int32", [K_UINT32] = "uint32", [K_INT64] = "int64", [K_FLOAT64] = "float64",
    [K_UUID] = "uuid",   [K_STRING] = "string", [K_BYTES] = "bytes", [K_RECORDS] = "records",
};

bool
range_has(struct range r, int version)
{
    return r.lo <= version && version <= r.hi;
}

static struct range
parse_version_range(struct doc *d, yaml_node_t *n)
{
    struct range none = {1, 0}, r;
    if (!n) return none;
    const char *s = node_text(d, n);
    if (strcmp(s, "none") == 0) return none;
    char *end;
    r.lo = (int)strtol(s, &end, 10);
    r.hi = r.lo;
    if (end == s) doc_fail(d, n, "\"%s\" is not a range of versions", s);
    if (*end == '+') r.hi = 127, end++;
    else if (*end == '-') r.hi = (int)strtol(end + 1, &end, 10);
    if (*end || r.lo < 0 || r.hi < r.lo || r.hi > 127)
        doc_fail(d, n, "\"%s\" is not a range of versions: want \"3\", \"3-5\", \"3+\" or \"none\"",
                 s);
    return r;
}

static struct strct *
find_struct(struct message *m, const char *name)
{
    for (int i = 0; i < m->structs_n; i++)
        if (strcmp(m->structs[i]->name, name) == 0) return m->structs[i];
    if (m->structs_n == 64) doc_fail(m->doc, NULL, "more than 64 structs in %s", m->name);
    struct strct *s = xalloc(sizeof *s);
    s->name = name;
    s->c_name = m->structs_n ? xformat("%s_%s", m->c_name, snake(name)) : m->c_name;
    s->message = m;
    return m->structs[m->structs_n++] = s;
}

static void
parse_field_type(struct message *m, struct field *f, yaml_node_t *n)
{
    const char *s = node_text(m->doc, n);
    f->is_array = strncmp(s, "[]", 2) == 0;
    if (f->is_array) s += 2;
    for (int t = K_BOOL; t < K_STRUCT; t++)
        if (strcmp(s, type_names[t]) == 0) {
            f->type = (enum k_type)t;
            return;
        }
    if (*s < 'A' || *s > 'Z') doc_fail(m->doc, n, "unknown type \"%s\"", s);
    f->type = K_STRUCT;
    f->item = find_struct(m, s);
}

static void
parse_default(struct doc *d, struct field *f, yaml_node_t *n)
{
    bool nullable = f->nullable.lo <= f->nullable.hi;
    if (n && node_is_null(n)) {
        if (!nullable) doc_fail(d, n, "%s is null by default, but not nullable", f->name);
        f->default_null = true;
        f->has_default = f->is_array;
        return;
    }
    if (f->type == K_STRUCT && !f->is_array && nullable)
        doc_fail(d, n, "%s: a nullable struct must be null by default", f->name);
    f->has_default = !f->is_array && (f->type == K_STRUCT || f->type == K_STRING ||
                                      f->type == K_BYTES || f->type == K_RECORDS);
    if (!n) return;
    if (f->is_array || f->type >= K_STRING) {
        if (f->is_array || f->type != K_STRING || *node_text(d, n))
            doc_fail(d, n, "%s: a default of this type can only be null or \"\"", f->name);
        return;
    }
    if (f->type == K_UUID || f->type == K_FLOAT64)
        doc_fail(d, n, "%s: no default for this type", f->name);
    f->value = f->type == K_BOOL ? node_bool(d, n) : node_int(d, n);
    f->has_default = f->value != 0;
}

static const char *
c_field_name(const char *name)
{
    static const char *const taken[] = {"default", "register", "static", "int", "char",
                                        "short",   "long",     "float",  NULL};
    const char *s = snake(name);
    for (const char *const *t = taken; *t; t++)
        if (strcmp(s, *t) == 0) return xformat("%s_", s);
    return s;
}

static void parse_fields(struct message *m, struct strct *s, yaml_node_t *list);

static void
parse_field(struct message *m, struct field *f, yaml_node_t *n)
{
    static const char *const keys[] = {"name",     "type",     "versions",  "nullable",   "tag",
                                       "tagged",   "default",  "ignorable", "entityType", "mapKey",
                                       "flexible", "zeroCopy", "fields",    NULL};
    struct doc *d = m->doc;
    map_only(d, n, keys);
    f->name = node_text(d, map_need(d, n, "name"));
    f->c_name = c_field_name(f->name);
    f->versions = parse_version_range(d, map_need(d, n, "versions"));
    f->nullable = parse_version_range(d, map_get(d, n, "nullable"));
    f->is_ignorable = map_bool(d, n, "ignorable");
    f->is_map_key = map_bool(d, n, "mapKey");
    f->is_classic = strcmp(map_text(d, n, "flexible", ""), "none") == 0;
    parse_field_type(m, f, map_need(d, n, "type"));
    yaml_node_t *tag = map_get(d, n, "tag"), *fields = map_get(d, n, "fields");
    f->tag = tag ? (int)node_int(d, tag) : -1;
    if (tag) {
        struct range r = parse_version_range(d, map_need(d, n, "tagged"));
        if (r.lo != f->versions.lo || r.hi != f->versions.hi || f->tag < 0 || f->tag > 127)
            doc_fail(d, tag, "%s must be tagged in all its versions, with a tag of 0 to 127",
                     f->name);
        if (f->type == K_RECORDS) doc_fail(d, tag, "%s: records cannot be tagged", f->name);
    }
    parse_default(d, f, map_get(d, n, "default"));
    if (!fields) return;
    if (f->type != K_STRUCT) doc_fail(d, fields, "%s has fields but is no struct", f->name);
    parse_fields(m, f->item, fields);
}

/* Fields in order, then those with a tag by tag; `order` keeps the order as written. */
static void
sort_fields(struct doc *d, struct strct *s, struct field *as_written, int n, yaml_node_t *list)
{
    int at = 0;
    s->fields = xalloc((size_t)n * sizeof *s->fields);
    s->order = xalloc((size_t)n * sizeof *s->order);
    for (int i = 0; i < n; i++)
        if (as_written[i].tag < 0) s->order[i] = at, s->fields[at++] = as_written[i];
    s->n = at;
    for (int tag = 0; tag < 128; tag++)
        for (int i = 0, seen = 0; i < n; i++) {
            if (as_written[i].tag != tag) continue;
            if (seen++) doc_fail(d, list, "two fields with tag %d", tag);
            s->order[i] = at, s->fields[at++] = as_written[i];
        }
    s->tagged = at - s->n;
    if (s->tagged > 63) doc_fail(d, list, "more than 63 tagged fields");
}

static void
parse_fields(struct message *m, struct strct *s, yaml_node_t *list)
{
    if (s->is_defined) doc_fail(m->doc, list, "struct %s is defined twice", s->name);
    s->is_defined = true;
    int n = seq_count(m->doc, list);
    struct field *fields = xalloc((size_t)n * sizeof *fields);
    for (int i = 0; i < n; i++) {
        parse_field(m, &fields[i], seq_at(m->doc, list, i));
        for (int k = 0; k < i; k++)
            if (strcmp(fields[k].c_name, fields[i].c_name) == 0)
                doc_fail(m->doc, seq_at(m->doc, list, i), "two fields \"%s\"", fields[i].name);
    }
    sort_fields(m->doc, s, fields, n, list);
}

static void
check_depth(struct message *m, struct strct *s)
{
    if (!s->is_defined) doc_fail(m->doc, NULL, "%s: struct %s is not defined", m->name, s->name);
    if (s->state == 1) doc_fail(m->doc, NULL, "%s: struct %s contains itself", m->name, s->name);
    if (s->state == 2) return;
    s->state = 1;
    for (int i = 0; i < s->n + s->tagged; i++)
        if (s->fields[i].item) check_depth(m, s->fields[i].item);
    s->state = 2;
}

static void
parse_message(struct doc *d, yaml_node_t *n, const char *name, const char *folder, enum k_kind kind,
              int api_key)
{
    struct message *m = xalloc(sizeof *m);
    *m = (struct message){
        .name = name, .c_name = snake(name), .folder = folder, .kind = kind, .doc = d};
    m->api_key = api_key;
    m->versions = parse_version_range(d, map_need(d, n, "validVersions"));
    m->flexible = parse_version_range(d, map_get(d, n, "flexibleVersions")).lo;
    if (strcmp(map_text(d, n, "flexibleVersions", "none"), "none") == 0) m->flexible = 127;
    m->unstable = map_bool(d, n, "latestVersionUnstable");
    if (m->versions.hi == 127) doc_fail(d, n, "%s: its versions must end", name);
    m->root = find_struct(m, name);
    parse_fields(m, m->root, map_need(d, n, "fields"));
    yaml_node_t *structs = map_get(d, n, "structs");
    for (int i = 0; structs && i < seq_count(d, structs); i++) {
        yaml_node_t *s = seq_at(d, structs, i);
        parse_fields(m, find_struct(m, node_text(d, map_need(d, s, "name"))),
                     map_need(d, s, "fields"));
    }
    check_depth(m, m->root);
    if (messages_n == 512) doc_fail(d, n, "more than 512 messages");
    messages[messages_n++] = m;
}

static enum k_kind
parse_message_kind(struct doc *d, yaml_node_t *n)
{
    static const char *const kinds[] = {"request",  "response",        "header",           "data",
                                        "metadata", "coordinator-key", "coordinator-value"};
    for (int i = 0; i < 7; i++)
        if (strcmp(node_text(d, n), kinds[i]) == 0) return (enum k_kind)i;
    doc_fail(d, n, "unknown kind \"%s\"", node_text(d, n));
}

static void
load_file(const char *dir, const char *folder, const char *file)
{
    struct doc *d = doc_load(xformat("%s/%s", dir, folder), file);
    yaml_node_t *root = doc_root(d), *kind = map_need(d, root, "kind"),
                *key = map_get(d, root, "apiKey");
    const char *name = node_text(d, map_need(d, root, "name"));
    int api_key = key ? (int)node_int(d, key) : -1;
    if (strcmp(node_text(d, kind), "rpc") != 0) {
        parse_message(d, root, name, folder, parse_message_kind(d, kind), api_key);
        return;
    }
    if (map_bool(d, root, "removed")) return;
    parse_message(d, map_need(d, root, "request"), xformat("%sRequest", name), folder,
                  K_KIND_REQUEST, api_key);
    parse_message(d, map_need(d, root, "response"), xformat("%sResponse", name), folder,
                  K_KIND_RESPONSE, api_key);
}

void
model_load(const char *dir)
{
    static const char *const folders[] = {"rpc",
                                          "header",
                                          "data",
                                          "metadata",
                                          "raft",
                                          "storage",
                                          "group-coordinator",
                                          "transaction-coordinator",
                                          "share-coordinator",
                                          NULL};
    for (const char *const *f = folders; *f; f++) {
        struct dirent **entries;
        int n = scandir(xformat("%s/%s", dir, *f), &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
            const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
            if (dot && strcmp(dot, ".yaml") == 0) load_file(dir, *f, name);
        }
        if (n < 0) {
            fprintf(stderr, "%s/%s: cannot be listed\n", dir, *f);
            exit(3);
        }
    }
}

static int struct_min_bytes(const struct strct *s, int version);

static int
item_min_bytes(const struct field *f, int version, bool flexible)
{
    static const int fixed[] = {
        [K_BOOL] = 1,   [K_INT8] = 1,  [K_INT16] = 2,   [K_UINT16] = 2, [K_INT32] = 4,
        [K_UINT32] = 4, [K_INT64] = 8, [K_FLOAT64] = 8, [K_UUID] = 16};
    if (f->is_array) return flexible ? 1 : 4;
    if (f->type < K_STRING) return fixed[f->type];
    if (f->type == K_STRING) return flexible ? 1 : 2;
    if (f->type < K_STRUCT) return flexible ? 1 : 4;
    return range_has(f->nullable, version) ? 1 : struct_min_bytes(f->item, version);
}

static int
struct_min_bytes(const struct strct *s, int version)
{
    bool flexible = version >= s->message->flexible;
    int n = flexible ? 1 : 0;
    for (int i = 0; i < s->n; i++)
        if (range_has(s->fields[i].versions, version))
            n += item_min_bytes(&s->fields[i], version, flexible && !s->fields[i].is_classic);
    return n;
}

int
element_min_bytes(const struct field *f, int version, bool flexible)
{
    struct field element = *f;
    element.is_array = false;
    element.nullable = (struct range){1, 0};
    return item_min_bytes(&element, version, flexible);
}
