/* How long a follower leaves a partition alone whose fetch was answered with an error. */
#ifndef REPLICA_FETCH_BACKOFF_H
#define REPLICA_FETCH_BACKOFF_H

#include <stdint.h>

/* times: how often it was refused before, in a row and in this leader epoch. max_ms: replica.fetch.backoff.ms. */
int64_t fetch_backoff_ms(int16_t err, int32_t times, int64_t max_ms);

#endif
