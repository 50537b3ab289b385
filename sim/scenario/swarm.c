#include "sim/scenario/swarm.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/env/env.h"
#include "sim/scenario/table.h"

#define TOPICS_MAX 8
#define RATE_MAX 500 /* records a second, of all producers */

struct drawn_topic {
    struct slice name;
    int64_t rf;
    bool is_compacted;
};

struct swarm {
    struct arena *a;
    const struct tree *plan;
    struct writer w;
    uint64_t seed;
    struct dice dice; /* of the part that is being drawn */
    int64_t brokers, controllers, until_ms, min_isr;
    struct drawn_topic topics[TOPICS_MAX];
    int32_t topics_n;
    int64_t segment_bytes; /* the least of all topics: what is sent fits in */
    bool clocks_jump, has_groups, has_txns, compacts, is_unclean;
    bool has_old_txns; /* some go by version 1: then no request may be late (KAFKA-17754) */
    bool has_transactors, disks_lie;
};

/* ---- dice and words ---- */

/* One draw in a statement: in which order a call's arguments are worked out, compilers decide. */

/* Each part has a stream of its own: what another draws does not move it. */
static void
begin_part(struct swarm *s, const char *name)
{
    static const struct siphash_key fixed = {0x73776172u, 0x6d2e3130u};
    struct siphash_key key = {siphash_u64x2(fixed, s->seed, 0), siphash_u64x2(fixed, s->seed, 1)};
    s->dice = (struct dice){.seed = key, .stream = siphash(key, slice_cstr(name))};
}

static int64_t
between(struct swarm *s, int64_t min, int64_t max)
{
    return dice_between(&s->dice, min, max);
}

static bool
chance(struct swarm *s, int64_t percent)
{
    return dice_below(&s->dice, 100) < percent;
}

/* Small ones as often as large ones: the doublings from min are drawn, then a number of that size. */
static int64_t
of_any_size(struct swarm *s, int64_t min, int64_t max)
{
    int64_t doublings = 0;
    while (min << (doublings + 1) <= max) doublings++;
    int64_t from = min << between(s, 0, doublings);
    return between(s, from, MIN(2 * from - 1, max));
}

static void put(struct swarm *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct swarm *s, const char *format, ...)
{
    char text[500];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    CHECK(n < (int)sizeof text);
    fmt_str(&s->w, text);
}

