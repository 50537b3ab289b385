/* Indexes, lists of aborted transactions and snapshots of producers, against the log that they tell of. */
#include "broker/record/control.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#define ORDERS S("orders-0")
#define FILE_OF(kind) S("data/orders-0/00000000000000000000" kind)
#define SNAPSHOT S("data/orders-0/00000000000000000004.snapshot")
enum { COORDINATOR_EPOCH = 3, N = 4 };

struct scene {
    struct tale s;
    int32_t positions[N]; /* of the batches, each of one record */
    struct writer text;
};

static void
next_batch(struct scene *c, int64_t producer, int32_t sequence)
{
    struct written_log *l = c->s.logs_n ? &c->s.logs[0] : NULL;
    c->positions[l ? l->next : 0] = l ? (int32_t)l->file.n : 0;
    c->s.batch.h.producer_id = producer;
    c->s.batch.h.producer_epoch = 0;
    c->s.batch.h.base_sequence = sequence;
    c->s.batch.h.attributes = BATCH_TRANSACTIONAL;
}

static void
data(struct scene *c, int64_t producer, int64_t timestamp)
{
    next_batch(c, producer, 0);
    assert_true(builder_add(&c->s.batch, timestamp, SLICE_NULL, S("value"), NULL, 0));
    tale_commit(&c->s, ORDERS);
}

static void
marker(struct scene *c, int64_t producer, bool commit, int64_t timestamp)
{
    uint8_t value[END_TXN_BYTES] = {0};
    store_be32(value + 2, COORDINATOR_EPOCH);
    next_batch(c, producer, -1);
    builder_add_control(&c->s.batch, commit ? CONTROL_COMMIT : CONTROL_ABORT, timestamp,
                        slice(value, sizeof value));
    tale_commit(&c->s, ORDERS);
}

/* Producer 7 begins and aborts, while 8 begins, and stays open. */
static void
begin(struct scene *c)
{
    memset(c, 0, sizeof *c);
    tale_begin(&c->s, S("b1"));
    c->text = writer_mem(&c->s.mem);
    data(c, 7, 100);
    data(c, 8, 300);
    marker(c, 7, false, 200);
    data(c, 9, 400);
}

#define BEGIN \
    (void)state; \
    struct scene c; \
    begin(&c)

static void
end_told(struct scene *c, const char *story)
{
    writer_release(&c->text);
    assert_told(&c->s, RULE_BESIDE_LOG, story);
}

static void
end_silent(struct scene *c)
{
    writer_release(&c->text);
    assert_silent(&c->s);
}

static void
synced(struct scene *c, struct slice path)
{
    disk_put(c->s.m, path, writer_slice(&c->text));
    beside_synced(c->s.v, 1, c->s.m->index, path);
}

static void
named(struct scene *c, struct slice path)
{
    uint8_t room[200];
    struct writer w = writer_fixed(room, sizeof room);
    disk_put(c->s.m, path, writer_slice(&c->text));
    fmt_slice(&w, path), fmt_str(&w, ".tmp");
    beside_renamed(c->s.v, 1, c->s.m->index, writer_slice(&w));
}

/* ---- indexes ------------------------------------------------------------------------------------- */

static void
offset_entry(struct scene *c, int32_t offset, int32_t position)
{
    writer_i32(&c->text, offset), writer_i32(&c->text, position);
}

static void
an_index_of_its_log_is_silent(void **state)
{
    BEGIN;
    offset_entry(&c, 1, c.positions[1]), offset_entry(&c, 3, c.positions[3]);
    synced(&c, FILE_OF(".index"));
    end_silent(&c);
}

static void
an_index_that_means_another_batch(void **state)
{
    BEGIN;
    offset_entry(&c, 1, c.positions[1]), offset_entry(&c, 3, c.positions[2]);
    synced(&c, FILE_OF(".index"));
    end_told(
        &c,
        "b1: has an index that says offset 3 is the last of the batch at byte 146, and it is not");
}

static void
an_index_that_means_what_is_no_batch(void **state)
{
    for (int i = 0; i < 2; i++) {
        BEGIN;
        c.positions[0] = i ? (int32_t)c.s.logs[0].file.n : c.positions[1] + 1;
        offset_entry(&c, 1, c.positions[0]);
        synced(&c, FILE_OF(".index"));
        assert_int_equal(invariants_anomalies(c.s.v)->v.n, 1);
        writer_release(&c.text);
        tale_end(&c.s);
    }
}

static void
time_entry(struct scene *c, int64_t timestamp, int32_t offset)
{
    writer_i64(&c->text, timestamp), writer_i32(&c->text, offset);
}

static void
times_of_its_log_are_silent(void **state)
{
    BEGIN;
    time_entry(&c, 300, 1), time_entry(&c, 400, 3);
    synced(&c, FILE_OF(".timeindex"));
    end_silent(&c);
}

static void
a_time_of_another_batch(void **state)
{
    BEGIN;
    time_entry(&c, 300, 2), time_entry(&c, 400, 3);
    synced(&c, FILE_OF(".timeindex"));
    end_told(&c,
             "b1: has a time index that says 300 is the latest time up to offset 2, and it is not");
}

/* A deletion has taken the name of the segment, and its index was being synced. */
static void
times_of_a_segment_that_is_gone_are_not_judged(void **state)
{
    BEGIN;
    time_entry(&c, 5, 1);
    synced(&c, S("data/orders-0/00000000000000000008.timeindex"));
    end_silent(&c);
}

static void
times_that_end_too_soon(void **state)
{
    BEGIN;
    time_entry(&c, 300, 1);
    synced(&c, FILE_OF(".timeindex"));
    end_told(&c, "b1: has a time index that ends with time 300; the latest of its batches is 400");
}

