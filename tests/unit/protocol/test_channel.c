/* A channel over a body that the test plays itself. */
#include "tests/lib/test.h"

#include "broker/base/check.h"
#include "broker/protocol/channel.h"
#include "broker/security/sasl_login.h"

#include "apis.h"
#include "errors.h"

#define CALLS 4

struct bench;

struct test_call {
    struct call call;
    struct bench *b;
    int i;
};

struct bench {
    struct env env;
    struct channel ch;
    struct test_call calls[CALLS];
    enum env_err err[CALLS];
    int done[CALLS]; /* how often */
    int order[16], order_n;
    int32_t throttle[CALLS]; /* decoded from the answers */
    int connects, closes, stopped;
    struct writer sent; /* bytes to the peer */
    bool call_again;    /* from done() */
};

static struct bench *
bench_of(struct channel *ch)
{
    return CONTAINER_OF(ch, struct bench, ch);
}

static void
take_effects(struct bench *b)
{
    for (int64_t i = 0; i < b->env.effects.n; i++) {
        const struct effect *e = &b->env.effects.v[i];
        b->connects += e->kind == EF_CONNECT;
        b->closes += e->kind == EF_CLOSE;
        for (int32_t k = 0; e->kind == EF_SEND && k < e->segs_n; k++)
            writer_bytes(&b->sent, e->segs[k].bytes);
    }
    env_effects_clear(&b->env);
}

static void
deliver(struct bench *b, struct event ev)
{
    ev.now_ns = MAX(ev.now_ns, b->env.now_ns);
    env_deliver(&b->env, &ev);
    take_effects(b);
    while (env_has_deferred(&b->env)) {
        env_deliver(&b->env, &(struct event){.kind = EV_AGAIN, .now_ns = b->env.now_ns});
        take_effects(b);
    }
}

static void
deliver_conn(struct bench *b, enum event_kind kind, enum env_err err)
{
    deliver(b, (struct event){.kind = kind, .conn = &b->ch.conn, .err = err});
}

static void
deliver_bytes(struct bench *b, struct slice s)
{
    struct buf *buf = buf_copy(&b->env.mem, s);
    deliver(b, (struct event){
                   .kind = EV_BYTES, .conn = &b->ch.conn, .data = buf_slice(buf), .buf = buf});
}

/* Runs all timers due until then. */
static void
pass_ms(struct bench *b, int64_t ms)
{
    int64_t until = b->env.now_ns + ms * NS_PER_MS;
    while (env_next_deadline_ns(&b->env) <= until)
        deliver(b, (struct event){.kind = EV_TIMER, .now_ns = env_next_deadline_ns(&b->env)});
    b->env.now_ns = until;
}

static void start(struct bench *b, int i, int64_t timeout_ms);

static void
on_done(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct test_call *mine = CONTAINER_OF(call, struct test_call, call);
    struct bench *b = mine->b;
    int i = mine->i;
    (void)from;
    b->done[i]++;
    b->err[i] = err;
    b->order[b->order_n++] = i;
    struct k_heartbeat_response r;
    if (err == ENV_OK && call_decode(call, body, &b->env.scratch, &r))
        b->throttle[i] = r.throttle_time_ms;
    if (b->call_again) {
        b->call_again = false;
        start(b, 3, 0);
    }
}

static void
start(struct bench *b, int i, int64_t timeout_ms)
{
    struct k_heartbeat_request r;
    codec_default(K_MSG_HEARTBEAT_REQUEST, &r);
    b->calls[i] = (struct test_call){.call.done = on_done, .b = b, .i = i};
    assert_true(channel_call(&b->ch, &b->calls[i].call, K_API_HEARTBEAT, 4, &r, timeout_ms, NULL));
    take_effects(b);
}

