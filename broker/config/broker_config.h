// The configuration of a broker, typed: what is acted upon. A field has the name of its key, dots as underscores; units are in the name, as
// Kafka has them. Defaults are Kafka's and come from the table in broker_keys.cc, not from here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/listeners.h"
#include "broker/config/properties.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

// Where settings come from, strongest last. Everything effective is computed from these, whenever one of them changes, never from an
// earlier result (KAFKA-9254, KAFKA-17584: an override was lost when a default changed).
struct ConfigSources {
  Properties fixed;            // server.properties and --override
  Properties cluster_default;  // /config/brokers/<default>
  Properties broker;           // /config/brokers/<id>

  // The value in force, synonyms and defaults of the table included; nullopt if unset.
  std::optional<std::string> effective(std::string_view key) const;
};

struct BrokerConfig {
  // Identity
  BrokerId broker_id;  // -1: to be drawn from ZooKeeper
  bool broker_id_generation_enable = true;
  int32_t reserved_broker_max_id = 0;
  std::optional<std::string> broker_rack;
  std::optional<std::string> replica_selector_class;
  std::string inter_broker_protocol_version;  // "3.9-IV0", always the full name

  // ZooKeeper
  std::string zookeeper_connect;  // servers with an optional chroot
  int32_t zookeeper_session_timeout_ms = 0;
  int32_t zookeeper_connection_timeout_ms = 0;
  int32_t zookeeper_max_in_flight_requests = 0;

  // Network
  Listeners listeners;
  int32_t num_network_threads = 0;
  int32_t num_io_threads = 0;
  int32_t background_threads = 0;
  int32_t socket_listen_backlog_size = 0;
  int32_t socket_receive_buffer_bytes = 0;
  int32_t socket_send_buffer_bytes = 0;
  int32_t socket_request_max_bytes = 0;
  int64_t socket_connection_setup_timeout_ms = 0;
  int64_t socket_connection_setup_timeout_max_ms = 0;
  int64_t queued_max_request_bytes = 0;
  int64_t connections_max_idle_ms = 0;
  int32_t max_connections = 0;
  int32_t max_connections_per_ip = 0;
  std::map<std::string, int32_t> max_connections_per_ip_overrides;
  int32_t request_timeout_ms = 0;

  // Topics
  bool auto_create_topics_enable = true;
  bool delete_topic_enable = true;
  int32_t num_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t min_insync_replicas = 1;  // default of the topic key

  // Logs
  std::vector<std::string> log_dirs;  // log.dirs over log.dir
  int32_t num_recovery_threads_per_data_dir = 1;
  int32_t num_replica_alter_log_dirs_threads = 1;  // unset: one per directory
  int64_t log_retention_check_interval_ms = 0;
  int64_t log_flush_scheduler_interval_ms = 0;
  int64_t log_flush_offset_checkpoint_interval_ms = 0;
  int64_t log_flush_start_offset_checkpoint_interval_ms = 0;
  int64_t log_initial_task_delay_ms = 0;
  int64_t producer_id_expiration_ms = 0;
  int64_t producer_id_expiration_check_interval_ms = 0;
  bool log_cleaner_enable = true;
  int32_t log_cleaner_threads = 1;
  int64_t log_cleaner_dedupe_buffer_size = 0;
  double log_cleaner_io_buffer_load_factor = 0;
  int32_t log_cleaner_io_buffer_size = 0;
  double log_cleaner_io_max_bytes_per_second = 0;
  int64_t log_cleaner_backoff_ms = 0;

  // Fetching and replication
  int32_t fetch_max_bytes = 0;
  int32_t max_incremental_fetch_session_cache_slots = 0;
  int32_t num_replica_fetchers = 1;
  int32_t replica_fetch_backoff_ms = 0;
  int32_t replica_fetch_max_bytes = 0;
  int32_t replica_fetch_min_bytes = 0;
  int32_t replica_fetch_response_max_bytes = 0;
  int32_t replica_fetch_wait_max_ms = 0;
  int64_t replica_high_watermark_checkpoint_interval_ms = 0;
  int64_t replica_lag_time_max_ms = 0;
  int32_t replica_socket_receive_buffer_bytes = 0;
  int32_t replica_socket_timeout_ms = 0;
  int32_t replication_quota_window_num = 0;
  int32_t replication_quota_window_size_seconds = 0;

