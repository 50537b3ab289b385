#include "visualize/run.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/trace/reader.h"
#include "visualize/faults.h"
#include "visualize/load.h"

/* As the body that writes the trace counts them. */
enum { LIFE_STARTS, LIFE_CRASHES, LIFE_LOSES_POWER, LIFE_ENDS, LIFE_PAUSES, LIFE_RESUMES };

struct slice
load_text(struct run *r, struct slice text)
{
    return text.n ? arena_dup(&r->texts, text) : SLICE_EMPTY;
}

struct slice
load_words(struct run *r, struct writer *w)
{
    struct slice kept = load_text(r, writer_slice(w));
    writer_release(w);
    return kept;
}

struct moment *
load_moment(struct run *r, enum moment_kind kind, int64_t at_ns, int32_t actor, int32_t partition)
{
    struct moment m = {.kind = kind,
                       .at_ns = at_ns,
                       .actor = actor,
                       .partition = partition,
                       .text = SLICE_EMPTY,
                       .text2 = SLICE_EMPTY,
                       .text3 = SLICE_EMPTY};
    VEC_PUSH(r->mem, &r->moments, m);
    return &r->moments.v[r->moments.n - 1];
}

int32_t
load_partition(struct run *r, struct slice name)
{
    int32_t at = run_partition_named(r, name);
    if (at >= 0) return at;
    struct partition_view *p = VEC_ADD(r->mem, &r->partitions);
    p->name = load_text(r, name);
    return (int32_t)r->partitions.n - 1;
}

struct replica *
load_replica(struct run *r, int32_t partition, int32_t actor)
{
    struct partition_view *p = &r->partitions.v[partition];
    while (p->replicas.n <= actor) {
        struct replica *one = VEC_ADD(r->mem, &p->replicas);
        one->actor = (int32_t)p->replicas.n - 1;
        one->fetch_offset = one->fetch_lag = -1;
        one->fetch_from = -1;
        one->epoch = -1;
    }
    p->replicas.v[actor].is_known = true;
    return &p->replicas.v[actor];
}

/* ---- records ---- */

static enum actor_kind
kind_of(struct slice kind)
{
    if (slice_eq(kind, S("client"))) return ACTOR_CLIENT;
    if (slice_eq(kind, S("controller"))) return ACTOR_CONTROLLER;
    return ACTOR_BROKER;
}

/* Until it says so itself: by the names that simulated nodes have, b1 … and k1 … */
static int32_t
guess_node_id(struct slice name)
{
    int64_t n;
    if (name.n < 2 || !slice_to_i64(slice_sub(name, 1, name.n), &n) || n < 0 || n > 10000)
        return -1;
    return name.p[0] == 'b' ? (int32_t)n : name.p[0] == 'k' ? (int32_t)n + 100 : -1;
}

static void
add_actor(struct run *r, const struct trace_record *t)
{
    if (t->machine != r->actors.n) return;
    struct actor *a = VEC_ADD(r->mem, &r->actors);
    a->name = load_text(r, t->a);
    a->kind = kind_of(t->c);
    a->node_id = a->kind == ACTOR_CLIENT ? -1 : guess_node_id(a->name);
}

static bool
knows(const struct run *r, int32_t actor)
{
    return actor >= 0 && actor < r->actors.n;
}

/* A process that ended holds no roles; its logs stay on its disk. */
static void
end_of_process(struct run *r, int32_t actor, int64_t at_ns)
{
    if (r->controller == actor) r->controller = -1;
    for (int64_t i = 0; i < r->partitions.n; i++) {
        struct partition_view *p = &r->partitions.v[i];
        if (actor >= p->replicas.n || !p->replicas.v[actor].is_known) continue;
        struct replica *one = &p->replicas.v[actor];
        one->role = ROLE_NONE;
        one->fetch_offset = -1;
        VEC_PUSH(r->mem, &one->tenures, ((struct tenure){at_ns, ROLE_NONE, one->epoch}));
    }
}

