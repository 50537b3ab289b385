#include "broker/record/builder.h"
#include "tests/unit/client/scripted.h"

static struct script script;
static struct client *client;
static struct consumer *consumer;
static const char *bootstrap;
static struct assigned *assigned;
static struct consumer_params params;
static int64_t from, from_time, read_n, last, truncated_at, out_of_range_n, corrupt_n, errors_n,
    positioned_at, at_end;
static int32_t from_epoch, from_node;
static struct uuid last_id;

static void
on_records(void *owner, struct assigned *a, const struct polled *p)
{
    (void)owner, (void)a;
    for (int32_t i = 0; i < p->records_n; i++) {
        if (read_n > 0) assert_int_equal(p->records[i].offset, last + 1);
        last = p->records[i].offset;
        last_id = p->topic_id;
        read_n++;
        assert_int_equal(p->records[i].value.p[0], 'a' + last);
    }
}

static void
on_truncated(void *owner, struct assigned *a, int64_t position, int32_t epoch, int64_t end_offset)
{
    (void)owner, (void)a, (void)position, (void)epoch;
    truncated_at = end_offset;
    last = end_offset - 1;
}

static void
on_out_of_range(void *owner, struct assigned *a, int64_t position)
{
    (void)owner, (void)a, (void)position;
    out_of_range_n++;
    read_n = 0;
}

static void
on_corrupt(void *owner, struct assigned *a, int64_t offset, enum batch_err err)
{
    (void)owner, (void)a, (void)offset, (void)err;
    corrupt_n++;
}

static void
on_error(void *owner, struct assigned *a, int16_t error)
{
    (void)owner, (void)a, (void)error;
    errors_n++;
}

static void
on_positioned(void *owner, struct assigned *a, int64_t offset)
{
    (void)owner, (void)a;
    positioned_at = offset;
}

static void
on_at_end(void *owner, struct assigned *a, int64_t position, int64_t high_watermark)
{
    (void)owner, (void)a, (void)high_watermark;
    at_end = position;
}

static const struct consumer_ops ops = {on_records, on_at_end, on_truncated, on_out_of_range,
                                        on_corrupt, on_error,  on_positioned};

static void
refresh(struct env *env, void *ctx)
{
    (void)env, (void)ctx;
    client_refresh(client);
}

static void
consume(struct script *s, struct env *env)
{
    struct client_params cp = client_params_default();
    (void)s;
    cp.bootstrap = slice_cstr(bootstrap);
    params.ops = &ops;
    client = client_new(env, &cp);
    consumer = consumer_new(client, &params);
    assigned = consumer_assign(consumer, S("t"), 0, from, from_node);
    if (from_time >= 0) assigned_seek_time(assigned, from_time);
    if (from_epoch >= 0) assigned_seek_epoch(assigned, from, from_epoch);
}

/* From the leader, and from the same node as a replica, further on. */
static struct assigned *also;

static void
on_records_of_either(void *owner, struct assigned *a, const struct polled *p)
{
    (void)owner, (void)a;
    for (int32_t i = 0; i < p->records_n; i++)
        assert_int_equal(p->records[i].value.p[0], 'a' + p->records[i].offset);
    read_n += p->records_n;
}

static void
consume_twice(struct script *s, struct env *env)
{
    static const struct consumer_ops either = {.records = on_records_of_either};
    struct client_params cp = client_params_default();
    cp.bootstrap = S("s1:9092,s2:9092");
    params.ops = &either;
    consumer = consumer_new(client_new(env, &cp), &params);
    assigned = consumer_assign(consumer, S("t"), 0, 0, -1);
    also = consumer_assign(consumer, S("t"), 0, 2, s->leader[0]);
}

