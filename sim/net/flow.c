/* One direction of a connection. */
#include "broker/base/check.h"
#include "sim/net/internal.h"

static struct world *
world_of(const struct flow *f)
{
    return f->from->tcp->w;
}

/* ---- the queue of bytes ---- */

static void
flow_chunk_free(struct flow *f, struct chunk *c)
{
    list_remove(&c->node);
    if (c->inode) disk_unpin(c->inode);
    mem_free(&world_of(f)->mem, c, (int64_t)sizeof *c + c->room);
}

/* With room for so many bytes behind it. */
static struct chunk *
chunk_new(struct flow *f, int64_t at, int64_t n, int64_t room)
{
    struct chunk *c = mem_alloc_dirty(&world_of(f)->mem, (int64_t)sizeof *c + room);
    *c = (struct chunk){.at = at, .n = n, .room = room};
    return c;
}

uint8_t *
flow_queue_room(struct flow *f, int64_t n)
{
    struct chunk *c = chunk_new(f, f->queued, n, n);
    list_push_back(&f->chunks, &c->node);
    f->queued += n;
    return c->bytes;
}

void
flow_queue_range(struct flow *f, struct inode *inode, int64_t offset, int64_t n)
{
    struct chunk *c = chunk_new(f, f->queued, n, 0);
    c->inode = inode;
    c->offset = offset;
    list_push_back(&f->chunks, &c->node);
    f->queued += n;
}

void
flow_copy(const struct flow *f, int64_t at, uint8_t *ret, int64_t n)
{
    LIST_EACH(&f->chunks, c, struct chunk, node) {
        if (!n) return;
        if (c->at + c->n <= at) continue;
        int64_t from = at - c->at, part = MIN(n, c->n - from);
        CHECK(!c->inode && from >= 0);
        memcpy(ret, c->bytes + from, (size_t)part);
        ret += part, at += part, n -= part;
    }
    CHECK(!n);
}

void
flow_cut_queue(struct flow *f)
{
    LIST_EACH(&f->chunks, c, struct chunk, node) {
        if (c->at + c->n <= f->taken) continue;
        if (c->at >= f->taken) flow_chunk_free(f, c);
        else c->n = f->taken - c->at;
    }
    f->queued = f->taken;
}

/* ---- taking: what the kernel has of it ---- */

/* Reads the first n bytes of a range into a chunk of their own, before it. */
static bool
materialize(struct flow *f, struct chunk *range, int64_t n)
{
    struct chunk *c = chunk_new(f, range->at, n, n);
    bool ok = disk_read_pinned(range->inode, range->offset, c->bytes, n) == n;
    list_insert_before(&range->node, &c->node);
    range->at += n, range->offset += n, range->n -= n;
    if (!range->n) flow_chunk_free(f, range);
    return ok;
}

static bool
flow_take(struct flow *f)
{
    int64_t room = world_of(f)->options.net.send_buffer_bytes - (f->taken - f->acked);
    int64_t until = MIN(f->queued, f->taken + MAX(0, room));
    while (f->taken < until) {
        struct chunk *at = NULL;
        for (struct list *n = f->chunks.prev; n != &f->chunks; n = n->prev) {
            struct chunk *c = LIST_ENTRY(n, struct chunk, node);
            at = c;
            if (c->at <= f->taken) break;
        }
        CHECK(at);
        int64_t end = MIN(until, at->at + at->n);
        if (at->inode && !materialize(f, at, end - f->taken)) return false;
        f->taken = end;
    }
    return true;
}

/* ---- sending ---- */

static void
segment_send(struct flow *f, int64_t n, bool fin, bool rst)
{
    struct world *w = world_of(f);
    struct segment *s = MEM_NEW(&w->mem, struct segment);
    f->sent += n;
    s->end = f->sent;
    s->fin = fin;
    s->rst = rst;
    int64_t at = link_arrival(w, f->there, n + 60);
    s->arrive_at_ns = f->last_arrival_ns = MAX(at, f->last_arrival_ns);
    if (list_is_empty(&f->segments)) entry_arm(w, &f->arrive, s->arrive_at_ns);
    list_push_back(&f->segments, &s->node);
    w->stats.segments++;
    w->stats.net_bytes += n;
}

