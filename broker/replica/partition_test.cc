#include "broker/replica/partition.h"

#include <gtest/gtest.h>

#include "broker/log/producer_batches.h"
#include "broker/replica/partition_for_test.h"

namespace quokka {
namespace {

using testing::kNow;
using testing::kOne;
using testing::kPartition;
using testing::kThree;
using testing::kTwo;
using testing::leader_batches;
using testing::ReplicasOnMemory;

LogConfig with_min_isr(int32_t min_insync_replicas) {
  LogConfig config;
  config.min_insync_replicas = min_insync_replicas;
  return config;
}

TEST(PartitionTest, AnAcknowledgementWaitsUntilAllInSyncReplicasHaveTheRecord) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  const auto appended = broker.produce();
  ASSERT_TRUE(appended.ok());
  EXPECT_TRUE(appended->waits);
  ASSERT_TRUE(broker.fetch_as(kTwo, 0).ok());
  EXPECT_TRUE(broker.acks.empty());
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::NONE});
  EXPECT_EQ(broker.high_watermark(), Offset(1));
}

TEST(PartitionTest, LeadershipThatGoesOnUnderANewEpochKeepsParkedAcknowledgements) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo, kThree}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce()->waits);
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  // The controller took 3 out of the set.
  ASSERT_EQ(broker.become(kOne, 1, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_TRUE(broker.acks.empty()) << "where 2 is is to be told anew under the new epoch";
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::NONE});
  // Records of a permit of before do not enter: what it was given for may have changed.
  EXPECT_EQ(broker.append(LeaderEpoch(0)).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST(PartitionTest, LostLeadershipAnswersParkedAcknowledgementsEvenIfItComesBack) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce()->waits);
  ASSERT_EQ(broker.become(kTwo, 1, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::NOT_LEADER_OR_FOLLOWER});
  ASSERT_EQ(broker.become(kOne, 2, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  EXPECT_EQ(broker.acks.size(), 1u);
}

TEST(PartitionTest, H5AnEpochBeginsWithTheLeadershipAndNotAgainWithTheSameEpoch) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 3, {kOne}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  ASSERT_TRUE(broker.produce().ok());
  EXPECT_EQ(broker.partition()->end_of_epoch(LeaderEpoch(3), LeaderEpoch(3), true)->end_offset, Offset(2));
  EXPECT_EQ(broker.become(kOne, 3, {kOne, kTwo}), ErrorCode::STALE_CONTROLLER_EPOCH);
  ASSERT_EQ(broker.become(kOne, 4, {kOne}), ErrorCode::NONE);
  // Without a write: the end of epoch 3 is known.
  EXPECT_EQ(broker.partition()->end_of_epoch(LeaderEpoch(4), LeaderEpoch(3), true)->end_offset, Offset(2));
  EXPECT_EQ(*broker.partition()->end_of_epoch(LeaderEpoch(4), LeaderEpoch(4), true), (EpochEnd{LeaderEpoch(4), Offset(2)}));
}

