/* The workloads against real nodes in the simulated world. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node.h"
#include "sim/workload/value.h"
#include "sim/workload/workload.h"
#include "sim/world/fault.h"
#include "tests/lib/nodes.h"
#include "tests/lib/test.h"

static struct world *world;
static struct mem mem;
static struct history history;
static struct client_params client;

static struct machine *
add_client(const char *name, void (*start)(struct env *env, void *args), void *args)
{
    struct machine_params p = {
        .name = slice_cstr(name), .kind = S("client"), .start = start, .args = args};
    struct machine *m = world_add(world, &p);
    machine_start(m);
    return m;
}

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
until(bool *flag, int64_t for_ns)
{
    assert_true(world_run_while_not(world, is_true, flag, world_now_ns(world) + for_ns));
}

static int
set_up(void **state)
{
    (void)state;
    world = world_new(7, NULL);
    nodes_forget();
    for (int i = 0; i < NODES; i++) {
        nodes_set(i, "broker.session.timeout.ms", "2000");
        nodes_set(i, "broker.heartbeat.interval.ms", "300");
        nodes_add_voter(world, i);
    }
    test_mem_init(&mem);
    history_init(&history, &mem, workload_now, world);
    client = client_params_default();
    client.bootstrap = S("b1:9092,b2:9092,b3:9092");
    client.request_timeout_ms = 2000;
    client.connect_timeout_ms = 1000;
    static const struct new_topic topic = {
        .name = {(const uint8_t *)"orders", 6}, .partitions = 2, .replicas = 3};
    static struct topics_args topics;
    topics = (struct topics_args){.client = client, .topics = &topic, .topics_n = 1};
    add_client("t", topics_start, &topics);
    until(&topics.done, 30 * NS_PER_S);
    assert_int_equal(topics.error, 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    world_free(world);
    history_release(&history);
    mem_release(&mem);
    return 0;
}

static int64_t
count(enum history_kind kind, enum history_outcome outcome)
{
    int64_t n = 0;
    for (int64_t i = 0; i < history.ops.n; i++)
        n += history.ops.v[i].kind == kind && history.ops.v[i].outcome == outcome;
    return n;
}

/* Every acknowledged value is read at its offset, from the leader and from each follower. */
static void
check_final_read(int32_t replicas)
{
    int64_t found = 0, acknowledged = 0;
    for (int64_t i = 0; i < history.ops.n; i++) {
        const struct history_op *poll = &history.ops.v[i];
        if (poll->kind == HISTORY_SEND) acknowledged += poll->outcome == HISTORY_OK;
        if (poll->kind != HISTORY_POLL || !poll->is_final) continue;
        for (int64_t j = 0; j < poll->reads_n; j++) {
            uint64_t value = history_reads(&history, poll)[j].value;
            for (int64_t k = 0; k < history.ops.n; k++) {
                const struct history_op *send = &history.ops.v[k];
                if (send->value == value && send->outcome == HISTORY_OK)
                    found +=
                        send->offset < 0 || send->offset == history_reads(&history, poll)[j].offset;
            }
        }
    }
    assert_int_equal(found, replicas * acknowledged);
}

static void
produce_consume_and_read_back(bool crash)
{
    int64_t now = world_now_ns(world);
    struct produce_args p = produce_args_default(&history, S("p1"), client, S("orders"));
    struct consume_args c = consume_args_default(&history, S("c1"), client, S("orders"));
    struct slice topic = S("orders");
    p.rate_per_s = 50;
    p.keys = 5;
    p.until_ns = now + 6 * NS_PER_S;
    p.producer.request_timeout_ms = 2000;
    add_client("p1", produce_start, &p);
    add_client("c1", consume_start, &c);
    world_run(world, 2 * NS_PER_S);
    if (crash) {
        fault_crash(nodes[1]);
        world_run(world, 4 * NS_PER_S);
        machine_start(nodes[1]);
    }
    until(&p.done, 60 * NS_PER_S);
    struct final_args f = final_args_default(&history, S("final"), client);
    f.topics = &topic;
    f.topics_n = 1;
    f.until_ns = world_now_ns(world) + 30 * NS_PER_S;
    add_client("final", final_start, &f);
    until(&f.done, 40 * NS_PER_S);
    assert_true(f.complete);
    assert_true(p.sent > 250 && p.sent == p.acknowledged + p.unknown + p.failed);
    assert_int_equal(count(HISTORY_SEND, HISTORY_OK), p.acknowledged);
    assert_int_equal(count(HISTORY_SEND, HISTORY_OPEN), 0);
    assert_true(c.read >= p.acknowledged);
    assert_int_equal(f.readings, 2 * NODES);
    check_final_read(NODES);
}

static void
all_that_was_produced_is_read_from_every_replica(void **state)
{
    (void)state;
    produce_consume_and_read_back(false);
}

static void
so_it_is_when_a_broker_crashes_meanwhile(void **state)
{
    (void)state;
    produce_consume_and_read_back(true);
}

static void
a_client_that_is_started_again_goes_on_counting(void **state)
{
    (void)state;
    struct produce_args p = produce_args_default(&history, S("p1"), client, S("orders"));
    p.count = 40;
    struct machine *m = add_client("p1", produce_start, &p);
    world_run(world, 200 * NS_PER_MS);
    fault_crash(m);
    assert_true(p.sent > 0 && p.sent < 40);
    machine_start(m);
    until(&p.done, 10 * NS_PER_S);
    assert_int_equal(p.sent, 40);
    for (int64_t i = 0, n = 0; i < history.ops.n; i++)
        if (history.ops.v[i].kind == HISTORY_SEND)
            assert_int_equal(history_value_n(history.ops.v[i].value), ++n);
}

static void
an_altered_value_is_noticed(void **state)
{
    (void)state;
    const uint64_t written = history_value(3, 9);
    uint8_t bytes[40];
    uint64_t value;
    for (int64_t n = 8; n <= (int64_t)sizeof bytes; n++) {
        value_write(written, bytes, n);
        assert_true(value_read(slice(bytes, n), &value));
        assert_int_equal(history_value_n(value), 9);
        /* Runs are written down with these bytes: 31 more from each to the next. */
        for (int64_t i = 9; i < n; i++) assert_int_equal((uint8_t)(bytes[i] - bytes[i - 1]), 31);
        for (int64_t i = 0; i < n; i++) {
            bytes[i] ^= 64;
            assert_false(value_read(slice(bytes, n), &value) && value == written);
            bytes[i] ^= 64;
        }
    }
    assert_false(value_read(slice(bytes, 7), &value));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_that_was_produced_is_read_from_every_replica),
        CASE(so_it_is_when_a_broker_crashes_meanwhile),
        CASE(a_client_that_is_started_again_goes_on_counting),
        cmocka_unit_test(an_altered_value_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
