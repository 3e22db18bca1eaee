#include "coord/controller/core.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace quokka {

// ---- Events

void ControllerCore::begin_event() {
  QUOKKA_CHECK(marked_.empty() && proposals_.empty() && removing_.empty() && elections_.empty() && moves_.empty(), "the event before has not ended");
  unclean_.clear();
}

Effects ControllerCore::on_elected(const ElectedState& state, MonoTime now) {
  begin_event();
  epoch_ = state.controller_epoch;
  for (const LiveBroker& broker : state.brokers) {
    // Registered after a state was written that has it in sync: it failed and started again, and no controller lived to see it. Led on in the same
    // epoch, a log without its unsynced tail would part from its followers' in a way that no epoch tells.
    const auto since = state.in_sync_since.find(broker.view.id);
    if (since != state.in_sync_since.end() && broker.epoch > since->second) {
      restarted_.push_back(broker);
      continue;
    }
    picture_.put_broker(broker);
    outbox_.live_brokers_to(broker.view.id);
    announce_to_.insert(broker.view.id);
  }
  for (const TopicAssignment& topic : state.topics) add_topic(topic);
  for (const auto& [tp, each] : state.states)
    if (picture_.partition(tp) != nullptr) picture_.put_state(tp, each);
  left_alone_ = state.unreadable;
  for (const std::string& name : state.deletions) {
    if (!config_.delete_topics || picture_.topic(name) == nullptr)
      unknown_deletions_.push_back(name);
    else
      begin_deletion(name);
  }
  for (const TopicPartition& tp : state.preferred_election) elections_.emplace(tp, ElectionType::preferred);
  remove_preferred_election_ = true;
  take_reassignment_request(state.reassignments);
  for (const auto& [tp, assignment] : reassignments(std::nullopt))
    if (!moves_.contains(tp)) begin_move(tp, assignment);
  for (const auto& [name, topic] : picture_.topics())
    for (const auto& [index, partition] : topic.partitions) outbox_.metadata({name, index});
  next_check_ = now + config_.leader_imbalance_first_check;
  Effects effects = next();
  if (config_.auto_leader_rebalance) effects.wake_at = next_check_;
  return effects;
}

Effects ControllerCore::on_brokers(const std::vector<LiveBroker>& live) {
  begin_event();
  std::set<BrokerId> gone;
  for (const auto& [id, broker] : picture_.brokers()) gone.insert(id);
  std::vector<LiveBroker> started;
  bool changed = false;
  for (const LiveBroker& broker : live) {
    const LiveBroker* known = picture_.broker(broker.view.id);
    if (known == nullptr) {
      started.push_back(broker);
    } else if (known->epoch != broker.epoch) {
      restarted_.push_back(broker);  // and is among those gone
    } else {
      gone.erase(broker.view.id);
      if (known->view != broker.view) {
        picture_.put_broker(broker);
        changed = true;
      }
    }
  }
  if (!gone.empty()) stop_brokers(gone);
  if (!started.empty()) start_brokers(started);
  if (changed || !gone.empty()) outbox_.live_brokers_changed();
  return next();
}

Effects ControllerCore::on_topics(const std::set<std::string>& names, const std::vector<TopicAssignment>& added) {
  begin_event();
  std::vector<std::string> gone;
  for (const auto& [name, topic] : picture_.topics())
    if (!names.contains(name)) gone.push_back(name);
  for (const std::string& name : gone) forget_topic(name);
  for (const TopicAssignment& topic : added)
    if (names.contains(topic.name)) add_topic(topic);
  return next();
}

Effects ControllerCore::on_topic_changed(const std::string& name, const std::optional<TopicAssignment>& topic) {
  begin_event();
  const TopicPicture* known = picture_.topic(name);
  if (known == nullptr) return next();  // the list of topics brings it
  if (!topic) {
    forget_topic(name);
    return next();
  }
  if (known->id != topic->id && !known->id.is_zero() && !topic->id.is_zero()) {
    // Deleted and created again behind our back: another topic.
    forget_topic(name);
    add_topic(*topic);
    return next();
  }
  if (deleting_.contains(name)) return next();  // partitions added to a topic that is being deleted are nobody's
  for (const auto& [index, assignment] : topic->partitions) {
    const TopicPartition tp{name, index};
    if (picture_.partition(tp) != nullptr) continue;  // only reassignment changes a known one
    picture_.put_assignment(tp, assignment);
    mark(tp);
  }
  return next();
}

