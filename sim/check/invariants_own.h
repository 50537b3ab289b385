/* Between the files of the invariants. */
#ifndef SIM_CHECK_INVARIANTS_OWN_H
#define SIM_CHECK_INVARIANTS_OWN_H

#include "sim/check/invariants.h"
#include "sim/check/model.h"

struct topic_rule {
    struct slice name; /* null: of all that say nothing */
    int32_t min_isr;
    int64_t segment_bytes; /* the most that it ever was; 0: not known */
    int64_t message_bytes; /* max.message.bytes, always; 0: not said, or was another once */
    bool message_is_unsure, message_may_grow;
    enum { MAY_BE_UNCLEAN_UNSAID, MAY_NOT_BE_UNCLEAN, MAY_BE_UNCLEAN } unclean;
};

/* An operator asked for an unclean election. */
struct unclean_asked {
    struct slice topic;
    int32_t partition;
    int64_t at_ns;
};

struct broker_seen {
    int32_t id;
    int64_t epoch, incarnation;
    int64_t offset;          /* of the decision that was told last */
    bool fenced, is_leaving; /* leaving: in controlled shutdown */
};

/* What was decided of a broker. */
struct broker_change {
    int32_t id;
    int64_t epoch, incarnation, offset;
    bool is_registered, is_fenced, is_leaving;
};

struct voter_seen {
    int32_t node;
    int32_t epoch;                /* of its present life; -1 */
    int32_t proved_epoch;         /* it has told others of this one, and it was on the medium */
    int64_t had_end;              /* what was on the medium when its disk was last replaced … */
    const struct batch *had_last; /* … and the last batch of that; NULL: nothing */
};

/* Somebody was told of this vote: from then on it binds. */
struct vote_seen {
    int32_t node, epoch, id;
    bool is_forgotten; /* its voter's disk was replaced since: it binds nobody, and counted */
};

/* A request for votes that has no answer yet. */
struct vote_asked {
    int64_t frame;
    uint64_t conn; /* of its sender */
    int32_t sender;
    int32_t correlation, epoch;
};

/* A replica asks its leader for records: what it says of its own log. */
struct position_told {
    int32_t node;
    struct topic_key *key;
    int32_t leader_epoch, last_epoch; /* last: of the record before this offset */
    int64_t offset;
};

/* Records were acknowledged, all below this end. */
struct ack_told {
    int32_t node;
    struct topic_key *key;
    int16_t acks;
    int64_t end;
};

/* A batch of a produce request. */
struct produced_part {
    struct topic_key *key;
    int32_t index;
    int64_t producer; /* -1: none */
    int16_t producer_epoch;
    int32_t sequence, records_n;
    int64_t bytes; /* of the batch, as it was sent */
};

/* A produce request that has no answer yet. */
struct produce_asked {
    int64_t frame;
    uint64_t conn; /* of its client */
    int32_t client, correlation;
    int16_t acks;
    VEC(struct produced_part) parts;
};

/* A replica asks its leader for what comes behind its log; no answer yet. */
struct fetch_asked {
    int64_t frame, sent_ns;
    uint64_t conn;
    int32_t from, id, leader_epoch;
    int32_t last_epoch; /* of the record before the end; -1: not told */
    struct topic_key *key;
    int64_t end;
    bool has_arrived, is_outdated; /* its leader has read it; has read another one since */
};

/* Somebody wants a producer id, and names none that it has. */
struct id_asked {
    int64_t frame;
};

struct id_given {
    int64_t producer;
    int16_t epoch;
};

/* The epoch under which a producer goes on, as the end of its transaction has told it (KIP-890). */
struct epoch_told {
    int64_t frame; /* the answer */
    int32_t client;
    int64_t producer;
    int16_t epoch;
    bool has_arrived;
};

struct producer_book;
struct shard_log;
struct txns_seen;
struct members_seen;
struct offsets_seen;
struct descriptions;
struct away_members;
struct beats;
struct cluster_seen;
struct leaders_seen;
struct answers_seen;
struct standing_seen;
struct ends_seen;
struct groups_seen;
struct k_describe_producers_response_partition_response;
struct k_describe_transactions_response_transaction_state;
struct k_consumer_group_describe_response_described_group;
struct k_describe_groups_response_described_group;
struct k_share_group_describe_response_described_group;
struct k_streams_group_describe_response_described_group;
struct k_list_groups_response;
struct k_produce_response;
struct k_list_transactions_response;
struct k_config_record;
struct k_feature_level_record;
struct k_producer_ids_record;
struct k_register_broker_record;
struct k_register_controller_record;
struct k_topic_record;
struct arena;
struct record;

