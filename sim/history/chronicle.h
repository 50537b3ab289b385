/* The chronicle: what happened to a cluster, beside what its clients saw. Whoever does the faults writes it; the
 * cluster itself has no say in it. With a history and the settings it is all that the checker needs, so that it can
 * judge a cluster of real machines, too: the faults are the harness's own, and who leads and who is in sync a client
 * can ask for (Metadata, DescribeTopicPartitions).
 *
 *      2.000  placed    orders-0   leader 1, in sync 1 2 3
 *      4.100  copies    b2 lost its unsynced tail: orders-0 from 812 to 840
 *      4.100  ended     b2                                           without order: its word counts no more
 *      4.900  started   b2
 *      5.000  unclean   orders     an election of a replica that lacks records is permitted from now on
 *      6.000  deleted   orders     as the quorum has committed it: what administrators were told, or not, is the history's
 *      7.500  made      orders     and another one has its name
 *      8.100  ended-late p1        its transaction that began at 8.0 was ended by what it had asked for at 7.2, of the one before
 *
 * In the order of time. */
#ifndef SIM_HISTORY_CHRONICLE_H
#define SIM_HISTORY_CHRONICLE_H

#include "broker/base/bytes.h"
#include "broker/base/mem.h"

#define CHRONICLE_IDS_MAX 16

struct chronicle_ids {
    int32_t n, v[CHRONICLE_IDS_MAX];
};

/* `what` of COPIES_GONE, where a disk gives wrong bytes from then on. */
#define CHRONICLE_ROT "was damaged on its disk"
#define CHRONICLE_MISDIRECTED "wrote to the wrong place"

enum happening_kind {
    HAPPENED_COPIES_GONE, /* node, topic, partition, from, to; what: "lost its unsynced tail", "was wiped" … */
    HAPPENED_ENDED,         /* node: its process died, or its host lost power */
    HAPPENED_STARTED,       /* node */
    HAPPENED_PLACED,        /* topic, partition, leader, leader_epoch, in_sync, elr */
    HAPPENED_UNCLEAN_SET,   /* topic (null: the cluster's default); is_on */
    HAPPENED_UNCLEAN_ASKED, /* topic, partition: an operator asked for it */
    HAPPENED_FLUSH_SET,     /* topic; flush_messages or flush_ms: it is flushed less from now on */
    HAPPENED_MADE,          /* topic: there is one of this name from now on */
    HAPPENED_DELETED,       /* topic: there is none any more */
    HAPPENED_ENDED_LATE, /* what: the process; sent_ns, begun_ns; is_on: committed (chronicler_ends.c) */
    HAPPENED_TROUBLE, /* any other fault; until_ns; what */
    HAPPENED_N
};

struct happening {
    int64_t at_ns;
    enum happening_kind kind;
    int32_t node;       /* -1 */
    struct slice topic; /* null: all */
    int32_t life;       /* of what is made or deleted: the how many-th topic of this name, from 1 */
    int32_t partition;  /* -1: all */
    int64_t from, to;   /* the offsets whose copies are gone: from ≤ offset < to */
    bool by_power;      /* only what was not synced */
    struct slice what;  /* in words */
    int32_t leader;     /* -1: nobody */
    int32_t leader_epoch;
    struct chronicle_ids in_sync; /* ISR and ELR: who might lead */
    struct chronicle_ids elr;     /* of them, who are out of the ISR */
    bool is_on;
    int64_t flush_messages, flush_ms; /* -1: not changed; 0: nothing is promised any more */
    int64_t until_ns;                 /* of trouble: INT64_MAX while it lasts */
    int64_t sent_ns,
        begun_ns; /* of a transaction that was ended late: the request, and the transaction */
};

struct chronicle {
    struct mem *mem;
    VEC(struct happening) v;
};

void chronicle_init(struct chronicle *c, struct mem *mem);
void chronicle_release(struct chronicle *c);
/* One that is about nothing yet: numbers -1, offsets all. */
struct happening happening_new(enum happening_kind kind, int64_t at_ns);
/* Copies the texts. */
void chronicle_add(struct chronicle *c, const struct happening *one);
/* The trouble of these words, if it lasts, is over. */
void chronicle_end_trouble(struct chronicle *c, struct slice what, int64_t at_ns);
bool chronicle_has(const struct chronicle_ids *ids, int32_t id);
/* As text, a line each, and back. Reading: false, and the line says what is wrong with it. */
struct text_line;
void chronicle_print(const struct chronicle *c, struct writer *w);
bool chronicle_is_line(const struct text_line *l);
bool chronicle_read_line(struct chronicle *c, struct text_line *l);
/* Is it about this partition (perhaps among others)? */
bool happening_is_of(const struct happening *one, struct slice topic, int32_t partition);

#endif
