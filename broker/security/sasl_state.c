#include "broker/security/sasl_state.h"

#include "broker/base/check.h"

#include "apis.h"

#define CAN(s) (1u << (s))

static const struct {
    const char *name;
    uint32_t moves;
} states[SASL_STATES_N] = {
    [SASL_BEGUN] = {"begun", CAN(SASL_VERSIONS_TOLD) | CAN(SASL_TOKENS) | CAN(SASL_FAILED)},
    [SASL_VERSIONS_TOLD] = {"versions told", CAN(SASL_TOKENS) | CAN(SASL_FAILED)},
    [SASL_TOKENS] = {"tokens", CAN(SASL_COMPLETE) | CAN(SASL_FAILED)},
    [SASL_OTHER_MECHANISM] = {"other mechanism", CAN(SASL_FAILED)},
    [SASL_COMPLETE] = {"complete", CAN(SASL_TOKENS) | CAN(SASL_OTHER_MECHANISM) | CAN(SASL_FAILED)},
    [SASL_FAILED] = {"failed", 0},
};

const char *
sasl_state_name(enum sasl_state s)
{
    CHECK(s < SASL_STATES_N);
    return states[s].name;
}

bool
sasl_state_may_move(enum sasl_state from, enum sasl_state to)
{
    CHECK(from < SASL_STATES_N && to < SASL_STATES_N);
    return (states[from].moves & CAN(to)) != 0;
}

/* What does not even look like Kafka's protocol Kafka takes for a token of GSSAPI from the time before SaslHandshake: an
 * attempt to authenticate. */
static enum sasl_verdict
admit_first(bool is_request, int16_t api_key)
{
    if (!is_request) return SASL_CUT_LATER;
    bool known = api_key == K_API_API_VERSIONS || api_key == K_API_SASL_HANDSHAKE;
    return known ? SASL_SERVED : SASL_CUT_LATER;
}

enum sasl_verdict
sasl_admit(enum sasl_state s, bool is_request, int16_t api_key)
{
    switch (s) {
    case SASL_BEGUN: return admit_first(is_request, api_key);
    case SASL_VERSIONS_TOLD:
        if (!is_request || api_key == K_API_API_VERSIONS) return SASL_CUT_NOW;
        return api_key == K_API_SASL_HANDSHAKE ? SASL_SERVED : SASL_CUT_LATER;
    case SASL_TOKENS:
        if (!is_request) return SASL_CUT_NOW;
        return api_key == K_API_SASL_AUTHENTICATE ? SASL_SERVED : SASL_ANSWERED_AND_CUT;
    case SASL_OTHER_MECHANISM: return SASL_CUT_LATER;
    case SASL_COMPLETE: return SASL_SERVED;
    case SASL_FAILED:
    case SASL_STATES_N: break;
    }
    return SASL_CUT_NOW;
}
