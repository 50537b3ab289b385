#include "tests/unit/client/scripted.h"

/* Sends of the test, their client and producer. */
#define SENDS 8
static struct script script;
static struct send sends[SENDS];
static struct client *client;
static struct producer *producer;
static struct producer_params params;
static const char *bootstrap;
static int done_n, sends_n, order[SENDS];
static int after; /* whose end sends so many more; -1: nobody's */
static int after_n;
static int partitions_n; /* send after send */
static struct timer later;

static void sent(struct send *s);

static void
send_one(int i)
{
    uint8_t value = (uint8_t)('a' + i);
    struct producer_record r = {
        .topic = S("t"), .partition = i % partitions_n, .value = slice(&value, 1), .timestamp = 5};
    sends[i].done = sent;
    assert_true(producer_send(producer, &sends[i], &r));
}

static void
sent(struct send *s)
{
    order[done_n++] = (int)(s - sends);
    for (int i = 0; i < after_n && s - sends == after; i++) send_one(sends_n++);
}

static void
send_later(struct timer *t)
{
    (void)t;
    send_one(sends_n++);
}

static void
send_now(struct env *env, void *ctx)
{
    (void)env, (void)ctx;
    send_one(sends_n++);
}

static void
refresh(struct env *env, void *ctx)
{
    (void)env, (void)ctx;
    client_refresh(client);
}

static void
send_some(struct script *s, struct env *env)
{
    struct client_params cp = client_params_default();
    (void)s;
    cp.bootstrap = slice_cstr(bootstrap);
    cp.request_timeout_ms = params.request_timeout_ms;
    client = client_new(env, &cp);
    producer = producer_new(client, &params);
    assert_non_null(producer);
    for (int i = 0; i < sends_n; i++) send_one(i);
    if (later.due) timer_arm(env, &later, env_now_ns(env) + 100 * NS_PER_MS);
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, send_some);
    params = producer_params_default();
    params.linger_ms = 0;
    params.request_timeout_ms = 500;
    params.delivery_timeout_ms = 3000;
    bootstrap = "s1:9092,s2:9092";
    memset(sends, 0, sizeof sends);
    memset(&later, 0, sizeof later);
    done_n = 0;
    sends_n = 1;
    after = -1;
    after_n = 1;
    partitions_n = 1;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

/* ---- outcomes ---- */

static void
stored_sends_are_ok_with_their_offsets(void **state)
{
    (void)state;
    sends_n = 3;
    script_run(&script, 1000);
    assert_int_equal(done_n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sends[i].result, SEND_OK);
        assert_int_equal(sends[i].offset, i);
    }
    assert_int_equal(script.log_n[0], 1);
    assert_int_equal(script.log[0][0].h.producer_id, 7);
    assert_int_equal(script.log[0][0].h.base_sequence, 0);
}

static int16_t
not_enough_replicas(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
                    int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h, (void)n;
    return K_ERR_NOT_ENOUGH_REPLICAS;
}

static void
refused_by_every_attempt_is_failed(void **state)
{
    (void)state;
    script.produce = not_enough_replicas;
    script_run(&script, 5000);
    assert_int_equal(sends[0].result, SEND_FAILED);
    assert_int_equal(sends[0].error, K_ERR_NOT_ENOUGH_REPLICAS);
    assert_true(script.produced > 2);
}

static int16_t
once_unknown_then_refused(struct script *s, int32_t node, int32_t partition,
                          const struct batch_header *h, int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h;
    return n == 2 ? K_ERR_NOT_LEADER_OR_FOLLOWER : K_ERR_NOT_ENOUGH_REPLICAS;
}

static void
one_unknown_attempt_makes_it_unknown(void **state)
{
    (void)state;
    script.produce = once_unknown_then_refused;
    script_run(&script, 5000);
    assert_int_equal(sends[0].result, SEND_UNKNOWN);
}

static int16_t
never_answered(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
               int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h, (void)n;
    return SCRIPT_NO_ANSWER;
}

static void
a_timeout_is_unknown(void **state)
{
    (void)state;
    script.produce = never_answered;
    script_run(&script, 5000);
    assert_int_equal(done_n, 1);
    assert_int_equal(sends[0].result, SEND_UNKNOWN);
}

