/* What groups have committed, and what is found of it later. A commit by name counts for whichever topic has that name where its coordinator is. */
#include "broker/coordinator/coordinator.h"
#include "broker/group/groups.h"
#include "sim/check/groups_checked.h"

/* ---- what it remembers -------------------------------------------------------------------------- */

static int32_t
partition_of_group(const struct checker *c, int32_t group)
{
    struct slice word = history_group_name(c->h, group);
    uint8_t *room = mem_alloc(c->mem, word.n);
    int64_t n = history_name_read(word, room);
    int32_t partition = coordinator_partition(slice(room, n), c->facts->offsets_partitions);
    mem_free(c->mem, room, word.n);
    return partition;
}

/* What a group remembers are records in the groups' topic, in its own partition. Where they lie there no client is told. */
bool
group_may_have_forgotten(struct checker *c, int32_t group, int64_t begun_ns, int64_t owed_ns,
                         int64_t until_ns, struct writer *why)
{
    const struct check_facts *f = c->facts;
    if (f->offsets_partitions <= 0) return false;
    struct claim claim = {.topic = &f->offsets,
                          .name = GROUPS_TOPIC,
                          .partition = partition_of_group(c, group),
                          .offset = -1,
                          .begun_ns = begun_ns,
                          .owed_ns = owed_ns,
                          .until_ns = until_ns,
                          .acks = -1,
                          .idempotent = true,
                          .is_committed = true,
                          .leader = -1};
    return permission_of(f, &claim, RULE_LOST, why);
}

/* ---- committed offsets ---------------------------------------------------------------------------- */

/* By its id a group is told of what was committed for this topic; by name, of whichever had that name where its coordinator was as the
 * commit was taken (OffsetCommit up to version 9), and is as the look is answered (OffsetFetch up to 9). Neither knows of the other. */
static bool
may_tell_of(const struct groups *g, const struct history_op *look, const struct history_op *commit)
{
    bool is_by_name = look->is_of_any_life || commit->is_of_any_life;
    bool is_its = is_by_name ? history_is_namesake(g->c->h, commit->topic, look->topic)
                             : commit->topic == look->topic;
    return commit->kind == HISTORY_COMMIT && commit->node == look->node && is_its &&
           commit->partition == look->partition && commit->offset == look->offset &&
           commit->invoke_ns <= look->complete_ns;
}

/* A commit whose fate is unknown may take effect late; and so may an attempt for which its client has not waited, after
 * another one was answered: requests on a connection that was given up still arrive, and commits have no numbers. Of
 * two that were under way at the same time, by whoever commits what he likes, either may have been the last. */
bool
commit_may_have_come_late(const struct groups *g, const struct history_op *look,
                          const struct bound *bound)
{
    const struct history *h = g->c->h;
    for (const struct history_op *o = h->ops.v; o < h->ops.v + h->ops.n; o++) {
        bool is_late = history_is_info(o) || o->was_retried ||
                       (o->acks == COMMIT_AT_WILL && o->outcome == HISTORY_OK &&
                        o->complete_ns >= bound->begun_ns);
        if (is_late && may_tell_of(g, look, o)) return true;
    }
    return false;
}

void
tell_end_of_commit(struct telling *t, int32_t group, int64_t begun_ns, int64_t owed_ns)
{
    char text[1024];
    struct writer why = writer_fixed(text, sizeof text - 1);
    fmt_str(&why, "of its commit ");
    if (!t->excuse && group_may_have_forgotten(t->c, group, begun_ns, owed_ns, 0, &why)) {
        text[why.n] = 0;
        t->excuse = text;
    }
    tell_end(t);
}

static bool
is_made_again(const struct checker *c, const struct turn *deletion, int64_t by_ns)
{
    for (int64_t i = 0; i < c->turns.n; i++) {
        const struct turn *t = &c->turns.v[i];
        if (t->is_made && history_is_namesake(c->h, t->topic, deletion->topic) &&
            t->begun_ns >= deletion->begun_ns && t->at_ns <= by_ns)
            return true;
    }
    return false;
}

