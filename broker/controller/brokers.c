/* Brokers come, live and go: registration, heartbeats, fencing (KIP-631, 841, 966). */
#include "broker/controller/clean_restart.h"
#include "broker/controller/internal.h"
#include "broker/controller/replacement.h"

#include "apis.h"

#define REGISTER_BROKER_VERSION 4

int16_t
check_broker_epoch(const struct controller *c, int32_t id, int64_t epoch)
{
    const struct image_broker *b = image_broker(&c->image, id);
    return b && b->epoch == epoch ? K_ERR_NONE : K_ERR_STALE_BROKER_EPOCH;
}

/* ---- what a change of one broker does to partitions -------------------------------------------- */

enum leave { LEAVE_FENCED, LEAVE_UNCLEAN };

/* Out of every ISR; and, when it has lost its tail, out of every ELR. */
static void
add_leaving(struct controller *c, int32_t id, enum leave how)
{
    struct arena *arena = &c->env->scratch;
    for (int64_t i = 0; i < c->image.topics.n; i++) {
        const struct image_topic *t = c->image.topics.v[i];
        for (int32_t j = 0; j < t->partitions_n; j++) {
            const struct image_partition *p = t->partitions[j];
            bool concerned = p && (ids_has(p->isr, id) || p->leader == id ||
                                   (how == LEAVE_UNCLEAN && ids_has(p->elr, id)));
            if (!concerned) continue;
            struct change ch = change_of(c, p);
            ch.target_isr = ids_without(arena, p->isr, id);
            if (how == LEAVE_UNCLEAN) ch.unclean_id = id;
            else ch.removed_id = id;
            if (ch.unclean_id >= 0) MARK(c->env, UNCLEAN_RESTART);
            change_add(c, &ch);
        }
    }
}

/* It may now lead what has no leader. */
static void
add_arriving(struct controller *c, int32_t id)
{
    for (int64_t i = 0; i < c->image.topics.n; i++) {
        const struct image_topic *t = c->image.topics.v[i];
        for (int32_t j = 0; j < t->partitions_n; j++) {
            if (!t->partitions[j] || t->partitions[j]->leader != NO_LEADER) continue;
            struct change ch = change_of(c, t->partitions[j]);
            ch.added_id = id;
            change_add(c, &ch);
        }
    }
}

static bool
has_leaderships(const struct controller *c, int32_t id)
{
    for (int64_t i = 0; i < c->image.topics.n; i++)
        for (int32_t j = 0; j < c->image.topics.v[i]->partitions_n; j++) {
            const struct image_partition *p = c->image.topics.v[i]->partitions[j];
            if (p && p->leader == id) return true;
        }
    return false;
}

static struct k_broker_registration_change_record
change_of_broker(const struct image_broker *b)
{
    struct k_broker_registration_change_record r;
    codec_default(K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, &r);
    r.broker_id = b->id;
    r.broker_epoch = b->epoch;
    return r;
}

static void
note_broker(struct controller *c, enum note_kind kind, const struct image_broker *b,
            struct slice text)
{
    decision_note(c, kind, SLICE_EMPTY, text, (int64_t[]){b->id, b->epoch}, 2);
}

/* Of the incarnation, enough to tell one from another. */
static void
note_registered(struct controller *c, int32_t id, int64_t epoch, const struct uuid *incarnation,
                bool is_fenced)
{
    int64_t v[] = {id, epoch, 0, is_fenced};
    memcpy(&v[2], incarnation->b, sizeof v[2]);
    decision_note(c, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, v, ARRAY_LEN(v));
}

void
note_standing(struct controller *c, const struct image_broker *b)
{
    enum note_kind kind = b->is_fenced              ? NOTE_BROKER_FENCED
                        : b->in_controlled_shutdown ? NOTE_BROKER_SHUTDOWN
                                                    : NOTE_BROKER_UNFENCED;
    note_registered(c, b->id, b->epoch, &b->incarnation, b->is_fenced);
    note_broker(c, kind, b, S(NOTE_AS_BEFORE));
    notes_place(c, c->last_offset);
}