/* Batches of two records with the values 'a', 'b' … by offset. */
static void
fill(int batches, enum codec codec, int16_t attributes)
{
    struct mem m;
    test_mem_init(&m);
    for (int i = 0; i < batches; i++) {
        struct batch_builder b;
        builder_init(&b, &m, 0);
        for (int j = 0; j < 2; j++) {
            uint8_t v = (uint8_t)('a' + script.end[0] + j);
            builder_add(&b, 100 + script.end[0] + j, SLICE_NULL, slice(&v, 1), NULL, 0);
        }
        b.h.attributes |= attributes;
        struct buf *buf =
            codec ? builder_finish_compressed(&b, CRC32C_PORTABLE, &m, codec, S("rubbish"))
                  : builder_finish(&b, CRC32C_PORTABLE, &m);
        int64_t base;
        fake_store(&script, 0, buf_slice(buf), &base);
    }
    mem_release(&m);
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, consume);
    params = consumer_params_default();
    params.request_timeout_ms = 500;
    bootstrap = "s1:9092,s2:9092";
    from = OFFSET_EARLIEST;
    from_time = from_node = from_epoch = -1;
    read_n = out_of_range_n = corrupt_n = errors_n = 0;
    last = truncated_at = positioned_at = at_end = -1;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

static void
reads_all_in_order(void **state)
{
    (void)state;
    fill(5, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 10);
    assert_int_equal(positioned_at, 0);
    assert_int_equal(at_end, 10);
    assert_int_equal(errors_n, 0);
}

static void
begins_at_its_offset_within_a_batch(void **state)
{
    (void)state;
    from = 3;
    fill(5, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 7);
    assert_int_equal(last, 9);
}

static void
from_the_latest_reads_only_what_comes(void **state)
{
    (void)state;
    from = OFFSET_LATEST;
    fill(2, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 0);
    assert_int_equal(positioned_at, 4);
    fill(1, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 2);
}

static void
seek_to_2(struct env *env, void *ctx)
{
    (void)env, (void)ctx;
    read_n = 0;
    assigned_seek(assigned, 2);
}

static void
a_seek_goes_where_it_says(void **state)
{
    (void)state;
    fill(5, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 10);
    machine_poke(script.client, seek_to_2, NULL);
    script_run(&script, 100);
    assert_int_equal(read_n, 8);
    assert_int_equal(assigned_position(assigned), 10);
}

static void
a_time_is_looked_up(void **state)
{
    (void)state;
    from_time = 106; /* the fourth batch's first record */
    fill(5, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(positioned_at, 6);
    assert_int_equal(read_n, 4);
}

static void
a_time_after_all_records_is_the_end(void **state)
{
    (void)state;
    from_time = 200;
    fill(5, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 0);
    assert_int_equal(assigned_position(assigned), 10);
    fill(1, CODEC_NONE, 0);
    script_run(&script, 100);
    assert_int_equal(read_n, 2);
}

static void
pause_now(struct env *env, void *ctx)
{
    (void)env;
    if (ctx) assigned_pause(assigned);
    else assigned_resume(assigned);
}

static void
nothing_comes_of_a_paused_partition(void **state)
{
    (void)state;
    fill(1, CODEC_NONE, 0);
    script_run(&script, 700);
    machine_poke(script.client, pause_now, &script);
    script_run(&script, 700); /* what was asked for before may still come */
    fill(1, CODEC_NONE, 0);
    script_run(&script, 2000);
    assert_int_equal(read_n, 2);
    machine_poke(script.client, pause_now, NULL);
    script_run(&script, 100);
    assert_int_equal(read_n, 4);
}

static void
control_batches_are_skipped(void **state)
{
    (void)state;
    fill(1, CODEC_NONE, 0);
    fill(1, CODEC_NONE, BATCH_CONTROL);
    script_run(&script, 100);
    assert_int_equal(read_n, 2);
    assert_int_equal(assigned_position(assigned), 4);
}

static void
a_wrong_checksum_is_reported_and_never_handed_out(void **state)
{
    (void)state;
    fill(1, CODEC_NONE, 0);
    script.log[0][0].bytes[70] ^= 1;
    script_run(&script, 400);
    assert_int_equal(read_n, 0);
    assert_true(corrupt_n > 0);
    script.log[0][0].bytes[70] ^= 1;
    script_run(&script, 2000);
    assert_int_equal(read_n, 2);
}

static void
what_cannot_be_decompressed_is_reported(void **state)
{
    (void)state;
    fill(1, CODEC_LZ4, 0);
    script_run(&script, 300);
    assert_int_equal(read_n, 0);
    assert_true(corrupt_n > 0);
}

static int16_t
out_of_range_at_40(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
                   struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)node, (void)ret, (void)n;
    return p->fetch_offset >= 40 ? K_ERR_OFFSET_OUT_OF_RANGE : K_ERR_NONE;
}

