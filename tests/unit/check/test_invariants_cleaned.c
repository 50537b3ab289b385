/* What a cleaning leaves behind. */
#include "broker/record/control.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#define STATE S("state-0")
enum { PRODUCER = 7 };

#define BEGIN \
    (void)state; \
    struct tale s; \
    tale_begin(&s, S("b1"))

static void
plain(struct tale *s)
{
    assert_true(builder_add(&s->batch, 5, SLICE_NULL, S("value"), NULL, 0));
    tale_commit(s, STATE);
}

static void
in_transaction(struct tale *s, int64_t producer)
{
    s->batch.h.producer_id = producer;
    s->batch.h.producer_epoch = 0;
    s->batch.h.base_sequence = 0;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    plain(s);
}

static void
ended(struct tale *s, int64_t producer)
{
    uint8_t value[END_TXN_BYTES] = {0};
    s->batch.h.producer_id = producer;
    s->batch.h.producer_epoch = 0;
    s->batch.h.base_sequence = -1;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    builder_add_control(&s->batch, CONTROL_COMMIT, 0, slice(value, sizeof value));
    tale_commit(s, STATE);
}

static void
cleaned(struct tale *s, int64_t to)
{
    struct topic_key *k = model_key(&s->v->model, STATE);
    s->v->node = s->m->index;
    cleaned_look(s->v, model_log(&s->v->model, s->m->index, k), to);
}

static void
what_is_plain_may_be_cleaned(void **state)
{
    BEGIN;
    plain(&s);
    plain(&s);
    cleaned(&s, 1);
    assert_silent(&s);
}

static void
what_has_ended_may_be_cleaned(void **state)
{
    BEGIN;
    in_transaction(&s, PRODUCER);
    plain(&s);
    ended(&s, PRODUCER);
    cleaned(&s, 2);
    assert_silent(&s);
}

static void
what_is_open_behind_it_may_stay_so(void **state)
{
    BEGIN;
    plain(&s);
    in_transaction(&s, PRODUCER);
    cleaned(&s, 1);
    assert_silent(&s);
}

static void
what_is_open_may_not_be_cleaned(void **state)
{
    BEGIN;
    in_transaction(&s, PRODUCER);
    plain(&s);
    cleaned(&s, 1);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: cleaned all below 1, and a transaction of producer 7 is open there");
}

static void
what_another_has_ended_is_open(void **state)
{
    BEGIN;
    in_transaction(&s, PRODUCER);
    ended(&s, PRODUCER + 1);
    cleaned(&s, 1);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: cleaned all below 1, and a transaction of producer 7 is open there");
}

/* The batch on the disk, with another first time. */
static void
begins_at(struct tale *s, int64_t base_timestamp, int16_t attributes)
{
    uint8_t bytes[200];
    struct slice path = S("data/state-0/00000000000000000000.log");
    int64_t n = disk_peek(s->m, path, IMAGE_CACHED, 0, bytes, sizeof bytes);
    store_be64(bytes + 27, (uint64_t)base_timestamp);
    store_be16(bytes + 21, (uint16_t)attributes);
    disk_put(s->m, path, slice(bytes, n));
    cleaned(s, 1);
}

static void
a_horizon_that_is_said_to_be_one(void **state)
{
    BEGIN;
    plain(&s);
    begins_at(&s, 900, BATCH_DELETE_HORIZON);
    assert_silent(&s);
}

static void
a_horizon_that_is_taken_for_a_time(void **state)
{
    BEGIN;
    plain(&s);
    begins_at(&s, 900, 0);
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: cleaned all below 1, and the batch at 0 begins later than its latest record");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plain_may_be_cleaned),
        cmocka_unit_test(what_has_ended_may_be_cleaned),
        cmocka_unit_test(what_is_open_behind_it_may_stay_so),
        cmocka_unit_test(what_is_open_may_not_be_cleaned),
        cmocka_unit_test(what_another_has_ended_is_open),
        cmocka_unit_test(a_horizon_that_is_said_to_be_one),
        cmocka_unit_test(a_horizon_that_is_taken_for_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
