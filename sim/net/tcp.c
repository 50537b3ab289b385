/* Connections: opening, serving the two ends, closing. */
#include "sim/net/internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

/* ---- ends ---- */

static void end_init(struct end *e, struct tcp *t, struct mach *m, struct host *host,
                     enum end_state state);

void
end_ready(struct end *e)
{
    if (e->m && (e->c || e->accept_due) && !list_is_linked(&e->ready.frozen))
        entry_arm(e->tcp->w, &e->ready, e->tcp->w->now_ns);
}

/* Both ends have had their last word: freed at the end of the entry. */
static void
tcp_check_over(struct tcp *t)
{
    if (t->a.c || t->b.c || t->is_dead) return;
    t->is_dead = true;
    list_push_back(&t->w->net.dead, &t->dead);
}

static void
tcp_free(struct tcp *t)
{
    struct world *w = t->w;
    flow_release(&t->a.out);
    flow_release(&t->b.out);
    entry_disarm(w, &t->a.ready);
    entry_disarm(w, &t->b.ready);
    entry_disarm(w, &t->syn);
    entry_disarm(w, &t->probe);
    entry_disarm(w, &t->breaks);
    list_remove(&t->a.node);
    list_remove(&t->b.node);
    LIST_EACH(&t->asked, a, struct asked, node) asked_free(w, a);
    shown_free(w, t->shown);
    if (t->session) asked_session_leave(t->session, &w->net.sessions_left, t->b.host);
    list_remove(&t->all);
    list_remove(&t->dead);
    MEM_DELETE(&w->mem, t);
}

void
net_bury(struct world *w)
{
    while (!list_is_empty(&w->net.dead)) tcp_free(LIST_FIRST(&w->net.dead, struct tcp, dead));
}

static void
end_gone(struct end *e)
{
    struct world *w = e->tcp->w;
    e->state = END_GONE;
    entry_disarm(w, &e->out.retry);
    entry_disarm(w, &e->out.ack);
}

void
end_fail(struct end *e, enum env_err why)
{
    struct tcp *t = e->tcp;
    if (e->state == END_GONE) return;
    end_gone(e);
    if (e->c && !e->closing) {
        e->closing = true;
        e->why = why;
        if (why == ENV_ECONNRESET) t->w->stats.resets++;
    }
    end_ready(e);
    tcp_arm_probe(t);
    tcp_check_over(t);
}

/* The kernel takes over: it sends what it has, and then the end of the stream; or a reset at once, if
 * there is something that nobody has read. */
static void
end_shut(struct end *e)
{
    struct flow *in = &end_peer(e)->out;
    if (e->state == END_GONE) return;
    flow_cut_queue(&e->out);
    if (e->state != END_OPEN || in->arrived > in->read || e->out.is_lossy) {
        if (e->state != END_OPENING) flow_send_rst(&e->out);
        end_gone(e);
        tcp_arm_probe(e->tcp);
        return;
    }
    e->state = END_SHUT;
    e->out.fin_queued = true;
    flow_pump(&e->out);
}

/* ---- keepalive ---- */

void
tcp_arm_probe(struct tcp *t)
{
    bool lonely = (t->a.c && t->a.state == END_OPEN) || (t->b.c && t->b.state == END_OPEN);
    if (!lonely || entry_is_armed(&t->probe)) return;
    entry_arm(t->w, &t->probe, t->w->now_ns + t->w->options.net.keepalive_ns);
}

static void
probe_end(struct end *e)
{
    struct end *peer = end_peer(e);
    struct world *w = e->tcp->w;
    if (!e->c || e->state != END_OPEN || peer->state != END_GONE) return;
    bool heard = link_is_open(w, e->host, peer->host) && link_is_open(w, peer->host, e->host);
    end_fail(e, heard ? ENV_ECONNRESET : ENV_ETIMEDOUT);
}

static void
probe_fire(struct world *w, struct entry *e)
{
    (void)w;
    struct tcp *t = CONTAINER_OF(e, struct tcp, probe);
    probe_end(&t->a);
    probe_end(&t->b);
}

