#include "broker/group/group_records.h"

#include <gtest/gtest.h>

#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using testing::unhex;

// What Kafka 3.9's own classes wrote.
const char* const kGroupKey = "00020003677270";
const char* const kGroupValue[] = {
    "00000008636f6e73756d657200000004000572616e676500036d2d310000000100036d2d3100016300022f68000027100000000201020000000103",
    "00010008636f6e73756d657200000004000572616e676500036d2d310000000100036d2d3100016300022f680000ea60000027100000000201020000000103",
    "00020008636f6e73756d657200000004000572616e676500036d2d3100000000000003090000000100036d2d3100016300022f680000ea60000027100000000201020000000103",
    "00030008636f6e73756d657200000004000572616e676500036d2d3100000000000003090000000100036d2d3100016900016300022f680000ea60000027100000000201020000000103",
    "000409636f6e73756d6572000000040672616e6765046d2d31000000000000030902046d2d3102690263032f680000ea600000271003010202030000"};
const char* const kOffsetKey = "0001000367727000017400000003";
const char* const kOffsetValue[] = {"0000000000000000002a00026d6400000000000003e8", "0001000000000000002a00026d6400000000000003e800000000000007d0",
                                    "0002000000000000002a00026d6400000000000003e8", "0003000000000000002a0000000600026d6400000000000003e8",
                                    "0004000000000000002a00000006036d6400000000000003e800"};

GroupRecord group_record() {
  GroupRecord record;
  record.protocol_type = "consumer";
  record.generation = 4;
  record.protocol = "range";
  record.leader = "m-1";
  record.state_timestamp_ms = 777;
  record.members.push_back({"m-1", "i", "c", "/h", 60000, 10000, std::string("\1\2"), std::string("\3")});
  return record;
}

TEST(GroupRecords, AreWrittenAsKafkaWritesThem) {
  const JournalEntry group = encode_group_record({"grp", std::nullopt, std::nullopt, group_record()});
  EXPECT_EQ(group.key, unhex(kGroupKey));
  EXPECT_EQ(group.value, unhex(kGroupValue[3]));
  const TopicPartition partition{"t", PartitionIndex(3)};
  const JournalEntry offset = encode_group_record({"grp", partition, OffsetRecord{42, 6, "md", 1000, std::nullopt}, std::nullopt});
  EXPECT_EQ(offset.key, unhex(kOffsetKey));
  EXPECT_EQ(offset.value, unhex(kOffsetValue[3]));
  EXPECT_EQ(encode_group_record({"grp", partition, OffsetRecord{42, -1, "md", 1000, 2000}, std::nullopt}).value, unhex(kOffsetValue[1]));
  EXPECT_EQ(encode_group_record({"grp", partition, std::nullopt, std::nullopt}).value, std::nullopt);
}

TEST(GroupRecords, EveryVersionIsRead) {
  for (int version = 0; version <= 4; ++version) {
    SCOPED_TRACE(version);
    const auto group = decode_group_record(unhex(kGroupKey), unhex(kGroupValue[version]));
    ASSERT_TRUE(group.ok() && *group);
    GroupRecord expected = group_record();
    if (version < 3) expected.members[0].instance_id.reset();
    if (version < 2) expected.state_timestamp_ms = -1;
    if (version < 1) expected.members[0].rebalance_timeout_ms = 10000;
    EXPECT_EQ(**group, (StoredGroupRecord{"grp", std::nullopt, std::nullopt, expected}));

    const auto offset = decode_group_record(unhex(kOffsetKey), unhex(kOffsetValue[version]));
    ASSERT_TRUE(offset.ok() && *offset);
    const OffsetRecord record{42, version >= 3 ? 6 : -1, "md", 1000, version == 1 ? std::optional<int64_t>(2000) : std::nullopt};
    EXPECT_EQ(**offset, (StoredGroupRecord{"grp", TopicPartition{"t", PartitionIndex(3)}, record, std::nullopt}));
  }
}

TEST(GroupRecords, OtherKindsArePassedOverAndDamagedOnesNamed) {
  const auto unknown = decode_group_record(unhex("0009000367727000"), unhex("0000"));
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(*unknown);
  EXPECT_EQ(decode_group_record(unhex("00"), std::nullopt).code(), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(decode_group_record(unhex("00020007"), std::nullopt).code(), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(decode_group_record(unhex(kOffsetKey), unhex("0009")).code(), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(decode_group_record(unhex(kGroupKey), unhex("000300")).code(), ErrorCode::INVALID_RECORD);
}

}  // namespace
}  // namespace quokka
