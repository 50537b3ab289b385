#include "broker/os/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/os/errors.h"
#include "broker/os/memory.h"

#include <errno.h>

static enum env_err
err_of(int gai)
{
    if (gai == 0) return ENV_OK;
    return gai == EAI_SYSTEM ? os_err(errno) : ENV_EHOST;
}

static int
ask_resolver(struct os_resolve *r, int flags)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = flags | AI_NUMERICSERV | (r->passive ? AI_PASSIVE : 0),
    };
    const char *host = r->host[0] ? r->host : r->passive ? "::" : "localhost";
    return getaddrinfo(host, r->port, &hints, &r->addresses);
}

static void
resolve_job_run(struct os_job *job)
{
    struct os_resolve *r = CONTAINER_OF(job, struct os_resolve, job);
    r->err = err_of(ask_resolver(r, 0));
}

static void
resolve_finish(struct os_resolve *r)
{
    if (r->owner) r->done(r->owner, r->addresses, r->err);
    else if (r->addresses) freeaddrinfo(r->addresses);
    free(r->host);
    free(r);
}

static void
resolve_job_done(struct os_job *job)
{
    resolve_finish(CONTAINER_OF(job, struct os_resolve, job));
}

static struct os_resolve *
resolve_new(struct slice host, int64_t port, bool passive)
{
    struct os_resolve *r = os_zalloc(sizeof *r);
    r->host = os_zalloc((size_t)host.n + 1);
    if (host.n) memcpy(r->host, host.p, (size_t)host.n);
    snprintf(r->port, sizeof r->port, "%d", (int)port & 0xffff);
    r->passive = passive;
    return r;
}

struct os_resolve *
os_resolve(struct os_loop *l, struct slice host, int64_t port, bool passive, void *owner,
           void (*done)(void *, struct addrinfo *, enum env_err))
{
    struct os_resolve *r = resolve_new(host, port, passive);
    r->owner = owner;
    r->done = done;
    if (ask_resolver(r, AI_NUMERICHOST) == 0) {
        resolve_finish(r);
        return NULL;
    }
    r->job = (struct os_job){.run = resolve_job_run, .done = resolve_job_done};
    os_loop_submit_name(l, &r->job);
    return r;
}

void
os_resolve_cancel(struct os_resolve *r)
{
    if (r) r->owner = NULL;
}