static void
load_life(struct run *r, const struct trace_record *t)
{
    if (!knows(r, t->machine)) return;
    struct actor *a = &r->actors.v[t->machine];
    enum actor_state state = t->what == LIFE_STARTS || t->what == LIFE_RESUMES ? STATE_UP
                           : t->what == LIFE_PAUSES                            ? STATE_PAUSED
                                                                               : STATE_DOWN;
    VEC_PUSH(r->mem, &a->lives, ((struct life){t->at_ns, state}));
    if (t->what == LIFE_STARTS)
        load_moment(r, MOMENT_START, t->at_ns, t->machine, -1)->n[0] = t->n[0];
    if (t->what == LIFE_ENDS) {
        struct slice why = load_text(r, t->a);
        load_moment(r, why.n ? MOMENT_FATAL : MOMENT_STOPPED, t->at_ns, t->machine, -1)->text = why;
    }
    if (state == STATE_DOWN) end_of_process(r, t->machine, t->at_ns);
}

static void
load_call(struct run *r, const struct trace_record *t)
{
    if (!knows(r, t->machine)) return;
    struct call *c = VEC_ADD(r->mem, &r->calls);
    *c = (struct call){.kind = (enum view_call)t->n[0],
                       .outcome = (enum view_outcome)t->n[1],
                       .actor = t->machine,
                       .partition = run_partition_named(r, t->b),
                       .offset = t->n[2],
                       .invoked_ns = t->n[3] + r->start_ns,
                       .completed_ns = t->n[4] < 0 ? RUN_FOREVER : t->n[4] + r->start_ns,
                       .error = t->n[5],
                       .acks = t->n[6],
                       .records = t->n[0] == VIEW_SEND ? 0 : t->n[7],
                       .key = t->n[0] == VIEW_SEND ? t->n[7] : -1,
                       .value = load_text(r, t->c)};
}

static void
load_anomaly(struct run *r, const struct trace_record *t)
{
    int64_t at_ns = t->n[0] >= 0 ? t->n[0] + r->start_ns : t->at_ns;
    struct moment *m = load_moment(r, MOMENT_ANOMALY, at_ns, -1, -1);
    int64_t space = slice_find(t->b, ' ', 0);
    if (space >= 0) m->partition = run_partition_named(r, slice_sub(t->b, space + 1, t->b.n));
    m->text = load_text(r, t->b);
    m->text2 = load_text(r, t->c);
    for (int i = 0; i < 5; i++) m->n[i] = t->n[i];
}

static void
load_verdict(struct run *r, const struct trace_record *t)
{
    r->has_verdict = true;
    r->verdict = load_text(r, t->b);
    r->verdict_text = load_text(r, t->c);
    for (int i = 0; i < 5; i++) r->counts[i] = t->n[i];
    load_moment(r, MOMENT_VERDICT, t->at_ns, -1, -1);
}

/* The scenario's words for what happens next; a restart has no fault of its own. */
static void
load_said_fault(struct run *r, const struct trace_record *t)
{
    struct moment *m =
        load_moment(r, MOMENT_FAULT, t->at_ns, knows(r, t->machine) ? t->machine : -1, -1);
    m->text = load_text(r, t->b);
    m->text3 = load_text(r, t->c);
    for (int32_t i = 0; m->actor < 0 && i < r->actors.n; i++) {
        struct slice name = r->actors.v[i].name;
        bool is_first = slice_starts(t->c, name) &&
                        (t->c.n == name.n || t->c.p[name.n] == ',' || t->c.p[name.n] == ' ');
        if (is_first) m->actor = i;
    }
}

/* The test at the end of a run heals and cuts by itself. */
static void
load_trial(struct run *r, const struct trace_record *t)
{
    struct moment *m = load_moment(r, MOMENT_FAULT, t->at_ns, -1, -1);
    m->text = S("cut");
    m->text3 = load_text(r, t->c);
    m->n[0] = FAULT_IS_TRIAL;
}

