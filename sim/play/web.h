/* A server of HTTP on one port of the loopback: connections, their limits and their time. What is asked is somebody
 * else's; an answer may come later.
 *
 * Nobody can keep others out: a request has to be whole within some seconds, a connection that waits for nothing makes
 * room for a new one, and each takes one request after the other. */
#ifndef SIM_PLAY_WEB_H
#define SIM_PLAY_WEB_H

#include <poll.h>

#include "sim/play/http.h"

enum {
    WEB_CONNECTIONS_MAX = 32,
    WEB_REQUEST_MS =
        5000, /* from its first byte to its last; and an answer from its first to its last */
    WEB_IDLE_MS = 60000,
    WEB_POLLS_MAX = WEB_CONNECTIONS_MAX + 1,
};

struct web;

struct web_ops {
    /* Somebody asks: web_answer() with this id, now or later. */
    void (*ask)(void *ctx, int64_t id, const struct http_request *q);
    /* Who asked this is gone, nobody waits for its answer. */
    void (*gone)(void *ctx, int64_t id);
};

/* Port 0: one that is free; on return which it is. NULL: it cannot be had, errno says why. */
struct web *web_open(struct mem *mem, int32_t *port, const struct web_ops *ops, void *ctx);
void web_close(struct web *v);
/* What it waits for: at most WEB_POLLS_MAX; returns how many. */
int web_polls(const struct web *v, struct pollfd *ret);
/* Does what can be done without waiting. now_ms: of a clock that does not jump. */
void web_work(struct web *v, int64_t now_ms);
/* Why somebody who came has to wait; 0: nobody has to. */
int web_starved_errno(const struct web *v);
/* type: "application/json". Harmless when who asked is gone. */
void web_answer(struct web *v, int64_t id, int status, const char *type, struct slice body);
/* Sends what is not sent yet, for so long at most. */
void web_flush(struct web *v, int64_t within_ms);

#endif