#define TRANSACTIONS S("__transaction_state")
#define GROUPS S("__consumer_offsets")

struct invariants {
    struct mem *mem;
    struct model model;
    struct anomalies found;
    VEC(struct topic_rule) topics;
    VEC(struct unclean_asked) asked;
    VEC(struct broker_seen) brokers;
    VEC(struct voter_seen) voters;
    VEC(struct vote_seen) votes;
    VEC(struct vote_asked) vote_requests;
    VEC(struct position_told) positions; /* told in the step that is under way … */
    VEC(struct ack_told) acks;
    VEC(struct produce_asked) produced;
    VEC(struct producer_book *) books;
    VEC(int32_t) producers; /* the machines of our own */
    VEC(struct epoch_told) epochs_told;
    int64_t key_hint;   /* where among the model's keys the next is looked for */
    int64_t gave_up_ns; /* a producer did, of a record, at this time last */
    int64_t at_ns;
    int32_t node; /* whose note it is */
    struct world *world;
    int32_t combined;      /* of brokers that are controllers, too; 0: not said */
    struct ledger *ledger; /* with a world: what was committed; NULL: nothing yet */
    void (*hear_topic)(void *ctx, const struct topic_told *t); /* may be NULL */
    void *hear_topic_ctx;
    void (*hear_end)(void *ctx, int64_t producer, int16_t epoch, bool is_commit); /* may be NULL */
    void *hear_end_ctx;
    VEC(struct shard_log *) shards; /* the logs of coordinators … */
    struct txns_seen *txns;         /* … and what is in them; NULL: nothing yet */
    struct members_seen *members;
    struct offsets_seen *offsets;
    struct descriptions *descriptions;
    struct away_members *away;
    struct beats *beats;
    struct cluster_seen *cluster;
    struct leaders_seen *leaders;
    struct answers_seen *answers;
    struct standing_seen *standing;
    struct ends_seen *ends;
    struct groups_seen *groups; /* share groups and streams groups; members: all others */
    int64_t session_ns;         /* group.consumer.session.timeout.ms; 0: not known */
    bool txns_unverified; /* brokers do not ask whether a partition is part of a transaction */
    VEC(struct fetch_asked) fetches;
    VEC(int64_t) rewritten; /* requests whose answers a fault has changed */
    VEC(struct id_asked) ids_asked;
    VEC(struct id_given) ids_given;
    int64_t lag_max_ns;        /* replica.lag.time.max.ms; 0: not known */
    bool clocks_drift;         /* those of some nodes do */
    int64_t rests_from_ns;     /* all is healed, and has come to rest by then; 0: not yet */
    bool hears_fetches;        /* of replicas: one was heard */
    bool producers_may_expire; /* soon, or clocks were set: then any sequence may be the first */
};

/* what: '#' stands for a and then for b, '@' for the machine with that number. */
void breach(struct invariants *v, enum rule rule, const struct topic_key *k, int64_t offset,
            const char *what, int64_t a, int64_t b);
void take_leader(struct invariants *v, struct topic_key *k, int32_t epoch, int32_t node);
/* The election of this epoch may have cost what was committed; false too if it is not known. */
bool is_lossy(const struct topic_key *k, int32_t epoch);
/* … or that of any epoch so far. */
bool was_ever_lossy(const struct topic_key *k);
/* Could somebody of these have led who has all up to this end? */
bool is_held_by(struct invariants *v, const struct topic_key *k, const struct model_ids *ids,
                int64_t end);
/* The leader of now has deleted it (retention, DeleteRecords). Whoever copies from it hears of that with the next answer, and compares
 * nothing that lies there: the leader knows no epoch of before. */
bool is_deleted_by_leader(struct invariants *v, const struct topic_key *k, int64_t offset);
void check_leader(struct invariants *v, struct topic_key *k, struct node_log *l);
/* On whom the leader counts: as a note of its own says, and after a decision. */
void take_counted(struct invariants *v, struct topic_key *k, struct node_log *l,
                  const struct note *n);
/* A batch of this topic was taken, or refused as too large. */
void check_message_size(struct invariants *v, const struct topic_key *k, int64_t bytes,
                        int64_t offset, bool is_refused);
