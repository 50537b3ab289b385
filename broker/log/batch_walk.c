#include "broker/log/batch_walk.h"

void
walk_begin(struct batch_walk *w, struct segment *s, int64_t offset_end, int64_t window_bytes,
           int64_t payload_max)
{
    walk_release(w);
    *w = (struct batch_walk){.segment = s,
                             .offset_min = s->base_offset,
                             .offset_end = offset_end,
                             .window_bytes = MAX(window_bytes, BATCH_HEADER_BYTES),
                             .payload_max = payload_max};
    segment_pin(s);
}

void
walk_release(struct batch_walk *w)
{
    if (!w->segment) return;
    buf_unref(w->window);
    buf_unref(w->inflated);
    segment_unpin(w->segment);
    *w = (struct batch_walk){0};
}

static enum walk
broken(struct batch_walk *w, const char *why)
{
    w->why = why;
    return WALK_BROKEN;
}

/* What the window has from `next` on. */
static struct slice
ahead(const struct batch_walk *w)
{
    if (!w->window || w->next < w->window_at) return SLICE_EMPTY;
    return slice_sub(buf_slice(w->window), w->next - w->window_at, w->window->n);
}

/* Reads from `next` on, at least n bytes in the end; what of these is there already stays. */
static enum walk
read_ahead(struct batch_walk *w, struct log_job *job, int64_t n)
{
    struct slice have = ahead(w);
    bool is_mine = w->window && w->window->refs == 1 && w->window->cap >= n;
    if (is_mine && w->window_at != w->next) {
        memmove(w->window->data, have.p, (size_t)have.n);
        w->window->n = have.n;
        w->window_at = w->next;
    } else if (!is_mine) {
        struct buf *b = buf_new(&job->log->env->mem, MAX(n, w->window_bytes));
        if (have.n) memcpy(b->data, have.p, (size_t)have.n);
        b->n = have.n;
        buf_unref(w->window);
        w->window = b;
        w->window_at = w->next;
    }
    int64_t at = w->window_at + w->window->n;
    w->is_reading = true;
    file_read(&job->op, &w->segment->file, at, w->window, w->window->n,
              MIN(w->window->cap - w->window->n, w->segment->written - at));
    return WALK_WAITS;
}

/* The bytes of the next batch that are still missing, or 0. */
static int64_t
wanted(const struct batch_walk *w, struct slice have)
{
    struct batch_header h;
    if (have.n < BATCH_HEADER_BYTES) return BATCH_HEADER_BYTES;
    if (batch_parse(have, &h) != BATCH_OK) return 0;
    int64_t size = batch_size_bytes(&h);
    bool is_possible = size <= w->segment->written - w->next && size <= w->payload_max;
    return is_possible && have.n < size ? size : 0;
}

static bool
is_in_order(const struct batch_walk *w)
{
    return w->h.base_offset >= w->offset_min && w->h.base_offset < w->offset_end &&
           batch_last_offset(&w->h) < w->offset_end;
}

enum walk
walk_next(struct batch_walk *w, struct log_job *job)
{
    w->position = w->next;
    buf_unref(w->inflated);
    w->inflated = NULL;
    if (!w->is_reading && w->next >= w->segment->written) return WALK_END;
    if (!segment_want_file(w->segment, &job->wait)) return WALK_WAITS;
    if (w->is_reading) {
        w->is_reading = false;
        if (job->op.value == 0) return broken(w, "the file is shorter than it was");
        w->window->n += job->op.value;
    }
    struct slice have = ahead(w);
    int64_t n = wanted(w, have);
    if (n > w->segment->written - w->next) return broken(w, "bytes are left over");
    if (n) return read_ahead(w, job, n);
    enum batch_err err = batch_check(job->log->env->crc32c, have, &w->h);
    if (err == BATCH_SHORT) return broken(w, "a batch is larger than can be taken into memory");
    if (err) return broken(w, batch_err_text(err));
    if (!is_in_order(w))
        return broken(w, "a batch's offsets are not between those of its neighbours");
    int64_t size = batch_size_bytes(&w->h);
    w->batch = slice_sub(have, 0, size);
    w->payload = batch_payload(w->batch, &w->h);
    w->offset_min = batch_next_offset(&w->h);
    w->next += size;
    w->looked_bytes += size;
    return WALK_BATCH;
}

enum walk
walk_payload(struct batch_walk *w, struct log_job *job, enum env_err err)
{
    if (batch_codec(&w->h) == CODEC_NONE || w->h.records_n == 0) return WALK_BATCH;
    if (w->is_inflating) {
        w->is_inflating = false;
        if (err == ENV_ETOOBIG)
            return broken(w, "a batch grows beyond what can be taken into memory");
        if (err) return broken(w, env_err_text(err));
        w->inflated = job->op.buf;
        w->payload = buf_slice(w->inflated);
        w->looked_bytes += w->payload.n;
        return WALK_BATCH;
    }
    struct seg seg = {.buf = w->window, .bytes = batch_payload(w->batch, &w->h)};
    w->is_inflating = true;
    work_queue(job->log->env, &job->op, WORK_DECOMPRESS, batch_codec(&w->h), 0, &seg, 1,
               w->payload_max);
    return WALK_WAITS;
}
