#include "broker/node/settings_fit.h"

#include "broker/base/fmt.h"

/* ---- words ---- */

static void
fmt_setting(struct writer *w, const struct config *c, int32_t id)
{
    fmt_slice(w, config_name(c, id));
    fmt_char(w, '=');
    fmt_slice(w, config_text(c, id));
}

/* "A=1: WHAT" */
static bool
refuse_value(const struct config *c, int32_t id, const char *what, struct writer *why)
{
    fmt_setting(why, c, id);
    fmt_str(why, ": ");
    fmt_str(why, what);
    return false;
}

/* ---- one number and another ---- */

enum order { LESS, AT_MOST };

static const struct {
    int16_t a;
    enum order order;
    int16_t b;
} pairs[] = {
    {K_CFG_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, K_CFG_REPLICA_SOCKET_TIMEOUT_MS},
    {K_CFG_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, K_CFG_REPLICA_LAG_TIME_MAX_MS},
    {K_CFG_LOG_CLEANER_MIN_COMPACTION_LAG_MS, AT_MOST, K_CFG_LOG_CLEANER_MAX_COMPACTION_LAG_MS},
    {K_CFG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, LESS, K_CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST, K_CFG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, AT_MOST, K_CFG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_SHARE_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_SHARE_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, LESS, K_CFG_GROUP_SHARE_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_SHARE_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_STREAMS_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_STREAMS_SESSION_TIMEOUT_MS, AT_MOST, K_CFG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, LESS, K_CFG_GROUP_STREAMS_SESSION_TIMEOUT_MS},
    {K_CFG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS},
    {K_CFG_GROUP_SHARE_DELIVERY_COUNT_LIMIT, AT_MOST, K_CFG_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT},
    {K_CFG_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT, AT_MOST, K_CFG_GROUP_SHARE_DELIVERY_COUNT_LIMIT},
    {K_CFG_GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, AT_MOST,
     K_CFG_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS},
    {K_CFG_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS, AT_MOST,
     K_CFG_GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS},
    {K_CFG_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS, AT_MOST,
     K_CFG_GROUP_SHARE_RECORD_LOCK_DURATION_MS},
    {K_CFG_GROUP_SHARE_RECORD_LOCK_DURATION_MS, AT_MOST,
     K_CFG_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS},
    {K_CFG_GROUP_SHARE_MAX_SIZE, AT_MOST, K_CFG_GROUP_SHARE_MAX_SHARE_SESSIONS},
    {K_CFG_GROUP_STREAMS_NUM_STANDBY_REPLICAS, AT_MOST, K_CFG_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
    {K_CFG_GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS, AT_MOST,
     K_CFG_GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS},
    {K_CFG_GROUP_STREAMS_NUM_WARMUP_REPLICAS, AT_MOST, K_CFG_GROUP_STREAMS_MAX_WARMUP_REPLICAS},
};

static bool
pairs_fit(const struct config *c, struct writer *why)
{
    for (int32_t i = 0; i < ARRAY_LEN(pairs); i++) {
        int64_t a = config_i64(c, pairs[i].a), b = config_i64(c, pairs[i].b);
        if (pairs[i].order == LESS ? a < b : a <= b) continue;
        fmt_setting(why, c, pairs[i].a);
        fmt_str(why, pairs[i].order == LESS ? " must be less than " : " must be at most ");
        fmt_setting(why, c, pairs[i].b);
        return false;
    }
    return true;
}

/* ---- who the node is ---- */

static bool
node_id_fits(const struct config *c, struct writer *why)
{
    int64_t node = config_i64(c, K_CFG_NODE_ID), broker = config_i64(c, K_CFG_BROKER_ID);
    if (!config_is_set(c, K_CFG_NODE_ID)) {
        fmt_str(why, "node.id is required, and must be 0 or more");
        return false;
    }
    if (!config_is_set(c, K_CFG_BROKER_ID) || broker == node) return true;
    fmt_setting(why, c, K_CFG_NODE_ID);
    fmt_str(why, " and ");
    fmt_setting(why, c, K_CFG_BROKER_ID);
    fmt_str(why, " differ: leave broker.id out, the old name of node.id");
    return false;
}

/* ---- logs ---- */

/* The milliseconds, minutes or hours that hold: the finest unit that is set. */
static int32_t
that_holds(const struct config *c, int32_t ms, int32_t minutes, int32_t hours)
{
    if (!config_is_null(c, ms)) return ms;
    return minutes >= 0 && !config_is_null(c, minutes) ? minutes : hours;
}

static bool
logs_fit(const struct config *c, struct writer *why)
{
    int32_t retention = that_holds(c, K_CFG_LOG_RETENTION_MS, K_CFG_LOG_RETENTION_MINUTES,
                                   K_CFG_LOG_RETENTION_HOURS);
    int32_t roll = that_holds(c, K_CFG_LOG_ROLL_MS, -1, K_CFG_LOG_ROLL_HOURS);
    int32_t jitter = that_holds(c, K_CFG_LOG_ROLL_JITTER_MS, -1, K_CFG_LOG_ROLL_JITTER_HOURS);
    if (config_i64(c, retention) == 0)
        return refuse_value(c, retention, "must be at least 1, or -1 to keep everything", why);
    if (config_i64(c, roll) < 1) return refuse_value(c, roll, "must be at least 1", why);
    if (config_i64(c, jitter) < 0) return refuse_value(c, jitter, "must be at least 0", why);
    int64_t cleaners = config_i64(c, K_CFG_LOG_CLEANER_THREADS);
    if (cleaners < 1) return refuse_value(c, K_CFG_LOG_CLEANER_THREADS, "must be at least 1", why);
    if (config_i64(c, K_CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE) / cleaners > 1048576) return true;
    return refuse_value(c, K_CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE,
                        "must be more than 1 MiB for each of log.cleaner.threads", why);
}

/* ---- connections ---- */

/* "host:n,host:n": how many connections each address may have. */
static bool
overrides_fit(const struct config *c, struct writer *why)
{
    struct slice text = config_str(c, K_CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    while (slice_trim(text).n) {
        int64_t comma = slice_find(text, ',', 0), n, colon = -1;
        struct slice item = slice_trim(slice_sub(text, 0, comma < 0 ? text.n : comma));
        text = comma < 0 ? SLICE_EMPTY : slice_sub(text, comma + 1, text.n);
        for (int64_t i = 0; i < item.n; i++)
            if (item.p[i] == ':') colon = i;
        if (colon > 0 && slice_find(item, ' ', 0) < 0 &&
            slice_to_i64(slice_sub(item, colon + 1, item.n), &n) && n <= INT32_MAX)
            continue;
        return refuse_value(c, K_CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES,
                            "must be a list of address:number", why);
    }
    return true;
}

static bool
connections_fit(const struct config *c, struct writer *why)
{
    int64_t queued = config_i64(c, K_CFG_QUEUED_MAX_REQUEST_BYTES);
    int64_t request = config_i64(c, K_CFG_SOCKET_REQUEST_MAX_BYTES);
    int64_t idle = config_i64(c, K_CFG_CONNECTIONS_MAX_IDLE_MS);
    int64_t delay = config_i64(c, K_CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS);
    if (queued > 0 && queued < request) {
        fmt_setting(why, c, K_CFG_QUEUED_MAX_REQUEST_BYTES);
        fmt_str(why, " must be at least ");
        fmt_setting(why, c, K_CFG_SOCKET_REQUEST_MAX_BYTES);
        return false;
    }
    if (!overrides_fit(c, why)) return false;
    if (config_i64(c, K_CFG_MAX_CONNECTIONS_PER_IP) == 0 &&
        slice_trim(config_str(c, K_CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES)).n == 0)
        return refuse_value(c, K_CFG_MAX_CONNECTIONS_PER_IP,
                            "nobody could connect: max.connections.per.ip.overrides is empty", why);
    if (idle < 0 || delay < idle) return true;
    fmt_setting(why, c, K_CFG_CONNECTIONS_MAX_IDLE_MS);
    fmt_str(why, " must be more than ");
    fmt_setting(why, c, K_CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS);
    return false;
}

/* ---- lists ---- */

static bool
list_names(const struct config *c, int32_t id, struct slice item)
{
    for (int32_t i = 0; i < config_list_n(c, id); i++)
        if (slice_eq(config_list_at(c, id, i), item)) return true;
    return false;
}

static bool
lists_fit(const struct config *c, struct writer *why)
{
    if (!list_names(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, S("classic")))
        return refuse_value(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS,
                            "\"classic\" must be among them", why);
    if (config_list_n(c, K_CFG_GROUP_SHARE_ASSIGNORS) != 1)
        return refuse_value(c, K_CFG_GROUP_SHARE_ASSIGNORS, "must be one assignor", why);
    int32_t tags = K_CFG_GROUP_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS;
    for (int32_t i = 0; i < config_list_n(c, tags); i++)
        for (int32_t k = 0; k < i; k++)
            if (slice_eq(config_list_at(c, tags, i), config_list_at(c, tags, k)))
                return refuse_value(c, tags, "a tag stands there twice", why);
    return true;
}

bool
settings_fit(const struct config *c, struct writer *why)
{
    return node_id_fits(c, why) && logs_fit(c, why) && pairs_fit(c, why) &&
           connections_fit(c, why) && lists_fit(c, why);
}

/* Kafka says this in its log and goes on. */
bool
settings_advise(const struct config *c, struct writer *advice)
{
    if (config_i64(c, K_CFG_BROKER_HEARTBEAT_INTERVAL_MS) * 2 <=
        config_i64(c, K_CFG_BROKER_SESSION_TIMEOUT_MS))
        return false;
    fmt_setting(advice, c, K_CFG_BROKER_HEARTBEAT_INTERVAL_MS);
    fmt_str(advice, " should be at most half of ");
    fmt_setting(advice, c, K_CFG_BROKER_SESSION_TIMEOUT_MS);
    fmt_str(advice, ": one lost heartbeat gets the broker fenced");
    return true;
}
