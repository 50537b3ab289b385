/* How the oracle sorts a loss: copy by copy, who had it, who took it away, and who chose a leader without it. */
#include "broker/base/search.h"
#include "sim/check/oracle_own.h"

#include "broker/env/env.h"

/* A connection that a fault has broken may have taken along what was sent so long before or after. */
#define NEAR_NS (30 * NS_PER_S)

/* Only what is committed is given to read: what was read is promised, whatever was asked for. */
bool
oracle_was_read(const struct topic_key *k, const struct promise *p)
{
    const struct oracle_key *ok = k->user;
    return p->offset >= 0 && p->offset < ok->read.n && ok->read.v[p->offset] == p->value;
}

/* ---- one copy -------------------------------------------------------------------------------------- */

static bool
taking_took(const struct taking *t, const struct batch *b)
{
    LOWER_BOUND(at, t->v.n, i, t->v.v[i]->base < b->base);
    return at < t->v.n && t->v.v[at] == b;
}

static int32_t
node_of_id(const struct oracle *o, int32_t id)
{
    for (int64_t i = 0; i < o->model.nodes.n; i++)
        if (id >= 0 && o->model.nodes.v[i].id == id) return (int32_t)i;
    return -1;
}

/* The first (or last) time after (or up to) a moment that this node's copy was taken; NULL. */
static const struct taking *
next_taking(const struct oracle *o, int32_t node, const struct batch *b, int64_t at_ns)
{
    for (int64_t i = 0; i < o->takings.n; i++) {
        const struct taking *t = &o->takings.v[i];
        if (t->node == node && t->at_ns >= at_ns && t->key == b->key->index && taking_took(t, b))
            return t;
    }
    return NULL;
}

static const struct taking *
last_taking(const struct oracle *o, int32_t node, const struct batch *b, int64_t at_ns)
{
    for (int64_t i = o->takings.n; i-- > 0;) {
        const struct taking *t = &o->takings.v[i];
        if (t->node == node && t->at_ns <= at_ns && t->key == b->key->index && taking_took(t, b))
            return t;
    }
    return NULL;
}

bool
oracle_is_damaged(const struct oracle *o, int32_t node, const struct batch *b)
{
    const struct taking *last = last_taking(o, node, b, INT64_MAX);
    return last && last->kind == BLOW_DAMAGE;
}

static bool
has_now(const struct oracle *o, int32_t node, const struct batch *b)
{
    const struct model_node *n = &o->model.nodes.v[node];
    const struct node_log *l = b->key->index < n->logs.n ? n->logs.v[b->key->index] : NULL;
    return l && log_at(l, b->base) == b && !oracle_is_damaged(o, node, b);
}

/* Had it then: it has it still, or it was taken later. */
static bool
had_then(const struct oracle *o, int32_t node, const struct batch *b, int64_t at_ns)
{
    const struct taking *last = last_taking(o, node, b, at_ns - 1);
    if (last && last->kind == BLOW_DAMAGE) return false;
    return has_now(o, node, b) || next_taking(o, node, b, at_ns);
}

static bool
is_destruction(enum blow_kind kind)
{
    return kind == BLOW_POWER || kind == BLOW_WIPE || kind == BLOW_DAMAGE ||
           kind == BLOW_DAMAGE_CUT;
}

/* ---- all copies -------------------------------------------------------------------------------------- */

/* A loss that is being looked into. */
struct inquest {
    struct oracle *o;
    const struct topic_key *k;
    const struct promise *p;
    int64_t at_ns; /* until when the copies mattered: a leader without it was elected */
    int32_t leader;
    struct topic_terms terms;
    struct writer *why;
    int32_t causes;
};

static void
tell_cause(struct inquest *q, int32_t id, const char *what, int64_t at_ns)
{
    const struct model_node *n = model_node_by_id(&q->o->model, id);
    const struct history *h = q->o->history;
    if (q->causes++) fmt_str(q->why, ", ");
    if (n) fmt_slice(q->why, n->name);
    else fmt_char(q->why, 'b'), fmt_i64(q->why, id);
    fmt_str(q->why, what);
    if (at_ns < 0) return;
    fmt_str(q->why, " at "), fmt_seconds(q->why, at_ns - (h ? h->begin_ns : 0));
}

