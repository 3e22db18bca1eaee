#include "coord/controller/election.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quokka {
namespace {

Replicas ids(std::initializer_list<int32_t> values) {
  Replicas made;
  for (int32_t value : values) made.push_back(BrokerId(value));
  return made;
}

LeaderAndIsr state(int32_t leader, std::initializer_list<int32_t> isr) {
  LeaderAndIsr made;
  made.leader = BrokerId(leader);
  made.leader_epoch = LeaderEpoch(4);
  made.isr = ids(isr);
  made.controller_epoch = ControllerEpoch(2);
  made.partition_epoch = PartitionEpoch(9);
  return made;
}

TEST(Election, NewPartitionIsLedByTheFirstReplicaOnline) {
  auto elected = elect_new(ids({3, 1, 2}), ids({1, 2}));
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(1));
  EXPECT_EQ(elected->isr, ids({1, 2}));
  EXPECT_EQ(elected->leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(elected->partition_epoch, PartitionEpoch(-1));
  EXPECT_FALSE(elected->recovering);
  EXPECT_FALSE(elect_new(ids({3}), ids({1, 2})));
}

TEST(Election, OfflineLeaderIsFollowedByTheFirstAssignedInSync) {
  auto elected = elect_offline(state(1, {1, 3, 2}), ids({1, 2, 3}), ids({2, 3}), false);
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(2));
  EXPECT_EQ(elected->isr, ids({3, 2})) << "in the order of the set";
  EXPECT_EQ(elected->leader_epoch, LeaderEpoch(5));
  EXPECT_EQ(elected->partition_epoch, PartitionEpoch(9)) << "the version to write at";
}

TEST(Election, NobodyOutOfSyncIsElectedUnlessUnclean) {
  const LeaderAndIsr before = state(1, {1});
  EXPECT_FALSE(elect_offline(before, ids({1, 2, 3}), ids({2, 3}), false));
  EXPECT_TRUE(only_unclean(before, ids({1, 2, 3}), ids({2, 3})));
  EXPECT_FALSE(only_unclean(before, ids({1, 2, 3}), ids({1, 3})));
  EXPECT_FALSE(only_unclean(before, ids({1, 2, 3}), ids({})));
  auto elected = elect_offline(before, ids({1, 2, 3}), ids({3, 2}), true);
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(2));
  EXPECT_EQ(elected->isr, ids({2}));
  EXPECT_TRUE(elected->recovering);
  EXPECT_FALSE(elect_offline(before, ids({1, 2, 3}), ids({}), true));
  EXPECT_FALSE(elect_offline(before, ids({1, 2}), ids({1, 2}), true)->recovering) << "an in-sync replica is preferred";
}

TEST(Election, AnElectionDuringRecoveryStaysRecovering) {
  LeaderAndIsr before = state(-1, {2});
  before.recovering = true;
  EXPECT_TRUE(elect_offline(before, ids({1, 2}), ids({2}), false)->recovering);
}

TEST(Election, ControlledShutdownTakesNobodyWhoShutsDown) {
  auto elected = elect_controlled_shutdown(state(1, {1, 2, 3}), ids({1, 2, 3}), ids({1, 2, 3}), ids({1, 2}));
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(3));
  EXPECT_EQ(elected->isr, ids({3}));
  EXPECT_FALSE(elect_controlled_shutdown(state(1, {1}), ids({1, 2}), ids({1, 2}), ids({1})));
}

TEST(Election, PreferredOnlyIfInSyncOnlineAndNotLeading) {
  auto elected = elect_preferred(state(2, {2, 1}), ids({1, 2}), ids({1, 2}));
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(1));
  EXPECT_EQ(elected->isr, ids({2, 1}));
  EXPECT_FALSE(elect_preferred(state(1, {2, 1}), ids({1, 2}), ids({1, 2})));
  EXPECT_FALSE(elect_preferred(state(2, {2}), ids({1, 2}), ids({1, 2})));
  EXPECT_FALSE(elect_preferred(state(2, {2, 1}), ids({1, 2}), ids({2})));
  EXPECT_FALSE(elect_preferred(state(2, {2}), {}, ids({2})));
}

