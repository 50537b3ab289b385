/* Transactions that are about to begin in a log (KIP-890). A batch that would open one is not taken on its
 * producer's word: the leader first asks the transaction coordinator whether the partition is part of the
 * producer's transaction. A late batch, whose transaction has meanwhile been ended, would otherwise open one that
 * no marker ever ends, and hold back the last stable offset for good.
 *
 *     batch comes ─► verification_begin() ─► the coordinator is asked ─► append, with the guard
 *                                                    │
 *                        a marker comes meanwhile: the guard is void, and the append is refused,
 *                        unless it ends the transaction before
 *
 * The guard is a number of its own for each verification that was begun: an answer that comes late does not open
 * the transaction after it. */
#ifndef LOG_VERIFICATION_H
#define LOG_VERIFICATION_H

#include "broker/base/map.h"

struct verification {
    struct map_node node;
    int64_t producer_id;
    int16_t epoch;
    int32_t lowest_sequence; /* of the batches that wait, under that epoch */
    bool raises_epochs;      /* transaction.version 2: each transaction begins with sequence 0 */
    uint64_t guard;          /* never 0 */
    int64_t since_ms;
};

struct verifications {
    struct mem *mem;
    struct map map;
};

void verifications_init(struct verifications *vs, struct mem *mem, struct siphash_key key);
void verifications_release(struct verifications *vs);

struct verification *verification_find(const struct verifications *vs, int64_t producer_id);
/* Batches of one producer that wait at one time share theirs; else it gets this guard. */
struct verification *verification_begin(struct verifications *vs, int64_t producer_id,
                                        int16_t epoch, int32_t base_sequence, bool raises_epochs,
                                        uint64_t guard, int64_t now_ms);
/* The transaction has begun. */
void verification_end(struct verifications *vs, int64_t producer_id);
/* A marker of this epoch has come: the transaction was ended, if it is this one. */
void verification_marked(struct verifications *vs, int64_t producer_id, int16_t epoch);
/* Those that nobody came back to. */
void verifications_expire(struct verifications *vs, int64_t before_ms);

/* Whether a batch may be the first of the transaction. no_batches: the log knows of none under its epoch. */
bool verification_allows(const struct verification *v, int32_t base_sequence, bool no_batches);

#endif