static const char *
words_of(enum blow_kind kind)
{
    static const char *const words[] = {" lost it with its process",
                                        " lost its unsynced tail",
                                        " was wiped",
                                        " cut it off",
                                        " left it out when it recovered",
                                        " was damaged on its disk",
                                        " could not read it on its disk any more, and cut it off"};
    return words[kind];
}

/* Who acknowledged it had flushed it, whatever the operator said later. */
static bool
was_flushed_when_told(const struct inquest *q)
{
    return q->terms.flushes_each && q->p->at_ns < q->terms.flushes_to_ns;
}

/* True: this copy is excused. */
static bool
is_excused_copy(struct inquest *q, int32_t id)
{
    const struct batch *b = q->p->batch;
    int32_t node = node_of_id(q->o, id);
    if (node >= 0 && had_then(q->o, node, b, q->at_ns)) {
        tell_cause(q, id, " had it and might have led", -1);
        return false;
    }
    const struct taking *t = node < 0 ? NULL : last_taking(q->o, node, b, q->at_ns);
    if (!t) {
        tell_cause(q, id, " might lead and never had it", -1);
        return false;
    }
    bool was_flushed = t->kind == BLOW_POWER && was_flushed_when_told(q);
    tell_cause(q, id, words_of(t->kind), t->at_ns);
    if (was_flushed) fmt_str(q->why, ", though it should have flushed it");
    return is_destruction(t->kind) && !was_flushed;
}

/* ---- whose copies are counted on -------------------------------------------------------------------- */

/* Came among those who might lead after it had been out: then it has got what it lacked. */
static bool
has_come_back(const struct oracle_key *ok, int32_t id, int64_t from_ns, int64_t to_ns)
{
    bool was_out = false;
    for (int64_t i = 0; i < ok->standings.n; i++) {
        const struct standing *s = &ok->standings.v[i];
        if (s->at_ns < from_ns || s->at_ns > to_ns) continue;
        if (!model_has(&s->eligible, id)) was_out = true;
        else if (was_out) return true;
    }
    return false;
}

static bool
is_whole_then(const struct inquest *q, int32_t id, int64_t at_ns)
{
    int32_t node = node_of_id(q->o, id);
    if (node < 0 || !had_then(q->o, node, q->p->batch, at_ns)) return false;
    const struct taking *t = last_taking(q->o, node, q->p->batch, at_ns);
    return !t || has_come_back(q->k->user, id, t->at_ns, at_ns);
}

static int32_t
whole_then(const struct inquest *q, const struct standing *s)
{
    int32_t n = 0;
    for (int32_t i = 0; i < s->eligible.n; i++) n += is_whole_then(q, s->eligible.v[i], s->at_ns);
    return n;
}

/* All that stood when the record was sent and later, less those who left while the others had `want` copies. A broker that
 * died without order and is believed no more (KIP-966) has its copy still: if too few were whole without it, then the
 * promise counts on it, whoever the cluster chose instead. Only an election by the operator's leave ends that. */
static struct model_ids
who_counts(const struct inquest *q, int32_t want)
{
    const struct oracle_key *ok = q->k->user;
    struct model_ids now = {0};
    for (int64_t i = 0; i < ok->standings.n; i++) {
        const struct standing *s = &ok->standings.v[i];
        bool is_past = q->p->doom ? s->at_ns >= q->at_ns : s->at_ns > q->at_ns;
        if (is_past) break;
        if (s->at_ns < q->p->begun_ns || s->at_ns == ok->by_leave_ns || whole_then(q, s) >= want) {
            now = s->eligible;
            continue;
        }
        for (int32_t k = 0; k < s->eligible.n && now.n < MODEL_IDS_MAX; k++)
            if (!model_has(&now, s->eligible.v[k])) now.v[now.n++] = s->eligible.v[k];
    }
    return now;
}

static bool
stands_alone(const struct inquest *q)
{
    const struct oracle_key *ok = q->k->user;
    return ok->by_leave_ns > q->p->at_ns && ok->by_leave_ns <= q->at_ns;
}