TEST(PartitionTest, H3AnotherLeaderEpochIsRefused) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 3, {kOne}), ErrorCode::NONE);
  Partition::Read read;
  read.offset = Offset(0);
  read.current_leader_epoch = LeaderEpoch(2);
  EXPECT_EQ(broker.partition()->read(read).code(), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(broker.partition()->offsets(LeaderEpoch(2), true).code(), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(broker.partition()->end_of_epoch(LeaderEpoch(2), LeaderEpoch(0), true).code(), ErrorCode::FENCED_LEADER_EPOCH);
  read.current_leader_epoch = LeaderEpoch(4);
  EXPECT_EQ(broker.partition()->read(read).code(), ErrorCode::UNKNOWN_LEADER_EPOCH);
}

// Planned under one epoch and judged under another, or by a bound that has moved on, a search would tell of records that the asker's epoch has not.
TEST(PartitionTest, H52ASearchByTimeComesWithTheEpochAndTheBoundsOfItsRecords) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 3, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());
  const auto search = broker.partition()->plan_timestamp_search(LeaderEpoch(3), true, std::nullopt);
  const auto segments = broker.partition()->segment_times(true);
  ASSERT_TRUE(search.ok() && segments.ok());
  // Then more is written and committed, and the leadership moves.
  ASSERT_TRUE(broker.produce().ok());
  ASSERT_TRUE(broker.fetch_as(kTwo, 2).ok());
  ASSERT_EQ(broker.become(kTwo, 4, {kOne, kTwo}), ErrorCode::NONE);
  const auto found = search->plan.run();
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->offset, Offset(0));
  EXPECT_EQ(search->view.end(Isolation::read_uncommitted), Offset(1));
  EXPECT_EQ(search->view.leader_epoch, LeaderEpoch(3));
  EXPECT_EQ(segments->view.log_end, Offset(1));
  EXPECT_EQ(broker.partition()->plan_timestamp_search(LeaderEpoch(3), true, std::nullopt).code(), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(broker.partition()->plan_timestamp_search(LeaderEpoch(4), true, std::nullopt).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(broker.partition()->segment_times(true).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  ASSERT_TRUE(broker.partition()->plan_timestamp_search(LeaderEpoch(4), false, std::nullopt).ok());
}

TEST(PartitionTest, H10AFetchThatDivergesSaysNothingAboutTheFollower) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kOne, 5, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  const auto answer = broker.fetch_as(kTwo, 1, BrokerEpoch(), /*last_epoch=*/4);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  ASSERT_TRUE(answer->diverging);
  EXPECT_EQ(answer->diverging->end_offset, Offset(0));
  EXPECT_EQ(broker.high_watermark(), Offset(0));
  EXPECT_TRUE(broker.acks.empty());
}

TEST(PartitionTest, H18BelowMinInsyncReplicasNothingIsCommittedAndWaitersTimeOut) {
  ReplicasOnMemory broker(with_min_isr(2));
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  const MonoTime give_up = broker.loop.now() + Duration::seconds(10);
  ASSERT_TRUE(broker.produce(true, give_up)->waits);
  // 2 is silent and leaves the set.
  broker.loop.advance(Duration::seconds(31));
  broker.partition()->on_tick();
  ASSERT_EQ(broker.proposals.all.size(), 1u);
  broker.grant();
  EXPECT_EQ(broker.high_watermark(), Offset(0));
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::REQUEST_TIMED_OUT}) << "dropped with the first look after its time-out";
  ASSERT_TRUE(broker.produce(false).ok()) << "acks=1 goes on";
  EXPECT_EQ(broker.high_watermark(), Offset(0)) << "but is not visible";
  EXPECT_EQ(broker.partition()->permit_append(-1).code(), ErrorCode::NOT_ENOUGH_REPLICAS) << "before a batch is looked at";
  EXPECT_EQ(broker.produce().code(), ErrorCode::NOT_ENOUGH_REPLICAS);
  // The topic asks for less from now on.
  broker.set_config(with_min_isr(1));
  EXPECT_EQ(broker.high_watermark(), Offset(2));
}

TEST(PartitionTest, TheSetMayShrinkBetweenPermitAndAppend) {
  ReplicasOnMemory broker(with_min_isr(2));
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  const auto permit = broker.partition()->permit_append(-1);
  ASSERT_TRUE(permit.ok());
  broker.loop.advance(Duration::seconds(31));
  ASSERT_TRUE(broker.produce(false).ok());
  broker.partition()->on_tick();
  broker.grant();
  EXPECT_EQ(broker.append(permit->leader_epoch).code(), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(broker.log_end(), Offset(1)) << "it is not in the log";
}

TEST(PartitionTest, H19AReplicaOfADeadBrokerDoesNotHoldTheHighWatermark) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce(false).ok());
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok());  // caught up, and about to join
  broker.partition()->on_isr_written(broker.proposals.all.back(), ProposalOutcome::not_applied, std::nullopt);
  broker.loop.advance(Duration::seconds(2));
  ASSERT_TRUE(broker.fetch_as(kThree, 0).ok());
  ASSERT_TRUE(broker.produce()->waits) << "2 is live and near";
  broker.table->on_live_brokers({{kOne, {}, {}}, {kThree, {}, {}}});
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::NONE});
  EXPECT_EQ(broker.high_watermark(), Offset(2));
  // Nor does DeleteRecords wait for it.
  ASSERT_TRUE(broker.partition()->delete_records(Offset(-1)).ok());
  Partition::Read read;
  read.offset = Offset(2);
  read.isolation = Isolation::log_end;
  read.follower = Leader::FollowerFetch{kThree, BrokerEpoch(), Offset(2), Offset(2), true};
  ASSERT_TRUE(broker.partition()->read(read).ok());
  EXPECT_EQ(*broker.partition()->low_watermark(), Offset(2));
}

