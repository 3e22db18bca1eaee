#include "broker/replica/replica_table.h"

#include <algorithm>

namespace quokka {

namespace {
constexpr LeaderEpoch kEpochDuringDelete{-2};
}

ReplicaTable::ReplicaTable(BrokerId self, Duration replica_lag_max, Ports ports, ConfigOf config_of)
    : surroundings_{self, replica_lag_max, ports.directories, ports.proposals, ports.clock, IsrMeters(ports.metrics)},
      fetchers_(ports.fetchers),
      config_of_(std::move(config_of)) {}

ReplicaTable::Shard& ReplicaTable::shard_of(std::string_view topic, PartitionIndex partition) const {
  return shards_[Hash()(topic, partition) % kShards];
}

PartitionPtr ReplicaTable::find(std::string_view topic, PartitionIndex partition) const {
  const Shard& shard = shard_of(topic, partition);
  MutexLock lock(shard.mutex);
  const auto found = shard.partitions.find(std::pair(topic, partition));
  return found == shard.partitions.end() ? nullptr : found->second;
}

bool ReplicaTable::is_offline(const TopicPartition& partition) const {
  const Shard& shard = shard_of(partition.topic, partition.partition);
  MutexLock lock(shard.mutex);
  const auto found = shard.partitions.find(partition);
  return found != shard.partitions.end() && found->second == nullptr;
}

std::vector<PartitionPtr> ReplicaTable::all() const {
  std::vector<PartitionPtr> all;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    for (const auto& [name, partition] : shard.partitions) {
      if (partition) all.push_back(partition);
    }
  }
  return all;
}

size_t ReplicaTable::offline_count() const {
  size_t offline = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    offline += static_cast<size_t>(std::ranges::count(shard.partitions, nullptr, [](const auto& entry) { return entry.second; }));
  }
  return offline;
}

void ReplicaTable::collect(MetricSink& sink) const {
  const auto offline = static_cast<double>(offline_count());
  double all_of_them = offline, led = 0, under_replicated = 0, under_min = 0, at_min = 0, reassigning = 0, parked_produces = 0, parked_fetches = 0;
  int64_t lag_max = 0;
  for (const PartitionPtr& partition : all()) {
    const Partition::State state = partition->state();
    all_of_them += 1;
    led += state.is_leader ? 1 : 0;
    under_replicated += state.is_leader && state.in_sync < state.replicas ? 1 : 0;
    under_min += state.under_min_isr ? 1 : 0;
    at_min += state.at_min_isr ? 1 : 0;
    reassigning += state.reassigning ? 1 : 0;
    parked_produces += static_cast<double>(state.parked_produces);
    parked_fetches += static_cast<double>(state.parked_fetches);
    lag_max = std::max(lag_max, state.lag);
  }
  const std::string replicas = "kafka_server_ReplicaManager";
  sink.gauge(replicas, "PartitionCount", {}, all_of_them);
  sink.gauge(replicas, "LeaderCount", {}, led);
  sink.gauge(replicas, "OfflineReplicaCount", {}, offline);
  sink.gauge(replicas, "UnderReplicatedPartitions", {}, under_replicated);
  sink.gauge(replicas, "UnderMinIsrPartitionCount", {}, under_min);
  sink.gauge(replicas, "AtMinIsrPartitionCount", {}, at_min);
  sink.gauge(replicas, "ReassigningPartitions", {}, reassigning);
  sink.gauge("kafka_server_ReplicaFetcherManager", "MaxLag", {{"clientId", "Replica"}}, static_cast<double>(lag_max));
  // One for each partition that a request waits at.
  const std::string parked = "kafka_server_DelayedOperationPurgatory";
  sink.gauge(parked, "PurgatorySize", {{"delayedOperation", "Produce"}}, parked_produces);
  sink.gauge(parked, "PurgatorySize", {{"delayedOperation", "Fetch"}}, parked_fetches);
}

void ReplicaTable::put(const TopicPartition& name, PartitionPtr partition) {
  Shard& shard = shard_of(name.topic, name.partition);
  MutexLock lock(shard.mutex);
  shard.partitions[name] = std::move(partition);
}

void ReplicaTable::erase(const TopicPartition& name) {
  Shard& shard = shard_of(name.topic, name.partition);
  MutexLock lock(shard.mutex);
  shard.partitions.erase(name);
}

bool ReplicaTable::was_told(const RoleChange& change) const { return change.registration < registration_ || told_.contains(change.partition); }

ErrorCode ReplicaTable::reconcile_topic_id(const RoleChange& change) {
  const PartitionPtr known = find(change.partition.topic, change.partition.partition);
  if (!known || change.topic_id.is_zero() || known->topic_id() == change.topic_id) return ErrorCode::NONE;
  const bool had_none = known->topic_id().is_zero();  // KIP-516: a controller that is younger than the topic gives it one
  if (had_none && change.role.leader_epoch < known->leader_epoch()) return ErrorCode::STALE_CONTROLLER_EPOCH;
  if (!had_none && was_told(change)) return ErrorCode::INCONSISTENT_TOPIC_ID;
  fetchers_.unfollow(change.partition);
  known->stop(had_none ? ErrorCode::NOT_LEADER_OR_FOLLOWER : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  erase(change.partition);
  return ErrorCode::NONE;
}

Result<PartitionLogPtr> ReplicaTable::log_for(const RoleChange& change) {
  LogDirectories& directories = surroundings_.directories;
  const std::optional<TopicId> topic_id = change.topic_id.is_zero() ? std::nullopt : std::optional(change.topic_id);
  PartitionLogPtr log = directories.find(change.partition);
  // A replica that is not new and not found may lie in a directory that is offline: an empty one elsewhere would pass for it.
  if (!log && !change.role.is_new && surroundings_.directories.any_offline())
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, change.partition.str() + " may be in a log directory that is offline"};
  if (log && !topic_id) return log;
  Result<PartitionLogPtr> created = directories.create(change.partition, topic_id, config_of_(change.partition.topic));
  if (created || created.code() != ErrorCode::INCONSISTENT_TOPIC_ID || was_told(change)) return created;
  if (const Status aside = directories.set_aside_stray(change.partition); !aside) return aside.error();
  return directories.create(change.partition, topic_id, config_of_(change.partition.topic));
}