/* Less than `want` copies were promised by nobody; but once somebody was elected uncleanly by leave, it stands alone. */
static enum loss
sort_by_copies(struct inquest *q)
{
    bool alone = stands_alone(q), all = true;
    int32_t want = alone ? 1 : MAX(1, MIN(q->terms.min_isr, q->k->now.replicas.n));
    if (!q->p->batch) {
        fmt_str(q->why, "nobody ever had it");
        return LOSS_BUG;
    }
    struct model_ids counted = who_counts(q, want);
    for (int32_t i = 0; i < counted.n; i++)
        if (!is_excused_copy(q, counted.v[i])) all = false;
    if (alone) fmt_str(q->why, ", after an unclean election that the operator permits");
    if (counted.n < want)
        fmt_str(q->why, "; the promise counts on "), fmt_i64(q->why, want),
            fmt_str(q->why, " copies");
    if (!all || counted.n < want) return LOSS_BUG;
    for (int32_t i = 0; i < (int32_t)q->o->model.nodes.n; i++)
        if (had_then(q->o, i, q->p->batch, q->at_ns)) return LOSS_NOT_RECOVERED;
    return LOSS_PHYSICS;
}

/* ---- less than all ------------------------------------------------------------------------------------- */

static bool
was_in_trouble(struct inquest *q)
{
    for (int64_t i = 0; i < q->o->troubles.n; i++) {
        const struct trouble *t = &q->o->troubles.v[i];
        int64_t to_ns = t->to_ns == INT64_MAX ? INT64_MAX : t->to_ns + NEAR_NS;
        if (t->from_ns > q->p->at_ns + NEAR_NS || to_ns < q->p->begun_ns) continue;
        fmt_str(q->why, "acks=0, and "), fmt_slice(q->why, t->words);
        return true;
    }
    return false;
}

/* What came to a leader that was none any more is refused, and nobody hears of it. The first decision is where it
 * was from the beginning. */
static bool
has_moved_then(struct inquest *q)
{
    const struct oracle_key *ok = q->k->user;
    for (int64_t i = 1; i < ok->standings.n; i++) {
        int64_t at_ns = ok->standings.v[i].at_ns;
        if (at_ns > q->p->at_ns + NEAR_NS || at_ns + NEAR_NS < q->p->begun_ns) continue;
        fmt_str(q->why, "acks=0, and leader or ISR changed");
        return true;
    }
    return false;
}

/* With acks=1 one copy was promised: that of the leader who gave it its place. */
static bool
lost_with_its_leader(struct inquest *q)
{
    const struct batch *b = q->p->batch;
    const struct doom *d = q->p->doom;
    int32_t holder = q->p->leader >= 0 ? q->p->leader : d ? d->was_leader : q->leader;
    if (d && d->leader != holder) {
        tell_cause(q, q->leader, " was elected without it", q->at_ns);
        return true;
    }
    /* What a cleaned log lacks tells nothing of whom it was elected without; but somebody else leads since. */
    bool has_moved = q->k->is_compacted && b && b->epoch < q->k->now.leader_epoch;
    if (!d && has_moved && q->leader >= 0 && q->leader != holder) {
        tell_cause(q, q->leader, " leads since, and cleans its log", -1);
        return true;
    }
    for (int64_t i = 0; b && i < q->o->takings.n; i++) {
        const struct taking *t = &q->o->takings.v[i];
        if (t->key != b->key->index || !is_destruction(t->kind) || !taking_took(t, b)) continue;
        if (t->kind == BLOW_POWER && was_flushed_when_told(q)) continue;
        if (q->o->model.nodes.v[t->node].id != holder) continue;
        tell_cause(q, q->o->model.nodes.v[t->node].id, words_of(t->kind), t->at_ns);
        return true;
    }
    return false;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

enum loss
oracle_sort(struct oracle *o, const struct topic_key *k, const struct promise *p,
            struct writer *ret_why)
{
    const struct doom *d = p->doom;
    struct inquest q = {.o = o,
                        .k = k,
                        .p = p,
                        .at_ns = d ? d->at_ns : o->now_ns,
                        .leader = d ? d->leader : k->now.leader,
                        .terms = oracle_terms(o, k),
                        .why = ret_why};
    if (d && d->by_leave) {
        tell_cause(&q, d->leader, " was elected uncleanly, as the operator permits,", d->at_ns);
        return LOSS_ALLOWED;
    }
    if (p->acks != -1 && !oracle_was_read(k, p)) {
        if (lost_with_its_leader(&q)) return LOSS_ALLOWED;
        if (p->acks == 0 && (was_in_trouble(&q) || has_moved_then(&q))) return LOSS_ALLOWED;
        if (p->acks == 0 && !p->batch) {
            fmt_str(ret_why, "no connection was troubled");
            return LOSS_BUG;
        }
    }
    return sort_by_copies(&q);
}