/* ---- breaking ---- */

static void
breaks_fire(struct world *w, struct entry *e)
{
    (void)w;
    struct tcp *t = CONTAINER_OF(e, struct tcp, breaks);
    end_fail(&t->a, ENV_ECONNRESET);
    end_fail(&t->b, ENV_ECONNRESET);
}

/* ---- serving a machine ---- */

static bool
end_is_served(const struct end *e, const struct mach *m)
{
    return !e->tcp->is_dead && e->m == m && mach_runs(m);
}

static struct sim_listener *
listener_at(struct mach *m, int32_t port)
{
    LIST_EACH(&m->listeners, l, struct sim_listener, node)
        if (l->port == port && !l->err) return l;
    return NULL;
}

static struct slice
tcp_peer_text(struct writer *w, const struct end *e)
{
    const struct end *peer = e == &e->tcp->a ? &e->tcp->b : &e->tcp->a;
    fmt_slice(w, peer->host->name);
    fmt_char(w, ':');
    fmt_i64(w, 30000 + (int64_t)(peer->handle % 30000));
    return writer_slice(w);
}

static void
serve_accept(struct end *e)
{
    struct mach *m = e->m;
    struct sim_listener *l = listener_at(m, e->tcp->port);
    e->accept_due = false;
    e->state = END_OPEN;
    if (l) {
        uint8_t text[128];
        struct writer w = writer_fixed(text, sizeof text);
        struct event ev = {.kind = EV_ACCEPTED,
                           .listener = l->l,
                           .accepted = {.handle = e->handle,
                                        .peer = tcp_peer_text(&w, e),
                                        .principal = S("User:ANONYMOUS")}};
        mach_deliver(m, &ev);
    }
    if (e->c || e->tcp->is_dead || e->m != m) return;
    flow_send_rst(&e->out);
    end_fail(e, ENV_ECONNRESET);
}

#define BYTES_AT_ONCE (64 << 10)

static void
serve_bytes(struct end *e)
{
    struct flow *in = &end_peer(e)->out;
    struct conn *c = e->c;
    struct env *env = &e->m->m.env;
    int64_t n = in->arrived - in->read;
    struct event ev = {.kind = EV_BYTES, .conn = c, .n = flow_unsent(&e->out)};
    if (c->lent) {
        n = MIN(n, c->lent->cap - c->lent_at);
        ev.buf = buf_ref(c->lent);
        ev.data = slice(c->lent->data + c->lent_at, n);
        flow_copy(in, in->read, c->lent->data + c->lent_at, n);
    } else {
        n = MIN(n, BYTES_AT_ONCE);
        ev.buf = buf_new(&env->mem, n);
        ev.buf->n = n;
        ev.data = buf_slice(ev.buf);
        flow_copy(in, in->read, ev.buf->data, n);
    }
    flow_did_read(in, in->read + n);
    mach_deliver(e->m, &ev);
}

static void
serve_closed(struct end *e)
{
    struct conn *c = e->c;
    struct event ev = {.kind = EV_CLOSED, .conn = c, .err = e->why};
    struct mach *m = e->m;
    e->c = NULL;
    tcp_check_over(e->tcp);
    mach_deliver(m, &ev);
}

/* One thing that the machine is to be told; false: nothing. */
static bool
serve_one(struct end *e)
{
    struct flow *in = &end_peer(e)->out;
    if (e->state == END_BACKLOG && e->accept_due) {
        serve_accept(e);
        return true;
    }
    if (!e->c) return false;
    if (e->closing) {
        serve_closed(e);
        return true;
    }
    if (e->connected_due) {
        e->connected_due = false;
        struct event ev = {.kind = EV_CONNECTED, .conn = e->c};
        mach_deliver(e->m, &ev);
        return true;
    }
    if (in->arrived > in->read && !e->is_paused) {
        serve_bytes(e);
        return true;
    }
    if (in->fin_arrived && in->read == in->arrived) {
        end_gone(e);
        e->closing = true;
        e->why = ENV_EOF;
        return true;
    }
    if (e->c->wants_writable && flow_unsent(&e->out) <= CONN_LOW_WATER_BYTES &&
        e->state == END_OPEN) {
        struct event ev = {.kind = EV_WRITABLE, .conn = e->c, .n = flow_unsent(&e->out)};
        mach_deliver(e->m, &ev);
        return true;
    }
    return false;
}

