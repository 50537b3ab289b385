/* What members of groups did and were told. A group sees a partition through its owners, one after the other:
 *
 *      c1   own ── look: committed 40 ── process 40…59 ── commit 60 ── disown
 *      c2                                                                own ── look: 60 ── process 60…
 *
 * What is acknowledged as committed is found by every later look, so each record is worked on: once, or again if its
 * owner went away between working and committing; never, only if it commits before it works. */
#include "broker/coordinator/coordinator.h"
#include "broker/group/groups.h"
#include "errors.h"
#include "sim/check/checker.h"

/* What was committed, and since when that is owed. */
struct bound {
    int64_t offset; /* -1: nothing */
    int64_t begun_ns, owed_ns;
};

struct owner {
    int32_t process;
    int64_t generation;
    int64_t since_ns;   /* the group knew it in that generation then, for the last time */
    const char *excuse; /* why another may have it in that generation, too; NULL: none may */
};

/* One partition, as one group sees it. */
struct view {
    VEC(struct owner) owners; /* of now, as they believe themselves */
    VEC(int32_t) standbys;    /* of a streams group: who keeps a copy */
    struct bound committed;   /* what a look that begins now must find, at least */
    struct bound newest;      /* the same, whatever was cut since: what it might have found */
    int64_t first;            /* where the group began to read; -1 */
    int64_t unowned_since_ns;
    bool was_owned, commits_before, copies;
    bool was_forgotten; /* the last owner was told that nobody knows it */
    struct owner last;  /* who had it last, of the newest generation */
    int64_t *done;      /* by offset - part->base: 1 + the operation that worked on it last */
    int64_t *gone;      /* 1 + the last look that should have found it committed, and did not */
};

/* One process at one view. */
struct stand {
    struct bound bound;         /* acknowledged before its last look began */
    int64_t found;              /* in that look; -1: nothing */
    int64_t look;               /* the operation, if it found less than was owed; else -1 */
    int64_t since_ns, until_ns; /* when that look began and ended */
    int64_t refused;            /* where it wanted to read, and there is nothing; -1 */
    int64_t again_from;         /* so it went back, to here: what it commits may be less; -1 */
};

struct groups {
    struct checker *c;
    int32_t groups_n;
    struct view *views;            /* by group, part */
    struct stand *stands;          /* by process, group, part */
    struct bound *bounds, *newest; /* by operation: what was committed when it was invoked */
    bool *is_member;               /* by process, group: it has begun and not left */
    int64_t *epochs;               /* by process, group: the last that it was seen in … */
    int64_t *owned_in;             /* … and that in which it last got a partition */
    struct copies *copies;
};

static struct view *
view_of(const struct groups *g, int32_t group, const struct part *p)
{
    return &g->views[(int64_t)group * g->c->parts_n + (p - g->c->parts)];
}

static struct stand *
stand_in(const struct groups *g, int32_t process, int32_t group, const struct part *p)
{
    int64_t row = (int64_t)process * g->groups_n + group;
    return &g->stands[row * g->c->parts_n + (p - g->c->parts)];
}

static struct stand *
stand_of(const struct groups *g, const struct history_op *op, const struct part *p)
{
    return stand_in(g, op->process, op->node, p);
}

static bool *
membership_of(const struct groups *g, int32_t process, int32_t group)
{
    return &g->is_member[(int64_t)process * g->groups_n + group];
}

static void
tell_group(struct telling *t, int32_t group)
{
    fmt_slice(&t->w, history_group_name(t->c->h, group));
}

