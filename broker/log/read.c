/* Reading: which bytes of which file are the batches from an offset on. For what was appended lately the
 * answer is in memory; otherwise the sparse index tells where to begin to look, and headers are read from
 * there. */
#include "broker/base/search.h"
#include "broker/log/index_lookup.h"
#include "broker/log/internal.h"

struct read_job {
    struct log_job job;
    struct log_read *read; /* NULL: cancelled */
    struct segment *segment;
    int32_t cuts;
    bool is_scanning;
    int64_t start, end; /* positions found; -1: not yet */
    struct scan scan;
};

/* A read returns only batches that end below this offset. */
static int64_t
bound_of(const struct commitlog *log, const struct log_read *r)
{
    return MIN(r->limit, log->written_end);
}

static void
fill(struct log_read *r, struct segment *s, int64_t start, int64_t end)
{
    if (end <= start) return;
    segment_pin(s);
    if (s->ranges++ == 0 && s->open_files) s->open_files->with_ranges++;
    r->range = (struct log_range){s, &s->file, start, end - start, s->cuts};
}

/* ---- from memory ---- */

static int64_t
place_end(const struct segment *s, int64_t i)
{
    return i + 1 < s->recent.n ? s->recent.v[i + 1].position : s->size;
}

static int64_t
place_last(const struct batch_place *p)
{
    return p->base_offset + p->last_delta;
}

/* The first remembered batch that reaches to offset, or -1 if that may lie before them. */
static int64_t
recent_find(const struct segment *s, int64_t offset)
{
    if (s->recent.n == 0 || offset < s->recent.v[0].base_offset) return -1;
    LOWER_BOUND(at, s->recent.n, i, place_last(&s->recent.v[i]) < offset);
    return at < s->recent.n ? at : -1;
}

int64_t
log_range_end_offset(const struct log_range *r)
{
    const struct segment *s = r->segment;
    int64_t end = r->offset + r->n;
    if (s->recent.n == 0 || end < s->recent.v[0].position) {
        const struct offset_entry *e = index_ceiling_position(&s->index, end);
        return e ? s->base_offset + e->offset : s->end_offset;
    }
    LOWER_BOUND(at, s->recent.n, i, s->recent.v[i].position < end);
    return at < s->recent.n ? s->recent.v[at].base_offset : s->end_offset;
}

/* From batch i on: where to stop. */
static int64_t
recent_end(const struct segment *s, int64_t i, int64_t bound, int64_t max_bytes, bool min_one)
{
    int64_t start = s->recent.v[i].position, end = start;
    for (int64_t j = i; j < s->recent.n; j++) {
        int64_t next = place_end(s, j);
        if (place_last(&s->recent.v[j]) >= bound) break;
        if (next - start > max_bytes && !(min_one && j == i)) break;
        end = next;
    }
    return end;
}

static bool
read_recent(const struct commitlog *log, struct log_read *r, struct segment *s)
{
    int64_t i = s->state == SEGMENT_IS_OPEN ? recent_find(s, r->offset) : -1;
    if (i < 0) return false;
    if (s->open_files) open_files_touch(s->open_files, s);
    fill(r, s, s->recent.v[i].position,
         recent_end(s, i, bound_of(log, r), r->max_bytes, r->min_one));
    return true;
}

/* ---- from the file ---- */

static void
read_end(struct read_job *j, enum log_err err)
{
    struct log_read *r = j->read;
    struct segment *s = j->segment;
    if (r) {
        r->job = NULL;
        r->err = err;
        if (!err) fill(r, s, j->start, j->end);
    }
    segment_unpin(s);
    job_end(&j->job);
    if (r) r->done(r);
}

/* The bytes that are written, and the offset after them. */
static int64_t
written_end_of(const struct commitlog *log, const struct segment *s)
{
    return MIN(log->written_end, s->end_offset);
}

/* The furthest boundary between batches known from memory that lies at most max_bytes from start, with
 * only offsets below bound before it; or start. */
static int64_t
boundary(const struct commitlog *log, const struct segment *s, int64_t start, int64_t bound,
         int64_t max_bytes)
{
    int64_t most = start + MIN(max_bytes, INT32_MAX);
    if (written_end_of(log, s) <= bound && s->written <= most) return s->written;
    const struct offset_entry *a = index_floor_position(&s->index, most);
    const struct offset_entry *b = index_floor(&s->index, segment_relative(s, bound - 1));
    if (!a || !b) return start;
    return MAX(MIN(a->position, b->position), start);
}

static bool
read_take_batch(struct scan *scan)
{
    struct read_job *j = CONTAINER_OF(scan, struct read_job, scan);
    const struct log_read *r = j->read;
    int64_t next = scan->at + batch_size_bytes(&scan->h);
    if (!r || scan->parsed != BATCH_OK || next > scan->end) return false;
    int64_t last = batch_last_offset(&scan->h), bound = bound_of(j->job.log, r);
    if (j->start < 0) {
        if (last < r->offset) return true;
        j->start = j->end = scan->at;
        if (last >= bound || (next - scan->at > r->max_bytes && !r->min_one)) return false;
        j->end = next;
        int64_t known = boundary(j->job.log, j->segment, j->start, bound, r->max_bytes);
        if (known > j->end) j->end = known;
        else return true; /* go on, batch by batch */
        return false;
    }
    if (last >= bound || next - j->start > r->max_bytes) return false;
    j->end = next;
    return true;
}

