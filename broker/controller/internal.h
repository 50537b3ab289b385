/* What the files of the controller share. A handler reads the image, adds records to the batch in the
 * making, fills the response; the frame around it (controller.c) proposes the batch, applies it to the
 * image and keeps the answer until it is committed. Nothing is applied before it is proposed: a handler
 * that adds two records which depend on each other must know it. */
#ifndef CONTROLLER_INTERNAL_H
#define CONTROLLER_INTERNAL_H

#include "broker/base/fmt.h"
#include "broker/controller/controller.h"
#include "broker/controller/leader_choice.h"
#include "broker/controller/session.h"
#include "broker/protocol/codec.h"

#include "errors.h"

struct session {
    int32_t id;
    int64_t last_contact_ns; /* or SESSION_NONE */
    bool was_heard;          /* not only granted by a new controller */
    int64_t metadata_offset; /* as of its last heartbeat */
    int64_t stopping_offset; /* see session.h; -1 while not stopping */
};

/* For the trace; told when the decision is committed, forgotten when it is not. */
struct pending_note {
    struct list node;
    int64_t offset;
    enum note_kind kind;
    struct slice subject, text;
    int64_t v[NOTE_NUMBERS];
    int32_t n;
};

struct controller {
    struct env *env;
    struct controller_options options;
    struct controller_feature *features; /* the options' */
    const struct proposer_ops *ops;
    void *owner;

    bool is_active;
    struct uuid own_broker; /* replacement.h; zero: none */
    int32_t epoch;
    struct image image;
    int64_t last_offset;          /* proposed */
    int64_t high_watermark;       /* committed below */
    VEC(struct session) sessions; /* by id */
    VEC(struct slice) batch;      /* values in the making */
    struct list calls;            /* waiting, by offset */
    struct list notes;            /* waiting, by offset */
    struct timer session_timer, noop_timer, preferred_timer, unclean_timer;
    struct map imbalance; /* see imbalance.c */
    bool is_idle;         /* nothing was proposed since the last tick */
};

/* Kafka's bound on what one request may make; also keeps comparisons of all with all affordable. */
#define ITEMS_PER_REQUEST_MAX 10000

struct request;
struct verdict;
/* May so many partitions, or something else, be added to the metadata? (room.c) */
struct verdict check_room(const struct request *q, int64_t more_partitions);

/* One request under way. Whatever the response points to lies in the call's arena. */
struct request {
    struct controller *c;
    int16_t version;
    const void *body;
    struct arena *arena;
    void *response;
    bool validate_only;
};

/* What is wrong with an item of a request; code 0: nothing. */
struct verdict {
    int16_t code;
    struct slice text;
};

#define FINE ((struct verdict){K_ERR_NONE, SLICE_NULL})
static inline struct verdict
refuse_with(int16_t code, const char *text)
{
    return (struct verdict){code, slice_cstr(text)};
}

struct handler {
    int16_t api_key;
    enum k_msg response;
    int64_t response_bytes;
    /* Makes the response's items, one for each of the request's, without errors. May be NULL. */
    void (*blank)(struct request *q);
    /* Adds records to the batch and fills in what came of it. */
    void (*handle)(struct request *q);
    /* Says in every place of the response that has room for it that the whole request failed. */
    void (*fail)(void *response, int16_t err);
    /* May be NULL: takes out what an old version has no room for. */
    void (*fit)(void *response, int16_t version);
};

/* ---- the batch in the making (batch.c) --------------------------------------------------------- */

/* rec: struct k_…_record of this message. */
void batch_add(struct controller *c, enum k_msg msg, int16_t version, const void *rec);
void batch_drop(struct controller *c);
/* Drops what was added after there were n values. */
void batch_cut(struct controller *c, int64_t n);
/* Proposes and applies. False: not taken; the batch is gone and nothing has changed. */
bool batch_propose(struct controller *c);
/* Up to five numbers, and the offset behind them; subject and text are copied. It is about the next
 * batch to be proposed. */
void decision_note(struct controller *c, enum note_kind kind, struct slice subject,
                   struct slice text, const int64_t *v, int32_t n);
/* Those about the next batch are about this offset. */
void notes_place(struct controller *c, int64_t offset);
void notes_tell(struct controller *c, int64_t high_watermark);
void notes_drop(struct controller *c);
extern const struct image_ops decision_ops;
void note_partition(struct controller *c, const struct image_partition *p, int64_t offset);

/* A finished text moves into the arena; the writer is released. */
struct slice text_end(struct arena *a, struct writer *w);

