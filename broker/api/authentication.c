#include "broker/api/authentication.h"

#include "broker/api/handlers.h"
#include "broker/api/session.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/metadata/image.h"
#include "broker/security/plain.h"
#include "broker/security/scram_message.h"
#include "broker/security/scram_work.h"
#include "broker/security/secret.h"

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

static void
exchange_begin(struct authentication *a)
{
    a->scram = (struct scram_exchange){.is_begun = false};
    arena_init(&a->scram.arena, &a->session->server->env->mem, 0);
}

/* A connection may live for years; the user's keys do not lie beside it, nor the memory that they took. */
static void
exchange_end(struct authentication *a)
{
    secret_forget(a->scram.stored_key);
    secret_forget(a->scram.server_key);
    arena_release(&a->scram.arena);
    exchange_begin(a);
}

struct authentication *
authentication_new(struct session *s, const struct sasl_settings *settings)
{
    struct authentication *a = MEM_NEW(&s->server->env->mem, struct authentication);
    a->session = s;
    a->settings = settings;
    a->end.due = end_due;
    exchange_begin(a);
    return a;
}

void
authentication_free(struct authentication *a)
{
    if (!a) return;
    struct env *env = a->session->server->env;
    timer_cancel(env, &a->end);
    exchange_end(a);
    MEM_DELETE(&env->mem, a);
}

/* ---- failing ---- */

static int64_t
failure_delay_ns(const struct authentication *a)
{
    return ns_of_ms(a->settings->failure_delay_ms);
}

static void
note_failure(const struct authentication *a, const char *why, struct slice of_what)
{
    struct env *env = a->session->server->env;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "failed authentication: ");
    fmt_str(&w, why);
    fmt_slice(&w, of_what);
    NOTE(env, NOTE_LOG_MESSAGE, a->session->peer, writer_slice(&w), 2);
    writer_release(&w);
}

