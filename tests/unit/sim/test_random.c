/* Random faults: each kind can be drawn, is written down as a step that reads, and leaves the promise whole. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli/shrink.h"
#include "sim/scenario/run.h"
#include "sim/scenario/table.h"
#include "sim/world/pool.h"

#define SEEDS 3

/* Three brokers, three controllers, a topic, and the random block that is appended. */
#define CLUSTER \
    "scenario: 1\nname: t\nabout: a test\n" \
    "cluster:\n  brokers: 3\n  controllers: 3\n" \
    "  config: {min.insync.replicas: 2, broker.session.timeout.ms: 1000,\n" \
    "           broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500,\n" \
    "           replica.socket.timeout.ms: 1000, controller.quorum.election.timeout.ms: 300,\n" \
    "           controller.quorum.fetch.timeout.ms: 400}\n" \
    "topics: {orders: {partitions: 2, rf: 3}}\n" \
    "clients: {p1: {produce: orders, rate: 50/s, until: 6s}, c1: {consume: orders}}\n"

/* With what some faults wait for: transactions and groups for coordinators, a compacted topic for cleaners. */
#define CLUSTER_AT_WORK \
    "scenario: 1\nname: t\nabout: a test\n" \
    "cluster:\n  brokers: 3\n  controllers: 3\n" \
    "  config: {min.insync.replicas: 2, broker.session.timeout.ms: 1000,\n" \
    "           broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500,\n" \
    "           replica.socket.timeout.ms: 1000, controller.quorum.election.timeout.ms: 300,\n" \
    "           controller.quorum.fetch.timeout.ms: 400, log.cleaner.backoff.ms: 50,\n" \
    "           group.min.session.timeout.ms: 500, group.initial.rebalance.delay.ms: 200,\n" \
    "           offsets.topic.num.partitions: 2, transaction.state.log.num.partitions: 2}\n" \
    "topics: {state: {partitions: 2, rf: 3, config: {cleanup.policy: compact,\n" \
    "                internal.segment.bytes: 3000, min.cleanable.dirty.ratio: 0.01}}}\n" \
    "clients:\n" \
    "  p1: {produce: state, rate: 80/s, keys: 20, until: 6s}\n" \
    "  t1: {produce: state, rate: 40/s, keys: 20, until: 6s, transactional-id: t1}\n" \
    "  g: {subscribe: state, group: g, members: 2, session: 2s, heartbeat: 300ms, max-poll: 4s}\n"

/* Those that wait for a moment, which the usual cluster never has. */
static bool
waits_for_work(const char *kind)
{
    static const char *const waiting[] = {"hold-end", "coordinator", "crash-cleaning",
                                          "power-cleaning"};
    for (int64_t i = 0; i < ARRAY_LEN(waiting); i++)
        if (strcmp(kind, waiting[i]) == 0) return true;
    return false;
}

struct desk {
    struct pool pool;
    struct mem mem;
    struct arena a;
    struct diags diags;
    const struct scenario *s;
    struct run_result r;
};

static void
desk_load(struct desk *d, const char *text)
{
    struct source *source;
    memset(d, 0, sizeof *d);
    mem_init(&d->mem, pool_source(&d->pool), INT64_MAX);
    arena_init(&d->a, &d->mem, 0);
    diags_init(&d->diags, &d->a);
    source = ARENA_NEW(&d->a, struct source);
    *source = (struct source){S("test"), arena_dup(&d->a, slice_cstr(text))};
    struct scenarios all = scenario_load(&d->a, source, NULL, &d->diags);
    assert_int_equal(d->diags.errors, 0);
    assert_int_equal(all.n, 1);
    d->s = all.v[0];
    scenario_lint(d->s, &d->diags);
}

static void
desk_run(struct desk *d, uint64_t seed)
{
    struct run_options o = {.has_seed = true, .seed = seed};
    run_scenario(&d->a, d->s, &o, &d->r);
}

static void
desk_clear(struct desk *d)
{
    mem_release(&d->mem);
    pool_release(&d->pool);
}

static void
must_pass(struct desk *d, const char *what)
{
    if (d->r.verdict == VERDICT_PASS) return;
    fail_msg("%s, seed %llu: %s: %.*s", what, (unsigned long long)d->r.seed,
             verdict_text(d->r.verdict), d->r.reasons.v.n ? (int)d->r.reasons.v.v[0].text.n : 0,
             d->r.reasons.v.n ? (const char *)d->r.reasons.v.v[0].text.p : "");
}