void
add_fencing(struct controller *c, const struct image_broker *b, bool in_order)
{
    if (!b->is_fenced) {
        struct k_broker_registration_change_record r = change_of_broker(b);
        r.fenced = 1;
        batch_add(c, K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 0, &r);
        note_broker(c, NOTE_BROKER_FENCED, b, in_order ? S(NOTE_IN_ORDER) : SLICE_EMPTY);
    }
    add_leaving(c, b->id, LEAVE_FENCED);
}

static void
add_unfencing(struct controller *c, const struct image_broker *b)
{
    struct k_broker_registration_change_record r = change_of_broker(b);
    r.fenced = -1;
    batch_add(c, K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 0, &r);
    note_broker(c, NOTE_BROKER_UNFENCED, b, SLICE_EMPTY);
    add_arriving(c, b->id);
}

static void
add_stopping(struct controller *c, const struct image_broker *b)
{
    struct k_broker_registration_change_record r = change_of_broker(b);
    r.in_controlled_shutdown = 1;
    batch_add(c, K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 1, &r);
    note_broker(c, NOTE_BROKER_SHUTDOWN, b, SLICE_EMPTY);
    add_leaving(c, b->id, LEAVE_FENCED);
}

/* ---- registration ------------------------------------------------------------------------------ */

static bool
holds_session(struct controller *c, int32_t id)
{
    return session_is_valid(session_get(c, id)->last_contact_ns, env_now_ns(c->env),
                            c->options.session_timeout_ms * NS_PER_MS);
}

static bool
has_uuid(const struct uuid *v, int32_t n, struct uuid u)
{
    for (int32_t i = 0; i < n; i++)
        if (uuid_eq(v[i], u)) return true;
    return false;
}

/* The first hundred ids have meanings: unassigned, lost, migrating (KIP-858). */
static bool
is_reserved_dir(struct uuid u)
{
    for (int i = 0; i < 15; i++)
        if (u.b[i] != 0) return false;
    return u.b[15] < 100;
}

/* These say why: the answer has room for a code only. */
static int16_t
check_dirs(const struct controller *c, const struct k_broker_registration_request *r,
           struct writer *why)
{
    if (r->log_dirs_n <= 0) {
        fmt_str(why, "it names no log directory");
        return K_ERR_INVALID_REGISTRATION;
    }
    for (int32_t i = 0; i < r->log_dirs_n; i++) {
        struct uuid dir = r->log_dirs[i];
        if (is_reserved_dir(dir) || has_uuid(r->log_dirs, i, dir)) {
            fmt_str(why, "its log directories have reserved or equal ids");
            return K_ERR_INVALID_REGISTRATION;
        }
        for (int64_t j = 0; j < c->image.brokers.n; j++) {
            const struct image_broker *b = c->image.brokers.v[j];
            if (b->id == r->broker_id || !has_uuid(b->log_dirs, b->log_dirs_n, dir)) continue;
            fmt_str(why, "it has a copy of a log directory of broker ");
            fmt_i64(why, b->id);
            fmt_str(why, ": directory.id=");
            fmt_uuid(why, dir);
            return K_ERR_INVALID_REGISTRATION;
        }
    }
    return K_ERR_NONE;
}

static bool
replaces(struct controller *c, const struct k_broker_registration_request *r,
         const struct image_broker *was)
{
    struct replacement q = {
        .is_same = uuid_eq(was->incarnation, r->incarnation_id),
        .was_stopping = was->in_controlled_shutdown,
        .has_session = holds_session(c, was->id),
        .was_heard = session_get(c, was->id)->was_heard,
        .is_own = !uuid_is_zero(c->own_broker) && uuid_eq(c->own_broker, r->incarnation_id),
        .holds_same_dirs = was->log_dirs_n > 0,
    };
    for (int32_t i = 0; i < was->log_dirs_n; i++)
        q.holds_same_dirs &= has_uuid(r->log_dirs, r->log_dirs_n, was->log_dirs[i]);
    return may_replace(&q);
}

void
controller_has_own_broker(struct controller *c, struct uuid incarnation)
{
    c->own_broker = incarnation;
}

