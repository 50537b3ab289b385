/* What concerns the cluster as a whole: producer ids, feature levels, controllers. */
#include "broker/controller/internal.h"

#include "apis.h"

/* ---- AllocateProducerIds (KIP-730) ------------------------------------------------------------- */

#define PRODUCER_ID_BLOCK 1000

static void
allocate_producer_ids(struct request *q)
{
    const struct k_allocate_producer_ids_request *r = q->body;
    struct k_allocate_producer_ids_response *resp = q->response;
    resp->error_code = check_broker_epoch(q->c, r->broker_id, r->broker_epoch);
    int64_t next = q->c->image.next_producer_id;
    if (!resp->error_code && next > INT64_MAX - PRODUCER_ID_BLOCK)
        resp->error_code = K_ERR_UNKNOWN_SERVER_ERROR;
    if (resp->error_code) return;
    struct k_producer_ids_record rec;
    codec_default(K_MSG_PRODUCER_IDS_RECORD, &rec);
    rec.broker_id = r->broker_id;
    rec.broker_epoch = r->broker_epoch;
    rec.next_producer_id = next + PRODUCER_ID_BLOCK;
    batch_add(q->c, K_MSG_PRODUCER_IDS_RECORD, 0, &rec);
    resp->producer_id_start = next;
    resp->producer_id_len = PRODUCER_ID_BLOCK;
}

static void
fail_producer_ids(void *response, int16_t err)
{
    struct k_allocate_producer_ids_response *resp = response;
    resp->error_code = err;
    resp->producer_id_start = 0;
    resp->producer_id_len = 0;
}

const struct handler allocate_producer_ids_handler = {
    .api_key = K_API_ALLOCATE_PRODUCER_IDS,
    .response = K_MSG_ALLOCATE_PRODUCER_IDS_RESPONSE,
    .response_bytes = sizeof(struct k_allocate_producer_ids_response),
    .handle = allocate_producer_ids,
    .fail = fail_producer_ids,
};

/* ---- ControllerRegistration (KIP-919) ---------------------------------------------------------- */

static void
copy_lists(struct request *q, struct k_register_controller_record *rec)
{
    const struct k_controller_registration_request *r = q->body;
    rec->end_points_n = r->listeners_n;
    rec->end_points = codec_array(q->arena, K_STRUCT_REGISTER_CONTROLLER_RECORD_CONTROLLER_ENDPOINT,
                                  r->listeners_n);
    for (int32_t i = 0; i < r->listeners_n; i++) {
        rec->end_points[i].name = r->listeners[i].name;
        rec->end_points[i].host = r->listeners[i].host;
        rec->end_points[i].port = r->listeners[i].port;
        rec->end_points[i].security_protocol = r->listeners[i].security_protocol;
    }
    rec->features_n = r->features_n;
    rec->features = codec_array(q->arena, K_STRUCT_REGISTER_CONTROLLER_RECORD_CONTROLLER_FEATURE,
                                r->features_n);
    for (int32_t i = 0; i < r->features_n; i++) {
        rec->features[i].name = r->features[i].name;
        rec->features[i].min_supported_version = r->features[i].min_supported_version;
        rec->features[i].max_supported_version = r->features[i].max_supported_version;
    }
}

void
feature_tell(struct writer *w, struct slice name, int16_t level, int16_t min, int16_t max)
{
    fmt_slice(w, name);
    fmt_str(w, " is finalised at level ");
    fmt_i64(w, level);
    fmt_str(w, ", it supports ");
    if (max == 0) {
        fmt_str(w, "none");
        return;
    }
    fmt_i64(w, min);
    fmt_str(w, " to ");
    fmt_i64(w, max);
}

static bool
check_feature(struct request *q, const struct image_feature *f)
{
    const struct k_controller_registration_request *r = q->body;
    struct k_controller_registration_response *resp = q->response;
    int16_t min = 0, max = 0;
    for (int32_t i = 0; i < r->features_n; i++) {
        if (!slice_eq(r->features[i].name, f->name)) continue;
        min = r->features[i].min_supported_version;
        max = r->features[i].max_supported_version;
    }
    if (min <= f->level && f->level <= max) return true;
    struct writer w = writer_mem(&q->c->env->mem);
    feature_tell(&w, f->name, f->level, min, max);
    resp->error_code = K_ERR_UNSUPPORTED_VERSION;
    resp->error_message = text_end(q->arena, &w);
    return false;
}

static void
register_controller(struct request *q)
{
    const struct k_controller_registration_request *r = q->body;
    for (int64_t i = 0; i < q->c->image.features.n; i++)
        if (!check_feature(q, &q->c->image.features.v[i])) return;
    struct k_register_controller_record rec;
    codec_default(K_MSG_REGISTER_CONTROLLER_RECORD, &rec);
    rec.controller_id = r->controller_id;
    rec.incarnation_id = r->incarnation_id;
    rec.zk_migration_ready = r->zk_migration_ready;
    copy_lists(q, &rec);
    batch_add(q->c, K_MSG_REGISTER_CONTROLLER_RECORD, 0, &rec);
}

static void
fail_controller_registration(void *response, int16_t err)
{
    struct k_controller_registration_response *resp = response;
    resp->error_code = err;
    resp->error_message = SLICE_NULL;
}

const struct handler controller_registration_handler = {
    .api_key = K_API_CONTROLLER_REGISTRATION,
    .response = K_MSG_CONTROLLER_REGISTRATION_RESPONSE,
    .response_bytes = sizeof(struct k_controller_registration_response),
    .handle = register_controller,
    .fail = fail_controller_registration,
};

