/* Writes errors.h, apis.h, configs.h, features.h and tables.c. */
#include <stdlib.h>
#include <string.h>

#include "broker/protocol/gen/gen.h"

static char *texts;
static size_t texts_n;

static unsigned
text_at(const char *s)
{
    size_t n = strlen(s) + 1;
    for (size_t i = 0; i < texts_n; i += strlen(texts + i) + 1)
        if (strcmp(texts + i, s) == 0) return (unsigned)i;
    texts = realloc(texts, texts_n + n);
    memcpy(texts + texts_n, s, n);
    texts_n += n;
    return (unsigned)(texts_n - n);
}

static FILE *
header_open(const char *out, const char *name, const char *story)
{
    FILE *h = out_open(out, xformat("%s.h", name), story);
    char *guard = upper(name);
    fprintf(h, "#ifndef GEN_%s_H\n#define GEN_%s_H\n\n#include \"broker/protocol/tables.h\"\n\n",
            guard, guard);
    return h;
}

static void
header_close(FILE *h)
{
    fputs("\n#endif\n", h);
    out_close(h);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void
emit_errors(const char *dir, const char *out, FILE *c)
{
    struct doc *d = doc_load(dir, "errors.yaml");
    FILE *h = header_open(out, "errors", "Error codes.");
    int n = seq_count(d, doc_root(d));
    fputs("enum k_err {\n", h);
    fputs("const struct k_error k_errors[] = {\n", c);
    for (int i = 0; i < n; i++) {
        yaml_node_t *e = seq_at(d, doc_root(d), i);
        const char *name = node_text(d, map_need(d, e, "name"));
        int code = (int)node_int(d, map_need(d, e, "code"));
        if (code != i - 1) doc_fail(d, e, "codes must be contiguous from -1");
        fprintf(h, "    K_ERR_%s = %d,\n", name, code);
        fprintf(c, "    {%u, %d, %d, %d},\n", text_at(name), code, map_bool(d, e, "retriable"),
                map_bool(d, e, "invalid_metadata"));
    }
    fprintf(h, "};\n#define K_ERRS_N %d\n\nextern const struct k_error k_errors[K_ERRS_N];\n", n);
    fputs("};\n\n", c);
    header_close(h);
}

/* ---- apis ----------------------------------------------------------------------------------- */

static int
message_at(const char *name)
{
    for (int i = 0; i < messages_n; i++)
        if (strcmp(messages[i]->name, name) == 0) return i;
    return -1;
}

static int
listeners_of(struct doc *d, yaml_node_t *api)
{
    yaml_node_t *list = map_need(d, api, "listeners");
    int bits = 0;
    for (int i = 0; i < seq_count(d, list); i++) {
        const char *s = node_text(d, seq_at(d, list, i));
        if (strcmp(s, "broker") == 0) bits |= 1;
        else if (strcmp(s, "controller") == 0) bits |= 2;
        else doc_fail(d, list, "unknown listener \"%s\"", s);
    }
    return bits;
}

static void
emit_api(struct doc *d, yaml_node_t *e, FILE *c)
{
    const char *name = node_text(d, map_need(d, e, "name"));
    if (map_bool(d, e, "removed")) {
        fprintf(c, "    {%u, -1, -1, 0, -1, -1, 127, 0, false, false},\n", text_at(name));
        return;
    }
    int request = message_at(xformat("%sRequest", name)),
        response = message_at(xformat("%sResponse", name));
    if (request < 0 || response < 0) doc_fail(d, e, "%s has no description under rpc/", name);
    const struct message *m = messages[request];
    int min = (int)node_int(d, map_need(d, e, "min")),
        max = (int)node_int(d, map_need(d, e, "max"));
    int flexible = (int)node_int(d, map_need(d, e, "first_flexible"));
    if (flexible < 0) flexible = 127;
    int since = m->flexible < min ? min : m->flexible;
    if (min != m->versions.lo || max != m->versions.hi || flexible != since)
        doc_fail(d, e, "%s: versions differ from rpc/%s.yaml", name, name);
    fprintf(c, "    {%u, %d, %d, %d, %d, %d, %d, %d, %d, %d},\n", text_at(name), request, response,
            min, max, (int)node_int(d, map_need(d, e, "max_stable")), flexible, listeners_of(d, e),
            map_bool(d, e, "forwardable"), map_bool(d, e, "cluster_action"));
}

static void
emit_apis(const char *dir, const char *out, FILE *c)
{
    struct doc *d = doc_load(dir, "apis.yaml");
    FILE *h = header_open(out, "apis", "Kinds of requests.");
    int n = seq_count(d, doc_root(d));
    fputs("enum k_api_key {\n", h);
    fputs("const struct k_api k_apis[] = {\n", c);
    for (int i = 0; i < n; i++) {
        yaml_node_t *e = seq_at(d, doc_root(d), i);
        if (node_int(d, map_need(d, e, "key")) != i)
            doc_fail(d, e, "keys must be contiguous from 0");
        fprintf(h, "    K_API_%s = %d,\n", node_text(d, map_need(d, e, "enum")), i);
        emit_api(d, e, c);
    }
    fprintf(h, "};\n#define K_APIS_N %d\n\nextern const struct k_api k_apis[K_APIS_N];\n", n);
    fputs("};\n\n", c);
    header_close(h);
}

/* ---- configurations ------------------------------------------------------------------------- */

struct config {
    const char *name;
    enum k_config_type type;
    int flags;
    long long min, max;
    const char *value, *allowed;
};

static char *
join(struct doc *d, yaml_node_t *list)
{
    char *s = xformat("%s", "");
    for (int i = 0; i < seq_count(d, list); i++)
        s = xformat("%s%s%s", s, i ? "," : "", node_text(d, seq_at(d, list, i)));
    return s;
}

/* Integers, or millionths for doubles. */
static long long
bound(enum k_config_type type, const char *s)
{
    return type == K_CT_DOUBLE ? (long long)(strtod(s, NULL) * 1e6) : strtoll(s, NULL, 10);
}

static void
parse_config_type(struct doc *d, struct config *c, yaml_node_t *n)
{
    static const char *const types[] = {"boolean", "short", "int",   "long",    "double",
                                        "string",  "list",  "class", "password"};
    static const long long mins[] = {[K_CT_SHORT] = INT16_MIN, [K_CT_INT] = INT32_MIN};
    static const long long maxs[] = {[K_CT_SHORT] = INT16_MAX, [K_CT_INT] = INT32_MAX};
    for (int t = 0; t < 9; t++)
        if (strcmp(node_text(d, n), types[t]) == 0) {
            c->type = (enum k_config_type)t;
            c->min = t == K_CT_SHORT || t == K_CT_INT ? mins[t] : INT64_MIN;
            c->max = t == K_CT_SHORT || t == K_CT_INT ? maxs[t] : INT64_MAX;
            return;
        }
    doc_fail(d, n, "unknown type \"%s\"", node_text(d, n));
}

/* "[1,...]", "[1,...,9] or -1", "[a, b]", "non-empty [a, b]", "(case insensitive) [a, b]",
 * "[a, by_duration:…]", "non-empty list", "[partition]:[broker],…". */
static void
parse_valid(struct config *c, const char *valid)
{
    const char *dots = strstr(valid, ",..."), *open = strchr(valid, '[');
    if (strncmp(valid, "non-empty", 9) == 0) c->flags |= K_CF_NON_EMPTY;
    if (strstr(valid, "]:[")) c->flags |= K_CF_REPLICAS;
    if (!open || c->flags & K_CF_REPLICAS) return;
    if (strstr(valid, ", by_duration:")) c->flags |= K_CF_OR_DURATION;
    if (strstr(valid, "case insensitive")) c->flags |= K_CF_ANY_CASE;
    if (strstr(valid, "or -1")) c->flags |= K_CF_OR_MINUS_1;
    if (dots) {
        c->min = bound(c->type, open + 1);
        if (dots[4] == ',') c->max = bound(c->type, dots + 5);
        return;
    }
    char *s = xformat("%s", open + 1), *to = s;
    for (const char *p = s; *p && *p != ']' && strncmp(p, ", by_duration:", 14) != 0; p++)
        if (*p != ' ') *to++ = *p;
    *to = 0;
    c->allowed = s;
}

static struct config
parse_config(struct doc *d, yaml_node_t *e)
{
    static const char *const keys[] = {"name",   "type",     "default",  "valid", "importance",
                                       "update", "internal", "required", NULL};
    map_only(d, e, keys);
    struct config c = {.name = node_text(d, map_need(d, e, "name"))};
    parse_config_type(d, &c, map_need(d, e, "type"));
    parse_valid(&c, map_text(d, e, "valid", ""));
    yaml_node_t *value = map_get(d, e, "default");
    if (value && value->type == YAML_SEQUENCE_NODE) c.value = join(d, value);
    else c.value = map_text(d, e, "default", NULL);
    const char *update = map_text(d, e, "update", "");
    c.flags |= (map_bool(d, e, "required") ? K_CF_REQUIRED : 0) |
               (map_bool(d, e, "internal") ? K_CF_INTERNAL : 0) |
               (strcmp(update, "per-broker") == 0 ? K_CF_PER_BROKER : 0) |
               (strcmp(update, "cluster-wide") == 0 ? K_CF_CLUSTER_WIDE : 0);
    return c;
}

static int
config_at_name(struct doc *d, yaml_node_t *list, const char *name)
{
    for (int i = 0; i < seq_count(d, list); i++)
        if (strcmp(node_text(d, map_need(d, seq_at(d, list, i), "name")), name) == 0) return i;
    doc_fail(d, list, "no configuration \"%s\"", name);
}

static void
print_i64(FILE *c, long long v)
{
    if (v == INT64_MIN) fputs("INT64_MIN, ", c);
    else fprintf(c, "INT64_C(%lld), ", v);
}

static void
print_config(FILE *c, const struct config *f, const struct config_state *state, struct doc *d,
             yaml_node_t *brokers, yaml_node_t *synonyms)
{
    int s[3] = {-1, -1, -1};
    for (int i = 0; synonyms && i < seq_count(d, synonyms) && i < 3; i++)
        s[i] = config_at_name(d, brokers, node_text(d, seq_at(d, synonyms, i)));
    fprintf(c, "    {%u, ", text_at(f->name));
    if (f->value) fprintf(c, "%u, ", text_at(f->value));
    else fputs("K_NO_TEXT, ", c);
    if (f->allowed) fprintf(c, "%u, ", text_at(f->allowed));
    else fputs("K_NO_TEXT, ", c);
    fprintf(c, "%d, %d, ", f->type, f->flags);
    print_i64(c, f->min);
    print_i64(c, f->max);
    fprintf(c, "{%d, %d, %d}, %d, ", s[0], s[1], s[2], state->state);
    if (state->state == K_CS_HEEDED) fputs("K_NO_TEXT},\n", c);
    else fprintf(c, "%u},\n", text_at(state->why));
}

static void
emit_section(struct doc *d, struct states *states, const char *section, const char *prefix, FILE *h,
             FILE *c, FILE *page)
{
    yaml_node_t *list = map_need(d, doc_root(d), section),
                *brokers = map_need(d, doc_root(d), "broker");
    yaml_node_t *synonyms = map_get(d, doc_root(d), xformat("%s_config_broker_synonyms", section));
    int n = seq_count(d, list);
    const char *last = "";
    states_check_names(states, d, section);
    fprintf(h, "enum {\n");
    fprintf(c, "const struct k_config k_%s_configs[] = {\n", section);
    for (int i = 0; i < n; i++) {
        struct config f = parse_config(d, seq_at(d, list, i));
        if (strcmp(last, f.name) >= 0)
            doc_fail(d, seq_at(d, list, i), "\"%s\" is out of order", f.name);
        last = f.name;
        struct config_state state = states_of(states, section, f.name);
        if (state.at_start) f.flags |= K_CF_AT_START;
        page_row(page, f.name, f.value, &state);
        fprintf(h, "    K_%s_%s,\n", prefix, upper(f.name));
        print_config(c, &f, &state, d, brokers, synonyms ? map_get(d, synonyms, f.name) : NULL);
    }
    fprintf(h, "    K_%sS_N,\n};\nextern const struct k_config k_%s_configs[K_%sS_N];\n\n", prefix,
            section, prefix);
    fputs("};\n\n", c);
}

static void
emit_configs(const char *dir, const char *out, FILE *c)
{
    struct doc *d = doc_load(dir, "configs.yaml");
    FILE *h = header_open(out, "configs",
                          "Configurations of brokers (K_CFG_), topics (K_TCFG_), groups (K_GCFG_) "
                          "and clients' metrics\n"
                          " * (K_MCFG_), sorted by name.");
    struct states *states = states_load(dir);
    FILE *page = page_open(out);
    page_section(page, "Of a node");
    emit_section(d, states, "broker", "CFG", h, c, page);
    page_section(page, "Of a topic");
    emit_section(d, states, "topic", "TCFG", h, c, page);
    page_section(page, "Of a group");
    emit_section(d, states, "group", "GCFG", h, c, page);
    page_section(page, "Of a subscription to clients' metrics");
    emit_section(d, states, "client_metrics", "MCFG", h, c, page);
    out_close(page);
    header_close(h);
}

/* ---- features ------------------------------------------------------------------------------- */

static void
emit_level(struct doc *d, yaml_node_t *e, FILE *c)
{
    static const char *const versions[] = {"fetch_version",          "list_offsets_version",
                                           "register_broker_record", "register_controller_record",
                                           "partition_record",       "partition_change_record"};
    static const char *const gates[] = {"production",
                                        "elr",
                                        "metadata_txn",
                                        "directory_assignment",
                                        "controller_registration",
                                        "leader_epoch_bump_on_isr_shrink"};
    fprintf(c, "    {%u, %u, %d", text_at(node_text(d, map_need(d, e, "name"))),
            text_at(node_text(d, map_need(d, e, "release"))),
            (int)node_int(d, map_need(d, e, "level")));
    for (int i = 0; i < 6; i++) fprintf(c, ", %d", (int)node_int(d, map_need(d, e, versions[i])));
    for (int i = 0; i < 6; i++) fprintf(c, ", %d", node_bool(d, map_need(d, e, gates[i])));
    fputs("},\n", c);
}

static int
emit_metadata_versions(struct doc *d, FILE *h, FILE *c)
{
    yaml_node_t *v = map_need(d, doc_root(d), "metadata.version"),
                *levels = map_need(d, v, "levels");
    const char *latest = node_text(d, map_need(d, v, "latest_production"));
    int latest_level = -1;
    fputs("const struct k_metadata_version k_metadata_versions[] = {\n", c);
    for (int i = 0; i < seq_count(d, levels); i++) {
        yaml_node_t *e = seq_at(d, levels, i);
        if (strcmp(node_text(d, map_need(d, e, "name")), latest) == 0)
            latest_level = (int)node_int(d, map_need(d, e, "level"));
        emit_level(d, e, c);
    }
    fputs("};\n\n", c);
    fprintf(h, "#define K_METADATA_VERSION_MIN %d\n#define K_METADATA_VERSION_LATEST %d\n",
            (int)node_int(d, map_need(d, v, "minimum")), latest_level);
    fprintf(h, "#define K_METADATA_VERSIONS_N %d\n", seq_count(d, levels));
    fputs("/* By level, from K_METADATA_VERSION_MIN. */\n"
          "extern const struct k_metadata_version k_metadata_versions[K_METADATA_VERSIONS_N];\n\n",
          h);
    return latest_level;
}

static void
emit_features(const char *dir, const char *out, FILE *c)
{
    struct doc *d = doc_load(dir, "features.yaml");
    FILE *h = header_open(out, "features", "Features and what each metadata.version allows.");
    int latest = emit_metadata_versions(d, h, c);
    yaml_node_t *list = map_need(d, doc_root(d), "features");
    fputs("enum {\n    K_FEATURE_METADATA_VERSION,\n", h);
    fprintf(c, "const struct k_feature k_features[] = {\n    {%u, %d, %d},\n",
            text_at("metadata.version"),
            (int)node_int(d, map_need(d, map_need(d, doc_root(d), "metadata.version"), "minimum")),
            latest);
    for (int i = 0; i < seq_count(d, list); i++) {
        yaml_node_t *e = seq_at(d, list, i);
        const char *name = node_text(d, map_need(d, e, "name"));
        fprintf(h, "    K_FEATURE_%s,\n", upper(name));
        fprintf(c, "    {%u, %d, %d},\n", text_at(name),
                (int)node_int(d, map_need(d, e, "minimum_production")),
                (int)node_int(d, map_need(d, e, "latest_production")));
    }
    fputs("    K_FEATURES_N,\n};\nextern const struct k_feature k_features[K_FEATURES_N];\n", h);
    fputs("};\n\n", c);
    header_close(h);
}

void
emit_tables(const char *dir, const char *out)
{
    FILE *c = out_open(out, "tables.c", "Errors, apis, configurations and features.");
    fputs("#include \"apis.h\"\n#include \"configs.h\"\n#include \"errors.h\"\n#include "
          "\"features.h\"\n\n",
          c);
    emit_errors(dir, out, c);
    emit_apis(dir, out, c);
    emit_configs(dir, out, c);
    emit_features(dir, out, c);
    fputs("#pragma GCC diagnostic ignored \"-Woverlength-strings\"\nconst char k_texts[] =\n", c);
    for (size_t i = 0; i < texts_n; i += strlen(texts + i) + 1) {
        fputs("    \"", c);
        for (const char *p = texts + i; *p; p++) {
            if (*p == '"' || *p == '\\') fputc('\\', c);
            fputc(*p, c);
        }
        fputs("\\0\"\n", c);
    }
    fputs("    ;\n", c);
    out_close(c);
}