TEST(Election, ReassignmentTakesTheFirstTargetInSync) {
  auto elected = elect_reassigned(state(1, {1, 2, 3}), ids({3, 2}), ids({1, 2, 3}));
  ASSERT_TRUE(elected);
  EXPECT_EQ(elected->leader, BrokerId(3));
  EXPECT_EQ(elected->isr, ids({1, 2, 3}));
  EXPECT_FALSE(elect_reassigned(state(1, {1}), ids({3, 2}), ids({1, 2, 3})));
}

TEST(Election, TheInSyncSetNeverBecomesEmpty) {
  EXPECT_FALSE(without_replicas(state(1, {1, 2}), ids({3}))) << "no change, no write";
  EXPECT_EQ(without_replicas(state(1, {1, 2}), ids({2}))->isr, ids({1}));
  auto all_gone = without_replicas(state(1, {1, 2}), ids({1, 2}));
  ASSERT_TRUE(all_gone);
  EXPECT_EQ(all_gone->leader, BrokerId(-1));
  EXPECT_EQ(all_gone->isr, ids({1, 2})) << "each of them has every committed record";
  EXPECT_FALSE(without_replicas(*all_gone, ids({1, 2})));
}

// Whatever is drawn: a clean election never leaves the set, the leader is online and in the set, epochs rise by one.
TEST(Election, RandomStatesKeepTheRules) {
  uint64_t seed = 7;
  auto draw = [&seed](uint64_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
  };
  auto subset = [&](const Replicas& of) {
    Replicas chosen;
    for (BrokerId id : of)
      if (draw(2) == 0) chosen.push_back(id);
    return chosen;
  };
  for (int round = 0; round < 20000; ++round) {
    Replicas replicas = ids({1, 2, 3, 4, 5});
    std::rotate(replicas.begin(), replicas.begin() + static_cast<long>(draw(5)), replicas.end());
    replicas.resize(1 + draw(5));
    LeaderAndIsr before = state(-1, {});
    before.isr = subset(replicas);
    if (before.isr.empty()) before.isr = {replicas.front()};
    before.leader = draw(3) == 0 ? BrokerId(-1) : before.isr[draw(before.isr.size())];
    const Replicas online = subset(replicas);
    const Replicas shutting_down = subset(online);
    const bool unclean = draw(2) == 0;
    auto check = [&](const std::optional<LeaderAndIsr>& after, bool clean, const char* rule) {
      if (!after) return;
      EXPECT_EQ(after->leader_epoch, before.leader_epoch.next()) << rule;
      EXPECT_EQ(after->partition_epoch, before.partition_epoch) << rule;
      EXPECT_TRUE(contains(after->isr, after->leader)) << rule;
      EXPECT_TRUE(contains(online, after->leader)) << rule;
      if (clean) {
        EXPECT_TRUE(difference(after->isr, before.isr).empty()) << rule;
        EXPECT_EQ(after->recovering, before.recovering) << rule;
      }
    };
    auto offline = elect_offline(before, replicas, online, unclean);
    check(offline, !unclean || !only_unclean(before, replicas, online), "offline");
    if (offline) {
      EXPECT_TRUE(difference(offline->isr, online).empty());
    }
    auto shutdown = elect_controlled_shutdown(before, replicas, online, shutting_down);
    check(shutdown, true, "controlled shutdown");
    if (shutdown) {
      EXPECT_TRUE(intersection(shutdown->isr, shutting_down).empty());
    }
    check(elect_preferred(before, replicas, online), true, "preferred");
    check(elect_reassigned(before, replicas, online), true, "reassigned");
    auto rest = without_replicas(before, difference(replicas, online));
    if (rest) {
      EXPECT_FALSE(rest->isr.empty());
      EXPECT_TRUE(rest->leader.value == -1 || contains(rest->isr, rest->leader));
    }
  }
}

}  // namespace
}  // namespace quokka