void
end_service(struct end *e)
{
    struct mach *m = e->m;
    if (!m || mach_freeze(m, &e->ready)) return;
    while (end_is_served(e, m) && serve_one(e)) {
        if (!world_is_interrupted(m->w)) continue;
        if (end_is_served(e, m)) end_ready(e);
        return;
    }
    if (e->m == m && m->m.state == MACHINE_PAUSED) end_ready(e);
}

static void
ready_fire(struct world *w, struct entry *entry)
{
    (void)w;
    end_service(CONTAINER_OF(entry, struct end, ready));
}

/* ---- opening ---- */

static void
end_init(struct end *e, struct tcp *t, struct mach *m, struct host *host, enum end_state state)
{
    e->tcp = t;
    e->m = m;
    e->host = host;
    e->state = state;
    e->ready.fire = ready_fire;
    if (m) list_push_back(&m->ends, &e->node);
}

static struct host *
tcp_resolve(struct mach *m, struct slice name)
{
    if (!name.n || slice_eq(name, S("localhost")) || slice_eq(name, S("127.0.0.1")) ||
        slice_eq(name, S("0.0.0.0")))
        return m->m.host;
    return world_host(m->w, name);
}

static void
syn_lost(struct tcp *t)
{
    struct world *w = t->w;
    if (w->now_ns >= t->syn_deadline_ns) {
        end_fail(&t->a, ENV_ETIMEDOUT);
        return;
    }
    t->syn_phase = 0;
    entry_arm(w, &t->syn, MIN(t->syn_deadline_ns, w->now_ns + t->syn_retry_ns));
    t->syn_retry_ns *= 2;
}

/* The SYN is at the other host. */
static void
syn_at_server(struct tcp *t)
{
    struct world *w = t->w;
    if (!t->b.m && t->b.state == END_OPENING) {
        for (int64_t i = 0; i < w->machines.n; i++) {
            struct mach *m = w->machines.v[i];
            if (m->m.host != t->b.host || !machine_is_up(&m->m) || !listener_at(m, t->port))
                continue;
            end_init(&t->b, t, m, t->b.host, END_BACKLOG);
            t->b.handle = env_new_handle(&m->m.env);
            t->server = &m->m;
            break;
        }
    }
    t->syn_phase = t->b.state == END_OPENING ? 2 : 1;
    entry_arm(w, &t->syn, link_arrival(w, t->b.out.there, 60));
}

static void
syn_fire(struct world *w, struct entry *e)
{
    struct tcp *t = CONTAINER_OF(e, struct tcp, syn);
    if (t->a.state != END_OPENING) return;
    bool arrives = t->syn_phase == 0 ? link_is_open(w, t->a.host, t->b.host)
                                     : link_is_open(w, t->b.host, t->a.host);
    if (!arrives) {
        syn_lost(t);
    } else if (t->syn_phase == 0) {
        syn_at_server(t);
    } else if (t->syn_phase == 2) {
        end_fail(&t->a, ENV_ECONNREFUSED);
    } else {
        w->stats.connections++;
        t->a.state = END_OPEN;
        t->a.connected_due = true;
        t->a.out.wants_ack = true;
        flow_pump(&t->a.out);
        end_service(&t->a);
    }
}

