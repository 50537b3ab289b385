/* What happened, in sentences: the moments of a run that matter to people, in order, numbered from 1.
 * The story prints all of them; the timeline prints the weightiest, with the same numbers. */
#ifndef VISUALIZE_FACTS_H
#define VISUALIZE_FACTS_H

#include "visualize/run.h"

/* What a fact is about, which decides its colour and its glyph. */
enum tone { TONE_PLAIN, TONE_FAULT, TONE_CONTROL, TONE_LEADER, TONE_CLIENT, TONE_BAD, TONE_GOOD };

enum { WEIGHT_LOW = 1, WEIGHT_MIDDLE, WEIGHT_HIGH, WEIGHT_HIGHEST };

/* What led to an anomaly: one cause. */
struct cause {
    int64_t at_ns;
    int32_t actor;     /* whose doing it was, or whom it met; -1: nobody's */
    struct slice text; /* without the time */
};
struct chain {
    struct cause *v; /* by time; the run's */
    int32_t n;
};

struct fact {
    int64_t at_ns;
    int32_t number, weight;
    int32_t actor; /* -1: none */
    int32_t txn_n; /* the number of the transactional id that it is about, from 1; 0: none */
    enum tone tone;
    struct slice text;  /* without the time */
    struct chain chain; /* of an anomaly */
};

/* A silence: a client that had been acknowledged was not for so long. */
struct silence {
    int32_t actor;
    int64_t from_ns, to_ns; /* last one before, first one after (RUN_FOREVER: none) */
};

struct facts {
    struct mem *mem;
    VEC(struct fact) v;
    VEC(struct silence) silences;
};

/* partition: the one that is told in full; -1: none. */
void facts_make(struct facts *f, struct run *r, int32_t partition);
void facts_release(struct facts *f);

/* What the controller had decided about it by then; NULL: nothing. */
const struct change *change_at(const struct partition_view *p, int64_t at_ns);
/* How an acknowledged offset came to be lost; when the last copy went, or INT64_MIN. */
int64_t chain_of_loss(struct run *r, int32_t partition, int64_t offset, struct chain *ret);
/* How a record came to stand at two offsets, by the story that names it and, after ';', them. */
void chain_of_copies(struct run *r, int32_t partition, struct slice story, struct chain *ret);
/* "2.315 s  b1 crashes" */
void cause_words(const struct cause *c, struct writer *w);
/* Appends the moments about calls: first acknowledgement, silences, calls that failed. */
void facts_about_calls(struct facts *f, struct run *r);
/* Partitions that are told: all while they are few, else this one alone. */
bool facts_tell_partition(const struct run *r, int32_t main, int32_t partition);
/* Appends the moments at which records went from the front of logs. */
void facts_about_starts(struct facts *f, struct run *r, int32_t partition);
/* Appends the moments about transactions: begin, commit, abort, and who wanted it. */
void facts_about_transactions(struct facts *f, struct run *r);
struct fact *facts_add(struct facts *f, int64_t at_ns, int32_t actor, enum tone tone,
                       int32_t weight, struct slice text);

#endif
