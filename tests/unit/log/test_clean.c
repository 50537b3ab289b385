/* Cleaning a log: what stays, what readers see meanwhile, and a crash at every disk operation of it. Whatever the moment:
 * the log comes up again in order, with the last record of each key and its offset, and without a value that a
 * tombstone had deleted. */
#include "broker/log/batch_retention.h"
#include "broker/log/internal.h"
#include "broker/log/offset_map.h"
#include "broker/log/producer_state.h"
#include "broker/record/control.h"
#include "tests/unit/log/fixture.h"

#define NOW_MS 1700000000000
#define RECORDS_MAX 4000
#define KEYS 60

struct model_record {
    int key, value; /* value < 0: a tombstone */
    bool aborted;
};

struct run {
    struct fixture f;
    struct disk *disk;
    struct model_record v[RECORDS_MAX]; /* by offset; key < 0: none, as markers */
    int n;
    uint64_t dice;
    int32_t sequence[3];
};

static int
roll_dice(struct run *r, int n)
{
    r->dice = r->dice * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->dice >> 33) % (uint64_t)n);
}

static struct log_config
config(void)
{
    struct log_config c = log_config_default();
    c.segment_bytes = 900;
    c.index_interval_bytes = 100;
    c.compact = c.may_have_gaps = true;
    c.delete = false;
    c.cleanable_ratio_min = 0;
    c.file_delete_delay_ms = 0;
    return c;
}

static void
begin(struct run *r, uint64_t seed)
{
    *r = (struct run){.disk = disk_new(seed), .dice = seed, .f.config = config()};
    fixture_open(&r->f, r->disk, false, 0);
}

static void
end(struct run *r)
{
    fixture_close(&r->f);
    disk_free(r->disk);
}

/* One batch of keyed records; who < 0: without a producer. */
static void
append_keyed(struct run *r, int who, int records, bool in_txn, int codec)
{
    struct env *env = &r->f.body.env;
    struct batch_builder b;
    builder_init(&b, &env->mem, 0);
    for (int i = 0; i < records; i++) {
        char key[24], value[24];
        int k = roll_dice(r, roll_dice(r, 3) ? 4 : KEYS), offset = r->n; /* some are hot */
        bool is_tombstone = roll_dice(r, 5) == 0;
        snprintf(key, sizeof key, "key-%d", k);
        snprintf(value, sizeof value, "value-%d", offset);
        assert_true(r->n < RECORDS_MAX);
        r->v[r->n++] = (struct model_record){k, is_tombstone ? -1 : offset, false};
        builder_add(&b, NOW_MS + offset, slice_cstr(key),
                    is_tombstone ? SLICE_NULL : slice_cstr(value), NULL, 0);
    }
    b.h.producer_id = who < 0 ? -1 : 1000 + who;
    b.h.producer_epoch = who < 0 ? -1 : 0;
    b.h.base_sequence = who < 0 ? -1 : r->sequence[who];
    if (who >= 0) r->sequence[who] += records;
    if (in_txn) b.h.attributes |= BATCH_TRANSACTIONAL;
    struct buf *buf;
    if (codec) {
        struct work_result res;
        struct seg seg = {.bytes = builder_payload(&b)};
        assert_int_equal(work_run(WORK_COMPRESS, (enum codec)codec, 0, &seg, 1, 1 << 20, &res),
                         ENV_OK);
        buf = builder_finish_compressed(&b, CRC32C_PORTABLE, &env->mem, (enum codec)codec,
                                        slice(res.p, res.n));
        free(res.p);
    } else {
        buf = builder_finish(&b, CRC32C_PORTABLE, &env->mem);
    }
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    struct log_append a = {.segs = &seg, .segs_n = 1, .origin = APPEND_CLIENT, .unverified = true};
    assert_int_equal(commitlog_append(&r->f.log, &a), LOG_OK);
    assert_int_equal(a.last_offset, r->n - 1);
    buf_unref(buf);
    builder_release(&b);
}