/* The scenario with the steps in place of the dice. */
static void
must_read_as_timeline(struct desk *d)
{
    struct tree *doc = tree_copy(&d->a, d->s->document);
    struct slice *steps = ARENA_ARRAY(&d->a, struct slice, d->r.drawn.v.n + 1);
    struct source *source = ARENA_NEW(&d->a, struct source);
    struct writer w = writer_mem(&d->mem);
    for (int64_t i = 0; i < d->r.drawn.v.n; i++) steps[i] = d->r.drawn.v.v[i].text;
    assert_true(shrink_put_steps(&d->a, doc, steps, d->r.drawn.v.n));
    tree_print(doc, &w);
    *source = (struct source){S("drawn"), arena_dup(&d->a, writer_slice(&w))};
    w.n = 0;
    struct scenarios all = scenario_load(&d->a, source, NULL, &d->diags);
    diags_print(&d->diags, &w);
    if (d->diags.errors) fail_msg("%.*s", SARG(writer_slice(&w)));
    assert_int_equal(all.n, 1);
    assert_int_equal(all.v[0]->steps_n, d->r.drawn.v.n);
    writer_release(&w);
}

/* Who leaves in order while another one's copies are gone, and not missed yet, would leave the partition to that one. */
static void
where_one_copy_is_enough_nothing_else_goes_wrong_while_one_is_gone(void **state)
{
    static const char text[] =
        "scenario: 1\nname: t\nabout: a test\n"
        "cluster:\n  brokers: 3\n  controllers: 1\n"
        "  config: {min.insync.replicas: 1, broker.session.timeout.ms: 1000,\n"
        "           broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500,\n"
        "           replica.socket.timeout.ms: 1000}\n"
        "topics: {orders: {partitions: 2, rf: 2}}\n"
        "clients: {p1: {produce: orders, rate: 200/s, until: 6s}}\n"
        "random: {every: 20ms..100ms, at-once: 3, lasting: 500ms..2s, down: 2,\n"
        "         faults: {wipe: 1, shutdown: 3}}\n";
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct desk d;
        desk_load(&d, text);
        desk_run(&d, seed);
        must_pass(&d, "one copy is enough");
        desk_clear(&d);
    }
}

/* A new controller may miss the one that is left before the one that is cut off, and leave the partition to that one. */
static void
the_last_test_leaves_no_partition_to_who_is_cut_off(void **state)
{
    static const char text[] =
        "scenario: 1\nname: t\nabout: a test\n"
        "cluster:\n  brokers: 2\n  controllers: 3\n"
        "  config: {min.insync.replicas: 1, broker.session.timeout.ms: 820,\n"
        "           broker.heartbeat.interval.ms: 160, replica.lag.time.max.ms: 900,\n"
        "           controller.socket.timeout.ms: 2750, controller.quorum.election.timeout.ms: "
        "300,\n"
        "           controller.quorum.fetch.timeout.ms: 400,\n"
        "           controller.quorum.request.timeout.ms: 500,\n"
        "           controller.quorum.election.backoff.max.ms: 300}\n"
        "topics: {orders: {partitions: 1, rf: 2}}\n"
        "clients: {p1: {produce: orders, rate: 20/s, until: 4s}}\n"
        "random: {from: 500ms, until: 4s, every: 100ms..500ms, lasting: 200ms..1500ms,\n"
        "         faults: {cut: 1, split: 3, pause: 2}}\n";
    static const uint64_t seeds[] = {3, 30, 46};
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct desk d;
        desk_load(&d, text);
        desk_run(&d, seeds[i]);
        must_pass(&d, "two brokers");
        desk_clear(&d);
    }
}

/* A process that really ended, and could not register again while the quorum had other troubles, is armed once more and let off. Its
 * word is still gone: whoever takes the other one's copies then leaves nobody who is known to have them. */
static void
who_ended_and_is_not_back_is_not_spared_with_what_did_not_come(void **state)
{
    static const char text[] =
        "scenario: 1\nname: t\nabout: a test\n"
        "cluster:\n  brokers: 2\n  controllers: 3\n"
        "  config: {min.insync.replicas: 2, broker.session.timeout.ms: 3000,\n"
        "           broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500,\n"
        "           replica.socket.timeout.ms: 1000, controller.quorum.election.timeout.ms: 300,\n"
        "           controller.quorum.fetch.timeout.ms: 400}\n"
        "topics: {orders: {partitions: 2, rf: 2}}\n"
        "clients: {p1: {produce: orders, rate: 200/s, until: 8s}}\n"
        "random: {every: 50ms..150ms, at-once: 5, lasting: 200ms..800ms, down: 2,\n"
        "         faults: {crash-at-op: 1, sync-fails: 1}}\n";
    static const uint64_t seeds[] = {44, 49, 78, 79, 87, 97};
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct desk d;
        desk_load(&d, text);
        desk_run(&d, seeds[i]);
        must_pass(&d, "let off");
        desk_clear(&d);
    }
}

