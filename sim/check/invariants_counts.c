/* What is committed, seen from both ends: on whom a leader counts before it calls something committed, and what clients are
 * given. */
#include "broker/env/env.h"
#include "sim/check/invariants_own.h"

/* "1,2 -> 1,2,3": what there is, and what the leader asks for. */
static struct model_ids
all_ids_of(struct slice text)
{
    struct model_ids ids = {0};
    int32_t id = 0;
    bool is_in = false;
    for (int64_t i = 0; i <= text.n; i++) {
        bool is_digit = i < text.n && text.p[i] >= '0' && text.p[i] <= '9';
        if (is_digit) id = 10 * id + (text.p[i] - '0');
        else if (is_in && !model_has(&ids, id) && ids.n < MODEL_IDS_MAX) ids.v[ids.n++] = id;
        if (!is_digit) id = 0;
        is_in = is_digit;
    }
    return ids;
}

/* What a leader has asked for may have been granted already, so it counts on both, the ISR that it knows and the one that it
 * wants: together never on less than the controller has decided (KIP-497). What counts is its deed, the request, and the
 * decision as it is committed. */
static void
check_counted(struct invariants *v, struct topic_key *k, int32_t node)
{
    const struct model_node *n = model_node(&v->model, node);
    const struct node_log *l = n && k->index < n->logs.n ? n->logs.v[k->index] : NULL;
    const struct decision *d = &k->now;
    if (!l || !l->leads || !d->known || d->leader != n->id || l->epoch != d->leader_epoch ||
        l->isr_epoch != l->epoch)
        return;
    /* A node that is broker and controller may act on a decision before it is made known. */
    if (l->counted_epoch > d->partition_epoch) return;
    for (int32_t i = 0; i < d->isr.n; i++)
        if (!model_has(&l->counted, d->isr.v[i]))
            breach(v, RULE_ISR_SUPERSET, k, -1, "broker # leads without counting on # of its ISR",
                   n->id, d->isr.v[i]);
}

/* ---- what was told ------------------------------------------------------------------------------ */

/* The furthest that it told in this epoch: what was told earlier in it may be what the leader has. */
void
take_heard(struct invariants *v, struct topic_key *k, int32_t id, int32_t leader_epoch, int64_t end)
{
    v->hears_fetches = true;
    for (int64_t i = 0; i < k->heard.n; i++) {
        struct heard *h = &k->heard.v[i];
        if (h->id != id) continue;
        if (leader_epoch > h->leader_epoch)
            *h = (struct heard){id, leader_epoch, end, .answered_end = -1, .caught_up_ns = -1};
        if (leader_epoch == h->leader_epoch) h->end = MAX(h->end, end);
        return;
    }
    struct heard new = {id, leader_epoch, end, .answered_end = -1, .caught_up_ns = -1};
    VEC_PUSH(v->mem, &k->heard, new);
}

/* -1: nothing, in this epoch. Of a later one, if the leader is behind: as good as everything. */
static int64_t
heard_end(const struct topic_key *k, int32_t id, int32_t leader_epoch)
{
    for (int64_t i = 0; i < k->heard.n; i++) {
        const struct heard *h = &k->heard.v[i];
        if (h->id == id && h->leader_epoch >= leader_epoch)
            return h->leader_epoch == leader_epoch ? h->end : INT64_MAX;
    }
    return -1;
}

/* A leader knows of a follower's log only what that one has told it since it leads (KIP-101): before, in an earlier epoch, its
 * log may have been another, or been cut since. */
void
check_heard(struct invariants *v, struct topic_key *k, const struct node_log *l, int64_t hw)
{
    int32_t self = model_node(&v->model, v->node)->id;
    if (!v->hears_fetches || k->now.leader != self) return;
    for (int32_t i = 0; i < k->now.isr.n; i++) {
        int32_t id = k->now.isr.v[i];
        if (id == self || heard_end(k, id, l->epoch) >= hw) continue;
        breach(v, RULE_COUNTED_UNHEARD, k, hw - 1,
               "called all below # committed, of which # of its ISR has not told that it has it",
               hw, id);
        return;
    }
}

/* Where the epoch in which it leads begins in its log. */
static int64_t
epoch_begin(const struct node_log *l)
{
    int64_t at = log_end(l);
    for (int64_t i = l->v.n; i-- > 0 && l->v.v[i]->epoch >= l->epoch;) at = l->v.v[i]->base;
    return at;
}

/* KIP-320: past the start of the leader's epoch nothing committed can be missing; its high watermark may yet be behind. */
static void
check_growth(struct invariants *v, struct topic_key *k, const struct node_log *l,
             const struct model_ids *is, const struct model_ids *wanted)
{
    if (!v->hears_fetches || k->is_compacted) return;
    int64_t needed = MAX(l->hw, epoch_begin(l));
    for (int32_t i = 0; i < wanted->n; i++) {
        int32_t id = wanted->v[i];
        if (model_has(is, id) || heard_end(k, id, l->epoch) >= needed) continue;
        breach(v, RULE_COUNTED_UNHEARD, k, needed,
               "wants # in its ISR, which has not told that it has all below #", id, needed);
        return;
    }
}

static void
take_wanted(struct invariants *v, struct topic_key *k, struct node_log *l, struct slice text)
{
    int64_t at = slice_find(text, '>', 0);
    if (at < 0) return;
    struct model_ids is = all_ids_of(slice_sub(text, 0, at));
    struct model_ids wanted = all_ids_of(slice_sub(text, at, text.n - at));
    check_growth(v, k, l, &is, &wanted);
    isr_wanted(v, k, l, &is, &wanted);
}

void
take_counted(struct invariants *v, struct topic_key *k, struct node_log *l, const struct note *n)
{
    if (l->leads && l->epoch == n->v[0] && n->kind == NOTE_PARTITION_ISR_PENDING)
        take_wanted(v, k, l, n->text);
    l->counted = all_ids_of(n->text);
    l->isr_epoch = (int32_t)n->v[0];
    l->counted_epoch = (int32_t)n->v[1];
    if (n->kind == NOTE_PARTITION_ISR) isr_stands(l);
    check_counted(v, k, v->node);
}

void
check_counted_by_leader(struct invariants *v, struct topic_key *k)
{
    for (int64_t i = 0; i < v->model.nodes.n; i++)
        if (v->model.nodes.v[i].id == k->now.leader) check_counted(v, k, (int32_t)i);
}

/* Of topics of one name one after the other: which of them was read the client does not know. Of one that is deleted nothing
 * is kept, and who has not heard of its end goes on with it. */
static int64_t
most_committed(const struct topic_key *k)
{
    int64_t most = 0;
    for (; k; k = k->older) most = k->is_retired ? INT64_MAX : MAX(most, k->most);
    return most;
}

/* Whoever gave it to it, leader or follower: nobody had called it committed then, and it may be taken back. */
void
invariants_polled(struct invariants *v, int64_t at_ns, struct slice topic, int32_t partition,
                  int64_t offset)
{
    struct topic_key *k = model_find_key(&v->model, topic, partition);
    if (!k || offset < k->most || offset < most_committed(k)) return;
    v->at_ns = at_ns;
    v->node = -1;
    breach(v, RULE_READ_UNCOMMITTED, k, offset,
           "a client was given offset #, and all that was committed lies below #", offset,
           most_committed(k));
}