/* ---- aborted transactions ------------------------------------------------------------------------ */

static void
aborted(struct scene *c, int64_t producer, int64_t first, int64_t marker, int64_t stable)
{
    int64_t v[] = {producer, first, marker, stable};
    writer_i16(&c->text, 0);
    for (int i = 0; i < 4; i++) writer_i64(&c->text, v[i]);
}

static void
a_list_of_its_log_is_silent(void **state)
{
    BEGIN;
    aborted(&c, 7, 0, 2, 1);
    named(&c, FILE_OF(".txnindex"));
    end_silent(&c);
}

static void
a_list_that_differs(void **state)
{
    for (int i = 0; i < 4; i++) {
        BEGIN;
        aborted(&c, 7 + (i == 0), i == 1, 2 + (i == 2), 1 + (i == 3));
        named(&c, FILE_OF(".txnindex"));
        const struct anomalies *a = invariants_anomalies(c.s.v);
        assert_int_equal(a->v.n, 1);
        assert_int_equal(a->v.v[0].rule, RULE_BESIDE_LOG);
        writer_release(&c.text);
        tale_end(&c.s);
    }
}

static void
a_list_without_a_transaction(void **state)
{
    BEGIN;
    named(&c, FILE_OF(".txnindex"));
    end_told(&c, "b1: lists no transaction of producer 7 as aborted at offset 2; its log has one");
}

/* ---- snapshots ----------------------------------------------------------------------------------- */

struct said {
    int64_t producer;
    int32_t sequence;
    int64_t last, timestamp;
    int32_t coordinator_epoch;
    int64_t open_from;
};

static const struct said RIGHT[] = {
    {7, 0, 0, 200, COORDINATOR_EPOCH, -1}, {8, 0, 1, 300, -1, 1}, {9, 0, 3, 400, -1, 3}};

static void
snapshot(struct scene *c, const struct said *v, int32_t n)
{
    writer_i16(&c->text, 1), writer_i32(&c->text, 0), writer_i32(&c->text, n);
    for (int32_t i = 0; i < n; i++) {
        writer_i64(&c->text, v[i].producer), writer_i16(&c->text, 0);
        writer_i32(&c->text, v[i].sequence), writer_i64(&c->text, v[i].last);
        writer_i32(&c->text, 0), writer_i64(&c->text, v[i].timestamp);
        writer_i32(&c->text, v[i].coordinator_epoch), writer_i64(&c->text, v[i].open_from);
    }
    named(c, SNAPSHOT);
}

static void
a_snapshot_of_its_log_is_silent(void **state)
{
    BEGIN;
    snapshot(&c, RIGHT, ARRAY_LEN(RIGHT));
    end_silent(&c);
}

static void
a_snapshot_that_differs(void **state)
{
    static const char *const stories[] = {
        "b1: wrote a snapshot with other batches of producer 7 than its log has below 4",
        "b1: wrote a snapshot with another time of producer 7 than its log has below 4",
        "b1: wrote a snapshot with another coordinator of producer 7 than its log has below 4",
        "b1: wrote a snapshot with another open transaction of producer 7 than its log has below 4",
        "b1: wrote a snapshot without producer 7, which its log has below 4"};
    for (int i = 0; i < 5; i++) {
        BEGIN;
        struct said v[] = {RIGHT[0], RIGHT[1], RIGHT[2]};
        if (i == 0) v[0].sequence++;
        if (i == 1) v[0].timestamp++;
        if (i == 2) v[0].coordinator_epoch = -1;
        if (i == 3) v[0].open_from = 0;
        snapshot(&c, i == 4 ? v + 1 : v, i == 4 ? 2 : 3);
        end_told(&c, stories[i]);
    }
}

static void
a_snapshot_with_somebody_else(void **state)
{
    BEGIN;
    struct said v[] = {RIGHT[0], RIGHT[1], RIGHT[2], {10, 0, 3, 400, -1, -1}};
    snapshot(&c, v, ARRAY_LEN(v));
    end_told(&c, "b1: wrote a snapshot with producer 10, which its log has not below 4");
}

/* Who expires is gone from the state, and its batches still lie in the log. */
static void
who_may_be_forgotten_may_be_missing(void **state)
{
    BEGIN;
    invariants_producers_may_expire(c.s.v);
    snapshot(&c, RIGHT + 1, 2);
    end_silent(&c);
}

static void
whose_transaction_is_open_is_not_forgotten(void **state)
{
    BEGIN;
    invariants_producers_may_expire(c.s.v);
    snapshot(&c, RIGHT, 2);
    end_told(&c, "b1: wrote a snapshot without producer 9, which its log has below 4");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_of_its_log_is_silent),
        cmocka_unit_test(an_index_that_means_another_batch),
        cmocka_unit_test(an_index_that_means_what_is_no_batch),
        cmocka_unit_test(times_of_its_log_are_silent),
        cmocka_unit_test(a_time_of_another_batch),
        cmocka_unit_test(times_of_a_segment_that_is_gone_are_not_judged),
        cmocka_unit_test(times_that_end_too_soon),
        cmocka_unit_test(a_list_of_its_log_is_silent),
        cmocka_unit_test(a_list_that_differs),
        cmocka_unit_test(a_list_without_a_transaction),
        cmocka_unit_test(a_snapshot_of_its_log_is_silent),
        cmocka_unit_test(a_snapshot_that_differs),
        cmocka_unit_test(a_snapshot_with_somebody_else),
        cmocka_unit_test(who_may_be_forgotten_may_be_missing),
        cmocka_unit_test(whose_transaction_is_open_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
