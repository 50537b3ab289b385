/* The rules of the quorum: pure functions, each alone in the file that has its name, with its reason
 * and its source. Everything else in this folder only carries out what they say. */
#ifndef RAFT_RULES_H
#define RAFT_RULES_H

#include "broker/raft/raft.h"

/* Where a log ends: the epoch of its last batch, and the offset behind it. An empty log is {0, 0}. */
struct log_end {
    int32_t epoch;
    int64_t offset;
};

/* Candidate `theirs` has at least everything that we have (Raft, section 5.4.1): a later last epoch
 * wins, in the same epoch the longer log. */
static inline bool
log_end_covers(struct log_end theirs, struct log_end ours)
{
    return theirs.epoch != ours.epoch ? theirs.epoch > ours.epoch : theirs.offset >= ours.offset;
}

/* A voter's name. A zero directory id: not known. */
struct voter_key {
    int32_t id; /* RAFT_NOBODY: none */
    struct uuid directory_id;
};

/* What a voter knows when it is asked for its vote. */
struct vote_facts {
    enum raft_state state;
    int32_t epoch;
    int32_t leader_id;      /* of this epoch, or RAFT_NOBODY */
    struct voter_key voted; /* in this epoch */
    struct log_end end;
    bool has_fetched; /* as a follower: an answer has come from the leader since it became one */

    struct voter_key candidate;
    int32_t candidate_epoch;
    struct log_end candidate_end;
};

bool vote(const struct vote_facts *f);
bool pre_vote(const struct vote_facts *f);

/* What stands in quorum-state. */
struct election {
    int32_t epoch;
    int32_t leader_id;
    struct voter_key voted;
};

enum persist {
    PERSIST_NOT,    /* nothing to write */
    PERSIST_LATER,  /* write; nobody waits */
    PERSIST_BEFORE, /* write; nothing is said in this epoch until it is durable */
};
enum persist vote_persist(const struct election *old, const struct election *now);

/* How many voters are more than half. */
static inline int32_t
majority(int32_t voters_n)
{
    return voters_n / 2 + 1;
}

/* ends[voters_n]: up to where each voter's log is durable, this leader's own among them. */
int64_t commit_offset(const int64_t *ends, int32_t voters_n, int64_t epoch_start,
                      int64_t high_watermark);

/* last_fetch_ns[others_n]: of the other voters. When the leader has to resign; TIME_NEVER if it needs
 * nobody. */
int64_t check_quorum(const int64_t *last_fetch_ns, int32_t others_n, bool leader_is_voter,
                     int64_t timeout_ns);

enum fetch_verdict { FETCH_VALID, FETCH_DIVERGED, FETCH_SNAPSHOT };

/* Follower at `offset`, whose last batch has `epoch`; known is the leader's largest epoch that is not
 * above it, with its end. */
enum fetch_verdict fetch_position(struct log_end follower, struct log_end known, int64_t log_start,
                                  int64_t log_end);

/* Where a follower cuts when the leader says that its epoch `diverging.epoch` ends at
 * `diverging.offset`; ours is our own largest epoch that is not above, with its end. */
int64_t divergence_cut(struct log_end diverging, struct log_end ours);

/* How long to wait before the next election. draw is a random number. */
int64_t election_timeout(int64_t timeout_ms, uint64_t draw);
/* After `retries` >= 1 lost elections. */
int64_t election_backoff(int64_t max_ms, int32_t retries, uint64_t draw);
/* Of the preferred candidate at `position` of n, when a leader resigns. */
int64_t successor_backoff(int64_t max_ms, int32_t position, int32_t n);

#endif
