/* What somebody outside sees of the cluster while it runs: as truth.c has it, with what nobody inside asks for: where
 * each copy of a log ends, the groups, the transactions. It only looks: the run is the same without it. */
#include "sim/scenario/run_internal.h"

#include "sim/scenario/json.h"
#include "sim/scenario/value.h"

struct log_end {
    const struct machine *m;
    struct slice partition;
    int64_t start, end;
};

/* A group or a transaction, as the last that coordinated it said. */
struct coordinated {
    const struct machine *by;
    struct slice id, state;
    int64_t v[2]; /* generation, members; producer's id and epoch */
};

struct look {
    struct mem *mem;
    VEC(struct log_end) ends;
    VEC(struct coordinated) groups, txns;
    int64_t last; /* of ends: notes come in rows */
};

/* ---- learning ---- */

static struct log_end *
find_end(struct look *k, const struct machine *m, struct slice partition)
{
    for (int64_t i = 0; i < k->ends.n; i++) {
        struct log_end *e = &k->ends.v[(k->last + i) % k->ends.n];
        if (e->m != m || !slice_eq(e->partition, partition)) continue;
        k->last = e - k->ends.v;
        return e;
    }
    return NULL;
}

static struct log_end *
end_of(struct look *k, const struct machine *m, struct slice partition)
{
    struct log_end *e = find_end(k, m, partition);
    if (e) return e;
    e = VEC_ADD(k->mem, &k->ends);
    *e = (struct log_end){.m = m, .partition = mem_dup(k->mem, partition)};
    return e;
}

static void
learn_recovered(struct log_end *e, const struct note *n)
{
    e->start = n->v[0];
    e->end = n->v[1];
}

static void
forget_topic(struct look *k, struct slice topic)
{
    struct partition_ref p;
    for (int64_t i = k->ends.n; i-- > 0;) {
        if (!value_partition(k->ends.v[i].partition, &p) || !slice_eq(p.topic, topic)) continue;
        mem_free_slice(k->mem, k->ends.v[i].partition);
        VEC_REMOVE_AT(&k->ends, i);
    }
    k->last = 0;
}

static int64_t
learn_coordinated(struct look *k, struct coordinated *v, int64_t n, const struct machine *by,
                  const struct note *note)
{
    int64_t i = 0;
    while (i < n && !slice_eq(v[i].id, note->subject)) i++;
    if (i == n) v[i] = (struct coordinated){.id = mem_dup(k->mem, note->subject)};
    mem_free_slice(k->mem, v[i].state);
    v[i].by = by;
    v[i].state = mem_dup(k->mem, note->text);
    v[i].v[0] = note->v[0];
    v[i].v[1] = note->v[1];
    return MAX(n, i + 1);
}

static void
look_at_note(struct look *k, const struct machine *m, const struct note *n)
{
    switch (n->kind) {
    case NOTE_LOG_APPEND: end_of(k, m, n->subject)->end = n->v[1] + 1; break;
    case NOTE_LOG_TRUNCATE: end_of(k, m, n->subject)->end = n->v[0]; break;
    case NOTE_LOG_START: end_of(k, m, n->subject)->start = n->v[0]; break;
    case NOTE_LOG_RECOVERED: learn_recovered(end_of(k, m, n->subject), n); break;
    case NOTE_TOPIC_DELETED: forget_topic(k, n->subject); break;
    case NOTE_GROUP_STATE:
        VEC_RESERVE(k->mem, &k->groups, k->groups.n + 1);
        k->groups.n = learn_coordinated(k, k->groups.v, k->groups.n, m, n);
        break;
    case NOTE_TXN_STATE:
        VEC_RESERVE(k->mem, &k->txns, k->txns.n + 1);
        k->txns.n = learn_coordinated(k, k->txns.v, k->txns.n, m, n);
        break;
    default: break;
    }
}

static void
look_at_event(void *ctx, const struct world_event *e)
{
    for (int32_t i = 0; i < e->notes_n; i++) look_at_note(ctx, e->machine, e->notes[i]);
}

