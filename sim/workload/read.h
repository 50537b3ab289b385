/* What consuming and the final read share: polls into the history. */
#ifndef SIM_WORKLOAD_READ_H
#define SIM_WORKLOAD_READ_H

#include "sim/workload/workload.h"

struct reading_of {
    struct history *history;
    int32_t process, topic, node; /* topic: the first of its name */
    struct client *client;        /* what it knows of the topic */
    bool is_final, read_committed;
};

/* Writes a poll; values that are malformed, and what is no batch, as corrupt. Returns how many. */
int64_t read_note_poll(const struct reading_of *r, struct env *env, const struct polled *p);
int32_t read_topic(const struct reading_of *r);
void read_note(const struct reading_of *r, enum history_kind kind, int32_t partition,
               int64_t offset, int32_t leader_epoch, int16_t error);

#define READ_WAS_REMOVED "they were removed before it came to them"
/* Somebody was led from one offset to another: in words, for `told` (may be NULL). How many it passed over. */
int64_t read_tell_gap(struct slice name, struct slice topic, int32_t partition, int64_t from,
                      int64_t to, const char *why, void (*told)(void *ctx, struct slice text),
                      void *ctx);

#endif
