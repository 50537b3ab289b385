/* What replicas, leaders and producers say on the wire, against what they have and what they said before. */
#include "broker/base/fmt.h"
#include "broker/protocol/frame.h"
#include "broker/record/batch.h"
#include "sim/check/invariants_own.h"
#include "tests/lib/test.h"
#include "tests/unit/check/told.h"

#include "apis.h"
#include "errors.h"

enum { LEADER, FOLLOWER, CLIENT, FETCH_VERSION = 12, PRODUCE_VERSION = 9, CONNECTION = 7 };
#define ORDERS S("orders-0")

struct tale {
    struct mem mem;
    struct arena arena;
    struct world *w;
    struct machine *m[3];
    struct invariants *v;
    int32_t correlation;
    int64_t frame,
        answered; /* the last one; that to which the next answer answers: 0: to the last */
};

static void
do_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static void
say(struct tale *s, int node, enum note_kind kind, int64_t a, int64_t b, int64_t c, int64_t d,
    int64_t e)
{
    struct note n = {.kind = kind, .subject = ORDERS, .n = 5, .v = {a, b, c, d, e}};
    invariants_note(s->v, world_now_ns(s->w), node, &n);
}

/* Five records, the last two of epoch 1; all of them on both, and written. */
static void
begin(struct tale *s)
{
    static const char *const names[] = {"b1", "b2", "p1"};
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    arena_init(&s->arena, &s->mem, 0);
    s->w = world_new(1, NULL);
    for (int i = 0; i < 3; i++)
        s->m[i] = world_add(
            s->w, &(struct machine_params){.name = slice_cstr(names[i]), .start = do_nothing});
    s->v = invariants_new(&s->mem);
    for (int i = LEADER; i <= FOLLOWER; i++) {
        enum { IS_FOLLOWER = 1, IS_LEADER = 2 };
        invariants_node(s->v, i, s->m[i]->name, i + 1, false);
        say(s, i, NOTE_LOG_RECOVERED, 0, 0, 0, 1, 0);
        say(s, i, NOTE_PARTITION_ROLE, i == LEADER ? IS_LEADER : IS_FOLLOWER, 1, 1, 1, 0);
        for (int k = 0; k < 5; k++) say(s, i, NOTE_LOG_APPEND, k, k, k < 3 ? 0 : 1, 100 + k, false);
        say(s, i, NOTE_LOG_WRITTEN, 5, 0, 0, 0, 0);
    }
    invariants_producer(s->v, CLIENT);
    s->v->world = s->w; /* from here on; what they have is taken as told, there are no disks */
}

static void
end(struct tale *s)
{
    invariants_free(s->v);
    world_free(s->w);
    arena_release(&s->arena);
    mem_release(&s->mem);
}

static void
assert_told(struct tale *s, enum rule rule, const char *story)
{
    told_one(s->v, rule, slice_cstr(story));
    end(s);
}

static void
assert_silent(struct tale *s)
{
    told_nothing(s->v);
    end(s);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
hear(struct tale *s, int from, int to, bool is_answer, int16_t api, int16_t version,
     struct frame *f)
{
    struct writer w = writer_mem(&s->mem);
    for (int32_t i = 0; i < f->segs_n; i++) writer_bytes(&w, f->segs[i].bytes);
    struct world_frame wf = {.from = s->m[from],
                             .to = s->m[to],
                             .port = 9092,
                             .conn = CONNECTION,
                             .id = ++s->frame,
                             .answers = !is_answer  ? 0
                                      : s->answered ? s->answered
                                                    : s->frame - 1,
                             .is_answer = is_answer,
                             .api = api,
                             .version = version,
                             .correlation = s->correlation};
    wire_hear(s->v, &wf, writer_slice(&w));
    writer_release(&w);
    frame_release(f);
}

/* ---- a follower's position ---- */

static void
fetches(struct tale *s, int32_t leader_epoch, int64_t offset, int32_t last_epoch)
{
    struct k_fetch_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_FETCH, .version = FETCH_VERSION};
    head.correlation_id = ++s->correlation;
    codec_default(K_MSG_FETCH_REQUEST, &q);
    q.replica_id = 2;
    q.topics_n = 1;
    q.topics = codec_array(&s->arena, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, 1);
    q.topics->topic = S("orders");
    q.topics->partitions_n = 1;
    q.topics->partitions = codec_array(&s->arena, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, 1);
    q.topics->partitions->current_leader_epoch = leader_epoch;
    q.topics->partitions->fetch_offset = offset;
    q.topics->partitions->last_fetched_epoch = last_epoch;
    assert_true(frame_request(&s->mem, &s->arena, &head, &q, &f));
    hear(s, FOLLOWER, LEADER, false, K_API_FETCH, FETCH_VERSION, &f);
    wire_judge(s->v, 0, FOLLOWER);
}

