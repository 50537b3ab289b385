/* The share partitions of one partition of __share_group_state, while this broker leads it. */
#ifndef SHARE_SHARD_H
#define SHARE_SHARD_H

#include "broker/share/shares.h"

struct shares {
    struct coordinator base;
};

struct share_shard {
    struct coordinator_shard base;
    struct shares *owner;
    struct map states;
};

struct share_id {
    struct slice group;
    struct uuid topic;
    int32_t partition;
};

bool share_id_eq(const struct share_id *a, const struct share_id *b);
uint64_t share_id_hash(const struct map *m, const struct share_id *id);

struct share_state {
    struct map_node by_id;
    struct share_shard *shard;
    struct share_id id;
    int32_t snapshot_epoch, state_epoch, leader_epoch;
    int64_t start_offset;
    int32_t done_n; /* records above the start that are done with; -1: not known */
    int64_t create_ms, write_ms;
    struct state_batches batches;
    int32_t updates_n;       /* since the snapshot */
    int64_t snapshot_offset; /* of its record: what lies below is not needed for this one */
};

static inline struct share_shard *
share_shard_of(struct coordinator_shard *s)
{
    return CONTAINER_OF(s, struct share_shard, base);
}

struct share_state *share_find(const struct share_shard *s, const struct share_id *id);

/* ---- records.c ---- */

void share_fold(struct coordinator_shard *s, const struct batch_header *h,
                const struct record *rec);
void share_state_free(struct share_state *st);

typedef struct k_share_snapshot_value share_snapshot;
typedef struct k_share_update_value share_update;
void record_share_snapshot(struct batch_builder *b, struct share_shard *s,
                           const struct share_id *id, const share_snapshot *v);
void record_share_update(struct batch_builder *b, struct share_shard *s, const struct share_id *id,
                         const share_update *v);
void record_share_gone(struct batch_builder *b, struct share_shard *s, const struct share_id *id);
/* The state as it is, as the next snapshot would have it. */
share_snapshot share_snapshot_of(const struct share_state *st, struct arena *a);

/* ---- prune.c ---- */

/* Everything below is in later snapshots: of all states the oldest snapshot's offset. */
int64_t share_oldest_needed(const struct share_shard *s);
/* Of states that nobody has written to for long. */
void shares_snapshot_cold(struct share_shard *s);
void shares_prune(struct coordinator_shard *s);

#endif