/* The answer to the n-th request of this channel. */
static struct slice
answer(struct bench *b, int32_t correlation_id, int32_t throttle)
{
    struct k_heartbeat_response r;
    struct frame f;
    codec_default(K_MSG_HEARTBEAT_RESPONSE, &r);
    r.throttle_time_ms = throttle;
    assert_true(
        frame_response(&b->env.mem, &b->env.scratch, K_API_HEARTBEAT, 4, correlation_id, &r, &f));
    struct slice s = arena_dup(&b->env.scratch, f.segs[0].bytes);
    frame_release(&f);
    return s;
}

static void
connect(struct bench *b)
{
    deliver_conn(b, EV_CONNECTED, ENV_OK);
}

static int
requests_sent(struct bench *b)
{
    int n = 0;
    for (struct reader r = reader(writer_slice(&b->sent)); reader_left(&r) > 0; n++) {
        reader_skip(&r, reader_i32(&r));
        assert_false(r.err);
    }
    return n;
}

static void
on_stopped(struct channel *ch)
{
    bench_of(ch)->stopped++;
}

static int
setup(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 28};
    env_init(&b.env, &p);
    b.sent = writer_mem(&b.env.mem);
    channel_init(&b.ch, &b.env, S("b1"), 9092, S("test"));
    *state = &b;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    env_release(&b->env);
    return 0;
}

/* ---- claims --------------------------------------------------------------------------------- */

static void
it_connects_when_there_is_something_to_send(void **state)
{
    struct bench *b = *state;
    assert_int_equal(b->connects, 0);
    start(b, 0, 0);
    start(b, 1, 0);
    assert_int_equal(b->connects, 1);
    assert_int_equal(requests_sent(b), 0);
    connect(b);
    assert_int_equal(requests_sent(b), 2);
    start(b, 2, 0);
    assert_int_equal(requests_sent(b), 3);
}

static void
answers_reach_their_calls_in_order(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    connect(b);
    start(b, 1, 0);
    deliver_bytes(b, answer(b, 0, 11));
    assert_false(call_is_pending(&b->calls[0].call));
    assert_true(call_is_pending(&b->calls[1].call));
    deliver_bytes(b, answer(b, 1, 22));
    assert_int_equal(b->throttle[0], 11);
    assert_int_equal(b->throttle[1], 22);
    assert_int_equal(b->err[1], ENV_OK);
}

static void
answers_may_be_cut_and_merged_anywhere(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    start(b, 1, 0);
    connect(b);
    struct writer w = writer_mem(&b->env.mem);
    writer_bytes(&w, answer(b, 0, 5));
    writer_bytes(&w, answer(b, 1, 6));
    for (int64_t i = 0; i < w.n - 3; i++) deliver_bytes(b, slice(w.p + i, 1));
    assert_int_equal(b->throttle[0], 5);
    assert_int_equal(b->done[1], 0);
    deliver_bytes(b, slice(w.p + w.n - 3, 3));
    assert_int_equal(b->throttle[1], 6);
    writer_release(&w);
}

static void
a_wrong_correlation_id_breaks_the_connection(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    connect(b);
    deliver_bytes(b, answer(b, 7, 0));
    assert_int_equal(b->closes, 1);
    assert_int_equal(b->done[0], 0);
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->done[0], 1);
    assert_int_equal(b->err[0], ENV_ECORRUPT);
}

static void
an_answer_that_nobody_asked_for_breaks_the_connection(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    connect(b);
    deliver_bytes(b, answer(b, 0, 0));
    deliver_bytes(b, answer(b, 1, 0));
    assert_int_equal(b->closes, 1);
}

static void
all_calls_fail_when_the_connection_breaks(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    connect(b);
    start(b, 1, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECONNRESET);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(b->done[i], 1);
        assert_int_equal(b->err[i], ENV_ECONNRESET);
        assert_int_equal(b->order[i], i);
    }
}

