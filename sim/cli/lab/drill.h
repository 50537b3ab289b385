/* An exercise in C: the hole is a real function of the broker, and what a student writes in its place is compiled, tried on
 * cases, and linked into the simulator. labs/exercises/README.md says how one is made.
 *
 *     exercise.yaml ── drill_read.c ──► struct drill
 *     student's file ─┬─ + reference + cases.c  ──► a program that tries it on cases (ASan, UBSan)
 *                     └─ + reference + watch.c + gregor ──► a simulator that goes the student's way and remarks where
 *                                                          the reference would have gone another
 *
 * An exercise without runs is of something that no broker does; its hole is a file of its own. */
#ifndef SIM_CLI_LAB_DRILL_H
#define SIM_CLI_LAB_DRILL_H

#include "sim/cli/lab/lab.h"

struct drill_rule {
    struct slice name, says; /* what holds, and why: read by somebody whose function breaks it */
};

enum drill_kind { DRILL_FUNCTION, DRILL_SCENARIO, DRILL_CHECKER };

struct drill {
    enum drill_kind kind;
    struct lab
        as_lab; /* what it has in common with labs: id, title, question, minutes, runs, hints */
    struct slice of_lab; /* where it belongs: "10" */
    struct slice *holes; /* "broker/replica/hw_advance.c"; most have one */
    int32_t holes_n;
    struct slice *functions; /* all that the holes define */
    int32_t functions_n;
    struct drill_rule *rules;
    int32_t rules_n;
    struct slice file;       /* of a scenario or a checker: "mine.yaml" */
    struct drill_rule *bugs; /* of a scenario: wrong rules, and what each is */
    int32_t bugs_n;
    int64_t catch; /* so many of them */
    int64_t draw;  /* so many are tried: the first, or a student's own */
};

/* NULL, and said. */
struct drill *drill_read(struct desk *d, struct slice dir);
#define DRILL_FILES_MAX 4
/* The files that the student writes: "hw_advance.c". */
int32_t drill_files_n(const struct drill *x);
struct slice drill_file(const struct drill *x, int32_t i);

/* ---- flags.c: how this program was built, as the Makefile wrote it down beside it ---- */

struct build_flags {
    struct slice root;              /* paths in the flags are seen from here */
    struct slice dir;               /* of this program's objects */
    struct slice *cc, *link, *libs; /* words */
    int32_t cc_n, link_n, libs_n;
    struct slice *objects;
    int32_t objects_n;
};
/* False, and said: this program was not built here, or there is no compiler. */
bool flags_read(struct desk *d, const struct place *p, struct build_flags *ret);

/* ---- sandbox.c: a program that is not ours, in a process with limits ---- */

struct limits {
    int64_t wall_ms, cpu_s, memory_bytes /* 0: none */, file_bytes;
    const char *writes; /* the only folder below which it may write, beside /tmp; NULL: anywhere */
    const char *cwd;    /* NULL: here */
    const char *in;     /* standard input; NULL: none */
};
enum end { END_EXIT, END_SIGNAL, END_TIME, END_NOT_STARTED };
struct ended {
    enum end how;
    int code; /* exit code or signal */
};
/* Output and errors go to files; NULL: /dev/null. env: NULL-terminated "NAME=value", beside PATH. */
struct ended sandbox_run(const char *const *argv, const char *const *env, const struct limits *l,
                         const char *out, const char *err);

/* ---- compile.c ---- */

struct compiled {
    bool ok;
    struct slice says; /* warnings and errors, explained */
    bool has_warnings;
};
enum compile_as { COMPILE_STUDENT, COMPILE_REFERENCE, COMPILE_PLAIN };
/* One file into an object. With `sanitized`, under ASan and UBSan. */
struct compiled compile_one(struct desk *d, const struct build_flags *f, const struct drill *x,
                            const char *source, const char *object, enum compile_as as,
                            bool sanitized, const char *work);
struct compiled link_program(struct desk *d, const struct build_flags *f,
                             const char *const *objects, bool with_gregor, bool sanitized,
                             const char *program, const char *work);

/* ---- history_json.c ---- */

/* A history's file, as JSON lines. False, and said. */
bool history_json(struct desk *d, const char *path, struct writer *w);

/* ---- own.c: what is drawn from a student's id; without one all have the same ---- */

uint64_t own_dice(struct slice student, struct slice about);
/* k of n, in order; without a student the first k. */
void own_choice(struct slice student, struct slice about, int32_t n, int32_t k, int32_t *ret);
struct slice own_seeds(struct desk *d, struct slice student, struct slice about,
                       struct slice range);

/* ---- own_questions.c: two questions about a run of the student's own ---- */

/* As a lab that has only these two and their runs; NULL: these labs were not made for one student, or it asks nothing. */
struct lab *own_questions(struct desk *d, const struct place *p, const struct drill *x);
/* Adds a row for each; unanswered ones are open. False: a run could not be made. */
bool own_grade(struct desk *d, const struct place *p, const struct drill *x, struct slice mine,
               const struct progress *s, struct grades *g);

/* ---- drill_other.c: of the kinds that are no function ---- */

bool drill_grade_other(struct desk *d, const struct place *p, const struct drill *x,
                       struct slice mine, struct grades *ret);

/* ---- drill_check.c ---- */

/* Where the object of our version of a file is handed out, below the root, when its source is not. */
struct slice drill_reference(struct desk *d, const struct drill *x, int32_t i, bool sanitized);
/* False: something of ours did not work. */
bool drill_grade(struct desk *d, const struct place *p, const struct drill *x, struct slice mine,
                 bool cases_only, struct grades *ret);

#endif
