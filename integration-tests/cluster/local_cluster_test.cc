// The ground other integration tests stand on: servers start, die and come back.
#include "integration-tests/cluster/local_cluster.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quokka {
namespace {

TEST(LocalClusterTest, AnEnsembleOfThreeElectsALeaderAndLosesOne) {
  LocalCluster cluster({.brokers = 0, .zookeepers = 3});
  int leaders = 0, leader = 0;
  for (int i = 1; i <= 3; ++i) {
    if (cluster.zookeeper_mode(i) != "leader") continue;
    ++leaders;
    leader = i;
  }
  ASSERT_EQ(leaders, 1);
  cluster.zookeeper(leader).kill();
  int other = leader % 3 + 1;
  EXPECT_TRUE(eventually(30'000, [&] { return !cluster.zookeeper_mode(other).empty(); }));
  cluster.start_zookeeper(leader);
  cluster.wait_for_zookeeper(leader);
  EXPECT_EQ(cluster.zookeeper_mode(leader), "follower");
}

TEST(LocalClusterTest, NothingIsLeftBehind) {
  std::string directory;
  {
    LocalCluster cluster({.brokers = 0});
    directory = cluster.directory();
    EXPECT_EQ(cluster.zookeeper_mode(1), "standalone");
    EXPECT_TRUE(std::filesystem::exists(directory));
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(LocalClusterTest, AChildThatCannotRunIsNoticed) {
  Child child;
  child.start({"/nonexistent"}, "/dev/null");
  EXPECT_EQ(child.wait(10'000), 127);
  EXPECT_FALSE(child.runs());
}

}  // namespace
}  // namespace quokka
