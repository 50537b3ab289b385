/* Topics: made, deleted, given more partitions, and what they hold deleted from its beginning. */
#include "broker/client/admin_internal.h"

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
    r->timeout_ms = admin_left_ms(st);
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

static const void *
delete_topics_build(struct admin_state *st, int16_t version)
{
    struct k_delete_topics_request *r = ARENA_NEW(&st->arena, struct k_delete_topics_request);
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, r);
    r->timeout_ms = (int32_t)MIN(st->ask.timeout_ms, INT32_MAX);
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
    st->build = delete_topics_build;
}

static int16_t
partitions_read(struct admin_op *op, const void *response)
{
    const struct k_create_partitions_response *r = response;
    if (r->results_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->results->error_message;
    return r->results->error_code;
}

void
admin_create_partitions(struct client *c, struct admin_op *op, struct slice topic, int32_t count)
{
    struct admin_state *st = admin_new(c, op, K_API_CREATE_PARTITIONS, 3, partitions_read);
    struct arena *a = &st->arena;
    struct k_create_partitions_request *r = ARENA_NEW(a, struct k_create_partitions_request);
    codec_default(K_MSG_CREATE_PARTITIONS_REQUEST, r);
    r->timeout_ms = admin_left_ms(st);
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_TOPIC, 1);
    r->topics->name = arena_dup(a, topic);
    r->topics->count = count;
    r->topics->assignments_n = -1;
    st->request = r;
}

/* ---- records ------------------------------------------------------------------------------------- */

static int16_t
delete_records_read(struct admin_op *op, const void *response)
{
    const struct k_delete_records_response *r = response;
    (void)op;
    if (r->topics_n < 1 || r->topics->partitions_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    return r->topics->partitions->error_code;
}

void
admin_delete_records(struct client *c, struct admin_op *op, struct slice topic, int32_t partition,
                     int64_t before)
{
    struct admin_state *st = admin_new(c, op, K_API_DELETE_RECORDS, 2, delete_records_read);
    struct arena *a = &st->arena;
    struct k_delete_records_request *r = ARENA_NEW(a, struct k_delete_records_request);
    codec_default(K_MSG_DELETE_RECORDS_REQUEST, r);
    st->to = TO_LEADER;
    st->topic = arena_dup(a, topic);
    st->partition = partition;
    r->timeout_ms = admin_left_ms(st);
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_DELETE_RECORDS_REQUEST_DELETE_RECORDS_TOPIC, 1);
    r->topics->name = st->topic;
    r->topics->partitions_n = 1;
    r->topics->partitions =
        codec_array(a, K_STRUCT_DELETE_RECORDS_REQUEST_DELETE_RECORDS_PARTITION, 1);
    r->topics->partitions->partition_index = partition;
    r->topics->partitions->offset = before;
    st->request = r;
    client_want_topic(c, topic);
}
