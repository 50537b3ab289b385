/* What nodes say of their disks, against the disks. */
#include "broker/record/batch.h"
#include "sim/check/invariants.h"
#include "sim/world/fault.h"
#include "tests/lib/test.h"
#include "tests/unit/check/told.h"

#define DIR "data/orders-0/"
#define LOG S(DIR "00000000000000000000.log")
#define EPOCHS S(DIR "leader-epoch-checkpoint")
#define ORDERS S("orders-0")
#define N 8

struct tale {
    struct mem mem;
    struct world *w;
    struct machine *m;
    struct invariants *v;
    uint8_t bytes[N * BATCH_HEADER_BYTES];
    uint32_t crcs[N];
    int32_t epochs[N];
    int n;
};

static void
do_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static void
say(struct tale *s, enum note_kind kind, struct slice text, int64_t a, int64_t b, int64_t c,
    int64_t d, int64_t e)
{
    struct note n = {.kind = kind, .subject = ORDERS, .text = text, .n = 5, .v = {a, b, c, d, e}};
    invariants_note(s->v, world_now_ns(s->w), s->m->index, &n);
}

static void
begin(struct tale *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    s->w = world_new(1, NULL);
    s->m = world_add(s->w, &(struct machine_params){.name = S("b1"), .start = do_nothing});
    s->v = invariants_new(&s->mem);
    invariants_watch(s->v, s->w);
    say(s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 0, 0, 1, 0);
}

static void
end(struct tale *s)
{
    invariants_free(s->v);
    world_free(s->w);
    mem_release(&s->mem);
}

static void
assert_told(struct tale *s, enum rule rule, struct slice story)
{
    told_one(s->v, rule, story);
    end(s);
}

static void
assert_silent(struct tale *s)
{
    told_nothing(s->v);
    end(s);
}

/* One record in a batch of producer 7. Not on the disk yet. */
static void
append_kind(struct tale *s, int32_t epoch, int16_t producer_epoch, int32_t sequence,
            uint16_t attributes)
{
    int i = s->n++;
    uint8_t *to = s->bytes + i * BATCH_HEADER_BYTES;
    memset(to, 0, BATCH_HEADER_BYTES);
    store_be64(to, (uint64_t)i);
    store_be32(to + 8, BATCH_HEADER_BYTES - 12);
    store_be32(to + 12, (uint32_t)epoch);
    to[16] = 2;
    store_be16(to + 21, attributes);
    store_be64(to + 43, 7);
    store_be16(to + 51, (uint16_t)producer_epoch);
    store_be32(to + 53, (uint32_t)sequence);
    s->crcs[i] = batch_crc(CRC32C_PORTABLE, slice(to, BATCH_HEADER_BYTES));
    store_be32(to + 17, s->crcs[i]);
    say(s, NOTE_LOG_APPEND, SLICE_NULL, i, i, epoch, s->crcs[i], false);
}

static void
append(struct tale *s, int32_t epoch, int16_t producer_epoch, int32_t sequence)
{
    append_kind(s, epoch, producer_epoch, sequence, 0);
}

/* So many of them come to the disk. */
static void
put(struct tale *s, int n)
{
    disk_put(s->m, EPOCHS, S("0\n1\n0 0\n"));
    disk_put(s->m, LOG, slice(s->bytes, n * BATCH_HEADER_BYTES));
}

static void
written(struct tale *s, int64_t end)
{
    say(s, NOTE_LOG_WRITTEN, SLICE_NULL, end, 0, 0, 0, 0);
}

static void
append_all(struct tale *s, int16_t producer_epoch, int32_t first, int n)
{
    for (int i = 0; i < n; i++) append(s, 0, producer_epoch, first + i);
    put(s, s->n);
    written(s, s->n);
}

/* ---- written, synced ---- */

static void
who_has_what_it_says_is_silent(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 3);
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 3, 0, 0, 0, 0);
    say(&s, NOTE_LOG_TRUNCATE, SLICE_NULL, 1, 3, 0, 0, 0);
    s.n = 1;
    append_all(&s, 0, 1, 2);
    assert_silent(&s);
}

