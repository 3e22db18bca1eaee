#include "broker/replica/replica_table.h"

#include <gtest/gtest.h>

#include "broker/replica/partition_for_test.h"

namespace quokka::testing {
namespace {

// The value of a series of this broker's page; -1 if it is not there.
double shown(ReplicasOnMemory& broker, const std::string& series) {
  const uint64_t collector = broker.metrics.collect([&](MetricSink& sink) { broker.table->collect(sink); });
  const std::string page = broker.metrics.render();
  broker.metrics.remove_collector(collector);
  const std::string line = "\nkafka_server_" + series + " ";
  const size_t at = page.find(line);
  return at == std::string::npos ? -1 : std::stod(page.substr(at + line.size()));
}
double replicas(ReplicasOnMemory& broker, const std::string& name) { return shown(broker, "ReplicaManager_Value{name=\"" + name + "\"}"); }
double updates(ReplicasOnMemory& broker, const std::string& name) { return shown(broker, "ReplicaManager_Count{name=\"" + name + "\"}"); }
double lag(ReplicasOnMemory& broker) { return shown(broker, "ReplicaFetcherManager_Value{name=\"MaxLag\",clientId=\"Replica\"}"); }
double parked(ReplicasOnMemory& broker, const std::string& what) {
  return shown(broker, "DelayedOperationPurgatory_Value{name=\"PurgatorySize\",delayedOperation=\"" + what + "\"}");
}

LogConfig with_min_isr(int32_t min) {
  LogConfig config;
  config.min_insync_replicas = min;
  return config;
}

TEST(ReplicaMetrics, PartitionsByTheirState) {
  ReplicasOnMemory broker(with_min_isr(2));
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo, kThree}, true, 0), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}, true, 1), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kOne, 0, {kOne}, true, 2), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}, true, 3), ErrorCode::NONE);
  EXPECT_EQ(replicas(broker, "PartitionCount"), 4);
  EXPECT_EQ(replicas(broker, "LeaderCount"), 3);
  EXPECT_EQ(replicas(broker, "UnderReplicatedPartitions"), 2) << "a follower knows nothing of it";
  EXPECT_EQ(replicas(broker, "AtMinIsrPartitionCount"), 1);
  EXPECT_EQ(replicas(broker, "UnderMinIsrPartitionCount"), 1);
  EXPECT_EQ(replicas(broker, "OfflineReplicaCount"), 0);
  broker.table->on_directory_offline({{kPartition.topic, PartitionIndex(2)}});
  EXPECT_EQ(replicas(broker, "OfflineReplicaCount"), 1);
  EXPECT_EQ(replicas(broker, "PartitionCount"), 4) << "it is still assigned here";
  EXPECT_EQ(replicas(broker, "LeaderCount"), 2);
}

TEST(ReplicaMetrics, AReassignmentCountsAtTheLeaderUntilItIsToldOfTheEnd) {
  ReplicasOnMemory broker;
  PartitionRole role = ReplicasOnMemory::role(kOne, 0, {kOne});
  role.reassigning = true;
  broker.table->become({{kPartition, broker.topic_id, broker.registration, role}});
  EXPECT_EQ(replicas(broker, "ReassigningPartitions"), 1);
  role.leader_epoch = LeaderEpoch(1);
  role.reassigning = false;
  broker.table->become({{kPartition, broker.topic_id, broker.registration, role}});
  EXPECT_EQ(replicas(broker, "ReassigningPartitions"), 0);
}

TEST(ReplicaMetrics, InSyncSetsThatLeadersChange) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}, true), ErrorCode::NONE);
  for (const char* name : {"IsrShrinksPerSec", "IsrExpandsPerSec", "FailedIsrUpdatesPerSec"}) EXPECT_EQ(updates(broker, name), 0) << name;
  broker.loop.advance(Duration::seconds(31));
  broker.table->on_tick();
  EXPECT_EQ(updates(broker, "IsrShrinksPerSec"), 0) << "the controller has not agreed yet";
  broker.grant();
  EXPECT_EQ(updates(broker, "IsrShrinksPerSec"), 1);
  broker.grant();
  EXPECT_EQ(updates(broker, "IsrShrinksPerSec"), 1) << "a late answer";
  ASSERT_TRUE(broker.fetch_as(kTwo, 0).ok());
  broker.partition()->on_isr_written(broker.proposals.all.back(), ProposalOutcome::failed, std::nullopt);
  EXPECT_EQ(updates(broker, "FailedIsrUpdatesPerSec"), 1);
  broker.grant();
  EXPECT_EQ(updates(broker, "IsrExpandsPerSec"), 1);
  ASSERT_EQ(broker.become(kOne, 1, {kOne}), ErrorCode::NONE);
  EXPECT_EQ(updates(broker, "IsrShrinksPerSec"), 1) << "that was the controller";
}

TEST(ReplicaMetrics, TheLargestLagOfAFollower) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}, true, 0), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}, true, 1), ErrorCode::NONE);
  EXPECT_EQ(lag(broker), 0) << "not told yet";
  ASSERT_TRUE(broker.partition(0)->append_fetched(LeaderEpoch(0), leader_batches(0, 2, 0), Offset(10), Offset(0)).ok());
  ASSERT_TRUE(broker.partition(1)->append_fetched(LeaderEpoch(0), leader_batches(0, 2, 0), Offset(7), Offset(0)).ok());
  EXPECT_EQ(lag(broker), 8);
  ASSERT_TRUE(broker.partition(0)->append_fetched(LeaderEpoch(0), leader_batches(2, 8, 0), Offset(10), Offset(0)).ok());
  EXPECT_EQ(lag(broker), 5);
  ASSERT_EQ(broker.become(kOne, 1, {kOne}, false, 1), ErrorCode::NONE);
  EXPECT_EQ(lag(broker), 0) << "a leader lags behind nobody";
}

TEST(ReplicaMetrics, RequestsThatWait) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}, true), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce()->waits);
  ASSERT_TRUE(broker.partition()->park(std::make_shared<CountedWaiter>(), Isolation::read_uncommitted, Offset(0), LeaderEpoch(0)));
  EXPECT_EQ(parked(broker, "Produce"), 1);
  EXPECT_EQ(parked(broker, "Fetch"), 1);
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  EXPECT_EQ(parked(broker, "Produce"), 0);
  EXPECT_EQ(parked(broker, "Fetch"), 0);
}

}  // namespace
}  // namespace quokka::testing
