/* One streams group (KIP-1071): the instances of a Kafka Streams application share its tasks, and the coordinator assigns
 * them, knowing the application's topology.
 *
 *      something changes        the assignor runs          each member, heartbeat by heartbeat
 *      group epoch + 1   ───►   assignment epoch = it ───► closes ─► member epoch = it, opens
 *
 *      EMPTY no members · NOT_READY topics are missing or wrong · ASSIGNING group epoch > assignment's ·
 *      RECONCILING some member is behind · STABLE
 *
 * As with consumer groups it is the fold of records (streams_records.c). Not in the log are time-outs, what members say
 * of their disks, the wish to shut the application down, and where its state can be asked (endpoints): members say it
 * again. */
#ifndef GROUP_STREAMS_GROUP_H
#define GROUP_STREAMS_GROUP_H

#include "broker/group/consumer.h"
#include "broker/group/shard.h"
#include "broker/streams/assign_tasks.h"
#include "broker/streams/task_reconcile.h"

enum streams_state {
    STREAMS_EMPTY,
    STREAMS_NOT_READY,
    STREAMS_ASSIGNING,
    STREAMS_RECONCILING,
    STREAMS_STABLE,
};

/* What a member says of itself, as its record has it. */
typedef struct k_streams_group_member_metadata_value streams_spec;
typedef struct k_streams_group_member_metadata_value_key_value streams_tag;

struct task_offsets {
    struct task_offset *v; /* sorted as tasks are */
    int64_t n;
};

struct streams_member {
    struct map_node by_id;
    struct group *group;
    struct slice id;
    streams_spec spec;
    struct streams_current now;
    struct tasks target;
    struct task_offsets offsets, end_offsets;
    struct timer session, rebalance;
};

/* Who has a task, in which role, or has not closed it yet. */
struct task_holder {
    struct streams_member *member;
    enum task_role role;
};
struct held_task {
    struct map_node by_task;
    struct streams_task task; /* its text is its own */
    VEC(struct task_holder) holders;
};

/* Settings that an assignment depends on, as they are written: sorted by key. */
struct assignment_settings {
    struct slice keys[2], values[2];
    int32_t n; /* -1: not known */
};

struct streams_group {
    int32_t epoch;
    int64_t metadata_hash;
    int32_t validated_epoch; /* of the topology, when all of its topics were there; -1 */
    int32_t stored_description_epoch,
        failed_description_epoch;        /* another broker's: kept as they are */
    struct assignment_settings settings; /* of the last assignment */
    int32_t assignment_epoch;
    int64_t assignment_ms;
    topology *topology; /* NULL: none yet */
    struct arena topology_arena;
    struct map members; /* by id */
    struct map held;    /* tasks */

    /* Not in the log. */
    struct configured configured;
    struct arena configured_arena;
    bool is_configured;
    int64_t configured_hash;  /* of the topics that it was configured with */
    uint64_t seen_topics;     /* groups.topics_n when it was */
    struct slice shutdown_by; /* the member that wants the application to end; null */
    int32_t endpoint_epoch;
    struct timer initial_delay;
};

/* ---- streams_group.c ---- */

/* The group becomes one of this kind. It has no members. */
void streams_begin(struct group *g);
void streams_release(struct group *g);
struct slice streams_state_name(enum streams_state s);
enum streams_state streams_state(const struct group *g);
/* For the story: the state, if it is another one. */
void streams_note(struct group *g, enum streams_state was);
void streams_activate(struct group *g);
bool streams_subscribes(const struct group *g, struct slice topic);

struct streams_member *streams_member(const struct group *g, struct slice id);
struct streams_member *streams_static_member(const struct group *g, struct slice instance_id);
struct streams_member *streams_member_get(struct group *g, struct slice id);
void streams_member_remove(struct streams_member *m);
void streams_member_set_spec(struct streams_member *m, const streams_spec *spec);
void streams_member_set_current(struct streams_member *m, const struct streams_current *now);
void streams_member_set_offsets(struct streams_member *m, struct task_offsets *to,
                                const struct task_offsets *from);
void streams_set_topology(struct group *g, const topology *t);
void streams_set_settings(struct group *g, const struct assignment_settings *s);
void streams_set_shutdown(struct group *g, struct slice member_id);
/* Whether somebody else than the member is in the way of the task (task_reconcile.c). */
bool streams_task_is_held(const struct group *g, const struct streams_member *by,
                          struct slice process_id, const struct streams_task *t,
                          enum task_role role);
