/* The swarm's cluster: its shape, what is set, its links and disks. */
#include "sim/scenario/swarm_own.h"

#define READER_TIMEOUT_MS 1000 /* of clients that say nothing */

/* How long a request is under way; and what a follower's fetch must be able to bring, so that it keeps up with all that
 * clients send: one that gets a record in each round trip lags for ever, in Kafka, too. */
static const struct {
    const char *latency;
    int64_t fetched_bytes;
} links[] = {{"50us..500us", 500}, {"200us..2ms", 2000}, {"1ms..5ms", 10000}, {"2ms..25ms", 50000}};

static void
draw_shape(struct swarm *s)
{
    static const struct {
        int64_t weight, brokers, controllers;
    } shapes[] = {{8, 3, 3}, {5, 3, 0}, {2, 5, 3}, {2, 4, 1},
                  {1, 5, 0}, {1, 2, 3}, {1, 1, 3}, {1, 1, 0}};
    int64_t sum = 0, at;
    for (int64_t i = 0; i < ARRAY_LEN(shapes); i++) sum += shapes[i].weight;
    at = dice_below(&s->dice, sum);
    for (int64_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (at >= 0 && at < shapes[i].weight)
            s->brokers = shapes[i].brokers, s->controllers = shapes[i].controllers;
        at -= shapes[i].weight;
    }
}

/* The scenario's own word, if it has one. */
static int64_t
said_or(const struct swarm *s, const char *name, int64_t drawn)
{
    const struct tree *c = tree_get(s->plan, S("cluster"));
    const struct tree *t = c ? tree_get(c, slice_cstr(name)) : NULL;
    int64_t n;
    return t && t->kind == TREE_TEXT && slice_to_i64(t->text, &n) ? n : drawn;
}

static void
draw_timeouts(struct swarm *s)
{
    int64_t session = swarm_of_any_size(s, 600, 3000);
    int64_t election = swarm_of_any_size(s, 100, 500);
    swarm_put(s, "broker.session.timeout.ms: %lld, broker.heartbeat.interval.ms: %lld",
              (long long)session, (long long)session / 5);
    int64_t lag = swarm_of_any_size(s, 500, 3000), socket = swarm_of_any_size(s, 500, 2000);
    s->replica_socket_ms = socket;
    swarm_put_setting(s, "replica.lag.time.max.ms", lag);
    swarm_put_setting(s, "replica.socket.timeout.ms", socket);
    swarm_put_setting(s, "controller.socket.timeout.ms", s->controller_socket_ms);
    /* A fetch that waits for records, its way there and back, and some more: else each one that finds none fails. */
    swarm_put_setting(s, "replica.fetch.wait.max.ms",
                      swarm_of_any_size(s, 20, MIN(lag, socket) / 2));
    swarm_put_setting(s, "controller.quorum.election.timeout.ms", election);
    swarm_put_setting(s, "controller.quorum.fetch.timeout.ms",
                      election + swarm_between(s, 50, 400));
    swarm_put_setting(s, "controller.quorum.request.timeout.ms", swarm_of_any_size(s, 200, 800));
    swarm_put_setting(s, "controller.quorum.election.backoff.max.ms",
                      swarm_of_any_size(s, 50, 400));
}

/* What a fetch brings must come through before its time is over, half of which it may have waited: else whoever lags asks
 * for the same again and again, in Kafka, too. */
static void
draw_most_fetched(struct swarm *s, int64_t percent, const char *name, int64_t min,
                  int64_t timeout_ms)
{
    bool is_drawn = swarm_chance(s, percent);
    int64_t bytes = swarm_of_any_size(s, min, 200000);
    int64_t fits = s->bandwidth * timeout_ms / 1000 / 4;
    if (s->bandwidth) bytes = is_drawn ? MIN(bytes, fits) : fits;
    if (is_drawn || s->bandwidth) swarm_put_setting(s, name, bytes);
}

static void
draw_fetched_of_partition(struct swarm *s)
{
    bool is_drawn = swarm_chance(s, 25);
    int64_t bytes = swarm_of_any_size(s, 500, 100000);
    if (is_drawn)
        swarm_put_setting(s, "replica.fetch.max.bytes", MAX(bytes, links[s->link].fetched_bytes));
}

