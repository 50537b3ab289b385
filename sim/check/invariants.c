/* The logs' side of the invariants: what may be appended, cut, led and committed. What the controller and
 * the quorum decide is in invariants_decisions.c. */
#include "sim/check/invariants.h"

#include "broker/base/fmt.h"
#include "sim/check/invariants_own.h"

struct invariants *
invariants_new(struct mem *mem)
{
    struct invariants *v = MEM_NEW(mem, struct invariants);
    v->mem = mem;
    model_init(&v->model, mem);
    anomalies_init(&v->found, mem);
    return v;
}

void
invariants_free(struct invariants *v)
{
    struct mem *mem = v->mem;
    for (int64_t i = 0; i < v->topics.n; i++) mem_free_slice(mem, v->topics.v[i].name);
    for (int64_t i = 0; i < v->asked.n; i++) mem_free_slice(mem, v->asked.v[i].topic);
    VEC_RELEASE(mem, &v->topics);
    VEC_RELEASE(mem, &v->asked);
    for (int64_t i = 0; i < v->model.nodes.n; i++)
        for (int64_t k = 0; k < v->model.nodes.v[i].logs.n; k++)
            if (v->model.nodes.v[i].logs.v[k]) truth_free(v, v->model.nodes.v[i].logs.v[k]);
    VEC_RELEASE(mem, &v->brokers);
    ledger_free(v);
    cluster_free(v);
    leaders_free(v);
    answered_free(v);
    standing_free(v);
    beats_free(v);
    ends_free(v);
    coordinators_free(v);
    VEC_RELEASE(mem, &v->voters);
    VEC_RELEASE(mem, &v->votes);
    VEC_RELEASE(mem, &v->fetches);
    VEC_RELEASE(mem, &v->rewritten);
    VEC_RELEASE(mem, &v->ids_asked);
    VEC_RELEASE(mem, &v->ids_given);
    VEC_RELEASE(mem, &v->vote_requests);
    wire_free(v);
    producers_free(v);
    anomalies_release(&v->found);
    model_release(&v->model);
    MEM_DELETE(mem, v);
}

const struct anomalies *
invariants_anomalies(const struct invariants *v)
{
    return &v->found;
}

static struct topic_rule *
topic_rule(struct invariants *v, struct slice topic)
{
    for (int64_t i = 0; i < v->topics.n; i++)
        if (!v->topics.v[i].name.p == !topic.p && slice_eq(v->topics.v[i].name, topic))
            return &v->topics.v[i];
    struct topic_rule rule = {.name = mem_dup(v->mem, topic)};
    VEC_PUSH(v->mem, &v->topics, rule);
    return &v->topics.v[v->topics.n - 1];
}

void
invariants_topic(struct invariants *v, struct slice topic, int32_t min_isr)
{
    topic_rule(v, topic)->min_isr = min_isr;
}

void
invariants_segment(struct invariants *v, struct slice topic, int64_t bytes)
{
    struct topic_rule *rule = topic_rule(v, topic);
    rule->segment_bytes = MAX(rule->segment_bytes, bytes);
}

void
invariants_segment_grows(struct invariants *v, struct slice topic, int64_t bytes)
{
    if (segment_bytes_of(v, topic)) invariants_segment(v, topic, bytes);
}

int64_t
segment_bytes_of(struct invariants *v, struct slice topic)
{
    return topic_rule(v, topic)->segment_bytes;
}

void
invariants_message_bytes(struct invariants *v, struct slice topic, int64_t bytes, bool may_grow)
{
    struct topic_rule *rule = topic_rule(v, topic);
    rule->message_is_unsure |= !bytes || (rule->message_bytes && rule->message_bytes != bytes);
    rule->message_may_grow |= may_grow;
    rule->message_bytes = bytes;
}

/* It is looked at as it was sent: a leader that writes it anew looks once more. */
void
check_message_size(struct invariants *v, const struct topic_key *k, int64_t bytes, int64_t offset,
                   bool is_refused)
{
    const struct topic_rule *rule = topic_rule(v, k->topic);
    if (!rule->message_bytes || rule->message_is_unsure || k->is_retired) return;
    bool is_large = bytes > rule->message_bytes;
    if (is_refused == is_large || (is_refused && rule->message_may_grow)) return;
    breach(v, RULE_MESSAGE_SIZE, k, is_refused ? -1 : offset,
           is_refused ? "refused a batch of # bytes as too large; # are allowed"
                      : "took a batch of # bytes; # are allowed",
           bytes, rule->message_bytes);
}

