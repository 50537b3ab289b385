/* One function for each kind of record that changes the image. Those that it does not keep (ACLs,
 * quotas, tokens) are known and passed over; an unknown kind is an error, for it may say
 * something that matters. */
#include "broker/metadata/objects.h"

#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/record/record.h"

#define FRAME_VERSION 1
#define PARTITIONS_MAX 1000000
#define NO_LEADER_CHANGE (-2)

union any_record {
    struct k_register_broker_record register_broker;
    struct k_unregister_broker_record unregister_broker;
    struct k_broker_registration_change_record broker_change;
    struct k_fence_broker_record fence_broker;
    struct k_unfence_broker_record unfence_broker;
    struct k_register_controller_record register_controller;
    struct k_unregister_controller_record unregister_controller;
    struct k_topic_record topic;
    struct k_remove_topic_record remove_topic;
    struct k_partition_record partition;
    struct k_partition_change_record partition_change;
    struct k_clear_elr_record clear_elr;
    struct k_config_record config;
    struct k_feature_level_record feature_level;
    struct k_producer_ids_record producer_ids;
    struct k_user_scram_credential_record scram;
    struct k_remove_user_scram_credential_record remove_scram;
    struct k_begin_transaction_record begin;
    struct k_abort_transaction_record abort;
};

/* ---- brokers and controllers ------------------------------------------------------------------- */

/* Who was never unfenced was in no ISR and led nothing (controller/clean_restart.h). */
static void
broker_served(struct image_broker *b)
{
    if (!b->is_fenced) b->served_epoch = b->epoch;
}

static const char *
apply_register_broker(struct image *im, const union any_record *any, int64_t offset)
{
    const struct k_register_broker_record *r = &any->register_broker;
    struct mem *m = im->mem;
    const struct image_broker *was = image_broker(im, r->broker_id);
    int64_t served_epoch = was ? was->served_epoch : NO_BROKER_EPOCH;
    struct image_broker *b = brokers_get(m, &im->brokers, r->broker_id);
    broker_clear(m, b);
    b->epoch = r->broker_epoch;
    b->registered_offset = offset;
    b->incarnation = r->incarnation_id;
    b->is_fenced = r->fenced;
    b->served_epoch = served_epoch;
    broker_served(b);
    b->in_controlled_shutdown = r->in_controlled_shutdown;
    b->rack = mem_dup(m, r->rack);
    b->endpoints = mem_alloc(m, r->end_points_n * (int64_t)sizeof *b->endpoints);
    b->endpoints_n = r->end_points_n;
    for (int32_t i = 0; i < r->end_points_n; i++)
        b->endpoints[i] = (struct image_endpoint){
            mem_dup(m, r->end_points[i].name), mem_dup(m, r->end_points[i].host),
            r->end_points[i].port, r->end_points[i].security_protocol};
    b->features = mem_alloc(m, r->features_n * (int64_t)sizeof *b->features);
    b->features_n = r->features_n;
    for (int32_t i = 0; i < r->features_n; i++)
        b->features[i] = (struct image_feature_range){mem_dup(m, r->features[i].name),
                                                      r->features[i].min_supported_version,
                                                      r->features[i].max_supported_version};
    uuids_set(m, &b->log_dirs, &b->log_dirs_n, r->log_dirs, r->log_dirs_n);
    uuids_set(m, &b->cordoned_log_dirs, &b->cordoned_log_dirs_n, r->cordoned_log_dirs,
              r->cordoned_log_dirs_n);
    delta_broker(im, b);
    return NULL;
}

static const char *
apply_unregister_broker(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    struct image_broker *b = image_broker(im, any->unregister_broker.broker_id);
    if (!b || b->epoch != any->unregister_broker.broker_epoch)
        return "unregisters a broker that is not registered so";
    delta_broker_gone(im, b);
    (void)brokers_remove(im->mem, &im->brokers, b->id);
    return NULL;
}

static const char *
set_fenced(struct image *im, int32_t id, int64_t epoch, bool is_fenced)
{
    struct image_broker *b = image_broker(im, id);
    if (!b || b->epoch != epoch) return "changes a broker that is not registered so";
    b->is_fenced = is_fenced;
    broker_served(b);
    delta_broker(im, b);
    return NULL;
}

