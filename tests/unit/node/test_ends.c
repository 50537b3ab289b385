/* Every way to end in every phase of a start. b2 was stopped in order while b1 led alone: it is an eligible
 * leader (KIP-966). It starts, and ends once more after the n-th step of anybody, for each n until it is in sync.
 * Then it starts for good. What it has on its disk must not be called lost, nor the other way round. */
#include <stdio.h>

#include "sim/world/fault.h"

#include "broker/node/internal.h"
#include "sim/workload/workload.h"
#include "tests/lib/nodes.h"
#include "tests/lib/test.h"

#define STEPS_MAX 2000

static struct world *world;
static int64_t steps;      /* of b2, since it was last started */
static bool was_forgotten; /* b2 was neither in sync nor eligible */
static const struct new_topic orders = {
    .name = {(const uint8_t *)"orders", 6}, .partitions = 1, .replicas = 2};

static void
until(bool (*cond)(void *), void *ctx)
{
    assert_true(world_run_while_not(world, cond, ctx, world_now_ns(world) + 40 * NS_PER_S));
}

/* ---- what the controller knows ---- */

static const struct image_partition *
orders_0(void)
{
    if (!machine_is_up(nodes[K1]) || !nodes_get(K1)) return NULL;
    const struct image_topic *t = image_topic(&nodes_get(K1)->image, S("orders"));
    return t ? image_topic_partition(t, 0) : NULL;
}

static bool
b2_is_eligible(void *ctx)
{
    (void)ctx;
    const struct image_partition *p = orders_0();
    return p && ids_has(p->elr, 2) && !ids_has(p->isr, 2);
}

static bool
b2_is_in_sync(void *ctx)
{
    (void)ctx;
    const struct image_partition *p = orders_0();
    return p && ids_has(p->isr, 2);
}

static bool
b2_is_back(void *ctx)
{
    const struct node *n = machine_is_up(nodes[B2]) ? nodes_get(B2) : NULL;
    return n && n->lifecycle.state == LIFECYCLE_RUNNING && b2_is_in_sync(ctx);
}

static void
see(void *ctx, const struct world_event *e)
{
    (void)ctx, (void)e;
    steps++;
    if (orders_0() && !b2_is_in_sync(NULL) && !b2_is_eligible(NULL)) was_forgotten = true;
}

/* ---- the story ---- */

static bool
b2_is_down(void *ctx)
{
    (void)ctx;
    return !machine_is_up(nodes[B2]);
}

static bool
has_taken_steps(void *n)
{
    return steps >= *(int64_t *)n || b2_is_down(NULL);
}

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
shut_down(struct env *env, void *ctx)
{
    (void)ctx;
    node_shutdown(env->machine);
}

static void
die(struct env *env, void *ctx)
{
    (void)ctx;
    env_fatal(env, S("the test wants it so"));
}

static void
stop_b2(void)
{
    machine_poke(nodes[B2], shut_down, NULL);
    until(b2_is_down, NULL);
}

static void
begin(void)
{
    static const struct world_observer observer = {.event = see};
    world = world_new(11, NULL);
    world_observe(world, &observer);
    for (int i = 0; i < NODES; i++) {
        nodes_set(i, "min.insync.replicas", "2");
        nodes_set(i, "broker.session.timeout.ms", "2000");
        nodes_set(i, "broker.heartbeat.interval.ms", "300");
        nodes_add_apart(world, i, NODES_CLUSTER_ID);
    }
    static struct client_params client;
    client = client_params_default();
    client.bootstrap = S("b1:9092,b2:9092");
    static struct topics_args t;
    t = (struct topics_args){.client = client, .topics = &orders, .topics_n = 1};
    struct machine_params p = {
        .name = S("c1"), .kind = S("client"), .start = topics_start, .args = &t};
    machine_start(world_add(world, &p));
    until(is_true, &t.done);
    assert_int_equal(t.error, 0);
    until(b2_is_back, NULL);
    stop_b2();
    until(b2_is_eligible, NULL);
    was_forgotten = false;
    steps = 0;
    machine_start(nodes[B2]);
}

/* What b2 may know of its logs when it comes back after an end that was not in order. */
enum { UNTOUCHED, PERHAPS, TOUCHED };

static int
logs_are(void)
{
    const struct node *n = nodes_get(B2);
    return n && n->applied ? TOUCHED : n && n->marker.is_busy ? PERHAPS : UNTOUCHED;
}

enum way { IN_ORDER, KILLED, POWER, FATAL, WAYS };

static bool
has_taken_steps_or_is_back(void *n)
{
    return has_taken_steps(n) || b2_is_back(NULL);
}