void
invariants_compacted(struct invariants *v, struct slice topic)
{
    model_compacted(&v->model, topic);
}

void
invariants_unclean_is(struct invariants *v, struct slice topic, bool is_on)
{
    topic_rule(v, topic)->unclean = is_on ? MAY_BE_UNCLEAN : MAY_NOT_BE_UNCLEAN;
}

void
invariants_unclean_asked(struct invariants *v, int64_t at_ns, struct slice topic, int32_t partition)
{
    struct unclean_asked one = {mem_dup(v->mem, topic), partition, at_ns};
    VEC_PUSH(v->mem, &v->asked, one);
}

void
invariants_unverified(struct invariants *v)
{
    v->txns_unverified = true;
}

void
invariants_at_rest(struct invariants *v, int64_t from_ns)
{
    v->rests_from_ns = from_ns;
}

void
invariants_node(struct invariants *v, int32_t node, struct slice name, int32_t node_id,
                bool is_voter)
{
    model_set_node(&v->model, node, name, node_id, is_voter);
}

/* ---- telling ------------------------------------------------------------------------------------ */

void
breach(struct invariants *v, enum rule rule, const struct topic_key *k, int64_t offset,
       const char *what, int64_t a, int64_t b)
{
    struct writer w = writer_mem(v->mem);
    struct model_node *n = model_node(&v->model, v->node);
    bool is_client = !n && v->world && v->node >= 0;
    if (n || is_client) {
        fmt_slice(&w, n ? n->name : world_machine_at(v->world, v->node)->name);
        fmt_str(&w, ": ");
    }
    for (const char *c = what; *c; c++) {
        const struct model_node *other = *c == '@' ? model_node(&v->model, (int32_t)a) : NULL;
        if (other) fmt_slice(&w, other->name), a = b;
        else if (*c == '#' || *c == '@') fmt_i64(&w, a), a = b;
        else fmt_char(&w, *c);
    }
    struct anomaly one = {.rule = rule,
                          .witness = WITNESS_INVARIANT,
                          .topic = k ? k->topic : SLICE_NULL,
                          .partition = k ? k->partition : -1,
                          .offset = offset,
                          .at_ns = v->at_ns,
                          .story = writer_slice(&w)};
    anomalies_add(&v->found, &one);
    writer_release(&w);
}

/* ---- leaders ------------------------------------------------------------------------------------ */

void
take_leader(struct invariants *v, struct topic_key *k, int32_t epoch, int32_t node)
{
    for (int64_t i = k->leaders.n - 1; i >= 0; i--) {
        int64_t one = k->leaders.v[i];
        if (one >> 16 != epoch) continue;
        if ((one & 0xffff) != node)
            breach(v, RULE_ELECTION_SAFETY, k, -1, "leads epoch #, which @ led already", epoch,
                   one & 0xffff);
        return;
    }
    int64_t new = (int64_t)epoch << 16 | node;
    VEC_PUSH(v->mem, &k->leaders, new);
}

static bool
has_committed(const struct node_log *l, const struct topic_key *k, int64_t end)
{
    if (end <= l->start || k->committed.n == 0) return true;
    if (model_may_lack(l, end - 1)) return true;
    return log_at(l, end - 1) == committed_at(k, end - 1);
}

/* What a leader of this epoch must have: in a partition all that was committed. In the quorum what was
 * committed in earlier epochs; who learns late that it has won, when the next epoch has its leader and
 * has committed more, leads an epoch in which nothing can be committed any more, and breaks no promise. */
static int64_t
owed_by_leader(const struct topic_key *k, const struct node_log *l)
{
    if (!model_is_metadata(k)) return k->ghost;
    for (int64_t i = k->commits.n; i-- > 0;)
        if (k->commits.v[i].epoch < l->epoch) return MIN(k->commits.v[i].end, k->ghost);
    return 0;
}

/* Takes back what no leader has any more. */
static void
forget_committed(struct invariants *v, struct topic_key *k, const struct node_log *l)
{
    if (model_is_metadata(k)) cluster_unsure(v);
    while (k->committed.n) {
        struct batch *b = k->committed.v[k->committed.n - 1];
        if (log_at(l, b->base) == b) break;
        k->committed.n--;
    }
    k->ghost =
        k->committed.n ? k->committed.v[k->committed.n - 1]->last + 1 : MIN(k->ghost, l->start);
}

