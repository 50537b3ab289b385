#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/os/errors.h"
#include "broker/os/log.h"
#include "broker/os/memory.h"
#include "broker/os/resolve.h"
#include "broker/os/socket.h"

#define BACKLOG 1024
#define ACCEPTS_PER_TURN 64
#define PEER_MAX 80
#define FILES_LEFT_MIN 24
#define REST_NS (100 * NS_PER_MS)

/* ---- accepting ---- */

/* "127.0.0.1:40312", "[::1]:40312"; an IPv4 address that comes in IPv6's clothes is shown as what it is. */
static struct slice
address_text(const struct sockaddr_storage *a, socklen_t n, char *text)
{
    char host[64] = "?", port[8] = "?";
    getnameinfo((const struct sockaddr *)a, n, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    const char *plain = strncmp(host, "::ffff:", 7) == 0 && strchr(host, '.') ? host + 7 : host;
    snprintf(text, PEER_MAX, strchr(plain, ':') ? "[%s]:%s" : "%s:%s", plain, port);
    return slice_cstr(text);
}

static void
offer(struct os_listener *l, int fd, const struct sockaddr_storage *a, socklen_t n)
{
    char text[PEER_MAX];
    struct os_machine *m = l->m;
    struct event ev = {
        .kind = EV_ACCEPTED,
        .listener = l->listener,
        .accepted = {env_new_handle(&m->env), address_text(a, n, text), S("User:ANONYMOUS")},
    };
    m->accepted_fd = fd;
    m->accepted_handle = ev.accepted.handle;
    os_machine_deliver(m, &ev);
    if (m->accepted_fd >= 0) close(m->accepted_fd);
    m->accepted_fd = -1;
}

/* To people, by the way that the machine's own notes take: so it is limited as those are. */
static void
os_listener_note(const struct os_listener *l, struct slice about, const struct writer *text)
{
    const struct os_machine *m = l->m;
    struct note n = {.kind = NOTE_LOG_MESSAGE,
                     .subject = about,
                     .text = writer_slice(text),
                     .n = 1,
                     .v = {OS_WARN}};
    if (m->ops->note) m->ops->note(m->ctx, m, &n);
}

/* A crowd of connections must not keep the node from its files: without those it cannot go on. A quarter
 * of the descriptors is out of their reach. */
int64_t
os_connections_max(uint64_t descriptors_max)
{
    return (int64_t)(descriptors_max - MAX(descriptors_max / 4, FILES_LEFT_MIN));
}

/* The limit may be changed from outside at any time. */
static bool
has_free_descriptor(const struct os_loop *loop)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return true;
    return loop->socks_n < os_connections_max(limit.rlim_cur);
}

static void
turn_away(const struct os_listener *l, int fd, const struct sockaddr_storage *a, socklen_t n)
{
    char peer[PEER_MAX], text[120];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_str(&w, "closed: connections have all the file descriptors that are theirs, ");
    fmt_i64(&w, l->m->loop->socks_n);
    os_listener_note(l, address_text(a, n, peer), &w);
    close(fd);
}

/* Out of descriptors: the spare one is used to take the connection and close it at once; otherwise it
 * would wait in the kernel, and wake us again and again. False: not even that one is to be had. */
static bool
turn_away_with_spare(const struct os_listener *l)
{
    struct os_loop *loop = l->m->loop;
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    if (loop->spare_fd >= 0) close(loop->spare_fd);
    int fd = accept4(l->watch.fd, (struct sockaddr *)&a, &n, SOCK_CLOEXEC), why = errno;
    if (fd >= 0) turn_away(l, fd, &a, n);
    loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    errno = why;
    return fd >= 0 || why == EAGAIN;
}

/* What the kernel cannot give now it may give soon. Until then who comes waits there: he stays readable, and
 * would wake us all the time. It is said once, not at each try. */
static void
os_listener_rest(struct os_listener *l, int why)
{
    struct os_loop *loop = l->m->loop;
    char text[120];
    struct writer w = writer_fixed(text, sizeof text);
    os_loop_unwatch(loop, &l->watch);
    l->rests_until_ns = os_now_ns() + REST_NS;
    list_push_back(&loop->resting, &l->resting_node);
    if (l->has_told) return;
    l->has_told = true;
    fmt_str(&w, "who connects has to wait: ");
    fmt_str(&w, strerror(why));
    os_listener_note(l, S("listener"), &w);
}

/* One connection, or what became of it. False: that was all for now. */
static bool
accept_one(struct os_listener *l)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    int fd = accept4(l->watch.fd, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        l->has_told = false;
        if (has_free_descriptor(l->m->loop)) offer(l, fd, &a, n);
        else turn_away(l, fd, &a, n);
        return true;
    }
    if (errno == EAGAIN) return false;
    if (errno == EINTR || errno == ECONNABORTED) return true;
    if ((errno == EMFILE || errno == ENFILE) && turn_away_with_spare(l)) return true;
    os_listener_rest(l, errno);
    return false;
}