/* A replica has told its leader up to where it has the log. */
void take_heard(struct invariants *v, struct topic_key *k, int32_t id, int32_t leader_epoch,
                int64_t end);
/* The leader has moved its high watermark to here. */
void check_heard(struct invariants *v, struct topic_key *k, const struct node_log *l, int64_t hw);
void check_counted_by_leader(struct invariants *v, struct topic_key *k);
void check_high_watermark(struct invariants *v, struct topic_key *k, struct node_log *l, int64_t hw,
                          bool leads);

struct voter_seen *voter_seen(struct invariants *v, int32_t node);
void check_raft_state(struct invariants *v, struct topic_key *k, struct node_log *l,
                      const struct note *n);
void check_raft_high_watermark(struct invariants *v, struct topic_key *k, struct node_log *l,
                               const struct note *n);
/* What disks hold, against what nodes say; without a world (in tests) nodes are believed. The end of what is written: */
int64_t truth_written(struct invariants *v, int32_t node, struct node_log *l, int64_t end);
void truth_synced(struct invariants *v, int32_t node, struct node_log *l, int64_t end);
/* How much of what lies below this end surely survives a power loss: the end of that. */
int64_t truth_durable(struct invariants *v, int32_t node, struct node_log *l, int64_t end);
void truth_cut(struct invariants *v, int32_t node, struct node_log *l);
void truth_opened(struct invariants *v, int32_t node, struct node_log *l);
/* The next batch of the log is about to be appended at this offset. */
void truth_appends(struct invariants *v, int32_t node, struct node_log *l, int64_t base);
void truth_free(struct invariants *v, struct node_log *l);

/* Reads the batches of its log as far as this end. False: they do not all lie there, or it is compacted. */
bool truth_looks(struct invariants *v, int32_t node, struct node_log *l, int64_t end);

/* The first offset of a transaction that is open, by the batches that the node has written; INT64_MAX: none; -1: not known. */
int64_t truth_first_open(struct invariants *v, int32_t node, struct topic_key *k);
/* The last stable offset is no less, for a leader with this high watermark; 0: not known. */
int64_t truth_stable(struct invariants *v, int32_t node, struct topic_key *k, int64_t hw);

/* The decisions, as they are committed below this end; the node is the quorum's leader. */
void ledger_read(struct invariants *v, int32_t node, int64_t end);
void ledger_free(struct invariants *v);
/* All below is committed, and was read; -1: not all of it, so nothing follows from what was. */
int64_t ledger_end(struct invariants *v);
struct broker_seen *broker_seen(struct invariants *v, int32_t id);
void check_broker_change(struct invariants *v, const struct broker_change *c);
void check_change(struct invariants *v, struct topic_key *k, const struct decision *to);