static void
out_of_range_goes_by_the_policy(void **state)
{
    (void)state;
    from = 40;
    fill(2, CODEC_NONE, 0);
    script.fetch = out_of_range_at_40;
    script_run(&script, 200);
    assert_int_equal(out_of_range_n, 1);
    assert_int_equal(positioned_at, 0);
    assert_int_equal(read_n, 4);
}

/* While it waits at the end, its topic is deleted, and made again with other records and in an earlier epoch. */
static int16_t
made_again_at_the_end(struct script *s, int32_t node,
                      const struct k_fetch_request_fetch_partition *p,
                      struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)node, (void)ret, (void)n;
    if (s->made_again || p->fetch_offset < 6) return K_ERR_NONE;
    s->made_again++;
    s->leader_epoch[0] = 0;
    s->log_n[0] = 0, s->end[0] = 0;
    fill(4, CODEC_NONE, 0);
    return K_ERR_UNKNOWN_TOPIC_ID;
}

static void
a_topic_that_was_made_again_is_read_from_where_the_policy_says(void **state)
{
    (void)state;
    script.leader_epoch[0] = 3;
    fill(3, CODEC_NONE, 0);
    script.fetch = made_again_at_the_end;
    script_run(&script, 1000);
    assert_int_equal(out_of_range_n, 1);
    assert_int_equal(positioned_at, 0);
    assert_int_equal(read_n, 8); /* of those that are there now */
    assert_int_equal(last_id.b[15], 10);
}

static void
out_of_range_without_a_policy_waits_for_a_seek(void **state)
{
    (void)state;
    from = 40;
    params.reset = RESET_NONE;
    script.fetch = out_of_range_at_40;
    script_run(&script, 500);
    assert_int_equal(out_of_range_n, 1);
    assert_int_equal(assigned_position(assigned), -1);
    assert_int_equal(script.fetched, 1);
}

static int16_t
diverges_at_3(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
              struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)node, (void)n;
    if (p->fetch_offset == 4 && p->last_fetched_epoch == 3 && truncated_at < 0)
        ret->diverging_epoch = (struct k_fetch_response_epoch_end_offset){2, 3};
    return K_ERR_NONE;
}

static void
a_log_that_diverged_is_reported_and_read_from_there(void **state)
{
    (void)state;
    fill(2, CODEC_NONE, 0);
    script.fetch = diverges_at_3;
    script_run(&script, 200);
    assert_int_equal(truncated_at, 3);
    assert_int_equal(read_n, 5); /* offset 3 twice */
}

static int16_t
only_node_2(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
            struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)p, (void)ret, (void)n;
    return node == 2 ? K_ERR_NONE : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

/* KIP-320: the epoch of the leader as we know it, and of the last record. */
static int16_t
epochs_are_named(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
                 struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)node, (void)ret, (void)n;
    assert_int_equal(p->current_leader_epoch, 3);
    assert_int_equal(p->last_fetched_epoch, p->fetch_offset ? 3 : -1);
    return K_ERR_NONE;
}

static void
each_fetch_names_the_epochs(void **state)
{
    (void)state;
    fill(2, CODEC_NONE, 0);
    script.fetch = epochs_are_named;
    script_run(&script, 200);
    assert_int_equal(read_n, 4);
}

/* KIP-951 */
static int16_t
node_1_names_2(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
               struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)p, (void)n;
    if (node == 2) return K_ERR_NONE;
    ret->current_leader.leader_id = 2;
    ret->current_leader.leader_epoch = 4;
    return K_ERR_NOT_LEADER_OR_FOLLOWER;
}

