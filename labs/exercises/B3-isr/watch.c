/* The rules of the ISR in a run: the student's decisions are taken, and compared with the reference's. */
#include "broker/replica/isr_decision.h"
#include "labs/exercises/judge.h"

__typeof__(follower_fetched) student_follower_fetched, reference_follower_fetched;
__typeof__(follower_polled) student_follower_polled, reference_follower_polled;
__typeof__(follower_is_out_of_sync) student_follower_is_out_of_sync,
    reference_follower_is_out_of_sync;
__typeof__(follower_may_join) student_follower_may_join, reference_follower_may_join;

#define MS 1000000

void
follower_fetched(struct follower_progress *f, int64_t offset, int64_t log_start, int64_t leader_end,
                 int64_t broker_epoch, int64_t now_ns)
{
    struct follower_progress right = *f;
    reference_follower_fetched(&right, offset, log_start, leader_end, broker_epoch, now_ns);
    student_follower_fetched(f, offset, log_start, leader_end, broker_epoch, now_ns);
    if (f->caught_up_ns != right.caught_up_ns)
        watch_differs("a follower that fetches at %lld (the leader's end is %lld) counts as caught "
                      "up %lld ms ago, and should %lld ms ago",
                      (long long)offset, (long long)leader_end,
                      (long long)(now_ns - f->caught_up_ns) / MS,
                      (long long)(now_ns - right.caught_up_ns) / MS);
    else if (f->log_end != right.log_end || f->log_start != right.log_start ||
             f->leader_end_then != right.leader_end_then || f->fetched_ns != right.fetched_ns ||
             f->broker_epoch != right.broker_epoch)
        watch_differs("what a fetch at %lld says is not remembered as it is", (long long)offset);
}

void
follower_polled(struct follower_progress *f, int64_t at_ns)
{
    struct follower_progress right = *f;
    reference_follower_polled(&right, at_ns);
    student_follower_polled(f, at_ns);
    if (f->caught_up_ns != right.caught_up_ns || f->fetched_ns != right.fetched_ns)
        watch_differs("a follower that polled at the end %s",
                      f->caught_up_ns < right.caught_up_ns ? "does not count as caught up then"
                                                           : "is not remembered as it is");
}

bool
follower_is_out_of_sync(const struct follower_progress *f, int64_t leader_end, int64_t now_ns,
                        int64_t lag_max_ns)
{
    bool yours = student_follower_is_out_of_sync(f, leader_end, now_ns, lag_max_ns);
    if (yours != reference_follower_is_out_of_sync(f, leader_end, now_ns, lag_max_ns))
        watch_differs(
            "a follower at %lld (the leader's end is %lld), caught up %lld ms ago, is called %s",
            (long long)f->log_end, (long long)leader_end,
            (long long)(now_ns - f->caught_up_ns) / MS, yours ? "out of sync" : "in sync");
    return yours;
}

bool
follower_may_join(const struct follower_progress *f, int64_t high_watermark, int64_t epoch_start)
{
    bool yours = student_follower_may_join(f, high_watermark, epoch_start);
    if (yours != reference_follower_may_join(f, high_watermark, epoch_start))
        watch_differs(
            "a follower at %lld %s join, with the watermark at %lld and the epoch begun at %lld",
            (long long)f->log_end, yours ? "may" : "may not", (long long)high_watermark,
            (long long)epoch_start);
    return yours;
}
