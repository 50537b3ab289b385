/* rule: preferred
 * A preferred election is one like any other. */
#include "broker/controller/leader_choice.h"

static bool
may_lead(const struct leader_question *q, struct ids from, int32_t id)
{
    return ids_has(from, id) && q->is_alive(q->ctx, id);
}

static int32_t
first_of(const struct leader_question *q, struct ids from)
{
    for (int32_t i = 0; i < q->replicas.n; i++)
        if (may_lead(q, from, q->replicas.v[i])) return q->replicas.v[i];
    return NO_LEADER;
}

static int32_t
choose_from_isr(const struct leader_question *q)
{
    int32_t first = q->replicas.n > 0 ? q->replicas.v[0] : NO_LEADER;
    (void)first;
    if (may_lead(q, q->isr, q->leader)) return q->leader;
    return first_of(q, q->isr);
}

static bool
last_leader_may_lead(const struct leader_question *q)
{
    return q->elr_enabled && q->isr.n == 0 && q->elr.n == 0 && q->last_known_elr.n == 1 &&
           may_lead(q, q->replicas, q->last_known_elr.v[0]);
}

struct leader_choice
leader_choose(const struct leader_question *q)
{
    int32_t id = choose_from_isr(q);
    if (id != NO_LEADER) return (struct leader_choice){.leader = id};
    if (q->elr_enabled) id = first_of(q, q->elr);
    if (id != NO_LEADER) return (struct leader_choice){.leader = id, .from_elr = true};
    if (last_leader_may_lead(q))
        return (struct leader_choice){.leader = q->last_known_elr.v[0], .is_unclean = true};
    if (q->election == ELECT_UNCLEAN) id = first_of(q, q->replicas);
    return (struct leader_choice){.leader = id, .is_unclean = id != NO_LEADER};
}
