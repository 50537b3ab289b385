/* A log on the tiny body, and batches to put into it. */
#ifndef TESTS_LOG_FIXTURE_H
#define TESTS_LOG_FIXTURE_H

#include "broker/log/commitlog.h"
#include "broker/log/open_files.h"
#include "broker/record/builder.h"
#include "tests/unit/log/body.h"

#define MAYBE_UNUSED __attribute__((unused))

struct fixture {
    struct body body;
    struct commitlog log;
    struct log_config config;
    struct commitlog_ops ops;
    struct open_files open_files;
    int64_t open_files_max; /* 0: no ceiling */
    enum log_err ready;
    bool is_ready, failed;
    char why[200];
};

static void
fixture_ready(struct commitlog *log, enum log_err err, struct slice why)
{
    struct fixture *f = log->owner;
    f->is_ready = true;
    f->ready = err;
    snprintf(f->why, sizeof f->why, "%.*s", (int)why.n, why.p ? (const char *)why.p : "");
}

static void
fixture_failed(struct commitlog *log, enum env_err err)
{
    struct fixture *f = log->owner;
    (void)err;
    f->failed = true;
}

MAYBE_UNUSED static void
fixture_open_begin(struct fixture *f, struct disk *d, bool clean, int64_t recovery_point)
{
    body_start(&f->body, d);
    if (!f->config.segment_bytes) f->config = log_config_default();
    f->ops = (struct commitlog_ops){.ready = fixture_ready, .failed = fixture_failed};
    f->is_ready = f->failed = false;
    memset(&f->log, 0, sizeof f->log);
    open_files_init(&f->open_files, &f->body.env, f->open_files_max);
    struct commitlog_params p = {
        .dir = S("orders-0"),
        .name = S("orders-0"),
        .config = &f->config,
        .ops = &f->ops,
        .owner = f,
        .clean = clean,
        .recovery_point = recovery_point,
        .open_files = f->open_files_max ? &f->open_files : NULL,
    };
    commitlog_open(&f->log, &f->body.env, &p);
}

MAYBE_UNUSED static void
fixture_open(struct fixture *f, struct disk *d, bool clean, int64_t recovery_point)
{
    fixture_open_begin(f, d, clean, recovery_point);
    body_run(&f->body);
    if (f->body.stopped) return;
    assert_true(f->is_ready);
    assert_int_equal(f->ready, LOG_OK);
}

struct waiter {
    struct log_op op;
    bool is_done;
    enum log_err err;
};

MAYBE_UNUSED static void
waiter_done(struct log_op *op, enum log_err err)
{
    struct waiter *w = CONTAINER_OF(op, struct waiter, op);
    w->is_done = true;
    w->err = err;
}

MAYBE_UNUSED static void
fixture_close(struct fixture *f)
{
    struct waiter w = {.op.done = waiter_done};
    commitlog_close(&f->log, &w.op);
    body_run(&f->body);
    if (!f->body.stopped) {
        assert_true(w.is_done);
        commitlog_release(&f->log);
        body_run(&f->body);
        assert_int_equal(f->body.env.pending.next == &f->body.env.pending, true);
    }
    body_end(&f->body);
}

struct batch_spec {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t sequence;
    int32_t records;
    int64_t timestamp;
    int32_t value_bytes;
    int16_t attributes;
};

/* A batch with offset 0; values tell its number. */
MAYBE_UNUSED static struct buf *
make_batch(struct env *env, const struct batch_spec *spec, int number)
{
    struct batch_builder b;
    uint8_t value[2000];
    memset(value, 'a' + number % 26, sizeof value);
    builder_init(&b, &env->mem, 0);
    for (int i = 0; i < MAX(spec->records, 1); i++)
        builder_add(&b, spec->timestamp + i, SLICE_NULL, slice(value, spec->value_bytes), NULL, 0);
    b.h.producer_id = spec->producer_id;
    b.h.producer_epoch = spec->producer_epoch;
    b.h.base_sequence = spec->sequence;
    b.h.attributes = spec->attributes;
    struct buf *buf = builder_finish(&b, CRC32C_PORTABLE, &env->mem);
    builder_release(&b);
    return buf;
}

#define PLAIN \
    ((struct batch_spec){.producer_id = -1, \
                         .producer_epoch = -1, \
                         .sequence = -1, \
                         .records = 1, \
                         .timestamp = 1700000000000, \
                         .value_bytes = 20})

MAYBE_UNUSED static enum log_err
append_spec(struct fixture *f, const struct batch_spec *spec, int32_t epoch, int number,
            struct log_append *ret)
{
    struct buf *buf = make_batch(&f->body.env, spec, number);
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    *ret = (struct log_append){.segs = &seg,
                               .segs_n = 1,
                               .leader_epoch = epoch,
                               .origin = APPEND_CLIENT,
                               .unverified = true};
    enum log_err err = commitlog_append(&f->log, ret);
    buf_unref(buf);
    return err;
}

MAYBE_UNUSED static void
append_plain(struct fixture *f, int32_t epoch, int number)
{
    struct batch_spec spec = PLAIN;
    struct log_append a;
    spec.timestamp += number;
    assert_int_equal(append_spec(f, &spec, epoch, number, &a), LOG_OK);
}

struct loader {
    struct log_load load;
    bool is_done;
};

MAYBE_UNUSED static void
loader_done(struct log_load *l)
{
    CONTAINER_OF(l, struct loader, load)->is_done = true;
}

MAYBE_UNUSED static void
load(struct fixture *f, struct loader *l, int64_t offset, int64_t limit, int64_t max_bytes)
{
    *l = (struct loader){.load = {.done = loader_done}};
    l->load.read.offset = offset;
    l->load.read.limit = limit;
    l->load.read.max_bytes = max_bytes;
    l->load.read.min_one = true;
    commitlog_load(&f->log, &l->load);
    body_run(&f->body);
    if (!f->body.stopped) assert_true(l->is_done);
}

#endif