/* Who guesses is told so only after a while (KIP-306). */
static void
authentication_fail(struct authentication *a, const char *why, struct slice of_what)
{
    struct env *env = a->session->server->env;
    note_failure(a, why, of_what);
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
    if (v == SASL_ANSWERED_AND_CUT) return SASL_SERVED;
    bool is_stranger = a->state == SASL_BEGUN || a->state == SASL_VERSIONS_TOLD;
    if (v == SASL_CUT_NOW && is_stranger)
        note_failure(a,
                     is_request ? "unexpected request during SASL handshake: "
                                : "this is not Kafka's protocol",
                     is_request ? k_api_name(api_key) : SLICE_EMPTY);
    if (v != SASL_CUT_LATER) return v;
    if (a->state == SASL_OTHER_MECHANISM)
        authentication_fail(a, "who authenticates anew must keep to ",
                            sasl_mechanism_name(a->mechanism));
    else
        authentication_fail(a,
                            "unexpected request during SASL authentication: ", k_api_name(api_key));
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
    exchange_end(a);
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

/* ---- SCRAM ---- */

static const struct image_scram *
credential_of(const struct authentication *a, struct slice user)
{
    const struct image *im = a->session->server->image;
    return im ? image_scram(im, user, sasl_scram_number(a->mechanism)) : NULL;
}

static void
answer_scram_first(struct authentication *a, struct request *r, const struct scram_client_first *m,
                   const struct image_scram *c)
{
    struct scram_exchange *x = &a->scram;
    struct writer w = writer_mem(request_mem(r));
    fmt_slice(&w, m->nonce);
    fmt_slice(&w, scram_nonce(r->server->env, &r->arena));
    x->nonce = arena_dup(&x->arena, writer_slice(&w));
    w.n = 0;
    scram_write_server_first(&w, &(struct scram_server_first){x->nonce, c->salt, c->iterations});
    x->server_first = arena_dup(&x->arena, writer_slice(&w));
    writer_release(&w);
    x->user = arena_dup(&x->arena, m->user);
    x->header = arena_dup(&x->arena, m->header);
    x->client_first = arena_dup(&x->arena, m->bare);
    x->stored_key = arena_dup(&x->arena, c->stored_key);
    x->server_key = arena_dup(&x->arena, c->server_key);
    x->is_begun = true;
    answer_token(a, r, x->server_first, 0);
}

/* There are no delegation tokens, so nobody has one of that name (KIP-48). */
static void
take_scram_first(struct authentication *a, struct request *r, struct slice token)
{
    struct scram_client_first m;
    const struct image_scram *c = NULL;
    if (scram_read_client_first(token, &r->arena, &m) && !m.is_for_token)
        c = credential_of(a, m.user);
    if (!c || c->iterations < SCRAM_ITERATIONS_MIN) fail_token(a, r, SLICE_NULL);
    else if (m.authorisation_id.n && !slice_eq(m.authorisation_id, m.user))
        fail_token(a, r, S(SASL_OTHER_IDENTITY));
    else answer_scram_first(a, r, &m, c);
}

struct proof_check {
    struct op op;
    struct request *r;
};

/* Whose password was changed while he showed the old one is not let in by that any more. */
static bool
is_still_so(const struct authentication *a)
{
    const struct image_scram *c = credential_of(a, a->scram.user);
    return c && slice_eq(c->stored_key, a->scram.stored_key);
}

/* The exchange is over before its end is told: behind that the next one may begin. */
static void
proof_checked(struct op *op)
{
    struct request *r = CONTAINER_OF(op, struct proof_check, op)->r;
    struct authentication *a = r->session ? r->session->authentication : NULL;
    struct slice signature = op->err ? SLICE_EMPTY : arena_dup(&r->arena, buf_slice(op->buf));
    bool is_right = op->err == ENV_OK;
    buf_unref(op->buf);
    if (!a || a->state != SASL_TOKENS) {
        request_finish_silently(r);
        return;
    }
    is_right = is_right && is_still_so(a);
    struct slice user = arena_dup(&r->arena, a->scram.user);
    exchange_end(a);
    if (!is_right) {
        fail_token(a, r, SLICE_NULL);
        return;
    }
    struct writer w = writer_mem(request_mem(r));
    scram_write_server_final(&w, signature);
    accept_user(a, r, user, arena_dup(&r->arena, writer_slice(&w)));
    writer_release(&w);
}

static void
queue_proof_check(struct authentication *a, struct request *r, const struct scram_client_final *m)
{
    struct scram_exchange *x = &a->scram;
    struct proof_check *p = REQUEST_NEW(r, struct proof_check);
    struct slice said =
        scram_auth_message(&r->arena, x->client_first, x->server_first, m->without_proof);
    const struct slice parts[] = {x->stored_key, x->server_key, m->proof, said};
    p->r = r;
    p->op.done = proof_checked;
    scram_work(r->server->env, &p->op, WORK_SCRAM_CHECK, a->mechanism, parts, ARRAY_LEN(parts));
}

/* What it is bound to is what the first message said (RFC 5802, 6): else somebody between the two could have changed that. */
static void
take_scram_final(struct authentication *a, struct request *r, struct slice token)
{
    struct scram_client_final m;
    a->scram.is_begun = false; /* its keys are kept until the proof is looked at */
    bool ok = scram_read_client_final(token, &r->arena, &m) && slice_eq(m.nonce, a->scram.nonce) &&
              slice_eq(m.binding, a->scram.header);
    if (ok) {
        queue_proof_check(a, r, &m);
        return;
    }
    exchange_end(a);
    fail_token(a, r, SLICE_NULL);
}

static void
take_any_token(struct authentication *a, struct request *r, struct slice token)
{
    if (a->mechanism == SASL_PLAIN) take_plain(a, r, token);
    else if (a->scram.is_begun) take_scram_final(a, r, token);
    else take_scram_first(a, r, token);
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
    take_any_token(a, r, q->auth_bytes);
}
