#include "broker/controller/internal.h"

#define SESSION_TIMEOUT_MS 9000
#define NOOP_INTERVAL_MS 500
#define REBALANCE_INTERVAL_MS 300000
#define UNCLEAN_INTERVAL_MS 300000

static const struct handler *const handlers[] = {
    &broker_registration_handler,
    &broker_heartbeat_handler,
    &unregister_broker_handler,
    &controller_registration_handler,
    &create_topics_handler,
    &delete_topics_handler,
    &create_partitions_handler,
    &alter_partition_handler,
    &elect_leaders_handler,
    &allocate_producer_ids_handler,
    &incremental_alter_configs_handler,
    &alter_configs_handler,
    &alter_user_scram_credentials_handler,
    &update_features_handler,
    &assign_replicas_to_dirs_handler,
    &alter_partition_reassignments_handler,
    &list_partition_reassignments_handler,
};

static const struct handler *
handler_of(int16_t api_key)
{
    for (int64_t i = 0; i < ARRAY_LEN(handlers); i++)
        if (handlers[i]->api_key == api_key) return handlers[i];
    return NULL;
}

bool
controller_serves(int16_t api_key)
{
    return handler_of(api_key) != NULL;
}

bool
controller_is_active(const struct controller *c)
{
    return c->is_active;
}

