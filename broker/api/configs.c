/* DescribeConfigs: what is set where, and what holds; ListConfigResources: of what something can be set. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/base/sort.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/config.h"

enum source {
    SOURCE_DYNAMIC_TOPIC = 1,
    SOURCE_DYNAMIC_BROKER = 2,
    SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    SOURCE_STATIC_BROKER = 4,
    SOURCE_DEFAULT = 5,
    SOURCE_DYNAMIC_CLIENT_METRICS = 7,
    SOURCE_DYNAMIC_GROUP = 8,
};

typedef struct k_describe_configs_response_describe_configs_result result;
typedef struct k_describe_configs_response_describe_configs_resource_result entry;
typedef struct k_describe_configs_response_describe_configs_synonym synonym;

struct describing {
    struct request *r;
    const struct k_describe_configs_request *q;
    const struct k_describe_configs_request_describe_configs_resource *resource;
    const struct config *defaults; /* a broker's, with nothing set */
    struct slice node_id;          /* ours, as text */
    result *res;
};

/* The wire's number of a type. */
static int8_t
wire_type(uint8_t type)
{
    switch ((enum k_config_type)type) {
    case K_CT_BOOLEAN: return 1;
    case K_CT_STRING: return 2;
    case K_CT_INT: return 3;
    case K_CT_SHORT: return 4;
    case K_CT_LONG: return 5;
    case K_CT_DOUBLE: return 6;
    case K_CT_LIST: return 7;
    case K_CT_CLASS: return 8;
    case K_CT_PASSWORD: return 9;
    }
    return 0;
}

static bool
config_is_asked_for(const struct describing *d, struct slice name)
{
    if (d->resource->configuration_keys_n <= 0) return true;
    for (int32_t i = 0; i < d->resource->configuration_keys_n; i++)
        if (slice_eq(d->resource->configuration_keys[i], name)) return true;
    return false;
}

static void
add_synonym(entry *e, struct slice name, struct slice value, enum source source)
{
    e->synonyms[e->synonyms_n++] = (synonym){
        .name = name, .value = e->is_sensitive ? SLICE_NULL : value, .source = (int8_t)source};
    if (e->config_source < 0) {
        e->config_source = (int8_t)source;
        e->value = e->is_sensitive ? SLICE_NULL : value;
    }
}

static entry *
begin_entry(struct describing *d, const struct config *c, int32_t id)
{
    entry *e = &d->res->configs[d->res->configs_n++];
    e->name = config_name(c, id);
    e->is_sensitive = c->table[id].type == K_CT_PASSWORD;
    e->config_type = d->r->version >= 3 ? wire_type(c->table[id].type) : 0;
    e->synonyms =
        codec_array(&d->r->arena, K_STRUCT_DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_SYNONYM, 5);
    e->config_source = -1;
    e->documentation = SLICE_NULL;
    return e;
}

static void
end_entry(struct describing *d, entry *e)
{
    if (!d->q->include_synonyms) e->synonyms_n = 0;
}

/* Milliseconds are told, whatever unit the broker's synonym has. */
static struct slice
effective_text(struct describing *d, const struct config *broker, const struct config *own,
               int32_t tcfg)
{
    uint8_t type = own->table[tcfg].type;
    if (type != K_CT_INT && type != K_CT_LONG && type != K_CT_SHORT)
        return topic_config_str(broker, own, tcfg);
    struct writer w = writer_mem(&d->r->server->env->mem);
    fmt_i64(&w, topic_config_i64(broker, own, tcfg));
    struct slice text = arena_dup(&d->r->arena, writer_slice(&w));
    writer_release(&w);
    return text;
}

/* What is set at run time, for this broker and for all of them. */
static void
add_dynamic(struct describing *d, entry *e, struct slice broker, struct slice name)
{
    const struct image *im = d->r->server->image;
    struct slice own = image_config_value(im, RESOURCE_BROKER, broker, name);
    struct slice all = image_config_value(im, RESOURCE_BROKER, SLICE_EMPTY, name);
    if (own.p && broker.n) add_synonym(e, name, own, SOURCE_DYNAMIC_BROKER);
    if (all.p) add_synonym(e, name, all, SOURCE_DYNAMIC_DEFAULT_BROKER);
}

