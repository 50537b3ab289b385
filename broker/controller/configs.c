/* Dynamic settings of topics, brokers, groups and of subscriptions to clients' metrics: what holds, who may set
 * what (KIP-339), and what a change of min.insync.replicas means for the ELR (KIP-966). */
#include "broker/controller/internal.h"

#include "broker/controller/topic_name.h"
#include "broker/protocol/config.h"
#include "broker/protocol/group_config.h"

#include "apis.h"

/* What is set at run time: for the topic, for this controller's node, for the whole cluster. In this order,
 * as in Kafka's KafkaConfigSchema. Null: nowhere. */
static struct slice
dynamic_config(const struct controller *c, struct slice topic, int32_t tcfg)
{
    struct slice name = k_text(k_topic_configs[tcfg].name);
    struct slice v = image_config_value(&c->image, RESOURCE_TOPIC, topic, name);
    char digits[16];
    struct writer w = writer_fixed(digits, sizeof digits);
    fmt_i64(&w, c->options.node_id);
    if (!v.p) v = image_config_value(&c->image, RESOURCE_BROKER, writer_slice(&w), name);
    if (!v.p) v = image_config_value(&c->image, RESOURCE_BROKER, SLICE_EMPTY, name);
    return v;
}

bool
effective_unclean(const struct controller *c, struct slice topic)
{
    int64_t yes;
    int32_t tcfg = K_TCFG_UNCLEAN_LEADER_ELECTION_ENABLE;
    struct slice v = dynamic_config(c, topic, tcfg);
    if (v.p && config_parse(CONFIG_TOPIC, tcfg, v, &yes)) return yes;
    return c->options.unclean_leader_election;
}

int32_t
effective_min_isr(const struct controller *c, struct slice topic)
{
    int64_t n;
    int32_t tcfg = K_TCFG_MIN_INSYNC_REPLICAS;
    struct slice v = dynamic_config(c, topic, tcfg);
    if (v.p && config_parse(CONFIG_TOPIC, tcfg, v, &n)) return (int32_t)n;
    return c->options.min_insync_replicas;
}

/* ---- checks ------------------------------------------------------------------------------------ */

/* Of topics and brokers; NULL: not known. */
static const struct k_config *
config_row(int8_t resource_type, struct slice name)
{
    bool of_topic = resource_type == RESOURCE_TOPIC;
    if (!of_topic && resource_type != RESOURCE_BROKER) return NULL;
    int32_t id = config_id(of_topic ? CONFIG_TOPIC : CONFIG_BROKER, name);
    if (id < 0) return NULL;
    return of_topic ? &k_topic_configs[id] : &k_broker_configs[id];
}

/* A setting of one resource that a request changes; the same for both APIs. */
struct setting {
    int8_t resource_type;
    struct slice resource, name, value; /* value null: taken back */
    int8_t operation;
};

enum { OP_SET = 0, OP_DELETE = 1, OP_APPEND = 2, OP_SUBTRACT = 3 };

static struct verdict
refuse_setting(struct arena *a, int16_t code, const char *before, struct slice name,
               const char *after)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, before), fmt_slice(&w, name), fmt_str(&w, after);
    return (struct verdict){code, text_end(a, &w)};
}

static struct verdict
check_resource(const struct controller *c, int8_t type, struct slice name, struct arena *a)
{
    int64_t id;
    if (type == RESOURCE_TOPIC && name.n == 0)
        return refuse_setting(a, K_ERR_INVALID_REQUEST, "Default topic resources are not allowed.",
                              SLICE_EMPTY, "");
    struct writer why = writer_mem(a->mem);
    bool is_good = type != RESOURCE_TOPIC || topic_name_check(name, &why);
    struct slice text = text_end(a, &why);
    if (!is_good) return (struct verdict){K_ERR_INVALID_TOPIC_EXCEPTION, text};
    if (type == RESOURCE_TOPIC)
        return image_topic(&c->image, name)
                 ? FINE
                 : refuse_setting(a, K_ERR_UNKNOWN_TOPIC_OR_PARTITION, "The topic '", name,
                                  "' does not exist.");
    if (type == RESOURCE_GROUP || type == RESOURCE_CLIENT_METRICS)
        return name.n ? FINE
                      : refuse_setting(a, K_ERR_INVALID_REQUEST, "The resource must have a name",
                                       SLICE_EMPTY, "");
    if (type != RESOURCE_BROKER)
        return refuse_setting(a, K_ERR_INVALID_REQUEST, "Unsupported resource type", SLICE_EMPTY,
                              "");
    if (name.n == 0) return FINE;
    if (!slice_to_i64(name, &id) || id < 0 || id > INT32_MAX)
        return refuse_setting(a, K_ERR_INVALID_REQUEST,
                              "Node id must be a number, but it is: ", name, "");
    if (!image_broker(&c->image, (int32_t)id) && !image_controller(&c->image, (int32_t)id))
        return refuse_setting(a, K_ERR_BROKER_ID_NOT_REGISTERED, "No node with id ", name,
                              " found.");
    return FINE;
}

