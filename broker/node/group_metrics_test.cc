#include "broker/node/group_metrics.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(GroupMetrics, CountsGroupsByStateAndShowsEach) {
  Registry registry;
  GroupMetrics metrics(registry);
  metrics.set({{"b", "consumer", GroupState::EMPTY, 0, 4, 2}, {"a", "consumer", GroupState::STABLE, 3, 6, 7}});
  const std::string page = registry.render();
  for (const char* line : {"kafka_coordinator_group_GroupMetadataManager_Value{name=\"NumGroups\"} 2\n",
                           "kafka_coordinator_group_GroupMetadataManager_Value{name=\"NumGroupsStable\"} 1\n",
                           "kafka_coordinator_group_GroupMetadataManager_Value{name=\"NumGroupsPreparingRebalance\"} 0\n",
                           "kafka_coordinator_group_GroupMetadataManager_Value{name=\"NumOffsets\"} 10\n",
                           "kafka_coordinator_group_Group_Value{name=\"Members\",group=\"a\"} 3\n",
                           "kafka_coordinator_group_Group_Value{name=\"Rebalances\",group=\"b\"} 2\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
  metrics.set({});
  EXPECT_EQ(registry.render().find("group=\"a\""), std::string::npos) << "a group that is gone is gone";
}

TEST(GroupMetrics, TheNumberOfSeriesHasALimit) {
  Registry registry;
  GroupMetrics metrics(registry);
  std::vector<GroupOverview> many(GroupMetrics::kGroupsShownMax + 5);
  for (size_t i = 0; i < many.size(); ++i) many[i].group = std::to_string(100'000 + i);
  metrics.set(many);
  const std::string page = registry.render();
  EXPECT_NE(page.find("{name=\"NumGroups\"} 1005\n"), std::string::npos);
  EXPECT_NE(page.find("group=\"100999\""), std::string::npos);
  EXPECT_EQ(page.find("group=\"101000\""), std::string::npos);
}

}  // namespace
}  // namespace quokka
