/* What the files about guests share. */
#ifndef SIM_SCENARIO_GUESTS_OWN_H
#define SIM_SCENARIO_GUESTS_OWN_H

#include "broker/base/map.h"
#include "broker/protocol/frame.h"
#include "broker/record/record.h"
#include "sim/scenario/guests.h"

/* What is in a batch: kept once, however often it is sent and read. */
struct goods {
    struct map_node node; /* by the hash of all that its checksum covers */
    struct batch_header h;
    uint64_t *contents; /* of each record */
    int32_t *deltas;    /* of their offsets; NULL: 0, 1, 2 … */
    uint8_t *
        keys; /* of each record how many bytes of its key are kept, and these; NULL: none has one */
};

/* A batch that a guest sent to a partition. A retry is the same. */
struct parcel {
    struct goods *goods;
    struct lane *lane;
    int32_t process, topic, partition, n;
    int32_t number; /* among its lane's, from 0 */
    int16_t acks;
    bool is_told;
    int32_t broker; /* who acknowledged it */
    int64_t offset; /* of its first record, as acknowledged; -1: that was not said */
    int64_t
        first_value; /* history: of its first record the how many-th of its process's; and its operation */
    int64_t first_op;
    struct txn *txn;
    struct parcel *within; /* which was sent before, and of which this is a part; NULL: none */
    int64_t at;            /* of that one's records the first that this one has */
};

/* What one producer id sends to one partition. */
struct lane {
    struct map_node node;
    int64_t producer_id;
    int32_t topic, partition;
    VEC(struct parcel *) parcels; /* as they came */
    VEC(struct parcel *) placed;  /* history: of those without sequence numbers, by offset */
    int64_t longest;              /* of these the most records */
    int64_t at;                   /* where something was found last */
};

/* A process of the history: a client.id, and of one that has several producers each by itself. */
enum { PLAIN_SENDS = -1, SENDS_NOTHING = -2 };
struct author {
    int64_t producer_id; /* or one of these */
    int32_t process, client;
    int32_t txns;  /* begun so far */
    bool is_crowd; /* of many: what they send has no order among them */
    VEC(struct parcel *) parcels;
};

struct client {
    struct slice name;
    int32_t producers;
    int64_t sent, acknowledged, errors, read;
    int64_t misnumbered; /* of those sent, with the sequence number of another one */
    int16_t last_error;
};

/* What a producer does between two ends. */
struct txn {
    int32_t process, number;
    int64_t commit_asked_ns; /* -1: not yet */
    bool is_asked;           /* its end, of whichever kind: what is sent then belongs to the next */
    bool is_over, is_aborted, was_told;
    VEC(struct parcel *) parcels;
    VEC(struct commit *) commits;
};

/* A producer id that has a transactional id. */
struct maker {
    struct slice id;
    int64_t producer_id;
    int16_t epoch;
    struct txn *txn; /* the last; NULL */
};

struct commit_part {
    int32_t topic, partition;
    int64_t offset; /* of a look: what it found */
    int16_t error;  /* -2: nothing was said */
    int64_t op;     /* history */
};

/* Offsets that are committed, or looked at. */
struct commit {
    int32_t process, group;
    bool is_stable; /* a look: that waits for transactions */
    struct txn *txn;
    struct commit_part *v;
    int32_t n;
};

/* A batch of those that a reader was given. */
struct got {
    struct goods *goods;
    int64_t base;
    int32_t epoch;
};

struct poll {
    int32_t process, topic, partition;
    int64_t offset; /* that was asked for; -1: not known */
    bool read_committed;
    int32_t n;
    struct got *v;
};

/* A reader of committed records was given one of a transaction whose commit nobody had asked for. */
struct early {
    int32_t process, topic, partition;
    int64_t offset, at_ns;
    uint64_t value;
};

/* What an administrator asked for, and whether he was told that it is done. */
struct promise {
    struct promise *next; /* of the same request */
    enum promise_kind kind;
    int32_t process, n; /* n: partitions */
    int8_t resource;    /* of a setting, as in requests */
    bool is_told, is_kept;
    int64_t told_ns;
    struct slice name, key, value;
};

/* A DeleteRecords of one partition. */
struct cutting {
    struct cutting *next; /* of the same request */
    int32_t process, topic, partition, broker;
    int64_t offset, low; /* asked for, and as answered */
    int64_t op;          /* history */
};

/* A member of a share group. */
struct sharer {
    struct slice member;       /* its id */
    const struct visit *visit; /* through which it came last; NULL: that has ended */
    int32_t client, process, group;
};

