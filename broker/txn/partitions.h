/* The partitions of a transaction, by topic and index; the texts are its own. */
#ifndef TXN_PARTITIONS_H
#define TXN_PARTITIONS_H

#include "broker/base/mem.h"

struct txn_partition {
    struct slice topic;
    int32_t index;
};

struct txn_partitions {
    VEC(struct txn_partition) v;
};

bool txn_partitions_has(const struct txn_partitions *ps, struct slice topic, int32_t index);
void txn_partitions_add(struct txn_partitions *ps, struct mem *mem, struct slice topic,
                        int32_t index);
/* Harmless when it is not there. */
void txn_partitions_remove(struct txn_partitions *ps, struct mem *mem, struct slice topic,
                           int32_t index);
void txn_partitions_copy(struct txn_partitions *to, struct mem *mem,
                         const struct txn_partitions *from);
void txn_partitions_release(struct txn_partitions *ps, struct mem *mem);
/* The one behind the last with the same topic as the one at `at`. */
int64_t txn_partitions_topic_end(const struct txn_partitions *ps, int64_t at);

#endif
