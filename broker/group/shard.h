/* The groups of one partition of __consumer_offsets, while this broker leads it: loading them, storing
 * what changes, forgetting them.
 *
 *              leads                    all is read
 *      NONE ─────────► LOADING ──────────────────────────► ACTIVE
 *                       │   ▲
 *           cannot read │   │ tries again, after 0.1 to 10 s
 *                       ▼   │
 *                       FAILED        the role goes: each of them back to NONE
 *
 * Who asks while it is LOADING is told to wait, who asks while it has FAILED that this is not the coordinator
 * (as Kafka does): another one may be able to read. */
#ifndef GROUP_SHARD_H
#define GROUP_SHARD_H

#include "broker/group/group.h"
#include "broker/protocol/config.h"
#include "broker/record/builder.h"
#include "broker/replica/partition.h"

enum shard_state { SHARD_NONE, SHARD_LOADING, SHARD_FAILED, SHARD_ACTIVE };

struct shard {
    struct groups *owner;
    int32_t index;
    enum shard_state state;
    struct partition *partition;
    int32_t leader_epoch;
    struct map groups;
    struct shard_load *load; /* while LOADING or FAILED */
    struct list writes;
};

/* Records on their way into the log. done() is called once: 0, when they are committed; or the
 * protocol's error when they will not be (leadership is gone then, and with it the shard's state).
 * late() is called once when that takes too long: nothing is known yet. */
struct group_write {
    struct append_waiter waiter;
    struct list node;
    struct shard *shard;
    struct timer timer;
    void (*done)(struct group_write *w, int16_t err);
    void (*late)(struct group_write *w);
};

/* Where records go: the partition, or what a test has in its place. Returns 0 or the protocol's error;
 * 0: group_write_done() follows, later. */
typedef int16_t group_store(struct shard *s, struct buf *batch, struct group_write *w);

struct groups {
    struct env *env;
    const struct config *config;
    const struct image *image;
    group_store *store;
    VEC(struct shard *) shards; /* by index */
    struct list answers;        /* calls to be answered */
    struct task answer_task;
    struct timer expiry_timer;
    uint64_t writes_n, groups_n; /* so far: numbers of writes and of groups */
    bool stopped;
};

/* NULL with NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
struct shard *groups_shard(struct groups *gs, struct slice group_id, int16_t *ret_err);
/* The same for requests that need a name. Who only keeps offsets may do without, as in the days when there
 * were no groups: INVALID_GROUP_ID otherwise. */
struct shard *groups_shard_of_named(struct groups *gs, struct slice group_id, int16_t *ret_err);
struct shard *groups_shard_at(struct groups *gs, int32_t index);
void groups_answer(struct groups *gs, struct group_call *c, void *response);

/* Of groups and all that is theirs. */
struct mem *groups_mem(struct groups *gs);

static inline struct env *
shard_env(const struct shard *s)
{
    return s->owner->env;
}
static inline struct env *
group_env(const struct group *g)
{
    return shard_env(g->shard);
}
static inline struct mem *
group_mem(const struct group *g)
{
    return groups_mem(g->shard->owner);
}

void shard_begin_load(struct shard *s);
void shard_unload(struct shard *s);
/* All records are folded in: members' sessions begin. */
void shard_activate(struct shard *s);
/* One record of the log. */
void shard_fold(struct shard *s, struct slice key, struct slice value);

/* No client has honest use for more; what would be larger is refused. */
#define GROUP_BATCH_BYTES_MAX (64 << 20)

/* Writes what was gathered (and empties it). Nothing gathered, or too much: RECORD_LIST_TOO_LARGE. */
int16_t shard_write(struct shard *s, struct batch_builder *b, struct group_write *w);
void group_write_done(struct group_write *w, int16_t err);
/* A write that nobody waits for. */
int16_t shard_write_silently(struct shard *s, struct batch_builder *b);
void shard_builder(struct shard *s, struct batch_builder *b);
/* What a client is told when records cannot be stored. */
int16_t group_store_error(int16_t err);

/* ---- records.c ---- */

struct group_assignment {
    struct slice member_id, assignment;
};
/* The group as it is, with the assignments given (or members' own: NULL). Adds nothing when that is too
 * large. */
void record_group(struct batch_builder *b, const struct group *g,
                  const struct k_sync_group_request *assignments);
void record_group_gone(struct batch_builder *b, const struct group *g);
void record_offset(struct batch_builder *b, const struct group *g, struct slice topic,
                   int32_t partition, const struct offset_value *v);
void record_offset_gone(struct batch_builder *b, const struct group *g, struct slice topic,
                        int32_t partition);
/* What the leader's request gives a member; empty when nothing. */
struct slice sync_assignment(const struct k_sync_group_request *q, struct slice member_id);

/* ---- expiry.c ---- */

void groups_expire(struct groups *gs);
/* Appends what deletes the group with all its offsets, and forgets it; NULL if w is not wanted. */
int16_t group_delete(struct group *g, struct group_write *w);

#endif