/* Topics and groups, whose settings have synonyms among the broker's, and clients' metrics, which have none. */
struct kind {
    enum config_scope scope;
    enum source source;
    bool names_default;  /* the default that a setting has of itself is told among the synonyms */
    bool shows_internal; /* where they are set */
};
static const struct kind topic_kind = {CONFIG_TOPIC, SOURCE_DYNAMIC_TOPIC, false, false},
                         group_kind = {CONFIG_GROUP, SOURCE_DYNAMIC_GROUP, true, true},
                         metrics_kind = {CONFIG_CLIENT_METRICS, SOURCE_DYNAMIC_CLIENT_METRICS,
                                         false, false};

static void
fmt_value(struct writer *w, const struct config *c, int32_t id)
{
    switch ((enum k_config_type)c->table[id].type) {
    case K_CT_BOOLEAN: fmt_str(w, config_bool(c, id) ? "true" : "false"); return;
    case K_CT_SHORT:
    case K_CT_INT:
    case K_CT_LONG: fmt_i64(w, config_i64(c, id)); return;
    case K_CT_LIST:
        for (int32_t i = 0; i < config_list_n(c, id); i++) {
            if (i) fmt_char(w, ',');
            fmt_slice(w, config_list_at(c, id, i));
        }
        return;
    default: fmt_slice(w, config_str(c, id));
    }
}

/* What is set for the resource itself, as it was understood: "TRUE" is true, " a ,b" is a,b. */
static struct slice
own_value(struct describing *d, const struct config *own, int32_t id)
{
    struct mem *mem = &d->r->server->env->mem;
    struct slice set = image_config_value(d->r->server->image, d->resource->resource_type,
                                          d->resource->resource_name, config_name(own, id));
    if (!set.p) return set;
    struct config c;
    struct writer w = writer_mem(mem);
    config_init(&c, mem, own->scope);
    if (config_set(&c, id, set, NULL)) fmt_value(&w, &c, id);
    else fmt_slice(&w, set);
    set = arena_dup(&d->r->arena, writer_slice(&w));
    config_release(&c);
    writer_release(&w);
    return set;
}

static void
describe_setting(struct describing *d, const struct kind *k, const struct config *own, int32_t id)
{
    struct server *s = d->r->server;
    struct slice set = own_value(d, own, id);
    if (own->table[id].flags & K_CF_INTERNAL && !(k->shows_internal && set.p)) return;
    entry *e = begin_entry(d, own, id);
    if (set.p) add_synonym(e, e->name, set, k->source);
    int32_t syn = config_synonym(s->config, &own->table[id]);
    int16_t broker_id = own->table[id].synonyms[0];
    struct slice name = broker_id >= 0 ? config_name(s->config, broker_id) : e->name;
    if (broker_id >= 0) add_dynamic(d, e, d->node_id, name);
    bool is_set = syn >= 0 && config_is_set(s->config, syn);
    if (is_set)
        add_synonym(e, config_name(s->config, syn), effective_text(d, s->config, own, id),
                    SOURCE_STATIC_BROKER);
    add_synonym(e, name, is_set ? config_text(own, id) : effective_text(d, s->config, own, id),
                SOURCE_DEFAULT);
    /* Only what a broker's setting gives is a synonym: not the default that a topic has of itself. */
    bool is_brokers = broker_id >= 0 && config_text(d->defaults, broker_id).p;
    if (!is_brokers && !k->names_default) e->synonyms_n--;
    end_entry(d, e);
}

static void
describe_settings(struct describing *d, const struct kind *k)
{
    struct config own;
    config_init(&own, &d->r->server->env->mem, k->scope);
    d->res->configs = codec_array(
        &d->r->arena, K_STRUCT_DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESOURCE_RESULT, own.n);
    for (int32_t id = 0; id < own.n; id++)
        if (config_is_asked_for(d, config_name(&own, id))) describe_setting(d, k, &own, id);
    config_release(&own);
}

static void
describe_topic_configs(struct describing *d)
{
    struct server *s = d->r->server;
    struct slice topic = d->resource->resource_name;
    if (image_topic(s->image, topic)) {
        describe_settings(d, &topic_kind);
        return;
    }
    struct writer why = writer_mem(&s->env->mem);
    bool is_name = topic_name_check(topic, &why);
    if (is_name) fmt_str(&why, "There is no topic of this name.");
    d->res->error_code = is_name ? K_ERR_UNKNOWN_TOPIC_OR_PARTITION : K_ERR_INVALID_TOPIC_EXCEPTION;
    d->res->error_message = arena_dup(&d->r->arena, writer_slice(&why));
    writer_release(&why);
}