// --- Followers

TEST(PartitionTest, H20AFollowerBehindTheLeadersStartBeginsThereWithItsHighWatermark) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0), Offset(2), Offset(0)).ok());
  ASSERT_TRUE(broker.partition()->truncate_out_of_range(LeaderEpoch(0), Offset(50), Offset(60)).ok());
  const auto state = broker.partition()->state();
  EXPECT_EQ(state.log_start, Offset(50));
  EXPECT_EQ(state.log_end, Offset(50));
  EXPECT_EQ(state.high_watermark, Offset(50));
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(50, 2, 0), Offset(51), Offset(50)).ok());
  EXPECT_EQ(broker.high_watermark(), Offset(51));
}

TEST(PartitionTest, ALeadersLogThatBeginsInsideABatchIsTakenWithTheWholeBatch) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->truncate_out_of_range(LeaderEpoch(0), Offset(7), Offset(20)).ok());
  const auto sent = leader_batches(5, 2, 0, 5);
  EXPECT_FALSE(broker.partition()->append_fetched(LeaderEpoch(0), sent, Offset(15), Offset(7)).ok());
  ASSERT_TRUE(broker.partition()->begin_before_the_end(sent));
  ASSERT_TRUE(broker.partition()->append_around_the_end(LeaderEpoch(0), sent, Offset(15), Offset(7)).ok());
  EXPECT_EQ(broker.partition()->state().log_start, Offset(7));
  EXPECT_EQ(broker.log_end(), Offset(15));
}

// A flipped bit of a base offset passes the CRC. Without this the follower would ask for the same for ever.
TEST(PartitionTest, ABatchThatEndsInsideOneOfTheLeadersGoes) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 2, 0, 5), Offset(5), Offset(0)).ok());
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(10 + 64, 1, 0, 5), Offset(5), Offset(0)).ok());
  auto sent = leader_batches(75, 2, 0, 5);
  EXPECT_FALSE(broker.partition()->append_fetched(LeaderEpoch(0), sent, Offset(85), Offset(0)).ok());
  ASSERT_TRUE(broker.partition()->begin_before_the_end(sent));
  sent.back() ^= 1;
  EXPECT_EQ(broker.partition()->append_around_the_end(LeaderEpoch(0), sent, Offset(85), Offset(0)).code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(broker.log_end(), Offset(79)) << "nothing is cut for what cannot be trusted";
  sent.back() ^= 1;
  ASSERT_TRUE(broker.partition()->append_around_the_end(LeaderEpoch(0), sent, Offset(85), Offset(0)).ok());
  EXPECT_EQ(broker.log_end(), Offset(10)) << "what lies between is fetched first";
  const auto next = leader_batches(10, 1, 0, 5);
  EXPECT_FALSE(broker.partition()->begin_before_the_end(next));
  // One that lies as the leader's does is kept.
  ASSERT_TRUE(broker.partition()->append_around_the_end(LeaderEpoch(0), leader_batches(5, 2, 0, 10), Offset(25), Offset(0)).ok());
  EXPECT_EQ(broker.log_end(), Offset(25));
}

// The bit may have been the leader's.
TEST(PartitionTest, WhatIsCommittedAndJoinsIsNotCutForABatchOfTheLeaders) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0, 5), Offset(15), Offset(0)).ok());
  const auto sent = leader_batches(12, 1, 0, 10);
  ASSERT_TRUE(broker.partition()->begin_before_the_end(sent));
  EXPECT_EQ(broker.partition()->append_around_the_end(LeaderEpoch(0), sent, Offset(22), Offset(0)).code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(broker.log_end(), Offset(15));
  // One that stands apart is ours that is damaged, committed or not.
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(20, 1, 0, 5), Offset(25), Offset(0)).ok());
  ASSERT_TRUE(broker.partition()->append_around_the_end(LeaderEpoch(0), leader_batches(21, 1, 0, 10), Offset(31), Offset(0)).ok());
  EXPECT_EQ(broker.log_end(), Offset(15));
}

