/* From a host's name to addresses. Literal addresses are done on the spot; names ask the system's
 * resolver in a thread of its own, since a name server may be slow. */
#ifndef OS_RESOLVE_H
#define OS_RESOLVE_H

#include <netdb.h>

#include "broker/os/loop.h"

struct os_resolve {
    struct os_job job;
    void (*done)(void *owner, struct addrinfo *addresses, enum env_err err);
    void *owner; /* NULL: nobody waits any more */
    char *host, port[8];
    struct addrinfo *addresses;
    enum env_err err;
    bool passive;
};

/* Calls done before it returns (and returns NULL), or later. done frees the addresses with
 * freeaddrinfo(). An empty host: to listen on all addresses. */
struct os_resolve *os_resolve(struct os_loop *l, struct slice host, int64_t port, bool passive,
                              void *owner, void (*done)(void *, struct addrinfo *, enum env_err));
/* done is not called. */
void os_resolve_cancel(struct os_resolve *r);

#endif
