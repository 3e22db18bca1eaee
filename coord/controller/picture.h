// What the controller knows: live brokers, topics with their assignments, the state of every partition as it stands in ZooKeeper. It answers
// questions and decides nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/controller/election.h"

namespace quokka {

struct PartitionPicture {
  Assignment assignment;
  std::optional<LeaderAndIsr> state;  // nullopt: never had a leader, there is no state znode
};

struct TopicPicture {
  TopicId id;
  std::map<PartitionIndex, PartitionPicture> partitions;
};

class Picture {
 public:
  // Live or shutting down.
  const std::map<BrokerId, LiveBroker>& brokers() const { return brokers_; }
  const LiveBroker* broker(BrokerId id) const;
  bool is_shutting_down(BrokerId id) const { return shutting_down_.contains(id); }
  // Live and not shutting down.
  bool is_eligible(BrokerId id) const { return brokers_.contains(id) && !shutting_down_.contains(id); }

  const std::map<std::string, TopicPicture>& topics() const { return topics_; }
  const TopicPicture* topic(const std::string& name) const;
  // nullptr when no topic has the id.
  const std::string* topic_name(const TopicId& id) const;
  const PartitionPicture* partition(const TopicPartition& tp) const;
  std::vector<TopicPartition> partitions_on(const std::set<BrokerId>& brokers) const;

  // Of those who are assigned, in sync or leading: whose broker is registered and whose log directory works.
  Replicas present(const TopicPartition& tp, const PartitionPicture& partition) const { return filtered(tp, partition, false); }
  // The same without those shutting down: who may lead.
  Replicas online(const TopicPartition& tp, const PartitionPicture& partition) const { return filtered(tp, partition, true); }
  bool is_present(BrokerId id, const TopicPartition& tp) const { return brokers_.contains(id) && !is_dir_offline(id, tp); }
  bool is_online(BrokerId id, const TopicPartition& tp) const { return is_eligible(id) && !is_dir_offline(id, tp); }
  const std::set<TopicPartition>* offline_dirs(BrokerId id) const;

  void put_broker(LiveBroker broker) { brokers_.insert_or_assign(broker.view.id, std::move(broker)); }
  // Forgets all about it, also that it was shutting down.
  void remove_broker(BrokerId id);
  void mark_shutting_down(BrokerId id) { shutting_down_.insert(id); }
  void mark_dir_offline(BrokerId id, const TopicPartition& tp, bool offline);

  void put_topic(const TopicAssignment& topic);
  void remove_topic(const std::string& name);
  // The partition must be known.
  void put_state(const TopicPartition& tp, std::optional<LeaderAndIsr> state);
  void put_assignment(const TopicPartition& tp, Assignment assignment);

 private:
  Replicas filtered(const TopicPartition& tp, const PartitionPicture& partition, bool eligible_only) const;
  bool is_dir_offline(BrokerId id, const TopicPartition& tp) const;

  std::map<BrokerId, LiveBroker> brokers_;
  std::set<BrokerId> shutting_down_;
  std::map<BrokerId, std::set<TopicPartition>> offline_dirs_;  // replicas whose broker is live but whose log directory failed
  std::map<std::string, TopicPicture> topics_;
  std::map<TopicId, std::string> names_;
};

}  // namespace quokka
