#include "broker/os/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/os/errors.h"
#include "broker/os/memory.h"
#include "broker/os/queue.h"
#include "broker/os/resolve.h"

#define READS_PER_TURN 4
#define WATCHED (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* ---- made and gone ---- */

static void
sock_bury(struct os_grave *g)
{
    free(CONTAINER_OF(g, struct os_sock, grave));
}

static struct os_sock *
sock_new(struct os_machine *m, struct conn *c)
{
    struct os_sock *s = os_zalloc(sizeof *s);
    s->m = m;
    s->conn = c;
    s->watch.fd = -1;
    s->grave.bury = sock_bury;
    c->slot = s;
    list_push_back(&m->socks, &s->node);
    return s;
}

static void
close_fd(struct os_sock *s)
{
    if (s->watch.fd < 0) return;
    os_loop_unwatch(s->m->loop, &s->watch);
    close(s->watch.fd);
    s->watch.fd = -1;
    s->m->loop->socks_n--;
}

static void
set_fd(struct os_sock *s, int fd, void (*ready)(struct os_watch *, uint32_t))
{
    s->watch = (struct os_watch){ready, fd};
    s->m->loop->socks_n++;
}

static void
sock_let_go(struct os_sock *s)
{
    close_fd(s);
    list_remove(&s->readable_node);
    list_remove(&s->sending_node);
    os_queue_release(&s->queue);
    os_prefetch_forget(s->prefetch);
    os_resolve_cancel(s->resolve);
    if (s->addresses) freeaddrinfo(s->addresses);
    s->prefetch = NULL;
    s->resolve = NULL;
    s->addresses = s->next_address = NULL;
}

void
os_sock_drop(struct os_sock *s)
{
    sock_let_go(s);
    list_remove(&s->closing_node);
    list_remove(&s->node);
    os_loop_bury(s->m->loop, &s->grave);
}

/* Closes now, says so later. Harmless when under way. */
static void
os_sock_fail(struct os_sock *s, enum env_err why)
{
    if (list_is_linked(&s->closing_node)) return;
    sock_let_go(s);
    s->why = why;
    list_push_back(&s->m->loop->closing, &s->closing_node);
}

void
os_socks_close(struct os_loop *l)
{
    os_round_begin(l, &l->closing);
    for (struct list *n; (n = os_round_next(l, &l->closing)) != NULL;) {
        struct os_sock *s = LIST_ENTRY(n, struct os_sock, closing_node);
        struct event ev = {.kind = EV_CLOSED, .conn = s->conn, .err = s->why};
        struct os_machine *m = s->m;
        os_sock_drop(s);
        os_machine_deliver(m, &ev);
    }
}

/* ---- ready ---- */

static void
wants_to_read(struct os_sock *s)
{
    if (!s->may_read || s->paused || s->watch.fd < 0 || list_is_linked(&s->readable_node)) return;
    list_push_back(&s->m->loop->readable, &s->readable_node);
}

void
os_sock_wants_to_send(struct os_sock *s)
{
    if (s->watch.fd < 0 || list_is_linked(&s->sending_node)) return;
    list_push_back(&s->m->loop->sending, &s->sending_node);
}

static void
open_ready(struct os_watch *w, uint32_t epoll_events)
{
    struct os_sock *s = CONTAINER_OF(w, struct os_sock, watch);
    uint32_t end = epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (end) s->hangs_up = true;
    if (end || (epoll_events & EPOLLIN)) s->may_read = true;
    if (end || (epoll_events & EPOLLOUT)) s->may_write = true;
    wants_to_read(s);
    if (s->may_write && s->queue.n > 0) os_sock_wants_to_send(s);
}

/* Hints: a kernel that gives less is none the worse. */
void
os_set_buffers(int fd, struct socket_buffers b)
{
    if (b.send_bytes) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &b.send_bytes, sizeof b.send_bytes);
    if (b.receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &b.receive_bytes, sizeof b.receive_bytes);
}

