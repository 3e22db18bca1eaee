#include "broker/txn/marker_sender.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/peers/scripted_leader.h"

namespace quokka {
namespace {

// Broker 1 coordinates; brokers 2 and 3, which the test plays, lead partitions of "t".
class MarkerSenderTest : public ::testing::Test {
 protected:
  using Result = WriteTxnMarkersResponse::WritableTxnMarkerResult;

  MarkerSenderTest() { know({2, 2, 3}); }

  // Partition i of "t" is led by leaders[i].
  void know(const std::vector<int32_t>& leaders) {
    ClusterUpdate update;
    for (int32_t id : {2, 3}) update.brokers.push_back({BrokerId(id), {{"PLAINTEXT", "b" + std::to_string(id), 9092, 0}}, {}});
    TopicView topic{"t", {}, {}};
    for (size_t i = 0; i < leaders.size(); ++i) {
      PartitionView partition;
      partition.index = PartitionIndex(static_cast<int32_t>(i));
      partition.leader = BrokerId(leaders[i]);
      partition.leader_epoch = LeaderEpoch(++epoch_);
      topic.partitions.push_back(partition);
    }
    update.topics.push_back(topic);
    view_.apply(update);
  }
  void send(const std::vector<int32_t>& partitions, int64_t producer = 7, bool commit = true) {
    MarkerOrder order{"id", 1, {ProducerId(producer), ProducerEpoch(4)}, commit, {}};
    for (int32_t partition : partitions) order.partitions.push_back({"t", PartitionIndex(partition)});
    sender_.send(std::move(order), LeaderEpoch(9), coordinating_,
                 [this](const TopicPartition& partition) { written_.push_back(partition.partition.value); });
    loop_.run_ready();
  }
  // Of one producer, in "t".
  void answer(const std::vector<std::pair<int32_t, ErrorCode>>& partitions, int64_t producer = 7) {
    std::vector<Result::WritableTxnMarkerTopicResult::WritableTxnMarkerPartitionResult> results;
    for (const auto& [partition, error] : partitions) results.push_back({PartitionIndex(partition), error});
    const std::vector<Result::WritableTxnMarkerTopicResult> topics{{"t", results}};
    const std::vector<Result> markers{{ProducerId(producer), topics}};
    WriteTxnMarkersResponse response;
    response.markers = markers;
    leader_.answer(response);
  }
  std::vector<int32_t> expect_partitions() {
    const auto request = leader_.expect<WriteTxnMarkersRequest>();
    std::vector<int32_t> partitions;
    for (const auto& marker : request.markers) {
      for (const auto& topic : marker.topics) {
        for (PartitionIndex partition : topic.partition_indexes) partitions.push_back(partition.value);
      }
    }
    return partitions;
  }
  void pause() { loop_.advance(settings_.retry_pause); }

