/* What has become of a partition's records in one share group (KIP-932), as the partition's leader knows it: from
 * the first record that is not done with (the share partition's start offset) to the last that was given out.
 *
 *                     acquire                    accept
 *      AVAILABLE ──────────────► ACQUIRED ──────────────────► ACKNOWLEDGED
 *          ▲                       │  │ └─ renew (KIP-1222)
 *          └───────────────────────┘  └─────────────────────► ARCHIVED
 *            release, lock time-out,  │  reject, gap; or release and
 *            its holder has gone      │  time-out after the last delivery
 *                                     └──► ARCHIVING ──► ARCHIVED
 *                                          the same, where records that nobody wanted
 *                                          have dead letters (KIP-1191, dead.c)
 *
 * Neighbours in the same state are one run; runs lie side by side, without gaps. What a client decides is first
 * written by the share coordinator and holds then: `next` is it until that is known. What the broker itself
 * takes back holds at once, and is written when it is convenient: a new leader gives it out again in any case. */
#ifndef SHARE_FLIGHT_H
#define SHARE_FLIGHT_H

#include "broker/env/buf.h"
#include "broker/share/delivery_after.h"

/* Of a decision. */
enum flight_write {
    FLIGHT_NOT_WRITING,
    FLIGHT_DECIDED, /* goes with the next write */
    FLIGHT_WRITING,
};

struct flight_run {
    int64_t first, last;
    enum delivery_state state;
    int16_t count;      /* of deliveries, the one under way included */
    int64_t batch_n;    /* how many records went out together with the first of them */
    struct buf *holder; /* ACQUIRED: the member's id */
    int64_t lock_ns;    /* ACQUIRED: until then */
    enum flight_write write;
    enum delivery_state next;
    bool is_news; /* is not yet written as it is */
    bool
        is_rejected; /* ARCHIVING, or about to be: because of that, not of the number of deliveries */
    bool is_leaving; /* ARCHIVING: its dead letter is under way */
};

struct flight {
    struct mem *mem;
    int64_t start, end; /* start: the first that is not done with; end: one after the last */
    VEC(struct flight_run) runs;
};

void flight_init(struct flight *f, struct mem *mem, int64_t start);
void flight_release(struct flight *f);
/* As a coordinator's state has it; what it does not tell of was not given out. False: that cannot be one. It does not tell
 * why a record is ARCHIVING: as in Kafka, one that was given out often enough is taken not to be rejected. */
bool flight_load(struct flight *f, int64_t start, const struct state_batch *v, int64_t n,
                 int16_t count_max);

/* The first record that may be given out; end when that is one that never was. */
int64_t flight_next(const struct flight *f);
/* Whether something can be: anew below the end, or beyond it while fewer than `max` records are under way. */
bool flight_has_room(const struct flight *f, int64_t max);
bool flight_is_held_by(const struct flight_run *r, struct slice member_id);

/* The run that begins at `at` does so after this, and so ends one before; the place of it. start <= at <= end. */
int64_t flight_split(struct flight *f, int64_t at);
/* Neighbours that do not differ become one, and what is done with at the start goes. */
void flight_tidy(struct flight *f);
void flight_set_holder(struct flight_run *r, struct buf *holder);

/* ---- acquire.c ---- */

struct flight_hole {
    int64_t first, last;
};
struct acquire {
    int64_t from, to;    /* of what was read: offsets [from, to) */
    const int64_t *ends; /* of its batches: the offset after each; ascending, the last is `to` */
    int32_t ends_n;
    const struct flight_hole *holes; /* what of it nobody is to get, in order */
    int32_t holes_n;
    int64_t records_max;
    bool is_strict; /* no more than that; else the batch with the last of them whole (KIP-1206) */
    int64_t in_flight_max;
    int16_t count_max; /* of deliveries */
    struct buf *holder;
    int64_t lock_ns;
};
struct acquired {
    int64_t first, last;
    int16_t count;
};
/* Gives out what may be given out of it; in the arena, by offset. */
int32_t flight_acquire(struct flight *f, const struct acquire *a, struct arena *arena,
                       struct acquired **ret);

/* ---- acknowledge.c ---- */

struct ack_batch {
    int64_t first, last;
    const int8_t *types; /* of each record, or one for all */
    int32_t types_n;
};
/* What is wrong with the batches as such: 0 or INVALID_REQUEST. may_renew: the request says that it renews. */
int16_t ack_batches_check(const struct ack_batch *v, int32_t n, bool may_renew);
/* All of them, or none: INVALID_RECORD_STATE when the member does not hold one, INVALID_REQUEST when it was given to
 * nobody yet. Decisions wait to be written; locks are renewed at once. *ret_decided: there are decisions. */
int16_t flight_acknowledge(struct flight *f, const struct ack_batch *v, int32_t n,
                           struct slice member_id, const struct delivery_rule *rule,
                           int64_t lock_ns, bool *ret_decided);

/* ---- take_back.c ---- */

/* Locks that have run out; returns whether there were any. */
bool flight_expire(struct flight *f, int64_t now_ns, const struct delivery_rule *rule);
/* When the next lock runs out; TIME_NEVER: none. */
int64_t flight_next_lock_ns(const struct flight *f);
/* The member has gone. What it held was delivered all the same (as in Kafka since 4.2; before, that delivery did not
 * count): perhaps it is what the member died of. */
bool flight_take_from(struct flight *f, struct slice member_id, const struct delivery_rule *rule);
/* Records below do not exist any more. */
bool flight_drop_below(struct flight *f, int64_t log_start);

/* ---- dead.c ---- */

/* Records that nobody wanted, all for the same reason. */
struct dead_run {
    int64_t first, last;
    int16_t count;
    bool is_rejected;
};
/* Those whose state is written, and whose dead letters are not yet under way: from now on they are. In the arena, by
 * offset. */
int32_t flight_begin_dead(struct flight *f, struct arena *a, struct dead_run **ret);
/* They have their dead letters, or can have none: they are done with. */
void flight_end_dead(struct flight *f);

/* ---- write.c ---- */

/* Whether there is something to be written. */
bool flight_has_news(const struct flight *f);
/* What is to be written now, in the arena; with the start offset and the number of records that are done with
 * above it, as they are when it is written. */
struct flight_news {
    int64_t start, done_n;
    struct state_batch *batches;
    int32_t batches_n;
};
void flight_begin_write(struct flight *f, struct arena *a, struct flight_news *ret);
/* It is written; or it is not, and perhaps never: decisions are forgotten, what was taken back stays so. */
void flight_written(struct flight *f);
void flight_not_written(struct flight *f);

#endif