static void
a_call_made_after_a_failure_waits_for_the_backoff(void **state)
{
    struct bench *b = *state;
    b->call_again = true;
    start(b, 0, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECONNREFUSED);
    assert_int_equal(b->err[0], ENV_ECONNREFUSED);
    assert_true(call_is_pending(&b->calls[3].call));
    assert_int_equal(b->connects, 1);
    pass_ms(b, 39);
    assert_int_equal(b->connects, 1);
    pass_ms(b, 22);
    assert_int_equal(b->connects, 2);
    connect(b);
    deliver_bytes(b, answer(b, 1, 9));
    assert_int_equal(b->throttle[3], 9);
}

static void
the_backoff_doubles_up_to_its_limit(void **state)
{
    struct bench *b = *state;
    int64_t last = 0;
    for (int i = 0; i < 10; i++) {
        start(b, 0, 0);
        if (b->ch.state == CHANNEL_WAITING) pass_ms(b, 1300);
        deliver_conn(b, EV_CLOSED, ENV_ECONNREFUSED);
        last = env_next_deadline_ns(&b->env) - b->env.now_ns;
        if (i == 0) assert_true(last >= 40 * NS_PER_MS && last <= 60 * NS_PER_MS);
        if (i == 2) assert_true(last >= 160 * NS_PER_MS && last <= 240 * NS_PER_MS);
    }
    assert_true(last >= 800 * NS_PER_MS && last <= 1200 * NS_PER_MS);
}

static void
a_call_that_times_out_breaks_the_connection(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    start(b, 1, 100);
    connect(b);
    pass_ms(b, 99);
    assert_int_equal(b->closes, 0);
    pass_ms(b, 1);
    assert_int_equal(b->closes, 1);
    start(b, 2, 0); /* waits for the next connection */
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->err[1], ENV_ETIMEDOUT);
    assert_int_equal(b->err[0], ENV_ECONNRESET);
    assert_true(call_is_pending(&b->calls[2].call));
    pass_ms(b, 60);
    assert_int_equal(b->connects, 2);
}

static void
an_answered_call_does_not_time_out(void **state)
{
    struct bench *b = *state;
    start(b, 0, 100);
    connect(b);
    deliver_bytes(b, answer(b, 0, 0));
    pass_ms(b, 1000);
    assert_int_equal(b->closes, 0);
    assert_int_equal(b->done[0], 1);
}

static void
a_call_can_time_out_during_the_backoff(void **state)
{
    struct bench *b = *state;
    b->ch.backoff_ms = b->ch.backoff_max_ms = 10000;
    start(b, 0, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECONNREFUSED);
    start(b, 1, 100);
    pass_ms(b, 100);
    assert_int_equal(b->err[1], ENV_ETIMEDOUT);
    assert_int_equal(b->connects, 1);
}

static void
a_reset_fails_the_calls_and_the_channel_goes_on(void **state)
{
    struct bench *b = *state;
    start(b, 0, 0);
    connect(b);
    channel_reset(&b->ch);
    take_effects(b);
    assert_int_equal(b->done[0], 0);
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->err[0], ENV_ECANCELED);
    start(b, 1, 0);
    pass_ms(b, 100);
    assert_int_equal(b->connects, 2);
}

static void
another_address_is_used_at_once(void **state)
{
    struct bench *b = *state;
    b->ch.backoff_ms = b->ch.backoff_max_ms = 10000;
    start(b, 0, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECONNREFUSED);
    start(b, 1, 0);
    assert_int_equal(b->connects, 1);
    channel_set_address(&b->ch, S("b2"), 9092);
    take_effects(b);
    assert_int_equal(b->connects, 2);
}

static void
a_stopped_channel_ends_when_nothing_refers_to_it(void **state)
{
    struct bench *b = *state;
    start(b, 0, 500);
    connect(b);
    channel_stop(&b->ch, on_stopped);
    take_effects(b);
    assert_int_equal(b->stopped, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->err[0], ENV_ECANCELED);
    assert_int_equal(b->stopped, 1);
    assert_int_equal(env_next_deadline_ns(&b->env), TIME_NEVER);
}

