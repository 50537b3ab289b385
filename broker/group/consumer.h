/* One consumer group of KIP-848: the coordinator assigns, members converge on their own.
 *
 * Three epochs drive it. What the group consists of (members, subscriptions, topics) has the group's epoch; the
 * assignment that was made for it the assignment's epoch; how far a member has come the member's epoch:
 *
 *      something changes        an assignor runs           each member, heartbeat by heartbeat
 *      group epoch + 1   ───►   assignment epoch = it ───► gives up ─► member epoch = it, gets
 *
 *      EMPTY no members · ASSIGNING group epoch > assignment's · RECONCILING some member is behind · STABLE
 *
 * All of it is the fold of records (consumer_records.c): a request decides what to write, and what it wrote is
 * folded in at once, as it would be by the next coordinator. Only time-outs are not in the log. */
#ifndef GROUP_CONSUMER_H
#define GROUP_CONSUMER_H

#include "broker/base/sort.h"
#include "broker/group/assignor.h"
#include "broker/group/member_epoch.h"
#include "broker/group/reconcile.h"
#include "broker/group/shard.h"

enum consumer_state {
    CONSUMER_EMPTY,
    CONSUMER_ASSIGNING,
    CONSUMER_RECONCILING,
    CONSUMER_STABLE,
};

/* What a member says of itself, as its record has it. Topics are sorted, each once. */
typedef struct k_consumer_group_member_metadata_value consumer_spec;

struct consumer_member {
    struct map_node by_id;
    struct group *group;
    struct slice id;
    consumer_spec spec;
    enum member_state state;
    int32_t epoch, previous_epoch;
    struct tp_set assigned, revoking, target;
    struct timer session, rebalance;
};

/* A partition that somebody has, or has not yet given up. */
struct owned_partition {
    struct map_node by_tp;
    struct tp tp;
    struct consumer_member *owner;
};

/* The topics that a regular expression stood for, when it was looked at last. */
struct resolved_regex {
    struct slice text;
    struct slice *topics; /* sorted */
    int32_t topics_n;
    int64_t version, time_ms;
};

struct consumer {
    int32_t epoch;
    int64_t metadata_hash;
    int32_t assignment_epoch;
    int64_t assignment_ms;
    struct map members; /* by id */
    struct map owned;
    VEC(struct resolved_regex) regexes;
    bool has_partition_metadata; /* a record of before 4.1 */
    uint64_t seen_topics;        /* groups.topics_n when the hash was computed */
    int64_t resolving_n;         /* expressions that are being looked at again */
};

/* ---- groups.c ---- */

enum server_assignor groups_default_assignor(const struct groups *gs);
bool groups_has_assignor(const struct groups *gs, struct slice name);

/* ---- consumer.c ---- */

struct slice consumer_state_name(enum consumer_state s);
enum consumer_state consumer_state(const struct group *g);
/* The group becomes one of this kind. It has no members. */
void consumer_begin(struct group *g);
/* Whether it may, because a member of this kind joins … */
bool group_can_become_consumer(const struct group *g);
/* … and what must be written first. */
void group_become_consumer(struct group *g, struct batch_builder *b);
/* It could not be written. */
void group_stay_classic(struct group *g);
void consumer_release(struct group *g);

void consumer_spec_free(struct mem *mem, consumer_spec *s);
/* *to is not freed before. */
void consumer_spec_copy(struct mem *mem, consumer_spec *to, const consumer_spec *from);
struct consumer_member *consumer_member(const struct group *g, struct slice id);
struct consumer_member *consumer_static_member(const struct group *g, struct slice instance_id);
struct consumer_member *consumer_member_get(struct group *g, struct slice id);
void consumer_member_remove(struct consumer_member *m);
void consumer_member_set_spec(struct consumer_member *m, const consumer_spec *spec);
void consumer_member_set_current(struct consumer_member *m, const struct reconcile_member *now);
void consumer_member_set_target(struct consumer_member *m, const struct tp_set *target);
/* NULL: nobody has it. */
const struct consumer_member *consumer_owner(const struct group *g, const struct tp *tp);
struct epoch_of_member consumer_epoch_of(const struct consumer_member *m);
/* Whether the member may commit an offset of the partition: 0 or STALE_MEMBER_EPOCH (of a classic
 * member: ILLEGAL_GENERATION); 0, too, for who is none. */
int16_t consumer_partition_check(const struct group *g, int32_t epoch, struct slice member_id,
                                 struct uuid topic, int32_t partition);
/* For the story: the state, if it is another one. */
void consumer_note(struct group *g, enum consumer_state was);
bool consumer_subscribes(const struct group *g, struct slice topic);

struct resolved_regex *consumer_regex(const struct group *g, struct slice text);
/* topics NULL: it is forgotten. */
void consumer_set_regex(struct group *g, struct slice text,
                        const struct k_consumer_group_regular_expression_value *v);

/* The member was heard of. */
void consumer_member_heard(struct consumer_member *m);
/* Arms or ends the time-out within which it must give partitions up. */
void consumer_member_watch(struct consumer_member *m);
/* All is loaded: members' time-outs begin. */
void consumer_activate(struct group *g);

/* ---- consumer_records.c ---- */

void record_consumer_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                          const consumer_spec *spec);
void record_consumer_epoch(struct batch_builder *b, const struct group *g, int32_t epoch,
                           int64_t metadata_hash);
void record_consumer_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                            const struct tp_set *target);
void record_consumer_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                              int64_t time_ms);
void record_consumer_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                             const struct reconcile_member *m);
void record_consumer_regex(struct batch_builder *b, const struct group *g, struct slice text,
                           const struct k_consumer_group_regular_expression_value *v);
