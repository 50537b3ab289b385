/* What the files of this folder share: the quorum's state in memory, and who calls whom. Nobody
 * outside includes this.
 *
 *     transition.c   the states, the moves between them, and what must hold in each
 *     election.c     time-outs, pre-votes, votes                     (prospective, candidate)
 *     leader.c       the first batch of an epoch, progress of others, high watermark, check-quorum
 *     fetcher.c      fetching from the leader, cutting what diverged  (follower, observer)
 *     serve.c, serve_fetch.c, describe.c     requests of others
 *     persist.c      quorum-state on disk; answers that wait for it
 *     apply.c        everything the owner is told, in later steps
 *     fresh.c        what was appended and is not yet applied, in memory
 *     wait_leader.c  says when a leader stays away for long
 *     members.c      voters and bootstrap servers, their connections
 *     control.c      the log's control records
 *     raft.c         life from open to close */
#ifndef RAFT_STATE_H
#define RAFT_STATE_H

#include "broker/base/address.h"
#include "broker/env/wait.h"
#include "broker/log/commitlog.h"
#include "broker/log/file_replace.h"
#include "broker/protocol/channel.h"
#include "broker/protocol/codec.h"
#include "broker/raft/quorum_state.h"
#include "broker/raft/raft.h"
#include "broker/raft/rules.h"
#include "broker/record/control.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

/* Of the requests that we send. */
#define RAFT_VOTE_VERSION 2
#define RAFT_BEGIN_VERSION 1
#define RAFT_END_VERSION 1
#define RAFT_FETCH_VERSION 18

#define RAFT_VOTERS_MAX 32
#define RAFT_FETCH_WAIT_MS 500
#define RAFT_FETCH_BYTES (8 << 20)
#define RAFT_OBSERVER_MEMORY_MS 300000
#define RAFT_UNCOMMITTED_MAX 100000 /* records; proposals are refused above */

enum ballot { BALLOT_OPEN, BALLOT_GRANTED, BALLOT_REJECTED };

/* Somebody at an endpoint: a voter, or a bootstrap server of which no more is known (id RAFT_NOBODY).
 * Lives as long as the raft: calls under way point to it. A long fetch must not hold back a vote, so
 * each has connections of its own. */
struct member {
    struct raft *raft;
    struct raft_voter who;
    bool is_voter;
    struct channel talk, fetch;
    struct timer retry; /* of a vote request */
    enum ballot ballot; /* in the election that is on */
    int64_t end_offset; /* while leading: durable there, -1: not known in this epoch */
    int64_t last_fetch_ns;
    int64_t last_fetch_ms, caught_up_ms; /* wall clock: for DescribeQuorum; -1 never */
    int16_t refused_with;                /* by its last answer; K_ERR_NONE if it took the request */
};

/* A replica that only reads, as the leader sees it. */
struct observer {
    struct list node;
    struct voter_key key;
    int64_t end_offset, last_fetch_ns, last_fetch_ms, caught_up_ms;
};

/* A request under way; freed when done. */
struct raft_call {
    struct call call;
    struct raft *raft;
    struct member *to;
    int32_t epoch; /* of ours when it was sent */
    bool is_pre_vote;
};

struct raft {
    struct env *env;
    struct raft_config cfg;
    const struct raft_ops *ops;
    void *owner;

    enum raft_state state;
    struct election election;
    int16_t kraft_version;
    VEC(struct member *) members;
    VEC(struct raft_voter) voters; /* what raft_voters() gives; sorted by id */

    /* persist.c */
    struct file_replace replace;
    struct slice state_path;
    int64_t changes, changes_writing, changes_durable; /* counted */
    int64_t must_be_durable;                           /* which of them, before anything is said */
    struct list answers;                               /* to be given when durable */

    /* election.c, and the time-out of whatever state */
    struct timer timer;
    int32_t retries;  /* lost elections in a row */
    bool backing_off; /* candidate: lost, waits */
    bool asked;       /* prospective or candidate: requests were sent */
    bool has_fetched; /* follower: an answer came from this leader */
    int64_t fetch_patience_ns, fetch_deadline_ns;

    /* leader.c */
    int64_t epoch_start;
    struct timer begin_timer;
    struct list observers;
    struct list fetches; /* answers that wait for data */

    /* fetcher.c */
    struct timer fetch_timer; /* again after a failure */
    struct raft_call *fetching;
    bool truncating, closes_after_cut;
    struct log_op truncate_op;
    int64_t leader_high_watermark;
    int32_t next_endpoint;
    int32_t refusals; /* in a row: answers that led to nothing */
    int64_t snapshot_wanted;

    /* wait_leader.c */
    bool has_leader; /* or leads; not so as long as nothing has come from it */
    int64_t leaderless_since_ns;
    struct wait leader_wait, snapshot_wait;

    /* the log */
    struct commitlog log;
    struct log_config log_config;
    struct log_op open_sync, close_op;
    struct op dir_op;
    struct file_slurp slurp;
    struct log_end checkpoint; /* the latest; {0, 0} if none */
    int64_t high_watermark;

    /* fresh.c */
    struct list fresh;
    int64_t fresh_bytes;

    /* apply.c */
    struct task pump;
    struct timer load_timer; /* committed batches could not be read just now */
    struct log_load load;
    bool loading;
    int64_t applied; /* all below was given to the owner */
    int64_t told_caught_up;
    int32_t told_epoch, told_leader;
    bool is_opened; /* opened() was called with success */
    bool is_active;
    int32_t active_epoch;
    bool is_closing;
    struct timer close_timer;
    int32_t ends_n; /* of EndQuorumEpoch, not yet answered */
    void (*closed)(void *owner);
};

