#include "broker/net/request_head.h"

#include <gtest/gtest.h>

#include "broker/net/test_peer.h"

namespace quokka {
namespace {

using test::kServed;

std::string frame_of(int16_t key, int16_t version, const std::string& client_id, const std::string& body) {
  return test::request(key, version, 77, body, client_id).substr(4);
}

TEST(RequestHead, OfAllThreeVersions) {
  auto v1 = parse_request_head(bytes_of(frame_of(1, 4, "app", "body")), kServed);
  ASSERT_TRUE(v1.ok());
  EXPECT_EQ(v1->client_id.size(), 3u);
  EXPECT_EQ(v1->body_at, 13u);
  EXPECT_FALSE(v1->flexible_answer);
  auto v2 = parse_request_head(bytes_of(frame_of(1, 12, "app", "body")), kServed);
  ASSERT_TRUE(v2.ok());
  EXPECT_EQ(v2->body_at, 14u);
  EXPECT_TRUE(v2->flexible_answer);
  std::string v0("\x00\x07\x00\x00\x00\x00\x00\x05\x00\x00\x00\x01", 12);
  auto head = parse_request_head(bytes_of(v0), kServed);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->body_at, 8u);
}

TEST(RequestHead, B10ApiVersionsOfAnyVersionIsReadAndAnsweredWithHeaderV0) {
  auto head = parse_request_head(bytes_of(frame_of(18, 99, "app", "what follows is not looked at")), kServed);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->version, 99);
  EXPECT_FALSE(head->flexible_answer);
}

TEST(RequestHead, B9UnknownKeysAndVersions) {
  EXPECT_FALSE(parse_request_head(bytes_of(frame_of(1000, 0, "a", "")), kServed).ok());
  EXPECT_FALSE(parse_request_head(bytes_of(frame_of(-1, 0, "a", "")), kServed).ok());
  EXPECT_FALSE(parse_request_head(bytes_of(frame_of(1, 18, "a", "")), kServed).ok());
  EXPECT_FALSE(parse_request_head(bytes_of(frame_of(1, -1, "a", "")), kServed).ok());
}

TEST(RequestHead, B12NullAndHugeClientIds) {
  std::string null_id("\x00\x01\x00\x04\x00\x00\x00\x05\xff\xff", 10);
  auto head = parse_request_head(bytes_of(null_id), kServed);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->client_id, "");
  auto huge = parse_request_head(bytes_of(frame_of(1, 4, std::string(32767, 'x'), "")), kServed);
  ASSERT_TRUE(huge.ok());
  EXPECT_EQ(loggable_client_id(std::string(32767, 'x')).size(), 131u);
  EXPECT_EQ(loggable_client_id("a\nb\x1b\xff"), "a\\x0ab\\x1b\\xff");
}

TEST(RequestHead, EveryTruncationIsAnError) {
  std::string whole = frame_of(1, 12, "app", "");
  whole.back() = '\x01';  // one tag of five bytes
  whole += std::string("\x05\x05hello", 7);
  ASSERT_TRUE(parse_request_head(bytes_of(whole), kServed).ok());
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(parse_request_head(bytes_of(whole.substr(0, length)), kServed).ok()) << length;
}

TEST(RequestHead, B14TagsOfTheHeaderAreSkippedWithinTheFrame) {
  std::string whole = frame_of(1, 12, "app", "");
  whole.pop_back();
  EXPECT_FALSE(parse_request_head(bytes_of(whole + std::string("\x01\x00\xff\xff\xff\xff\x0f", 7)), kServed).ok());
  EXPECT_FALSE(parse_request_head(bytes_of(whole + std::string("\xff\xff\xff\xff\xff\x01", 6)), kServed).ok()) << "a varint of six bytes";
  EXPECT_FALSE(parse_request_head(bytes_of(whole + std::string("\xff\xff\xff\xff\x0f", 5)), kServed).ok()) << "four billion tags";
}

TEST(RequestHead, A10TransactionalRequests) {
  auto transactional = [](int16_t key, int16_t version, const std::string& body) {
    RequestHead head;
    head.api_key = key;
    head.version = version;
    return is_transactional(head, bytes_of(body));
  };
  EXPECT_TRUE(transactional(26, 0, ""));
  EXPECT_TRUE(transactional(0, 3, std::string("\x00\x02id", 4)));
  EXPECT_FALSE(transactional(0, 3, std::string("\xff\xff", 2)));
  EXPECT_TRUE(transactional(0, 9, std::string("\x03id", 3)));
  EXPECT_FALSE(transactional(0, 9, std::string("\x00\x00", 2)));
  EXPECT_FALSE(transactional(0, 2, std::string("\x00\x02id", 4)));
  EXPECT_FALSE(transactional(3, 9, ""));
}

}  // namespace
}  // namespace quokka