static void
set_options(int fd, const struct conn *c)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    os_set_buffers(fd, c->buffers);
}

/* ---- connecting ---- */

/* A port of the range from which clients' ports are drawn can meet itself when nobody listens. */
static bool
is_connected_to_itself(int fd)
{
    struct sockaddr_storage own, peer;
    memset(&own, 0, sizeof own);
    memset(&peer, 0, sizeof peer);
    socklen_t own_n = sizeof own, peer_n = sizeof peer;
    return getsockname(fd, (struct sockaddr *)&own, &own_n) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_n) == 0 && own_n == peer_n &&
           memcmp(&own, &peer, own_n) == 0;
}

static int
outcome(int fd)
{
    int err = 0;
    socklen_t n = sizeof err;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0) return errno;
    return err ? err : is_connected_to_itself(fd) ? ECONNREFUSED : 0;
}

static void try_next(struct os_sock *s, int error_number);

static void
connecting_ready(struct os_watch *w, uint32_t epoll_events)
{
    struct os_sock *s = CONTAINER_OF(w, struct os_sock, watch);
    if (!(epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    int err = outcome(w->fd);
    if (err) {
        close_fd(s);
        try_next(s, err);
        return;
    }
    s->watch.ready = open_ready;
    s->is_open = true;
    open_ready(w, epoll_events);
    os_machine_deliver(s->m, &(struct event){.kind = EV_CONNECTED, .conn = s->conn});
}

static int
start_connect(struct os_sock *s, const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    set_options(fd, s->conn);
    set_fd(s, fd, connecting_ready);
    int rc = connect(fd, a->ai_addr, a->ai_addrlen);
    if ((rc == 0 || errno == EINPROGRESS) && os_loop_watch(s->m->loop, &s->watch, WATCHED))
        return 0;
    int err = errno;
    close_fd(s);
    return err;
}

/* The addresses of a name, one after the other; what the last one said is told. */
static void
try_next(struct os_sock *s, int error_number)
{
    while (s->next_address) {
        const struct addrinfo *a = s->next_address;
        s->next_address = a->ai_next;
        error_number = start_connect(s, a);
        if (error_number == 0) return;
    }
    os_sock_fail(s, os_err(error_number));
}

static void
sock_resolved(void *owner, struct addrinfo *addresses, enum env_err err)
{
    struct os_sock *s = owner;
    s->resolve = NULL;
    s->addresses = s->next_address = addresses;
    if (err) os_sock_fail(s, err);
    else try_next(s, ECONNREFUSED);
}

void
os_sock_connect(struct os_machine *m, struct conn *c, struct slice host, int64_t port)
{
    struct os_sock *s = sock_new(m, c);
    struct os_resolve *r = os_resolve(m->loop, host, port, false, s, sock_resolved);
    if (r) s->resolve = r;
}

void
os_sock_accept(struct os_machine *m, struct conn *c, int fd)
{
    struct os_sock *s = sock_new(m, c);
    set_options(fd, c);
    set_fd(s, fd, open_ready);
    s->is_open = s->may_write = true;
    if (!os_loop_watch(m->loop, &s->watch, WATCHED)) os_sock_fail(s, os_err(errno));
}

/* ---- receiving ---- */

struct target {
    struct buf *lent; /* NULL: the loop's own */
    uint8_t *p;
    int64_t n;
};

static struct target
target_of(const struct os_sock *s)
{
    const struct conn *c = s->conn;
    if (!c->lent) return (struct target){NULL, s->m->loop->recv, OS_RECV_BYTES};
    return (struct target){c->lent, c->lent->data + c->lent_at, c->lent->cap - c->lent_at};
}

static void
sock_deliver_bytes(struct os_sock *s, const struct target *t, int64_t n)
{
    struct event ev = {.kind = EV_BYTES, .conn = s->conn, .n = s->queue.bytes};
    if (t->lent) {
        ev.buf = buf_ref(t->lent);
        ev.data = slice(t->p, n);
    } else {
        ev.buf = buf_copy(&s->m->env.mem, slice(t->p, n));
        ev.data = buf_slice(ev.buf);
    }
    os_machine_deliver(s->m, &ev);
}

/* Less than asked for means that there is no more now, unless the end stands behind it: of that no
 * other event would tell. */
static void
receive(struct os_sock *s)
{
    struct target t = target_of(s);
    ssize_t got = recv(s->watch.fd, t.p, (size_t)t.n, 0);
    if (got < 0 && errno == EINTR) return;
    if (got < 0 && errno == EAGAIN) {
        s->may_read = false;
    } else if (got < 0) {
        os_sock_fail(s, os_err(errno));
    } else if (got == 0) {
        os_sock_fail(s, ENV_EOF);
    } else {
        s->may_read = got == t.n || s->hangs_up;
        sock_deliver_bytes(s, &t, got);
    }
}

static bool
can_receive(const struct os_sock *s)
{
    return s->watch.fd >= 0 && s->may_read && !s->paused && !s->m->env.dead;
}

void
os_socks_read(struct os_loop *l)
{
    os_round_begin(l, &l->readable);
    for (struct list *n; (n = os_round_next(l, &l->readable)) != NULL;) {
        struct os_sock *s = LIST_ENTRY(n, struct os_sock, readable_node);
        for (int i = 0; i < READS_PER_TURN && can_receive(s); i++) receive(s);
        if (can_receive(s)) wants_to_read(s);
    }
}

void
os_sock_pause(struct conn *c)
{
    struct os_sock *s = c->slot;
    if (!s) return;
    s->paused = true;
    list_remove(&s->readable_node);
}

void
os_sock_resume(struct conn *c)
{
    struct os_sock *s = c->slot;
    if (!s) return;
    s->paused = false;
    wants_to_read(s);
}

/* ---- sending ---- */

static void
drop_segments(const struct seg *segs, int32_t n)
{
    for (int32_t i = 0; i < n; i++) buf_unref(segs[i].buf);
}

void
os_sock_send(struct conn *c, const struct seg *segs, int32_t n)
{
    struct os_sock *s = c->slot;
    if (!s || s->watch.fd < 0) {
        drop_segments(segs, n);
        return;
    }
    os_queue_push(&s->queue, segs, n);
    if (s->may_write && !s->prefetch) os_sock_wants_to_send(s);
}

static void
sock_flush(struct os_sock *s)
{
    enum env_err why;
    if (!os_queue_flush(s, &why)) os_sock_fail(s, why);
    else if (s->queue.n > 0 && s->may_write && !s->prefetch) os_sock_wants_to_send(s);
}

static void
tell_of_room(struct os_sock *s)
{
    if (s->watch.fd < 0 || !s->conn->wants_writable || s->queue.bytes > CONN_LOW_WATER_BYTES)
        return;
    struct event ev = {.kind = EV_WRITABLE, .conn = s->conn, .n = s->queue.bytes};
    os_machine_deliver(s->m, &ev);
}

void
os_socks_send(struct os_loop *l)
{
    os_round_begin(l, &l->sending);
    for (struct list *n; (n = os_round_next(l, &l->sending)) != NULL;) {
        struct os_sock *s = LIST_ENTRY(n, struct os_sock, sending_node);
        sock_flush(s);
        if (!s->m->env.dead) tell_of_room(s);
    }
}

/* What the kernel takes on the spot still goes: an answer before the end. */
void
os_sock_close(struct conn *c)
{
    struct os_sock *s = c->slot;
    if (!s) return;
    enum env_err why;
    if (s->watch.fd >= 0 && s->is_open) (void)os_queue_flush(s, &why);
    os_sock_fail(s, ENV_ECANCELED);
}

void
os_sock_break_ranges(struct os_machine *m, const struct os_file *f, int64_t cut)
{
    LIST_EACH(&m->socks, s, struct os_sock, node) {
        if (f && os_queue_has_range_past(&s->queue, f, cut)) os_sock_fail(s, ENV_ECONNRESET);
    }
}
