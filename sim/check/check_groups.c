/* What members of groups did and were told. A group sees a partition through its owners, one after the other:
 *
 *      c1   own ── look: committed 40 ── process 40…59 ── commit 60 ── disown
 *      c2                                                                own ── look: 60 ── process 60…
 *
 * What is acknowledged as committed is found by every later look, so each record is worked on: once, or again if its
 * owner went away between working and committing; never, only if it commits before it works. */
#include "sim/check/groups_checked.h"
/* A topic that is made again owes nothing of what was read of the one before. */
static void
begin_view_anew(struct groups *g, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct view *v = view_of(g, i, p);
        v->first = -1;
        memset(v->done, 0, (size_t)p->n * sizeof *v->done);
        memset(v->gone, 0, (size_t)p->n * sizeof *v->gone);
    }
}

static void
group_take_turn(struct groups *g, const struct turn *t)
{
    for (int32_t i = 0; i < g->c->parts_n; i++) {
        const struct part *p = &g->c->parts[i];
        if (p->topic != t->topic) continue;
        if (t->is_made) begin_view_anew(g, p);
        else committed_cut(g, p, -1);
    }
}

/* ---- work ------------------------------------------------------------------------------------------- */

/* What had been committed and was found to be gone, by whoever works on it again, or by somebody before him. */
static const struct bound *
gone_before(const struct groups *g, const struct stand *s, int64_t offset, int64_t look)
{
    if (look < 0 || offset < s->found || g->c->h->ops.v[look].complete_ns > s->until_ns)
        return NULL;
    return &g->newest[look];
}

static void
tell_twice(struct groups *g, const struct history_op *op, const struct part *p,
           const struct history_read *r, const struct history_op *first, int64_t look)
{
    const struct stand *s = stand_of(g, op, p);
    const struct bound *gone = gone_before(g, s, r->offset, look);
    struct telling t =
        tell_begin(g->c, RULE_PROCESSED_TWICE, p, r->offset, r->value, op->complete_ns);
    bool was_committed = r->offset < s->bound.offset;
    bool by_same = first->process == op->process && first->complete_ns >= s->since_ns;
    bool in_txn = first->acks == COMMIT_IN_TXN;
    if (first->acks != COMMIT_BEFORE && op->acks != COMMIT_BEFORE && !was_committed && !by_same &&
        !in_txn)
        t.excuse = "committed after the work: what is done and not committed is done again";
    tell_value(&t, r->value), tell_text(&t, " was worked on by ");
    tell_process(&t, first->process), tell_time(&t, first->complete_ns);
    tell_text(&t, " and again by "), tell_process(&t, op->process), tell_time(&t, op->complete_ns);
    if (was_committed || gone) {
        tell_text(&t, ", who had begun after offset ");
        fmt_i64(&t.w, was_committed ? s->bound.offset : gone->offset);
        tell_text(&t, " was committed");
    }
    /* Who finds no commit begins anew, at what he finds. */
    if (gone && !t.excuse && !by_same && commit_may_have_come_late(g, &g->c->h->ops.v[look], gone))
        t.excuse =
            "an earlier commit, of which an answer did not come, may have taken effect after that";
    if (gone && !by_same) tell_end_of_commit(&t, op->node, gone->begun_ns, gone->owed_ns);
    else tell_end(&t);
}

/* An offset may come to hold another record, where the first could be lost: that is told as inconsistent-offset, or as
 * what took it. */
static bool
did_same(const struct groups *g, int64_t number, const struct history_read *r)
{
    const struct history_op *op = &g->c->h->ops.v[number];
    const struct history_read *did = history_reads(g->c->h, op);
    for (int32_t i = 0; i < op->reads_n; i++)
        if (did[i].offset == r->offset) return did[i].value == r->value;
    return false;
}

static void
take_work(struct groups *g, const struct history_op *op, int64_t number, const struct part *p,
          struct view *v)
{
    const struct history_read *r = history_reads(g->c->h, op);
    if (op->acks == COMMIT_BEFORE) v->commits_before = true;
    for (int32_t i = 0; i < op->reads_n; i++) {
        int64_t at = r[i].offset - p->base;
        if (at < 0 || at >= p->n) continue;
        if (v->first < 0 || r[i].offset < v->first) v->first = r[i].offset;
        if (v->done[at] && did_same(g, v->done[at] - 1, &r[i]))
            tell_twice(g, op, p, &r[i], &g->c->h->ops.v[v->done[at] - 1], v->gone[at] - 1);
        v->done[at] = number + 1;
    }
}

