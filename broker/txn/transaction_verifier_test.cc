#include "broker/txn/transaction_verifier.h"

#include <gtest/gtest.h>

#include "broker/log/test_log.h"
#include "broker/peers/scripted_leader.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/add_partitions_to_txn.h"

namespace quokka {
namespace {

// Broker 1 asks broker 2, which coordinates every transactional id and which the test plays.
class TransactionVerifierTest : public ::testing::Test {
 protected:
  struct NoLogs final : JournalLogs {
    JournalLogPtr find(const TopicPartition&) override { return nullptr; }
  };
  using Answered = AddPartitionsToTxnResponse::AddPartitionsToTxnResult;
  using AnsweredTopic = AddPartitionsToTxnResponse::AddPartitionsToTxnTopicResult;
  using AnsweredPartition = AddPartitionsToTxnResponse::AddPartitionsToTxnPartitionResult;

  void coordinate(int32_t leader) {
    ClusterUpdate update;
    update.brokers = {{BrokerId(2), {{"PLAINTEXT", "b", 9092, 0}}, {}}};
    PartitionView partition;
    partition.index = PartitionIndex(0);
    partition.leader = BrokerId(leader);
    update.topics = {{std::string(kTransactionStateTopic), {}, {partition}}};
    view_.apply(update);
    topic_.on_view();
  }
  void verify() {
    verifier_.verify("id", {ProducerId(7), ProducerEpoch(4)}, {{"b", PartitionIndex(1)}, {"a", PartitionIndex(0)}, {"b", PartitionIndex(0)}},
                     [this](std::vector<ErrorCode> errors) { told_.push_back(std::move(errors)); });
    loop_.run_ready();
  }
  void answer(ErrorCode all, const std::vector<AnsweredTopic>& topics) {
    const std::vector<Answered> transactions{{"id", topics}};
    AddPartitionsToTxnResponse response;
    response.error_code = all;
    if (all == ErrorCode::NONE) response.results_by_transaction = transactions;
    leader_.answer(response);
  }
  static std::vector<ErrorCode> all(ErrorCode error) { return {error, error, error}; }

  ManualLoop loop_;
  testing::ScriptedLeader leader_{loop_};
  testing::ManualPool pool_;
  NoLogs logs_;
  ViewHolder view_;
  ProducerIds producer_ids_{[](auto) {}, loop_};
  MarkerSender markers_{loop_, leader_, view_, {{"PLAINTEXT", "broker-1"}}};
  CoordinatorTopic topic_{kTransactionStateTopic, view_, [](const std::string&, auto done) { done(CoordinatorTopic::Assignment{{}, 1}); }};
  TransactionCoordinator coordinator_{{}, {{&loop_}, pool_, logs_, topic_, {producer_ids_, markers_}}};
  TransactionVerifier verifier_{{BrokerId(1), true, {"PLAINTEXT", "broker-1"}}, {loop_, leader_, view_, coordinator_}};
  std::vector<std::vector<ErrorCode>> told_;
};

TEST_F(TransactionVerifierTest, TheCoordinatorIsAskedAndItsWordGoesToTheRightPartitions) {
  coordinate(2);
  verify();
  const auto request = leader_.expect<AddPartitionsToTxnRequest>();
  ASSERT_EQ(request.transactions.size(), 1u);
  EXPECT_TRUE(request.transactions[0].verify_only);
  EXPECT_EQ(request.transactions[0].transactional_id, "id");
  EXPECT_EQ(request.transactions[0].producer_id, ProducerId(7));
  EXPECT_EQ(request.transactions[0].producer_epoch, ProducerEpoch(4));
  ASSERT_EQ(request.transactions[0].topics.size(), 2u);
  const std::vector<AnsweredPartition> of_a{{PartitionIndex(0), ErrorCode::TRANSACTION_ABORTABLE}};
  const std::vector<AnsweredPartition> of_b{{PartitionIndex(0), ErrorCode::NONE}, {PartitionIndex(1), ErrorCode::INVALID_PRODUCER_EPOCH}};
  answer(ErrorCode::NONE, {{"a", of_a}, {"b", of_b}});
  EXPECT_EQ(told_, (std::vector<std::vector<ErrorCode>>{{ErrorCode::INVALID_PRODUCER_EPOCH, ErrorCode::TRANSACTION_ABORTABLE, ErrorCode::NONE}}));
}

TEST_F(TransactionVerifierTest, WhatMayBeTriedAgainIsSaidSoThatEveryClientDoes) {
  coordinate(2);
  for (ErrorCode error : {ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::COORDINATOR_NOT_AVAILABLE}) {
    verify();
    leader_.expect<AddPartitionsToTxnRequest>();
    answer(error, {});
    EXPECT_EQ(told_.back(), all(ErrorCode::NOT_ENOUGH_REPLICAS)) << name(error);
  }
  verify();
  leader_.expect<AddPartitionsToTxnRequest>();
  const std::vector<AnsweredPartition> partitions{{PartitionIndex(0), ErrorCode::CONCURRENT_TRANSACTIONS}, {PartitionIndex(1), ErrorCode::PRODUCER_FENCED}};
  answer(ErrorCode::NONE, {{"b", partitions}});
  EXPECT_EQ(told_.back(),
            (std::vector<ErrorCode>{ErrorCode::INVALID_PRODUCER_EPOCH, ErrorCode::UNKNOWN_SERVER_ERROR, ErrorCode::NOT_ENOUGH_REPLICAS}))
      << "what the answer leaves out is not confirmed";
}

TEST_F(TransactionVerifierTest, NobodyIsConfirmedWithoutACoordinator) {
  verify();
  EXPECT_EQ(told_.back(), all(ErrorCode::NOT_ENOUGH_REPLICAS)) << "no such topic yet";
  coordinate(-1);
  verify();
  EXPECT_EQ(told_.back(), all(ErrorCode::NOT_ENOUGH_REPLICAS)) << "no leader";
  coordinate(3);
  verify();
  EXPECT_EQ(told_.back(), all(ErrorCode::NOT_ENOUGH_REPLICAS)) << "a leader that is not known";
  coordinate(1);
  verify();
  EXPECT_EQ(told_.back(), all(ErrorCode::NOT_ENOUGH_REPLICAS)) << "this broker, which has not heard of it yet";
  EXPECT_EQ(told_.size(), 4u);
  EXPECT_EQ(leader_.connections(), 0u);
}

TEST_F(TransactionVerifierTest, ABrokenConnectionConfirmsNothing) {
  coordinate(2);
  verify();
  ASSERT_EQ(leader_.unanswered(), 1u);
  leader_.hang_up();
  EXPECT_EQ(told_, std::vector<std::vector<ErrorCode>>{all(ErrorCode::NOT_ENOUGH_REPLICAS)});
}

}  // namespace
}  // namespace quokka
