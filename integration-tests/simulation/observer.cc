#include "integration-tests/simulation/observer.h"

#include <fmt/core.h>

#include <algorithm>

#include "broker/replica/replica_table.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/records/record_batch.h"

namespace quokka::simulation {

namespace {

// "/brokers/topics/<topic>/partitions/<p>/state"
std::optional<TopicPartition> partition_of_path(const std::string& path) {
  constexpr std::string_view kTopics = "/brokers/topics/", kPartitions = "/partitions/", kState = "/state";
  if (!path.starts_with(kTopics) || !path.ends_with(kState)) return std::nullopt;
  const size_t at = path.find(kPartitions);
  if (at == std::string::npos) return std::nullopt;
  const std::string index = path.substr(at + kPartitions.size(), path.size() - kState.size() - at - kPartitions.size());
  return TopicPartition{path.substr(kTopics.size(), at - kTopics.size()), PartitionIndex(std::stoi(index))};
}

std::string text_of(const std::vector<BrokerId>& ids) {
  std::string text;
  for (const BrokerId id : ids) text += (text.empty() ? "" : ",") + std::to_string(id.value);
  return "{" + text + "}";
}

}  // namespace

void Observer::look() {
  changed_.clear();
  if (!zookeeper_.writes().empty()) read_writes();
  const int touched = std::exchange(agenda_.touched, 0);
  if (touched >= 1 && touched <= static_cast<int>(brokers_.size())) look_at(broker(touched));
  for (const TopicPartition& name : changed_) check_isr(name);
}

void Observer::read_writes() {
  for (const FakeZookeeper::Write& write : zookeeper_.writes()) {
    if (write.op.kind != ZkOp::Kind::create && write.op.kind != ZkOp::Kind::set) continue;
    if (write.op.path == znodes::topic_path(shape_.topic)) on_topic_written(write.op.data.value_or(""));
    const auto name = partition_of_path(write.op.path);
    if (name && name->topic == shape_.topic) on_state_written(*name, write.op.data.value_or(""), write.session);
  }
  zookeeper_.forget_writes();
}

// What is not assigned any more may go.
void Observer::on_topic_written(const std::string& json) {
  const Result<znodes::Topic> topic = znodes::parse_topic(shape_.topic, json);
  if (!topic) return history_.violated(topic.error().message);
  topic_ = *topic;
  for (auto& [name, replicas] : replicas_) {
    std::erase_if(replicas, [this, &name = name](const auto& entry) { return !is_assigned(name, entry.first); });
  }
}

void Observer::on_state_written(const TopicPartition& name, const std::string& json, int64_t session) {
  const Result<znodes::PartitionState> state = znodes::parse_partition_state(name, json);
  if (!state) return history_.violated(state.error().message);
  const auto [writer, fresh] = controller_sessions_.emplace(state->controller_epoch.value, session);
  if (!fresh && writer->second != session)
    history_.violated(fmt::format("OneLeaderPerEpoch: two sessions write under controller epoch {}", state->controller_epoch.value));
  if (state->isr.empty() || (state->leader.value >= 0 && std::find(state->isr.begin(), state->isr.end(), state->leader) == state->isr.end()))
    history_.violated(fmt::format("LeaderInIsr: {} has leader {} and in-sync set {}", name.str(), state->leader.value, text_of(state->isr)));
  if (const auto before = states_.find(name); before != states_.end()) {
    const bool back = state->leader_epoch < before->second.leader_epoch || state->controller_epoch < before->second.controller_epoch;
    const bool unnumbered = state->leader != before->second.leader && state->leader_epoch == before->second.leader_epoch;
    if (back || unnumbered)
      history_.violated(fmt::format("LeaderInIsr: {} goes from leader {} in epoch {} to leader {} in epoch {}", name.str(), before->second.leader.value,
                                    before->second.leader_epoch.value, state->leader.value, state->leader_epoch.value));
  }
  if (trace_)
    trace_(fmt::format("  {}: leader {} in epoch {}, in-sync set {}, controller epoch {}", name.str(), state->leader.value, state->leader_epoch.value,
                       text_of(state->isr), state->controller_epoch.value));
  states_[name] = *state;
  changed_.insert(name);
  for (auto& [id, replica] : replicas_[name]) {
    if (!in_isr(name, id)) replica.lost_tail = false;
    // What it had fetched before it lost its power made it join, and nobody can know yet.
    if (in_isr(name, id) && replica.lost_power && !broker(id).is_registered() && !shape_.durable) replica.lost_tail = true;
  }
}

bool Observer::in_isr(const TopicPartition& name, int broker) const {
  const auto state = states_.find(name);
  if (state == states_.end()) return false;
  const std::vector<BrokerId>& isr = state->second.isr;
  return std::find(isr.begin(), isr.end(), BrokerId(broker)) != isr.end();
}

bool Observer::is_assigned(const TopicPartition& name, int broker) const {
  const auto assigned = topic_.partitions.find(name.partition);
  return assigned != topic_.partitions.end() && std::find(assigned->second.begin(), assigned->second.end(), BrokerId(broker)) != assigned->second.end();
}

void Observer::look_at(BrokerMachine& broker) {
  const Node* node = broker.node();
  if (node == nullptr || node->replicas() == nullptr) return;
  const std::vector<PartitionPtr> held = node->replicas()->all();
  for (const PartitionPtr& partition : held) {
    // It may be there for a while after it was told to go.
    if (partition->name().topic == shape_.topic && is_assigned(partition->name(), broker.id())) look_at_replica(broker, partition);
  }
  // It was told to go. (What lies in a directory that is offline is not there either.)
  for (const auto& [index, going] : topic_.removing) {
    const TopicPartition name{shape_.topic, index};
    if (std::find(going.begin(), going.end(), BrokerId(broker.id())) == going.end() || in_isr(name, broker.id())) continue;
    if (std::any_of(held.begin(), held.end(), [&](const PartitionPtr& each) { return each->name() == name; })) continue;
    auto& replicas = replicas_[name];
    const auto replica = replicas.find(broker.id());
    if (replica != replicas.end() && replica->second.life == broker.life()) replicas.erase(replica);
  }
}

void Observer::look_at_replica(BrokerMachine& broker, const PartitionPtr& partition) {
  const TopicPartition& name = partition->name();
  Replica& replica = replicas_[name][broker.id()];
  const Partition::State state = partition->state();
  const LeaderEpoch epoch = partition->leader_epoch();
  if (epoch.value < 0) return;  // it has no role yet
  if (replica.life != broker.life()) {
    // What a killed process had written is there again.
    if (!replica.lost_tail && state.log_end < replica.log_end)
      history_.violated(fmt::format("Committed: {} of {} ends at {} after a start, and at {} before", name.str(), broker.host(), state.log_end.value,
                                    replica.log_end.value));
    const bool lost_tail = replica.lost_tail;
    replica = Replica();
    replica.lost_tail = lost_tail;
    replica.life = broker.life();
  } else if (replica.leader_epoch == epoch && replica.is_leader == state.is_leader && replica.high_watermark == state.high_watermark &&
             replica.log_end == state.log_end) {
    return;
  }
  replica.partition = partition;
  changed_.insert(name);
  if (state.high_watermark < state.log_start || state.log_end < state.high_watermark)
    history_.violated(fmt::format("ValidHighWatermark: {} of {} has log [{}, {}) and high watermark {}", name.str(), broker.host(), state.log_start.value,
                                  state.log_end.value, state.high_watermark.value));
  if (state.is_leader) {
    const auto [leader, fresh] = leaders_.emplace(std::make_pair(name, epoch), broker.id());
    if (!fresh && leader->second != broker.id())
      history_.violated(fmt::format("OneLeaderPerEpoch: brokers {} and {} lead {} in epoch {}", leader->second, broker.id(), name.str(), epoch.value));
    if (replica.is_leader && replica.leader_epoch == epoch && state.high_watermark < replica.high_watermark)
      history_.violated(fmt::format("ValidHighWatermark: that of {} goes back from {} to {} on leader {}", name.str(), replica.high_watermark.value,
                                    state.high_watermark.value, broker.host()));
  }
  if (state.log_end < replica.verified)
    history_.violated(fmt::format("Committed: {} drops committed records of {}: its log ends at {}, {} are committed", broker.host(), name.str(),
                                  state.log_end.value, replica.verified.value));
  if (trace_ && replica.leader_epoch != epoch)
    trace_(fmt::format("  {}: {} {} in epoch {}, log [{}, {}), high watermark {}", name.str(), broker.host(), state.is_leader ? "leads" : "follows", epoch.value,
                       state.log_start.value, state.log_end.value, state.high_watermark.value));
  replica.leader_epoch = epoch;
  replica.is_leader = state.is_leader;
  replica.high_watermark = state.high_watermark;
  replica.log_end = state.log_end;
  verify(broker, name, replica, state.high_watermark);
}

// Reads what was not compared yet, up to `end`, past the faults of the disk.
void Observer::verify(BrokerMachine& broker, const TopicPartition& name, Replica& replica, Offset end) {
  if (replica.verified >= end) return;
  const PartitionPtr partition = replica.partition.lock();
  if (!partition) return;
  broker.set_observed(true);
  const PartitionLogPtr& held = partition->log();
  while (replica.verified < end) {
    std::optional<Result<ReadPlan>> plan;
    {
      MutexLock lock(*held->mutex);
      plan = held->log->plan_read({.offset = replica.verified, .end = end, .bytes_max = 1 << 20, .min_one_message = true, .aborted_transactions = false});
    }
    Result<LogRead> read = !*plan ? Result<LogRead>(plan->error()) : (*plan)->run();
    if (!read || read->slice.length == 0) break;
    std::vector<uint8_t> bytes(static_cast<size_t>(read->slice.length));
    const Result<size_t> got = read->slice.file->read_at(bytes, read->slice.position);
    if (!got) break;
    BatchCursor cursor(Bytes(bytes).first(*got));
    const Offset before = replica.verified;
    while (const auto batch = cursor.next()) {
      if (batch->next_offset() <= replica.verified || batch->base_offset() >= end) continue;
      history_.on_committed_batch(name, batch->bytes(), broker.host());
      replica.verified = batch->next_offset();
    }
    if (replica.verified == before) break;
  }
  broker.set_observed(false);
  broker.forget_operations();
}

void Observer::check_isr(const TopicPartition& name) {
  const auto state = states_.find(name);
  if (state == states_.end()) return;
  for (auto& [leader_id, leader] : replicas_[name]) {
    if (!leader.is_leader || leader.life != broker(leader_id).life() || broker(leader_id).node() == nullptr) continue;
    const char* which = leader.leader_epoch == state->second.leader_epoch ? "WeakIsr" : "StrongIsr";
    for (const BrokerId member : state->second.isr) {
      Replica& replica = replicas_[name][member.value];
      if (replica.lost_power && shape_.durable) continue;  // looked at when it is back
      if (replica.lost_tail) {
        if (replica.log_end >= leader.high_watermark) replica.lost_tail = replica.life != broker(member.value).life();
        continue;
      }
      if (replica.log_end < leader.high_watermark) {
        history_.violated(fmt::format("{}: {} in epoch {}: leader {} has high watermark {}, broker {} of the in-sync set {} ends at {}", which, name.str(),
                                      leader.leader_epoch.value, leader_id, leader.high_watermark.value, member.value, text_of(state->second.isr),
                                      replica.log_end.value));
      } else if (replica.life == broker(member.value).life() && broker(member.value).node() != nullptr) {
        verify(broker(member.value), name, replica, leader.high_watermark);
      }
    }
  }
}

void Observer::on_data_lost(int id) {
  for (auto& [name, replicas] : replicas_) {
    const auto replica = replicas.find(id);
    if (replica == replicas.end()) continue;
    const Offset end = replica->second.log_end;
    replica->second = Replica();
    replica->second.lost_power = true;
    if (!in_isr(name, id)) continue;  // nothing is promised of its log
    replica->second.lost_tail = !shape_.durable;
    if (shape_.durable) replica->second.log_end = std::min(end, history_.committed_end(name));
  }
}

bool Observer::is_delicate() const {
  for (const auto& [name, replicas] : replicas_) {
    for (const auto& [id, replica] : replicas) {
      if (replica.lost_tail) return true;
    }
  }
  return false;
}

bool Observer::may_lose_power(int id) const {
  for (const auto& [name, state] : states_) {
    if (!in_isr(name, id)) continue;
    const auto others = std::count_if(state.isr.begin(), state.isr.end(), [&](BrokerId member) {
      return member.value != id && brokers_[static_cast<size_t>(member.value - 1)]->state() == BrokerMachine::State::up;
    });
    if (others == 0) return false;
  }
  return true;
}

std::string Observer::unrest(size_t partitions) const {
  if (states_.size() < partitions) return "not every partition has a state";
  for (const auto& [name, state] : states_) {
    if (state.leader.value < 0) return name.str() + " has no leader";
    if (topic_.adding.contains(name.partition) || topic_.removing.contains(name.partition)) return name.str() + " is still being reassigned";
    const auto replicas = replicas_.find(name);
    if (state.isr.size() < 3) return name.str() + " has the in-sync set " + text_of(state.isr);
    const auto found = [&](BrokerId id) { return replicas == replicas_.end() || !replicas->second.contains(id.value) ? Replica() : replicas->second.at(id.value); };
    const Replica leader = found(state.leader);
    for (const BrokerId member : state.isr) {
      const Replica replica = found(member);
      if (replica.life != brokers_[static_cast<size_t>(member.value - 1)]->life() || replica.log_end != leader.log_end ||
          replica.high_watermark != leader.log_end || replica.leader_epoch != state.leader_epoch)
        return fmt::format("{} of broker {} has log end {}, high watermark {}, epoch {}; its leader's log ends at {} in epoch {}", name.str(), member.value,
                           replica.log_end.value, replica.high_watermark.value, replica.leader_epoch.value, leader.log_end.value, state.leader_epoch.value);
    }
  }
  return {};
}

LeaderEpoch Observer::leads(const TopicPartition& name, int id) const {
  const auto state = states_.find(name);
  return state == states_.end() || state->second.leader.value != id ? LeaderEpoch() : state->second.leader_epoch;
}

int Observer::controller() const {
  const ZnodeData json = zookeeper_.data(std::string(znodes::kController));
  if (!json) return 0;
  const Result<znodes::Controller> controller = znodes::parse_controller(*json);
  return controller ? controller->broker.value : 0;
}

}  // namespace quokka::simulation
