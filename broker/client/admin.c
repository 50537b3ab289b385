#include "broker/client/admin.h"

#include "broker/client/internal.h"

struct admin_state {
    struct ask ask;
    struct client *c;
    struct admin_op *op;
    struct arena arena; /* copies of what was asked */
    struct timer again;
    int64_t deadline_ns;
    const void *request;
    const struct slice *name; /* DeleteTopics before version 6 takes names alone */
    int16_t (*read)(struct admin_op *op, const void *response);
};

static void
admin_end(struct admin_state *st, int16_t error)
{
    struct admin_op *op = st->op;
    struct env *env = st->c->env;
    op->error = error;
    op->state = NULL;
    timer_cancel(env, &st->again);
    arena_release(&st->arena);
    MEM_DELETE(&env->mem, st);
    op->done(op);
}

static void
admin_try(struct timer *t)
{
    struct admin_state *st = CONTAINER_OF(t, struct admin_state, again);
    int64_t left_ms = (st->deadline_ns - env_now_ns(st->c->env)) / NS_PER_MS;
    if (left_ms <= 0) {
        admin_end(st, st->op->error ? st->op->error : K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    st->ask.timeout_ms = MIN(left_ms, st->c->params.request_timeout_ms);
    ask_send(st->c, client_any_peer(st->c), FOR_CONTROL, &st->ask);
}

static void
admin_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct admin_state *st = CONTAINER_OF(a, struct admin_state, ask);
    struct admin_op *op = st->op;
    (void)from;
    if (a->sent) op->attempts++;
    op->response = response;
    op->version = a->version;
    op->message = SLICE_NULL;
    int16_t error = err == ENV_EINVAL ? K_ERR_UNSUPPORTED_VERSION
                  : err               ? K_ERR_NETWORK_EXCEPTION
                                      : st->read(op, response);
    int64_t now = env_now_ns(st->c->env);
    if (error == K_ERR_NONE || !k_err_is_retriable(error) || now >= st->deadline_ns) {
        admin_end(st, error);
        return;
    }
    op->error = error;
    op->response = NULL;
    client_next_peer(st->c);
    timer_arm(st->c->env, &st->again,
              MIN(now + client_backoff_ns(st->c, op->attempts), st->deadline_ns));
}

static const void *
admin_build(struct ask *a, int16_t version)
{
    struct admin_state *st = CONTAINER_OF(a, struct admin_state, ask);
    if (a->api_key != K_API_DELETE_TOPICS) return st->request;
    struct k_delete_topics_request *r = ARENA_NEW(&st->arena, struct k_delete_topics_request);
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, r);
    r->timeout_ms = (int32_t)MIN(a->timeout_ms, INT32_MAX);
    if (version < 6) {
        r->topic_names = ARENA_NEW(&st->arena, struct slice);
        r->topic_names[0] = *st->name;
        r->topic_names_n = 1;
    } else {
        r->topics = codec_array(&st->arena, K_STRUCT_DELETE_TOPICS_REQUEST_DELETE_TOPIC_STATE, 1);
        r->topics->name = *st->name;
        r->topics_n = 1;
    }
    return r;
}

static struct admin_state *
admin_new(struct client *c, struct admin_op *op, int16_t api_key, int16_t version_max,
          int16_t (*read)(struct admin_op *, const void *))
{
    CHECK(!op->state);
    struct admin_state *st = op->state = MEM_NEW(&c->env->mem, struct admin_state);
    arena_init(&st->arena, &c->env->mem, 0);
    st->c = c;
    st->op = op;
    st->read = read;
    st->again.due = admin_try;
    st->deadline_ns = env_now_ns(c->env) + (op->timeout_ms ? op->timeout_ms : 60000) * NS_PER_MS;
    st->ask = (struct ask){.api_key = api_key,
                           .version_max = version_max,
                           .build = admin_build,
                           .done = admin_answered};
    op->error = K_ERR_NONE;
    op->message = SLICE_NULL;
    op->response = NULL;
    op->attempts = 0;
    timer_arm(c->env, &st->again, env_now_ns(c->env));
    return st;
}

static int32_t
left_ms(const struct admin_state *st)
{
    int64_t ms = (st->deadline_ns - env_now_ns(st->c->env)) / NS_PER_MS;
    return (int32_t)MIN(ms, st->c->params.request_timeout_ms);
}

/* ---- topics -------------------------------------------------------------------------------------- */