/* Of groups of KIP-848; those of classic groups stand with their members. */
static void
draw_group_settings(struct swarm *s)
{
    int64_t session = swarm_of_any_size(s, 1000, 4000);
    swarm_put_setting(s, "group.consumer.session.timeout.ms", session);
    swarm_put_setting(s, "group.consumer.min.session.timeout.ms", session);
    swarm_put_setting(s, "group.consumer.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.consumer.min.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.consumer.assignment.interval.ms", swarm_of_any_size(s, 50, 1000));
}

/* Who holds a record does so for longer than it may be away. */
static void
draw_share_settings(struct swarm *s)
{
    int64_t session = swarm_of_any_size(s, 1000, 4000);
    int64_t lock = swarm_of_any_size(s, 1000, 4000);
    swarm_put_setting(s, "group.share.session.timeout.ms", session);
    swarm_put_setting(s, "group.share.min.session.timeout.ms", session);
    swarm_put_setting(s, "group.share.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.share.min.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.share.record.lock.duration.ms", lock);
    swarm_put_setting(s, "group.share.min.record.lock.duration.ms", lock);
    swarm_put_setting(s, "share.coordinator.state.topic.num.partitions", swarm_between(s, 1, 4));
    swarm_put_setting(s, "share.coordinator.state.topic.replication.factor", MIN(3, s->brokers));
    swarm_put_setting(s, "share.coordinator.state.topic.min.isr",
                      MIN(s->min_isr, MIN(3, s->brokers)));
}

static void
draw_streams_settings(struct swarm *s)
{
    int64_t session = swarm_of_any_size(s, 1000, 4000);
    swarm_put_setting(s, "group.streams.session.timeout.ms", session);
    swarm_put_setting(s, "group.streams.min.session.timeout.ms", session);
    swarm_put_setting(s, "group.streams.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.streams.min.heartbeat.interval.ms", session / 6);
    swarm_put_setting(s, "group.streams.assignment.interval.ms", swarm_of_any_size(s, 50, 1000));
    swarm_put_setting(s, "group.streams.initial.rebalance.delay.ms", swarm_of_any_size(s, 1, 1000));
    if (!s->has_stores) return;
    swarm_put_setting(s, "group.streams.num.standby.replicas", swarm_between(s, 0, 2));
    swarm_put_setting(s, "default.replication.factor", MIN(3, s->brokers));
}

static void
draw_cleaner_settings(struct swarm *s)
{
    swarm_put_setting(s, "log.cleaner.backoff.ms", swarm_of_any_size(s, 20, 1000));
    swarm_perhaps(s, 20, "log.cleaner.threads", 1, 3);
    if (swarm_chance(s, 30)) swarm_put(s, ", log.cleaner.min.cleanable.ratio: 0.01");
}

