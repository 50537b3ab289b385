#include "broker/api/authentication.h"

#include "broker/api/handlers.h"
#include "broker/api/session.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/security/plain.h"

/* An answer that says that it failed is on its way to the kernel when the connection is closed. */
#define LINGER_NS (10 * NS_PER_MS)

static void
authentication_move(struct authentication *a, enum sasl_state to)
{
    CHECK(sasl_state_may_move(a->state, to));
    a->state = to;
}

static void
end_due(struct timer *t)
{
    session_close(CONTAINER_OF(t, struct authentication, end)->session);
}

struct authentication *
authentication_new(struct session *s, const struct sasl_settings *settings)
{
    struct authentication *a = MEM_NEW(&s->server->env->mem, struct authentication);
    a->session = s;
    a->settings = settings;
    a->end.due = end_due;
    return a;
}

void
authentication_free(struct authentication *a)
{
    if (!a) return;
    struct env *env = a->session->server->env;
    timer_cancel(env, &a->end);
    MEM_DELETE(&env->mem, a);
}

/* ---- failing ---- */

static int64_t
failure_delay_ns(const struct authentication *a)
{
    return ns_of_ms(a->settings->failure_delay_ms);
}

/* Who guesses is told so only after a while (KIP-306). */
static void
authentication_fail(struct authentication *a, const char *why, struct slice of_what)
{
    struct env *env = a->session->server->env;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "failed authentication: ");
    fmt_str(&w, why);
    fmt_slice(&w, of_what);
    NOTE(env, NOTE_LOG_MESSAGE, a->session->peer, writer_slice(&w), 2);
    writer_release(&w);
    authentication_move(a, SASL_FAILED);
    conn_pause(&a->session->conn);
    timer_arm(env, &a->end, env_now_ns(env) + failure_delay_ns(a));
}

/* An answer that goes out later; then the connection ends. */
struct late_answer {
    struct timer timer;
    struct request *r;
    const void *response;
};

static void
late_due(struct timer *t)
{
    struct late_answer *l = CONTAINER_OF(t, struct late_answer, timer);
    request_answer(l->r, l->response);
}

/* response lies in the request's arena. */
static void
fail_with_answer(struct authentication *a, struct request *r, const void *response, const char *why,
                 struct slice of_what)
{
    struct env *env = r->server->env;
    authentication_fail(a, why, of_what);
    struct late_answer *l = REQUEST_NEW(r, struct late_answer);
    *l = (struct late_answer){.timer.due = late_due, .r = r, .response = response};
    int64_t at_ns = env_now_ns(env) + failure_delay_ns(a);
    timer_arm(env, &l->timer, at_ns);
    timer_arm(env, &a->end, at_ns + LINGER_NS);
}

/* ---- what may come ---- */

enum sasl_verdict
authentication_admit(struct authentication *a, bool is_request, int16_t api_key)
{
    struct env *env = a->session->server->env;
    if (a->state == SASL_COMPLETE && api_key != K_API_SASL_HANDSHAKE &&
        session_life_is_over(&a->life, env_now_ns(env)))
        return SASL_CUT_NOW;
    enum sasl_verdict v = sasl_admit(a->state, is_request, api_key);
    if (v == SASL_ANSWERED_AND_CUT)
        v = api_key == K_API_SASL_HANDSHAKE || api_key == K_API_API_VERSIONS ? SASL_SERVED
                                                                             : SASL_CUT_LATER;
    if (v != SASL_CUT_LATER) return v;
    if (!is_request)
        authentication_fail(
            a, "this is neither Kafka's protocol nor GSSAPI, which is not supported", SLICE_EMPTY);
    else if (a->state == SASL_OTHER_MECHANISM)
        authentication_fail(a, "who authenticates anew must keep to ",
                            sasl_mechanism_name(a->mechanism));
    else
        authentication_fail(a,
                            a->state == SASL_TOKENS
                                ? "unexpected request during SASL authentication: "
                                : "unexpected request during SASL handshake: ",
                            k_api_name(api_key));
    return v;
}

