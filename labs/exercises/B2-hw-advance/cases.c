/* Cases for hw_advance(). */
#include <stdio.h>
#include <stdlib.h>

#include "broker/replica/hw_advance.h"
#include "labs/exercises/judge.h"

__typeof__(hw_advance) student_hw_advance, reference_hw_advance;

/* A replica that is in everything. */
static struct replica_view
in_sync(int32_t id, int64_t log_end)
{
    return (struct replica_view){id, log_end, .in_isr = true, .in_maximal_isr = true};
}

/* On the heap, and exactly as long as it is: who reads beyond is seen. */
static int64_t
ask(int64_t hw, const struct replica_view *v, int32_t n, bool under)
{
    struct replica_view *copy = malloc((size_t)n * sizeof *v + !n);
    for (int32_t i = 0; i < n; i++) copy[i] = v[i];
    int64_t answer = student_hw_advance(hw, copy, n, under);
    free(copy);
    return answer;
}

static void
draw_one(void)
{
    struct replica_view v[5];
    int32_t n = (int32_t)judge_dice(6);
    int64_t hw = judge_dice(40);
    bool under = judge_dice(5) == 0;
    char text[400];
    int at = snprintf(text, sizeof text, "watermark %lld%s", (long long)hw,
                      under ? ", under min ISR" : "");
    for (int32_t i = 0; i < n; i++) {
        v[i] = (struct replica_view){i + 1, judge_dice(40), .in_isr = judge_dice(2),
                                     .joining = judge_dice(4) == 0};
        v[i].in_maximal_isr = v[i].in_isr || judge_dice(3) == 0;
        at += snprintf(text + at, sizeof text - (size_t)at, "; b%d ends at %lld%s%s%s",
                       v[i].broker_id, (long long)v[i].log_end, v[i].in_isr ? ", in ISR" : "",
                       v[i].in_maximal_isr ? ", in maximal ISR" : "",
                       v[i].joining ? ", joining" : "");
    }
    judge_case("random", "%s", text);
    judge_is(ask(hw, v, n, under), reference_hw_advance(hw, v, n, under));
}

int
main(void)
{
    struct replica_view three[] = {in_sync(1, 10), in_sync(2, 7), in_sync(3, 9)};
    judge_case("least", "watermark 5; b1, b2, b3 in sync, ends 10, 7, 9");
    judge_is(ask(5, three, 3, false), 7);
    struct replica_view alone[] = {in_sync(1, 10)};
    judge_case("least", "watermark 5; b1 alone, end 10");
    judge_is(ask(5, alone, 1, false), 10);
    struct replica_view level[] = {in_sync(1, 8), in_sync(2, 8)};
    judge_case("least", "watermark 8; b1, b2 in sync, ends 8, 8");
    judge_is(ask(8, level, 2, false), 8);
    struct replica_view large[] = {in_sync(1, (1LL << 40) + 7), in_sync(2, (1LL << 40) + 5)};
    judge_case("least", "ends above 2^40: offsets have 64 bits");
    judge_is(ask(0, large, 2, false), (1LL << 40) + 5);

    struct replica_view behind[] = {in_sync(1, 10), in_sync(2, 4)};
    judge_case("monotone", "watermark 6; b1, b2 in sync, ends 10, 4");
    judge_is(ask(6, behind, 2, false), 6);

    judge_case("under-min-isr", "watermark 5; b1 alone, end 10, below min.insync.replicas");
    judge_is(ask(5, alone, 1, true), 5);
    judge_case("under-min-isr",
               "watermark 5; three in sync, ends 10, 7, 9, below min.insync.replicas");
    judge_is(ask(5, three, 3, true), 5);

    struct replica_view maybe[] = {in_sync(1, 10), {2, 6, .in_isr = false, .in_maximal_isr = true}};
    judge_case("maximal-isr",
               "watermark 5; b1 in sync, end 10; b2 in the ISR that was asked for, end 6");
    judge_is(ask(5, maybe, 2, false), 6);

    struct replica_view joins[] = {in_sync(1, 10), {2, 9, .joining = true}};
    judge_case("joining", "watermark 8; b1 in sync, end 10; b2 is joining, end 9");
    judge_is(ask(8, joins, 2, false), 9);

    struct replica_view slow[] = {in_sync(1, 10), in_sync(2, 9), {3, 0}};
    judge_case("others", "watermark 5; b1, b2 in sync, ends 10, 9; b3 out of sync, end 0");
    judge_is(ask(5, slow, 3, false), 9);
    struct replica_view unknown[] = {in_sync(1, 10), {2, -1}};
    judge_case("others", "watermark 5; b1 in sync, end 10; b2 out of sync, end not known (-1)");
    judge_is(ask(5, unknown, 2, false), 10);
    struct replica_view first_out[] = {{1, 3}, in_sync(2, 9)};
    judge_case("others", "watermark 5; b1, the first, is out of sync, end 3; b2 in sync, end 9");
    judge_is(ask(5, first_out, 2, false), 9);

    struct replica_view none[] = {{1, 10}, {2, 9}};
    judge_case("nobody", "watermark 5; b1, b2, and neither counts");
    judge_is(ask(5, none, 2, false), 5);
    judge_case("nobody", "watermark 5; no replica at all");
    judge_is(ask(5, none, 0, false), 5);

    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