bool
is_held_by(struct invariants *v, const struct topic_key *k, const struct model_ids *ids,
           int64_t end)
{
    for (int64_t i = 0; i < v->model.nodes.n; i++) {
        struct model_node *n = &v->model.nodes.v[i];
        struct node_log *l = k->index < n->logs.n ? n->logs.v[k->index] : NULL;
        bool may_lead = model_is_metadata(k) ? n->is_voter : model_has(ids, n->id);
        if (l && may_lead && l->v.n && has_committed(l, k, end)) return true;
    }
    return false;
}

bool
is_deleted_by_leader(struct invariants *v, const struct topic_key *k, int64_t offset)
{
    const struct node_log *l = model_log_of(&v->model, k->now.leader, k);
    return l && l->open && l->leads && l->epoch == k->now.leader_epoch && l->start > offset;
}

static const struct election *
find_election(const struct topic_key *k, int32_t epoch)
{
    for (int64_t i = k->elections.n; i-- > 0;)
        if (k->elections.v[i].epoch == epoch) return &k->elections.v[i];
    return NULL;
}

bool
is_lossy(const struct topic_key *k, int32_t epoch)
{
    const struct election *e = find_election(k, epoch);
    return e && e->is_lossy;
}

bool
was_ever_lossy(const struct topic_key *k)
{
    for (int64_t i = 0; i < k->elections.n; i++)
        if (k->elections.v[i].is_lossy) return true;
    return false;
}

/* What a leader may lack was settled when it was elected; of elections that were not told, who has it now counts. */
static bool
may_lack_committed(struct invariants *v, const struct topic_key *k, const struct node_log *l,
                   int64_t owed)
{
    const struct election *e = model_is_metadata(k) ? NULL : find_election(k, l->epoch);
    return e ? e->is_lossy : !is_held_by(v, k, &k->stood, owed);
}

/* A leader that may lack committed records was elected, and did not hear of it before the next one was: what it still
 * takes for committed was given up when it was elected, and breaks no promise. So is what a leader before it commits
 * that has not heard of it. */
static bool
is_superseded_lossy(const struct topic_key *k, const struct node_log *l)
{
    bool any = false;
    for (int64_t i = 0; i < k->elections.n; i++)
        any |= k->elections.v[i].is_lossy && k->elections.v[i].epoch >= l->epoch;
    return any && k->now.known && l->epoch < k->now.leader_epoch;
}

void
check_leader(struct invariants *v, struct topic_key *k, struct node_log *l)
{
    if (l->checked_epoch == l->epoch) return;
    l->checked_epoch = l->epoch;
    int64_t owed = owed_by_leader(k, l);
    if (has_committed(l, k, owed)) return;
    bool is_newest = model_is_metadata(k) || !k->now.known || l->epoch >= k->now.leader_epoch;
    if (!is_newest) return;
    if (!may_lack_committed(v, k, l, owed))
        breach(v, RULE_LEADER_COMPLETENESS, k, owed - 1,
               "leads epoch # without the committed record at offset #", l->epoch, owed - 1);
    forget_committed(v, k, l);
}

/* ---- logs --------------------------------------------------------------------------------------- */

/* Who copies from a leader that has deleted everything before b compares nothing with it: the leader knows no epoch
 * of before, so a tail that the others never had may stay, below the log start that comes along. Nobody reads it. */
static bool
is_deleted_before(struct invariants *v, const struct topic_key *k, const struct node_log *l,
                  const struct batch *b, const struct batch *before)
{
    if (l->start > before->last) return true;
    for (int64_t i = 0; i < v->model.nodes.n; i++) {
        const struct model_node *n = &v->model.nodes.v[i];
        const struct node_log *o = k->index < n->logs.n ? n->logs.v[k->index] : NULL;
        if (o && o != l && log_at(o, b->base) == b && o->start > before->last) return true;
    }
    return false;
}