static void
written_before_it_is(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 1);
    append(&s, 0, 0, 1);
    written(&s, 2);
    assert_told(&s, RULE_DISK_TRUTH,
                S("b1: says that all below 2 is written; its disk lacks offset 1"));
}

static void
another_batch_is_written_than_was_appended(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append(&s, 0, 0, 0);
    s.bytes[20] ^= 1;
    put(&s, 1);
    written(&s, 1);
    assert_told(&s, RULE_DISK_TRUTH,
                S("b1: says that all below 1 is written; its disk lacks offset 0"));
}

static void
synced_before_it_is(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 1);
    append(&s, 0, 0, 1);
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 2, 0, 0, 0, 0);
    assert_told(&s, RULE_DISK_TRUTH,
                S("b1: says that all below 2 is synced; a power loss may take offset 1"));
}

static void
opened_further_than_its_disk_goes(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 3);
    put(&s, 2);
    say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 3, 0, 1, 0);
    const struct anomalies *a = invariants_anomalies(s.v);
    assert_int_equal(a->v.n, 1);
    assert_int_equal(a->v.v[0].rule, RULE_DISK_TRUTH);
    end(&s);
}

static void
a_damaged_disk_is_no_lie(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    (void)fault_disk_erase(s.m, LOG);
    append(&s, 0, 0, 2);
    written(&s, 3);
    assert_silent(&s);
}

/* ---- sequences ---- */

static void
a_gap_in_the_sequences(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    append_all(&s, 0, 3, 1);
    assert_told(&s, RULE_SEQUENCE_CONTINUITY,
                S("b1: took a batch that begins with sequence 3, where 2 was due"));
}

static void
a_sequence_twice(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    append_all(&s, 0, 1, 1);
    assert_told(&s, RULE_SEQUENCE_CONTINUITY,
                S("b1: took a batch that begins with sequence 1, where 2 was due"));
}

static void
a_new_producer_epoch_begins_with_0(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    append_all(&s, 1, 0, 1);
    append_all(&s, 2, 1, 1);
    assert_told(&s, RULE_SEQUENCE_CONTINUITY,
                S("b1: took a batch that begins with sequence 1, where 0 was due"));
}

static void
a_producer_epoch_that_is_over(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 1, 0, 2);
    append_all(&s, 0, 2, 1);
    assert_told(&s, RULE_SEQUENCE_CONTINUITY,
                S("b1: took a batch of producer epoch 0 after one of epoch 1"));
}

static void
sequences_go_on_from_0_after_the_greatest(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, INT32_MAX - 1, 2);
    append_all(&s, 0, 0, 1);
    assert_silent(&s);
}

static void
what_was_cut_off_counts_no_more(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 3);
    say(&s, NOTE_LOG_TRUNCATE, SLICE_NULL, 1, 3, 0, 0, 0);
    s.n = 1;
    append(&s, 1, 0, 1);
    put(&s, s.n), written(&s, s.n);
    assert_silent(&s);
}

/* The next batch is the first that lies there. */
static void
what_was_kept_counts_though_retention_takes_it(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 3);
    say(&s, NOTE_LOG_TRUNCATE, SLICE_NULL, 2, 3, 0, 0, 0);
    say(&s, NOTE_LOG_START, SLICE_NULL, 2, 0, 0, 0, 0);
    s.n = 2;
    append(&s, 1, 0, 2);
    disk_put(s.m, LOG, slice(s.bytes + 2 * BATCH_HEADER_BYTES, BATCH_HEADER_BYTES));
    written(&s, 3);
    assert_silent(&s);
}

