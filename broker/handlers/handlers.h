// One function an API key, in the file of its name. Each is called on the connection's loop and answers the call exactly once, there or later.
#pragma once

#include "broker/request/call.h"

namespace quokka {

struct Services;

void handle_add_offsets_to_txn(Services&, CallPtr);
void handle_add_partitions_to_txn(Services&, CallPtr);
void handle_allocate_producer_ids(Services&, CallPtr);
void handle_alter_partition(Services&, CallPtr);
void handle_alter_partition_reassignments(Services&, CallPtr);
void handle_api_versions(Services&, CallPtr);
void handle_consumer_group_describe(Services&, CallPtr);
void handle_consumer_group_heartbeat(Services&, CallPtr);
void handle_controlled_shutdown(Services&, CallPtr);
void handle_create_partitions(Services&, CallPtr);
void handle_create_topics(Services&, CallPtr);
void handle_delete_groups(Services&, CallPtr);
void handle_delete_records(Services&, CallPtr);
void handle_delete_topics(Services&, CallPtr);
void handle_describe_cluster(Services&, CallPtr);
void handle_describe_configs(Services&, CallPtr);
void handle_describe_groups(Services&, CallPtr);
void handle_describe_log_dirs(Services&, CallPtr);
void handle_describe_producers(Services&, CallPtr);
void handle_describe_transactions(Services&, CallPtr);
void handle_elect_leaders(Services&, CallPtr);
void handle_end_txn(Services&, CallPtr);
void handle_fetch(Services&, CallPtr);
void handle_find_coordinator(Services&, CallPtr);
void handle_heartbeat(Services&, CallPtr);
void handle_init_producer_id(Services&, CallPtr);
void handle_join_group(Services&, CallPtr);
void handle_leader_and_isr(Services&, CallPtr);
void handle_leave_group(Services&, CallPtr);
void handle_list_groups(Services&, CallPtr);
void handle_list_offsets(Services&, CallPtr);
void handle_list_partition_reassignments(Services&, CallPtr);
void handle_list_transactions(Services&, CallPtr);
void handle_metadata(Services&, CallPtr);
void handle_offset_commit(Services&, CallPtr);
void handle_offset_delete(Services&, CallPtr);
void handle_offset_fetch(Services&, CallPtr);
void handle_offset_for_leader_epoch(Services&, CallPtr);
void handle_produce(Services&, CallPtr);
void handle_stop_replica(Services&, CallPtr);
void handle_sync_group(Services&, CallPtr);
void handle_txn_offset_commit(Services&, CallPtr);
void handle_update_metadata(Services&, CallPtr);
void handle_write_txn_markers(Services&, CallPtr);

}  // namespace quokka
