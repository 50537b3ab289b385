#include "broker/os/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/os/errors.h"
#include "broker/os/memory.h"

#define IOV_MAX_AT_ONCE 64
#define COPY_MAX (16 << 10)    /* ranges up to this are copied between the buffers */
#define WINDOW_BYTES (1 << 20) /* looked at, and read, ahead of sendfile */
#define TURN_BYTES (4 << 20)   /* then the others have their turn */

/* ---- the queue ---- */

static void
make_room(struct os_queue *q, int32_t n)
{
    if (q->head + q->n + n <= q->cap) return;
    if (q->head > 0) {
        memmove(q->v, q->v + q->head, (size_t)q->n * sizeof *q->v);
        q->head = 0;
    }
    if (q->n + n <= q->cap) return;
    q->cap = MAX(q->n + n, MAX(q->cap * 2, 8));
    struct os_piece *grown = realloc(q->v, (size_t)q->cap * sizeof *q->v);
    CHECK(grown);
    q->v = grown;
}

void
os_queue_push(struct os_queue *q, const struct seg *segs, int32_t n)
{
    make_room(q, n);
    for (int32_t i = 0; i < n; i++) {
        struct os_piece piece = {.buf = segs[i].buf};
        if (segs[i].buf) {
            piece.p = segs[i].bytes.p;
            piece.n = segs[i].bytes.n;
        } else {
            piece.file = os_file_ref(segs[i].file->slot);
            piece.offset = segs[i].offset;
            piece.n = segs[i].n;
        }
        q->bytes += piece.n;
        *os_queue_at(q, q->n++) = piece;
    }
}

static void
pop(struct os_queue *q)
{
    struct os_piece *piece = os_queue_at(q, 0);
    q->bytes -= piece->n;
    if (piece->file) os_file_unref(piece->file);
    buf_unref(piece->buf);
    q->head++;
    q->n--;
    if (q->n == 0) q->head = 0;
}

/* Forgets the first n bytes: they are taken. */
static void
os_queue_drop(struct os_queue *q, int64_t n)
{
    while (q->n > 0 && n >= os_queue_at(q, 0)->n) {
        n -= os_queue_at(q, 0)->n;
        pop(q);
    }
    if (n == 0) return;
    struct os_piece *piece = os_queue_at(q, 0);
    if (piece->p) piece->p += n;
    piece->offset += n;
    piece->n -= n;
    q->bytes -= n;
}

void
os_queue_release(struct os_queue *q)
{
    while (q->n > 0) pop(q);
    free(q->v);
    *q = (struct os_queue){0};
}

bool
os_queue_has_range_past(const struct os_queue *q, const struct os_file *f, int64_t cut)
{
    for (int32_t i = 0; i < q->n; i++) {
        const struct os_piece *piece = os_queue_at(q, i);
        if (piece->file == f && piece->offset + piece->n > cut) return true;
    }
    return false;
}

/* ---- sending ---- */

enum sent { SENT_SOME, SENT_FULL, SENT_COLD, SENT_FAILED };

struct gathered {
    struct iovec iov[IOV_MAX_AT_ONCE];
    int n;
    int64_t bytes, staged;
    bool more; /* a range follows at once */
};

/* Copies a small range to the stage: SENT_SOME if it was in memory. */
static enum sent
stage_range(struct os_sock *s, struct gathered *g, const struct os_piece *piece, bool is_read)
{
    struct iovec iov = {s->m->loop->stage + g->staged, (size_t)piece->n};
    ssize_t got = preadv2(piece->file->fd, &iov, 1, piece->offset, is_read ? 0 : RWF_NOWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EOPNOTSUPP) && !is_read) return SENT_COLD;
    if (got < 0) return SENT_FAILED;
    if (got < piece->n) return is_read ? SENT_FAILED : SENT_COLD;
    g->iov[g->n++] = iov;
    g->bytes += got;
    g->staged += got;
    return SENT_SOME;
}

static void
add_bytes(struct gathered *g, const struct os_piece *piece)
{
    union {
        const uint8_t *c;
        void *p;
    } u = {piece->p};
    g->iov[g->n++] = (struct iovec){u.p, (size_t)piece->n};
    g->bytes += piece->n;
}

/* From the head of the queue, until something is not at hand. */
static enum sent
queue_gather(struct os_sock *s, struct gathered *g)
{
    struct os_queue *q = &s->queue;
    for (int32_t i = 0; i < q->n && g->n < IOV_MAX_AT_ONCE; i++) {
        const struct os_piece *piece = os_queue_at(q, i);
        if (!piece->file) {
            if (piece->n) add_bytes(g, piece);
            continue;
        }
        g->more = true;
        if (piece->n > COPY_MAX || g->staged + piece->n > OS_STAGE_BYTES) return SENT_SOME;
        enum sent sent = stage_range(s, g, piece, i == 0 && s->resident_n >= piece->n);
        if (sent == SENT_FAILED || (sent == SENT_COLD && g->n == 0)) return sent;
        if (sent == SENT_COLD) return SENT_SOME;
        g->more = false;
    }
    return SENT_SOME;
}

