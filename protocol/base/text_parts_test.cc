#include "protocol/base/text_parts.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(TextParts, Lines) {
  std::string_view text = "a\n\nb\r\nc";
  std::vector<std::string_view> lines;
  while (const auto line = next_line(text)) lines.push_back(*line);
  EXPECT_EQ(lines, (std::vector<std::string_view>{"a", "", "b", "c"}));
}

TEST(TextParts, BetweenCommas) {
  EXPECT_EQ(between_commas(" a ,\tb,,c d\n,"), (std::vector<std::string_view>{"a", "b", "c d"}));
  EXPECT_TRUE(between_commas("").empty());
  EXPECT_EQ(trimmed(" \t\r\n"), "");
}

TEST(TextParts, Numbers) {
  EXPECT_EQ(number_in("-7"), -7);
  EXPECT_EQ(number_in("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(number_in<int32_t>("2147483648"), std::nullopt);
  for (const char* no : {"", "x", "7x", " 7", "+7", "9223372036854775808"}) EXPECT_EQ(number_in(no), std::nullopt) << no;
}

}  // namespace
}  // namespace quokka
