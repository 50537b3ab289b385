/* A crash at every disk operation of a workload that appends, rolls, syncs and truncates. Whatever the
 * moment: the log comes up again with a prefix of what was assigned, whole and contiguous, that has
 * everything that was synced (and, if only the process died, everything that was written); leader epochs
 * and producers are what the batches say. */
#include "broker/log/producer_state.h"
#include "tests/unit/log/fixture.h"

#define BATCHES_MAX 400

struct model_batch {
    int64_t base, last;
    int32_t epoch;
    uint32_t crc;
    int64_t producer_id;
    int32_t last_sequence;
};

struct model {
    struct model_batch v[BATCHES_MAX];
    int n;
    int32_t epoch;
    int32_t sequence[3];
    int64_t written, synced, recovery_point;
    bool truncating;
    int64_t floor; /* of what must survive a truncation under way */
};

struct run {
    struct fixture f;
    struct model m;
    struct disk *disk;
    struct waiter truncate, sync;
    uint64_t dice;
    int number;
};

static int
roll_dice(struct run *r, int n)
{
    r->dice = r->dice * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->dice >> 33) % (uint64_t)n);
}

static int64_t
model_end(const struct model *m)
{
    return m->n ? m->v[m->n - 1].last + 1 : 0;
}

static void
model_cut(struct model *m, int64_t end)
{
    while (m->n && m->v[m->n - 1].last >= end) m->n--;
}

static void
see(struct run *r)
{
    r->m.written = commitlog_written_end(&r->f.log);
    r->m.synced = commitlog_synced_end(&r->f.log);
}

static void
steps(struct run *r, int n)
{
    while (n-- > 0 && body_step(&r->f.body)) see(r);
}

static void
do_append(struct run *r)
{
    struct model *m = &r->m;
    struct batch_spec spec = PLAIN;
    struct log_append a;
    int who = roll_dice(r, 4);
    spec.records = 1 + roll_dice(r, 3);
    spec.value_bytes = 10 + roll_dice(r, 200);
    spec.timestamp += r->number * 7 - roll_dice(r, 30);
    if (who < 3) {
        spec.producer_id = 1000 + who;
        spec.producer_epoch = 0;
        spec.sequence = m->sequence[who];
    }
    struct buf *buf = make_batch(&r->f.body.env, &spec, r->number++);
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    a = (struct log_append){
        .segs = &seg, .segs_n = 1, .leader_epoch = m->epoch, .origin = APPEND_CLIENT};
    assert_int_equal(commitlog_append(&r->f.log, &a), LOG_OK);
    struct batch_header h;
    assert_int_equal(batch_parse(buf_slice(buf), &h), BATCH_OK);
    assert_true(m->n < BATCHES_MAX);
    m->v[m->n++] = (struct model_batch){a.base_offset, a.last_offset,    m->epoch,
                                        h.crc,         spec.producer_id, batch_last_sequence(&h)};
    if (who < 3) m->sequence[who] = sequence_add(spec.sequence, spec.records);
    buf_unref(buf);
}

static int32_t
sequence_after(const struct model *m, int64_t id)
{
    for (int i = m->n - 1; i >= 0; i--)
        if (m->v[i].producer_id == id) return sequence_add(m->v[i].last_sequence, 1);
    return 0;
}

static void
do_truncate(struct run *r)
{
    struct model *m = &r->m;
    body_run(&r->f.body);
    see(r);
    if (m->n < 4 || r->f.body.stopped) return;
    int back = 1 + roll_dice(r, MIN(m->n - 1, 12));
    int64_t cut = m->v[m->n - back].base;
    m->truncating = true;
    m->floor = MIN(cut, m->synced);
    m->recovery_point = MIN(m->recovery_point, cut);
    r->truncate = (struct waiter){.op.done = waiter_done};
    commitlog_truncate(&r->f.log, cut, &r->truncate.op);
    body_run(&r->f.body);
    if (r->f.body.stopped) return;
    assert_true(r->truncate.is_done);
    assert_int_equal(r->truncate.err, LOG_OK);
    assert_int_equal(commitlog_assigned_end(&r->f.log), cut);
    m->truncating = false;
    model_cut(m, cut);
    for (int i = 0; i < 3; i++) m->sequence[i] = sequence_after(m, 1000 + i);
    m->epoch++;
    commitlog_begin_epoch(&r->f.log, m->epoch);
    see(r);
}

static void
workload(struct run *r, int length)
{
    for (int i = 0; i < length && !r->f.body.stopped; i++) {
        int what = roll_dice(r, 20);
        if (what < 12) do_append(r);
        else if (what < 14) commitlog_sync(&r->f.log, NULL);
        else if (what == 14) do_truncate(r);
        else if (what == 15) r->m.recovery_point = r->m.synced;
        else if (what == 16) body_run(&r->f.body), see(r);
        else steps(r, roll_dice(r, 6));
    }
}

/* ---- judging ---- */