/* The member was heard of. */
void streams_member_heard(struct streams_member *m);
/* Arms or ends the time-out within which it must close tasks. */
void streams_member_watch(struct streams_member *m);

/* ---- streams_records.c ---- */

void record_streams_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                         const streams_spec *spec);
struct streams_epoch {
    int32_t epoch;
    int64_t metadata_hash;
    int32_t validated_epoch;
    const struct assignment_settings *settings;
};
void record_streams_epoch(struct batch_builder *b, const struct group *g,
                          const struct streams_epoch *e);
void record_streams_topology(struct batch_builder *b, const struct group *g, const topology *t);
void record_streams_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                           const struct tasks *target);
void record_streams_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                             int64_t time_ms);
void record_streams_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                            const struct streams_current *m);
/* Tombstones. */
void record_streams_member_gone(struct batch_builder *b, const struct group *g,
                                struct slice member_id);
void record_streams_gone(struct batch_builder *b, const struct group *g);
/* False: the key is of another kind of record. */
bool streams_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
                  struct slice value);

/* ---- streams_topics.c ---- */

/* The group's topology with the topics that there are now. */
void streams_configure(struct group *g, const topology *t);
struct assignment_settings streams_settings(const struct group *g, struct arena *a);
bool assignment_settings_eq(const struct assignment_settings *a,
                            const struct assignment_settings *b);

/* A member as it will be; the lists of the rest are made from it. */
struct streams_view {
    struct slice id;
    const streams_spec *spec;
    const struct tasks *target;
    const struct task_offsets *offsets;
};
/* The group's members, sorted by id, with `changed` in its place (NULL: as they are); without `without`. */
struct streams_view *streams_views(const struct group *g, struct arena *a,
                                   const struct streams_view *changed, struct slice without,
                                   int32_t *ret_n);
/* Records who shall have what at this epoch; *ret_own: what the member of that id shall have. */
void record_streams_assignment(struct batch_builder *b, const struct group *g, struct arena *a,
                               const struct streams_view *v, int32_t n, int32_t epoch,
                               struct slice own_id, bool own_is_new, struct tasks *ret_own);

/* ---- streams_request.c ---- */

/* 0, INVALID_REQUEST or STREAMS_INVALID_TOPOLOGY, and why. *ret_topology: the request's, if it has one. */
int16_t streams_request_check(const struct k_streams_group_heartbeat_request *q, struct arena *a,
                              topology **ret_topology, struct slice *why);

/* ---- streams_heartbeat.c ---- */

struct k_streams_group_heartbeat_response *streams_response_new(struct coordinator_call *call);
void streams_refuse(struct groups *gs, struct coordinator_call *call, int16_t err,
                    struct slice why);

/* ---- groups.c ---- */

/* Asks for the topics that are missing. */
void groups_make_topics(struct groups *gs, const struct configured *c);

/* ---- streams_failures.c ---- */

/* Why the topic could not be made a moment ago; null: nothing is known. */
struct slice streams_topic_failure(const struct group *g, struct slice topic);

/* ---- streams_answer.c ---- */

void fill_streams_tasks(struct coordinator_call *call,
                        struct k_streams_group_heartbeat_response *res, const struct tasks *t);
/* Where the application's state can be asked for: the members that have an endpoint, with the partitions that they
 * process and keep copies of. own: that member has these tasks and this spec. */
void fill_streams_endpoints(const struct group *g, struct coordinator_call *call,
                            struct k_streams_group_heartbeat_response *res, struct slice own_id,
                            const streams_spec *own, const struct tasks *own_tasks);

/* ---- streams_fence.c ---- */

void streams_leave(struct group *g, const struct k_streams_group_heartbeat_request *q,
                   struct coordinator_call *call);
void streams_session_due(struct timer *t);
void streams_rebalance_due(struct timer *t);
/* Those who came within group.streams.initial.rebalance.delay.ms are assigned together. */
void streams_initial_delay_due(struct timer *t);

/* ---- streams_commit_check.c ---- */

/* Whether the member may commit: 0, UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, UNSUPPORTED_VERSION. */
int16_t streams_commit_check(const struct group *g, int32_t epoch, struct slice member_id,
                             int16_t version);
int16_t streams_txn_commit_check(const struct group *g, int32_t epoch, struct slice member_id,
                                 struct slice instance_id);
/* Whether an offset of that partition may be: 0 or STALE_MEMBER_EPOCH; 0, too, for who is no member. */
int16_t streams_partition_check(const struct group *g, int32_t epoch, struct slice member_id,
                                struct slice topic, int32_t partition);

#endif
