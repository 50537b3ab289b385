/* Membership of a consumer group. By the classic protocol (KIP-62, 345, 394, 429) it is agreed on in rounds who reads
 * which partition, each a generation.
 *
 *                     membership_poll()             the leader's assignment
 *      FINDING ─────► JOINING ─────────► SYNCING ─────────────────────────► STABLE ── heartbeats ──┐
 *         ▲              ▲                                                    │  ▲                 │
 *         │              └── membership_rejoin(): all was given up ◄─ revoked() ◄─┘ somebody comes or goes
 *         └── the coordinator is another, or does not answer
 *
 * Like Kafka's consumer it has two halves. Heartbeats go by themselves. All that changes what the owner may read
 * waits until the owner calls membership_poll(), as it does between two pieces of work: partitions are never taken
 * away under its hands. Who does not call for max_poll_interval_ms leaves the group, and learns of it with the next
 * call: lost().
 *
 * The consumer protocol (KIP-848) has no rounds: heartbeats say it all (membership_consumer.c). Nor has that of streams
 * groups (KIP-1071), in which all topics are read by one subtopology (membership_streams.c). To the owner all look alike.
 *
 * In the classic protocol, and in that of streams groups, topics have names: who owns a partition goes on with it when its topic is
 * deleted and made again, and what is committed counts for whichever has that name. In the consumer protocol they have ids: there a
 * partition of the next topic is another one, which is given out anew, and OffsetCommit and OffsetFetch say which is meant (version 10).
 *
 * Range, roundrobin and sticky are eager: all partitions are given up before each round. Cooperative-sticky keeps what
 * does not move; what moves is given up after the round, and then there is another. */
#ifndef CLIENT_MEMBERSHIP_H
#define CLIENT_MEMBERSHIP_H

#include "broker/client/client.h"

struct membership;

enum group_assignor {
    ASSIGNOR_RANGE,
    ASSIGNOR_ROUNDROBIN,
    ASSIGNOR_STICKY,
    ASSIGNOR_COOPERATIVE_STICKY,
    ASSIGNOR_UNIFORM, /* of the coordinator; with the consumer protocol */
    ASSIGNORS_N
};

/* All are set. */
struct membership_ops {
    /* These are to be given up: the owner commits what it has done, and calls membership_rejoin(). */
    void (*revoked)(void *owner, const struct topic_partition *v, int32_t n);
    /* These are gone already: another one may have them. */
    void (*lost)(void *owner, const struct topic_partition *v, int32_t n);
    /* A round has ended. owned: all that this member has now; added: those that it had not before. */
    void (*assigned)(void *owner, int32_t generation, const struct topic_partition *owned,
                     int32_t owned_n, const struct topic_partition *added, int32_t added_n);
    /* It will not be a member: K_ERR_FENCED_INSTANCE_ID, K_ERR_INCONSISTENT_GROUP_PROTOCOL … */
    void (*refused)(void *owner, int16_t error);
    /* The owner should call membership_poll() when it can. */
    void (*wants_poll)(void *owner);
    /* After membership_leave(). */
    void (*left)(void *owner);
    /* Of a streams group: it keeps copies of what is worked on of these (standby tasks), and of no others, from now on. */
    void (*copies)(void *owner, const struct topic_partition *v, int32_t n);
    /* Of a streams group: what its coordinator says of the application, and did not say with the answer before. */
    void (*said)(void *owner, struct slice words);
};

enum group_protocol_kind {
    GROUP_PROTOCOL_CLASSIC,
    GROUP_PROTOCOL_CONSUMER,
    GROUP_PROTOCOL_STREAMS,
};

struct membership_params {
    struct slice group_id;
    struct slice instance_id; /* null: a dynamic member */
    const struct slice *topics;
    int32_t topics_n;
    enum group_protocol_kind protocol;
    /* Of a streams group: whether it keeps a store, whose changelog the cluster makes, and the epoch of its topology. */
    bool has_store;
    int32_t topology_epoch;
    /* Of the consumer protocol, where the coordinator assigns: range, or else uniform. */
    enum group_assignor assignor;
    /* Of the other protocols, where the coordinator says both: only how long to wait for an answer. */
    int64_t session_timeout_ms, heartbeat_interval_ms, max_poll_interval_ms; /* 45 s, 3 s, 5 min */
    const struct membership_ops *ops;
    void *owner;
};

struct membership_params membership_params_default(void);
struct membership *membership_new(struct client *c, const struct membership_params *p);
/* The owner is ready for changes; any of the callbacks may come from within. */
void membership_poll(struct membership *m);
/* After revoked(): they are given up. */
void membership_rejoin(struct membership *m);
/* Leaves (a static member only stops: its place is kept), and does nothing more. */
void membership_leave(struct membership *m);
/* In which it was given what it owns, and so commits: between the halves of a round that is the one before, for a cooperative
 * member keeps its partitions meanwhile, and the new one may give them to others, or come to nothing. Kafka's groupMetadata()
 * has the same. -1: no member, or nothing was given. */
int32_t membership_generation(const struct membership *m);
/* Of the classic protocol: when it came to this generation, if it had not heard for a session then that it is a member: it may have been
 * put out meanwhile. 0: it had. */
int64_t membership_came_back_ns(const struct membership *m);

/* Null: not given yet. Valid until the owner's next call. */
struct slice membership_member_id(const struct membership *m);

/* ---- offsets ---- */

struct group_offset {
    struct slice topic;
    int32_t partition;
    int64_t offset; /* -1: none is committed */
    int32_t leader_epoch;
    struct uuid topic_id; /* as in struct topic_partition */
};

/* How many from here on are of one topic: neighbours stand together in requests. */
int32_t group_offsets_run(const struct group_offset *v, int32_t n, int32_t from);

/* A commit, or a look at what is committed, tried again while the coordinator moves, until timeout_ms is over. */
struct group_op {
    void (*done)(struct group_op *op);
    void *owner;
    int64_t timeout_ms; /* 0: 60,000 */
    /* What came of it. */
    int16_t error;
    bool
        in_doubt; /* with an error: it may have been done, or may yet be; without: an attempt before the last may yet be */
    int32_t generation;           /* under which it was asked for */
    const struct group_offset *v; /* of a look, valid during done() */
    int32_t n;
    struct group_op_state *state;
};
void membership_commit(struct membership *m, struct group_op *op, const struct group_offset *v,
                       int32_t n);
void membership_committed(struct membership *m, struct group_op *op,
                          const struct topic_partition *v, int32_t n);

#endif
