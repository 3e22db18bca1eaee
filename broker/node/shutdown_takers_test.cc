#include "broker/node/shutdown_takers.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(ShutdownTakers, ABrokerWaitsOnlyWhileAnotherReplicaLives) {
  ViewHolder view;
  const auto live = [&view](std::initializer_list<int> ids) {
    ClusterUpdate update;
    for (const int id : ids) update.brokers.push_back({BrokerId(id), {{"PLAINTEXT", "b", 9092, 0}}, {}});
    PartitionView partition;
    partition.index = PartitionIndex(0);
    partition.replicas = {BrokerId(1), BrokerId(2)};
    update.topics.push_back({"orders", {}, {partition}});
    view.apply(update);
    return view.get();
  };
  const std::vector<TopicPartition> orders{{"orders", PartitionIndex(0)}};
  EXPECT_TRUE(has_takers(*live({1, 2, 3}), BrokerId(1), orders));
  EXPECT_FALSE(has_takers(*live({1, 3}), BrokerId(1), orders)) << "3 has no replica";
  EXPECT_FALSE(has_takers(*live({1}), BrokerId(1), orders));
  EXPECT_FALSE(has_takers(*live({1, 2}), BrokerId(1), {})) << "nothing is left";
  EXPECT_FALSE(has_takers(*live({1, 2}), BrokerId(1), {{"gone", PartitionIndex(0)}}));
  EXPECT_TRUE(has_others(*live({1, 2}), BrokerId(1)));
  EXPECT_FALSE(has_others(*live({1}), BrokerId(1)));
  EXPECT_FALSE(has_others(*live({}), BrokerId(1)));
}

}  // namespace
}  // namespace quokka
