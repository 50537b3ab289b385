/* Where a follower's log and its leader's part ways (KIP-101, KIP-279, KIP-320; in the fetch itself
 * since KIP-595). */
#ifndef REPLICA_TRUNCATION_H
#define REPLICA_TRUNCATION_H

#include "broker/log/epoch_cache.h"

/* The leader's question: does a follower whose last record before `fetch_offset` is of
 * `last_fetched_epoch` hold something that the leader does not have? `at_leader` is the leader's
 * answer for that epoch. */
bool fetch_diverges(struct epoch_end at_leader, int32_t last_fetched_epoch, int64_t fetch_offset);

/* The follower's answer: the offset to cut its log at. `at_leader` came with the fetch; `local` is the
 * follower's own answer for at_leader.epoch. When the epochs differ the cut is only a step; the next
 * fetch asks again. */
int64_t truncation_offset(struct epoch_end at_leader, struct epoch_end local, int64_t log_end,
                          int64_t high_watermark);

/* A batch that came does not follow the end of the log: is that because the leader's log begins in the middle of it? */
bool begins_within_batch(int64_t log_start, int64_t log_end, int64_t batch_first,
                         int64_t batch_last);

/* Where a replica cuts its log at the moment it becomes a follower: nowhere. */
int64_t truncation_on_becoming_follower(int64_t log_end, int64_t high_watermark);

#endif