/* Few words for the lane, a sentence for the story. */
static void
load_told(struct run *r, const struct trace_record *t)
{
    struct moment *m = load_moment(r, MOMENT_FAULT, t->at_ns, -1, -1);
    m->text = load_text(r, t->b);
    m->text3 = load_text(r, t->c);
    m->n[0] = FAULT_IS_TOLD;
}

/* One sentence for all: what healed one by one at this moment is not told. */
static void
load_healed(struct run *r, const struct trace_record *t)
{
    while (r->moments.n && r->moments.v[r->moments.n - 1].at_ns == t->at_ns &&
           fault_is_end(&r->moments.v[r->moments.n - 1]) &&
           !slice_eq(r->moments.v[r->moments.n - 1].text, S("restart")))
        r->moments.n--;
    load_moment(r, MOMENT_HEALED, t->at_ns, -1, -1);
}

/* Of a topic: the partitions are not there yet. */
static void
load_min_isr(struct run *r, const struct trace_record *t)
{
    VEC_PUSH(r->mem, &r->min_isrs, ((struct min_isr){load_text(r, t->b), t->n[0]}));
}

static void
load_said(struct run *r, const struct trace_record *t, bool is_past)
{
    if (slice_eq(t->a, S("history"))) load_call(r, t);
    else if (slice_eq(t->a, S("verdict"))) load_verdict(r, t);
    else if (slice_eq(t->a, S("anomaly"))) load_anomaly(r, t);
    else if (is_past) return;
    else if (slice_eq(t->a, S("fault"))) load_said_fault(r, t);
    else if (slice_eq(t->a, S("trial"))) load_trial(r, t);
    else if (slice_eq(t->a, S("told"))) load_told(r, t);
    else if (slice_eq(t->a, S("healed"))) load_healed(r, t);
    else if (slice_eq(t->a, S("min-isr"))) load_min_isr(r, t);
    else if (slice_eq(t->a, S("scenario"))) {
        r->name = load_text(r, t->b);
        r->about = load_text(r, t->c);
    }
}

static void
load_record(struct run *r, const struct trace_record *t, bool is_past)
{
    if (t->kind == TRACE_SAID) load_said(r, t, is_past);
    if (t->kind == TRACE_END) {
        r->events = t->n[0];
        r->hash = t->hash;
    }
    if (is_past) return;
    switch (t->kind) {
    case TRACE_RUN:
        r->seed = (uint64_t)t->n[0];
        r->name = load_text(r, t->a);
        break;
    case TRACE_MACHINE: add_actor(r, t); break;
    case TRACE_LIFE: load_life(r, t); break;
    case TRACE_NOTE:
        if (knows(r, t->machine)) load_note(r, t);
        break;
    case TRACE_FRAME:
        if (knows(r, t->machine) && knows(r, t->other)) load_frame(r, t);
        break;
    case TRACE_FAULT: load_fault(r, t); break;
    case TRACE_NONE:
    case TRACE_EVENT:
    case TRACE_FRAME_BYTES:
    case TRACE_DISK:
    case TRACE_SAID:
    case TRACE_END:
    case TRACE_KINDS_N: break;
    }
}

uint32_t
visualize_kinds(void)
{
    return ~(1u << TRACE_EVENT | 1u << TRACE_FRAME_BYTES | 1u << TRACE_DISK);
}

/* Stable: moments of one time stay in the order in which they were read. */
static void
sort_moments(struct run *r)
{
    for (int64_t i = 1; i < r->moments.n; i++) {
        struct moment m = r->moments.v[i];
        int64_t k = i;
        for (; k > 0 && r->moments.v[k - 1].at_ns > m.at_ns; k--)
            r->moments.v[k] = r->moments.v[k - 1];
        r->moments.v[k] = m;
    }
}

/* When the scenario's own time begins: all times of a run count from there, as those that its author
 * wrote do. 0: nobody said so. */
