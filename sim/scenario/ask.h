/* Questions put to a node as they stand: any request in any version, with fields as the scenario says them, also such as
 * no client of ours would send (an epoch that is over, a sequence with a gap, a vote for a short log), and what must be
 * answered.
 *
 *      ask.c          the machine that asks, its connections, what came of it
 *      ask_words.c    YAML ─► message, by the tables of the codec; message ─► fits the YAML, or where it does not
 *      ask_records.c  batches as they are to be, also wrong ones; their values stand in the history
 *
 * A value is a number, a text, true, false, null; the name of an error where an error stands; $NAME/topics/0/topicId,
 * from the answer to an earlier question; or what holds in the cluster: leader-epoch(orders-0). A number may follow:
 * leader-epoch(orders-0)+1. */
#ifndef SIM_SCENARIO_ASK_H
#define SIM_SCENARIO_ASK_H

#include "broker/protocol/codec.h"
#include "sim/scenario/load.h"
#include "sim/scenario/run_internal.h"

/* On which listener: the choices of `listener`. */
enum { ASK_ANY, ASK_BROKER, ASK_CONTROLLER, ASK_USERS };

/* An answer, kept for questions that come later. */
struct asked {
    struct slice name;
    enum k_msg msg;
    void *answer;
};

/* A batch that was made: it can be sent again as it was. */
struct ask_batch {
    struct slice name;
    struct slice bytes;
    int64_t first_op; /* in the history */
    int32_t records_n;
    struct slice topic; /* where it goes */
    int32_t partition;
    struct ask_batch *before; /* another one of the same request; NULL: none */
};

/* What one filling or comparing has at hand. */
struct ask_scope {
    struct run *r;   /* NULL: only looked over, before a run */
    struct load *l;  /* then: where mistakes are told */
    struct env *env; /* of who asks */
    int16_t version;
    struct slice topic; /* of a produce request: where its batch goes */
    int32_t partition;
    struct ask_batch *batch; /* what was made last; NULL: nothing */
    struct slice missing;    /* an answer that is not there yet */
    struct writer *why;      /* what does not fit */
    char path[160];          /* where we are: "topics/0/errorCode" */
    int64_t path_n;
};

/* ask_words.c. False: something cannot be said (scope->missing, or a mistake that was told). */
bool ask_fill(struct ask_scope *x, enum k_msg msg, const struct tree *t, void *ret);
/* False: scope->why has the first difference. */
bool ask_fits(struct ask_scope *x, enum k_msg msg, const void *m, const struct tree *want);
/* An error in it is one that passes: the leader moves, the coordinator loads. */
bool ask_is_passing(enum k_msg msg, const void *m);
/* A mistake of the scenario, where it stands. Always false. */
bool ask_mistake(struct ask_scope *x, struct mark at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool ask_number(struct ask_scope *x, const struct tree *t, int64_t *ret);

/* ask_records.c */
bool ask_records(struct ask_scope *x, const struct tree *t, struct k_records *ret);
/* The answer to a produce request, for the history. */
void ask_records_answered(struct run *r, const struct ask_batch *b,
                          const struct k_produce_response *answer);
/* Batches in what was fetched; records in them. */
int64_t ask_records_count(struct slice bytes);

#endif
