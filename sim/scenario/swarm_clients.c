/* The swarm's clients. */
#include "sim/scenario/swarm_own.h"

#include <stdio.h>

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

/* A compacted topic takes nothing without a key. */
static void
draw_keys(struct swarm *s, const struct drawn_topic *topic)
{
    swarm_perhaps(s, topic->is_compacted ? 100 : 50, "keys", 1, topic->is_compacted ? 200 : 50);
    if (topic->is_compacted) swarm_perhaps(s, 50, "tombstones", 2, 20);
}

static void
draw_producer(struct swarm *s, int64_t number, int64_t rate)
{
    const struct drawn_topic *topic = any_topic(s);
    int64_t room = s->segment_bytes / 4;
    swarm_put(s, "  p%lld: {produce: %.*s, rate: %lld/s, until: %lldms", (long long)number,
              SARG(topic->name), (long long)rate, (long long)s->until_ms);
    bool all = swarm_chance(s, 75);
    if (!all) swarm_put(s, ", acks: %s", ONE_OF(s, "1", "1", "0"));
    bool is_plain = all && swarm_chance(s, 25);
    if (is_plain) swarm_put(s, ", idempotent: false");
    swarm_put_setting(s, "in-flight", swarm_of_any_size(s, 1, 5));
    swarm_put_setting(s, "batch", swarm_of_any_size(s, 200, MIN(room, 16384)));
    swarm_put_ms(s, "linger", swarm_of_any_size(s, 1, 128) - 1);
    swarm_put_setting(s, "value-bytes", swarm_of_any_size(s, 8, MIN(room / 2, 4096)));
    draw_keys(s, topic);
    if (swarm_chance(s, 40))
        swarm_put(s, ", codec: %s", ONE_OF(s, "gzip", "snappy", "lz4", "zstd"));
    swarm_put_ms(s, "request-timeout", swarm_of_any_size(s, 300, 2000));
    swarm_put_ms(s, "delivery-timeout", swarm_of_any_size(s, 3000, 12000));
    swarm_put(s, "}\n");
}

/* One of the brokers' racks, or one without a broker. */
static void
draw_rack(struct swarm *s)
{
    if (!s->racks) return;
    swarm_put(s, ", rack: r%lld", (long long)swarm_between(s, 0, s->racks));
    swarm_put_ms(s, "metadata-max-age", swarm_of_any_size(s, 500, 3000));
}

static void
draw_consumer(struct swarm *s, int64_t number)
{
    const struct drawn_topic *topic = any_topic(s);
    swarm_put(s, "  c%lld: {consume: %.*s", (long long)number, SARG(topic->name));
    if (swarm_chance(s, 20)) swarm_put(s, ", from: latest");
    if (swarm_chance(s, 50)) swarm_put(s, ", isolation: read-committed");
    swarm_put_ms(s, "max-wait", swarm_of_any_size(s, 20, 1000));
    draw_rack(s);
    swarm_put(s, "}\n");
}

