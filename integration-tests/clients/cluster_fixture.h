// A cluster that all tests of a suite share. Suites that want another kind name it in a class of their own:
//
//   class ThreeZookeepers : public ClusterFixture<ThreeZookeepers> { public: static ClusterOptions options() { ... } };
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "integration-tests/clients/cluster_znodes.h"
#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/cluster/local_cluster.h"

namespace quokka {

// Of clusters whose coordinators are tested: their topics are small enough to be made at once, and groups wait for members that come together.
inline constexpr int kCoordinatorPartitions = 5;
inline ClusterOptions coordinator_options(BrokerKeys more) {
  ClusterOptions wanted;
  wanted.keys = std::move(more);
  wanted.keys.merge(BrokerKeys{{"offsets.topic.num.partitions", std::to_string(kCoordinatorPartitions)}, {"offsets.topic.replication.factor", "3"}, {"group.initial.rebalance.delay.ms", "200"}});
  return wanted;
}

template <class Suite>
class ClusterFixture : public ::testing::Test {
 public:
  static ClusterOptions options() { return {}; }
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<LocalCluster>(Suite::options());
    znodes_ = std::make_unique<ClusterZnodes>(cluster_->zookeeper_connect());
  }
  static void TearDownTestSuite() {
    znodes_.reset();
    cluster_.reset();
  }

 protected:
  void SetUp() override { ASSERT_TRUE(cluster_ && znodes_) << "the cluster did not start"; }

  static LocalCluster& cluster() { return *cluster_; }
  static ClusterZnodes& znodes() { return *znodes_; }
  static std::string bootstrap() { return cluster_->bootstrap(); }

 private:
  static inline std::unique_ptr<LocalCluster> cluster_;
  static inline std::unique_ptr<ClusterZnodes> znodes_;
};

}  // namespace quokka
