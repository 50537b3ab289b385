/* Notes: typed facts that a machine leaves for whoever draws, explains or checks a run. They decide
 * nothing, are in no hash, and cost nothing when off. The table below names each kind and its
 * numbers; `subject` is what the fact is about ("orders-0", "__cluster_metadata-0", a group …). */
#ifndef ENV_NOTES_H
#define ENV_NOTES_H

#include "broker/base/slice.h"

/* Of BROKER_FENCED: it left; a new controller tells what it found. */
#define NOTE_IN_ORDER "in order"
#define NOTE_AS_BEFORE "as before"

/*   kind, spelling, names of the numbers; what `text` has */
/* clang-format off */
#define NOTE_KINDS(X)                                                                                \
    X(LOG_MESSAGE, "message", "level 0 debug 1 info 2 warn 3 error")                                 \
    /* A batch was given its place. crc: the batch's own. text: none */                              \
    X(LOG_APPEND, "log-append", "base_offset last_offset leader_epoch crc as_leader bytes")          \
    X(LOG_WRITTEN, "log-written", "end_offset")                                                      \
    /* A sync of what lies below begins. */                                                          \
    X(LOG_SYNC, "log-sync", "end_offset")                                                            \
    X(LOG_SYNCED, "log-synced", "end_offset")                                                        \
    X(LOG_TRUNCATE, "log-truncate", "new_end old_end leader_epoch")                                  \
    X(LOG_START, "log-start", "log_start_offset")                                                    \
    X(LOG_ROLL, "log-roll", "base_offset")                                                           \
    /* A compacted log was cleaned from `from` up to `to`; bytes and records are those of all that was gone \
     * through. */                                                                                   \
    X(LOG_CLEANED, "log-cleaned", "from to bytes_before bytes_after records_before records_after")   \
    /* text: the id of its topic, as clients print it; of these two notes alone, for a name may come again */ \
    X(LOG_RECOVERED, "log-recovered", "log_start_offset end_offset bytes_cut clean")                 \
    X(LOG_OFFLINE, "log-offline", "err")                                                             \
    X(PARTITION_ROLE, "partition-role", "role leader_id leader_epoch partition_epoch")               \
    X(PARTITION_HW, "high-watermark", "high_watermark leader_epoch is_leader log_end")               \
    /* The leader's committed ISR; text: "1,2,3". */                                                 \
    X(PARTITION_ISR, "isr", "leader_epoch partition_epoch size")                                     \
    /* The leader asked for a change; text: "1,2 -> 1". */                                           \
    X(PARTITION_ISR_PENDING, "isr-pending", "leader_epoch partition_epoch")                          \
    X(FETCH_POSITION, "fetch-position", "follower_id fetch_offset leader_end")                       \
    X(RAFT_STATE, "raft-state", "state epoch leader_id voted_id")                                    \
    X(RAFT_HW, "raft-high-watermark", "high_watermark epoch")                                        \
    X(CONTROLLER_ACTIVE, "controller-active", "node_id epoch")                                       \
    X(CONTROLLER_RESIGN, "controller-resign", "node_id epoch")                                       \
    X(BROKER_REGISTERED, "broker-registered", "broker_id broker_epoch incarnation fenced offset")    \
    /* text: empty, or one of the two below */                                                       \
    X(BROKER_FENCED, "broker-fenced", "broker_id broker_epoch offset")                               \
    X(BROKER_UNFENCED, "broker-unfenced", "broker_id broker_epoch offset")                           \
    X(BROKER_SHUTDOWN, "broker-controlled-shutdown", "broker_id broker_epoch offset")                \
    /* The controller's decision, as applied from the metadata log by the active controller.         \
     * text: "replicas=1,2,3 isr=1,2 elr= last=" */                                                  \
    X(PARTITION_CHANGE, "partition-change",                                                          \
      "leader_id leader_epoch partition_epoch unclean offset")                                       \
    X(TOPIC_CREATED, "topic-created", "partitions replication_factor")                               \
    X(TOPIC_DELETED, "topic-deleted", "partitions")                                                  \
    X(METADATA_APPLIED, "metadata-applied", "offset epoch")                                          \
    X(NODE_SERVING, "node-serving", "node_id port")                                                  \
    X(NODE_STOPPED, "node-stopped", "node_id")                                                       \
    /* generation: a group epoch but in classic groups. state: enum note_group */                    \
    X(GROUP_STATE, "group-state", "generation members state")                                        \
    /* subject: its transactional id; text: the state. ended_by: of PrepareAbort, enum note_txn_end */ \
    X(TXN_STATE, "txn-state", "producer_id producer_epoch ended_by")                                 \
    /* A rare place was reached (marks.h); subject: its spelling */                                  \
    X(MARK, "mark", "mark")                                                                          \
    /* A leader's last stable offset, where a transaction holds it below the high watermark; said right behind that. */ \
    X(PARTITION_STABLE, "last-stable-offset", "last_stable_offset high_watermark leader_epoch")

/* clang-format on */

enum note_kind {
#define X(id, spelling, fields) NOTE_##id,
    NOTE_KINDS(X)
#undef X
        NOTE_KINDS_N
};

/* Where the states of each kind of group begin. */
enum note_group {
    NOTE_GROUP_CLASSIC = 0,
    NOTE_GROUP_CONSUMER = 10,
    NOTE_GROUP_SHARE = 20,
    NOTE_GROUP_STREAMS = 30,
};

/* Who wanted an abort: whoever asked for it; nobody, it had gone on for too long; a producer that begins anew with the id; it was
 * decided before this coordinator took over. */
enum note_txn_end {
    NOTE_TXN_END_ASKED,
    NOTE_TXN_END_LATE,
    NOTE_TXN_END_REPLACED,
    NOTE_TXN_END_BEFORE,
};

#define NOTE_NUMBERS 6

struct note {
    enum note_kind kind;
    struct slice subject, text;
    int32_t n;
    int64_t v[NOTE_NUMBERS];
};

const char *note_spelling(enum note_kind kind);
/* Names of the numbers, separated by blanks. */
const char *note_fields(enum note_kind kind);

#endif