static int64_t
find_begin(struct trace_reader *reader)
{
    struct trace_record t;
    trace_rewind(reader);
    while (trace_next(reader, &t))
        if (t.kind == TRACE_SAID && slice_eq(t.a, S("begin"))) return t.at_ns;
    return 0;
}

/* Partitions are named after their topic, a dash and a number. */
static void
know_min_isrs(struct run *r)
{
    for (int64_t i = 0; i < r->partitions.n; i++)
        for (int64_t k = 0; k < r->min_isrs.n; k++) {
            struct slice name = r->partitions.v[i].name, topic = r->min_isrs.v[k].topic;
            bool is_of = slice_starts(name, topic) && name.n > topic.n && name.p[topic.n] == '-' &&
                         slice_find(name, '-', topic.n + 1) < 0;
            if (is_of) r->partitions.v[i].min_isr = r->min_isrs.v[k].n;
        }
}

static void
run_init(struct run *r, struct mem *mem)
{
    *r = (struct run){.mem = mem, .controller = -1, .name = SLICE_EMPTY, .about = SLICE_EMPTY};
    arena_init(&r->texts, mem, 0);
}

static void
load_all(struct run *r, struct trace_reader *reader, int64_t until_ns)
{
    r->start_ns = -find_begin(reader);
    r->end_ns = r->start_ns;
    struct trace_record t;
    trace_rewind(reader);
    while (trace_next(reader, &t)) {
        t.at_ns += r->start_ns;
        load_record(r, &t, t.at_ns > until_ns);
        if (t.at_ns <= until_ns) r->end_ns = t.at_ns;
    }
    r->is_damaged = trace_is_damaged(reader);
    load_frames_end(r);
    know_min_isrs(r);
    sort_moments(r);
}

void
run_load(struct run *r, struct mem *mem, struct trace_reader *reader, int64_t until_ns)
{
    run_init(r, mem);
    load_all(r, reader, until_ns);
}

void
run_load_window(struct run *r, struct mem *mem, struct trace_reader *reader, int64_t from_ns,
                int64_t to_ns)
{
    run_init(r, mem);
    r->has_window = true;
    r->from_ns = from_ns;
    r->to_ns = to_ns;
    load_all(r, reader, RUN_FOREVER);
}

static void
release_partition(struct run *r, struct partition_view *p)
{
    for (int64_t k = 0; k < p->replicas.n; k++) {
        VEC_RELEASE(r->mem, &p->replicas.v[k].tenures);
        VEC_RELEASE(r->mem, &p->replicas.v[k].steps);
        VEC_RELEASE(r->mem, &p->replicas.v[k].held);
        VEC_RELEASE(r->mem, &p->replicas.v[k].stable);
        VEC_RELEASE(r->mem, &p->replicas.v[k].starts);
        VEC_RELEASE(r->mem, &p->replicas.v[k].rolls);
    }
    VEC_RELEASE(r->mem, &p->replicas);
    VEC_RELEASE(r->mem, &p->changes);
}

void
run_release(struct run *r)
{
    for (int64_t i = 0; i < r->actors.n; i++) VEC_RELEASE(r->mem, &r->actors.v[i].lives);
    for (int64_t i = 0; i < r->partitions.n; i++) release_partition(r, &r->partitions.v[i]);
    for (int64_t i = 0; i < r->groups.n; i++) VEC_RELEASE(r->mem, &r->groups.v[i].stages);
    for (int64_t i = 0; i < r->txns.n; i++) VEC_RELEASE(r->mem, &r->txns.v[i].stages);
    VEC_RELEASE(r->mem, &r->groups);
    VEC_RELEASE(r->mem, &r->txns);
    VEC_RELEASE(r->mem, &r->actors);
    VEC_RELEASE(r->mem, &r->partitions);
    VEC_RELEASE(r->mem, &r->moments);
    VEC_RELEASE(r->mem, &r->messages);
    VEC_RELEASE(r->mem, &r->in_flight);
    VEC_RELEASE(r->mem, &r->calls);
    VEC_RELEASE(r->mem, &r->min_isrs);
    VEC_RELEASE(r->mem, &r->cuts);
    arena_release(&r->texts);
}

