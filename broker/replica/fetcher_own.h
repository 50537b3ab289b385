/* The fetcher's own: what its three files share. fetcher.c is the round, and who is with whom; fetch_request.c says what is asked,
 * fetch_answer.c what is done with what came. */
#ifndef REPLICA_FETCHER_OWN_H
#define REPLICA_FETCHER_OWN_H

#include "broker/env/wait.h"
#include "broker/protocol/codec.h"
#include "broker/replica/fetcher.h"
#include "broker/replica/follower_session.h"
#include "broker/replica/replicas.h"

enum fetcher_state {
    FETCHER_IDLE,    /* nothing to fetch, backing off, or waiting for `again` */
    FETCHER_ASKING,  /* a Fetch in flight */
    FETCHER_WRITING, /* what it brought is not yet written and settled */
};

/* What the leader is to forget. */
struct forgotten {
    struct uuid topic_id;
    int32_t index;
};

struct fetcher {
    struct list node; /* among replicas.fetchers */
    struct replicas *r;
    int32_t leader_id, index; /* of num.replica.fetchers */
    enum fetcher_state state;
    struct list partitions;
    struct follower_session session;
    bool begins_anew;     /* with the next request */
    int32_t in_session_n; /* partitions that the leader knows */
    struct list to_name;  /* new, moved, not ready: all that the next request has to look at */
    VEC(struct forgotten) forgotten;
    struct channel channel;
    int32_t cuts; /* of partitions that left to be cut and will be back */
    bool has_channel, stopping;
    struct call call, offsets_call;
    int64_t offsets_of; /* the timestamp that was asked for: the leader's end, then its start */
    struct timer backoff;
    struct timer patience; /* with logs that do not settle */
    bool patience_is_over;
    struct task again;
    struct wait wait;
    int16_t refused_with;      /* by the last answer; K_ERR_NONE if it was good */
    struct slice refused_what; /* the partition, if it was one's; owned */
};

/* ---- fetcher.c ---- */

/* Asks again as soon as what came is settled, or patience is over. */
void fetcher_proceed(struct fetcher *f);
/* The leader cannot be asked: all its partitions wait. */
void fetcher_back_off(struct fetcher *f);
/* This partition waits, the leader's others go on. */
void fetcher_back_off_alone(struct partition *p, int16_t err);
/* Kept for those who ask why nothing comes. what: the partition, copied; empty: all. */
void fetcher_refused(struct fetcher *f, int16_t err, struct slice what);

/* ---- fetch_request.c ---- */

/* Ready to be fetched: not being cut, not backing off, and what came with the last fetch is written and
 * (flush.messages) synced: the fetch offset tells the leader that we have it. */
bool fetcher_is_ready(const struct partition *p);
/* Segment files are missing in the log, and perhaps the leader has what was in them. Nothing is cut of a copy that
 * others count on: with the leader it could be the only one. */
bool fetcher_has_hole(struct partition *p, struct log_hole *ret);
/* The next request looks at it. */
void fetcher_name(struct fetcher *f, struct partition *p);
/* The next request tells the leader that it is no more of the session. */
void fetcher_forget(struct fetcher *f, struct partition *p);
/* Topics lie in scratch memory. */
void fetcher_fill_request(struct fetcher *f, struct k_fetch_request *q);

/* ---- fetch_answer.c ---- */

/* What becomes of a Fetch. */
void fetcher_answered(struct call *call, enum env_err err, struct slice body, struct buf *from);
/* Of the first partition that is out of range, where the leader's log ends; the others come in turn. */
void fetcher_ask_next_offsets(struct fetcher *f);

#endif