static void
follows_the_hint_of_a_new_leader_without_backoff(void **state)
{
    (void)state;
    from = 0;
    fill(2, CODEC_NONE, 0);
    script.fetch = node_1_names_2;
    script_run(&script, 60); /* less than a backoff */
    assert_int_equal(read_n, 4);
}

static int16_t
node_2_leads_from_the_fifth(struct script *s, int32_t node,
                            const struct k_fetch_request_fetch_partition *p,
                            struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)ret;
    if (n == 5) s->leader[p->partition] = 2, s->leader_epoch[p->partition]++;
    return node == 2 ? K_ERR_NONE : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

static void
does_not_wait_out_a_backoff_before_a_new_leader(void **state)
{
    (void)state;
    from = 0;
    fill(2, CODEC_NONE, 0);
    script.fetch = node_2_leads_from_the_fifth;
    for (int i = 0; i < 300 && script.fetched < 5; i++) script_run(&script, 10);
    script_run(&script, 150); /* the fifth backoff is a second */
    assert_int_equal(read_n, 4);
}

static void
reads_elsewhere_while_no_connection_is_made(void **state)
{
    (void)state;
    from = 0;
    fill(2, CODEC_NONE, 0);
    bootstrap = "s2:9092";
    fault_cut(script.w, (struct machines){&script.client, 1}, (struct machines){script.nodes, 1},
              true);
    script_run(&script, 300);
    assert_int_equal(read_n, 0);
    script.leader[0] = 2, script.leader_epoch[0]++;
    machine_poke(script.client, refresh, NULL);
    script_run(&script, 50);
    assert_int_equal(read_n, 4);
}

static void
reads_from_the_replica_that_it_is_told(void **state)
{
    (void)state;
    from_node = 2;
    fill(2, CODEC_NONE, 0);
    script.fetch = only_node_2;
    script_run(&script, 200);
    assert_int_equal(read_n, 4);
    assert_int_equal(errors_n, 0);
}

static int32_t asked_of_leader, asked_of_near;
static int16_t near_error;

/* Node 1 leads, and sends to node 2, which stands in the reader's rack (KIP-392). */
static int16_t
node_2_is_near(struct script *s, int32_t node, const struct k_fetch_request_fetch_partition *p,
               struct k_fetch_response_partition_data *ret, int32_t n)
{
    (void)s, (void)p, (void)n;
    if (node == 2) {
        asked_of_near++;
        return near_error;
    }
    asked_of_leader++;
    ret->preferred_read_replica = 2;
    return K_ERR_NONE;
}

static void
reads_from_the_replica_in_its_rack(void **state)
{
    (void)state;
    params.rack = S("south");
    asked_of_leader = asked_of_near = 0;
    near_error = K_ERR_NONE;
    from = 0;
    fill(2, CODEC_NONE, 0);
    script.fetch = node_2_is_near;
    script_run(&script, 200);
    assert_int_equal(read_n, 4);
    assert_int_equal(asked_of_leader, 1);
    script_run(&script, 299000);
    assert_int_equal(asked_of_leader, 1);
    script_run(&script, 2000); /* metadata.max.age.ms is over */
    assert_int_equal(asked_of_leader, 2);
}

static void
asks_the_leader_when_the_replica_in_its_rack_fails(void **state)
{
    (void)state;
    params.rack = S("south");
    asked_of_leader = asked_of_near = 0;
    near_error = K_ERR_OFFSET_OUT_OF_RANGE;
    from = 0;
    fill(2, CODEC_NONE, 0);
    script.fetch = node_2_is_near;
    script_run(&script, 1000);
    assert_true(asked_of_leader > 1);
    assert_true(asked_of_near < 20);
    assert_int_equal(out_of_range_n, 0);
    near_error = K_ERR_NONE;
    script_run(&script, 2000);
    assert_int_equal(read_n, 4);
}

