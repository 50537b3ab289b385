/* Marks: places in the code that are reached seldom. A machine that comes by leaves a note; a hunt adds up in how many runs each
 * was reached, and which never were: what no run reaches, no witness has judged. They decide nothing and are in no hash.
 *
 *     MARK(p->env, LOG_DIVERGED);
 *
 * A new place: a line here, and that line there. */
#ifndef ENV_MARKS_H
#define ENV_MARKS_H

/*   mark, spelling, what happens there */
/* clang-format off */
#define MARKS(X)                                                                                                       \
    X(LOG_TAIL_CUT, "log-tail-cut", "recovery cuts off the end of a log that is not whole")                            \
    X(LOG_SEGMENTS_DROPPED, "log-segments-dropped", "recovery drops segments behind a place that is not whole")        \
    X(LOG_HOLE_FOUND, "log-hole-found", "segment files are missing in the middle of a log")                            \
    X(LOG_OUTLIVED_REMOVED, "log-outlived-removed", "a segment that a cleaned one has replaced is still there at the start") \
    X(SWAP_FINISHED, "swap-finished", "a swap of segments that a crash cut off is finished at the start")              \
    X(SWAP_UNDONE, "swap-undone", "a swap of segments that a crash cut off is undone at the start")                    \
    X(CLEANED_LEFT_OVER, "cleaned-left-over", "files of a cleaning that did not end are removed at the start")         \
    X(INDEX_REBUILT, "index-rebuilt", "an index is missing or damaged, and made anew from the log")                    \
    X(SYNC_FAILED, "sync-failed", "a sync fails: the log goes offline")                                                \
    X(DUPLICATE_BATCH, "duplicate-batch", "a producer sends again what is there: it is told the first offsets")        \
    X(RETENTION_REMOVES, "retention-removes", "a segment goes by its age, the log's size or its start")                \
    X(CLEANER_MAP_FULL, "cleaner-map-full", "not all keys fit into the cleaner's map: it cleans in rounds")            \
    X(CLEANING_GIVEN_UP, "cleaning-given-up", "a cleaning is given up: its log is cut, is closed, or its disk fails")  \
    X(CLEANING_PUT_OFF, "cleaning-put-off", "what the cleaner has found is under way otherwise, or was cut, when it begins") \
    X(LOG_DIVERGED, "log-diverged", "a follower cuts its log where its epoch ends in the leader's")                    \
    X(FOLLOWER_OUT_OF_RANGE, "follower-out-of-range", "a follower stands where its leader has nothing any more, or not yet") \
    X(FETCH_SESSION_LOST, "fetch-session-lost", "a leader has forgotten a follower's session: it begins another at once") \
    X(HOLE_ASKED_FOR, "hole-asked-for", "a follower asks its leader for what lies in a hole of its log")               \
    X(LOG_BEGINS_WITHIN, "log-begins-within", "a leader's log begins within a batch: a follower begins there anew")    \
    X(ISR_SHRINK_ASKED, "isr-shrink-asked", "a leader wants a follower that lags out of the ISR")                      \
    X(ISR_GROWTH_ASKED, "isr-growth-asked", "a leader wants a follower that has caught up in the ISR")                 \
    X(ISR_ANSWER_STALE, "isr-answer-stale", "an answer about the ISR comes when the leader wishes something else")     \
    X(ISR_CHANGE_REFUSED, "isr-change-refused", "a controller refuses a change of the ISR for good")                   \
    X(ISR_CHANGE_OVERTAKEN, "isr-change-overtaken", "a controller knows better than a leader who is in the ISR")       \
    X(APPENDS_ABANDONED, "appends-abandoned", "who waits for an append is told that its leader leads no more")         \
    X(LOG_EPOCH_AHEAD, "log-epoch-ahead", "a log has a later epoch than its leader, which goes on in its own")       \
    X(VANISHED_SKIPPED, "vanished-skipped", "a leader leaves out the offsets of records that vanished")                \
    X(EPOCH_FENCED, "epoch-fenced", "a fetch speaks of an older leader epoch, and is refused")                         \
    X(EPOCH_UNKNOWN, "epoch-unknown", "a fetch speaks of a newer leader epoch than this broker knows")                 \
    X(READER_DIVERGED, "reader-diverged", "a reader's last epoch ended earlier in this log than where it stands")      \
    X(ABORTED_TOLD, "aborted-told", "a reader of committed records is told which transactions to leave out")           \
    X(PRODUCE_TIMED_OUT, "produce-timed-out", "nobody copies what a producer waits for until its time is over")        \
    X(TOO_FEW_REPLICAS, "too-few-replicas", "acks=all is refused: the ISR is below the minimum")                       \
    X(SEQUENCE_REFUSED, "sequence-refused", "a batch comes out of order, and is refused")                              \
    X(PRODUCER_FENCED, "producer-fenced", "a producer of an older epoch is refused")                                   \
    X(TOO_FEW_AFTER_APPEND, "too-few-after-append", "the ISR fell below the minimum between an append and its answer") \
    X(LEADING_UNPROVEN, "leading-unproven", "a leader does not hear in time from all who might lead instead of it")     \
    X(FETCH_SESSION_EVICTED, "fetch-session-evicted", "a fetch session makes way for another one")                     \
    X(PRE_VOTE_ASKED, "pre-vote-asked", "a controller asks whether it would be elected")                               \
    X(PRE_VOTE_LOST, "pre-vote-lost", "a controller is not encouraged to stand, and goes on as it was")                \
    X(ELECTION_LOST, "election-lost", "a candidate is rejected by a majority, and waits before it stands again")       \
    X(VOTE_REFUSED, "vote-refused", "a vote is refused: for another candidate, or a log that is behind")               \
    X(QUORUM_LOST, "quorum-lost", "a leader of the quorum resigns: no majority fetches any more")                      \
    X(QUORUM_LOG_CUT, "quorum-log-cut", "a controller's log diverges from the leader's, and is cut")                   \
    X(QUORUM_READER_DIVERGED, "quorum-reader-diverged", "a leader of the quorum tells a follower where their logs part") \
    X(SNAPSHOT_NEEDED, "snapshot-needed", "a follower is sent to a snapshot: the log begins behind where it stands")   \
    X(BROKER_SESSION_EXPIRED, "broker-session-expired", "a broker is silent for too long, and fenced")                 \
    X(ELR_ELECTED, "elr-elected", "somebody is elected from among the eligible leader replicas")                       \
    X(LAST_LEADER_ELECTED, "last-leader-elected", "nobody is known to be complete: the last leader leads again")       \
    X(UNCLEAN_ELECTED, "unclean-elected", "somebody is elected who may lack records, as an operator permits")          \
    X(LEADERLESS, "leaderless", "nobody can be elected: a partition waits for one of those who might lead")            \
    X(UNCLEAN_RESTART, "unclean-restart", "a broker comes back without a clean end, and leaves every ISR and ELR")     \
    X(ISR_CHANGE_STALE, "isr-change-stale", "a leader asks for an ISR by an epoch that is over, or for who may not be in it") \
    X(MEMBER_EXPIRED, "member-expired", "a member of a classic group is silent for too long")                          \
    X(MEMBER_ABSENT, "member-absent", "a member that did not join a round in time is left out")                        \
    X(MEMBER_FENCED, "member-fenced", "a member of a group of KIP-848 is silent, or gives up too late, and is out")    \
    X(STATIC_MEMBER_BACK, "static-member-back", "a static member comes back under another id, and fences the one before") \
    X(ASSIGNMENT_UNSTORED, "assignment-unstored", "an assignment could not be written: another round begins")          \
    X(TXN_TIMED_OUT, "txn-timed-out", "a transaction goes on for too long: it is aborted, its producer fenced")        \
    X(TXN_OF_PREDECESSOR, "txn-of-predecessor", "a new instance of a producer aborts the transaction of the one before") \
    X(TXN_INHERITED, "txn-inherited", "a coordinator finds a transaction that was decided, and carries it out")        \
    X(TXN_END_REPEATED, "txn-end-repeated", "a producer asks again for the end that was made")                         \
    X(MARKERS_AGAIN, "markers-again", "markers that were not written are sent again")                                  \
    X(COMPLETION_LATE, "completion-late", "that a transaction is complete takes long to be written")                   \
    X(VERIFICATION_AGAIN, "verification-again", "a coordinator still ends the last transaction when the next begins")  \
    X(VERIFICATION_STOPPED, "verification-stopped", "a broker stops while others wait for what it asks a coordinator")

/* clang-format on */

enum mark_kind {
#define X(id, spelling, about) MARK_##id,
    MARKS(X)
#undef X
        MARKS_N
};

const char *mark_spelling(enum mark_kind mark);

#endif
