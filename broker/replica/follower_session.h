/* A follower's side of a fetch session (KIP-227): which number the next Fetch bears, and what an answer means for it.
 * The leader's side is api/fetch_session_rule.h. */
#ifndef REPLICA_FOLLOWER_SESSION_H
#define REPLICA_FOLLOWER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

struct follower_session {
    int32_t id;    /* 0: none */
    int32_t epoch; /* of the next request; 0: it names all partitions and begins a session */
};

static inline bool
follower_session_is_full(const struct follower_session *s)
{
    return s->epoch == 0;
}

/* Whether the last request arrived is not known. The next one names the old session, which ends with that. */
void follower_session_lost(struct follower_session *s);

/* An answer with this error and session id. False: what it tells is not to be relied on, or nothing; begin anew. */
bool follower_session_answered(struct follower_session *s, int16_t err, int32_t id);

#endif
