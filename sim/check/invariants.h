/* The invariants: the white box witness. It looks at the notes of every step of every node and checks, on
 * what changed, what must hold of logs, leaders, epochs, high watermarks, ISRs and the quorum. The names
 * of its rules are in anomaly.h.
 *
 *      struct invariants *v = invariants_new(mem);
 *      invariants_watch(v, world);
 *      … the run …
 *      invariants_anomalies(v)                     as they are found, in order
 *
 * It finds out by itself what is committed: its own ("ghost") high watermark is the greatest that any leader of
 * the newest epoch had, and each committed offset keeps its batch for ever. It steps back only when a leader is
 * elected uncleanly, or when no copy was left on any member of ISR and ELR (the oracle judges that). */
#ifndef SIM_CHECK_INVARIANTS_H
#define SIM_CHECK_INVARIANTS_H

#include "broker/base/uuid.h"
#include "sim/check/anomaly.h"
#include "sim/check/disk_log.h"
#include "sim/world/world.h"

struct invariants;

struct invariants *invariants_new(struct mem *mem);
void invariants_free(struct invariants *v);
/* The topic's id, as the metadata log has it; false: none of this name was made. */
bool invariants_topic_id(const struct invariants *v, struct slice name, struct uuid *ret);
/* null: none of this id was made. */
struct slice invariants_topic_name(const struct invariants *v, struct uuid id);
/* The how many-th of its name, from 1; 0: none of this id was made. */
int32_t invariants_topic_life(const struct invariants *v, struct slice name, struct uuid id);
/* Told of each topic that the quorum has made or deleted, as soon as that is committed: with the id that tells it from others of its
 * name, and where in the metadata log that stands. From the disk of the quorum's leader, whatever controllers tell. */
struct topic_told {
    struct slice name;
    struct uuid id;
    int64_t offset;
    bool is_made; /* else deleted */
};
void invariants_tell_topics(struct invariants *v,
                            void (*hear)(void *ctx, const struct topic_told *t), void *ctx);
/* The same, of each decision to commit or abort a transaction, as its coordinator has committed it. */
void invariants_tell_ends(struct invariants *v,
                          void (*hear)(void *ctx, int64_t producer, int16_t epoch, bool is_commit),
                          void *ctx);
/* Before the machines are started. */
void invariants_watch(struct invariants *v, struct world *w);
/* Where brokers are controllers, too: so many, the first ones. If nobody says it, all of them. */
void invariants_combined(struct invariants *v, int32_t n);
/* Of a topic: min.insync.replicas (1 unless told), for the ELR rules. */
void invariants_topic(struct invariants *v, struct slice topic, int32_t min_isr);
/* Of a topic: segment.bytes, with which it is made, and what it is set to; what counts is the most that it ever was. Unless told with
 * what it is made, no segment is too large. */
void invariants_segment(struct invariants *v, struct slice topic, int64_t bytes);
void invariants_segment_grows(struct invariants *v, struct slice topic, int64_t bytes);
/* Of a topic: max.message.bytes, with which it is made; 0: it is set to something else. may_grow: its leader writes batches anew, and they may
 * become too large then. */
void invariants_message_bytes(struct invariants *v, struct slice topic, int64_t bytes,
                              bool may_grow);
/* The operator permits unclean elections, or no longer (topic null: wherever no topic says otherwise); or asks for one.
 * That a controller calls an election unclean excuses nothing. */
/* It is, or may be, compacted. */
void invariants_compacted(struct invariants *v, struct slice topic);
void invariants_unclean_is(struct invariants *v, struct slice topic, bool is_on);
void invariants_unclean_asked(struct invariants *v, int64_t at_ns, struct slice topic,
                              int32_t partition);
/* replica.lag.time.max.ms, the same of all brokers; unless told, nobody is judged by it. */
void invariants_lag(struct invariants *v, int64_t lag_max_ns);
/* group.consumer.session.timeout.ms, the same of all brokers and groups; unless told, nobody is judged by it. */
void invariants_session(struct invariants *v, int64_t session_ns);
/* transaction.partition.verification.enable is false. */
void invariants_unverified(struct invariants *v);
/* All was healed, each partition has its leader and all its replicas in sync: from this time on nothing of that has a reason to
 * change, but what ended before and nobody has noticed yet. */
void invariants_at_rest(struct invariants *v, int64_t from_ns);
const struct anomalies *invariants_anomalies(const struct invariants *v);

/* ---- what it is told ------------------------------------------------------------------------------ */

/* node: any number that tells machines apart; names and ids come first. */
void invariants_node(struct invariants *v, int32_t node, struct slice name, int32_t node_id,
                     bool is_voter);
void invariants_note(struct invariants *v, int64_t at_ns, int32_t node, const struct note *n);
void invariants_life(struct invariants *v, int64_t at_ns, int32_t node, enum life what);
/* Files of its logs were removed: they are read from the disk when it opens them next. */
void invariants_robbed(struct invariants *v, int32_t node);
void invariants_wiped(struct invariants *v, int64_t at_ns, int32_t node);
/* This node told somebody that it votes for that one in this epoch: to that it is bound. */
void invariants_vote_told(struct invariants *v, int64_t at_ns, int32_t node, int32_t for_id,
                          int32_t epoch);
/* A client was given records of this partition, the last at this offset. */
void invariants_polled(struct invariants *v, int64_t at_ns, struct slice topic, int32_t partition,
                       int64_t offset);
/* … and it reads committed records only. */
void invariants_polled_decided(struct invariants *v, int64_t at_ns, struct slice topic,
                               int32_t partition, int64_t offset);
/* A replica asked its leader, of this epoch, for what comes behind this end of its own log. */
void invariants_fetched(struct invariants *v, struct slice topic, int32_t partition, int32_t id,
                        int32_t leader_epoch, int64_t end);
/* The disk has synced this file of a node ("data/orders-0/00000000000000000000.log"). */
void invariants_file_synced(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
/* A file of a node has got its name; path: the name that it had. */
void invariants_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
/* The disk of a node was damaged: what lies there is no more what it wrote. */
void invariants_spoilt(struct invariants *v, int32_t node);
/* This machine is a producer of ours: in what order it sends is judged. */
void invariants_producer(struct invariants *v, int32_t node);
/* A client has learnt that a record of its failed, or will never learn what became of it. */
void invariants_gave_up(struct invariants *v, int64_t at_ns);
/* Brokers may forget producers, soon or because a clock was set. */
void invariants_producers_may_expire(struct invariants *v);
/* What is on the node's disk after a power loss; before the note log-recovered. */
void invariants_found(struct invariants *v, int32_t node, struct slice subject,
                      const struct found *f, int64_t n);

#endif