static const char *
apply_fence_broker(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    return set_fenced(im, any->fence_broker.id, any->fence_broker.epoch, true);
}

static const char *
apply_unfence_broker(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    return set_fenced(im, any->unfence_broker.id, any->unfence_broker.epoch, false);
}

static const char *
apply_broker_change(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_broker_registration_change_record *r = &any->broker_change;
    struct image_broker *b = image_broker(im, r->broker_id);
    if (!b || b->epoch != r->broker_epoch) return "changes a broker that is not registered so";
    if (r->fenced != 0) b->is_fenced = r->fenced > 0;
    broker_served(b);
    if (r->in_controlled_shutdown != 0) b->in_controlled_shutdown = r->in_controlled_shutdown > 0;
    if (r->log_dirs_n > 0)
        uuids_set(im->mem, &b->log_dirs, &b->log_dirs_n, r->log_dirs, r->log_dirs_n);
    if (r->cordoned_log_dirs_n >= 0)
        uuids_set(im->mem, &b->cordoned_log_dirs, &b->cordoned_log_dirs_n, r->cordoned_log_dirs,
                  r->cordoned_log_dirs_n);
    delta_broker(im, b);
    return NULL;
}

static const char *
apply_register_controller(struct image *im, const union any_record *any, int64_t offset)
{
    const struct k_register_controller_record *r = &any->register_controller;
    struct mem *m = im->mem;
    struct image_broker *b = brokers_get(m, &im->controllers, r->controller_id);
    broker_clear(m, b);
    b->registered_offset = offset;
    b->incarnation = r->incarnation_id;
    b->endpoints = mem_alloc(m, r->end_points_n * (int64_t)sizeof *b->endpoints);
    b->endpoints_n = r->end_points_n;
    for (int32_t i = 0; i < r->end_points_n; i++)
        b->endpoints[i] = (struct image_endpoint){
            mem_dup(m, r->end_points[i].name), mem_dup(m, r->end_points[i].host),
            r->end_points[i].port, r->end_points[i].security_protocol};
    b->features = mem_alloc(m, r->features_n * (int64_t)sizeof *b->features);
    b->features_n = r->features_n;
    for (int32_t i = 0; i < r->features_n; i++)
        b->features[i] = (struct image_feature_range){mem_dup(m, r->features[i].name),
                                                      r->features[i].min_supported_version,
                                                      r->features[i].max_supported_version};
    return NULL;
}

static const char *
apply_unregister_controller(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    bool was = brokers_remove(im->mem, &im->controllers, any->unregister_controller.controller_id);
    return was ? NULL : "unregisters a controller that is not registered";
}

/* ---- topics and partitions --------------------------------------------------------------------- */

static const char *
apply_topic(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_topic_record *r = &any->topic;
    if (image_topic(im, r->name) || image_topic_by_id(im, r->topic_id))
        return "creates a topic that exists";
    delta_topic_created(im, topic_add(im, r->name, r->topic_id));
    return NULL;
}

static const char *
apply_remove_topic(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    struct image_topic *t = image_topic_by_id(im, any->remove_topic.topic_id);
    if (!t) return "removes a topic that does not exist";
    if (image_config(im, RESOURCE_TOPIC, t->name)) {
        delta_config(im, RESOURCE_TOPIC, t->name);
        config_remove(im, RESOURCE_TOPIC, t->name);
    }
    delta_topic_deleted(im, t);
    topic_remove(im, t);
    return NULL;
}

static void
set_directories(struct mem *m, struct image_partition *p, int32_t old_n, const struct uuid *v,
                int32_t n)
{
    uuids_set(m, &p->directories, &old_n, v, n == p->replicas.n ? n : 0);
}

static const char *
apply_partition(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_partition_record *r = &any->partition;
    struct mem *m = im->mem;
    struct image_topic *t = image_topic_by_id(im, r->topic_id);
    if (!t) return "has a partition of a topic that does not exist";
    if (r->partition_id < 0 || r->partition_id >= PARTITIONS_MAX) return "has no partition number";
    struct image_partition *p = topic_partition_get(im, t, r->partition_id);
    int32_t directories = p->directories ? p->replicas.n : 0;
    ids_set(m, &p->replicas, r->replicas, r->replicas_n);
    ids_set(m, &p->isr, r->isr, r->isr_n);
    ids_set(m, &p->removing, r->removing_replicas, r->removing_replicas_n);
    ids_set(m, &p->adding, r->adding_replicas, r->adding_replicas_n);
    ids_set(m, &p->elr, r->eligible_leader_replicas, r->eligible_leader_replicas_n);
    ids_set(m, &p->last_known_elr, r->last_known_elr, r->last_known_elr_n);
    set_directories(m, p, directories, r->directories, r->directories_n);
    p->leader = r->leader;
    p->leader_epoch = r->leader_epoch;
    p->partition_epoch = r->partition_epoch;
    p->recovery_state = r->leader_recovery_state;
    delta_partition(im, p);
    return NULL;
}

