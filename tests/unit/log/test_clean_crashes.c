/* A crash at every disk operation of a cleaning, and again in the start after it. Whatever the moment: the log comes up again in
 * order, with the last record of each key and its offset, and without a value that a tombstone had deleted. */
#include "tests/unit/log/clean_fixture.h"

static void
prepare(struct run *r, uint64_t seed)
{
    begin(r, seed);
    r->f.config.delete_retention_ms = seed % 2 ? 0 : r->f.config.delete_retention_ms;
    fill(r, 30);
    (void)clean(r);
    fill(r, 25);
    struct waiter w = {.op.done = waiter_done};
    commitlog_sync(&r->f.log, &w.op);
    body_run(&r->f.body);
    wait_ms(r, 10);
}

/* Where it ends: at the n-th operation of a cleaning, and once more at an operation of the start after it (0: not). */
struct crash {
    uint64_t seed;
    int64_t n, again;
    bool power; /* goes with it, the last time */
    uint64_t draw;
    int64_t segment_bytes; /* of the cleaned ones: one may take the place of several */
};

static void
die(struct run *r, const struct crash *c, bool power)
{
    body_end(&r->f.body);
    r->disk->seed += c->draw;
    if (power) disk_power(r->disk);
    r->f.body.stop_at = 0;
}

static bool
has_swap(const struct disk *d)
{
    for (int i = 0; i < d->now.n; i++)
        if (strstr(d->now.v[i].path, ".log.swap")) return true;
    return false;
}

/* Where a segment's file begins and ends; false: it is another kind of file. */
static bool
bounds_of(const struct name *f, int64_t *ret_base, int64_t *ret_end)
{
    long long base;
    int n = 0;
    if (sscanf(f->path, "orders-0/%20lld.log%n", &base, &n) != 1 || f->path[n] != 0) return false;
    *ret_base = *ret_end = base;
    for (int64_t at = 0; at < f->inode->n;) {
        const uint8_t *head = f->inode->now + at;
        *ret_end = (int64_t)load_be64(head) + (int32_t)load_be32(head + 23) + 1;
        at += BATCH_SPAN_BYTES + (int32_t)load_be32(head + 8);
    }
    return true;
}

static void
check_segments_follow_each_other(const struct disk *d)
{
    int64_t base, end, other_base, other_end;
    for (int i = 0; i < d->now.n; i++) {
        if (!bounds_of(&d->now.v[i], &base, &end)) continue;
        for (int k = 0; k < d->now.n; k++) {
            if (!bounds_of(&d->now.v[k], &other_base, &other_end) || other_base <= base) continue;
            assert_true(end <= other_base);
        }
    }
}

/* False: it came to its end before that operation, or the start has nothing to put in place. */
static bool
crash_at(const struct crash *c)
{
    struct run r;
    struct seen seen;
    struct cleaning x;
    prepare(&r, c->seed);
    int64_t synced = commitlog_synced_end(&r.f.log), start = r.f.body.ops;
    assert_int_equal(synced, r.n);
    bool tombstones_may_go = r.f.config.delete_retention_ms == 0;
    r.f.config.segment_bytes = c->segment_bytes;
    assert_true(clean_begin(&r, &x, 1 << 20));
    r.f.body.stop_at = start + c->n;
    body_run(&r.f.body);
    if (!r.f.body.stopped) {
        end(&r);
        return false;
    }
    die(&r, c, c->power && !c->again);
    if (c->again && !has_swap(r.disk)) {
        disk_free(r.disk);
        return false;
    }
    if (c->again) {
        fixture_open_begin(&r.f, r.disk, false, synced);
        r.f.body.stop_at = r.f.body.ops + c->again;
        body_run(&r.f.body);
        if (!r.f.body.stopped) {
            end(&r);
            return false;
        }
        die(&r, c, c->power);
    }
    fixture_open(&r.f, r.disk, false,
                 synced); /* the recovery point is where everything was synced */
    check_nothing_is_left_over(&r);
    check_segments_follow_each_other(r.disk);
    assert_int_equal(commitlog_assigned_end(&r.f.log), r.n);
    see(&r, &seen);
    check_last_values(&r, &seen, tombstones_may_go);
    fill(&r, 10);
    (void)clean(&r);
    see(&r, &seen);
    check_last_values(&r, &seen, tombstones_may_go);
    check_is_clean(&r, &seen);
    end(&r);
    return true;
}

/* Where the segment ends whose .log.swap a crash has left; -1: there is none. */
static int64_t
end_of_swap(const struct disk *d)
{
    int64_t base, end = -1;
    for (int i = 0; i < d->now.n; i++) {
        struct name f = d->now.v[i];
        char *suffix = strstr(f.path, ".log.swap");
        if (!suffix) continue;
        suffix[strlen(".log")] = 0;
        assert_true(bounds_of(&f, &base, &end));
    }
    return end;
}

