/* What power losses took. A broker's copies count as gone from the moment when it loses power until, under a
 * new registration, it is in sync with every partition again: then it has fetched what it lacked. What a run
 * may lose depends on the most that were gone at one time, not on how often the power failed. A process
 * that crashed keeps its copies, but the controller cannot know that: it, too, may lead again only when it
 * has come back (KIP-966), unless nobody else is there. One that is to end at a disk operation counts as if it had,
 * until it comes to that or is let off; what really took something before stays. */
#include "sim/scenario/run_internal.h"

static bool
in_sync_everywhere(const struct run *r, int32_t id)
{
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (ids_few_has(&p->replicas, id) && !ids_few_has(&p->isr, id)) return false;
    }
    return true;
}

static bool
is_back(const struct run *r, const struct node_slot *n)
{
    return broker_serves(r, n) && r->truth.broker_epoch[n->id] > n->gone_epoch &&
           in_sync_everywhere(r, n->id);
}

static void
look_who_is_back(struct run *r)
{
    for (int32_t i = 0; i < r->nodes_n; i++) {
        struct node_slot *n = &r->nodes[i];
        if ((n->gone || n->unclean) && !n->is_ill && is_back(r, n)) n->gone = n->unclean = false;
    }
}

/* A disk operation is to end it, or its whole machine by another's; power: only if that takes the power. */
static bool
is_to_end(const struct run *r, const struct node_slot *n, bool power)
{
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *o = &r->nodes[i];
        if (o->armed_op && o->m->host == n->m->host && (o->armed_power || !power)) return true;
    }
    return false;
}

int32_t
power_gone(struct run *r)
{
    int32_t gone = 0;
    look_who_is_back(r);
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        gone += n->is_broker && (n->gone || is_to_end(r, n, true));
    }
    return gone;
}

int32_t
power_unclean(struct run *r)
{
    int32_t unclean = 0;
    look_who_is_back(r);
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        unclean += n->is_broker && (n->unclean || is_to_end(r, n, false));
    }
    return unclean;
}

/* Quorums sync what they count: a controller loses nothing. */
void
power_took(struct run *r, const struct machine *m, bool copies)
{
    for (int32_t i = 0; i < r->nodes_n; i++) {
        struct node_slot *n = &r->nodes[i];
        if (!n->is_broker || n->m->host != m->host) continue;
        n->unclean = true;
        n->gone = n->gone || copies;
        n->gone_epoch = r->truth.broker_epoch[n->id];
    }
}