Result<PartitionPtr> ReplicaTable::find_or_create(const RoleChange& change) {
  if (PartitionPtr known = find(change.partition.topic, change.partition.partition)) return known;
  Result<PartitionLogPtr> log = log_for(change);
  if (!log) return log.error();
  auto partition = std::make_shared<Partition>(change.partition, change.topic_id, *std::move(log), surroundings_);
  partition->attach();
  put(change.partition, partition);
  return partition;
}

ErrorCode ReplicaTable::become_one(const RoleChange& change) {
  const PartitionRole& role = change.role;
  if (std::find(role.replicas.begin(), role.replicas.end(), surroundings_.self) == role.replicas.end())
    return ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
  if (const ErrorCode error = reconcile_topic_id(change); error != ErrorCode::NONE) return error;
  if (const PartitionPtr known = find(change.partition.topic, change.partition.partition)) {
    if (role.leader_epoch <= known->leader_epoch()) return ErrorCode::STALE_CONTROLLER_EPOCH;
  }
  Result<PartitionPtr> partition = find_or_create(change);
  if (!partition) {
    if (partition.code() == ErrorCode::KAFKA_STORAGE_ERROR) put(change.partition, nullptr);
    return partition.code();
  }
  if (role.leader == surroundings_.self) {
    fetchers_.unfollow(change.partition);
    const ErrorCode error = (*partition)->make_leader(role).code();
    if (const LiveBrokers live = live_brokers()) (*partition)->on_live_brokers(*live);
    return error;
  }
  const Result<bool> changed = (*partition)->make_follower(role);
  if (!changed) return changed.code();
  if (role.leader.value < 0) {
    fetchers_.unfollow(change.partition);
  } else if (*changed) {
    fetchers_.follow(*partition, role.leader);
  }
  return ErrorCode::NONE;
}

std::vector<ErrorCode> ReplicaTable::become(const std::vector<RoleChange>& changes) {
  std::vector<ErrorCode> errors;
  errors.reserve(changes.size());
  for (const RoleChange& change : changes) {
    if (change.registration > registration_) {
      registration_ = change.registration;
      told_.clear();
    }
    errors.push_back(become_one(change));
    if (errors.back() == ErrorCode::NONE || errors.back() == ErrorCode::STALE_CONTROLLER_EPOCH) told_.insert(change.partition);
  }
  return errors;
}

ErrorCode ReplicaTable::stop(const TopicPartition& name, LeaderEpoch leader_epoch, bool remove_log) {
  if (is_offline(name)) {
    if (remove_log) erase(name);
    return ErrorCode::KAFKA_STORAGE_ERROR;
  }
  if (const PartitionPtr partition = find(name.topic, name.partition)) {
    const bool unconditional = leader_epoch == kEpochDuringDelete || leader_epoch.value == -1;
    if (!unconditional && leader_epoch < partition->leader_epoch()) return ErrorCode::FENCED_LEADER_EPOCH;
    fetchers_.unfollow(name);
    // A replica that is removed without its topic: others have the partition, and clients find them.
    const bool topic_goes = remove_log && unconditional;
    partition->stop(topic_goes ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::NOT_LEADER_OR_FOLLOWER);
    if (remove_log) erase(name);
  }
  if (!remove_log) return ErrorCode::NONE;
  told_.erase(name);
  if (!surroundings_.directories.find(name)) return ErrorCode::NONE;
  return surroundings_.directories.remove(name).code();
}

void ReplicaTable::reconfigure(const std::string& topic, const LogConfigPtr& config) {
  for (const PartitionPtr& partition : all()) {
    if (partition->name().topic == topic) partition->set_config(config);
  }
}

void ReplicaTable::on_directory_offline(const std::vector<TopicPartition>& partitions) {
  for (const TopicPartition& name : partitions) {
    const PartitionPtr partition = find(name.topic, name.partition);
    put(name, nullptr);
    fetchers_.unfollow(name);
    if (partition) partition->stop(ErrorCode::KAFKA_STORAGE_ERROR);
  }
}

ReplicaTable::LiveBrokers ReplicaTable::live_brokers() const {
  MutexLock lock(live_mutex_);
  return live_;
}

void ReplicaTable::on_live_brokers(const BrokerViews& brokers) {
  auto live = std::make_shared<std::vector<BrokerId>>();
  for (const BrokerView& broker : brokers) live->push_back(broker.id);
  {
    MutexLock lock(live_mutex_);
    live_ = live;
  }
  for (const PartitionPtr& partition : all()) partition->on_live_brokers(*live);
}

void ReplicaTable::on_tick() {
  const LiveBrokers live = live_brokers();
  for (const PartitionPtr& partition : all()) {
    // Again, for a fetch that was under way when a broker went may have said otherwise.
    if (live) partition->on_live_brokers(*live);
    partition->on_tick();
  }
}

}  // namespace quokka
