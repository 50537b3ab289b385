/* What becomes of a batch when a log is cleaned: may it go, its records with it, or must its header stay without
 * them? What only readers of its records need goes with these; but a batch tells more:
 *
 *   - the last sequence number of a producer that is not forgotten yet, or its epoch, if a marker is
 *     what it wrote last: without it the producer's next batch would be refused after a restart, or one that was
 *     sent twice be taken (KAFKA-5048, KAFKA-7190);
 *   - a segment's last offset: without that of the last one offsets would be given a second time (KAFKA-17076). Kafka
 *     keeps the last batch of a whole cleaning. Here it is that of each segment, so that one segment ends where
 *     the next one begins, and recovery can tell what was compacted from a tail that a power loss took;
 *   - that a transaction ended, as long as records of it are left, and then for delete.retention.ms, so that who
 *     reads it now learns of its end (KIP-534).
 *
 * Pure. */
#ifndef LOG_BATCH_RETENTION_H
#define LOG_BATCH_RETENTION_H

#include "broker/log/producer_state.h"
#include "broker/record/batch.h"

enum batch_fate {
    BATCH_GOES,       /* with all records */
    BATCH_GOES_EMPTY, /* if none of its records stays */
    BATCH_STAYS,      /* without records, if none of these stays */
};

struct batch_retention_facts {
    struct batch_header h;
    bool is_void; /* of data: its transaction was aborted; of a marker: nothing is left of its
                               transaction (clean_txns.h) */
    bool is_producers_last; /* batch_is_producers_last() */
    int64_t group_end;      /* the first offset behind the segment that is being made */
    int64_t now_ms;
};

struct batch_retention {
    enum batch_fate fate;
    bool drops_records;
    bool
        wants_horizon; /* a marker from whose transaction nothing is left: its time runs from now */
};

struct batch_retention batch_retention(const struct batch_retention_facts *f);
/* p: what is known of the batch's producer now, NULL: nothing. */
bool batch_is_producers_last(const struct batch_header *h, const struct producer *p);

/* The time from which on a tombstone or a marker in the batch may go; -1: not set yet. */
static inline int64_t
batch_delete_horizon_ms(const struct batch_header *h)
{
    return h->attributes & BATCH_DELETE_HORIZON ? h->base_timestamp : -1;
}

#endif
