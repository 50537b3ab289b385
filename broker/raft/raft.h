/* The KRaft quorum over the metadata log (KIP-595, 853, 996): who leads the controllers, and which
 * records of `__cluster_metadata-0` are committed. Voters (controllers) elect and replicate; observers
 * (brokers) only fetch. Both see the same committed batches in the same order.
 *
 *        requests from peers                                proposals of the controller
 *              │ raft_handle_…()                                     │ raft_propose()
 *              ▼                                                     ▼
 *         ┌──────────────────────────── raft ──────────────────────────────┐
 *         │ election (vote.c …)   leader (commit_offset.c …)   fetcher     │──► channels to the peers
 *         └──────┬───────────────────────┬─────────────────────────────────┘
 *                ▼                       ▼
 *           quorum-state        __cluster_metadata-0 (commitlog)  ──► ops->committed(), in order
 *
 * What is promised: at most one leader in an epoch; what was committed at an offset stays there; the
 * epoch on disk never falls. For that, three things are durable before anybody hears of them: a vote
 * and an epoch (vote_persist.c), a follower's log up to the offset from which it fetches on, and a
 * leader's own log up to where it counts itself. */
#ifndef RAFT_RAFT_H
#define RAFT_RAFT_H

#include "broker/env/env.h"

struct raft;
struct writer;
struct k_vote_request;
struct k_begin_quorum_epoch_request;
struct k_end_quorum_epoch_request;
struct k_fetch_request;
struct k_fetch_snapshot_request;
struct k_describe_quorum_request;
struct k_update_raft_voter_request;

#define RAFT_TOPIC S("__cluster_metadata")
#define RAFT_DIR S("__cluster_metadata-0")
/* AAAAAAAAAAAAAAAAAAAAAQ */
#define RAFT_TOPIC_ID ((struct uuid){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})
#define RAFT_NOBODY (-1)

/* A voter's name is the pair of id and directory id; the latter is zero while it is not known (always
 * with kraft.version 0). */
struct raft_voter {
    int32_t id;
    struct uuid directory_id;
    struct slice listener; /* "CONTROLLER" */
    struct slice host;
    int32_t port;
};

struct login_kind;

struct raft_endpoint {
    struct slice host;
    int32_t port;
};

/* Copied by raft_new(). Zero for a time means Kafka's default, the figure behind it. */
struct raft_config {
    int32_t node_id;
    struct uuid directory_id;
    struct slice cluster_id;
    /* The metadata log is log_dir/__cluster_metadata-0. The directory exists, and its own name is
     * durable: its parent was synced. */
    struct slice log_dir;
    /* process.roles has controller. It votes once it finds its own id (and directory) among the voters. */
    bool is_controller;
    struct slice listener;          /* of controllers: the name for endpoints, "CONTROLLER" */
    const struct login_kind *login; /* to that listener; NULL: none is needed */
    /* controller.quorum.voters: then kraft.version is 0. Empty: kraft.version 1, the voters stand in
     * the checkpoint 0-0 and in the log, and an observer finds them through the bootstrap servers. */
    const struct raft_voter *voters;
    int32_t voters_n;
    const struct raft_endpoint *bootstrap; /* controller.quorum.bootstrap.servers */
    int32_t bootstrap_n;
    int64_t election_timeout_ms;     /* 1000  controller.quorum.election.timeout.ms */
    int64_t election_backoff_max_ms; /* 1000  controller.quorum.election.backoff.max.ms */
    int64_t fetch_timeout_ms;        /* 2000  controller.quorum.fetch.timeout.ms */
    int64_t request_timeout_ms;      /* 2000  controller.quorum.request.timeout.ms */
    int64_t retry_backoff_ms;        /* 20    controller.quorum.retry.backoff.ms */
    int64_t max_batch_bytes;         /* 8 MiB */
    int64_t segment_bytes;           /* 1 GiB metadata.log.segment.bytes */
    int64_t segment_ms;              /* a week metadata.log.segment.ms */
    /* There is no append.linger: the log has one write in flight and gathers what comes meanwhile. */
};

/* One batch of the metadata log: whole, header first; borrowed for the call. */
struct raft_batch {
    struct slice bytes;
    int64_t base_offset, last_offset;
    int32_t epoch;
    int64_t append_time_ms;
    bool is_control;
};

/* What the raft tells its owner. Any may be NULL. None is called from within a call
 * into the raft: what a call causes happens after it has returned, as part of a later event. */
struct raft_ops {
    /* Once, when raft_open() is done. err != ENV_OK: this node cannot run; why is for people. */
    void (*opened)(void *owner, enum env_err err, struct slice why);
    /* leader_id is RAFT_NOBODY when not known. Epochs never fall. */
    void (*leader_changed)(void *owner, int32_t epoch, int32_t leader_id);
    /* This node leads, and every batch before its own epoch has been given to committed(): what is
     * applied is all there is. Proposals are welcome from here until resigned(). */
    void (*became_leader)(void *owner, int32_t epoch);
    /* Only after became_leader(epoch). Proposals of this epoch that are not committed may or may not
     * come to be committed later, under another leader. */
    void (*resigned)(void *owner, int32_t epoch);
    /* A snapshot takes the place of everything committed so far: batches back to back, to be applied
     * to an empty image; end_offset is exclusive. The checkpoint 0-0 (bootstrap records of a
     * standalone format) comes so as well, with end_offset 0, before opened(). */
    void (*snapshot)(void *owner, struct slice batches, int64_t end_offset, int32_t epoch);
    /* Each committed batch once per incarnation, in order, on leaders, followers and observers, also
     * the control batches. */
    void (*committed)(void *owner, const struct raft_batch *batch);
    /* After a run of committed(): all below high_watermark has been given. */
    void (*caught_up)(void *owner, int64_t high_watermark);
};