/* ---- UpdateFeatures (KIP-584) ------------------------------------------------------------------ */

enum { UPGRADE = 1 };

static void
blank_features(struct request *q)
{
    const struct k_update_features_request *r = q->body;
    struct k_update_features_response *resp = q->response;
    int32_t n = q->version < 2 ? r->feature_updates_n : 0;
    resp->results =
        codec_array(q->arena, K_STRUCT_UPDATE_FEATURES_RESPONSE_UPDATABLE_FEATURE_RESULT, n);
    resp->results_n = n;
    for (int32_t i = 0; i < n; i++)
        resp->results[i].feature = arena_dup(q->arena, r->feature_updates[i].feature);
}

static bool
brokers_support(const struct controller *c, struct slice name, int16_t level)
{
    for (int64_t i = 0; i < c->image.brokers.n; i++) {
        const struct image_broker *b = c->image.brokers.v[i];
        bool has = false;
        for (int32_t j = 0; j < b->features_n; j++)
            has |= slice_eq(b->features[j].name, name) && b->features[j].min <= level &&
                   level <= b->features[j].max;
        if (!has) return false;
    }
    return true;
}

/* NULL: not known here. */
static const struct controller_feature *
known_feature(const struct controller *c, struct slice name)
{
    for (int32_t i = 0; i < c->options.features_n; i++)
        if (slice_eq(c->options.features[i].name, name)) return &c->options.features[i];
    return NULL;
}

static int16_t
check_update(const struct request *q, const struct k_update_features_request_feature_update_key *u)
{
    const struct controller *c = q->c;
    const struct controller_feature *f = known_feature(c, u->feature);
    int16_t now = image_feature_level(&c->image, u->feature);
    bool upgrade_only = q->version >= 1 ? u->upgrade_type == UPGRADE : !u->allow_downgrade;
    if (u->max_version_level < 0) return K_ERR_INVALID_UPDATE_VERSION;
    if (!f || u->max_version_level < f->min || u->max_version_level > f->max)
        return K_ERR_INVALID_UPDATE_VERSION;
    if (u->max_version_level < now && upgrade_only) return K_ERR_INVALID_UPDATE_VERSION;
    if (u->max_version_level > 0 && !brokers_support(c, u->feature, u->max_version_level))
        return K_ERR_INVALID_UPDATE_VERSION;
    return K_ERR_NONE;
}

static void
add_update(struct controller *c, const struct k_update_features_request_feature_update_key *u)
{
    if (image_feature_level(&c->image, u->feature) == u->max_version_level) return;
    struct k_feature_level_record r;
    codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
    r.name = u->feature;
    r.feature_level = u->max_version_level;
    batch_add(c, K_MSG_FEATURE_LEVEL_RECORD, 0, &r);
    /* Levels below say nothing of ELR: what stands there would be believed when they rise again. */
    if (slice_eq(u->feature, S("eligible.leader.replicas.version"))) {
        struct k_clear_elr_record clear;
        codec_default(K_MSG_CLEAR_ELR_RECORD, &clear);
        clear.topic_name = SLICE_EMPTY;
        batch_add(c, K_MSG_CLEAR_ELR_RECORD, 0, &clear);
    }
}

static struct slice
refused_update_text(const struct request *q,
                    const struct k_update_features_request_feature_update_key *u)
{
    const struct controller_feature *f = known_feature(q->c, u->feature);
    struct writer w = writer_mem(q->arena->mem);
    fmt_str(&w, "Invalid update version "), fmt_i64(&w, u->max_version_level);
    fmt_str(&w, " for feature "), fmt_slice(&w, u->feature);
    if (!f) {
        fmt_str(&w, ": the controller does not know it.");
    } else if (u->max_version_level < f->min || u->max_version_level > f->max) {
        fmt_str(&w, ": the controller supports "), fmt_i64(&w, f->min);
        fmt_str(&w, " to "), fmt_i64(&w, f->max), fmt_char(&w, '.');
    } else if (u->max_version_level < image_feature_level(&q->c->image, u->feature)) {
        fmt_str(&w, ": it is lower than now, and no downgrade was asked for.");
    } else {
        fmt_str(&w, ": not every broker and controller supports it.");
    }
    return text_end(q->arena, &w);
}

/* All of the updates or none. */
static void
update_features(struct request *q)
{
    const struct k_update_features_request *r = q->body;
    struct k_update_features_response *resp = q->response;
    q->validate_only = r->validate_only;
    for (int32_t i = 0; i < r->feature_updates_n; i++) {
        int16_t err = check_update(q, &r->feature_updates[i]);
        if (i < resp->results_n) resp->results[i].error_code = err;
        if (err && !resp->error_code) {
            resp->error_code = err;
            resp->error_message = refused_update_text(q, &r->feature_updates[i]);
        }
    }
    for (int32_t i = 0; !resp->error_code && i < r->feature_updates_n; i++)
        add_update(q->c, &r->feature_updates[i]);
}

static void
fail_features(void *response, int16_t err)
{
    struct k_update_features_response *resp = response;
    resp->error_code = err;
    resp->error_message = SLICE_NULL;
    for (int32_t i = 0; i < resp->results_n; i++) {
        resp->results[i].error_code = err;
        resp->results[i].error_message = SLICE_NULL;
    }
}

const struct handler update_features_handler = {
    .api_key = K_API_UPDATE_FEATURES,
    .response = K_MSG_UPDATE_FEATURES_RESPONSE,
    .response_bytes = sizeof(struct k_update_features_response),
    .blank = blank_features,
    .handle = update_features,
    .fail = fail_features,
};