/* With ELR the cluster needs one min.insync.replicas for all brokers; it may change, not go, and no
 * broker may have its own. */
static struct verdict
check_min_isr(const struct controller *c, const struct setting *s, struct arena *a)
{
    bool concerned = s->resource_type == RESOURCE_BROKER && elr_is_enabled(c) &&
                     slice_eq(s->name, S("min.insync.replicas"));
    if (concerned && s->resource.n > 0)
        return refuse_setting(a, K_ERR_INVALID_CONFIG, "Broker-level ", s->name,
                              " cannot be set while ELR is enabled.");
    if (concerned && !s->value.p)
        return refuse_setting(a, K_ERR_INVALID_CONFIG, "Cluster-level ", s->name,
                              " cannot be removed while ELR is enabled.");
    return FINE;
}

static struct verdict
check_changeable(const struct setting *s, struct arena *a)
{
    const struct k_config *row = config_row(s->resource_type, s->name);
    if (!row || s->resource_type != RESOURCE_BROKER) return FINE;
    int needed = s->resource.n > 0 ? K_CF_PER_BROKER | K_CF_CLUSTER_WIDE : K_CF_CLUSTER_WIDE;
    if (s->value.p && row->flags & K_CF_AT_START)
        return refuse_setting(a, K_ERR_INVALID_REQUEST, "", s->name,
                              " holds from a broker's start on: it cannot be changed at run time");
    if (row->flags & needed) return FINE;
    return refuse_setting(a, K_ERR_INVALID_REQUEST,
                          "Cannot update these configs dynamically: ", s->name, "");
}

/* ---- lists ------------------------------------------------------------------------------------- */

static bool
list_has(struct slice list, struct slice item)
{
    for (int64_t at = 0; at <= list.n;) {
        int64_t end = slice_find(list, ',', at);
        if (end < 0) end = list.n;
        if (slice_eq(slice_trim(slice_sub(list, at, end - at)), item)) return true;
        at = end + 1;
    }
    return false;
}

/* The items of `from` that `without` does not have, appended to w. */
static void
add_items(struct writer *w, struct slice from, struct slice without)
{
    for (int64_t at = 0; at <= from.n;) {
        int64_t end = slice_find(from, ',', at);
        if (end < 0) end = from.n;
        struct slice item = slice_trim(slice_sub(from, at, end - at));
        at = end + 1;
        if (item.n == 0 || list_has(without, item)) continue;
        if (w->n > 0) fmt_char(w, ',');
        fmt_slice(w, item);
    }
}

static struct verdict
resolve_list(const struct controller *c, struct setting *s, struct arena *a)
{
    const struct k_config *row = config_row(s->resource_type, s->name);
    const char *verb =
        s->operation == OP_APPEND ? "Can't APPEND to key " : "Can't SUBTRACT to key ";
    bool has_lists = s->resource_type == RESOURCE_TOPIC || s->resource_type == RESOURCE_BROKER;
    if (!has_lists || (row && row->type != K_CT_LIST))
        return refuse_setting(a, K_ERR_INVALID_CONFIG, verb, s->name,
                              " because its type is not LIST.");
    struct slice now = image_config_value(&c->image, s->resource_type, s->resource, s->name);
    if (!now.p && row) now = k_text(row->value);
    if (!now.p) now = SLICE_EMPTY;
    struct writer w = writer_mem(a->mem);
    if (s->operation == OP_APPEND) {
        fmt_slice(&w, now);
        add_items(&w, s->value, now);
    } else {
        add_items(&w, now, s->value);
    }
    s->value = text_end(a, &w);
    if (s->value.n > CODEC_STRING_MAX)
        return refuse_setting(a, K_ERR_INVALID_CONFIG, "The list is too long: ", s->name, "");
    return FINE;
}