const struct image *
controller_image(const struct controller *c)
{
    return c->is_active ? &c->image : NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void
copy_options(struct controller *c, const struct controller_options *o)
{
    struct mem *m = &c->env->mem;
    c->options = *o;
    c->options.cluster_id = mem_dup(m, o->cluster_id);
    const struct controller_feature usual[] = {
        {S("metadata.version"), 33, 7, 33},
        {S("eligible.leader.replicas.version"), 1, 0, 1},
    };
    const struct controller_feature *from = o->features ? o->features : usual;
    int32_t n = o->features ? o->features_n : (int32_t)ARRAY_LEN(usual);
    struct controller_feature *features = mem_alloc(m, n * (int64_t)sizeof *features);
    for (int32_t i = 0; i < n; i++) {
        features[i] = from[i];
        features[i].name = mem_dup(m, from[i].name);
    }
    c->options.features = c->features = features;
    c->options.features_n = n;
    if (!o->session_timeout_ms) c->options.session_timeout_ms = SESSION_TIMEOUT_MS;
    if (!o->noop_interval_ms) c->options.noop_interval_ms = NOOP_INTERVAL_MS;
    if (!o->rebalance_interval_ms) c->options.rebalance_interval_ms = REBALANCE_INTERVAL_MS;
    if (!o->unclean_interval_ms) c->options.unclean_interval_ms = UNCLEAN_INTERVAL_MS;
    if (!o->num_partitions) c->options.num_partitions = 1;
    if (!o->replication_factor) c->options.replication_factor = 1;
    if (!o->min_insync_replicas) c->options.min_insync_replicas = 1;
}

struct controller *
controller_new(struct env *env, const struct controller_options *options,
               const struct proposer_ops *ops, void *owner)
{
    struct controller *c = MEM_NEW(&env->mem, struct controller);
    c->env = env;
    c->ops = ops;
    c->owner = owner;
    c->session_timer.due = sessions_due;
    duties_init(c);
    list_init(&c->calls);
    list_init(&c->notes);
    copy_options(c, options);
    return c;
}

void
controller_free(struct controller *c)
{
    controller_resign(c);
    struct mem *m = &c->env->mem;
    for (int32_t i = 0; i < c->options.features_n; i++)
        mem_free_slice(m, c->options.features[i].name);
    mem_free(m, c->features, c->options.features_n * (int64_t)sizeof *c->features);
    mem_free_slice(m, c->options.cluster_id);
    VEC_RELEASE(m, &c->sessions);
    VEC_RELEASE(m, &c->batch);
    MEM_DELETE(m, c);
}

/* ---- the first records ------------------------------------------------------------------------- */

static void
add_feature_levels(struct controller *c)
{
    for (int32_t i = 0; i < c->options.features_n; i++) {
        const struct controller_feature *f = &c->options.features[i];
        if (f->level == 0) continue;
        if (c->options.elr_off && slice_eq(f->name, S("eligible.leader.replicas.version")))
            continue;
        struct k_feature_level_record r;
        codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
        r.name = f->name;
        r.feature_level = f->level;
        batch_add(c, K_MSG_FEATURE_LEVEL_RECORD, 0, &r);
    }
}

/* With ELR, min.insync.replicas is a setting of the cluster: were it each broker's own, nobody could
 * say whether a replica that left the ISR was complete (KIP-966). */
static void
add_bootstrap(struct controller *c)
{
    struct k_begin_transaction_record begin;
    struct k_end_transaction_record end;
    struct k_config_record min_isr;
    codec_default(K_MSG_BEGIN_TRANSACTION_RECORD, &begin);
    begin.name = S("Bootstrap records");
    batch_add(c, K_MSG_BEGIN_TRANSACTION_RECORD, 0, &begin);
    add_feature_levels(c);
    codec_default(K_MSG_CONFIG_RECORD, &min_isr);
    uint8_t digits[16];
    struct writer w = writer_fixed(digits, sizeof digits);
    fmt_i64(&w, c->options.min_insync_replicas);
    min_isr.resource_type = RESOURCE_BROKER;
    min_isr.resource_name = SLICE_EMPTY;
    min_isr.name = S("min.insync.replicas");
    min_isr.value = writer_slice(&w);
    if (!c->options.elr_off) batch_add(c, K_MSG_CONFIG_RECORD, 0, &min_isr);
    codec_default(K_MSG_END_TRANSACTION_RECORD, &end);
    batch_add(c, K_MSG_END_TRANSACTION_RECORD, 0, &end);
}

static void
add_abort(struct controller *c)
{
    struct k_abort_transaction_record r;
    codec_default(K_MSG_ABORT_TRANSACTION_RECORD, &r);
    r.reason = S("the controller that began it is gone");
    batch_add(c, K_MSG_ABORT_TRANSACTION_RECORD, 0, &r);
}

/* A new one says what it found: changes that came to be committed without a controller that could
 * have told of them stand in it. */
static void
note_activation(struct controller *c)
{
    NOTE(c->env, NOTE_CONTROLLER_ACTIVE, SLICE_EMPTY, SLICE_EMPTY, c->options.node_id, c->epoch);
    if (!c->env->notes_on) return;
    for (int64_t i = 0; i < c->image.brokers.n; i++) note_standing(c, c->image.brokers.v[i]);
    for (int64_t i = 0; i < c->image.topics.n; i++) {
        const struct image_topic *t = c->image.topics.v[i];
        for (int32_t j = 0; j < t->partitions_n; j++)
            if (t->partitions[j]) note_partition(c, t->partitions[j], c->last_offset);
    }
    notes_tell(c, c->last_offset + 1);
}

void
controller_activate(struct controller *c, int32_t epoch, const struct image *committed)
{
    controller_resign(c);
    image_clone(committed, &c->image);
    c->image.ops = &decision_ops;
    c->image.owner = c;
    c->is_active = true;
    c->epoch = epoch;
    c->last_offset = committed->offset;
    c->high_watermark = committed->offset + 1;
    note_activation(c);
    sessions_begin(c);
    imbalance_begin(c);
    if (c->image.in_transaction) add_abort(c);
    (void)batch_propose(c);
    if (!image_feature_level(&c->image, S("metadata.version")) || !c->image.has_history) {
        add_bootstrap(c);
        (void)batch_propose(c);
    }
    duties_begin(c);
}

/* ---- requests and answers ---------------------------------------------------------------------- */

static void
answer(struct controller_call *call, int16_t err)
{
    /* The caller may free the call within done(). */
    struct arena arena = call->arena;
    if (list_is_linked(&call->node)) list_remove(&call->node);
    call->controller = NULL;
    if (err) call->handler->fail(call->response, err);
    if (call->handler->fit) call->handler->fit(call->response, call->version);
    call->done(call, err, call->response);
    arena_release(&arena);
}

static void
begin_call(struct controller *c, const struct handler *h, struct controller_call *call)
{
    call->controller = c;
    call->node = (struct list){0};
    call->handler = h;
    arena_init(&call->arena, &c->env->mem, 0);
    call->response = arena_alloc(&call->arena, h->response_bytes);
    codec_default(h->response, call->response);
}

/* What a request without records says rests on decisions that may not be committed yet: it waits for
 * them. */
static void
answer_when_committed(struct controller *c, struct controller_call *call)
{
    call->offset = c->last_offset;
    if (call->offset < c->high_watermark) answer(call, K_ERR_NONE);
    else list_push_back(&c->calls, &call->node);
}

void
controller_request(struct controller *c, int16_t api_key, int16_t version, const void *request,
                   struct controller_call *call)
{
    const struct handler *h = handler_of(api_key);
    CHECK(h != NULL);
    begin_call(c, h, call);
    call->version = version;
    struct request q = {c, version, request, &call->arena, call->response, false};
    if (h->blank) h->blank(&q);
    if (!c->is_active) {
        answer(call, K_ERR_NOT_CONTROLLER);
        return;
    }
    h->handle(&q);
    if (q.validate_only) batch_drop(c);
    bool taken = batch_propose(c);
    if (!timer_is_armed(&c->session_timer)) sessions_arm(c);
    if (taken) answer_when_committed(c, call);
    else answer(call, K_ERR_NOT_CONTROLLER);
}

void
controller_call_cancel(struct controller_call *call)
{
    if (!call->controller) return;
    if (list_is_linked(&call->node)) list_remove(&call->node);
    call->controller = NULL;
    arena_release(&call->arena);
}

void
controller_committed(struct controller *c, int64_t high_watermark)
{
    if (!c->is_active || high_watermark <= c->high_watermark) return;
    c->high_watermark = high_watermark;
    notes_tell(c, high_watermark);
    for (;;) {
        struct controller_call *call = LIST_FIRST(&c->calls, struct controller_call, node);
        if (!call || call->offset >= c->high_watermark) return;
        answer(call, K_ERR_NONE);
    }
}

void
controller_resign(struct controller *c)
{
    if (!c->is_active) return;
    NOTE(c->env, NOTE_CONTROLLER_RESIGN, SLICE_EMPTY, SLICE_EMPTY, c->options.node_id, c->epoch);
    c->is_active = false;
    timer_cancel(c->env, &c->session_timer);
    duties_end(c);
    batch_drop(c);
    notes_drop(c);
    c->sessions.n = 0;
    image_release(&c->image);
    for (;;) {
        struct controller_call *call = LIST_FIRST(&c->calls, struct controller_call, node);
        if (!call) return;
        answer(call, K_ERR_NOT_CONTROLLER);
    }
}
