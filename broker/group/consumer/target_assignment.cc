#include "broker/group/consumer/target_assignment.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace quokka {

namespace {

using Partition = std::pair<TopicId, PartitionIndex>;

size_t count(const AssignedPartitions& partitions) {
  size_t all = 0;
  for (const auto& [topic, indexes] : partitions) all += indexes.size();
  return all;
}

void remove(AssignedPartitions& from, const Partition& partition) {
  const auto found = from.find(partition.first);
  if (found == from.end()) return;
  found->second.erase(partition.second);
  if (found->second.empty()) from.erase(found);
}

// Uniform assignment, first everybody's old partitions as far as they are still wanted and are nobody else's.
class Uniform {
 public:
  Uniform(const AssigningMembers& members, const SubscribedTopics& topics) : members_(members) {
    for (const auto& [id, member] : members) {
      targets_[id];
      for (const std::string& name : member.topics) {
        if (const auto found = topics.find(name); found != topics.end()) subscribers_[found->second.id].push_back(id);
      }
    }
    std::map<Partition, bool> is_taken;
    for (const auto& [name, facts] : topics) {
      if (subscribers_.count(facts.id) == 0) continue;
      for (int32_t index = 0; index < facts.partitions; ++index) is_taken[{facts.id, PartitionIndex(index)}] = false;
    }
    for (const auto& [id, member] : members) {
      for (const auto& [topic, indexes] : member.target) {
        const auto subscribers = subscribers_.find(topic);
        if (subscribers == subscribers_.end() || !std::binary_search(subscribers->second.begin(), subscribers->second.end(), id)) continue;
        for (const PartitionIndex index : indexes) {
          const auto found = is_taken.find({topic, index});
          if (found != is_taken.end() && !std::exchange(found->second, true)) targets_[id][topic].insert(index);
        }
      }
    }
    for (const auto& [partition, taken] : is_taken) {
      if (!taken) free_.push_back(partition);
    }
    partitions_ = is_taken.size();
  }

  Targets same_for_all() {
    // The larger share goes to those who have that much already.
    std::vector<std::string> order;
    for (const auto& [id, target] : targets_) order.push_back(id);
    const size_t share = partitions_ / order.size();
    std::stable_partition(order.begin(), order.end(), [&](const std::string& id) { return count(targets_[id]) > share; });
    size_t larger = partitions_ % order.size();
    std::map<std::string, size_t> quota;
    for (const std::string& id : order) {
      quota[id] = share + (larger > 0 ? 1 : 0);
      if (larger > 0) --larger;
      trim(targets_[id], quota[id]);
    }
    size_t next = 0;
    for (const std::string& id : order) {
      AssignedPartitions& target = targets_[id];
      for (size_t has = count(target); has < quota[id] && next < free_.size(); ++has, ++next) target[free_[next].first].insert(free_[next].second);
    }
    return std::move(targets_);
  }

  // Free partitions to whoever of their subscribers has least, those with few subscribers first; then partitions move from who has more to who has at
  // least two less, until none can. Each move lessens the sum of the squares, so it ends.
  Targets by_subscription() {
    std::map<std::string, size_t> load;
    for (const auto& [id, target] : targets_) load[id] = count(target);
    const auto least = [&](const TopicId& topic) {
      const std::vector<std::string>& of = subscribers_.at(topic);
      return *std::min_element(of.begin(), of.end(), [&](const auto& a, const auto& b) { return load[a] < load[b]; });
    };
    std::stable_sort(free_.begin(), free_.end(),
                     [&](const Partition& a, const Partition& b) { return subscribers_.at(a.first).size() < subscribers_.at(b.first).size(); });
    for (const Partition& each : free_) {
      const std::string to = least(each.first);
      targets_[to][each.first].insert(each.second);
      ++load[to];
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [from, member] : members_) {
        const AssignedPartitions has = targets_[from];
        for (const auto& [topic, indexes] : has) {
          for (const PartitionIndex index : indexes) {
            const std::string to = least(topic);
            if (load[to] + 2 > load[from]) break;
            remove(targets_[from], {topic, index});
            targets_[to][topic].insert(index);
            --load[from];
            ++load[to];
            moved = true;
          }
        }
      }
    }
    return std::move(targets_);
  }

 private:
  void trim(AssignedPartitions& target, size_t quota) {
    std::vector<Partition> surplus;
    size_t kept = 0;
    for (const auto& [topic, indexes] : target) {
      for (const PartitionIndex index : indexes) {
        if (++kept > quota) surplus.emplace_back(topic, index);
      }
    }
    for (const Partition& each : surplus) {
      remove(target, each);
      free_.push_back(each);
    }
  }

  const AssigningMembers& members_;
  std::map<TopicId, std::vector<std::string>> subscribers_;  // ascending
  std::vector<Partition> free_;
  size_t partitions_ = 0;
  Targets targets_;
};

}  // namespace

Targets assign_uniform(const AssigningMembers& members, const SubscribedTopics& topics) {
  if (members.empty()) return {};
  const std::set<std::string>& first = members.begin()->second.topics;
  const bool all_same = std::all_of(members.begin(), members.end(), [&](const auto& each) { return each.second.topics == first; });
  Uniform uniform(members, topics);
  return all_same ? uniform.same_for_all() : uniform.by_subscription();
}

Targets assign_range(const AssigningMembers& members, const SubscribedTopics& topics) {
  // Static members first, by their instance ids, which outlast their member ids.
  std::vector<std::pair<std::string, const AssigningMember*>> order;
  for (const auto& [id, member] : members) order.emplace_back(id, &member);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    const auto& left = a.second->instance_id;
    const auto& right = b.second->instance_id;
    if (left && right) return *left < *right;
    return left.has_value() && !right.has_value();
  });
  Targets targets;
  for (const auto& [id, member] : members) targets[id];
  for (const auto& [name, facts] : topics) {
    std::vector<std::string> subscribers;
    for (const auto& [id, member] : order) {
      if (member->topics.count(name) != 0) subscribers.push_back(id);
    }
    if (subscribers.empty()) continue;
    const auto count = static_cast<int32_t>(subscribers.size());
    int32_t next = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int32_t end = next + facts.partitions / count + (i < facts.partitions % count ? 1 : 0);
      for (; next < end; ++next) targets[subscribers[static_cast<size_t>(i)]][facts.id].insert(PartitionIndex(next));
    }
  }
  return targets;
}

Assignor find_assignor(std::string_view name) {
  if (name == "uniform") return &assign_uniform;
  if (name == "range") return &assign_range;
  return nullptr;
}

}  // namespace quokka
