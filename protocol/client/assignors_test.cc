#include "protocol/client/assignors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace quokka {
namespace {

std::string text_of(const Assignments& assignments) {
  std::string text;
  for (const auto& [member, partitions] : assignments) {
    text += member + ":";
    for (const TopicPartition& partition : partitions) text += " " + partition.str();
    text += "\n";
  }
  return text;
}

TEST(Assignors, ranges_are_neighbours_and_the_first_members_take_what_is_left_over) {
  const std::vector<SubscribedMember> members{{"b", {}, {"t", "u"}, {}}, {"a", {}, {"t"}, {}}, {"c", {}, {"t"}, {}}};
  EXPECT_EQ(text_of(assign_ranges(members, {{"t", 5}, {"u", 2}, {"nobody", 3}})),
            "a: t-0 t-1\n"
            "b: t-2 t-3 u-0 u-1\n"
            "c: t-4\n");
}

TEST(Assignors, ranges_follow_instances_before_ids) {
  const std::vector<SubscribedMember> members{{"a", {}, {"t"}, {}}, {"x", "2", {"t"}, {}}, {"y", "1", {"t"}, {}}};
  EXPECT_EQ(text_of(assign_ranges(members, {{"t", 3}})), "a: t-2\nx: t-1\ny: t-0\n");
}

TEST(Assignors, what_moves_is_given_to_nobody_before_its_owner_lets_go) {
  const TopicPartition t0{"t", PartitionIndex(0)}, t1{"t", PartitionIndex(1)}, t2{"t", PartitionIndex(2)}, t3{"t", PartitionIndex(3)};
  std::vector<SubscribedMember> members{{"a", {}, {"t"}, {t0, t1, t2, t3}, 1}, {"b", {}, {"t"}, {}, -1}};
  const Assignments first = assign_cooperatively(members, {{"t", 4}});
  EXPECT_EQ(text_of(first), "a: t-2 t-3\nb:\n");
  members[0].owned = first.at("a");
  members[0].owned_generation = 2;
  const Assignments second = assign_cooperatively(members, {{"t", 4}});
  EXPECT_EQ(text_of(second), "a: t-2 t-3\nb: t-0 t-1\n");
  members[1].owned = second.at("b");
  members[1].owned_generation = 3;
  members[0].owned_generation = 3;
  EXPECT_EQ(text_of(assign_cooperatively(members, {{"t", 4}})), text_of(second)) << "and there it stays";
}

TEST(Assignors, of_two_claims_the_later_generation_counts) {
  const TopicPartition t0{"t", PartitionIndex(0)};
  EXPECT_EQ(text_of(assign_cooperatively({{"a", {}, {"t"}, {t0}, 1}, {"b", {}, {"t"}, {t0}, 2}}, {{"t", 1}})), "a:\nb: t-0\n");
  EXPECT_EQ(text_of(assign_cooperatively({{"a", {}, {"t"}, {t0}, 2}, {"b", {}, {"t"}, {t0}, 2}}, {{"t", 1}})), "a: t-0\nb:\n");
  EXPECT_EQ(text_of(assign_cooperatively({{"a", {}, {"t"}, {{"t", PartitionIndex(7)}, {"gone", PartitionIndex(0)}}, 2}}, {{"t", 1}})), "a: t-0\n");
}

// Members come and go and obey: every partition has at most one owner at any time, and with nobody coming or going all have one, and fairly.
TEST(Assignors, cooperative_rounds_end_with_everything_assigned_once) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const PartitionCounts partitions{{"t", static_cast<int32_t>(random() % 8)}, {"u", static_cast<int32_t>(random() % 8)}};
    std::map<std::string, SubscribedMember> members;
    int next_id = 0;
    int32_t generation = 0;
    const auto round = [&] {
      std::vector<SubscribedMember> joined;
      for (const auto& [id, member] : members) joined.push_back(member);
      const Assignments assigned = assign_cooperatively(joined, partitions);
      ++generation;
      bool moved = false;
      std::set<TopicPartition> seen;
      for (auto& [id, member] : members) {
        for (const TopicPartition& partition : assigned.at(id)) {
          EXPECT_TRUE(seen.insert(partition).second) << seed;
          EXPECT_TRUE(member.topics.contains(partition.topic)) << seed;
          for (const auto& [other_id, other] : members) EXPECT_TRUE(other_id == id || !other.owned.contains(partition)) << seed << ": taken before it was let go";
        }
        moved = moved || member.owned != assigned.at(id);
      }
      for (auto& [id, member] : members) {
        member.owned = assigned.at(id);
        member.owned_generation = generation;
      }
      return moved;
    };
    for (int step = 0; step < 20; ++step) {
      if (members.empty() || random() % 3 != 0) {
        const std::string id = "m" + std::to_string(next_id++);
        members[id] = {id, {}, random() % 4 == 0 ? std::set<std::string>{"t"} : std::set<std::string>{"t", "u"}, {}, -1};
      } else {
        members.erase(std::next(members.begin(), static_cast<long>(random() % members.size())));
      }
      if (!members.empty()) round();
    }
    if (members.empty()) continue;
    for (int i = 0; i < 5 && round(); ++i) {
    }
    EXPECT_FALSE(round()) << seed << ": it does not come to rest";
    std::set<TopicPartition> all;
    for (const auto& [id, member] : members) all.insert(member.owned.begin(), member.owned.end());
    const bool has_reader_of_u = std::ranges::any_of(members, [](const auto& each) { return each.second.topics.contains("u"); });
    EXPECT_EQ(all.size(), static_cast<size_t>(partitions.at("t") + (has_reader_of_u ? partitions.at("u") : 0))) << seed;
  }
}

}  // namespace
}  // namespace quokka
