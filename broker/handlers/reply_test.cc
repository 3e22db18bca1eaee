#include "broker/handlers/reply.h"

#include <gtest/gtest.h>

#include "broker/handlers/call_for_test.h"
#include "protocol/messages/metadata.h"

namespace quokka {
namespace {

// Two bytes a name on the wire, many times as many in memory.
MetadataRequest many_names(std::vector<MetadataRequest::MetadataRequestTopic>& topics, size_t count) {
  topics.resize(count);
  for (auto& topic : topics) topic.name = "";
  MetadataRequest request;
  request.topics = topics;
  return request;
}

TEST(DecodeCall, SmallRequestsReserveNothing) {
  ManualLoop loop;
  std::vector<MetadataRequest::MetadataRequestTopic> topics;
  CallUnderTest call(loop, many_names(topics, 10), 1);
  call.outcome().memory_max = 0;
  CallPtr taken = call.take();
  EXPECT_TRUE(decode_call<MetadataRequest>(taken).has_value());
}

TEST(DecodeCall, ALargeMessageIsReservedAsFarAsItIsUsed) {
  ManualLoop loop;
  std::vector<MetadataRequest::MetadataRequestTopic> topics;
  CallUnderTest call(loop, many_names(topics, 100'000), 1);
  CallPtr taken = call.take();
  const auto decoded = decode_call<MetadataRequest>(taken);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->request.topics->size(), 100'000u);
  EXPECT_EQ(call.outcome().memory, decoded->arena.bytes_used());
  EXPECT_GT(call.outcome().memory, 1u << 20);
}

TEST(DecodeCall, B26AMessageThatFindsNoRoomInMemoryClosesTheConnection) {
  ManualLoop loop;
  std::vector<MetadataRequest::MetadataRequestTopic> topics;
  CallUnderTest call(loop, many_names(topics, 100'000), 1);
  call.outcome().memory_max = 1 << 20;
  CallPtr taken = call.take();
  EXPECT_FALSE(decode_call<MetadataRequest>(taken).has_value());
  ASSERT_TRUE(call.outcome().closed.has_value());
  EXPECT_NE(call.outcome().closed->find("queued.max.request.bytes"), std::string::npos) << *call.outcome().closed;
  EXPECT_LE(call.outcome().memory, 1u << 20);
}

}  // namespace
}  // namespace quokka
