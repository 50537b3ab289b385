/* Notes of machines → partitions, replicas, moments. */
#include "broker/base/check.h"
#include "broker/env/marks.h"
#include "visualize/load.h"

static void
step(struct run *r, struct replica *one, int64_t at_ns)
{
    struct step s = {at_ns, one->log_end, one->high_watermark};
    int64_t n = one->steps.n;
    if (n && one->steps.v[n - 1].at_ns == at_ns) one->steps.v[n - 1] = s;
    else VEC_PUSH(r->mem, &one->steps, s);
}

/* Said right behind the high watermark, and only where it is below that. */
static void
stable(struct run *r, struct replica *one, int64_t at_ns, int64_t offset)
{
    int64_t n = one->stable.n;
    struct stable s = {at_ns, offset};
    if (n && one->stable.v[n - 1].at_ns == at_ns) one->stable.v[n - 1] = s;
    else if (n ? one->stable.v[n - 1].offset != offset : offset != RUN_FOREVER)
        VEC_PUSH(r->mem, &one->stable, s);
}

/* A group dies when nobody is in it. One that dies with members has another coordinator now, which goes on with it. */
static bool
is_handed_on(const struct trace_record *t)
{
    return slice_eq(t->b, S("Dead")) && t->n[1] > 0;
}

static void
staged(struct run *r, struct staged *s, const struct stage *next)
{
    struct stage *last = s->stages.n ? &s->stages.v[s->stages.n - 1] : NULL;
    if (last && slice_eq(last->state, next->state) && last->number == next->number &&
        last->members == next->members)
        return;
    struct stage one = *next;
    one.state = load_text(r, next->state);
    VEC_PUSH(r->mem, &s->stages, one);
}

static void
group_staged(struct run *r, const struct trace_record *t, struct staged *s)
{
    int64_t kind = t->n[2] / NOTE_GROUP_CONSUMER;
    struct stage one = {.at_ns = t->at_ns,
                        .number = t->n[0],
                        .members = t->n[1],
                        .actor = t->machine,
                        .kind = (enum group_kind)MAX(GROUP_IS_CLASSIC, MIN(kind, GROUP_IS_STREAMS)),
                        .state = t->b};
    staged(r, s, &one);
}

static void
txn_staged(struct run *r, const struct trace_record *t, struct staged *s)
{
    struct stage one = {
        .at_ns = t->at_ns,
        .number = t->n[1],
        .actor = t->machine,
        .ended_by = (enum note_txn_end)MAX(NOTE_TXN_END_ASKED, MIN(t->n[2], NOTE_TXN_END_BEFORE)),
        .state = t->b};
    staged(r, s, &one);
}

/* Batches at or past the cut are gone; one that spans it is split. */
static void
cut_from(struct run *r, struct replica *one, int64_t end, int64_t at_ns)
{
    for (int64_t i = one->held.n - 1; i >= 0; i--) {
        struct held *h = &one->held.v[i];
        if (h->gone_ns != RUN_FOREVER) continue;
        if (h->end <= end) break;
        struct held rest = *h;
        h->gone_ns = at_ns;
        if (h->base >= end) continue;
        h->base = end;
        rest.end = end;
        VEC_PUSH(r->mem, &one->held, rest);
        break;
    }
    one->log_end = end;
    one->high_watermark = MIN(one->high_watermark, end);
}

static void
appended(struct run *r, const struct trace_record *t, int32_t p)
{
    struct replica *one = load_replica(r, p, t->machine);
    struct held h = {t->n[0], t->n[1] + 1, t->n[2], t->at_ns, RUN_FOREVER};
    if (h.base < one->log_end) cut_from(r, one, h.base, t->at_ns);
    VEC_PUSH(r->mem, &one->held, h);
    one->log_end = h.end;
    if (t->n[4]) r->partitions.v[p].records += h.end - h.base;
    step(r, one, t->at_ns);
}

static void
truncated(struct run *r, const struct trace_record *t, int32_t p)
{
    struct replica *one = load_replica(r, p, t->machine);
    struct moment *m = load_moment(r, MOMENT_TRUNCATED, t->at_ns, t->machine, p);
    m->n[0] = t->n[0];
    m->n[1] = t->n[1];
    m->n[2] = t->n[2];
    cut_from(r, one, t->n[0], t->at_ns);
    step(r, one, t->at_ns);
}

static void
recovered(struct run *r, const struct trace_record *t, int32_t p)
{
    struct replica *one = load_replica(r, p, t->machine);
    struct moment *m = load_moment(r, MOMENT_RECOVERED, t->at_ns, t->machine, p);
    m->n[0] = t->n[1];
    m->n[1] = t->n[2];
    m->n[2] = one->log_end;
    one->log_start = t->n[0];
    cut_from(r, one, t->n[1], t->at_ns);
    step(r, one, t->at_ns);
}

