#include "broker/peers/isr_proposer.h"

#include <gtest/gtest.h>

#include "broker/peers/scripted_leader.h"
#include "broker/replica/partition_for_test.h"
#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/paths.h"
#include "protocol/messages/alter_partition.h"

namespace quokka {
namespace {

using testing::kOne;
using testing::kPartition;
using testing::kThree;
using testing::kTwo;

// Broker 1 leads and proposes to the controller, broker 3, which the test plays.
class IsrProposerTest : public ::testing::Test {
 protected:
  using Topic = AlterPartitionResponse::TopicData;

  // What Partition calls, handed on to the proposer under test.
  struct Forwarded final : IsrProposals {
    void propose(std::shared_ptr<Partition> partition, IsrProposal proposal) override { to->propose(std::move(partition), std::move(proposal)); }
    IsrProposer* to = nullptr;
  };

  IsrProposerTest() {
    ClusterUpdate update;
    update.controller = kThree;
    update.brokers = {{kOne, {}, {}}, {kTwo, {}, {}}, {kThree, {{"PLAINTEXT", "controller", 9092, 0}}, {}}};
    view_.apply(update);
    forwarded_.to = &proposer_;
    table_ = std::make_unique<ReplicaTable>(kOne, Duration::seconds(30),
                                            ReplicaTable::Ports{*broker_.directories, forwarded_, broker_.fetchers, broker_.loop, broker_.metrics},
                                            [this](const std::string&) { return broker_.config; });
    broker_.loop.run_ready();
  }
  // Leads with epoch `epoch`, alone in sync, and replica 2 fetches as it lives now; or as `life`.
  void let_two_join(int32_t epoch, bool recovering = false, std::optional<BrokerEpoch> life = {}) {
    PartitionRole role = testing::ReplicasOnMemory::role(kOne, epoch, {kOne});
    role.recovering = recovering;
    ASSERT_EQ(table_->become({{kPartition, broker_.topic_id, broker_.registration, role}}).front(), ErrorCode::NONE);
    fetch(life.value_or(registered()));
  }
  void fetch(BrokerEpoch life) {
    const PartitionPtr partition = table_->find(kPartition.topic, kPartition.partition);
    Partition::Read read;
    read.offset = Offset(0);
    read.isolation = Isolation::log_end;
    read.follower = Leader::FollowerFetch{kTwo, life, Offset(0), Offset(0), true};
    ASSERT_TRUE(partition->read(read).ok());
    broker_.loop.run_ready();
  }
  // The controller goes without an answer to what was proposed under version 5 of the state, and so does the broker that was to join.
  void lose_answer_and_joiner(int32_t version) {
    for (int32_t i = 0; i <= version; ++i) zookeeper_.put(znodes::partition_state_path(kPartition.topic, kPartition.partition), "{}");
    let_two_join(5);
    controller_.expect<AlterPartitionRequest>();
    zookeeper_.erase(znodes::broker_path(kTwo));
    table_->find(kPartition.topic, kPartition.partition)->on_live_brokers({kOne});
    controller_.hang_up();
    for (int i = 0; i < 30; ++i) broker_.loop.advance(Duration::millis(100));
  }
  bool waits_for_two() {
    const PartitionPtr partition = table_->find(kPartition.topic, kPartition.partition);
    BatchToAppend batch = testing::to_append(testing::batch_of({}));
    const auto appended = partition->append(batch, partition->leader_epoch(), AppendOrigin::CLIENT, [](ErrorCode) {});
    EXPECT_TRUE(appended.ok());
    return appended.ok() && appended->waits;
  }
  BrokerEpoch registered() {
    if (!zookeeper_.has(znodes::broker_path(kTwo))) zookeeper_.put(znodes::broker_path(kTwo), "{}");
    return BrokerEpoch(zookeeper_.stat(znodes::broker_path(kTwo)).czxid);
  }
  void answer(ErrorCode error, int32_t leader_epoch = 5, int32_t partition_epoch = 6) {
    std::vector<Topic::PartitionData> partitions(1);
    partitions[0].partition_index = kPartition.partition;
    partitions[0].error_code = error;
    partitions[0].leader_id = kOne;
    partitions[0].leader_epoch = LeaderEpoch(leader_epoch);
    partitions[0].partition_epoch = PartitionEpoch(partition_epoch);
    const std::vector<BrokerId> isr{kOne, kTwo};
    partitions[0].isr = isr;
    std::vector<Topic> topics(1);
    topics[0].topic_id = broker_.topic_id;
    topics[0].partitions = partitions;
    AlterPartitionResponse response;
    response.topics = topics;
    controller_.answer(response);
  }

