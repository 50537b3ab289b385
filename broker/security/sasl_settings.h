/* What is set for SASL on one listener: which mechanisms there are, who may come in by them, and what holds for all. */
#ifndef SECURITY_SASL_SETTINGS_H
#define SECURITY_SASL_SETTINGS_H

#include "broker/security/jaas.h"
#include "broker/security/mechanism.h"

struct sasl_settings {
    enum sasl_mechanism enabled[SASL_MECHANISMS_N]; /* in the order of sasl.enabled.mechanisms */
    int32_t enabled_n;
    struct jaas jaas[SASL_MECHANISMS_N];      /* of those that are enabled */
    int64_t max_reauth_ms[SASL_MECHANISMS_N]; /* connections.max.reauth.ms; 0: for ever */
    int32_t token_bytes_max;                  /* sasl.server.max.receive.size */
    int64_t failure_delay_ms;                 /* connection.failed.authentication.delay.ms */
};

bool sasl_settings_enable(const struct sasl_settings *s, enum sasl_mechanism m);

#endif