static void
append_marker(struct run *r, int who, bool commit)
{
    struct env *env = &r->f.body.env;
    struct buf *buf =
        end_txn_batch(CRC32C_PORTABLE, &env->mem, commit, NOW_MS + r->n, 1000 + who, 0, 0);
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    struct log_append a = {.segs = &seg, .segs_n = 1, .origin = APPEND_COORDINATOR};
    assert_int_equal(commitlog_append(&r->f.log, &a), LOG_OK);
    r->v[r->n++] = (struct model_record){-1, 0, false};
    buf_unref(buf);
}

static void
append_txn(struct run *r, int who, bool commit)
{
    int from = r->n;
    append_keyed(r, who, 1 + roll_dice(r, 3), true, 0);
    append_keyed(r, who, 1 + roll_dice(r, 3), true, 0);
    for (int i = from; i < r->n; i++) r->v[i].aborted = !commit;
    append_marker(r, who, commit);
}

static void
fill(struct run *r, int batches)
{
    for (int i = 0; i < batches; i++) {
        int what = roll_dice(r, 10);
        if (what == 0) append_txn(r, 2, roll_dice(r, 2) == 0);
        else append_keyed(r, roll_dice(r, 3) - 1, 1 + roll_dice(r, 4), false, roll_dice(r, 5));
        if (roll_dice(r, 4) == 0) body_run(&r->f.body);
    }
    body_run(&r->f.body);
}

/* ---- cleaning ---- */

struct cleaning {
    struct log_look look;
    struct log_clean clean;
    bool has_looked, is_done;
    char why[200];
};

static void
looked(struct log_look *l)
{
    CONTAINER_OF(l, struct cleaning, look)->has_looked = true;
}

static void
cleaned(struct log_clean *c)
{
    struct cleaning *x = CONTAINER_OF(c, struct cleaning, clean);
    x->is_done = true;
    snprintf(x->why, sizeof x->why, "%.*s", (int)c->why.n, (const char *)c->why.p);
}

/* False: there is nothing to clean. */
static bool
clean_begin(struct run *r, struct cleaning *x, int64_t map_bytes)
{
    struct commitlog *log = &r->f.log;
    *x = (struct cleaning){.look = {.done = looked}};
    x->look.stable_offset = commitlog_stable_offset(log, commitlog_written_end(log));
    if (!commitlog_look_cleanable(log, &x->look)) return false;
    body_run(&r->f.body);
    if (r->f.body.stopped) return false;
    assert_true(x->has_looked);
    assert_int_equal(x->look.err, LOG_OK);
    if (!cleanable_is_due(&x->look.found, 0)) return false;
    x->clean = (struct log_clean){.done = cleaned,
                                  .range = x->look.found,
                                  .map_bytes = map_bytes,
                                  .map_load_millionths = 900000,
                                  .window_bytes = 300,
                                  .payload_max = 1 << 20};
    assert_int_equal(commitlog_clean(log, &x->clean), LOG_OK);
    return true;
}

static bool
clean(struct run *r)
{
    struct cleaning x;
    if (!clean_begin(r, &x, 1 << 20)) return false;
    body_run(&r->f.body);
    if (r->f.body.stopped) return false;
    assert_true(x.is_done);
    assert_int_equal(x.clean.err, LOG_OK);
    assert_int_equal(x.clean.round_end, x.clean.range.first_uncleanable);
    assert_int_equal(commitlog_cleaned_to(&r->f.log), x.clean.round_end);
    return true;
}

/* A step, so that the log knows what time it is. */
static void
wait_ms(struct run *r, int64_t ms)
{
    r->f.body.wall_ms += ms;
    r->f.body.now_ns += ms * NS_PER_MS;
    struct waiter w = {.op.done = waiter_done};
    commitlog_sync(&r->f.log, &w.op);
    body_run(&r->f.body);
}

/* ---- judging ---- */

struct seen {
    bool there[RECORDS_MAX];
    int records, batches, empty, horizons;
};