/* Turns the operation into the value that is to be set. */
static struct verdict
resolve(const struct controller *c, struct setting *s, struct arena *a)
{
    if (s->operation == OP_DELETE) {
        s->value = SLICE_NULL;
        return FINE;
    }
    if (s->operation < OP_SET || s->operation > OP_SUBTRACT)
        return refuse_setting(a, K_ERR_INVALID_REQUEST, "Unknown operation for ", s->name, "");
    if (!s->value.p)
        return refuse_setting(a, K_ERR_INVALID_REQUEST, "Null value not supported for ", s->name,
                              "");
    return s->operation == OP_SET ? FINE : resolve_list(c, s, a);
}

/* ---- records ----------------------------------------------------------------------------------- */

/* Under another minimum, what the ELR says is not what it meant when it was written. */
static void
add_clear_elr(struct controller *c, int8_t resource_type, struct slice resource)
{
    struct k_clear_elr_record r;
    codec_default(K_MSG_CLEAR_ELR_RECORD, &r);
    r.topic_name = resource_type == RESOURCE_TOPIC ? resource : SLICE_EMPTY;
    batch_add(c, K_MSG_CLEAR_ELR_RECORD, 0, &r);
}

void
add_config(struct controller *c, int8_t resource_type, struct slice resource, struct slice name,
           struct slice value)
{
    struct slice now = image_config_value(&c->image, resource_type, resource, name);
    if (slice_eq(now, value)) return;
    struct k_config_record r;
    codec_default(K_MSG_CONFIG_RECORD, &r);
    r.resource_type = resource_type;
    r.resource_name = resource;
    r.name = name;
    r.value = value;
    batch_add(c, K_MSG_CONFIG_RECORD, 0, &r);
    bool of_all = resource_type == RESOURCE_TOPIC || resource.n == 0;
    if (of_all && elr_is_enabled(c) && slice_eq(name, S("min.insync.replicas")))
        add_clear_elr(c, resource_type, resource);
}

static struct verdict
apply_setting(const struct request *q, struct setting *s)
{
    struct controller *c = q->c;
    struct arena *a = q->arena;
    struct verdict v = resolve(c, s, a);
    /* What is taken back need not be known. */
    if (!v.code && s->value.p)
        v.code = config_check_for(s->resource_type, s->name, s->value, a, &v.text);
    if (!v.code && s->value.p) v = check_room(q, 0);
    if (!v.code) v = check_changeable(s, a);
    if (!v.code) v = check_min_isr(c, s, a);
    if (v.code) return v;
    config_tell(q, s->resource_type, s->resource, s->name, s->value);
    add_config(c, s->resource_type, s->resource, s->name, s->value);
    return v;
}

/* ---- a request, in either API ------------------------------------------------------------------ */

/* What a request wants of one resource. */
struct alteration {
    int8_t type;
    struct slice name;
    struct setting *settings;
    int32_t settings_n;
    bool is_all; /* what is not among them is taken back */
    struct verdict verdict;
};

/* `type` and `name` are set. More settings than a request may have are not copied. */
static void
alteration_begin(struct alteration *al, struct arena *a, int32_t settings_n)
{
    al->settings_n = settings_n;
    if (settings_n <= ITEMS_PER_REQUEST_MAX)
        al->settings = ARENA_ARRAY(a, struct setting, settings_n + 1);
}

static const struct setting *
find_setting(const struct alteration *al, struct slice name)
{
    for (int32_t i = 0; i < al->settings_n; i++)
        if (slice_eq(al->settings[i].name, name)) return &al->settings[i];
    return NULL;
}

/* The value that a setting has after the request; null: the default. */
static struct slice
value_after(const struct request *q, const struct alteration *al, struct slice name)
{
    const struct setting *s = find_setting(al, name);
    if (s) return s->operation == OP_DELETE ? SLICE_NULL : s->value;
    if (al->is_all) return SLICE_NULL;
    return image_config_value(&q->c->image, al->type, al->name, name);
}

