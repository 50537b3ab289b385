#include "broker/security/sasl_login.h"

#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define HANDSHAKE_VERSION 1
#define AUTHENTICATE_VERSION 2

/* On one connection. */
struct login {
    const struct sasl_login *as;
    struct channel *ch;
    bool has_shaken_hands;
};

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
    struct k_sasl_handshake_request q;
    codec_default(K_MSG_SASL_HANDSHAKE_REQUEST, &q);
    q.mechanism = sasl_mechanism_name(l->as->mechanism);
    channel_say(ch, K_API_SASL_HANDSHAKE, HANDSHAKE_VERSION, &q);
    return l;
}

static void
login_forget(struct login *l)
{
    MEM_DELETE(&l->ch->env->mem, l);
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
    say_plain(l);
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
