/* The group coordinator: classic consumer groups (the protocol of KIP-62, 345, 394, 559, 814), those of the
 * consumer protocol (KIP-848), and the offsets that groups commit.
 *
 * It is a state machine on the coordinator runtime (coordinator/coordinator.h), over __consumer_offsets. The
 * state here is the fold of that topic's records, plus members that have not been stored yet and everybody
 * who waits. A partition's share of it all is a shard (shard.h). */
#ifndef GROUP_GROUPS_H
#define GROUP_GROUPS_H

#include "broker/coordinator/coordinator.h"

#include "messages.h"

struct groups;

#define GROUPS_TOPIC_NAME "__consumer_offsets"
#define GROUPS_TOPIC S(GROUPS_TOPIC_NAME)

struct groups *groups_new(struct env *env, const struct config *config, const struct image *image);
/* This broker's role in the partition, or the epoch of it, is another; called for every partition,
 * after everybody who waited for it has been told. */
void groups_role_changed(struct groups *gs, struct partition *p);
/* Forgets the offsets that groups have committed for a deleted topic. Otherwise their members would begin to read
 * a new topic of the same name in its middle. */
void groups_topic_deleted(struct groups *gs, struct slice topic, struct uuid id);
/* The image is another one: there are new topics, or more partitions, or other replicas. */
void groups_topics_changed(struct groups *gs, bool has_new_topics);
void groups_stop(struct groups *gs);
/* Who makes the topics that streams groups need; it is asked again as long as they are missing. */
struct internal_topic;
typedef void topic_maker(void *owner, const struct internal_topic *t);
void groups_set_topic_maker(struct groups *gs, topic_maker *make, void *owner);
/* What came of it: null, it is there, or why it is not. */
void groups_topic_asked(struct groups *gs, struct slice topic, struct slice why_not);
/* Whom share groups' states are kept with. */
struct persister;
void groups_set_persister(struct groups *gs, struct persister *pr);

/* Each answers with the response struct of its API. */
void groups_join(struct groups *gs, const struct k_join_group_request *q,
                 struct coordinator_call *c);
void groups_sync(struct groups *gs, const struct k_sync_group_request *q,
                 struct coordinator_call *c);
void groups_heartbeat(struct groups *gs, const struct k_heartbeat_request *q,
                      struct coordinator_call *c);
void groups_leave(struct groups *gs, const struct k_leave_group_request *q,
                  struct coordinator_call *c);
void groups_consumer_heartbeat(struct groups *gs,
                               const struct k_consumer_group_heartbeat_request *q,
                               struct coordinator_call *call);
void groups_share_heartbeat(struct groups *gs, const struct k_share_group_heartbeat_request *q,
                            struct coordinator_call *call);
void groups_streams_heartbeat(struct groups *gs, const struct k_streams_group_heartbeat_request *q,
                              struct coordinator_call *call);
void groups_commit(struct groups *gs, const struct k_offset_commit_request *q,
                   struct coordinator_call *c);
/* Offsets that are committed with a transaction (KIP-98, 447). guard, verified: see coordinator_write; the
 * answer is a k_txn_offset_commit_response. */
void groups_commit_in_txn(struct groups *gs, const struct k_txn_offset_commit_request *q,
                          uint64_t guard, bool verified, struct coordinator_call *c);
/* An answer with this error for each partition. */
struct k_txn_offset_commit_response *
groups_refuse_in_txn(const struct k_txn_offset_commit_request *q, int16_t err, struct arena *a);
/* The partition that the group's records are in, which is led here; NULL with NOT_COORDINATOR,
 * COORDINATOR_LOAD_IN_PROGRESS, INVALID_GROUP_ID. */
struct partition *groups_partition_of(struct groups *gs, struct slice group_id, int16_t *ret_err);
/* Whether the groups of that partition are read. */
bool groups_is_active(struct groups *gs, int32_t index);
/* A marker was given its place in the partition: its number, for … */
uint64_t groups_number_marker(struct groups *gs);
/* … when it is committed. */
void groups_end_txn(struct groups *gs, int32_t index, int64_t producer_id, bool commit,
                    uint64_t number);
void groups_offset_delete(struct groups *gs, const struct k_offset_delete_request *q,
                          struct coordinator_call *c);
/* Answers with a k_delete_groups_response_deletable_group_result. */
void groups_delete(struct groups *gs, struct slice group_id, struct coordinator_call *c);

/* Those that only read answer at once. */
enum offsets_wanted {
    OFFSETS_COMMITTED, /* whatever a transaction that is open may make of them */
    OFFSETS_STABLE,    /* KIP-447 */
    OFFSETS_UNPROVEN, /* stable, and it is not known whether this is the coordinator still: none is told */
};
void groups_fetch(struct groups *gs,
                  const struct k_offset_fetch_request_offset_fetch_request_group *q,
                  int16_t version, enum offsets_wanted what, struct arena *a,
                  struct k_offset_fetch_response_offset_fetch_response_group *ret);
void groups_describe(struct groups *gs, struct slice group_id, int16_t version, struct arena *a,
                     struct k_describe_groups_response_described_group *ret);
void groups_consumer_describe(struct groups *gs, struct slice group_id, struct arena *a,
                              struct k_consumer_group_describe_response_described_group *ret);
void groups_share_describe(struct groups *gs, struct slice group_id, struct arena *a,
                           struct k_share_group_describe_response_described_group *ret);
void groups_streams_describe(struct groups *gs, struct slice group_id, bool with_description,
                             struct arena *a,
                             struct k_streams_group_describe_response_described_group *ret);
void groups_delete_share_offsets(struct groups *gs,
                                 const struct k_delete_share_group_offsets_request *q,
                                 struct coordinator_call *call);
void groups_alter_share_offsets(struct groups *gs,
                                const struct k_alter_share_group_offsets_request *q,
                                struct coordinator_call *call);
/* Answers with a k_describe_share_group_offsets_response_…_group. */
void groups_describe_share_offsets(
    struct groups *gs,
    const struct k_describe_share_group_offsets_request_describe_share_group_offsets_request_group
        *q,
    struct coordinator_call *call);
void groups_list(struct groups *gs, const struct k_list_groups_request *q, struct arena *a,
                 struct k_list_groups_response *ret);

#endif
