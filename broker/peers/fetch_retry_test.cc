#include "broker/peers/fetch_retry.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

constexpr Duration kBackoff = Duration::millis(1000);

TEST(FetchRetryTest, ALeaderThatHasNotHeardYetIsAskedAgainSoonAndQuietly) {
  FetchRetry retry;
  const FetchRetry::Decision decision = retry.on_refused(ErrorCode::UNKNOWN_TOPIC_ID, {0}, kBackoff);
  EXPECT_EQ(decision.rest, FetchRetry::kFirstRest);
  EXPECT_FALSE(decision.warn);
}

TEST(FetchRetryTest, RestsGrowToTheBackoffAndWhatLastsIsWarnedOf) {
  FetchRetry retry;
  MonoTime now{0};
  Duration before = Duration::millis(0);
  bool warned = false;
  while (!warned) {
    const FetchRetry::Decision decision = retry.on_refused(ErrorCode::NOT_LEADER_OR_FOLLOWER, now, kBackoff);
    EXPECT_GE(decision.rest, before);
    EXPECT_LE(decision.rest, kBackoff);
    warned = decision.warn;
    ASSERT_EQ(warned, now - MonoTime{0} >= FetchRetry::kQuietMax);
    before = decision.rest;
    now = now + decision.rest;
  }
  EXPECT_EQ(before, kBackoff);
}

TEST(FetchRetryTest, APartitionThatWasServedBeginsAnew) {
  FetchRetry retry;
  for (int64_t i = 0; i < 10; ++i) retry.on_refused(ErrorCode::UNKNOWN_LEADER_EPOCH, MonoTime{i} + Duration::seconds(i), kBackoff);
  retry.on_served();
  const FetchRetry::Decision decision = retry.on_refused(ErrorCode::UNKNOWN_LEADER_EPOCH, MonoTime{0} + Duration::seconds(20), kBackoff);
  EXPECT_EQ(decision.rest, FetchRetry::kFirstRest);
  EXPECT_FALSE(decision.warn);
}

TEST(FetchRetryTest, OtherRefusalsAreWarnedOfAtOnce) {
  FetchRetry retry;
  const FetchRetry::Decision decision = retry.on_refused(ErrorCode::KAFKA_STORAGE_ERROR, {0}, kBackoff);
  EXPECT_EQ(decision.rest, kBackoff);
  EXPECT_TRUE(decision.warn);
}

TEST(FetchRetryTest, ABackoffBelowTheFirstRestHolds) {
  FetchRetry retry;
  EXPECT_EQ(retry.on_refused(ErrorCode::UNKNOWN_TOPIC_ID, {0}, Duration::millis(5)).rest, Duration::millis(5));
}

}  // namespace
}  // namespace quokka
