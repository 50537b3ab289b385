/* Where a closed segment ends: the last entry of its index tells where to begin to look. So a log that is opened
 * knows whether its segments follow each other, for a few small reads of each. */
#include "broker/log/internal.h"

static void
end_scanned(struct scan *scan, enum env_err err)
{
    struct end_look *e = CONTAINER_OF(scan, struct end_look, scan);
    struct segment *s = scan->segment;
    if (scan->at != s->written) e->end = -1;
    segment_close_file(s);
    e->done(e, err);
}

static bool
end_batch(struct scan *scan)
{
    struct end_look *e = CONTAINER_OF(scan, struct end_look, scan);
    if (scan->parsed != BATCH_OK || batch_size_bytes(&scan->h) > scan->end - scan->at) return false;
    e->end = batch_next_offset(&scan->h);
    return true;
}

/* An index is a hint: where there is no batch at its position, no end is found. */
static void
scan_to_end(struct end_look *e, int64_t position)
{
    struct segment *s = e->scan.segment;
    bool is_in_it = position >= 0 && position < s->written;
    e->scan = (struct scan){.log = s->log,
                            .segment = s,
                            .at = is_in_it ? position : 0,
                            .end = s->written,
                            .batch = end_batch,
                            .done = end_scanned};
    scan_begin(&e->scan);
}

static void
index_closed(struct op *op)
{
    struct end_look *e = CONTAINER_OF(op, struct end_look, op);
    bool is_read = e->buf->n == OFFSET_ENTRY_BYTES;
    int64_t position = is_read ? (int32_t)load_be32(e->buf->data + 4) : 0;
    buf_unref(e->buf);
    e->buf = NULL;
    scan_to_end(e, position);
}

static void
index_read(struct op *op)
{
    struct end_look *e = CONTAINER_OF(op, struct end_look, op);
    if (!op->err) e->buf->n = op->value;
    op->done = index_closed;
    file_close(op, &e->index);
}

static void
index_opened(struct op *op)
{
    struct end_look *e = CONTAINER_OF(op, struct end_look, op);
    struct segment *s = e->scan.segment;
    int64_t entries = op->err ? 0 : op->value / OFFSET_ENTRY_BYTES;
    if (op->err) {
        scan_to_end(e, 0);
        return;
    }
    e->buf = buf_new(&s->env->mem, OFFSET_ENTRY_BYTES);
    op->done = index_read;
    if (entries)
        file_read(op, &e->index, (entries - 1) * OFFSET_ENTRY_BYTES, e->buf, 0, e->buf->cap);
    else index_read(op);
}

void
segment_find_end(struct segment *s, struct end_look *e)
{
    e->end = -1;
    e->scan.segment = s;
    e->op.done = index_opened;
    memset(&e->index, 0, sizeof e->index);
    file_open(s->env, &e->op, &e->index, log_file_path(s->log, s->base_offset, S(".index")),
              OPEN_READ | OPEN_BRIEF);
}