static void
draw_txn_settings(struct swarm *s)
{
    swarm_put_setting(s, "transaction.state.log.num.partitions", swarm_between(s, 1, 4));
    swarm_put_setting(s, "transaction.state.log.replication.factor", MIN(3, s->brokers));
    swarm_put_setting(s, "transaction.state.log.min.isr", MIN(s->min_isr, MIN(3, s->brokers)));
    swarm_put_setting(s, "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                      swarm_of_any_size(s, 50, 1000));
    if (swarm_chance(s, 15)) swarm_put(s, ", transaction.partition.verification.enable: false");
}

/* What spans partitions and topics is kept only where each of them keeps what it promised: with one broker away at a
 * time, and no unclean elections. */
static bool
can_have_txns(const struct swarm *s)
{
    return s->brokers > 1 && s->min_isr > 1 && !s->is_unclean;
}

static void
draw_settings(struct swarm *s)
{
    int64_t min_isr = swarm_chance(s, 70) ? 2 : swarm_between(s, 1, 3);
    s->min_isr = MIN(min_isr, s->brokers);
    swarm_put(s, "  config: {min.insync.replicas: %lld, ", (long long)s->min_isr);
    draw_timeouts(s);
    s->is_unclean = swarm_chance(s, 6);
    if (s->is_unclean) swarm_put(s, ", unclean.leader.election.enable: true");
    s->has_txns = s->has_txns && can_have_txns(s);
    s->has_old_txns = s->has_old_txns && s->has_txns;
    swarm_perhaps(s, 60, "log.retention.check.interval.ms", 100, 2000);
    swarm_perhaps(s, 50, "log.initial.task.delay.ms", 50, 2000);
    swarm_perhaps(s, 40, "replica.high.watermark.checkpoint.interval.ms", 50, 5000);
    swarm_perhaps(s, 20, "log.flush.scheduler.interval.ms", 50, 2000);
    draw_fetched_of_partition(s);
    draw_most_fetched(s, 20, "replica.fetch.response.max.bytes",
                      MAX(1000, links[s->link].fetched_bytes), s->replica_socket_ms);
    swarm_perhaps(s, 20, "replica.fetch.backoff.ms", 20, 1000);
    draw_most_fetched(s, 15, "fetch.max.bytes", 2048, READER_TIMEOUT_MS);
    swarm_perhaps(s, 15, "num.replica.fetchers", 1, 4);
    swarm_perhaps(s, 10, "connections.max.idle.ms", 500, 10000);
    swarm_perhaps(s, 15, "max.incremental.fetch.session.cache.slots", 1, 6);
    swarm_perhaps(s, 40, "internal.metadata.log.segment.bytes", 2000, 50000);
    swarm_perhaps(s, 10, "metadata.max.idle.interval.ms", 50, 2000);
    if (swarm_chance(s, 10)) swarm_put(s, ", auto.leader.rebalance.enable: false");
    else swarm_perhaps(s, 30, "leader.imbalance.check.interval.seconds", 1, 5);
    /* Who is forgotten while he still writes may be doubled, in Kafka too: not before a send is given up, and not
     * by a clock that jumps. */
    bool expires = swarm_chance(s, 25) && !s->clocks_jump && !s->has_txns;
    int64_t expiration_ms = swarm_between(s, 20000, 40000);
    if (expires) swarm_put_setting(s, "producer.id.expiration.ms", expiration_ms);
    swarm_put_setting(s, "group.min.session.timeout.ms", 500);
    swarm_put_setting(s, "group.initial.rebalance.delay.ms", swarm_between(s, 0, 500));
    swarm_put_setting(s, "offsets.topic.num.partitions", swarm_between(s, 1, 5));
    swarm_put_setting(s, "offsets.topic.replication.factor", MIN(3, s->brokers));
    if (s->has_groups) draw_group_settings(s);
    if (s->compacts) draw_cleaner_settings(s);
    if (s->has_txns) draw_txn_settings(s);
    if (s->has_shares) draw_share_settings(s);
    if (s->has_streams) draw_streams_settings(s);
    if (s->racks)
        swarm_put(s, ", replica.selector.class: "
                     "org.apache.kafka.common.replica.RackAwareReplicaSelector");
    swarm_put(s, "}\n");
}

static void
draw_links_and_disks(struct swarm *s)
{
    swarm_put(s, "  network: {latency: %s", links[s->link].latency);
    swarm_perhaps(s, 50, "split", 1, 500);
    if (s->bandwidth) swarm_put_setting(s, "bandwidth", s->bandwidth);
    swarm_put(s, "}\n  disk: {fsync: %s", ONE_OF(s, "100us..1ms", "1ms..3ms", "2ms..30ms"));
    swarm_put(s, ", write: %s}\n", ONE_OF(s, "10us..100us", "50us..1ms", "100us..5ms"));
}

/* In two or three racks, or none. With them consumers are sent to the replica that is nearest to them. */
static void
draw_racks(struct swarm *s)
{
    bool has_racks = swarm_chance(s, 30);
    int64_t racks = swarm_between(s, 2, 3);
    s->racks = has_racks && !tree_get(s->plan, S("cluster")) ? racks : 0;
}

static void
put_racks(struct swarm *s)
{
    if (!s->racks) return;
    swarm_put(s, "  nodes: {");
    for (int64_t i = 0; i < s->brokers; i++)
        swarm_put(s, "%sb%lld: {rack: r%lld}", i ? ", " : "", (long long)i + 1,
                  (long long)(i % s->racks));
    swarm_put(s, "}\n");
}

void
swarm_draw_cluster(struct swarm *s)
{
    swarm_begin_part(s, "controller");
    s->controller_socket_ms = swarm_of_any_size(s, 500, 4000);
    swarm_begin_part(s, "links");
    if (swarm_chance(s, 10)) s->bandwidth = swarm_of_any_size(s, 200000, 5000000);
    s->link = swarm_between(s, 0, ARRAY_LEN(links) - 1);
    swarm_begin_part(s, "racks");
    draw_racks(s);
    swarm_begin_part(s, "cluster");
    draw_shape(s);
    s->brokers = said_or(s, "brokers", s->brokers);
    s->controllers = said_or(s, "controllers", s->controllers);
    swarm_put(s, "cluster:\n  brokers: %lld\n  controllers: %lld\n", (long long)s->brokers,
              (long long)s->controllers);
    draw_settings(s);
    draw_links_and_disks(s);
    put_racks(s);
}
