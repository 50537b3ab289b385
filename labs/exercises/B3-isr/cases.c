/* Cases for the four functions of isr_decision.h. */
#include <stdio.h>

#include "broker/replica/isr_decision.h"
#include "labs/exercises/judge.h"

__typeof__(follower_fetched) student_follower_fetched, reference_follower_fetched;
__typeof__(follower_polled) student_follower_polled, reference_follower_polled;
__typeof__(follower_is_out_of_sync) student_follower_is_out_of_sync,
    reference_follower_is_out_of_sync;
__typeof__(follower_may_join) student_follower_may_join, reference_follower_may_join;

static const char *
say(char *text, size_t n, const struct follower_progress *f)
{
    (void)snprintf(text, n,
                   "end %lld, log start %lld, caught up at %lld, fetched at %lld, leader's end "
                   "then %lld, broker epoch %lld",
                   (long long)f->log_end, (long long)f->log_start, (long long)f->caught_up_ns,
                   (long long)f->fetched_ns, (long long)f->leader_end_then,
                   (long long)f->broker_epoch);
    return text;
}

static void
fetches(const char *rule, struct follower_progress f, int64_t offset, int64_t leader_end,
        int64_t now)
{
    char before[200], got[200], right[200];
    struct follower_progress ours = f;
    judge_case(rule, "%s; it fetches at %lld when the leader's end is %lld, at %lld",
               say(before, sizeof before, &f), (long long)offset, (long long)leader_end,
               (long long)now);
    reference_follower_fetched(&ours, offset, 3, leader_end, 9, now);
    student_follower_fetched(&f, offset, 3, leader_end, 9, now);
    judge_text(say(got, sizeof got, &f), say(right, sizeof right, &ours));
}

/* Only the moment: for the rules that are about nothing else. */
static void
caught_up(const char *rule, struct follower_progress f, int64_t offset, int64_t leader_end,
          int64_t now, int64_t wanted)
{
    char before[200];
    judge_case(
        rule, "%s; it fetches at %lld when the leader's end is %lld, at %lld; caught up when?",
        say(before, sizeof before, &f), (long long)offset, (long long)leader_end, (long long)now);
    student_follower_fetched(&f, offset, 3, leader_end, 9, now);
    judge_is(f.caught_up_ns, wanted);
}

static void
polled(const char *rule, struct follower_progress f, int64_t at)
{
    char before[200], got[200], right[200];
    struct follower_progress ours = f;
    judge_case(rule, "%s; it polled at %lld", say(before, sizeof before, &f), (long long)at);
    reference_follower_polled(&ours, at);
    student_follower_polled(&f, at);
    judge_text(say(got, sizeof got, &f), say(right, sizeof right, &ours));
}

static void
lags(const char *rule, struct follower_progress f, int64_t leader_end, int64_t now, int64_t max)
{
    char text[200];
    judge_case(rule, "%s; leader's end %lld, now %lld, lag time %lld: out of sync?",
               say(text, sizeof text, &f), (long long)leader_end, (long long)now, (long long)max);
    judge_bool(student_follower_is_out_of_sync(&f, leader_end, now, max),
               reference_follower_is_out_of_sync(&f, leader_end, now, max));
}

static void
joins(const char *rule, int64_t log_end, int64_t hw, int64_t epoch_start)
{
    struct follower_progress f = {.log_end = log_end};
    judge_case(
        rule, "its end is %lld, the watermark %lld, the leader's epoch began at %lld: may it join?",
        (long long)log_end, (long long)hw, (long long)epoch_start);
    judge_bool(student_follower_may_join(&f, hw, epoch_start),
               reference_follower_may_join(&f, hw, epoch_start));
}

static void
draw_one(void)
{
    struct follower_progress f = {judge_dice(20) - 1, judge_dice(5),  judge_dice(50),
                                  judge_dice(50),     judge_dice(20), judge_dice(4) - 1};
    int64_t now = 50 + judge_dice(50);
    fetches("random", f, judge_dice(20), judge_dice(20), now);
    polled("random", f, judge_dice(60));
    lags("random", f, judge_dice(20), now, judge_dice(60));
    joins("random", judge_dice(20) - 1, judge_dice(20), judge_dice(20));
}

int
main(void)
{
    const struct follower_progress f = {.log_end = 90,
                                        .caught_up_ns = 100,
                                        .fetched_ns = 200,
                                        .leader_end_then = 95,
                                        .broker_epoch = 4};
    caught_up("at-end", f, 120, 120, 300, 300);
    caught_up("at-end", f, 121, 120, 300, 300);
    caught_up("then", f, 95, 120, 300, 200);
    caught_up("then", f, 100, 120, 300, 200);
    caught_up("behind", f, 94, 120, 300, 100);
    caught_up("behind", f, 0, 120, 300, 100);
    const struct follower_progress late = {.log_end = 90,
                                           .caught_up_ns = 250,
                                           .fetched_ns = 200,
                                           .leader_end_then = 95,
                                           .broker_epoch = 4};
    caught_up("never-back", late, 95, 120, 300, 250);
    fetches("remembered", f, 95, 120, 300);
    fetches("remembered", f, 120, 120, 300);
    fetches("remembered", f, 10, 120, 300);
    polled("polled", f, 400);
    polled("polled", f, 150);
    polled("polled", late, 220);
    lags("lag", f, 120, 201, 100);
    lags("lag", f, 120, 200, 100);
    lags("lag", f, 120, 199, 100);
    lags("lag", f, 120, 10000, 100);
    lags("resting", f, 90, 10000, 100);
    joins("join-watermark", 50, 50, 10);
    joins("join-watermark", 49, 50, 10);
    joins("join-watermark", 51, 50, 10);
    joins("join-epoch", 50, 40, 60);
    joins("join-epoch", 60, 40, 60);
    joins("join-epoch", 59, 40, 60);
    joins("join-unknown", -1, -1, -1);
    joins("join-unknown", -1, 0, 0);
    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
