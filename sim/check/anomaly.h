/* Anomalies: what the three witnesses have to say. Every kind of wrong has one spelling, used in code,
 * reports and scenarios alike.
 *
 *      checker      black box: sees only the history of the clients
 *      oracle       sees the simulator's truth: what every replica holds, what was acknowledged
 *      invariant    white box: looks at every step of every node
 *
 * An anomaly that the configuration permits (acks=1, unclean election …) is still told, with `allowed`
 * and the reason. */
#ifndef SIM_CHECK_ANOMALY_H
#define SIM_CHECK_ANOMALY_H

#include "broker/base/bytes.h"

/*   rule, spelling, what it says */
/* clang-format off */
#define RULES(X)                                                                                     \
    /* of the clients' view */                                                                       \
    X(LOST, "lost", "an acknowledged record is not in the log")                                      \
    X(READ_LOST, "read-lost", "a record was read, though not acknowledged, and is gone")             \
    X(DUPLICATE, "duplicate", "a record is in the log more than once")                               \
    X(REORDERED, "reordered", "records of one producer are not in the order of its sends")           \
    X(INCONSISTENT_OFFSET, "inconsistent-offset", "an offset had two records, or a record two places") \
    X(NONMONOTONIC_POLL, "nonmonotonic-poll", "a consumer was taken back")                           \
    X(POLL_SKIP, "poll-skip", "a consumer was led past a record")                                    \
    X(PHANTOM, "phantom", "a record was read that was not sent there (before)")                      \
    X(FAILED_READ, "failed-read", "a record was read whose send had surely failed")                  \
    X(UNSEEN, "unseen", "a record of a committed transaction is not there for readers of committed records") \
    X(TORN, "torn", "a part of a transaction is in the log for readers of committed records")        \
    X(CORRUPT, "corrupt", "bytes were delivered that are no record")                                 \
    X(END_WENT_BACK, "end-went-back", "the end of the log went back")                                \
    X(REPLICA_DIFFERS, "replica-differs", "a replica lacks records that the leader has")             \
    X(UNDELETED, "undeleted", "a record is back that an administrator had deleted")                  \
    X(UNDONE, "undone", "an administrator was told that something is done, and it is not")           \
    X(RESURRECTED, "resurrected", "a key that was deleted has a value again")                        \
    /* of groups */                                                                                  \
    X(TWO_OWNERS, "two-owners", "two members had one partition in one generation")                   \
    X(OFFSET_WENT_BACK, "offset-went-back", "a committed offset went back, or is gone")              \
    X(FAILED_COMMIT, "failed-commit", "an offset is committed though its commit had surely failed")  \
    X(FOREIGN_OFFSET, "foreign-offset", "a group was told of an offset that was committed for another topic of the same name") \
    X(PROCESSED_TWICE, "processed-twice", "a group worked on a record more than once")               \
    X(UNPROCESSED, "unprocessed", "a group passed over a record")                                    \
    X(COPIED_TWICE, "copied-twice", "a group has copied a record more than once")                    \
    X(NOT_COPIED, "not-copied", "a group has passed over a record without a copy of it")             \
    X(STANDBY_BESIDE, "standby-beside", "a member of a streams group keeps a copy of what it works on itself") \
    X(UNOWNED, "unowned", "no member of a group has a partition, though some live")                  \
    X(GIVEN_AGAIN, "given-again", "a share group was given a record that it had acknowledged")       \
    X(HELD_BY_TWO, "held-by-two", "a record was given to one while another held it")                 \
    X(UNGIVEN, "ungiven", "a record that a share group had not acknowledged was given to nobody")    \
    X(GIVEN_TOO_OFTEN, "given-too-often", "a record was given out more often than it may be")        \
    X(NO_LETTER, "no-dead-letter", "a record that a share group did not want has no dead letter")    \
    X(WRONG_LETTER, "wrong-dead-letter", "a dead letter is not of what became of its record")        \
    X(START_PASSED, "start-passed", "a share group's start offset is above a record that was not done with, or went back") \
    /* of whoever asks */                                                                            \
    X(WRONG_ANSWER, "wrong-answer", "a node answered a question otherwise than Kafka does")          \
    /* liveness */                                                                                   \
    X(UNANSWERED, "unanswered", "a call never ended")                                                \
    X(UNREADABLE, "unreadable", "the final read did not come to an end")                             \
    X(NOT_SERVING, "not-serving", "a send failed long after everything was healed")                  \
    /* invariants of partitions, of the quorum, of the controller */                                 \
    X(ELECTION_SAFETY, "election-safety", "two leaders in one epoch")                                \
    X(ONE_VOTE, "one-vote", "a voter voted twice in one epoch")                                      \
    X(ELECTED_BY_FEW, "elected-by-few", "a voter leads without the votes of a majority")              \
    X(VOTE_BY_LOG, "vote-by-log", "a voter is for a candidate whose log lacks what it has itself") \
    X(EPOCH_WENT_BACK, "epoch-went-back", "an epoch went back")                                      \
    X(LOG_MATCHING, "log-matching", "same offset and epoch, other records")                          \
    X(LOG_CONTIGUOUS, "log-contiguous", "a log has a gap or an epoch out of order")                  \
    X(DISK_TRUTH, "disk-truth", "a node says that it has what its disk does not have")               \
    X(SEQUENCE_CONTINUITY, "sequence-continuity", "a producer's batches do not go on from each other") \
    X(TRANSACTION_STATE, "transaction-state", "states, partitions and markers of a transaction do not follow from each other") \
    X(GROUP_STATE, "group-state", "a group gave one partition to two members, shared out unevenly, or went back to an earlier epoch") \
    X(OFFSET_TOLD, "offset-told", "a coordinator told of another offset than is committed, or of one as stable that is about to move") \
    X(STATE_TOLD, "state-told", "a node told of a group, a transaction or a producer otherwise than its log has it") \
    X(CLUSTER_TOLD, "cluster-told", "a broker told of topics, partitions or brokers otherwise than the quorum has decided") \
    X(ANSWERED_EARLY, "answered-early", "a controller said that something is done before it was committed") \
    X(LOG_TOLD, "log-told", "a leader told of another beginning, end or time of its log than it has") \
    X(ID_GIVEN_TWICE, "id-given-twice", "a producer id was given to two")                            \
    X(EPOCH_CACHE, "epoch-cache", "the list of leader epochs is not that of the log")                \
    X(BESIDE_LOG, "beside-log", "an index, a list of aborted transactions or a snapshot of producers is not that of the log") \
    X(SEGMENT_SIZE, "segment-size", "a cleaning put segments together that segment.bytes keeps apart") \
    X(MESSAGE_SIZE, "message-size", "a leader took a batch that is larger than max.message.bytes, or refused one that is not") \
    X(FOLLOWER_POSITION, "follower-position", "a follower tells its leader of another log than its own") \
    X(ACKED_EARLY, "acked-early", "acknowledged before it was written, or (acks=all) committed")     \
    X(PRODUCER_ORDER, "producer-order", "a producer sends its batches out of their order")           \
    X(SYNC_ENDS, "sync-ends", "a sync of a log went on with what was written after it began")        \
    X(LEADER_APPENDS_ONLY, "leader-appends-only", "a leader cut its own log")                        \
    X(LEADER_COMPLETENESS, "leader-completeness", "a leader lacks committed records")                \
    X(COMMITTED_CHANGED, "committed-changed", "another record at a committed offset")                \
    X(COMMITTED_TRUNCATED, "committed-truncated", "an in-sync replica cut off committed records")    \
    X(HIGH_WATERMARK_BOUNDS, "high-watermark-bounds", "log start <= high watermark <= log end")      \
    X(HIGH_WATERMARK_MONOTONIC, "high-watermark-monotonic", "a high watermark went back")            \
    X(READ_UNCOMMITTED, "read-uncommitted", "a client was given what was not committed")             \
    X(READ_UNDECIDED, "read-undecided", "a reader of committed records was given one of a transaction that was open") \
    X(COUNTED_UNHEARD, "counted-unheard", "a leader counts on what a follower has not told it in its epoch") \
    X(ISR_SUPERSET, "isr-superset", "a leader counts on fewer than the ISR that was decided")        \
    X(OUT_TOO_SOON, "out-too-soon", "a follower was taken out of the ISR that had not lagged for replica.lag.time.max.ms") \
    X(LAGGARD_KEPT, "laggard-kept", "a follower stays in the ISR that lags for longer than replica.lag.time.max.ms") \
    X(RESTLESS, "restless", "an election or a fenced broker after all had come to rest") \
    X(ISR_HOLDS_COMMITTED, "isr-holds-committed", "an in-sync replica lacks committed records")      \
    X(LEADER_IN_ISR, "leader-in-isr", "the leader is not in the ISR")                                \
    X(LEADER_ELIGIBLE, "leader-eligible", "a leader from outside ISR and ELR: not uncleanly, or past one of them that lives") \
    X(DEPOSED, "deposed-without-cause", "a leader that could have gone on was replaced by one that is not preferred") \
    X(ISR_ELR, "isr-elr", "ISR and ELR: of the replicas, disjoint, no ELR beside a full ISR, one of another min.insync.replicas, or a leader from outside ISR and ELR") \
    X(ISR_FENCED, "isr-fenced", "a fenced broker was put into the ISR")                              \
    X(PARTITION_EPOCH_INCREASES, "partition-epoch-increases", "partition and leader epochs go up")   \
    X(BROKER_EPOCH_INCREASES, "broker-epoch-increases", "broker epochs go up")                       \
    X(QUORUM_MAJORITY, "quorum-majority", "committed, but not durable on a majority of voters")      \
    X(APPLIED_COMMITTED, "applied-committed", "metadata was applied before it was committed")

