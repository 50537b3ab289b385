/* The cluster: what it looks like, how it is configured, who leads. */
#include "broker/client/admin_internal.h"

static int16_t
admin_metadata_read(struct admin_op *op, const void *response)
{
    const struct k_metadata_response *r = response;
    (void)op;
    if (r->error_code) return r->error_code;
    return r->topics_n == 1 ? r->topics->error_code : K_ERR_NONE;
}

void
admin_metadata(struct client *c, struct admin_op *op, struct slice topic)
{
    struct admin_state *st = admin_new(c, op, K_API_METADATA, 13, admin_metadata_read);
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

static int16_t
alter_read(struct admin_op *op, const void *response)
{
    const struct k_incremental_alter_configs_response *r = response;
    if (r->responses_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->responses->error_message;
    return r->responses->error_code;
}

void
admin_alter_configs(struct client *c, struct admin_op *op, int8_t type, struct slice name,
                    const struct topic_setting *settings, int32_t n)
{
    enum { OP_SET, OP_DELETE };
    struct admin_state *st = admin_new(c, op, K_API_INCREMENTAL_ALTER_CONFIGS, 1, alter_read);
    struct arena *a = &st->arena;
    struct k_incremental_alter_configs_request *r =
        ARENA_NEW(a, struct k_incremental_alter_configs_request);
    int64_t id;
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, r);
    if (type == ADMIN_BROKER && slice_to_i64(name, &id)) {
        st->to = TO_BROKER;
        st->broker = (int32_t)id;
    }
    r->resources_n = 1;
    r->resources =
        codec_array(a, K_STRUCT_INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTER_CONFIGS_RESOURCE, 1);
    r->resources->resource_type = type;
    r->resources->resource_name = arena_dup(a, name);
    r->resources->configs_n = n;
    r->resources->configs =
        codec_array(a, K_STRUCT_INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTERABLE_CONFIG, n);
    for (int32_t i = 0; i < n; i++) {
        r->resources->configs[i].name = arena_dup(a, settings[i].name);
        r->resources->configs[i].config_operation = settings[i].value.p ? OP_SET : OP_DELETE;
        r->resources->configs[i].value =
            settings[i].value.p ? arena_dup(a, settings[i].value) : SLICE_NULL;
    }
    st->request = r;
    client_refresh(c); /* where the broker lives */
}

static int16_t
reassign_read(struct admin_op *op, const void *response)
{
    const struct k_alter_partition_reassignments_response *r = response;
    if (r->error_code) return r->error_code;
    if (r->responses_n < 1 || r->responses->partitions_n < 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    op->message = r->responses->partitions->error_message;
    return r->responses->partitions->error_code;
}

void
admin_reassign(struct client *c, struct admin_op *op, struct slice topic, int32_t partition,
               const int32_t *replicas, int32_t n)
{
    struct admin_state *st =
        admin_new(c, op, K_API_ALTER_PARTITION_REASSIGNMENTS, 0, reassign_read);
    struct arena *a = &st->arena;
    struct k_alter_partition_reassignments_request *r =
        ARENA_NEW(a, struct k_alter_partition_reassignments_request);
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, r);
    r->timeout_ms = admin_left_ms(st);
    r->topics_n = 1;
    r->topics =
        codec_array(a, K_STRUCT_ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_TOPIC, 1);
    r->topics->name = arena_dup(a, topic);
    r->topics->partitions_n = 1;
    r->topics->partitions =
        codec_array(a, K_STRUCT_ALTER_PARTITION_REASSIGNMENTS_REQUEST_REASSIGNABLE_PARTITION, 1);
    r->topics->partitions->partition_index = partition;
    r->topics->partitions->replicas_n = n;
    r->topics->partitions->replicas = ARENA_ARRAY(a, int32_t, MAX(n, 0));
    for (int32_t i = 0; i < n; i++) r->topics->partitions->replicas[i] = replicas[i];
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
    r->timeout_ms = admin_left_ms(st);
    r->topic_partitions_n = 1;
    r->topic_partitions = codec_array(a, K_STRUCT_ELECT_LEADERS_REQUEST_TOPIC_PARTITIONS, 1);
    r->topic_partitions->topic = arena_dup(a, topic);
    r->topic_partitions->partitions_n = 1;
    r->topic_partitions->partitions = ARENA_NEW(a, int32_t);
    r->topic_partitions->partitions[0] = partition;
    st->request = r;
}