/* Found after a crash: the batch is gone, and its marker is the first that lies there. What its sequence was a snapshot knows. */
static void
behind_a_marker_alone_the_sequence_is_not_known(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 1);
    append_kind(&s, 0, 0, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    put(&s, 2), written(&s, 2);
    invariants_life(s.v, world_now_ns(s.w), s.m->index, LIFE_CRASH);
    disk_put(s.m, LOG, slice(s.bytes + BATCH_HEADER_BYTES, BATCH_HEADER_BYTES));
    struct found marker = {.base = 1, .last = 1, .crc = s.crcs[1]};
    invariants_found(s.v, s.m->index, ORDERS, &marker, 1);
    say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 1, 2, 0, 0, 0);
    append(&s, 0, 0, 1);
    disk_put(s.m, LOG, slice(s.bytes + BATCH_HEADER_BYTES, 2 * BATCH_HEADER_BYTES));
    written(&s, 3);
    told_nothing(s.v);
    append(&s, 0, 0, 3);
    disk_put(s.m, LOG, slice(s.bytes + BATCH_HEADER_BYTES, 3 * BATCH_HEADER_BYTES));
    written(&s, 4);
    assert_told(&s, RULE_SEQUENCE_CONTINUITY,
                S("b1: took a batch that begins with sequence 3, where 2 was due"));
}

/* Written, though nobody said so any more before the process died. */
static void
what_is_found_after_a_crash_counts(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 1);
    append(&s, 0, 0, 1);
    put(&s, 2);
    say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 2, 0, 0, 0);
    append_all(&s, 0, 2, 1);
    assert_silent(&s);
}

static void
who_may_be_forgotten_may_begin_anywhere(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    fault_clock_step(s.m, 1000);
    append_all(&s, 0, 9, 1);
    assert_silent(&s);
}

/* ---- the recovery point ---- */

static void
cut_with_point(struct tale *s, const char *checkpoint)
{
    append_all(s, 0, 0, 4);
    disk_put(s->m, S("data/recovery-point-offset-checkpoint"), slice_cstr(checkpoint));
    say(s, NOTE_LOG_TRUNCATE, SLICE_NULL, 2, 0, 0, 0, 0);
    put(s, s->n = 2);
    append(s, 1, 0, 2);
}

static void
a_recovery_point_is_lowered_before_the_log_goes_on(void **state)
{
    (void)state;
    static const char *const good[] = {"0\n1\norders 0 2\n", "0\n2\norders 1 4\norders2 0 4\n", ""};
    for (int i = 0; i < (int)ARRAY_LEN(good); i++) {
        struct tale s;
        begin(&s);
        cut_with_point(&s, good[i]);
        assert_silent(&s);
    }
}

static void
a_log_goes_on_below_its_recovery_point(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    cut_with_point(&s, "0\n2\nothers 0 1\norders 0 4\n");
    assert_told(&s, RULE_DISK_TRUTH,
                S("b1: appends at offset 2 after a cut; the recovery point on its disk is 4"));
}

static void
a_log_begins_where_its_disk_says(void **state)
{
    (void)state;
    static const char *const points[] = {"0\n1\norders 0 2\n", "0\n1\norders 0 5\n",
                                         "0\n1\norders 0 3\n"};
    for (int i = 0; i < (int)ARRAY_LEN(points); i++) {
        struct tale s;
        begin(&s);
        append_all(&s, 0, 0, 4);
        disk_put(s.m, S("data/log-start-offset-checkpoint"), slice_cstr(points[i]));
        say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 2, 4, 0, 1, 0);
        if (i < 2) assert_silent(&s);
        else
            assert_told(&s, RULE_DISK_TRUTH,
                        S("b1: opened its log from 2 on; its disk says that it begins at 3"));
    }
}

/* ---- leader epochs ---- */

/* Two batches of epoch 0, two of epoch 3. */
static void
two_epochs(struct tale *s)
{
    begin(s);
    for (int i = 0; i < 4; i++) append(s, i < 2 ? 0 : 3, 0, i);
    put(s, 4);
    written(s, 4);
}

static void
checkpoint(struct tale *s, const char *text)
{
    disk_put(s->m, EPOCHS, slice_cstr(text));
    invariants_renamed(s->v, 0, s->m->index, S(DIR "leader-epoch-checkpoint.tmp"));
}

static void
epochs_as_the_log_has_them(void **state)
{
    (void)state;
    struct tale s;
    two_epochs(&s);
    checkpoint(&s, "0\n1\n0 0\n");
    checkpoint(&s, "0\n2\n0 0\n3 2\n");
    checkpoint(&s, "0\n3\n0 0\n3 2\n4 4\n");
    assert_silent(&s);
}

