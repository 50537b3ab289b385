/* What others can make a node remember, and how much of it: every limit that protects a node from its
 * peers stands here by its name, with the answer to whoever goes beyond it. Parts are of the memory that the
 * node may use (--memory): a part of 8 is an eighth.
 *
 * Limits on admission come first; the ceiling on the memory as a whole, which ends the node, is for
 * mistakes of ours. */
#ifndef ENV_LIMITS_H
#define ENV_LIMITS_H

/* ---- requests and answers that are under way (api/session.c) ------------------------------------
 *
 * Frames, decoded requests and answers of all connections of a kind. Beyond it the connection that holds
 * most is closed. A connection counts for its brokers or its quorum once it has sent what only they
 * send, or when it came to a listener of their own: a crowd of clients must not close a
 * follower's fetch, a vote or a heartbeat. */
#define HELD_BY_CLIENTS_PART 4
#define HELD_BY_FOLLOWERS_PART 8
#define HELD_BY_ADMINS_PART \
    8 /* on the controllers' listeners: requests that brokers forward, tools */
#define HELD_BY_QUORUM_PART 8
/* One frame (besides socket.request.max.bytes), one decoded request: the connection is closed. */
#define MESSAGE_PART 8
#define MESSAGE_BYTES_MAX (64 << 20)
/* Requests that wait on one connection: it is not read from meanwhile. */
#define REQUESTS_WAITING_MAX 16
/* Batches that are being decompressed, and what one may come to: MESSAGE_TOO_LARGE. */
#define INFLATING_MAX 8
#define INFLATED_PART 16

/* What the cleaner of compacted logs keeps of keys, besides log.cleaner.dedupe.buffer.size: more keys take more
 * rounds. (log/clean.c; a batch is bounded by INFLATED_PART there, too: one beyond it makes a log that cannot be cleaned.) */
#define CLEANER_MAP_PART 8

enum held_by {
    HELD_BY_CLIENTS,
    HELD_BY_FOLLOWERS,
    HELD_BY_ADMINS,
    HELD_BY_QUORUM,
    HELD_KINDS_N,
};

/* ---- what is remembered beyond a request ---------------------------------------------------------
 *
 * Each purpose has a purse (base/mem.h), which is asked before more is put into it. It may be overdrawn by
 * what one request brings, and by what the log says (that was admitted once): then it takes no more. */
enum purse {
    /* Groups, members, ids given out to members that have not come back, assignments, committed offsets
     * (group/). JoinGroup, SyncGroup, OffsetCommit: COORDINATOR_NOT_AVAILABLE, to be tried again. */
    PURSE_GROUPS,
    /* Transactional ids and the partitions of their transactions (txn/). InitProducerId of a new one,
     * AddPartitionsToTxn: COORDINATOR_NOT_AVAILABLE. They are forgotten after
     * transactional.id.expiration.ms. */
    PURSE_TXNS,
    /* What is known of idempotent producers (log/producer_state.h). Produce of one that is not known yet:
     * POLICY_VIOLATION. They are forgotten after producer.id.expiration.ms. */
    PURSE_PRODUCERS,
    /* Topics, partitions, brokers and dynamic configurations (metadata/image.h). CreateTopics,
     * CreatePartitions, AlterConfigs, BrokerRegistration of a new one: POLICY_VIOLATION. */
    PURSE_METADATA,
    /* What readers ask for, from fetch to fetch (api/fetch_session.h). Fetch that would begin a session: it gets none,
     * and names all its partitions each time; one that adds partitions: FETCH_SESSION_ID_NOT_FOUND. */
    PURSE_FETCH_SESSIONS,
    PURSES_N,
};
#define PURSE_GROUPS_PART 8
#define PURSE_TXNS_PART 16
#define PURSE_PRODUCERS_PART 16
#define PURSE_METADATA_PART 8
#define PURSE_FETCH_SESSIONS_PART 16

/* A partition also takes memory where its replicas are: the controller lets so many be created as fit
 * into a part of its own. CreateTopics, CreatePartitions: POLICY_VIOLATION. */
#define PARTITIONS_PART 4
#define PARTITION_BYTES 4096
/* Nodes that fetch the metadata log and are no voters: the one that came least lately is forgotten. */
#define OBSERVERS_MAX 1000

#endif
