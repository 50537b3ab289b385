/* The rules of commits in a run: the student's decision is taken, and compared with the reference's. */
#include "broker/group/offset_rules.h"
#include "errors.h"
#include "labs/exercises/judge.h"

__typeof__(commit_rule) student_commit_rule, reference_commit_rule;
__typeof__(offset_is_expired) student_offset_is_expired, reference_offset_is_expired;

static const char *
said(int16_t err)
{
    return err == K_ERR_NONE                  ? "taken"
         : err == K_ERR_UNKNOWN_MEMBER_ID     ? "refused with UNKNOWN_MEMBER_ID"
         : err == K_ERR_FENCED_INSTANCE_ID    ? "refused with FENCED_INSTANCE_ID"
         : err == K_ERR_ILLEGAL_GENERATION    ? "refused with ILLEGAL_GENERATION"
         : err == K_ERR_REBALANCE_IN_PROGRESS ? "refused with REBALANCE_IN_PROGRESS"
                                              : "refused with another error";
}

int16_t
commit_rule(const struct commit_view *c)
{
    static const char *const states[] = {"empty", "preparing", "completing", "stable", "dead"};
    int16_t yours = student_commit_rule(c), right = reference_commit_rule(c);
    if (yours != right)
        watch_differs(
            "a commit of generation %d, for a group that is %s in generation %d, is %s, and "
            "should be %s",
            c->generation, states[c->state], c->group_generation, said(yours), said(right));
    return yours;
}

bool
offset_is_expired(const struct offset_view *o, int64_t retention_ms, int64_t now_ms)
{
    bool yours = student_offset_is_expired(o, retention_ms, now_ms),
         right = reference_offset_is_expired(o, retention_ms, now_ms);
    if (yours != right)
        watch_differs("an offset that was committed %lld ms ago, in a group that is as it is for "
                      "%lld ms, is %s (retention: %lld ms)",
                      (long long)(now_ms - o->commit_ms), (long long)(now_ms - o->state_since_ms),
                      yours ? "forgotten, and should be kept" : "kept, and should be forgotten",
                      (long long)retention_ms);
    return yours;
}
