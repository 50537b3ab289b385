/* Runs a scenario: builds the world, waits until the cluster serves, makes the topics, starts the clients,
 * plays the timeline, and ends as every run ends:
 *
 *     faults stop ─ a drawn core serves again, the rest stays broken ─ all healed ─ everything converges
 *       ─ producers are done ─ final read, leader and followers ─ witnesses speak ─ verdict
 *
 * The same scenario and seed give the same trace hash. */
#ifndef SIM_SCENARIO_RUN_H
#define SIM_SCENARIO_RUN_H

#include "sim/check/anomaly.h"
#include "sim/scenario/outside.h"
#include "sim/scenario/scenario.h"

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_INCONCLUSIVE,
    VERDICT_DIED, /* a CHECK failed, or a node ended itself without a fault */
    VERDICT_DISAGREE,
    VERDICT_NONDETERMINISTIC,
};
const char *verdict_text(enum verdict v);
/* 0 pass, 1 fail, 2 inconclusive, 4 died or disagree, 5 nondeterministic. */
int verdict_exit_code(enum verdict v);

struct run_options {
    bool has_seed;
    uint64_t seed;
    /* A disk operation at which this node crashes or loses power (for sweeps); 0: none. */
    struct slice crash_node;
    int64_t crash_at_op;
    bool crash_power;
    bool hash_off;
    /* Clients and words from outside take part, and time passes as they say; NULL: nobody. */
    const struct run_outside *outside;
    /* Where the trace goes; NULL: nowhere. */
    void (*put_trace)(void *ctx, struct slice bytes);
    int64_t trace_message_bytes; /* so many bytes of each message are in it; 0: none */
    struct trace_kept *kept;     /* what is written to it is kept here, too; NULL: nowhere */
    /* Where its history goes, as gregor check reads it; NULL: nowhere. */
    void (*put_history)(void *ctx, struct slice text);
    void *ctx;
    /* Now and then; true: stop here (interrupted, and so inconclusive). May be NULL. */
    bool (*progress)(void *ctx, int64_t now_ns, int64_t end_ns, int64_t events);
    /* Set while the run is under way, for run_died(). May be NULL. */
    struct run **under_way;
};

struct line {
    int64_t at_ns; /* since the topics are there */
    struct slice text;
};

struct lines {
    VEC(struct line) v;
};

struct node_ops {
    struct slice name;
    int64_t n;
};

struct run_counts {
    int64_t produced, acknowledged, unknown, failed, read;
};

/* Lies in the arena that was given to run_scenario(). */
struct run_result {
    const struct scenario *played; /* what was run: of a swarm what this seed drew */
    enum verdict verdict;
    uint64_t seed, trace_hash;
    int64_t virtual_ns, events, peak_bytes, begin_ns;
    struct run_counts counts;
    struct lines story;     /* what happened */
    struct lines reasons;   /* why it did not pass; empty when it did */
    struct lines confirmed; /* failures that had to be, and were */
    struct lines drawn;     /* random faults as steps of a timeline, in YAML */
    struct anomalies anomalies;
    VEC(struct slice) faults; /* what was done, by kind and count: "crash 2" */
    VEC(struct slice) fired;  /* rules that fired and were not allowed, sorted, each once */
    int64_t served_ns;        /* from healing to serving everywhere; -1: never */
    /* Of each node, from its first start to the end of the story: what a sweep goes over. */
    VEC(struct node_ops) disk_ops;
    uint64_t notes_seen;   /* a bit for each kind of note that some node left */
    uint64_t faults_drawn; /* a bit for each kind of random fault that was drawn */
    uint64_t marks_reached[(MARKS_N + 63) / 64]; /* a bit for each place of marks.h */
    bool interrupted;
};

void run_scenario(struct arena *a, const struct scenario *s, const struct run_options *o,
                  struct run_result *ret);

/* Somebody beside the run has seen something in the step that is under way: it is told and drawn at this moment, and
 * decides nothing. When (since the topics are there; -1: they are not yet), and whose step it is; empty: nobody's. */
void run_remark(struct run *r, struct slice text, int64_t *ret_at_ns, struct slice *ret_machine);
/* Whether it is in the step of a machine. */
bool run_is_in_machine(const struct run *r);

/* For a panic hook, before it leaves by longjmp: the result says which CHECK failed, the trace is closed.
 * All else of the run stays as it lies. */
void run_died(struct run *r, const char *file, int line, const char *what);

#endif