static void
an_idle_channel_stops_in_the_next_step(void **state)
{
    struct bench *b = *state;
    channel_stop(&b->ch, on_stopped);
    assert_int_equal(b->stopped, 0);
    env_deliver(&b->env, &(struct event){.kind = EV_AGAIN});
    assert_int_equal(b->stopped, 1);
}

static void
a_request_that_cannot_be_expressed_is_not_queued(void **state)
{
    struct bench *b = *state;
    struct k_metadata_request r;
    struct codec_refusal why;
    codec_default(K_MSG_METADATA_REQUEST, &r);
    r.topics_n = -1;
    assert_false(channel_call(&b->ch, &b->calls[0].call, K_API_METADATA, 0, &r, 0, &why));
    assert_slice(why.field, "Topics");
    assert_false(call_is_pending(&b->calls[0].call));
    assert_int_equal(b->connects, 0);
}

/* ---- who we are, said first (security/sasl_login.h) ------------------------------------------------- */

/* The answer to the n-th request of this channel. */
static void
deliver_answer(struct bench *b, int16_t api_key, int16_t version, int32_t correlation_id,
               const void *response)
{
    struct frame f;
    assert_true(frame_response(&b->env.mem, &b->env.scratch, api_key, version, correlation_id,
                               response, &f));
    struct slice s = arena_dup(&b->env.scratch, f.segs[0].bytes);
    frame_release(&f);
    deliver_bytes(b, s);
}

static void
shake_hands(struct bench *b, int32_t correlation_id, int16_t err)
{
    struct k_sasl_handshake_response r;
    codec_default(K_MSG_SASL_HANDSHAKE_RESPONSE, &r);
    r.error_code = err;
    deliver_answer(b, K_API_SASL_HANDSHAKE, 1, correlation_id, &r);
}

static void
answer_token(struct bench *b, int32_t correlation_id, int16_t err, int64_t lifetime_ms)
{
    struct k_sasl_authenticate_response r;
    codec_default(K_MSG_SASL_AUTHENTICATE_RESPONSE, &r);
    r.error_code = err;
    r.session_lifetime_ms = lifetime_ms;
    deliver_answer(b, K_API_SASL_AUTHENTICATE, 2, correlation_id, &r);
}

static struct sasl_login login;

static void
log_in_as_alice(struct bench *b)
{
    sasl_login_init(&login, SASL_PLAIN, S("alice"), S("wonder"));
    b->ch.login = &login.kind;
}

static bool
has_sent(struct bench *b, struct slice what)
{
    for (int64_t i = 0; i < b->sent.n; i++)
        if (slice_starts(slice_sub(writer_slice(&b->sent), i, b->sent.n), what)) return true;
    return false;
}

/* Calls have the numbers in which they were made; what is said before them has later ones. */
static void
calls_wait_until_it_is_known_who_we_are(void **state)
{
    struct bench *b = *state;
    log_in_as_alice(b);
    start(b, 0, 0);
    connect(b);
    assert_int_equal(requests_sent(b), 1);
    assert_true(has_sent(b, S("PLAIN")));
    assert_false(has_sent(b, S("wonder")));
    shake_hands(b, 1, 0);
    assert_int_equal(requests_sent(b), 2);
    assert_true(has_sent(b, S("\0alice\0wonder")));
    start(b, 1, 0);
    assert_int_equal(requests_sent(b), 2);
    answer_token(b, 2, 0, 0);
    assert_int_equal(requests_sent(b), 4);
    deliver_bytes(b, answer(b, 0, 11));
    assert_int_equal(b->throttle[0], 11);
    pass_ms(b, 1000000);
    start(b, 2, 0);
    assert_int_equal(requests_sent(b), 5);
}