/* What it says became of records. */
struct decision {
    struct decision *next; /* of the same request */
    int32_t process, group, topic, partition;
    int64_t first, last;
    int8_t type; /* 1 accept, 2 release, 3 reject */
    int64_t op;  /* history */
};

/* Records that it was given, and the how many-th time each of them was given out. */
struct handed_range {
    int64_t first, last;
    int16_t count;
};
struct handed {
    struct poll poll;
    int32_t group, client, broker;
    int64_t asked_ns;
    struct handed_range *ranges; /* of the batches these only */
    int32_t ranges_n;
};

/* It holds nothing any more. */
struct let_go {
    int32_t process, group;
};

enum entry_kind {
    ENTRY_SENT,
    ENTRY_SENT_AGAIN,
    ENTRY_ACKNOWLEDGED, /* parcel */
    ENTRY_COMMITTED,
    ENTRY_ABORTED, /* txn */
    ENTRY_POLLED,
    ENTRY_CORRUPT, /* poll, that ends before what is none */
    ENTRY_COMMIT,
    ENTRY_COMMIT_TOLD,
    ENTRY_LOOK,
    ENTRY_LOOK_TOLD, /* commit */
    ENTRY_HANDED,    /* handed */
    ENTRY_DECIDED,
    ENTRY_DECIDED_HEARD, /* decision */
    ENTRY_LET_GO,        /* let_go */
    ENTRY_CUTTING,
    ENTRY_CUT, /* cutting */
};

struct entry {
    int64_t at_ns;
    void *what;
    enum entry_kind kind;
};

/* Where a fetch session reads. */
struct place {
    int32_t topic, partition;
    int64_t offset;
};
struct session {
    struct list node;
    int32_t broker, id;
    VEC(struct place) places;
};

/* A request whose answer is waited for. */
struct asked {
    struct list node;
    int32_t correlation, process, broker;
    int16_t api, version;
    struct session
        *own; /* Fetch: of a session that is no more than this request, or begins with it */
    int32_t session_id;
    bool read_committed, commits;
    struct parcel **parcels; /* Produce */
    struct commit *commit;   /* OffsetFetch: one for each group */
    int32_t n;               /* of these */
    struct txn *txn;
    struct slice transactional_id;
    int32_t sharer; /* share groups */
    int64_t asked_ns;
    struct decision *decisions;
    struct promise *promises; /* of administrators */
    struct cutting *cuttings;
};

struct byte_stream {
    struct writer part; /* of a frame */
    bool is_none;       /* no frames come here (any more) */
};

struct visit {
    int32_t broker, client; /* client: -1, it has not said who it is */
    struct byte_stream there, back;
    struct list asked;
};

struct guests {
    struct guests_params params;
    struct mem *mem;
    enum crc32c_impl crc32c;
    struct arena a, scratch; /* for good; of one frame */
    struct history h;
    int64_t told_ns; /* the time of the entry that is being told */
    struct map goods, lanes;
    struct list sessions;
    int64_t sessions_n;
    VEC(struct visit *) visits; /* by connection; NULL: it has left */
    VEC(struct client) clients;
    VEC(struct author) authors;
    VEC(int32_t) partitions; /* of each topic, as far as anybody named them */
    int64_t places;          /* all of these */
    VEC(struct maker) makers;
    VEC(struct txn *) txns;
    VEC(struct entry) journal;
    VEC(struct slice)
    unsure; /* topics that hold what nobody outside has sent, or what is no batch */
    VEC(struct slice)
    gone; /* topics that guests deleted, or that are compacted: their records may go */
    VEC(struct slice) groups_gone;
    VEC(struct sharer) sharers;
    VEC(struct promise *) promises;
    bool promises_are_looked_for;
    int32_t
        share_lock_ms; /* for which a record is its reader's: the least that was told; 0: nothing was */
    int32_t share_deliveries_max; /* the most that anybody asked a group to have; 0: nobody did */
    VEC(struct early) early;
    struct reading_back *back; /* the log that is being read; NULL */
    struct map
        contents; /* history: records without sequence numbers, once somebody asks for one so */
    bool has_contents;
};

/* ---- guests.c ---- */

