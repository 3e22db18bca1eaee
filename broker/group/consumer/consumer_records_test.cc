#include "broker/group/consumer/consumer_records.h"

#include <gtest/gtest.h>

#include "broker/group/group_records.h"
#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using testing::unhex;

const TopicId kTopic{0x0102030405060708, 0x090a0b0c0d0e0f10};

ConsumerSubscription subscription() {
  ConsumerSubscription made;
  made.instance_id = "i";
  made.rack_id = "r";
  made.client_id = "c";
  made.client_host = "/h";
  made.topics = {"t", "u"};
  made.rebalance_timeout_ms = 60000;
  made.assignor = "range";
  return made;
}

ConsumerSubscription classic_subscription() {
  ConsumerSubscription made = subscription();
  made.classic = ClassicMember{10000, {{"range", std::string("\1\2")}}};
  return made;
}

struct Sample {
  ConsumerRecord record;
  const char* key;
  const char* value;  // "": a tombstone
};

// What Kafka's own classes wrote.
std::vector<Sample> samples() {
  const ConsumerAssignment assignment{6, 5, ReconciliationState::UNREVOKED_PARTITIONS, {{kTopic, {PartitionIndex(0)}}}, {{kTopic, {PartitionIndex(1)}}}};
  return {
      {GroupEpochRecord{7}, "00030003677270", "00000000000700"},
      {GroupTopicsRecord{SubscribedTopics{{"t", {kTopic, 3}}}}, "00040003677270", "0000020102030405060708090a0b0c0d0e0f10027400000003010000"},
      {MemberSubscriptionRecord{"m-1", subscription()}, "0005000367727000036d2d31",
       "0000026902720263032f680302740275000000ea600672616e676500"},
      {MemberSubscriptionRecord{"m-1", classic_subscription()}, "0005000367727000036d2d31",
       "0000026902720263032f680302740275000000ea600672616e67650100110100002710020672616e67650301020000"},
      {TargetEpochRecord{6}, "00060003677270", "00000000000600"},
      {MemberTargetRecord{"m-1", AssignedPartitions{{kTopic, {PartitionIndex(0), PartitionIndex(2)}}}}, "0007000367727000036d2d31",
       "0000020102030405060708090a0b0c0d0e0f100300000000000000020000"},
      {MemberAssignmentRecord{"m-1", assignment}, "0008000367727000036d2d31",
       "0000000000060000000501020102030405060708090a0b0c0d0e0f10020000000000020102030405060708090a0b0c0d0e0f1002000000010000"},
      {GroupEpochRecord{}, "00030003677270", ""},
      {GroupTopicsRecord{}, "00040003677270", ""},
      {MemberSubscriptionRecord{"m-1", {}}, "0005000367727000036d2d31", ""},
      {TargetEpochRecord{}, "00060003677270", ""},
      {MemberTargetRecord{"m-1", {}}, "0007000367727000036d2d31", ""},
      {MemberAssignmentRecord{"m-1", {}}, "0008000367727000036d2d31", ""},
  };
}

TEST(ConsumerRecords, AreWrittenAndReadAsKafkaWritesThem) {
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.key);
    const JournalEntry entry = encode_group_record({"grp", std::nullopt, std::nullopt, std::nullopt, sample.record});
    EXPECT_EQ(entry.key, unhex(sample.key));
    const std::vector<uint8_t> value = unhex(sample.value);
    ASSERT_EQ(entry.value.has_value(), !value.empty());
    EXPECT_EQ(entry.value.value_or(std::vector<uint8_t>()), value);
    const auto read = decode_group_record(entry.key, entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
    ASSERT_TRUE(read.ok() && *read);
    EXPECT_EQ((*read)->group, "grp");
    EXPECT_EQ((*read)->consumer, sample.record);
  }
}

TEST(ConsumerRecords, WhatIsCutOffIsRefused) {
  for (const Sample& sample : samples()) {
    const std::vector<uint8_t> key = unhex(sample.key), value = unhex(sample.value);
    for (size_t size = 2; size < key.size(); ++size) EXPECT_FALSE(decode_group_record(Bytes(key).first(size), std::nullopt).ok());
    for (size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(decode_group_record(key, Bytes(value).first(size)).ok()) << sample.key << " " << size;
  }
}

// A state of a later version is kept as one that is not known, and fences its member.
TEST(ConsumerRecords, AStateThatIsNotKnownIsReadAsSuch) {
  std::vector<uint8_t> value = unhex("00000000000600000005090101" "00");
  const auto read = decode_group_record(unhex("0008000367727000036d2d31"), Bytes(value));
  ASSERT_TRUE(read.ok() && *read) << read.error().message;
  EXPECT_EQ(std::get<MemberAssignmentRecord>(*(*read)->consumer).value->state, ReconciliationState::UNKNOWN);
}

}  // namespace
}  // namespace quokka