/* Writers of one transactional id: the second takes the place of the first, which may live on as a zombie. */
static void
draw_transactor(struct swarm *s, const char *name, int64_t id, int64_t start_ms)
{
    const struct drawn_topic *topic = topic_for_txns(s);
    int64_t room = s->segment_bytes / 4;
    int64_t rate = swarm_of_any_size(s, 20, 200), request_ms = swarm_of_any_size(s, 300, 2000);
    if (!topic) return;
    s->has_transactors = true;
    swarm_put(s, "  %s: {produce: %.*s, transactional-id: t%lld, rate: %lld/s", name,
              SARG(topic->name), (long long)id, (long long)rate);
    if (start_ms) swarm_put_ms(s, "start", start_ms);
    swarm_put_ms(s, "until", s->until_ms);
    swarm_put_setting(s, "transaction", swarm_of_any_size(s, 1, 40));
    swarm_perhaps(s, 60, "abort-every", 1, 8);
    swarm_put_ms(s, "transaction-timeout", swarm_of_any_size(s, 500, 5000));
    if (s->has_old_txns) swarm_put(s, ", transaction-version: 1");
    draw_keys(s, topic);
    swarm_put_setting(s, "in-flight", swarm_of_any_size(s, 1, 5));
    swarm_put_setting(s, "batch", swarm_of_any_size(s, 200, MIN(room, 16384)));
    swarm_put_ms(s, "linger", swarm_of_any_size(s, 1, 128) - 1);
    swarm_put_setting(s, "value-bytes", swarm_of_any_size(s, 8, MIN(room / 2, 2048)));
    if (swarm_chance(s, 30))
        swarm_put(s, ", codec: %s", ONE_OF(s, "gzip", "snappy", "lz4", "zstd"));
    swarm_put_ms(s, "request-timeout", s->has_old_txns ? 5000 : request_ms);
    swarm_put_ms(s, "delivery-timeout", swarm_of_any_size(s, 3000, 12000));
    swarm_put_ms(s, "metadata-max-age", swarm_of_any_size(s, 500, 3000));
    swarm_put(s, "}\n");
}

