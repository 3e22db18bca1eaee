#include "broker/group/consumer/target_assignment.h"

#include <algorithm>
#include <functional>
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

using MemberIndex = uint32_t;  // by member id, ascending

// Who of some members has least, of several the first. An entry that is lower than its member's load is put right when it comes to the top; of a member
// whose load falls there is to be another.
class LeastLoaded {
 public:
  void add(size_t load, MemberIndex member) {
    heap_.emplace_back(load, member);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  MemberIndex least(const std::vector<size_t>& loads) {
    while (true) {
      const auto [load, member] = heap_.front();
      if (load == loads[member]) return member;
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
      if (load < loads[member]) add(loads[member], member);
    }
  }

 private:
  std::vector<std::pair<size_t, MemberIndex>> heap_;
};

// Uniform assignment, first everybody's old partitions as far as they are still wanted and are nobody else's.
class Uniform {
 public:
  Uniform(const AssigningMembers& members, const SubscribedTopics& topics) {
    for (const auto& [id, member] : members) {
      const auto index = static_cast<MemberIndex>(of_member_.size());
      of_member_.push_back(&targets_[id]);
      for (const std::string& name : member.topics) {
        if (const auto found = topics.find(name); found != topics.end()) subscribers_[found->second.id].push_back(index);
      }
    }
    std::map<Partition, bool> is_taken;
    for (const auto& [name, facts] : topics) {
      if (subscribers_.count(facts.id) == 0) continue;
      for (int32_t index = 0; index < facts.partitions; ++index) is_taken[{facts.id, PartitionIndex(index)}] = false;
    }
    MemberIndex owner = 0;
    for (const auto& [id, member] : members) {
      for (const auto& [topic, indexes] : member.target) {
        const auto subscribers = subscribers_.find(topic);
        if (subscribers == subscribers_.end() || !std::binary_search(subscribers->second.begin(), subscribers->second.end(), owner)) continue;
        for (const PartitionIndex index : indexes) {
          const auto found = is_taken.find({topic, index});
          if (found != is_taken.end() && !std::exchange(found->second, true)) (*of_member_[owner])[topic].insert(index);
        }
      }
      ++owner;
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
    for (const AssignedPartitions* target : of_member_) loads_.push_back(count(*target));
    find_who_competes();
    std::stable_sort(free_.begin(), free_.end(),
                     [&](const Partition& a, const Partition& b) { return subscribers_.at(a.first).size() < subscribers_.at(b.first).size(); });
    for (const Partition& each : free_) {
      const MemberIndex to = least_of(each.first);
      (*of_member_[to])[each.first].insert(each.second);
      ++loads_[to];
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (MemberIndex from = 0; from < of_member_.size(); ++from) {
        std::vector<TopicId> topics;
        for (const auto& [topic, indexes] : *of_member_[from]) topics.push_back(topic);
        for (const TopicId& topic : topics) {
          while (const auto partition = first_of(from, topic)) {
            const MemberIndex to = least_of(topic);
            if (loads_[to] + 2 > loads_[from]) break;
            move({topic, *partition}, from, to);
            moved = true;
          }
        }
      }
    }
    return std::move(targets_);
  }

 private:
  // Topics with the same subscribers share what is known of them.
  void find_who_competes() {
    std::map<std::vector<MemberIndex>, size_t> places;
    competing_.resize(of_member_.size());
    for (const auto& [topic, subscribers] : subscribers_) {
      const auto [at, is_new] = places.try_emplace(subscribers, least_.size());
      place_of_[topic] = at->second;
      if (!is_new) continue;
      LeastLoaded& made = least_.emplace_back();
      for (const MemberIndex member : subscribers) {
        made.add(loads_[member], member);
        competing_[member].push_back(at->second);
      }
    }
  }

  MemberIndex least_of(const TopicId& topic) { return least_[place_of_.at(topic)].least(loads_); }

  std::optional<PartitionIndex> first_of(MemberIndex member, const TopicId& topic) const {
    const auto found = of_member_[member]->find(topic);
    return found == of_member_[member]->end() ? std::nullopt : std::optional(*found->second.begin());
  }

  void move(const Partition& partition, MemberIndex from, MemberIndex to) {
    remove(*of_member_[from], partition);
    (*of_member_[to])[partition.first].insert(partition.second);
    ++loads_[to];
    --loads_[from];
    for (const size_t place : competing_[from]) least_[place].add(loads_[from], from);
  }

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

  std::map<TopicId, std::vector<MemberIndex>> subscribers_;  // ascending
  std::vector<Partition> free_;
  size_t partitions_ = 0;
  Targets targets_;
  std::vector<AssignedPartitions*> of_member_;  // in targets_
  // by_subscription
  std::vector<size_t> loads_;                  // of members
  std::vector<LeastLoaded> least_;             // of each set of subscribers
  std::map<TopicId, size_t> place_of_;         // in least_
  std::vector<std::vector<size_t>> competing_;  // of each member, the places in least_ where it is
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
  std::map<TopicId, std::vector<AssignedPartitions*>> subscribers;
  for (const auto& [id, member] : order) {
    AssignedPartitions& target = targets[id];
    for (const std::string& name : member->topics) {
      if (const auto found = topics.find(name); found != topics.end()) subscribers[found->second.id].push_back(&target);
    }
  }
  for (const auto& [name, facts] : topics) {
    const std::vector<AssignedPartitions*>& of = subscribers[facts.id];
    const auto count = static_cast<int32_t>(of.size());
    int32_t next = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int32_t end = next + facts.partitions / count + (i < facts.partitions % count ? 1 : 0);
      for (; next < end; ++next) (*of[static_cast<size_t>(i)])[facts.id].insert(PartitionIndex(next));
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