static void
random_alone_means_the_usual_faults_until_the_producers_end(void **state)
{
    struct desk d;
    (void)state;
    desk_load(&d, CLUSTER "random: {}\n");
    const struct nemesis *n = &d.s->nemesis;
    assert_int_equal(d.diags.warnings, 0);
    assert_int_equal(n->until_ns, 6 * NS_PER_S);
    assert_int_equal(n->n, nemesis_faults_n);
    for (int32_t i = 0; i < n->n; i++) assert_int_equal(n->v[i].weight, nemesis_faults[i].weight);
    desk_run(&d, 1);
    must_pass(&d, "random: {}");
    assert_true(d.r.faults_drawn != 0);
    desk_clear(&d);
}

static void
each_kind_is_drawn_and_written_down_and_costs_nothing_acknowledged(void **state)
{
    (void)state;
    for (int32_t i = 0; i < nemesis_faults_n; i++) {
        const char *kind = nemesis_faults[i].name;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct desk d;
            char text[2000];
            snprintf(text, sizeof text,
                     "%srandom: {from: 500ms, every: 200ms..600ms, lasting: 100ms..1500ms, "
                     "faults: {%s: 1}}\n",
                     waits_for_work(kind) ? CLUSTER_AT_WORK : CLUSTER, kind);
            desk_load(&d, text);
            desk_run(&d, seed);
            must_pass(&d, kind);
            if (!(d.r.faults_drawn >> i & 1)) fail_msg("%s was not drawn", kind);
            assert_true(d.r.drawn.v.n > 0);
            must_read_as_timeline(&d);
            desk_clear(&d);
        }
    }
}

/* Three of them, while a follower's fetch waits. */
static void
elections_come_within_a_round_trip(void **state)
{
    struct desk d;
    int64_t held_ns = -1, n = 0, most = 0;
    (void)state;
    desk_load(&d, CLUSTER "random: {every: 500ms..800ms, faults: {elections: 1}}\n");
    desk_run(&d, 5);
    must_pass(&d, "elections");
    for (int64_t i = 0; i < d.r.story.v.n; i++) {
        const struct line *l = &d.r.story.v.v[i];
        char line[300];
        snprintf(line, sizeof line, "%.*s", SARG(l->text));
        if (strstr(line, "hold ")) held_ns = l->at_ns, n = 0;
        n += held_ns >= 0 && l->at_ns - held_ns < 50 * NS_PER_MS && strstr(line, " leads orders-");
        most = MAX(most, n);
    }
    if (most < 3) fail_msg("at most %d", (int)most);
    desk_clear(&d);
}

static void
no_voter_forgets(void **state)
{
    struct desk d;
    (void)state;
    desk_load(&d, "scenario: 1\nname: t\nabout: a test\ncluster: {brokers: 3}\n"
                  "topics: {orders: {rf: 3}}\nclients: {p1: {produce: orders, until: 3s}}\n"
                  "random: {from: 100ms, every: 50ms, faults: {wipe: 1, rot: 1, misdirect: 1}}\n");
    assert_int_equal(d.diags.warnings, 3);
    desk_run(&d, 1);
    assert_int_equal(d.r.faults_drawn, 0);
    desk_clear(&d);
}

/* ---- swarms ---- */

#define SWARM "scenario: 1\nname: t\nabout: a test\nswarm: {}\n"

static struct slice
printed(struct desk *d, const struct scenario *s)
{
    struct writer w = writer_mem(&d->mem);
    scenario_print(s, &w);
    struct slice text = arena_dup(&d->a, writer_slice(&w));
    writer_release(&w);
    return text;
}

static void
what_a_swarm_draws_is_a_scenario_without_mistakes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct desk d, again;
        desk_load(&d, SWARM);
        const struct scenario *s = scenario_of_seed(&d.a, d.s, seed, &d.diags);
        struct slice text = printed(&d, s);
        scenario_lint(s, &d.diags);
        if (d.diags.errors || d.diags.warnings)
            fail_msg("seed %llu draws a mistake:\n%.*s", (unsigned long long)seed, SARG(text));
        desk_load(&again, SWARM);
        struct slice other =
            printed(&again, scenario_of_seed(&again.a, again.s, seed, &again.diags));
        assert_true(slice_eq(text, other));
        desk_clear(&again);
        desk_clear(&d);
    }
}

