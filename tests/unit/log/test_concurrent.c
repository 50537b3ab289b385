/* Everything at once: a log whose closed segments have broken indexes is appended to, synced, read, searched,
 * and cut, with few files open at a time and the disk answering in any order. Whoever asks meanwhile gets what the model says;
 * nobody trips over what another job has half done. */
#include "tests/unit/log/fixture.h"

#define MODEL_MAX 2000
#define ASKED_MAX 60

/* One record a batch. */
struct model {
    int64_t timestamps[MODEL_MAX];
    int64_t n;
    int32_t cuts;
};

struct reading {
    struct loader loader;
    int64_t offset;
    int32_t cuts; /* of the model, when it began */
};

struct search {
    struct log_lookup lookup;
    bool is_done;
    int64_t end; /* of what was written when it began */
    int32_t cuts;
};

struct mix {
    struct fixture f;
    struct model m;
    struct disk *disk;
    uint64_t dice;
    struct reading readings[ASKED_MAX];
    struct search searches[ASKED_MAX];
    struct waiter syncs[ASKED_MAX], truncate;
    int readings_n, searches_n, syncs_n;
};

static int
roll(struct mix *x, int n)
{
    x->dice = x->dice * 6364136223846793005u + 1442695040888963407u;
    return (int)((x->dice >> 33) % (uint64_t)n);
}

static bool
is_being_cut(const struct mix *x)
{
    return x->truncate.op.done && !x->truncate.is_done;
}

/* A stamp that tells whether there was a cut: what began while a cut was under way may see either side of it. */
static int32_t
stamp(const struct mix *x)
{
    return is_being_cut(x) ? -1 : x->m.cuts;
}

static void
begin_append(struct mix *x)
{
    struct batch_spec spec = PLAIN;
    struct log_append a;
    if (x->m.n == MODEL_MAX) return;
    spec.timestamp += roll(x, 1000);
    enum log_err err = append_spec(&x->f, &spec, 0, (int)x->m.n, &a);
    if (err == LOG_E_BUSY) return;
    assert_int_equal(err, LOG_OK);
    assert_int_equal(a.base_offset, x->m.n);
    x->m.timestamps[x->m.n++] = spec.timestamp;
}

static void
begin_reading(struct mix *x)
{
    if (x->readings_n == ASKED_MAX || commitlog_written_end(&x->f.log) == 0) return;
    struct reading *r = &x->readings[x->readings_n++];
    *r = (struct reading){.loader.load.done = loader_done, .cuts = stamp(x)};
    r->offset = roll(x, (int)commitlog_written_end(&x->f.log));
    r->loader.load.read.offset = r->offset;
    r->loader.load.read.limit = INT64_MAX;
    r->loader.load.read.max_bytes = 1;
    r->loader.load.read.min_one = true;
    commitlog_load(&x->f.log, &r->loader.load);
}

static void
search_done(struct log_lookup *l)
{
    CONTAINER_OF(l, struct search, lookup)->is_done = true;
}

static void
begin_search(struct mix *x)
{
    if (x->searches_n == ASKED_MAX) return;
    struct search *s = &x->searches[x->searches_n++];
    *s = (struct search){.lookup = {.done = search_done, .limit = INT64_MAX},
                         .end = commitlog_written_end(&x->f.log),
                         .cuts = stamp(x)};
    s->lookup.timestamp = PLAIN.timestamp + roll(x, 1100);
    commitlog_lookup(&x->f.log, &s->lookup);
}

static void
begin_sync(struct mix *x)
{
    if (x->syncs_n == ASKED_MAX) return;
    struct waiter *w = &x->syncs[x->syncs_n++];
    *w = (struct waiter){.op.done = waiter_done};
    commitlog_sync(&x->f.log, &w->op);
}

static void
begin_truncation(struct mix *x)
{
    if (is_being_cut(x) || x->m.n < 20 || commitlog_written_end(&x->f.log) < x->m.n) return;
    int64_t cut = x->m.n - roll(x, 15);
    x->truncate = (struct waiter){.op.done = waiter_done};
    commitlog_truncate(&x->f.log, cut, &x->truncate.op);
    x->m.n = cut;
    x->m.cuts++;
}

