/* Who has a partition in a group, as its members believe. */
#include "errors.h"
#include "sim/check/groups_checked.h"

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

/* Who reads a topic reads another one of its name when that is made. */
static bool
was_owned_by_name(const struct groups *g, int32_t group, const struct part *p)
{
    for (int32_t i = 0; i < g->c->parts_n; i++) {
        const struct part *other = &g->c->parts[i];
        if (other->partition == p->partition && view_of(g, group, other)->was_owned &&
            history_is_namesake(g->c->h, other->topic, p->topic))
            return true;
    }
    return false;
}

/* Once all is healed, nobody has it for longer than it may take. What is deleted nobody can have. */
void
owners_check_gap(struct groups *g, int32_t group, const struct part *p, const struct view *v,
                 int64_t until_ns)
{
    int64_t healed = g->c->healed_ns;
    int64_t since = v->unowned_since_ns > healed ? v->unowned_since_ns : healed;
    struct gap gap = {g, group, p};
    if (g->c->facts->owned_within_ns <= 0 || healed < 0 || v->owners.n ||
        !was_owned_by_name(g, group, p))
        return;
    part_each_stay(g->c, p, since, until_ns, tell_gap, &gap);
}

/* When a group's records are lost its generations count again, from the last that is still there: who had a partition
 * before and who got it after that were in two groups, whatever their numbers. */
static bool
is_of_former_group(struct groups *g, const struct history_op *op, const struct owner *before)
{
    char text[1024];
    struct writer why = writer_fixed(text, sizeof text);
    return group_may_have_forgotten(g->c, op->node, before->since_ns, before->since_ns,
                                    op->complete_ns, &why);
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
    if (lives(g, op->node)) owners_check_gap(g, op->node, p, v, op->complete_ns);
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
 * may be another's by then; what it is given then is its own. There only heartbeats and joining count, as the member says itself;
 * of who says nothing of it, commits. */
static const char *
excuse_of_returned(const struct groups *g, const struct history_op *op, const struct part *p,
                   int64_t heard_ns)
{
    int64_t session_ns = g->c->facts->session_ns;
    bool is_given =
        op->kind == HISTORY_OWN && op->topic == p->topic && op->partition == p->partition;
    bool is_by_commits = session_ns > 0 && op->invoke_ns - heard_ns >= session_ns;
    return (op->value && !is_given) || is_by_commits
             ? "not heard of for as long as a session, it was put out, and came in again under "
               "its id"
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
        own->excuse = excuse_of_returned(g, op, &g->c->parts[i], own->since_ns);
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

const char *
owner_excuse(const struct view *v, int32_t process)
{
    for (int64_t i = 0; i < v->owners.n; i++)
        if (v->owners.v[i].process == process) return v->owners.v[i].excuse;
    return NULL;
}

void
owners_take(struct groups *g, const struct history_op *op, const struct part *p, struct view *v)
{
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
    default: break;
    }
}