TEST(PartitionTest, H7AndH9WhatWasSentUnderAnotherEpochIsDropped) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kThree, 1, {kThree}), ErrorCode::NONE);
  EXPECT_EQ(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 1, 0), Offset(1), Offset(0)).code(), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(broker.partition()->truncate_diverging(LeaderEpoch(0), {LeaderEpoch(0), Offset(0)}).code(), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(broker.log_end(), Offset(0));
}

TEST(PartitionTest, H23AFollowerTakesAnySequence) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  const auto batch = testing::batch_of({.producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(3), .base_sequence = 70, .leader_epoch = LeaderEpoch(0)});
  EXPECT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), batch, Offset(0), Offset(0)).ok());
  // Neither does it know better than the leader once it knows the producer.
  const auto next = testing::batch_of(
      {.producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(3), .base_sequence = 90, .leader_epoch = LeaderEpoch(0), .base_offset = Offset(1)});
  EXPECT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), next, Offset(0), Offset(0)).ok());
  EXPECT_EQ(broker.log_end(), Offset(2));
}

// What an idempotent producer sent ahead.
Result<Partition::Appended> produce_sequence(ReplicasOnMemory& broker, int32_t sequence) {
  BatchToAppend batch = testing::to_append(testing::batch_of({.producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence}));
  const auto permit = broker.partition()->permit_append(-1, idempotent_batch(batch.view()));
  if (!permit) return permit.error();
  return broker.partition()->append(batch, permit->leader_epoch, AppendOrigin::CLIENT, [](ErrorCode) {});
}

TEST(PartitionTest, BatchesBehindARefusedOneAreRefusedUntilItComesAgain) {
  ReplicasOnMemory broker(with_min_isr(2));
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  EXPECT_EQ(produce_sequence(broker, 0).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  ASSERT_EQ(broker.become(kOne, 1, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_EQ(produce_sequence(broker, 1).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER) << "not the first of a producer that nobody knows";
  for (int32_t sequence : {0, 1}) EXPECT_TRUE(produce_sequence(broker, sequence).ok()) << sequence;

  ASSERT_EQ(broker.become(kOne, 2, {kOne}), ErrorCode::NONE);
  EXPECT_EQ(produce_sequence(broker, 2).code(), ErrorCode::NOT_ENOUGH_REPLICAS);
  ASSERT_EQ(broker.become(kOne, 3, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_EQ(produce_sequence(broker, 3).code(), ErrorCode::NOT_ENOUGH_REPLICAS) << "not out of order";
  for (int32_t sequence : {2, 3}) EXPECT_TRUE(produce_sequence(broker, sequence).ok()) << sequence;

  // Another leader took it meanwhile.
  ASSERT_EQ(broker.become(kTwo, 4, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_EQ(produce_sequence(broker, 4).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  const auto taken = testing::batch_of(
      {.producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(0), .base_sequence = 4, .leader_epoch = LeaderEpoch(4), .base_offset = Offset(4)});
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(4), taken, Offset(4), Offset(0)).ok());
  ASSERT_EQ(broker.become(kOne, 5, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_TRUE(produce_sequence(broker, 5).ok());
  EXPECT_EQ(produce_sequence(broker, 7).code(), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) << "nothing was refused";
}

TEST(PartitionTest, H25AFollowerServesConsumersUpToItsHighWatermark) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0), Offset(2), Offset(0)).ok());
  Partition::Read read;
  read.offset = Offset(0);
  read.bytes_max = 1 << 20;
  EXPECT_EQ(broker.partition()->read(read).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER) << "versions before 11 read from leaders only";
  read.leader_only = false;
  EXPECT_EQ(broker.partition()->read(read)->end, Offset(2));
  read.offset = Offset(3);
  const auto beyond = broker.partition()->read(read);
  ASSERT_TRUE(beyond.ok()) << "committed elsewhere, not known here yet";
  EXPECT_EQ(beyond->plan.run()->slice.length, 0);
  read.offset = Offset(4);
  EXPECT_EQ(broker.partition()->read(read).code(), ErrorCode::NOT_LEADER_OR_FOLLOWER) << "it may be there at the leader, whom the client takes this one for";
  // A waiting consumer is woken by the leader's next word.
  const auto waiter = std::make_shared<testing::CountedWaiter>();
  ASSERT_TRUE(broker.partition()->park(waiter, Isolation::read_uncommitted, Offset(2), LeaderEpoch(0)));
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), {}, Offset(3), Offset(0)).ok());
  EXPECT_EQ(waiter->wakes, 1);
}

TEST(PartitionTest, H26ALogWithoutEpochsIsCutToWhatIsCommittedFirst) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 4, -1), Offset(2), Offset(0)).ok());
  ASSERT_EQ(broker.become(kThree, 1, {kThree}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->fetch_from()->has_no_epochs);
  ASSERT_TRUE(broker.partition()->truncate_without_epochs(LeaderEpoch(1)).ok());
  EXPECT_EQ(broker.log_end(), Offset(2));
  EXPECT_FALSE(broker.partition()->fetch_from()->has_no_epochs);
}

