/* What the oracle concludes: what the leader's log holds in the end, against what was promised. */
#include "broker/base/search.h"
#include "sim/check/oracle_own.h"

void
oracle_add(struct oracle *o, const struct history *h, enum rule rule, const struct topic_key *k,
           int64_t offset, uint64_t value, enum loss loss, struct slice why, struct slice story)
{
    struct writer name = writer_mem(o->mem);
    if (h && value) history_value_print(h, value, &name);
    struct anomaly a = {.rule = rule,
                        .witness = WITNESS_ORACLE,
                        .topic = k->topic,
                        .partition = k->partition,
                        .offset = offset,
                        .value = value,
                        .name = name.n ? writer_slice(&name) : SLICE_NULL,
                        .at_ns = o->now_ns,
                        .allowed = loss != LOSS_BUG,
                        .loss = loss,
                        .why = why,
                        .story = story};
    anomalies_add(&o->found, &a);
    writer_release(&name);
}

/* ---- values at places, sorted -------------------------------------------------------------------- */

static void
sift(struct lies *v, int64_t at, int64_t n)
{
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n &&
            (v[child + 1].value > v[child].value ||
             (v[child + 1].value == v[child].value && v[child + 1].offset > v[child].offset)))
            child++;
        if (v[at].value > v[child].value ||
            (v[at].value == v[child].value && v[at].offset >= v[child].offset))
            return;
        struct lies tmp = v[at];
        v[at] = v[child], v[child] = tmp;
    }
}

static void
sort_lies(struct lies *v, int64_t n)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--) sift(v, i, n);
    for (int64_t i = n - 1; i > 0; i--) {
        struct lies tmp = v[0];
        v[0] = v[i], v[i] = tmp;
        sift(v, 0, i);
    }
}

static int64_t
first_of(const struct lies *v, int64_t n, uint64_t value)
{
    LOWER_BOUND(at, n, i, v[i].value < value);
    return at < n && v[at].value == value ? at : -1;
}

static void
gather_lies(struct oracle *o, int32_t node, const struct node_log *l, lies_vec *ret)
{
    for (int64_t i = 0; i < l->v.n; i++) {
        const struct batch *b = l->v.v[i];
        if (oracle_is_damaged(o, node, b)) continue;
        for (int64_t at = b->base; b->values && at <= b->last && at < l->hw; at++) {
            struct lies one = {b->values[at - b->base], at};
            if (at >= l->start && one.value) VEC_PUSH(o->mem, ret, one);
        }
    }
}

static void
tell_duplicates(struct oracle *o, const struct history *h, const struct topic_key *k,
                const lies_vec *v)
{
    for (int64_t i = 1; i < v->n; i++) {
        if (v->v[i].value != v->v[i - 1].value) continue;
        oracle_add(o, h, RULE_DUPLICATE, k, v->v[i].offset, v->v[i].value, LOSS_NONE,
                   S("the checker says whether it is permitted"),
                   S("the leader's log has it at an earlier offset, too"));
    }
}

static bool
lies_at(const lies_vec *v, int64_t first, const struct promise *p)
{
    for (int64_t i = first; i < v->n && v->v[i].value == p->value; i++)
        if (v->v[i].offset == p->offset) return true;
    return false;
}

static void
tell_lost_values(struct oracle *o, const struct history *h, const struct topic_key *k,
                 const struct promise *p)
{
    struct writer story = writer_mem(o->mem), why = writer_mem(o->mem);
    enum loss loss = oracle_sort(o, k, p, &why);
    oracle_story(o, h, k, p, loss, writer_slice(&why), &story);
    oracle_add(o, h, RULE_LOST, k, p->offset, p->value, loss, writer_slice(&why),
               writer_slice(&story));
    if (p->doom) o->found.v.v[o->found.v.n - 1].cause_ns = p->doom->at_ns;
    writer_release(&why);
    writer_release(&story);
}

static void
judge(struct oracle *o, const struct history *h, const struct topic_key *k, const lies_vec *v,
      const struct promise *p, int64_t removed_to)
{
    int64_t first = first_of(v->v, v->n, p->value);
    if (p->offset >= 0 && p->offset < removed_to) return;
    if (p->offset < 0 && first < 0 && removed_to > 0) return;
    if (first < 0) {
        tell_lost_values(o, h, k, p);
    } else if (p->offset >= 0 && !lies_at(v, first, p)) {
        oracle_add(o, h, RULE_INCONSISTENT_OFFSET, k, p->offset, p->value, LOSS_NONE,
                   S("the checker says whether it is permitted"),
                   S("it was acknowledged at this offset and lies at another"));
    }
}

