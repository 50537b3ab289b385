/* Which handler answers which API on which kind of listener. What stands here is what ApiVersions
 * advertises. */
#include "broker/api/handlers.h"

struct route {
    int16_t api_key;
    api_handler *broker, *controller;
};

static const struct route routes[] = {
    {K_API_PRODUCE, handle_produce, NULL},
    {K_API_FETCH, handle_fetch, handle_raft_fetch},
    {K_API_LIST_OFFSETS, handle_list_offsets, NULL},
    {K_API_METADATA, handle_metadata, NULL},
    {K_API_OFFSET_COMMIT, handle_offset_commit, NULL},
    {K_API_OFFSET_FETCH, handle_offset_fetch, NULL},
    {K_API_FIND_COORDINATOR, handle_find_coordinator, NULL},
    {K_API_JOIN_GROUP, handle_join_group, NULL},
    {K_API_HEARTBEAT, handle_heartbeat, NULL},
    {K_API_LEAVE_GROUP, handle_leave_group, NULL},
    {K_API_SYNC_GROUP, handle_sync_group, NULL},
    {K_API_DESCRIBE_GROUPS, handle_describe_groups, NULL},
    {K_API_LIST_GROUPS, handle_list_groups, NULL},
    {K_API_SASL_HANDSHAKE, handle_sasl_handshake, handle_sasl_handshake},
    {K_API_API_VERSIONS, handle_api_versions, handle_api_versions},
    {K_API_CREATE_TOPICS, handle_forward, handle_controller},
    {K_API_DELETE_TOPICS, handle_forward, handle_controller},
    {K_API_CREATE_PARTITIONS, handle_forward, handle_controller},
    {K_API_DELETE_RECORDS, handle_delete_records, NULL},
    {K_API_INIT_PRODUCER_ID, handle_init_producer_id, NULL},
    {K_API_OFFSET_FOR_LEADER_EPOCH, handle_offset_for_leader_epoch, NULL},
    {K_API_ADD_PARTITIONS_TO_TXN, handle_add_partitions_to_txn, NULL},
    {K_API_ADD_OFFSETS_TO_TXN, handle_add_offsets_to_txn, NULL},
    {K_API_END_TXN, handle_end_txn, NULL},
    {K_API_WRITE_TXN_MARKERS, handle_write_txn_markers, NULL},
    {K_API_TXN_OFFSET_COMMIT, handle_txn_offset_commit, NULL},
    {K_API_DESCRIBE_ACLS, handle_describe_acls, handle_describe_acls},
    {K_API_CREATE_ACLS, handle_create_acls, handle_create_acls},
    {K_API_DELETE_ACLS, handle_delete_acls, handle_delete_acls},
    {K_API_DESCRIBE_CONFIGS, handle_describe_configs, handle_describe_configs},
    {K_API_ALTER_CONFIGS, handle_forward, handle_controller},
    {K_API_INCREMENTAL_ALTER_CONFIGS, handle_forward, handle_controller},
    {K_API_DESCRIBE_LOG_DIRS, handle_describe_log_dirs, NULL},
    {K_API_ELECT_LEADERS, handle_forward, handle_controller},
    {K_API_SASL_AUTHENTICATE, handle_sasl_authenticate, handle_sasl_authenticate},
    {K_API_DELETE_GROUPS, handle_delete_groups, NULL},
    {K_API_ALTER_PARTITION_REASSIGNMENTS, handle_forward, handle_controller},
    {K_API_LIST_PARTITION_REASSIGNMENTS, handle_forward, handle_controller},
    {K_API_OFFSET_DELETE, handle_offset_delete, NULL},
    {K_API_DESCRIBE_CLIENT_QUOTAS, handle_describe_client_quotas, NULL},
    {K_API_DESCRIBE_USER_SCRAM_CREDENTIALS, handle_describe_user_scram_credentials,
     handle_describe_user_scram_credentials},
    {K_API_ALTER_USER_SCRAM_CREDENTIALS, handle_forward, handle_alter_user_scram_credentials},
    {K_API_VOTE, NULL, handle_vote},
    {K_API_BEGIN_QUORUM_EPOCH, NULL, handle_begin_quorum_epoch},
    {K_API_END_QUORUM_EPOCH, NULL, handle_end_quorum_epoch},
    {K_API_DESCRIBE_QUORUM, handle_forward, handle_describe_quorum},
    {K_API_ALTER_PARTITION, NULL, handle_controller},
    {K_API_UPDATE_FEATURES, handle_forward, handle_controller},
    {K_API_ENVELOPE, NULL, handle_envelope},
    {K_API_FETCH_SNAPSHOT, NULL, handle_fetch_snapshot},
    {K_API_DESCRIBE_CLUSTER, handle_describe_cluster, handle_describe_cluster},
    {K_API_BROKER_REGISTRATION, NULL, handle_controller},
    {K_API_BROKER_HEARTBEAT, NULL, handle_controller},
    {K_API_DESCRIBE_PRODUCERS, handle_describe_producers, NULL},
    {K_API_UNREGISTER_BROKER, handle_forward, handle_controller},
    {K_API_DESCRIBE_TRANSACTIONS, handle_describe_transactions, NULL},
    {K_API_LIST_TRANSACTIONS, handle_list_transactions, NULL},
    {K_API_ALLOCATE_PRODUCER_IDS, NULL, handle_controller},
    {K_API_CONTROLLER_REGISTRATION, NULL, handle_controller},
    {K_API_ASSIGN_REPLICAS_TO_DIRS, NULL, handle_controller},
    {K_API_CONSUMER_GROUP_HEARTBEAT, handle_consumer_group_heartbeat, NULL},
    {K_API_CONSUMER_GROUP_DESCRIBE, handle_consumer_group_describe, NULL},
    {K_API_UPDATE_RAFT_VOTER, NULL, handle_update_raft_voter},
    {K_API_LIST_CONFIG_RESOURCES, handle_list_config_resources, NULL},
    {K_API_DESCRIBE_TOPIC_PARTITIONS, handle_describe_topic_partitions, NULL},
    {K_API_SHARE_GROUP_HEARTBEAT, handle_share_group_heartbeat, NULL},
    {K_API_SHARE_GROUP_DESCRIBE, handle_share_group_describe, NULL},
    {K_API_STREAMS_GROUP_HEARTBEAT, handle_streams_group_heartbeat, NULL},
    {K_API_STREAMS_GROUP_DESCRIBE, handle_streams_group_describe, NULL},
    {K_API_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE,
     handle_streams_group_topology_description_update, NULL},
    {K_API_SHARE_FETCH, handle_share_fetch, NULL},
    {K_API_SHARE_ACKNOWLEDGE, handle_share_acknowledge, NULL},
    {K_API_INITIALIZE_SHARE_GROUP_STATE, handle_initialize_share_group_state, NULL},
    {K_API_READ_SHARE_GROUP_STATE, handle_read_share_group_state, NULL},
    {K_API_WRITE_SHARE_GROUP_STATE, handle_write_share_group_state, NULL},
    {K_API_DELETE_SHARE_GROUP_STATE, handle_delete_share_group_state, NULL},
    {K_API_READ_SHARE_GROUP_STATE_SUMMARY, handle_read_share_group_state_summary, NULL},
    {K_API_DESCRIBE_SHARE_GROUP_OFFSETS, handle_describe_share_group_offsets, NULL},
    {K_API_ALTER_SHARE_GROUP_OFFSETS, handle_alter_share_group_offsets, NULL},
    {K_API_DELETE_SHARE_GROUP_OFFSETS, handle_delete_share_group_offsets, NULL},
};

api_handler *
dispatch_find(int16_t api_key, enum listener_kind kind)
{
    for (int64_t i = 0; i < ARRAY_LEN(routes); i++)
        if (routes[i].api_key == api_key)
            return kind == LISTENER_BROKER ? routes[i].broker : routes[i].controller;
    return NULL;
}
