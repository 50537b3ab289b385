/* What the oracle concludes: what the leader's log holds in the end, against what was promised. */
#include "sim/check/oracle_own.h"

void
oracle_add(struct oracle *o, const struct history *h, enum rule rule, const struct topic_key *k,
           int64_t offset, uint64_t value, enum loss loss, struct slice story)
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
                        .why = loss == LOSS_NONE ? S("the checker says whether it is permitted")
                                                 : slice_cstr(loss_spelling(loss)),
                        .story = story};
    anomalies_add(&o->found, &a);
    writer_release(&name);
}

/* ---- sorting a loss ------------------------------------------------------------------------------ */

static bool
survives_on(struct oracle *o, const struct topic_key *k, int32_t id, const struct promise *p)
{
    struct node_log *l = model_log_of(&o->model, id, k);
    return l && p->batch && log_at(l, p->batch->base) == p->batch;
}

/* Had this broker the record when that time had come, and lost it only afterwards by being cut? */
static bool
was_cut_after(const struct oracle *o, const struct topic_key *k, const struct model_node *n,
              const struct promise *p, int64_t at_ns)
{
    for (int64_t i = 0; i < o->blows.n; i++) {
        const struct blow *b = &o->blows.v[i];
        if (b->at_ns < at_ns || b->kind != BLOW_TRUNCATE || b->key != k->index) continue;
        if (model_node_by_id((struct model *)(uintptr_t)&o->model, n->id) !=
            &o->model.nodes.v[b->node])
            continue;
        if (p->offset >= b->from && p->offset < b->to) return true;
    }
    return false;
}

/* Only what is committed is given to read: what was read is promised, whatever was asked for. */
static bool
was_read(const struct topic_key *k, const struct promise *p)
{
    const struct oracle_key *ok = k->user;
    return p->offset >= 0 && p->offset < ok->read.n && ok->read.v[p->offset] == p->value;
}

enum loss
oracle_sort(struct oracle *o, const struct topic_key *k, const struct promise *p)
{
    const struct doom *d = p->doom;
    if ((d && d->unclean) || k->now.unclean) return LOSS_ALLOWED;
    if (p->acks != -1 && !was_read(k, p)) return LOSS_ALLOWED;
    enum loss worst = LOSS_PHYSICS;
    for (int64_t i = 0; i < o->model.nodes.n; i++) {
        const struct model_node *n = &o->model.nodes.v[i];
        if (!model_has(&k->now.replicas, n->id)) continue;
        bool had = survives_on(o, k, n->id, p) || (d && was_cut_after(o, k, n, p, d->at_ns));
        if (!had) continue;
        bool might_lead = d ? model_has(&d->eligible, n->id) && n->id != d->leader
                            : model_has(&k->now.isr, n->id);
        if (might_lead) return LOSS_BUG;
        worst = LOSS_NOT_RECOVERED;
    }
    /* No fault took copies away: then it was us. */
    if (worst == LOSS_PHYSICS && !d) {
        for (int64_t i = 0; i < o->blows.n; i++)
            if (o->blows.v[i].kind == BLOW_POWER || o->blows.v[i].kind == BLOW_WIPE)
                return LOSS_PHYSICS;
        return LOSS_BUG;
    }
    return worst;
}

/* ---- its story ------------------------------------------------------------------------------------ */

static void
line(const struct history *h, struct writer *w, int64_t at_ns, const char *what)
{
    fmt_seconds(w, at_ns - h->begin_ns), fmt_char(w, ' '), fmt_str(w, what);
}

static void
tell_blow(struct oracle *o, const struct history *h, const struct topic_key *k,
          const struct promise *p, const struct blow *b, struct writer *w)
{
    static const char *const what[] = {"crash", "power loss", "wipe", "truncation", "recovery"};
    if (b->at_ns < p->at_ns && b->kind != BLOW_CRASH) return;
    if (b->key >= 0 && (b->key != k->index || p->offset < b->from || p->offset >= b->to)) return;
    if (b->at_ns < p->at_ns) return;
    if (b->key < 0 && p->doom && b->at_ns > p->doom->at_ns) return;
    line(h, w, b->at_ns, what[b->kind]), fmt_str(w, " of "),
        fmt_slice(w, o->model.nodes.v[b->node].name);
    if (b->key >= 0) fmt_str(w, " to offset "), fmt_i64(w, b->from);
    fmt_char(w, '\n');
}

/* Who acknowledged it led no more, and did not know. */
static void
tell_after(struct oracle *o, const struct history *h, const struct promise *p, struct writer *w)
{
    const struct model_node *leader = model_node_by_id(&o->model, p->after);
    if (!leader) return;
    line(h, w, p->after_ns, "election of "), fmt_slice(w, leader->name), fmt_str(w, " in epoch ");
    fmt_i64(w, p->after_epoch), fmt_str(w, ", of which the leader of epoch ");
    fmt_i64(w, p->batch->epoch), fmt_str(w, " did not hear\n");
}

