/* What the checker keeps while it reads a history. For its own files. */
#ifndef SIM_CHECK_CHECKER_H
#define SIM_CHECK_CHECKER_H

#include "sim/check/check.h"

/* A value that was sent, found by a hash of the value. */
struct sent {
    uint64_t value;
    int64_t op;
    int64_t final_offset, polled_offset; /* the first; -1 */
    int64_t polled_ns;                   /* when somebody was first given it */
    int32_t polled_topic, final_topic;   /* of the topics of one name, in which; -1 */
    bool failed_told;
};

/* Of one key of a partition of a compacted topic. */
struct key_end {
    int64_t final;     /* the last offset in the final read; -1 */
    int64_t value;     /* index of what was sent there */
    int64_t deleted;   /* the last acknowledged tombstone's offset; -1 */
    int64_t tombstone; /* index of what was sent there */
    bool is_uncertain; /* a tombstone that may have been appended somewhere */
};

/* A partition; arrays by offset - base, 0 is a hole. */
struct part {
    int32_t topic, partition;
    bool has_sends, final_begun, will_end; /* the final reading from the leader came to its end */
    bool has_lives; /* its topic is one of several of its name that histories tell apart */
    int64_t base, n;
    int64_t reach;          /* the greatest offset that was read, however far away; -1 */
    uint64_t *polled;       /* by anybody, first come */
    int32_t *polled_epochs; /* of their batches */
    uint64_t *final;        /* by the leader's final reading */
    uint8_t *flags;
    /* Its topic was deleted, or perhaps; and made again since when: what was sent before that is owed no more. */
    bool is_gone;
    int64_t born_ns;
    int64_t died_ns; /* when the former one was surely deleted: its deletion was asked for; 0 */
    int64_t final_first, final_end; /* -1; the end only when the reading was complete */
    int64_t polled_first, polled_last;
    VEC(struct key_end) keys; /* of a compacted topic, by number (check_compacted.c) */
};
enum { OFFSET_TOLD = 1 };

/* One process at one partition. */
struct cursor {
    bool known;   /* next is */
    int64_t next; /* the offset behind the last that was read, or where reading begins */
    int64_t end, end_bound;
    int64_t end_ns, bound_ns; /* when that was asked for */
    int32_t end_epoch, bound_epoch;
    int64_t final_next; /* a follower's reading: compared with the leader's so far */
    int64_t last_sent;  /* the greatest place of its own records, in the order of its sends */
};

/* A consumer went from `next` to `offset`: was there something between? */
struct leap {
    int64_t op, next, offset;
    uint64_t value;
};

/* A topic is made, or deleted: from then on its name stands for another one, or none. */
struct turn {
    int32_t topic;
    bool is_made;
    bool is_sure;            /* else its administrator does not know */
    int64_t begun_ns, at_ns; /* asked for; done, as far as is known */
};

struct checker {
    struct mem *mem;
    const struct history *h;
    const struct check_facts *facts;
    struct check_result *ret;
    VEC(struct sent) sent;
    int32_t *slots; /* index in sent + 1, by hash of the value */
    int64_t slots_n;
    struct part *parts;
    int32_t parts_n;
    int32_t *first_part; /* of each topic */
    struct cursor *cursors;
    bool has_admin, has_txns; /* any call of an administrator; any send in a transaction */
    VEC(struct leap) leaps;
    int64_t healed_ns;
    VEC(struct turn) turns; /* in the order of time */
    bool has_exact_turns;   /* they say which topic of its name it was */
};

/* ---- values ---- */

struct sent *sent_find(const struct checker *c, uint64_t value);

/* ---- parts ---- */

struct part *checker_part(const struct checker *c, int32_t topic, int32_t partition);
struct cursor *checker_cursor(const struct checker *c, int32_t process, const struct part *p);
static inline uint64_t
part_final(const struct part *p, int64_t offset)
{
    return offset >= p->base && offset < p->base + p->n ? p->final[offset - p->base] : 0;
}

static inline uint64_t
part_polled(const struct part *p, int64_t offset)
{
    return offset >= p->base && offset < p->base + p->n ? p->polled[offset - p->base] : 0;
}

/* Of several topics of one name: this is the one that acknowledged it, as its id says. */
static inline bool
sent_is_of(const struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    return op->outcome == HISTORY_OK && !op->is_of_any_life && op->topic == p->topic;
}

/* Sent to the topic that there is now, not to one of its name that was deleted: what went to that, went with it. */
static inline bool
part_owes(const struct checker *c, const struct part *p, const struct sent *s)
{
    if (p->is_gone) return false;
    if (p->has_lives) return sent_is_of(c, p, s);
    return c->h->ops.v[s->op].invoke_ns >= p->born_ns;
}

