/* A compacted log of a few hot keys, with transactions, and a model of what must be in it; cleaning it, and comparing the two. */
#ifndef TESTS_LOG_CLEAN_FIXTURE_H
#define TESTS_LOG_CLEAN_FIXTURE_H

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
    int64_t bytes_per_second; /* of cleanings; 0: no limit */
};

static inline int
roll_dice(struct run *r, int n)
{
    r->dice = r->dice * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->dice >> 33) % (uint64_t)n);
}

static inline struct log_config
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

static inline void
begin(struct run *r, uint64_t seed)
{
    *r = (struct run){.disk = disk_new(seed), .dice = seed, .f.config = config()};
    fixture_open(&r->f, r->disk, false, 0);
}

static inline void
end(struct run *r)
{
    fixture_close(&r->f);
    disk_free(r->disk);
}

/* One batch of keyed records; who < 0: without a producer. */
static inline void
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

static inline void
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

static inline void
append_txn(struct run *r, int who, bool commit)
{
    int from = r->n;
    append_keyed(r, who, 1 + roll_dice(r, 3), true, 0);
    append_keyed(r, who, 1 + roll_dice(r, 3), true, 0);
    for (int i = from; i < r->n; i++) r->v[i].aborted = !commit;
    append_marker(r, who, commit);
}

static inline void
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

static inline void
looked(struct log_look *l)
{
    CONTAINER_OF(l, struct cleaning, look)->has_looked = true;
}

static inline void
cleaned(struct log_clean *c)
{
    struct cleaning *x = CONTAINER_OF(c, struct cleaning, clean);
    x->is_done = true;
    snprintf(x->why, sizeof x->why, "%.*s", (int)c->why.n, (const char *)c->why.p);
}

/* False: there is nothing to clean. */
static inline bool
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
                                  .payload_max = 1 << 20,
                                  .bytes_per_second = r->bytes_per_second};
    assert_int_equal(commitlog_clean(log, &x->clean), LOG_OK);
    return true;
}

static inline bool
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
static inline void
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

static inline void
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
static inline void
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
static inline int
last_of(const struct run *r, int key, int64_t limit)
{
    for (int i = (int)limit - 1; i >= 0; i--)
        if (r->v[i].key == key && !r->v[i].aborted) return i;
    return -1;
}

/* tombstones_may_go: and then nothing of their key is left. */
static inline void
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
static inline void
check_is_clean(struct run *r, const struct seen *seen)
{
    int64_t limit = commitlog_cleaned_to(&r->f.log);
    for (int i = 0; i < limit; i++) {
        if (r->v[i].key < 0) continue;
        if (seen->there[i]) assert_int_equal(last_of(r, r->v[i].key, limit), i);
    }
}

static inline int
files_with(struct disk *d, const char *part)
{
    int n = 0;
    for (int i = 0; i < d->now.n; i++) n += strstr(d->now.v[i].path, part) != NULL;
    return n;
}

static inline void
check_nothing_is_left_over(struct run *r)
{
    assert_int_equal(files_with(r->disk, ".cleaned"), 0);
    assert_int_equal(files_with(r->disk, ".swap"), 0);
}

#endif
