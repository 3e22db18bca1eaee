#include "broker/node/feature_epoch.h"

#include <gtest/gtest.h>

#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

class FeatureEpochTest : public ::testing::Test {
 protected:
  void SetUp() override { loop.run_ready(); }
  void create_feature(const znodes::Feature& feature) {
    zk.create(std::string(znodes::kFeature), znodes::encode(feature), CreateMode::persistent, [](ZkOutcome outcome, const std::string&) {
      EXPECT_EQ(outcome, ZkOutcome::ok);
    });
    loop.run_ready();
  }
  void start() {
    features.start([this](bool) { ++times_known; });
    loop.run_ready();
  }

  ManualLoop loop;
  FakeZookeeper server{loop};
  FakeSession zk{server, loop, 6000};
  std::atomic<int64_t> epoch{-1};
  std::string refused;
  int times_known = 0;
  FeatureEpoch features{zk, epoch, [this](std::string why) { refused = std::move(why); }};
};

TEST_F(FeatureEpochTest, OnAnOldClusterTheEpochIsKnownAtOnce) {
  create_feature({});
  start();
  EXPECT_EQ(times_known, 1);
  EXPECT_EQ(epoch.load(), 0);
}

TEST_F(FeatureEpochTest, OnANewClusterItIsKnownWhenTheControllerHasCreatedTheZnode) {
  start();
  EXPECT_EQ(times_known, 0);
  EXPECT_EQ(epoch.load(), -1);
  create_feature({});
  EXPECT_EQ(times_known, 1);
  EXPECT_EQ(epoch.load(), 0);
}

TEST_F(FeatureEpochTest, ChangesAreFollowedAndToldOnce) {
  create_feature({});
  start();
  zk.set(std::string(znodes::kFeature), znodes::encode(znodes::Feature{}), kAnyVersion, [](ZkOutcome, const ZnodeStat&) {});
  loop.run_ready();
  EXPECT_EQ(epoch.load(), 1);
  EXPECT_EQ(times_known, 1);
}

TEST_F(FeatureEpochTest, ADisabledZnodeHasNoEpoch) {
  znodes::Feature disabled;
  disabled.status = 0;
  create_feature(disabled);
  start();
  EXPECT_EQ(times_known, 1);
  EXPECT_EQ(epoch.load(), -1);
}

TEST_F(FeatureEpochTest, AFinalizedFeatureIsRefused) {
  znodes::Feature with_one;
  with_one.features["group.version"] = {};
  create_feature(with_one);
  start();
  EXPECT_NE(refused.find("group.version"), std::string::npos) << refused;
  EXPECT_EQ(epoch.load(), -1);
}

}  // namespace
}  // namespace quokka