void check_decision(struct invariants *v, const struct note *n);
void voter_crashed(struct invariants *v, int32_t node);
/* Its disk is about to be replaced. */
void voter_wiped(struct invariants *v, int32_t node);
/* The node has come to lead the quorum. */
void check_votes(struct invariants *v, struct topic_key *k, int32_t epoch);
void votes_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void standing_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void standing_judge(struct invariants *v, int64_t at_ns, int32_t node);
void standing_free(struct invariants *v);
/* A file was opened, or has lost its name. */
void names_opened(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
void names_removed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
/* A segment that a cleaning has made gets its first name. */
void names_cleaned(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
/* A cleaning has ended, by all that lies between these offsets. */
void names_round_ends(struct invariants *v, struct node_log *l, int64_t from, int64_t to);
/* The log was cleaned up to here. */
void cleaned_look(struct invariants *v, struct node_log *l, int64_t to);
/* 0: not known. */
int64_t segment_bytes_of(struct invariants *v, struct slice topic);
/* NULL: it has told nothing. */
struct heard *heard_of(struct topic_key *k, int32_t id);
void isr_asked(struct invariants *v, const struct fetch_asked *asked);
void isr_forget_asked(struct invariants *v, int32_t from, uint64_t conn);
void isr_arrived(struct invariants *v, int64_t frame);
void isr_answered(struct invariants *v, int32_t leader, int64_t frame, bool is_taken);
void isr_wanted(struct invariants *v, struct topic_key *k, struct node_log *l,
                const struct model_ids *is, const struct model_ids *wanted);
void isr_begins(const struct topic_key *k, struct node_log *l, int64_t at_ns);
void isr_stands(struct node_log *l);
void isr_stands_still(struct model_node *n);
void isr_look(struct invariants *v, struct topic_key *k, struct node_log *l);
/* A file was synced, or has got its name; path: the name that it had. */
void beside_synced(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
void beside_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
void checkpoint_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path);
/* What coordinators have committed below this end of their log; the node leads it. */
void coordinator_read(struct invariants *v, struct topic_key *k, int32_t node, int64_t end);
/* The node has come to lead it. */
void coordinator_leads(struct invariants *v, const struct topic_key *k, const struct node_log *l);
void coordinators_free(struct invariants *v);
/* What was committed in this one may have been given up, or cannot be read. */
void txns_lost(struct invariants *v, const struct topic_key *shard);
/* epoch: in which its coordinator led. */
void take_txn_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                     const struct record *rec, int32_t epoch);
/* A batch of a producer lies on a disk, for the first time. */
void txn_batch_written(struct invariants *v, const struct topic_key *k, const struct batch *b);
/* Somebody else than a coordinator writes markers. */
void txns_written_by_hand(struct invariants *v);
void txns_free(struct invariants *v);
void members_lost(struct invariants *v, const struct topic_key *shard);
void take_group_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                       const struct record *rec);
/* The records of a batch are one decision: what they leave together. */
void check_members(struct invariants *v, const struct topic_key *shard);
void members_free(struct invariants *v);
/* producer: whose transaction it is part of; -1: none. */
void take_offset_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                        const struct record *rec, int64_t producer);
/* The marker that ends a transaction of this producer. */
void take_offsets_end(struct invariants *v, const struct topic_key *shard, int64_t producer,
                      bool commit);
void offsets_lost(struct invariants *v);
void offsets_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void offsets_judge(struct invariants *v, int32_t node);
void offsets_free(struct invariants *v);
/* The node leads this coordinator's log, has committed all of it, and all of that was read here. */
bool coordinator_is_read(struct invariants *v, const struct topic_key *shard, int32_t node);
/* The node leads it, and all that it has committed was read here, and no more: it may have lost what it had before. */
bool coordinator_is_heard(struct invariants *v, const struct topic_key *shard, int32_t node);
/* The epoch that is committed of a member: -1: none, INT32_MAX: it is gone again. NULL: there is no such group. */
const struct topic_key *member_committed(struct invariants *v, struct slice group,
                                         struct slice member, int32_t *ret_epoch);
const struct topic_key *sharer_committed(struct invariants *v, struct slice group,
                                         struct slice member, bool is_streams, int32_t *ret_epoch);
void beats_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void beats_judge(struct invariants *v, int64_t at_ns, int32_t node);
void beats_free(struct invariants *v);
/* What a node, which was asked at this time, tells of one of these: as its log has it? */
void truth_described(struct invariants *v, int32_t node, struct topic_key *k,
                     const struct k_describe_producers_response_partition_response *p);
void txn_described(struct invariants *v, int32_t node, int64_t asked_ns,
                   const struct k_describe_transactions_response_transaction_state *t);
void group_described(struct invariants *v, int32_t node, int64_t asked_ns,
                     const struct k_consumer_group_describe_response_described_group *p);
void classic_described(struct invariants *v, int32_t node, int64_t asked_ns,
                       const struct k_describe_groups_response_described_group *p);
void txns_listed(struct invariants *v, int32_t node, int64_t asked_ns,
                 const struct k_list_transactions_response *p);
void groups_lost(struct invariants *v, const struct topic_key *shard);
void take_sharing_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                         const struct record *rec);
/* As check_members: what a batch leaves of share groups. */
void check_sharing(struct invariants *v, const struct topic_key *shard);
void share_described(struct invariants *v, int32_t node, int64_t asked_ns,
                     const struct k_share_group_describe_response_described_group *told);
void streams_described(struct invariants *v, int32_t node, int64_t asked_ns,
                       const struct k_streams_group_describe_response_described_group *told);
/* A group as it is committed, when all are told of; is_counted: each that joins or leaves is in its log. */
struct group_to_list {
    struct slice id, type;
    bool is_there, is_counted;
    int64_t members_n;
};
void group_listed(struct invariants *v, const struct topic_key *shard,
                  const struct k_list_groups_response *p, const struct group_to_list *g);