void guests_note(struct guests *g, enum entry_kind kind, void *what);
/* The topic's number, if this is a partition of one; -1: it can be none, or there are too many to judge. */
int32_t guests_place(struct guests *g, struct slice topic, int32_t partition);
struct slice guests_topic(const struct guests *g, struct slice name, struct uuid id);
/* Its process in the history: of whatever it does but sending, or of this producer id. */
int32_t guests_author(struct guests *g, int32_t client, int64_t producer_id);
struct author *author_of_process(const struct guests *g, int32_t process);
/* A text is one word in a history: what is none is written with '_' for what does not belong there. */
struct slice guests_word(struct guests *g, struct slice text);
/* A group's name as a history has it. */
struct slice guests_group(struct guests *g, struct slice name);
struct asked *guests_ask(struct guests *g, struct visit *v, const struct request_head *head);
bool names_have(const struct slice *v, int64_t n, struct slice one);

/* ---- guests_goods.c ---- */

/* NULL: it cannot be read. batch: all of it, and its checksum is right. */
struct goods *goods_of(struct guests *g, const struct batch_header *h, struct slice batch);
/* The beginning of a record's key; null: it has none. */
struct slice goods_key(const struct goods *b, int32_t n);
static inline int64_t
goods_delta(const struct goods *b, int32_t n)
{
    return b->deltas ? b->deltas[n] : n;
}

/* ---- what the kinds of requests do ---- */

void take_produce(struct guests *g, struct visit *v, const struct request_head *head,
                  struct reader *r);
void take_produced(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_fetch(struct guests *g, struct visit *v, const struct request_head *head,
                struct reader *r);
void take_fetched(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_commit(struct guests *g, struct visit *v, const struct request_head *head,
                 struct reader *r);
void take_committed(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_txn_commit(struct guests *g, struct visit *v, const struct request_head *head,
                     struct reader *r);
void take_txn_committed(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_look(struct guests *g, struct visit *v, const struct request_head *head,
               struct reader *r);
void take_looked(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_init(struct guests *g, struct visit *v, const struct request_head *head,
               struct reader *r);
void take_inited(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_end(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r);
void take_ended(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_admin(struct guests *g, const struct request_head *head, struct reader *r);
void take_share_fetch(struct guests *g, struct visit *v, const struct request_head *head,
                      struct reader *r);
void take_share_fetched(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void take_share_ack(struct guests *g, struct visit *v, const struct request_head *head,
                    struct reader *r);
void take_share_acked(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
/* What administrators ask for, as far as they are told that it is done. */
void take_wish(struct guests *g, struct visit *v, const struct request_head *head,
               struct reader *r);
void take_granted(struct guests *g, struct visit *v, struct asked *a, struct reader *r);
void tell_cutting(struct guests *g, struct cutting *c);
void tell_cut(struct guests *g, const struct cutting *c);
struct anomalies;
/* guests_ledger.c: what is there in the end. */
struct run;
void guests_read_ledger(struct run *r, struct guests *g);
void check_promises(struct guests *g, struct anomalies *ret);
/* This connection is no more. */
void sharers_leave(struct guests *g, const struct visit *v);
struct aborted;
/* The batches of what somebody was given, to p, but for control batches and those that are left out (NULL: none). True:
 * there is something behind them that is none. */
bool guests_take_batches(struct guests *g, struct poll *p, struct slice all, struct aborted *out);
/* The transaction to which belongs what this producer does now. NULL: nobody knows of it. */
struct txn *txn_now(struct guests *g, int64_t producer_id, int16_t epoch, int32_t process);
void session_free(struct guests *g, struct session *s);
/* NULL: nobody has sent anything so. */
struct lane *lane_there(const struct guests *g, int64_t producer_id, int32_t topic,
                        int32_t partition);

/* ---- guests_shares.c: what of all that comes into the history ---- */

void tell_handed(struct guests *g, const struct handed *h);
void tell_decided(struct guests *g, struct decision *d);
void tell_decided_heard(struct guests *g, const struct decision *d);
void tell_let_go(struct guests *g, const struct let_go *l);

/* ---- guests_values.c: once all has passed ---- */

void place_all(struct guests *g);
/* The operation of the n-th record of a batch. */
int64_t op_in(const struct parcel *k, int64_t n);
/* Of the n-th record of these, found at this offset; 0: it cannot be known whose it is. */
uint64_t value_of(struct guests *g, const struct goods *b, int32_t n, int32_t topic,
                  int32_t partition, int64_t offset, const struct parcel **ret_parcel);
void alike_release(struct guests *g);
/* Whose record it is; NULL: nobody's. */
const struct parcel *parcel_of_value(const struct guests *g, uint64_t value, int32_t *ret_n);

#endif