static void
took_role(struct run *r, const struct trace_record *t, int32_t p)
{
    struct replica *one = load_replica(r, p, t->machine);
    one->role = t->n[0] >= 0 && t->n[0] <= ROLE_OFFLINE ? (enum role)t->n[0] : ROLE_NONE;
    one->epoch = t->n[2];
    if (one->role != ROLE_FOLLOWER) one->fetch_offset = -1;
    VEC_PUSH(r->mem, &one->tenures, ((struct tenure){t->at_ns, one->role, one->epoch}));
}

static void
fetched(struct run *r, const struct trace_record *t, int32_t p)
{
    int32_t follower = run_actor_of_node(r, t->n[0]);
    if (follower < 0) return;
    struct replica *one = load_replica(r, p, follower);
    one->fetch_offset = t->n[1];
    one->fetch_lag = t->n[2] - t->n[1];
    one->fetch_ns = t->at_ns;
    one->fetch_from = t->machine;
}

/* "replicas=1,2,3 isr=1,2 elr= last=": the part behind a name. */
static struct slice
part(struct run *r, struct slice text, struct slice name)
{
    for (int64_t at = 0; at < text.n;) {
        int64_t space = slice_find(text, ' ', at);
        if (space < 0) space = text.n;
        struct slice word = slice_sub(text, at, space - at);
        if (slice_starts(word, name)) return load_text(r, slice_sub(word, name.n, word.n));
        at = space + 1;
    }
    return SLICE_EMPTY;
}

static void
changed(struct run *r, const struct trace_record *t, int32_t p)
{
    struct change c = {.at_ns = t->at_ns,
                       .leader_id = t->n[0],
                       .epoch = t->n[1],
                       .partition_epoch = t->n[2],
                       .unclean = t->n[3] != 0,
                       .replicas = part(r, t->b, S("replicas=")),
                       .isr = part(r, t->b, S("isr=")),
                       .elr = part(r, t->b, S("elr=")),
                       .last = part(r, t->b, S("last="))};
    struct partition_view *v = &r->partitions.v[p];
    /* A new active controller tells again what it finds. */
    if (v->changes.n && v->changes.v[v->changes.n - 1].partition_epoch >= c.partition_epoch) return;
    VEC_PUSH(r->mem, &v->changes, c);
    load_moment(r, MOMENT_CHANGE, t->at_ns, t->machine, p)->n[0] = v->changes.n - 1;
}

/* A new controller says again how every broker stands. */
static bool
is_known(const struct run *r, const struct trace_record *t, enum moment_kind kind)
{
    for (int64_t i = r->moments.n - 1; i >= 0; i--) {
        const struct moment *m = &r->moments.v[i];
        bool of_broker =
            m->kind == MOMENT_REGISTERED || m->kind == MOMENT_FENCED || m->kind == MOMENT_UNFENCED;
        if (!of_broker || m->n[0] != t->n[0]) continue;
        if (kind == MOMENT_REGISTERED) return m->n[1] == t->n[1];
        bool fenced = kind == MOMENT_FENCED && m->kind == MOMENT_REGISTERED;
        return m->n[1] == t->n[1] && (m->kind == kind || fenced);
    }
    return false;
}

static void
broker_moment(struct run *r, const struct trace_record *t, enum moment_kind kind)
{
    if (is_known(r, t, kind)) return;
    struct moment *m = load_moment(r, kind, t->at_ns, t->machine, -1);
    m->n[0] = t->n[0];
    m->n[1] = t->n[1];
    int32_t actor = run_actor_of_node(r, t->n[0]);
    if (actor >= 0) r->actors.v[actor].is_fenced = kind != MOMENT_UNFENCED;
}

/* Nodes say their number when they serve. */
static void
learn_node(struct run *r, const struct trace_record *t)
{
    r->actors.v[t->machine].node_id = (int32_t)t->n[0];
}

static void
raft_moved(struct run *r, const struct trace_record *t)
{
    if (!slice_eq(t->b, S("candidate"))) return;
    struct moment *m = load_moment(r, MOMENT_CANDIDATE, t->at_ns, t->machine, -1);
    m->n[0] = t->n[1];
}