static void
change_lists(struct mem *m, struct image_partition *p, const struct k_partition_change_record *r)
{
    int32_t directories = p->directories ? p->replicas.n : 0;
    bool moved = r->replicas_n >= 0;
    if (moved) ids_set(m, &p->replicas, r->replicas, r->replicas_n);
    if (r->isr_n >= 0) ids_set(m, &p->isr, r->isr, r->isr_n);
    if (r->removing_replicas_n >= 0)
        ids_set(m, &p->removing, r->removing_replicas, r->removing_replicas_n);
    if (r->adding_replicas_n >= 0) ids_set(m, &p->adding, r->adding_replicas, r->adding_replicas_n);
    if (r->eligible_leader_replicas_n >= 0)
        ids_set(m, &p->elr, r->eligible_leader_replicas, r->eligible_leader_replicas_n);
    if (r->last_known_elr_n >= 0)
        ids_set(m, &p->last_known_elr, r->last_known_elr, r->last_known_elr_n);
    if (r->directories_n >= 0 || moved)
        set_directories(m, p, directories, r->directories, r->directories_n);
}

/* The partition epoch counts every change, the leader epoch those that name a leader, even the same. */
static const char *
apply_partition_change(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_partition_change_record *r = &any->partition_change;
    struct image_partition *p =
        image_topic_partition(image_topic_by_id(im, r->topic_id), r->partition_id);
    if (!p) return "changes a partition that does not exist";
    change_lists(im->mem, p, r);
    if (r->leader != NO_LEADER_CHANGE) {
        p->leader = r->leader;
        p->leader_epoch++;
    }
    if (r->leader_recovery_state >= 0) p->recovery_state = r->leader_recovery_state;
    p->partition_epoch++;
    delta_partition(im, p);
    return NULL;
}

static void
clear_elr_of(struct image *im, struct image_topic *t)
{
    for (int32_t i = 0; i < t->partitions_n; i++) {
        struct image_partition *p = t->partitions[i];
        if (!p || (p->elr.n == 0 && p->last_known_elr.n == 0)) continue;
        ids_free(im->mem, &p->elr);
        ids_free(im->mem, &p->last_known_elr);
        p->partition_epoch++;
        delta_partition(im, p);
    }
}

