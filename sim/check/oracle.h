/* The oracle: sees the simulator's truth. It is told what every node's log does (the notes), what bytes
 * producers sent, which nodes crashed, lost power or their disk, what their disks held after that, and what the clients
 * were told; so it knows of each record which copies are durable, cached or gone, and who took them. At the end it
 * says what is lost, duplicate or inconsistent, and sorts each loss:
 *
 *      bug            a copy was on a replica that might have led (in ISR or ELR); or one of these never had it, or
 *                     cut it off itself; or fewer copies were destroyed than the promise counts on
 *      allowed        acks 0 or 1, and another leader was elected or its one copy destroyed; or a leader was elected
 *                     uncleanly, as a setting or an operator's request permits. What the cluster decides by
 *                     itself (last known leader) allows nothing
 *      not-recovered  the copies of all who might lead were destroyed; one survives, where the rules keep it from leading
 *      physics        no copy survives
 *
 * It does not judge whether a duplicate or an inconsistent offset is permitted: it says allowed, and leaves that to the
 * checker.
 * It shares no code with the checker. In a run:
 *
 *      struct oracle *o = oracle_new(mem);
 *      oracle_watch(o, world, history);           observers on both: all that follows happens by itself
 *      … the run, to the end of the final read …
 *      oracle_finish(o, &anomalies);
 *
 * The lower half is what oracle_watch() calls; tests call it with streams of their own. Nodes are the
 * machines by their index in the world; node ids are read from their names (b1 → 1, k1 → 101). */
#ifndef SIM_CHECK_ORACLE_H
#define SIM_CHECK_ORACLE_H

#include "sim/check/anomaly.h"
#include "sim/check/disk_log.h"
#include "sim/history/history.h"
#include "sim/world/world.h"

struct oracle;

struct oracle *oracle_new(struct mem *mem);
void oracle_free(struct oracle *o);
/* Before the machines are started. The history's listener becomes the oracle's. */
void oracle_watch(struct oracle *o, struct world *w, struct history *h);
/* Adds to ret (which is initialised) what it has found. */
void oracle_finish(struct oracle *o, struct anomalies *ret);
/* Afterwards: what else may be true of what somebody read meanwhile, of logs of which something was removed. */
const struct anomalies *oracle_perhaps(const struct oracle *o);
/* The offset below which retention or DeleteRecords removed records, as they may. */
int64_t oracle_removed_to(struct oracle *o, struct slice topic, int32_t partition);

/* What the operator promised: topic null stands for all topics that are not named. */
void oracle_topic(struct oracle *o, struct slice topic, int32_t min_isr, bool flushes_each);
/* From then on it does not flush each. */
void oracle_flushes_less(struct oracle *o, int64_t at_ns, struct slice topic);
/* It is, or may be, compacted; tombstones may be gone in the end. */
/* Its leader may write batches anew (LogAppendTime, compression.type). */
void oracle_rewritten(struct oracle *o, struct slice topic);
void oracle_compacted(struct oracle *o, struct slice topic, bool tombstones_go);
void oracle_topic_lowers(struct oracle *o, struct slice topic, int32_t min_isr);
void oracle_unclean_is(struct oracle *o, struct slice topic, bool is_on);
void oracle_unclean_asked(struct oracle *o, int64_t at_ns, struct slice topic, int32_t partition);

/* ---- what it is told ------------------------------------------------------------------------------ */

/* A batch was sent to this node: its values, found again by its checksum and size. */
void oracle_sent(struct oracle *o, int32_t node, uint32_t crc, int64_t bytes,
                 const uint64_t *values, int32_t n);
void oracle_name(struct oracle *o, int32_t node, struct slice name);
void oracle_note(struct oracle *o, int64_t at_ns, int32_t node, const struct note *n);
void oracle_life(struct oracle *o, int64_t at_ns, int32_t node, enum life what);
/* It ended in order: it has written and synced what it had. */
void oracle_stopped(struct oracle *o, int64_t at_ns, int32_t node);
void oracle_wiped(struct oracle *o, int64_t at_ns, int32_t node);
/* What is on the node's disk right after a fault that took or spoilt what was there. */
void oracle_destroyed(struct oracle *o, int64_t at_ns, int32_t node, struct slice subject,
                      const struct found *f, int64_t n, bool by_power);
/* A write to this log landed elsewhere: from this offset on it cannot be read, whatever comes behind. */
void oracle_went_astray(struct oracle *o, int64_t at_ns, int32_t node, struct slice subject,
                        int64_t from);
/* Any fault that may break connections; to_ns: INT64_MAX while it lasts. */
void oracle_trouble(struct oracle *o, int64_t from_ns, int64_t to_ns, struct slice words);
/* What is on the node's disk when it has recovered its log; before the note log-recovered. */
void oracle_found(struct oracle *o, int32_t node, struct slice subject, const struct found *f,
                  int64_t n);
/* The quorum has committed, with the record at this offset, that there is a topic of this name, or that this one is no more. What
 * was promised by one of them is not owed by another. */
void oracle_topic_turns(struct oracle *o, int64_t at_ns, struct slice topic, struct uuid id,
                        int64_t offset, bool is_made);
/* What a client was told: a send or a poll that is complete. */
void oracle_told(struct oracle *o, const struct history *h, const struct history_op *op);

#endif