static bool
lives(const struct groups *g, int32_t group)
{
    for (int32_t i = 0; i < (int32_t)g->c->h->processes.n; i++)
        if (*membership_of(g, i, group)) return true;
    return false;
}

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
static bool
record_may_be_lost(struct checker *c, int32_t group, int64_t begun_ns, int64_t owed_ns,
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

/* ---- owners ------------------------------------------------------------------------------------- */

static void
disown(struct view *v, int32_t process, int64_t at_ns)
{
    int64_t n = v->owners.n;
    for (int64_t i = n - 1; i >= 0; i--)
        if (v->owners.v[i].process == process) VEC_REMOVE_AT(&v->owners, i);
    if (n && !v->owners.n) v->unowned_since_ns = at_ns;
}

static bool
owns(const struct view *v, int32_t process)
{
    for (int64_t i = 0; i < v->owners.n; i++)
        if (v->owners.v[i].process == process) return true;
    return false;
}

static void
end_standby(struct view *v, int32_t process)
{
    int64_t n = v->standbys.n;
    for (int64_t i = n - 1; i >= 0; i--)
        if (v->standbys.v[i] == process) VEC_REMOVE_AT(&v->standbys, i);
}

/* A copy beside its original goes when it goes: it protects from nothing (KIP-1071). */
static void
check_standby(struct groups *g, const struct history_op *op, const struct part *p,
              const struct view *v)
{
    bool keeps = false;
    for (int64_t i = 0; i < v->standbys.n; i++) keeps |= v->standbys.v[i] == op->process;
    if (!keeps || !owns(v, op->process)) return;
    struct telling t = tell_begin(g->c, RULE_STANDBY_BESIDE, p, -1, 0, op->complete_ns);
    tell_process(&t, op->process), tell_text(&t, " of "), tell_group(&t, op->node);
    tell_text(&t, " works on it, and keeps the copy of it, too");
    tell_end(&t);
}

/* excuse: NULL if there is none. */
static void
tell_two_owners(struct groups *g, const struct history_op *op, const struct part *p,
                const struct owner *a, const struct owner *b, const char *excuse)
{
    struct telling t = tell_begin(g->c, RULE_TWO_OWNERS, p, -1, 0, op->complete_ns);
    t.excuse = excuse;
    tell_process(&t, a->process), tell_text(&t, " and "), tell_process(&t, b->process);
    if (a->generation == b->generation) {
        tell_text(&t, " both have it in generation "), fmt_i64(&t.w, a->generation);
    } else {
        tell_text(&t, " both have it, in epochs "), fmt_i64(&t.w, a->generation);
        tell_text(&t, " and "), fmt_i64(&t.w, b->generation);
    }
    tell_text(&t, " of "), tell_group(&t, op->node);
    tell_end(&t);
}

struct gap {
    struct groups *g;
    int32_t group;
    const struct part *p;
};

static void
tell_gap(void *ctx, int64_t since_ns, int64_t until_ns)
{
    const struct gap *gap = ctx;
    if (until_ns - since_ns < gap->g->c->facts->owned_within_ns) return;
    struct telling t = tell_begin(gap->g->c, RULE_UNOWNED, gap->p, -1, 0, until_ns);
    tell_text(&t, "nobody of "), tell_group(&t, gap->group);
    tell_text(&t, " has had it since"), tell_time(&t, since_ns);
    tell_end(&t);
}

/* Once all is healed, nobody has it for longer than it may take. What is deleted nobody can have. */
static void
check_gap(struct groups *g, int32_t group, const struct part *p, const struct view *v,
          int64_t until_ns)
{
    int64_t healed = g->c->healed_ns;
    int64_t since = v->unowned_since_ns > healed ? v->unowned_since_ns : healed;
    struct gap gap = {g, group, p};
    if (g->c->facts->owned_within_ns <= 0 || healed < 0 || v->owners.n || !v->was_owned) return;
    part_each_stay(g->c, p, since, until_ns, tell_gap, &gap);
}

/* When a group's records are lost its generations count again, from the last that is still there: who had a partition
 * before and who got it after that were in two groups, whatever their numbers. */
static bool
is_of_former_group(struct groups *g, const struct history_op *op, const struct owner *before)
{
    char text[1024];
    struct writer why = writer_fixed(text, sizeof text);
    return record_may_be_lost(g->c, op->node, before->since_ns, before->since_ns, op->complete_ns,
                              &why);
}

/* Nobody goes back in a group: one that was empty has begun anew, as does a classic group without members to which one of the consumer
 * protocol comes (KIP-848). What was owned in the former is compared with nothing any more. */
static void
note_new_group(struct groups *g, const struct history_op *op)
{
    int64_t *last = &g->owned_in[(int64_t)op->process * g->groups_n + op->node];
    bool is_new = op->key >= 0 && op->key < *last;
    *last = op->key;
    for (int32_t i = 0; is_new && i < g->c->parts_n; i++) {
        struct view *v = view_of(g, op->node, &g->c->parts[i]);
        for (int64_t k = 0; k < v->owners.n; k++) v->owners.v[k].generation = -1;
        v->last.generation = -1;
    }
}

/* Who was paused may believe in an older generation; of one generation there is one assignment, and it names one owner. */
static void
own(struct groups *g, const struct history_op *op, const struct part *p, struct view *v)
{
    struct owner o = {op->process, op->key, op->complete_ns, NULL};
    bool is_told = false;
    disown(v, op->process, op->complete_ns);
    if (lives(g, op->node)) check_gap(g, op->node, p, v, op->complete_ns);
    for (int64_t i = 0; i < v->owners.n; i++) {
        const struct owner *other = &v->owners.v[i];
        if (other->generation != op->key || is_of_former_group(g, op, other)) continue;
        is_told = true;
        tell_two_owners(g, op, p, &o, other, other->excuse);
    }
    /* One that was empty and is deleted begins again with its first generation. */
    bool is_new_group =
        (v->was_forgotten && o.generation == 1) ||
        (v->was_owned && o.generation <= v->last.generation && is_of_former_group(g, op, &v->last));
    if (!is_told && v->was_owned && v->last.generation == o.generation &&
        v->last.process != o.process && !is_new_group)
        tell_two_owners(g, op, p, &o, &v->last, NULL);
    VEC_PUSH(g->c->mem, &v->owners, o);
    check_standby(g, op, p, v);
    if (!v->was_owned || o.generation >= v->last.generation || is_new_group) v->last = o;
    v->was_forgotten = false;
    v->was_owned = true;
}

/* Who may commit, or is told what is committed, is known to the group in its generation. */
static void
note_still_known(struct view *v, const struct history_op *op)
{
    bool is_told = op->kind == HISTORY_COMMIT || op->kind == HISTORY_COMMITTED;
    if (!is_told || op->outcome != HISTORY_OK) return;
    for (int64_t i = 0; i < v->owners.n; i++) {
        struct owner *own = &v->owners.v[i];
        if (own->process != op->process || own->generation != op->key) continue;
        own->since_ns = MAX(own->since_ns, op->invoke_ns);
        if (v->last.process == own->process && v->last.generation == own->generation)
            v->last = *own;
    }
}

/* Who was not heard of for a session may have been put out, and have come in again under its id: Kafka lets a dynamic member of the
 * classic protocol do so in a group of the consumer protocol, and it hears that it has nothing only with its next assignment. What it had
 * may be another's by then. */
static const char *
excuse_of_returned(const struct groups *g, const struct history_op *op, int64_t heard_ns)
{
    int64_t session_ns = g->c->facts->session_ns;
    return session_ns > 0 && op->invoke_ns - heard_ns >= session_ns
             ? "not heard of for as long as a session, it was put out, and came in again under its "
               "id"
             : NULL;
}

/* With the consumer protocol members go from epoch to epoch on their own, and keep what they have. Who has come to the
 * epoch in which another got a partition, and has it still, is no zombie: there are two owners. What a member gives up as it
 * comes there it has no more. */
static void
advance_epoch(struct groups *g, const struct history_op *op)
{
    int64_t *epoch = &g->epochs[(int64_t)op->process * g->groups_n + op->node];
    if (op->key < 0 || op->key == *epoch || op->kind == HISTORY_DISOWN) return;
    *epoch = op->key;
    for (int32_t i = 0; i < g->c->parts_n; i++) {
        struct view *v = view_of(g, op->node, &g->c->parts[i]);
        struct owner *own = NULL;
        for (int64_t k = 0; k < v->owners.n; k++)
            if (v->owners.v[k].process == op->process) own = &v->owners.v[k];
        if (!own || own->generation >= op->key) continue;
        int64_t before = own->generation;
        own->excuse = excuse_of_returned(g, op, own->since_ns);
        own->generation = op->key;
        own->since_ns = op->complete_ns;
        for (int64_t k = 0; k < v->owners.n; k++)
            if (&v->owners.v[k] != own && v->owners.v[k].generation > before &&
                v->owners.v[k].generation <= op->key && !is_of_former_group(g, op, &v->owners.v[k]))
                tell_two_owners(g, op, &g->c->parts[i], own, &v->owners.v[k], own->excuse);
    }
}

static void
begin_or_leave(struct groups *g, const struct history_op *op)
{
    *membership_of(g, op->process, op->node) = op->kind == HISTORY_BEGIN;
    for (int32_t i = 0; i < g->c->parts_n; i++) {
        struct view *v = view_of(g, op->node, &g->c->parts[i]);
        disown(v, op->process, op->complete_ns);
        end_standby(v, op->process);
        if (v->last.process == op->process) v->last.generation = -1;
    }
}

/* ---- committed offsets ---------------------------------------------------------------------------- */

/* A commit whose fate is unknown may take effect late; and so may an attempt for which its client has not waited, after
 * another one was answered: requests on a connection that was given up still arrive, and commits have no numbers. Of
 * two that were under way at the same time, by whoever commits what he likes, either may have been the last. */
static bool
may_have_come_late(const struct groups *g, const struct history_op *look, const struct bound *bound)
{
    const struct history *h = g->c->h;
    for (const struct history_op *o = h->ops.v; o < h->ops.v + h->ops.n; o++) {
        bool is_late = history_is_info(o) || o->was_retried ||
                       (o->acks == COMMIT_AT_WILL && o->outcome == HISTORY_OK &&
                        o->complete_ns >= bound->begun_ns);
        if (o->kind == HISTORY_COMMIT && o->node == look->node && o->topic == look->topic &&
            o->partition == look->partition && o->offset == look->offset && is_late &&
            o->invoke_ns <= look->complete_ns)
            return true;
    }
    return false;
}

void
tell_end_of_commit(struct telling *t, int32_t group, int64_t begun_ns, int64_t owed_ns)
{
    char text[1024];
    struct writer why = writer_fixed(text, sizeof text - 1);
    fmt_str(&why, "of its commit ");
    if (!t->excuse && record_may_be_lost(t->c, group, begun_ns, owed_ns, 0, &why)) {
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
    return !may_have_come_late(g, op, &g->bounds[number]);
}

static void
check_not_back(struct groups *g, const struct history_op *op, int64_t number, const struct part *p)
{
    const struct bound *bound = &g->bounds[number];
    if (!has_gone_back(g, op, number, p)) return;
    struct telling t = tell_begin(g->c, RULE_OFFSET_WENT_BACK, p, op->offset, 0, op->complete_ns);
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
        if (o->kind != HISTORY_COMMIT || o->node != op->node || o->topic != op->topic ||
            o->partition != op->partition || o->offset != op->offset ||
            o->invoke_ns > op->complete_ns)
            continue;
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

/* Of all that the look should have found and did not, somebody may begin anew. */
static void
note_gone(struct view *v, const struct part *p, int64_t look, int64_t found, int64_t owed)
{
    for (int64_t at = MAX(found - p->base, 0); at < MIN(owed - p->base, p->n); at++)
        v->gone[at] = look + 1;
}

static void
take_committed(struct groups *g, const struct history_op *op, int64_t number, const struct part *p,
               struct view *v)
{
    if (op->kind == HISTORY_COMMIT && op->acks == COMMIT_BEFORE) v->commits_before = true;
    if (op->kind == HISTORY_COMMIT && op->acks == COMMIT_IN_TXN) v->copies = true;
    if (op->outcome != HISTORY_OK) return;
    check_not_back(g, op, number, p);
    if (op->kind == HISTORY_COMMITTED) check_not_failed(g, op, number, p);
    /* Of two at the same time either may have been the last (may_have_come_late() knows that of those at will). */
    bool at_will = op->kind == HISTORY_COMMIT && op->acks == COMMIT_AT_WILL;
    bool at_once = op->invoke_ns < v->committed.owed_ns && !at_will;
    if (op->offset != v->committed.offset && !(at_once && v->committed.offset < op->offset))
        v->committed = v->newest = (struct bound){op->offset, op->invoke_ns, op->complete_ns};
    v->committed.owed_ns = v->newest.owed_ns = op->complete_ns;
    if (op->kind != HISTORY_COMMITTED) return;
    bool is_gone = has_gone_back(g, op, number, p);
    struct stand *s = stand_of(g, op, p);
    note_gone(v, p, number, op->offset, g->newest[number].offset);
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
static void
cut_committed(struct groups *g, const struct part *p, int64_t offset)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct view *v = view_of(g, i, p);
        v->committed.offset = MIN(v->committed.offset, MAX(offset, -1));
        if (offset < 0) v->newest.offset = -1;
    }
}

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
        else cut_committed(g, p, -1);
    }
}

