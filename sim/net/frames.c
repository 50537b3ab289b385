/* Kafka's frames in the streams: every conn_send() carries whole ones, so their beginnings are known
 * at the moment of sending. The connecting end sends requests; an answer is known by the correlation
 * id of the request. */
#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "sim/net/internal.h"

#define FRAME_MAX_BYTES (1 << 30)

/* ---- walking over segments ---- */

struct walk {
    const struct seg *segs;
    int32_t n, i;
    int64_t at; /* in segs[i] */
};

static int64_t
seg_bytes(const struct seg *s)
{
    return s->buf ? s->bytes.n : s->n;
}

static int64_t
walk_skip(struct walk *k, int64_t n, struct writer *copy)
{
    int64_t done = 0;
    while (done < n && k->i < k->n) {
        const struct seg *s = &k->segs[k->i];
        int64_t part = MIN(n - done, seg_bytes(s) - k->at);
        if (copy && s->buf) writer_bytes(copy, slice(s->bytes.p + k->at, part));
        done += part;
        k->at += part;
        if (k->at == seg_bytes(s)) k->i++, k->at = 0;
    }
    return done;
}

/* The next n bytes, where they lie; null if they lie in several pieces. */
static struct slice
walk_in_place(const struct walk *k, int64_t n)
{
    const struct seg *s = &k->segs[k->i];
    return s->buf && s->bytes.n - k->at >= n ? slice(s->bytes.p + k->at, n) : SLICE_NULL;
}

/* Up to n bytes from here on, without moving. */
static struct slice
walk_peek(struct walk k, uint8_t *room, int64_t n)
{
    struct writer w = writer_fixed(room, n);
    (void)walk_skip(&k, n, &w);
    return writer_slice(&w);
}

/* ---- what a frame is ---- */

static void
request_is(struct tcp *t, struct world_frame *f, struct reader *r)
{
    f->api = reader_i16(r);
    f->version = reader_i16(r);
    f->correlation = reader_i32(r);
    if (r->err) return;
    struct asked *a = MEM_NEW(&t->w->mem, struct asked);
    *a = (struct asked){.correlation = f->correlation, .api = f->api, .version = f->version};
    list_push_back(&t->asked, &a->node);
}

static bool
was_asked(const struct tcp *t, int32_t correlation)
{
    LIST_EACH(&t->asked, a, struct asked, node)
        if (a->correlation == correlation) return true;
    return false;
}

/* Requests before it have no answer: acks=0. */
static void
answer_is(struct tcp *t, struct world_frame *f, struct reader *r, struct slice *ret_request)
{
    f->correlation = reader_i32(r);
    f->api = f->version = -1;
    if (r->err || !was_asked(t, f->correlation)) return;
    LIST_EACH(&t->asked, a, struct asked, node) {
        bool found = a->correlation == f->correlation;
        f->api = a->api;
        f->version = a->version;
        if (found) *ret_request = a->bytes;
        else mem_free_slice(&t->w->mem, a->bytes);
        list_remove(&a->node);
        MEM_DELETE(&t->w->mem, a);
        if (found) return;
    }
}

static void
frame_fill(struct end *e, struct net_frame *frame, struct slice head, int64_t bytes)
{
    struct world_frame *f = &frame->f;
    struct tcp *t = e->tcp;
    struct world *w = t->w;
    *f = (struct world_frame){.id = ++w->net.next_frame,
                              .from = e->is_server ? t->server : t->client,
                              .to = e->is_server ? t->client : t->server,
                              .port = t->port,
                              .conn = t->a.handle,
                              .is_answer = e->is_server,
                              .api = -1,
                              .version = -1,
                              .bytes = bytes,
                              .sent_ns = w->now_ns,
                              .at_ns = w->now_ns};
    struct reader r = reader(head);
    reader_skip(&r, 4);
    if (e->is_server) answer_is(t, f, &r, &frame->request);
    else request_is(t, f, &r);
}

/* ---- queueing ---- */

static void
frame_queue(struct end *e, struct walk *k, struct slice head, int64_t start, int64_t bytes)
{
    struct world *w = e->tcp->w;
    struct net_frame *f = MEM_NEW(&w->mem, struct net_frame);
    frame_fill(e, f, head, bytes);
    f->start = start;
    f->end = start + bytes;
    list_push_back(&e->out.frames, &f->node);
    w->stats.frames++;
    watch_frame(w, &f->f, FRAME_SENT);
    struct writer copy = writer_mem(&w->mem);
    bool for_filters = holds_want_bytes(w), wants = w->wants_frame_bytes || for_filters;
    struct slice all = wants ? walk_in_place(k, bytes) : SLICE_NULL;
    (void)walk_skip(k, bytes, wants && !all.p ? &copy : NULL);
    if (wants && !all.p) all = writer_slice(&copy);
    if (wants) watch_frame_bytes(w, &f->f, all);
    if (for_filters && !f->f.is_answer && !list_is_empty(&e->tcp->asked)) {
        struct asked *last = LIST_ENTRY(e->tcp->asked.prev, struct asked, node);
        last->bytes = mem_dup(&w->mem, all);
    }
    holds_apply(w, f, all);
    if (f->held_by) e->out.held_n++;
    writer_release(&copy);
}

void
frames_queue(struct end *e, const struct seg *segs, int32_t n)
{
    struct walk k = {.segs = segs, .n = n};
    int64_t start = e->out.queued, left = 0;
    for (int32_t i = 0; i < n; i++) left += seg_bytes(&segs[i]);
    while (left > 0 && !e->out.is_raw) {
        uint8_t room[12];
        struct slice head = walk_peek(k, room, MIN(left, 12));
        struct reader r = reader(head);
        int64_t bytes = 4 + (int64_t)reader_i32(&r);
        if (r.err || bytes < 4 || bytes > FRAME_MAX_BYTES || bytes > left) {
            e->out.is_raw = true; /* garbage on purpose, or a frame in parts */
            break;
        }
        frame_queue(e, &k, head, start, bytes);
        start += bytes;
        left -= bytes;
    }
}

/* ---- on the way ---- */

static void
frame_ends(struct flow *f, struct net_frame *frame, enum frame_fate fate)
{
    struct world *w = f->from->tcp->w;
    frame->f.at_ns = w->now_ns;
    watch_frame(w, &frame->f, fate);
    if (frame->held_by) f->held_n--;
    list_remove(&frame->node);
    mem_free_slice(&w->mem, frame->request);
    MEM_DELETE(&w->mem, frame);
}

void
frames_read(struct flow *f)
{
    LIST_EACH(&f->frames, frame, struct net_frame, node) {
        if (frame->end > f->read) return;
        frame_ends(f, frame, FRAME_DELIVERED);
    }
}

void
frames_drop(struct flow *f)
{
    LIST_EACH(&f->frames, frame, struct net_frame, node) frame_ends(f, frame, FRAME_DROPPED);
}

int64_t
frames_limit(const struct flow *f)
{
    if (!f->held_n) return INT64_MAX;
    LIST_EACH(&f->frames, frame, struct net_frame, node)
        if (frame->held_by) return frame->start;
    return INT64_MAX;
}