/* With the topic go the offsets in it, also those that a coordinator took which had not yet heard of the deletion. */
static bool
may_be_of_deleted_topic(const struct groups *g, const struct history_op *look, int64_t since_ns)
{
    const struct checker *c = g->c;
    for (int64_t i = 0; i < c->turns.n; i++) {
        const struct turn *t = &c->turns.v[i];
        if (!t->is_made && history_is_namesake(c->h, t->topic, look->topic) &&
            t->begun_ns <= look->complete_ns &&
            (!t->is_sure || t->at_ns >= since_ns || !is_made_again(c, t, since_ns)))
            return true;
    }
    return false;
}

static bool
has_gone_back(const struct groups *g, const struct history_op *op, int64_t number,
              const struct part *p)
{
    if (op->offset >= g->bounds[number].offset ||
        may_be_of_deleted_topic(g, op, g->bounds[number].begun_ns))
        return false;
    const struct stand *s = stand_of(g, op, p);
    bool begins_anew = s->again_from >= 0 && op->offset >= s->again_from;
    if (op->kind == HISTORY_COMMIT) return op->acks != COMMIT_AT_WILL && !begins_anew;
    return !commit_may_have_come_late(g, op, &g->bounds[number]);
}

static void
check_not_back(struct groups *g, const struct history_op *op, int64_t number, const struct part *p,
               const struct view *v)
{
    const struct bound *bound = &g->bounds[number];
    if (!has_gone_back(g, op, number, p)) return;
    struct telling t = tell_begin(g->c, RULE_OFFSET_WENT_BACK, p, op->offset, 0, op->complete_ns);
    /* Who came in again under its id commits what it had done, before it hears that it has nothing. */
    if (op->kind == HISTORY_COMMIT) t.excuse = owner_excuse(v, op->process);
    tell_text(&t, "offset "), fmt_i64(&t.w, bound->offset), tell_text(&t, " was committed for ");
    tell_group(&t, op->node), tell_text(&t, ", and then ");
    tell_process(&t, op->process);
    if (op->kind == HISTORY_COMMIT) tell_text(&t, " could commit "), tell_offset(&t, op->offset);
    else if (op->offset >= 0) tell_text(&t, " found "), tell_offset(&t, op->offset);
    else tell_text(&t, " found nothing");
    tell_time(&t, op->complete_ns);
    tell_end_of_commit(&t, op->node, bound->begun_ns, bound->owed_ns);
}

/* What a look finds somebody has committed: not only one who was told for sure that it had not. */
static void
check_not_failed(struct groups *g, const struct history_op *op, int64_t number,
                 const struct part *p)
{
    const struct history *h = g->c->h;
    const struct history_op *failed = NULL;
    if (op->offset <= g->bounds[number].offset) return;
    for (const struct history_op *o = h->ops.v; o < h->ops.v + h->ops.n; o++) {
        if (!may_tell_of(g, op, o)) continue;
        if (o->outcome != HISTORY_FAIL) return;
        failed = o;
    }
    if (!failed) return;
    struct telling t = tell_begin(g->c, RULE_FAILED_COMMIT, p, op->offset, 0, op->complete_ns);
    tell_process(&t, failed->process), tell_text(&t, " was told that its commit of ");
    tell_offset(&t, op->offset), tell_text(&t, " had failed"), tell_time(&t, failed->complete_ns);
    tell_text(&t, ", and then "), tell_process(&t, op->process);
    tell_text(&t, " found it committed for "), tell_group(&t, op->node);
    tell_time(&t, op->complete_ns);
    t.beside = failed;
    tell_end(&t);
}

/* What it is told of a topic by its id was committed for that one. Of what nobody has committed as far as histories know, nobody can
 * say for which: only what was committed for another of its name, and not for this one, is told. */
static void
check_not_foreign(struct groups *g, const struct history_op *op, const struct part *p)
{
    const struct history *h = g->c->h;
    const struct history_op *other = NULL;
    if (op->offset < 0 || op->is_of_any_life || !p->has_lives) return;
    for (const struct history_op *o = h->ops.v; o < h->ops.v + h->ops.n; o++) {
        struct history_op by_name = *op;
        by_name.is_of_any_life = true;
        if (o->outcome == HISTORY_FAIL || !may_tell_of(g, &by_name, o)) continue;
        if (may_tell_of(g, op, o)) return;
        other = o;
    }
    if (!other) return;
    struct telling t = tell_begin(g->c, RULE_FOREIGN_OFFSET, p, op->offset, 0, op->complete_ns);
    tell_process(&t, op->process), tell_text(&t, " found ");
    tell_offset(&t, op->offset), tell_text(&t, " committed for "), tell_group(&t, op->node);
    tell_time(&t, op->complete_ns), tell_text(&t, ", which ");
    tell_process(&t, other->process), tell_text(&t, " had committed"),
        tell_time(&t, other->invoke_ns);
    tell_text(&t, " for another topic of this name");
    tell_end(&t);
}