void
net_do_connect(struct mach *m, struct conn *c, struct slice host, int32_t port)
{
    struct world *w = m->w;
    struct tcp *t = MEM_NEW(&w->mem, struct tcp);
    struct host *to = tcp_resolve(m, host);
    t->w = w;
    t->port = port;
    t->client = &m->m;
    t->syn.fire = syn_fire;
    t->probe.fire = probe_fire;
    t->breaks.fire = breaks_fire;
    list_init(&t->asked);
    list_push_back(&w->net.all, &t->all);
    end_init(&t->a, t, m, m->m.host, END_OPENING);
    end_init(&t->b, t, NULL, to ? to : m->m.host, END_OPENING);
    t->b.is_server = true;
    flow_init(&t->a.out, &t->a, &t->b);
    flow_init(&t->b.out, &t->b, &t->a);
    t->a.c = c;
    t->a.handle = c->handle;
    c->slot = &t->a;
    if (!to) {
        end_fail(&t->a, ENV_EHOST);
        return;
    }
    t->syn_deadline_ns = w->now_ns + w->options.net.connect_timeout_ns;
    t->syn_retry_ns = NS_PER_S;
    entry_arm(w, &t->syn, link_arrival(w, t->a.out.there, 60));
}

void
net_do_accept(struct mach *m, struct conn *c, uint64_t handle)
{
    LIST_EACH(&m->ends, e, struct end, node) {
        if (e->handle != handle || !e->is_server || e->c) continue;
        e->c = c;
        c->slot = e;
        return;
    }
    UNREACHABLE();
}

/* ---- listening ---- */

static void
told_fire(struct world *w, struct entry *e)
{
    (void)w;
    struct sim_listener *l = CONTAINER_OF(e, struct sim_listener, told);
    struct mach *m = l->m;
    if (mach_freeze(m, e)) return;
    struct event ev = {.kind = EV_LISTENING, .listener = l->l, .err = l->err, .n = l->port};
    mach_deliver(m, &ev);
}

static bool
port_is_taken(struct world *w, const struct host *h, int32_t port)
{
    for (int64_t i = 0; i < w->machines.n; i++)
        if (w->machines.v[i]->m.host == h && listener_at(w->machines.v[i], port)) return true;
    return false;
}

void
net_do_listen(struct mach *m, struct listener *l, int32_t port)
{
    struct world *w = m->w;
    struct host *h = m->m.host;
    struct sim_listener *s = MEM_NEW(&w->mem, struct sim_listener);
    s->m = m;
    s->l = l;
    s->port = port;
    s->told.fire = told_fire;
    if (!port) {
        while (port_is_taken(w, h, h->next_port)) h->next_port++;
        s->port = h->next_port++;
    }
    if (port_is_taken(w, h, s->port)) s->err = ENV_EADDRINUSE;
    list_push_back(&m->listeners, &s->node);
    l->slot = s;
    entry_arm(w, &s->told, w->now_ns);
}

static void
listener_free(struct world *w, struct sim_listener *l)
{
    entry_disarm(w, &l->told);
    list_remove(&l->node);
    MEM_DELETE(&w->mem, l);
}

void
net_do_unlisten(struct mach *m, void *slot)
{
    if (slot) listener_free(m->w, slot);
}

/* ---- what a machine does with a connection ---- */

static void
queue_bytes(struct flow *f, const struct seg *segs, int32_t n, int32_t *at)
{
    int64_t bytes = 0;
    int32_t end = *at;
    for (; end < n && segs[end].buf; end++) bytes += segs[end].bytes.n;
    uint8_t *room = bytes ? flow_queue_room(f, bytes) : NULL;
    for (; *at < end; ++*at) {
        struct slice b = segs[*at].bytes;
        if (!b.n) continue;
        memcpy(room, b.p, (size_t)b.n);
        room += b.n;
    }
}

void
flow_queue_segs(struct flow *f, const struct seg *segs, int32_t n)
{
    for (int32_t i = 0; i < n;) {
        if (segs[i].buf) {
            queue_bytes(f, segs, n, &i);
            continue;
        }
        flow_queue_range(f, disk_pin(segs[i].file), segs[i].offset, segs[i].n);
        i++;
    }
}

void
net_do_send(struct mach *m, struct conn *c, const struct seg *segs, int32_t n)
{
    (void)m;
    struct end *e = c->slot;
    if (!e || e->state != END_OPEN || e->closing) return;
    frames_send(e, segs, n);
    flow_pump(&e->out);
    if (c->wants_writable && flow_unsent(&e->out) <= CONN_LOW_WATER_BYTES) end_ready(e);
}