/* ---- transition.c ---- */
bool raft_is_voter(const struct raft *r);
void raft_move(struct raft *r, enum raft_state to, const struct election *e);
/* Somebody named this epoch and leader (or RAFT_NOBODY): follow if it is newer than what we know. */
void raft_see(struct raft *r, int32_t epoch, int32_t leader_id);
void raft_become_unattached(struct raft *r, int32_t epoch);
void raft_become_follower(struct raft *r, int32_t epoch, int32_t leader_id);
void raft_become_resigned(struct raft *r);

/* ---- persist.c ---- */
/* After a change of r->election from `old`. */
void persist_change(struct raft *r, const struct election *old);
/* Nothing may be said that rests on epoch or vote until this is true; raft_went_durable() follows. */
bool persist_is_durable(const struct raft *r);
/* Writes if there is anything to write and no write under way. */
void persist_write(struct raft *r);

/* ---- election.c ---- */
void election_timer_due(struct timer *t);
void election_retry_due(struct timer *t);
void election_begin_wait(struct raft *r);
/* Votes that can be asked for or counted now are. */
void election_go_on(struct raft *r);

/* ---- leader.c ---- */
void leader_begin(struct raft *r);
void leader_end(struct raft *r);
void leader_update_high_watermark(struct raft *r);
void leader_check_quorum(struct raft *r);
void leader_note_fetch(struct raft *r, struct voter_key who, int64_t offset);
void leader_send_end(struct raft *r);
void leader_begin_due(struct timer *t);

/* ---- fetcher.c ---- */
void fetcher_go_on(struct raft *r);
void fetcher_stop(struct raft *r);
void fetcher_due(struct timer *t);
void fetcher_log_synced(struct raft *r);

/* ---- wait_leader.c ---- */
void wait_leader_init(struct raft *r);
/* After a change of state. */
void wait_leader_moved(struct raft *r);
/* Something has come from the leader. */
void wait_leader_over(struct raft *r);

/* ---- serve.c, serve_fetch.c ---- */
/* Ends waiting fetches that can be answered now. */
void serve_fetches(struct raft *r);
/* The requester has gone. */
void serve_forget_verdict(struct raft_answer *a);
void serve_forget_fetch(struct raft_answer *a);
/* Gives the answers that were waiting for quorum-state. */
void serve_durable(struct raft *r);
bool serve_cluster_ok(const struct raft *r, struct slice cluster_id);
/* What a request to the leader of that epoch is answered here, if not K_ERR_NONE. */
int16_t serve_leader_error(const struct raft *r, int32_t epoch);

/* ---- apply.c ---- */
void apply_kick(struct raft *r);
void apply_run(struct task *t);
void apply_load_due(struct timer *t);
void apply_high_watermark(struct raft *r, int64_t high_watermark);

/* ---- fresh.c ---- */
/* As leader: the log has taken these, and gave them their offsets. */
void fresh_led(struct raft *r, struct slice batches, const struct log_append *a);
/* As follower: the log has taken some of these, from this offset on. */
void fresh_fetched(struct raft *r, struct slice batches, int64_t from);
/* What reaches to this offset or above goes. */
void fresh_cut(struct raft *r, int64_t at);
/* The first offset that is there, and not applied; INT64_MAX: none. */
int64_t fresh_from(struct raft *r);
/* The batch to be applied next, if it is there and committed. */
bool fresh_next(struct raft *r, struct arena *a, struct slice *ret);

/* ---- members.c ---- */
void members_set_voters(struct raft *r, const struct raft_voter *v, int32_t n);
void members_set_bootstrap(struct raft *r, const struct raft_endpoint *e, int32_t n);
struct member *member_by_id(const struct raft *r, int32_t id);
struct member *member_voter(const struct raft *r, struct voter_key key);
/* Of the current leader; NULL: not known. */
struct member *member_leader(const struct raft *r);
int32_t members_voters_n(const struct raft *r);
void members_learn(struct raft *r, int32_t id, struct slice host, int32_t port);

/* ---- raft.c ---- */
/* All EndQuorumEpoch requests are answered. */
void raft_ends_done(struct raft *r);
/* ---- control.c ---- */
struct buf *control_leader_change(struct raft *r, bool with_voters);
/* Takes voters and kraft.version from a control batch. */
void control_take(struct raft *r, struct slice batch, const struct batch_header *h);
/* The batches of the checkpoint 0-0. */
struct buf *control_snapshot_head(struct env *env, int16_t kraft_version,
                                  const struct raft_voter *v, int32_t n);
struct buf *control_snapshot_foot(struct env *env, int64_t base_offset);

/* ---- small ---- */
struct log_end raft_log_end(const struct raft *r);
/* The largest epoch of ours that is not above, with its end. */
struct log_end raft_epoch_end(const struct raft *r, int32_t epoch);
static inline struct voter_key
raft_self(const struct raft *r)
{
    return (struct voter_key){r->cfg.node_id, r->cfg.directory_id};
}
void raft_say(struct raft *r, int32_t level, struct slice what, int64_t number);
void raft_fatal(struct raft *r, const char *what, struct slice why);

/* done is called with the answer, and frees the call. */
struct raft_call *raft_call_new(struct raft *r, struct member *to,
                                void (*done)(struct call *, enum env_err, struct slice,
                                             struct buf *));
void raft_call_send(struct raft_call *c, struct channel *ch, int16_t api, int16_t version,
                    const void *request);

#endif
