/* What consuming and the final read share: polls into the history. */
#ifndef SIM_WORKLOAD_READ_H
#define SIM_WORKLOAD_READ_H

#include "sim/workload/workload.h"

struct reading_of {
    struct history *history;
    int32_t process, topic, node;
    bool is_final, read_committed;
};

/* Writes a poll; values that are malformed, and what is no batch, as corrupt. Returns how many. */
int64_t read_note_poll(const struct reading_of *r, struct env *env, const struct polled *p);
void read_note(const struct reading_of *r, enum history_kind kind, int32_t partition,
               int64_t offset, int32_t leader_epoch, int16_t error);

#endif
