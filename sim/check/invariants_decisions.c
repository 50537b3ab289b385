/* The invariants of the quorum and of what the controller decides. */
#include "broker/env/env.h"
#include "sim/check/invariants_own.h"

/* ---- the quorum --------------------------------------------------------------------------------- */

struct voter_seen *
voter_seen(struct invariants *v, int32_t node)
{
    for (int64_t i = 0; i < v->voters.n; i++)
        if (v->voters.v[i].node == node) return &v->voters.v[i];
    struct voter_seen new = {.node = node, .epoch = -1, .proved_epoch = -1};
    VEC_PUSH(v->mem, &v->voters, new);
    return &v->voters.v[v->voters.n - 1];
}

void
voter_crashed(struct invariants *v, int32_t node)
{
    struct voter_seen *s = voter_seen(v, node);
    s->epoch = s->proved_epoch = -1;
}

void
voter_wiped(struct invariants *v, int32_t node)
{
    const struct topic_key *k = model_find_subject(&v->model, S("__cluster_metadata-0"));
    const struct model_node *n = model_node(&v->model, node);
    struct node_log *l = k && n && k->index < n->logs.n ? n->logs.v[k->index] : NULL;
    int64_t end = l ? truth_durable(v, node, l, log_end(l)) : 0;
    const struct batch *last = end > 0 ? log_at(l, end - 1) : NULL;
    struct voter_seen *s = voter_seen(v, node);
    /* A disk that was replaced twice had nothing to tell of the second time. */
    if (last) s->had_end = end, s->had_last = last;
}

/* A broker that has ended, and was started again, is found out when it registers. */
static bool
is_at_rest(const struct invariants *v)
{
    if (!v->rests_from_ns || v->at_ns < v->rests_from_ns) return false;
    for (int64_t i = 0; i < v->model.nodes.n; i++) {
        const struct model_node *n = &v->model.nodes.v[i];
        bool is_broker = n->id >= 0 && n->id < 100;
        if (is_broker && n->is_unknown) return false;
    }
    return true;
}

void
check_raft_state(struct invariants *v, struct topic_key *k, struct node_log *l,
                 const struct note *n)
{
    enum { LEADER = 5 }; /* of raft-state */
    struct voter_seen *s = voter_seen(v, v->node);
    int32_t epoch = (int32_t)n->v[1];
    if (epoch < s->epoch)
        breach(v, RULE_EPOCH_WENT_BACK, k, -1, "went from epoch # of the quorum to #", s->epoch,
               epoch);
    s->epoch = epoch;
    bool led = l->leads;
    l->leads = n->v[0] == LEADER;
    bool is_elected = l->leads && (!led || l->epoch != epoch);
    if (l->epoch != epoch || !led) l->hw = 0;
    l->epoch = epoch;
    if (!l->leads) return;
    if (is_elected) check_votes(v, k, epoch);
    if (is_elected && is_at_rest(v))
        breach(v, RULE_RESTLESS, k, -1, "leads the quorum in epoch #, though nothing had happened",
               epoch, 0);
    take_leader(v, k, epoch, v->node);
    if (l->open) check_leader(v, k, l);
}

/* The quorum syncs what it counts; the truth of that is on the disk. */
static bool
has_durably(struct invariants *v, int32_t node, struct node_log *l, const struct batch *b,
            int64_t hw)
{
    if (!l) return false;
    if (l->start >= hw) return true;
    return log_at(l, hw - 1) == b && truth_durable(v, node, l, hw) >= hw;
}

/* The leader counts a voter by its last fetch. If the voter's disk is replaced after that fetch was sent, the leader was
 * told the truth: what was durable then counts, in the leader's log up to the last batch that they shared. */
static bool
had_durably(struct invariants *v, int32_t node, const struct node_log *leader, int64_t hw)
{
    const struct voter_seen *s = voter_seen(v, node);
    return s->had_last && s->had_end >= hw && log_at(leader, s->had_end - 1) == s->had_last;
}

