#include "broker/api/waiting_call.h"

struct waiting {
    struct coordinator_call call;
    struct request *r;
};

static void
waiting_call_answered(struct coordinator_call *c, const void *response)
{
    request_answer(CONTAINER_OF(c, struct waiting, call)->r, response);
}

/* As Java prints an address: "/127.0.0.1". */
static struct slice
client_host(struct request *r)
{
    int64_t n = r->peer.n;
    while (n > 0 && r->peer.p[n - 1] != ':') n--;
    struct slice host = slice_sub(r->peer, 0, n > 0 ? n - 1 : r->peer.n);
    uint8_t *p = arena_alloc(&r->arena, host.n + 1);
    p[0] = '/';
    if (host.n) memcpy(p + 1, host.p, (size_t)host.n);
    return slice(p, host.n + 1);
}

struct coordinator_call *
waiting_call_new(struct request *r)
{
    struct waiting *w = REQUEST_NEW(r, struct waiting);
    w->r = r;
    w->call.done = waiting_call_answered;
    w->call.arena = &r->arena;
    w->call.version = r->version;
    w->call.client_id = r->client_id.p ? r->client_id : SLICE_EMPTY;
    w->call.client_host = client_host(r);
    return &w->call;
}

struct request *
request_of_call(struct coordinator_call *c)
{
    return CONTAINER_OF(c, struct waiting, call)->r;
}
