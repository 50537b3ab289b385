/* What the files that run a scenario share. */
#ifndef SIM_SCENARIO_RUN_INTERNAL_H
#define SIM_SCENARIO_RUN_INTERNAL_H

#include "broker/node/node.h"
#include "sim/check/check.h"
#include "sim/history/chronicle.h"
#include "sim/scenario/run.h"
#include "sim/scenario/table.h"
#include "sim/scenario/truth.h"
#include "sim/trace/writer.h"
#include "sim/workload/workload.h"

struct node_slot {
    struct run *r;
    struct machine *m;
    int32_t id;
    bool is_broker, is_controller;
    struct node_params params;
    bool is_stopping; /* in order: it was told to, and has not ended */
    bool wanted;      /* it stops in order, and is to start again */
    bool hurt;        /* a fault met it since it last served: it may end itself */
    int64_t armed_op,
        armed_for_ns;   /* the disk operation at which it is to end, and for how long; 0 */
    bool armed_power;   /* then its machine loses power */
    bool gone, unclean; /* power.c: its copies; or only its word that it has them */
    int64_t gone_epoch; /* its registration then */
    bool
        is_ill; /* nemesis: its disk fails, or it is to end at an operation; what it has counts as gone */
    /* chronicler.c: what is being done to its disk, or NULL; what has left places that are no records, or null; it ended without
     * order, and has not started since */
    struct harm *harm;
    struct slice spoilt_by;
    bool has_died;
};

struct client_slot {
    const struct client_spec *spec;
    struct machine *m;
    struct produce_args produce;
    struct consume_args consume;
    struct member_args member;
    struct share_args share;
};

struct bound {
    struct slice name;
    struct machine **machines;
    int32_t machines_n;
    fault_id *faults;
    int32_t faults_n;
    int64_t at_ns;
};

struct pending { /* an `eventually`, or a `when`, being looked at */
    const struct cond *cond;
    struct step_slot *step; /* NULL */
    int64_t deadline_ns, came_ns;
    bool is_done;
};

/* A step under way: of the timeline, or one that came from outside. */
struct step_slot {
    struct run *r;
    const struct step *step;
    struct step_slot *next; /* whose time begins when this one has fired; NULL */
    int64_t fired;          /* times */
    int32_t met;            /* requests and answers */
};

struct run {
    struct arena *a;
    const struct scenario *s;
    const struct run_options *o;
    struct run_result *ret;
    struct world *w;
    struct truth truth;
    struct history *h, history;
    struct chronicle chronicle;
    struct ends_seen *ends; /* chronicler_ends.c */
    struct witnesses *witnesses;
    struct guests *guests; /* NULL: nobody can come from outside */
    struct trace_writer *trace;
    struct node_slot *nodes;
    int32_t nodes_n;
    struct client_slot *clients;
    struct topics_args topics;
    struct final_args final;
    bool is_read;                /* to the end, everywhere */
    struct probe_args probes[2]; /* of the core, of all */
    struct client_params client_params;
    struct step_slot *steps;  /* of the timeline */
    struct step_slot *firing; /* NULL */
    VEC(struct bound) bounds;
    VEC(struct pending) pendings;
    int64_t fault_counts[VERBS_N];
    int64_t random_counts[NEMESIS_FAULTS_MAX];
    int64_t faults;
    int64_t met_n; /* requests and answers that faults met */
    struct dice dice;
    int64_t begin_ns, last_fault_ns;
    int64_t trial_ns; /* when the last test cut somebody off; 0: not yet */
    bool playing;     /* steps may fire */
    bool clocks_set;  /* a clock jumped or ran wrong: times of waiting say nothing */
    bool starting;    /* what the cluster does is not yet part of the story */
    bool ticking;
    struct earlier typed; /* steps from outside */
    int32_t typed_last_n; /* so many of them came last, together */
    struct slice
        missed;        /* why the last that met nobody did not; null: none since somebody looked */
    bool has_met;      /* one met somebody since */
    struct look *look; /* outside_look.c; NULL: nobody is outside */
    int64_t admins_n;
    struct sent_count { /* by machine */
        int64_t requests, bytes;
    } sent[TRUTH_MACHINES];
    struct dice nemesis_dice;
    int32_t nemesis_active;
    VEC(struct burst *) bursts; /* elections that wait for the one before */
    VEC(struct slice) made;     /* topics that were made at random, and are there */
    int64_t made_n;             /* ever */
    VEC(struct asker *) askers; /* ask.h */
    VEC(struct question *) questions;
    VEC(struct asked *) asked;
    VEC(struct ask_batch *) ask_batches;
    int32_t moments; /* that a random fault waits for */
    bool awaits_cleaning, cleaning_power;
};

/* Virtual time since the topics are there. */
static inline int64_t
run_now(const struct run *r)
{
    return world_now_ns(r->w) - r->begin_ns;
}

