/* The file of the marker of a clean shutdown: read at the start, removed before the first log is opened,
 * written at an orderly end. When and why: clean_end.h. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"

#define MARKER ".kafka_cleanshutdown"
#define MARKER_BYTES_MAX 65536

/* ---- reading ---- */

/* {"version":0,"brokerEpoch":17} */
static int64_t
parse_marker(struct slice text)
{
    for (int64_t i = 0; i + 14 <= text.n; i++) {
        if (!slice_eq(slice_sub(text, i, 14), S("\"brokerEpoch\":"))) continue;
        int64_t from = i + 14, to = from, v;
        while (to < text.n && (text.p[to] == '-' || (text.p[to] >= '0' && text.p[to] <= '9'))) to++;
        if (slice_to_i64(slice_sub(text, from, to - from), &v)) return v;
    }
    return -1;
}

static void
marker_read(struct file_slurp *s)
{
    struct clean_marker *m = CONTAINER_OF(s, struct clean_marker, slurp);
    struct node *n = CONTAINER_OF(m, struct node, marker);
    if (s->err != ENV_OK && s->err != ENV_ENOENT) {
        node_fail_on_path(n, "cannot read", node_path(n, MARKER), s->err);
        return;
    }
    m->was_there = m->is_there = s->err == ENV_OK;
    if (m->is_there) {
        m->shown_epoch = parse_marker(buf_slice(s->buf));
        buf_unref(s->buf);
    }
    m->done(n);
}

void
clean_marker_read(struct node *n, void (*done)(struct node *n))
{
    struct clean_marker *m = &n->marker;
    m->shown_epoch = -1;
    m->done = done;
    m->slurp.done = marker_read;
    file_slurp(n->env, &m->slurp, node_path(n, MARKER), MARKER_BYTES_MAX);
}

/* ---- removing ---- */

/* Whoever waits next is asked for last: the removal may have been overtaken by an orderly end. */
static void
marker_is_gone(struct op *op)
{
    struct clean_marker *m = CONTAINER_OF(op, struct clean_marker, op);
    struct node *n = CONTAINER_OF(m, struct node, marker);
    if (op->err != ENV_OK) {
        node_fail_on_path(n, "cannot sync", n->log_dir, op->err);
        return;
    }
    m->is_busy = false;
    m->done(n);
}

static void
marker_removed(struct op *op)
{
    struct clean_marker *m = CONTAINER_OF(op, struct clean_marker, op);
    struct node *n = CONTAINER_OF(m, struct node, marker);
    if (op->err != ENV_OK && op->err != ENV_ENOENT) {
        node_fail_on_path(n, "cannot remove", node_path(n, MARKER), op->err);
        return;
    }
    m->is_there = false;
    op->done = marker_is_gone;
    dir_sync(n->env, op, n->log_dir);
}

void
clean_marker_remove(struct node *n, void (*done)(struct node *n))
{
    struct clean_marker *m = &n->marker;
    CHECK(!m->is_busy);
    if (!m->is_there) {
        done(n);
        return;
    }
    m->is_busy = true;
    m->done = done;
    m->op.done = marker_removed;
    path_unlink(n->env, &m->op, node_path(n, MARKER));
}

/* ---- writing ---- */

static void
marker_written(struct file_replace *r)
{
    struct clean_marker *m = CONTAINER_OF(r, struct clean_marker, replace);
    struct node *n = CONTAINER_OF(m, struct node, marker);
    if (r->err != ENV_OK) node_say(n, 2, S("the marker of a clean shutdown could not be written"));
    m->done(n);
}

static void
write_marker(struct node *n, int64_t epoch)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, "{\"version\":0,\"brokerEpoch\":");
    fmt_i64(&w, epoch);
    fmt_char(&w, '}');
    n->marker.replace.done = marker_written;
    file_replace(n->env, &n->marker.replace, node_path(n, MARKER), writer_slice(&w));
    writer_release(&w);
}

static void
end_now(struct node *n)
{
    struct clean_marker *m = &n->marker;
    struct clean_end e = {
        .was_clean = m->was_there,
        .marker_is_left = m->is_there,
        .shown_epoch = m->shown_epoch,
        .broker_epoch = n->lifecycle.broker_epoch,
        .logs_were_opened = n->applied,
        .all_closed = m->all_closed,
    };
    m->done = m->ended;
    if (clean_end_writes_marker(&e)) write_marker(n, clean_end_epoch(&e));
    else m->ended(n);
}

void
clean_marker_end(struct node *n, bool all_closed, void (*done)(struct node *n))
{
    struct clean_marker *m = &n->marker;
    m->all_closed = all_closed;
    m->ended = done;
    /* Removal and writing take turns: the other way round the marker would be gone. */
    if (m->is_busy) m->done = end_now;
    else end_now(n);
}