  // Controller and shutdown
  bool auto_leader_rebalance_enable = true;
  int64_t leader_imbalance_check_interval_seconds = 0;
  int32_t leader_imbalance_per_broker_percentage = 0;
  int32_t controller_socket_timeout_ms = 0;
  bool controlled_shutdown_enable = true;
  int32_t controlled_shutdown_max_retries = 0;
  int64_t controlled_shutdown_retry_backoff_ms = 0;

  // Internal topics
  int32_t offsets_topic_num_partitions = 0;
  int32_t offsets_topic_replication_factor = 0;
  int32_t offsets_topic_segment_bytes = 0;
  int32_t offsets_topic_compression_codec = 0;
  int32_t offsets_load_buffer_size = 0;
  int32_t offsets_commit_timeout_ms = 0;
  int32_t offsets_commit_required_acks = -1;
  int32_t transaction_state_log_num_partitions = 0;
  int32_t transaction_state_log_replication_factor = 0;
  int32_t transaction_state_log_segment_bytes = 0;
  int32_t transaction_state_log_min_isr = 0;

  // Groups
  int32_t group_min_session_timeout_ms = 0;
  int32_t group_max_session_timeout_ms = 0;
  int32_t group_initial_rebalance_delay_ms = 0;
  int32_t group_max_size = 0;
  bool consumer_protocol = true;  // unless group.coordinator.rebalance.protocols is given without it
  int32_t group_consumer_session_timeout_ms = 0;
  int32_t group_consumer_min_session_timeout_ms = 0;
  int32_t group_consumer_max_session_timeout_ms = 0;
  int32_t group_consumer_heartbeat_interval_ms = 0;
  int32_t group_consumer_min_heartbeat_interval_ms = 0;
  int32_t group_consumer_max_heartbeat_interval_ms = 0;
  int32_t group_consumer_max_size = 0;
  std::vector<std::string> group_consumer_assignors;  // "uniform", "range"; the first is the default
  std::string group_consumer_migration_policy;        // in any case
  int32_t offset_metadata_max_bytes = 0;
  int32_t offsets_retention_minutes = 0;
  int64_t offsets_retention_check_interval_ms = 0;

  // Ours
  std::string quokka_admin_host;         // of /metrics and /health
  int32_t quokka_admin_port = 0;         // 0: a free one; -1: none
  bool quokka_admin_port_given = false;  // set by the user: then it must be had
  int32_t quokka_requests_in_flight_max = 0;
  int64_t quokka_connection_bytes_max = 0;

  // Transactions
  int32_t transaction_state_log_load_buffer_size = 0;
  int32_t transaction_max_timeout_ms = 0;
  int32_t transactional_id_expiration_ms = 0;
  int32_t transaction_abort_timed_out_transaction_cleanup_interval_ms = 0;
  int32_t transaction_remove_expired_transaction_cleanup_interval_ms = 0;
  bool transaction_partition_verification_enable = true;
};

// What the start tells a person about the keys that were given, one sentence each.
struct ConfigRemarks {
  std::vector<std::string> warnings;  // unknown keys with the nearest known one, keys without effect
  std::vector<std::string> not_acted_upon;  // names of known keys that were given and have no effect yet
};

struct LoadedConfig {
  ConfigSources sources;
  BrokerConfig config;
  ConfigRemarks remarks;
};

// From sources to the typed form. INVALID_CONFIG is one line naming key, value and what is allowed; it is also given for keys whose neglect
// would weaken security or durability.
Result<BrokerConfig> make_broker_config(const ConfigSources& sources);
ConfigRemarks remarks_on(const Properties& given);

// server.properties with `--override key=value` arguments applied, checked whole.
Result<LoadedConfig> load_broker_config(const std::string& path, const std::vector<std::string>& overrides);

}  // namespace quokka
