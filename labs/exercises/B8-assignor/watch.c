/* assign_sticky() in a run: the student's answer is taken, if it has what any right answer has. */
#include "labs/exercises/B8-assignor/judge_assignment.h"
#include "labs/exercises/judge.h"

__typeof__(assign_sticky) student_assign_sticky, reference_assign_sticky;

/* What is no assignment would end the client, not show the mistake. */
void
assign_sticky(const struct assign_member *members, int32_t members_n,
              const struct assign_topic *topics, int32_t topics_n, struct arena *a,
              int32_t *ret_owner)
{
    int32_t n = 0;
    char why[120];
    for (int32_t t = 0; t < topics_n; t++) n += topics[t].partitions_n;
    int32_t *right = ARENA_ARRAY(a, int32_t, n + 1);
    for (int32_t i = 0; i < n; i++) ret_owner[i] = -2;
    reference_assign_sticky(members, members_n, topics, topics_n, a, right);
    student_assign_sticky(members, members_n, topics, topics_n, a, ret_owner);
    struct assignment yours = {members, topics, members_n, topics_n, ret_owner},
                      best = {members, topics, members_n, topics_n, right};
    bool is_uniform = true;
    for (int32_t i = 1; i < members_n; i++)
        is_uniform &= members[i].topics_n == members[0].topics_n;
    if (!is_valid(&yours, why, sizeof why)) {
        watch_differs("of %d partitions for %d members, %s", n, members_n, why);
        memcpy(ret_owner, right, (size_t)n * sizeof *right);
    } else if (!is_balanced(&yours, why, sizeof why)) {
        watch_differs("%d partitions are given to %d members, and it is not even: %s", n, members_n,
                      why);
    } else if (is_uniform && moves(&yours) > moves(&best)) {
        watch_differs("of %d partitions of %d members %d move, and %d would be enough", n,
                      members_n, moves(&yours), moves(&best));
    }
}