static void
what_a_swarm_lets_a_fetch_bring_comes_through_in_time(void **state)
{
    int32_t narrow = 0;
    struct desk d;
    (void)state;
    desk_load(&d, SWARM);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const struct scenario *s = scenario_of_seed(&d.a, d.s, seed, &d.diags);
        int64_t bytes = cluster_config_i64(s, "replica.fetch.response.max.bytes");
        int64_t socket_ms = cluster_config_i64(s, "replica.socket.timeout.ms");
        int64_t read_bytes = cluster_config_i64(s, "fetch.max.bytes");
        if (s->cluster.bandwidth <= 0) continue;
        narrow++;
        assert_true(read_bytes * 1000 / s->cluster.bandwidth <= 1000 / 4);
        assert_true(bytes * 1000 / s->cluster.bandwidth <= socket_ms / 4);
    }
    assert_true(narrow > 10);
    desk_clear(&d);
}

static int64_t
latency_max_us(const struct scenario *s)
{
    return s->cluster.latency.max / 1000;
}

/* Else a follower gets a record in each round trip, and lags for ever behind the producers of a swarm. */
static void
what_a_swarm_lets_a_follower_fetch_is_enough_to_keep_up(void **state)
{
    int32_t small = 0, slow = 0;
    struct desk d;
    (void)state;
    desk_load(&d, SWARM);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const struct scenario *s = scenario_of_seed(&d.a, d.s, seed, &d.diags);
        int64_t bytes = cluster_config_i64(s, "replica.fetch.max.bytes");
        int64_t all = cluster_config_i64(s, "replica.fetch.response.max.bytes");
        if (s->cluster.bandwidth > 0) continue;
        int64_t round_trips_a_second = 1000000 / (2 * latency_max_us(s));
        assert_true(MIN(bytes, all) * round_trips_a_second >= 450000);
        small += bytes < 5000;
        slow += latency_max_us(s) > 20000;
    }
    assert_true(small > 3 && slow > 30);
    desk_clear(&d);
}

/* The folder's scenario is the run. */
static void
what_a_swarm_draws_runs_alone_to_the_same_trace(void **state)
{
    struct desk d, alone;
    char text[20000];
    (void)state;
    desk_load(&d, SWARM);
    desk_run(&d, 11);
    snprintf(text, sizeof text, "%.*s", SARG(printed(&d, d.r.played)));
    assert_null(strstr(text, "swarm:"));
    desk_load(&alone, text);
    struct run_options o = {0};
    run_scenario(&alone.a, alone.s, &o, &alone.r);
    assert_int_equal(alone.r.seed, 11);
    assert_int_equal(alone.r.trace_hash, d.r.trace_hash);
    assert_int_equal(alone.r.events, d.r.events);
    desk_clear(&alone);
    desk_clear(&d);
}

static void
what_a_swarm_is_told_it_does_not_draw(void **state)
{
    struct desk d;
    (void)state;
    desk_load(&d, SWARM "cluster: {brokers: 4, controllers: 3, config: {fetch.max.bytes: 5000}}\n"
                        "topics: {mine: {partitions: 7}}\nrandom: {faults: {reset: 1}}\n");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct scenario *s = scenario_of_seed(&d.a, d.s, seed, &d.diags);
        assert_int_equal(d.diags.errors, 0);
        assert_int_equal(s->cluster.brokers, 4);
        assert_int_equal(cluster_config_i64(s, "fetch.max.bytes"), 5000);
        assert_int_equal(s->topics_n, 1);
        assert_int_equal(s->topics->partitions, 7);
        assert_int_equal(s->nemesis.n, 1);
        for (int32_t i = 0; i < s->clients_n; i++)
            if (s->clients[i].produce.p) assert_true(slice_eq(s->clients[i].produce, S("mine")));
    }
    desk_clear(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_one_copy_is_enough_nothing_else_goes_wrong_while_one_is_gone),
        cmocka_unit_test(the_last_test_leaves_no_partition_to_who_is_cut_off),
        cmocka_unit_test(who_ended_and_is_not_back_is_not_spared_with_what_did_not_come),
        cmocka_unit_test(random_alone_means_the_usual_faults_until_the_producers_end),
        cmocka_unit_test(each_kind_is_drawn_and_written_down_and_costs_nothing_acknowledged),
        cmocka_unit_test(elections_come_within_a_round_trip),
        cmocka_unit_test(no_voter_forgets),
        cmocka_unit_test(what_a_swarm_draws_is_a_scenario_without_mistakes),
        cmocka_unit_test(what_a_swarm_lets_a_fetch_bring_comes_through_in_time),
        cmocka_unit_test(what_a_swarm_lets_a_follower_fetch_is_enough_to_keep_up),
        cmocka_unit_test(what_a_swarm_draws_runs_alone_to_the_same_trace),
        cmocka_unit_test(what_a_swarm_is_told_it_does_not_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
