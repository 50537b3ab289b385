/* What the checker keeps of groups. For check_groups.c, check_owners.c and check_offsets.c. */
#ifndef SIM_CHECK_GROUPS_CHECKED_H
#define SIM_CHECK_GROUPS_CHECKED_H

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

static inline struct view *
view_of(const struct groups *g, int32_t group, const struct part *p)
{
    return &g->views[(int64_t)group * g->c->parts_n + (p - g->c->parts)];
}

static inline struct stand *
stand_in(const struct groups *g, int32_t process, int32_t group, const struct part *p)
{
    int64_t row = (int64_t)process * g->groups_n + group;
    return &g->stands[row * g->c->parts_n + (p - g->c->parts)];
}

static inline struct stand *
stand_of(const struct groups *g, const struct history_op *op, const struct part *p)
{
    return stand_in(g, op->process, op->node, p);
}

static inline bool *
membership_of(const struct groups *g, int32_t process, int32_t group)
{
    return &g->is_member[(int64_t)process * g->groups_n + group];
}

static inline void
tell_group(struct telling *t, int32_t group)
{
    fmt_slice(&t->w, history_group_name(t->c->h, group));
}

static inline bool
lives(const struct groups *g, int32_t group)
{
    for (int32_t i = 0; i < (int32_t)g->c->h->processes.n; i++)
        if (*membership_of(g, i, group)) return true;
    return false;
}

/* ---- owners: check_owners.c ---- */

/* Why this one may still act on the partition, though another may have it; NULL: it need have none. */
const char *owner_excuse(const struct view *v, int32_t process);
/* An operation of a member, done: what it has by now. v: the view of its partition; NULL: it is of none. */
void owners_take(struct groups *g, const struct history_op *op, const struct part *p,
                 struct view *v);
/* Nobody has had it, up to then, for longer than it may take. */
void owners_check_gap(struct groups *g, int32_t group, const struct part *p, const struct view *v,
                      int64_t until_ns);

/* ---- committed offsets: check_offsets.c ---- */

/* What a group remembers of then may be gone by `until_ns`; why. */
bool group_may_have_forgotten(struct checker *c, int32_t group, int64_t begun_ns, int64_t owed_ns,
                              int64_t until_ns, struct writer *why);
/* A commit, or a look, is asked for; is done. */
void committed_ask(struct groups *g, const struct history_op *op, int64_t number,
                   const struct part *p);
void committed_take(struct groups *g, const struct history_op *op, int64_t number,
                    const struct part *p, struct view *v);
/* From this offset on the log is another one, and -1: it is gone whole. */
void committed_cut(struct groups *g, const struct part *p, int64_t offset);
/* What its reader was told: there is nothing where he wanted to read; he goes on elsewhere; his log was cut. */
void committed_refused(struct groups *g, const struct history_op *op, const struct part *p);
void committed_goes_on(struct groups *g, const struct history_op *op, const struct part *p);
void committed_begins_at_cut(struct groups *g, const struct history_op *op, const struct part *p);
bool commit_may_have_come_late(const struct groups *g, const struct history_op *look,
                               const struct bound *bound);
/* Of all that the look should have found and did not, somebody may begin anew. */
void committed_note_gone(struct view *v, const struct part *p, int64_t look, int64_t found,
                         int64_t owed);

#endif