static void
see_batch(struct run *r, struct seen *seen, const struct batch_header *h, struct slice batch)
{
    struct records rs;
    struct record rec;
    struct slice payload = batch_payload(batch, h);
    struct work_result res = {0};
    assert_int_equal(batch_check(CRC32C_PORTABLE, batch, &(struct batch_header){0}), BATCH_OK);
    seen->batches++;
    seen->empty += h->records_n == 0;
    seen->horizons += batch_delete_horizon_ms(h) >= 0;
    if (batch_codec(h) != CODEC_NONE) {
        struct seg seg = {.bytes = payload};
        assert_int_equal(work_run(WORK_DECOMPRESS, batch_codec(h), 0, &seg, 1, 1 << 20, &res),
                         ENV_OK);
        payload = slice(res.p, res.n);
    }
    records_begin(&rs, h, payload);
    while (records_next(&rs, &rec)) {
        const struct model_record *m = &r->v[rec.offset];
        char key[24], value[24];
        seen->there[rec.offset] = true;
        seen->records++;
        if (batch_is_control(h)) continue;
        snprintf(key, sizeof key, "key-%d", m->key);
        snprintf(value, sizeof value, "value-%d", m->value);
        assert_true(slice_eq(rec.key, slice_cstr(key)));
        assert_int_equal(rec.timestamp, NOW_MS + rec.offset);
        if (m->value < 0) assert_null(rec.value.p);
        else assert_true(slice_eq(rec.value, slice_cstr(value)));
    }
    assert_int_equal(rs.err, BATCH_OK);
    free(res.p);
}

/* Everything, from the start on; offsets ascend. */
static void
see(struct run *r, struct seen *seen)
{
    int64_t at = commitlog_start(&r->f.log), limit = commitlog_written_end(&r->f.log);
    *seen = (struct seen){0};
    while (at < limit) {
        struct loader l;
        struct batch_header h;
        struct slice batch;
        enum batch_err err;
        load(&r->f, &l, at, INT64_MAX, 1000);
        assert_int_equal(l.load.read.err, LOG_OK);
        if (!l.load.buf) break; /* nothing up to the end */
        int64_t before = at;
        for (int64_t p = 0; batch_next(buf_slice(l.load.buf), &p, &h, &batch, &err);) {
            if (batch_last_offset(&h) < at) continue;
            assert_true(h.base_offset >= at);
            see_batch(r, seen, &h, batch);
            at = batch_next_offset(&h);
        }
        assert_true(at > before);
        buf_unref(l.load.buf);
    }
    assert_int_equal(at, limit);
}

/* The offset of the key's last record that was not aborted, below `limit`. */
static int
last_of(const struct run *r, int key, int64_t limit)
{
    for (int i = (int)limit - 1; i >= 0; i--)
        if (r->v[i].key == key && !r->v[i].aborted) return i;
    return -1;
}

/* tombstones_may_go: and then nothing of their key is left. */
static void
check_last_values(struct run *r, const struct seen *seen, bool tombstones_may_go)
{
    int64_t limit = commitlog_written_end(&r->f.log);
    for (int k = 0; k < KEYS; k++) {
        int last = last_of(r, k, limit);
        if (last < 0 || seen->there[last]) continue;
        assert_true(r->v[last].value < 0 && tombstones_may_go);
        for (int i = 0; i < last; i++)
            assert_false(r->v[i].key == k && !r->v[i].aborted && seen->there[i]);
    }
}

/* Below what was cleaned only last records are left (and, at its end, those that the map did not reach). */
static void
check_is_clean(struct run *r, const struct seen *seen)
{
    int64_t limit = commitlog_cleaned_to(&r->f.log);
    for (int i = 0; i < limit; i++) {
        if (r->v[i].key < 0) continue;
        if (seen->there[i]) assert_int_equal(last_of(r, r->v[i].key, limit), i);
    }
}

/* ---- the claims ---- */

