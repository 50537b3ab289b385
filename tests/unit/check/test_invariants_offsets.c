/* What coordinators tell of committed offsets, against the records in which they lie. */
#include "broker/record/control.h"
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define GROUP S("__consumer_offsets-0")
#define ORDERS S("orders-0")
enum { VERSION = 9, PRODUCER = 7 };

static void
begin(struct tale *s)
{
    wired_begin(s);
    (void)written_log(s, ORDERS);
}

static void
told(struct tale *s, const char *story)
{
    told_as(s, RULE_OFFSET_TOLD, story);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

/* Each moment is later than the one before. */
static void
later(struct tale *s)
{
    world_run(s->w, world_now_ns(s->w) + 1000000);
}

/* offset -1: it is deleted; producer -1: not part of a transaction. */
static void
committed(struct tale *s, int64_t offset, int64_t producer)
{
    struct k_offset_commit_key k = {.group = S("g"), .topic = S("orders")};
    struct k_offset_commit_value r;
    codec_default(K_MSG_OFFSET_COMMIT_VALUE, &r);
    r.offset = offset;
    r.metadata = S("m");
    later(s);
    if (producer >= 0) {
        s->batch.h.producer_id = producer;
        s->batch.h.attributes = BATCH_TRANSACTIONAL;
    }
    add_coordinator(s, K_MSG_OFFSET_COMMIT_KEY, &k, K_MSG_OFFSET_COMMIT_VALUE, 3,
                    offset < 0 ? NULL : &r);
    tale_commit(s, GROUP);
}

static void
marker(struct tale *s, bool commit)
{
    uint8_t value[END_TXN_BYTES] = {0};
    later(s);
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    builder_add_control(&s->batch, commit ? CONTROL_COMMIT : CONTROL_ABORT, 0,
                        slice(value, sizeof value));
    tale_commit(s, GROUP);
}

static void
hear(struct tale *s, bool is_answer, struct frame *f)
{
    wired_hear(s, K_API_OFFSET_FETCH, VERSION, is_answer, f, offsets_hear);
}

static void
asked(struct tale *s, bool wants_stable)
{
    struct k_offset_fetch_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_OFFSET_FETCH, .version = VERSION};
    codec_default(K_MSG_OFFSET_FETCH_REQUEST, &q);
    q.require_stable = wants_stable;
    later(s);
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    hear(s, false, &f);
}

static void
answered(struct tale *s, int64_t offset, struct slice metadata, int16_t err)
{
    struct k_offset_fetch_response p;
    struct frame f;
    codec_default(K_MSG_OFFSET_FETCH_RESPONSE, &p);
    p.groups_n = 1;
    p.groups = codec_array(&arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP, 1);
    p.groups->group_id = S("g");
    p.groups->topics_n = 1;
    p.groups->topics =
        codec_array(&arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS, 1);
    p.groups->topics->name = S("orders");
    p.groups->topics->partitions_n = 1;
    p.groups->topics->partitions =
        codec_array(&arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS, 1);
    p.groups->topics->partitions->committed_offset = offset;
    p.groups->topics->partitions->metadata = metadata;
    p.groups->topics->partitions->error_code = err;
    later(s);
    assert_true(frame_response(&s->mem, &arena, K_API_OFFSET_FETCH, VERSION, 0, &p, &f));
    hear(s, true, &f);
    s->v->at_ns = world_now_ns(s->w);
    s->v->node = s->m->index;
    offsets_judge(s->v, s->m->index);
}

static void
tells(struct tale *s, int64_t offset)
{
    asked(s, true);
    answered(s, offset, offset < 0 ? SLICE_EMPTY : S("m"), 0);
}

static void
what_is_committed_may_be_told(void **state)
{
    BEGIN;
    tells(&s, -1);
    committed(&s, 5, -1);
    tells(&s, 5);
    committed(&s, 8, -1);
    tells(&s, 8);
    committed(&s, -1, -1);
    tells(&s, -1);
    silent(&s);
}

static void
what_was_so_while_it_was_asked_may_be_told(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    asked(&s, true);
    committed(&s, 8, -1);
    answered(&s, 5, S("m"), 0);
    silent(&s);
}

static void
what_was_over_when_it_was_asked(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    committed(&s, 8, -1);
    tells(&s, 5);
    told(&s, "b1: told a group that it has committed offset 5 here; it has committed 8");
}

static void
nothing_where_something_is(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    tells(&s, -1);
    told(&s, "b1: told a group that it has committed offset -1 here; it has committed 5");
}

static void
something_that_is_not_committed(void **state)
{
    BEGIN;
    tells(&s, 5);
    told(&s, "b1: told a group that it has committed offset 5 here; it has committed -1");
}

