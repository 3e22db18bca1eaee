#include "broker/group/consumer/target_assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace quokka {
namespace {

const SubscribedTopics kTopics = {{"t", {TopicId{0, 1}, 5}}, {"u", {TopicId{0, 2}, 5}}};

AssigningMembers members(std::initializer_list<std::pair<const char*, std::set<std::string>>> all) {
  AssigningMembers made;
  for (const auto& [id, topics] : all) made[id] = {std::nullopt, topics, {}};
  return made;
}

std::string text(const AssignedPartitions& partitions) {
  std::string all;
  for (const auto& [topic, indexes] : partitions) {
    for (const PartitionIndex index : indexes) all += (topic.low == 1 ? "t" : "u") + std::to_string(index.value) + " ";
  }
  return all;
}

size_t count(const AssignedPartitions& partitions) {
  size_t all = 0;
  for (const auto& [topic, indexes] : partitions) all += indexes.size();
  return all;
}

TEST(RangeAssignor, PartsEveryTopicAlikeInTheOrderOfMembers) {
  Targets targets = assign_range(members({{"a", {"t", "u"}}, {"b", {"t", "u"}}}), kTopics);
  EXPECT_EQ(text(targets["a"]), "t0 t1 t2 u0 u1 u2 ");
  EXPECT_EQ(text(targets["b"]), "t3 t4 u3 u4 ");
  targets = assign_range(members({{"a", {"t"}}, {"b", {"t", "u"}}, {"c", {"u", "gone"}}}), kTopics);
  EXPECT_EQ(text(targets["a"]), "t0 t1 t2 ");
  EXPECT_EQ(text(targets["b"]), "t3 t4 u0 u1 u2 ");
  EXPECT_EQ(text(targets["c"]), "u3 u4 ");
}

TEST(RangeAssignor, StaticMembersComeFirstByTheirInstanceIds) {
  AssigningMembers three = members({{"a", {"t"}}, {"b", {"t"}}, {"c", {"t"}}});
  three["c"].instance_id = "1";
  three["b"].instance_id = "2";
  Targets targets = assign_range(three, kTopics);
  EXPECT_EQ(text(targets["c"]), "t0 t1 ");
  EXPECT_EQ(text(targets["b"]), "t2 t3 ");
  EXPECT_EQ(text(targets["a"]), "t4 ");
}

TEST(UniformAssignor, MovesOnlyWhatBalanceAsksFor) {
  AssigningMembers two = members({{"a", {"t"}}, {"b", {"t"}}});
  two["a"].target = {{TopicId{0, 1}, {PartitionIndex(1), PartitionIndex(3), PartitionIndex(4)}}};
  two["b"].target = {{TopicId{0, 1}, {PartitionIndex(0), PartitionIndex(2)}}};
  Targets targets = assign_uniform(two, kTopics);
  EXPECT_EQ(text(targets["a"]), "t1 t3 t4 ") << "nothing is to be done";
  two["c"] = {std::nullopt, {"t"}, {}};
  targets = assign_uniform(two, kTopics);
  EXPECT_EQ(text(targets["a"]), "t1 t3 ");
  EXPECT_EQ(text(targets["b"]), "t0 t2 ");
  EXPECT_EQ(text(targets["c"]), "t4 ");
}

TEST(UniformAssignor, WithDifferentSubscriptionsTheLoadIsLevelledAsFarAsTheyAllow) {
  Targets targets = assign_uniform(members({{"a", {"t", "u"}}, {"b", {"u"}}, {"c", {"u"}}}), kTopics);
  EXPECT_EQ(text(targets["a"]), "t0 t1 t2 t3 t4 ") << "it alone reads t";
  EXPECT_EQ(count(targets["b"]) + count(targets["c"]), 5u);
  EXPECT_LE(count(targets["b"]), 3u);
  EXPECT_LE(count(targets["c"]), 3u);
}

// Everything that somebody reads has one owner, who reads it; and an assignment that stands is not moved.
TEST(Assignors, RandomGroupsAreAssignedWholeAndOnce) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    SubscribedTopics topics;
    for (uint64_t i = 0; i < 1 + random() % 4; ++i) topics["t" + std::to_string(i)] = {TopicId{1, i}, static_cast<int32_t>(random() % 9)};
    AssigningMembers group;
    const bool all_same = random() % 2 == 0;
    for (size_t i = 0; i < 1 + random() % 6; ++i) {
      AssigningMember& member = group["m" + std::to_string(i)];
      for (const auto& [name, facts] : topics) {
        if (all_same || random() % 2 == 0) member.topics.insert(name);
      }
      for (size_t n = 0; n < random() % 6; ++n) member.target[TopicId{1, random() % 4}].insert(PartitionIndex(static_cast<int32_t>(random() % 9)));
    }
    for (const char* name : {"uniform", "range"}) {
      const Targets targets = find_assignor(name)(group, topics);
      ASSERT_EQ(targets.size(), group.size());
      std::set<std::pair<TopicId, PartitionIndex>> assigned;
      size_t least = SIZE_MAX, most = 0;
      for (const auto& [id, target] : targets) {
        least = std::min(least, count(target));
        most = std::max(most, count(target));
        for (const auto& [topic, indexes] : target) {
          ASSERT_FALSE(indexes.empty());
          EXPECT_EQ(group[id].topics.count("t" + std::to_string(topic.low)), 1u);
          for (const PartitionIndex index : indexes) EXPECT_TRUE(assigned.emplace(topic, index).second);
        }
      }
      size_t wanted = 0;
      for (const auto& [topic, facts] : topics) {
        const bool is_read = std::any_of(group.begin(), group.end(), [&, &name = topic](const auto& each) { return each.second.topics.count(name) != 0; });
        if (is_read) wanted += static_cast<size_t>(facts.partitions);
      }
      EXPECT_EQ(assigned.size(), wanted);
      if (all_same && name == std::string("uniform")) {
        EXPECT_LE(most, least + 1);
      }
      // Nobody who may read a partition has two less than its owner.
      for (const auto& [owner, target] : targets) {
        for (const auto& [id, member] : group) {
          const bool may_have_one = std::any_of(target.begin(), target.end(), [&, &member = member](const auto& each) {
            return member.topics.count("t" + std::to_string(each.first.low)) != 0;
          });
          if (may_have_one && name == std::string("uniform")) { EXPECT_LE(count(target), count(targets.at(id)) + 1) << owner << " and " << id; }
        }
      }
      AssigningMembers again = group;
      for (auto& [id, member] : again) member.target = targets.at(id);
      EXPECT_EQ(find_assignor(name)(again, topics), targets) << name;
    }
  }
}

}  // namespace
}  // namespace quokka
