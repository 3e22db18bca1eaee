#include "tools/options.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

const ToolUsage kUsage{"kafka-tool",
                       "This tool helps.",
                       {{"list", Argument::NONE, "List."},
                        {"topic", Argument::TEXT, "The topic."},
                        {"property", Argument::TEXT, "A property, given again and again."},
                        {"partitions", Argument::INTEGER, "How many."},
                        {"timeout-ms", Argument::LONG, "How long."},
                        {"compression-codec", Argument::OPTIONAL_TEXT, "The codec."}}};

Options parsed(const std::vector<std::string>& arguments) {
  auto options = Options::parse(kUsage, arguments);
  EXPECT_TRUE(options.ok()) << options.error().message;
  return options.ok() ? *options : Options();
}
std::string mistake(const std::vector<std::string>& arguments) {
  const auto options = Options::parse(kUsage, arguments);
  return options.ok() ? "" : options.error().message;
}

TEST(Options, values_come_as_a_word_of_their_own_or_behind_an_equals_sign) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--topic", "t", "--list"}, {"--topic=t", "--list"}, {"-topic", "t", "-list"}, {"--list", "-topic=t"}}) {
    const Options options = parsed(words);
    EXPECT_TRUE(options.has("list"));
    EXPECT_EQ(options.text("topic"), "t");
    EXPECT_FALSE(options.has("partitions"));
  }
  EXPECT_EQ(parsed({"--property", "key.separator=:", "--property=a=b"}).texts("property"), (std::vector<std::string>{"key.separator=:", "a=b"}));
  EXPECT_EQ(parsed({"--topic", ""}).text("topic"), "");
}

TEST(Options, a_number_may_be_negative) {
  EXPECT_EQ(parsed({"--partitions", "-2"}).number("partitions"), -2);
  EXPECT_EQ(parsed({"--partitions=7"}).number("partitions"), 7);
  EXPECT_EQ(mistake({"--partitions", "x"}), "Cannot parse argument 'x' of option partitions");
  EXPECT_EQ(mistake({"--partitions", "2147483648"}), "Cannot parse argument '2147483648' of option partitions");
  EXPECT_EQ(parsed({"--timeout-ms", "2147483648"}).number("timeout-ms"), 2147483648);
}

TEST(Options, a_value_may_be_missing_where_it_is_optional) {
  EXPECT_EQ(parsed({"--compression-codec", "lz4"}).text("compression-codec"), "lz4");
  EXPECT_EQ(parsed({"--compression-codec=lz4"}).text("compression-codec"), "lz4");
  EXPECT_EQ(parsed({"--compression-codec", "--list"}).text("compression-codec"), "");
  EXPECT_EQ(parsed({"--compression-codec"}).text("compression-codec"), "");
}

TEST(Options, mistakes_name_the_word) {
  EXPECT_EQ(mistake({"--topics"}), "topics is not a recognized option; is --topic meant?");
  EXPECT_EQ(mistake({"--zookeeper"}), "zookeeper is not a recognized option");
  EXPECT_EQ(mistake({"--top", "t"}), "top is not a recognized option; is --topic meant?");  // no abbreviations
  EXPECT_EQ(mistake({"--topic"}), "Option topic requires an argument");
  EXPECT_NE(mistake({"words"}).find("'words'"), std::string::npos);
}

TEST(Options, usage_shows_every_option) {
  const std::string text = kUsage.text();
  for (const char* word : {"--list ", "--topic <String>", "--partitions <Integer>", "--compression-codec [String]", "--help", "--version"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace quokka
