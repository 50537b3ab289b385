/* A lab, as its lab.yaml says it: the runs to make, the questions with the way their right answers come out
 * of the runs, the exercise, the hints. labs/AUTHORS.md is the reference for authors.
 *
 *     lab.yaml ── read.c ──► struct lab
 *     runs.c makes the runs ──► folders ── facts.c, query.c ──► answers ── check.c ──► the table
 *
 * Everything lies in the arena of the desk that read it. */
#ifndef SIM_CLI_LAB_LAB_H
#define SIM_CLI_LAB_LAB_H

#include "sim/cli/cli.h"
#include "sim/cli/lab/query.h"

/* gregor run, as often as there are seeds. */
struct lab_run {
    struct slice id;
    struct mark mark;
    struct slice scenario; /* seen from the lab's folder */
    bool is_students;      /* seen from the student's */
    bool is_exercise;      /* one of the exercise, not of the lab */
    struct slice seeds;    /* "7", "1..10"; empty: the scenario's own */
    struct slice *sets;
    int32_t sets_n;
    struct slice bug;  /* a wrong rule; empty: none */
    struct slice only; /* of a file with several scenarios */
};

/* What a value must be. */
struct lab_wanted {
    bool has_min, has_max;
    double min, max; /* both: `is` of a number */
    struct slice is; /* a text; null: none */
};

/* A word to choose, and the values of the query for which it is right. */
struct lab_choice {
    struct slice word;
    struct lab_wanted right;
};

struct lab_question {
    struct slice id, ask, why, look, unit;
    struct mark mark;
    struct query *answer, *at; /* at: the moment to look at; NULL: none */
    struct lab_choice *choices;
    int32_t choices_n; /* 0: a number */
    double within;     /* so far may a number be off … */
    bool is_percent;   /* … of itself */
};

struct lab_claim {
    struct slice say, why, look;
    struct mark mark;
    struct query *of, *at;
    struct lab_wanted wanted;
};

struct lab_exercise {
    struct slice ask;
    struct slice *files; /* that the student writes */
    int32_t files_n;
    struct lab_claim *claims;
    int32_t claims_n;
};

struct lab_picture {
    struct slice file, run, seed, draw; /* draw: timeline or frame */
    struct slice *args;
    int32_t args_n;
    struct mark mark;
};

#define LAB_HINTS 3

struct lab {
    struct slice id;          /* "4", "X1" */
    struct slice folder, dir; /* "04-election", and its path */
    struct slice title, question;
    int64_t minutes;
    struct slice *needs;
    int32_t needs_n;
    struct lab_run *runs;
    int32_t runs_n;
    struct lab_question *questions;
    int32_t questions_n;
    struct lab_exercise *exercise; /* NULL: none */
    struct slice *code;            /* exercises in C that belong to it: "B2" */
    int32_t code_n;
    struct slice (*hints)[LAB_HINTS]; /* where to look, which rule, which line */
    int32_t hints_n;
    struct lab_picture *pictures;
    int32_t pictures_n;
};

/* ---- read.c ---- */

/* NULL, and said on standard error: there are mistakes in it. */
struct lab *lab_read(struct desk *d, struct slice dir);
struct fields;
/* A map of runs, a check, a list of hints. */
struct lab_claim *lab_read_claim(struct fields *r, const struct tree *t);
struct lab_run *lab_read_runs(struct fields *r, const struct tree *t, int32_t *ret_n);
/* Appends to the lab's. */
void lab_read_questions(struct fields *r, const struct tree *t, struct lab *l);
/* For query_runs(): says if the lab that is being read (fields.whole) has no such run. */
void lab_need_run(void *ctx, struct slice run, struct mark at);
struct slice (*lab_read_hints(struct fields *r, const struct tree *t, int32_t *ret_n))[LAB_HINTS];
struct lab_run *lab_find_run(const struct lab *l, struct slice id);

/* ---- place.c ---- */