static int64_t
piece(struct flow *f, int64_t n)
{
    struct world *w = world_of(f);
    n = MIN(n, w->options.net.segment_bytes);
    if (n > 1 && dice_permille(&f->there->dice, w->options.net.split_permille))
        n = dice_between(&f->there->dice, 1, n - 1);
    return n;
}

static void
send_some(struct flow *f, bool one_only)
{
    struct world *w = world_of(f);
    int64_t until = MIN(f->taken, f->read + w->options.net.receive_buffer_bytes);
    until = MIN(until, frames_limit(f));
    if (f->wants_ack) {
        f->wants_ack = false;
        segment_send(f, 0, false, false);
    }
    while (f->sent < until) {
        segment_send(f, piece(f, until - f->sent), false, false);
        if (one_only) return;
    }
    if (f->fin_queued && !f->fin_sent && f->sent == f->queued) {
        f->fin_sent = true;
        segment_send(f, 0, true, false);
    }
}

void
flow_pump(struct flow *f)
{
    if (f->from->state == END_GONE || f->from->state == END_OPENING) return;
    if (!flow_take(f)) {
        struct end *e = f->from;
        flow_cut_queue(f);
        flow_send_rst(f);
        end_fail(e, ENV_EIO);
        return;
    }
    if (!f->is_stalled) send_some(f, false);
}

void
flow_send_rst(struct flow *f)
{
    segment_send(f, 0, false, true);
}

/* ---- silence ---- */

/* Not exactly, lest it keeps step with a link that comes and goes. */
static void
retry_later(struct flow *f)
{
    struct world *w = world_of(f);
    entry_arm(w, &f->retry,
              w->now_ns + f->retry_ns + dice_between(&f->there->dice, 0, f->retry_ns / 4));
}

static void
stall(struct flow *f)
{
    struct world *w = world_of(f);
    if (f->is_stalled || f->from->state == END_GONE) return;
    f->is_stalled = true;
    f->stalled_since_ns = w->now_ns;
    f->retry_ns = w->options.net.retry_min_ns;
    retry_later(f);
}

static void
segments_clear(struct flow *f)
{
    struct world *w = world_of(f);
    LIST_EACH(&f->segments, s, struct segment, node) {
        list_remove(&s->node);
        MEM_DELETE(&w->mem, s);
    }
    entry_disarm(w, &f->arrive);
}

/* A segment did not get through: nor does what is behind it. */
static void
lost(struct flow *f)
{
    bool rst = false;
    LIST_EACH(&f->segments, s, struct segment, node) rst |= s->rst;
    segments_clear(f);
    f->sent = f->arrived;
    f->fin_sent = f->fin_arrived;
    f->wants_ack = f->to->state == END_BACKLOG;
    if (rst) tcp_arm_probe(f->from->tcp); /* resets are not repeated */
    else stall(f);
}

static void
acknowledge(struct flow *f)
{
    f->acked = f->arrived;
    f->fin_acked = f->fin_arrived;
    f->is_stalled = false;
    entry_disarm(world_of(f), &f->retry);
}

static void
retry_fire(struct world *w, struct entry *e)
{
    struct flow *f = CONTAINER_OF(e, struct flow, retry);
    struct end *from = f->from, *to = f->to;
    if (from->state == END_GONE || !f->is_stalled) return;
    bool there = link_lets_through(f->there), back = link_lets_through(f->back);
    bool unwanted = to->state == END_GONE || (to->state == END_SHUT && f->arrived > f->read);
    if (there && back && unwanted) {
        end_fail(from, ENV_ECONNRESET);
        return;
    }
    if (there && back) {
        acknowledge(f);
        flow_pump(f);
        end_ready(from);
        return;
    }
    if (w->now_ns - f->stalled_since_ns >= w->options.net.give_up_ns) {
        end_fail(from, ENV_ETIMEDOUT);
        return;
    }
    if (there && list_is_empty(&f->segments)) send_some(f, true);
    f->retry_ns = MIN(f->retry_ns * 2, w->options.net.retry_max_ns);
    retry_later(f);
}

