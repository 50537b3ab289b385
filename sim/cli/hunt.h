/* gregor hunt: many seeds, and what came of them in few lines.
 *
 *      hunt_place.c     one run that did not pass -> the bucket that it belongs to
 *      hunt_marks.c     the marks: which there are, and which a run has reached
 *      hunt_tally.c     counts and buckets of a hunt, its report hunt.json, and how two add up
 *      hunt_merge.c     gregor hunt merge: the reports of several shards, by files alone
 *      command_hunt.c   the command, its workers, the folders that are kept
 *
 * A hunt goes over seeds, and with each seed over all its scenarios. Shard i of n takes every n-th seed. */
#ifndef SIM_CLI_HUNT_H
#define SIM_CLI_HUNT_H

#include "sim/cli/cli.h"

#define HUNT_KEY_MAX 240
#define HUNT_SIGHTS_MAX 5
#define HUNT_SHARDS_MAX 100000

/* Of one seed in fifty, all runs are made twice, whoever hunts: the seed alone decides. */
bool hunt_is_twice(uint64_t seed);

/* What fired and where; never empty. The same fault found by two seeds has one key: numbers of nodes, of
 * partitions and of records are left out of it, a CHECK's line is not. */
struct slice hunt_place(struct arena *a, const struct run_result *r);

/* Marks: what a hunt should reach. Kinds of notes, kinds of random faults, and rare places (broker/env/marks.h). In one
 * run each is reached or not: a bit. */
#define HUNT_MARKS_MAX 256
struct marks {
    uint64_t bits[HUNT_MARKS_MAX / 64];
};
int32_t marks_n(void);
/* "note log-append", "fault crash", "place log-diverged" */
struct slice mark_name(struct arena *a, int32_t mark);
bool mark_is_reached(const struct marks *m, int32_t mark);
void marks_of_run(const struct run_result *r, struct marks *ret);

/* A failure that was seen. */
struct sight {
    struct slice scenario, again; /* again: the command that runs it */
    uint64_t seed;
};

struct bucket {
    struct slice key;
    int exit_code;
    int64_t count;
    struct sight sights[HUNT_SIGHTS_MAX]; /* the first ones */
    int32_t sights_n;
};

/* Lies in an arena, with all its texts. */
struct tally {
    struct arena *a;
    struct slice scenarios; /* "random-faults, random-quorum" */
    uint64_t from, to;      /* to: INT64_MAX if only time bounds it */
    int64_t shard, shards;  /* from 1; 0: the sum of several */
    int64_t runs, passed, twice, virtual_ns, events, acknowledged, wall_ns, peak_bytes;
    bool ended, interrupted;
    int64_t reached[HUNT_MARKS_MAX]; /* in so many runs, by mark */
    VEC(struct bucket) buckets;
};

/* Counts what one run has reached. */
void tally_reach(struct tally *t, const struct marks *m);
/* Counts one failure; the bucket that it went to. */
struct bucket *tally_fail(struct tally *t, struct slice key, int exit_code, int64_t count);
void bucket_add_sight(struct tally *t, struct bucket *b, const struct sight *s);
/* Of several exit codes the gravest, in the order 5, 4, 3, 1, 2, 0; 130 before all. */
int gravest_of(int a, int b);
int tally_exit_code(const struct tally *t);
void tally_add(struct tally *sum, const struct tally *t);
void tally_json(const struct tally *t, struct writer *w);
/* False: no report of a hunt; why is written to standard error. */
bool tally_read(struct tally *t, struct arena *a, const char *path, struct slice text);
void tally_human(const struct tally *t, FILE *f);

int hunt_merge(int argc, char **argv);

#endif