/* ---- the end ---------------------------------------------------------------------------------------- */

/* Whether the copies were committed, too, only the log knows: its end may never have been told. */
static void
check_not_copied(struct groups *g, int32_t group, const struct part *p, const struct view *v,
                 int64_t at)
{
    if (copies_have(g->copies, group, p->final[at])) return;
    struct telling t = tell_begin(g->c, RULE_NOT_COPIED, p, p->base + at, p->final[at], -1);
    tell_text(&t, "of "), tell_value(&t, p->final[at]), tell_text(&t, " there is no copy");
    if (p->base + at < v->committed.offset)
        tell_text(&t, ", though "), tell_group(&t, group), tell_text(&t, " has committed offset "),
            fmt_i64(&t.w, v->committed.offset);
    tell_end(&t);
}

/* When it went past this offset: the first work behind it, to be sought from `from` on. */
static int64_t
first_work_behind(const struct groups *g, int32_t group, const struct part *p, int64_t offset,
                  int64_t from)
{
    const struct history *h = g->c->h;
    for (; from < h->ops.n; from++) {
        const struct history_op *op = &h->ops.v[from];
        if (op->kind == HISTORY_PROCESS && op->node == group && op->topic == p->topic &&
            op->partition == p->partition && op->reads_n > 0 &&
            history_reads(h, op)[op->reads_n - 1].offset > offset)
            break;
    }
    return from;
}