/* What is said of several settings of one resource, all of them as they will be. */
static struct verdict
check_whole(const struct request *q, const struct alteration *al)
{
    struct slice values[K_GCFGS_N];
    struct writer why = writer_mem(q->arena->mem);
    bool ok = true;
    switch (al->type) {
    case RESOURCE_TOPIC:
        return config_check_lags(value_after(q, al, S("min.compaction.lag.ms")),
                                 value_after(q, al, S("max.compaction.lag.ms")), q->arena);
    case RESOURCE_GROUP:
        for (int32_t i = 0; i < K_GCFGS_N; i++)
            values[i] = value_after(q, al, k_text(k_group_configs[i].name));
        ok = group_config_check(q->c->options.config, values, &why);
        break;
    case RESOURCE_CLIENT_METRICS:
        ok = client_metrics_match_check(value_after(q, al, S("match")), &why);
        break;
    default: break;
    }
    struct slice text = text_end(q->arena, &why);
    return ok ? FINE : (struct verdict){K_ERR_INVALID_CONFIG, text};
}

static struct verdict
take_back_others(struct request *q, const struct alteration *al)
{
    const struct image_config *now = image_config(&q->c->image, al->type, al->name);
    struct verdict v = FINE;
    for (int64_t i = 0; now && !v.code && i < now->values.n; i++) {
        struct slice name = now->values.v[i].name;
        struct setting s = {al->type, al->name, name, SLICE_NULL, OP_DELETE};
        if (!find_setting(al, name)) v = apply_setting(q, &s);
    }
    return v;
}

static struct verdict
apply_settings(struct request *q, struct alteration *al)
{
    struct verdict v = FINE;
    for (int32_t i = 0; !v.code && i < al->settings_n; i++) {
        if (find_setting(al, al->settings[i].name) != &al->settings[i])
            return refuse_setting(q->arena, K_ERR_INVALID_REQUEST,
                                  "Error due to duplicate config keys: ", al->settings[i].name, "");
        v = apply_setting(q, &al->settings[i]);
    }
    return v;
}

static struct verdict
alter_resource(struct request *q, struct alteration *all, int32_t n, int32_t at)
{
    struct alteration *al = &all[at];
    for (int32_t i = 0; i < n; i++)
        if (i != at && all[i].type == al->type && slice_eq(all[i].name, al->name))
            return refuse_setting(q->arena, K_ERR_INVALID_REQUEST,
                                  "Each resource must appear at most once.", SLICE_EMPTY, "");
    struct verdict v = check_resource(q->c, al->type, al->name, q->arena);
    if (al->settings_n > ITEMS_PER_REQUEST_MAX)
        return refuse_setting(q->arena, K_ERR_POLICY_VIOLATION, "Too many settings", SLICE_EMPTY,
                              "");
    if (!v.code) v = apply_settings(q, al);
    if (!v.code) v = check_whole(q, al);
    return !v.code && al->is_all ? take_back_others(q, al) : v;
}

/* Each resource by itself: all that is asked of it, or nothing. */
static void
alter_resources(struct request *q, struct alteration *all, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        int64_t before = q->c->batch.n;
        all[i].verdict = alter_resource(q, all, n, i);
        if (all[i].verdict.code) batch_cut(q->c, before);
    }
}

static void
tell_verdict(const struct alteration *al, int16_t *ret_code, struct slice *ret_text)
{
    *ret_code = al->verdict.code;
    *ret_text = al->verdict.code ? al->verdict.text : SLICE_NULL;
}

/* ---- IncrementalAlterConfigs ------------------------------------------------------------------- */

static void
blank_incremental(struct request *q)
{
    const struct k_incremental_alter_configs_request *r = q->body;
    struct k_incremental_alter_configs_response *resp = q->response;
    resp->responses_n = r->resources_n;
    resp->responses = codec_array(
        q->arena, K_STRUCT_INCREMENTAL_ALTER_CONFIGS_RESPONSE_ALTER_CONFIGS_RESOURCE_RESPONSE,
        r->resources_n);
    for (int32_t i = 0; i < r->resources_n; i++) {
        resp->responses[i].resource_type = r->resources[i].resource_type;
        resp->responses[i].resource_name = arena_dup(q->arena, r->resources[i].resource_name);
    }
}

static void
fail_incremental(void *response, int16_t err)
{
    struct k_incremental_alter_configs_response *resp = response;
    for (int32_t i = 0; i < resp->responses_n; i++) {
        resp->responses[i].error_code = err;
        resp->responses[i].error_message = SLICE_NULL;
    }
}

