#include "broker/protocol/channel.h"

#include "broker/base/address.h"
#include "broker/base/check.h"

static struct channel *
channel_of(struct conn *c)
{
    return CONTAINER_OF(c, struct channel, conn);
}

/* ---- failing -------------------------------------------------------------------------------- */

static void
call_leave(struct call *call)
{
    timer_cancel(call->ch->env, &call->timer);
    list_remove(&call->node);
    buf_unref(call->unsent);
    call->unsent = NULL;
}

static void
doom(struct channel *ch, struct call *call, enum env_err err)
{
    call_leave(call);
    call->err = err;
    list_push_back(&ch->doomed, &call->node);
}

static void
doom_all(struct channel *ch, enum env_err err)
{
    struct call *call;
    while ((call = LIST_FIRST(&ch->calls, struct call, node))) doom(ch, call, err);
}

static void
tell_doomed(struct channel *ch)
{
    struct call *call;
    while ((call = LIST_FIRST(&ch->doomed, struct call, node))) {
        list_remove(&call->node);
        call->ch = NULL;
        call->done(call, call->err, SLICE_NULL, NULL);
    }
}

/* Nothing will come for it. */
static void
settle(struct channel *ch, struct call *call)
{
    doom(ch, call, ENV_OK);
    defer(ch->env, &ch->end);
}

static bool
has_conn(const struct channel *ch)
{
    return ch->state == CHANNEL_CONNECTING || ch->state == CHANNEL_LOGGING_IN ||
           ch->state == CHANNEL_OPEN;
}