static const char *
word_of(struct swarm *s, const char *const *words, int64_t n)
{
    return words[dice_below(&s->dice, n)];
}
#define ONE_OF(s, ...) \
    word_of(s, (const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void
put_setting(struct swarm *s, const char *name, int64_t value)
{
    put(s, ", %s: %lld", name, (long long)value);
}

static void
put_ms(struct swarm *s, const char *name, int64_t value)
{
    put(s, ", %s: %lldms", name, (long long)value);
}

/* "  every: 20ms..300ms" */
static void
put_range_ms(struct swarm *s, const char *name, int64_t min, int64_t times)
{
    put(s, "  %s: %lldms..%lldms\n", name, (long long)min, (long long)(min * times));
}

/* Now and then, so many times in a hundred. */
static void
perhaps(struct swarm *s, int64_t percent, const char *name, int64_t min, int64_t max)
{
    bool is_drawn = chance(s, percent);
    int64_t value = of_any_size(s, min, max);
    if (is_drawn) put_setting(s, name, value);
}

/* ---- the cluster ---- */

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
    int64_t session = of_any_size(s, 600, 3000);
    int64_t election = of_any_size(s, 100, 500);
    put(s, "broker.session.timeout.ms: %lld, broker.heartbeat.interval.ms: %lld",
        (long long)session, (long long)session / 5);
    int64_t lag = of_any_size(s, 500, 3000), socket = of_any_size(s, 500, 2000);
    put_setting(s, "replica.lag.time.max.ms", lag);
    put_setting(s, "replica.socket.timeout.ms", socket);
    /* A fetch that waits for records, its way there and back, and some more: else each one that finds none fails. */
    put_setting(s, "replica.fetch.wait.max.ms", of_any_size(s, 20, MIN(lag, socket) / 2));
    put_setting(s, "controller.quorum.election.timeout.ms", election);
    put_setting(s, "controller.quorum.fetch.timeout.ms", election + between(s, 50, 400));
    put_setting(s, "controller.quorum.request.timeout.ms", of_any_size(s, 200, 800));
    put_setting(s, "controller.quorum.election.backoff.max.ms", of_any_size(s, 50, 400));
}

/* Of groups of KIP-848; those of classic groups stand with their members. */
static void
draw_group_settings(struct swarm *s)
{
    int64_t session = of_any_size(s, 1000, 4000);
    put_setting(s, "group.consumer.session.timeout.ms", session);
    put_setting(s, "group.consumer.min.session.timeout.ms", session);
    put_setting(s, "group.consumer.heartbeat.interval.ms", session / 6);
    put_setting(s, "group.consumer.min.heartbeat.interval.ms", session / 6);
    put_setting(s, "group.consumer.assignment.interval.ms", of_any_size(s, 50, 1000));
}

static void
draw_cleaner_settings(struct swarm *s)
{
    put_setting(s, "log.cleaner.backoff.ms", of_any_size(s, 20, 1000));
    perhaps(s, 20, "log.cleaner.threads", 1, 3);
    if (chance(s, 30)) put(s, ", log.cleaner.min.cleanable.ratio: 0.01");
}

static void
draw_txn_settings(struct swarm *s)
{
    put_setting(s, "transaction.state.log.num.partitions", between(s, 1, 4));
    put_setting(s, "transaction.state.log.replication.factor", MIN(3, s->brokers));
    put_setting(s, "transaction.state.log.min.isr", MIN(s->min_isr, MIN(3, s->brokers)));
    put_setting(s, "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                of_any_size(s, 50, 1000));
    if (chance(s, 15)) put(s, ", transaction.partition.verification.enable: false");
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
    int64_t min_isr = chance(s, 70) ? 2 : between(s, 1, 3);
    s->min_isr = MIN(min_isr, s->brokers);
    put(s, "  config: {min.insync.replicas: %lld, ", (long long)s->min_isr);
    draw_timeouts(s);
    s->is_unclean = chance(s, 6);
    if (s->is_unclean) put(s, ", unclean.leader.election.enable: true");
    s->has_txns = s->has_txns && can_have_txns(s);
    s->has_old_txns = s->has_old_txns && s->has_txns;
    perhaps(s, 60, "log.retention.check.interval.ms", 100, 2000);
    perhaps(s, 50, "log.initial.task.delay.ms", 50, 2000);
    perhaps(s, 40, "replica.high.watermark.checkpoint.interval.ms", 50, 5000);
    perhaps(s, 20, "log.flush.scheduler.interval.ms", 50, 2000);
    perhaps(s, 25, "replica.fetch.max.bytes", 500, 100000);
    perhaps(s, 20, "replica.fetch.response.max.bytes", 1000, 200000);
    perhaps(s, 20, "replica.fetch.backoff.ms", 20, 1000);
    perhaps(s, 15, "fetch.max.bytes", 2048, 200000);
    perhaps(s, 15, "num.replica.fetchers", 1, 4);
    perhaps(s, 10, "connections.max.idle.ms", 500, 10000);
    perhaps(s, 15, "max.incremental.fetch.session.cache.slots", 1, 6);
    perhaps(s, 40, "internal.metadata.log.segment.bytes", 2000, 50000);
    perhaps(s, 10, "metadata.max.idle.interval.ms", 50, 2000);
    if (chance(s, 10)) put(s, ", auto.leader.rebalance.enable: false");
    else perhaps(s, 30, "leader.imbalance.check.interval.seconds", 1, 5);
    /* Who is forgotten while he still writes may be doubled, in Kafka too: not before a send is given up, and not
     * by a clock that jumps. */
    bool expires = chance(s, 25) && !s->clocks_jump && !s->has_txns;
    int64_t expiration_ms = between(s, 20000, 40000);
    if (expires) put_setting(s, "producer.id.expiration.ms", expiration_ms);
    put_setting(s, "group.min.session.timeout.ms", 500);
    put_setting(s, "group.initial.rebalance.delay.ms", between(s, 0, 500));
    put_setting(s, "offsets.topic.num.partitions", between(s, 1, 5));
    put_setting(s, "offsets.topic.replication.factor", MIN(3, s->brokers));
    if (s->has_groups) draw_group_settings(s);
    if (s->compacts) draw_cleaner_settings(s);
    if (s->has_txns) draw_txn_settings(s);
    put(s, "}\n");
}

static void
draw_links_and_disks(struct swarm *s)
{
    put(s, "  network: {latency: %s",
        ONE_OF(s, "50us..500us", "200us..2ms", "1ms..5ms", "2ms..25ms"));
    perhaps(s, 50, "split", 1, 500);
    perhaps(s, 10, "bandwidth", 200000, 5000000);
    put(s, "}\n  disk: {fsync: %s", ONE_OF(s, "100us..1ms", "1ms..3ms", "2ms..30ms"));
    put(s, ", write: %s}\n", ONE_OF(s, "10us..100us", "50us..1ms", "100us..5ms"));
}

/* In two or three racks. */
static void
draw_racks(struct swarm *s)
{
    bool has_racks = chance(s, 30);
    int64_t racks = between(s, 2, 3);
    if (!has_racks || tree_get(s->plan, S("cluster"))) return;
    put(s, "  nodes: {");
    for (int64_t i = 0; i < s->brokers; i++)
        put(s, "%sb%lld: {rack: r%lld}", i ? ", " : "", (long long)i + 1, (long long)(i % racks));
    put(s, "}\n");
}

static void
draw_cluster(struct swarm *s)
{
    begin_part(s, "cluster");
    draw_shape(s);
    s->brokers = said_or(s, "brokers", s->brokers);
    s->controllers = said_or(s, "controllers", s->controllers);
    put(s, "cluster:\n  brokers: %lld\n  controllers: %lld\n", (long long)s->brokers,
        (long long)s->controllers);
    draw_settings(s);
    draw_links_and_disks(s);
    draw_racks(s);
}

/* ---- topics ---- */

/* Logs of many segments, indexes of few entries, and retention that keeps up with what is written. */
/* Tombstones go soon, or stay for a day. So do markers of transactions, and a replica that was away for longer than that never
 * learns how one ended: nobody is away for eight seconds. */
static void
draw_compaction(struct swarm *s)
{
    int64_t stay_min_ms = s->has_txns ? 8000 : 1, stay_max_ms = s->has_txns ? 16000 : 5000;
    put(s, ", cleanup.policy: %s", ONE_OF(s, "compact", "compact", "'compact,delete'"));
    put(s, ", min.cleanable.dirty.ratio: %s", ONE_OF(s, "0.01", "0.1", "0.5"));
    perhaps(s, 60, "delete.retention.ms", stay_min_ms, stay_max_ms);
    perhaps(s, 15, "min.compaction.lag.ms", 50, 2000);
    perhaps(s, 15, "max.compaction.lag.ms", 500, 5000);
}

static void
draw_log(struct swarm *s, int64_t rf, bool is_compacted)
{
    int64_t segment_bytes = of_any_size(s, 8 << 10, 256 << 10);
    put(s, "config: {index.interval.bytes: %lld", (long long)of_any_size(s, 1, 8192) - 1);
    if (rf < s->min_isr) put_setting(s, "min.insync.replicas", rf);
    if (chance(s, 75)) {
        put_setting(s, "internal.segment.bytes", segment_bytes);
        s->segment_bytes = MIN(s->segment_bytes, segment_bytes);
    }
    perhaps(s, 20, "segment.ms", 200, 5000);
    perhaps(s, 15, "segment.jitter.ms", 50, 500);
    perhaps(s, 30, "segment.index.bytes", 24, 2000);
    perhaps(s, 20, "retention.bytes", 20000, 500000);
    perhaps(s, 10, "retention.ms", 1000, 10000);
    perhaps(s, 50, "file.delete.delay.ms", 1, 2000);
    perhaps(s, 15, "flush.messages", 1, 200);
    perhaps(s, 10, "flush.ms", 50, 2000);
    if (is_compacted) draw_compaction(s);
    /* What leaders write anew the oracle reads from their disks: not from those that lie. */
    if (chance(s, 25) && !s->disks_lie) put(s, ", message.timestamp.type: LogAppendTime");
    if (chance(s, 25) && !s->disks_lie)
        put(s, ", compression.type: %s",
            ONE_OF(s, "gzip", "snappy", "lz4", "zstd", "uncompressed"));
    put(s, "}");
}

static void
draw_topics(struct swarm *s)
{
    static const char *const names[] = {"orders", "bills", "visits"};
    begin_part(s, "topics");
    s->segment_bytes = 1 << 20;
    const struct tree *said = tree_get(s->plan, S("topics"));
    for (int32_t i = 0; said && i < said->n && said->kind == TREE_MAP && i < TOPICS_MAX; i++)
        s->topics[s->topics_n++] = (struct drawn_topic){said->pairs[i].key, 2, true};
    if (said) return;
    put(s, "topics:\n");
    for (int64_t n = chance(s, 50) ? 1 : between(s, 2, 3); s->topics_n < n; s->topics_n++) {
        int64_t rf = chance(s, 85) ? MIN(3, s->brokers) : between(s, 1, MIN(5, s->brokers));
        bool is_compacted = s->compacts && (s->topics_n == 0 || chance(s, 40));
        s->topics[s->topics_n] =
            (struct drawn_topic){slice_cstr(names[s->topics_n]), rf, is_compacted};
        int64_t partitions = of_any_size(s, 1, 6);
        put(s, "  %s: {partitions: %lld, rf: %lld, ", names[s->topics_n], (long long)partitions,
            (long long)rf);
        draw_log(s, rf, is_compacted);
        put(s, "}\n");
    }
}

static const struct drawn_topic *
any_topic(struct swarm *s)
{
    return &s->topics[dice_below(&s->dice, MAX(s->topics_n, 1))];
}

/* One whose copies one broker's death leaves; NULL: there is none. */
static const struct drawn_topic *
topic_for_txns(struct swarm *s)
{
    int64_t from = dice_below(&s->dice, MAX(s->topics_n, 1));
    for (int32_t i = 0; i < s->topics_n; i++) {
        const struct drawn_topic *t = &s->topics[(from + i) % s->topics_n];
        if (t->rf >= MAX(s->min_isr, 2)) return t;
    }
    return NULL;
}

/* ---- clients ---- */

/* A compacted topic takes nothing without a key. */
static void
draw_keys(struct swarm *s, const struct drawn_topic *topic)
{
    perhaps(s, topic->is_compacted ? 100 : 50, "keys", 1, topic->is_compacted ? 200 : 50);
    if (topic->is_compacted) perhaps(s, 50, "tombstones", 2, 20);
}

static void
draw_producer(struct swarm *s, int64_t number, int64_t rate)
{
    const struct drawn_topic *topic = any_topic(s);
    int64_t room = s->segment_bytes / 4;
    put(s, "  p%lld: {produce: %.*s, rate: %lld/s, until: %lldms", (long long)number,
        SARG(topic->name), (long long)rate, (long long)s->until_ms);
    bool all = chance(s, 75);
    if (!all) put(s, ", acks: %s", ONE_OF(s, "1", "1", "0"));
    bool is_plain = all && chance(s, 25);
    if (is_plain) put(s, ", idempotent: false");
    put_setting(s, "in-flight", of_any_size(s, 1, 5));
    put_setting(s, "batch", of_any_size(s, 200, MIN(room, 16384)));
    put_ms(s, "linger", of_any_size(s, 1, 128) - 1);
    put_setting(s, "value-bytes", of_any_size(s, 8, MIN(room / 2, 4096)));
    draw_keys(s, topic);
    if (chance(s, 40)) put(s, ", codec: %s", ONE_OF(s, "gzip", "snappy", "lz4", "zstd"));
    put_ms(s, "request-timeout", of_any_size(s, 300, 2000));
    put_ms(s, "delivery-timeout", of_any_size(s, 3000, 12000));
    put(s, "}\n");
}

static void
draw_consumer(struct swarm *s, int64_t number)
{
    const struct drawn_topic *topic = any_topic(s);
    put(s, "  c%lld: {consume: %.*s", (long long)number, SARG(topic->name));
    if (chance(s, 20)) put(s, ", from: latest");
    if (chance(s, 50)) put(s, ", isolation: read-committed");
    put_ms(s, "max-wait", of_any_size(s, 20, 1000));
    put(s, "}\n");
}

/* Writers of one transactional id: the second takes the place of the first, which may live on as a zombie. */
static void
draw_transactor(struct swarm *s, const char *name, int64_t id, int64_t start_ms)
{
    const struct drawn_topic *topic = topic_for_txns(s);
    int64_t room = s->segment_bytes / 4;
    int64_t rate = of_any_size(s, 20, 200), request_ms = of_any_size(s, 300, 2000);
    if (!topic) return;
    s->has_transactors = true;
    put(s, "  %s: {produce: %.*s, transactional-id: t%lld, rate: %lld/s", name, SARG(topic->name),
        (long long)id, (long long)rate);
    if (start_ms) put_ms(s, "start", start_ms);
    put_ms(s, "until", s->until_ms);
    put_setting(s, "transaction", of_any_size(s, 1, 40));
    perhaps(s, 60, "abort-every", 1, 8);
    put_ms(s, "transaction-timeout", of_any_size(s, 500, 5000));
    if (s->has_old_txns) put(s, ", transaction-version: 1");
    draw_keys(s, topic);
    put_setting(s, "in-flight", of_any_size(s, 1, 5));
    put_setting(s, "batch", of_any_size(s, 200, MIN(room, 16384)));
    put_ms(s, "linger", of_any_size(s, 1, 128) - 1);
    put_setting(s, "value-bytes", of_any_size(s, 8, MIN(room / 2, 2048)));
    if (chance(s, 30)) put(s, ", codec: %s", ONE_OF(s, "gzip", "snappy", "lz4", "zstd"));
    put_ms(s, "request-timeout", s->has_old_txns ? 5000 : request_ms);
    put_ms(s, "delivery-timeout", of_any_size(s, 3000, 12000));
    put_ms(s, "metadata-max-age", of_any_size(s, 500, 3000));
    put(s, "}\n");
}

static void
draw_transactors(struct swarm *s)
{
    int64_t n = between(s, 1, 3);
    for (int64_t i = 1; i <= n; i++) {
        char name[24];
        bool is_replaced = chance(s, 35);
        int64_t when_ms = between(s, 1000, s->until_ms - 1000);
        snprintf(name, sizeof name, "t%lld", (long long)i);
        draw_transactor(s, name, i, 0);
        snprintf(name, sizeof name, "z%lld", (long long)i);
        if (is_replaced) draw_transactor(s, name, i, when_ms);
    }
}

/* Of KIP-848: how long a session is, the cluster says. */
static void
draw_protocol(struct swarm *s)
{
    int64_t session_ms = of_any_size(s, 1000, 4000);
    if (chance(s, 50)) {
        put(s, ", protocol: consumer, assignor: %s", ONE_OF(s, "range", "uniform"));
        return;
    }
    put(s, ", assignor: %s", ONE_OF(s, "range", "roundrobin", "sticky", "cooperative-sticky"));
    put_ms(s, "session", session_ms);
    put_ms(s, "heartbeat", session_ms / 6);
}

static void
draw_group(struct swarm *s, int64_t number)
{
    const struct drawn_topic *topic = any_topic(s), *other = any_topic(s);
    bool two = chance(s, 30) && topic != other;
    put(s, "  g%lld: {subscribe: ", (long long)number);
    if (two) put(s, "[%.*s, %.*s]", SARG(topic->name), SARG(other->name));
    else put(s, "%.*s", SARG(topic->name));
    put(s, ", group: readers%lld", (long long)number);
    put_setting(s, "members", between(s, 1, 4));
    draw_protocol(s);
    if (chance(s, 25)) put(s, ", instance: seat%lld", (long long)number);
    put_ms(s, "max-poll", between(s, 3000, 6000));
    put(s, ", commit: %s", ONE_OF(s, "before", "after", "auto"));
    put_setting(s, "poll-records", of_any_size(s, 20, 300));
    put_ms(s, "metadata-max-age", of_any_size(s, 500, 3000));
    if (s->has_txns) put(s, ", isolation: read-committed");
    put(s, ", work: %lldus}\n", (long long)of_any_size(s, 1, 1000) - 1);
}

static void
draw_clients(struct swarm *s)
{
    begin_part(s, "clients");
    if (tree_get(s->plan, S("clients"))) return;
    int64_t producers = of_any_size(s, 1, 4), rate = of_any_size(s, 20, RATE_MAX);
    put(s, "clients:\n");
    for (int64_t i = 1; i <= producers; i++) draw_producer(s, i, MAX(rate / producers, 1));
    if (s->has_txns) draw_transactors(s);
    int64_t consumers = between(s, 0, 2), groups = s->has_groups ? between(s, 1, 2) : 0;
    for (int64_t i = 1; i <= consumers; i++) draw_consumer(s, i);
    for (int64_t i = 1; i <= groups; i++) draw_group(s, i);
}

/* ---- what goes wrong ---- */

/* Whether it can happen here, and to some use. */
static bool
fault_fits(const struct swarm *s, const char *kind)
{
    static const char *const of_brokers[] = {"wipe", "rot", "misdirect"};
    static const char *const prompt[] = {"crash",         "power",     "shutdown",   "crash-at-op",
                                         "wipe",          "elect",     "topics",     "rot",
                                         "power-at-op",   "elections", "sync-fails", "crash-client",
                                         "delete-records"};
    bool has_replicas = false, is_prompt = !s->has_old_txns;
    for (int64_t i = 0; i < ARRAY_LEN(prompt); i++)
        is_prompt = is_prompt || strcmp(kind, prompt[i]) == 0;
    if (!is_prompt) return false;
    for (int32_t i = 0; i < s->topics_n; i++) has_replicas = has_replicas || s->topics[i].rf > 1;
    for (int64_t i = 0; i < ARRAY_LEN(of_brokers); i++)
        if (strcmp(kind, of_brokers[i]) == 0) return s->controllers > 0 && s->brokers > 1;
    if (strcmp(kind, "elections") == 0) return has_replicas;
    if (strcmp(kind, "clock") == 0) return s->clocks_jump;
    if (!s->disks_lie && (strcmp(kind, "rot") == 0 || strcmp(kind, "misdirect") == 0)) return false;
    if (strcmp(kind, "coordinator") == 0) return s->has_txns || s->has_groups;
    if (strcmp(kind, "hold-end") == 0) return s->has_txns;
    if (strcmp(kind, "crash-cleaning") == 0 || strcmp(kind, "power-cleaning") == 0)
        return s->compacts;
    return true;
}

/* Of all kinds about a third; one in ten worlds is whole, and only odd. */
static void
draw_faults(struct swarm *s)
{
    begin_part(s, "faults");
    if (tree_get(s->plan, S("random")) || chance(s, 10)) return;
    put(s, "random:\n  from: %lldms\n", (long long)between(s, 200, 1500));
    put(s, "  until: %lldms\n", (long long)s->until_ms);
    int64_t every_ms = of_any_size(s, 20, 300), lasting_ms = of_any_size(s, 50, 500);
    put_range_ms(s, "every", every_ms, between(s, 2, 10));
    put_range_ms(s, "lasting", lasting_ms, between(s, 2, 8));
    put(s, "  at-once: %lld\n", (long long)between(s, 1, 6));
    put(s, "  down: %lld\n  faults: {", (long long)between(s, 1, s->brokers > 3 ? 3 : 2));
    int32_t n = 0;
    for (int32_t i = 0; i < nemesis_faults_n; i++) {
        bool is_drawn = chance(s, 35);
        int64_t weight = between(s, 1, 8);
        if (!is_drawn || !fault_fits(s, nemesis_faults[i].name)) continue;
        put(s, "%s%s: %lld", n++ ? ", " : "", nemesis_faults[i].name, (long long)weight);
    }
    put(s, "%s}\n", n ? "" : "crash: 1");
}

/* ---- what an administrator does ---- */

/* The cluster's own compacted topics roll and are cleaned, too: when they are there, their segments become small. */
static void
draw_small_segments(struct swarm *s, const char *topic)
{
    int64_t at_ms = between(s, 500, s->until_ms / 2), bytes = of_any_size(s, 1000, 50000);
    put(s, "  - {at: %lldms, admin: {alter: %s, config: {internal.segment.bytes: %lld}}}\n",
        (long long)at_ms, topic, (long long)bytes);
}

static void
draw_timeline(struct swarm *s)
{
    begin_part(s, "timeline");
    bool groups = s->has_groups && s->compacts && chance(s, 60);
    bool txns = s->has_transactors && s->compacts && chance(s, 60);
    bool is_said = tree_get(s->plan, S("timeline")) || tree_get(s->plan, S("clients"));
    if (is_said || !(groups || txns)) return;
    put(s, "timeline:\n");
    if (groups) draw_small_segments(s, "__consumer_offsets");
    if (txns) draw_small_segments(s, "__transaction_state");
}

struct slice
swarm_draw(struct arena *a, const struct tree *plan, uint64_t seed)
{
    struct swarm s = {.a = a, .plan = plan, .seed = seed, .w = writer_mem(a->mem)};
    put(&s, "scenario: 1\n");
    begin_part(&s, "world");
    s.until_ms = between(&s, 6000, 16000);
    s.clocks_jump = chance(&s, 35);
    s.has_groups = chance(&s, 35);
    s.has_txns = chance(&s, 40);
    s.has_old_txns = chance(&s, 15);
    s.compacts = chance(&s, 35);
    s.disks_lie = chance(&s, 50);
    draw_cluster(&s);
    draw_topics(&s);
    draw_clients(&s);
    draw_faults(&s);
    draw_timeline(&s);
    struct slice text = arena_dup(a, writer_slice(&s.w));
    writer_release(&s.w);
    return text;
}