/* Of all that the look should have found and did not, somebody may begin anew. */
void
committed_note_gone(struct view *v, const struct part *p, int64_t look, int64_t found, int64_t owed)
{
    for (int64_t at = MAX(found - p->base, 0); at < MIN(owed - p->base, p->n); at++)
        v->gone[at] = look + 1;
}

void
committed_ask(struct groups *g, const struct history_op *op, int64_t number, const struct part *p)
{
    g->bounds[number] = view_of(g, op->node, p)->committed;
    g->newest[number] = view_of(g, op->node, p)->newest;
}

void
committed_take(struct groups *g, const struct history_op *op, int64_t number, const struct part *p,
               struct view *v)
{
    if (op->kind == HISTORY_COMMIT && op->acks == COMMIT_BEFORE) v->commits_before = true;
    if (op->kind == HISTORY_COMMIT && op->acks == COMMIT_IN_TXN) v->copies = true;
    if (op->outcome != HISTORY_OK) return;
    check_not_back(g, op, number, p, v);
    if (op->kind == HISTORY_COMMITTED) check_not_failed(g, op, number, p);
    if (op->kind == HISTORY_COMMITTED) check_not_foreign(g, op, p);
    /* Of two at the same time either may have been the last (commit_may_have_come_late() knows that of those at will). */
    bool at_will = op->kind == HISTORY_COMMIT && op->acks == COMMIT_AT_WILL;
    bool at_once = op->invoke_ns < v->committed.owed_ns && !at_will;
    if (op->offset != v->committed.offset && !(at_once && v->committed.offset < op->offset))
        v->committed = v->newest = (struct bound){op->offset, op->invoke_ns, op->complete_ns};
    v->committed.owed_ns = v->newest.owed_ns = op->complete_ns;
    if (op->kind != HISTORY_COMMITTED) return;
    bool is_gone = has_gone_back(g, op, number, p);
    struct stand *s = stand_of(g, op, p);
    committed_note_gone(v, p, number, op->offset, g->newest[number].offset);
    bool is_back = op->offset < g->newest[number].offset;
    *s = (struct stand){.bound = g->bounds[number],
                        .found = op->offset,
                        .look = is_back ? number : -1,
                        .since_ns = op->invoke_ns,
                        .until_ns = op->complete_ns,
                        .refused = -1,
                        .again_from = -1};
    if (!is_gone) s->bound.offset = MIN(s->bound.offset, op->offset);
}

/* From this offset on the log is another one, and -1: it is gone whole. What was committed up to there was of records that are
 * there still. */
void
committed_cut(struct groups *g, const struct part *p, int64_t offset)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct view *v = view_of(g, i, p);
        v->committed.offset = MIN(v->committed.offset, MAX(offset, -1));
        if (offset < 0) v->newest.offset = -1;
    }
}

/* Where it wanted to read there is nothing: the front was removed, or the end is gone. It goes on wherever it likes. */
void
committed_refused(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++)
        if (*membership_of(g, op->process, i)) stand_in(g, op->process, i, p)->refused = op->offset;
}

/* Of a front that was removed nobody goes back: only whoever does may commit less than before, and nothing that anybody
 * committed is gone for it. */
void
committed_goes_on(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct stand *s = stand_in(g, op->process, i, p);
        if (s->refused >= 0 && op->offset < s->refused) s->again_from = op->offset;
        s->refused = -1;
    }
}

/* What it found instead of what is gone is of a log that was cut since: it begins where that was. What had been committed of it
 * before is of the former log, too: committed_cut(). */
void
committed_begins_at_cut(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct stand *s = stand_in(g, op->process, i, p);
        s->bound.offset = MIN(s->bound.offset, op->offset);
        if (s->look < 0 || op->offset >= s->found) continue;
        committed_note_gone(view_of(g, i, p), p, s->look, op->offset, s->found);
        s->found = op->offset;
    }
}
