/* Loading a shard. First everything that was written is to be committed (what is served must not be lost
 * again), then it is read from the start, piece by piece, batch by batch. */
#include "broker/base/check.h"
#include "broker/coordinator/coordinator.h"
#include "broker/record/record.h"
#include "errors.h"

#define LOAD_BYTES (1 << 20)
#define BATCH_BYTES_MAX (100 << 20)

/* It outlives its shard's interest in it while an operation is pending. */
struct coordinator_load {
    struct coordinator_shard *shard; /* NULL: cancelled */
    struct env *env;
    struct append_waiter ready;
    struct log_load load;
    struct op work;
    struct buf *buf; /* the piece at hand */
    int64_t at;      /* in it */
    struct batch_header header;
    int64_t end;
    struct timer again;
    int64_t backoff_ms;
};

static void load_piece(struct coordinator_load *l);

static void
load_free(struct coordinator_load *l)
{
    buf_unref(l->buf);
    MEM_DELETE(&l->env->mem, l);
}

/* ---- when it cannot be read ---- */

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000

static void
shard_load_again(struct timer *t)
{
    struct coordinator_load *l = CONTAINER_OF(t, struct coordinator_load, again);
    int64_t start = commitlog_start(&l->shard->partition->log);
    l->shard->state = SHARD_LOADING;
    l->load.read.offset = MAX(l->load.read.offset, start); /* what was there may be gone */
    load_piece(l);
}

/* A log that is offline, or closed, tells so by its role. Whatever else is in the way may go: a file or
 * memory that was not to be had, a batch that another sync brings back. */
static void
load_failed(struct coordinator_load *l, const char *why)
{
    struct coordinator_shard *s = l->shard;
    s->state = SHARD_FAILED;
    NOTE(l->env, NOTE_LOG_MESSAGE, s->partition->label, slice_cstr(why), 2);
    l->backoff_ms = MIN(MAX(2 * l->backoff_ms, BACKOFF_FIRST_MS), BACKOFF_MAX_MS);
    l->again.due = shard_load_again;
    timer_arm(l->env, &l->again, env_now_ns(l->env) + l->backoff_ms * NS_PER_MS);
}

static void
fold_records(struct coordinator_load *l, struct slice payload)
{
    struct records rs;
    struct record rec;
    records_begin(&rs, &l->header, payload);
    while (records_next(&rs, &rec)) l->shard->owner->kind->fold(l->shard, &l->header, &rec);
}

static void
fold_control(struct coordinator_load *l, struct slice batch)
{
    const struct coordinator_kind *kind = l->shard->owner->kind;
    struct marker m;
    if (kind->fold_marker && marker_parse(&l->header, batch, &m))
        kind->fold_marker(l->shard, &l->header, &m);
}

static void load_batches(struct coordinator_load *l);

static void
shard_decompressed(struct op *op)
{
    struct coordinator_load *l = CONTAINER_OF(op, struct coordinator_load, work);
    struct buf *payload = op->buf;
    op->buf = NULL;
    if (!l->shard) {
        load_free(l);
    } else if (op->err == ENV_OK) {
        fold_records(l, buf_slice(payload));
        load_batches(l);
    } else {
        /* Passing it over would lose state without a word. */
        buf_unref(l->buf);
        l->buf = NULL;
        load_failed(l, "cannot be loaded: a batch cannot be decompressed");
    }
    buf_unref(payload);
}

static void
load_batches(struct coordinator_load *l)
{
    struct slice batch;
    enum batch_err err;
    while (batch_next(buf_slice(l->buf), &l->at, &l->header, &batch, &err)) {
        if (batch_is_control(&l->header)) {
            fold_control(l, batch);
            continue;
        }
        struct slice payload = batch_payload(batch, &l->header);
        if (batch_codec(&l->header) == CODEC_NONE) {
            fold_records(l, payload);
            continue;
        }
        struct seg seg = {.buf = l->buf, .bytes = payload};
        l->work.done = shard_decompressed;
        work_queue(l->env, &l->work, WORK_DECOMPRESS, batch_codec(&l->header), 0, &seg, 1,
                   BATCH_BYTES_MAX);
        return;
    }
    buf_unref(l->buf);
    l->buf = NULL;
    l->load.read.offset = l->load.next_offset;
    load_piece(l);
}

static void
loaded_piece(struct log_load *ll)
{
    struct coordinator_load *l = CONTAINER_OF(ll, struct coordinator_load, load);
    l->buf = ll->buf;
    l->at = 0;
    if (l->buf) {
        load_batches(l);
        return;
    }
    struct coordinator_shard *s = l->shard;
    enum log_err err = ll->read.err;
    if (err == LOG_E_OFFLINE || err == LOG_E_CLOSED) return; /* the role goes */
    if (err) {
        load_failed(l, log_err_text(err));
        return;
    }
    s->load = NULL;
    load_free(l);
    shard_activate(s);
}

static void
load_piece(struct coordinator_load *l)
{
    struct coordinator_shard *s = l->shard;
    l->load.done = loaded_piece;
    l->load.read.limit = l->end;
    l->load.read.max_bytes = LOAD_BYTES;
    l->load.read.min_one = true;
    if (l->load.read.offset < l->end) {
        commitlog_load(&s->partition->log, &l->load);
        return;
    }
    s->load = NULL;
    load_free(l);
    shard_activate(s);
}

static void
all_committed(struct append_waiter *w, int16_t err)
{
    struct coordinator_load *l = CONTAINER_OF(w, struct coordinator_load, ready);
    if (err && err != K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND) return; /* the role goes */
    l->load.read.offset = commitlog_start(&l->shard->partition->log);
    load_piece(l);
}

void
shard_begin_load(struct coordinator_shard *s)
{
    struct coordinator_load *l = MEM_NEW(&shard_env(s)->mem, struct coordinator_load);
    s->state = SHARD_LOADING;
    s->load = l;
    l->shard = s;
    l->env = shard_env(s);
    l->end = commitlog_assigned_end(&s->partition->log);
    l->ready.done = all_committed;
    l->ready.required = l->end;
    l->ready.all = true;
    partition_wait(s->partition, &l->ready);
}

void
shard_cancel_load(struct coordinator_shard *s)
{
    struct coordinator_load *l = s->load;
    s->load = NULL;
    if (!l) return;
    append_waiter_cancel(&l->ready);
    log_load_cancel(&l->load);
    timer_cancel(l->env, &l->again);
    l->shard = NULL;
    if (!op_is_pending(&l->work)) load_free(l);
}
