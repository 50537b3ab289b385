/* Cases for fetch_diverges() and truncation_offset(). */
#include "broker/replica/truncation.h"
#include "labs/exercises/judge.h"

__typeof__(fetch_diverges) student_fetch_diverges, reference_fetch_diverges;
__typeof__(truncation_offset) student_truncation_offset, reference_truncation_offset;

static struct epoch_end
ends(int32_t epoch, int64_t offset)
{
    return (struct epoch_end){epoch, offset};
}

static void
asks(const char *rule, struct epoch_end leader, int32_t epoch, int64_t offset, bool right)
{
    judge_case(rule,
               "fetch at %lld, last epoch %d; the leader's answer: epoch %d ends at %lld; do they "
               "diverge?",
               (long long)offset, epoch, leader.epoch, (long long)leader.end_offset);
    judge_bool(student_fetch_diverges(leader, epoch, offset), right);
}

static void
cuts(const char *rule, struct epoch_end leader, struct epoch_end local, int64_t end, int64_t hw,
     int64_t right)
{
    judge_case(rule,
               "leader: epoch %d ends at %lld; own: epoch %d ends at %lld; log end %lld, watermark "
               "%lld; cut where?",
               leader.epoch, (long long)leader.end_offset, local.epoch, (long long)local.end_offset,
               (long long)end, (long long)hw);
    judge_is(student_truncation_offset(leader, local, end, hw), right);
}

static void
draw_one(void)
{
    int32_t e = (int32_t)judge_dice(6) - 1, l = (int32_t)judge_dice(6) - 1,
            last = (int32_t)judge_dice(5);
    struct epoch_end leader = ends(e, e < 0 ? -1 : judge_dice(20)),
                     local = ends(l, l < 0 ? -1 : judge_dice(20));
    int64_t end = judge_dice(20), hw = judge_dice(end + 1), at = judge_dice(20);
    asks("random", leader, last, at, reference_fetch_diverges(leader, last, at));
    cuts("random", leader, local, end, hw, reference_truncation_offset(leader, local, end, hw));
}

int
main(void)
{
    asks("same", ends(3, 10), 3, 10, false);
    asks("same", ends(3, 12), 3, 10, false);
    asks("same", ends(0, 1), 0, 0, false);
    cuts("same", ends(3, 10), ends(3, 10), 10, 8, 10);

    asks("epoch", ends(1, 2), 2, 5, true);
    asks("epoch", ends(1, 20), 2, 5, true);
    asks("epoch", ends(-1, -1), 2, 0, true);

    asks("ahead", ends(2, 4), 2, 5, true);
    asks("ahead", ends(5, 1), 5, 2, true);

    cuts("shorter", ends(2, 4), ends(2, 6), 6, 3, 4);
    cuts("shorter", ends(2, 9), ends(2, 6), 8, 3, 6);
    cuts("shorter", ends(2, 4), ends(2, 6), 6, 5, 4);

    cuts("step", ends(1, 2), ends(1, 3), 5, 1, 2);
    cuts("step", ends(3, 9), ends(2, 4), 8, 1, 4);
    cuts("step", ends(3, 3), ends(1, 4), 8, 1, 3);

    cuts("unknown", ends(-1, -1), ends(2, 6), 6, 4, 4);
    cuts("unknown", ends(-1, -1), ends(-1, -1), 6, 6, 6);

    cuts("no-local", ends(2, 4), ends(-1, -1), 6, 5, 4);
    cuts("no-local", ends(2, 4), ends(-1, -1), 3, 3, 3);

    cuts("bounds", ends(2, -5), ends(2, 6), 6, 3, 0);
    cuts("bounds", ends(2, -5), ends(-1, -1), 6, 3, 0);
    cuts("bounds", ends(2, 100), ends(2, 100), 6, 3, 6);
    cuts("bounds", ends(2, 1LL << 60), ends(-1, -1), 6, 3, 6);
    cuts("bounds", ends(-1, -1), ends(2, 6), 6, 9, 6);

    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
