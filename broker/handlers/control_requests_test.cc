// What a broker makes of the controller's requests: which it refuses, and what it remembers of those that fail.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "coord/znodes/paths.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"

namespace quokka {
namespace {

class ControlRequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    RunnerCluster::Node& node = cluster_.start(1);
    broker_ = std::make_unique<BrokerForTest>(cluster_, node, Properties{});
    broker_->broker_epoch = 50;
    cluster_.zookeeper.put(std::string(znodes::kControllerEpoch), "5");
  }

  struct Errors {
    ErrorCode whole;
    ErrorCode partition;
  };
  // Broker 1 is to lead t-0.
  Errors lead(int32_t controller_epoch, int64_t broker_epoch, int32_t leader_epoch) {
    using State = LeaderAndIsrRequest::LeaderAndIsrPartitionState;
    LeaderAndIsrRequest request;
    request.controller_epoch = ControllerEpoch(controller_epoch);
    request.broker_epoch = BrokerEpoch(broker_epoch);
    const std::vector<BrokerId> self = {BrokerId(1)};
    State state;
    state.partition_index = PartitionIndex(0);
    state.leader = BrokerId(1);
    state.leader_epoch = LeaderEpoch(leader_epoch);
    state.isr = self;
    state.replicas = self;
    std::vector<State> states = {state};
    std::vector<LeaderAndIsrRequest::LeaderAndIsrTopicState> topics(1);
    topics[0].topic_name = "t";
    topics[0].topic_id = TopicId{1, 1};
    topics[0].partition_states = states;
    request.topic_states = topics;
    const auto answer = broker_->ask<LeaderAndIsrResponse>(handle_leader_and_isr, request, 7);
    const auto& told = (*answer)->topics;
    return {(*answer)->error_code, told.empty() ? ErrorCode::NONE : told[0].partition_errors[0].error_code};
  }
  Errors stop(int32_t controller_epoch, int64_t broker_epoch, int32_t leader_epoch) {
    StopReplicaRequest request;
    request.controller_epoch = ControllerEpoch(controller_epoch);
    request.broker_epoch = BrokerEpoch(broker_epoch);
    std::vector<StopReplicaRequest::StopReplicaTopicState::StopReplicaPartitionState> partitions = {
        {PartitionIndex(0), LeaderEpoch(leader_epoch), true}};
    std::vector<StopReplicaRequest::StopReplicaTopicState> topics(1);
    topics[0].topic_name = "t";
    topics[0].partition_states = partitions;
    request.topic_states = topics;
    const auto answer = broker_->ask<StopReplicaResponse>(handle_stop_replica, request, 4);
    const auto& told = (*answer)->partition_errors;
    return {(*answer)->error_code, told.empty() ? ErrorCode::NONE : told[0].error_code};
  }
  ErrorCode update(int32_t controller_epoch, int64_t broker_epoch) {
    UpdateMetadataRequest request;
    request.controller_id = BrokerId(controller_epoch);
    request.controller_epoch = ControllerEpoch(controller_epoch);
    request.broker_epoch = BrokerEpoch(broker_epoch);
    return (*broker_->ask<UpdateMetadataResponse>(handle_update_metadata, request, 8))->error_code;
  }
  bool has_replica() const { return broker_->replicas->find("t", PartitionIndex(0)) != nullptr; }

  RunnerCluster cluster_;
  std::unique_ptr<BrokerForTest> broker_;
};

TEST_F(ControlRequestsTest, H31RequestsOfAnEarlierControllerAreRefused) {
  EXPECT_EQ(lead(5, 50, 3).partition, ErrorCode::NONE);
  EXPECT_EQ(lead(4, 50, 9).whole, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(stop(4, 50, 9).whole, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(update(4, 50), ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_TRUE(has_replica());
  EXPECT_EQ(broker_->replicas->find("t", PartitionIndex(0))->leader_epoch(), LeaderEpoch(3));
  EXPECT_EQ(broker_->node.view.get()->controller(), BrokerId(1)) << "what the earlier one says of the cluster is not believed";
  // Of the right controller, but late: an epoch of the partition that is not newer.
  EXPECT_EQ(lead(5, 50, 3).partition, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(lead(5, 50, 2).partition, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(stop(5, 50, 2).partition, ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_TRUE(has_replica());
  EXPECT_EQ(stop(5, 50, 3).partition, ErrorCode::NONE);
  EXPECT_FALSE(has_replica());
}

TEST_F(ControlRequestsTest, H31AnEpochThatIsNewHereMayBeOneOfBeforeInZookeeper) {
  cluster_.zookeeper.put(std::string(znodes::kControllerEpoch), "7");
  EXPECT_EQ(lead(6, 50, 3).whole, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(lead(7, 50, 3).partition, ErrorCode::NONE);
}

TEST_F(ControlRequestsTest, B33AnEpochThatNoControllerHasMakesTheBrokerDeafToNone) {
  EXPECT_EQ(stop(INT32_MAX, 50, 9).whole, ErrorCode::NONE);
  EXPECT_EQ(lead(5, 50, 3).partition, ErrorCode::NONE);
}

TEST_F(ControlRequestsTest, H32RequestsForAnEarlierLifeOfTheBrokerAreRefused) {
  EXPECT_EQ(lead(5, 49, 3).whole, ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_FALSE(has_replica());
  EXPECT_EQ(update(5, 49), ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_EQ(lead(5, 51, 3).partition, ErrorCode::NONE) << "the controller may hear of a registration before the broker does";
  EXPECT_EQ(stop(5, 49, 3).whole, ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_TRUE(has_replica());
  EXPECT_EQ(update(5, -1), ErrorCode::NONE) << "old controllers give none";
}

TEST_F(ControlRequestsTest, H38AnEpochWhoseTransitionFailedIsNotRemembered) {
  broker_->disk.set_fault([](const MemoryDisk::Operation&) { return true; });
  EXPECT_EQ(lead(5, 50, 3).partition, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(has_replica());
  broker_->disk.set_fault([](const MemoryDisk::Operation&) { return false; });
  EXPECT_NE(lead(5, 50, 3).partition, ErrorCode::STALE_CONTROLLER_EPOCH) << "it was not applied";
}

}  // namespace
}  // namespace quokka