void
authentication_too_large(struct authentication *a)
{
    authentication_fail(a, "what came is larger than a token may be", SLICE_EMPTY);
}

bool
authentication_is_out_of_turn(const struct request *r)
{
    return r->session && r->session->authentication &&
           r->session->authentication->state == SASL_TOKENS;
}

void
authentication_refuse(struct request *r, const void *response)
{
    fail_with_answer(r->session->authentication, r, response,
                     "unexpected request during SASL authentication: ", k_api_name(r->api_key));
}

void
authentication_versions_told(const struct request *r)
{
    struct authentication *a = r->session ? r->session->authentication : NULL;
    if (a && a->state == SASL_BEGUN) authentication_move(a, SASL_VERSIONS_TOLD);
}

/* ---- SaslHandshake ---- */

static void
list_mechanisms(const struct authentication *a, struct request *r,
                struct k_sasl_handshake_response *res)
{
    res->mechanisms = REQUEST_ARRAY(r, struct slice, a->settings->enabled_n);
    res->mechanisms_n = a->settings->enabled_n;
    for (int32_t i = 0; i < a->settings->enabled_n; i++)
        res->mechanisms[i] = sasl_mechanism_name(a->settings->enabled[i]);
}

static void
begin_tokens(struct authentication *a, struct request *r, enum sasl_mechanism m)
{
    bool keeps = a->state != SASL_COMPLETE || m == a->mechanism;
    a->is_again = a->state == SASL_COMPLETE;
    a->has_headers |= r->version >= 1;
    authentication_move(a, keeps ? SASL_TOKENS : SASL_OTHER_MECHANISM);
    if (keeps) a->mechanism = m;
}

/* Where nobody authenticates, or has done so already, it is an error that leaves the connection as it is. */
static bool
is_handshake_expected(struct authentication *a, int64_t now_ns)
{
    if (!a) return false;
    return a->state != SASL_COMPLETE || session_life_begin_again(&a->life, now_ns);
}

void
handle_sasl_handshake(struct server *s, struct request *r)
{
    const struct k_sasl_handshake_request *q = r->message;
    struct authentication *a = r->session ? r->session->authentication : NULL;
    struct k_sasl_handshake_response *res = REQUEST_NEW(r, struct k_sasl_handshake_response);
    codec_default(K_MSG_SASL_HANDSHAKE_RESPONSE, res);
    if (authentication_is_out_of_turn(r)) {
        res->error_code = K_ERR_ILLEGAL_SASL_STATE;
        authentication_refuse(r, res);
        return;
    }
    if (!is_handshake_expected(a, env_now_ns(s->env))) {
        res->error_code = K_ERR_ILLEGAL_SASL_STATE;
        request_answer(r, res);
        return;
    }
    list_mechanisms(a, r, res);
    enum sasl_mechanism m = sasl_mechanism_find(q->mechanism);
    if (m == SASL_MECHANISMS_N || !sasl_settings_enable(a->settings, m)) {
        res->error_code = K_ERR_UNSUPPORTED_SASL_MECHANISM;
        fail_with_answer(a, r, res, "unsupported SASL mechanism ", q->mechanism);
        return;
    }
    begin_tokens(a, r, m);
    request_answer(r, res);
}

/* ---- tokens ---- */

static void
answer_token(struct authentication *a, struct request *r, struct slice token, int64_t lifetime_ms)
{
    if (!a->has_headers) {
        request_answer_bare(r, token);
        return;
    }
    struct k_sasl_authenticate_response res;
    codec_default(K_MSG_SASL_AUTHENTICATE_RESPONSE, &res);
    res.auth_bytes = token;
    res.session_lifetime_ms = lifetime_ms;
    request_answer(r, &res);
}