static void
load_partition_note(struct run *r, const struct trace_record *t, enum note_kind kind)
{
    int32_t p = load_partition(r, t->a);
    struct replica *one = load_replica(r, p, t->machine);
    switch ((int)kind) {
    case NOTE_LOG_APPEND: appended(r, t, p); break;
    case NOTE_LOG_SYNCED: one->synced = t->n[0]; break;
    case NOTE_LOG_TRUNCATE: truncated(r, t, p); break;
    case NOTE_LOG_START:
        one->log_start = t->n[0];
        VEC_PUSH(r->mem, &one->starts,
                 ((struct start){t->at_ns, t->n[0],
                                 r->retains == t->machine && r->retains_ns == t->at_ns}));
        break;
    case NOTE_LOG_ROLL:
        VEC_PUSH(r->mem, &one->rolls, ((struct offset_mark){t->at_ns, t->n[0]}));
        break;
    case NOTE_LOG_RECOVERED: recovered(r, t, p); break;
    case NOTE_LOG_OFFLINE: load_moment(r, MOMENT_OFFLINE, t->at_ns, t->machine, p); break;
    case NOTE_PARTITION_ROLE: took_role(r, t, p); break;
    case NOTE_FETCH_POSITION: fetched(r, t, p); break;
    case NOTE_PARTITION_CHANGE: changed(r, t, p); break;
    case NOTE_PARTITION_HW:
    case NOTE_RAFT_HW:
        one->high_watermark = t->n[0];
        step(r, one, t->at_ns);
        stable(r, one, t->at_ns, RUN_FOREVER);
        break;
    case NOTE_PARTITION_STABLE: stable(r, one, t->at_ns, t->n[0]); break;
    }
}

/* It says so right before the start moves. */
static void
mark_seen(struct run *r, const struct trace_record *t)
{
    if (!slice_eq(t->a, slice_cstr(mark_spelling(MARK_RETENTION_REMOVES)))) return;
    r->retains = t->machine;
    r->retains_ns = t->at_ns;
}

static int64_t
staged_named(const struct staged *v, int64_t n, struct slice name)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(v[i].name, name)) return i;
    return -1;
}

/* Finds or adds. */
static struct staged *
load_group(struct run *r, struct slice name)
{
    int64_t at = staged_named(r->groups.v, r->groups.n, name);
    if (at >= 0) return &r->groups.v[at];
    struct staged *s = VEC_ADD(r->mem, &r->groups);
    s->name = load_text(r, name);
    return s;
}

static struct staged *
load_txn(struct run *r, struct slice name)
{
    int64_t at = staged_named(r->txns.v, r->txns.n, name);
    if (at >= 0) return &r->txns.v[at];
    struct staged *s = VEC_ADD(r->mem, &r->txns);
    s->name = load_text(r, name);
    return s;
}

void
load_note(struct run *r, const struct trace_record *t)
{
    struct moment *m;
    switch (t->what) {
    case NOTE_LOG_APPEND:
    case NOTE_LOG_SYNCED:
    case NOTE_LOG_TRUNCATE:
    case NOTE_LOG_START:
    case NOTE_LOG_ROLL:
    case NOTE_LOG_RECOVERED:
    case NOTE_LOG_OFFLINE:
    case NOTE_PARTITION_ROLE:
    case NOTE_PARTITION_HW:
    case NOTE_PARTITION_CHANGE:
    case NOTE_FETCH_POSITION:
    case NOTE_PARTITION_STABLE:
    case NOTE_RAFT_HW: load_partition_note(r, t, (enum note_kind)t->what); break;
    case NOTE_RAFT_STATE: raft_moved(r, t); break;
    case NOTE_CONTROLLER_ACTIVE:
        r->controller = t->machine;
        load_moment(r, MOMENT_CONTROLLER, t->at_ns, t->machine, -1)->n[0] = t->n[1];
        break;
    case NOTE_CONTROLLER_RESIGN:
        if (r->controller == t->machine) r->controller = -1;
        load_moment(r, MOMENT_RESIGNED, t->at_ns, t->machine, -1)->n[0] = t->n[1];
        break;
    case NOTE_BROKER_REGISTERED: broker_moment(r, t, MOMENT_REGISTERED); break;
    case NOTE_BROKER_FENCED: broker_moment(r, t, MOMENT_FENCED); break;
    case NOTE_BROKER_UNFENCED: broker_moment(r, t, MOMENT_UNFENCED); break;
    case NOTE_TOPIC_CREATED:
    case NOTE_TOPIC_DELETED:
        m = load_moment(r, t->what == NOTE_TOPIC_CREATED ? MOMENT_TOPIC : MOMENT_TOPIC_DELETED,
                        t->at_ns, t->machine, -1);
        m->n[0] = t->n[0];
        m->n[1] = t->n[1];
        m->text = load_text(r, t->a);
        break;
    case NOTE_GROUP_STATE:
        if (is_handed_on(t)) break;
        group_staged(r, t, load_group(r, t->a));
        break;
    case NOTE_TXN_STATE: txn_staged(r, t, load_txn(r, t->a)); break;
    case NOTE_NODE_SERVING: learn_node(r, t); break;
    case NOTE_MARK: mark_seen(r, t); break;
    }
}
