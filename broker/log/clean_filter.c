/* The second pass of a cleaning: what stays of a group of segments is written to a file of its own. */
#include "broker/log/clean.h"

/* What is gathered is written now, or there is nothing. True: go on. */
static bool
write_out(struct clean_job *j)
{
    if (!j->out || j->out->n == 0) return true;
    struct buf *out = j->out;
    struct seg seg = {.buf = out, .bytes = buf_slice(out)};
    file_write(&j->job.op, &j->file, j->file_bytes - out->n, &seg, 1);
    buf_unref(out);
    j->out = NULL;
    return false;
}

static void
gather(struct clean_job *j, struct slice bytes)
{
    struct mem *mem = &j->job.log->env->mem;
    struct buf *out = j->out;
    if (!out || out->cap - out->n < bytes.n) {
        struct buf *more = buf_new(mem, MAX(j->asked.window_bytes, (out ? out->n : 0) + bytes.n));
        if (out && out->n) memcpy(more->data, out->data, (size_t)out->n);
        more->n = out ? out->n : 0;
        buf_unref(out);
        j->out = out = more;
    }
    if (bytes.n) memcpy(out->data + out->n, bytes.p, (size_t)bytes.n);
    out->n += bytes.n;
}

/* A batch that stays, as a whole: it gets its place in the new segment. */
static bool
put_batch(struct clean_job *j, const struct batch_header *h, struct slice head,
          struct slice payload)
{
    j->part = PART_NEXT;
    if (j->file_bytes + head.n + payload.n > INT32_MAX)
        return clean_is_broken(j, "what stays does not fit into one segment");
    gather(j, head);
    gather(j, payload);
    segment_place(j->made, h, false);
    j->file_bytes += head.n + payload.n;
    j->bytes_after += head.n + payload.n;
    j->records_after += h->records_n;
    if (j->out->n >= j->asked.window_bytes) return write_out(j);
    return !clean_rests(j);
}

static bool
put_sealed(struct clean_job *j, struct batch_header *h, struct slice payload)
{
    uint8_t head[BATCH_HEADER_BYTES];
    batch_seal(j->job.log->env->crc32c, h, payload, head);
    return put_batch(j, h, slice(head, sizeof head), payload);
}

static bool
rebuild(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    j->records.n = 0;
    clean_batch_write(&j->filter, j->walk.payload, &j->records, &j->rebuilt);
    struct slice records = writer_slice(&j->records);
    if (batch_codec(&j->rebuilt) == CODEC_NONE) return put_sealed(j, &j->rebuilt, records);
    struct buf *b = buf_copy(&log->env->mem, records);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    j->part = PART_COMPRESS;
    work_queue(log->env, &j->job.op, WORK_COMPRESS, batch_codec(&j->rebuilt), 0, &seg, 1,
               MAX(2 * records.n, 1 << 16));
    buf_unref(b);
    return false;
}

static bool
compressed(struct clean_job *j, enum env_err err)
{
    if (err) return clean_is_broken(j, env_err_text(err));
    struct buf *b = j->job.op.buf;
    bool goes_on = put_sealed(j, &j->rebuilt, buf_slice(b));
    buf_unref(b);
    return goes_on;
}

/* ---- one batch ---- */

static struct batch_retention
retention_of(struct clean_job *j, const struct batch_header *h, bool is_void)
{
    const struct commitlog *log = j->job.log;
    struct batch_retention_facts f = {
        .h = *h,
        .is_void = is_void,
        .is_producers_last =
            batch_has_producer(h) &&
            batch_is_producers_last(h, producer_find(log->producers, h->producer_id)),
        .group_end = j->group_end,
        .now_ms = j->now_ms,
    };
    return batch_retention(&f);
}

static bool
filter_batch(struct clean_job *j, const struct batch_retention *retention)
{
    const struct batch_walk *w = &j->walk;
    struct batch_header h;
    j->records_before += w->h.records_n;
    switch (clean_batch_look(&j->filter, &w->h, retention, w->payload)) {
    case CLEAN_AS_IT_WAS: return put_batch(j, &w->h, w->batch, SLICE_EMPTY);
    case CLEAN_EMPTY: clean_batch_empty(&j->filter, &h); return put_sealed(j, &h, SLICE_EMPTY);
    case CLEAN_REBUILT: return rebuild(j);
    case CLEAN_BROKEN: return clean_is_broken(j, "its records cannot be read");
    case CLEAN_GONE: break;
    }
    j->part = PART_NEXT;
    return !clean_rests(j);
}

static bool
filter_records(struct clean_job *j, enum env_err err)
{
    struct batch_walk *w = &j->walk;
    bool is_control = batch_is_control(&w->h);
    enum walk walk = walk_payload(w, &j->job, err);
    if (walk == WALK_WAITS) return false;
    if (walk == WALK_BROKEN) return clean_is_broken(j, w->why);
    bool is_void = is_control && clean_txns_marker(&j->txns, &w->h, clean_control_type(w));
    struct batch_retention retention = retention_of(j, &w->h, is_void);
    return filter_batch(j, &retention);
}

static bool
group_is_read(struct clean_job *j)
{
    int64_t next = clean_next_segment(j, j->segment_base, j->group_end);
    if (next < j->group_end) {
        clean_walk(j, next);
        return true;
    }
    clean_walk_ends(j);
    j->stage = CLEAN_WRITTEN;
    return write_out(j);
}

bool
clean_filter(struct clean_job *j, enum env_err err)
{
    struct batch_walk *w = &j->walk;
    if (j->part == PART_COMPRESS) return compressed(j, err);
    if (j->part == PART_RECORDS) return filter_records(j, err);
    if (err) return clean_is_broken(j, env_err_text(err));
    switch (walk_next(w, &j->job)) {
    case WALK_WAITS: return false;
    case WALK_BROKEN: return clean_is_broken(j, w->why);
    case WALK_END: return group_is_read(j);
    case WALK_BATCH: break;
    }
    j->bytes_before += w->batch.n;
    bool is_void = !batch_is_control(&w->h) && clean_txns_data(&j->txns, &w->h);
    if (is_void) { /* nobody needs its records */
        struct batch_retention retention = retention_of(j, &w->h, true);
        return filter_batch(j, &retention);
    }
    j->part = PART_RECORDS;
    return filter_records(j, ENV_OK);
}