/* ---- brokers (brokers.c, sessions.c) ----------------------------------------------------------- */

struct session *session_get(struct controller *c, int32_t id);
void session_forget(struct controller *c, int32_t id);
void sessions_begin(struct controller *c);
void sessions_arm(struct controller *c);
void sessions_due(struct timer *t);
int64_t sessions_lowest_active_offset(const struct controller *c);
/* 0, or K_ERR_STALE_BROKER_EPOCH. */
int16_t check_broker_epoch(const struct controller *c, int32_t id, int64_t epoch);
/* Adds the records that fence it and take it out of every ISR. */
void add_fencing(struct controller *c, const struct image_broker *b, bool in_order);
/* How the broker stands, for a controller that has just found it so. */
void note_standing(struct controller *c, const struct image_broker *b);

/* ---- what nobody asks for (duties.c, imbalance.c) ---------------------------------------------- */

void duties_init(struct controller *c);
/* The image is the new controller's, and its first records are proposed. */
void duties_begin(struct controller *c);
/* What a batch has changed in the image. */
void duties_take(struct controller *c, const struct image_delta *d);
void duties_end(struct controller *c);

void imbalance_begin(struct controller *c);
void imbalance_end(struct controller *c);
void imbalance_take(struct controller *c, const struct image_delta *d);
/* Zeroed before the first; good until the next batch is proposed. */
struct imbalance_walk {
    struct list *at;
};
/* NULL after the last. */
const struct image_partition *imbalance_next(const struct controller *c,
                                             struct imbalance_walk *walk);

/* ---- partitions (partition_change.c) ----------------------------------------------------------- */

#define PARTITION_CHANGE_VERSION 2
#define NO_LEADER_CHANGE (-2)

struct change {
    const struct image_partition *p;
    struct ids target_isr;
    enum election election;
    int32_t removed_id; /* may not lead: being fenced or stopped; or -1 */
    int32_t added_id;   /* may lead though the image has it fenced; or -1 */
    int32_t unclean_id; /* lost its tail: neither ISR nor ELR any more; or -1 */
    int8_t recovery_state;
};

/* No change, with the topic's unclean setting. */
struct change change_of(const struct controller *c, const struct image_partition *p);
/* False: there is nothing to change. The record's lists lie in the arena. */
bool change_decide(const struct controller *c, const struct change *ch, struct arena *arena,
                   struct k_partition_change_record *ret);
/* False: the first replica may not lead. */
bool elect_preferred(const struct controller *c, const struct image_partition *p,
                     struct arena *arena, struct k_partition_change_record *ret);
/* Decides, and adds the record if there is one. */
void change_add(struct controller *c, const struct change *ch);
struct ids ids_without(struct arena *a, struct ids from, int32_t id);
struct ids ids_dup(struct arena *a, struct ids from);
bool elr_is_enabled(const struct controller *c);

/* Effective settings: the topic's, else the cluster's, else the static one. */
bool effective_unclean(const struct controller *c, struct slice topic);
int32_t effective_min_isr(const struct controller *c, struct slice topic);

/* Checks a new topic's or a changed setting (config_checks.c). value null: taken back. */
int16_t config_check_for(int8_t resource_type, struct slice name, struct slice value,
                         struct arena *a, struct slice *ret_why);
/* Says in the log that a setting is taken and makes no difference, if that is so and it is new. */
void config_tell(const struct request *q, int8_t resource_type, struct slice resource,
                 struct slice name, struct slice value);
/* A topic's min.compaction.lag.ms and max.compaction.lag.ms as they will be; null: the default. */
struct verdict config_check_lags(struct slice min, struct slice max, struct arena *a);
/* Adds the ConfigRecord, and the ClearElrRecord that a new min.insync.replicas asks for. */
void add_config(struct controller *c, int8_t resource_type, struct slice resource,
                struct slice name, struct slice value);

/* ---- handlers ---------------------------------------------------------------------------------- */

extern const struct handler broker_registration_handler, broker_heartbeat_handler,
    unregister_broker_handler, controller_registration_handler, create_topics_handler,
    delete_topics_handler, create_partitions_handler, alter_partition_handler,
    elect_leaders_handler, allocate_producer_ids_handler, incremental_alter_configs_handler,
    alter_configs_handler, update_features_handler, assign_replicas_to_dirs_handler,
    alter_partition_reassignments_handler, list_partition_reassignments_handler,
    alter_user_scram_credentials_handler;

#endif
