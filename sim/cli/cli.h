/* gregor's commands. Each takes its own arguments and returns the exit code:
 * 0 all as expected, 1 not, 2 inconclusive, 3 usage or scenario error, 4 a CHECK failed or the witnesses
 * disagree, 5 nondeterminism, 130 interrupted. */
#ifndef SIM_CLI_CLI_H
#define SIM_CLI_CLI_H

#include <stdio.h>
#include <string.h>

#include "sim/scenario/run.h"
#include "sim/world/pool.h"

enum {
    EXIT_PASS,
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_USAGE,
    EXIT_DIED,
    EXIT_NONDETERMINISTIC,
    EXIT_INTERRUPTED = 130,
};

struct command {
    const char *name, *usage, *options, *about, *example;
    int (*run)(int argc, char **argv);
};
extern const struct command commands[];
extern const int commands_n;

int command_run(int argc, char **argv);
int command_play(int argc, char **argv);
int command_hunt(int argc, char **argv);
int command_lint(int argc, char **argv);
int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_timeline(int argc, char **argv);
int command_frame(int argc, char **argv);
int command_page(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_shrink(int argc, char **argv);
int command_reference(int argc, char **argv);
int command_museum(int argc, char **argv);
int command_lab(int argc, char **argv);
int command_course(int argc, char **argv);

/* Says what is wrong with the arguments, and the usage; EXIT_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says so, and which of the known ones was meant; EXIT_USAGE. */
int unknown_option(const char *command, const char *const *known, int n, const char *wrong);

/* "7" or "1..100". In command_run.c. */
bool parse_seeds(struct slice s, uint64_t *ret_from, uint64_t *ret_to);

/* A command's memory. In command_view.c. */
struct desk {
    struct pool pool;
    struct mem mem;
    struct arena a;
    /* A run that was gone through again, and its trace with the bytes of its messages (lab/inside.c). */
    struct {
        struct slice folder, trace;
    } again;
};
void desk_init(struct desk *d);
void desk_release(struct desk *d);

/* The trace of a run's folder; NULL, and said: it is not there, or damaged. In command_view.c. */
struct trace_reader *run_open_trace(struct desk *d, const char *run);
/* Is it one of these, with blanks between them? In command_view.c. */
bool words_have(struct slice all, const char *name);
/* Goes through a run again, in a process of its own, and returns its trace with so many bytes of each message. An exit
 * code, and said: it cannot, or came out otherwise. In command_replay.c. */
int replay_bytes(struct desk *d, const char *run, int64_t message_bytes, struct slice *ret_trace);

/* ---- files ---- */

/* Reads all of it into the arena; false, errno set. */
bool file_read_all(struct arena *a, const char *path, struct slice *ret);
/* Of an open file, from its beginning. */
bool file_read_rest(struct arena *a, FILE *f, struct slice *ret);
bool file_write_all(const char *path, struct slice bytes);
/* With its parents. */
bool make_dir(const char *path);
/* For struct load_options: reads siblings of a scenario. */
bool read_sibling(void *arena, struct slice path, struct slice *ret);

/* ---- load.c: a scenario's file, and what it extends ---- */

struct load_request {
    const char *path;
    const struct slice *sets; /* --set */
    int32_t sets_n;
    /* On standard error; SAY_LINT also looks for what is no mistake, but hardly meant. */
    enum { SAY_NOTHING, SAY_MISTAKES, SAY_ALL, SAY_LINT } say;
};
/* False, and said: it cannot be read, or has mistakes. warnings: their number is added; may be NULL. */
bool load_scenarios(struct arena *a, const struct load_request *q, struct scenarios *ret,
                    int64_t *warnings);

/* ---- one run and its folder ---- */

struct run_job {
    const char *path;  /* of the scenario's file */
    struct slice name; /* of the document */
    bool has_seed;
    uint64_t seed;
    const struct slice *sets;
    int32_t sets_n;
    const char *bug; /* NULL: none */
    const char *out; /* NULL: no folder */
    bool is_of_many; /* whoever runs them shows how far they are */
    bool json, quiet;
    bool twice; /* and compare */
    struct slice crash_node;
    int64_t crash_at_op;
    bool crash_power;
    bool (*stop)(void); /* true: somebody wants it to end here. May be NULL */
    struct play *play;  /* clients outside take part (sim/play/play.h). May be NULL */
};

struct run_output {
    struct writer human, json;
    int exit_code;
    struct run_result result;
};
/* Runs one scenario, writes its folder. */
void job_run(struct arena *a, const struct scenario *s, const struct run_job *j,
             struct run_output *ret);

/* run_scenario(), but a CHECK that fails ends the run only: verdict died. */
void job_run_guarded(struct arena *a, const struct scenario *s, const struct run_options *o,
                     struct run_result *ret);

/* For what watches the code in a run (an exercise's watch.c): says so in the run under way, at this moment. With
 * GREGOR_REMARKS in the environment the line is written to the end of that file as well:
 * scenario, seed, milliseconds (-1: the topics are not there yet), machine, text, with tabs between them. */
void job_remark(struct slice text);
/* Whether a machine is at work in the run under way, and not the simulator itself. */
bool job_is_in_machine(void);

/* report.c */
void report_json(struct arena *a, const struct scenario *s, const struct run_result *r,
                 const struct run_job *j, int64_t wall_ns, struct writer *w);
/* "anomalies":[…], behind a comma. */
void report_anomalies_json(const struct anomalies *all, struct writer *w);
/* Of a run of which only its name, its seed and why it died are known. */
void report_json_short(struct arena *a, const struct run_job *j, struct slice why,
                       struct writer *w);
void report_human(struct arena *a, const struct scenario *s, const struct run_result *r,
                  const struct run_job *j, int64_t wall_ns, struct writer *w);

/* reports.c: the report.json of several runs, in their order: {"schema":1,"runs":[...]}. */
struct reports {
    FILE *file; /* NULL: nobody wants it */
    int64_t n;
};
/* False, and said: it cannot be written. */
bool reports_open(struct reports *r, struct arena *a, const char *dir);
/* json: one report, or nothing. */
void reports_add(struct reports *r, struct slice json);
void reports_close(struct reports *r);

/* "3 lost, 1 duplicate": what the configuration permitted, in the checker's words; null if nothing was. */
struct slice report_allowed(struct arena *a, const struct run_result *r);

/* sweep.c: the disk operations of each node in the run without the fault; NULL: it did not come to its end. */
struct node_ops *sweep_measure(struct arena *a, const struct scenario *s,
                               const struct run_options *o, int32_t *ret_n);

/* bugs.c, and tests/mutants in its place: wrong versions of rules. False: there is no such switch. NULL: all are off again. */
bool bug_on(const char *id);
/* The i-th switch that is linked in; NULL behind the last. */
const char *bug_name(int i);
static inline bool
bug_is_linked(const char *id)
{
    for (int i = 0; bug_name(i); i++)
        if (strcmp(bug_name(i), id) == 0) return true;
    return false;
}

#endif