static void
of_each_key_the_last_record_stays(void **state)
{
    (void)state;
    int horizons = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct run r;
        struct seen seen;
        begin(&r, seed);
        for (int i = 0; i < 3; i++) {
            fill(&r, 60);
            assert_true(clean(&r));
            see(&r, &seen);
            check_last_values(&r, &seen, false);
            check_is_clean(&r, &seen);
            horizons += seen.horizons;
        }
        assert_false(clean(&r)); /* nothing is dirty */
        end(&r);
    }
    assert_true(horizons > 0);
}

static void
tombstones_and_markers_go_after_their_horizon(void **state)
{
    (void)state;
    struct run r;
    struct seen before, after;
    begin(&r, 7);
    fill(&r, 80);
    assert_true(clean(&r));
    fill(&r, 30);
    wait_ms(&r, r.f.config.delete_retention_ms - 1000);
    assert_true(clean(&r));
    see(&r, &before);
    check_last_values(&r, &before, false);
    fill(&r, 30);
    wait_ms(&r, 2000);
    assert_true(clean(&r));
    see(&r, &after);
    check_last_values(&r, &after, true);
    int gone = 0;
    for (int k = 0; k < KEYS; k++) gone += !after.there[last_of(&r, k, r.n)];
    assert_true(gone > 0 || after.records < before.records);
    end(&r);
}

/* A map that has room for a few keys only. */
static void
a_round_goes_as_far_as_the_map_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, seed);
        fill(&r, 100);
        int rounds = 0;
        for (; clean_begin(&r, &x, 7 * OFFSET_SLOT_BYTES); rounds++) {
            int64_t from = x.clean.range.first_dirty;
            body_run(&r.f.body);
            assert_int_equal(x.clean.err, LOG_OK);
            assert_true(x.clean.round_end > from);
            assert_int_equal(commitlog_cleaned_to(&r.f.log), x.clean.round_end);
            see(&r, &seen);
            check_last_values(&r, &seen, false);
        }
        assert_true(rounds > 2);
        end(&r);
    }
}

/* What is known of producers is the same when it is made anew from what was left. */
static void
sequences_survive(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct run r;
        begin(&r, seed);
        append_keyed(&r, 0, 2, false, 0); /* and never again */
        fill(&r, 100);
        assert_true(clean(&r));
        body_end(&r.f.body); /* no closing: no snapshot of the end */
        for (int i = r.disk->now.n - 1; i >= 0; i--)
            if (strstr(r.disk->now.v[i].path, ".snapshot"))
                names_remove(&r.disk->now, r.disk->now.v[i].path);
        fixture_open(&r.f, r.disk, false, 0);
        assert_int_equal(commitlog_assigned_end(&r.f.log), r.n);
        for (int who = 0; who < 3; who++) {
            struct producer *p = producer_find(r.f.log.producers, 1000 + who);
            if (!p) assert_int_equal(r.sequence[who], 0);
            else
                assert_int_equal(p->window.batch[p->window.n - 1].last_sequence,
                                 r.sequence[who] - 1);
        }
        end(&r);
    }
}

/* The end of a log lives in its last batch (KAFKA-17076). */
static void
the_end_does_not_go_back(void **state)
{
    (void)state;
    struct run r;
    begin(&r, 3);
    fill(&r, 60);
    int64_t end_offset = commitlog_assigned_end(&r.f.log);
    log_roll(&r.f.log, end_offset);
    r.f.log.cleaned_to = -1;
    body_run(&r.f.body);
    assert_true(clean(&r));
    assert_int_equal(commitlog_cleaned_to(&r.f.log), end_offset);
    body_end(&r.f.body);
    names_remove(&r.disk->now, "orders-0/leader-epoch-checkpoint");
    fixture_open(&r.f, r.disk, false, 0);
    assert_int_equal(commitlog_assigned_end(&r.f.log), end_offset);
    append_keyed(&r, -1, 1, false, 0);
    end(&r);
}