/* clang-format on */

enum rule {
#define X(id, spelling, says) RULE_##id,
    RULES(X)
#undef X
        RULES_N
};

const char *rule_spelling(enum rule rule);
const char *rule_says(enum rule rule);
/* False: no such rule. */
bool rule_find(struct slice spelling, enum rule *ret);

enum witness { WITNESS_CHECKER, WITNESS_ORACLE, WITNESS_INVARIANT };
const char *witness_spelling(enum witness witness);

/* How the oracle sorts a loss. */
enum loss {
    LOSS_NONE,          /* not a loss, or not the oracle's word */
    LOSS_BUG,           /* a copy survived on a replica that might have led */
    LOSS_ALLOWED,       /* permitted: acks, unclean election */
    LOSS_NOT_RECOVERED, /* a copy survived where the rules keep it from leading */
    LOSS_PHYSICS,       /* no copy survived */
};
const char *loss_spelling(enum loss loss);

struct anomaly {
    enum rule rule;
    enum witness witness;
    struct slice topic; /* null: of no topic */
    int32_t partition;  /* -1 */
    int64_t offset;     /* -1 */
    uint64_t value;     /* 0 */
    struct slice name;  /* of the value, as people read it ("p1:17"); may be null */
    int64_t at_ns;      /* when it was seen */
    int64_t cause_ns;   /* of a loss: when a leader without it was elected; 0: not known */
    bool allowed;
    bool is_of_guest; /* of a client outside: no business of the scenario's own expectations */
    enum loss loss;
    struct slice why;   /* allowed: by what */
    struct slice story; /* what happened, in sentences or lines */
};

struct anomalies {
    struct mem *mem;
    VEC(struct anomaly) v;
    int64_t counts[RULES_N]; /* all */
    int64_t disallowed;      /* of these, not allowed */
    int64_t left_out;        /* more than ANOMALIES_MAX of a rule and witness are only counted */
};

/* Told in full; the rest is only counted (except lost, duplicate, inconsistent-offset: all of them). */
#define ANOMALIES_MAX 1000

void anomalies_init(struct anomalies *a, struct mem *mem);
void anomalies_release(struct anomalies *a);
/* Copies the texts. */
void anomalies_add(struct anomalies *a, const struct anomaly *one);
/* As many of this rule as the witness told. */
int64_t anomalies_count(const struct anomalies *a, enum rule rule, enum witness witness);

/* Checker and oracle must name the same records as lost, as duplicate and as inconsistent-offset; either may, and
 * neither must, name what is in `perhaps`. True: they do. Else the differences are written to `ret_story`, one a line. */
bool witnesses_agree(const struct anomalies *checker, const struct anomalies *oracle,
                     const struct anomalies *perhaps, struct writer *ret_story);

#endif