/* The power took what of the segment behind it was not synced, but not what comes after that: all of the file, or its name. */
static bool
power_takes_what_is_behind_a_swap(int64_t n, bool takes_name)
{
    struct run r;
    struct cleaning x;
    char path[160];
    prepare(&r, 2);
    assert_true(clean_begin(&r, &x, 1 << 20));
    r.f.body.stop_at = r.f.body.ops + n;
    body_run(&r.f.body);
    bool stopped = r.f.body.stopped;
    if (!stopped) {
        end(&r);
        return false;
    }
    die(&r, &(struct crash){0}, false);
    int64_t expected = end_of_swap(r.disk);
    snprintf(path, sizeof path, "orders-0/%020lld.log", (long long)expected);
    struct name *behind = expected < 0 ? NULL : names_find(&r.disk->now, path);
    if (!behind) {
        disk_free(r.disk);
        return true;
    }
    if (takes_name) names_remove(&r.disk->now, path);
    else inode_resize(behind->inode, 0);
    fixture_open(&r.f, r.disk, false, expected);
    assert_int_equal(commitlog_assigned_end(&r.f.log), expected);
    end(&r);
    return true;
}

static void
a_gap_behind_a_swap_is_no_compaction(void **state)
{
    (void)state;
    for (int64_t n = 1; power_takes_what_is_behind_a_swap(n, false); n++) {
    }
    for (int64_t n = 1; power_takes_what_is_behind_a_swap(n, true); n++) {
    }
}

/* Each is prepared anew; with the power gone there are several outcomes. */
static void
crash_everywhere(bool power)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        int64_t n = 1;
        for (bool goes_on = true; goes_on; n++)
            for (uint64_t draw = 0; draw < (power ? 4 : 1) && goes_on; draw++)
                goes_on = crash_at(&(struct crash){seed, n, 0, power, draw * 7919, 900});
        assert_true(n > 50);
    }
}

static void
a_process_may_die_at_any_disk_operation(void **state)
{
    (void)state;
    crash_everywhere(false);
}

static void
the_power_may_go_at_any_disk_operation(void **state)
{
    (void)state;
    crash_everywhere(true);
}

/* The start that puts a cleaned segment in place ends, too, wherever it may: the old segments must not come back beside it. */
static void
crash_twice(bool power)
{
    static const int64_t segment_bytes[] = {900, 3000};
    for (int i = 0; i < 2; i++) {
        struct crash c = {.seed = 2, .n = 1, .power = power, .segment_bytes = segment_bytes[i]};
        for (; crash_at(&c); c.n++, c.again = 0) {
            c.again = 1 + c.n % 5; /* over all n each operation has its turn */
            while (crash_at(&c)) c.again += 5;
        }
    }
}

static void
a_process_may_die_again_in_the_start_after_it(void **state)
{
    (void)state;
    crash_twice(false);
}

static void
the_power_may_go_again_in_the_start_after_it(void **state)
{
    (void)state;
    crash_twice(true);
}

/* No index has three bytes. */
static void
break_indexes(struct disk *d)
{
    for (int i = 0; i < d->now.n; i++) {
        struct name *f = &d->now.v[i];
        if (strstr(f->path, ".index")) inode_resize(f->inode, 3);
    }
}

static int64_t
aborted_n(struct run *r)
{
    struct aborted_txn *v;
    return commitlog_aborted(&r->f.log, 0, r->n, &r->f.body.env.scratch, &v);
}

/* Whoever looks into a segment has its indexes made anew and saved. */
static void
look_everywhere(struct run *r)
{
    struct waiter w = {.op.done = waiter_done};
    for (int offset = 0; offset < r->n && !r->f.body.stopped; offset += 5) {
        struct loader l;
        load(&r->f, &l, offset, INT64_MAX, 100);
        if (!r->f.body.stopped) buf_unref(l.load.buf);
    }
    if (r->f.body.stopped) return;
    append_keyed(r, -1, 1, false, 0);
    commitlog_sync(&r->f.log, &w.op);
    body_run(&r->f.body);
}

/* Below the recovery point nobody reads batches again: an empty list would be believed, and what was aborted given away. */
static void
aborted_transactions_outlive_a_kill_while_indexes_are_saved(void **state)
{
    (void)state;
    for (int64_t n = 1;; n++) {
        struct run r;
        begin(&r, 2);
        fill(&r, 60);
        fixture_close(&r.f);
        break_indexes(r.disk);
        fixture_open(&r.f, r.disk, true, r.n);
        int64_t before = aborted_n(&r), synced = r.n;
        assert_true(before > 1);
        r.f.body.stop_at = r.f.body.ops + n;
        look_everywhere(&r);
        bool stopped = r.f.body.stopped;
        if (!stopped) fixture_close(&r.f);
        else body_end(&r.f.body);
        r.f.body.stop_at = 0;
        fixture_open(&r.f, r.disk, false, synced);
        assert_int_equal(aborted_n(&r), before);
        end(&r);
        if (!stopped) break;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_may_die_at_any_disk_operation),
        cmocka_unit_test(the_power_may_go_at_any_disk_operation),
        cmocka_unit_test(a_process_may_die_again_in_the_start_after_it),
        cmocka_unit_test(the_power_may_go_again_in_the_start_after_it),
        cmocka_unit_test(a_gap_behind_a_swap_is_no_compaction),
        cmocka_unit_test(aborted_transactions_outlive_a_kill_while_indexes_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