static void
a_follower_that_tells_of_its_own_log_is_silent(void **state)
{
    BEGIN;
    fetches(&s, 1, 5, 1);
    fetches(&s, 1, 3, 0); /* of a hole that it mends */
    fetches(&s, 1, 0, 7); /* before the first record there is nothing to tell of */
    assert_silent(&s);
}

static void
a_follower_that_counts_what_it_lacks_is_told_of(void **state)
{
    BEGIN;
    fetches(&s, 1, 6, 1);
    assert_told(&s, RULE_FOLLOWER_POSITION,
                "b2: asks its leader for offset 6, and its own log ends at 5");
}

static void
a_follower_that_names_another_epoch_is_told_of(void **state)
{
    BEGIN;
    fetches(&s, 1, 3, 1);
    assert_told(&s, RULE_FOLLOWER_POSITION,
                "b2: tells its leader that its last record is of epoch 1; it is of epoch 0");
}

/* It was put together before the log was cut, and its leader will refuse it. */
static void
a_request_of_an_epoch_that_is_over_is_not_judged(void **state)
{
    BEGIN;
    fetches(&s, 0, 9, 9);
    assert_silent(&s);
}

/* ---- producer ids ---- */

static void
is_given(struct tale *s, int64_t has, int64_t id, int16_t epoch, int16_t err)
{
    enum { INIT_VERSION = 4 };
    struct k_init_producer_id_request q;
    struct k_init_producer_id_response p;
    struct frame f;
    struct request_head head = {.api_key = K_API_INIT_PRODUCER_ID, .version = INIT_VERSION};
    head.correlation_id = ++s->correlation;
    codec_default(K_MSG_INIT_PRODUCER_ID_REQUEST, &q);
    q.producer_id = has;
    assert_true(frame_request(&s->mem, &s->arena, &head, &q, &f));
    hear(s, CLIENT, LEADER, false, K_API_INIT_PRODUCER_ID, INIT_VERSION, &f);
    codec_default(K_MSG_INIT_PRODUCER_ID_RESPONSE, &p);
    p.error_code = err;
    p.producer_id = id;
    p.producer_epoch = epoch;
    assert_true(frame_response(&s->mem, &s->arena, K_API_INIT_PRODUCER_ID, INIT_VERSION,
                               s->correlation, &p, &f));
    hear(s, LEADER, CLIENT, true, K_API_INIT_PRODUCER_ID, INIT_VERSION, &f);
}

static void
each_producer_has_its_own_id(void **state)
{
    BEGIN;
    is_given(&s, -1, 7, 0, 0);
    is_given(&s, -1, 7, 1, 0); /* of a transactional id, whose producer began anew */
    is_given(&s, 7, 7, 1, 0);  /* it did not hear the answer, and asks again */
    is_given(&s, -1, -1, -1, K_ERR_NOT_COORDINATOR);
    is_given(&s, -1, -1, -1, K_ERR_NOT_COORDINATOR);
    assert_silent(&s);
}

