/* One classic group: its members, its generation, its committed offsets.
 *
 *              member joins                  all have joined,
 *                                            or time is up           leader's assignment is stored
 *     EMPTY ───────────────► PREPARING ────────────────► COMPLETING ────────────────► STABLE
 *       ▲                    REBALANCE  ◄────────────────REBALANCE                       │
 *       │                        ▲       member joins, leaves or is lost                 │
 *       └── nobody is left ──────┴───────────────────────────────────────────────────────┘
 *
 * DEAD ends every state: the group was deleted, or this broker does not lead its partition any more. A
 * group that only stores offsets stays EMPTY with no protocol type. */
#ifndef GROUP_GROUP_H
#define GROUP_GROUP_H

#include "broker/group/groups.h"
#include "broker/group/offset_rules.h"

struct shard;

/* Who comes to an empty group within so long of others comes together with them: the threads of one process, say. They
 * are one rebalance, whatever is configured; and nobody notices so short a wait. The first waits less: most come alone. */
#define GROUP_GATHER_FIRST_MS 10
#define GROUP_GATHER_MS 20

/* "PreparingRebalance" … */
struct slice group_state_name(enum group_state s);

struct group_protocol {
    struct slice name, metadata;
};

struct member {
    struct list node;
    struct group *group;
    struct slice id, instance_id; /* instance_id null: dynamic */
    struct slice client_id, client_host;
    int32_t session_timeout_ms, rebalance_timeout_ms;
    VEC(struct group_protocol) protocols; /* the preferred first */
    struct slice assignment;
    bool is_new;                      /* does not know its id yet */
    bool owes_sync;                   /* has joined this generation, has not synced */
    struct coordinator_call *joining; /* waits for the others */
    struct coordinator_call *syncing; /* waits for the leader */
    struct timer session;
};

/* An id that was given out (KIP-394) and has not come back. */
struct pending_member {
    struct list node;
    struct group *group;
    struct slice id;
    struct timer timer;
};

struct offset_value {
    int64_t offset;
    int32_t leader_epoch;
    struct slice metadata;
    int64_t commit_ms;
    int64_t expire_ms; /* -1: by the broker's retention */
    struct uuid topic_id;
};

struct offset {
    struct slice topic;
    int32_t partition;
    uint64_t created, appended; /* numbers of the first and the last write of this entry */
    uint64_t committed;         /* of the last that is committed; 0: none, no value yet */
    int32_t pending;            /* values that wait for the end of their transaction */
    struct offset_value value;
};

/* A LeaveGroup that is being carried out. */
struct leaver {
    struct coordinator_call *call;
    struct k_leave_group_response *response;
    bool waits;  /* the answer comes when the log has it that the group is empty … */
    int16_t err; /* … or it does not take that */
};

struct consumer;
struct share_group;
struct streams_group;

struct group {
    struct map_node by_id;
    struct shard *shard;
    struct slice id;
    enum group_state state, previous;
    int64_t state_since_ms;
    int32_t generation;
    struct slice protocol_type, protocol, leader; /* null: none */
    struct list members;                          /* in the order in which they came */
    int32_t members_n, joining_n;
    struct list pending;
    bool member_added; /* during the initial delay */
    int64_t delay_left_ms;
    struct timer join_timer, sync_timer;
    struct assignment_write *storing;
    struct leaver *leaver;        /* NULL but within groups_leave() */
    VEC(struct offset *) offsets; /* by topic, partition */
    uint64_t serial;
    /* Set: a consumer group of KIP-848 (consumer.h). The classic one is then EMPTY. */
    struct consumer *consumer;
    /* Set: a share group (share_group.h). Likewise. */
    struct share_group *share;
    /* Set: a streams group (streams_group.h). Likewise. */
    struct streams_group *streams;
};

/* ---- group.c ---- */