void
check_raft_high_watermark(struct invariants *v, struct topic_key *k, struct node_log *l,
                          const struct note *n)
{
    int64_t hw = n->v[0], voters = 0, have = 0;
    const struct batch *b = hw > l->start ? log_at(l, hw - 1) : NULL;
    for (int64_t i = 0; b && l->leads && i < v->model.nodes.n; i++) {
        const struct model_node *node = &v->model.nodes.v[i];
        if (!node->is_voter) continue;
        struct node_log *other = k->index < node->logs.n ? node->logs.v[k->index] : NULL;
        voters++;
        have += has_durably(v, (int32_t)i, other, b, hw) || had_durably(v, (int32_t)i, l, hw);
    }
    if (voters && have * 2 <= voters)
        breach(v, RULE_QUORUM_MAJORITY, k, hw - 1, "committed offset #, durable on # voters",
               hw - 1, have);
    bool leads = l->leads;
    /* Raft, 5.4.2: what a leader commits ends in its own epoch, or somebody with a later log may still take it back. */
    if (b && leads && hw > k->ghost && b->epoch < l->epoch)
        breach(v, RULE_QUORUM_MAJORITY, k, hw - 1,
               "committed offset # in epoch #, by counting copies of an earlier one", hw - 1,
               l->epoch);
    check_high_watermark(v, k, l, hw, leads);
    if (leads) ledger_read(v, v->node, hw);
}

/* ---- brokers ------------------------------------------------------------------------------------ */

struct broker_seen *
broker_seen(struct invariants *v, int32_t id)
{
    for (int64_t i = 0; i < v->brokers.n; i++)
        if (v->brokers.v[i].id == id) return &v->brokers.v[i];
    struct broker_seen new = {.id = id, .epoch = -1, .fenced = true};
    VEC_PUSH(v->mem, &v->brokers, new);
    return &v->brokers.v[v->brokers.n - 1];
}

/* A process that did not hear the answer registers again, and keeps what it was given. */
static bool
is_registered_again(const struct broker_seen *b, const struct broker_change *c)
{
    return c->is_registered && c->epoch == b->epoch && c->incarnation == b->incarnation;
}

void
check_broker_change(struct invariants *v, const struct broker_change *c)
{
    struct broker_seen *b = broker_seen(v, c->id);
    struct model_node *node = model_node_by_id(&v->model, b->id);
    /* Told late: see model_decide(). */
    if (c->offset < b->offset) return;
    b->offset = c->offset;
    if (is_registered_again(b, c)) return;
    if (c->is_registered && c->epoch <= b->epoch)
        breach(v, RULE_BROKER_EPOCH_INCREASES, NULL, -1, "gave broker # the epoch #", b->id,
               c->epoch);
    if (is_at_rest(v) && c->is_fenced && !b->fenced)
        breach(v, RULE_RESTLESS, NULL, -1, "fenced broker #, to which nothing had happened", b->id,
               0);
    if (c->is_registered) b->incarnation = c->incarnation;
    if (node && c->is_registered) node->is_unknown = node->has_died = false;
    b->epoch = MAX(b->epoch, c->epoch);
    /* A new controller says again how brokers stand: that tells nothing of whether they still live. */
    if (node && !c->is_fenced && b->fenced) node->current = true;
    b->fenced = c->is_fenced;
    b->is_leaving = c->is_leaving;
}

static void
check_broker_note(struct invariants *v, const struct note *n)
{
    bool is_registered = n->kind == NOTE_BROKER_REGISTERED;
    struct broker_change c = {.id = (int32_t)n->v[0],
                              .epoch = n->v[1],
                              .incarnation = is_registered ? n->v[2] : 0,
                              .offset = n->v[is_registered ? 4 : 2],
                              .is_registered = is_registered,
                              .is_fenced = n->kind != NOTE_BROKER_UNFENCED};
    check_broker_change(v, &c);
}

/* ---- partitions --------------------------------------------------------------------------------- */

static int32_t
min_isr_of(const struct invariants *v, const struct topic_key *k)
{
    for (int64_t i = 0; i < v->topics.n; i++)
        if (v->topics.v[i].name.p && slice_eq(v->topics.v[i].name, k->topic))
            return v->topics.v[i].min_isr;
    return 0;
}

static bool
sets_are_sound(const struct invariants *v, const struct topic_key *k)
{
    const struct decision *d = &k->now;
    int32_t min_isr = min_isr_of(v, k);
    for (int32_t i = 0; i < d->isr.n; i++)
        if (!model_has(&d->replicas, d->isr.v[i]) || model_has(&d->elr, d->isr.v[i])) return false;
    for (int32_t i = 0; i < d->elr.n; i++)
        if (!model_has(&d->replicas, d->elr.v[i])) return false;
    /* min.insync.replicas counts as at most the number of replicas. */
    return min_isr == 0 || d->elr.n == 0 || d->isr.n < MIN(min_isr, d->replicas.n);
}