static void
two_producers_are_given_one_id(void **state)
{
    BEGIN;
    is_given(&s, -1, 7, 0, 0);
    is_given(&s, -1, 7, 0, 0);
    assert_told(&s, RULE_ID_GIVEN_TWICE,
                "b1: gave producer 7 of epoch 0 to somebody, as somebody had been given before");
}

/* ---- acknowledgements ---- */

static struct slice
batch_of(struct tale *s, int32_t sequence, int32_t records_n)
{
    enum { RECORD_BYTES = 8 };
    int64_t n = BATCH_HEADER_BYTES + (int64_t)records_n * RECORD_BYTES;
    uint8_t *to = arena_alloc(&s->arena, n);
    store_be32(to + 8, (uint32_t)n - 12);
    to[16] = 2;
    store_be32(to + 23, (uint32_t)records_n - 1);
    store_be64(to + 43, 4711);
    store_be32(to + 53, (uint32_t)sequence);
    store_be32(to + 57, (uint32_t)records_n);
    store_be32(to + 17, batch_crc(CRC32C_PORTABLE, slice(to, n)));
    return slice(to, n);
}

static void
produces(struct tale *s, int16_t acks, int32_t sequence, int32_t records_n)
{
    struct k_produce_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_PRODUCE, .version = PRODUCE_VERSION};
    head.correlation_id = ++s->correlation;
    codec_default(K_MSG_PRODUCE_REQUEST, &q);
    q.acks = acks;
    q.topic_data_n = 1;
    q.topic_data = codec_array(&s->arena, K_STRUCT_PRODUCE_REQUEST_TOPIC_PRODUCE_DATA, 1);
    q.topic_data->name = S("orders");
    q.topic_data->partition_data_n = 1;
    q.topic_data->partition_data =
        codec_array(&s->arena, K_STRUCT_PRODUCE_REQUEST_PARTITION_PRODUCE_DATA, 1);
    q.topic_data->partition_data->records.bytes = batch_of(s, sequence, records_n);
    assert_true(frame_request(&s->mem, &s->arena, &head, &q, &f));
    hear(s, CLIENT, LEADER, false, K_API_PRODUCE, PRODUCE_VERSION, &f);
}

static void
answers_produce(struct tale *s, int64_t base_offset, int16_t err)
{
    struct k_produce_response p;
    struct frame f;
    codec_default(K_MSG_PRODUCE_RESPONSE, &p);
    p.responses_n = 1;
    p.responses = codec_array(&s->arena, K_STRUCT_PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE, 1);
    p.responses->name = S("orders");
    p.responses->partition_responses_n = 1;
    p.responses->partition_responses =
        codec_array(&s->arena, K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, 1);
    p.responses->partition_responses->base_offset = base_offset;
    p.responses->partition_responses->error_code = err;
    assert_true(
        frame_response(&s->mem, &s->arena, K_API_PRODUCE, PRODUCE_VERSION, s->correlation, &p, &f));
    hear(s, LEADER, CLIENT, true, K_API_PRODUCE, PRODUCE_VERSION, &f);
}

static void
acknowledges(struct tale *s, int64_t base_offset)
{
    answers_produce(s, base_offset, 0);
}

static void
what_the_step_committed_may_be_acknowledged(void **state)
{
    BEGIN;
    produces(&s, -1, 0, 2);
    acknowledges(&s, 3);
    say(&s, LEADER, NOTE_PARTITION_HW, 5, 1, 1, 5, 0); /* told later, and of the same step */
    wire_judge(s.v, 0, LEADER);
    assert_silent(&s);
}

static void
what_is_not_committed_is_acknowledged_to_nobody_who_wants_all(void **state)
{
    BEGIN;
    say(&s, LEADER, NOTE_PARTITION_HW, 4, 1, 1, 5, 0);
    produces(&s, -1, 0, 2);
    acknowledges(&s, 3);
    wire_judge(s.v, 0, LEADER);
    assert_told(&s, RULE_ACKED_EARLY,
                "b1: acknowledged offset 4 to acks=all; committed is all below 4");
}

