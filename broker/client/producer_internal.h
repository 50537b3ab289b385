/* Inside the producer: batches queue by partition, in the order in which their records were sent.
 *
 *      OPEN ──full, lingered, flushed──► COMPRESSING ──► READY ──► SENT ──► gone
 *                       └── no codec ────────────────────►│ ◄─────── │ again, after a backoff
 *
 * A batch's sends may end before the batch goes (delivery.timeout.ms): it is then kept until its
 * request is done. */
#ifndef CLIENT_PRODUCER_INTERNAL_H
#define CLIENT_PRODUCER_INTERNAL_H

#include "broker/client/internal.h"
#include "broker/client/outcome.h"
#include "broker/client/producer.h"
#include "broker/record/builder.h"

enum batch_state { BATCH_IS_OPEN, BATCH_IS_COMPRESSING, BATCH_IS_READY, BATCH_IS_SENT };

struct ppart;

/* Of a partition, as to the transaction (version 1). */
enum part_txn { PART_IS_OUT, PART_IS_WANTED, PART_ADDING, PART_IS_ADDED };

struct pbatch {
    struct list node; /* in its partition */
    struct producer *p;
    struct ppart *part;
    enum batch_state state;
    struct batch_builder builder;
    struct list sends;
    int64_t charged_bytes; /* of buffer_bytes */
    int64_t created_ns, not_before_ns;
    int32_t attempts;
    int32_t leader_epoch; /* under which it was last sent */
    bool maybe_stored;    /* an attempt's end is not known */
    bool ended;           /* its sends are done */
    bool has_sequence;
    int16_t error;        /* of the last attempt */
    int32_t node_id;      /* whom it asked */
    struct uuid topic_id; /* to which topic it was last sent … */
    bool is_by_id;        /* … and was answered for by its id, not by its name */
    struct op op;
    struct buf *compressed;
    struct buf *bytes; /* as sent */
};

struct ppart {
    /* Side by side what every pump looks at: whether there is anything to do. */
    struct list node; /* among the producer's */
    struct list batches;
    bool hole; /* a batch with a sequence ended without having been stored, as far as we know */
    bool bump; /* the epoch is to be raised when nothing is in flight */
    int32_t in_flight;
    struct list ripe; /* during a pump: among those that may have something to send … */
    struct peer *to;  /* … to this leader */
    struct ptopic *topic;
    int32_t index;
    /* KIP-98. pid -1: none taken yet. */
    int64_t pid;
    int16_t epoch;
    int32_t next_sequence, acked_next; /* the one behind the last acknowledged */
    struct uuid topic_id;              /* to which topic was last sent */
    bool is_new_log; /* that was made again: nothing has been acknowledged from there yet */
    enum part_txn txn;
};

/* A record whose topic's partitions are not known yet. */
struct early {
    struct list node;
    struct send *send;
    struct slice key, value;
    struct record_header *headers;
    int32_t headers_n;
    int64_t timestamp, created_ns, charged_bytes;
};

struct ptopic {
    struct list node;
    struct slice name;
    struct topic *known;       /* what the client knows of it */
    VEC(struct ppart *) parts; /* by index; NULL until used */
    struct list early;
    int32_t sticky; /* -1: to be drawn */
    int64_t sticky_bytes;
};

struct preq {
    struct ask ask;
    struct producer *p;
    struct peer *peer;
    VEC(struct pbatch *) batches;
};

/* Requests in flight to a broker. */
struct flight {
    int32_t node_id, n;
};

struct producer {
    struct client *c;
    struct env *env;
    struct producer_params params;
    struct list topics, parts, ripe;
    struct client_watcher watcher;
    struct task pump;
    struct timer wake;
    int64_t pending, charged_bytes;
    VEC(struct flight) flights;
    struct producer_stats stats;
    void (*flushed)(struct producer *p, void *ctx);
    void *flush_ctx;
    /* KIP-98 */
    int64_t pid;
    int16_t epoch;
    struct ask init_pid;
    int64_t init_not_before_ns;
    int32_t init_failures;
    /* Transactions (txn_session.h): id and epoch come from there. */
    struct slice transactional_id; /* null: none */
    int16_t txn_version;
    bool in_txn;
    bool txn_touched;    /* something was sent in it */
    bool txn_must_abort; /* something that was sent in it is not there: nothing more goes out */
    void (*wants_parts)(void *owner);
    void *txn_owner;
};

static inline bool
producer_is_transactional(const struct producer *p)
{
    return p->transactional_id.p != NULL;
}

static inline bool
producer_is_flushing(const struct producer *p)
{
    return p->flushed != NULL;
}

/* ---- producer.c ---- */

void producer_route_early(struct producer *p, int64_t *wake_ns);

/* ---- producer_batch.c: batches and their ends ---- */

/* The batch that takes records; NULL: none. */
struct pbatch *part_open_batch(const struct ppart *part);
/* Puts the record into the partition's open batch, or a new one. */
void part_append(struct producer *p, struct ppart *part, struct send *s, const struct early *r);
struct ppart *part_of(struct producer *p, struct ptopic *t, int32_t index);
void batch_close(struct producer *p, struct pbatch *b);
/* Ends the batch's sends. */
void batch_end(struct producer *p, struct pbatch *b, enum send_result result, int16_t error,
               int64_t base_offset, int64_t append_time);
/* From the list and from memory; nothing refers to it any longer. */
void batch_free(struct producer *p, struct pbatch *b);
void send_end(struct producer *p, struct send *s, enum send_result result, int16_t error,
              int64_t charged);

/* ---- producer_id.c: idempotence ---- */

void producer_id_init(struct producer *p);
/* Asks for an id if there is none; false: not yet there. */
bool producer_id_is_there(struct producer *p);
/* Before a batch is sent for the first time, or after its partition's epoch was raised. */
void batch_give_sequence(struct producer *p, struct pbatch *b);
void part_note_stored(struct ppart *part, const struct pbatch *b);
bool part_has_stored_behind(const struct ppart *part, const struct pbatch *b);
/* Resolves holes and raises the epoch, when that can be done. */
void part_mend(struct producer *p, struct ppart *part);

/* ---- producer_txn.c: transactions ---- */

void producer_make_transactional(struct producer *p, struct slice transactional_id,
                                 void (*wants_parts)(void *owner), void *owner);
/* Nothing is in flight. Another id or epoch begins its sequences anew. */
void producer_set_identity(struct producer *p, int64_t pid, int16_t epoch, int16_t txn_version);
void producer_begin_txn(struct producer *p);
/* The partition may be written to in the present transaction. */
bool part_is_in_txn(struct producer *p, struct ppart *part);
/* When it must abort: ends what has not been sent. */
void producer_abandon(struct producer *p);

/* ---- producer_send.c: what goes out when ---- */

/* A record has come to this partition: it is pumped, or the timer knows when. */
void producer_joined(struct producer *p, const struct ppart *part);

void producer_pump(struct task *t);

#endif
