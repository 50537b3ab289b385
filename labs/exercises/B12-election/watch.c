/* leader_choose() in a run: the student's decision is taken, and compared with the reference's. */
#include <stdio.h>

#include "broker/controller/leader_choice.h"
#include "labs/exercises/judge.h"

__typeof__(leader_choose) student_leader_choose, reference_leader_choose;

static const char *
say_ids(char *text, size_t n, struct ids all)
{
    int at = 0;
    text[0] = 0;
    for (int32_t i = 0; i < all.n && at < (int)n - 12; i++)
        at += snprintf(text + at, n - (size_t)at, "%s%d", i ? "," : "", all.v[i]);
    return text;
}

struct leader_choice
leader_choose(const struct leader_question *q)
{
    struct leader_choice yours = student_leader_choose(q), right = reference_leader_choose(q);
    char replicas[64], isr[64], elr[64];
    if (yours.leader == right.leader && yours.is_unclean == right.is_unclean &&
        yours.from_elr == right.from_elr)
        return yours;
    watch_differs("%d is to lead%s, and it should be %d%s (-1: nobody; replicas {%s}, ISR {%s}, "
                  "ELR {%s}, leader %d)",
                  yours.leader, yours.is_unclean ? " uncleanly" : "", right.leader,
                  right.is_unclean ? " uncleanly" : "",
                  say_ids(replicas, sizeof replicas, q->replicas), say_ids(isr, sizeof isr, q->isr),
                  say_ids(elr, sizeof elr, q->elr), q->leader);
    return yours;
}
