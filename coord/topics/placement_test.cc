#include "coord/topics/placement.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace quokka {
namespace {

std::vector<BrokerRack> brokers_without_racks(int32_t count) {
  std::vector<BrokerRack> brokers;
  for (int32_t i = 0; i < count; ++i) brokers.push_back({BrokerId(i), std::nullopt});
  return brokers;
}

std::vector<BrokerRack> with_racks(const std::vector<std::string>& racks) {
  std::vector<BrokerRack> brokers;
  for (size_t i = 0; i < racks.size(); ++i) brokers.push_back({BrokerId(static_cast<int32_t>(i)), racks[i]});
  return brokers;
}

std::vector<int32_t> replicas(const znodes::ReplicaLists& lists, int32_t partition) {
  std::vector<int32_t> ids;
  for (BrokerId each : lists.at(PartitionIndex(partition))) ids.push_back(each.value);
  return ids;
}

using Ids = std::vector<int32_t>;

TEST(Placement, GoesRoundAndShiftsFollowers) {
  auto lists = place_replicas(brokers_without_racks(5), 10, 3, {0, 0}).value();
  const std::vector<Ids> expected = {{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 0}, {4, 0, 1}, {0, 2, 3}, {1, 3, 4}, {2, 4, 0}, {3, 0, 1}, {4, 1, 2}};
  for (int32_t i = 0; i < 10; ++i) EXPECT_EQ(replicas(lists, i), expected[static_cast<size_t>(i)]) << i;
}

TEST(Placement, StartsWhereItIsTold) {
  auto lists = place_replicas(brokers_without_racks(5), 2, 3, {3, 2}).value();
  EXPECT_EQ(replicas(lists, 0), (Ids{3, 1, 2}));
  EXPECT_EQ(replicas(lists, 1), (Ids{4, 2, 3}));
}

TEST(Placement, OneBrokerOneReplica) {
  auto lists = place_replicas(brokers_without_racks(1), 3, 1, {0, 0}).value();
  EXPECT_EQ(replicas(lists, 2), (Ids{0}));
}

TEST(Placement, RacksAlternate) {
  auto brokers = with_racks({"rack1", "rack3", "rack3", "rack2", "rack2", "rack1"});
  std::vector<int32_t> order;
  for (BrokerId each : alternate_racks(brokers)) order.push_back(each.value);
  EXPECT_EQ(order, (Ids{0, 3, 1, 5, 4, 2}));
  auto lists = place_replicas(brokers, 7, 3, {0, 0}).value();
  const std::vector<Ids> expected = {{0, 3, 1}, {3, 1, 5}, {1, 5, 4}, {5, 4, 2}, {4, 2, 0}, {2, 0, 3}, {0, 4, 2}};
  for (int32_t i = 0; i < 7; ++i) EXPECT_EQ(replicas(lists, i), expected[static_cast<size_t>(i)]) << i;
}

TEST(Placement, UnevenRacksStillGetOneReplicaEach) {
  auto brokers = with_racks({"a", "a", "a", "a", "b", "c"});
  auto lists = place_replicas(brokers, 24, 3, {2, 5}).value();
  for (const auto& [partition, list] : lists) {
    std::set<std::string> racks;
    for (BrokerId each : list) racks.insert(*brokers[static_cast<size_t>(each.value)].rack);
    EXPECT_EQ(racks.size(), 3u) << partition;
  }
}

TEST(Placement, MoreReplicasThanRacksUseEveryBrokerOnce) {
  auto brokers = with_racks({"a", "a", "b", "b"});
  auto lists = place_replicas(brokers, 12, 4, {1, 3}).value();
  for (const auto& [partition, list] : lists) EXPECT_EQ(std::set<BrokerId>(list.begin(), list.end()).size(), 4u) << partition;
}

TEST(Placement, LeadersAndReplicasAreEven) {
  for (int32_t brokers : {3, 4, 7}) {
    auto lists = place_replicas(brokers_without_racks(brokers), brokers * 10, 3, {1, 2}).value();
    std::map<BrokerId, int> leaders;
    std::map<BrokerId, int> all;
    for (const auto& [partition, list] : lists) {
      ++leaders[list[0]];
      for (BrokerId each : list) ++all[each];
    }
    for (const auto& [id, count] : leaders) EXPECT_EQ(count, 10);
    for (const auto& [id, count] : all) EXPECT_EQ(count, 30);
  }
}

TEST(Placement, AddedPartitionsGoOn) {
  auto brokers = brokers_without_racks(5);
  auto all = place_replicas(brokers, 10, 3, {2, 2}).value();
  PlacementStart start = start_of_added_partitions(brokers, all.at(PartitionIndex(0)));
  EXPECT_EQ(start.index, 2u);
  auto added = place_replicas(brokers, 2, 3, start, PartitionIndex(3)).value();
  EXPECT_EQ(replicas(added, 3), replicas(all, 3));
  EXPECT_EQ(replicas(added, 4), replicas(all, 4));
  EXPECT_EQ(start_of_added_partitions(brokers, {BrokerId(99)}).index, 0u) << "its broker is gone";
}

TEST(Placement, Refusals) {
  EXPECT_EQ(place_replicas(brokers_without_racks(3), 0, 1, {}).code(), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(place_replicas(brokers_without_racks(3), 1, 0, {}).code(), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(place_replicas(brokers_without_racks(3), 1, 4, {}).error().message, "Replication factor: 4 larger than available brokers: 3.");
  EXPECT_EQ(place_replicas({}, 1, 1, {}).code(), ErrorCode::INVALID_REPLICATION_FACTOR);
  auto mixed = with_racks({"a", "b"});
  mixed[1].rack.reset();
  EXPECT_EQ(place_replicas(mixed, 1, 1, {}).code(), ErrorCode::UNKNOWN_SERVER_ERROR);
}

znodes::ReplicaLists lists_of(const std::map<int32_t, Ids>& from) {
  znodes::ReplicaLists lists;
  for (const auto& [partition, ids] : from) {
    auto& list = lists[PartitionIndex(partition)];
    for (int32_t id : ids) list.emplace_back(id);
  }
  return lists;
}

TEST(Assignment, OfANewTopic) {
  EXPECT_TRUE(validate_new_assignment(lists_of({{0, {1, 2}}, {1, {2, 1}}})).ok());
  EXPECT_FALSE(validate_new_assignment({}).ok());
  EXPECT_FALSE(validate_new_assignment(lists_of({{1, {1}}})).ok());
  EXPECT_FALSE(validate_new_assignment(lists_of({{-1, {1}}, {0, {1}}})).ok());
  EXPECT_FALSE(validate_new_assignment(lists_of({{0, {1}}, {1, {1, 2}}})).ok());
  EXPECT_FALSE(validate_new_assignment(lists_of({{0, {1, 1}}})).ok());
  EXPECT_EQ(validate_new_assignment(lists_of({{0, {}}})).code(), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
}

TEST(Assignment, OfAddedPartitions) {
  auto brokers = brokers_without_racks(3);
  EXPECT_TRUE(validate_added_assignment(lists_of({{2, {0, 1}}}), 2, 2, brokers).ok());
  EXPECT_FALSE(validate_added_assignment(lists_of({{3, {0, 1}}}), 2, 2, brokers).ok());
  EXPECT_FALSE(validate_added_assignment(lists_of({{2, {0}}}), 2, 2, brokers).ok());
  EXPECT_FALSE(validate_added_assignment(lists_of({{2, {0, 0}}}), 2, 2, brokers).ok());
  EXPECT_EQ(validate_added_assignment(lists_of({{2, {0, 7}}}), 2, 2, brokers).code(), ErrorCode::BROKER_NOT_AVAILABLE);
}

}  // namespace
}  // namespace quokka