/* Up to what is committed; where the group has an owner in the end, up to the end. */
static void
check_passed_over(struct groups *g, int32_t group, const struct part *p, const struct view *v)
{
    int64_t end = v->owners.n && g->c->healed_ns >= 0 ? p->final_end : v->committed.offset;
    int64_t work = 0;
    if (p->final_end < 0 || v->first < 0) return;
    for (int64_t at = v->first - p->base; at < p->n && p->base + at < end; at++) {
        if (!p->final[at]) continue;
        if (!v->done[at] && part_is_compacted(g->c, p)) {
            work = first_work_behind(g, group, p, p->base + at, work);
            int64_t at_ns = work < g->c->h->ops.n ? g->c->h->ops.v[work].complete_ns : INT64_MAX;
            if (compacted_away_at(g->c, p, p->final[at], p->base + at, at_ns)) continue;
        }
        if (v->copies) check_not_copied(g, group, p, v, at);
        if (v->copies || v->done[at]) continue;
        struct telling t = tell_begin(g->c, RULE_UNPROCESSED, p, p->base + at, p->final[at], -1);
        if (v->commits_before)
            t.excuse = "committed before the work: who goes away leaves it undone";
        tell_value(&t, p->final[at]), tell_text(&t, " was worked on by nobody of ");
        tell_group(&t, group);
        if (p->base + at < v->committed.offset)
            tell_text(&t, ", though offset "), fmt_i64(&t.w, v->committed.offset),
                tell_text(&t, " is committed");
        tell_end(&t);
    }
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void
take_completion(struct groups *g, const struct history_op *op, int64_t number)
{
    const struct part *p = checker_part(g->c, op->topic, op->partition);
    struct view *v = p && history_is_of_group(op->kind) ? view_of(g, op->node, p) : NULL;
    owners_take(g, op, p, v);
    switch (op->kind) {
    case HISTORY_COMMIT:
    case HISTORY_COMMITTED:
        if (v) committed_take(g, op, number, p, v);
        break;
    case HISTORY_PROCESS:
        if (v) take_work(g, op, number, p, v);
        break;
    case HISTORY_OUT_OF_RANGE:
        if (p) committed_refused(g, op, p);
        break;
    case HISTORY_ASSIGN:
        if (p) committed_goes_on(g, op, p);
        break;
    case HISTORY_TRUNCATION:
        if (p) committed_cut(g, p, op->offset);
        if (p) committed_begins_at_cut(g, op, p);
        break;
    default: break;
    }
}

static void
take_invocation(struct groups *g, const struct history_op *op, int64_t number)
{
    const struct part *p = checker_part(g->c, op->topic, op->partition);
    bool bounded = op->kind == HISTORY_COMMIT || op->kind == HISTORY_COMMITTED;
    if (p && bounded) committed_ask(g, op, number, p);
}

static void
make(struct groups *g)
{
    struct checker *c = g->c;
    int64_t views = (int64_t)g->groups_n * c->parts_n;
    g->views = mem_alloc(c->mem, views * (int64_t)sizeof *g->views);
    g->stands = mem_alloc(c->mem, views * c->h->processes.n * (int64_t)sizeof *g->stands);
    g->bounds = mem_alloc(c->mem, c->h->ops.n * (int64_t)sizeof *g->bounds);
    g->newest = mem_alloc(c->mem, c->h->ops.n * (int64_t)sizeof *g->newest);
    g->is_member = mem_alloc(c->mem, c->h->processes.n * g->groups_n);
    g->epochs = mem_alloc(c->mem, c->h->processes.n * g->groups_n * (int64_t)sizeof *g->epochs);
    g->owned_in = mem_alloc(c->mem, c->h->processes.n * g->groups_n * (int64_t)sizeof *g->owned_in);
    for (int64_t i = 0; i < views; i++) {
        const struct part *p = &c->parts[i % c->parts_n];
        g->views[i].committed.offset = g->views[i].newest.offset = g->views[i].first = -1;
        g->views[i].done = mem_alloc(c->mem, p->n * (int64_t)sizeof *g->views[i].done);
        g->views[i].gone = mem_alloc(c->mem, p->n * (int64_t)sizeof *g->views[i].gone);
    }
    for (int64_t i = 0; i < views * c->h->processes.n; i++)
        g->stands[i] = (struct stand){
            .bound.offset = -1, .found = -1, .look = -1, .refused = -1, .again_from = -1};
}

static void
groups_release(struct groups *g)
{
    struct checker *c = g->c;
    int64_t views = (int64_t)g->groups_n * c->parts_n;
    for (int64_t i = 0; i < views; i++) {
        const struct part *p = &c->parts[i % c->parts_n];
        VEC_RELEASE(c->mem, &g->views[i].owners);
        VEC_RELEASE(c->mem, &g->views[i].standbys);
        mem_free(c->mem, g->views[i].done, p->n * (int64_t)sizeof *g->views[i].done);
        mem_free(c->mem, g->views[i].gone, p->n * (int64_t)sizeof *g->views[i].gone);
    }
    mem_free(c->mem, g->views, views * (int64_t)sizeof *g->views);
    mem_free(c->mem, g->stands, views * c->h->processes.n * (int64_t)sizeof *g->stands);
    mem_free(c->mem, g->bounds, c->h->ops.n * (int64_t)sizeof *g->bounds);
    mem_free(c->mem, g->newest, c->h->ops.n * (int64_t)sizeof *g->newest);
    mem_free(c->mem, g->is_member, c->h->processes.n * g->groups_n);
    mem_free(c->mem, g->epochs, c->h->processes.n * g->groups_n * (int64_t)sizeof *g->epochs);
    mem_free(c->mem, g->owned_in, c->h->processes.n * g->groups_n * (int64_t)sizeof *g->owned_in);
}

void
check_groups(struct checker *c)
{
    struct groups g = {.c = c, .groups_n = (int32_t)c->h->groups.n};
    const struct history *h = c->h;
    int64_t end_ns = 0, turn = 0;
    make(&g);
    g.copies = copies_gather(c);
    for (int64_t i = 0; i < h->events.n; i++) {
        int64_t number = history_event_op(h->events.v[i]);
        const struct history_op *op = &h->ops.v[number];
        end_ns = history_event_ns(h, h->events.v[i]);
        for (const struct turn *t; (t = turn_next(c, &turn, end_ns));) group_take_turn(&g, t);
        if (history_event_is_complete(h->events.v[i])) take_completion(&g, op, number);
        else take_invocation(&g, op, number);
    }
    for (int32_t i = 0; i < g.groups_n; i++) {
        for (int32_t j = 0; j < c->parts_n; j++) {
            const struct view *v = view_of(&g, i, &c->parts[j]);
            check_passed_over(&g, i, &c->parts[j], v);
            if (lives(&g, i)) owners_check_gap(&g, i, &c->parts[j], v, end_ns);
        }
    }
    copies_free(g.copies);
    groups_release(&g);
}