static void
what_is_written_is_enough_for_one(void **state)
{
    BEGIN;
    produces(&s, 1, 0, 2);
    acknowledges(&s, 3);
    wire_judge(s.v, 0, LEADER);
    assert_silent(&s);
}

static void
what_is_not_written_is_acknowledged_to_nobody(void **state)
{
    BEGIN;
    produces(&s, 1, 0, 3);
    acknowledges(&s, 3);
    wire_judge(s.v, 0, LEADER);
    assert_told(&s, RULE_ACKED_EARLY, "b1: acknowledged offset 5; it has written all below 5");
}

/* A client sends with acks=1, dies, and sends with acks=all and the same numbers; its leader answers the dead one. */
static void
what_a_dead_process_is_told_is_no_answer_to_the_next(void **state)
{
    BEGIN;
    say(&s, LEADER, NOTE_PARTITION_HW, 3, 1, 1, 5, 0);
    produces(&s, 1, 0, 2);
    s.answered = s.frame;
    s.correlation--;
    produces(&s, -1, 0, 2);
    acknowledges(&s, 3);
    wire_judge(s.v, 0, LEADER);
    assert_silent(&s);
}

/* ---- the order of a producer ---- */

static void
sends(struct tale *s, int16_t epoch, int32_t sequence, uint32_t crc)
{
    struct produced_part p = {.key = model_key(&s->v->model, ORDERS),
                              .producer = 4711,
                              .producer_epoch = epoch,
                              .sequence = sequence,
                              .records_n = 2};
    producer_sent(s->v, 0, CLIENT, &p, crc);
}

static void
is_told(struct tale *s, int16_t epoch, int32_t sequence)
{
    struct produced_part p = {.key = model_key(&s->v->model, ORDERS),
                              .producer = 4711,
                              .producer_epoch = epoch,
                              .sequence = sequence,
                              .records_n = 2};
    producer_told(s->v, &p);
}

static void
a_producer_that_keeps_its_order_is_silent(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    sends(&s, 0, 0, 1); /* the answer was lost */
    is_told(&s, 0, 0);
    for (int i = 1; i <= 5; i++) sends(&s, 0, 2 * i, 1 + (uint32_t)i);
    sends(&s, 0, 2, 2);
    is_told(&s, 0, 4); /* and so the one before it */
    sends(&s, 0, 6, 4);
    sends(&s, 0, 12, 7);
    sends(&s, 1, 0, 8); /* a new epoch begins anew */
    assert_silent(&s);
}

static void
made_again(struct tale *s)
{
    struct topic_key *former = model_key(&s->v->model, ORDERS);
    former->id.b[0] = 1;
    former->is_retired = true;
    (void)model_key_of(&s->v->model, ORDERS, (struct uuid){{2}});
}

/* In a log that knows nobody it goes on with what it has sent to the former one, and with nothing else. */
static void
who_goes_on_in_a_topic_that_was_made_again_keeps_its_numbers(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    sends(&s, 0, 2, 2);
    made_again(&s);
    sends(&s, 0, 2, 2);
    is_told(&s, 0, 2);
    sends(&s, 0, 4, 3);
    assert_silent(&s);
}

static void
who_leaves_out_a_number_in_a_topic_that_was_made_again_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    made_again(&s);
    sends(&s, 0, 4, 3);
    assert_told(&s, RULE_PRODUCER_ORDER, "p1: sends sequence 4, where 0 is due");
}

static void
who_overtakes_the_first_batch_in_a_topic_that_was_made_again_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    made_again(&s);
    s.v->gave_up_ns = -1;
    sends(&s, 0, 2, 2);
    sends(&s, 0, 4, 3);
    assert_told(&s, RULE_PRODUCER_ORDER,
                "p1: sends sequence 4, and the first of epoch 0 is not acknowledged yet");
}

/* Of two with one transactional id the earlier one may not know yet that it is fenced. */
static void
who_is_fenced_disturbs_nobody(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    sends(&s, 1, 0, 2);
    sends(&s, 0, 2, 3);
    is_told(&s, 1, 0);
    sends(&s, 1, 2, 4);
    assert_silent(&s);
}

