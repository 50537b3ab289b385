/* Three nodes in the simulated world: what becomes of their partitions when things go wrong. */
#include <stdio.h>

#include "sim/world/fault.h"

#include "broker/node/internal.h"
#include "broker/record/batch.h"
#include "sim/workload/workload.h"
#include "tests/lib/nodes.h"
#include "tests/lib/test.h"

static struct world *world;
static struct mem mem;
static struct history history;
static struct client_params client;
static int32_t clients_n, fenced_n;
static int64_t told_hw; /* the last high watermark that b2 told of orders-0 */

/* ---- the cluster ---- */

static void
add_client(void (*start)(struct env *env, void *args), void *args)
{
    static char names[64][16];
    assert_true(clients_n < 64);
    char *name = names[clients_n++];
    snprintf(name, sizeof names[0], "c%d", clients_n);
    struct machine_params p = {
        .name = slice_cstr(name), .kind = S("client"), .start = start, .args = args};
    machine_start(world_add(world, &p));
}

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
until(bool (*cond)(void *), void *ctx)
{
    assert_true(world_run_while_not(world, cond, ctx, world_now_ns(world) + 40 * NS_PER_S));
}

static void
see(void *ctx, const struct world_event *e)
{
    (void)ctx;
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        fenced_n += n->kind == NOTE_BROKER_FENCED;
        if (n->kind == NOTE_PARTITION_HW && e->machine == nodes[1] &&
            slice_eq(n->subject, S("orders-0")))
            told_hw = n->v[0];
    }
}

static int
set_up(void **state)
{
    (void)state;
    static const struct world_observer observer = {.event = see};
    struct world_options o = world_options_default();
    o.notes_on = true;
    clients_n = fenced_n = 0;
    world = world_new(11, &o);
    world_observe(world, &observer);
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

/* ---- what clients do ---- */

static void
create(const struct new_topic *topics, int32_t n)
{
    struct topics_args t = {.client = client, .topics = topics, .topics_n = n};
    add_client(topics_start, &t);
    until(is_true, &t.done);
    assert_int_equal(t.error, 0);
}

static const struct new_topic orders = {
    .name = {(const uint8_t *)"orders", 6}, .partitions = 1, .replicas = 3};

static struct {
    struct admin_op op;
    bool done;
} deletion;

static void
deleted(struct admin_op *op)
{
    assert_int_equal(op->error, 0);
    deletion.done = true;
}

static void
delete_start(struct env *env, void *args)
{
    (void)args;
    deletion.done = false;
    deletion.op = (struct admin_op){.done = deleted};
    admin_delete_topic(client_new(env, &client), &deletion.op, S("orders"));
}

static void
produce(int64_t count)
{
    struct produce_args p = produce_args_default(&history, S("p"), client, S("orders"));
    p.count = count;
    p.rate_per_s = 100;
    p.producer.request_timeout_ms = 2000;
    add_client(produce_start, &p);
    until(is_true, &p.done);
    assert_int_equal(p.acknowledged, count);
}

/* Reads the topic from all replicas to its end: how many records the leader had. */
static int64_t
read_all(const struct slice *topic)
{
    static struct final_args all[64]; /* the client lives as long as the world */
    static int n;
    assert_true(n < ARRAY_LEN(all));
    struct final_args *f = &all[n++];
    *f = final_args_default(&history, S("f"), client);
    f->topics = topic;
    f->topics_n = 1;
    f->followers = true;
    f->until_ns = world_now_ns(world) + 20 * NS_PER_S;
    add_client(final_start, f);
    until(is_true, &f->done);
    assert_true(f->complete);
    return f->read;
}

/* ---- what nodes know ---- */

static struct partition *
partition_on(int node, const char *topic)
{
    struct node *n = nodes_get(node);
    return n->replicas ? replicas_find_by_name(n->replicas, slice_cstr(topic), 0) : NULL;
}

/* -1: not there, or its ISR is not whole. */
static int64_t
end_on(int node)
{
    struct partition *p = machine_is_up(nodes[node]) ? partition_on(node, "orders") : NULL;
    return p && partition_has_log(p) && p->isr.n == NODES ? commitlog_written_end(&p->log) : -1;
}

static bool
all_in_sync(void *ctx)
{
    (void)ctx;
    return end_on(0) >= 0 && end_on(1) == end_on(0) && end_on(2) == end_on(0);
}

static bool
b2_is_down(void *ctx)
{
    (void)ctx;
    return !machine_is_up(nodes[1]);
}

static void
shut_down(struct env *env, void *ctx)
{
    (void)ctx;
    node_shutdown(env->machine);
}

/* ---- claims ---- */

static void
a_topic_made_anew_while_a_broker_was_down_is_followed_by_it(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(20);
    fault_crash(nodes[2]);
    add_client(delete_start, NULL);
    until(is_true, &deletion.done);
    create(&orders, 1);
    produce(7);
    machine_start(nodes[2]);
    until(all_in_sync, NULL);
    for (int i = 0; i < NODES; i++) assert_int_equal(end_on(i), 7);
}

static void
creating_topics_fences_nobody(void **state)
{
    (void)state;
    static char names[30][8];
    struct new_topic topics[30];
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        topics[i] =
            (struct new_topic){.name = slice_cstr(names[i]), .partitions = 8, .replicas = 3};
    }
    create(topics, 1);
    fenced_n = 0;
    for (int i = 0; i < NODES; i++) fault_disk_slow(nodes[i], 5000);
    create(topics + 1, 29);
    assert_int_equal(fenced_n, 0);
}