static void
os_listener_ready(struct os_watch *w, uint32_t epoll_events)
{
    (void)epoll_events;
    struct os_listener *l = CONTAINER_OF(w, struct os_listener, watch);
    for (int i = 0; i < ACCEPTS_PER_TURN && w->fd >= 0 && !l->m->env.dead; i++)
        if (!accept_one(l)) return;
}

/* The first to rest is the first to go on. */
int64_t
os_listeners_rest_until_ns(const struct os_loop *loop)
{
    if (list_is_empty(&loop->resting)) return TIME_NEVER;
    return LIST_ENTRY(loop->resting.next, struct os_listener, resting_node)->rests_until_ns;
}

void
os_listeners_go_on(struct os_loop *loop)
{
    while (os_listeners_rest_until_ns(loop) <= os_now_ns()) {
        struct list *first = list_pop_front(&loop->resting);
        struct os_listener *l = LIST_ENTRY(first, struct os_listener, resting_node);
        if (!os_loop_watch(loop, &l->watch, EPOLLIN)) os_listener_rest(l, errno);
    }
}

/* ---- listening ---- */

static void
listener_bury(struct os_grave *g)
{
    free(CONTAINER_OF(g, struct os_listener, grave));
}

void
os_listener_drop(struct os_listener *l)
{
    if (l->watch.fd >= 0) {
        os_loop_unwatch(l->m->loop, &l->watch);
        close(l->watch.fd);
        l->watch.fd = -1;
    }
    os_resolve_cancel(l->resolve);
    list_remove(&l->said_node);
    list_remove(&l->resting_node);
    list_remove(&l->node);
    os_loop_bury(l->m->loop, &l->grave);
}

/* Its buffers are those of what it accepts from the first byte on. */
static int
open_socket(const struct addrinfo *a, struct socket_buffers buffers)
{
    int one = 1, zero = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    os_set_buffers(fd, buffers);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

static int32_t
bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t n = sizeof a;
    if (getsockname(fd, &a.any, &n) < 0) return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

static void
tell_listening(struct os_listener *l, enum env_err err)
{
    l->err = err;
    list_push_back(&l->m->loop->said, &l->said_node);
}

/* The first address of this kind that the computer has; an error number. */
static int
open_one_of(struct os_listener *l, const struct addrinfo *a, bool is_ipv4)
{
    for (; a; a = a->ai_next) {
        if ((a->ai_family == AF_INET) != is_ipv4) continue;
        l->watch.fd = open_socket(a, l->listener->buffers);
        if (l->watch.fd >= 0) return 0;
        if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) return errno;
    }
    return EADDRNOTAVAIL;
}

/* A name that has addresses of both kinds (localhost) means that of IPv4, as it does for Java: clients
 * that are given 127.0.0.1 must find us there. */
static void
start_listening(struct os_listener *l, const struct addrinfo *addresses)
{
    int err = open_one_of(l, addresses, true);
    if (err == EADDRNOTAVAIL) err = open_one_of(l, addresses, false);
    if (!err && !os_loop_watch(l->m->loop, &l->watch, EPOLLIN)) err = errno;
    tell_listening(l, os_err(err));
}

/* A computer without IPv6 listens on all addresses of IPv4. */
static bool
falls_back_to_ipv4(struct os_listener *l)
{
    return l->any && l->err == ENV_EHOST && l->watch.fd < 0;
}

static void
listener_resolved(void *owner, struct addrinfo *addresses, enum env_err err)
{
    struct os_listener *l = owner;
    l->resolve = NULL;
    if (err) tell_listening(l, err);
    else start_listening(l, addresses);
    if (addresses) freeaddrinfo(addresses);
    if (!falls_back_to_ipv4(l)) return;
    l->any = false;
    list_remove(&l->said_node);
    os_resolve(l->m->loop, S("0.0.0.0"), l->port, true, l, listener_resolved);
}

void
os_listen(struct os_machine *m, struct listener *listener, struct slice host, int64_t port)
{
    struct os_listener *l = os_zalloc(sizeof *l);
    *l = (struct os_listener){.m = m, .listener = listener, .port = port, .any = host.n == 0};
    l->watch = (struct os_watch){os_listener_ready, -1};
    l->grave.bury = listener_bury;
    listener->slot = l;
    list_push_back(&m->listeners, &l->node);
    struct os_resolve *r = os_resolve(m->loop, host, port, true, l, listener_resolved);
    if (r) l->resolve = r;
}

void
os_unlisten(struct os_machine *m, const struct listener *listener, void *slot)
{
    LIST_EACH(&m->listeners, l, struct os_listener, node) {
        if (slot ? l == slot : l->listener == listener) os_listener_drop(l);
    }
}

void
os_listeners_say(struct os_loop *loop)
{
    os_round_begin(loop, &loop->said);
    for (struct list *n; (n = os_round_next(loop, &loop->said)) != NULL;) {
        struct os_listener *l = LIST_ENTRY(n, struct os_listener, said_node);
        struct os_machine *m = l->m;
        struct event ev = {.kind = EV_LISTENING, .listener = l->listener, .err = l->err};
        if (l->err) os_listener_drop(l);
        else ev.n = bound_port(l->watch.fd);
        os_machine_deliver(m, &ev);
    }
}