static void
a_number_that_is_left_out_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    sends(&s, 0, 4, 2);
    assert_told(&s, RULE_PRODUCER_ORDER, "p1: sends sequence 4, where 2 is due");
}

static void
a_number_that_is_used_twice_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    sends(&s, 0, 0, 2);
    assert_told(&s, RULE_PRODUCER_ORDER,
                "p1: sends other records once more under sequence 0 of epoch 0");
}

static void
who_overtakes_the_first_batch_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    sends(&s, 0, 2, 2);
    assert_told(&s, RULE_PRODUCER_ORDER,
                "p1: sends sequence 2, and the first of epoch 0 is not acknowledged yet");
}

static void
more_than_a_broker_remembers_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    for (int i = 1; i <= 6; i++) sends(&s, 0, 2 * i, 1 + (uint32_t)i);
    assert_told(&s, RULE_PRODUCER_ORDER,
                "p1: sends sequence 12 with 5 batches before it that are not acknowledged");
}

static void
what_is_sent_again_too_early_is_told_of(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    sends(&s, 0, 2, 2);
    sends(&s, 0, 4, 3);
    s.v->gave_up_ns = -1;
    sends(&s, 0, 4, 3);
    assert_told(&s, RULE_PRODUCER_ORDER,
                "p1: sends sequence 4 again, and 2 is not acknowledged yet");
}

static void
what_was_given_up_holds_up_nobody(void **state)
{
    BEGIN;
    sends(&s, 0, 0, 1);
    is_told(&s, 0, 0);
    sends(&s, 0, 2, 2);
    sends(&s, 0, 4, 3);
    invariants_gave_up(s.v, 1);
    sends(&s, 0, 4, 3);
    assert_silent(&s);
}

/* ---- the epochs of a producer ---- */

/* The end of a transaction tells the epoch of the next one. */
static void
epoch_is_told(struct tale *s, int16_t epoch, int32_t client)
{
    struct world_frame f = {.id = ++s->frame, .to = s->m[client]};
    producer_epoch_told(s->v, &f, 4711, epoch);
}

static void
who_has_heard_of_another_epoch_sends_under_that(void **state)
{
    BEGIN;
    epoch_is_told(&s, 1, CLIENT);
    producer_epoch_arrived(s.v, s.frame);
    sends(&s, 1, 0, 1);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    sends(&s, 0, 0, 1);
    assert_told(&s, RULE_PRODUCER_ORDER, "p1: sends under epoch 0, and was told epoch 1");
}

static void
who_has_not_heard_of_it_goes_on(void **state)
{
    BEGIN;
    epoch_is_told(&s, 1, CLIENT);
    sends(&s, 0, 0, 1);
    assert_silent(&s);
}

/* Of two with one transactional id. */
static void
what_another_was_told_binds_nobody(void **state)
{
    BEGIN;
    epoch_is_told(&s, 1, FOLLOWER);
    producer_epoch_arrived(s.v, s.frame);
    sends(&s, 0, 0, 1);
    assert_silent(&s);
}

/* ---- how large a batch may be (max.message.bytes) ---- */

static int64_t
size_of_two(struct tale *s)
{
    return batch_of(s, 0, 2).n;
}

/* The numbers are the batch's and the bound, which is so much less. */
static void
assert_size_told(struct tale *s, const char *story, int64_t less)
{
    char text[200];
    struct writer w = writer_fixed(text, sizeof text);
    int64_t n = size_of_two(s);
    for (bool is_bound = false; *story; story++) {
        if (*story != '#') fmt_char(&w, *story);
        else fmt_i64(&w, is_bound ? n - less : n), is_bound = true;
    }
    told_one(s->v, RULE_MESSAGE_SIZE, writer_slice(&w));
    end(s);
}