static void
read_scanned(struct scan *scan, enum env_err err)
{
    struct read_job *j = CONTAINER_OF(scan, struct read_job, scan);
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

static void
scan_from_index(struct read_job *j)
{
    struct segment *s = j->segment;
    const struct offset_entry *e = index_floor(&s->index, segment_relative(s, j->read->offset));
    j->is_scanning = true;
    j->scan = (struct scan){.log = j->job.log,
                            .segment = s,
                            .at = e ? e->position : 0,
                            .end = s->written,
                            .batch = read_take_batch,
                            .done = read_scanned};
    scan_begin(&j->scan);
}

static void
read_failed(struct read_job *j, enum env_err err)
{
    struct commitlog *log = j->job.log;
    if (err != ENV_ECANCELED)
        log_fail(log, err, "reading", log_file_path(log, j->segment->base_offset, S(".log")));
    read_end(j, log_is_offline(log) ? LOG_E_OFFLINE : LOG_E_BUSY);
}

/* The segment has nothing at or above the offset (compaction): the next one has. */
static void
go_to_next_segment(struct read_job *j)
{
    struct commitlog *log = j->job.log;
    int64_t i = log_segment_at(log, j->segment->base_offset) + 1;
    if (i >= log->segments.n || log->segments.v[i]->base_offset >= bound_of(log, j->read)) {
        j->start = j->end = 0;
        read_end(j, LOG_OK);
        return;
    }
    segment_unpin(j->segment);
    j->segment = log->segments.v[i];
    j->cuts = j->segment->cuts;
    segment_pin(j->segment);
    j->is_scanning = false;
    j->job.step(&j->job, ENV_OK);
}

static enum log_err
log_check_read(const struct commitlog *log, const struct log_read *r)
{
    if (log->state == COMMITLOG_OFFLINE) return LOG_E_OFFLINE;
    if (log->state == COMMITLOG_CLOSED || log->state == COMMITLOG_CLOSING) return LOG_E_CLOSED;
    if (log->state == COMMITLOG_NEW || log->state == COMMITLOG_OPENING) return LOG_E_BUSY;
    if (r->offset < log->start_offset || r->offset > log->assigned_end) return LOG_E_OUT_OF_RANGE;
    return LOG_OK;
}

/* A cleaned segment has taken the place of this one. */
static void
read_again(struct read_job *j)
{
    struct commitlog *log = j->job.log;
    enum log_err err = log_check_read(log, j->read);
    if (err) {
        read_end(j, err);
        return;
    }
    int64_t i = log_segment_at(log, j->read->offset);
    segment_unpin(j->segment);
    j->segment = log->segments.v[MAX(i, 0)];
    segment_pin(j->segment);
    j->cuts = j->segment->cuts;
    j->start = j->end = -1;
    j->is_scanning = false;
    job_soon(&j->job);
}

static void
read_step(struct log_job *job, enum env_err err)
{
    struct read_job *j = CONTAINER_OF(job, struct read_job, job);
    struct segment *s = j->segment;
    if (!j->read || log_is_offline(job->log)) read_end(j, LOG_E_OFFLINE);
    else if (s->is_replaced) read_again(j);
    else if (!s->log || s->cuts != j->cuts) read_end(j, LOG_E_OUT_OF_RANGE);
    else if (err) read_failed(j, err);
    else if (!segment_want_file(s, &job->wait) || !segment_want_index(s, &job->wait)) return;
    else if (!j->is_scanning) scan_from_index(j);
    else if (j->start < 0 && j->scan.parsed == BATCH_OK) go_to_next_segment(j);
    else if (j->start < 0) read_end(j, LOG_E_CORRUPT);
    else read_end(j, LOG_OK);
}

bool
commitlog_read(struct commitlog *log, struct log_read *r)
{
    r->range = (struct log_range){0};
    r->job = NULL;
    r->err = log_check_read(log, r);
    if (r->err || r->offset >= bound_of(log, r)) return true;
    int64_t i = log_segment_at(log, r->offset);
    if (i < 0) i = 0;
    struct segment *s = log->segments.v[i];
    if (r->yields && s->open_files && !open_files_has_range_room(s->open_files, s)) {
        r->err = LOG_E_BUSY;
        return true;
    }
    if (read_recent(log, r, s)) return true;
    struct read_job *j = JOB_NEW(log, read_job, read_step);
    j->read = r;
    j->segment = s;
    j->cuts = s->cuts;
    j->start = j->end = -1;
    segment_pin(s);
    r->job = &j->job;
    job_soon(&j->job);
    return false;
}

void
log_read_cancel(struct log_read *r)
{
    if (!r->job) return;
    CONTAINER_OF(r->job, struct read_job, job)->read = NULL;
    r->job = NULL;
}