// --- The table

TEST(ReplicaTableTest, H6EveryLeaderEpochBeginsAnew) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kTwo}), ErrorCode::NONE);
  ASSERT_EQ(broker.become(kTwo, 1, {kTwo}), ErrorCode::NONE);
  EXPECT_EQ(broker.fetchers.follows, 2) << "the same leader, elected again: what lies between may differ";
  EXPECT_EQ(broker.partition()->fetch_from()->leader_epoch, LeaderEpoch(1));
}

TEST(ReplicaTableTest, H22TheHighWatermarkIsKeptWhileTheLeaderIsAway) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0), Offset(3), Offset(0)).ok());
  broker.directories->flush_all();
  broker.directories->checkpoint_high_watermarks();
  broker.restart(true);
  // Neither a broker that was told nothing yet nor one whose leader is dead may forget it.
  broker.directories->checkpoint_high_watermarks();
  broker.restart(true);
  ASSERT_EQ(broker.become(BrokerId(-1), 1, {kTwo}), ErrorCode::NONE);
  broker.directories->checkpoint_high_watermarks();
  broker.restart(true);
  ASSERT_EQ(broker.become(kTwo, 2, {kOne, kTwo}), ErrorCode::NONE);
  EXPECT_EQ(broker.high_watermark(), Offset(3));
}

TEST(ReplicaTableTest, H38AnEpochWhoseTransitionFailedIsNotRemembered) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 3, {kOne}), ErrorCode::NONE);
  const PartitionLogPtr log = broker.directories->find(kPartition);
  {
    MutexLock lock(*log->mutex);
    log->log->fence();
  }
  EXPECT_EQ(broker.become(kOne, 4, {kOne}), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(broker.become(kTwo, 4, {kTwo}), ErrorCode::KAFKA_STORAGE_ERROR) << "not stale: 4 was not taken";
  EXPECT_EQ(broker.partition()->leader_epoch(), LeaderEpoch(3));
  EXPECT_EQ(broker.partition()->leader(), kOne);
}

TEST(ReplicaTableTest, H27ADelayedStopOfAnOlderEpochIsRefused) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kTwo, 4, {kTwo}), ErrorCode::NONE);
  EXPECT_EQ(broker.table->stop(kPartition, LeaderEpoch(3), true), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_NE(broker.partition(), nullptr);
  EXPECT_EQ(broker.fetchers.following.count(kPartition), 1u);
  EXPECT_EQ(broker.table->stop(kPartition, LeaderEpoch(4), false), ErrorCode::NONE);
  EXPECT_EQ(broker.fetchers.following.count(kPartition), 0u);
  EXPECT_EQ(broker.table->stop(kPartition, LeaderEpoch(-2), true), ErrorCode::NONE) << "a deletion of the topic, whatever the epoch";
  EXPECT_EQ(broker.partition(), nullptr);
  EXPECT_EQ(broker.directories->find(kPartition), nullptr);
}

