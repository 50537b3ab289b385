#include "broker/protocol/group_config.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

#define NO_BOUND (-1)

static const struct bounds {
    int32_t gcfg, min, max;
} all_bounds[] = {
    {K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
     K_CFG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    {K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, K_CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
     K_CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
    {K_GCFG_CONSUMER_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
     K_CFG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_GCFG_SHARE_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
     K_CFG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS},
    {K_GCFG_SHARE_SESSION_TIMEOUT_MS, K_CFG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
     K_CFG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS},
    {K_GCFG_SHARE_RECORD_LOCK_DURATION_MS, K_CFG_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
     K_CFG_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS},
    {K_GCFG_SHARE_DELIVERY_COUNT_LIMIT, K_CFG_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
     K_CFG_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT},
    {K_GCFG_SHARE_PARTITION_MAX_RECORD_LOCKS, K_CFG_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
     K_CFG_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS},
    {K_GCFG_SHARE_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS,
     K_CFG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
     K_CFG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS},
    {K_GCFG_STREAMS_SESSION_TIMEOUT_MS, K_CFG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
     K_CFG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS},
    {K_GCFG_STREAMS_NUM_STANDBY_REPLICAS, NO_BOUND, K_CFG_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
    {K_GCFG_STREAMS_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS,
     K_CFG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_GCFG_STREAMS_TASK_OFFSET_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS,
     NO_BOUND},
    {K_GCFG_STREAMS_NUM_WARMUP_REPLICAS, NO_BOUND, K_CFG_GROUP_STREAMS_MAX_WARMUP_REPLICAS},
};

/* The second must be the longer one. */
static const int32_t intervals[][2] = {
    {K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS},
    {K_GCFG_SHARE_HEARTBEAT_INTERVAL_MS, K_GCFG_SHARE_SESSION_TIMEOUT_MS},
    {K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS, K_GCFG_STREAMS_SESSION_TIMEOUT_MS},
};

/* ---- numbers ------------------------------------------------------------------------------------ */

static int64_t
broker_value(const struct config *broker, int32_t id)
{
    int64_t v = 0;
    if (broker) return config_i64(broker, id);
    CHECK(config_parse(CONFIG_BROKER, id, k_text(k_broker_configs[id].value), &v));
    return v;
}

static int64_t
least(const struct config *broker, const struct bounds *b)
{
    return b->min == NO_BOUND ? INT64_MIN : broker_value(broker, b->min);
}

static int64_t
most(const struct config *broker, const struct bounds *b)
{
    return b->max == NO_BOUND ? INT64_MAX : broker_value(broker, b->max);
}

static bool
refuse_bound(struct writer *why, const struct bounds *b, const char *relation, int32_t id,
             int64_t v)
{
    fmt_slice(why, k_text(k_group_configs[b->gcfg].name));
    fmt_str(why, relation);
    fmt_slice(why, k_text(k_broker_configs[id].name));
    fmt_str(why, " (");
    fmt_i64(why, v);
    fmt_char(why, ')');
    return false;
}

static bool
check_group_bounds(const struct config *broker, const struct slice *values, struct writer *why)
{
    for (int64_t i = 0; i < ARRAY_LEN(all_bounds); i++) {
        const struct bounds *b = &all_bounds[i];
        int64_t v, min = least(broker, b), max = most(broker, b);
        if (!values[b->gcfg].p || !config_parse(CONFIG_GROUP, b->gcfg, values[b->gcfg], &v))
            continue;
        if (v < min) return refuse_bound(why, b, " must not be less than ", b->min, min);
        if (v > max) return refuse_bound(why, b, " must not be more than ", b->max, max);
    }
    return true;
}

static int64_t
effective(const struct config *broker, int32_t gcfg, struct slice value)
{
    int64_t v;
    if (value.p && config_parse(CONFIG_GROUP, gcfg, value, &v)) return v;
    return broker_value(broker, k_group_configs[gcfg].synonyms[0]);
}

static bool
check_intervals(const struct config *broker, const struct slice *values, struct writer *why)
{
    for (int64_t i = 0; i < ARRAY_LEN(intervals); i++) {
        int32_t beat = intervals[i][0], session = intervals[i][1];
        if (!values[beat].p && !values[session].p) continue;
        if (effective(broker, session, values[session]) > effective(broker, beat, values[beat]))
            continue;
        fmt_slice(why, k_text(k_group_configs[session].name));
        fmt_str(why, " must be more than ");
        fmt_slice(why, k_text(k_group_configs[beat].name));
        return false;
    }
    return true;
}

int64_t
group_config_clamp(const struct config *broker, int32_t gcfg, int64_t v)
{
    for (int64_t i = 0; i < ARRAY_LEN(all_bounds); i++) {
        const struct bounds *b = &all_bounds[i];
        if (b->gcfg == gcfg) return MIN(MAX(v, least(broker, b)), most(broker, b));
    }
    return v;
}

/* ---- words -------------------------------------------------------------------------------------- */

/* The next item of a list, trimmed; false: there was none. */
static bool
next_item(struct slice *rest, struct slice *ret)
{
    if (slice_trim(*rest).n == 0) return false;
    int64_t comma = slice_find(*rest, ',', 0);
    *ret = slice_trim(slice_sub(*rest, 0, comma < 0 ? rest->n : comma));
    *rest = comma < 0 ? SLICE_EMPTY : slice_sub(*rest, comma + 1, rest->n);
    return true;
}

/* Each is compared with each: there is a limit. */
#define TAGS_MAX 256

static bool
check_tags(struct slice list, struct writer *why)
{
    struct slice item, other;
    int32_t n = 0;
    bool twice = false;
    for (struct slice rest = list; n <= TAGS_MAX && next_item(&rest, &item); n++)
        for (struct slice behind = rest; n < TAGS_MAX && next_item(&behind, &other);)
            twice |= slice_eq(item, other);
    if (n <= TAGS_MAX && !twice) return true;
    fmt_str(why, "streams.rack.aware.assignment.tags ");
    fmt_str(why, twice ? "names a tag twice" : "names more than 256 tags");
    return false;
}

static bool
names(struct slice list, struct slice word)
{
    struct slice item;
    for (struct slice rest = list; next_item(&rest, &item);)
        if (slice_eq(item, word)) return true;
    return false;
}

static bool
check_words(const struct config *broker, const struct slice *values, struct writer *why)
{
    struct slice assignor = values[K_GCFG_STREAMS_ASSIGNOR_NAME];
    int32_t known = K_CFG_GROUP_STREAMS_ASSIGNORS;
    struct slice assignors =
        broker ? config_str(broker, known) : k_text(k_broker_configs[known].value);
    if (!check_tags(values[K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS], why)) return false;
    if (assignor.p && !names(assignors, slice_trim(assignor))) {
        fmt_str(why, "streams.assignor.name must be one of group.streams.assignors: ");
        fmt_slice(why, assignors);
        return false;
    }
    if (slice_starts(slice_trim(values[K_GCFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME]), S("__"))) {
        fmt_str(why,
                "errors.deadletterqueue.topic.name must not begin with __, as internal topics do");
        return false;
    }
    return true;
}

bool
group_config_check(const struct config *broker, const struct slice *values, struct writer *ret_why)
{
    return check_group_bounds(broker, values, ret_why) && check_words(broker, values, ret_why) &&
           check_intervals(broker, values, ret_why);
}

/* ---- metrics of clients ------------------------------------------------------------------------- */

bool
client_metrics_match_check(struct slice match, struct writer *ret_why)
{
    struct slice kinds = S("client_instance_id,client_id,client_software_name,"
                           "client_software_version,client_source_address,client_source_port");
    struct slice item;
    for (struct slice rest = match; next_item(&rest, &item);) {
        int64_t eq = slice_find(item, '=', 0);
        bool is_pair = eq > 0 && eq + 1 < item.n && slice_find(item, '=', eq + 1) < 0;
        if (is_pair && names(kinds, slice_trim(slice_sub(item, 0, eq)))) continue;
        fmt_str(ret_why, "\"");
        fmt_slice(ret_why, item);
        fmt_str(ret_why, "\" is not of the form KIND=EXPRESSION, with a KIND of ");
        fmt_slice(ret_why, kinds);
        return false;
    }
    return true;
}
