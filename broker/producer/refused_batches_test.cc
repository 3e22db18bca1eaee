#include "broker/producer/refused_batches.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

constexpr MonoTime kNow{1'000'000};

ProducerBatch batch(int32_t sequence, int16_t epoch = 0, int64_t id = 7) {
  ProducerBatch batch;
  batch.producer_id = ProducerId(id);
  batch.producer_epoch = ProducerEpoch(epoch);
  batch.base_sequence = batch.last_sequence = sequence;
  return batch;
}

TEST(RefusedBatches, WhatComesBehindARefusedBatchIsRefusedUntilThatComesAgain) {
  RefusedBatches refused;
  refused.refuse(batch(36), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(37), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.check(batch(327), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.check(batch(35), std::nullopt, kNow), ErrorCode::NONE) << "one before it, sent once more";
  EXPECT_EQ(refused.check(batch(37, 0, 8), std::nullopt, kNow), ErrorCode::NONE) << "another producer";
  EXPECT_EQ(refused.check(batch(36), std::nullopt, kNow), ErrorCode::NONE);
  EXPECT_EQ(refused.check(batch(37), std::nullopt, kNow), ErrorCode::NONE);
  EXPECT_TRUE(refused.empty());
}

TEST(RefusedBatches, TheFirstOfSeveralCounts) {
  RefusedBatches refused;
  refused.refuse(batch(36), ErrorCode::NOT_LEADER_OR_FOLLOWER, kNow);
  refused.refuse(batch(37), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(37), std::nullopt, kNow), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  refused.refuse(batch(30), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(36), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
}

TEST(RefusedBatches, SequencesWrap) {
  RefusedBatches refused;
  refused.refuse(batch(INT32_MAX - 1), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(INT32_MAX), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.check(batch(0), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.check(batch(INT32_MAX - 2), std::nullopt, kNow), ErrorCode::NONE);
}

TEST(RefusedBatches, ANewEpochBeginsAnew) {
  RefusedBatches refused;
  refused.refuse(batch(36), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(0, 1), std::nullopt, kNow), ErrorCode::NONE);
  EXPECT_TRUE(refused.empty());
  refused.refuse(batch(5, 1), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(37, 0), std::nullopt, kNow), ErrorCode::NONE) << "of the epoch before: the producer's state will refuse it";
  refused.refuse(batch(36, 0), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(6, 1), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
}

TEST(RefusedBatches, AProducerThatDoesNotSendItAgainHearsWhatIsWrong) {
  RefusedBatches refused;
  refused.refuse(batch(36), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(37), std::nullopt, kNow + RefusedBatches::kRemembered), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.check(batch(37), std::nullopt, kNow + RefusedBatches::kRemembered + Duration::millis(1)), ErrorCode::NONE);
}

// Refused by a broker that did not lead, taken by the one that did; then the first leads.
TEST(RefusedBatches, WhatTheLogHasIsNotWaitedFor) {
  RefusedBatches refused;
  refused.refuse(batch(42), ErrorCode::NOT_LEADER_OR_FOLLOWER, kNow);
  ProducerEntry written;
  written.producer_epoch = ProducerEpoch(0);
  written.last_sequence = 41;
  EXPECT_EQ(refused.check(batch(43), written, kNow), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  written.last_sequence = 42;
  EXPECT_EQ(refused.check(batch(43), written, kNow), ErrorCode::NONE);
  EXPECT_TRUE(refused.empty());
  refused.refuse(batch(43), ErrorCode::NOT_LEADER_OR_FOLLOWER, kNow);
  written.producer_epoch = ProducerEpoch(1);
  EXPECT_EQ(refused.check(batch(44), written, kNow), ErrorCode::NONE) << "its producer's state will say that it is fenced";
}

TEST(RefusedBatches, AreBounded) {
  RefusedBatches refused;
  for (size_t i = 0; i <= RefusedBatches::kProducersMax; ++i) refused.refuse(batch(1, 0, static_cast<int64_t>(i)), ErrorCode::NOT_ENOUGH_REPLICAS, kNow);
  EXPECT_EQ(refused.check(batch(2, 0, 0), std::nullopt, kNow), ErrorCode::NONE) << "the longest refused";
  for (size_t i = 1; i <= RefusedBatches::kProducersMax; ++i)
    EXPECT_EQ(refused.check(batch(2, 0, static_cast<int64_t>(i)), std::nullopt, kNow), ErrorCode::NOT_ENOUGH_REPLICAS);
}

}  // namespace
}  // namespace quokka