static struct alteration
incremental_alteration(struct arena *a,
                       const struct k_incremental_alter_configs_request_alter_configs_resource *res)
{
    struct alteration al = {.type = res->resource_type, .name = res->resource_name};
    alteration_begin(&al, a, res->configs_n);
    for (int32_t i = 0; al.settings && i < res->configs_n; i++)
        al.settings[i] = (struct setting){al.type, al.name, res->configs[i].name,
                                          res->configs[i].value, res->configs[i].config_operation};
    return al;
}

static void
incremental_alter_configs(struct request *q)
{
    const struct k_incremental_alter_configs_request *r = q->body;
    struct k_incremental_alter_configs_response *resp = q->response;
    q->validate_only = r->validate_only;
    if (r->resources_n > ITEMS_PER_REQUEST_MAX) {
        fail_incremental(resp, K_ERR_POLICY_VIOLATION);
        return;
    }
    struct alteration *all = ARENA_ARRAY(q->arena, struct alteration, r->resources_n + 1);
    for (int32_t i = 0; i < r->resources_n; i++)
        all[i] = incremental_alteration(q->arena, &r->resources[i]);
    alter_resources(q, all, r->resources_n);
    for (int32_t i = 0; i < r->resources_n; i++)
        tell_verdict(&all[i], &resp->responses[i].error_code, &resp->responses[i].error_message);
}

const struct handler incremental_alter_configs_handler = {
    .api_key = K_API_INCREMENTAL_ALTER_CONFIGS,
    .response = K_MSG_INCREMENTAL_ALTER_CONFIGS_RESPONSE,
    .response_bytes = sizeof(struct k_incremental_alter_configs_response),
    .blank = blank_incremental,
    .handle = incremental_alter_configs,
    .fail = fail_incremental,
};

/* ---- AlterConfigs: what is not named is taken back ---------------------------------------------- */

static void
blank_alter_configs(struct request *q)
{
    const struct k_alter_configs_request *r = q->body;
    struct k_alter_configs_response *resp = q->response;
    resp->responses_n = r->resources_n;
    resp->responses = codec_array(
        q->arena, K_STRUCT_ALTER_CONFIGS_RESPONSE_ALTER_CONFIGS_RESOURCE_RESPONSE, r->resources_n);
    for (int32_t i = 0; i < r->resources_n; i++) {
        resp->responses[i].resource_type = r->resources[i].resource_type;
        resp->responses[i].resource_name = arena_dup(q->arena, r->resources[i].resource_name);
    }
}

static void
fail_alter_configs(void *response, int16_t err)
{
    struct k_alter_configs_response *resp = response;
    for (int32_t i = 0; i < resp->responses_n; i++) {
        resp->responses[i].error_code = err;
        resp->responses[i].error_message = SLICE_NULL;
    }
}

static struct alteration
whole_alteration(struct arena *a, const struct k_alter_configs_request_alter_configs_resource *res)
{
    struct alteration al = {.type = res->resource_type, .name = res->resource_name, .is_all = true};
    alteration_begin(&al, a, res->configs_n);
    for (int32_t i = 0; al.settings && i < res->configs_n; i++)
        al.settings[i] =
            (struct setting){al.type, al.name, res->configs[i].name, res->configs[i].value, OP_SET};
    return al;
}

static void
alter_configs(struct request *q)
{
    const struct k_alter_configs_request *r = q->body;
    struct k_alter_configs_response *resp = q->response;
    q->validate_only = r->validate_only;
    if (r->resources_n > ITEMS_PER_REQUEST_MAX) {
        fail_alter_configs(resp, K_ERR_POLICY_VIOLATION);
        return;
    }
    struct alteration *all = ARENA_ARRAY(q->arena, struct alteration, r->resources_n + 1);
    for (int32_t i = 0; i < r->resources_n; i++)
        all[i] = whole_alteration(q->arena, &r->resources[i]);
    alter_resources(q, all, r->resources_n);
    for (int32_t i = 0; i < r->resources_n; i++)
        tell_verdict(&all[i], &resp->responses[i].error_code, &resp->responses[i].error_message);
}

const struct handler alter_configs_handler = {
    .api_key = K_API_ALTER_CONFIGS,
    .response = K_MSG_ALTER_CONFIGS_RESPONSE,
    .response_bytes = sizeof(struct k_alter_configs_response),
    .blank = blank_alter_configs,
    .handle = alter_configs,
    .fail = fail_alter_configs,
};