/* Who comes into the ISR must be unfenced and have what is committed. */
static void
check_newcomers(struct invariants *v, struct topic_key *k, const struct decision *was)
{
    for (int32_t i = 0; i < k->now.isr.n; i++) {
        int32_t id = k->now.isr.v[i];
        if (model_has(&was->isr, id)) continue;
        if (broker_seen(v, id)->epoch >= 0 && broker_seen(v, id)->fenced)
            breach(v, RULE_ISR_FENCED, k, -1, "put broker # into the ISR, though it is fenced", id,
                   0);
        struct node_log *l = model_log_of(&v->model, id, k);
        if (!l || !l->open || k->ghost <= l->start || is_lossy(k, k->now.leader_epoch) ||
            was->isr.n == 0)
            continue;
        if (log_at(l, k->ghost - 1) != committed_at(k, k->ghost - 1) &&
            !is_deleted_by_leader(v, k, k->ghost - 1))
            breach(v, RULE_ISR_HOLDS_COMMITTED, k, k->ghost - 1,
                   "put broker # into the ISR, though it lacks offset #", id, k->ghost - 1);
    }
}

/* An operator's request is carried out, or given up, by then. */
#define ASKED_NS (10 * NS_PER_S)

static bool
unclean_is_permitted(const struct invariants *v, const struct topic_key *k)
{
    bool by_default = false;
    for (int64_t i = 0; i < v->asked.n; i++) {
        const struct unclean_asked *a = &v->asked.v[i];
        if (a->partition == k->partition && slice_eq(a->topic, k->topic) &&
            v->at_ns - a->at_ns <= ASKED_NS)
            return true;
    }
    for (int64_t i = 0; i < v->topics.n; i++) {
        const struct topic_rule *t = &v->topics.v[i];
        if (!t->name.p) by_default = t->unclean == MAY_BE_UNCLEAN;
        else if (slice_eq(t->name, k->topic) && t->unclean != MAY_BE_UNCLEAN_UNSAID)
            return t->unclean == MAY_BE_UNCLEAN;
    }
    return by_default;
}

/* Nobody is sure to have it all: the ISR is empty, and who else was eligible has died without order, so that its word
 * counts no more as soon as it is back. That decision may be the same that chooses the last known leader. */
static bool
is_anyone_eligible(const struct topic_key *k, const struct decision *was)
{
    bool any = was->isr.n > 0;
    for (int32_t i = 0; i < was->elr.n; i++) any = any || !model_has(&k->died, was->elr.v[i]);
    return any;
}

/* Who comes into the ISR before anybody noticed that it died is not back: elected while it is down, or let in by what its
 * leader asked for when it lived, though a process that nobody knows of yet has begun. */
static void
note_who_is_back(struct invariants *v, struct topic_key *k, const struct decision *was)
{
    int32_t n = 0;
    for (int32_t i = 0; i < k->died.n; i++) {
        int32_t id = k->died.v[i];
        const struct model_node *node = model_node_by_id(&v->model, id);
        bool is_back = !model_has(&was->isr, id) && model_has(&k->now.isr, id) && node &&
                       node->up && !node->is_unknown;
        if (!is_back) k->died.v[n++] = id;
    }
    k->died.n = n;
}

/* Of those that a new partition begins with some may be dead, and their controller not know it yet: their word counts no more
 * as soon as they are back. Whoever has registered since is not one of them. */
static void
begin_with_the_dead(const struct invariants *v, struct topic_key *k)
{
    k->died.n = 0;
    for (int64_t i = 0; i < v->model.nodes.n && k->died.n < MODEL_IDS_MAX; i++)
        if (v->model.nodes.v[i].has_died) k->died.v[k->died.n++] = v->model.nodes.v[i].id;
}

/* The choice itself, whatever its controller calls it. When nobody is eligible, the last leader that is known (KIP-966)
 * is the best guess of who has it all; for what it lacks only a destroyed copy is an excuse. */