/* A copy has the gaps that its leader's log has, of which files are missing. */
static bool
is_gap_of_another(struct invariants *v, const struct topic_key *k, const struct node_log *l,
                  int64_t base, const struct batch *before)
{
    for (int64_t i = 0; i < v->model.nodes.n; i++) {
        const struct model_node *n = &v->model.nodes.v[i];
        const struct node_log *o = k->index < n->logs.n ? n->logs.v[k->index] : NULL;
        const struct batch *b = o && o != l ? log_at(o, base) : NULL;
        if (!b || b->base != base || o->v.v[0] == b) continue;
        int64_t at = o->v.n - 1;
        while (o->v.v[at] != b) at--;
        if (o->v.v[at - 1]->last <= before->last) return true;
    }
    return false;
}

static void
check_append(struct invariants *v, struct topic_key *k, struct node_log *l, const struct note *n)
{
    struct batch *before = log_last(l);
    int64_t base = n->v[0];
    bool conflict;
    bool is_gap = before && base > before->last + 1 && !n->v[4];
    bool is_compaction = k->is_compacted && is_gap;
    if (before && base != before->last + 1 && !is_compaction &&
        !(is_gap && is_gap_of_another(v, k, l, base, before)))
        breach(v, RULE_LOG_CONTIGUOUS, k, base, "offset # follows offset #", base, before->last);
    if (before && n->v[2] < before->epoch)
        breach(v, RULE_LOG_CONTIGUOUS, k, base, "epoch # follows epoch #", n->v[2], before->epoch);
    if (n->v[4] && l->leads) check_leader(v, k, l);
    truth_appends(v, v->node, l, base);
    struct batch *b =
        model_append(&v->model, l, base, n->v[1], (int32_t)n->v[2], (uint32_t)n->v[3], &conflict);
    if (conflict)
        breach(v, RULE_LOG_MATCHING, k, base, "has another batch at offset # of epoch #", base,
               n->v[2]);
    else if (before && b->prev && b->prev != before && b->prev->last == before->last &&
             !is_deleted_before(v, k, l, b, before))
        breach(v, RULE_LOG_MATCHING, k, base,
               "has the batch at offset # behind another one of epoch #", base, before->epoch);
    if (n->v[4]) take_leader(v, k, (int32_t)n->v[2], v->node);
    if (n->v[4] && l->leads) isr_look(v, k, l);
}

/* Where a disk has damaged what it was given, a log is cut at the damage, and what lay behind is fetched again. */
static void
check_truncate(struct invariants *v, struct topic_key *k, struct node_log *l, const struct note *n)
{
    struct model_node *node = model_node(&v->model, v->node);
    bool owes = node->current && !node->is_spoilt;
    int64_t end = n->v[0];
    struct batch *cut = log_at(l, end);
    bool in_sync = model_is_metadata(k) ? node->is_voter : model_has(&k->now.isr, node->id);
    if (l->leads && (cut || end > log_end(l)))
        breach(v, RULE_LEADER_APPENDS_ONLY, k, end, "leads epoch # and cut its log at offset #",
               l->epoch, end);
    else if (cut && end < k->ghost && in_sync && owes && committed_at(k, end) == cut)
        breach(v, RULE_COMMITTED_TRUNCATED, k, end, "cut off offset #; committed is all below #",
               end, k->ghost);
    l->cut_to = cut ? cut->last + 1 : end;
    model_cut(l, end);
}

/* ---- high watermarks ---------------------------------------------------------------------------- */

static void
check_in_sync(struct invariants *v, const struct topic_key *k, int32_t id, int64_t hw,
              const struct batch *b)
{
    struct model_node *n = model_node_by_id(&v->model, id);
    struct node_log *l = model_log_of(&v->model, id, k);
    if (!n || !n->current || !l || !l->open || l->start >= hw) return;
    if (model_may_lack(l, hw - 1)) return;
    if (log_at(l, hw - 1) != b)
        breach(v, RULE_ISR_HOLDS_COMMITTED, k, hw - 1,
               "committed offset #, which broker # of the ISR lacks", hw - 1, id);
    else if (l->written < hw) /* a crash of its process would take it away */
        breach(v, RULE_ISR_HOLDS_COMMITTED, k, hw - 1,
               "committed offset #, which broker # of the ISR has not written yet", hw - 1, id);
}

