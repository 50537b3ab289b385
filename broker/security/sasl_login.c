#include "broker/security/sasl_login.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/security/scram_message.h"
#include "broker/security/scram_work.h"
#include "broker/security/secret.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define HANDSHAKE_VERSION 1
#define AUTHENTICATE_VERSION 2

/* On one connection. While something is hashed it stays, though its connection may be gone. */
struct login {
    const struct sasl_login *as;
    struct env *env;
    struct channel *ch; /* NULL: forgotten */
    bool has_shaken_hands;
    /* Of SCRAM. */
    struct arena arena;
    struct op op;
    struct slice client_first, nonce, client_final, signature;
};

static void
login_free(struct login *l)
{
    struct env *env = l->env;
    arena_release(&l->arena);
    MEM_DELETE(&env->mem, l);
}

static void
say_token(struct login *l, struct slice token)
{
    struct k_sasl_authenticate_request q;
    codec_default(K_MSG_SASL_AUTHENTICATE_REQUEST, &q);
    q.auth_bytes = token;
    channel_say(l->ch, K_API_SASL_AUTHENTICATE, AUTHENTICATE_VERSION, &q);
}

static struct login *
login_begin(const struct login_kind *k, struct channel *ch)
{
    struct login *l = MEM_NEW(&ch->env->mem, struct login);
    l->as = (const struct sasl_login *)k;
    l->ch = ch;
    l->env = ch->env;
    arena_init(&l->arena, &ch->env->mem, 0);
    struct k_sasl_handshake_request q;
    codec_default(K_MSG_SASL_HANDSHAKE_REQUEST, &q);
    q.mechanism = sasl_mechanism_name(l->as->mechanism);
    channel_say(ch, K_API_SASL_HANDSHAKE, HANDSHAKE_VERSION, &q);
    return l;
}

static void
login_forget(struct login *l)
{
    l->ch = NULL;
    if (!op_is_pending(&l->op)) login_free(l);
}

/* Why goes into the log: calls only learn that it did not go well. */
static void
login_fail(struct login *l, struct slice why)
{
    struct env *env = l->ch->env;
    struct writer w = writer_mem(&env->mem);
    fmt_slice(&w, l->ch->client_id);
    fmt_str(&w, " is not let in as ");
    fmt_slice(&w, l->as->user);
    fmt_str(&w, " by ");
    channel_tell(l->ch, &w);
    fmt_str(&w, ": ");
    fmt_slice(&w, why);
    NOTE(env, NOTE_LOG_MESSAGE, SLICE_NULL, writer_slice(&w), 2);
    writer_release(&w);
    channel_login_done(l->ch, false, 0);
}

static void
say_plain(struct login *l)
{
    struct writer w = writer_mem(&l->ch->env->mem);
    fmt_char(&w, 0);
    fmt_slice(&w, l->as->user);
    fmt_char(&w, 0);
    fmt_slice(&w, l->as->password);
    say_token(l, writer_slice(&w));
    writer_release(&w);
}

/* ---- SCRAM ---- */

static void
say_scram_first(struct login *l)
{
    struct writer w = writer_mem(&l->env->mem);
    l->nonce = scram_nonce(l->env, &l->arena);
    scram_write_client_first(&w, l->as->user, l->nonce);
    say_token(l, writer_slice(&w));
    l->client_first = arena_dup(&l->arena, slice_sub(writer_slice(&w), 3, w.n)); /* behind "n,," */
    writer_release(&w);
}

static void
say_scram_final(struct op *op)
{
    struct login *l = CONTAINER_OF(op, struct login, op);
    struct slice both = op->err ? SLICE_EMPTY : arena_dup(&l->arena, buf_slice(op->buf));
    buf_unref(op->buf);
    if (!l->ch) {
        login_free(l);
        return;
    }
    if (!both.n) {
        login_fail(l, S("the proof that it asks for cannot be computed"));
        return;
    }
    l->signature = slice_sub(both, both.n / 2, both.n);
    struct writer w = writer_mem(&l->env->mem);
    fmt_slice(&w, l->client_final);
    scram_write_proof(&w, slice_sub(both, 0, both.n / 2));
    say_token(l, writer_slice(&w));
    writer_release(&w);
}

/* A nonce that does not go on from ours is the answer to somebody else. */
static void
prove(struct login *l, struct slice token)
{
    struct scram_server_first m;
    struct slice server_first = arena_dup(&l->arena, token);
    if (!scram_read_server_first(server_first, &l->arena, &m) || !slice_starts(m.nonce, l->nonce)) {
        login_fail(l, S("its answer to the first token is none"));
        return;
    }
    struct writer w = writer_mem(&l->env->mem);
    scram_write_client_final(&w, m.nonce);
    l->client_final = arena_dup(&l->arena, writer_slice(&w));
    writer_release(&w);
    uint8_t iterations[4];
    store_be32(iterations, (uint32_t)m.iterations);
    const struct slice parts[] = {
        l->as->password, m.salt, slice(iterations, 4),
        scram_auth_message(&l->arena, l->client_first, server_first, l->client_final)};
    l->op.done = say_scram_final;
    scram_work(l->env, &l->op, WORK_SCRAM_PROVE, l->as->mechanism, parts, ARRAY_LEN(parts));
}

/* Who does not know the keys of the password is not the one that we mean to speak to. */
static bool
is_server(struct login *l, struct slice token)
{
    struct slice signature;
    return scram_read_server_final(token, &l->arena, &signature) &&
           secret_eq(signature, l->signature);
}

static void
hands_were_shaken(struct login *l, struct slice body)
{
    struct k_sasl_handshake_response res;
    if (!codec_decode_all(K_MSG_SASL_HANDSHAKE_RESPONSE, HANDSHAKE_VERSION, body,
                          &l->ch->env->scratch, &res)) {
        login_fail(l, S("its answer to SaslHandshake is none"));
        return;
    }
    if (res.error_code) {
        login_fail(l, k_err_name(res.error_code));
        return;
    }
    l->has_shaken_hands = true;
    if (l->as->mechanism == SASL_PLAIN) say_plain(l);
    else say_scram_first(l);
}

static void
token_was_answered(struct login *l, struct slice body)
{
    struct k_sasl_authenticate_response res;
    if (!codec_decode_all(K_MSG_SASL_AUTHENTICATE_RESPONSE, AUTHENTICATE_VERSION, body,
                          &l->ch->env->scratch, &res))
        login_fail(l, S("its answer to SaslAuthenticate is none"));
    else if (res.error_code)
        login_fail(l, res.error_message.n ? res.error_message : k_err_name(res.error_code));
    else if (l->as->mechanism != SASL_PLAIN && !l->client_final.p) prove(l, res.auth_bytes);
    else if (l->as->mechanism != SASL_PLAIN && !is_server(l, res.auth_bytes))
        login_fail(l, S("it does not know the password itself"));
    else channel_login_done(l->ch, true, res.session_lifetime_ms);
}

static void
login_answered(struct login *l, struct slice body)
{
    if (l->has_shaken_hands) token_was_answered(l, body);
    else hands_were_shaken(l, body);
}

void
sasl_login_init(struct sasl_login *s, enum sasl_mechanism m, struct slice user,
                struct slice password)
{
    *s = (struct sasl_login){.kind = {login_begin, login_answered, login_forget},
                             .mechanism = m,
                             .user = user,
                             .password = password};
}