static void
a_batch_that_just_fits_is_taken(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s), false);
    produces(&s, 1, 0, 2);
    acknowledges(&s, 3);
    assert_silent(&s);
}

static void
a_batch_that_just_fits_is_refused(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s), false);
    produces(&s, 1, 0, 2);
    answers_produce(&s, -1, K_ERR_MESSAGE_TOO_LARGE);
    assert_size_told(&s, "b1: refused a batch of # bytes as too large; # are allowed", 0);
}

static void
a_batch_that_is_too_large_is_taken(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s) - 1, false);
    produces(&s, 1, 0, 2);
    acknowledges(&s, 3);
    assert_size_told(&s, "b1: took a batch of # bytes; # are allowed", 1);
}

static void
a_batch_that_is_too_large_is_refused(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s) - 1, false);
    produces(&s, 1, 0, 2);
    answers_produce(&s, -1, K_ERR_MESSAGE_TOO_LARGE);
    assert_silent(&s);
}

static void
who_writes_batches_anew_may_refuse_one(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s), true);
    produces(&s, 1, 0, 2);
    answers_produce(&s, -1, K_ERR_MESSAGE_TOO_LARGE);
    assert_silent(&s);
}

static void
a_setting_that_has_changed_proves_nothing(void **state)
{
    BEGIN;
    invariants_message_bytes(s.v, S("orders"), size_of_two(&s) - 1, false);
    invariants_message_bytes(s.v, S("orders"), 0, false);
    produces(&s, 1, 0, 2);
    acknowledges(&s, 3);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_producer_has_its_own_id),
        cmocka_unit_test(two_producers_are_given_one_id),
        cmocka_unit_test(a_follower_that_tells_of_its_own_log_is_silent),
        cmocka_unit_test(a_follower_that_counts_what_it_lacks_is_told_of),
        cmocka_unit_test(a_follower_that_names_another_epoch_is_told_of),
        cmocka_unit_test(a_request_of_an_epoch_that_is_over_is_not_judged),
        cmocka_unit_test(what_the_step_committed_may_be_acknowledged),
        cmocka_unit_test(what_is_not_committed_is_acknowledged_to_nobody_who_wants_all),
        cmocka_unit_test(what_is_written_is_enough_for_one),
        cmocka_unit_test(what_is_not_written_is_acknowledged_to_nobody),
        cmocka_unit_test(what_a_dead_process_is_told_is_no_answer_to_the_next),
        cmocka_unit_test(a_producer_that_keeps_its_order_is_silent),
        cmocka_unit_test(who_is_fenced_disturbs_nobody),
        cmocka_unit_test(a_number_that_is_left_out_is_told_of),
        cmocka_unit_test(a_number_that_is_used_twice_is_told_of),
        cmocka_unit_test(who_overtakes_the_first_batch_is_told_of),
        cmocka_unit_test(more_than_a_broker_remembers_is_told_of),
        cmocka_unit_test(what_is_sent_again_too_early_is_told_of),
        cmocka_unit_test(what_was_given_up_holds_up_nobody),
        cmocka_unit_test(who_has_heard_of_another_epoch_sends_under_that),
        cmocka_unit_test(who_has_not_heard_of_it_goes_on),
        cmocka_unit_test(what_another_was_told_binds_nobody),
        cmocka_unit_test(who_goes_on_in_a_topic_that_was_made_again_keeps_its_numbers),
        cmocka_unit_test(who_leaves_out_a_number_in_a_topic_that_was_made_again_is_told_of),
        cmocka_unit_test(who_overtakes_the_first_batch_in_a_topic_that_was_made_again_is_told_of),
        cmocka_unit_test(a_batch_that_just_fits_is_taken),
        cmocka_unit_test(a_batch_that_just_fits_is_refused),
        cmocka_unit_test(a_batch_that_is_too_large_is_taken),
        cmocka_unit_test(a_batch_that_is_too_large_is_refused),
        cmocka_unit_test(who_writes_batches_anew_may_refuse_one),
        cmocka_unit_test(a_setting_that_has_changed_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
