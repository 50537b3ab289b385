/* The checker: judges a history, and nothing but a history, in linear time. It knows what the cluster
 * was asked to promise (facts), and from that computes which anomalies are permitted.
 *
 *      lost                 acknowledged, and not in the final read
 *      read-lost            polled but not acknowledged, and not in the final read
 *      duplicate            at two offsets of the final read (of all polls, if there was none)
 *      reordered            a producer's records lie in another order than it sent them
 *      inconsistent-offset  two polls got different records at one offset; or a record was acknowledged at
 *                           one offset and lies at another
 *      nonmonotonic-poll, poll-skip   per consumer, from its assignment on
 *      undeleted            below what a DeleteRecords was answered for
 *      resurrected          the last of its key, which was deleted after it
 *      two-owners, offset-went-back, foreign-offset, processed-twice, unprocessed, unowned, standby-beside   of groups: check_groups.c
 *      given-again, held-by-two, ungiven, given-too-often   of share groups: check_shares.c
 *      start-passed                                         of how far they are: the same
 *      no-dead-letter, wrong-dead-letter                    of their dead-letter topics: the same
 *      phantom, failed-read, corrupt, end-went-back, replica-differs, unanswered, unreadable, not-serving
 *
 * A record gets the gravest rule only: what is lost is not told again as read-lost. */
#ifndef SIM_CHECK_CHECK_H
#define SIM_CHECK_CHECK_H

#include "sim/check/anomaly.h"
#include "sim/history/chronicle.h"
#include "sim/history/history.h"

struct check_topic {
    int32_t replicas, min_isr;
    bool elr; /* eligible leader replicas are kept (KIP-966) */
    /* As it was in the beginning: the chronicle tells of changes. */
    int64_t flush_messages; /* flush.messages, if the disks do not lie; 0: not set */
    int64_t flush_ms;       /* within which a record is flushed; 0: not set */
    bool may_remove; /* retention or DeleteRecords may remove records; how many is not known … */
    const int64_t
        *removed_to; /* … or so far they did, by partition (removed_n of them), at or below the */
    int32_t removed_n; /* high watermark */
    /* Of each key only the last record need be there; and not even that, if it is a tombstone and these go. */
    bool is_compacted, tombstones_go;
    int64_t tombstones_ms; /* how long they surely stay */
};

/* Zeroed: no faults, and topics that promise everything. (Acks and idempotence stand in the history.) */
struct check_facts {
    const struct check_topic *topics; /* by topic of the history; beyond n: zeroed */
    int32_t topics_n;
    const struct chronicle
        *chronicle;   /* what happened; NULL: nothing, so that nothing is excused */
    int64_t begin_ns; /* from where people count time */
    /* After `healed` of the history and so long, every send must be acknowledged; 0: not asked for. One that is
     * part of the end (is_final) must be in any case. */
    int64_t serves_after_ns;
    /* Groups: once `healed`, a partition that loses its owner has one again after so long; 0: not asked for. */
    int64_t owned_within_ns;
    /* … the shortest session of a member: who is silent for so long may be put out; 0: not known, nobody is. */
    int64_t session_ns;
    /* The topic in which groups keep what they commit; no partitions: no commit may be lost. */
    struct check_topic offsets;
    int32_t offsets_partitions;
    /* Share groups: how often a record may be given out; 0: not known. Why their states may be gone;
     * NULL: they may not. */
    int32_t share_deliveries_max;
    int64_t share_lock_ns; /* how long a record is a member's, at least */
    const char *shares_at_risk;
    /* By group of the history: since when records that it does not want have dead letters; 0: they have none. */
    const int64_t *letters_since_ns;
    int32_t letters_since_n;
    /* … since when it begins where a log begins that it has not read (share.auto.offset.reset=earliest); 0: it need not. */
    const int64_t *earliest_since_ns;
    int32_t earliest_since_n;
    bool clients_live; /* no client was crashed: every call must end */
};

struct check_result {
    struct anomalies anomalies;
    struct history_counts counts;
    int64_t read;       /* different values in the final read (in all polls, if there was none) */
    bool has_final;     /* each partition that was sent to was read to its end, from the leader */
    bool is_conclusive; /* something was acknowledged: so something was promised */
};

void check_history(struct mem *mem, const struct history *h, const struct check_facts *facts,
                   struct check_result *ret);
void check_result_release(struct check_result *r);

/* ---- permission ------------------------------------------------------------------------------------ */

/* A record that is missed, and what was promised of it. */
struct claim {
    const struct check_topic *topic;
    struct slice name;
    int32_t partition;
    int64_t offset;   /* -1: not known */
    int64_t begun_ns; /* before, it was nowhere */
    int64_t owed_ns;  /* when it was acknowledged, or first read */
    int64_t until_ns; /* what happened later excuses nothing; 0: all counts */
    int16_t acks;
    bool idempotent;
    bool is_committed; /* somebody has read it: only what is committed is given to read */
    int32_t leader;    /* who acknowledged it; -1: not known */
    int32_t life;      /* its topic is the how many-th of its name, of several; 0: the only one */
};
/* True: that is permitted; because of what is written to why. */
bool permission_of(const struct check_facts *f, const struct claim *c, enum rule rule,
                   struct writer *why);
/* Is there a configuration that permits it? */
bool permission_exists(enum rule rule);

#endif