static int16_t
create_read(struct admin_op *op, const void *response)
{
    const struct k_create_topics_response *r = response;
    if (r->topics_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->topics->error_message;
    return r->topics->error_code;
}

static void
write_placement(struct arena *a, struct k_create_topics_request_creatable_topic *t,
                const struct new_topic *n)
{
    t->num_partitions = -1;
    t->replication_factor = -1;
    t->assignments_n = n->partitions_placed;
    t->assignments = codec_array(a, K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_REPLICA_ASSIGNMENT,
                                 n->partitions_placed);
    for (int32_t i = 0; i < n->partitions_placed; i++) {
        struct k_create_topics_request_creatable_replica_assignment *p = &t->assignments[i];
        p->partition_index = i;
        p->broker_ids_n = n->replicas_placed;
        p->broker_ids = ARENA_ARRAY(a, int32_t, n->replicas_placed);
        for (int32_t j = 0; j < n->replicas_placed; j++)
            p->broker_ids[j] = n->placement[i * n->replicas_placed + j];
    }
}

void
admin_create_topic(struct client *c, struct admin_op *op, const struct new_topic *n)
{
    struct admin_state *st = admin_new(c, op, K_API_CREATE_TOPICS, 7, create_read);
    struct arena *a = &st->arena;
    struct k_create_topics_request *r = ARENA_NEW(a, struct k_create_topics_request);
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, r);
    st->ask.version_min = 4; /* defaults by -1 (KIP-464) */
    r->timeout_ms = left_ms(st);
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_TOPIC, 1);
    r->topics->name = arena_dup(a, n->name);
    r->topics->num_partitions = n->partitions;
    r->topics->replication_factor = n->replicas;
    if (n->placement) write_placement(a, r->topics, n);
    r->topics->configs_n = n->settings_n;
    r->topics->configs =
        codec_array(a, K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_CONFIG, n->settings_n);
    for (int32_t i = 0; i < n->settings_n; i++) {
        r->topics->configs[i].name = arena_dup(a, n->settings[i].name);
        r->topics->configs[i].value = arena_dup(a, n->settings[i].value);
    }
    st->request = r;
}

static int16_t
delete_read(struct admin_op *op, const void *response)
{
    const struct k_delete_topics_response *r = response;
    if (r->responses_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->responses->error_message;
    return r->responses->error_code;
}

void
admin_delete_topic(struct client *c, struct admin_op *op, struct slice name)
{
    struct admin_state *st = admin_new(c, op, K_API_DELETE_TOPICS, 6, delete_read);
    struct slice *copy = ARENA_NEW(&st->arena, struct slice);
    *copy = arena_dup(&st->arena, name);
    st->name = copy;
}

static int16_t
metadata_read(struct admin_op *op, const void *response)
{
    const struct k_metadata_response *r = response;
    (void)op;
    if (r->error_code) return r->error_code;
    return r->topics_n == 1 ? r->topics->error_code : K_ERR_NONE;
}

void
admin_metadata(struct client *c, struct admin_op *op, struct slice topic)
{
    struct admin_state *st = admin_new(c, op, K_API_METADATA, 13, metadata_read);
    struct k_metadata_request *r = ARENA_NEW(&st->arena, struct k_metadata_request);
    codec_default(K_MSG_METADATA_REQUEST, r);
    st->ask.version_min = 4;
    r->allow_auto_topic_creation = false;
    r->topics_n = topic.p ? 1 : -1;
    if (topic.p) {
        r->topics = codec_array(&st->arena, K_STRUCT_METADATA_REQUEST_METADATA_REQUEST_TOPIC, 1);
        r->topics->name = arena_dup(&st->arena, topic);
    }
    st->request = r;
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static int16_t
configs_read(struct admin_op *op, const void *response)
{
    const struct k_describe_configs_response *r = response;
    if (r->results_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->results->error_message;
    return r->results->error_code;
}

void
admin_describe_configs(struct client *c, struct admin_op *op, int8_t type, struct slice name)
{
    struct admin_state *st = admin_new(c, op, K_API_DESCRIBE_CONFIGS, 4, configs_read);
    struct k_describe_configs_request *r = ARENA_NEW(&st->arena, struct k_describe_configs_request);
    codec_default(K_MSG_DESCRIBE_CONFIGS_REQUEST, r);
    st->ask.version_min = 1;
    r->resources_n = 1;
    r->resources =
        codec_array(&st->arena, K_STRUCT_DESCRIBE_CONFIGS_REQUEST_DESCRIBE_CONFIGS_RESOURCE, 1);
    r->resources->resource_type = type;
    r->resources->resource_name = arena_dup(&st->arena, name);
    r->resources->configuration_keys_n = -1;
    st->request = r;
}

static int16_t
elect_read(struct admin_op *op, const void *response)
{
    const struct k_elect_leaders_response *r = response;
    if (r->error_code) return r->error_code;
    if (r->replica_election_results_n < 1 || r->replica_election_results->partition_result_n < 1)
        return K_ERR_NONE;
    op->message = r->replica_election_results->partition_result->error_message;
    return r->replica_election_results->partition_result->error_code;
}

void
admin_elect_leader(struct client *c, struct admin_op *op, bool unclean, struct slice topic,
                   int32_t partition)
{
    struct admin_state *st = admin_new(c, op, K_API_ELECT_LEADERS, 2, elect_read);
    struct arena *a = &st->arena;
    struct k_elect_leaders_request *r = ARENA_NEW(a, struct k_elect_leaders_request);
    codec_default(K_MSG_ELECT_LEADERS_REQUEST, r);
    st->ask.version_min = 1;
    r->election_type = unclean;
    r->timeout_ms = left_ms(st);
    r->topic_partitions_n = 1;
    r->topic_partitions = codec_array(a, K_STRUCT_ELECT_LEADERS_REQUEST_TOPIC_PARTITIONS, 1);
    r->topic_partitions->topic = arena_dup(a, topic);
    r->topic_partitions->partitions_n = 1;
    r->topic_partitions->partitions = ARENA_NEW(a, int32_t);
    r->topic_partitions->partitions[0] = partition;
    st->request = r;
}