static void
what_is_aborted_goes_and_is_told_of_no_more(void **state)
{
    (void)state;
    struct run r;
    struct seen seen;
    begin(&r, 5);
    append_txn(&r, 2, false);
    int64_t marker = r.n - 1;
    append_txn(&r, 2, true);
    fill(&r, 40);
    assert_int_equal(r.f.log.aborted.v.v[0].last_offset, marker);
    assert_true(clean(&r));
    see(&r, &seen);
    for (int i = 0; i < commitlog_cleaned_to(&r.f.log); i++)
        if (r.v[i].aborted) assert_false(seen.there[i]);
    assert_true(seen.there[marker]); /* a copy may still have the data */
    assert_int_equal(r.f.log.aborted.v.v[0].last_offset, marker);
    fill(&r, 20);
    assert_true(clean(&r)); /* nothing of it is left: the horizon is set */
    if (r.f.log.aborted.v.n) assert_true(r.f.log.aborted.v.v[0].last_offset > marker);
    see(&r, &seen);
    assert_true(seen.there[marker]);
    wait_ms(&r, r.f.config.delete_retention_ms + 1);
    fill(&r, 20);
    assert_true(clean(&r));
    see(&r, &seen);
    assert_false(seen.there[marker]);
    end(&r);
}

/* ---- what else goes on ---- */

/* Of steps of both, mixed by the dice. */
static void
reads_and_appends_go_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, seed);
        r.f.open_files_max = 0;
        fill(&r, 80);
        struct loader l[8] = {{.is_done = true}, {.is_done = true}, {.is_done = true},
                              {.is_done = true}, {.is_done = true}, {.is_done = true},
                              {.is_done = true}, {.is_done = true}};
        int64_t old_end = commitlog_written_end(&r.f.log);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < 40000 && !x.is_done; i++) {
            struct loader *one = &l[roll_dice(&r, 8)];
            if (one->is_done) {
                assert_int_equal(one->load.read.err, LOG_OK);
                if (one->load.buf) {
                    struct batch_header h;
                    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(one->load.buf), &h),
                                     BATCH_OK);
                    assert_true(batch_last_offset(&h) >= one->load.read.offset);
                }
                buf_unref(one->load.buf);
                *one = (struct loader){.load = {.done = loader_done}};
                one->load.read.offset = roll_dice(&r, (int)old_end);
                one->load.read.limit = INT64_MAX;
                one->load.read.max_bytes = 300;
                one->load.read.min_one = true;
                commitlog_load(&r.f.log, &one->load);
            }
            if (i % 50 == 0) append_keyed(&r, -1, 1, false, 0);
            (void)body_step(&r.f.body);
        }
        assert_true(x.is_done);
        body_run(&r.f.body);
        for (int i = 0; i < 8; i++) {
            assert_true(l[i].is_done);
            assert_int_equal(l[i].load.read.err, LOG_OK);
            buf_unref(l[i].load.buf);
        }
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

static int
files_with(struct disk *d, const char *part)
{
    int n = 0;
    for (int i = 0; i < d->now.n; i++) n += strstr(d->now.v[i].path, part) != NULL;
    return n;
}

static void
check_nothing_is_left_over(struct run *r)
{
    assert_int_equal(files_with(r->disk, ".cleaned"), 0);
    assert_int_equal(files_with(r->disk, ".swap"), 0);
}

/* At any moment. */
static void
a_truncation_ends_it_and_it_begins_anew(void **state)
{
    (void)state;
    for (int after = 0; after < 120; after += 3) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, (uint64_t)after);
        fill(&r, 60);
        assert_true(clean(&r));
        fill(&r, 40);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        int64_t cut = commitlog_cleaned_to(&r.f.log) - 5;
        struct waiter w = {.op.done = waiter_done};
        commitlog_truncate(&r.f.log, cut, &w.op);
        body_run(&r.f.body);
        assert_true(w.is_done && x.is_done);
        assert_int_equal(w.err, LOG_OK);
        assert_true(commitlog_cleaned_to(&r.f.log) <= cut);
        check_nothing_is_left_over(&r);
        r.n = (int)commitlog_assigned_end(&r.f.log);
        for (int i = 0; i < 3; i++) {
            struct producer *p = producer_find(r.f.log.producers, 1000 + i);
            r.sequence[i] =
                p && p->window.n ? p->window.batch[p->window.n - 1].last_sequence + 1 : 0;
        }
        fill(&r, 40);
        assert_true(clean(&r));
        see(&r, &seen);
        check_is_clean(&r, &seen);
        end(&r);
    }
}

