#include "protocol/base/nearest_name.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

std::string_view nearest(std::string_view typed) {
  NearestName name(typed);
  for (std::string_view known : {"partitions", "replication-factor", "topic", "topic-id"}) name.look_at(known);
  return name.found();
}

TEST(NearestName, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("partition"), "partitions");
  EXPECT_EQ(nearest("replicaton-factor"), "replication-factor");
  EXPECT_EQ(nearest("tpoic"), "topic") << "a swap is one mistake";
  EXPECT_EQ(nearest("topics"), "topic") << "the nearer one";
  EXPECT_EQ(nearest("zookeeper"), "");
}

}  // namespace
}  // namespace quokka
