/* A member that commits in transactions: what it does with a piece, and when that is aborted. */
#include "sim/workload/member_internal.h"

/* A consumer's place is no part of the transaction: what it fetched since is void, and it goes on where the group is. */
static void
go_back(struct worker *w)
{
    struct held *h = w->busy_with;
    w->busy_with = NULL;
    if (h->from) {
        assigned_set_user(h->from, NULL);
        consumer_unassign(h->from);
    }
    h->from = NULL;
    h->queue.n = h->taken = 0;
    h->position = h->polled_to = -1;
    worker_look_up(w);
}

static void
copied(void *owner, enum txn_end end)
{
    struct worker *w = owner;
    w->is_committing = false;
    if (end == TXN_COMMITTED) worker_piece_is_done(w);
    else go_back(w);
    worker_turn_at(w, end == TXN_COMMITTED ? 0 : POLL_EVERY_NS);
}

/* Who has been put out of the group meanwhile is still, to itself, who it was. */
void
worker_remember_membership(struct worker *w)
{
    if (membership_generation(w->membership) < 0) return;
    w->generation = membership_generation(w->membership);
    mem_free_slice(&w->env->mem, w->member_id);
    w->member_id = mem_dup(&w->env->mem, membership_member_id(w->membership));
}

void
worker_copy(struct worker *w)
{
    struct held *h = w->busy_with;
    worker_remember_membership(w);
    struct copy_piece p = {.topic_name = h->of.topic,
                           .topic = h->topic,
                           .partition = h->of.partition,
                           .reads = h->queue.v,
                           .reads_n = h->taken,
                           .group = w->group,
                           .generation = w->generation,
                           .member_id = w->member_id};
    p.next =
        (struct group_offset){h->of.topic, h->of.partition, h->queue.v[h->taken - 1].offset + 1,
                              h->leader_epoch, h->of.topic_id};
    w->is_committing = true;
    copier_copy(w->copier, &p, copied);
}

/* Whose transactional id another one has is no use any more. */
static void
copier_tried(void *owner)
{
    struct worker *w = owner;
    w->is_committing = false;
    if (!w->args->fenced) {
        worker_turn_at(w, copier_is_ready(w->copier) ? 0 : POLL_EVERY_NS);
        return;
    }
    worker_tell(w, " is fenced: another one has its transactional id", NULL, 0);
    worker_close_down(w);
}

bool
worker_may_copy(struct worker *w)
{
    if (copier_is_ready(w->copier)) return true;
    w->is_committing = true;
    copier_init(w->copier, copier_tried);
    return false;
}
