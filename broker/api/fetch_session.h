/* Fetch sessions (KIP-227): what a reader asks for, kept from fetch to fetch. A session has three kinds of partitions:
 *
 *      RESTS ──── more to read, another role … ────► CHANGED   to be looked at by the fetch under way, or the next
 *        ▲  └──── only a number to be told ──► SEEN            nothing to read, perhaps something to tell
 *        └───────── told ─────────────────────────┘
 *
 * So a fetch costs what changed, however many partitions rest. What a partition is waits in the partition's own list
 * of readers (fetch_waiter) and is told there of news. A fetch without session is a session for one fetch. */
#ifndef API_FETCH_SESSION_H
#define API_FETCH_SESSION_H

#include "broker/api/fetch_session_rule.h"
#include "broker/base/map.h"
#include "broker/env/env.h"
#include "broker/protocol/codec.h"
#include "broker/replica/partition.h"

struct server;
struct fetch;
struct fetch_session;

enum fetch_part_state { FETCH_PART_RESTS, FETCH_PART_CHANGED, FETCH_PART_SEEN };

struct fetch_part {
    struct list node;       /* in its session, in the order in which they came */
    struct map_node by_key; /* unless the session is for one fetch */
    struct list todo;       /* among those of its state */
    struct fetch_session *s;
    struct fetch_waiter waiter;
    enum fetch_part_state state;
    /* What is asked for. */
    struct uuid topic_id;
    struct slice topic; /* null: by id */
    int32_t index, leader_epoch, last_epoch, max_bytes;
    int64_t offset, log_start;
    bool is_position; /* a follower's: the offset is not yet taken in */
    struct fetch_told told;
    /* Found before, and there still if no partition went meanwhile. */
    struct partition *partition;
    int64_t gone_then;
    /* Of the fetch that is under way; NULL: not looked at by it. */
    struct k_fetch_response_partition_data *answer;
    struct log_range range;
};

struct fetch_session {
    struct map_node by_id;
    struct list by_use;
    struct fetch_sessions *all;
    struct mem *mem;
    struct arena *arena; /* NULL, or: for one fetch, in its request's memory */
    int32_t id, epoch;   /* epoch: of the fetch that comes next */
    int32_t replica_id;  /* of a follower; else -1 */
    bool has_ids;
    struct fetch_session_standing standing;
    struct map by_key;
    struct list parts, changed, seen;
    struct fetch *fetch; /* under way */
};

struct fetch_sessions {
    struct server *server;
    struct mem *mem;
    struct map by_id;
    struct list by_use; /* the one that was used longest ago first */
};

void fetch_sessions_init(struct fetch_sessions *all, struct server *server);
/* NULL: there is none of this id. */
struct fetch_session *fetch_session_find(struct fetch_sessions *all, int32_t id);
/* NULL: there is no room for it (max.incremental.fetch.session.cache.slots, env/limits.h). */
struct fetch_session *fetch_session_new(struct fetch_sessions *all, int32_t replica_id,
                                        bool has_ids, int32_t parts_n);
struct fetch_session *fetch_session_for_one(struct fetch_sessions *all, struct arena *arena,
                                            int32_t replica_id, bool has_ids);
/* It was used: others go before it. */
void fetch_session_touch(struct fetch_session *s);
/* Takes over what a request names and forgets. False: that is more than there is room for. */
bool fetch_session_take(struct fetch_session *s, const struct k_fetch_request *q);
/* A fetch that is under way in it is told. It must not be at work. */
void fetch_session_end(struct fetch_session *s);
/* Nothing of a session for one fetch waits any more. */
void fetch_session_leave_partitions(struct fetch_session *s);

void fetch_part_set_state(struct fetch_part *part, enum fetch_part_state state);

/* ---- fetch.c ---- */

/* News for a partition of the session that it goes on in. */
void fetch_look_again(struct fetch *f);
/* Its session is another fetch's, or nobody's any more: answers with the error, in a later step. */
void fetch_give_up(struct fetch *f, int16_t err);
/* In the middle of a step, which came here by way of what it woke: its session must stay. */
bool fetch_is_at_work(const struct fetch *f);

#endif
