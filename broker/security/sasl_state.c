#include "broker/security/sasl_state.h"

#include "broker/base/check.h"

#include "apis.h"

#define CAN(s) (1u << (s))

static const uint32_t moves[SASL_STATES_N] = {
    [SASL_BEGUN] = CAN(SASL_VERSIONS_TOLD) | CAN(SASL_TOKENS) | CAN(SASL_FAILED),
    [SASL_VERSIONS_TOLD] = CAN(SASL_TOKENS) | CAN(SASL_FAILED),
    [SASL_TOKENS] = CAN(SASL_COMPLETE) | CAN(SASL_FAILED),
    [SASL_OTHER_MECHANISM] = CAN(SASL_FAILED),
    [SASL_COMPLETE] = CAN(SASL_TOKENS) | CAN(SASL_OTHER_MECHANISM) | CAN(SASL_FAILED),
};

bool
sasl_state_may_move(enum sasl_state from, enum sasl_state to)
{
    CHECK(from < SASL_STATES_N && to < SASL_STATES_N);
    return (moves[from] & CAN(to)) != 0;
}

enum sasl_verdict
sasl_admit(enum sasl_state s, bool is_request, int16_t api_key)
{
    bool is_handshake = is_request && api_key == K_API_SASL_HANDSHAKE;
    bool is_versions = is_request && api_key == K_API_API_VERSIONS;
    switch (s) {
    case SASL_BEGUN: return is_handshake || is_versions ? SASL_SERVED : SASL_CUT_NOW;
    case SASL_VERSIONS_TOLD: return is_handshake ? SASL_SERVED : SASL_CUT_NOW;
    case SASL_TOKENS:
        if (!is_request) return SASL_CUT_NOW;
        if (is_handshake || is_versions) return SASL_ANSWERED_AND_CUT;
        return api_key == K_API_SASL_AUTHENTICATE ? SASL_SERVED : SASL_CUT_LATER;
    case SASL_OTHER_MECHANISM: return SASL_CUT_LATER;
    case SASL_COMPLETE: return SASL_SERVED;
    case SASL_FAILED:
    case SASL_STATES_N: break;
    }
    return SASL_CUT_NOW;
}