/* Who looks on would take it for 0 otherwise, where nothing is written any more. */
static void
a_high_watermark_that_was_kept_is_told(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    until(all_in_sync, NULL);
    world_run(world, 10 * NS_PER_S); /* it is kept every five seconds */
    fault_crash(nodes[1]);
    told_hw = -1;
    machine_start(nodes[1]);
    until(all_in_sync, NULL);
    assert_int_equal(told_hw, 5);
}

static void
a_broker_ends_with_its_log_directory(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    until(all_in_sync, NULL);
    fault_disk_fail(nodes[1], DISK_FAIL_WRITE, S("orders-0"), 1);
    produce(5);
    until(b2_is_down, NULL);
    assert_true(slice_starts(nodes[1]->fatal, S("the log directory data has failed")));
    fault_disk_heal(nodes[1]);
    machine_start(nodes[1]);
    until(all_in_sync, NULL);
}

/* A checkpoint that cannot be written ends the broker: so this one shows whether any is. */
static void
a_broker_that_idles_writes_no_checkpoints(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    until(all_in_sync, NULL);
    world_run(world, 20 * NS_PER_S);
    fault_disk_fail(nodes[1], DISK_FAIL_WRITE, S("offset-checkpoint"), 1);
    world_run(world, 30 * NS_PER_S);
    assert_true(machine_is_up(nodes[1]));
    produce(5);
    until(b2_is_down, NULL);
}

static void
a_clean_end_is_told_to_the_controller(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    int64_t epoch = nodes_get(1)->lifecycle.broker_epoch;
    machine_poke(nodes[1], shut_down, NULL);
    until(b2_is_down, NULL);
    assert_int_equal(nodes[1]->fatal.n, 0);
    machine_start(nodes[1]);
    until(all_in_sync, NULL);
    assert_true(nodes_get(1)->marker.was_there);
    assert_int_equal(nodes_get(1)->marker.shown_epoch, epoch);
}

static bool
is_down(void *machine)
{
    return !machine_is_up(machine);
}

/* The last one finds no quorum that could give it leave. */
static void
the_last_node_without_a_quorum_ends_soon_and_cleanly(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    until(all_in_sync, NULL);
    for (int i = 0; i < NODES; i++) {
        machine_poke(nodes[i], shut_down, NULL);
        int64_t limit_ns = world_now_ns(world) + 15 * NS_PER_S;
        assert_true(world_run_while_not(world, is_down, nodes[i], limit_ns));
        assert_int_equal(nodes[i]->fatal.n, 0);
    }
    for (int i = 0; i < NODES; i++) machine_start(nodes[i]);
    until(all_in_sync, NULL);
    for (int i = 0; i < NODES; i++) assert_true(nodes_get(i)->marker.was_there);
}

static void
the_end_of_a_recovery_that_was_not_finished_is_not_clean(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    fault_crash(nodes[1]);
    fault_disk_slow(nodes[1], 100000);
    machine_start(nodes[1]);
    bool (*cond)(void *) = b2_is_down;
    for (int i = 0; i < 400 && !(nodes_get(1)->applied && nodes_get(1)->replicas->opening); i++)
        world_run(world, 50 * NS_PER_MS);
    assert_true(nodes_get(1)->replicas->opening > 0);
    machine_poke(nodes[1], shut_down, NULL);
    until(cond, NULL);
    fault_disk_slow(nodes[1], 100);
    machine_start(nodes[1]);
    until(all_in_sync, NULL);
    assert_false(nodes_get(1)->marker.was_there);
}

/* The codec of the first batch on the disk of b1. */
static int
stored_codec(const char *path)
{
    uint8_t head[BATCH_HEADER_BYTES];
    assert_int_equal(
        disk_peek(nodes[0], slice_cstr(path), IMAGE_CACHED, 0, head, BATCH_HEADER_BYTES),
        BATCH_HEADER_BYTES);
    struct batch_header h;
    assert_int_equal(batch_parse(slice(head, BATCH_HEADER_BYTES), &h), BATCH_OK);
    return batch_codec(&h);
}

