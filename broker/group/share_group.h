/* One share group (KIP-932): its members share the records of a partition, so several of them may be assigned one
 * partition, and nothing must be given up before another gets it.
 *
 *      something changes        an assignor runs            each member, with its next heartbeat
 *      group epoch + 1   ───►   assignment epoch = it  ───► member epoch = it, has what it shall have
 *
 * A partition is assigned once its state is begun at the share coordinator: INITIALIZING, then INITIALIZED, both kept
 * in a record, so that no state is forgotten there when the group goes.
 *
 * All of it is the fold of records (share_records.c), as a consumer group is; only time-outs are not in the log. */
#ifndef GROUP_SHARE_GROUP_H
#define GROUP_SHARE_GROUP_H

#include "broker/group/consumer.h"
#include "broker/share/persister.h"

struct share_member {
    struct map_node by_id;
    struct group *group;
    struct slice id;
    consumer_spec spec; /* names of topics, rack, where it comes from; the rest is not used */
    int32_t epoch, previous_epoch;
    struct tp_set assigned, target;
    struct timer session;
};

struct share_group {
    int32_t epoch, assignment_epoch;
    int64_t metadata_hash;
    struct map members; /* by id */
    struct tp_set initializing, initialized;
    uint64_t seen_topics; /* groups.topics_n when the hash was computed */
    struct list held;     /* heartbeats that wait for states to be begun */
    struct share_init *init;
    int64_t init_after_ns; /* not tried again before */
};

/* ---- share_group.c ---- */

/* The group becomes one of this kind. It is blank. */
void share_group_begin(struct group *g);
void share_group_release(struct group *g);
/* Goes, if nothing of it is in the log. */
void share_group_forget_blank(struct group *g);
/* "Empty", "Stable". */
struct slice share_group_state_name(const struct group *g);
void share_group_activate(struct group *g);
bool share_group_subscribes(const struct group *g, struct slice topic);

struct share_member *share_member(const struct group *g, struct slice id);
struct share_member *share_member_get(struct group *g, struct slice id);
void share_member_remove(struct share_member *m);
void share_member_heard(struct share_member *m);
/* Sorted by id; with spec of id in its place (NULL: as they are), without `without`. */
struct consumer_view *share_views(const struct group *g, struct arena *a, struct slice id,
                                  const consumer_spec *spec, const struct tp_set *target,
                                  struct slice without, int32_t *ret_n);
/* Every partition that somebody subscribes to, as the metadata has them. */
struct tp_set share_subscribed(const struct group *g, struct arena *a,
                               const struct consumer_view *v, int32_t n);
/* For the story: what it is now. */
void share_group_note(struct group *g);
/* Out of the group. */
void record_share_fence(struct batch_builder *b, const struct share_member *m);

/* ---- share_records.c ---- */

void record_share_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                       const consumer_spec *spec);
void record_share_epoch(struct batch_builder *b, const struct group *g, int32_t epoch,
                        int64_t metadata_hash);
void record_share_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                         const struct tp_set *target);
void record_share_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                           int64_t time_ms);
void record_share_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                          int32_t epoch, int32_t previous_epoch, const struct tp_set *assigned);
void record_share_states(struct batch_builder *b, const struct group *g,
                         const struct tp_set *initializing, const struct tp_set *initialized);
void record_share_member_gone(struct batch_builder *b, const struct group *g,
                              struct slice member_id);
void record_share_gone_group(struct batch_builder *b, const struct group *g);
/* False: the key is of another kind of record. */
bool share_group_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
                      struct slice value);

/* ---- share_heartbeat.c ---- */

/* Held heartbeats go on. */
void share_heartbeats_go_on(struct group *g);
/* The group goes; held heartbeats hear the error. */
void share_init_end(struct group *g, int16_t err);

/* ---- share_offsets.c ---- */

/* DeleteGroups: its states at the share coordinators go first. Answers with the response; *err is in it. */
void share_group_delete(struct groups *gs, struct slice id, struct coordinator_call *call,
                        void *response, int16_t *err);

/* ---- share_init.c ---- */

/* Begins the states of these partitions at the share coordinator; held heartbeats go on when that is done. */
void share_init_begin(struct group *g, const struct tp_set *missing);
void share_init_cancel(struct group *g);

#endif
