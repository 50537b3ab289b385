/* How long an authentication is good for (KIP-368). With connections.max.reauth.ms the server tells a client for how
 * long it may go on; a client that knows of this (SaslAuthenticate 1 and up) authenticates anew on the same connection
 * before that time is over. Whoever sends anything else after it is cut off. Pure. */
#ifndef SECURITY_SESSION_LIFE_H
#define SECURITY_SESSION_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct session_life {
    bool has_end;
    int64_t end_ns;
    bool has_begun_again; /* at least once; the last time was: */
    int64_t begun_again_ns;
};

/* Authenticated now; max_reauth_ms 0 or less: for ever. */
void session_life_begin(struct session_life *l, int64_t max_reauth_ms, int64_t now_ns);
/* A SaslHandshake on an authenticated connection: does another authentication begin with it? Not where sessions do not
 * end, and not more often than once a second: it is answered with an error then. Notes that it did. */
bool session_life_begin_again(struct session_life *l, int64_t now_ns);
bool session_life_is_over(const struct session_life *l, int64_t now_ns);

#endif
