/* Walks over the batches in a segment's file, by a window of bounded size: only headers, or everything
 * with its sum, in which case a batch may be larger than the window. */
#include "broker/log/internal.h"

#define WINDOW_HEADERS_BYTES (16 << 10)
#define WINDOW_CRC_BYTES (64 << 10)
#define CRC_FROM 21

static void scan_run(struct scan *s);

static void
scan_end(struct scan *s, enum env_err err)
{
    buf_unref(s->buf);
    s->buf = NULL;
    segment_unpin(s->segment);
    s->done(s, err);
}

/* The part of the window from `position` on. */
static struct slice
window(const struct scan *s, int64_t position)
{
    if (s->buf_at < 0 || position < s->buf_at) return SLICE_EMPTY;
    return slice_sub(buf_slice(s->buf), position - s->buf_at, s->buf->n);
}

static void
read_at(struct scan *s, int64_t position)
{
    s->buf_at = position;
    s->buf->n = 0;
    file_read(&s->op, &s->segment->file, position, s->buf, 0, MIN(s->buf->cap, s->end - position));
}

static void
scan_read_done(struct op *op)
{
    struct scan *s = CONTAINER_OF(op, struct scan, op);
    if (op->err) {
        scan_end(s, op->err);
        return;
    }
    s->buf->n = op->value;
    if (op->value == 0) s->end = s->buf_at; /* the file is shorter than was thought */
    scan_run(s);
}

/* Are n bytes from the batch's start on (or all that is left) in the window? Reads them if not. */
static bool
has_head(struct scan *s, int64_t n)
{
    if (window(s, s->at).n >= MIN(n, s->end - s->at)) return true;
    read_at(s, s->at);
    return false;
}

static bool
is_whole(const struct scan *s)
{
    return s->parsed == BATCH_OK && batch_size_bytes(&s->h) <= s->end - s->at;
}

/* Of a control batch the record is wanted, too; they are small. */
static int64_t
head_wanted(const struct scan *s)
{
    bool all = is_whole(s) && batch_is_control(&s->h) && batch_size_bytes(&s->h) <= s->buf->cap;
    return all ? batch_size_bytes(&s->h) : BATCH_HEADER_BYTES;
}

/* True when the sum is complete. */
static bool
scan_sum(struct scan *s)
{
    int64_t size = batch_size_bytes(&s->h);
    struct slice w = window(s, s->at + s->summed);
    w.n = MIN(w.n, size - s->summed);
    s->crc = crc32c(s->log->env->crc32c, s->crc, w);
    s->summed += w.n;
    if (s->summed == size) return true;
    read_at(s, s->at + s->summed);
    return false;
}

enum { SCAN_HEAD, SCAN_SUM };

/* False: waits for a read. */
static bool
scan_look_at_batch(struct scan *s)
{
    if (s->step == SCAN_HEAD) {
        if (!has_head(s, BATCH_HEADER_BYTES)) return false;
        s->parsed = batch_parse(window(s, s->at), &s->h);
        if (!has_head(s, head_wanted(s))) return false;
        s->step = SCAN_SUM;
        s->summed = CRC_FROM;
        s->crc = 0;
    }
    s->crc_is_right = false;
    if (s->with_crc && is_whole(s)) {
        if (s->at + s->summed < s->end && !scan_sum(s)) return false;
        s->crc_is_right = s->crc == s->h.crc;
    }
    return true;
}

static void
scan_run(struct scan *s)
{
    if (log_is_offline(s->log)) {
        scan_end(s, s->log->error);
        return;
    }
    while (s->at < s->end) {
        if (!scan_look_at_batch(s)) return;
        s->step = SCAN_HEAD;
        s->head = window(s, s->at);
        if (!s->batch(s)) break;
        s->at += batch_size_bytes(&s->h);
    }
    scan_end(s, ENV_OK);
}

static void
scan_file_ready(struct segment_wait *w, enum env_err err)
{
    struct scan *s = CONTAINER_OF(w, struct scan, wait);
    if (err) scan_end(s, err);
    else scan_run(s);
}

void
scan_begin(struct scan *s)
{
    s->buf = buf_new(&s->log->env->mem, s->with_crc ? WINDOW_CRC_BYTES : WINDOW_HEADERS_BYTES);
    s->buf_at = -1;
    s->step = SCAN_HEAD;
    s->op.done = scan_read_done;
    s->wait.ready = scan_file_ready;
    segment_pin(s->segment);
    if (s->at >= s->end) scan_end(s, ENV_OK);
    else if (segment_want_file(s->segment, &s->wait)) scan_run(s);
}
