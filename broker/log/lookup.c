/* Offsets by timestamp. Timestamps need not ascend (a producer's clock may jump back), so the question is
 * always for the first batch whose maximum reaches the time; in it, the first record that does. The time
 * index holds maxima so far, never a batch's own time. */
#include "broker/log/index_lookup.h"
#include "broker/log/internal.h"
#include "broker/record/record.h"

enum lookup_stage { LOOKUP_SEGMENT, LOOKUP_BATCH, LOOKUP_READ, LOOKUP_RECORDS, LOOKUP_MAXIMUM };

struct lookup_job {
    struct log_job job;
    struct log_lookup *lookup; /* NULL: cancelled */
    enum lookup_stage stage;
    int64_t limit;     /* what is written meanwhile is not looked at: the answer is of one moment */
    int64_t next_base; /* segments below have been looked at */
    struct segment *segment;
    int64_t target; /* the timestamp; when the maximum is wanted, that, once known */
    int64_t best_timestamp;
    bool wants_max, found;
    bool is_last_try; /* no record has a timestamp: only the first batch is looked at */
    struct scan scan;
    struct batch_header h;
    int64_t position;
    struct buf *batch;
};

static void
lookup_job_end(struct lookup_job *j, enum log_err err)
{
    struct log_lookup *l = j->lookup;
    if (l) {
        l->job = NULL;
        l->err = err;
    }
    buf_unref(j->batch);
    if (j->segment) segment_unpin(j->segment);
    job_end(&j->job);
    if (l) l->done(l);
}

static void
lookup_found(struct lookup_job *j, int64_t offset, int64_t timestamp)
{
    j->lookup->offset = offset;
    j->lookup->found_timestamp = timestamp;
    j->lookup->leader_epoch = j->h.leader_epoch;
    lookup_job_end(j, LOG_OK);
}

static void
move_to(struct lookup_job *j, struct segment *s)
{
    if (s) segment_pin(s);
    if (j->segment) segment_unpin(j->segment);
    j->segment = s;
}

/* ---- the segment ---- */

static struct segment *
lookup_next_segment(const struct lookup_job *j)
{
    const struct commitlog *log = j->job.log;
    for (int64_t i = 0; i < log->segments.n; i++) {
        struct segment *s = log->segments.v[i];
        if (s->base_offset >= j->next_base && s->base_offset < j->limit) return s;
    }
    return NULL;
}

static void look_for_batch(struct lookup_job *j);
static void look_for_maximum(struct lookup_job *j);

/* The first one that reaches the time; for the maximum all are asked. */
static void
look_for_segment(struct lookup_job *j)
{
    for (;;) {
        struct segment *s = lookup_next_segment(j);
        move_to(j, s);
        if (!s) break;
        if (!segment_want_times(s, &j->job.wait)) return;
        j->next_base = s->base_offset + 1;
        if (j->wants_max && s->base_offset < j->job.log->start_offset) {
            look_for_maximum(j);
            return;
        }
        if (j->wants_max) {
            j->best_timestamp = MAX(j->best_timestamp, s->max_timestamp);
        } else if (s->max_timestamp >= j->target) {
            look_for_batch(j);
            return;
        }
    }
    if (!j->wants_max) {
        lookup_job_end(j, LOG_OK);
        return;
    }
    j->wants_max = false;
    j->target = j->best_timestamp;
    j->is_last_try = j->target < 0;
    j->next_base = 0;
    look_for_segment(j);
}

/* ---- the batch ---- */

static bool
lookup_batch(struct scan *scan)
{
    struct lookup_job *j = CONTAINER_OF(scan, struct lookup_job, scan);
    struct commitlog *log = j->job.log;
    if (!j->lookup || scan->parsed != BATCH_OK) return false;
    if (scan->h.base_offset >= j->limit) return false;
    if (batch_last_offset(&scan->h) < log->start_offset) return true;
    if (scan->h.max_timestamp < j->target) return true;
    j->h = scan->h;
    j->position = scan->at;
    j->found = true;
    return false;
}