static const struct k_broker_registration_request_feature *
feature_of(const struct k_broker_registration_request *r, struct slice name)
{
    for (int32_t i = 0; i < r->features_n; i++)
        if (slice_eq(r->features[i].name, name)) return &r->features[i];
    return NULL;
}

static int16_t
check_features(const struct controller *c, const struct k_broker_registration_request *r,
               struct writer *why)
{
    for (int64_t i = 0; i < c->image.features.n; i++) {
        const struct image_feature *f = &c->image.features.v[i];
        const struct k_broker_registration_request_feature *own = feature_of(r, f->name);
        if (own && own->min_supported_version <= f->level && f->level <= own->max_supported_version)
            continue;
        feature_tell(why, f->name, f->level, own ? own->min_supported_version : 0,
                     own ? own->max_supported_version : 0);
        return K_ERR_UNSUPPORTED_VERSION;
    }
    return K_ERR_NONE;
}

static int16_t
check_registration(struct controller *c, const struct k_broker_registration_request *r,
                   const struct image_broker *was, struct writer *why)
{
    if (!slice_eq(c->options.cluster_id, r->cluster_id)) {
        fmt_str(why, "it is of cluster ");
        fmt_slice(why, r->cluster_id);
        fmt_str(why, ", this is ");
        fmt_slice(why, c->options.cluster_id);
        return K_ERR_INCONSISTENT_CLUSTER_ID;
    }
    if (was && !replaces(c, r, was)) return K_ERR_DUPLICATE_BROKER_REGISTRATION;
    if (!was && !env_has_room(c->env, PURSE_METADATA)) {
        fmt_str(why, "the metadata of the cluster takes as much memory as the controller may use");
        return K_ERR_POLICY_VIOLATION;
    }
    if (r->is_migrating_zk_broker) {
        fmt_str(why, "it is a broker of ZooKeeper");
        return K_ERR_BROKER_ID_NOT_REGISTERED;
    }
    int16_t err = check_dirs(c, r, why);
    return err ? err : check_features(c, r, why);
}

/* A process that waits for the end of its predecessor's session asks again and again, and says so itself. */
static void
say_refused(struct controller *c, const struct k_broker_registration_request *r, struct slice why)
{
    if (why.n == 0) return;
    struct writer w = writer_mem(&c->env->mem);
    fmt_str(&w, "the registration of broker ");
    fmt_i64(&w, r->broker_id);
    fmt_str(&w, " is refused: ");
    fmt_slice(&w, why);
    NOTE(c->env, NOTE_LOG_MESSAGE, SLICE_NULL, writer_slice(&w), 2);
    writer_release(&w);
}

static void
copy_endpoints(struct arena *a, const struct k_broker_registration_request *r,
               struct k_register_broker_record *ret)
{
    ret->end_points_n = r->listeners_n;
    ret->end_points =
        codec_array(a, K_STRUCT_REGISTER_BROKER_RECORD_BROKER_ENDPOINT, r->listeners_n);
    for (int32_t i = 0; i < r->listeners_n; i++) {
        ret->end_points[i].name = r->listeners[i].name;
        ret->end_points[i].host = r->listeners[i].host;
        ret->end_points[i].port = r->listeners[i].port;
        ret->end_points[i].security_protocol = r->listeners[i].security_protocol;
    }
    ret->features_n = r->features_n;
    ret->features = codec_array(a, K_STRUCT_REGISTER_BROKER_RECORD_BROKER_FEATURE, r->features_n);
    for (int32_t i = 0; i < r->features_n; i++) {
        ret->features[i].name = r->features[i].name;
        ret->features[i].min_supported_version = r->features[i].min_supported_version;
        ret->features[i].max_supported_version = r->features[i].max_supported_version;
    }
}

static void
add_restart(struct controller *c, const struct k_broker_registration_request *r,
            const struct image_broker *was)
{
    bool is_clean = restart_is_clean(was, r->previous_broker_epoch) || !elr_is_enabled(c);
    add_leaving(c, r->broker_id, is_clean ? LEAVE_FENCED : LEAVE_UNCLEAN);
}

