/* What others can make a node remember, and how much of it: every limit that protects a node from its
 * peers stands here by its name, with the answer to whoever goes beyond it. Parts are of the memory that the
 * node may use (--memory): a part of 8 is an eighth.
 *
 * Limits on admission come first; the ceiling on the memory as a whole, which ends the node, is for
 * mistakes of ours. */
#ifndef ENV_LIMITS_H
#define ENV_LIMITS_H

/* ---- requests and answers that are under way (api/session.c) ------------------------------------
 *
 * Frames, decoded requests and answers of all connections of a kind. Beyond it the connection that holds
 * most is closed. A connection counts for its brokers or its quorum once it has sent what only they
 * send, or when it came to a listener of their own: a crowd of clients must not close a
 * follower's fetch, a vote or a heartbeat. */
#define HELD_BY_CLIENTS_PART 4
#define HELD_BY_FOLLOWERS_PART 8
#define HELD_BY_ADMINS_PART \
    8 /* on the controllers' listeners: requests that brokers forward, tools */
#define HELD_BY_QUORUM_PART 8
/* One frame (besides socket.request.max.bytes), one decoded request: the connection is closed. */
#define MESSAGE_PART 8
#define MESSAGE_BYTES_MAX (64 << 20)
/* Requests that wait on one connection: it is not read from meanwhile. */
#define REQUESTS_WAITING_MAX 16
/* Batches that are being decompressed, and what one may come to: MESSAGE_TOO_LARGE. */
#define INFLATING_MAX 8
#define INFLATED_PART 16

#endif