Effects ControllerCore::on_delete_topics(const std::set<std::string>& names) {
  begin_event();
  for (const std::string& name : names) {
    if (!config_.delete_topics || picture_.topic(name) == nullptr)
      unknown_deletions_.push_back(name);
    else if (!deleting_.contains(name))
      begin_deletion(name);
  }
  return next();
}

Effects ControllerCore::on_preferred_election(const std::vector<TopicPartition>& partitions) {
  begin_event();
  for (const TopicPartition& tp : partitions) elections_.emplace(tp, ElectionType::preferred);
  remove_preferred_election_ = true;
  return next();
}

Effects ControllerCore::on_elect_leaders(ElectionType type, const std::vector<TopicPartition>& partitions) {
  begin_event();
  elect_answer_.emplace();
  for (const TopicPartition& tp : partitions) elections_.emplace(tp, type);
  return next();
}

bool ControllerCore::is_imbalanced(size_t elsewhere, size_t all) const {
  return elsewhere * 100 > all * static_cast<size_t>(config_.leader_imbalance_percent);
}

Effects ControllerCore::on_tick(MonoTime now) {
  begin_event();
  if (!config_.auto_leader_rebalance) return next();
  if (now >= next_check_) {
    struct Balance {
      size_t all = 0;
      std::vector<TopicPartition> elsewhere;
    };
    std::map<BrokerId, Balance> by_preferred;
    for (const auto& [name, topic] : picture_.topics()) {
      if (deleting_.contains(name)) continue;
      for (const auto& [index, partition] : topic.partitions) {
        if (partition.assignment.replicas.empty()) continue;
        Balance& balance = by_preferred[partition.assignment.replicas.front()];
        ++balance.all;
        if (partition.state && partition.state->leader != partition.assignment.replicas.front()) balance.elsewhere.push_back({name, index});
      }
    }
    for (const auto& [id, balance] : by_preferred)
      if (is_imbalanced(balance.elsewhere.size(), balance.all))
        for (const TopicPartition& tp : balance.elsewhere) elections_.emplace(tp, ElectionType::preferred);
    next_check_ = now + config_.leader_imbalance_check;
  }
  Effects effects = next();
  effects.wake_at = next_check_;
  return effects;
}

Effects ControllerCore::on_unclean_enabled(const std::optional<std::string>& topic) {
  begin_event();
  for (const auto& [name, each] : picture_.topics()) {
    if (topic && name != *topic) continue;
    for (const auto& [index, partition] : each.partitions) {
      const TopicPartition tp{name, index};
      if (partition.state && !picture_.is_online(partition.state->leader, tp)) mark(tp);
    }
  }
  return next();
}

Effects ControllerCore::on_log_dir_event(const std::set<BrokerId>& brokers) {
  begin_event();
  announce_to_.insert(brokers.begin(), brokers.end());
  return next();
}

Effects ControllerCore::on_controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch) {
  begin_event();
  auto refuse = [](ErrorCode error) {
    Effects effects;
    effects.shutdown_answer = ShutdownAnswer{error, {}};
    return effects;
  };
  const LiveBroker* known = picture_.broker(broker);
  // As Kafka: its request that carries an epoch finds no broker to compare it with.
  if (known == nullptr) return refuse(broker_epoch.value < 0 ? ErrorCode::BROKER_NOT_AVAILABLE : ErrorCode::UNKNOWN_SERVER_ERROR);
  if (broker_epoch.value >= 0 && broker_epoch < known->epoch) return refuse(ErrorCode::STALE_BROKER_EPOCH);
  picture_.mark_shutting_down(broker);
  shutdown_ = broker;
  for (const TopicPartition& tp : picture_.partitions_on({broker})) {
    const PartitionPicture* partition = picture_.partition(tp);
    if (deleting_.contains(tp.topic) || !partition->state || partition->assignment.replicas.size() < 2) continue;
    mark(tp);
    if (partition->state->leader != broker) outbox_.stop_replica(broker, tp, partition->state->leader_epoch, false);
  }
  return next();
}