static void
who_is_not_let_in_tries_again_later(void **state)
{
    struct bench *b = *state;
    log_in_as_alice(b);
    start(b, 0, 0);
    connect(b);
    shake_hands(b, 1, 0);
    answer_token(b, 2, K_ERR_SASL_AUTHENTICATION_FAILED, 0);
    assert_int_equal(b->closes, 1);
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->done[0], 1);
    assert_int_not_equal(b->err[0], ENV_OK);
    struct writer w = writer_mem(&b->env.mem);
    channel_tell(&b->ch, &w);
    assert_slice(writer_slice(&w), "b1:9092: it does not let us in");
    start(b, 1, 0);
    assert_int_equal(b->connects, 1);
    pass_ms(b, 100);
    assert_int_equal(b->connects, 2);
    connect(b);
    shake_hands(b, 4, K_ERR_UNSUPPORTED_SASL_MECHANISM);
    assert_int_equal(b->closes, 2);
}

/* As soon as nine tenths of the time are over, and nobody waits for an answer. */
static void
it_is_said_anew_when_its_time_is_over(void **state)
{
    struct bench *b = *state;
    log_in_as_alice(b);
    start(b, 0, 0);
    connect(b);
    shake_hands(b, 1, 0);
    answer_token(b, 2, 0, 1000);
    pass_ms(b, 899);
    start(b, 1, 0); /* correlation 3 */
    assert_int_equal(requests_sent(b), 4);
    deliver_bytes(b, answer(b, 0, 0));
    pass_ms(b, 1);
    start(b, 2, 0); /* 4 */
    assert_int_equal(requests_sent(b), 4);
    deliver_bytes(b, answer(b, 3, 0));
    assert_int_equal(requests_sent(b), 5); /* hands are shaken again */
    shake_hands(b, 5, 0);
    answer_token(b, 6, 0, 1000);
    assert_int_equal(requests_sent(b), 7);
    deliver_bytes(b, answer(b, 4, 44));
    assert_int_equal(b->throttle[2], 44);
    assert_int_equal(b->closes, 0);
}

static void
a_connection_may_break_while_it_is_said(void **state)
{
    struct bench *b = *state;
    log_in_as_alice(b);
    start(b, 0, 0);
    connect(b);
    shake_hands(b, 1, 0);
    deliver_conn(b, EV_CLOSED, ENV_ECONNRESET);
    assert_int_equal(b->err[0], ENV_ECONNRESET);
    pass_ms(b, 100);
    start(b, 1, 0);
    connect(b);
    deliver_bytes(b, S("\0\0\0\4none"));
    assert_int_equal(b->closes, 1);
    channel_stop(&b->ch, on_stopped);
    deliver_conn(b, EV_CLOSED, ENV_ECANCELED);
    assert_int_equal(b->stopped, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_connects_when_there_is_something_to_send),
        T(answers_reach_their_calls_in_order),
        T(answers_may_be_cut_and_merged_anywhere),
        T(a_wrong_correlation_id_breaks_the_connection),
        T(an_answer_that_nobody_asked_for_breaks_the_connection),
        T(all_calls_fail_when_the_connection_breaks),
        T(a_call_made_after_a_failure_waits_for_the_backoff),
        T(the_backoff_doubles_up_to_its_limit),
        T(a_call_that_times_out_breaks_the_connection),
        T(an_answered_call_does_not_time_out),
        T(a_call_can_time_out_during_the_backoff),
        T(a_reset_fails_the_calls_and_the_channel_goes_on),
        T(another_address_is_used_at_once),
        T(a_stopped_channel_ends_when_nothing_refers_to_it),
        T(an_idle_channel_stops_in_the_next_step),
        T(a_request_that_cannot_be_expressed_is_not_queued),
        T(calls_wait_until_it_is_known_who_we_are),
        T(who_is_not_let_in_tries_again_later),
        T(it_is_said_anew_when_its_time_is_over),
        T(a_connection_may_break_while_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