static int64_t
add_registration(struct controller *c, const struct k_broker_registration_request *r,
                 const struct image_broker *was, struct arena *a)
{
    struct k_register_broker_record rec;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &rec);
    rec.broker_id = r->broker_id;
    rec.incarnation_id = r->incarnation_id;
    rec.rack = r->rack;
    rec.log_dirs = r->log_dirs;
    rec.log_dirs_n = r->log_dirs_n;
    copy_endpoints(a, r, &rec);
    if (was && uuid_eq(was->incarnation, r->incarnation_id)) {
        rec.fenced = was->is_fenced;
        rec.in_controlled_shutdown = was->in_controlled_shutdown;
        rec.broker_epoch = was->epoch;
    } else {
        add_restart(c, r, was);
        rec.broker_epoch = c->ops->next_offset(c->owner);
    }
    batch_add(c, K_MSG_REGISTER_BROKER_RECORD, REGISTER_BROKER_VERSION, &rec);
    note_registered(c, rec.broker_id, rec.broker_epoch, &rec.incarnation_id, rec.fenced);
    return rec.broker_epoch;
}

static void
register_broker(struct request *q)
{
    struct controller *c = q->c;
    const struct k_broker_registration_request *r = q->body;
    struct k_broker_registration_response *resp = q->response;
    const struct image_broker *was = image_broker(&c->image, r->broker_id);
    struct writer why = writer_mem(&c->env->mem);
    resp->error_code = check_registration(c, r, was, &why);
    say_refused(c, r, writer_slice(&why));
    writer_release(&why);
    if (resp->error_code) return;
    bool is_new = !was || !uuid_eq(was->incarnation, r->incarnation_id);
    resp->broker_epoch = add_registration(c, r, was, q->arena);
    struct session *s = session_get(c, r->broker_id);
    s->last_contact_ns = env_now_ns(c->env);
    s->was_heard = true;
    if (is_new) s->metadata_offset = s->stopping_offset = -1;
}

static void
fail_registration(void *response, int16_t err)
{
    struct k_broker_registration_response *resp = response;
    resp->error_code = err;
    resp->broker_epoch = NO_BROKER_EPOCH;
}

const struct handler broker_registration_handler = {
    .api_key = K_API_BROKER_REGISTRATION,
    .response = K_MSG_BROKER_REGISTRATION_RESPONSE,
    .response_bytes = sizeof(struct k_broker_registration_response),
    .handle = register_broker,
    .fail = fail_registration,
};

/* ---- heartbeats -------------------------------------------------------------------------------- */

static enum broker_state
state_of(const struct image_broker *b)
{
    if (b->is_fenced) return BROKER_FENCED;
    return b->in_controlled_shutdown ? BROKER_STOPPING : BROKER_ACTIVE;
}

static enum broker_state
next_state(struct controller *c, const struct image_broker *b,
           const struct k_broker_heartbeat_request *r)
{
    struct heartbeat h = {
        .state = state_of(b),
        .wants_fence = r->want_fence,
        .wants_shutdown = r->want_shut_down,
        .was_stopping = b->in_controlled_shutdown,
        .metadata_offset = r->current_metadata_offset,
        .registered_offset = b->registered_offset,
        .has_leaderships = r->want_shut_down && has_leaderships(c, b->id),
        .stopping_offset = session_get(c, b->id)->stopping_offset,
        .lowest_active_offset = sessions_lowest_active_offset(c),
    };
    return heartbeat_next(&h);
}

static void
add_transition(struct controller *c, const struct image_broker *b, enum broker_state next)
{
    if (next == state_of(b)) return;
    switch (next) {
    case BROKER_FENCED:
    case BROKER_SHUT_DOWN:
        if (!b->is_fenced) add_fencing(c, b, next == BROKER_SHUT_DOWN);
        break;
    case BROKER_ACTIVE: add_unfencing(c, b); break;
    case BROKER_STOPPING: add_stopping(c, b); break;
    }
}

