/* Between the files of the oracle. */
#ifndef SIM_CHECK_ORACLE_OWN_H
#define SIM_CHECK_ORACLE_OWN_H

#include "broker/base/fmt.h"
#include "sim/check/oracle.h"
#include "sim/check/model.h"

/* An acknowledged record: the promise, and whether an election has broken it. */
struct promise {
    uint64_t value;
    int64_t key;    /* number; -1: none */
    int64_t offset; /* -1: it was not said */
    int64_t begun_ns, at_ns;
    int16_t acks;
    int32_t leader;      /* who acknowledged it; -1: not known */
    struct batch *batch; /* that has it; NULL: not known */
    /* Who led a later epoch already when it was acknowledged, and since when; -1: nobody. */
    int32_t after, after_epoch;
    int64_t after_ns;
    struct doom *doom; /* the first election of a leader without it that came to lead */
};

/* An election whose leader lacked records. */
struct doom {
    struct doom *next;
    const struct topic_key *key;
    int64_t at_ns;
    int32_t leader, epoch, was_leader;
    int64_t leader_end;
    bool unclean;  /* the leader is none of those who might lead */
    bool by_leave; /* and somebody permitted that: a setting, or an operator who asked */
    bool led;      /* it was there to lead; else nothing has come of it yet */
};

enum blow_kind {
    BLOW_CRASH,
    BLOW_POWER,
    BLOW_WIPE,
    BLOW_TRUNCATE,
    BLOW_RECOVERY,
    BLOW_DAMAGE,     /* it lies there still, and is spoilt */
    BLOW_DAMAGE_CUT, /* that, and then it was cut off, or left out */
};

/* Something that took copies away. */
struct blow {
    int64_t at_ns;
    int32_t node;
    enum blow_kind kind;
    int32_t key; /* -1: of all */
    int64_t from, to;
};

/* A write landed elsewhere: from this offset on a log cannot be read, whatever comes behind. */
struct hole {
    int32_t node, key;
    int64_t from;
};

typedef VEC(struct batch *) batch_vec;

/* And which, in one log of one node. */
struct taking {
    int64_t at_ns;
    int32_t node, key;
    enum blow_kind kind;
    batch_vec v;
};

/* Who might lead, decision by decision. */
struct standing {
    int64_t at_ns;
    struct model_ids eligible; /* ISR and ELR; if they were empty, who was in them last */
};

/* What a partition promised and gave. */
struct oracle_key {
    VEC(struct promise) promises;
    VEC(uint64_t) read; /* by offset: what was given out first; 0 */
    VEC(uint8_t) told;
    VEC(struct standing) standings;
    int64_t elected_ns;  /* the last leader */
    int32_t led_epoch;   /* the last epoch in which somebody took the lead */
    int64_t removed_to;  /* by retention or DeleteRecords, at or below a high watermark */
    int64_t asked_ns;    /* an operator asked for an unclean election; 0 */
    int64_t by_leave_ns; /* somebody was elected uncleanly, as was permitted; 0 */
    /* Its topic was deleted, or perhaps; and made again since when: what was sent before is owed no more. */
    bool is_gone;
    int64_t born_ns;
};

/* What the operator said of a topic. */
struct topic_terms {
    struct slice name; /* null: of all that say nothing */
    int32_t min_isr;
    bool flushes_each;
    int64_t flushes_to_ns; /* … until then; INT64_MAX */
    bool tombstones_go;    /* of a compacted topic */
    bool
        is_rewritten; /* the leader writes batches anew: they have other checksums than those that were sent */
    enum { UNCLEAN_UNSAID, UNCLEAN_NO, UNCLEAN_YES } unclean;
};

/* When connections may have broken. */
struct trouble {
    int64_t from_ns, to_ns;
    struct slice words;
};

/* Values by checksum, size and count, until a leader appends them. */
struct sent_batch {
    struct map_node map;
    int32_t node, n;
    uint32_t crc;
    int64_t bytes;
    uint64_t *values;
};