/* Tombstones. */
void record_consumer_member_gone(struct batch_builder *b, const struct group *g,
                                 struct slice member_id);
void record_consumer_regex_gone(struct batch_builder *b, const struct group *g, struct slice text);
void record_consumer_metadata_gone(struct batch_builder *b, const struct group *g);
void record_consumer_gone(struct batch_builder *b, const struct group *g);
/* False: the key is of another kind of record. */
bool consumer_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
                   struct slice value);

/* ---- consumer_topics.c: what members subscribe to ---- */

/* A member as it will be; the lists of the rest are made from it. */
struct consumer_view {
    struct slice id;
    const consumer_spec *spec;
    const struct tp_set *target;
};
/* The group's members, sorted by id, with `changed` in its place; without `replaced` and `gone` (may be
 * null slices, NULL). */
struct consumer_view *consumer_views(const struct group *g, struct arena *a, struct slice id,
                                     const consumer_spec *spec, const struct tp_set *target,
                                     struct slice without, int32_t *ret_n);
/* By id. spare has room for n. */
void consumer_views_sort(struct consumer_view *v, int32_t n, struct consumer_view *spare);
/* Without these members. */
struct consumer_view *consumer_views_without(const struct group *g, struct arena *a,
                                             struct consumer_member *const *v, int32_t n,
                                             int32_t *ret_n);
/* Ids of the topics that a member subscribes to and that exist, sorted. */
struct uuid *consumer_topic_ids(const struct group *g, struct arena *a, const consumer_spec *spec,
                                int64_t *ret_n);
/* Of all that can change an assignment: the topics' ids, their partitions and these partitions' racks. */
int64_t consumer_metadata_hash(const struct group *g, struct arena *a,
                               const struct consumer_view *v, int32_t n);
/* The assignor that most members prefer. */
enum server_assignor consumer_preferred_assignor(const struct group *g,
                                                 const struct consumer_view *v, int32_t n);
/* Runs the assignor: who shall have what, member by member as in v. */
struct tp_set *consumer_make_targets(const struct group *g, struct arena *a,
                                     const struct consumer_view *v, int32_t n);

/* ---- consumer_request.c ---- */

/* 0, INVALID_REQUEST or UNSUPPORTED_ASSIGNOR, and why. */
int16_t consumer_request_check(const struct groups *gs,
                               const struct k_consumer_group_heartbeat_request *q, int16_t version,
                               struct slice *why);

/* ---- consumer_heartbeat.c ---- */

void consumer_refuse(struct groups *gs, struct coordinator_call *call, int16_t err,
                     struct slice why);

/* How much of a heartbeat is done. */
enum beat_part {
    BEAT_WHOLE,
    BEAT_ENTERS,         /* its member becomes one; no assignment, no answer yet … */
    BEAT_AFTER_ENTERING, /* … and what follows */
};
/* The same with what the request's expression stands for (NULL: it has none that is new). Returns the error that was
 * answered, 0 if none was yet. */
int16_t consumer_heartbeat_with(struct groups *gs,
                                const struct k_consumer_group_heartbeat_request *q,
                                struct coordinator_call *call,
                                const struct k_consumer_group_regular_expression_value *resolved,
                                enum beat_part part);

/* A classic member joins: the same step, told in the words of its protocol. */
struct classic_joiner;
void consumer_heartbeat_of_classic(struct group *g,
                                   const struct k_consumer_group_heartbeat_request *q,
                                   struct coordinator_call *call,
                                   const struct classic_joiner *joiner);
/* Whether the group is to be assigned anew with the next member that takes a step. */
bool consumer_must_assign(const struct group *g);

/* ---- consumer_gather.c ---- */

/* Whether the request waits for others that come to its empty group within a moment. */
bool consumer_gather_hold(struct groups *gs, const struct group *g,
                          const struct k_consumer_group_heartbeat_request *q,
                          struct coordinator_call *call);

/* ---- consumer_answer.c ---- */

typedef void answer_refusal(struct groups *gs, struct coordinator_call *call, int16_t err);
/* Writes b (or nothing, if it is empty), folds it in, and answers the call when that is committed. With an error
 * nothing was written, and the call is refused. */
int16_t group_answer_written(struct group *g, struct batch_builder *b,
                             struct coordinator_call *call, void *response, answer_refusal *refuse);

/* ---- consumer_fence.c ---- */

void consumer_leave(struct group *g, const struct k_consumer_group_heartbeat_request *q,
                    struct coordinator_call *call);

/* These members are out of the group, and the group has another epoch; or it becomes a classic group, and is then
 * another object. The call is answered in any case. */
void consumer_fence_answered(struct group *g, struct consumer_member **v, int32_t n,
                             struct coordinator_call *call, void *response, answer_refusal *refuse);
void consumer_session_due(struct timer *t);
void consumer_rebalance_due(struct timer *t);

/* ---- consumer_regex.c ---- */

/* Whether the heartbeat must wait until its expression is looked at; it is handled then. */
bool consumer_regex_hold(struct groups *gs, const struct group *g,
                         const struct k_consumer_group_heartbeat_request *q,
                         struct coordinator_call *call);
/* Records that the member's expression is forgotten, if nobody else has it. */
void consumer_regex_forget(struct batch_builder *b, const struct group *g,
                           const struct consumer_member *m);
/* Has the group's expressions looked at again, if there is a reason. */
void consumer_regex_refresh(struct group *g);

#endif