/* ---- what a reader may or may not have met ------------------------------------------------------- */

/* In whatever log, as long as it stood there: also what retention or a cleaning has taken since. */
static void
gather_everywhere(struct oracle *o, const struct topic_key *k, lies_vec *ret)
{
    for (int64_t i = 0; i < o->model.nodes.n; i++) {
        const struct model_node *n = &o->model.nodes.v[i];
        const struct node_log *l = k->index < n->logs.n ? n->logs.v[k->index] : NULL;
        for (int64_t j = 0; l && j < l->v.n; j++) {
            const struct batch *b = l->v.v[j];
            for (int64_t at = b->base; b->values && at <= b->last; at++) {
                struct lies one = {b->values[at - b->base], at};
                if (one.value) VEC_PUSH(o->mem, ret, one);
            }
        }
    }
    sort_lies(ret->v, ret->n);
}

static void
add_perhaps(struct oracle *o, enum rule rule, const struct topic_key *k, const struct lies *lies)
{
    struct anomaly a = {.rule = rule,
                        .witness = WITNESS_ORACLE,
                        .topic = k->topic,
                        .partition = k->partition,
                        .offset = lies->offset,
                        .value = lies->value};
    anomalies_add(&o->perhaps, &a);
}

/* A record that stood at several places of a log of which something was removed: who read it in time has met both, who
 * came later has missed the one that was acknowledged, or met nothing unusual. */
static void
tell_perhaps(struct oracle *o, const struct topic_key *k)
{
    const struct oracle_key *ok = k->user;
    lies_vec all = {0};
    if (!k->is_compacted && !ok->removed_to) return;
    gather_everywhere(o, k, &all);
    for (int64_t i = 0, first = 0; i < all.n; i++) {
        if (all.v[i].value != all.v[first].value) first = i;
        bool is_elsewhere = all.v[i].offset > all.v[MAX(i - 1, first)].offset;
        bool is_removed = k->is_compacted || all.v[first].offset < ok->removed_to;
        if (!is_elsewhere || !is_removed) continue;
        add_perhaps(o, RULE_DUPLICATE, k, &all.v[i]);
        add_perhaps(o, RULE_INCONSISTENT_OFFSET, k, &all.v[i]);
        add_perhaps(o, RULE_INCONSISTENT_OFFSET, k, &all.v[first]);
    }
    VEC_RELEASE(o->mem, &all);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void
finish_key(struct oracle *o, struct topic_key *k)
{
    struct oracle_key *ok = k->user;
    struct node_log *l = model_log_of(&o->model, k->now.leader, k);
    if (!ok || !l || k->now.leader < 0 || ok->is_gone) return;
    struct remains r = {0};
    int32_t node = (int32_t)(model_node_by_id(&o->model, k->now.leader) - o->model.nodes.v);
    if (k->is_compacted) oracle_remains(o, node, l, &r);
    else gather_lies(o, node, l, &r.lies);
    sort_lies(r.lies.v, r.lies.n);
    tell_duplicates(o, o->history, k, &r.lies);
    for (int64_t i = 0; i < ok->promises.n; i++) {
        const struct promise *p = &ok->promises.v[i];
        bool is_gone = k->is_compacted && first_of(r.lies.v, r.lies.n, p->value) < 0;
        if (is_gone && oracle_is_superseded(o, k, &r, p)) continue;
        judge(o, o->history, k, &r.lies, p, ok->removed_to);
    }
    oracle_remains_release(o, &r);
    tell_perhaps(o, k);
}

int64_t
oracle_removed_to(struct oracle *o, struct slice topic, int32_t partition)
{
    const struct topic_key *k = model_find_key(&o->model, topic, partition);
    const struct oracle_key *ok = k ? k->user : NULL;
    return ok ? ok->removed_to : 0;
}

const struct anomalies *
oracle_perhaps(const struct oracle *o)
{
    return &o->perhaps;
}

void
oracle_finish(struct oracle *o, struct anomalies *ret)
{
    for (int64_t i = 0; i < o->model.keys.n; i++) finish_key(o, o->model.keys.v[i]);
    for (int64_t i = 0; i < o->found.v.n; i++) anomalies_add(ret, &o->found.v.v[i]);
}
