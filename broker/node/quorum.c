/* The quorum's part of a node: what is committed goes into the image, from there to the broker and the
 * controller; what the controller decides is proposed. */
#include "broker/api/connections.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"
#include "broker/record/batch.h"

#define MS_PER_S 1000
#define CENTURY_MS (100LL * 365 * 86400 * MS_PER_S)

/* ---- what is committed ---- */

static void
bad_record(struct node *n, const char *why)
{
    node_fail(n, "the metadata log cannot be read: ", slice_cstr(why), "", SLICE_EMPTY);
}

static void
on_committed(void *owner, const struct raft_batch *b)
{
    struct node *n = owner;
    const char *why = image_apply_batch(&n->image, b->bytes, &n->env->scratch);
    if (why) bad_record(n, why);
}

static void
on_snapshot(void *owner, struct slice batches, int64_t end_offset, int32_t epoch)
{
    struct node *n = owner;
    image_snapshot_begin(&n->image);
    int64_t at = 0;
    struct batch_header h;
    struct slice batch;
    enum batch_err err = BATCH_OK;
    while (batch_next(batches, &at, &h, &batch, &err)) {
        const char *why = image_apply_batch(&n->image, batch, &n->env->scratch);
        if (why) {
            bad_record(n, why);
            return;
        }
    }
    if (err != BATCH_OK) bad_record(n, batch_err_text(err));
    else image_snapshot_end(&n->image, end_offset, epoch);
}

/* Whoever waits for the active controller tries again as soon as there may be one, not after its
 * back-off only. */
static void
kick_links(struct node *n)
{
    if (!n->announced) return;
    if (n->is_controller) controller_link_kick(&n->registration_link);
    if (!n->is_broker) return;
    controller_link_kick(&n->lifecycle.link);
    controller_link_kick(&n->replicas->alter_link);
    controller_link_kick(&n->server.forwarder->link);
    producer_ids_kick(n->server.producer_ids);
}

static void
on_leader_changed(void *owner, int32_t epoch, int32_t leader_id)
{
    (void)epoch, (void)leader_id;
    kick_links(owner);
}

static void
on_caught_up(void *owner, int64_t high_watermark)
{
    struct node *n = owner;
    NOTE(n->env, NOTE_METADATA_APPLIED, S("__cluster_metadata-0"), SLICE_NULL, high_watermark - 1,
         raft_epoch(n->raft));
    if (n->controller) controller_committed(n->controller, high_watermark);
    if (n->is_broker) lifecycle_metadata_advanced(n);
}

static void
on_changed(void *owner, const struct image_delta *d)
{
    struct node *n = owner;
    if (!n->applied) return;
    replicas_apply(n->replicas, d);
    if (d->configs.n) connections_review(&n->server);
    if (d->created_topics.n + d->deleted_topics.n + d->partitions.n)
        groups_topics_changed(n->server.groups, d->created_topics.n > 0);
    for (int64_t i = 0; i < d->deleted_topics.n; i++) {
        groups_topic_deleted(n->server.groups, d->deleted_topics.v[i].name,
                             d->deleted_topics.v[i].id);
        shares_topic_deleted(n->server.shares, d->deleted_topics.v[i].id);
    }
}

static const struct image_ops image_ops = {.changed = on_changed};

/* ---- who leads ---- */

static void
on_opened(void *owner, enum env_err err, struct slice why)
{
    struct node *n = owner;
    if (err != ENV_OK) {
        env_fatal(n->env, why);
        return;
    }
    n->raft_open = true;
    node_go_on(n);
}

static void
on_became_leader(void *owner, int32_t epoch)
{
    struct node *n = owner;
    controller_activate(n->controller, epoch, &n->image);
    kick_links(n);
}

static void
on_resigned(void *owner, int32_t epoch)
{
    (void)epoch;
    struct node *n = owner;
    controller_resign(n->controller);
}

static const struct raft_ops controller_raft_ops = {
    .opened = on_opened,
    .leader_changed = on_leader_changed,
    .became_leader = on_became_leader,
    .resigned = on_resigned,
    .snapshot = on_snapshot,
    .committed = on_committed,
    .caught_up = on_caught_up,
};

static const struct raft_ops broker_raft_ops = {
    .opened = on_opened,
    .leader_changed = on_leader_changed,
    .snapshot = on_snapshot,
    .committed = on_committed,
    .caught_up = on_caught_up,
};

/* ---- what the controller decides ---- */

static int64_t
next_offset(void *owner)
{
    struct node *n = owner;
    return raft_end_offset(n->raft);
}

static bool
propose(void *owner, int32_t epoch, const struct slice *values, int32_t count)
{
    struct node *n = owner;
    int64_t last;
    return raft_propose(n->raft, epoch, values, count, &last) == RAFT_OK;
}