struct place {
    struct slice root;    /* where labs/ and scenarios/ are */
    struct slice labs;    /* the folder of all labs */
    struct slice mine;    /* the student's: my-labs */
    struct slice self;    /* this program */
    struct slice student; /* whose labs these are, if they were packed for one; else empty */
};
/* False, and said. mine: NULL for ./my-labs. */
bool place_find(struct desk *d, const char *mine, struct place *ret);
/* The folders of all labs, in order. */
struct folders {
    struct slice *v;
    int32_t n;
};
struct folders place_labs(struct desk *d, const struct place *p);
struct folders place_drills(struct desk *d, const struct place *p);
/* The one that "4", "04", "x1", "04-election" or (an exercise in C) "B2" names; null, and said. */
struct slice place_lab(struct desk *d, const struct place *p, const char *word, bool *ret_is_drill);
/* What is in a folder, but for hidden names, sorted. */
struct folders folder_names(struct desk *d, const char *path);
bool folder_copy(struct desk *d, const char *from, const char *to, bool over);
/* With all that is in it. */
bool folder_remove(struct desk *d, const char *path);
bool path_exists(const char *path);
/* "04-election" of "labs/04-election". */
struct slice path_last(struct slice path);
const char *path_join(struct desk *d, struct slice a, const char *b);

/* ---- state.c: progress.yaml, in the student's folder of a lab ---- */

enum lab_state { LAB_NEW, LAB_STARTED, LAB_RUN, LAB_DONE };

struct said {
    struct slice id, text;
};
struct progress {
    enum lab_state state;
    int64_t hints;                        /* seen so far */
    VEC(struct said) predicted, answered; /* before the first run; after it */
};
/* What there is of it; a damaged file is told and counts as none. */
void progress_read(struct desk *d, struct slice mine, struct progress *ret);
bool progress_write(struct desk *d, struct slice mine, const struct lab *l,
                    const struct progress *p);
/* The student's last word; null: none. */
struct slice progress_said(const struct progress *p, struct slice id);
void said_put(struct desk *d, struct progress *p, bool is_prediction, struct slice id,
              struct slice text);
const char *lab_state_text(enum lab_state s);

/* ---- runs.c ---- */

/* The folder of all folders of a run. */
const char *runs_folder(struct desk *d, struct slice mine, const struct lab_run *r);
/* Makes one, telling or quietly; 0, or the exit code of a scenario that could not be run. */
int runs_make(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
              const struct lab_run *r, bool quiet);
/* A program with these arguments (NULL behind the last): its exit code; -1: it could not be started. out: where standard
 * output goes; -1: where ours does. */
int spawn(const char *program, const char *const *args, int out);

/* ---- check.c ---- */

enum grade { GRADE_OK, GRADE_WRONG, GRADE_OPEN, GRADE_SKIPPED };
struct graded {
    enum grade grade;
    bool is_exercise;
    struct slice asked, said, came, why, look;
};
struct grades {
    VEC(struct graded) v;
    int64_t wrong, open;
};
/* Makes the runs that are missing. False: something could not be run. */
bool lab_grade(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
               const struct progress *s, struct grades *ret);
/* One of an exercise, without any text but what it asks for. Good until the next is added. */
struct graded *grades_add(struct desk *d, struct grades *g, enum grade grade, struct slice asked);
void grades_table(struct desk *d, const struct lab *l, const struct grades *g);
void grades_json(struct desk *d, const struct lab *l, const struct grades *g, struct writer *w);
/* "979 ms" */
struct slice value_said(struct desk *d, struct value v, struct slice unit);
/* What somebody wrote, as a number in this unit. */
bool number_read(struct slice text, struct slice unit, double *ret);

/* ---- predict.c ---- */

/* answers: a file, or NULL: from standard input. An exit code. */
int lab_predict(struct desk *d, const struct lab *l, struct slice mine, struct progress *s,
                const char *answers, bool has_run, bool quiet);

/* ---- guide.c: the statements of guide.yaml ---- */

struct statement {
    struct slice id, says, verdict, because;
    struct slice in_lab, source,
        claim;               /* null: none. claim: of tests/interop/claims, "guide.producer" */
    struct lab_claim *proof; /* of a run; NULL: none */
};
struct guide {
    struct lab as_lab; /* its runs */
    struct statement *v;
    int32_t n;
};
/* NULL, and said. */
struct guide *guide_read(struct desk *d, const struct place *p);
void guide_table(struct desk *d, const struct guide *g, struct writer *w);
/* A row for each proof. */
bool lab_grade_claims(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
                      const struct guide *g, struct grades *ret);

/* ---- course.c's verbs, each with its arguments; an exit code ---- */

int course_docs(struct desk *d, int argc, char **argv);
int course_history(struct desk *d, int argc, char **argv);
int course_grade(struct desk *d, int argc, char **argv);
int course_pack(struct desk *d, int argc, char **argv);
int course_guide(struct desk *d, int argc, char **argv);
int course_questions(struct desk *d, int argc, char **argv);
int course_drill(struct desk *d, int argc, char **argv);

#endif
