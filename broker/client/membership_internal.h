/* Inside membership. */
#ifndef CLIENT_MEMBERSHIP_INTERNAL_H
#define CLIENT_MEMBERSHIP_INTERNAL_H

#include "broker/client/internal.h"
#include "broker/client/membership.h"

enum member_state {
    MEMBER_IDLE,      /* joins with the next poll */
    MEMBER_JOINING,   /* a JoinGroup is under way, or waits for a coordinator */
    MEMBER_SYNCING,   /* a SyncGroup is */
    MEMBER_ASSIGNED,  /* the round has ended, the owner hears of it with the next poll */
    MEMBER_GIVING_UP, /* the owner puts away what it lost in the round, or before it */
    MEMBER_STABLE,
    MEMBER_OUT, /* left, or refused */
};

/* How many partitions a topic had when we, as the leader, gave them out. */
struct counted_topic {
    struct slice topic;
    int32_t partitions_n; /* -1: to be counted as soon as it is known */
};

struct told_task {
    int32_t partition;
    bool is_copy;
};

struct membership {
    struct client *c;
    struct env *env;
    struct membership_params params;
    enum member_state state;
    struct peer *coordinator; /* NULL: to be found */
    struct slice id;          /* null: not given yet */
    int32_t generation;       /* -1: no member */
    int64_t heard_ns; /* classic: when it asked what was answered last as to a member; 0: nothing */
    int64_t came_back_ns; /* to this generation, not having heard so for a session; 0: it had */
    struct ask find, join, sync, beat, leave;
    struct timer find_again, join_again, beat_due, poll_due, second_round_due;
    struct client_watcher watcher;
    int32_t failures; /* in a row, of joining */
    bool wants_round; /* somebody came or went: join again with the next poll */
    bool is_lost;     /* what it owns is not its own any more; told with the next poll */
    bool is_leader;   /* of this generation */
    bool holds_back; /* the leader: some partitions are, or may be, nobody's until the next round */
    bool is_beat_void;   /* the heartbeat in flight is of another generation */
    bool says_all;       /* consumer protocol: the next heartbeat leaves nothing out */
    int64_t interval_ms; /* between heartbeats */
    VEC(struct topic_partition) owned, target;
    int32_t target_generation;          /* in which it was given out; -1: none that counts */
    VEC(struct topic_partition) going;  /* consumer protocol: the owner puts them away */
    VEC(struct topic_partition) copies; /* streams group: standby tasks */
    uint64_t statuses_said;             /* streams group: with the last answer, a bit for each */
    VEC(struct counted_topic) counted;
    int32_t looks_left;         /* streams group: for partitions of its tasks that are not known */
    VEC(struct told_task) told; /* streams group: its tasks, as it heard of them … */
    int64_t
        partitions_known; /* … and how many partitions of its topics were known when it looked what they are */
    struct arena join_arena; /* the answer to JoinGroup, for SyncGroup */
    const struct k_join_group_response *joined;
    struct list ops; /* offsets to be committed or looked at */
};

static inline bool
membership_is_cooperative(const struct membership *m)
{
    return m->params.assignor == ASSIGNOR_COOPERATIVE_STICKY;
}

/* ---- membership.c ---- */

/* Finds the coordinator if it is not known. */
void membership_find(struct membership *m);
void membership_forget_coordinator(struct membership *m);
/* By an answer of the coordinator this member is no member any more, of this generation or at all. */
void membership_lose(struct membership *m, bool forget_id);
void membership_refuse(struct membership *m, int16_t error);
void membership_want_round(struct membership *m);
void membership_begin_beats(struct membership *m);
/* By an answer of the coordinator it is a member: it was one when it asked, or later. */
void membership_heard(struct membership *m, const struct ask *a);
static inline bool
membership_is_of_coordinator(int16_t error)
{
    return error == K_ERR_NOT_COORDINATOR || error == K_ERR_COORDINATOR_NOT_AVAILABLE ||
           error == K_ERR_NETWORK_EXCEPTION;
}

/* Heartbeats say it all. */
static inline bool
membership_has_no_rounds(const struct membership *m)
{
    return m->params.protocol != GROUP_PROTOCOL_CLASSIC;
}

/* ---- membership_consumer.c ---- */

void membership_consumer_join(struct membership *m);
void membership_consumer_beat(struct membership *m);
void membership_consumer_gave_up(struct membership *m);
/* True: a request is under way. */
bool membership_consumer_leave(struct membership *m,
                               void (*done)(struct ask *a, enum env_err err, const void *response,
                                            struct buf *from));

/* Whether all of a are in b. */
bool membership_has_all(const struct topic_partition *a, int64_t a_n,
                        const struct topic_partition *b, int64_t b_n);

/* What an answer to a heartbeat says, whichever the protocol. */
struct heard_beat {
    int16_t error;
    int32_t epoch, interval_ms;
    bool says_target; /* m->target is what it says */
};

/* ---- membership_streams.c: the same in the words of a streams group ---- */

const void *membership_streams_say(struct membership *m);
const void *membership_streams_farewell(struct membership *m);
void membership_streams_hear(struct membership *m, const void *response, struct heard_beat *ret);
/* It is no member any more: it keeps no copies. */
void membership_streams_end(struct membership *m);
/* Has all that it heard been told to the owner? */
void membership_tell_if_other(struct membership *m);
/* What is known of topics has changed. */
void membership_streams_look(struct membership *m);

/* ---- membership_join.c ---- */

void membership_join_init(struct membership *m);
/* The next round begins, or goes on. */
void membership_join(struct membership *m);

/* ---- membership_offsets.c ---- */

/* The coordinator is known. */
void membership_ops_go(struct membership *m);

/* ---- membership_protocol.c: what members tell each other ---- */

struct slice membership_subscription(struct membership *m, struct arena *a);
/* Counts the partitions of what the members subscribe to, without giving them out: of a topic that is not known yet, later. */
void membership_count(struct membership *m, const struct k_join_group_response *r, struct arena *a);
/* The leader's work: who reads what, one assignment for each member of the answer. */
struct k_sync_group_request_sync_group_request_assignment *
membership_assign(struct membership *m, const struct k_join_group_response *r, struct arena *a);
/* Into m->target. False: it cannot be understood. */
bool membership_take_assignment(struct membership *m, struct slice bytes);
struct slice membership_assignor_name(enum group_assignor a);

#endif
