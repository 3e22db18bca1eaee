#include "broker/config/properties.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(PropertiesTest, FileThatIsMissingIsNamed) {
  Result<Properties> missing = read_properties("/tmp/no/such/server.properties");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message, "cannot read the properties file /tmp/no/such/server.properties: No such file or directory");
  EXPECT_EQ(read_properties("/tmp").error().message, "cannot read the properties file /tmp: Is a directory");
}

TEST(PropertiesTest, Overrides) {
  Properties properties{{"a", "1"}};
  ASSERT_TRUE(apply_override(properties, "a=2").ok());
  ASSERT_TRUE(apply_override(properties, "b=x=y").ok());
  EXPECT_EQ(properties, (Properties{{"a", "2"}, {"b", "x=y"}}));
  EXPECT_EQ(apply_override(properties, "novalue").error().message, "--override takes key=value, not 'novalue'");
  EXPECT_FALSE(apply_override(properties, "=1").ok());
}

}  // namespace
}  // namespace quokka