/* ---- life -------------------------------------------------------------------------------------- */

struct raft *raft_new(struct env *env, const struct raft_config *cfg, const struct raft_ops *ops,
                      void *owner);
/* Makes the directory if need be, reads quorum-state and checkpoints, recovers the log, and syncs all
 * that it will answer from. Then ops->opened(). Requests may be handled before: they are answered
 * with an error that is retried. */
void raft_open(struct raft *r);
/* In order before the end: a leader tells its voters (EndQuorumEpoch), which elect at once. New
 * requests are refused from here. closed() when the log is closed, or after at most a second. */
void raft_close(struct raft *r, void (*closed)(void *owner));

/* For `format --standalone` (kraft.version 1): makes log_dir/__cluster_metadata-0 with the checkpoint
 * 00000000000000000000-0000000000.checkpoint: this voter alone, and the metadata records given, each
 * value in the metadata log's framing. done() in a later step. Everything is copied. */
void raft_format_standalone(struct env *env, struct slice log_dir, const struct raft_voter *self,
                            const struct slice *values, int32_t n,
                            void (*done)(void *owner, enum env_err err), void *owner);

/* ---- proposals --------------------------------------------------------------------------------- */

enum raft_propose_err {
    RAFT_OK,
    RAFT_NOT_LEADER, /* not the leader of this epoch, or not yet (before became_leader) */
    RAFT_FULL,       /* too much is waiting: again after the next committed() */
    RAFT_TOO_LARGE,
};

/* Record values (framed), all of them in one batch: committed together or not at all. Offsets are
 * assigned at once, the last one is *ret_last_offset. */
enum raft_propose_err raft_propose(struct raft *r, int32_t epoch, const struct slice *values,
                                   int32_t n, int64_t *ret_last_offset);

/* ---- requests from peers ----------------------------------------------------------------------- */

/* The caller embeds one for each request. `done` is called once, maybe within the handler, maybe
 * later; the response (struct k_vote_response …; always complete, errors stand in it) and what it
 * points to lives until done() returns, except record ranges, whose file is the log's. */
struct raft_answer {
    void (*done)(struct raft_answer *a, const void *response);
    /* The raft's. */
    struct list node;
    struct raft *raft;
    struct timer timer;
    void *held;
};

/* The requester has gone: done() will not be called. Harmless when it was. */
void raft_answer_cancel(struct raft_answer *a);

/* Requests need to live only until the handler returns. The version is the request's. */
void raft_handle_vote(struct raft *r, struct raft_answer *a, const struct k_vote_request *q);
void raft_handle_begin_quorum_epoch(struct raft *r, struct raft_answer *a,
                                    const struct k_begin_quorum_epoch_request *q);
void raft_handle_end_quorum_epoch(struct raft *r, struct raft_answer *a,
                                  const struct k_end_quorum_epoch_request *q);
/* Of __cluster_metadata only. Waits up to MaxWaitMs for data or for a higher high watermark. */
void raft_handle_fetch(struct raft *r, struct raft_answer *a, const struct k_fetch_request *q,
                       int16_t version);
void raft_handle_fetch_snapshot(struct raft *r, struct raft_answer *a,
                                const struct k_fetch_snapshot_request *q);
void raft_handle_describe_quorum(struct raft *r, struct raft_answer *a,
                                 const struct k_describe_quorum_request *q, int16_t version);
void raft_handle_update_voter(struct raft *r, struct raft_answer *a,
                              const struct k_update_raft_voter_request *q);

/* ---- what is known ----------------------------------------------------------------------------- */

enum raft_state {
    RAFT_CLOSED,      /* before opened(), after raft_close() */
    RAFT_UNATTACHED,  /* no leader known; may have voted */
    RAFT_FOLLOWER,    /* a voter that fetches from a leader */
    RAFT_PROSPECTIVE, /* asks whether an election would be won (pre-vote, KIP-996) */
    RAFT_CANDIDATE,   /* a new epoch, with its own vote */
    RAFT_LEADER,
    RAFT_RESIGNED, /* led this epoch and does so no more */
    RAFT_OBSERVER, /* not a voter; with or without a known leader */
    RAFT_STATES_N,
};

enum raft_state raft_state(const struct raft *r);
/* "leader" … */
const char *raft_state_name(enum raft_state s);
int32_t raft_epoch(const struct raft *r);
/* RAFT_NOBODY when not known. */
int32_t raft_leader_id(const struct raft *r);
/* Where the leader listens for controllers' requests; false when not known. */
bool raft_leader_endpoint(const struct raft *r, struct raft_endpoint *ret);
/* How one shows there who one is; NULL: nobody is asked. */
const struct login_kind *raft_login(const struct raft *r);
/* Since when nothing has come from a leader, and this node does not lead; TIME_NEVER: there is a leader. */
int64_t raft_leaderless_since_ns(const struct raft *r);
/* For people: whom the leader is sought among, and what came of it. */
void raft_tell_leader(const struct raft *r, struct writer *w);
/* Leads, and has caught up: between became_leader() and resigned(). */
bool raft_is_active(const struct raft *r);
int64_t raft_high_watermark(const struct raft *r);
/* Where the log ends: the first offset of the next proposal. */
int64_t raft_end_offset(const struct raft *r);
int16_t raft_kraft_version(const struct raft *r);
/* The voters as known now; borrowed until the next step. */
const struct raft_voter *raft_voters(const struct raft *r, int32_t *ret_n);

#endif
