/* What an answer to a produce request says about the log. An error may come before or after the leader
 * appended the batch to its own log, and only the first kind proves that the records are nowhere:
 *
 *      ATTEMPT_STORED    it is in the log as acks demands (or was, by an earlier attempt: KIP-98)
 *      ATTEMPT_REFUSED   refused before anything was appended
 *      ATTEMPT_UNKNOWN   anything else: NOT_LEADER_OR_FOLLOWER and KAFKA_STORAGE_ERROR are also the
 *                        answers to a produce that waited, appended, for replicas when leadership left */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum attempt { ATTEMPT_STORED, ATTEMPT_REFUSED, ATTEMPT_UNKNOWN };

enum attempt attempt_of(int16_t error);
/* May the same batch be sent again? idempotent: errors of sequence are then worth another try. */
bool attempt_is_retriable(int16_t error, bool idempotent);

/* After this answer of a coordinator (or none: NETWORK_EXCEPTION), may it have stored what it was asked to? One that is no
 * coordinator any more, or whose replicas are too slow, may have written it before. */
bool coordinator_leaves_doubt(int16_t error);

#endif
