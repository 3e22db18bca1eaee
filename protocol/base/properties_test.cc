#include "protocol/base/properties.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

Properties parsed(std::string_view text) {
  Result<Properties> properties = parse_properties(text);
  EXPECT_TRUE(properties.ok()) << properties.error().message;
  return properties.ok() ? *properties : Properties();
}

TEST(PropertiesTest, KeysEndAtEqualsColonOrBlank) {
  EXPECT_EQ(parsed("a=1\nb:2\nc 3\n  d \t=\t 4\ne\t:5\nf = = 6\ng::h\nempty\nempty2=\n"),
            (Properties{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}, {"f", "= 6"}, {"g", ":h"}, {"empty", ""}, {"empty2", ""}}));
}

TEST(PropertiesTest, CommentsAndBlankLinesSayNothingAndTheLastLineWins) {
  EXPECT_EQ(parsed("# a=1\n  ! b=2\n\n\t\nc=3\r\nc=4\rd=5 # not a comment"), (Properties{{"c", "4"}, {"d", "5 # not a comment"}}));
}

TEST(PropertiesTest, LinesContinueAfterAnOddNumberOfBackslashes) {
  EXPECT_EQ(parsed("list=a,\\\n     b,\\\r\n\tc\nx=1\\\\\ny=2\nlast=z\\"), (Properties{{"list", "a,b,c"}, {"x", "1\\"}, {"y", "2"}, {"last", "z"}}));
  // A comment does not continue; a continuation line is no comment.
  EXPECT_EQ(parsed("# c\\\na=1\nb=2\\\n#3"), (Properties{{"a", "1"}, {"b", "2#3"}}));
}

TEST(PropertiesTest, Escapes) {
  EXPECT_EQ(parsed("a\\ b\\=c\\:d=t\\tn\\nr\\rf\\fq\\q\nu=\\u00e9\\u20AC\\ud83d\\ude00"),
            (Properties{{"a b=c:d", "t\tn\nr\rf\fqq"}, {"u", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"}}));
  Result<Properties> broken = parse_properties("a=1\n\nb=\\u12x4\n");
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message.find("line 3"), std::string::npos);
}

TEST(PropertiesTest, TrailingBlanksOfAValueStay) { EXPECT_EQ(parsed("a=1 "), (Properties{{"a", "1 "}})); }

}  // namespace
}  // namespace quokka