static void
begin_something(struct mix *x)
{
    int kind = roll(x, 19);
    if (kind < 7) begin_append(x);
    else if (kind < 11) begin_reading(x);
    else if (kind < 15) begin_search(x);
    else if (kind < 18) begin_sync(x);
    else begin_truncation(x);
}

/* The first offset below `end` that reaches the time, or -1. */
static int64_t
model_find(const struct model *m, int64_t end, int64_t timestamp)
{
    for (int64_t i = 0; i < MIN(end, m->n); i++)
        if (m->timestamps[i] >= timestamp) return i;
    return -1;
}

static void
check_readings(struct mix *x)
{
    for (int i = 0; i < x->readings_n; i++) {
        struct log_load *l = &x->readings[i].loader.load;
        assert_true(x->readings[i].loader.is_done);
        bool was_cut = x->readings[i].cuts != x->m.cuts;
        if (was_cut && l->read.err == LOG_E_OUT_OF_RANGE) continue;
        assert_int_equal(l->read.err, LOG_OK);
        if (was_cut && !l->buf) continue;
        struct batch_header h;
        assert_int_equal(batch_parse(buf_slice(l->buf), &h), BATCH_OK);
        assert_int_equal(h.base_offset, x->readings[i].offset);
        buf_unref(l->buf);
    }
    x->readings_n = 0;
}

static void
check_searches(struct mix *x)
{
    for (int i = 0; i < x->searches_n; i++) {
        struct search *s = &x->searches[i];
        assert_true(s->is_done);
        if (s->cuts != x->m.cuts) continue;
        assert_int_equal(s->lookup.err, LOG_OK);
        assert_int_equal(s->lookup.offset, model_find(&x->m, s->end, s->lookup.timestamp));
    }
    x->searches_n = 0;
}

static void
settle(struct mix *x)
{
    body_run(&x->f.body);
    assert_false(x->f.failed);
    for (int i = 0; i < x->syncs_n; i++)
        assert_true(x->syncs[i].is_done && x->syncs[i].err == LOG_OK);
    x->syncs_n = 0;
    check_readings(x);
    check_searches(x);
    assert_int_equal(commitlog_written_end(&x->f.log), x->m.n);
}

/* A broken index is made anew; what the rest of the log is doing does not mind. */
static void
break_indexes(struct mix *x)
{
    static const struct slice nonsense[] = {{(const uint8_t *)"no index at all", 15}, {NULL, 0}};
    for (int i = 0; i < x->disk->now.n; i++) {
        char path[160];
        path_set(path, x->disk->now.v[i].path);
        bool is_index = strstr(path, ".index") || strstr(path, ".timeindex");
        if (is_index && roll(x, 3)) disk_put_file(x->disk, path, nonsense[roll(x, 2)]);
    }
}

/* Reading everything opens every file; few stay so. */
static void
check_open_files(struct mix *x)
{
    begin_sync(x);
    settle(x);
    for (int64_t at = 0; at < x->m.n; at++) {
        struct loader l;
        load(&x->f, &l, at, INT64_MAX, 1);
        buf_unref(l.load.buf);
    }
    assert_true(x->f.open_files.n <= x->f.open_files_max);
}

static void
live(uint64_t seed, int64_t open_files_max)
{
    struct mix *x = calloc(1, sizeof *x);
    x->disk = disk_new(seed);
    x->dice = seed * 31;
    x->f.config = log_config_default();
    x->f.config.segment_bytes = 900;
    x->f.config.index_interval_bytes = 150;
    x->f.open_files_max = open_files_max;
    fixture_open(&x->f, x->disk, false, 0);
    for (int life = 0; life < 4; life++) {
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 60; i++) {
                begin_something(x);
                for (int n = roll(x, 4); n > 0; n--) body_step(&x->f.body);
            }
            settle(x);
        }
        if (open_files_max) check_open_files(x);
        fixture_close(&x->f);
        break_indexes(x);
        fixture_open(&x->f, x->disk, true, x->m.n);
        assert_int_equal(commitlog_assigned_end(&x->f.log), x->m.n);
    }
    fixture_close(&x->f);
    disk_free(x->disk);
    free(x);
}

static void
indexes_are_made_anew_while_everything_else_goes_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) live(seed, (int64_t)seed % 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexes_are_made_anew_while_everything_else_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
