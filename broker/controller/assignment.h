/* Replica lists of new partitions, given by hand or placed, checked and written as PartitionRecords.
 * For the files of this folder. */
#ifndef CONTROLLER_ASSIGNMENT_H
#define CONTROLLER_ASSIGNMENT_H

#include "broker/controller/internal.h"

/* lists has room for n; the ids lie in the arena. */
struct verdict assignment_place(struct controller *c, int32_t n, int32_t factor, struct arena *a,
                                struct ids *lists);
/* One list given by hand. factor: what the lists before it had; 0 for the first. */
struct verdict assignment_check(const struct controller *c, struct ids replicas, int32_t factor,
                                struct arena *a);
/* Those that may be in sync from the start, in order. */
struct ids assignment_isr(const struct controller *c, struct ids replicas, struct arena *a);
/* The partition begins with every living replica in sync and the first of them leading. */
void add_partition(struct controller *c, struct uuid topic_id, int32_t index, struct ids replicas);

#endif
