#include "broker/replica/isr_decision.h"

/* Yours, all four. As they stand nobody ever falls behind, and nobody ever comes back. */

void
follower_fetched(struct follower_progress *f, int64_t offset, int64_t log_start, int64_t leader_end,
                 int64_t broker_epoch, int64_t now_ns)
{
    (void)f, (void)offset, (void)log_start, (void)leader_end, (void)broker_epoch, (void)now_ns;
}

void
follower_polled(struct follower_progress *f, int64_t at_ns)
{
    (void)f, (void)at_ns;
}

bool
follower_is_out_of_sync(const struct follower_progress *f, int64_t leader_end, int64_t now_ns,
                        int64_t lag_max_ns)
{
    (void)f, (void)leader_end, (void)now_ns, (void)lag_max_ns;
    return false;
}

bool
follower_may_join(const struct follower_progress *f, int64_t high_watermark, int64_t epoch_start)
{
    (void)f, (void)high_watermark, (void)epoch_start;
    return false;
}
