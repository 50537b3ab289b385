#include "broker/api/fetch_session_rule.h"

#include "errors.h"

enum { EPOCH_ALONE = -1, EPOCH_BEGINS = 0 };

enum fetch_kind
fetch_kind_of(int32_t epoch)
{
    if (epoch == EPOCH_ALONE) return FETCH_ALONE;
    return epoch == EPOCH_BEGINS ? FETCH_BEGINS : FETCH_GOES_ON;
}

int16_t
fetch_session_check(int32_t session_epoch, bool session_has_ids, int32_t epoch,
                    bool request_has_ids)
{
    if (session_epoch < 0) return K_ERR_FETCH_SESSION_ID_NOT_FOUND;
    /* An older request that was held up, or a newer one whose predecessor was lost: what its sender believes to have
     * said is not what stands here. */
    if (epoch != session_epoch) return K_ERR_INVALID_FETCH_SESSION_EPOCH;
    return session_has_ids == request_has_ids ? K_ERR_NONE : K_ERR_FETCH_SESSION_TOPIC_ID_ERROR;
}

int32_t
fetch_session_next_epoch(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

bool
fetch_has_news(const struct fetch_told *told, int64_t high_watermark, int64_t log_start)
{
    return told->high_watermark != high_watermark || told->log_start != log_start;
}

bool
fetch_session_gives_way(const struct fetch_session_standing *s,
                        const struct fetch_session_standing *newcomer, int64_t now_ns)
{
    if (now_ns - s->used_ns > FETCH_SESSION_RESTS_NS) return true;
    bool is_old = now_ns - s->created_ns > FETCH_SESSION_RESTS_NS;
    if (!is_old && (s->is_follower || !newcomer->is_follower)) return false;
    if (s->is_follower != newcomer->is_follower) return newcomer->is_follower;
    return newcomer->parts_n >= s->parts_n;
}
