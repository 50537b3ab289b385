#include "broker/replica/isr_decision.h"

#include "broker/base/check.h"

void
follower_fetched(struct follower_progress *f, int64_t offset, int64_t log_start, int64_t leader_end,
                 int64_t broker_epoch, int64_t now_ns)
{
    /* A follower that asks for what comes after all that the leader had at its previous fetch was
     * caught up at that moment, even though the leader has moved on since: under steady load it would
     * otherwise never count as caught up. */
    if (offset >= leader_end) f->caught_up_ns = MAX(f->caught_up_ns, now_ns);
    else if (offset >= f->leader_end_then) f->caught_up_ns = MAX(f->caught_up_ns, f->fetched_ns);
    f->log_end = offset;
    f->log_start = log_start;
    f->leader_end_then = leader_end;
    f->fetched_ns = now_ns;
    f->broker_epoch = broker_epoch;
}

void
follower_polled(struct follower_progress *f, int64_t at_ns)
{
    /* Without it a follower of a log in which nothing was written for replica.lag.time.max.ms would fall out of the ISR
     * with the first record that comes: as if it had stayed away all that time. */
    f->caught_up_ns = MAX(f->caught_up_ns, at_ns);
    f->fetched_ns = MAX(f->fetched_ns, at_ns);
}

bool
follower_is_out_of_sync(const struct follower_progress *f, int64_t leader_end, int64_t now_ns,
                        int64_t lag_max_ns)
{
    if (f->log_end >= leader_end) return false; /* above: it writes faster than its leader */
    return now_ns - f->caught_up_ns > lag_max_ns;
}

bool
follower_may_join(const struct follower_progress *f, int64_t high_watermark, int64_t epoch_start)
{
    /* KIP-320, rule of the ISR: the watermark of a new leader may lie behind what was committed; past
     * the start of its epoch nothing committed can be missing. */
    return f->log_end >= 0 && f->log_end >= high_watermark && f->log_end >= epoch_start;
}
