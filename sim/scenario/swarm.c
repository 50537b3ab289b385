/* The swarm: what goes wrong, what an administrator does, and all of it in order. */
#include "sim/scenario/swarm_own.h"

#include "sim/scenario/table.h"

/* "  every: 20ms..300ms" */
static void
put_range_ms(struct swarm *s, const char *name, int64_t min, int64_t times)
{
    swarm_put(s, "  %s: %lldms..%lldms\n", name, (long long)min, (long long)(min * times));
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
    if (strcmp(kind, "elections") == 0 || strcmp(kind, "reassign") == 0) return has_replicas;
    if (strcmp(kind, "clock") == 0) return s->clocks_jump;
    if (!s->disks_lie && (strcmp(kind, "rot") == 0 || strcmp(kind, "misdirect") == 0)) return false;
    if (strcmp(kind, "coordinator") == 0) return s->has_txns || s->has_groups;
    /* What a topic gets more of while a static leader is away it does not learn, in Kafka either (KIP-814); and a streams
     * application whose stores have so many partitions already stands still when its topics get more. */
    if (strcmp(kind, "add-partitions") == 0)
        return !s->has_seats && !(s->has_streams && s->has_stores);
    if (strcmp(kind, "hold-end") == 0) return s->has_txns;
    if (strcmp(kind, "crash-cleaning") == 0 || strcmp(kind, "power-cleaning") == 0)
        return s->compacts;
    return true;
}

/* Of all kinds about a third; one in ten worlds is whole, and only odd. */
static void
draw_faults(struct swarm *s)
{
    swarm_begin_part(s, "faults");
    if (tree_get(s->plan, S("random"))) return;
    s->is_whole = swarm_chance(s, 10);
    if (s->is_whole) return;
    swarm_put(s, "random:\n  from: %lldms\n", (long long)swarm_between(s, 200, 1500));
    swarm_put(s, "  until: %lldms\n", (long long)s->until_ms);
    int64_t every_ms = swarm_of_any_size(s, 20, 300), lasting_ms = swarm_of_any_size(s, 50, 500);
    put_range_ms(s, "every", every_ms, swarm_between(s, 2, 10));
    put_range_ms(s, "lasting", lasting_ms, swarm_between(s, 2, 8));
    swarm_put(s, "  at-once: %lld\n", (long long)swarm_between(s, 1, 6));
    swarm_put(s, "  down: %lld\n  faults: {",
              (long long)swarm_between(s, 1, s->brokers > 3 ? 3 : 2));
    int32_t n = 0;
    for (int32_t i = 0; i < nemesis_faults_n; i++) {
        bool is_drawn = swarm_chance(s, 35);
        int64_t weight = swarm_between(s, 1, 8);
        if (!is_drawn || !fault_fits(s, nemesis_faults[i].name)) continue;
        swarm_put(s, "%s%s: %lld", n++ ? ", " : "", nemesis_faults[i].name, (long long)weight);
    }
    swarm_put(s, "%s}\n", n ? "" : "crash: 1");
}

/* ---- what an administrator does ---- */

/* The cluster's own compacted topics roll and are cleaned, too: when they are there, their segments become small. */
static void
draw_small_segments(struct swarm *s, const char *topic)
{
    int64_t at_ms = swarm_between(s, 500, s->until_ms / 2),
            bytes = swarm_of_any_size(s, 1000, 50000);
    swarm_put(s, "  - {at: %lldms, admin: {alter: %s, config: {internal.segment.bytes: %lld}}}\n",
              (long long)at_ms, topic, (long long)bytes);
}

/* Asked where nothing goes wrong: who leads knows what it must refuse. */
static void
draw_question(struct swarm *s, struct slice topic)
{
    int64_t at_ms = swarm_between(s, 2000, s->until_ms);
    bool is_of_epochs = swarm_chance(s, 50);
    swarm_put(s, "  - {at: %lldms, ask: leader(%.*s-0), within: 5s", (long long)at_ms, SARG(topic));
    if (is_of_epochs)
        swarm_put(s,
                  ", rpc: OffsetForLeaderEpoch, send: {replicaId: -1, topics: [{topic: %.*s, "
                  "partitions: [{partition: 0, currentLeaderEpoch: leader-epoch(%.*s-0)+5, "
                  "leaderEpoch: 0}]}]}",
                  SARG(topic), SARG(topic));
    else
        swarm_put(s,
                  ", rpc: ListOffsets, send: {replicaId: -1, topics: [{name: %.*s, partitions: "
                  "[{partitionIndex: 0, currentLeaderEpoch: leader-epoch(%.*s-0)+1, timestamp: "
                  "-1}]}]}",
                  SARG(topic), SARG(topic));
    swarm_put(s, ", answer: {topics: [{partitions: [{errorCode: UNKNOWN_LEADER_EPOCH}]}]}}\n");
}

static void
draw_timeline(struct swarm *s)
{
    swarm_begin_part(s, "timeline");
    bool groups = s->has_groups && s->compacts && swarm_chance(s, 60);
    bool txns = s->has_transactors && s->compacts && swarm_chance(s, 60);
    bool is_said = tree_get(s->plan, S("timeline")) || tree_get(s->plan, S("clients"));
    bool asks = s->is_whole && !tree_get(s->plan, S("topics"));
    if (is_said || !(groups || txns || asks)) return;
    swarm_put(s, "timeline:\n");
    if (groups) draw_small_segments(s, "__consumer_offsets");
    if (txns) draw_small_segments(s, "__transaction_state");
    for (int32_t i = 0; asks && i < s->topics_n; i++) draw_question(s, s->topics[i].name);
}

struct slice
swarm_draw(struct arena *a, const struct tree *plan, uint64_t seed)
{
    struct swarm s = {.a = a, .plan = plan, .seed = seed, .w = writer_mem(a->mem)};
    swarm_put(&s, "scenario: 1\n");
    swarm_begin_part(&s, "world");
    s.until_ms = swarm_between(&s, 6000, 16000);
    s.clocks_jump = swarm_chance(&s, 35);
    s.has_groups = swarm_chance(&s, 35);
    s.has_txns = swarm_chance(&s, 40);
    s.has_old_txns = swarm_chance(&s, 15);
    s.compacts = swarm_chance(&s, 35);
    s.disks_lie = swarm_chance(&s, 50);
    s.has_shares = swarm_chance(&s, 25);
    s.has_copies = swarm_chance(&s, 80);
    s.has_streams = swarm_chance(&s, 20);
    s.has_stores = swarm_chance(&s, 60);
    swarm_draw_cluster(&s);
    swarm_draw_topics(&s);
    swarm_draw_clients(&s);
    draw_faults(&s);
    draw_timeline(&s);
    struct slice text = arena_dup(a, writer_slice(&s.w));
    writer_release(&s.w);
    return text;
}