/* They need not be there: what is set before a group's first member comes holds from then on. */
static void
describe_named(struct describing *d, const struct kind *k)
{
    if (d->resource->resource_name.n > 0) {
        describe_settings(d, k);
        return;
    }
    d->res->error_code = K_ERR_INVALID_REQUEST;
    d->res->error_message = S("The resource must have a name");
}

static void
describe_broker_setting(struct describing *d, const struct config *c, int32_t id)
{
    entry *e = begin_entry(d, c, id);
    e->read_only = !(c->table[id].flags & (K_CF_PER_BROKER | K_CF_CLUSTER_WIDE));
    add_dynamic(d, e, d->resource->resource_name, e->name);
    if (config_is_set(c, id)) add_synonym(e, e->name, config_text(c, id), SOURCE_STATIC_BROKER);
    struct slice text = config_text(d->defaults, id);
    /* Of all brokers together no defaults are told, only what is set. */
    if (text.p && d->resource->resource_name.n)
        add_synonym(e, e->name, arena_dup(&d->r->arena, text), SOURCE_DEFAULT);
    if (e->config_source < 0) {
        e->config_source = SOURCE_DEFAULT;
        e->value = SLICE_NULL;
    }
    end_entry(d, e);
}

static void
describe_broker(struct describing *d)
{
    struct server *s = d->r->server;
    struct slice name = d->resource->resource_name;
    int64_t id;
    if (name.n && (!slice_to_i64(name, &id) || id != s->node_id)) {
        d->res->error_code = K_ERR_INVALID_REQUEST;
        struct writer w = writer_mem(&s->env->mem);
        fmt_str(&w, "Unexpected broker id: expected "), fmt_i64(&w, s->node_id);
        fmt_str(&w, " or the empty string, but received "), fmt_slice(&w, name);
        d->res->error_message = arena_dup(&d->r->arena, writer_slice(&w));
        writer_release(&w);
        return;
    }
    const struct config *c = s->config;
    d->res->configs = codec_array(
        &d->r->arena, K_STRUCT_DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESOURCE_RESULT, c->n);
    for (int32_t i = 0; i < c->n; i++) {
        struct slice cn = config_name(c, i);
        if (c->table[i].flags & K_CF_INTERNAL || !config_is_asked_for(d, cn)) continue;
        /* Of all brokers together only what is dynamic is known. */
        if (!name.n && !image_config_value(s->image, RESOURCE_BROKER, SLICE_EMPTY, cn).p) continue;
        describe_broker_setting(d, c, i);
    }
}

static void
describe_resource(struct describing *d, bool is_refused)
{
    d->res->resource_type = d->resource->resource_type;
    d->res->resource_name = d->resource->resource_name;
    if (is_refused) {
        d->res->error_code = K_ERR_INVALID_REQUEST;
        d->res->error_message = S("The request names too many resources more than once");
        return;
    }
    switch (d->resource->resource_type) {
    case RESOURCE_TOPIC: describe_topic_configs(d); return;
    case RESOURCE_BROKER: describe_broker(d); return;
    case RESOURCE_GROUP: describe_named(d, &group_kind); return;
    case RESOURCE_CLIENT_METRICS: describe_named(d, &metrics_kind); return;
    default:
        d->res->error_code = K_ERR_INVALID_REQUEST;
        d->res->error_message = S("Unsupported resource type");
    }
}

/* A resource's type and name, and its place in the request. */
static struct slice
resource_key(struct request *r, int32_t i)
{
    const struct k_describe_configs_request *q = r->message;
    struct slice name = q->resources[i].resource_name;
    uint8_t *key = arena_alloc(&r->arena, name.n + 5);
    key[0] = (uint8_t)q->resources[i].resource_type;
    if (name.n) memcpy(key + 1, name.p, (size_t)name.n);
    store_be32(key + 1 + name.n, (uint32_t)i);
    return slice(key, name.n + 5);
}

/* As in Kafka a resource is described as often as it is named; but a short request must not make us write hundreds of settings a
 * million times. */
#define DESCRIBED_AGAIN_MAX 50
static const bool *
named_before(struct request *r)
{
    const struct k_describe_configs_request *q = r->message;
    int32_t n = q->resources_n;
    bool *ret = REQUEST_ARRAY(r, bool, MAX(n, 1));
    struct slice *keys = REQUEST_ARRAY(r, struct slice, MAX(n, 1));
    for (int32_t i = 0; i < n; i++) keys[i] = resource_key(r, i);
    slices_sort_unique(keys, n, REQUEST_ARRAY(r, struct slice, MAX(n, 1)));
    for (int32_t i = 1; i < n; i++) {
        struct slice a = keys[i - 1], b = keys[i];
        if (slice_eq(slice(a.p, a.n - 4), slice(b.p, b.n - 4)))
            ret[load_be32(b.p + b.n - 4)] = true;
    }
    return ret;
}

