/* Who is at the other end of a connection: the authentication of a session whose listener is SASL_PLAINTEXT. The rules are
 * in ../security (sasl_state.h first); here frames come and answers go.
 *
 * Until it is complete, one frame at a time is taken up, as in Kafka: the next one is looked at when the one before has
 * been answered, since what it means depends on that. */
#ifndef API_AUTHENTICATION_H
#define API_AUTHENTICATION_H

#include "broker/api/request.h"
#include "broker/security/sasl_settings.h"
#include "broker/security/sasl_state.h"
#include "broker/security/session_life.h"

/* SCRAM between its two tokens: what was said, and what the user has shown that he knows when he was last asked. */
struct scram_exchange {
    struct arena arena;
    struct slice user, header, client_first, server_first, nonce, stored_key, server_key;
    bool is_begun;
};

struct authentication {
    struct session *session;
    const struct sasl_settings *settings;
    enum sasl_state state;
    enum sasl_mechanism mechanism;
    bool has_headers; /* tokens come in SaslAuthenticate, not bare */
    bool is_again;    /* it was complete before */
    struct session_life life;
    struct scram_exchange scram;
    struct timer end; /* of the connection, when it has failed */
};

struct authentication *authentication_new(struct session *s, const struct sasl_settings *settings);
void authentication_free(struct authentication *a);
/* NULL stands for a listener without SASL, where everybody is let in. */
static inline bool
authentication_is_complete(const struct authentication *a)
{
    return !a || a->state == SASL_COMPLETE;
}
/* The next frame is a token without a header. */
static inline bool
authentication_awaits_token(const struct authentication *a)
{
    return a && a->state == SASL_TOKENS && !a->has_headers;
}
/* What becomes of a request that has come. SASL_CUT_LATER: the connection's end has been arranged for, and nothing is read
 * meanwhile. */
enum sasl_verdict authentication_admit(struct authentication *a, bool is_request, int16_t api_key);
/* What came is larger than a token may be: as SASL_CUT_LATER. */
void authentication_too_large(struct authentication *a);
/* SaslHandshake or ApiVersions where tokens are expected: the answer, an error in the request's arena, goes out late, and
 * the connection ends. */
bool authentication_is_out_of_turn(const struct request *r);
void authentication_refuse(struct request *r, const void *response);

/* ApiVersions is being answered: it is not asked for twice. */
void authentication_versions_told(const struct request *r);

#endif
