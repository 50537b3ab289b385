/* Random faults: one after the other is drawn by weight from the seed, lasts a while and is taken back. Each is
 * also written down as the step that does the same, for whoever wants the timeline without the dice.
 *
 *      nemesis.c           when, and which
 *      nemesis_write.c     how one is written down and taken back; what the promise can bear
 *      nemesis_nodes.c     nodes and clients that end, stand still or have wrong clocks
 *      nemesis_links.c     cuts, slow links, broken connections, requests that wait
 *      nemesis_frames.c    requests that are lost, late, doubled or answered with an error
 *      nemesis_disks.c     disks that are slow, fail, fill up, rot
 *      nemesis_admins.c    elections, and what administrators do
 *      nemesis_moments.c   what waits for a moment: a coordinator that is asked, a cleaner at work */
#ifndef SIM_SCENARIO_NEMESIS_H
#define SIM_SCENARIO_NEMESIS_H

#include "sim/scenario/run_internal.h"

/* How it ends. */
enum cure {
    CURE_NONE,    /* the fault alone is taken back */
    CURE_UP,      /* the machine comes back */
    CURE_DISK,    /* the disk is well again */
    CURE_RESTART, /* that, and its process starts anew */
    CURE_REBOOT,  /* its machine does: what was not synced may go */
    CURE_REPLACE, /* with an empty disk */
    CURE_DISARM,  /* if the disk operation did not come, it does not end there */
};

struct affliction {
    struct run *r;
    struct machine *m; /* NULL: none is down for it */
    fault_id fault;
    enum cure cure;
    int64_t lasts_ns;
    int64_t line; /* of r->ret->drawn */
};

static inline bool
is_kind(struct slice kind, const char *name)
{
    return slice_eq(kind, slice_cstr(name));
}

/* ---- nemesis_write.c ---- */

/* As a step: its verb and what stands beside it. a: NULL if it does not last. */
void write_down(struct run *r, const struct affliction *a, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* It has no duration as a step; its end is a step of its own. */
void write_down_until_restart(struct run *r, const struct affliction *a, const char *verb);
/* Does what this step says, now, and writes it down. */
void do_drawn(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One more lasts, for a drawn time. */
struct affliction *afflict(struct run *r, struct machine *m, fault_id fault);
/* Its disk is to fail: what it has counts as gone from now on (copies; else only its word for them), and it as down; or
 * it is to end at a disk operation, and power.c sees that it is armed. NULL: there is no time left to cure it. */
struct affliction *fall_ill(struct run *r, struct node_slot *n, enum cure cure, bool copies);
struct node_slot *draw_node(struct run *r);
struct node_slot *draw_broker(struct run *r);
/* NULL: there is none. */
struct machine *draw_client(struct run *r);
/* NULL: there is none yet. */
const struct truth_partition *draw_partition(struct run *r);
/* Of these so many words; by chance. */
const char *draw_word(struct run *r, const char *const *words, int64_t n);
bool may_go_down(const struct run *r, const struct node_slot *n);
bool keeps_promises(struct run *r, bool power);
/* May one more fault be at work now? */
bool nemesis_has_room(struct run *r);
/* All of the above, and nothing else is the matter with it. */
bool may_fall_ill(struct run *r, const struct node_slot *n, bool copies);

/* One of its kind has come: it is counted. */
void nemesis_count(struct run *r, struct slice kind);

/* ---- nemesis_nodes.c, nemesis_admins.c: as below, but whom it meets is decided ---- */

bool end_node(struct run *r, struct node_slot *n, struct slice kind);
bool end_node_at_op(struct run *r, struct node_slot *n, bool power, int64_t ahead);
/* One of its other replicas is asked to lead it. False: there is none. */
bool elect_another(struct run *r, const struct truth_partition *p);

/* ---- one family each; false: this one cannot be now ---- */

bool strike_node(struct run *r, struct slice kind);
bool strike_node_at_op(struct run *r, struct slice kind);
bool strike_wipe(struct run *r, struct slice kind);
bool strike_clock(struct run *r, struct slice kind);
bool strike_client_machine(struct run *r, struct slice kind);
bool strike_pair(struct run *r, struct slice kind);
bool strike_cut(struct run *r, struct slice kind);
bool strike_split(struct run *r, struct slice kind);
bool strike_client(struct run *r, struct slice kind);
bool strike_hold(struct run *r, struct slice kind);
bool strike_hold_end(struct run *r, struct slice kind);
bool strike_any_hold(struct run *r, struct slice kind);
bool strike_frames(struct run *r, struct slice kind);
bool strike_disk(struct run *r, struct slice kind);
bool strike_failing_disk(struct run *r, struct slice kind);
bool strike_lying_disk(struct run *r, struct slice kind);
bool strike_elect(struct run *r, struct slice kind);
bool strike_elections(struct run *r, struct slice kind);
bool strike_topic(struct run *r, struct slice kind);
bool strike_reassign(struct run *r, struct slice kind);
bool strike_describe(struct run *r, struct slice kind);
/* These wait, are counted when they come, and never come at once: false. */
bool strike_coordinator(struct run *r, struct slice kind);
bool strike_cleaning(struct run *r, struct slice kind);

#endif