struct group *group_find(struct shard *s, struct slice id);
struct group *group_new(struct shard *s, struct slice id);
/* Nobody waits in it any more. */
void group_free(struct group *g);
/* Whether the drawing above has that arrow. */
bool group_state_may_follow(enum group_state from, enum group_state to);
/* Checks that it has. */
void group_move(struct group *g, enum group_state to);
/* Nothing is left of it but, perhaps, an id that was given out. */
bool group_is_blank(const struct group *g);
/* "Group g not found.", in the arena: for whoever asks for a group that is none, or of another kind. */
struct slice group_is_none(struct arena *a, struct slice id, const char *what);
/* Whether it has no members, of either protocol. */
bool group_has_nobody(const struct group *g);
/* Setting of the group, K_GCFG_…: see coordinator/group_setting.h. */
int64_t group_config_i64(const struct group *g, int32_t gcfg);
/* Everybody who waits is told `err`; the group is dead. */
void group_end(struct group *g, int16_t err);

/* A copy of the text takes the place of what *to had. */
void group_set_text(struct group *g, struct slice *to, struct slice text);

struct member *group_member(struct group *g, struct slice id);
struct member *group_static_member(struct group *g, struct slice instance_id);
struct pending_member *group_pending(struct group *g, struct slice id);
void group_remove_pending(struct pending_member *p);
/* The first becomes the leader. */
struct member *group_add_member(struct group *g, struct slice id, struct slice instance_id,
                                struct slice client_id, struct slice client_host);
/* Who waits with it hears `err`. */
void group_remove_member(struct member *m, int16_t err);
void member_set_id(struct member *m, struct slice id);
void member_set_protocols(struct member *m,
                          const struct k_join_group_request_join_group_request_protocol *v,
                          int32_t n);
void member_set_assignment(struct member *m, struct slice assignment);
bool member_has_protocols(const struct member *m,
                          const struct k_join_group_request_join_group_request_protocol *v,
                          int32_t n);
/* What the member said under the group's protocol. */
struct slice member_metadata(const struct member *m, struct slice protocol);
/* The member is heard of: its session begins anew. */
void member_heard(struct member *m);

/* 0, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
int16_t group_check_member(struct group *g, struct slice id, struct slice instance_id);
/* Whether a member with these protocols fits to the others. */
bool group_supports(struct group *g, struct slice protocol_type,
                    const struct k_join_group_request_join_group_request_protocol *v, int32_t n);
/* The protocol that most members prefer among those that all have. */
struct slice group_select_protocol(struct group *g);
int32_t group_rebalance_timeout_ms(const struct group *g);
bool group_is_leader(const struct group *g, const struct member *m);
/* Whether members that are consumers subscribe to the topic; true when that cannot be known. */
bool group_subscribes(struct group *g, struct slice topic);

/* ---- join.c, sync.c ---- */

/* A member came, left or changed: a rebalance begins, or goes on. */
void group_rebalance(struct group *g);
/* In PREPARING: ends the joining if nobody is missing. */
void group_join_maybe_complete(struct group *g);
void group_session_due(struct timer *t);
void group_join_due(struct timer *t);
void group_sync_due(struct timer *t);
void group_answer_join(struct group *g, struct coordinator_call *c, int16_t err,
                       struct slice member_id);
void group_answer_sync(struct group *g, struct coordinator_call *c, int16_t err,
                       struct slice assignment);
/* Members that wait for their assignment hear the error; nobody has one any more. */
void group_reset_assignments(struct group *g, int16_t err);
void group_forget_write(struct group *g);

/* ---- offsets.c ---- */

struct offset *group_offset(struct group *g, struct slice topic, int32_t partition);
/* Finds or makes it. */
struct offset *group_offset_get(struct group *g, struct slice topic, int32_t partition);
/* metadata is copied. */
void offset_set(struct group *g, struct offset *o, const struct offset_value *v);
void group_remove_offset(struct group *g, int64_t at);
/* A group that a commit made, and for nothing. */
void group_forget_made(struct group *g);
/* An entry that never had a value, when nothing waits to become one. Then perhaps the group. */
void group_forget_unused(struct group *g, struct offset *o);

#endif