static void
the_metadata_of_another(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    asked(&s, true);
    answered(&s, 5, S("n"), 0);
    told(&s, "b1: told a group that it has committed offset 5 here; it has committed 5");
}

static void
a_transaction_commits_its_offset(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    committed(&s, 8, PRODUCER);
    asked(&s, false);
    answered(&s, 5, S("m"), 0);
    asked(&s, true);
    answered(&s, -1, SLICE_EMPTY, K_ERR_UNSTABLE_OFFSET_COMMIT);
    marker(&s, true);
    tells(&s, 8);
    silent(&s);
}

static void
a_transaction_is_aborted(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    committed(&s, 8, PRODUCER);
    marker(&s, false);
    tells(&s, 5);
    tells(&s, 8);
    told(&s, "b1: told a group that it has committed offset 8 here; it has committed 5");
}

static void
what_was_committed_after_it_holds(void **state)
{
    BEGIN;
    committed(&s, 8, PRODUCER);
    committed(&s, 9, -1);
    marker(&s, true);
    tells(&s, 9);
    silent(&s);
}

static void
what_is_about_to_move_is_not_stable(void **state)
{
    BEGIN;
    committed(&s, 5, -1);
    committed(&s, 8, PRODUCER);
    tells(&s, 5);
    told(&s, "b1: told of offset 5 as stable, while producer 7 is about to move it");
}

static void
a_transaction_of_another_producer_does_not_end_it(void **state)
{
    BEGIN;
    committed(&s, 8, PRODUCER + 1);
    marker(&s, true);
    asked(&s, false);
    answered(&s, 8, S("m"), 0);
    told(&s, "b1: told a group that it has committed offset 8 here; it has committed -1");
}

/* Who is elected by the operator's leave has nothing of it, and so no high watermark to tell of. */
static void
what_was_given_up_may_be_told_as_none(void **state)
{
    BEGIN;
    struct election lossy = {2, true};
    committed(&s, 5, -1);
    VEC_PUSH(s.v->mem, &model_find_subject(&s.v->model, GROUP)->elections, lossy);
    tells(&s, -1);
    silent(&s);
}

/* ---- what clients commit --------------------------------------------------------------------------- */

enum { COMMIT_VERSION = 9, TXN_COMMIT_VERSION = 3 };

static void
commits(struct tale *s, int64_t offset, struct slice metadata)
{
    struct k_offset_commit_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_OFFSET_COMMIT, .version = COMMIT_VERSION};
    codec_default(K_MSG_OFFSET_COMMIT_REQUEST, &q);
    q.group_id = S("g");
    q.topics_n = 1;
    q.topics = codec_array(&arena, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC, 1);
    q.topics->name = S("orders");
    q.topics->partitions_n = 1;
    q.topics->partitions =
        codec_array(&arena, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q.topics->partitions->committed_offset = offset;
    q.topics->partitions->committed_metadata = metadata;
    later(s);
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    wired_hear(s, K_API_OFFSET_COMMIT, COMMIT_VERSION, false, &f, offsets_hear);
}

static void
acknowledged(struct tale *s, int16_t err)
{
    struct k_offset_commit_response p;
    struct frame f;
    codec_default(K_MSG_OFFSET_COMMIT_RESPONSE, &p);
    p.topics_n = 1;
    p.topics = codec_array(&arena, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_TOPIC, 1);
    p.topics->name = S("orders");
    p.topics->partitions_n = 1;
    p.topics->partitions =
        codec_array(&arena, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_PARTITION, 1);
    p.topics->partitions->error_code = err;
    later(s);
    assert_true(frame_response(&s->mem, &arena, K_API_OFFSET_COMMIT, COMMIT_VERSION, 0, &p, &f));
    wired_hear(s, K_API_OFFSET_COMMIT, COMMIT_VERSION, true, &f, offsets_hear);
    s->v->at_ns = world_now_ns(s->w);
    s->v->node = s->m->index;
    offsets_judge(s->v, s->m->index);
}

static void
what_is_acknowledged_stands_in_a_record(void **state)
{
    BEGIN;
    commits(&s, 5, S("m"));
    committed(&s, 5, -1);
    acknowledged(&s, 0);
    silent(&s);
}

static void
what_is_refused_need_not(void **state)
{
    BEGIN;
    commits(&s, 5, S("m"));
    acknowledged(&s, K_ERR_ILLEGAL_GENERATION);
    silent(&s);
}

static void
what_is_acknowledged_stands_nowhere(void **state)
{
    BEGIN;
    commits(&s, 5, S("m"));
    acknowledged(&s, 0);
    told(&s, "b1: acknowledged a commit of offset 5 in leader epoch -1, which stands in no record");
}

