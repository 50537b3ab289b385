/* How far a connection's authentication has come, and what may be sent meanwhile (KIP-43, KIP-152, KIP-368). Pure.
 *
 *            ApiVersions             SaslHandshake of a mechanism that is there
 *     BEGUN ─────────────► VERSIONS_TOLD ──────────┬───────────► TOKENS ─────────► COMPLETE
 *       └──────────────────────────────────────────┘               │  the last token was good
 *                                                                  │                │
 *     any but COMPLETE ─► FAILED ◄─────────────────────────────────┘                │ SaslHandshake, if
 *                            ▲                 the same mechanism ► TOKENS          │ sessions end
 *                            └── any frame ── OTHER_MECHANISM ◄────────────────────-┘ (session_life.h)
 *
 * Whatever is not in the drawing ends the connection. Before hands are shaken nothing can be guessed, so it ends at once;
 * afterwards after connection.failed.authentication.delay.ms (KIP-306), so that guessing takes its time, unless it is no
 * request at all.
 *
 * Where tokens are expected Apache Kafka answers every kind of request with ILLEGAL_SASL_STATE first, in the form that the kind has
 * for errors (each partition of a Fetch, each topic of a Metadata …). Here SaslHandshake and ApiVersions are answered, which a
 * client that has lost its way may send; of the others none is even decoded for somebody who has not shown who he is. */
#ifndef SECURITY_SASL_STATE_H
#define SECURITY_SASL_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum sasl_state {
    SASL_BEGUN,
    SASL_VERSIONS_TOLD,
    SASL_TOKENS,
    SASL_OTHER_MECHANISM, /* asked for when authenticating anew */
    SASL_COMPLETE,
    SASL_FAILED,
    SASL_STATES_N,
};
/* Whether the drawing has that arrow. */
bool sasl_state_may_move(enum sasl_state from, enum sasl_state to);

enum sasl_verdict {
    SASL_SERVED,
    SASL_ANSWERED_AND_CUT, /* ILLEGAL_SASL_STATE; then as the next one */
    SASL_CUT_LATER,
    SASL_CUT_NOW,
};

/* A frame comes; is_request: it begins as a request of an API and version that there is. (Tokens without a header, as they
 * come after SaslHandshake 0, are not asked about.) */
enum sasl_verdict sasl_admit(enum sasl_state s, bool is_request, int16_t api_key);

#endif
