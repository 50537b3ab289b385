/* Kafka's frames in the streams: every conn_send() carries whole ones, so their beginnings are known
 * at the moment of sending. The connecting end sends requests; an answer is known by the correlation
 * id of the request. */
#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "apis.h"
#include "sim/disk/internal.h"
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

/* Up to n bytes from here on, without moving; in `room` if they lie in several pieces. */
static struct slice
walk_peek(struct walk k, uint8_t *room, int64_t n)
{
    struct slice in_place = walk_in_place(&k, n);
    if (in_place.p) return in_place;
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
    *a = (struct asked){
        .frame = f->id, .correlation = f->correlation, .api = f->api, .version = f->version};
    list_push_back(&t->asked, &a->node);
}

void
asked_free(struct world *w, struct asked *a)
{
    list_remove(&a->node);
    mem_free_slice(&w->mem, a->bytes);
    if (a->answer) rewriting_free(w, a->answer);
    MEM_DELETE(&w->mem, a);
}

static struct asked *
asked_by_number(const struct tcp *t, int32_t correlation)
{
    LIST_EACH(&t->asked, a, struct asked, node)
        if (a->correlation == correlation) return a;
    return NULL;
}

static struct asked *
asked_last(const struct tcp *t)
{
    return list_is_empty(&t->asked) ? NULL : LIST_ENTRY(t->asked.prev, struct asked, node);
}

/* Requests before it have no answer: acks=0. */
static void
answer_is(struct tcp *t, struct world_frame *f, struct reader *r, struct slice *ret_request)
{
    f->correlation = reader_i32(r);
    f->api = f->version = -1;
    if (r->err || !asked_by_number(t, f->correlation)) return;
    LIST_EACH(&t->asked, a, struct asked, node) {
        bool found = a->correlation == f->correlation;
        f->api = a->api;
        f->version = a->version;
        t->rewritings -= a->answer != NULL;
        if (found) {
            f->answers = a->frame;
            *ret_request = a->bytes;
            a->bytes = SLICE_NULL;
        }
        asked_free(t->w, a);
        if (found) return;
    }
}

static void
frame_fill(struct end *e, struct net_frame *frame, struct slice head, int64_t bytes)
{
    struct world_frame *f = &frame->f;
    struct tcp *t = e->tcp;
    struct world *w = t->w;
    f->id = ++w->net.next_frame;
    f->from = e->is_server ? t->server : t->client;
    f->to = e->is_server ? t->client : t->server;
    f->port = t->port;
    f->conn = t->a.handle;
    f->principal = principal_of(t);
    f->is_answer = e->is_server;
    f->api = f->version = -1;
    f->bytes = bytes;
    f->sent_ns = f->at_ns = w->now_ns;
    struct reader r = reader(head);
    reader_skip(&r, 4);
    if (e->is_server) answer_is(t, f, &r, &frame->request);
    else request_is(t, f, &r);
}

/* ---- queueing ---- */

static void
release_fire(struct world *w, struct entry *e)
{
    struct net_frame *f = CONTAINER_OF(e, struct net_frame, release);
    f->held_by = 0;
    f->flow->held_n--;
    watch_frame(w, &f->f, FRAME_RELEASED);
    flow_pump(f->flow);
}

static struct net_frame *
frame_new(struct end *e, struct slice head, int64_t bytes)
{
    struct world *w = e->tcp->w;
    struct net_frame *f = MEM_NEW(&w->mem, struct net_frame);
    frame_fill(e, f, head, bytes);
    f->flow = &e->out;
    f->release.fire = release_fire;
    list_push_back(&e->out.frames, &f->node);
    w->stats.frames++;
    watch_frame(w, &f->f, FRAME_SENT);
    return f;
}

/* What a frame is about, for filters: of a request in a fetch session all of it. */
static struct slice
whole_of(struct tcp *t, const struct net_frame *f, struct arena *a, struct slice all)
{
    struct world *w = t->w;
    if (!w->net.follows_sessions || f->f.is_answer || f->f.api != K_API_FETCH || !all.p) return all;
    if (!t->session)
        t->session = asked_session_find(&w->net.sessions_left, t->b.host, &w->mem, all);
    asked_session_follow(t->session, all);
    return holds_want_bytes(w) ? asked_session_whole(t->session, a, all) : all;
}