Effects ControllerCore::on_leader_and_isr_answer(BrokerId broker, BrokerEpoch broker_epoch, const std::map<TopicPartition, ErrorCode>& partitions) {
  begin_event();
  const LiveBroker* known = picture_.broker(broker);
  if (known == nullptr || known->epoch != broker_epoch) return next();
  const std::set<TopicPartition>* before = picture_.offline_dirs(broker);
  for (const auto& [tp, error] : partitions) {
    if (picture_.partition(tp) == nullptr) continue;
    const bool was_offline = before != nullptr && before->contains(tp);
    const bool is_offline = error == ErrorCode::KAFKA_STORAGE_ERROR;
    if (is_offline == was_offline || (!is_offline && error != ErrorCode::NONE)) continue;
    picture_.mark_dir_offline(broker, tp, is_offline);
    before = picture_.offline_dirs(broker);
    if (is_offline) {
      auto deletion = deletions_.find(tp.topic);
      if (deletion != deletions_.end()) deletion->second[tp][broker] = Removal::kWaiting;
    }
    outbox_.metadata(tp);
    mark(tp);
  }
  return next();
}

Effects ControllerCore::on_stop_replica_answer(BrokerId broker, BrokerEpoch broker_epoch, const std::map<TopicPartition, ErrorCode>& partitions) {
  begin_event();
  const LiveBroker* known = picture_.broker(broker);
  if (known == nullptr || known->epoch != broker_epoch) return next();
  for (const auto& [tp, error] : partitions) {
    if (auto leftovers = leftovers_.find(broker); leftovers != leftovers_.end() && error == ErrorCode::NONE) {
      auto leftover = leftovers->second.find(tp);
      if (leftover != leftovers->second.end() && leftover->second) leftovers->second.erase(leftover);
    }
    auto deletion = deletions_.find(tp.topic);
    if (deletion == deletions_.end()) continue;
    auto replicas = deletion->second.find(tp);
    if (replicas == deletion->second.end()) continue;
    auto replica = replicas->second.find(broker);
    // Only a removal that was asked for: a StopReplica of before the deletion is answered, too.
    if (replica == replicas->second.end() || replica->second != Removal::kAsked) continue;
    replica->second = error == ErrorCode::NONE ? Removal::kDone : Removal::kWaiting;
  }
  return next();
}

Effects ControllerCore::on_unclean_allowed(const std::set<std::string>& allowed) {
  for (auto& [topic, is_allowed] : unclean_) is_allowed = false;
  for (const std::string& topic : allowed) unclean_[topic] = true;
  return next();
}

// ---- AlterPartition

ErrorCode ControllerCore::check_alter(const AlterIsrRequest& request, const AlterIsr& asked, const PartitionPicture& partition) const {
  const LeaderAndIsr& state = *partition.state;
  // Ahead of what we know: another controller knows more than we do (H13).
  if (asked.partition_epoch > state.partition_epoch || asked.leader_epoch > state.leader_epoch) return ErrorCode::NOT_CONTROLLER;
  if (asked.leader_epoch < state.leader_epoch) return ErrorCode::FENCED_LEADER_EPOCH;
  // A retry whose first answer was lost: success, whatever the partition epoch (H12); the caller finds the states equal.
  if (request.broker == state.leader && asked.isr == state.isr && asked.recovering == state.recovering) return ErrorCode::NONE;
  if (asked.partition_epoch < state.partition_epoch) return ErrorCode::INVALID_UPDATE_VERSION;
  // A leader recovers alone, and only an election begins a recovery (H15).
  if (asked.recovering && (asked.isr.size() > 1 || !state.recovering)) return ErrorCode::INVALID_REQUEST;
  // Stricter than Kafka: only the leader speaks for its replicas.
  if (request.broker != state.leader || !contains(asked.isr, state.leader)) return ErrorCode::INVALID_REQUEST;
  for (size_t i = 0; i < asked.isr.size(); ++i) {
    const BrokerId id = asked.isr[i];
    if (!contains(partition.assignment.replicas, id) && !contains(state.isr, id)) return ErrorCode::INVALID_REQUEST;
    if (std::count(asked.isr.begin(), asked.isr.end(), id) > 1) return ErrorCode::INVALID_REQUEST;
    const BrokerEpoch epoch = i < asked.isr_epochs.size() ? asked.isr_epochs[i] : BrokerEpoch();
    // Not live, shutting down, or another life of the broker than the one the leader saw fetching (H16, H17).
    if (!picture_.is_eligible(id) || (epoch.value >= 0 && picture_.broker(id)->epoch != epoch))
      return request.version > 1 ? ErrorCode::INELIGIBLE_REPLICA : ErrorCode::OPERATION_NOT_ATTEMPTED;
  }
  return ErrorCode::NONE;
}