/* False: it is back before that step. */
static bool
ends_and_comes_back(enum way way, int64_t step)
{
    begin();
    until(has_taken_steps_or_is_back, &step);
    bool in_time = !b2_is_back(NULL);
    int logs = logs_are();
    if (in_time) {
        assert_true(machine_is_up(nodes[B2]));
        switch (way) {
        case IN_ORDER:
            stop_b2();
            if (!image_broker(&nodes_get(K1)->image, 2)->is_fenced)
                fail_msg("step %d: b2 has left, and may lead", (int)step);
            break;
        case KILLED: fault_crash(nodes[B2]); break;
        case POWER: fault_power(nodes[B2]); break;
        case FATAL: machine_poke(nodes[B2], die, NULL); break;
        case WAYS: break;
        }
        machine_start(nodes[B2]);
        until(b2_is_back, NULL);
        bool is_kept = way == IN_ORDER || logs == UNTOUCHED;
        if (is_kept && was_forgotten)
            fail_msg("way %d, step %d: what b2 has is forgotten", (int)way, (int)step);
        if (way != IN_ORDER && logs == TOUCHED && !was_forgotten)
            fail_msg("way %d, step %d: b2 may have lost something, and is believed", (int)way,
                     (int)step);
    }
    world_free(world);
    nodes_forget();
    return in_time && step < STEPS_MAX;
}

static void
no_end_at_any_step_of_a_start_is_taken_for_another(void **state)
{
    (void)state;
    for (enum way way = IN_ORDER; way < WAYS; way++) {
        int64_t step = 0;
        while (ends_and_comes_back(way, step)) step++;
        assert_true(step > 50 && step < STEPS_MAX);
    }
}

/* ---- the end of an orderly end ---- */

#define LOG_PATH S("data/orders-0/00000000000000000000.log")
#define MARKER_PATH S("data/.kafka_cleanshutdown")

static void
produce_some(void)
{
    static struct mem mem;
    static struct history history;
    static struct produce_args p;
    test_mem_init(&mem);
    history_init(&history, &mem, workload_now, world);
    struct client_params client = client_params_default();
    client.bootstrap = S("b1:9092,b2:9092");
    p = produce_args_default(&history, S("p"), client, S("orders"));
    p.count = 20;
    p.rate_per_s = 1000;
    struct machine_params m = {
        .name = S("p1"), .kind = S("client"), .start = produce_start, .args = &p};
    machine_start(world_add(world, &m));
    until(is_true, &p.done);
    assert_int_equal(p.acknowledged, 20);
    history_release(&history);
    mem_release(&mem);
}

static int64_t full; /* bytes of the log */
static bool was_seen;

/* What a power loss would surely leave, after each event. */
static bool
the_marker_lies(void *ctx)
{
    (void)ctx;
    bool has_marker = disk_peek_size(nodes[B2], MARKER_PATH, IMAGE_DURABLE) >= 0;
    was_seen |= has_marker;
    return has_marker && disk_peek_size(nodes[B2], LOG_PATH, IMAGE_DURABLE) < full;
}

static bool
b2_is_down_or_lies(void *ctx)
{
    return the_marker_lies(ctx) || b2_is_down(ctx);
}

static void
the_marker_is_on_the_disk_only_when_the_logs_are(void **state)
{
    (void)state;
    begin();
    until(b2_is_back, NULL);
    produce_some();
    full = disk_peek_size(nodes[B2], LOG_PATH, IMAGE_CACHED);
    assert_true(full > disk_peek_size(nodes[B2], LOG_PATH, IMAGE_DURABLE));
    was_seen = false;
    machine_poke(nodes[B2], shut_down, NULL);
    until(b2_is_down_or_lies, NULL);
    assert_false(the_marker_lies(NULL));
    assert_true(was_seen);
    world_free(world);
    nodes_forget();
}

/* controlled.shutdown.enable: whether it takes leave. Its session ends later, then it is fenced all the same. */
static void
who_need_not_take_leave_goes_at_once(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        nodes_set(B2, "controlled.shutdown.enable", asks ? "true" : "false");
        begin();
        until(b2_is_back, NULL);
        stop_b2();
        assert_int_equal(image_broker(&nodes_get(K1)->image, 2)->is_fenced, asks);
        machine_start(nodes[B2]);
        until(b2_is_back, NULL);
        assert_true(nodes_get(B2)->marker.was_there);
        world_free(world);
        nodes_forget();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_marker_is_on_the_disk_only_when_the_logs_are),
        cmocka_unit_test(who_need_not_take_leave_goes_at_once),
        cmocka_unit_test(no_end_at_any_step_of_a_start_is_taken_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