/* In the order of epochs, of which a later one has committed no less. */
static void
note_commit(struct invariants *v, struct topic_key *k, int32_t epoch, int64_t end)
{
    int64_t at = 0;
    while (at < k->commits.n && k->commits.v[at].epoch < epoch) at++;
    if (at == k->commits.n || k->commits.v[at].epoch > epoch) {
        (void)VEC_ADD(v->mem, &k->commits);
        for (int64_t i = k->commits.n - 1; i > at; i--) k->commits.v[i] = k->commits.v[i - 1];
        k->commits.v[at] = (struct commits){epoch, end};
    }
    for (; at < k->commits.n; at++) k->commits.v[at].end = MAX(k->commits.v[at].end, end);
}

static void
extend_committed(struct invariants *v, struct topic_key *k, const struct node_log *l, int64_t hw)
{
    int64_t at = l->v.n;
    while (at > 0 && l->v.v[at - 1]->base >= k->ghost) at--;
    for (; at < l->v.n && l->v.v[at]->last < hw; at++) VEC_PUSH(v->mem, &k->committed, l->v.v[at]);
    k->ghost = MAX(k->ghost, hw);
    if (model_is_metadata(k)) note_commit(v, k, l->epoch, hw);
}

/* A follower comes back that has not met its leader yet: what it took for committed before it died was given up since, by
 * an election that may lack records. */
static bool
was_given_up(const struct topic_key *k, const struct node_log *l)
{
    int32_t last = log_last(l)->epoch;
    for (int64_t i = 0; !l->leads && i < k->elections.n; i++) {
        const struct election *e = &k->elections.v[i];
        if (e->is_lossy && e->epoch > last) return true;
    }
    return false;
}

static void
check_committed(struct invariants *v, struct topic_key *k, const struct node_log *l, int64_t hw)
{
    struct batch *mine = log_at(l, hw - 1),
                 *theirs = hw <= k->ghost ? committed_at(k, hw - 1) : mine;
    if (mine && theirs && mine != theirs && !was_given_up(k, l) &&
        !is_deleted_by_leader(v, k, hw - 1))
        breach(v, RULE_COMMITTED_CHANGED, k, hw - 1,
               "holds another record as committed at offset # (epoch #)", hw - 1, mine->epoch);
}

void
check_high_watermark(struct invariants *v, struct topic_key *k, struct node_log *l, int64_t hw,
                     bool leads)
{
    if (l->open && hw > log_end(l))
        breach(v, RULE_HIGH_WATERMARK_BOUNDS, k, hw, "high watermark # beyond the log's end #", hw,
               log_end(l));
    else if (l->open && hw < l->start)
        breach(v, RULE_HIGH_WATERMARK_BOUNDS, k, hw, "high watermark # before the log's start #",
               hw, l->start);
    if (leads && hw < l->hw)
        breach(v, RULE_HIGH_WATERMARK_MONOTONIC, k, hw, "high watermark went from # to #", l->hw,
               hw);
    bool is_moved = leads && hw > l->hw;
    l->hw = hw;
    if (leads) k->most = MAX(k->most, hw);
    if (hw <= l->start || is_superseded_lossy(k, l)) return;
    if (leads) check_leader(v, k, l);
    check_committed(v, k, l, hw);
    if (!leads || hw <= k->ghost) return;
    /* A node that is broker and controller may act on a decision in the step in which it is made known:
     * then ours is the older. */
    bool is_newest = k->now.known && l->epoch == k->now.leader_epoch &&
                     l->partition_epoch <= k->now.partition_epoch;
    if (is_newest && is_moved) check_heard(v, k, l, hw);
    for (int32_t i = 0; is_newest && i < k->now.isr.n; i++)
        check_in_sync(v, k, k->now.isr.v[i], hw, log_at(l, hw - 1));
    extend_committed(v, k, l, hw);
}

static void
check_role(struct invariants *v, struct topic_key *k, struct node_log *l, const struct note *n)
{
    enum { FOLLOWER = 1, LEADER = 2 }; /* of partition-role */
    int32_t epoch = (int32_t)n->v[2];
    bool leads = n->v[0] == LEADER;
    if ((leads || n->v[0] == FOLLOWER) && epoch < l->epoch)
        breach(v, RULE_EPOCH_WENT_BACK, k, -1, "went from leader epoch # to #", l->epoch, epoch);
    if (epoch != l->epoch || !leads) l->hw = leads && l->leads ? l->hw : 0;
    bool begins = leads && !l->leads;
    l->leads = leads;
    l->epoch = epoch;
    l->partition_epoch = (int32_t)n->v[3];
    if (!leads) return;
    if (begins) isr_begins(k, l, v->at_ns);
    if (begins) coordinator_leads(v, k, l);
    take_leader(v, k, epoch, v->node);
    if (l->open) check_leader(v, k, l);
}

