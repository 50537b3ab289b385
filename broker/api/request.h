/* One request of a client: decoded, worked on by its handler (perhaps over many steps), answered. It
 * stays until it is answered, also when its connection goes away meanwhile; then the answer goes
 * nowhere. Its arena has the decoded message and whatever the handler needs until the answer. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "broker/base/arena.h"
#include "broker/env/env.h"
#include "broker/protocol/frame.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

struct server;
struct session;
struct server_listener;

struct request {
    struct list node; /* among its session's, in order of arrival */
    struct server *server;
    struct session *session; /* NULL: gone, or never had one (envelopes) */
    const struct server_listener *listener;
    int16_t api_key, version;
    int32_t correlation_id;
    struct slice client_id, principal, peer;
    struct slice raw; /* header and body, as received */
    struct slice body;
    struct buf *frame; /* holds raw, and what the message's slices point to */
    struct arena arena;
    void *message;        /* the decoded request struct */
    int64_t queued_bytes; /* counted in the server's sum */
    bool started, lets_next, answered, silent;
    bool not_controller;  /* in an envelope: the answer comes from somebody who does not lead */
    bool unknown_version; /* of ApiVersions, which is answered all the same */
    struct frame answer;  /* encoded, while earlier requests are unanswered */
    /* NULL, or: is what the answer points to there still? If not (a truncation), nothing of it must go
     * out, and the connection must break. */
    bool (*is_whole)(struct request *r);
    /* NULL, or called when the answer is queued, or will never be: gives up file ranges. */
    void (*let_go)(struct request *r);
    /* For a request that has no session (it came in an envelope): takes the response; the request is
     * freed afterwards. NULL response: it cannot be answered. */
    void (*enveloped)(struct request *r, const void *response);
    void *owner;
    /* Set by a handler that waits for long: its client is gone, so that it may end sooner. From within
     * the connection's last event; the request must not be answered before a later step. */
    void (*gone)(struct request *r);
};

/* Answers with a response struct of the request's own API and version. Once. */
void request_answer(struct request *r, const void *response);
/* As request_answer, with the body as bytes (another node has encoded it). */
void request_answer_raw(struct request *r, struct slice body);
/* With bytes that have no header: a token of SASL after SaslHandshake 0. */
void request_answer_bare(struct request *r, struct slice bytes);
/* Answers nothing: produce with acks=0. */
void request_finish_silently(struct request *r);
/* Breaks the connection: what Kafka does with requests that it cannot understand. */
void request_break(struct request *r);
/* The connection's next request may start although this one is not answered: a produce whose
 * offsets are assigned. Its answer still goes first. */
void request_let_next(struct request *r);

/* It came from a broker or a member of the quorum: its connection holds memory on their behalf. */
void request_is_of_follower(struct request *r);
void request_is_of_quorum(struct request *r);

static inline struct mem *
request_mem(struct request *r)
{
    return r->arena.mem;
}

#define REQUEST_NEW(r, type) ARENA_NEW(&(r)->arena, type)
#define REQUEST_ARRAY(r, type, n) ARENA_ARRAY(&(r)->arena, type, (n))

#endif