TEST(ReplicaTableTest, H28ATopicCreatedAnewUnderTheSameNameIsNotServedFromTheOldLog) {
  for (const bool restarted : {false, true}) {
    ReplicasOnMemory broker;
    const auto strays = [&broker] {
      const auto entries = broker.disk.list("/data");
      return std::count_if(entries->begin(), entries->end(), [](const auto& entry) { return entry.name.ends_with("-stray"); });
    };
    ASSERT_EQ(broker.become(kOne, 5, {kOne}, true), ErrorCode::NONE);
    ASSERT_TRUE(broker.produce().ok());
    const PartitionPtr old = broker.partition();
    broker.topic_id = TopicId{3, 4};
    EXPECT_EQ(broker.become(kOne, 6, {kOne}), ErrorCode::INCONSISTENT_TOPIC_ID) << "in one registration the end of the old topic would have been told";
    EXPECT_EQ(broker.partition(), old);
    // The broker was away while the topic was deleted and created anew.
    if (restarted) broker.restart(false);
    broker.registration = BrokerEpoch(2);
    PartitionRole elsewhere = ReplicasOnMemory::role(kTwo, 0, {kTwo});
    elsewhere.replicas = {kTwo};
    EXPECT_EQ(broker.table->become({{kPartition, broker.topic_id, broker.registration, elsewhere}}).front(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    ASSERT_EQ(broker.become(kOne, 0, {kOne}, true), ErrorCode::NONE) << "what was refused was not told";
    EXPECT_EQ(broker.log_end(), Offset(0));
    EXPECT_EQ(strays(), 1) << "nothing is lost";
    ASSERT_TRUE(broker.produce().ok());
    EXPECT_EQ(broker.log_end(), Offset(1));
    if (!restarted) {
      EXPECT_FALSE(old->permit_append(1).ok());
    }
    // What the controller said of the old topic comes late.
    broker.topic_id = TopicId{1, 2};
    broker.registration = BrokerEpoch(1);
    EXPECT_EQ(broker.become(kOne, 7, {kOne}), ErrorCode::INCONSISTENT_TOPIC_ID);
    EXPECT_EQ(broker.log_end(), Offset(1));
    EXPECT_EQ(strays(), 1);
  }
}

TEST(ReplicaTableTest, ATopicMayGetItsIdLater) {
  ReplicasOnMemory broker;
  const TopicId id = std::exchange(broker.topic_id, TopicId{});
  ASSERT_EQ(broker.become(kOne, 5, {kOne}, true), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  broker.topic_id = id;
  EXPECT_EQ(broker.become(kTwo, 4, {kTwo}), ErrorCode::STALE_CONTROLLER_EPOCH) << "but it is no way around it";
  ASSERT_EQ(broker.become(kOne, 5, {kOne}), ErrorCode::NONE) << "the epoch need not change for it";
  EXPECT_EQ(broker.partition()->topic_id(), id);
  EXPECT_EQ(broker.log_end(), Offset(1));
  broker.restart(false);
  broker.topic_id = TopicId{};
  ASSERT_EQ(broker.become(kOne, 6, {kOne}), ErrorCode::NONE);
  EXPECT_EQ(broker.log_end(), Offset(1));
}

TEST(ReplicaTableTest, H28AReplicaThatMayLieInAnOfflineDirectoryIsNotCreatedElsewhere) {
  ReplicasOnMemory broker({}, {"/a", "/b"});
  ASSERT_EQ(broker.become(kOne, 0, {kOne}, true), ErrorCode::NONE);
  const std::string at = broker.directories->find(kPartition)->health->path();
  broker.disk.set_fault([at](const MemoryDisk::Operation& operation) { return operation.path.starts_with(at); });
  broker.restart(false);
  EXPECT_EQ(broker.become(kOne, 1, {kOne}), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_TRUE(broker.table->is_offline(kPartition));
  EXPECT_EQ(broker.become(kOne, 2, {kOne}), ErrorCode::KAFKA_STORAGE_ERROR);
}

}  // namespace
}  // namespace quokka