void
look_begin(struct run *r)
{
    struct look *k = ARENA_NEW(r->a, struct look);
    k->mem = r->a->mem;
    r->look = k;
    world_observe(r->w, &(struct world_observer){.event = look_at_event, .ctx = k});
}

int64_t
look_log_start(const struct run *r, const struct machine *m, struct slice partition)
{
    const struct log_end *e = find_end(r->look, m, partition);
    return e ? e->start : 0;
}

bool
look_knows(const struct run *r, enum coordinated_kind kind, struct slice id)
{
    const struct look *k = r->look;
    int64_t n = kind == COORDINATED_GROUP ? k->groups.n : k->txns.n;
    const struct coordinated *v = kind == COORDINATED_GROUP ? k->groups.v : k->txns.v;
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(v[i].id, id)) return true;
    return false;
}

int64_t
run_groups_known(const struct run *r)
{
    return r->look->groups.n;
}

struct slice
run_group_known(const struct run *r, int64_t i)
{
    return r->look->groups.v[i].id;
}

/* ---- telling ---- */

static void
tell_ids(struct writer *w, const char *name, const struct ids_few *ids)
{
    json_key(w, name);
    fmt_char(w, '[');
    for (int32_t i = 0; i < ids->n; i++) json_next(w), fmt_i64(w, ids->v[i]);
    fmt_char(w, ']');
}

static void
tell_ends(const struct run *r, const struct truth_partition *p, struct writer *w)
{
    json_key(w, "log_ends");
    fmt_char(w, '{');
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct node_slot *n = node_by_id(r, p->replicas.v[i]);
        const struct log_end *e = n ? find_end(r->look, n->m, p->name) : NULL;
        json_next(w);
        fmt_char(w, '"'), fmt_i64(w, p->replicas.v[i]), fmt_str(w, "\":");
        fmt_i64(w, e ? e->end : 0);
    }
    fmt_char(w, '}');
}

static void
look_at_partition(const struct run *r, const struct truth_partition *p, struct writer *w)
{
    json_next(w);
    fmt_char(w, '{');
    json_text(w, "name", p->name);
    json_text(w, "topic", p->topic);
    json_i64(w, "partition", p->partition);
    json_i64(w, "leader", p->leader);
    json_i64(w, "leader_epoch", p->leader_epoch);
    json_i64(w, "partition_epoch", p->partition_epoch);
    json_i64(w, "high_watermark", p->high_watermark);
    json_i64(w, "elections", p->elections);
    tell_ids(w, "replicas", &p->replicas);
    tell_ids(w, "isr", &p->isr);
    tell_ids(w, "elr", &p->elr);
    tell_ends(r, p, w);
    fmt_char(w, '}');
}

static void
tell_node(const struct run *r, const struct node_slot *n, struct writer *w)
{
    static const char *const states[] = {"down", "up", "paused"};
    json_next(w);
    fmt_char(w, '{');
    json_text(w, "name", n->m->name);
    json_i64(w, "id", n->id);
    json_text(w, "state", slice_cstr(states[n->m->state]));
    json_bool(w, "is_broker", n->is_broker);
    json_bool(w, "is_controller", n->is_controller);
    json_bool(w, "serves", n->is_broker && broker_serves(r, n));
    fmt_char(w, '}');
}

static void
tell_coordinated(const struct coordinated *c, const char *const names[4], struct writer *w)
{
    json_next(w);
    fmt_char(w, '{');
    json_text(w, names[0], c->id);
    json_text(w, "state", c->state);
    json_i64(w, names[1], c->v[0]);
    json_i64(w, names[2], c->v[1]);
    json_text(w, "coordinator", c->by->name);
    fmt_char(w, '}');
}