static void
queue_took(struct os_sock *s, int64_t n)
{
    s->resident_n = MAX(s->resident_n - n, 0);
    os_queue_drop(&s->queue, n);
}

static enum sent
send_gathered(struct os_sock *s, struct gathered *g)
{
    struct msghdr msg = {.msg_iov = g->iov, .msg_iovlen = (size_t)g->n};
    ssize_t put = sendmsg(s->watch.fd, &msg, MSG_NOSIGNAL | (g->more ? MSG_MORE : 0));
    if (put < 0) return errno == EAGAIN ? SENT_FULL : errno == EINTR ? SENT_SOME : SENT_FAILED;
    queue_took(s, put);
    return put < g->bytes ? SENT_FULL : SENT_SOME;
}

/* A range that ends before its promised length can never be made good. */
static enum sent
send_range(struct os_sock *s)
{
    const struct os_piece *piece = os_queue_at(&s->queue, 0);
    int64_t want = MIN(piece->n, WINDOW_BYTES);
    if (s->resident_n < want) {
        if (!os_file_is_resident(piece->file->fd, piece->offset, want)) return SENT_COLD;
        s->resident_n = want;
    }
    off_t at = piece->offset;
    ssize_t put = sendfile(s->watch.fd, piece->file->fd, &at, (size_t)want);
    if (put < 0) return errno == EAGAIN ? SENT_FULL : errno == EINTR ? SENT_SOME : SENT_FAILED;
    if (put == 0) errno = ECONNABORTED;
    if (put == 0) return SENT_FAILED;
    queue_took(s, put);
    return SENT_SOME;
}

static enum sent
send_next(struct os_sock *s)
{
    struct gathered g = {.n = 0};
    enum sent sent = queue_gather(s, &g);
    if (sent != SENT_SOME) return sent;
    if (g.n > 0) return send_gathered(s, &g);
    if (s->queue.n > 0 && os_queue_at(&s->queue, 0)->file) return send_range(s);
    os_queue_drop(&s->queue, 0);
    return SENT_SOME;
}

/* ---- ranges that are not in memory ---- */

struct os_prefetch {
    struct os_job job;
    struct os_machine *m;
    struct os_sock *sock; /* NULL: it is gone */
    struct os_file *file;
    int64_t offset, n;
};

static void
prefetch_run(struct os_job *job)
{
    struct os_prefetch *p = CONTAINER_OF(job, struct os_prefetch, job);
    os_file_prefetch(p->file->fd, p->offset, p->n);
}

static void
prefetch_done(struct os_job *job)
{
    struct os_prefetch *p = CONTAINER_OF(job, struct os_prefetch, job);
    p->m->jobs_n--;
    if (p->sock) {
        p->sock->prefetch = NULL;
        p->sock->resident_n = p->n;
        os_sock_wants_to_send(p->sock);
    }
    os_file_unref(p->file);
    free(p);
}

static void
start_prefetch(struct os_sock *s)
{
    const struct os_piece *piece = os_queue_at(&s->queue, 0);
    struct os_prefetch *p = os_zalloc(sizeof *p);
    p->job = (struct os_job){.run = prefetch_run, .done = prefetch_done};
    p->m = s->m;
    p->sock = s;
    p->file = os_file_ref(piece->file);
    p->offset = piece->offset;
    p->n = MIN(piece->n, WINDOW_BYTES);
    s->prefetch = p;
    s->m->jobs_n++;
    os_loop_submit(s->m->loop, &p->job);
}

void
os_prefetch_forget(struct os_prefetch *p)
{
    if (p) p->sock = NULL;
}

bool
os_queue_flush(struct os_sock *s, enum env_err *ret_why)
{
    int64_t stop_at = MAX(s->queue.bytes - TURN_BYTES, 0);
    while (s->queue.n > 0 && s->may_write && !s->prefetch) {
        enum sent sent = send_next(s);
        if (sent == SENT_FULL) s->may_write = false;
        if (sent == SENT_COLD) start_prefetch(s);
        if (sent == SENT_FAILED) {
            *ret_why = errno == EIO ? ENV_EIO : ENV_ECONNRESET;
            return false;
        }
        if (s->queue.bytes < stop_at) break;
    }
    return true;
}