static void
draw_transactors(struct swarm *s)
{
    int64_t n = swarm_between(s, 1, 3);
    for (int64_t i = 1; i <= n; i++) {
        char name[24];
        bool is_replaced = swarm_chance(s, 35);
        int64_t when_ms = swarm_between(s, 1000, s->until_ms - 1000);
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
    int64_t session_ms = swarm_of_any_size(s, 1000, 4000);
    if (swarm_chance(s, 50)) {
        swarm_put(s, ", protocol: consumer, assignor: %s", ONE_OF(s, "range", "uniform"));
        return;
    }
    swarm_put(s, ", assignor: %s",
              ONE_OF(s, "range", "roundrobin", "sticky", "cooperative-sticky"));
    swarm_put_ms(s, "session", session_ms);
    swarm_put_ms(s, "heartbeat", session_ms / 6);
}

static void
draw_group(struct swarm *s, int64_t number)
{
    const struct drawn_topic *topic = any_topic(s), *other = any_topic(s);
    bool two = swarm_chance(s, 30) && topic != other;
    swarm_put(s, "  g%lld: {subscribe: ", (long long)number);
    if (two) swarm_put(s, "[%.*s, %.*s]", SARG(topic->name), SARG(other->name));
    else swarm_put(s, "%.*s", SARG(topic->name));
    swarm_put(s, ", group: readers%lld", (long long)number);
    swarm_put_setting(s, "members", swarm_between(s, 1, 4));
    draw_protocol(s);
    bool is_static = swarm_chance(s, 25);
    if (is_static) swarm_put(s, ", instance: seat%lld", (long long)number);
    s->has_seats = s->has_seats || is_static;
    swarm_put_ms(s, "max-poll", swarm_between(s, 3000, 6000));
    swarm_put(s, ", commit: %s", ONE_OF(s, "before", "after", "auto"));
    swarm_put_setting(s, "poll-records", swarm_of_any_size(s, 20, 300));
    swarm_put_ms(s, "metadata-max-age", swarm_of_any_size(s, 500, 3000));
    if (s->has_txns) swarm_put(s, ", isolation: read-committed");
    swarm_put(s, ", work: %lldus}\n", (long long)swarm_of_any_size(s, 1, 1000) - 1);
}

/* What is left of a compacted topic is no matter of who works on each record. */
static const struct drawn_topic *
topic_for_work(struct swarm *s, const struct drawn_topic * not )
{
    int64_t from = dice_below(&s->dice, MAX(s->topics_n, 1));
    for (int32_t i = 0; i < s->topics_n; i++) {
        const struct drawn_topic *t = &s->topics[(from + i) % s->topics_n];
        if (t != not &&!t->is_compacted && t->rf >= MAX(s->min_isr, 2)) return t;
    }
    return NULL;
}

/* Members of a share group. */
static void
draw_share(struct swarm *s, int64_t number)
{
    const struct drawn_topic *topic = topic_for_work(s, NULL);
    int64_t members = swarm_between(s, 1, 4), records = swarm_of_any_size(s, 5, 200);
    if (!topic) return;
    swarm_put(s, "  w%lld: {share: %.*s, share-group: workers%lld", (long long)number,
              SARG(topic->name), (long long)number);
    swarm_put_setting(s, "members", members);
    swarm_put_setting(s, "poll-records", records);
    swarm_perhaps(s, 50, "release-every", 2, 20);
    swarm_perhaps(s, 40, "reject-every", 3, 30);
    swarm_put(s, ", work: %lldus}\n", (long long)swarm_of_any_size(s, 1, 1000) - 1);
}

/* Members that copy, in transactions, from one topic to another. */
static void
draw_copiers(struct swarm *s)
{
    const struct drawn_topic *from = topic_for_work(s, NULL), *to = topic_for_work(s, from);
    int64_t members = swarm_between(s, 1, 3), session_ms = swarm_of_any_size(s, 1000, 4000);
    if (!from || !to || s->has_old_txns) return;
    swarm_put(s, "  copier: {subscribe: %.*s, group: copiers, copy-to: %.*s", SARG(from->name),
              SARG(to->name));
    swarm_put_setting(s, "members", members);
    swarm_put_ms(s, "session", session_ms);
    swarm_put_ms(s, "heartbeat", session_ms / 6);
    swarm_put_ms(s, "max-poll", swarm_between(s, 3000, 6000));
    swarm_put_setting(s, "poll-records", swarm_of_any_size(s, 5, 50));
    swarm_perhaps(s, 40, "abort-every", 2, 10);
    swarm_put_ms(s, "transaction-timeout", swarm_of_any_size(s, 1500, 5000));
    swarm_put_ms(s, "metadata-max-age",
                 2000); /* else a leader learns of new partitions in five minutes */
    swarm_put(s, ", work: %lldus}\n", (long long)swarm_of_any_size(s, 1, 1000) - 1);
}

static void
draw_streams(struct swarm *s)
{
    const struct drawn_topic *topic = any_topic(s);
    swarm_put(s, "  flow: {subscribe: %.*s, group: flows, protocol: streams", SARG(topic->name));
    swarm_put_setting(s, "members", swarm_between(s, 1, 4));
    swarm_put_ms(s, "max-poll", swarm_between(s, 3000, 6000));
    swarm_put_setting(s, "poll-records", swarm_of_any_size(s, 20, 300));
    if (s->has_txns) swarm_put(s, ", isolation: read-committed");
    if (s->has_stores) swarm_put(s, ", store: true");
    swarm_put(s, ", work: %lldus}\n", (long long)swarm_of_any_size(s, 1, 1000) - 1);
}

void
swarm_draw_clients(struct swarm *s)
{
    swarm_begin_part(s, "clients");
    if (tree_get(s->plan, S("clients"))) return;
    int64_t producers = swarm_of_any_size(s, 1, 4), rate = swarm_of_any_size(s, 20, RATE_MAX);
    swarm_put(s, "clients:\n");
    for (int64_t i = 1; i <= producers; i++) draw_producer(s, i, MAX(rate / producers, 1));
    if (s->has_txns) draw_transactors(s);
    int64_t consumers = swarm_between(s, 0, 2), groups = s->has_groups ? swarm_between(s, 1, 2) : 0;
    for (int64_t i = 1; i <= consumers; i++) draw_consumer(s, i);
    for (int64_t i = 1; i <= groups; i++) draw_group(s, i);
    swarm_begin_part(s, "shares");
    int64_t shares = s->has_shares ? swarm_between(s, 1, 2) : 0;
    for (int64_t i = 1; i <= shares; i++) draw_share(s, i);
    swarm_begin_part(s, "copies");
    if (s->has_copies && s->has_txns) draw_copiers(s);
    swarm_begin_part(s, "streams");
    if (s->has_streams) draw_streams(s);
}
