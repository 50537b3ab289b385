/* Between the files of the oracle. */
#ifndef SIM_CHECK_ORACLE_OWN_H
#define SIM_CHECK_ORACLE_OWN_H

#include "broker/base/fmt.h"
#include "sim/check/oracle.h"
#include "sim/check/model.h"

/* An acknowledged record: the promise, and whether an election has broken it. */
struct promise {
    uint64_t value;
    int64_t offset; /* -1: it was not said */
    int64_t at_ns;
    int16_t acks;
    struct batch *batch; /* that has it; NULL: not known */
    /* Who led a later epoch already when it was acknowledged, and since when; -1: nobody. */
    int32_t after, after_epoch;
    int64_t after_ns;
    struct doom *doom; /* the first election of a leader without it that came to lead */
};

/* An election whose leader lacked records. */
struct doom {
    struct doom *next;
    const struct topic_key *key;
    int64_t at_ns;
    int32_t leader, epoch, was_leader;
    int64_t leader_end;
    bool unclean;
    bool led; /* it was there to lead; else nothing has come of it yet */
    struct model_ids eligible;
};

/* Something that took copies away. */
struct blow {
    int64_t at_ns;
    int32_t node;
    enum { BLOW_CRASH, BLOW_POWER, BLOW_WIPE, BLOW_TRUNCATE, BLOW_RECOVERY } kind;
    int32_t key; /* of the last two; -1 */
    int64_t from, to;
};

/* What a partition promised and gave. */
struct oracle_key {
    VEC(struct promise) promises;
    VEC(uint64_t) read; /* by offset: what was given out first; 0 */
    VEC(uint8_t) told;
    int64_t elected_ns; /* the last leader */
    int64_t removed_to; /* by retention or DeleteRecords, at or below a high watermark */
};

/* Values by checksum and count, until a leader appends them. */
struct sent_batch {
    struct map_node map;
    int32_t node, n;
    uint32_t crc;
    uint64_t *values;
};

struct oracle {
    struct mem *mem;
    struct model model;
    struct map sent; /* newest first among equals */
    VEC(struct blow) blows;
    struct doom *dooms;
    struct anomalies found;
    const struct history *history;
    struct world *world;
    int64_t now_ns;
};

struct oracle_key *oracle_key(struct oracle *o, struct topic_key *k);
/* How a lost record is sorted; why it was lost, as a story. */
enum loss oracle_sort(struct oracle *o, const struct topic_key *k, const struct promise *p);
void oracle_story(struct oracle *o, const struct history *h, const struct topic_key *k,
                  const struct promise *p, enum loss loss, struct writer *w);
void oracle_add(struct oracle *o, const struct history *h, enum rule rule,
                const struct topic_key *k, int64_t offset, uint64_t value, enum loss loss,
                struct slice story);

#endif