void groups_listed(struct invariants *v, int32_t node, int64_t asked_ns,
                   const struct k_list_groups_response *p);
void members_listed(struct invariants *v, int32_t node, int64_t asked_ns,
                    const struct k_list_groups_response *p);
void groups_free(struct invariants *v);
void descriptions_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void descriptions_judge(struct invariants *v, int32_t node);
void descriptions_free(struct invariants *v);
void away_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
/* What a batch says of groups: a member is gone, or its group is one of the classic protocol. */
void away_removed(struct invariants *v, struct slice group, struct slice member);
void away_is_classic(struct invariants *v, struct slice group);
void away_free(struct invariants *v);
/* What is decided, by the record at this offset. */
void cluster_topic(struct invariants *v, struct uuid id, struct slice name, int64_t offset);
void cluster_topic_gone(struct invariants *v, struct uuid id, int64_t offset);
void cluster_decided(struct invariants *v, const struct topic_key *k, const struct decision *d);
void cluster_fenced(struct invariants *v, int32_t id, bool is_fenced, int64_t offset);
/* The node has applied what is decided up to this record; -1: it begins anew. */
void cluster_applied(struct invariants *v, int32_t node, int64_t offset);
void cluster_unsure(struct invariants *v);
bool cluster_is_unsure(const struct invariants *v);
void cluster_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void cluster_judge(struct invariants *v, int64_t at_ns, int32_t node);
void cluster_free(struct invariants *v);
/* The record of the quorum's log up to which it has applied what was decided; -1: not known. */
int64_t cluster_has_applied(const struct invariants *v, int32_t node);
/* A broker that does not lead tells who does. */
struct leader_told {
    struct slice name; /* null: the id says it */
    struct uuid id;
    int32_t partition, leader, epoch; /* -1: nobody */
};
/* Was that so at one place between this record and what is committed now? True if it is not known. */
bool cluster_may_lead(struct invariants *v, int64_t from, const struct leader_told *l);
/* The broker is known from this record on, and was not fenced since. */
bool cluster_surely_serves(struct invariants *v, int64_t from, int32_t id);
void leaders_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
/* Of an answer to Produce, which is decoded by others. */
void leaders_hear_produced(struct invariants *v, const struct world_frame *f,
                           const struct k_produce_response *p);
void leaders_judge(struct invariants *v, int64_t at_ns, int32_t node);
void leaders_free(struct invariants *v);
/* What is committed, for what controllers answer. */
void answered_registered(struct invariants *v, const struct k_register_broker_record *r);
void answered_fenced(struct invariants *v, int32_t id, int64_t epoch, bool is_fenced);
void answered_controller(struct invariants *v, const struct k_register_controller_record *r);
void answered_ids(struct invariants *v, const struct k_producer_ids_record *r);
void answered_topic(struct invariants *v, const struct k_topic_record *r);
void answered_topic_gone(struct invariants *v, struct uuid id);
void answered_decided(struct invariants *v, const struct topic_key *k, const struct decision *d);
void answered_setting(struct invariants *v, const struct k_config_record *r);
void answered_feature(struct invariants *v, const struct k_feature_level_record *r);
void answered_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void answered_judge(struct invariants *v, int64_t at_ns, int32_t node);
void answered_free(struct invariants *v);
/* A fault has changed the answer. */
bool wire_is_rewritten(const struct invariants *v, const struct world_frame *f);
void ends_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void ends_judge(struct invariants *v, int64_t at_ns, int32_t node);
void ends_free(struct invariants *v);
/* What nodes and producers say on the wire; what a node said is judged when its step is over. */
void wire_hear(struct invariants *v, const struct world_frame *f, struct slice bytes);
void wire_judge(struct invariants *v, int64_t at_ns, int32_t node);
void wire_free(struct invariants *v);
/* A batch as a producer sends it; and that it is acknowledged. */
void producer_sent(struct invariants *v, int64_t at_ns, int32_t node, const struct produced_part *p,
                   uint32_t crc);
void producer_told(struct invariants *v, const struct produced_part *p);
void producer_epoch_told(struct invariants *v, const struct world_frame *f, int64_t producer,
                         int16_t epoch);
void producer_epoch_arrived(struct invariants *v, int64_t frame);
void producers_free(struct invariants *v);
void votes_wiped(struct invariants *v, int32_t node);

#endif
