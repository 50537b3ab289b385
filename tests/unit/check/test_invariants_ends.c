/* Where leaders tell that their logs begin and end, against the logs. */
#include "broker/record/control.h"
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define ORDERS S("orders-0")
enum { VERSION = 9, PRODUCER = 7, LATEST = -1, EARLIEST = -2, LARGEST = -3 };

static void
record(struct tale *s, int64_t timestamp, int64_t producer)
{
    if (producer >= 0) {
        s->batch.h.producer_id = producer;
        s->batch.h.attributes = BATCH_TRANSACTIONAL;
    }
    assert_true(builder_add(&s->batch, timestamp, SLICE_NULL, S("v"), NULL, 0));
    tale_commit(s, ORDERS);
}

static void
marker(struct tale *s)
{
    uint8_t value[END_TXN_BYTES] = {0};
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    builder_add_control(&s->batch, CONTROL_COMMIT, 0, slice(value, sizeof value));
    tale_commit(s, ORDERS);
}

/* Three records, of the times 100, 300 and 200. */
static void
begin(struct tale *s)
{
    wired_begin(s);
    record(s, 100, -1);
    record(s, 300, -1);
    record(s, 200, -1);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
told(struct tale *s, const char *story)
{
    told_as(s, RULE_LOG_TOLD, story);
}

/* ---- the wire ---- */

static void
hear(struct tale *s, bool is_answer, struct frame *f)
{
    wired_hear(s, K_API_LIST_OFFSETS, VERSION, is_answer, f, ends_hear);
}

static void
asked_times(struct tale *s, int32_t times, int64_t timestamp, bool wants_stable, int32_t replica)
{
    struct frame f;
    struct request_head head = {.api_key = K_API_LIST_OFFSETS, .version = VERSION};
    struct k_list_offsets_request_list_offsets_partition p[] = {
        {.current_leader_epoch = -1, .timestamp = timestamp},
        {.current_leader_epoch = -1, .timestamp = EARLIEST}};
    struct k_list_offsets_request_list_offsets_topic t = {
        .name = S("orders"), .partitions = p, .partitions_n = times};
    struct k_list_offsets_request q;
    codec_default(K_MSG_LIST_OFFSETS_REQUEST, &q);
    q.replica_id = replica;
    q.isolation_level = wants_stable;
    q.topics = &t, q.topics_n = 1;
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    hear(s, false, &f);
}

static void
asked(struct tale *s, int64_t timestamp, bool wants_stable, int32_t replica)
{
    asked_times(s, 1, timestamp, wants_stable, replica);
}

static void answers_error(struct tale *s, int16_t error, int64_t offset, int64_t timestamp,
                          int32_t epoch);

static void
answers(struct tale *s, int64_t offset, int64_t timestamp, int32_t epoch)
{
    answers_error(s, K_ERR_NONE, offset, timestamp, epoch);
}

static void
answers_error(struct tale *s, int16_t error, int64_t offset, int64_t timestamp, int32_t epoch)
{
    struct frame f;
    struct k_list_offsets_response_list_offsets_partition_response p = {
        .error_code = error, .offset = offset, .timestamp = timestamp, .leader_epoch = epoch};
    struct k_list_offsets_response_list_offsets_topic_response t = {
        .name = S("orders"), .partitions = &p, .partitions_n = 1};
    struct k_list_offsets_response r;
    codec_default(K_MSG_LIST_OFFSETS_RESPONSE, &r);
    r.topics = &t, r.topics_n = 1;
    assert_true(frame_response(&s->mem, &arena, K_API_LIST_OFFSETS, VERSION, 0, &r, &f));
    hear(s, true, &f);
    ends_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    ends_judge(s->v, 5, s->m->index);
}

static void
tells(struct tale *s, int64_t asked_for, int64_t offset, int64_t timestamp)
{
    asked(s, asked_for, false, -1);
    answers(s, offset, timestamp, 1);
}

/* ---- where it ends ---- */

static void
the_end_as_it_is(void **state)
{
    BEGIN;
    tells(&s, LATEST, 3, -1);
    silent(&s);
}

static void
an_end_beyond_what_is_committed(void **state)
{
    BEGIN;
    tells(&s, LATEST, 4, -1);
    told(&s, "b1: told that its log ends at 4; committed, and stable where asked, is all below 3");
}

static void
an_end_that_was_left_behind(void **state)
{
    BEGIN;
    tells(&s, LATEST, 2, -1);
    told(&s, "b1: told that its log ends at 2; when it was asked that was 3 or more");
}

/* Of a partition that is named twice nobody can say which question an answer is to (Kafka refuses it). */
static void
an_end_for_one_of_two_questions(void **state)
{
    BEGIN;
    asked_times(&s, 2, LATEST, false, -1);
    answers_error(&s, K_ERR_INVALID_REQUEST, -1, -1, -1);
    asked_times(&s, 2, LATEST, false, -1);
    answers(&s, 3, -1, 1);
    told(&s, "b1: told of offset 3 to one of two questions about one partition");
}

static void
an_end_of_any_moment_in_between(void **state)
{
    BEGIN;
    static const int64_t ends[] = {3, 5}; /* the old one; and of the next question the new one */
    for (int64_t i = 0; i < 2; i++) {
        asked(&s, LATEST, false, -1);
        record(&s, 400, -1);
        answers(&s, ends[i], -1, 1);
    }
    silent(&s);
}

static void
another_epoch(void **state)
{
    BEGIN;
    asked(&s, LATEST, false, -1);
    answers(&s, 3, -1, 2);
    told(&s, "b1: told that its log ends in epoch 2; it leads in epoch 1");
}

static void
a_replica_is_told_of_all_that_there_is(void **state)
{
    BEGIN;
    asked(&s, LATEST, false, 2);
    answers(&s, 4, -1, 1);
    silent(&s);
}

static void
who_leads_in_another_epoch_by_then_is_not_judged(void **state)
{
    BEGIN;
    asked(&s, LATEST, false, -1);
    say(&s, NOTE_PARTITION_ROLE, ORDERS, WRITTEN_LEADS, 1, 2, 2, 0);
    answers(&s, 9, -1, 2);
    silent(&s);
}

/* ---- what is stable ---- */

static void
the_first_of_an_open_transaction(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    record(&s, 400, -1);
    asked(&s, LATEST, true, -1);
    answers(&s, 3, -1, 1);
    silent(&s);
}

static void
what_is_deleted_of_an_open_transaction_is_no_end(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    record(&s, 400, -1);
    say(&s, NOTE_LOG_START, ORDERS, 4, 0, 0, 0, 0);
    asked(&s, LATEST, true, -1);
    answers(&s, 4, -1, 1);
    silent(&s);
}

/* Its node has begun anew since, and the disk has nothing of the transaction any more: the node knows of it from a snapshot. */
static void
what_is_deleted_wholly_of_an_open_transaction_still_holds_up_the_end(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    record(&s, 400, -1);
    say(&s, NOTE_LOG_START, ORDERS, 4, 0, 0, 0, 0);
    struct topic_key *k = model_find_subject(&s.v->model, ORDERS);
    struct found left = {.base = 4, .last = 4, .epoch = 1};
    left.crc = log_at(model_log(&s.v->model, s.m->index, k), 4)->crc;
    invariants_life(s.v, 2, s.m->index, LIFE_CRASH);
    invariants_life(s.v, 3, s.m->index, LIFE_START);
    invariants_found(s.v, s.m->index, ORDERS, &left, 1);
    say(&s, NOTE_LOG_RECOVERED, ORDERS, 4, 5, 0, 1, 0);
    say(&s, NOTE_PARTITION_ROLE, ORDERS, WRITTEN_LEADS, 1, 1, 1, 0);
    say(&s, NOTE_PARTITION_HW, ORDERS, 5, 1, 1, 5, 0);
    asked(&s, LATEST, true, -1);
    answers(&s, 4, -1, 1);
    silent(&s);
}

static void
an_end_behind_an_open_transaction(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    record(&s, 400, -1);
    asked(&s, LATEST, true, -1);
    answers(&s, 4, -1, 1);
    told(&s, "b1: told that its log ends at 4; committed, and stable where asked, is all below 3");
}

static void
an_end_before_what_was_stable(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    marker(&s);
    asked(&s, LATEST, true, -1);
    answers(&s, 3, -1, 1);
    told(&s, "b1: told that its log ends at 3; when it was asked that was 5 or more");
}

static void
what_is_ended_meanwhile_may_be_told_or_not(void **state)
{
    BEGIN;
    record(&s, 400, PRODUCER);
    asked(&s, LATEST, true, -1);
    marker(&s);
    answers(&s, 5, -1, 1);
    silent(&s);
}

/* ---- where it begins ---- */

static void
the_start_as_it_is(void **state)
{
    BEGIN;
    say(&s, NOTE_LOG_START, ORDERS, 1, 0, 0, 0, 0);
    tells(&s, EARLIEST, 1, -1);
    silent(&s);
}

static void
a_start_before_the_start(void **state)
{
    BEGIN;
    say(&s, NOTE_LOG_START, ORDERS, 1, 0, 0, 0, 0);
    tells(&s, EARLIEST, 0, -1);
    told(&s, "b1: told that its log begins at 0; it begins at 1");
}

static void
a_start_that_moves_may_be_told_or_not(void **state)
{
    BEGIN;
    asked(&s, EARLIEST, false, -1);
    say(&s, NOTE_LOG_START, ORDERS, 1, 0, 0, 0, 0);
    answers(&s, 0, -1, 1);
    silent(&s);
}

static void
another_epoch_of_its_first_record(void **state)
{
    BEGIN;
    asked(&s, EARLIEST, false, -1);
    answers(&s, 0, -1, 0);
    told(&s, "b1: told that a record is of epoch 0; it is of epoch 1");
}

/* ---- times ---- */

static void
the_first_of_a_time(void **state)
{
    BEGIN;
    tells(&s, 150, 1, 300);
    silent(&s);
}

static void
a_later_one_of_that_time(void **state)
{
    BEGIN;
    tells(&s, 150, 2, 200);
    told(&s, "b1: told of offset 2 by its time; the batch at 1 comes first");
}

static void
one_that_is_too_early(void **state)
{
    BEGIN;
    tells(&s, 150, 0, 150);
    told(&s, "b1: told of a record of time 150 where the last is of time 100");
}

static void
none_of_a_time_that_there_is(void **state)
{
    BEGIN;
    tells(&s, 300, -1, -1);
    told(&s, "b1: told of offset -1 by its time; the batch at 1 comes first");
}

static void
none_of_a_time_that_there_is_not(void **state)
{
    BEGIN;
    tells(&s, 301, -1, -1);
    silent(&s);
}

static void
what_is_deleted_meanwhile_may_be_told_or_not(void **state)
{
    BEGIN;
    asked(&s, 50, false, -1);
    say(&s, NOTE_LOG_START, ORDERS, 1, 0, 0, 0, 0);
    answers(&s, 0, 100, 1);
    silent(&s);
}

static void
the_last_time(void **state)
{
    BEGIN;
    tells(&s, LARGEST, 1, 300);
    silent(&s);
}

static void
a_time_that_is_not_the_last(void **state)
{
    BEGIN;
    tells(&s, LARGEST, 2, 200);
    told(&s, "b1: told of offset 2 by its time; the batch at 1 comes first");
}

static void
the_last_may_not_be_committed_yet(void **state)
{
    BEGIN;
    tells(&s, LARGEST, -1, -1);
    silent(&s);
}

static void
a_record_that_there_is_not(void **state)
{
    BEGIN;
    tells(&s, 150, 3, 300);
    told(&s, "b1: told of offset 3 by its time; that is outside of its log, which begins at 0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_as_it_is),
        cmocka_unit_test(an_end_beyond_what_is_committed),
        cmocka_unit_test(an_end_that_was_left_behind),
        cmocka_unit_test(an_end_for_one_of_two_questions),
        cmocka_unit_test(an_end_of_any_moment_in_between),
        cmocka_unit_test(another_epoch),
        cmocka_unit_test(a_replica_is_told_of_all_that_there_is),
        cmocka_unit_test(who_leads_in_another_epoch_by_then_is_not_judged),
        cmocka_unit_test(the_first_of_an_open_transaction),
        cmocka_unit_test(what_is_deleted_of_an_open_transaction_is_no_end),
        cmocka_unit_test(what_is_deleted_wholly_of_an_open_transaction_still_holds_up_the_end),
        cmocka_unit_test(an_end_behind_an_open_transaction),
        cmocka_unit_test(an_end_before_what_was_stable),
        cmocka_unit_test(what_is_ended_meanwhile_may_be_told_or_not),
        cmocka_unit_test(the_start_as_it_is),
        cmocka_unit_test(a_start_before_the_start),
        cmocka_unit_test(a_start_that_moves_may_be_told_or_not),
        cmocka_unit_test(another_epoch_of_its_first_record),
        cmocka_unit_test(the_first_of_a_time),
        cmocka_unit_test(a_later_one_of_that_time),
        cmocka_unit_test(one_that_is_too_early),
        cmocka_unit_test(none_of_a_time_that_there_is),
        cmocka_unit_test(none_of_a_time_that_there_is_not),
        cmocka_unit_test(what_is_deleted_meanwhile_may_be_told_or_not),
        cmocka_unit_test(the_last_time),
        cmocka_unit_test(a_time_that_is_not_the_last),
        cmocka_unit_test(the_last_may_not_be_committed_yet),
        cmocka_unit_test(a_record_that_there_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
