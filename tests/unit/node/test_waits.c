/* Nodes that wait for somebody: what they say, and how often they ask. */
#include <stdio.h>
#include <string.h>

#include "sim/world/fault.h"

#include "apis.h"
#include "broker/node/internal.h"
#include "sim/workload/workload.h"
#include "tests/lib/nodes.h"
#include "tests/lib/test.h"

static struct world *world;
static char said[NODES][20][200]; /* warnings, and what ends them */
static int said_n[NODES];
static int fetches; /* of the metadata log, by b1 */

static int
index_of(const struct machine *m)
{
    for (int i = 0; i < NODES; i++)
        if (nodes[i] == m) return i;
    return -1;
}

static void
see(void *ctx, const struct world_event *e)
{
    (void)ctx;
    int i = index_of(e->machine);
    for (int32_t k = 0; i >= 0 && k < e->notes_n; k++) {
        const struct note *n = e->notes[k];
        if (n->kind != NOTE_LOG_MESSAGE || said_n[i] == ARRAY_LEN(said[i])) continue;
        snprintf(said[i][said_n[i]++], sizeof said[i][0], "%.*s", (int)n->text.n, n->text.p);
    }
}

static void
see_frame(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    (void)ctx;
    fetches += fate == FRAME_SENT && !f->is_answer && f->api == K_API_FETCH && f->port == 9093 &&
               f->from == nodes[B1];
}

static int
set_up(void **state)
{
    (void)state;
    static const struct world_observer observer = {.event = see, .frame = see_frame};
    struct world_options o = world_options_default();
    o.notes_on = true;
    world = world_new(11, &o);
    world_observe(world, &observer);
    memset(said_n, 0, sizeof said_n);
    nodes_forget();
    fetches = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    world_free(world);
    return 0;
}

/* How many lines of it have this part. */
static int
lines_with(int node, const char *part)
{
    int n = 0;
    for (int i = 0; i < said_n[node]; i++) n += strstr(said[node][i], part) != NULL;
    return n;
}

static void
three_nodes(void)
{
    for (int i = 0; i < NODES; i++) nodes_add_apart(world, i, NODES_CLUSTER_ID);
    static struct client_params client;
    client = client_params_default();
    client.bootstrap = S("b1:9092,b2:9092");
    static const int32_t placed[] = {1, 2};
    static struct new_topic orders = {.partitions = 0,
                                      .replicas = 0,
                                      .placement = placed,
                                      .partitions_placed = 1,
                                      .replicas_placed = 2};
    orders.name = S("orders");
    static struct topics_args t;
    t = (struct topics_args){.client = client, .topics = &orders, .topics_n = 1};
    struct machine_params p = {
        .name = S("c1"), .kind = S("client"), .start = topics_start, .args = &t};
    machine_start(world_add(world, &p));
    world_run(world, 5 * NS_PER_S);
    assert_true(t.done && t.error == 0);
}

static void
shut_down(struct env *env, void *ctx)
{
    (void)ctx;
    node_shutdown(env->machine);
}

/* ---- claims ---- */

static void
a_stranger_to_the_cluster_says_so_and_asks_rarely(void **state)
{
    (void)state;
    nodes_add_apart(world, K1, NODES_CLUSTER_ID);
    nodes_add_apart(world, B1, S("AAAAAAAAAAAAAAAAAAAAAw"));
    world_run(world, 30 * NS_PER_S);
    assert_int_equal(lines_with(B1, "waits for the leader of the controller quorum"), 2);
    assert_int_equal(lines_with(B1, "INCONSISTENT_CLUSTER_ID"), 2);
    assert_true(fetches > 20 && fetches < 60);
}

static void
a_follower_tells_which_leader_does_not_answer(void **state)
{
    (void)state;
    three_nodes();
    struct frame_filter f = frame_filter_any();
    f.api = K_API_FETCH;
    f.which = WHICH_REQUEST;
    f.port = 9092;
    f.from = nodes[B2];
    fault_id held = fault_hold(world, &f, 0, 0);
    world_run(world, 7 * NS_PER_S);
    assert_int_equal(lines_with(B2,
                                "waits for an answer of a leader (5 s): broker 1, of 1 partition;"
                                " b1:9092"),
                     1);
    fault_heal(world, held);
    world_run(world, 2 * NS_PER_S);
    assert_int_equal(lines_with(B2, "has an answer of a leader, after"), 1);
    assert_int_equal(lines_with(B1, "waits"), 0);
}

static void
a_broker_tells_that_the_controller_does_not_answer(void **state)
{
    (void)state;
    three_nodes();
    struct frame_filter f = frame_filter_any();
    f.api = K_API_BROKER_HEARTBEAT;
    f.which = WHICH_ANSWER;
    f.to = nodes[B2];
    fault_id held = fault_hold(world, &f, 0, 0);
    world_run(world, 12 * NS_PER_S);
    assert_int_equal(lines_with(B2, "waits for an answer of the active controller (5 s): "
                                    "broker-lifecycle to 101@k1:9093"),
                     1);
    fault_heal(world, held);
    world_run(world, 5 * NS_PER_S);
    assert_int_equal(lines_with(B2, "has an answer of the active controller, after"), 1);
}

static void
a_node_tells_what_holds_up_its_start_and_its_stop(void **state)
{
    (void)state;
    three_nodes();
    fault_crash(nodes[B2]);
    fault_disk_slow(nodes[B2], 200000);
    machine_start(nodes[B2]);
    world_run(world, 7 * NS_PER_S);
    assert_int_equal(lines_with(B2, "waits for the end of its start (5 s): "), 1);
    fault_disk_heal(nodes[B2]);
    world_run(world, 60 * NS_PER_S);
    assert_int_equal(lines_with(B2, "has the end of its start, after"), 1);
    fault_disk_slow(nodes[B2], 200000);
    machine_poke(nodes[B2], shut_down, NULL);
    world_run(world, 7 * NS_PER_S);
    assert_int_equal(lines_with(B2, "waits for the end of its stop (5 s): logs are being"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_stranger_to_the_cluster_says_so_and_asks_rarely),
        CASE(a_follower_tells_which_leader_does_not_answer),
        CASE(a_node_tells_what_holds_up_its_start_and_its_stop),
        CASE(a_broker_tells_that_the_controller_does_not_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
