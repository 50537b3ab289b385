/* A history in a file: what clients asked and were told, what happened to the cluster meanwhile, and what was promised, as
 * one text that anybody can write. gregor-history.5 describes it.
 *
 *      ! topic orders replicas=3 min-isr=2 elr                       a promise
 *      1.002 1.009 p1 send orders-0 p1:17 ok @41                     an operation of a client
 *      4.100 ! gone orders-0 node=2 from=41 what was wiped           a happening */
#ifndef SIM_CHECK_HISTORY_FILE_H
#define SIM_CHECK_HISTORY_FILE_H

#include "sim/check/check.h"
#include "sim/history/words.h"

struct removed {
    int32_t topic, partition;
    int64_t offset;
};

struct history_file {
    struct mem *mem;
    struct history history;
    struct chronicle chronicle;
    struct check_facts facts; /* refers to what is in here */
    VEC(struct check_topic) topics;
    VEC(struct removed) removed;
    int64_t *removed_to; /* of all topics' partitions */
    int64_t removed_n;
    VEC(int64_t) lines; /* of the operations */
    VEC(int32_t) nodes; /* that the chronicle names */
};

void history_file_init(struct history_file *f, struct mem *mem);
void history_file_release(struct history_file *f);
/* Tells what is wrong, line by line; how much is. */
int64_t history_file_read(struct history_file *f, struct slice text,
                          void (*wrong)(void *ctx, const struct history_error *e), void *ctx);
void history_file_write(const struct history *h, const struct check_facts *facts, struct writer *w);

#endif
