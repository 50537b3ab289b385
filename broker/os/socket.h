/* Connections and listeners.
 *
 * A connection's slot lives from EF_CONNECT or EF_ACCEPT until its `closed` is delivered; the
 * descriptor may go earlier. What is to be sent stands in a queue of buffers and file ranges, and is
 * sent once per turn of the loop, gathered. Small ranges are copied next to the buffers around them,
 * large ones go by sendfile; a range that is not in memory is read by a thread first. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <netdb.h>

#include "broker/os/file.h"

/* A piece of the send queue: bytes of a buffer, or a range of a file. */
struct os_piece {
    struct buf *buf;
    const uint8_t *p;
    struct os_file *file;
    int64_t offset, n;
};

struct os_queue {
    struct os_piece *v;
    int32_t head, n, cap; /* pieces are v[head .. head + n) */
    int64_t bytes;
};

struct os_sock {
    struct os_watch watch; /* fd -1: closed */
    struct os_grave grave;
    struct os_machine *m;
    struct conn *conn;
    struct list node; /* among the machine's */
    struct list readable_node, sending_node, closing_node;
    struct os_queue queue;
    enum env_err why;         /* once it stands in `closing` */
    bool is_open;             /* connected */
    bool may_read, may_write; /* as far as we know */
    bool paused;
    bool hangs_up;                /* the other end has ended its stream, or broken it */
    struct os_prefetch *prefetch; /* a thread is reading the range at the head of the queue */
    int64_t resident_n;           /* of the range at the head: known to be in memory */
    struct addrinfo *addresses, *next_address;
    struct os_resolve *resolve;
};

struct os_listener {
    struct os_watch watch;
    struct os_grave grave;
    struct os_machine *m;
    struct listener *listener;
    struct list node, said_node, resting_node;
    int64_t rests_until_ns;
    int64_t port;
    bool any;      /* all addresses, of IPv6 and IPv4 */
    bool has_told; /* that it rests, and why */
    enum env_err err;
    struct os_resolve *resolve;
};

void os_sock_connect(struct os_machine *m, struct conn *c, struct slice host, int64_t port);
/* Of a socket, before it is connected or accepts. */
void os_set_buffers(int fd, struct socket_buffers b);
/* Takes the descriptor. */
void os_sock_accept(struct os_machine *m, struct conn *c, int fd);
/* Takes the references. */
void os_sock_send(struct conn *c, const struct seg *segs, int32_t n);
void os_sock_pause(struct conn *c);
void os_sock_resume(struct conn *c);
void os_sock_close(struct conn *c);
void os_sock_wants_to_send(struct os_sock *s);
/* Closes connections that have bytes of f at or past the cut to send. */
void os_sock_break_ranges(struct os_machine *m, const struct os_file *f, int64_t cut);

/* Without an event: the machine goes. */
void os_sock_drop(struct os_sock *s);
void os_listener_drop(struct os_listener *l);

/* Of so many descriptors. */
int64_t os_connections_max(uint64_t descriptors_max);
void os_listen(struct os_machine *m, struct listener *l, struct slice host, int64_t port);
/* slot: NULL if it was not known when the effect was queued. */
void os_unlisten(struct os_machine *m, const struct listener *l, void *slot);

/* One round over the connections that have something to do. */
void os_socks_read(struct os_loop *l);
void os_socks_send(struct os_loop *l);
void os_socks_close(struct os_loop *l);
/* A listener for which the kernel has nothing rests for a moment; the earliest end, perhaps TIME_NEVER. */
int64_t os_listeners_rest_until_ns(const struct os_loop *l);
/* Those whose rest is over. */
void os_listeners_go_on(struct os_loop *l);
/* Tells the machines how their listeners fared. */
void os_listeners_say(struct os_loop *l);

#endif