  const MarkerSender::Settings settings_{{"PLAINTEXT", "broker-1"}};
  ManualLoop loop_;
  testing::ScriptedLeader leader_{loop_};
  ViewHolder view_;
  MarkerSender sender_{loop_, leader_, view_, settings_};
  std::shared_ptr<const void> coordinating_ = std::make_shared<int>();
  std::vector<int32_t> written_;
  int32_t epoch_ = 0;
};

TEST_F(MarkerSenderTest, EachLeaderGetsOneRequestWithAllThatIsForIt) {
  send({0, 1, 2});
  ASSERT_EQ(leader_.unanswered(), 2u);
  const auto request = leader_.expect<WriteTxnMarkersRequest>();
  ASSERT_EQ(request.markers.size(), 1u);
  EXPECT_EQ(request.markers[0].producer_id, ProducerId(7));
  EXPECT_EQ(request.markers[0].producer_epoch, ProducerEpoch(4));
  EXPECT_TRUE(request.markers[0].transaction_result);
  EXPECT_EQ(request.markers[0].coordinator_epoch, 9);
  EXPECT_EQ(expect_partitions(), (std::vector<int32_t>{0, 1}));
  answer({{0, ErrorCode::NONE}, {1, ErrorCode::NONE}});
  EXPECT_EQ(written_, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(expect_partitions(), std::vector<int32_t>{2});
  answer({{2, ErrorCode::NONE}});
  EXPECT_EQ(written_, (std::vector<int32_t>{0, 1, 2}));
  loop_.advance(Duration::seconds(60));
  EXPECT_EQ(leader_.unanswered(), 0u);
}

TEST_F(MarkerSenderTest, WhatComesWhileARequestIsUnderWayGoesTogetherInTheNext) {
  send({0}, 7);
  send({0}, 8, false);
  send({1}, 9);
  ASSERT_EQ(leader_.unanswered(), 1u);
  answer({{0, ErrorCode::NONE}}, 7);
  const auto request = leader_.expect<WriteTxnMarkersRequest>();
  ASSERT_EQ(request.markers.size(), 2u);
  EXPECT_EQ(request.markers[0].producer_id, ProducerId(8));
  EXPECT_FALSE(request.markers[0].transaction_result);
  EXPECT_EQ(request.markers[1].producer_id, ProducerId(9));
}

TEST_F(MarkerSenderTest, WhatALeaderRefusesIsSentAgainToWhoLeadsThen) {
  send({0, 1});
  answer({{0, ErrorCode::NONE}, {1, ErrorCode::NOT_LEADER_OR_FOLLOWER}});
  EXPECT_EQ(written_, std::vector<int32_t>{0});
  EXPECT_EQ(leader_.unanswered(), 0u) << "not at once: word of the new leader is on its way";
  know({2, 3, 3});
  pause();
  EXPECT_EQ(expect_partitions(), std::vector<int32_t>{1});
  EXPECT_EQ(leader_.connections(), 2u);
  answer({{1, ErrorCode::NONE}});
  EXPECT_EQ(written_, (std::vector<int32_t>{0, 1}));
}

TEST_F(MarkerSenderTest, AnAnswerThatLeavesAPartitionOutHasNotWrittenIt) {
  send({0, 1});
  answer({{0, ErrorCode::NONE}});
  EXPECT_EQ(written_, std::vector<int32_t>{0});
  pause();
  EXPECT_EQ(expect_partitions(), std::vector<int32_t>{1});
}

TEST_F(MarkerSenderTest, ABrokenConnectionLosesNoMarker) {
  send({0, 1});
  ASSERT_EQ(leader_.unanswered(), 1u);
  leader_.hang_up();
  loop_.advance(Duration::seconds(2));
  EXPECT_EQ(expect_partitions(), (std::vector<int32_t>{0, 1}));
}

TEST_F(MarkerSenderTest, APartitionWithoutLeaderWaitsForOne) {
  know({-1});
  send({0});
  loop_.advance(Duration::seconds(60));
  EXPECT_EQ(leader_.unanswered(), 0u);
  EXPECT_TRUE(written_.empty());
  know({3});
  pause();
  EXPECT_EQ(expect_partitions(), std::vector<int32_t>{0});
}

TEST_F(MarkerSenderTest, ADeletedPartitionNeedsNoMarkerButANewOneIsAwaited) {
  send({5});
  loop_.advance({settings_.unknown_max.us - settings_.retry_pause.us});
  EXPECT_TRUE(written_.empty()) << "word of it may be on its way";
  pause();
  pause();
  EXPECT_EQ(written_, std::vector<int32_t>{5});
}

TEST_F(MarkerSenderTest, ALaterEpochThereNeedsNoMarker) {
  send({0});
  answer({{0, ErrorCode::INVALID_PRODUCER_EPOCH}});
  EXPECT_EQ(written_, std::vector<int32_t>{0});
}

TEST_F(MarkerSenderTest, AFencedCoordinatorNeitherRepeatsNorCompletes) {
  send({0});
  answer({{0, ErrorCode::TRANSACTION_COORDINATOR_FENCED}});
  loop_.advance(Duration::seconds(60));
  EXPECT_EQ(leader_.unanswered(), 0u);
  EXPECT_TRUE(written_.empty());
}

TEST_F(MarkerSenderTest, WhoCoordinatesNoMoreSendsAndHearsNothing) {
  send({0, 2});
  ASSERT_EQ(leader_.unanswered(), 2u);
  coordinating_.reset();
  answer({{0, ErrorCode::NONE}});
  answer({{2, ErrorCode::NOT_LEADER_OR_FOLLOWER}});
  pause();
  EXPECT_TRUE(written_.empty());
  EXPECT_EQ(leader_.unanswered(), 0u);
}

}  // namespace
}  // namespace quokka