static void
a_close_ends_it(void **state)
{
    (void)state;
    for (int after = 0; after < 120; after += 3) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, (uint64_t)after);
        fill(&r, 80);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        fixture_close(&r.f);
        assert_true(x.is_done);
        check_nothing_is_left_over(&r);
        fixture_open(&r.f, r.disk, true, 0);
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

static void
retention_waits_for_its_end(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    r.f.config.delete = true;
    r.f.config.retention_bytes = 1000;
    fill(&r, 80);
    assert_true(clean_begin(&r, &x, 1 << 20));
    for (int i = 0; i < 30; i++) (void)body_step(&r.f.body);
    commitlog_sweep(&r.f.log, commitlog_written_end(&r.f.log));
    body_run(&r.f.body);
    assert_int_equal(x.clean.err, LOG_OK);
    assert_int_equal(commitlog_start(&r.f.log), 0);
    commitlog_sweep(&r.f.log, commitlog_written_end(&r.f.log));
    assert_int_equal(commitlog_clean(&r.f.log, &x.clean), LOG_E_BUSY); /* nor the other way round */
    body_run(&r.f.body);
    end(&r);
}

/* What was found in a log is not true of it any more when it was cut. */
static void
a_log_that_was_cut_is_looked_at_again(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    x = (struct cleaning){.look = {.done = looked}};
    x.look.stable_offset = commitlog_written_end(&r.f.log);
    assert_true(commitlog_look_cleanable(&r.f.log, &x.look));
    body_run(&r.f.body);
    x.clean = (struct log_clean){.done = cleaned, .range = x.look.found, .map_bytes = 1 << 20};
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&r.f.log, x.look.found.first_uncleanable / 2, &w.op);
    body_run(&r.f.body);
    assert_int_equal(commitlog_clean(&r.f.log, &x.clean), LOG_E_BUSY);
    end(&r);
}

/* A follower far behind: its leader's high watermark is above all that it has written. */
static void
what_is_not_written_yet_is_left(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    for (int i = 0; i < 40; i++) append_keyed(&r, 0, 3, false, i % 5);
    x = (struct cleaning){.look = {.done = looked}};
    x.look.stable_offset = r.f.log.assigned_end;
    int64_t written = commitlog_written_end(&r.f.log);
    assert_true(written < r.f.log.assigned_end);
    if (commitlog_look_cleanable(&r.f.log, &x.look)) {
        while (!x.has_looked) assert_true(body_step(&r.f.body));
        assert_true(x.look.found.first_uncleanable <= commitlog_written_end(&r.f.log));
    }
    body_run(&r.f.body);
    end(&r);
}

/* ---- failures ---- */

static void
a_broken_batch_makes_it_uncleanable_and_harms_nothing(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    struct name *f = names_find(&r.disk->now, "orders-0/00000000000000000000.log");
    assert_non_null(f);
    if (!f) return;
    f->inode->now[BATCH_HEADER_BYTES + 2] ^= 1;
    assert_true(clean_begin(&r, &x, 1 << 20));
    body_run(&r.f.body);
    assert_true(x.is_done);
    assert_int_equal(x.clean.err, LOG_E_CORRUPT);
    assert_string_equal(x.why, "checksum differs");
    check_nothing_is_left_over(&r);
    assert_false(r.f.failed);
    fill(&r, 10);
    assert_false(clean_begin(&r, &x, 1 << 20)); /* not tried again */
    f->inode->now[BATCH_HEADER_BYTES + 2] ^= 1;
    end(&r);
}

