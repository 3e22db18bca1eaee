#include "coord/controller/picture.h"

#include "protocol/base/check.h"

namespace quokka {

const LiveBroker* Picture::broker(BrokerId id) const {
  auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

const TopicPicture* Picture::topic(const std::string& name) const {
  auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const std::string* Picture::topic_name(const TopicId& id) const {
  auto found = names_.find(id);
  return found == names_.end() ? nullptr : &found->second;
}

const PartitionPicture* Picture::partition(const TopicPartition& tp) const {
  const TopicPicture* found = topic(tp.topic);
  if (found == nullptr) return nullptr;
  auto at = found->partitions.find(tp.partition);
  return at == found->partitions.end() ? nullptr : &at->second;
}

std::vector<TopicPartition> Picture::partitions_on(const std::set<BrokerId>& brokers) const {
  std::vector<TopicPartition> found;
  for (const auto& [name, topic] : topics_)
    for (const auto& [index, partition] : topic.partitions)
      for (BrokerId id : partition.assignment.replicas)
        if (brokers.contains(id)) {
          found.push_back({name, index});
          break;
        }
  return found;
}

bool Picture::is_dir_offline(BrokerId id, const TopicPartition& tp) const {
  auto found = offline_dirs_.find(id);
  return found != offline_dirs_.end() && found->second.contains(tp);
}

const std::set<TopicPartition>* Picture::offline_dirs(BrokerId id) const {
  auto found = offline_dirs_.find(id);
  return found == offline_dirs_.end() ? nullptr : &found->second;
}

Replicas Picture::filtered(const TopicPartition& tp, const PartitionPicture& partition, bool eligible_only) const {
  Replicas found;
  auto consider = [&](BrokerId id) {
    if (contains(found, id)) return;
    if (!(eligible_only ? is_online(id, tp) : is_present(id, tp))) return;
    found.push_back(id);
  };
  for (BrokerId id : partition.assignment.replicas) consider(id);
  if (partition.state) {
    for (BrokerId id : partition.state->isr) consider(id);
    consider(partition.state->leader);
  }
  return found;
}

void Picture::remove_broker(BrokerId id) {
  brokers_.erase(id);
  shutting_down_.erase(id);
  offline_dirs_.erase(id);
}

void Picture::mark_dir_offline(BrokerId id, const TopicPartition& tp, bool offline) {
  if (offline) {
    offline_dirs_[id].insert(tp);
    return;
  }
  auto found = offline_dirs_.find(id);
  if (found == offline_dirs_.end()) return;
  found->second.erase(tp);
  if (found->second.empty()) offline_dirs_.erase(found);
}

void Picture::put_topic(const TopicAssignment& topic) {
  remove_topic(topic.name);
  TopicPicture made;
  made.id = topic.id;
  for (const auto& [index, assignment] : topic.partitions) made.partitions[index].assignment = assignment;
  topics_.emplace(topic.name, std::move(made));
  if (!topic.id.is_zero()) names_.insert_or_assign(topic.id, topic.name);
}

void Picture::remove_topic(const std::string& name) {
  auto found = topics_.find(name);
  if (found == topics_.end()) return;
  auto named = names_.find(found->second.id);
  if (named != names_.end() && named->second == name) names_.erase(named);
  topics_.erase(found);
  for (auto& [id, partitions] : offline_dirs_) std::erase_if(partitions, [&](const TopicPartition& tp) { return tp.topic == name; });
}

void Picture::put_state(const TopicPartition& tp, std::optional<LeaderAndIsr> state) {
  auto topic = topics_.find(tp.topic);
  QUOKKA_CHECK(topic != topics_.end() && topic->second.partitions.contains(tp.partition), tp.str());
  topic->second.partitions[tp.partition].state = std::move(state);
}

void Picture::put_assignment(const TopicPartition& tp, Assignment assignment) {
  auto topic = topics_.find(tp.topic);
  QUOKKA_CHECK(topic != topics_.end(), tp.str());
  topic->second.partitions[tp.partition].assignment = std::move(assignment);
}

}  // namespace quokka