/* The second record waits in an open batch behind the first one's when its time is over; the one that is sent
 * just then has all of its time. */
static void
what_is_sent_when_another_ends_does_not_end_with_it(void **state)
{
    (void)state;
    script.produce = never_answered;
    params.request_timeout_ms = 5000; /* the first stays in flight */
    later.due = send_later;
    after = 1;
    script_run(&script, 3200);
    assert_int_equal(done_n, 2);
    assert_int_equal(sends[1].result, SEND_FAILED);
    assert_int_equal(sends_n, 3);
    assert_int_equal(sends[2].result, SEND_PENDING);
    script_run(&script, 3000);
    assert_int_equal(done_n, 3);
    assert_int_equal(producer_pending(producer), 0);
}

/* The producer is not pumped for it. */
static void
what_joins_a_batch_goes_out_when_that_has_lingered(void **state)
{
    (void)state;
    params.linger_ms = 50;
    script_run(&script, 200);
    assert_int_equal(done_n, 1);
    machine_poke(script.client, send_now, NULL);
    script_run(&script, 20);
    machine_poke(script.client, send_now, NULL);
    script_run(&script, 29);
    assert_int_equal(script.log_n[0], 1);
    script_run(&script, 6);
    assert_int_equal(script.log_n[0], 2);
    assert_int_equal(script.log[0][1].h.records_n, 2);
    assert_int_equal(done_n, 3);
}

/* There was no room among the requests in flight for what goes to another partition. */
static void
the_end_of_a_request_lets_another_go(void **state)
{
    (void)state;
    partitions_n = 2;
    params.max_in_flight = 1;
    script_run(&script, 200);
    machine_poke(script.client, send_now, NULL);
    machine_poke(script.client, send_now, NULL);
    assert_int_equal(done_n, 1);
    script_run(&script, 20);
    assert_int_equal(done_n, 3);
    assert_int_equal(script.log_n[0], 2);
    assert_int_equal(script.log_n[1], 1);
}

/* The leader's host is gone without a word, and is connected to for ten seconds. */
static void
what_waits_for_a_connection_is_given_up_in_time(void **state)
{
    (void)state;
    struct machines dead = {&script.nodes[0], 1}, all = {&script.client, 1};
    script_run(&script, 10);
    assert_int_equal(done_n, 1);
    later.due = NULL;
    fault_cut(script.w, dead, all, true);
    script.leader[0] = 2, script.leader_epoch[0]++;
    machine_poke(script.client, send_now, NULL);
    script_run(&script, 2500);
    assert_int_equal(done_n, 2);
    assert_int_equal(sends[1].result, SEND_OK);
}

static void
without_a_broker_it_is_failed(void **state)
{
    (void)state;
    fault_crash(script.nodes[0]);
    fault_crash(script.nodes[1]);
    script_run(&script, 5000);
    assert_int_equal(sends[0].result, SEND_FAILED);
    assert_int_equal(sends[0].error, K_ERR_REQUEST_TIMED_OUT);
}

static int16_t
too_large(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
          int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h, (void)n;
    return K_ERR_MESSAGE_TOO_LARGE;
}

static void
what_cannot_be_retried_fails_at_once(void **state)
{
    (void)state;
    script.produce = too_large;
    script_run(&script, 1000);
    assert_int_equal(sends[0].result, SEND_FAILED);
    assert_int_equal(script.produced, 1);
}

