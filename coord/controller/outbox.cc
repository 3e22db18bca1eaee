#include "coord/controller/outbox.h"

namespace quokka {
namespace {

using Receivers = std::vector<std::pair<BrokerId, BrokerEpoch>>;

Receivers receivers(const Picture& picture, const std::set<BrokerId>& wanted) {
  Receivers found;
  for (BrokerId id : wanted)
    if (const LiveBroker* broker = picture.broker(id)) found.emplace_back(id, broker->epoch);
  return found;
}

std::set<BrokerId> all_brokers(const Picture& picture) {
  std::set<BrokerId> all;
  for (const auto& [id, broker] : picture.brokers()) all.insert(id);
  return all;
}

void add_metadata(std::vector<Send>& sends, const Picture& picture, const std::set<BrokerId>& to, ClusterUpdate update) {
  Receivers found = receivers(picture, to);
  if (!found.empty()) sends.push_back(MetadataSend{std::move(found), std::make_shared<const ClusterUpdate>(std::move(update))});
}

ClusterUpdate live_brokers(const Picture& picture, BrokerId controller, ControllerEpoch epoch) {
  ClusterUpdate update;
  update.controller = controller;
  update.controller_epoch = epoch;
  for (const auto& [id, broker] : picture.brokers()) update.brokers.push_back(broker.view);
  return update;
}

// Adds a partition to the last topic of the list, or begins the next: partitions come in order.
void add(std::vector<TopicView>& topics, const std::string& name, const TopicId& id, PartitionView partition) {
  if (topics.empty() || topics.back().name != name) topics.push_back({name, id, {}});
  topics.back().partitions.push_back(std::move(partition));
}

LeaderAndIsrSend leader_and_isr_send(const Picture& picture, const LiveBroker& to, const std::map<TopicPartition, bool>& partitions) {
  LeaderAndIsrSend send;
  send.to = to.view.id;
  send.to_epoch = to.epoch;
  std::set<BrokerId> leaders;
  for (const auto& [tp, is_new] : partitions) {
    const PartitionPicture* partition = picture.partition(tp);
    if (partition == nullptr || !partition->state) continue;
    if (send.topics.empty() || send.topics.back().name != tp.topic) send.topics.push_back({tp.topic, picture.topic(tp.topic)->id, {}});
    send.topics.back().partitions.push_back({tp.partition, *partition->state, partition->assignment, is_new});
    leaders.insert(partition->state->leader);
  }
  for (BrokerId leader : leaders)
    if (picture.broker(leader) != nullptr) send.live_leaders.push_back(leader);
  return send;
}

}  // namespace

PartitionView partition_view(const Picture& picture, const TopicPartition& tp, const PartitionPicture& partition, bool deleting) {
  PartitionView view;
  view.index = tp.partition;
  view.controller_epoch = partition.state->controller_epoch;
  view.leader = deleting ? kLeaderDuringDelete : partition.state->leader;
  view.leader_epoch = deleting ? LeaderEpoch(0) : partition.state->leader_epoch;
  view.partition_epoch = deleting ? PartitionEpoch(0) : partition.state->partition_epoch;
  view.isr = partition.state->isr;
  view.replicas = partition.assignment.replicas;
  for (BrokerId id : view.replicas)
    if (!picture.is_online(id, tp)) view.offline_replicas.push_back(id);
  return view;
}

void Outbox::leader_and_isr(BrokerId to, const TopicPartition& tp, bool is_new) { leader_and_isr_[to][tp] |= is_new; }

void Outbox::forgotten(const std::string& topic, const TopicPicture& picture) {
  TopicView view{topic, picture.id, {}};
  for (const auto& [index, partition] : picture.partitions) {
    PartitionView gone;
    gone.index = index;
    gone.leader = kLeaderDuringDelete;
    gone.leader_epoch = LeaderEpoch(0);
    gone.partition_epoch = PartitionEpoch(0);
    gone.replicas = partition.assignment.replicas;
    view.partitions.push_back(std::move(gone));
  }
  forgotten_.push_back(std::move(view));
}

void Outbox::stop_replica(BrokerId to, const TopicPartition& tp, LeaderEpoch leader_epoch, bool remove) {
  StopReplicaSend::Partition& partition = stop_replica_[to][tp];
  partition.tp = tp;
  partition.leader_epoch = leader_epoch;
  partition.remove |= remove;
  if (remove) leader_and_isr_[to].erase(tp);
}

std::vector<Send> Outbox::take_first(const Picture& picture, const std::set<std::string>& deleting, BrokerId controller, ControllerEpoch epoch) {
  std::vector<Send> sends;
  for (BrokerId id : everything_to_) live_brokers_to_.erase(id);
  if (!live_brokers_to_.empty()) add_metadata(sends, picture, live_brokers_to_, live_brokers(picture, controller, epoch));
  if (!everything_to_.empty()) {
    ClusterUpdate update = live_brokers(picture, controller, epoch);
    for (const auto& [name, topic] : picture.topics()) {
      if (deleting.contains(name)) continue;
      for (const auto& [index, partition] : topic.partitions)
        if (partition.state) add(update.topics, name, topic.id, partition_view(picture, {name, index}, partition, false));
    }
    add_metadata(sends, picture, everything_to_, std::move(update));
  }
  live_brokers_to_.clear();
  everything_to_.clear();
  return sends;
}

std::vector<Send> Outbox::take_last(const Picture& picture, const std::set<std::string>& deleting, BrokerId controller, ControllerEpoch epoch) {
  std::vector<Send> sends;
  if (!forgotten_.empty()) {
    ClusterUpdate update = live_brokers(picture, controller, epoch);
    update.topics = std::move(forgotten_);
    add_metadata(sends, picture, all_brokers(picture), std::move(update));
  }

  for (const auto& [to, partitions] : leader_and_isr_) {
    const LiveBroker* broker = picture.broker(to);
    if (broker == nullptr) continue;
    LeaderAndIsrSend send = leader_and_isr_send(picture, *broker, partitions);
    if (!send.topics.empty()) sends.push_back(std::move(send));
  }

  ClusterUpdate update = live_brokers(picture, controller, epoch);
  for (const TopicPartition& tp : metadata_) {
    const PartitionPicture* partition = picture.partition(tp);
    if (partition == nullptr || !partition->state) continue;
    add(update.topics, tp.topic, picture.topic(tp.topic)->id, partition_view(picture, tp, *partition, deleting.contains(tp.topic)));
  }
  if (live_brokers_changed_ || !update.topics.empty()) add_metadata(sends, picture, all_brokers(picture), std::move(update));

  for (auto& [to, partitions] : stop_replica_) {
    const LiveBroker* broker = picture.broker(to);
    if (broker == nullptr) continue;
    StopReplicaSend send{to, broker->epoch, {}};
    for (auto& [tp, partition] : partitions) send.partitions.push_back(std::move(partition));
    sends.push_back(std::move(send));
  }

  leader_and_isr_.clear();
  metadata_.clear();
  live_brokers_changed_ = false;
  forgotten_.clear();
  stop_replica_.clear();
  return sends;
}

}  // namespace quokka
