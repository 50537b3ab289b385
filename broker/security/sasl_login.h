/* The other end of SASL: a node or a client that says who it is, when a channel (protocol/channel.h) has a connection.
 *
 *     SaslHandshake ─► SaslAuthenticate ─► … ─► calls
 */
#ifndef SECURITY_SASL_LOGIN_H
#define SECURITY_SASL_LOGIN_H

#include "broker/protocol/channel.h"
#include "broker/security/mechanism.h"

/* Stays as long as channels have its kind. */
struct sasl_login {
    struct login_kind kind; /* first */
    enum sasl_mechanism mechanism;
    struct slice user, password;
};

void sasl_login_init(struct sasl_login *s, enum sasl_mechanism m, struct slice user,
                     struct slice password);

#endif