static void
tell_doom(struct oracle *o, const struct history *h, const struct doom *d, struct writer *w)
{
    const struct model_node *leader = model_node_by_id(&o->model, d->leader);
    line(h, w, d->at_ns, d->unclean ? "unclean election" : "election");
    fmt_str(w, " of "), fmt_slice(w, leader ? leader->name : S("?")), fmt_str(w, " in epoch "),
        fmt_i64(w, d->epoch);
    fmt_str(w, ", whose log ended at "), fmt_i64(w, d->leader_end), fmt_char(w, '\n');
}

void
oracle_story(struct oracle *o, const struct history *h, const struct topic_key *k,
             const struct promise *p, enum loss loss, struct writer *w)
{
    bool told = !p->doom;
    tell_after(o, h, p, w);
    line(h, w, p->at_ns, "acknowledged ");
    history_value_print(h, p->value, w);
    fmt_str(w, p->acks < 0 ? " (acks=all" : " (acks="), p->acks < 0 ? (void)0 : fmt_i64(w, p->acks);
    if (p->offset >= 0) fmt_str(w, ", offset "), fmt_i64(w, p->offset);
    fmt_str(w, was_read(k, p) ? "), and read by somebody\n" : ")\n");
    for (int64_t i = 0; i < o->blows.n; i++) {
        if (!told && o->blows.v[i].at_ns >= p->doom->at_ns)
            tell_doom(o, h, p->doom, w), told = true;
        tell_blow(o, h, k, p, &o->blows.v[i], w);
    }
    if (!told) tell_doom(o, h, p->doom, w);
    switch (loss) {
    case LOSS_BUG: fmt_str(w, "a copy was on a replica that might have led"); return;
    case LOSS_ALLOWED: fmt_str(w, "permitted by what was asked for"); return;
    case LOSS_NOT_RECOVERED: fmt_str(w, "a copy survived where it may not lead"); return;
    case LOSS_PHYSICS: fmt_str(w, "no copy survived"); return;
    case LOSS_NONE: return;
    }
}

/* ---- the end ------------------------------------------------------------------------------------- */

/* Values of the final log, sorted, with their offsets. */
struct lies {
    uint64_t value;
    int64_t offset;
};

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
sort(struct lies *v, int64_t n)
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
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (v[mid].value < value) low = mid + 1;
        else high = mid;
    }
    return low < n && v[low].value == value ? low : -1;
}

typedef VEC(struct lies) lies_vec;

static void
gather(struct oracle *o, const struct node_log *l, lies_vec *ret)
{
    for (int64_t i = 0; i < l->v.n; i++) {
        const struct batch *b = l->v.v[i];
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
judge(struct oracle *o, const struct history *h, const struct topic_key *k, const lies_vec *v,
      const struct promise *p, int64_t removed_to)
{
    int64_t first = first_of(v->v, v->n, p->value);
    if (p->offset >= 0 && p->offset < removed_to) return;
    if (p->offset < 0 && first < 0 && removed_to > 0) return;
    if (first < 0) {
        struct writer w = writer_mem(o->mem);
        enum loss loss = oracle_sort(o, k, p);
        oracle_story(o, h, k, p, loss, &w);
        oracle_add(o, h, RULE_LOST, k, p->offset, p->value, loss, writer_slice(&w));
        writer_release(&w);
    } else if (p->offset >= 0 && !lies_at(v, first, p)) {
        oracle_add(o, h, RULE_INCONSISTENT_OFFSET, k, p->offset, p->value, LOSS_NONE,
                   S("it was acknowledged at this offset and lies at another"));
    }
}

static void
finish_key(struct oracle *o, struct topic_key *k)
{
    struct oracle_key *ok = k->user;
    struct node_log *l = model_log_of(&o->model, k->now.leader, k);
    if (!ok || !l || k->now.leader < 0) return;
    lies_vec v = {0};
    gather(o, l, &v);
    sort(v.v, v.n);
    tell_duplicates(o, o->history, k, &v);
    for (int64_t i = 0; i < ok->promises.n; i++)
        judge(o, o->history, k, &v, &ok->promises.v[i], ok->removed_to);
    VEC_RELEASE(o->mem, &v);
}

int64_t
oracle_removed_to(struct oracle *o, struct slice topic, int32_t partition)
{
    const struct topic_key *k = model_find_key(&o->model, topic, partition);
    const struct oracle_key *ok = k ? k->user : NULL;
    return ok ? ok->removed_to : 0;
}

void
oracle_finish(struct oracle *o, struct anomalies *ret)
{
    for (int64_t i = 0; i < o->model.keys.n; i++) finish_key(o, o->model.keys.v[i]);
    for (int64_t i = 0; i < o->found.v.n; i++) anomalies_add(ret, &o->found.v.v[i]);
}
