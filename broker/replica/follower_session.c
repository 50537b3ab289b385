#include "broker/replica/follower_session.h"

#include "errors.h"

void
follower_session_lost(struct follower_session *s)
{
    /* To go on with the same number could skip a change: if the request did arrive, the leader believes that we know
     * what it answered. */
    s->epoch = 0;
}

bool
follower_session_answered(struct follower_session *s, int16_t err, int32_t id)
{
    if (err) {
        if (err == K_ERR_FETCH_SESSION_ID_NOT_FOUND) s->id = 0;
        s->epoch = 0;
        return false;
    }
    if (follower_session_is_full(s)) {
        *s = (struct follower_session){.id = id, .epoch = id ? 1 : 0};
        return true;
    }
    if (id != s->id && id != 0) { /* of another session: what it leaves out says nothing */
        s->epoch = 0;
        return false;
    }
    if (id == 0) *s = (struct follower_session){0}; /* it ended with this answer */
    else s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
    return true;
}
