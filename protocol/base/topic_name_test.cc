#include "protocol/base/topic_name.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

std::string message_for(std::string_view name) {
  Status status = validate_topic_name(name);
  EXPECT_EQ(status.ok(), is_valid_topic_name(name)) << name;
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  return status.error().message;
}

TEST(TopicName, AcceptsLegalCharactersUpToTheLimit) {
  EXPECT_EQ(message_for("a"), "");
  EXPECT_EQ(message_for("__consumer_offsets"), "");
  EXPECT_EQ(message_for("A-Z.a_z.0-9"), "");
  EXPECT_EQ(message_for("..."), "");
  EXPECT_EQ(message_for(std::string(249, 'x')), "");
}

TEST(TopicName, RefusesWithKafkasSentences) {
  EXPECT_EQ(message_for(""), "Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(message_for("."), "Topic name is invalid: '.' is not allowed");
  EXPECT_EQ(message_for(".."), "Topic name is invalid: '..' is not allowed");
  std::string tall(250, 'x');
  EXPECT_EQ(message_for(tall), "Topic name is invalid: the length of '" + tall + "' is longer than the max allowed length 249");
  const std::string rest = "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  EXPECT_EQ(message_for("a/b"), "Topic name is invalid: 'a/b" + rest);
  EXPECT_EQ(message_for("a/../../etc"), "Topic name is invalid: 'a/../../etc" + rest);
}

TEST(TopicName, RefusesBytesOutsideAscii) {
  EXPECT_FALSE(is_valid_topic_name("caf\xc3\xa9"));
  EXPECT_FALSE(is_valid_topic_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_valid_topic_name("a b"));
  EXPECT_FALSE(is_valid_topic_name("a\n"));
}

TEST(TopicName, NamesCollideWhenOnlyDotsAndUnderscoresDiffer) {
  EXPECT_TRUE(topic_names_collide("a.b", "a_b"));
  EXPECT_TRUE(topic_names_collide("a", "a"));
  EXPECT_FALSE(topic_names_collide("a.b", "a.bc"));
  EXPECT_FALSE(topic_names_collide("a-b", "a_b"));
  EXPECT_TRUE(has_collision_characters("a_b"));
  EXPECT_FALSE(has_collision_characters("a-b"));
}

TEST(TopicName, KnowsInternalTopics) {
  EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
  EXPECT_TRUE(is_internal_topic("__transaction_state"));
  EXPECT_FALSE(is_internal_topic("_consumer_offsets"));
}

}  // namespace
}  // namespace quokka
