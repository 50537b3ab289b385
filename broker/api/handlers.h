/* The handlers, one family of requests a file. Each has decoded r->message of its API and answers now
 * or later (request.h). */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "broker/api/server.h"

api_handler handle_produce, handle_fetch, handle_list_offsets, handle_offset_for_leader_epoch,
    handle_delete_records, handle_metadata, handle_describe_cluster,
    handle_describe_topic_partitions, handle_api_versions, handle_init_producer_id,
    handle_describe_configs, handle_describe_log_dirs, handle_forward, handle_envelope,
    handle_controller, handle_vote, handle_begin_quorum_epoch, handle_end_quorum_epoch,
    handle_raft_fetch, handle_fetch_snapshot, handle_describe_quorum, handle_update_raft_voter,
    handle_find_coordinator, handle_join_group, handle_sync_group, handle_heartbeat,
    handle_leave_group, handle_offset_commit, handle_offset_fetch, handle_offset_delete,
    handle_describe_groups, handle_list_groups, handle_delete_groups,
    handle_consumer_group_heartbeat, handle_consumer_group_describe, handle_describe_acls,
    handle_create_acls, handle_delete_acls, handle_write_txn_markers, handle_end_txn,
    handle_add_partitions_to_txn, handle_add_offsets_to_txn, handle_txn_offset_commit,
    handle_list_transactions, handle_describe_transactions, handle_describe_producers,
    handle_list_config_resources, handle_share_group_heartbeat, handle_share_group_describe,
    handle_streams_group_heartbeat, handle_streams_group_describe,
    handle_streams_group_topology_description_update, handle_share_fetch, handle_share_acknowledge,
    handle_initialize_share_group_state, handle_read_share_group_state,
    handle_write_share_group_state, handle_delete_share_group_state,
    handle_read_share_group_state_summary, handle_describe_share_group_offsets,
    handle_alter_share_group_offsets, handle_delete_share_group_offsets, handle_sasl_handshake,
    handle_sasl_authenticate, handle_alter_user_scram_credentials,
    handle_describe_user_scram_credentials, handle_describe_client_quotas;

/* Whether groups of KIP-848 are served. */
bool serves_consumer_groups(const struct server *s);
/* The same of share groups. */
bool serves_share_groups(const struct server *s);
bool serves_streams_groups(const struct server *s);

#endif
