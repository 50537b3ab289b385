/* By what logs voters vote: b1's log ends at 2, in epoch 1, when it is asked. */
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "messages.h"

enum { VERSION = 2 };

static void
append(struct tale *s)
{
    struct k_no_op_record r;
    codec_default(K_MSG_NO_OP_RECORD, &r);
    add_metadata(s, K_MSG_NO_OP_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    wired_begin(&s); \
    append(&s), append(&s)

static void
stands(struct tale *s, int32_t epoch, int64_t end, bool pre_vote)
{
    struct frame f;
    struct request_head head = {.api_key = K_API_VOTE, .version = VERSION};
    struct k_vote_request q;
    struct k_vote_request_topic_data t = {.topic_name = S("__cluster_metadata")};
    struct k_vote_request_partition_data d = {.replica_epoch = 7,
                                              .replica_id = 2,
                                              .last_offset_epoch = epoch,
                                              .last_offset = end,
                                              .pre_vote = pre_vote};
    codec_default(K_MSG_VOTE_REQUEST, &q);
    t.partitions = &d, t.partitions_n = 1;
    q.topics = &t, q.topics_n = 1;
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    wired_hear(s, K_API_VOTE, VERSION, false, &f, standing_hear);
}

static void
answers(struct tale *s, bool is_granted)
{
    struct frame f;
    struct k_vote_response p;
    struct k_vote_response_topic_data t = {.topic_name = S("__cluster_metadata")};
    struct k_vote_response_partition_data d = {.leader_epoch = 7, .vote_granted = is_granted};
    codec_default(K_MSG_VOTE_RESPONSE, &p);
    t.partitions = &d, t.partitions_n = 1;
    p.topics = &t, p.topics_n = 1;
    assert_true(frame_response(&s->mem, &arena, K_API_VOTE, VERSION, 0, &p, &f));
    wired_hear(s, K_API_VOTE, VERSION, true, &f, standing_hear);
    standing_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    standing_judge(s->v, 5, s->m->index);
}

static void
who_has_as_much_may_have_the_vote(void **state)
{
    BEGIN;
    stands(&s, 1, 2, false);
    answers(&s, true);
    silent(&s);
}

static void
who_has_less_may_not(void **state)
{
    BEGIN;
    stands(&s, 1, 1, false);
    answers(&s, true);
    told_as(&s, RULE_VOTE_BY_LOG, "b1: is for one whose log ends at 1; its own ends at 2");
}

static void
nor_is_it_told_that_it_would(void **state)
{
    BEGIN;
    stands(&s, 1, 1, true);
    answers(&s, true);
    told_as(&s, RULE_VOTE_BY_LOG, "b1: is for one whose log ends at 1; its own ends at 2");
}

/* Of an earlier epoch its records may be more, and count less. */
static void
nor_may_who_has_more_of_an_earlier_epoch(void **state)
{
    BEGIN;
    stands(&s, 0, 9, false);
    answers(&s, true);
    told_as(&s, RULE_VOTE_BY_LOG,
            "b1: is for one whose log ends in epoch 0; its own ends in epoch 1");
}

static void
who_has_a_record_of_a_later_epoch_may(void **state)
{
    BEGIN;
    stands(&s, 2, 1, false);
    answers(&s, true);
    silent(&s);
}

static void
who_has_less_may_be_refused(void **state)
{
    BEGIN;
    stands(&s, 1, 1, false);
    answers(&s, false);
    silent(&s);
}

/* It had no more when it chose, for all that is known. */
static void
what_came_after_the_question_does_not_count(void **state)
{
    BEGIN;
    stands(&s, 1, 2, false);
    append(&s);
    answers(&s, true);
    silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_as_much_may_have_the_vote),
        cmocka_unit_test(who_has_less_may_not),
        cmocka_unit_test(nor_is_it_told_that_it_would),
        cmocka_unit_test(nor_may_who_has_more_of_an_earlier_epoch),
        cmocka_unit_test(who_has_a_record_of_a_later_epoch_may),
        cmocka_unit_test(who_has_less_may_be_refused),
        cmocka_unit_test(what_came_after_the_question_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