static bool
same_dirs(const struct image_broker *b, const struct k_broker_heartbeat_request *r)
{
    return b->cordoned_log_dirs_n == r->cordoned_log_dirs_n &&
           (r->cordoned_log_dirs_n <= 0 ||
            memcmp(b->cordoned_log_dirs, r->cordoned_log_dirs,
                   (size_t)r->cordoned_log_dirs_n * sizeof(struct uuid)) == 0);
}

static void
add_cordoned(struct controller *c, const struct image_broker *b,
             const struct k_broker_heartbeat_request *r)
{
    if (r->cordoned_log_dirs_n < 0 || same_dirs(b, r)) return;
    struct k_broker_registration_change_record rec = change_of_broker(b);
    rec.cordoned_log_dirs = r->cordoned_log_dirs;
    rec.cordoned_log_dirs_n = r->cordoned_log_dirs_n;
    batch_add(c, K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 3, &rec);
}

static void
broker_heartbeat(struct request *q)
{
    struct controller *c = q->c;
    const struct k_broker_heartbeat_request *r = q->body;
    struct k_broker_heartbeat_response *resp = q->response;
    resp->error_code = check_broker_epoch(c, r->broker_id, r->broker_epoch);
    if (resp->error_code) return;
    const struct image_broker *b = image_broker(&c->image, r->broker_id);
    struct session *s = session_get(c, b->id);
    s->last_contact_ns = env_now_ns(c->env);
    s->was_heard = true;
    s->metadata_offset = r->current_metadata_offset;
    enum broker_state next = next_state(c, b, r);
    add_cordoned(c, b, r);
    add_transition(c, b, next);
    if (next == BROKER_STOPPING && state_of(b) == BROKER_ACTIVE)
        s->stopping_offset = c->last_offset + c->batch.n;
    resp->is_caught_up = r->current_metadata_offset >= b->registered_offset;
    resp->is_fenced = next == BROKER_FENCED || next == BROKER_SHUT_DOWN;
    resp->should_shut_down = next == BROKER_SHUT_DOWN;
}

static void
fail_heartbeat(void *response, int16_t err)
{
    struct k_broker_heartbeat_response *resp = response;
    codec_default(K_MSG_BROKER_HEARTBEAT_RESPONSE, resp);
    resp->error_code = err;
}

const struct handler broker_heartbeat_handler = {
    .api_key = K_API_BROKER_HEARTBEAT,
    .response = K_MSG_BROKER_HEARTBEAT_RESPONSE,
    .response_bytes = sizeof(struct k_broker_heartbeat_response),
    .handle = broker_heartbeat,
    .fail = fail_heartbeat,
};

/* ---- the end ----------------------------------------------------------------------------------- */

static void
unregister_broker(struct request *q)
{
    struct controller *c = q->c;
    const struct k_unregister_broker_request *r = q->body;
    struct k_unregister_broker_response *resp = q->response;
    const struct image_broker *b = image_broker(&c->image, r->broker_id);
    if (!b) {
        struct writer w = writer_mem(&c->env->mem);
        fmt_str(&w, "Broker ID "), fmt_i64(&w, r->broker_id);
        fmt_str(&w, " is not currently registered");
        resp->error_code = K_ERR_BROKER_ID_NOT_REGISTERED;
        resp->error_message = text_end(q->arena, &w);
        return;
    }
    struct k_unregister_broker_record rec;
    codec_default(K_MSG_UNREGISTER_BROKER_RECORD, &rec);
    rec.broker_id = b->id;
    rec.broker_epoch = b->epoch;
    add_fencing(c, b, true);
    batch_add(c, K_MSG_UNREGISTER_BROKER_RECORD, 0, &rec);
    session_forget(c, b->id);
}

static void
fail_unregister(void *response, int16_t err)
{
    struct k_unregister_broker_response *resp = response;
    resp->error_code = err;
    resp->error_message = SLICE_NULL;
}

const struct handler unregister_broker_handler = {
    .api_key = K_API_UNREGISTER_BROKER,
    .response = K_MSG_UNREGISTER_BROKER_RESPONSE,
    .response_bytes = sizeof(struct k_unregister_broker_response),
    .handle = unregister_broker,
    .fail = fail_unregister,
};
