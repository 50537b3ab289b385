/* PLAIN (RFC 4616): one token with everything in it.
 *
 *     [authorisation id] NUL user NUL password
 *
 * Whoever listens on the way reads the password: for networks that are trusted, and for tests. Pure. */
#ifndef SECURITY_PLAIN_H
#define SECURITY_PLAIN_H

#include "broker/base/slice.h"
#include "broker/security/jaas.h"
#include "broker/security/mechanism.h"

struct plain_token {
    struct slice authorisation_id, user, password;
};

/* Splits a token; a number other than 3: it has so many parts (or at least 4). */
int32_t plain_read(struct slice token, struct plain_token *ret);
/* The users are the options user_NAME="password" of the settings. Null: he is who he says; else what Kafka's server
 * answers, which does not say whether there is such a user. */
struct slice plain_check(const struct plain_token *t, const struct jaas *users);

#endif