/* Without a name: of all topics. */
static const char *
apply_clear_elr(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    struct slice name = any->clear_elr.topic_name;
    if (name.n > 0) {
        struct image_topic *t = image_topic(im, name);
        if (!t) return "clears the ELR of a topic that does not exist";
        clear_elr_of(im, t);
        return NULL;
    }
    for (int64_t i = 0; i < im->topics.n; i++) clear_elr_of(im, im->topics.v[i]);
    return NULL;
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static const char *
apply_config(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_config_record *r = &any->config;
    config_set_value(im, r->resource_type, r->resource_name, r->name, r->value);
    delta_config(im, r->resource_type, r->resource_name);
    return NULL;
}

static const char *
apply_feature_level(struct image *im, const union any_record *any, int64_t offset)
{
    feature_set(im, any->feature_level.name, any->feature_level.feature_level);
    im->features_epoch = offset;
    im->delta.features_changed = true;
    return NULL;
}

static const char *
apply_producer_ids(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    im->next_producer_id = any->producer_ids.next_producer_id;
    return NULL;
}

struct kind {
    enum k_msg msg;
    bool is_known;
    const char *(*apply)(struct image *im, const union any_record *any, int64_t offset);
};

static const char *
apply_scram(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    const struct k_user_scram_credential_record *r = &any->scram;
    scram_set(im, &(struct image_scram){.user = r->name,
                                        .mechanism = r->mechanism,
                                        .salt = r->salt,
                                        .stored_key = r->stored_key,
                                        .server_key = r->server_key,
                                        .iterations = r->iterations});
    return NULL;
}

static const char *
apply_remove_scram(struct image *im, const union any_record *any, int64_t offset)
{
    (void)offset;
    scram_remove(im, any->remove_scram.name, any->remove_scram.mechanism);
    return NULL;
}

static const struct kind kinds[] = {
    [K_REC_REGISTER_BROKER_RECORD] = {K_MSG_REGISTER_BROKER_RECORD, true, apply_register_broker},
    [K_REC_UNREGISTER_BROKER_RECORD] = {K_MSG_UNREGISTER_BROKER_RECORD, true,
                                        apply_unregister_broker},
    [K_REC_TOPIC_RECORD] = {K_MSG_TOPIC_RECORD, true, apply_topic},
    [K_REC_PARTITION_RECORD] = {K_MSG_PARTITION_RECORD, true, apply_partition},
    [K_REC_CONFIG_RECORD] = {K_MSG_CONFIG_RECORD, true, apply_config},
    [K_REC_PARTITION_CHANGE_RECORD] = {K_MSG_PARTITION_CHANGE_RECORD, true, apply_partition_change},
    [K_REC_FENCE_BROKER_RECORD] = {K_MSG_FENCE_BROKER_RECORD, true, apply_fence_broker},
    [K_REC_UNFENCE_BROKER_RECORD] = {K_MSG_UNFENCE_BROKER_RECORD, true, apply_unfence_broker},
    [K_REC_REMOVE_TOPIC_RECORD] = {K_MSG_REMOVE_TOPIC_RECORD, true, apply_remove_topic},
    [K_REC_DELEGATION_TOKEN_RECORD] = {.is_known = true},
    [K_REC_USER_SCRAM_CREDENTIAL_RECORD] = {K_MSG_USER_SCRAM_CREDENTIAL_RECORD, true, apply_scram},
    [K_REC_FEATURE_LEVEL_RECORD] = {K_MSG_FEATURE_LEVEL_RECORD, true, apply_feature_level},
    [K_REC_CLIENT_QUOTA_RECORD] = {.is_known = true},
    [K_REC_PRODUCER_IDS_RECORD] = {K_MSG_PRODUCER_IDS_RECORD, true, apply_producer_ids},
    [K_REC_BROKER_REGISTRATION_CHANGE_RECORD] = {K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, true,
                                                 apply_broker_change},
    [K_REC_ACCESS_CONTROL_ENTRY_RECORD] = {.is_known = true},
    [K_REC_REMOVE_ACCESS_CONTROL_ENTRY_RECORD] = {.is_known = true},
    [K_REC_NO_OP_RECORD] = {.is_known = true},
    [K_REC_ZK_MIGRATION_STATE_RECORD] = {.is_known = true},
    [K_REC_REMOVE_USER_SCRAM_CREDENTIAL_RECORD] = {K_MSG_REMOVE_USER_SCRAM_CREDENTIAL_RECORD, true,
                                                   apply_remove_scram},
    [K_REC_BEGIN_TRANSACTION_RECORD] = {.is_known = true},
    [K_REC_END_TRANSACTION_RECORD] = {.is_known = true},
    [K_REC_ABORT_TRANSACTION_RECORD] = {.is_known = true},
    [K_REC_REMOVE_DELEGATION_TOKEN_RECORD] = {.is_known = true},
    [K_REC_REGISTER_CONTROLLER_RECORD] = {K_MSG_REGISTER_CONTROLLER_RECORD, true,
                                          apply_register_controller},
    [K_REC_CLEAR_ELR_RECORD] = {K_MSG_CLEAR_ELR_RECORD, true, apply_clear_elr},
    [K_REC_UNREGISTER_CONTROLLER_RECORD] = {K_MSG_UNREGISTER_CONTROLLER_RECORD, true,
                                            apply_unregister_controller},
};

/* ---- framing and transactions ------------------------------------------------------------------ */

struct frame {
    uint32_t type;
    int16_t version;
    struct slice body;
};

static const char *
read_frame(struct slice value, struct frame *ret)
{
    struct reader r = reader(value);
    if (reader_uvarint(&r) != FRAME_VERSION || r.err) return "has an unknown frame version";
    ret->type = reader_uvarint(&r);
    uint32_t version = reader_uvarint(&r);
    if (r.err || ret->type >= ARRAY_LEN(kinds) || !kinds[ret->type].is_known)
        return "is of an unknown kind";
    if (version > 127) return "is of an unknown version";
    ret->version = (int16_t)version;
    ret->body = slice(r.p, reader_left(&r));
    return NULL;
}

static const char *
apply_frame(struct image *im, const struct frame *f, int64_t offset, struct arena *scratch)
{
    const struct kind *k = &kinds[f->type];
    if (!k->apply) return NULL;
    if (!codec_has_version(k->msg, f->version)) return "is of an unknown version";
    union any_record any;
    if (!codec_decode_all(k->msg, f->version, f->body, scratch, &any)) return "is malformed";
    return k->apply(im, &any, offset);
}

static void
keep_waiting(struct image *im, struct slice value, int64_t offset)
{
    struct image_waiting w = {mem_dup(im->mem, value), offset};
    VEC_PUSH(im->mem, &im->waiting, w);
}

static void
forget_waiting(struct image *im)
{
    for (int64_t i = 0; i < im->waiting.n; i++) mem_free_slice(im->mem, im->waiting.v[i].value);
    im->waiting.n = 0;
    im->in_transaction = false;
}

static const char *
end_transaction(struct image *im, struct arena *scratch)
{
    const char *err = NULL;
    for (int64_t i = 0; !err && i < im->waiting.n; i++) {
        struct frame f;
        err = read_frame(im->waiting.v[i].value, &f);
        if (!err) err = apply_frame(im, &f, im->waiting.v[i].offset, scratch);
    }
    forget_waiting(im);
    return err;
}

/* Whether the record belongs to the transactions; *ret_err as image_apply(). */
static bool
apply_transaction(struct image *im, const struct frame *f, struct arena *scratch,
                  const char **ret_err)
{
    bool open = im->in_transaction;
    switch (f->type) {
    case K_REC_BEGIN_TRANSACTION_RECORD:
        if (open) *ret_err = "begins a transaction within one";
        im->in_transaction = true;
        return true;
    case K_REC_END_TRANSACTION_RECORD:
        *ret_err = open ? end_transaction(im, scratch) : "ends a transaction that is not open";
        return true;
    case K_REC_ABORT_TRANSACTION_RECORD:
        if (!open) *ret_err = "aborts a transaction that is not open";
        forget_waiting(im);
        return true;
    default: return false;
    }
}

const char *
image_apply(struct image *im, struct slice value, int64_t offset, int32_t epoch,
            struct arena *scratch)
{
    struct frame f;
    const char *err = read_frame(value, &f);
    if (err) return err;
    im->offset = offset;
    im->epoch = epoch;
    if (!im->in_snapshot) im->has_history = true;
    if (apply_transaction(im, &f, scratch, &err)) return err;
    if (im->in_transaction) {
        keep_waiting(im, value, offset);
        return NULL;
    }
    return apply_frame(im, &f, offset, scratch);
}

void
image_batch_end(struct image *im, int64_t last_offset, int32_t epoch)
{
    im->offset = last_offset;
    im->epoch = epoch;
    if (im->in_transaction || im->in_snapshot) return;
    im->delta.offset = last_offset;
    im->delta.epoch = epoch;
    if (!image_delta_is_empty(&im->delta) && im->ops && im->ops->changed)
        im->ops->changed(im->owner, &im->delta);
    delta_clear(im);
}

const char *
image_apply_batch(struct image *im, struct slice batch, struct arena *scratch)
{
    struct batch_header h;
    if (batch_parse(batch, &h) != BATCH_OK || batch.n < batch_size_bytes(&h)) return "is no batch";
    if (batch_codec(&h) != CODEC_NONE) return "is compressed";
    CHECK(im->in_snapshot || h.base_offset > im->offset);
    struct records rs;
    struct record rec;
    const char *err = NULL;
    records_begin(&rs, &h, batch_payload(batch, &h));
    while (!batch_is_control(&h) && !err && records_next(&rs, &rec))
        err = image_apply(im, rec.value, rec.offset, h.leader_epoch, scratch);
    if (!err && rs.err != BATCH_OK) err = "is malformed";
    if (!err) image_batch_end(im, batch_last_offset(&h), h.leader_epoch);
    return err;
}