static void
a_topic_has_its_own_codec_if_it_wants_one(void **state)
{
    (void)state;
    static const char *const names[] = {"producer", "uncompressed", "gzip",
                                        "snappy",   "lz4",          "zstd"};
    for (int from = CODEC_NONE; from <= CODEC_ZSTD; from += CODEC_ZSTD) {
        for (int i = 0; i < ARRAY_LEN(names); i++) {
            char name[16], path[64];
            snprintf(name, sizeof name, "t%d%d", from, i);
            snprintf(path, sizeof path, "data/%s-0/00000000000000000000.log", name);
            struct topic_setting setting = {S("compression.type"), slice_cstr(names[i])};
            struct new_topic t = {.name = slice_cstr(name),
                                  .partitions = 1,
                                  .replicas = 3,
                                  .settings = &setting,
                                  .settings_n = 1};
            create(&t, 1);
            struct produce_args p = produce_args_default(&history, S("p"), client, t.name);
            p.count = 1;
            p.value_bytes = 4000;
            p.producer.codec = (enum codec)from;
            add_client(produce_start, &p);
            until(is_true, &p.done);
            assert_int_equal(p.acknowledged, 1);
            world_run(world, NS_PER_S);
            assert_int_equal(stored_codec(path), i == 0 ? from : i - 1);
            assert_int_equal(read_all(&t.name), 1);
        }
    }
}

static bool
path_has(struct slice path, struct slice part)
{
    for (int64_t i = 0; i + part.n <= path.n; i++)
        if (slice_eq(slice_sub(path, i, part.n), part)) return true;
    return false;
}

static void
look_for_orders(void *ctx, struct slice path, int64_t size)
{
    (void)size;
    if (path_has(path, S("/orders-0"))) *(bool *)ctx = true;
}

static void
look_for_deleted(void *ctx, struct slice path, int64_t size)
{
    (void)size;
    if (path_has(path, S("/orders-0.")) && path_has(path, S("-delete/"))) *(bool *)ctx = true;
}

static bool
nothing_of_orders_is_on_b3(void *ctx)
{
    (void)ctx;
    bool found = false;
    disk_peek_all(nodes[2], IMAGE_CACHED, look_for_orders, &found);
    return !found;
}

static bool
orders_is_renamed_on_b3(void *ctx)
{
    (void)ctx;
    bool found = false;
    disk_peek_all(nodes[2], IMAGE_CACHED, look_for_deleted, &found);
    return found;
}

static void
a_deletion_that_a_crash_cut_short_goes_on(void **state)
{
    (void)state;
    create(&orders, 1);
    produce(5);
    add_client(delete_start, NULL);
    until(orders_is_renamed_on_b3, NULL);
    fault_crash(nodes[2]);
    world_run(world, 3 * NS_PER_S);
    assert_true(orders_is_renamed_on_b3(NULL));
    machine_start(nodes[2]);
    until(nothing_of_orders_is_on_b3, NULL);
}

/* ---- memory ---- */

static void
requests_leave_nothing_behind(void **state)
{
    (void)state;
    create(&orders, 1);
    int64_t before[NODES], after[NODES];
    produce(300);
    world_run(world, 10 * NS_PER_S);
    for (int i = 0; i < NODES; i++) before[i] = nodes[i]->env.mem.used_bytes;
    for (int i = 0; i < 5; i++) {
        produce(300);
        (void)read_all(&orders.name);
    }
    world_run(world, 10 * NS_PER_S);
    /* Indexes and what the log keeps of recent batches grow a little. */
    for (int i = 0; i < NODES; i++) {
        after[i] = nodes[i]->env.mem.used_bytes;
        assert_true(after[i] - before[i] < 100000);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_topic_made_anew_while_a_broker_was_down_is_followed_by_it),
        CASE(creating_topics_fences_nobody),
        CASE(a_high_watermark_that_was_kept_is_told),
        CASE(a_broker_ends_with_its_log_directory),
        CASE(a_broker_that_idles_writes_no_checkpoints),
        CASE(a_clean_end_is_told_to_the_controller),
        CASE(a_topic_has_its_own_codec_if_it_wants_one),
        CASE(a_deletion_that_a_crash_cut_short_goes_on),
        CASE(requests_leave_nothing_behind),
        CASE(the_last_node_without_a_quorum_ends_soon_and_cleanly),
        CASE(the_end_of_a_recovery_that_was_not_finished_is_not_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
