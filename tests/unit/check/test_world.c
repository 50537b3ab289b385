/* The witnesses at a cluster of real nodes: they are silent when all is well, and agree when it is not. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node.h"
#include "sim/check/check.h"
#include "sim/check/invariants.h"
#include "sim/check/oracle.h"
#include "sim/workload/workload.h"
#include "sim/world/fault.h"
#include "tests/lib/test.h"

#define NODES 3
#define SETTINGS 16

struct run {
    struct world *world;
    struct mem mem;
    struct machine *nodes[NODES];
    struct node_params params[NODES];
    struct node_setting settings[NODES][SETTINGS];
    char texts[NODES][SETTINGS][80];
    struct history history;
    struct client_params client;
    struct invariants *invariants;
    struct oracle *oracle;
    struct topics_args topics;
    struct produce_args p;
    struct consume_args c;
    struct final_args f;
};

static void
node_start(struct env *env, void *args)
{
    env->machine = node_new(env, args);
}

static void
set(struct run *r, int node, const char *name, const char *value)
{
    int n = r->params[node].settings_n++;
    assert_true(n < SETTINGS);
    (void)snprintf(r->texts[node][n], sizeof r->texts[node][n], "%s", value);
    r->settings[node][n] =
        (struct node_setting){slice_cstr(name), slice_cstr(r->texts[node][n]), S("test")};
}

static void
add_node(struct run *r, int i)
{
    static const char *const names[NODES] = {"b1", "b2", "b3"};
    char text[80];
    r->params[i] = (struct node_params){.settings = r->settings[i],
                                        .cluster_id = S("AAAAAAAAAAAAAAAAAAAAAg"),
                                        .version = S("test")};
    (void)snprintf(text, sizeof text, "%d", i + 1);
    set(r, i, "node.id", text);
    set(r, i, "process.roles", "broker,controller");
    set(r, i, "controller.quorum.voters", "1@b1:9093,2@b2:9093,3@b3:9093");
    (void)snprintf(text, sizeof text, "PLAINTEXT://b%d:9092,CONTROLLER://b%d:9093", i + 1, i + 1);
    set(r, i, "listeners", text);
    set(r, i, "controller.listener.names", "CONTROLLER");
    set(r, i, "log.dirs", "data");
    set(r, i, "broker.session.timeout.ms", "1000");
    set(r, i, "broker.heartbeat.interval.ms", "200");
    set(r, i, "replica.lag.time.max.ms", "1500");
    set(r, i, "min.insync.replicas", "2");
    struct machine_params p = {.name = slice_cstr(names[i]),
                               .kind = S("broker"),
                               .start = node_start,
                               .args = &r->params[i]};
    r->nodes[i] = world_add(r->world, &p);
    machine_start(r->nodes[i]);
}

static struct machine *
add_client(struct run *r, const char *name, void (*start)(struct env *env, void *args), void *args)
{
    struct machine_params p = {
        .name = slice_cstr(name), .kind = S("client"), .start = start, .args = args};
    struct machine *m = world_add(r->world, &p);
    machine_start(m);
    return m;
}

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
until(struct run *r, bool *flag, int64_t for_ns)
{
    assert_true(world_run_while_not(r->world, is_true, flag, world_now_ns(r->world) + for_ns));
}

static void
run_begin_with(struct run *r, uint64_t seed, int16_t acks)
{
    static const struct new_topic topic = {
        .name = {(const uint8_t *)"orders", 6}, .partitions = 2, .replicas = 3};
    struct world_options o = world_options_default();
    memset(r, 0, sizeof *r);
    o.notes_on = true;
    test_mem_init(&r->mem);
    r->world = world_new(seed, &o);
    r->invariants = invariants_new(&r->mem);
    invariants_watch(r->invariants, r->world);
    invariants_topic(r->invariants, S("orders"), 2);
    history_init(&r->history, &r->mem, workload_now, r->world);
    r->oracle = oracle_new(&r->mem);
    oracle_watch(r->oracle, r->world, &r->history);
    for (int i = 0; i < NODES; i++) add_node(r, i);
    r->client = client_params_default();
    r->client.bootstrap = S("b1:9092,b2:9092,b3:9092");
    r->client.request_timeout_ms = 2000;
    r->client.connect_timeout_ms = 1000;
    r->topics = (struct topics_args){.client = r->client, .topics = &topic, .topics_n = 1};
    add_client(r, "t", topics_start, &r->topics);
    until(r, &r->topics.done, 30 * NS_PER_S);
    r->p = produce_args_default(&r->history, S("p1"), r->client, S("orders"));
    r->p.rate_per_s = 100;
    r->p.keys = 5;
    r->p.until_ns = world_now_ns(r->world) + 12 * NS_PER_S;
    r->p.producer.request_timeout_ms = 2000;
    r->p.producer.acks = acks;
    r->p.producer.idempotent = acks == -1;
    r->c = consume_args_default(&r->history, S("c1"), r->client, S("orders"));
    add_client(r, "p1", produce_start, &r->p);
    add_client(r, "c1", consume_start, &r->c);
}

static void
run_begin(struct run *r, uint64_t seed)
{
    run_begin_with(r, seed, -1);
}

static void
run_end(struct run *r)
{
    static const struct slice topic = {(const uint8_t *)"orders", 6};
    until(r, &r->p.done, 200 * NS_PER_S);
    r->f = final_args_default(&r->history, S("final"), r->client);
    r->f.topics = &topic;
    r->f.topics_n = 1;
    r->f.until_ns = world_now_ns(r->world) + 60 * NS_PER_S;
    add_client(r, "final", final_start, &r->f);
    until(r, &r->f.done, 70 * NS_PER_S);
}

static void
print_all(const struct anomalies *a)
{
    for (int64_t i = 0; i < a->v.n && i < 20; i++)
        printf("  %.3f %s %s %.*s-%d @%lld: %.*s\n", (double)a->v.v[i].at_ns / 1e9,
               witness_spelling(a->v.v[i].witness), rule_spelling(a->v.v[i].rule),
               (int)a->v.v[i].topic.n, a->v.v[i].topic.p, a->v.v[i].partition,
               (long long)a->v.v[i].offset, (int)a->v.v[i].story.n,
               (const char *)a->v.v[i].story.p);
}

static void
assert_sound(struct run *r, const struct check_facts *facts)
{
    struct check_result c;
    check_history(&r->mem, &r->history, facts, &c);
    print_all(&c.anomalies);
    print_all(invariants_anomalies(r->invariants));
    printf("  produced %lld acknowledged %lld read %lld polled %lld\n",
           (long long)c.counts.produced, (long long)c.counts.acknowledged, (long long)c.read,
           (long long)c.counts.read);
    assert_true(c.is_conclusive && c.has_final);
    assert_int_equal(c.anomalies.v.n, 0);
    struct anomalies truth;
    anomalies_init(&truth, &r->mem);
    oracle_finish(r->oracle, &truth);
    print_all(&truth);
    assert_int_equal(truth.v.n, 0);
    assert_int_equal(invariants_anomalies(r->invariants)->v.n, 0);
    world_free(r->world);
    mem_release(&r->mem);
}

static void
nothing_is_told_of_a_quiet_day(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, 1);
    run_end(&r);
    assert_sound(&r, &(struct check_facts){0});
}

static void
nothing_is_told_of_crashes_that_cost_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct run r;
        run_begin(&r, seed);
        for (int i = 0; i < NODES; i++) {
            world_run(r.world, NS_PER_S);
            fault_crash(r.nodes[i]);
            world_run(r.world, 2 * NS_PER_S);
            machine_start(r.nodes[i]);
            world_run(r.world, NS_PER_S);
        }
        run_end(&r);
        assert_sound(&r, &(struct check_facts){0});
    }
}

static void
nothing_is_told_of_one_power_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct run r;
        run_begin(&r, seed);
        world_run(r.world, 2 * NS_PER_S);
        fault_power(r.nodes[seed % NODES]);
        world_run(r.world, 3 * NS_PER_S);
        machine_start(r.nodes[seed % NODES]);
        run_end(&r);
        assert_sound(&r, &(struct check_facts){0});
    }
}

/* Acknowledged by leaders alone, while replication is slow; then they crash one by one. */
static void
checker_and_oracle_name_the_same_losses(void **state)
{
    (void)state;
    int64_t lost = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct run r;
        struct check_result c;
        struct anomalies truth;
        run_begin_with(&r, seed, 1);
        world_run(r.world, NS_PER_S);
        struct machines all = {r.nodes, NODES};
        struct slow slow = {.latency = {300 * NS_PER_MS, 300 * NS_PER_MS, 0, 0}};
        fault_id id = fault_slow_link(r.world, all, all, true, slow);
        world_run(r.world, 500 * NS_PER_MS);
        struct chronicle chronicle;
        chronicle_init(&chronicle, &r.mem);
        struct happening died = happening_new(HAPPENED_ENDED, world_now_ns(r.world));
        died.node = (int32_t)(seed % NODES) + 1;
        chronicle_add(&chronicle, &died);
        fault_crash(r.nodes[seed % NODES]);
        world_run(r.world, 100 * NS_PER_MS);
        fault_heal(r.world, id);
        world_run(r.world, 4 * NS_PER_S);
        machine_start(r.nodes[seed % NODES]);
        run_end(&r);
        check_history(&r.mem, &r.history, &(struct check_facts){.chronicle = &chronicle}, &c);
        anomalies_init(&truth, &r.mem);
        oracle_finish(r.oracle, &truth);
        struct writer w = writer_mem(&r.mem);
        if (!witnesses_agree(&c.anomalies, &truth, oracle_perhaps(r.oracle), &w)) {
            printf("%.*s\n", (int)w.n, (const char *)w.p);
            print_all(&c.anomalies), print_all(&truth);
            fail();
        }
        lost += c.anomalies.counts[RULE_LOST];
        for (int64_t i = 0; i < truth.v.n; i++) assert_true(truth.v.v[i].allowed);
        assert_int_equal(c.anomalies.disallowed, 0);
        print_all(invariants_anomalies(r.invariants));
        assert_int_equal(invariants_anomalies(r.invariants)->v.n, 0);
        world_free(r.world);
        mem_release(&r.mem);
    }
    assert_true(lost > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_of_a_quiet_day),
        cmocka_unit_test(nothing_is_told_of_crashes_that_cost_nothing),
        cmocka_unit_test(nothing_is_told_of_one_power_loss),
        cmocka_unit_test(checker_and_oracle_name_the_same_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
