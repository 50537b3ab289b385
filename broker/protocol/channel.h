/* The client's side of one connection: requests with correlation ids, many in flight, answers in
 * order.
 *
 *                 channel_call              connected
 *      IDLE ───────────────────► CONNECTING ─────────► OPEN ◄──────► LOGGING_IN
 *        ▲  ▲                        │                  │  if it is to say first who it is, and again when that is over
 *        │  └── backoff is over      │ failed           │ closed, bad answer, a call timed out
 *      WAITING ◄─────────────────────┴──────────────────┘   (all calls fail)
 *
 * It connects when there is something to send. When the connection fails or breaks, all calls fail
 * with the reason: whether a call that was sent took effect is then unknown. Calls made during the
 * backoff wait for its end. A call that times out breaks the connection, as its answer would block
 * the others. */
#ifndef PROTOCOL_CHANNEL_H
#define PROTOCOL_CHANNEL_H

#include "broker/protocol/frame.h"

struct channel;

struct call {
    /* Set by the owner. The call is the owner's again; new calls may be made. On ENV_OK `body` is
     * what follows the response's header and lies in `from`. Never called within channel_call. */
    void (*done)(struct call *call, enum env_err err, struct slice body, struct buf *from);
    bool no_answer; /* Produce with acks=0: done, with an empty body, once it is sent */
    int16_t api_key, version;
    /* The rest is the channel's. */
    struct channel *ch;
    struct list node;
    struct timer timer;
    int32_t correlation_id;
    struct buf *unsent; /* the frame, until there is a connection */
    enum env_err err;   /* of a doomed one */
};

static inline bool
call_is_pending(const struct call *c)
{
    return c->ch != NULL;
}

enum channel_state {
    CHANNEL_IDLE,
    CHANNEL_CONNECTING,
    CHANNEL_LOGGING_IN,
    CHANNEL_OPEN,
    CHANNEL_CLOSING,
    CHANNEL_WAITING,
    CHANNEL_STOPPED
};

/* What is said on a connection before anything else: who we are. How that goes is known to whoever has made the kind
 * (security/sasl_login.h); here calls wait until it is done. */
struct login;
struct login_kind {
    /* It asks by channel_say(), and ends by channel_login_done(). */
    struct login *(*begin)(const struct login_kind *k, struct channel *ch);
    /* The body of the answer to what was said last. */
    void (*answered)(struct login *l, struct slice body);
    /* It is done, or its connection is gone: nothing may be said any more. */
    void (*forget)(struct login *l);
};

struct channel {
    struct env *env;
    struct conn conn;
    enum channel_state state;
    struct slice host, client_id; /* copies */
    int32_t port;
    int32_t next_correlation_id;
    struct list calls;  /* in order; those that were sent come first */
    struct list doomed; /* have failed, and are told so when the connection has closed */
    struct frame_reader frames;
    struct timer backoff;
    struct task end;
    int64_t backoff_ms, backoff_max_ms; /* 50 and 1000; the owner may change them */
    int32_t failures;                   /* in a row, without an answer between them */
    enum env_err last_err;              /* of the last failure since the last answer */
    bool was_answered;                  /* at this address */
    const struct login_kind
        *login; /* NULL: none is needed; the owner may set it before the first call */
    struct login *logging_in;
    int16_t said_api_key, said_version; /* by it; … */
    int32_t said_correlation_id;
    int64_t login_until_ns; /* then it must be done again */
    void (*stopped)(struct channel *ch);
    /* The other end closed it, or it broke, while nobody waited for an answer: else the calls tell. May be NULL. */
    void (*lost)(struct channel *ch);
};

/* Larger answers break the connection. */
#define CHANNEL_ANSWER_MAX_BYTES (128 << 20)

void channel_init(struct channel *ch, struct env *env, struct slice host, int32_t port,
                  struct slice client_id);
/* False: the request cannot be expressed in this version (ret_why may be NULL); nothing is queued.
 * What the request refers to may go when this returns, buffers of records included. timeout_ms 0:
 * none. */
bool channel_call(struct channel *ch, struct call *call, int16_t api_key, int16_t version,
                  const void *request, int64_t timeout_ms, struct codec_refusal *ret_why);
/* Another address from now on: a connection to the old one is broken. */
void channel_set_address(struct channel *ch, struct slice host, int32_t port);
/* Breaks the connection, if there is one; all calls fail with ENV_ECANCELED, in a later step. */
void channel_reset(struct channel *ch);
/* Ends the channel: as channel_reset; no call may be made any more. `stopped` is called in a later
 * step when nothing refers to the channel any longer and its memory may go. */
void channel_stop(struct channel *ch, void (*stopped)(struct channel *ch));
/* "[::1]:9092: connection refused": whom it speaks to, and why there is no answer. */
void channel_tell(const struct channel *ch, struct writer *w);
/* For a login under way. */
void channel_say(struct channel *ch, int16_t api_key, int16_t version, const void *request);
/* is_good: calls may go out, for so long (0: for ever). Else the connection breaks. */
void channel_login_done(struct channel *ch, bool is_good, int64_t lifetime_ms);
/* Decodes the body of an answer into the response's struct; false: malformed. */
bool call_decode(const struct call *call, struct slice body, struct arena *a, void *ret);

#endif