/* ---- notes -------------------------------------------------------------------------------------- */

static bool
is_of_log(enum note_kind kind)
{
    switch (kind) {
    case NOTE_LOG_APPEND:
    case NOTE_LOG_WRITTEN:
    case NOTE_LOG_SYNC:
    case NOTE_LOG_SYNCED:
    case NOTE_LOG_TRUNCATE:
    case NOTE_LOG_START:
    case NOTE_LOG_RECOVERED:
    case NOTE_LOG_CLEANED:
    case NOTE_PARTITION_ROLE:
    case NOTE_PARTITION_ISR:
    case NOTE_PARTITION_ISR_PENDING:
    case NOTE_PARTITION_HW:
    case NOTE_RAFT_STATE:
    case NOTE_RAFT_HW: return true;
    default: return false;
    }
}

static void
note_of_log(struct invariants *v, struct topic_key *k, struct node_log *l, const struct note *n)
{
    switch (n->kind) {
    case NOTE_LOG_APPEND: check_append(v, k, l, n); return;
    case NOTE_LOG_WRITTEN: l->written = truth_written(v, v->node, l, n->v[0]); return;
    case NOTE_LOG_SYNC:
        l->is_syncing = true;
        l->synced_file = -1;
        return;
    case NOTE_LOG_SYNCED:
        l->is_syncing = false;
        l->synced = n->v[0];
        truth_synced(v, v->node, l, n->v[0]);
        return;
    case NOTE_LOG_TRUNCATE:
        l->is_syncing = false; /* it is synced by itself, too */
        check_truncate(v, k, l, n);
        memset(l->checkpoints, 0, sizeof l->checkpoints); /* it may begin anew, and earlier */
        truth_cut(v, v->node, l);
        return;
    case NOTE_LOG_START:
        l->start = n->v[0];
        l->deleted_to = MAX(l->deleted_to, l->start);
        return;
    case NOTE_LOG_RECOVERED:
        model_recovered(l, n->v[0], n->v[1]);
        l->unsettled.n = 0;
        memset(l->checkpoints, 0, sizeof l->checkpoints);
        l->has_hw_file = false, l->cut_to = 0;
        truth_opened(v, v->node, l);
        return;
    case NOTE_LOG_CLEANED:
        names_round_ends(v, l, n->v[0], n->v[1]);
        cleaned_look(v, l, n->v[1]);
        return;
    case NOTE_PARTITION_ROLE: check_role(v, k, l, n); return;
    case NOTE_PARTITION_ISR:
        l->partition_epoch = (int32_t)n->v[1];
        take_counted(v, k, l, n);
        return;
    case NOTE_PARTITION_ISR_PENDING: take_counted(v, k, l, n); return;
    case NOTE_PARTITION_HW:
        check_high_watermark(v, k, l, n->v[0], n->v[2] != 0);
        if (n->v[2]) coordinator_read(v, k, v->node, n->v[0]);
        return;
    case NOTE_RAFT_STATE: check_raft_state(v, k, l, n); return;
    case NOTE_RAFT_HW: check_raft_high_watermark(v, k, l, n); return;
    default: return;
    }
}

/* A topic that is made again has the name of the one that was deleted: two notes say which of them is meant, and what a
 * node tells of a log is about the one that it opened last. */
static struct node_log *
log_meant(struct invariants *v, int32_t node, const struct note *n)
{
    struct uuid id = UUID_ZERO;
    bool is_opened = n->kind == NOTE_LOG_RECOVERED;
    if ((is_opened || n->kind == NOTE_PARTITION_ROLE) && n->text.n) (void)uuid_parse(n->text, &id);
    struct topic_key *k =
        uuid_is_zero(id) && !is_opened ? NULL : model_key_of(&v->model, n->subject, id);
    if (is_opened) return model_bind(&v->model, node, k);
    if (k) return model_log(&v->model, node, k);
    struct node_log *l = model_bound(&v->model, node, n->subject);
    return l ? l : model_log(&v->model, node, model_key(&v->model, n->subject));
}