/* KIP-320: it may lack what was read under the newer epoch, and say that the position is out of range. */
static void
a_leader_older_than_what_was_read_is_not_asked(void **state)
{
    (void)state;
    from = 2;
    from_epoch = script.leader_epoch[0] + 1;
    fill(2, CODEC_NONE, 0);
    script_run(&script, 1000);
    assert_int_equal(script.fetched, 0);
    assert_int_equal(read_n, 0);
    script.leader_epoch[0]++;
    script_run(&script, 2000);
    assert_int_equal(read_n, 2);
}

/* It was committed by the name of a topic that is gone. */
static void
a_committed_epoch_that_nobody_comes_to_is_given_up(void **state)
{
    (void)state;
    from = 2;
    from_epoch = script.leader_epoch[0] + 1;
    fill(2, CODEC_NONE, 0);
    script_run(&script, 9000);
    assert_int_equal(script.fetched, 0);
    assert_int_equal(out_of_range_n, 0);
    script_run(&script, 4000);
    assert_int_equal(out_of_range_n, 1);
    assert_int_equal(read_n, 4);
}

static void
follows_the_leader(void **state)
{
    (void)state;
    fill(2, CODEC_NONE, 0);
    script.fetch = only_node_2;
    script_run(&script, 50);
    assert_int_equal(read_n, 0);
    script.leader[0] = 2, script.leader_epoch[0]++;
    script_run(&script, 1000);
    assert_int_equal(read_n, 4);
    assert_true(errors_n > 0);
}

static void
survives_a_broker_that_goes_and_comes(void **state)
{
    (void)state;
    fill(1, CODEC_NONE, 0);
    script_run(&script, 100);
    fault_crash(script.nodes[0]);
    script_run(&script, 300);
    fill(1, CODEC_NONE, 0);
    machine_start(script.nodes[0]);
    script_run(&script, 3000);
    assert_int_equal(read_n, 4);
}

static void
a_partition_that_is_read_twice_from_a_node_is_read_twice(void **state)
{
    (void)state;
    script_release(&script);
    script_init(&script, consume_twice);
    fill(4, CODEC_NONE, 0);
    script_run(&script, 3000);
    assert_int_equal(read_n, 8 + 6);
    /* One for all that is answered at once, and one for each fetch: else one would wait behind the other. */
    assert_int_equal(script.connections, 3);
    assert_int_equal(assigned_position(assigned), 8);
    assert_int_equal(assigned_position(also), 8);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_partition_that_is_read_twice_from_a_node_is_read_twice),
        CASE(reads_all_in_order),
        CASE(a_topic_that_was_made_again_is_read_from_where_the_policy_says),
        CASE(begins_at_its_offset_within_a_batch),
        CASE(from_the_latest_reads_only_what_comes),
        CASE(a_seek_goes_where_it_says),
        CASE(a_time_is_looked_up),
        CASE(a_time_after_all_records_is_the_end),
        CASE(nothing_comes_of_a_paused_partition),
        CASE(each_fetch_names_the_epochs),
        CASE(follows_the_hint_of_a_new_leader_without_backoff),
        CASE(does_not_wait_out_a_backoff_before_a_new_leader),
        CASE(reads_elsewhere_while_no_connection_is_made),
        CASE(control_batches_are_skipped),
        CASE(a_wrong_checksum_is_reported_and_never_handed_out),
        CASE(what_cannot_be_decompressed_is_reported),
        CASE(out_of_range_goes_by_the_policy),
        CASE(out_of_range_without_a_policy_waits_for_a_seek),
        CASE(a_log_that_diverged_is_reported_and_read_from_there),
        CASE(reads_from_the_replica_that_it_is_told),
        CASE(reads_from_the_replica_in_its_rack),
        CASE(asks_the_leader_when_the_replica_in_its_rack_fails),
        CASE(a_leader_older_than_what_was_read_is_not_asked),
        CASE(a_committed_epoch_that_nobody_comes_to_is_given_up),
        CASE(follows_the_leader),
        CASE(survives_a_broker_that_goes_and_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