/* all: null unless somebody wants to look into it. whole: the same for filters. */
static void
frame_show(struct end *e, const struct net_frame *f, struct slice all, struct slice whole,
           bool for_filters)
{
    struct world *w = e->tcp->w;
    struct asked *last = asked_last(e->tcp);
    if (all.p) watch_frame_bytes(w, &f->f, all);
    if (all.p && w->net.follows_principals) principals_follow(e->tcp, &f->f, all);
    if (for_filters && !f->f.is_answer && last && !last->bytes.p)
        last->bytes = mem_dup(&w->mem, whole);
}

static void
frame_is_at(struct net_frame *f, int64_t start, int64_t bytes, struct slice all)
{
    f->start = start;
    f->end = start + bytes;
    holds_apply(f->flow->from->tcp->w, f, all);
    if (f->held_by) f->flow->held_n++;
}

/* Where somebody looks into frames. */
static void
frame_look_into(struct end *e, struct net_frame *f, struct walk *k, int64_t start, int64_t bytes)
{
    struct world *w = e->tcp->w;
    struct writer copy = writer_mem(&w->mem);
    struct arena a;
    arena_init(&a, &w->mem, 0);
    struct slice all = walk_in_place(k, bytes);
    (void)walk_skip(k, bytes, all.p ? NULL : &copy);
    if (!all.p) all = writer_slice(&copy);
    struct slice whole = whole_of(e->tcp, f, &a, all);
    frame_show(e, f, all, whole, holds_want_bytes(w));
    frame_is_at(f, start, bytes, whole);
    writer_release(&copy);
    arena_release(&a);
}

static void
frame_queue(struct end *e, struct walk *k, struct slice head, int64_t start, int64_t bytes)
{
    struct world *w = e->tcp->w;
    struct net_frame *f = frame_new(e, head, bytes);
    bool shows = w->net.follows_principals && f->f.api == K_API_SASL_AUTHENTICATE;
    if (w->wants_frame_bytes || holds_want_bytes(w) || w->net.follows_sessions || shows) {
        frame_look_into(e, f, k, start, bytes);
        return;
    }
    (void)walk_skip(k, bytes, NULL);
    frame_is_at(f, start, bytes, SLICE_NULL);
}

/* ---- queueing what may be changed ---- */

/* The next n bytes as segments of their own; those of files too. */
static int32_t
walk_take(struct walk *k, int64_t n, struct seg *ret)
{
    int32_t taken = 0;
    while (n > 0) {
        struct seg s = k->segs[k->i];
        int64_t part = MIN(n, seg_bytes(&s) - k->at);
        if (s.buf) s.bytes = slice(s.bytes.p + k->at, part);
        else s.offset += k->at, s.n = part;
        if (part) ret[taken++] = s;
        (void)walk_skip(k, part, NULL);
        if (!part) k->i++, k->at = 0;
        n -= part;
    }
    return taken;
}

static void
queue_slice(struct end *e, struct slice s)
{
    if (s.n) memcpy(flow_queue_room(&e->out, s.n), s.p, (size_t)s.n);
}

/* All of a frame; a range of a file as the file is now. */
static struct slice
gather_frame(struct arena *a, const struct seg *segs, int32_t n)
{
    int64_t bytes = 0, at = 0;
    for (int32_t i = 0; i < n; i++) bytes += seg_bytes(&segs[i]);
    uint8_t *all = arena_alloc_dirty(a, MAX(bytes, 1));
    for (int32_t i = 0; i < n; at += seg_bytes(&segs[i++])) {
        if (segs[i].buf) {
            memcpy(all + at, segs[i].bytes.p, (size_t)segs[i].bytes.n);
            continue;
        }
        struct inode *file = disk_pin(segs[i].file);
        if (disk_read_pinned(file, segs[i].offset, all + at, segs[i].n) != segs[i].n)
            memset(all + at, 0, (size_t)segs[i].n);
        disk_unpin(file);
    }
    return slice(all, bytes);
}