void
run_tell_state(struct run *r, struct writer *w)
{
    static const char *const of_group[] = {"group", "generation", "members", NULL},
                             *const of_txn[] = {"transactional_id", "producer_id", "producer_epoch",
                                                NULL};
    json_key(w, "controller");
    fmt_char(w, '{');
    json_i64(w, "id", r->truth.controller);
    json_i64(w, "epoch", r->truth.controller_epoch);
    fmt_char(w, '}');
    json_key(w, "nodes");
    fmt_char(w, '[');
    for (int32_t i = 0; i < r->nodes_n; i++) tell_node(r, &r->nodes[i], w);
    fmt_char(w, ']');
    json_key(w, "partitions");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->truth.partitions.n; i++)
        look_at_partition(r, r->truth.partitions.v[i], w);
    fmt_char(w, ']');
    json_key(w, "groups");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->look->groups.n; i++)
        tell_coordinated(&r->look->groups.v[i], of_group, w);
    fmt_char(w, ']');
    json_key(w, "transactions");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->look->txns.n; i++) tell_coordinated(&r->look->txns.v[i], of_txn, w);
    fmt_char(w, ']');
}

/* ---- what lasts ---- */

static bool
lasts(const struct run *r, const struct bound *b)
{
    for (int32_t i = 0; i < b->faults_n; i++)
        if (fault_lasts(r->w, b->faults[i])) return true;
    return false;
}

/* The text of the step that was called so last. */
static struct slice
text_of(const struct run *r, struct slice name)
{
    struct slice text = SLICE_EMPTY;
    for (int32_t i = 0; i < r->s->steps_n; i++)
        if (slice_eq(r->s->steps[i].as, name)) text = r->s->steps[i].text;
    for (int32_t i = 0; i < r->typed.n; i++)
        if (slice_eq(r->typed.v[i].as, name)) text = r->typed.v[i].text;
    return text;
}

void
run_add_lasting(const struct run *r, struct words *w)
{
    for (int64_t i = 0; i < r->bounds.n; i++)
        if (lasts(r, &r->bounds.v[i]))
            words_add(w, arena_format(w->arena, "$%.*s", SARG(r->bounds.v[i].name)));
}

void
run_tell_faults(struct run *r, struct writer *w)
{
    json_key(w, "faults");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->bounds.n; i++) {
        const struct bound *b = &r->bounds.v[i];
        if (!lasts(r, b)) continue;
        json_next(w);
        fmt_char(w, '{');
        json_text(w, "name", b->name);
        json_text(w, "step", text_of(r, b->name));
        json_i64(w, "since_ms", (b->at_ns - r->begin_ns) / NS_PER_MS);
        fmt_char(w, '}');
    }
    fmt_char(w, ']');
}

/* ---- the verdict so far ---- */

void
run_tell_verdict(struct run *r, struct writer *w)
{
    json_text(w, "verdict", slice_cstr(verdict_text(r->ret->verdict)));
    json_bool(w, "is_final", false);
    json_i64(w, "steps", r->faults);
    json_key(w, "reasons");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->ret->reasons.v.n; i++)
        json_next(w), fmt_json(w, r->ret->reasons.v.v[i].text);
    fmt_char(w, ']');
    json_key(w, "anomalies");
    fmt_char(w, '[');
    const struct anomalies *found = witnesses_so_far(r);
    for (int64_t i = 0; i < found->v.n; i++) {
        const struct anomaly *one = &found->v.v[i];
        json_next(w);
        fmt_char(w, '{');
        json_text(w, "rule", slice_cstr(rule_spelling(one->rule)));
        json_bool(w, "allowed", one->allowed);
        json_text(w, "story", one->story);
        fmt_char(w, '}');
    }
    fmt_char(w, ']');
}

int64_t
run_story_lines(const struct run *r)
{
    return r->ret->story.v.n;
}

struct slice
run_story_line(const struct run *r, int64_t i, int64_t *ret_at_ns)
{
    *ret_at_ns = r->ret->story.v.v[i].at_ns;
    return r->ret->story.v.v[i].text;
}

void
run_tell_story(struct run *r, int64_t from, struct writer *w)
{
    json_key(w, "story");
    fmt_char(w, '[');
    for (int64_t i = MAX(from, 0); i < r->ret->story.v.n; i++) {
        const struct line *l = &r->ret->story.v.v[i];
        json_next(w);
        fmt_char(w, '{');
        json_i64(w, "at_ms", l->at_ns / NS_PER_MS);
        json_text(w, "text", l->text);
        fmt_char(w, '}');
    }
    fmt_char(w, ']');
}