static void
epochs_that_are_not_the_logs(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0\n3\n0 0\n3 1\n4 4\n", "0\n2\n0 0\n3 3\n",
                                        "0\n1\n3 2\n",           "0\n2\n1 0\n3 2\n",
                                        "0\n2\n0 0\n2 2\n4 4\n", "0\n3\n0 0\n1 1\n3 2\n"};
    for (int i = 0; i < (int)ARRAY_LEN(wrong); i++) {
        struct tale s;
        two_epochs(&s);
        checkpoint(&s, wrong[i]);
        const struct anomalies *a = invariants_anomalies(s.v);
        if (a->v.n != 1) print_message("%s", wrong[i]);
        assert_int_equal(a->v.n, 1);
        assert_int_equal(a->v.v[0].rule, RULE_EPOCH_CACHE);
        end(&s);
    }
}

static void
what_is_found_at_the_opening_is_not_older_than_the_log(void **state)
{
    (void)state;
    struct tale s;
    two_epochs(&s);
    checkpoint(&s, "0\n2\n0 0\n4 2\n");
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 4, 0, 1, 0);
    assert_told(
        &s, RULE_EPOCH_CACHE,
        S("b1: has it written down that epoch 4 begins at offset 2, where its log has another"));
}

static void
the_first_epoch_is_clipped_to_the_logs_start(void **state)
{
    (void)state;
    struct tale s;
    two_epochs(&s);
    say(&s, NOTE_LOG_START, SLICE_NULL, 1, 0, 0, 0, 0);
    checkpoint(&s, "0\n2\n0 1\n3 2\n");
    say(&s, NOTE_LOG_START, SLICE_NULL, 3, 0, 0, 0, 0);
    checkpoint(&s, "0\n1\n3 3\n");
    assert_silent(&s);
}

static void
what_is_synced_has_its_epochs_written_down(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_all(&s, 0, 0, 2);
    append(&s, 3, 0, 2);
    put(&s, 3);
    written(&s, 3);
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 2, 0, 0, 0, 0);
    disk_put(s.m, EPOCHS, S("0\n2\n0 0\n3 2\n"));
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 3, 0, 0, 0, 0);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    append(&s, 4, 0, 3);
    disk_put(s.m, LOG, slice(s.bytes, 4 * BATCH_HEADER_BYTES));
    written(&s, 4);
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 4, 0, 0, 0, 0);
    assert_told(&s, RULE_EPOCH_CACHE,
                S("b1: has synced offset 3, and its leader epoch 4 is not written down"));
}

/* ---- what clients are given ---- */

static void
append_on_disk(struct tale *s, int32_t sequence, uint16_t attributes)
{
    append_kind(s, 0, 0, sequence, attributes);
    put(s, s->n);
    written(s, s->n);
}

static void
who_reads_committed_records_waits_for_the_end(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, 0);
    append_on_disk(&s, 1, BATCH_TRANSACTIONAL);
    append_on_disk(&s, 2, BATCH_TRANSACTIONAL);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 2);
    assert_told(&s, RULE_READ_UNDECIDED,
                S("a reader of committed records was given offset 2, and a transaction is open "
                  "since 1"));
}

static void
what_is_decided_may_be_given(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    append_on_disk(&s, 1, BATCH_TRANSACTIONAL);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 1);
    assert_silent(&s);
}

