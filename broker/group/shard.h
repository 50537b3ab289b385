/* The groups of one partition of __consumer_offsets, while this broker leads it, and what the files that
 * handle them share. */
#ifndef GROUP_SHARD_H
#define GROUP_SHARD_H

#include "broker/group/group.h"

struct shard {
    struct coordinator_shard base;
    struct groups *owner;
    struct map groups;
    struct map pending; /* transactions with offsets, by producer id (txn_offsets.c) */
};

struct groups {
    struct coordinator base;
    uint64_t writes_n, groups_n; /* so far: numbers of writes and of groups */
    uint64_t topics_n;           /* so often did topics change */
    int64_t topics_offset;       /* of the last change of the metadata that made topics */
    struct persister *persister; /* of share groups' states */
    topic_maker *make_topic;     /* NULL: nobody does */
    void *topic_owner;
    struct map failures;   /* of making topics (streams_failures.c) */
    struct map gatherings; /* of those who come to empty groups (consumer_gather.c) */
};

static inline struct shard *
shard_of(struct coordinator_shard *s)
{
    return CONTAINER_OF(s, struct shard, base);
}
/* The shard whose records they are. */
static inline struct shard *
shard_of_write(const struct coordinator_write *w)
{
    return shard_of(w->shard);
}

/* NULL with NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
struct shard *groups_shard(struct groups *gs, struct slice group_id, int16_t *ret_err);
/* The same for requests that need a name. Who only keeps offsets may do without, as in the days when there
 * were no groups: INVALID_GROUP_ID otherwise. */
struct shard *groups_shard_of_named(struct groups *gs, struct slice group_id, int16_t *ret_err);
struct shard *groups_shard_at(struct groups *gs, int32_t index);
void groups_answer(struct groups *gs, struct coordinator_call *c, void *response);

/* Of groups and all that is theirs. */
struct mem *groups_mem(struct groups *gs);

static inline struct env *
group_env(const struct group *g)
{
    return g->shard->base.owner->env;
}
static inline struct mem *
group_mem(const struct group *g)
{
    return groups_mem(g->shard->owner);
}

/* ---- records.c ---- */

/* One record of the log. */
void group_fold(struct coordinator_shard *s, const struct batch_header *h,
                const struct record *rec);

struct group_assignment {
    struct slice member_id, assignment;
};
/* The group as it is, with the assignments given (or members' own: NULL). Adds nothing when that is too
 * large. */
void record_group(struct batch_builder *b, const struct group *g,
                  const struct k_sync_group_request *assignments);
void record_group_value(struct batch_builder *b, const struct group *g,
                        const struct k_group_metadata_value *v);
void record_group_gone(struct batch_builder *b, const struct group *g);
void record_offset(struct batch_builder *b, const struct group *g, struct slice topic,
                   int32_t partition, const struct offset_value *v);
void record_offset_gone(struct batch_builder *b, const struct group *g, struct slice topic,
                        int32_t partition);
/* What the leader's request gives a member; empty when nothing. */
struct slice sync_assignment(const struct k_sync_group_request *q, struct slice member_id);

/* ---- txn_offsets.c ---- */

void pending_init(struct shard *s);
void pending_release(struct shard *s);
/* A transactional record that was read. */
void pending_fold(struct shard *s, struct group *g, int64_t producer_id, struct offset *o,
                  const struct offset_value *v);
void pending_fold_marker(struct coordinator_shard *base, const struct batch_header *h,
                         const struct marker *m);

/* ---- expiry.c ---- */

void groups_expire(struct coordinator_shard *base);

#endif