static void
another_offset_was_written(void **state)
{
    BEGIN;
    commits(&s, 6, S("m"));
    committed(&s, 5, -1);
    acknowledged(&s, 0);
    told(&s, "b1: acknowledged a commit of offset 6 in leader epoch -1, which stands in no record");
}

static void
its_metadata_was_not_written(void **state)
{
    BEGIN;
    commits(&s, 5, S("other"));
    committed(&s, 5, -1);
    acknowledged(&s, 0);
    told(&s, "b1: acknowledged a commit of offset 5 in leader epoch -1, which stands in no record");
}

static void
in_a_transaction(struct tale *s, int64_t producer, int64_t written_by, bool is_aborted)
{
    struct k_txn_offset_commit_request q;
    struct k_txn_offset_commit_response p;
    struct frame f;
    struct request_head head = {.api_key = K_API_TXN_OFFSET_COMMIT, .version = TXN_COMMIT_VERSION};
    codec_default(K_MSG_TXN_OFFSET_COMMIT_REQUEST, &q);
    q.group_id = S("g");
    q.producer_id = producer;
    q.topics_n = 1;
    q.topics =
        codec_array(&arena, K_STRUCT_TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_TOPIC, 1);
    q.topics->name = S("orders");
    q.topics->partitions_n = 1;
    q.topics->partitions = codec_array(
        &arena, K_STRUCT_TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q.topics->partitions->committed_offset = 8;
    q.topics->partitions->committed_metadata = S("m");
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    wired_hear(s, K_API_TXN_OFFSET_COMMIT, TXN_COMMIT_VERSION, false, &f, offsets_hear);
    committed(s, 8, written_by);
    if (is_aborted) marker(s, false);
    codec_default(K_MSG_TXN_OFFSET_COMMIT_RESPONSE, &p);
    p.topics_n = 1;
    p.topics = codec_array(&arena,
                           K_STRUCT_TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_TOPIC, 1);
    p.topics->name = S("orders");
    p.topics->partitions_n = 1;
    p.topics->partitions = codec_array(
        &arena, K_STRUCT_TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_PARTITION, 1);
    later(s);
    assert_true(
        frame_response(&s->mem, &arena, K_API_TXN_OFFSET_COMMIT, TXN_COMMIT_VERSION, 0, &p, &f));
    wired_hear(s, K_API_TXN_OFFSET_COMMIT, TXN_COMMIT_VERSION, true, &f, offsets_hear);
    s->v->at_ns = world_now_ns(s->w);
    s->v->node = s->m->index;
    offsets_judge(s->v, s->m->index);
}

static void
a_transactions_offset_stands_in_a_record_of_its_own(void **state)
{
    BEGIN;
    in_a_transaction(&s, PRODUCER, PRODUCER, false);
    silent(&s);
}

/* The commit and the marker behind it were committed at once, and then the commit was answered. */
static void
its_transaction_may_be_aborted_by_then(void **state)
{
    BEGIN;
    in_a_transaction(&s, PRODUCER, PRODUCER, true);
    silent(&s);
}

static void
a_transactions_offset_stands_in_one_of_another(void **state)
{
    BEGIN;
    in_a_transaction(&s, PRODUCER, PRODUCER + 1, false);
    told(&s, "b1: acknowledged a commit of offset 8 in leader epoch -1, which stands in no record");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_may_be_told),
        cmocka_unit_test(what_was_so_while_it_was_asked_may_be_told),
        cmocka_unit_test(what_was_over_when_it_was_asked),
        cmocka_unit_test(nothing_where_something_is),
        cmocka_unit_test(what_was_given_up_may_be_told_as_none),
        cmocka_unit_test(something_that_is_not_committed),
        cmocka_unit_test(the_metadata_of_another),
        cmocka_unit_test(a_transaction_commits_its_offset),
        cmocka_unit_test(a_transaction_is_aborted),
        cmocka_unit_test(what_was_committed_after_it_holds),
        cmocka_unit_test(what_is_about_to_move_is_not_stable),
        cmocka_unit_test(a_transaction_of_another_producer_does_not_end_it),
        cmocka_unit_test(what_is_acknowledged_stands_in_a_record),
        cmocka_unit_test(what_is_refused_need_not),
        cmocka_unit_test(what_is_acknowledged_stands_nowhere),
        cmocka_unit_test(another_offset_was_written),
        cmocka_unit_test(its_metadata_was_not_written),
        cmocka_unit_test(a_transactions_offset_stands_in_a_record_of_its_own),
        cmocka_unit_test(its_transaction_may_be_aborted_by_then),
        cmocka_unit_test(a_transactions_offset_stands_in_one_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