/* run.c */
void run_say(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of the story, also of the one that is told from the trace; few words for the timeline. Texts live in
 * the run's arena. */
void run_tell(struct run *r, struct slice label, struct slice sentence);
/* The node will crash, or lose power, at its n-th disk operation over all its lives, and come back so long
 * after. */
void run_arm(struct node_slot *n, int64_t op, bool power, int64_t for_ns);
/* It is to run again, and the story says in which way. */
void run_bring_back(struct run *r, struct machine *m);
/* Right before a fault: a line of the story, and of the trace. */
void run_fault(struct run *r, const char *verb, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void run_fail(struct run *r, enum verdict v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* outside_look.c: before the machines start. */
void look_begin(struct run *r);
/* Where this copy of the log begins, as its node has said. */
int64_t look_log_start(const struct run *r, const struct machine *m, struct slice partition);
/* Has any broker coordinated this group, or what is done under this transactional id? */
enum coordinated_kind { COORDINATED_GROUP, COORDINATED_TXN };
bool look_knows(const struct run *r, enum coordinated_kind kind, struct slice id);
int64_t run_groups_known(const struct run *r);
/* The names of what lasts, as steps write them: $s1. */
void run_add_lasting(const struct run *r, struct words *w);
struct slice run_group_known(const struct run *r, int64_t i);

/* cluster.c */
void cluster_build(struct run *r);
bool cluster_start(struct run *r);
void clients_start(struct run *r);
struct node_slot *node_of(const struct run *r, const struct machine *m);
struct node_slot *node_by_id(const struct run *r, int32_t id);
bool broker_serves(const struct run *r, const struct node_slot *n);
void node_up(struct run *r, struct machine *m);
void node_shut_down(struct run *r, struct machine *m);

/* who.c: targets to machines, when a step fires. Nobody: v is empty. */
struct crowd {
    struct machine **v;
    int32_t n;
};
struct crowd crowd_of(struct run *r, const struct target *t, const struct crowd *other_side);
/* Why there is nobody whom this means, for people. */
struct slice why_nobody(struct run *r, const struct target *t);
struct bound *bound_find(struct run *r, struct slice name);

/* act.c */
void act(struct run *r, const struct step *s);
/* The step meant this, and met nobody: why is in the story, and for whoever typed it. */
void say_missed(struct run *r, const struct step *s, const struct target *t);
/* For whoever counts it by another name. */
void act_uncounted(struct run *r, const struct step *s);
/* What a step met, under the name that it gives. */
void remember_bound(struct run *r, const struct step *s, struct crowd crowd, const fault_id *faults,
                    int32_t n);
/* "b1, b2". */
struct slice names_of(struct run *r, const struct crowd *c);
/* 0: it lasts. */
void heal_later(struct run *r, int64_t for_ns, fault_id fault);

/* frames.c */
void act_on_frames(struct run *r, const struct step *s);
/* A filter as the arguments tell. */
struct frame_filter filter_of(struct run *r, const struct args *a, enum which if_unsaid);

/* admin.c: asks it of the cluster. what: it in words; empty: nobody wants to hear what came of it. */
void admin_act(struct run *r, const struct args *a, struct slice what);

/* ask.c: puts a question. */
void ask_act(struct run *r, const struct step *s);
/* What was answered wrong; those that nobody has answered by now have failed, too. */
void asks_end(struct run *r, struct anomalies *ret);

/* cond.c */
bool cond_holds(struct run *r, const struct cond *c);
/* Why not, for people. */
struct slice cond_state(struct run *r, const struct cond *c);
void cond_watch(struct run *r, const struct cond *c, struct step_slot *step, int64_t deadline_ns);

/* groups.c: members of groups. */
/* For workloads, within a step of their machine: what is to be told waits until it is over. ctx: the run. */
void group_told(void *ctx, struct slice text);
struct producer_params client_producer_params(const struct client_spec *s);
void member_args_of(struct run *r, struct client_slot *c);
/* The partition in which the group is kept. */
struct partition_ref group_home(const struct run *r, struct slice group);
/* Each partition that it subscribes to has one owner among its members that live. */
bool group_is_owned(const struct run *r, struct slice group);
/* Of each partition of the streams group as many other members keep a copy as there should be. */
bool group_is_copied(const struct run *r, struct slice group);
int64_t group_generation(const struct run *r, struct slice group);
/* How far all members are, added up. */
int64_t groups_progress(const struct run *r);
/* All that is there is worked on by all groups, and committed. */
bool groups_have_read(struct run *r);
/* Why not, for people. */
struct slice groups_state(struct run *r);
/* A bound for that, from their time-outs. */
int64_t groups_bound_ns(const struct scenario *s);
/* Of the members of all groups; 0: there are none. */
int64_t groups_shortest_session_ns(const struct scenario *s);

/* shares.c */
void share_args_of(struct run *r, struct client_slot *c);
/* Nobody of any share group was given anything for so long that there is nothing left to be given. */
bool shares_are_quiet(const struct run *r);
/* A bound for that, from their time-outs; 0: there are none. */
int64_t shares_bound_ns(const struct scenario *s);
/* False: these settings of a group say nothing of its dead-letter topic. Empty: it has none (any more). */
bool letter_topic_of(const struct settings *changed, struct slice *ret);
/* The topic is one that an administrator names as a group's dead-letter topic. */
bool is_letter_topic(const struct scenario *s, struct slice name);
/* All of these that there are. */
int32_t letter_topics(struct run *r, struct slice **ret);
/* Why what share groups have acknowledged may be gone; NULL: it may not. */
const char *shares_at_risk(const struct run *r);

/* play.c */
void play_begin(struct run *r);
/* These steps, the first of which begins now, one after the other. */
void play_steps(struct run *r, const struct step *steps, int32_t n);
void play_fire(struct step_slot *slot);

/* power.c */
/* A broker's process ended without order; copies: and what it had may be gone. */
void power_took(struct run *r, const struct machine *m, bool copies);
/* Brokers that ended so and are not back, or are to end so at a disk operation. */
int32_t power_unclean(struct run *r);
/* Brokers whose copies are gone now, or are to go at a disk operation. */
int32_t power_gone(struct run *r);

/* chronicler.c: what happened, for the checker. */
void chronicler_begin(struct run *r);
/* chronicler_ends.c: the same, of transactions that a late request has ended. */
void late_ends_begin(struct run *r);
void late_ends_free(struct run *r);

/* nemesis.c */
void nemesis_begin(struct run *r);
/* The controllers have decided something about this partition. */
void nemesis_see_placed(struct run *r, const struct truth_partition *p);
void nemesis_see_disk(struct run *r, const struct world_disk_op *op);

/* witness.c, witness_facts.c, verdict.c: checker, oracle and invariants. */
/* What was promised of a topic that is there at the end. */
/* As a file that `gregor check` takes. */
void witness_put_history(const struct run *r, const struct history *h, const struct check_facts *f);
/* The same of the topic in which groups keep what they commit. */
struct check_topic witness_offsets_facts(const struct run *r);
struct check_topic witness_facts(struct run *r, struct slice topic);
/* null: no topic of this id was made. */
struct slice witness_topic_name(const struct run *r, struct uuid id);
void witnesses_begin(struct run *r);
/* A topic is made with these settings. */
void witness_topic(struct run *r, struct slice name, const struct settings *config);
/* The operator permits unclean elections from now on, or no longer; topic null: wherever no topic says otherwise. */
void witness_unclean_is(struct run *r, struct slice topic, bool is_on);
/* This machine is a client that the scenario names. */
void witness_client(struct run *r, const struct machine *m);
/* A setting is being changed: if it is flush.messages or flush.ms, or what the cluster has for topics that say nothing
 * (topic null), then what may be in memory alone is another matter from now on. */
void witness_flush_is(struct run *r, struct slice topic, struct slice name, struct slice value);
/* How large a topic's segments may be. */
void witness_segment_is(struct run *r, struct slice topic, struct slice name, struct slice value);
/* So many copies a promise counts on from now on: of what is owed already, the fewest that it ever was. */
void witness_min_isr_is(struct run *r, struct slice topic, int32_t n);
/* A group's settings were changed: from now on it has dead letters, or no more. */
void witness_letters(struct run *r, struct slice group, const struct settings *changed);
/* … so is where it begins, since that is done; until another place is asked for. */
void witness_share_reset(struct run *r, struct slice group, const struct settings *changed,
                         bool is_done);
/* The operator asks for one. */
void witness_unclean_asked(struct run *r, struct partition_ref p);
/* All was healed, and serves again with all replicas. */
void witness_at_rest(struct run *r);
/* Records that retention or DeleteRecords removed so far. */
int64_t witnesses_removed(const struct run *r, struct partition_ref p);
/* What was found wrong while it runs. */
const struct anomalies *witnesses_so_far(const struct run *r);
/* After the final read: anomalies, counts and the verdict. */
void witnesses_speak(struct run *r);
void witnesses_free(struct run *r);
/* The scenario says that this rule may, or must, be broken. */
bool is_permitted_to_fire(const struct run *r, enum rule rule);

/* finish.c */
void finish(struct run *r);
/* A bound for serving again, from the time-outs of the cluster. */
int64_t serve_bound_ns(const struct scenario *s);
/* What a topic's own settings say; null: nothing. */
struct slice topic_setting(const struct topic *t, const char *name);
bool topic_may_be_compacted(const struct run *r, const struct topic *t);
int64_t topic_min_isr(const struct run *r, const struct topic *t);

#endif