void
net_do_pause(struct mach *m, struct conn *c, bool pause)
{
    (void)m;
    struct end *e = c->slot;
    if (!e) return;
    e->is_paused = pause;
    if (!pause) end_ready(e);
}

void
net_do_close(struct mach *m, struct conn *c)
{
    (void)m;
    struct end *e = c->slot;
    if (!e || e->closing) return;
    end_shut(e);
    e->closing = true;
    e->why = ENV_ECANCELED;
    end_ready(e);
}

static bool
has_range_past(const struct flow *f, const struct inode *i, int64_t cut)
{
    LIST_EACH(&f->chunks, c, struct chunk, node)
        if (c->inode == i && c->offset + c->n > cut) return true;
    return false;
}

void
net_do_break_ranges(struct mach *m, struct file *f, int64_t cut)
{
    struct inode *i = disk_pin(f);
    LIST_EACH(&m->ends, e, struct end, node) {
        if (e->state == END_GONE || !has_range_past(&e->out, i, cut)) continue;
        flow_cut_queue(&e->out);
        flow_send_rst(&e->out);
        end_fail(e, ENV_ECANCELED);
    }
    disk_unpin(i);
}

/* ---- the end of machines and hosts ---- */

static void
power_lost(struct end *e)
{
    e->out.taken = e->out.sent;
    flow_cut_queue(&e->out);
    end_gone(e);
    tcp_arm_probe(e->tcp);
}

void
net_forget(struct mach *m, bool power)
{
    LIST_EACH(&m->listeners, l, struct sim_listener, node) listener_free(m->w, l);
    LIST_EACH(&m->ends, e, struct end, node) {
        list_remove(&e->node);
        entry_disarm(m->w, &e->ready);
        e->c = NULL;
        e->m = NULL;
        if (power) power_lost(e);
        else end_shut(e);
        tcp_check_over(e->tcp);
    }
}

void
net_host_lost(struct world *w, struct host *h)
{
    LIST_EACH(&w->net.all, t, struct tcp, all) {
        if (t->a.host == h && t->a.state == END_SHUT) power_lost(&t->a);
        if (t->b.host == h && t->b.state == END_SHUT) power_lost(&t->b);
    }
}

void
net_init(struct world *w)
{
    list_init(&w->net.faults);
    list_init(&w->net.whens);
    list_init(&w->net.all);
    list_init(&w->net.dead);
    list_init(&w->net.sessions_left.list);
}

/* ---- faults of connections ---- */

static bool
joins(const struct tcp *t, const struct machine *a, const struct machine *b)
{
    return (!a || a == t->client || a == t->server) && (!b || b == t->client || b == t->server) &&
           (!a || a != b);
}

static void
say_pair(struct world *w, struct slice verb, const struct machine *a, const struct machine *b)
{
    uint8_t text[128];
    struct writer t = writer_fixed(text, sizeof text);
    fmt_slice(&t, a ? a->name : S("all"));
    fmt_str(&t, " <> ");
    fmt_slice(&t, b ? b->name : S("all"));
    watch_fault(w, verb, writer_slice(&t));
}

void
fault_reset(struct world *w, struct machine *a, struct machine *b)
{
    world_must_be_between(w);
    say_pair(w, S("reset"), a, b);
    LIST_EACH(&w->net.all, t, struct tcp, all) {
        if (!joins(t, a, b)) continue;
        end_fail(&t->a, ENV_ECONNRESET);
        end_fail(&t->b, ENV_ECONNRESET);
    }
}

void
fault_half_open(struct world *w, struct machine *a, struct machine *b)
{
    world_must_be_between(w);
    say_pair(w, S("half-open"), a, b);
    LIST_EACH(&w->net.all, t, struct tcp, all)
        if (joins(t, a, b)) end_fail(t->client == b ? &t->a : &t->b, ENV_ECONNRESET);
}