/* Another leader may lack the marker, and get another one. */
static void
what_is_decided_and_not_committed_may_not_be_given(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    say(&s, NOTE_PARTITION_HW, SLICE_NULL, 1, 1, 1, 2, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_told(&s, RULE_READ_UNDECIDED,
                S("a reader of committed records was given offset 0, and the marker of a "
                  "transaction before it, at 1, is not committed"));
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    say(&s, NOTE_PARTITION_HW, SLICE_NULL, 2, 1, 1, 2, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_silent(&s);
}

/* A snapshot of producers does not tell of it, in Kafka neither. */
static void
what_was_decided_before_the_log_was_opened_may_be_given(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    append_on_disk(&s, 1, 0);
    say(&s, NOTE_PARTITION_HW, SLICE_NULL, 1, 1, 1, 2, 0);
    say(&s, NOTE_LOG_SYNCED, SLICE_NULL, 3, 0, 0, 0, 0);
    say(&s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 3, 0, 0, 0);
    written(&s, 3);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_silent(&s);
}

/* What was behind the marker is cut off, and the marker is the last now: it stands. */
static void
what_was_decided_right_before_a_cut_may_be_given(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    append_on_disk(&s, 1, BATCH_TRANSACTIONAL);
    disk_put(s.m, LOG, slice(s.bytes, 2 * BATCH_HEADER_BYTES));
    say(&s, NOTE_LOG_TRUNCATE, SLICE_NULL, 2, 3, 0, 0, 0);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_silent(&s);
}

/* The marker itself is cut off. */
static void
what_a_cut_has_opened_again_may_not_be_given(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    append_on_disk(&s, 1, BATCH_TRANSACTIONAL);
    append_on_disk(&s, -1, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    disk_put(s.m, LOG, slice(s.bytes, 2 * BATCH_HEADER_BYTES));
    say(&s, NOTE_LOG_TRUNCATE, SLICE_NULL, 2, 3, 0, 0, 0);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 1);
    assert_told(&s, RULE_READ_UNDECIDED,
                S("a reader of committed records was given offset 1, and a transaction is open "
                  "since 0"));
}

/* A marker that was written to the wrong place lies nowhere: the disk no longer says what is decided. */
static void
a_spoilt_disk_tells_of_no_transaction(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    say(&s, NOTE_PARTITION_ROLE, SLICE_NULL, 2, 1, 0, 0, 0);
    append_on_disk(&s, 0, BATCH_TRANSACTIONAL);
    invariants_spoilt(s.v, 0);
    invariants_polled_decided(s.v, 5, S("orders"), 0, 0);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_what_it_says_is_silent),
        cmocka_unit_test(written_before_it_is),
        cmocka_unit_test(another_batch_is_written_than_was_appended),
        cmocka_unit_test(synced_before_it_is),
        cmocka_unit_test(opened_further_than_its_disk_goes),
        cmocka_unit_test(a_damaged_disk_is_no_lie),
        cmocka_unit_test(a_gap_in_the_sequences),
        cmocka_unit_test(a_sequence_twice),
        cmocka_unit_test(a_new_producer_epoch_begins_with_0),
        cmocka_unit_test(a_producer_epoch_that_is_over),
        cmocka_unit_test(sequences_go_on_from_0_after_the_greatest),
        cmocka_unit_test(what_was_cut_off_counts_no_more),
        cmocka_unit_test(what_was_kept_counts_though_retention_takes_it),
        cmocka_unit_test(behind_a_marker_alone_the_sequence_is_not_known),
        cmocka_unit_test(what_is_found_after_a_crash_counts),
        cmocka_unit_test(who_may_be_forgotten_may_begin_anywhere),
        cmocka_unit_test(a_recovery_point_is_lowered_before_the_log_goes_on),
        cmocka_unit_test(a_log_goes_on_below_its_recovery_point),
        cmocka_unit_test(a_log_begins_where_its_disk_says),
        cmocka_unit_test(epochs_as_the_log_has_them),
        cmocka_unit_test(epochs_that_are_not_the_logs),
        cmocka_unit_test(what_is_found_at_the_opening_is_not_older_than_the_log),
        cmocka_unit_test(the_first_epoch_is_clipped_to_the_logs_start),
        cmocka_unit_test(what_is_synced_has_its_epochs_written_down),
        cmocka_unit_test(who_reads_committed_records_waits_for_the_end),
        cmocka_unit_test(what_is_decided_may_be_given),
        cmocka_unit_test(what_is_decided_and_not_committed_may_not_be_given),
        cmocka_unit_test(what_was_decided_before_the_log_was_opened_may_be_given),
        cmocka_unit_test(what_was_decided_right_before_a_cut_may_be_given),
        cmocka_unit_test(what_a_cut_has_opened_again_may_not_be_given),
        cmocka_unit_test(a_spoilt_disk_tells_of_no_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