/* What is read of it is owed from then on: of which topic it is, readers know by its id, whoever sent it. */
static inline bool
part_owes_read(const struct checker *c, const struct part *p, const struct sent *s)
{
    return p->has_lives ? !p->is_gone : part_owes(c, p, s);
}

/* ---- when there was a topic of its name: check_lives.c ---- */

/* There was more than one topic of its name, as histories tell apart; perhaps nobody has used the others. */
bool topic_has_lives(const struct checker *c, int32_t topic);
void turns_gather(struct checker *c);
/* The next one (at: 0 at first) up to this time; NULL: none yet. */
const struct turn *turn_next(const struct checker *c, int64_t *at, int64_t until_ns);
/* When the last topic of its name was made that this is a partition of, of several; -1: not known. */
int64_t part_made_ns(const struct checker *c, const struct part *p);
/* Each time in between, as far as the chronicle tells. */
void part_each_stay(const struct checker *c, const struct part *p, int64_t from_ns, int64_t to_ns,
                    void (*stay)(void *ctx, int64_t from_ns, int64_t to_ns), void *ctx);
/* All the time. */
bool part_stays(const struct checker *c, const struct part *p, int64_t from_ns, int64_t to_ns);

/* ---- copies: check_copies.c ---- */

struct copies;
/* Tells of those that are there twice. */
struct copies *copies_gather(struct checker *c);
/* Or it cannot be known. */
bool copies_have(const struct copies *k, int32_t group, uint64_t source);
void copies_free(struct copies *k);

/* ---- telling ---- */

/* A story is begun, written into, and told with what it is about. */
struct telling {
    struct checker *c;
    struct writer w;
    enum rule rule;
    const struct part *part;
    int64_t offset;
    uint64_t value;
    int64_t at_ns;
    const struct history_op *send; /* of the record; NULL */
    bool was_read;                 /* somebody was given it */
    /* What is missed, if it is not the record that this is about: then what lay at this offset. */
    uint64_t missed;
    int64_t missed_offset;           /* -1: that of the record */
    int64_t missed_ns;               /* since when it is owed, if no record is known; 0 */
    const struct history_op *beside; /* another send, or a commit, that it is about, too; NULL */
    const char *excuse;              /* known to the rule itself; NULL: ask permission_of() */
};
struct telling tell_begin(struct checker *c, enum rule rule, const struct part *p, int64_t offset,
                          uint64_t value, int64_t at_ns);
void tell_text(struct telling *t, const char *text);
void tell_value(struct telling *t, uint64_t value);
void tell_offset(struct telling *t, int64_t offset);
void tell_time(struct telling *t, int64_t at_ns);
void tell_process(struct telling *t, int32_t process);
/* "p1:17 was sent at 1.002s and acknowledged at 1.009s as offset 41" */
void tell_send(struct telling *t);
void tell_end(struct telling *t);
/* The same, of a story that a lost commit of this group excuses. */
void tell_end_of_commit(struct telling *t, int32_t group, int64_t begun_ns, int64_t owed_ns);

/* ---- passes ---- */

/* At the end, over what was gathered. */
void check_log(struct checker *c);
/* The first offset that retention or DeleteRecords did not take, as far as anybody knows. */
int64_t part_removed_to(const struct checker *c, const struct part *p);
/* What administrators were told. */
void check_admin(struct checker *c);
/* Compacted topics. Is it no wonder that this value is gone from its offset? */
void compacted_begin(struct checker *c);
bool part_is_compacted(const struct checker *c, const struct part *p);
bool compacted_away(const struct checker *c, const struct part *p, uint64_t value, int64_t offset);
/* Might it be gone from its offset at this time already, in the log of whoever led then? */
bool compacted_away_at(const struct checker *c, const struct part *p, uint64_t value,
                       int64_t offset, int64_t at_ns);
void check_resurrected(struct checker *c, const struct part *p);
/* Members of groups. */
void check_groups(struct checker *c);
/* Members of share groups. */
void check_shares(struct checker *c);
/* Transactions. */
void check_txns(struct checker *c);
/* It belongs to a transaction that was not committed, as far as its producer knows: who reads uncommitted records may
 * have been given it, and nobody is owed it. */
bool is_of_open_txn(const struct checker *c, const struct sent *s);
/* A send or a commit of a transaction that was ended by what its producer had asked for before it began (KAFKA-17754), as the
 * chronicle tells: that part of it is there, or not, is no wonder. */
bool was_ended_late(const struct checker *c, const struct history_op *op, struct writer *why);

#endif