static void
check_batches(struct run *r, int64_t end)
{
    int i = 0;
    for (int64_t at = 0; at < end;) {
        struct loader l;
        struct batch_header h;
        struct slice batch;
        enum batch_err err;
        load(&r->f, &l, at, INT64_MAX, 2000);
        assert_int_equal(l.load.read.err, LOG_OK);
        assert_non_null(l.load.buf);
        for (int64_t p = 0; batch_next(buf_slice(l.load.buf), &p, &h, &batch, &err); i++) {
            assert_true(i < r->m.n);
            assert_int_equal(batch_check(CRC32C_PORTABLE, batch, &h), BATCH_OK);
            assert_int_equal(h.base_offset, r->m.v[i].base);
            assert_int_equal(h.leader_epoch, r->m.v[i].epoch);
            assert_int_equal(h.crc, r->m.v[i].crc);
            at = batch_next_offset(&h);
        }
        buf_unref(l.load.buf);
    }
}

static void
check_epochs(struct run *r)
{
    const struct epoch_cache *c = &r->f.log.epochs;
    for (int i = 0; i < r->m.n; i++)
        assert_int_equal(epoch_cache_at(c, r->m.v[i].base), r->m.v[i].epoch);
    for (int64_t i = 0; i < c->v.n; i++)
        assert_true(c->v.v[i].start_offset < MAX(commitlog_assigned_end(&r->f.log), 1));
}

static void
check_producers(struct run *r)
{
    for (int i = 0; i < 3; i++) {
        struct producer *p = producer_find(r->f.log.producers, 1000 + i);
        int32_t next = sequence_after(&r->m, 1000 + i);
        if (!p) {
            assert_int_equal(next, 0);
            continue;
        }
        assert_true(p->window.n > 0);
        assert_int_equal(sequence_add(p->window.batch[p->window.n - 1].last_sequence, 1), next);
    }
}

static void
check(struct run *r, int64_t at_least)
{
    int64_t end = commitlog_assigned_end(&r->f.log);
    assert_true(end >= at_least);
    assert_true(end <= model_end(&r->m));
    model_cut(&r->m, end);
    assert_int_equal(model_end(&r->m), end);
    assert_int_equal(commitlog_synced_end(&r->f.log), end);
    check_batches(r, end);
    check_epochs(r);
    check_producers(r);
}

static void
go_on(struct run *r)
{
    r->m.truncating = false;
    for (int i = 0; i < 3; i++) r->m.sequence[i] = sequence_after(&r->m, 1000 + i);
    r->m.epoch++;
    for (int i = 0; i < 5; i++) do_append(r);
    body_run(&r->f.body);
}

/* Recovery itself may be cut short, now and then. */
static void
crash_in_recovery(struct run *r, bool power)
{
    if (roll_dice(r, 2)) return;
    r->f.body.ops = 0;
    r->f.body.stop_at = 1 + roll_dice(r, 40);
    fixture_open(&r->f, r->disk, false, r->m.recovery_point);
    body_end(&r->f.body);
    if (power) disk_power(r->disk);
}

/* True: the workload came to its end before the n-th operation. */
static bool
crash_at(int64_t n, bool power, uint64_t seed)
{
    struct run *r = calloc(1, sizeof *r);
    r->disk = disk_new(seed);
    r->dice = seed;
    r->f.config = log_config_default();
    r->f.config.segment_bytes = 1200;
    r->f.config.index_interval_bytes = 300;
    /* A tail that was lost at a batch's end must not be taken for a gap of a compacted log. */
    r->f.config.may_have_gaps = seed / 77 % 2;
    r->f.body.stop_at = n;
    fixture_open(&r->f, r->disk, false, 0);
    if (!r->f.body.stopped) workload(r, 120);
    bool was_all = !r->f.body.stopped;
    int64_t at_least = power ? r->m.synced : r->m.written;
    if (r->m.truncating) at_least = MIN(at_least, r->m.floor);
    body_end(&r->f.body);
    if (power) disk_power(r->disk);
    crash_in_recovery(r, power);

    r->f.body.stop_at = 0;
    fixture_open(&r->f, r->disk, false, r->m.recovery_point);
    check(r, at_least);
    go_on(r);
    int64_t end = commitlog_assigned_end(&r->f.log);
    fixture_close(&r->f);
    fixture_open(&r->f, r->disk, true, 0);
    check(r, end);
    fixture_close(&r->f);
    disk_free(r->disk);
    free(r);
    return was_all;
}

static void
sweep(bool power, uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        int64_t n = 1;
        while (!crash_at(n, power, seed * 77)) n++;
        assert_true(n > 300);
    }
}

static void
a_process_crash_at_any_operation_keeps_what_was_written(void **state)
{
    (void)state;
    sweep(false, 6);
}

static void
a_power_loss_at_any_operation_keeps_what_was_synced(void **state)
{
    (void)state;
    sweep(true, 12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_crash_at_any_operation_keeps_what_was_written),
        cmocka_unit_test(a_power_loss_at_any_operation_keeps_what_was_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
