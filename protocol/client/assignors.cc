#include "protocol/client/assignors.h"

#include <algorithm>

namespace quokka {
namespace {

// Static members first: their ids stay, so that what they are assigned does, too.
bool comes_before(const SubscribedMember* a, const SubscribedMember* b) {
  if (a->instance_id && b->instance_id) return *a->instance_id < *b->instance_id;
  if (a->instance_id.has_value() != b->instance_id.has_value()) return a->instance_id.has_value();
  return a->id < b->id;
}

Assignments nothing_for(const std::vector<SubscribedMember>& members) {
  Assignments assignments;
  for (const SubscribedMember& member : members) assignments[member.id];
  return assignments;
}

// Who has what, of what can be kept. What two members of one generation claim is nobody's: neither is known to be right.
std::map<TopicPartition, const SubscribedMember*> owners_of(const std::vector<SubscribedMember>& members, const PartitionCounts& partitions) {
  std::map<TopicPartition, std::pair<int32_t, const SubscribedMember*>> claims;
  for (const SubscribedMember& member : members) {
    for (const TopicPartition& partition : member.owned) {
      const auto count = partitions.find(partition.topic);
      if (count == partitions.end() || partition.partition.value >= count->second || !member.topics.contains(partition.topic)) continue;
      const auto [claim, is_first] = claims.try_emplace(partition, member.owned_generation, &member);
      if (is_first || claim->second.first > member.owned_generation) continue;
      claim->second = {member.owned_generation, claim->second.first == member.owned_generation ? nullptr : &member};
    }
  }
  std::map<TopicPartition, const SubscribedMember*> owners;
  for (const auto& [partition, claim] : claims) {
    if (claim.second != nullptr) owners[partition] = claim.second;
  }
  return owners;
}

// Moves single partitions from members with more to members with fewer, until no move makes the two more equal.
void balance(const std::vector<SubscribedMember>& members, Assignments& assignments) {
  const auto move_one = [&] {
    for (const SubscribedMember& to : members) {
      auto& taken = assignments.at(to.id);
      for (auto& [from, given] : assignments) {
        if (given.size() < taken.size() + 2) continue;
        const auto movable = std::ranges::find_if(given, [&](const TopicPartition& partition) { return to.topics.contains(partition.topic); });
        if (movable == given.end()) continue;
        taken.insert(given.extract(movable));
        return true;
      }
    }
    return false;
  };
  // Each move makes the sum of squares smaller, so this ends.
  while (move_one()) {
  }
}

}  // namespace

Assignments assign_ranges(const std::vector<SubscribedMember>& members, const PartitionCounts& partitions) {
  Assignments assignments = nothing_for(members);
  for (const auto& [topic, count] : partitions) {
    std::vector<const SubscribedMember*> readers;
    for (const SubscribedMember& member : members) {
      if (member.topics.contains(topic)) readers.push_back(&member);
    }
    std::ranges::sort(readers, comes_before);
    int32_t next = 0, left = static_cast<int32_t>(readers.size());
    for (const SubscribedMember* reader : readers) {
      const int32_t share = (count - next + left - 1) / left;
      --left;
      for (int32_t i = 0; i < share; ++i) assignments[reader->id].insert({topic, PartitionIndex(next++)});
    }
  }
  return assignments;
}

Assignments assign_cooperatively(const std::vector<SubscribedMember>& members, const PartitionCounts& partitions) {
  Assignments assignments = nothing_for(members);
  const auto owners = owners_of(members, partitions);
  for (const auto& [partition, owner] : owners) assignments[owner->id].insert(partition);
  for (const auto& [topic, count] : partitions) {
    for (int32_t i = 0; i < count; ++i) {
      const TopicPartition partition{topic, PartitionIndex(i)};
      if (owners.contains(partition)) continue;
      std::set<TopicPartition>* fewest = nullptr;
      for (const SubscribedMember& member : members) {
        auto& taken = assignments[member.id];
        if (member.topics.contains(topic) && (fewest == nullptr || taken.size() < fewest->size())) fewest = &taken;
      }
      if (fewest != nullptr) fewest->insert(partition);
    }
  }
  balance(members, assignments);
  for (auto& [member, assigned] : assignments) {
    std::erase_if(assigned, [&, &id = member](const TopicPartition& partition) {
      const auto owner = owners.find(partition);
      return owner != owners.end() && owner->second->id != id;
    });
  }
  return assignments;
}

}  // namespace quokka