static void
lookup_scanned(struct scan *scan, enum env_err err)
{
    struct lookup_job *j = CONTAINER_OF(scan, struct lookup_job, scan);
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

static void
look_for_batch(struct lookup_job *j)
{
    struct segment *s = j->segment;
    const struct time_entry *t = index_before_time(&s->index, j->target);
    const struct offset_entry *o = t ? index_floor(&s->index, t->offset) : NULL;
    j->stage = LOOKUP_BATCH;
    j->scan = (struct scan){.log = j->job.log,
                            .segment = s,
                            .at = o ? o->position : 0,
                            .end = s->written,
                            .batch = lookup_batch,
                            .done = lookup_scanned};
    scan_begin(&j->scan);
}

/* ---- the greatest timestamp of the segment in which the log starts ---- */

/* The index has that of the whole segment, which may be of a record that was deleted. A batch across the log
 * start is read (below); of the others the header has it. */
static bool
maximum_batch(struct scan *scan)
{
    struct lookup_job *j = CONTAINER_OF(scan, struct lookup_job, scan);
    struct commitlog *log = j->job.log;
    if (!j->lookup || scan->parsed != BATCH_OK || scan->h.base_offset >= j->limit) return false;
    if (batch_last_offset(&scan->h) < log->start_offset) return true;
    if (scan->h.base_offset >= log->start_offset) {
        j->best_timestamp = MAX(j->best_timestamp, scan->h.max_timestamp);
        return true;
    }
    if (scan->h.max_timestamp <= j->best_timestamp) return true;
    j->h = scan->h;
    j->position = scan->at;
    j->found = true;
    return false;
}

static void
scan_for_maximum(struct lookup_job *j, int64_t position)
{
    j->stage = LOOKUP_MAXIMUM;
    j->found = false;
    j->scan = (struct scan){.log = j->job.log,
                            .segment = j->segment,
                            .at = position,
                            .end = j->segment->written,
                            .batch = maximum_batch,
                            .done = lookup_scanned};
    scan_begin(&j->scan);
}

static void
look_for_maximum(struct lookup_job *j)
{
    struct segment *s = j->segment;
    const struct offset_entry *o =
        index_floor(&s->index, segment_relative(s, j->job.log->start_offset - 1));
    scan_for_maximum(j, o ? o->position : 0);
}

static void
take_maximum(struct lookup_job *j, struct records *rs)
{
    struct record r;
    while (records_next(rs, &r))
        if (r.offset >= j->job.log->start_offset && r.offset < j->limit)
            j->best_timestamp = MAX(j->best_timestamp, r.timestamp);
    buf_unref(j->batch);
    j->batch = NULL;
    scan_for_maximum(j, j->position + batch_size_bytes(&j->h));
}

/* ---- the record ---- */

static bool
record_fits(const struct lookup_job *j, const struct record *r)
{
    return r->timestamp >= j->target && r->offset >= j->job.log->start_offset &&
           r->offset < j->limit;
}

static void
look_at_records(struct lookup_job *j, struct slice payload)
{
    struct records rs;
    struct record r;
    records_begin(&rs, &j->h, payload);
    if (j->wants_max) {
        take_maximum(j, &rs);
        return;
    }
    while (records_next(&rs, &r)) {
        if (!record_fits(j, &r)) continue;
        lookup_found(j, r.offset, r.timestamp);
        return;
    }
    if (j->is_last_try) {
        lookup_job_end(j, LOG_OK);
        return;
    }
    /* Its maximum was a record that may not be given any more, or not yet: on to the next batch. */
    buf_unref(j->batch);
    j->batch = NULL;
    j->found = false;
    j->stage = LOOKUP_BATCH;
    j->scan.at = j->position + batch_size_bytes(&j->h);
    scan_begin(&j->scan);
}

static void
lookup_decompress(struct lookup_job *j)
{
    struct slice payload = batch_payload(buf_slice(j->batch), &j->h);
    struct seg seg = {.buf = j->batch, .bytes = payload};
    j->stage = LOOKUP_RECORDS;
    work_queue(j->job.log->env, &j->job.op, WORK_DECOMPRESS, batch_codec(&j->h), 0, &seg, 1,
               1LL << 30);
}

static void
lookup_read_batch(struct lookup_job *j)
{
    int64_t size = batch_size_bytes(&j->h);
    if (!segment_want_file(j->segment, &j->job.wait)) return;
    if (!j->batch) {
        j->batch = buf_new(&j->job.log->env->mem, size);
    } else {
        j->batch->n += j->job.op.value;
        if (j->job.op.value == 0) { /* cut meanwhile */
            lookup_job_end(j, LOG_E_OUT_OF_RANGE);
            return;
        }
    }
    if (j->batch->n < size)
        file_read(&j->job.op, &j->segment->file, j->position + j->batch->n, j->batch, j->batch->n,
                  size - j->batch->n);
    else if (batch_codec(&j->h) != CODEC_NONE) lookup_decompress(j);
    else look_at_records(j, batch_payload(buf_slice(j->batch), &j->h));
}

static void
batch_decided(struct lookup_job *j)
{
    if (!j->found) {
        j->stage = LOOKUP_SEGMENT;
        look_for_segment(j);
    } else if (!j->wants_max && batch_has_log_append_time(&j->h) &&
               j->h.base_offset >= j->job.log->start_offset) {
        lookup_found(j, j->h.base_offset, j->h.max_timestamp);
    } else {
        j->stage = LOOKUP_READ;
        lookup_read_batch(j);
    }
}

static void
lookup_decompressed(struct lookup_job *j)
{
    struct buf *payload = j->job.op.buf;
    look_at_records(j, buf_slice(payload));
    buf_unref(payload);
}

static void
lookup_restart(struct lookup_job *j)
{
    j->stage = LOOKUP_SEGMENT;
    j->next_base = 0;
    j->wants_max = j->lookup->timestamp == LOG_TIMESTAMP_MAX;
    j->target = MAX(j->lookup->timestamp, 0);
    j->best_timestamp = -1;
    j->found = j->is_last_try = false;
    job_soon(&j->job);
}

static void
lookup_afresh(struct lookup_job *j)
{
    move_to(j, NULL);
    buf_unref(j->batch);
    j->batch = NULL;
    lookup_restart(j);
}

static void
lookup_step(struct log_job *job, enum env_err err)
{
    struct lookup_job *j = CONTAINER_OF(job, struct lookup_job, job);
    struct commitlog *log = job->log;
    bool is_mine = err == ENV_ECORRUPT || err == ENV_ETOOBIG;
    if (!j->lookup || log_is_offline(log)) {
        lookup_job_end(j, LOG_E_OFFLINE);
    } else if (is_mine) {
        lookup_job_end(j, LOG_E_CORRUPT);
    } else if (j->stage == LOOKUP_RECORDS &&
               !err) { /* they are in memory, and are what they were */
        lookup_decompressed(j);
    } else if (j->segment && j->segment->is_replaced) { /* by a cleaned one */
        lookup_afresh(j);
    } else if (j->segment && !j->segment->log) { /* whatever was read of it */
        lookup_job_end(j, LOG_E_OUT_OF_RANGE);
    } else if (err) {
        log_fail(log, err, "reading", log->dir);
        lookup_job_end(j, LOG_E_OFFLINE);
    } else {
        switch (j->stage) {
        case LOOKUP_SEGMENT: look_for_segment(j); break;
        case LOOKUP_MAXIMUM:
        case LOOKUP_BATCH: batch_decided(j); break;
        case LOOKUP_READ: lookup_read_batch(j); break;
        case LOOKUP_RECORDS: break;
        }
    }
}

void
commitlog_lookup(struct commitlog *log, struct log_lookup *l)
{
    struct lookup_job *j = JOB_NEW(log, lookup_job, lookup_step);
    l->offset = l->found_timestamp = l->leader_epoch = -1;
    l->job = &j->job;
    j->lookup = l;
    j->limit = MIN(l->limit, log->written_end);
    lookup_restart(j);
}

void
log_lookup_cancel(struct log_lookup *l)
{
    if (!l->job) return;
    CONTAINER_OF(l->job, struct lookup_job, job)->lookup = NULL;
    l->job = NULL;
}