void
invariants_note(struct invariants *v, int64_t at_ns, int32_t node, const struct note *n)
{
    v->at_ns = at_ns;
    v->node = node;
    if (!model_node(&v->model, node)) return;
    if (!is_of_log(n->kind)) {
        check_decision(v, n);
        return;
    }
    struct node_log *l = log_meant(v, node, n);
    if (l && !l->key->is_retired) note_of_log(v, l->key, l, n);
}

/* Of "…/orders-0/00000000000000004711.log" the log and the base offset. */
static bool
parse_log_path(struct slice path, struct slice *ret_subject, int64_t *ret_base)
{
    enum { DIGITS = 20 };
    int64_t end = path.n - DIGITS - S(".log").n - 1, at = end;
    if (end < 1 || path.p[end] != '/' || !slice_ends(path, S(".log"))) return false;
    while (at > 0 && path.p[at - 1] != '/') at--;
    *ret_subject = slice_sub(path, at, end - at);
    return slice_to_i64(slice_sub(path, end + 1, DIGITS), ret_base);
}

/* A sync covers what was written when it began: whoever syncs the same file once more before it has said
 * that it is done lets new work keep it from its end. The disk tells, not the node. */
void
invariants_file_synced(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct slice subject;
    int64_t base;
    v->at_ns = at_ns;
    v->node = node;
    if (!model_node(&v->model, node) || !parse_log_path(path, &subject, &base)) return;
    struct node_log *l = model_bound(&v->model, node, subject);
    if (!l || !l->is_syncing || l->key->is_retired) return;
    if (l->synced_file == base)
        breach(v, RULE_SYNC_ENDS, l->key, base, "one sync has synced the file at offset # twice",
               base, 0);
    l->synced_file = base;
}

static void
has_died(struct invariants *v, int32_t id)
{
    for (int64_t i = 0; i < v->model.keys.n; i++) {
        struct model_ids *died = &v->model.keys.v[i]->died;
        if (!model_has(died, id) && died->n < MODEL_IDS_MAX) died->v[died->n++] = id;
    }
}

/* A sync that was under way is nobody's any more: what recovery syncs is another one. */
static void
syncs_are_over(const struct model_node *n)
{
    for (int64_t i = 0; i < n->logs.n; i++)
        if (n->logs.v[i]) n->logs.v[i]->is_syncing = false;
}

void
invariants_life(struct invariants *v, int64_t at_ns, int32_t node, enum life what)
{
    struct model_node *n = model_node(&v->model, node);
    v->at_ns = at_ns;
    if (!n) return;
    if (what == LIFE_START) n->up = true, cluster_applied(v, node, -1);
    if (what == LIFE_PAUSE || what == LIFE_RESUME) isr_stands_still(n);
    if (what == LIFE_CRASH || what == LIFE_POWER || what == LIFE_FATAL) {
        model_crash(&v->model, node, what == LIFE_POWER);
        voter_crashed(v, node);
        syncs_are_over(n);
        if (what != LIFE_FATAL) n->has_died = true, has_died(v, n->id);
    }
}

void
invariants_wiped(struct invariants *v, int64_t at_ns, int32_t node)
{
    v->at_ns = at_ns;
    voter_wiped(v, node);
    model_wipe(&v->model, node);
    votes_wiped(v, node);
}

void
invariants_robbed(struct invariants *v, int32_t node)
{
    struct model_node *n = model_node(&v->model, node);
    for (int64_t i = 0; n && i < n->logs.n; i++)
        if (n->logs.v[i]) n->logs.v[i]->hurt = true;
}

void
invariants_spoilt(struct invariants *v, int32_t node)
{
    struct model_node *n = model_node(&v->model, node);
    if (n) n->is_spoilt = true;
}

void
invariants_producers_may_expire(struct invariants *v)
{
    v->producers_may_expire = true;
}

void
invariants_found(struct invariants *v, int32_t node, struct slice subject, const struct found *f,
                 int64_t n)
{
    struct node_log *l = model_bound(&v->model, node, subject);
    bool conflict;
    if (!l || !l->hurt) return;
    l->v.n = 0;
    for (int64_t i = 0; i < n; i++)
        (void)model_append(&v->model, l, f[i].base, f[i].last, f[i].epoch, f[i].crc, &conflict);
}