/* message: what the client is told; null: that the credentials are wrong. */
static void
fail_token(struct authentication *a, struct request *r, struct slice message)
{
    struct writer w = writer_mem(&r->server->env->mem);
    if (!message.p) {
        fmt_str(&w, a->is_again ? "Authentication failed during re-authentication"
                                : "Authentication failed during authentication");
        fmt_str(&w, " due to invalid credentials with SASL mechanism ");
        fmt_slice(&w, sasl_mechanism_name(a->mechanism));
        message = arena_dup(&r->arena, writer_slice(&w));
    }
    writer_release(&w);
    if (!a->has_headers) {
        authentication_fail(a, "", message);
        request_finish_silently(r);
        return;
    }
    struct k_sasl_authenticate_response *res = REQUEST_NEW(r, struct k_sasl_authenticate_response);
    codec_default(K_MSG_SASL_AUTHENTICATE_RESPONSE, res);
    res->error_code = K_ERR_SASL_AUTHENTICATION_FAILED;
    res->error_message = message;
    res->auth_bytes = SLICE_EMPTY;
    fail_with_answer(a, r, res, "", message);
}

/* A connection's requests under way have been let in as somebody: he stays that (KIP-368). */
static void
fail_changed(struct authentication *a, struct request *r, struct slice user)
{
    struct slice before = r->session->principal;
    struct writer w = writer_mem(&r->server->env->mem);
    fmt_str(&w, "Cannot change principals during re-authentication from User.");
    fmt_slice(&w, slice_sub(before, 5, before.n));
    fmt_str(&w, ": User.");
    fmt_slice(&w, user);
    fail_token(a, r, arena_dup(&r->arena, writer_slice(&w)));
    writer_release(&w);
}

/* He is who he says. */
static void
accept_user(struct authentication *a, struct request *r, struct slice user, struct slice token)
{
    struct env *env = r->server->env;
    struct session *s = r->session;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "User:");
    fmt_slice(&w, user);
    bool is_other = a->is_again && !slice_eq(s->principal, writer_slice(&w));
    if (is_other) {
        fail_changed(a, r, user);
    } else {
        int64_t max_ms = a->settings->max_reauth_ms[a->mechanism];
        session_life_begin(&a->life, max_ms, env_now_ns(env));
        authentication_move(a, SASL_COMPLETE);
        session_set_principal(s, writer_slice(&w));
        r->principal = s->principal;
        answer_token(a, r, token, a->life.has_end ? max_ms : 0);
    }
    writer_release(&w);
}

static void
take_plain(struct authentication *a, struct request *r, struct slice token)
{
    struct plain_token t;
    int32_t parts = plain_read(token, &t);
    if (parts != 3) {
        struct writer w = writer_mem(&r->server->env->mem);
        fmt_str(&w, "Invalid SASL/PLAIN response: expected 3 tokens, got ");
        fmt_i64(&w, parts);
        fail_token(a, r, arena_dup(&r->arena, writer_slice(&w)));
        writer_release(&w);
        return;
    }
    struct slice refusal = plain_check(&t, &a->settings->jaas[SASL_PLAIN]);
    if (refusal.p) fail_token(a, r, refusal);
    else accept_user(a, r, t.user, SLICE_EMPTY);
}

void
handle_sasl_authenticate(struct server *s, struct request *r)
{
    (void)s;
    const struct k_sasl_authenticate_request *q = r->message;
    struct authentication *a = r->session ? r->session->authentication : NULL;
    if (!a || a->state != SASL_TOKENS) {
        struct k_sasl_authenticate_response res;
        codec_default(K_MSG_SASL_AUTHENTICATE_RESPONSE, &res);
        res.error_code = K_ERR_ILLEGAL_SASL_STATE;
        res.error_message = S("SaslAuthenticate request received after successful authentication");
        res.auth_bytes = SLICE_EMPTY;
        request_answer(r, &res);
        return;
    }
    take_plain(a, r, q->auth_bytes);
}
