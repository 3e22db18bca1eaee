// A cluster that all tests of a suite share. Suites that want another kind name it in a class of their own:
//
//   class ThreeZookeepers : public ClusterFixture<ThreeZookeepers> { public: static ClusterOptions options() { ... } };
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "integration-tests/clients/cluster_znodes.h"
#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/cluster/local_cluster.h"

namespace quokka {

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
