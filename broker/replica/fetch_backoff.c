#include "broker/replica/fetch_backoff.h"

#include "broker/base/check.h"
#include "errors.h"

#define FIRST_MS 25
#define DOUBLINGS_MAX 10

int64_t
fetch_backoff_ms(int16_t err, int32_t times, int64_t max_ms)
{
    int64_t ms = max_ms;
    switch (err) {
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_UNKNOWN_TOPIC_ID:
    case K_ERR_UNKNOWN_LEADER_EPOCH:
    case K_ERR_NOT_LEADER_OR_FOLLOWER:
        /* No fault: of a new topic or leader the followers may hear before the leader does, or while it
         * opens its log. That is over soon, and until the follower asks again, acks=all and the high
         * watermark stand still: a whole back-off here, at every election, can leave no record
         * acknowledged for as long as leaders change. If it goes on, it is a fault like others. */
        ms = (int64_t)FIRST_MS << MIN(times, DOUBLINGS_MAX);
        break;
    default: break;
    }
    return MAX(MIN(ms, max_ms), 1);
}