/* ---- looking ---- */

int32_t
run_actor_named(const struct run *r, struct slice name)
{
    for (int64_t i = 0; i < r->actors.n; i++)
        if (slice_eq(r->actors.v[i].name, name)) return (int32_t)i;
    return -1;
}

int32_t
run_actor_of_node(const struct run *r, int64_t node_id)
{
    for (int64_t i = 0; i < r->actors.n; i++)
        if (node_id >= 0 && r->actors.v[i].node_id == node_id) return (int32_t)i;
    return -1;
}

int32_t
run_partition_named(const struct run *r, struct slice name)
{
    for (int64_t i = 0; i < r->partitions.n; i++)
        if (slice_eq(r->partitions.v[i].name, name)) return (int32_t)i;
    return -1;
}

/* What happened to it; what the test at the end of a run did counts least. */
static int64_t
much_to_tell(const struct run *r, int32_t partition)
{
    int64_t much = 0, each = 1000;
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        if (m->kind == MOMENT_FAULT && m->n[0] == FAULT_IS_TRIAL) each = 1;
        if (m->partition != partition) continue;
        if (m->kind == MOMENT_ANOMALY) much += 1000 * 1000;
        if (m->kind == MOMENT_TRUNCATED && m->n[0] < m->n[1]) much += 2 * each;
        if (m->kind != MOMENT_CHANGE || m->n[0] == 0) continue;
        const struct change *c = &r->partitions.v[partition].changes.v[m->n[0]];
        if (c->epoch != c[-1].epoch) much += each;
    }
    return much;
}

int32_t
run_main_partition(const struct run *r)
{
    int32_t best = -1;
    int64_t most = -1;
    for (int32_t i = 0; i < r->partitions.n; i++) {
        const struct partition_view *p = &r->partitions.v[i];
        if (slice_starts(p->name, S("__"))) continue;
        int64_t much = much_to_tell(r, i);
        if (much < most || (much == most && p->records <= r->partitions.v[best].records)) continue;
        best = i;
        most = much;
    }
    return best;
}

void
run_node_name(const struct run *r, int64_t node_id, struct writer *w)
{
    int32_t actor = run_actor_of_node(r, node_id);
    if (actor >= 0) {
        fmt_slice(w, r->actors.v[actor].name);
    } else {
        fmt_str(w, "node ");
        fmt_i64(w, node_id);
    }
}

bool
run_is_cut(const struct run *r, int32_t from, int32_t to)
{
    for (int64_t i = 0; i < r->cuts.n; i++)
        if (r->cuts.v[i].from == from && r->cuts.v[i].to == to) return r->cuts.v[i].n > 0;
    return false;
}

enum actor_state
actor_state_at(const struct actor *a, int64_t at_ns)
{
    enum actor_state s = STATE_DOWN;
    for (int64_t i = 0; i < a->lives.n && a->lives.v[i].at_ns <= at_ns; i++)
        s = a->lives.v[i].state;
    return s;
}

const struct replica *
run_replica(const struct run *r, int32_t partition, int32_t actor)
{
    if (partition < 0 || actor < 0 || actor >= r->partitions.v[partition].replicas.n) return NULL;
    const struct replica *one = &r->partitions.v[partition].replicas.v[actor];
    return one->is_known ? one : NULL;
}

bool
list_has(struct slice list, int64_t id)
{
    for (int64_t at = 0; at < list.n;) {
        int64_t comma = slice_find(list, ',', at), v;
        if (comma < 0) comma = list.n;
        if (slice_to_i64(slice_sub(list, at, comma - at), &v) && v == id) return true;
        at = comma + 1;
    }
    return false;
}