static void
acks_0_is_ok_without_offset(void **state)
{
    (void)state;
    params.acks = 0;
    params.idempotent = false;
    script_run(&script, 1000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(sends[0].offset, -1);
    assert_int_equal(script.end[0], 1);
}

/* ---- idempotence ---- */

static int16_t
stored_but_lost(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
                int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h;
    return n == 1 ? SCRIPT_STORE_AND_BREAK : K_ERR_DUPLICATE_SEQUENCE_NUMBER;
}

static void
a_duplicate_is_ok_without_offset(void **state)
{
    (void)state;
    script.produce = stored_but_lost;
    script_run(&script, 2000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(sends[0].offset, -1);
    assert_int_equal(script.end[0], 1);
}

/* The first batch is refused once, as are those behind it, whose turn it was not. */
static int16_t
first_refused_once(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
                   int32_t n)
{
    (void)node;
    if (n == 1) return K_ERR_NOT_ENOUGH_REPLICAS;
    int32_t stored = s->log_n[partition];
    return h->base_sequence == stored ? K_ERR_NONE : K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void
retries_keep_the_order(void **state)
{
    (void)state;
    params.batch_bytes = 1; /* a batch for each */
    sends_n = 5;
    script.produce = first_refused_once;
    script_run(&script, 4000);
    assert_int_equal(done_n, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sends[i].result, SEND_OK);
        assert_int_equal(sends[i].offset, i);
        assert_int_equal(order[i], i);
        assert_int_equal(script.log[0][i].h.base_sequence, i);
        assert_int_equal(script.log[0][i].h.producer_epoch, 0);
    }
}

/* As a broker that does not know the producer yet: any sequence may begin. The first batch is lost. */
static int16_t
first_lost_any_begins(struct script *s, int32_t node, int32_t partition,
                      const struct batch_header *h, int32_t n)
{
    (void)node;
    if (n == 1) return SCRIPT_NO_ANSWER;
    int32_t stored = s->log_n[partition];
    if (!stored) return K_ERR_NONE;
    const struct batch_header *last = &s->log[partition][stored - 1].h;
    if (h->producer_epoch > last->producer_epoch)
        return h->base_sequence ? K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER : K_ERR_NONE;
    return h->base_sequence == last->base_sequence + 1 ? K_ERR_NONE
                                                       : K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void
nothing_overtakes_the_first_batch(void **state)
{
    (void)state;
    params.batch_bytes = 1;
    sends_n = 3;
    script.produce = first_lost_any_begins;
    script_run(&script, 4000);
    assert_int_equal(done_n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sends[i].result, SEND_OK);
        assert_int_equal(sends[i].offset, i);
    }
    assert_int_equal(producer_stats(producer)->epoch_bumps, 0);
}

/* The topic is deleted and made again while the second batch is on its way; its log knows nobody, and takes whatever comes first. The
 * first batch there is lost once. */
static int16_t
made_again_and_first_lost(struct script *s, int32_t node, int32_t partition,
                          const struct batch_header *h, int32_t n)
{
    (void)node, (void)partition;
    if (n == 1) return K_ERR_NONE;
    if (n == 2) {
        s->made_again++;
        return K_ERR_UNKNOWN_TOPIC_ID;
    }
    if (n == 3) return SCRIPT_NO_ANSWER;
    int32_t stored = s->log_n[0];
    return stored == 1 || h->base_sequence == s->log[0][stored - 1].h.base_sequence + 1
             ? K_ERR_NONE
             : K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void
nothing_overtakes_the_first_batch_to_a_topic_that_was_made_again(void **state)
{
    (void)state;
    params.batch_bytes = 1;
    after = 0;
    later.due = send_later; /* while the first is under way there */
    script.produce = made_again_and_first_lost;
    script_run(&script, 4000);
    assert_int_equal(done_n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sends[i].result, SEND_OK);
        assert_int_equal(script.log[0][i].h.base_sequence, i);
        assert_int_equal(sends[i].topic_id.b[15], i ? 10 : 9);
    }
}

static void
who_sends_by_name_knows_no_id(void **state)
{
    (void)state;
    script.produce_max = 12;
    script_run(&script, 1000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_true(uuid_is_zero(sends[0].topic_id));
}

/* Stored, but the answer is lost; then a leader is asked that was deposed before. */
static int16_t
stored_then_a_deposed_leader(struct script *s, int32_t node, int32_t partition,
                             const struct batch_header *h, int32_t n)
{
    (void)s, (void)node, (void)partition, (void)h;
    if (n == 1) return SCRIPT_STORE_AND_BREAK;
    return n < 4 ? K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER : K_ERR_DUPLICATE_SEQUENCE_NUMBER;
}

static void
what_may_be_stored_is_not_sent_as_new(void **state)
{
    (void)state;
    script.produce = stored_then_a_deposed_leader;
    script_run(&script, 3000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(script.end[0], 1);
    assert_int_equal(producer_stats(producer)->epoch_bumps, 0);
}

/* The first is refused by a leader whose disk was replaced and which is not ready yet; to its empty log the second may be
 * the first of this producer. */
static int16_t
emptied(struct script *s, int32_t node, int32_t partition, const struct batch_header *h, int32_t n)
{
    (void)node;
    int32_t stored = s->log_n[partition];
    if (n == 1) return K_ERR_NONE;
    if (n == 2) return K_ERR_NOT_ENOUGH_REPLICAS;
    if (n == 3) return K_ERR_NONE; /* it had forgotten what came before */
    const struct batch_header *last = &s->log[partition][stored - 1].h;
    bool is_next =
        h->producer_epoch > last->producer_epoch || h->base_sequence == last->base_sequence + 1;
    return is_next ? K_ERR_NONE : K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void
what_is_stored_behind_a_batch_does_not_acknowledge_it(void **state)
{
    (void)state;
    params.batch_bytes = 1;
    sends_n = 1;
    after = 0, after_n = 2;
    script.produce = emptied;
    script_run(&script, 6000);
    assert_int_equal(done_n, 3);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(sends[1].result, SEND_FAILED);
    assert_int_equal(sends[2].result, SEND_OK);
    for (int32_t i = 0; i < script.log_n[0]; i++)
        assert_int_not_equal(script.log[0][i].h.base_sequence, 1);
}

/* The broker has forgotten the producer. */
static int16_t
forgotten(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
          int32_t n)
{
    (void)s, (void)node, (void)partition, (void)n;
    return h->producer_epoch == 0 ? K_ERR_UNKNOWN_PRODUCER_ID : K_ERR_NONE;
}

static void
forgotten_producer_begins_anew_under_a_higher_epoch(void **state)
{
    (void)state;
    script.produce = forgotten;
    script_run(&script, 2000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(script.log[0][0].h.producer_epoch, 1);
    assert_int_equal(script.log[0][0].h.base_sequence, 0);
    assert_int_equal(producer_stats(producer)->epoch_bumps, 1);
}

/* The first is too large: its sequence is never stored, and the others begin anew. */
static int16_t
first_is_too_large(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
                   int32_t n)
{
    (void)node;
    if (n == 1) return K_ERR_MESSAGE_TOO_LARGE;
    if (h->producer_epoch == 0) return K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    return h->base_sequence == s->log_n[partition] ? K_ERR_NONE
                                                   : K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void
a_hole_is_left_behind_by_raising_the_epoch(void **state)
{
    (void)state;
    params.batch_bytes = 1;
    sends_n = 3;
    script.produce = first_is_too_large;
    script_run(&script, 3000);
    assert_int_equal(sends[0].result, SEND_FAILED);
    assert_int_equal(sends[1].result, SEND_OK);
    assert_int_equal(sends[2].result, SEND_OK);
    assert_int_equal(sends[1].offset, 0);
    assert_int_equal(sends[2].offset, 1);
}

/* ---- leaders, versions ---- */

static int16_t
only_node_2(struct script *s, int32_t node, int32_t partition, const struct batch_header *h,
            int32_t n)
{
    (void)s, (void)partition, (void)h, (void)n;
    return node == 2 ? K_ERR_NONE : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

static void
follows_the_hint_of_a_new_leader_without_backoff(void **state)
{
    (void)state;
    script.produce = only_node_2;
    script.hint_leader = 2;
    script_run(&script, 60); /* less than a backoff */
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(script.produced, 2);
}

static int16_t
node_2_leads_from_the_fifth(struct script *s, int32_t node, int32_t partition,
                            const struct batch_header *h, int32_t n)
{
    (void)h;
    if (n == 5) s->leader[partition] = 2, s->leader_epoch[partition]++;
    return node == 2 ? K_ERR_NONE : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

static void
does_not_wait_out_a_backoff_before_a_new_leader(void **state)
{
    (void)state;
    script.produce = node_2_leads_from_the_fifth;
    for (int i = 0; i < 300 && script.produced < 5; i++) script_run(&script, 10);
    script_run(&script, 150); /* the fifth backoff is a second */
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(script.produced, 6);
}

static void
sends_elsewhere_what_no_connection_took(void **state)
{
    (void)state;
    bootstrap = "s2:9092";
    fault_cut(script.w, (struct machines){&script.client, 1}, (struct machines){script.nodes, 1},
              true);
    script_run(&script, 300); /* nobody says that there will be no connection */
    assert_int_equal(done_n, 0);
    script.leader[0] = 2, script.leader_epoch[0]++;
    machine_poke(script.client, refresh, NULL);
    script_run(&script, 50);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(producer_stats(producer)->retries, 0);
}

static void
begins_again_with_what_the_other_end_can_speak(void **state)
{
    (void)state;
    script_run(&script, 500);
    assert_int_equal(script.versions[K_API_PRODUCE], 13);
    fault_crash(script.nodes[0]);
    machine_start(script.nodes[0]);
    script.produce_max = 9;
    script_run(&script, 500);
    machine_poke(script.client, send_now, NULL);
    script_run(&script, 500);
    assert_int_equal(sends[1].result, SEND_OK);
    assert_int_equal(script.versions[K_API_PRODUCE], 9);
}

static void
asks_nobody_for_metadata_who_takes_no_connection(void **state)
{
    (void)state;
    script_run(&script, 500);
    fault_crash(script.nodes[0]);
    machine_poke(script.client, send_now, NULL);
    script_run(&script, 200);
    int32_t before = script.asked[K_API_METADATA];
    for (int i = 0; i < 10; i++) {
        machine_poke(script.client, refresh, NULL);
        script_run(&script, 150);
    }
    assert_true(script.asked[K_API_METADATA] >= before + 9);
}

static void
finds_the_new_leader_by_metadata(void **state)
{
    (void)state;
    script.produce = only_node_2;
    script_run(&script, 50);
    assert_int_equal(done_n, 0);
    script.leader[0] = 2, script.leader_epoch[0]++;
    script_run(&script, 1000);
    assert_int_equal(sends[0].result, SEND_OK);
}

static void
asks_old_brokers_in_their_versions(void **state)
{
    (void)state;
    script.api_versions_max = 2;
    script.produce_max = 7;
    script_run(&script, 1000);
    assert_int_equal(sends[0].result, SEND_OK);
    assert_int_equal(script.versions[K_API_API_VERSIONS], 2);
    assert_int_equal(script.versions[K_API_PRODUCE], 7);
}

static void
contradictory_parameters_are_refused(void **state)
{
    (void)state;
    struct mem m;
    test_mem_init(&m);
    struct producer_params p = producer_params_default();
    p.acks = 1;
    assert_null(producer_new(NULL, &p));
    p.idempotent = false;
    p.acks = 2;
    assert_null(producer_new(NULL, &p));
    p = producer_params_default();
    p.max_in_flight = 6;
    assert_null(producer_new(NULL, &p));
    mem_release(&m);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(stored_sends_are_ok_with_their_offsets),
        CASE(refused_by_every_attempt_is_failed),
        CASE(one_unknown_attempt_makes_it_unknown),
        CASE(a_timeout_is_unknown),
        CASE(what_is_sent_when_another_ends_does_not_end_with_it),
        CASE(what_joins_a_batch_goes_out_when_that_has_lingered),
        CASE(the_end_of_a_request_lets_another_go),
        CASE(what_waits_for_a_connection_is_given_up_in_time),
        CASE(without_a_broker_it_is_failed),
        CASE(what_cannot_be_retried_fails_at_once),
        CASE(acks_0_is_ok_without_offset),
        CASE(a_duplicate_is_ok_without_offset),
        CASE(retries_keep_the_order),
        CASE(nothing_overtakes_the_first_batch),
        CASE(nothing_overtakes_the_first_batch_to_a_topic_that_was_made_again),
        CASE(who_sends_by_name_knows_no_id),
        CASE(what_may_be_stored_is_not_sent_as_new),
        CASE(what_is_stored_behind_a_batch_does_not_acknowledge_it),
        CASE(forgotten_producer_begins_anew_under_a_higher_epoch),
        CASE(a_hole_is_left_behind_by_raising_the_epoch),
        CASE(follows_the_hint_of_a_new_leader_without_backoff),
        CASE(does_not_wait_out_a_backoff_before_a_new_leader),
        CASE(sends_elsewhere_what_no_connection_took),
        CASE(begins_again_with_what_the_other_end_can_speak),
        CASE(asks_nobody_for_metadata_who_takes_no_connection),
        CASE(finds_the_new_leader_by_metadata),
        CASE(asks_old_brokers_in_their_versions),
        cmocka_unit_test(contradictory_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