void
handle_describe_configs(struct server *s, struct request *r)
{
    const struct k_describe_configs_request *q = r->message;
    const bool *again = named_before(r);
    struct k_describe_configs_response res;
    struct config defaults;
    config_init(&defaults, &s->env->mem, CONFIG_BROKER);
    struct writer node_id = writer_mem(&s->env->mem);
    fmt_i64(&node_id, s->node_id);
    codec_default(K_MSG_DESCRIBE_CONFIGS_RESPONSE, &res);
    res.results_n = q->resources_n;
    res.results = codec_array(&r->arena, K_STRUCT_DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESULT,
                              q->resources_n);
    for (int32_t i = 0, again_n = 0; i < q->resources_n; i++) {
        struct describing d = {.r = r,
                               .q = q,
                               .resource = &q->resources[i],
                               .res = &res.results[i],
                               .defaults = &defaults,
                               .node_id = writer_slice(&node_id)};
        again_n += again[i];
        describe_resource(&d, again[i] && again_n > DESCRIBED_AGAIN_MAX);
    }
    config_release(&defaults);
    writer_release(&node_id);
    request_answer(r, &res);
}

/* ---- ListConfigResources (KIP-1142) ------------------------------------------------------------ */

typedef struct k_list_config_resources_response_config_resource listed;

static const int8_t listed_types[] = {RESOURCE_TOPIC, RESOURCE_BROKER, RESOURCE_BROKER_LOGGER,
                                      RESOURCE_CLIENT_METRICS, RESOURCE_GROUP};

static bool
lists(const struct request *r, int8_t type)
{
    const struct k_list_config_resources_request *q = r->message;
    if (r->version == 0) return type == RESOURCE_CLIENT_METRICS;
    for (int32_t i = 0; i < q->resource_types_n; i++)
        if (q->resource_types[i] == type) return true;
    return q->resource_types_n <= 0;
}

static bool
asks_for_known_types(const struct request *r)
{
    const struct k_list_config_resources_request *q = r->message;
    bool is_known = true;
    for (int32_t i = 0; is_known && r->version > 0 && i < q->resource_types_n; i++) {
        is_known = false;
        for (int64_t k = 0; k < ARRAY_LEN(listed_types); k++)
            is_known |= q->resource_types[i] == listed_types[k];
    }
    return is_known;
}

static void
list_type(struct request *r, int8_t type, struct k_list_config_resources_response *res)
{
    const struct image *im = r->server->image;
    bool of_brokers = type == RESOURCE_BROKER || type == RESOURCE_BROKER_LOGGER;
    for (int64_t i = 0; type == RESOURCE_TOPIC && i < im->topics.n; i++)
        res->config_resources[res->config_resources_n++] = (listed){im->topics.v[i]->name, type};
    for (int64_t i = 0; of_brokers && i < im->brokers.n; i++) {
        char digits[16];
        struct writer w = writer_fixed(digits, sizeof digits);
        fmt_i64(&w, im->brokers.v[i]->id);
        if (!im->brokers.v[i]->is_fenced)
            res->config_resources[res->config_resources_n++] =
                (listed){arena_dup(&r->arena, writer_slice(&w)), type};
    }
    bool by_settings = type == RESOURCE_GROUP || type == RESOURCE_CLIENT_METRICS;
    for (int64_t i = 0; by_settings && i < im->configs.n; i++)
        if (im->configs.v[i]->type == type)
            res->config_resources[res->config_resources_n++] =
                (listed){im->configs.v[i]->name, type};
}

void
handle_list_config_resources(struct server *s, struct request *r)
{
    struct k_list_config_resources_response res;
    codec_default(K_MSG_LIST_CONFIG_RESOURCES_RESPONSE, &res);
    int64_t most = s->image->topics.n + 2 * s->image->brokers.n + s->image->configs.n;
    res.config_resources =
        codec_array(&r->arena, K_STRUCT_LIST_CONFIG_RESOURCES_RESPONSE_CONFIG_RESOURCE, most);
    if (!asks_for_known_types(r)) res.error_code = K_ERR_UNSUPPORTED_VERSION;
    for (int64_t i = 0; !res.error_code && i < ARRAY_LEN(listed_types); i++)
        if (lists(r, listed_types[i])) list_type(r, listed_types[i], &res);
    request_answer(r, &res);
}