static const struct proposer_ops proposer_ops = {next_offset, propose};

/* In milliseconds. More than a century is never, and must not overflow on its way to nanoseconds. */
static int64_t
at_most_a_century(int64_t n, int64_t unit_ms)
{
    return MIN(n, CENTURY_MS / unit_ms) * unit_ms;
}

#define FEATURES_MAX 8

/* What is served is finalised when a cluster is made, as Kafka does; kraft.version is the quorum's own. */
static int32_t
served_features(struct controller_feature ret[FEATURES_MAX])
{
    int32_t count, n = 0;
    const struct server_feature *f = server_features(&count);
    for (int32_t i = 0; i < count; i++) {
        if (f[i].finalised == 0) continue;
        CHECK(n < FEATURES_MAX);
        ret[n++] =
            (struct controller_feature){slice_cstr(f[i].name), f[i].finalised, f[i].min, f[i].max};
    }
    return n;
}

struct controller_options
node_controller_options(const struct node *n)
{
    const struct config *c = &n->config;
    struct controller_options o = {
        .node_id = n->identity.node_id,
        .cluster_id = n->identity.cluster_id,
        .session_timeout_ms = config_i64(c, K_CFG_BROKER_SESSION_TIMEOUT_MS),
        .noop_interval_ms = config_i64(c, K_CFG_METADATA_MAX_IDLE_INTERVAL_MS),
        .rebalance_interval_ms = at_most_a_century(
            config_i64(c, K_CFG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS), MS_PER_S),
        .unclean_interval_ms =
            at_most_a_century(config_i64(c, K_CFG_UNCLEAN_LEADER_ELECTION_INTERVAL_MS), 1),
        .num_partitions = (int32_t)config_i64(c, K_CFG_NUM_PARTITIONS),
        .replication_factor = (int16_t)config_i64(c, K_CFG_DEFAULT_REPLICATION_FACTOR),
        .min_insync_replicas = (int32_t)config_i64(c, K_CFG_MIN_INSYNC_REPLICAS),
        .unclean_leader_election = config_bool(c, K_CFG_UNCLEAN_LEADER_ELECTION_ENABLE),
        .delete_topics_off = !config_bool(c, K_CFG_DELETE_TOPIC_ENABLE),
        .config = c,
    };
    if (o.noop_interval_ms == 0) o.noop_interval_ms = -1;
    if (!config_bool(c, K_CFG_AUTO_LEADER_REBALANCE_ENABLE)) o.rebalance_interval_ms = -1;
    return o;
}

static void
make_controller(struct node *n)
{
    struct controller_options o = node_controller_options(n);
    struct controller_feature features[FEATURES_MAX];
    o.features = features;
    o.features_n = served_features(features);
    n->controller = controller_new(n->env, &o, &proposer_ops, n);
    n->server.controller = n->controller;
}

void
quorum_open(struct node *n)
{
    const struct config *c = &n->config;
    image_init(&n->image, &n->env->purses[PURSE_METADATA], env_map_key(n->env), &image_ops, n);
    n->image.cluster_id = n->identity.cluster_id;
    n->server.image = &n->image;
    /* The one for tests has no least value, and goes first. */
    int64_t tested_bytes = config_i64(c, K_CFG_INTERNAL_METADATA_LOG_SEGMENT_BYTES);
    struct raft_config rc = {
        .node_id = n->identity.node_id,
        .directory_id = identity_metadata_dir_id(n),
        .cluster_id = n->identity.cluster_id,
        .log_dir = n->metadata_dir,
        .is_controller = n->is_controller,
        .listener = n->controller_listener,
        .login = n->controller_login ? &n->controller_login->kind : NULL,
        .election_timeout_ms = config_i64(c, K_CFG_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS),
        .election_backoff_max_ms = config_i64(c, K_CFG_CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS),
        .fetch_timeout_ms = config_i64(c, K_CFG_CONTROLLER_QUORUM_FETCH_TIMEOUT_MS),
        .request_timeout_ms = config_i64(c, K_CFG_CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS),
        .retry_backoff_ms = config_i64(c, K_CFG_CONTROLLER_QUORUM_RETRY_BACKOFF_MS),
        .segment_bytes =
            tested_bytes > 0 ? tested_bytes : config_i64(c, K_CFG_METADATA_LOG_SEGMENT_BYTES),
        .segment_ms = MAX(config_i64(c, K_CFG_METADATA_LOG_SEGMENT_MS), 1),
    };
    if (!node_parse_voters(n, &rc)) return;
    if (n->is_controller) make_controller(n);
    n->raft = raft_new(n->env, &rc, n->is_controller ? &controller_raft_ops : &broker_raft_ops, n);
    n->server.raft = n->raft;
    raft_open(n->raft);
}