/* The topic that has its name now, or had it last. */
struct oracle_topic {
    struct slice name;
    struct uuid id;
    int64_t made_offset; /* in the quorum's log */
    bool is_gone;
};

struct oracle {
    struct mem *mem;
    struct model model;
    struct map sent; /* newest first among equals */
    VEC(struct blow) blows;
    VEC(struct taking) takings;
    VEC(struct hole) holes;
    VEC(struct topic_terms) terms;
    VEC(struct trouble) troubles;
    VEC(struct harm_done *) harms; /* oracle_world.c */
    struct doom *dooms;
    struct anomalies found, perhaps;
    const struct history *history;
    struct world *world;
    int64_t now_ns;
    VEC(struct oracle_topic) topics; /* as the quorum makes and deletes them */
};

/* Values of a final log, with their offsets. */
struct lies {
    uint64_t value;
    int64_t offset;
};
typedef VEC(struct lies) lies_vec;

/* What is left of a compacted log (oracle_compacted.c). */
struct remains {
    lies_vec lies;
    VEC(int64_t) last; /* of each key the last offset; -1 */
};
void oracle_remains(struct oracle *o, int32_t node, const struct node_log *l, struct remains *ret);
void oracle_remains_release(struct oracle *o, struct remains *r);
/* It need not be there. */
bool oracle_is_superseded(const struct oracle *o, const struct topic_key *k,
                          const struct remains *r, const struct promise *p);

/* Learns what the batches of this log hold that lie below its written end, and not below `from`: from the disk, for
 * their checksums nobody has sent. */
void oracle_read_written(struct oracle *o, int32_t node, struct node_log *l, int64_t from);
/* By its checksum and size, of what was sent to this node or found on its disk. */
void oracle_know_values(struct oracle *o, int32_t node, struct batch *b, uint32_t crc,
                        int64_t bytes);
void oracle_views_free(struct oracle *o);
struct oracle_key *oracle_key(struct oracle *o, struct topic_key *k);
/* What the node means by this name now: the one that it opened last. */
struct node_log *oracle_log(struct oracle *o, int32_t node, struct slice subject);
/* A blow that took copies (k NULL: perhaps all), for the story. */
void oracle_took_away(struct oracle *o, int32_t node, enum blow_kind kind,
                      const struct topic_key *k, int64_t from, int64_t to);
/* Keeps which batches those are that a log is about to lose: from this offset on. */
void oracle_take_from(struct oracle *o, int32_t node, enum blow_kind kind, const struct node_log *l,
                      int64_t from);
void oracle_take_all_logs(struct oracle *o, int32_t node, enum blow_kind kind);
/* A batch that its log has now: behind a hole it is no copy. */
void oracle_copied(struct oracle *o, int32_t node, struct batch *b);
/* The log (key -1: all of the node) has nothing from this offset on any more, and no hole there. */
void oracle_cut_at(struct oracle *o, int32_t node, int32_t key, int64_t end);

/* How a lost record is sorted, and because of what: "b2 lost its unsynced tail at 4.100s, …". */
enum loss oracle_sort(struct oracle *o, const struct topic_key *k, const struct promise *p,
                      struct writer *ret_why);
/* Why it was lost, as a story. */
void oracle_story(struct oracle *o, const struct history *h, const struct topic_key *k,
                  const struct promise *p, enum loss loss, struct slice why, struct writer *w);
bool oracle_was_read(const struct topic_key *k, const struct promise *p);
struct topic_terms oracle_terms(const struct oracle *o, const struct topic_key *k);
/* Is its copy on this node spoilt, though the log goes on? */
bool oracle_is_damaged(const struct oracle *o, int32_t node, const struct batch *b);
void oracle_add(struct oracle *o, const struct history *h, enum rule rule,
                const struct topic_key *k, int64_t offset, uint64_t value, enum loss loss,
                struct slice why, struct slice story);

#endif
