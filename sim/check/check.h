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
 *      phantom, failed-read, corrupt, end-went-back, replica-differs, unanswered, unreadable, not-serving
 *
 * A record gets the gravest rule only: what is lost is not told again as read-lost. */
#ifndef SIM_CHECK_CHECK_H
#define SIM_CHECK_CHECK_H

#include "sim/check/anomaly.h"
#include "sim/history/history.h"

struct check_topic {
    int32_t replicas, min_isr;
    bool unclean;    /* unclean election is on, or was forced */
    bool elr;        /* eligible leader replicas are kept (KIP-966) */
    bool flush_each; /* flush.messages=1, and the disks do not lie */
    bool may_remove; /* retention or DeleteRecords may remove records; how many is not known … */
    const int64_t
        *removed_to; /* … or so far they did, by partition (removed_n of them), at or below the */
    int32_t removed_n;    /* high watermark */
    int32_t smallest_isr; /* the smallest that the controller ever had; 0: not known */
};

/* Zeroed: no faults, and topics that promise everything. (Acks and idempotence stand in the history.) */
struct check_facts {
    const struct check_topic *topics; /* by topic of the history; beyond n: zeroed */
    int32_t topics_n;
    int32_t faults;       /* of any kind that were done, also planned restarts */
    int32_t power_losses; /* brokers that lost power, and were not in sync again, at one time */
    int32_t wipes;        /* different brokers whose disk was lost */
    /* After `healed` of the history and so long, every send must be acknowledged; 0: not asked for. One that is
     * part of the end (is_final) must be in any case. */
    int64_t serves_after_ns;
    bool clients_live; /* no client was crashed: every call must end */
};

struct check_result {
    struct anomalies anomalies;
    struct history_counts counts;
    int64_t read;       /* different values in the final read (in all polls, if there was none) */
    bool has_final;     /* each partition that was sent to was read to its end, from the leader */
    bool is_conclusive; /* something was acknowledged, and something was read */
};

void check_history(struct mem *mem, const struct history *h, const struct check_facts *facts,
                   struct check_result *ret);
void check_result_release(struct check_result *r);

/* ---- the permission matrix ---------------------------------------------------------------------- */

struct permission {
    bool allowed;
    const char *why; /* NULL unless allowed */
};
/* send: the record's; NULL when it is about no record. was_read: a lost record had been read by somebody; an
 * inconsistent offset is one between two reads, not between an acknowledgement and a read. */
struct permission permission_of(const struct check_facts *f, const struct check_topic *topic,
                                enum rule rule, const struct history_op *send, bool was_read);
/* Is there a configuration that permits it? */
bool permission_exists(enum rule rule);

#endif
