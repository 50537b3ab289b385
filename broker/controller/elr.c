#include "broker/controller/elr.h"

#include "broker/base/arena.h"

static void
insert_sorted(struct ids *to, int32_t id)
{
    int32_t i = to->n++;
    for (; i > 0 && to->v[i - 1] > id; i--) to->v[i] = to->v[i - 1];
    to->v[i] = id;
}

static void
add_those_out_of_sync(const struct elr_question *q, struct ids from, struct ids *to)
{
    for (int32_t i = 0; i < from.n; i++) {
        int32_t id = from.v[i];
        bool stays = id != q->unclean_id && !ids_has(q->target_isr, id) && !ids_has(*to, id) &&
                     ids_has(q->replicas, id);
        if (stays) insert_sorted(to, id);
    }
}

/* Only the last leader is remembered, and only from the moment at which nobody is in sync. */
static struct ids
last_known(const struct elr_question *q, struct arena *arena)
{
    if (q->target_isr.n > 0 || q->leader == NO_LEADER) return q->last_known_elr;
    struct ids last = {ARENA_ARRAY(arena, int32_t, 1), 1};
    last.v[0] = q->leader;
    return last;
}

static struct elr_change
without_elr(const struct elr_question *q)
{
    /* The last member stays. */
    return (struct elr_change){.isr = q->target_isr.n > 0 ? q->target_isr : q->isr};
}

struct elr_change
elr_change(const struct elr_question *q, struct arena *arena)
{
    if (!q->elr_enabled) return without_elr(q);
    if (q->target_isr.n >= MIN(q->min_isr, q->replicas.n))
        return (struct elr_change){.isr = q->target_isr};
    struct ids elr = {ARENA_ARRAY(arena, int32_t, q->isr.n + q->elr.n + 1), 0};
    add_those_out_of_sync(q, q->elr, &elr);
    add_those_out_of_sync(q, q->isr, &elr);
    return (struct elr_change){q->target_isr, elr, last_known(q, arena)};
}