/* No checksum covers a batch's offset: one that rotted, or two segments with the same offsets that an older build left. */
static void
offsets_out_of_order_make_it_uncleanable(void **state)
{
    (void)state;
    static const struct {
        int byte;
        uint8_t becomes;
    } rots[] = {{7, 0}, {6, 0xff}, {0, 0x7f}}; /* back, beyond the next segment, far beyond */
    for (int i = 0; i < ARRAY_LEN(rots); i++) {
        struct run r;
        struct cleaning x;
        begin(&r, 1);
        fill(&r, 80);
        struct name *f = names_find(&r.disk->now, "orders-0/00000000000000000000.log");
        assert_non_null(f);
        if (!f) return;
        struct batch_header first;
        assert_int_equal(batch_parse(slice(f->inode->now, BATCH_HEADER_BYTES), &first), BATCH_OK);
        uint8_t *rotten = &f->inode->now[batch_size_bytes(&first) + rots[i].byte], was = *rotten;
        *rotten = rots[i].becomes;
        assert_true(clean_begin(&r, &x, 1 << 20));
        body_run(&r.f.body);
        assert_true(x.is_done);
        assert_int_equal(x.clean.err, LOG_E_CORRUPT);
        assert_string_equal(x.why, "a batch's offsets are not between those of its neighbours");
        check_nothing_is_left_over(&r);
        assert_false(r.f.failed);
        fill(&r, 10);
        assert_false(clean_begin(&r, &x, 1 << 20)); /* not tried again */
        *rotten = was;
        end(&r);
    }
}

static void
a_full_disk_ends_it_and_harms_nothing(void **state)
{
    (void)state;
    for (int after = 0; after < 200; after += 10) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, 1);
        fill(&r, 80);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        r.f.body.fail_writes = ENV_ENOSPC;
        body_run(&r.f.body);
        r.f.body.fail_writes = ENV_OK;
        assert_true(x.is_done);
        assert_false(r.f.failed);
        if (x.clean.err) assert_int_equal(x.clean.err, LOG_E_BUSY);
        check_nothing_is_left_over(&r);
        fill(&r, 5);
        (void)clean(&r);
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

static void
a_broken_disk_takes_the_log_offline(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    assert_true(clean_begin(&r, &x, 1 << 20));
    r.f.body.fail_writes = ENV_EIO;
    body_run(&r.f.body);
    assert_true(x.is_done);
    assert_int_equal(x.clean.err, LOG_E_OFFLINE);
    assert_true(r.f.failed);
    end(&r);
}

/* ---- crashes ---- */

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
        cmocka_unit_test(of_each_key_the_last_record_stays),
        cmocka_unit_test(tombstones_and_markers_go_after_their_horizon),
        cmocka_unit_test(a_round_goes_as_far_as_the_map_does),
        cmocka_unit_test(sequences_survive),
        cmocka_unit_test(the_end_does_not_go_back),
        cmocka_unit_test(what_is_aborted_goes_and_is_told_of_no_more),
        cmocka_unit_test(reads_and_appends_go_on),
        cmocka_unit_test(a_truncation_ends_it_and_it_begins_anew),
        cmocka_unit_test(a_close_ends_it),
        cmocka_unit_test(retention_waits_for_its_end),
        cmocka_unit_test(a_log_that_was_cut_is_looked_at_again),
        cmocka_unit_test(what_is_not_written_yet_is_left),
        cmocka_unit_test(a_broken_batch_makes_it_uncleanable_and_harms_nothing),
        cmocka_unit_test(offsets_out_of_order_make_it_uncleanable),
        cmocka_unit_test(a_full_disk_ends_it_and_harms_nothing),
        cmocka_unit_test(a_broken_disk_takes_the_log_offline),
        cmocka_unit_test(a_process_may_die_at_any_disk_operation),
        cmocka_unit_test(the_power_may_go_at_any_disk_operation),
        cmocka_unit_test(a_process_may_die_again_in_the_start_after_it),
        cmocka_unit_test(a_gap_behind_a_swap_is_no_compaction),
        cmocka_unit_test(the_power_may_go_again_in_the_start_after_it),
        cmocka_unit_test(aborted_transactions_outlive_a_kill_while_indexes_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