  testing::ReplicasOnMemory broker_;
  testing::ScriptedLeader controller_{broker_.loop};
  FakeZookeeper zookeeper_{broker_.loop};
  FakeSession session_{zookeeper_, broker_.loop};
  ViewHolder view_;
  std::atomic<int64_t> broker_epoch_{41};
  ControllerChannel channel_{broker_.loop, controller_, view_, {"PLAINTEXT", "test"}};
  IsrProposer proposer_{kOne, broker_epoch_, broker_.loop, channel_, session_};
  Forwarded forwarded_;
  std::unique_ptr<ReplicaTable> table_;
};

TEST_F(IsrProposerTest, AProposalNamesEpochsAndLivesOfAllMembers) {
  let_two_join(5);
  const auto request = controller_.expect<AlterPartitionRequest>();
  EXPECT_EQ(request.broker_id, kOne);
  EXPECT_EQ(request.broker_epoch, BrokerEpoch(41));
  const auto& asked = request.topics[0].partitions[0];
  EXPECT_EQ(asked.leader_epoch, LeaderEpoch(5));
  ASSERT_EQ(asked.new_isr_with_epochs.size(), 2u);
  EXPECT_EQ(asked.new_isr_with_epochs[0].broker_epoch, BrokerEpoch(41));
  EXPECT_EQ(asked.new_isr_with_epochs[1].broker_id, kTwo);
  EXPECT_EQ(asked.new_isr_with_epochs[1].broker_epoch, registered());
  answer(ErrorCode::NONE);
  EXPECT_EQ(table_->find(kPartition.topic, kPartition.partition)->state().in_sync, 2u);
}

TEST_F(IsrProposerTest, H12AndH13AProposalOfUnknownFateIsSentAgainUnchanged) {
  let_two_join(5);
  for (const ErrorCode error : {ErrorCode::NOT_CONTROLLER, ErrorCode::UNKNOWN_SERVER_ERROR}) {
    controller_.expect<AlterPartitionRequest>();
    AlterPartitionResponse response;
    response.error_code = error;
    controller_.answer(response);
    EXPECT_EQ(controller_.unanswered(), 0u);
    broker_.loop.advance(Duration::millis(100));
    const auto again = controller_.expect<AlterPartitionRequest>();
    EXPECT_EQ(again.topics[0].partitions[0].partition_epoch, PartitionEpoch(5));
    EXPECT_EQ(again.topics[0].partitions[0].new_isr_with_epochs.size(), 2u);
  }
  controller_.hang_up();
  broker_.loop.advance(Duration::seconds(2));
  EXPECT_EQ(controller_.unanswered(), 1u);
}

TEST_F(IsrProposerTest, WhatTheControllerRefusesIsAFailedUpdateAndAControllerThatIsNoneIsNot) {
  const Meter& failed = broker_.metrics.meter("kafka_server_ReplicaManager", "FailedIsrUpdatesPerSec");
  let_two_join(5);
  controller_.expect<AlterPartitionRequest>();
  AlterPartitionResponse response;
  response.error_code = ErrorCode::NOT_CONTROLLER;
  controller_.answer(response);
  broker_.loop.advance(Duration::millis(100));
  EXPECT_EQ(failed.count(), 0u);
  uint64_t times = 0;
  for (const ErrorCode error : {ErrorCode::UNKNOWN_SERVER_ERROR, ErrorCode::REQUEST_TIMED_OUT, ErrorCode::INVALID_UPDATE_VERSION}) {
    controller_.expect<AlterPartitionRequest>();
    answer(error);
    broker_.loop.advance(Duration::millis(100));
    EXPECT_EQ(failed.count(), ++times);
  }
  EXPECT_EQ(controller_.unanswered(), 0u) << "newer truth is on its way";
}

TEST_F(IsrProposerTest, H15AnUncleanLeaderProposesItselfRecovered) {
  let_two_join(5, /*recovering=*/true);
  EXPECT_EQ(controller_.expect<AlterPartitionRequest>().topics[0].partitions[0].leader_recovery_state, 0);
}

TEST_F(IsrProposerTest, H17AReplicaWhoseBrokerBeganAnotherLifeIsNotProposed) {
  const BrokerEpoch before = registered();
  zookeeper_.erase(znodes::broker_path(kTwo));
  zookeeper_.put(znodes::broker_path(kTwo), "{}");
  ASSERT_NE(registered(), before);
  let_two_join(5, false, before);
  EXPECT_EQ(controller_.unanswered(), 0u);
  zookeeper_.erase(znodes::broker_path(kTwo));
  broker_.loop.advance(Duration::seconds(2));
  fetch(before);
  EXPECT_EQ(controller_.unanswered(), 0u) << "it is not registered at all";
  fetch(registered());
  EXPECT_EQ(controller_.unanswered(), 1u);
}

TEST_F(IsrProposerTest, H11WhatMayBeWrittenIsNotTakenBack) {
  lose_answer_and_joiner(6);
  EXPECT_EQ(controller_.unanswered(), 1u) << "whoever is the controller is asked what became of it";
  EXPECT_TRUE(waits_for_two());
}

TEST_F(IsrProposerTest, H11WhatZookeeperDoesNotHaveIsTakenBack) {
  lose_answer_and_joiner(5);
  EXPECT_EQ(controller_.unanswered(), 0u);
  EXPECT_FALSE(waits_for_two());
}

TEST_F(IsrProposerTest, AProposalThatComesLateDoesNotTakeThePlaceOfANewerOne) {
  broker_epoch_.store(-1);  // nothing is sent yet
  let_two_join(5);
  let_two_join(6);
  const PartitionPtr partition = table_->find(kPartition.topic, kPartition.partition);
  // The thread that made it was overtaken.
  proposer_.propose(partition, {LeaderEpoch(5), PartitionEpoch(5), {kOne, kTwo}, {BrokerEpoch(), BrokerEpoch()}, 1});
  broker_.loop.run_ready();
  broker_epoch_.store(41);
  broker_.loop.advance(Duration::millis(100));
  EXPECT_EQ(controller_.expect<AlterPartitionRequest>().topics[0].partitions[0].leader_epoch, LeaderEpoch(6));
}

TEST_F(IsrProposerTest, TheControllerMayMoveWhileARequestIsUnderWay) {
  let_two_join(5);
  controller_.expect<AlterPartitionRequest>();
  ClusterUpdate update;
  update.controller = kTwo;
  update.brokers = {{kTwo, {{"PLAINTEXT", "next", 9093, 0}}, {}}};
  view_.apply(update);
  // Another of this broker's requests goes to the new controller over the same channel.
  channel_.ask<AlterPartitionResponse>(AlterPartitionRequest(), 3, [](auto) {});
  broker_.loop.advance(Duration::seconds(1));
  EXPECT_EQ(controller_.unanswered(), 3u) << "the first at the old controller, the other, and the proposal again";
}

}  // namespace
}  // namespace quokka
