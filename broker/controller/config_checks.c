/* What a setting of a topic, a broker, a group or of clients' metrics may be, and what is said when it may not. */
#include "broker/controller/internal.h"
#include "broker/protocol/config.h"

static enum config_scope
scope_of(int8_t resource_type)
{
    switch (resource_type) {
    case RESOURCE_TOPIC: return CONFIG_TOPIC;
    case RESOURCE_GROUP: return CONFIG_GROUP;
    case RESOURCE_CLIENT_METRICS: return CONFIG_CLIENT_METRICS;
    default: return CONFIG_BROKER;
    }
}

/* What Kafka says of a wrong value, each kind of resource its own: a broker that the request is wrong … */
static int16_t
wrong_value_code(enum config_scope scope)
{
    return scope == CONFIG_BROKER ? K_ERR_INVALID_REQUEST : K_ERR_INVALID_CONFIG;
}

/* … subscriptions to metrics that too of an unknown name and of a number that is out of range. */
static int16_t
unknown_name_code(enum config_scope scope)
{
    return scope == CONFIG_CLIENT_METRICS ? K_ERR_INVALID_REQUEST : K_ERR_INVALID_CONFIG;
}

static int16_t
check_code(enum config_scope scope, int32_t id, struct slice value)
{
    int64_t v;
    bool is_interval = scope == CONFIG_CLIENT_METRICS && id == K_MCFG_INTERVAL_MS &&
                       slice_to_i64(slice_trim(value), &v);
    return is_interval ? K_ERR_INVALID_REQUEST : wrong_value_code(scope);
}

static const char *
scope_name(enum config_scope scope)
{
    switch (scope) {
    case CONFIG_BROKER: return "broker";
    case CONFIG_TOPIC: return "topic";
    case CONFIG_GROUP: return "group";
    case CONFIG_CLIENT_METRICS: return "client metrics";
    }
    return "";
}

int16_t
config_check_for(int8_t resource_type, struct slice name, struct slice value, struct arena *a,
                 struct slice *ret_why)
{
    enum config_scope scope = scope_of(resource_type);
    int32_t id = config_id(scope, name);
    struct writer why = writer_mem(a->mem);
    int16_t err = K_ERR_NONE;
    if (id < 0) {
        fmt_str(&why, "Unknown ");
        fmt_str(&why, scope_name(scope));
        fmt_str(&why, " config name: ");
        fmt_slice(&why, name);
        err = unknown_name_code(scope);
    } else if (value.p && !config_check(scope, id, value, &why)) {
        struct slice what = text_end(a, &why);
        why = writer_mem(a->mem);
        fmt_str(&why, "Invalid value for configuration ");
        fmt_slice(&why, name), fmt_str(&why, ": "), fmt_slice(&why, what);
        err = check_code(scope, id, value);
    } else if (value.p && config_state(scope, id, value) == K_CS_REFUSED) {
        fmt_slice(&why, name);
        fmt_str(&why, " cannot be had: ");
        fmt_slice(&why, config_why(scope, id));
        err = wrong_value_code(scope);
    }
    *ret_why = text_end(a, &why);
    return err;
}

void
config_tell(const struct request *q, int8_t resource_type, struct slice resource, struct slice name,
            struct slice value)
{
    struct controller *c = q->c;
    enum config_scope scope = scope_of(resource_type);
    int32_t id = config_id(scope, name);
    if (id < 0 || !value.p || q->validate_only) return;
    if (config_state(scope, id, value) != K_CS_WARNED) return;
    if (slice_eq(image_config_value(&c->image, resource_type, resource, name), value)) return;
    struct writer w = writer_mem(q->arena->mem);
    bool of_all = resource_type == RESOURCE_BROKER && resource.n == 0;
    fmt_str(&w, of_all ? "all brokers" : scope_name(scope));
    if (!of_all) fmt_char(&w, ' ');
    fmt_slice(&w, resource);
    fmt_str(&w, ": ");
    fmt_slice(&w, name);
    fmt_str(&w, " makes no difference: ");
    fmt_slice(&w, config_why(scope, id));
    NOTE(c->env, NOTE_LOG_MESSAGE, SLICE_NULL, writer_slice(&w), 2);
    writer_release(&w);
}

struct verdict
config_check_lags(struct slice min, struct slice max, struct arena *a)
{
    int64_t min_ms, max_ms;
    if (!min.p) min = k_text(k_topic_configs[K_TCFG_MIN_COMPACTION_LAG_MS].value);
    if (!max.p) max = k_text(k_topic_configs[K_TCFG_MAX_COMPACTION_LAG_MS].value);
    if (!slice_to_i64(min, &min_ms) || !slice_to_i64(max, &max_ms) || min_ms <= max_ms) return FINE;
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "conflict topic config setting min.compaction.lag.ms (");
    fmt_i64(&w, min_ms);
    fmt_str(&w, ") > max.compaction.lag.ms (");
    fmt_i64(&w, max_ms);
    fmt_char(&w, ')');
    return (struct verdict){K_ERR_INVALID_CONFIG, text_end(a, &w)};
}