/* Where it wanted to read there is nothing: the front was removed, or the end is gone. It goes on wherever it likes. */
static void
take_refusal(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++)
        if (*membership_of(g, op->process, i)) stand_in(g, op->process, i, p)->refused = op->offset;
}

/* Of a front that was removed nobody goes back: only whoever does may commit less than before, and nothing that anybody
 * committed is gone for it. */
static void
go_on_elsewhere(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct stand *s = stand_in(g, op->process, i, p);
        if (s->refused >= 0 && op->offset < s->refused) s->again_from = op->offset;
        s->refused = -1;
    }
}

/* What it found instead of what is gone is of a log that was cut since: it begins where that was. What had been committed of it
 * before is of the former log, too: cut_committed(). */
static void
begin_at_cut(struct groups *g, const struct history_op *op, const struct part *p)
{
    for (int32_t i = 0; i < g->groups_n; i++) {
        struct stand *s = stand_in(g, op->process, i, p);
        s->bound.offset = MIN(s->bound.offset, op->offset);
        if (s->look < 0 || op->offset >= s->found) continue;
        note_gone(view_of(g, i, p), p, s->look, op->offset, s->found);
        s->found = op->offset;
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
    if (gone && !t.excuse && !by_same && may_have_come_late(g, &g->c->h->ops.v[look], gone))
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
    if (v) advance_epoch(g, op);
    if (v) note_still_known(v, op);
    switch (op->kind) {
    case HISTORY_BEGIN:
    case HISTORY_LEAVE: begin_or_leave(g, op); break;
    case HISTORY_OWN:
        if (v) note_new_group(g, op);
        if (v) own(g, op, p, v);
        break;
    case HISTORY_DISOWN:
        if (v) disown(v, op->process, op->complete_ns);
        if (v && v->last.process == op->process)
            v->was_forgotten = op->error == K_ERR_UNKNOWN_MEMBER_ID;
        break;
    case HISTORY_STANDBY:
        if (v) VEC_PUSH(g->c->mem, &v->standbys, op->process);
        if (v) check_standby(g, op, p, v);
        break;
    case HISTORY_STANDBY_OVER:
        if (v) end_standby(v, op->process);
        break;
    case HISTORY_COMMIT:
    case HISTORY_COMMITTED:
        if (v) take_committed(g, op, number, p, v);
        break;
    case HISTORY_PROCESS:
        if (v) take_work(g, op, number, p, v);
        break;
    case HISTORY_OUT_OF_RANGE:
        if (p) take_refusal(g, op, p);
        break;
    case HISTORY_ASSIGN:
        if (p) go_on_elsewhere(g, op, p);
        break;
    case HISTORY_TRUNCATION:
        if (p) cut_committed(g, p, op->offset);
        if (p) begin_at_cut(g, op, p);
        break;
    default: break;
    }
}

static void
take_invocation(struct groups *g, const struct history_op *op, int64_t number)
{
    const struct part *p = checker_part(g->c, op->topic, op->partition);
    bool bounded = op->kind == HISTORY_COMMIT || op->kind == HISTORY_COMMITTED;
    if (!p || !bounded) return;
    g->bounds[number] = view_of(g, op->node, p)->committed;
    g->newest[number] = view_of(g, op->node, p)->newest;
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
            if (lives(&g, i)) check_gap(&g, i, &c->parts[j], v, end_ns);
        }
    }
    copies_free(g.copies);
    groups_release(&g);
}