static void
check_choice(struct invariants *v, struct topic_key *k, const struct decision *was,
             const struct model_ids *stood)
{
    const struct decision *d = &k->now;
    bool was_eligible = model_has(&was->isr, d->leader) || model_has(&was->elr, d->leader);
    bool was_last = !is_anyone_eligible(k, was) && model_has(&was->last, d->leader);
    bool by_leave = !was_eligible && unclean_is_permitted(v, k);
    struct election e = {d->leader_epoch, by_leave || !is_held_by(v, k, stood, k->ghost)};
    VEC_PUSH(v->mem, &k->elections, e);
    /* A controller that takes over tells how its log has it: of several decisions of the one before, whose
     * commit that one did not live to see, only the last. Who was eligible in between is not known. */
    bool is_next = d->partition_epoch == was->partition_epoch + 1;
    if (is_next && d->leader != was->leader && !was_eligible && !was_last && !by_leave)
        breach(v, RULE_LEADER_ELIGIBLE, k, -1, "made # the leader, who was in neither ISR nor ELR",
               d->leader, 0);
}

/* The first of the replicas may yet be given the lead (auto.leader.rebalance.enable). A follower may still lag: how fast it is the
 * settings say. */
static void
check_rest(struct invariants *v, const struct topic_key *k, const struct decision *was)
{
    const struct decision *d = &k->now;
    if (d->leader == was->leader || !is_at_rest(v)) return;
    if (d->replicas.n && d->leader == d->replicas.v[0]) return;
    breach(v, RULE_RESTLESS, k, -1, "made # the leader of epoch #, though nothing had happened",
           d->leader, d->leader_epoch);
}

void
check_change(struct invariants *v, struct topic_key *k, const struct decision *to)
{
    struct decision was = k->now;
    struct model_ids stood = k->stood;
    if (k->is_retired || !model_decide_as(k, to)) return;
    const struct decision *d = &k->now;
    if (d->leader >= 0 && !model_has(&d->isr, d->leader))
        breach(v, RULE_LEADER_IN_ISR, k, -1, "made # the leader, who is not in the ISR", d->leader,
               0);
    if (!sets_are_sound(v, k))
        breach(v, RULE_ISR_ELR, k, -1, "decided on an ISR of # and an ELR of # that do not fit",
               d->isr.n, d->elr.n);
    if (!was.known) begin_with_the_dead(v, k);
    if (!was.known) return;
    bool new_leader = d->leader != was.leader;
    if (d->partition_epoch <= was.partition_epoch || d->leader_epoch < was.leader_epoch)
        breach(v, RULE_PARTITION_EPOCH_INCREASES, k, -1, "went from partition epoch # to #",
               was.partition_epoch, d->partition_epoch);
    else if (new_leader && d->leader_epoch == was.leader_epoch)
        breach(v, RULE_PARTITION_EPOCH_INCREASES, k, -1, "made # the leader within epoch #",
               d->leader, d->leader_epoch);
    if (d->leader >= 0 && (new_leader || d->leader_epoch != was.leader_epoch))
        check_choice(v, k, &was, &stood);
    check_rest(v, k, &was);
    note_who_is_back(v, k, &was);
    check_newcomers(v, k, &was);
    check_counted_by_leader(v, k);
}

static void
check_change_note(struct invariants *v, const struct note *n)
{
    struct decision d = model_decision(n);
    check_change(v, model_key(&v->model, n->subject), &d);
}

static void
check_applied(struct invariants *v, const struct note *n)
{
    struct topic_key *k = model_key(&v->model, S("__cluster_metadata-0"));
    if (n->v[0] >= k->ghost)
        breach(v, RULE_APPLIED_COMMITTED, k, n->v[0], "applied offset #; committed is all below #",
               n->v[0], k->ghost);
    cluster_applied(v, v->node, n->v[0]);
}

void
check_decision(struct invariants *v, const struct note *n)
{
    switch (n->kind) {
    case NOTE_PARTITION_CHANGE: check_change_note(v, n); return;
    case NOTE_BROKER_REGISTERED:
    case NOTE_BROKER_FENCED:
    case NOTE_BROKER_UNFENCED: check_broker_note(v, n); return;
    case NOTE_TOPIC_DELETED: model_forget_topic(&v->model, n->subject); return;
    case NOTE_METADATA_APPLIED: check_applied(v, n); return;
    default: return;
    }
}