static void
send_request_rewritten(struct end *e, struct slice head, struct slice all)
{
    struct tcp *t = e->tcp;
    struct net_frame *f = frame_new(e, head, all.n);
    bool is_known = f->f.api >= 0;
    struct rewritten r = {.bytes = all};
    arena_init(&r.a, &t->w->mem, 0);
    struct slice whole = whole_of(t, f, &r.a, all);
    frame_show(e, f, all, whole, holds_want_bytes(t->w));
    if (is_known) rewrite_request(f, all, whole, &r);
    int64_t start = e->out.queued;
    queue_slice(e, r.bytes);
    frame_is_at(f, start, r.bytes.n, whole);
    if (r.breaks && !f->held_by) f->held_by = HELD_APART, e->out.held_n++;
    if (r.breaks) entry_arm(t->w, &t->breaks, t->w->now_ns);
    if (r.is_twice) {
        struct net_frame *second = frame_new(e, head, all.n);
        struct asked *again = asked_last(t);
        if (again) again->answer = rewriting_swallows(t->w), t->rewritings++;
        start = e->out.queued;
        queue_slice(e, all);
        second->start = start;
        second->end = start + all.n;
    }
    arena_release(&r.a);
}

static void
send_answer_rewritten(struct end *e, struct slice head, const struct seg *segs, int32_t n)
{
    struct tcp *t = e->tcp;
    struct reader r = reader(slice_sub(head, 4, head.n));
    struct asked *q = asked_by_number(t, reader_i32(&r));
    struct arena a;
    arena_init(&a, &t->w->mem, 0);
    struct slice all = gather_frame(&a, segs, n),
                 instead = q && q->answer ? rewrite_answer(t->w, q, all, &a) : all;
    if (instead.p) {
        struct net_frame *f = frame_new(e, slice_sub(instead, 0, 12), instead.n);
        int64_t start = e->out.queued;
        frame_show(e, f, instead, instead, false);
        if (instead.p == all.p) flow_queue_segs(&e->out, segs, n);
        else queue_slice(e, instead);
        frame_is_at(f, start, instead.n, instead);
    } else {
        t->rewritings--;
        asked_free(t->w, q);
    }
    arena_release(&a);
}

static void
send_rewritten(struct end *e, struct walk *k, struct slice head, int64_t bytes)
{
    struct mem *mem = &e->tcp->w->mem;
    struct seg *segs = mem_alloc(mem, (int64_t)sizeof *segs * (k->n + 1));
    int32_t n = walk_take(k, bytes, segs);
    if (e->is_server) {
        send_answer_rewritten(e, head, segs, n);
    } else {
        struct arena a;
        arena_init(&a, mem, 0);
        send_request_rewritten(e, head, gather_frame(&a, segs, n));
        arena_release(&a);
    }
    mem_free(mem, segs, (int64_t)sizeof *segs * (k->n + 1));
}

/* ---- both ---- */

/* Bytes of the next frame; 0: this is none. */
static int64_t
frame_bytes(struct end *e, const struct walk *k, int64_t left, uint8_t *room,
            struct slice *ret_head)
{
    *ret_head = walk_peek(*k, room, MIN(left, 12));
    struct reader r = reader(*ret_head);
    int64_t bytes = 4 + (int64_t)reader_i32(&r);
    if (!r.err && bytes >= 4 && bytes <= FRAME_MAX_BYTES && bytes <= left) return bytes;
    e->out.is_raw = true; /* garbage on purpose, or a frame in parts */
    return 0;
}

void
frames_send(struct end *e, const struct seg *segs, int32_t n)
{
    struct walk k = {.segs = segs, .n = n};
    struct slice head;
    uint8_t room[12];
    int64_t start = e->out.queued, left = 0, bytes = 0;
    bool rewrites = e->is_server ? e->tcp->rewritings > 0 : e->tcp->w->net.rewriters > 0;
    for (int32_t i = 0; i < n; i++) left += seg_bytes(&segs[i]);
    for (; left > 0 && !e->out.is_raw; left -= bytes) {
        bytes = frame_bytes(e, &k, left, room, &head);
        if (!bytes) break;
        if (rewrites) send_rewritten(e, &k, head, bytes);
        else frame_queue(e, &k, head, start, bytes);
        start += bytes;
    }
    if (!rewrites) {
        flow_queue_segs(&e->out, segs, n);
    } else if (left > 0) { /* no frames: as they are */
        struct seg *rest = mem_alloc(&e->tcp->w->mem, (int64_t)sizeof *rest * (n + 1));
        flow_queue_segs(&e->out, rest, walk_take(&k, left, rest));
        mem_free(&e->tcp->w->mem, rest, (int64_t)sizeof *rest * (n + 1));
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
    entry_disarm(w, &frame->release);
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
