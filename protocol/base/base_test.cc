#include <gtest/gtest.h>

#include <memory>

#include "protocol/base/crc32c.h"
#include "protocol/base/error_code.h"
#include "protocol/base/function.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/base/uuid.h"

namespace quokka {
namespace {

TEST(Crc32cTest, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  const std::string zeros(32, '\0');
  EXPECT_EQ(crc32c(bytes_of(zeros)), 0x8a9136aau);
  EXPECT_EQ(crc32c_extend(crc32c(bytes_of("1234")), bytes_of("56789")), 0xe3069283u);
}

TEST(UuidTest, TextFormIsKafkas) {
  EXPECT_EQ(Uuid().str(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ((Uuid{0, 1}).str(), "AAAAAAAAAAAAAAAAAAAAAQ");
  const Uuid id{0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(Uuid::parse(id.str()), id);
}

TEST(UuidTest, RefusesWhatIsNoUuid) {
  EXPECT_FALSE(Uuid::parse(""));
  EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAB"));  // bits beyond the 128th
  EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAA!"));
  EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAAA"));
}

TEST(ErrorCodeTest, NamesAndRetriability) {
  EXPECT_EQ(name(ErrorCode::NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(name(static_cast<ErrorCode>(9999)), "UNKNOWN_ERROR_CODE");
  EXPECT_TRUE(is_retriable(ErrorCode::NOT_ENOUGH_REPLICAS));
  EXPECT_FALSE(is_retriable(ErrorCode::MESSAGE_TOO_LARGE));
  EXPECT_TRUE(invalidates_metadata(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

TEST(ResultTest, HoldsAValueOrAnError) {
  Result<std::unique_ptr<int>> good = std::make_unique<int>(7);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*std::move(good).value(), 7);
  Result<int> bad = Error{ErrorCode::CORRUPT_MESSAGE, "why"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_DEATH((void)bad.value(), "why");
}

TEST(FunctionTest, OwnsWhatItNeeds) {
  auto value = std::make_unique<int>(5);
  Function<int(int)> add = [v = std::move(value)](int x) { return *v + x; };
  Function<int(int)> moved = std::move(add);
  EXPECT_EQ(moved(2), 7);
  EXPECT_FALSE(add);  // NOLINT: moved from on purpose
}

TEST(Duration, WhatPeopleWriteForNeverIsLong) {
  EXPECT_EQ(Duration::millis(INT64_MAX), Duration::seconds(INT64_MAX));
  EXPECT_GT(Duration::millis(INT64_MAX), Duration::seconds(1'000'000'000));
  EXPECT_GT(MonoTime{INT64_MAX / 4} + Duration::millis(INT64_MAX), MonoTime{INT64_MAX / 4});
  EXPECT_LT(Duration::millis(INT64_MIN), Duration());
  EXPECT_EQ(Duration::millis(-1), Duration::micros(-1000));
}

}  // namespace
}  // namespace quokka