Effects ControllerCore::on_alter_partition(const AlterIsrRequest& request) {
  begin_event();
  alter_answer_.emplace();
  const LiveBroker* known = picture_.broker(request.broker);
  if (known == nullptr || known->epoch != request.broker_epoch) {
    alter_answer_->error = ErrorCode::STALE_BROKER_EPOCH;
    return next();
  }
  Effects effects;
  for (const AlterIsr& asked : request.partitions) {
    AlterIsrAnswer::Partition answer{asked.topic, asked.topic_id, asked.partition, ErrorCode::NONE, {}};
    if (!asked.topic_id.is_zero()) {
      const std::string* name = picture_.topic_name(asked.topic_id);
      answer.topic = name == nullptr ? std::string() : *name;
      if (name == nullptr) answer.error = ErrorCode::UNKNOWN_TOPIC_ID;
    }
    const TopicPartition tp{answer.topic, asked.partition};
    const PartitionPicture* partition = picture_.partition(tp);
    if (answer.error == ErrorCode::NONE && (partition == nullptr || !partition->state)) answer.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    if (answer.error == ErrorCode::NONE && left_alone_.contains(tp)) answer.error = ErrorCode::UNKNOWN_SERVER_ERROR;
    if (answer.error == ErrorCode::NONE) answer.error = check_alter(request, asked, *partition);
    if (answer.error == ErrorCode::NONE) {
      answer.state = *partition->state;
      if (asked.isr != answer.state.isr || asked.recovering != answer.state.recovering) {
        LeaderAndIsr state = *partition->state;
        state.isr = asked.isr;
        state.recovering = asked.recovering;
        propose(effects, {tp, Why::kAlter, std::move(state), false, alter_answer_->partitions.size()});
      }
    }
    alter_answer_->partitions.push_back(std::move(answer));
  }
  if (effects.has_writes()) return effects;
  return next();
}

// ---- What else is known

std::set<BrokerId> ControllerCore::deletion_waits_for(const std::string& topic) const {
  std::set<BrokerId> waits;
  auto found = deletions_.find(topic);
  if (found == deletions_.end()) return waits;
  for (const auto& [tp, replicas] : found->second)
    for (const auto& [id, removal] : replicas)
      if (removal == Removal::kWaiting) waits.insert(id);
  return waits;
}

ControllerCounts ControllerCore::counts() const {
  ControllerCounts counts;
  counts.active_brokers = picture_.brokers().size();
  counts.topics = picture_.topics().size();
  for (const auto& [name, topic] : picture_.topics()) {
    const bool deleting = deleting_.contains(name);
    TopicPartition tp{name, {}};
    for (const auto& [index, partition] : topic.partitions) {
      if (!partition.state) continue;
      ++counts.partitions;
      if (deleting) continue;
      tp.partition = index;
      if (!picture_.is_present(partition.state->leader, tp)) ++counts.offline_partitions;
      if (!has_preferred_leader(partition.assignment, *partition.state)) ++counts.preferred_replica_imbalance;
    }
  }
  counts.unclean_leader_elections = unclean_leader_elections_;
  counts.topics_to_delete = deletions_.size();
  for (const auto& [topic, deletion] : deletions_)
    if (!deletion_waits_for(topic).empty()) ++counts.topics_ineligible_to_delete;
  return counts;
}

}  // namespace quokka
