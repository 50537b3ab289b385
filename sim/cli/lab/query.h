/* How a right answer comes out of a run: a small declared question to what the run left behind.
 *
 *     {from: crash, notes: partition-change, where: {subject: orders-0, leader_id: 2}, take: first}
 *
 * A source gives facts: things with named numbers and texts, and the moment `at`, in milliseconds as the scenario
 * counts. `where`, `after` and `before` choose among them, `take` makes one value of them. Values of two queries can be
 * put together (minus, percent …). Of a run with several seeds the value is taken of each, and `over` makes one of them. */
#ifndef SIM_CLI_LAB_QUERY_H
#define SIM_CLI_LAB_QUERY_H

#include "sim/cli/cli.h"
#include "sim/scenario/tree.h"

enum query_source {
    QUERY_REPORT,    /* report: counts.read: one value of report.json */
    QUERY_ANOMALIES, /* what the witnesses told, permitted or not */
    QUERY_NOTES,     /* facts that nodes left in the trace, of one kind (broker/env/notes.h) */
    QUERY_FAULTS,    /* what was done, by its verb; `any`: all */
    QUERY_LIVES,     /* machines: start, crash … */
    QUERY_REQUESTS,  /* frames that were sent, by the API's name; `any`: all */
    QUERY_ANSWERS,
    QUERY_ERRORS,  /* answers with an error, by the API's name */
    QUERY_BATCHES, /* record batches on their way, by the API: Produce or Fetch */
    QUERY_DISK,    /* operations of disks: read, write, sync */
    QUERY_SENDS,   /* of clients: each record; by process, or `any` */
    QUERY_POLLS,
    QUERY_CALLS, /* any other operation of the history, by its kind: commit, process … */
    QUERY_MINUS,
    QUERY_PLUS,
    QUERY_DIVIDE,
    QUERY_PERCENT,
    QUERY_SAME, /* 1 if all are equal, else 0 */
    QUERY_MAX_OF,
    QUERY_CHANGES, /* values that differ between two of the student's files */
    QUERY_WRITTEN, /* what stands in one of the student's files: one fact, a field for each value */
    QUERY_MEASURED, /* what a program of the lab said of the real thing, kept in the lab's folder: a fact for each line */
    QUERY_SOURCES_N,
};

enum query_take {
    TAKE_COUNT,
    TAKE_FIRST,
    TAKE_LAST,
    TAKE_MIN,
    TAKE_MAX,
    TAKE_SUM,
    TAKE_MEAN,
    TAKE_P50,
    TAKE_P99,
    TAKE_GAP, /* the longest time between one and the next */
    TAKE_DISTINCT,
    TAKES_N,
};

enum query_over { OVER_FIRST, OVER_MIN, OVER_MAX, OVER_SUM, OVER_MEAN, OVER_RUNS, OVERS_N };

struct query_filter {
    struct slice field;
    struct slice is, contains, is_not; /* null: not asked */
    bool has_min, has_max;
    double min, max;
};

struct query {
    struct mark mark;
    enum query_source source;
    struct slice name; /* of the source: a kind, a path, an API … */
    struct slice from; /* the run's id; null: of the query around it */
    struct query_filter *where;
    int32_t where_n;
    struct query *after, *before; /* moments; NULL: none */
    enum query_take take;
    struct slice field; /* null: at */
    enum query_over over;
    struct query **parts;
    int32_t parts_n;
    double number; /* of a plain number in the place of a query */
    bool is_number;
};

struct value {
    bool is_none; /* nothing was found of which one could take the first, the gap … */
    bool is_text;
    double number;
    struct slice text;
};

/* Mistakes go to diags; NULL then. from: is inherited. */
struct query *query_read(struct desk *d, const struct tree *t, struct slice from,
                         struct diags *diags);
/* The id of every run that it needs, with NULL-terminated walk: calls each. */
void query_runs(const struct query *q, void (*each)(void *ctx, struct slice run, struct mark at),
                void *ctx);

struct fact;

/* Where the runs are. */
struct query_world {
    struct desk *d;
    /* The folders of a run's seeds; none: it was not made. */
    struct query_folders {
        struct slice *v;
        int32_t n;
    } (*folders)(void *ctx, struct slice run);
    struct slice mine, dir; /* the student's folder, the lab's */
    void *ctx;
    void (*seen)(void *ctx,
                 const struct fact *f); /* each fact that was chosen; NULL: nobody looks */
    void *seen_ctx;
};
struct value query_ask(const struct query_world *w, const struct query *q);
/* Of its value: "ms", "bytes", "%"; null: a number of things, or a text. */
struct slice query_unit(const struct query *q);

/* ---- facts.c ---- */

#define FACT_FIELDS 20
struct fact {
    int32_t n;
    struct fact_field {
        struct slice name, text;
        double number;
        bool is_number;
    } f[FACT_FIELDS];
};
typedef void fact_fn(void *ctx, const struct fact *f);
/* Appends a field; what does not fit is left out. */
void fact_text(struct fact *f, const char *name, struct slice text);
void fact_number(struct fact *f, struct slice name, double v);
const struct fact_field *fact_get(const struct fact *f, struct slice name);
/* All facts of a source in a run's folder, in order; false: they cannot be read. Slices live as long as the call. */
bool facts_each(struct desk *d, struct slice folder, enum query_source source, struct slice name,
                fact_fn *each, void *ctx);
/* The value at a path like counts.read; false: there is none. */
bool report_value(struct desk *d, struct slice folder, struct slice path, struct value *ret);
/* Whether such a name exists for this source; known gets what there is. */
bool source_knows(enum query_source source, struct slice name, struct words *known);

#endif
