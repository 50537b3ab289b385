#include "broker/api/share_session_rule.h"

#include "errors.h"

int16_t
share_session_check(int32_t known, int32_t epoch)
{
    if (epoch == SHARE_SESSION_BEGINS) return 0;
    if (known < 0) return K_ERR_SHARE_SESSION_NOT_FOUND;
    /* Whoever ends it need not have kept count. */
    if (epoch == SHARE_SESSION_ENDS) return 0;
    return known == epoch ? 0 : K_ERR_INVALID_SHARE_SESSION_EPOCH;
}

int32_t
share_session_next_epoch(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}