/* Calls made from now on wait for the next connection. */
static void
break_conn(struct channel *ch, enum env_err err)
{
    doom_all(ch, err);
    if (!has_conn(ch)) return;
    ch->state = CHANNEL_CLOSING;
    conn_close(&ch->conn);
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void
connect_if_wanted(struct channel *ch)
{
    if (ch->state != CHANNEL_IDLE || list_is_empty(&ch->calls)) return;
    ch->state = CHANNEL_CONNECTING;
    frame_reader_init(&ch->frames, &ch->env->mem, &ch->conn, CHANNEL_ANSWER_MAX_BYTES);
    conn_connect(ch->env, &ch->conn, ch->host, ch->port);
}

static void
backoff_due(struct timer *t)
{
    struct channel *ch = CONTAINER_OF(t, struct channel, backoff);
    ch->state = CHANNEL_IDLE;
    connect_if_wanted(ch);
}

/* Doubles with each failure, a fifth more or less, so that not all come back at once. */
static int64_t
backoff_ns(struct channel *ch)
{
    int64_t ms = ch->backoff_ms;
    for (int32_t i = 1; i < ch->failures && ms < ch->backoff_max_ms; i++) ms *= 2;
    int64_t ns = MIN(ms, ch->backoff_max_ms) * NS_PER_MS;
    return ns <= 0 ? 0 : ns - ns / 5 + env_random_below(ch->env, STREAM_JITTER, 2 * (ns / 5) + 1);
}

static void
send_unsent(struct channel *ch, struct call *call)
{
    struct seg seg = {.buf = call->unsent, .bytes = buf_slice(call->unsent)};
    (void)conn_send(&ch->conn, &seg, 1);
    buf_unref(call->unsent);
    call->unsent = NULL;
}

static void
open_for_calls(struct channel *ch)
{
    ch->state = CHANNEL_OPEN;
    LIST_EACH(&ch->calls, call, struct call, node) {
        send_unsent(ch, call);
        if (call->no_answer) settle(ch, call);
    }
}

/* ---- saying who we are ---------------------------------------------------------------------- */

static void
begin_login(struct channel *ch)
{
    ch->state = CHANNEL_LOGGING_IN;
    ch->logging_in = ch->login->begin(ch->login, ch);
}

static void
forget_login(struct channel *ch)
{
    struct login *l = ch->logging_in;
    ch->logging_in = NULL;
    if (l) ch->login->forget(l);
}

static bool
login_is_over(const struct channel *ch)
{
    return ch->login && env_now_ns(ch->env) >= ch->login_until_ns;
}

/* What was sent is in front of what was not. */
static bool
is_awaiting_answers(const struct channel *ch)
{
    return !list_is_empty(&ch->calls) && !LIST_ENTRY(ch->calls.next, struct call, node)->unsent;
}

/* Nobody is spoken to anew in the middle of an answer (KIP-368): those under way come to their end first. */
static void
login_again_if_due(struct channel *ch)
{
    if (ch->state == CHANNEL_OPEN && login_is_over(ch) && !list_is_empty(&ch->calls) &&
        !is_awaiting_answers(ch))
        begin_login(ch);
}

void
channel_say(struct channel *ch, int16_t api_key, int16_t version, const void *request)
{
    struct request_head head = {.api_key = api_key,
                                .version = version,
                                .client_id = ch->client_id,
                                .correlation_id = ch->next_correlation_id};
    struct frame f;
    CHECK(ch->state == CHANNEL_LOGGING_IN);
    CHECK(frame_request(&ch->env->mem, &ch->env->scratch, &head, request, &f));
    ch->next_correlation_id = head.correlation_id == INT32_MAX ? 0 : head.correlation_id + 1;
    ch->said_api_key = api_key;
    ch->said_version = version;
    ch->said_correlation_id = head.correlation_id;
    (void)frame_send(&ch->conn, &f);
}

/* As Kafka's clients: anew when nine tenths of the time have passed. */
void
channel_login_done(struct channel *ch, bool is_good, int64_t lifetime_ms)
{
    CHECK(ch->state == CHANNEL_LOGGING_IN);
    forget_login(ch);
    if (is_good) {
        int64_t life_ns = ns_of_ms(lifetime_ms);
        ch->login_until_ns =
            lifetime_ms > 0 ? env_now_ns(ch->env) + life_ns - life_ns / 10 : TIME_NEVER;
        open_for_calls(ch);
        return;
    }
    break_conn(ch, ENV_EACCES);
    ch->last_err = ENV_EACCES;
}

static bool
take_login_answer(struct channel *ch, struct slice frame)
{
    struct reader r = reader(frame);
    int32_t id;
    if (!response_head_read(&r, ch->said_api_key, ch->said_version, &id) ||
        id != ch->said_correlation_id)
        return false;
    ch->login->answered(ch->logging_in, reader_bytes(&r, reader_left(&r)));
    return true;
}

static void
on_connected(struct conn *c)
{
    struct channel *ch = channel_of(c);
    if (ch->state != CHANNEL_CONNECTING) return;
    if (ch->login) begin_login(ch);
    else open_for_calls(ch);
}

static void
channel_on_closed(struct conn *c, enum env_err why)
{
    struct channel *ch = channel_of(c);
    bool is_lost = ch->state == CHANNEL_OPEN && list_is_empty(&ch->calls);
    frame_reader_release(&ch->frames);
    forget_login(ch);
    if (ch->state != CHANNEL_STOPPED) {
        if (ch->state != CHANNEL_CLOSING) {
            ch->last_err = why;
            doom_all(ch, why);
        }
        ch->state = CHANNEL_WAITING;
        ch->failures++;
        timer_arm(ch->env, &ch->backoff, env_now_ns(ch->env) + backoff_ns(ch));
    }
    tell_doomed(ch);
    if (is_lost && ch->lost) ch->lost(ch);
    if (ch->state == CHANNEL_STOPPED) defer(ch->env, &ch->end);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Answers come in the order of the calls; anything else is not the protocol. */
static bool
channel_take_answer(struct channel *ch, struct slice frame, struct buf *from)
{
    struct call *call = LIST_FIRST(&ch->calls, struct call, node);
    struct reader r = reader(frame);
    int32_t id;
    if (!call || !response_head_read(&r, call->api_key, call->version, &id) ||
        id != call->correlation_id)
        return false;
    call_leave(call);
    call->ch = NULL;
    ch->failures = 0;
    ch->last_err = ENV_OK;
    ch->was_answered = true;
    call->done(call, ENV_OK, reader_bytes(&r, reader_left(&r)), from);
    login_again_if_due(ch);
    return true;
}

static void
channel_on_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct channel *ch = channel_of(c);
    struct slice frame;
    struct buf *holder;
    frame_reader_push(&ch->frames, data, from);
    while (ch->state == CHANNEL_OPEN || ch->state == CHANNEL_LOGGING_IN) {
        enum frame_result got = frame_reader_next(&ch->frames, &frame, &holder);
        if (got == FRAME_NONE) return;
        bool ok =
            got == FRAME_OK && (ch->state == CHANNEL_OPEN ? channel_take_answer(ch, frame, holder)
                                                          : take_login_answer(ch, frame));
        if (!ok) {
            break_conn(ch, ENV_ECORRUPT);
            return;
        }
    }
}

static const struct conn_ops conn_ops = {
    .connected = on_connected, .bytes = channel_on_bytes, .closed = channel_on_closed};

/* ---- calls ---------------------------------------------------------------------------------- */

static void
call_due(struct timer *t)
{
    struct call *call = CONTAINER_OF(t, struct call, timer);
    struct channel *ch = call->ch;
    bool waited_only = !has_conn(ch);
    if (!waited_only || ch->last_err == ENV_OK) ch->last_err = ENV_ETIMEDOUT;
    doom(ch, call, ENV_ETIMEDOUT);
    if (waited_only) tell_doomed(ch);
    else break_conn(ch, ENV_ECONNRESET);
}

/* Until there is a connection, all bytes of the frame lie in one buffer. */
static struct buf *
flatten(struct channel *ch, const struct frame *f)
{
    struct buf *b = buf_new(&ch->env->mem, f->bytes);
    for (int32_t i = 0; i < f->segs_n; i++) {
        CHECK(f->segs[i].buf); /* nobody asks with ranges of files */
        memcpy(b->data + b->n, f->segs[i].bytes.p, (size_t)f->segs[i].bytes.n);
        b->n += f->segs[i].bytes.n;
    }
    return b;
}

bool
channel_call(struct channel *ch, struct call *call, int16_t api_key, int16_t version,
             const void *request, int64_t timeout_ms, struct codec_refusal *ret_why)
{
    CHECK(!call_is_pending(call) && ch->state != CHANNEL_STOPPED);
    struct request_head head = {.api_key = api_key, .version = version, .client_id = ch->client_id};
    struct frame f;
    head.correlation_id = ch->next_correlation_id;
    if (!frame_request(&ch->env->mem, &ch->env->scratch, &head, request, &f)) {
        if (ret_why) *ret_why = f.why;
        return false;
    }
    ch->next_correlation_id = head.correlation_id == INT32_MAX ? 0 : head.correlation_id + 1;
    call->ch = ch;
    call->api_key = api_key;
    call->version = version;
    call->correlation_id = head.correlation_id;
    call->timer.due = call_due;
    list_push_back(&ch->calls, &call->node);
    if (timeout_ms > 0)
        timer_arm(ch->env, &call->timer, env_now_ns(ch->env) + timeout_ms * NS_PER_MS);
    if (ch->state == CHANNEL_OPEN && !login_is_over(ch)) {
        (void)frame_send(&ch->conn, &f);
        if (call->no_answer) settle(ch, call);
        return true;
    }
    call->unsent = flatten(ch, &f);
    frame_release(&f);
    connect_if_wanted(ch);
    login_again_if_due(ch);
    return true;
}

bool
call_decode(const struct call *call, struct slice body, struct arena *a, void *ret)
{
    const struct k_api *api = k_api_of(call->api_key);
    CHECK(api);
    return codec_decode_all((enum k_msg)api->response, call->version, body, a, ret);
}

/* ---- the channel ---------------------------------------------------------------------------- */

void
channel_tell(const struct channel *ch, struct writer *w)
{
    fmt_address(w, ch->host, ch->port);
    fmt_str(w, ": ");
    if (ch->last_err == ENV_EACCES) fmt_str(w, "it does not let us in");
    else if (ch->last_err != ENV_OK) fmt_str(w, env_err_text(ch->last_err));
    else fmt_str(w, ch->was_answered ? "answers" : "no answer yet");
}

/* Tells those that failed without a connection, and ends a channel that was stopped. */
static void
run_end(struct task *t)
{
    struct channel *ch = CONTAINER_OF(t, struct channel, end);
    tell_doomed(ch);
    if (ch->state != CHANNEL_STOPPED || ch->conn.state != CONN_IDLE) return;
    mem_free_slice(&ch->env->mem, ch->host);
    mem_free_slice(&ch->env->mem, ch->client_id);
    ch->host = ch->client_id = SLICE_NULL;
    if (ch->stopped) ch->stopped(ch);
}

void
channel_init(struct channel *ch, struct env *env, struct slice host, int32_t port,
             struct slice client_id)
{
    *ch = (struct channel){.env = env, .port = port, .backoff_ms = 50, .backoff_max_ms = 1000};
    ch->host = mem_dup(&env->mem, host);
    ch->client_id = mem_dup(&env->mem, client_id);
    ch->conn.ops = &conn_ops;
    ch->backoff.due = backoff_due;
    ch->end.run = run_end;
    list_init(&ch->calls);
    list_init(&ch->doomed);
}

void
channel_set_address(struct channel *ch, struct slice host, int32_t port)
{
    if (ch->port == port && slice_eq(ch->host, host)) return;
    struct slice old = ch->host;
    ch->host = mem_dup(&ch->env->mem, host);
    ch->port = port;
    mem_free_slice(&ch->env->mem, old);
    ch->failures = 0;
    ch->last_err = ENV_OK;
    ch->was_answered = false;
    if (has_conn(ch)) {
        break_conn(ch, ENV_ECONNRESET);
    } else if (ch->state == CHANNEL_WAITING) {
        timer_cancel(ch->env, &ch->backoff);
        ch->state = CHANNEL_IDLE;
        connect_if_wanted(ch);
    }
}

void
channel_reset(struct channel *ch)
{
    break_conn(ch, ENV_ECANCELED);
    if (ch->state != CHANNEL_CLOSING) defer(ch->env, &ch->end);
}

void
channel_stop(struct channel *ch, void (*stopped)(struct channel *ch))
{
    CHECK(ch->state != CHANNEL_STOPPED);
    ch->stopped = stopped;
    timer_cancel(ch->env, &ch->backoff);
    break_conn(ch, ENV_ECANCELED);
    ch->state = CHANNEL_STOPPED;
    if (ch->conn.state == CONN_IDLE) defer(ch->env, &ch->end);
}
