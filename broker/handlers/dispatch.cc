#include "broker/handlers/dispatch.h"

#include <string>

#include "broker/handlers/handlers.h"

namespace quokka {

namespace {

constexpr HandledApi kHandled[] = {
    {ApiKey::PRODUCE, &handle_produce},
    {ApiKey::FETCH, &handle_fetch},
    {ApiKey::LIST_OFFSETS, &handle_list_offsets},
    {ApiKey::METADATA, &handle_metadata},
    {ApiKey::LEADER_AND_ISR, &handle_leader_and_isr, true},
    {ApiKey::STOP_REPLICA, &handle_stop_replica, true},
    {ApiKey::UPDATE_METADATA, &handle_update_metadata, true},
    {ApiKey::CONTROLLED_SHUTDOWN, &handle_controlled_shutdown, true},
    {ApiKey::OFFSET_COMMIT, &handle_offset_commit},
    {ApiKey::OFFSET_FETCH, &handle_offset_fetch},
    {ApiKey::FIND_COORDINATOR, &handle_find_coordinator},
    {ApiKey::JOIN_GROUP, &handle_join_group},
    {ApiKey::HEARTBEAT, &handle_heartbeat},
    {ApiKey::LEAVE_GROUP, &handle_leave_group},
    {ApiKey::SYNC_GROUP, &handle_sync_group},
    {ApiKey::DESCRIBE_GROUPS, &handle_describe_groups},
    {ApiKey::LIST_GROUPS, &handle_list_groups},
    {ApiKey::API_VERSIONS, &handle_api_versions},
    {ApiKey::CREATE_TOPICS, &handle_create_topics},
    {ApiKey::DELETE_TOPICS, &handle_delete_topics},
    {ApiKey::DELETE_RECORDS, &handle_delete_records},
    {ApiKey::INIT_PRODUCER_ID, &handle_init_producer_id},
    {ApiKey::OFFSET_FOR_LEADER_EPOCH, &handle_offset_for_leader_epoch},
    {ApiKey::ADD_PARTITIONS_TO_TXN, &handle_add_partitions_to_txn},
    {ApiKey::ADD_OFFSETS_TO_TXN, &handle_add_offsets_to_txn},
    {ApiKey::END_TXN, &handle_end_txn},
    {ApiKey::WRITE_TXN_MARKERS, &handle_write_txn_markers, true},
    {ApiKey::TXN_OFFSET_COMMIT, &handle_txn_offset_commit},
    {ApiKey::DESCRIBE_CONFIGS, &handle_describe_configs},
    {ApiKey::DESCRIBE_LOG_DIRS, &handle_describe_log_dirs},
    {ApiKey::CREATE_PARTITIONS, &handle_create_partitions},
    {ApiKey::DELETE_GROUPS, &handle_delete_groups},
    {ApiKey::ELECT_LEADERS, &handle_elect_leaders},
    {ApiKey::ALTER_PARTITION_REASSIGNMENTS, &handle_alter_partition_reassignments},
    {ApiKey::LIST_PARTITION_REASSIGNMENTS, &handle_list_partition_reassignments},
    {ApiKey::OFFSET_DELETE, &handle_offset_delete},
    {ApiKey::ALTER_PARTITION, &handle_alter_partition, true},
    {ApiKey::DESCRIBE_CLUSTER, &handle_describe_cluster},
    {ApiKey::DESCRIBE_PRODUCERS, &handle_describe_producers},
    {ApiKey::DESCRIBE_TRANSACTIONS, &handle_describe_transactions},
    {ApiKey::LIST_TRANSACTIONS, &handle_list_transactions},
    {ApiKey::ALLOCATE_PRODUCER_IDS, &handle_allocate_producer_ids, true},
    {ApiKey::CONSUMER_GROUP_HEARTBEAT, &handle_consumer_group_heartbeat},
    {ApiKey::CONSUMER_GROUP_DESCRIBE, &handle_consumer_group_describe},
};

}  // namespace

int16_t HandledApi::version_min() const { return api_entry(static_cast<int16_t>(key))->version_min; }
int16_t HandledApi::version_max() const { return api_entry(static_cast<int16_t>(key))->version_max; }

std::span<const HandledApi> handled_apis() { return kHandled; }

void Dispatch::on_call(CallPtr call) {
  for (const HandledApi& api : kHandled) {
    if (static_cast<int16_t>(api.key) != call->api_key()) continue;
    // ApiVersions answers a version it does not know in version 0.
    const bool known = call->version() >= api.version_min() && call->version() <= api.version_max();
    if (!known && api.key != ApiKey::API_VERSIONS)
      return call->close("it asked for " + std::string(name(api.key)) + " v" + std::to_string(call->version()) + ", which is not served");
    if (api.between_brokers && !call->peer().inter_broker)
      return call->close("it asked for " + std::string(name(api.key)) + ", which only brokers may, on another listener than theirs");
    return api.handle(services_, std::move(call));
  }
  call->close("it asked for API key " + std::to_string(call->api_key()) + ", which is not served");
}

}  // namespace quokka