/* ---- arriving ---- */

/* The sender may go on: it hears of it one latency later. */
static void
tell_sender(struct flow *f)
{
    struct world *w = world_of(f);
    struct end *from = f->from;
    bool waits = f->sent < f->queued || (from->c && from->c->wants_writable);
    if (!waits || entry_is_armed(&f->ack) || from->state == END_GONE) return;
    if (!link_lets_through(f->back)) {
        stall(f);
        return;
    }
    entry_arm(w, &f->ack, link_arrival(w, f->back, 60));
}

static void
ack_fire(struct world *w, struct entry *e)
{
    struct flow *f = CONTAINER_OF(e, struct flow, ack);
    (void)w;
    if (f->from->state == END_GONE) return;
    flow_pump(f);
    end_service(f->from);
}

static void
answer_with_rst(struct flow *f)
{
    if (f->from->state == END_GONE) return;
    if (f->to->state == END_SHUT && !list_is_empty(&f->to->out.segments)) return; /* under way */
    if (!link_lets_through(f->back)) {
        stall(f);
        return;
    }
    flow_send_rst(&f->to->out);
}

static void
arrived(struct flow *f, bool rst)
{
    struct end *to = f->to;
    if (rst) {
        end_fail(to, ENV_ECONNRESET);
        return;
    }
    if (to->state == END_GONE || (to->state == END_SHUT && f->arrived > f->read)) {
        answer_with_rst(f);
        if (to->state == END_GONE) return;
    }
    if (to->state == END_BACKLOG && !to->accept_due) to->accept_due = true;
    if (link_lets_through(f->back)) acknowledge(f);
    else stall(f);
    tell_sender(f);
    end_service(to);
}

static void
arrive_fire(struct world *w, struct entry *e)
{
    struct flow *f = CONTAINER_OF(e, struct flow, arrive);
    if (!link_lets_through(f->there)) {
        lost(f);
        return;
    }
    bool rst = false;
    for (struct segment *s; (s = LIST_FIRST(&f->segments, struct segment, node)) != NULL;) {
        if (s->arrive_at_ns > w->now_ns) {
            entry_arm(w, &f->arrive, s->arrive_at_ns);
            break;
        }
        f->arrived = MAX(f->arrived, s->end);
        f->fin_arrived |= s->fin;
        rst |= s->rst;
        list_remove(&s->node);
        MEM_DELETE(&w->mem, s);
    }
    arrived(f, rst);
}

void
flow_did_read(struct flow *f, int64_t to)
{
    f->read = to;
    LIST_EACH(&f->chunks, c, struct chunk, node) {
        if (c->at + c->n > to) break;
        flow_chunk_free(f, c);
    }
    frames_read(f);
    tell_sender(f);
}

/* ---- making and ending ---- */

void
flow_init(struct flow *f, struct end *from, struct end *to)
{
    struct world *w = from->tcp->w;
    *f = (struct flow){.from = from,
                       .to = to,
                       .there = link_between(w, from->host, to->host),
                       .back = link_between(w, to->host, from->host)};
    list_init(&f->chunks);
    list_init(&f->segments);
    list_init(&f->frames);
    f->arrive.fire = arrive_fire;
    f->retry.fire = retry_fire;
    f->ack.fire = ack_fire;
}

void
flow_release(struct flow *f)
{
    struct world *w = world_of(f);
    frames_drop(f);
    segments_clear(f);
    LIST_EACH(&f->chunks, c, struct chunk, node) flow_chunk_free(f, c);
    entry_disarm(w, &f->retry);
    entry_disarm(w, &f->ack);
}
