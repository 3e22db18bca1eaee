// Partitions of six brokers move under load: to other brokers, to more and fewer replicas, back in the middle of a move, and by the znode of the old
// tool. Nothing acknowledged is lost, and who gives its replica away keeps no files.
#include <algorithm>
#include <filesystem>
#include <set>

#include "coord/znodes/admin.h"
#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/faults/workload.h"

namespace quokka {
namespace {

constexpr int32_t partitions = 4;
constexpr int move_timeout_ms = 60'000;
constexpr const char* reassignment_znode = "/admin/reassign_partitions";

class ReassignmentTest : public ClusterFixture<ReassignmentTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.brokers = 6;
    wanted.keys = {{"auto.leader.rebalance.enable", "false"}, {"log.segment.delete.delay.ms", "200"}};
    return wanted;
  }

 protected:
  // A topic of the test's name under load.
  void begin(int replication_factor) {
    ASSERT_TRUE(eventually(client_timeout_ms, [] {
      for (int id : cluster().broker_ids())
        if (KafkaAdmin(cluster().address(id)).metadata()->brokers()->size() != 6) return false;
      return true;
    }));
    topic_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    KafkaAdmin(bootstrap()).create_topic_and_wait(topic_, partitions, replication_factor, {{"min.insync.replicas", "2"}});
    before_ = replicas_of(znodes(), topic_);
    WorkloadOptions load;
    load.bootstrap = bootstrap();
    load.topic = topic_;
    load.partitions = partitions;
    load_ = std::make_unique<Workload>(load);
    ASSERT_TRUE(load_->wait_for_every_partition(client_timeout_ms));
  }
  void expect_moved(const ReplicaPlan& plan) {
    EXPECT_TRUE(eventually(move_timeout_ms, [&] { return is_reassigned(znodes(), topic_, plan); })) << znodes().text("/brokers/topics/" + topic_).value_or("");
    EXPECT_TRUE(load_->wait_for_every_partition(client_timeout_ms)) << "the producers find the leaders";
    for (const auto& [partition, brokers] : plan) {
      const int leader = znodes().partition_state(topic_, partition)->leader.value;
      EXPECT_TRUE(std::find(brokers.begin(), brokers.end(), leader) != brokers.end()) << "partition " << partition << " is led by " << leader;
    }
    EXPECT_EQ(count_reassignments(bootstrap()), 0U);
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return holders() == plan_of_sets(plan); })) << "files are where no replica is, or the reverse";
  }
  void expect_nothing_lost() {
    EXPECT_TRUE(load_->wait_for_acknowledged(1000, client_timeout_ms));
    const Findings findings = check_history(load_->stop());
    EXPECT_TRUE(findings.empty()) << findings.str();
  }
  // The brokers that are not among a partition's replicas now, `count` of them.
  ReplicaPlan others(size_t count) const {
    ReplicaPlan plan;
    for (const auto& [partition, brokers] : before_)
      for (int id : cluster().broker_ids())
        if (plan[partition].size() < count && std::find(brokers.begin(), brokers.end(), id) == brokers.end()) plan[partition].push_back(id);
    return plan;
  }
  bool is_moving() { return znodes().text("/brokers/topics/" + topic_).value_or("").find("\"adding_replicas\":{}") == std::string::npos; }

  static std::map<int32_t, std::set<int>> plan_of_sets(const ReplicaPlan& plan) {
    std::map<int32_t, std::set<int>> sets;
    for (const auto& [partition, brokers] : plan) sets[partition] = {brokers.begin(), brokers.end()};
    return sets;
  }
  // Who has a directory of a partition, be it one that is on its way out.
  std::map<int32_t, std::set<int>> holders() const {
    std::map<int32_t, std::set<int>> found;
    for (int32_t partition = 0; partition < partitions; ++partition)
      for (int id : cluster().broker_ids())
        for (const auto& entry : std::filesystem::directory_iterator(cluster().data_directory(id))) {
          const std::string name = entry.path().filename();
          const std::string wanted = topic_ + "-" + std::to_string(partition);
          if (name == wanted || name.starts_with(wanted + ".")) found[partition].insert(id);
        }
    return found;
  }

  std::string topic_;
  ReplicaPlan before_;
  std::unique_ptr<Workload> load_;
};

TEST_F(ReassignmentTest, ToThreeOtherBrokers) {
  begin(3);
  reassign(bootstrap(), topic_, others(3));
  expect_moved(others(3));
  expect_nothing_lost();
}

TEST_F(ReassignmentTest, ToMoreReplicasAndFewer) {
  begin(2);
  ReplicaPlan more = before_;
  for (const auto& [partition, brokers] : others(2)) more[partition].insert(more[partition].begin(), brokers.begin(), brokers.end());
  reassign(bootstrap(), topic_, more);
  expect_moved(more);
  ReplicaPlan fewer;  // those that came
  for (const auto& [partition, brokers] : more) fewer[partition] = {brokers[1], brokers[0]};
  reassign(bootstrap(), topic_, fewer);
  expect_moved(fewer);
  expect_nothing_lost();
}

TEST_F(ReassignmentTest, ACancelledMoveGoesBack) {
  begin(3);
  // Who is to come cannot, so that the move of every partition is under way when it is cancelled; the controller must not stand still.
  const int controller = znodes().controller();
  ReplicaPlan plan = before_;
  std::set<int> newcomers;
  for (const auto& [partition, brokers] : others(2)) {
    plan[partition][2] = brokers[0] == controller ? brokers[1] : brokers[0];
    newcomers.insert(plan[partition][2]);
  }
  for (int id : newcomers) cluster().broker(id).pause();
  reassign(cluster().address(controller), topic_, plan);
  EXPECT_TRUE(is_moving());
  EXPECT_EQ(count_reassignments(cluster().address(controller)), size_t{partitions});
  cancel_reassignment(cluster().address(controller), topic_, plan);
  for (int id : newcomers) cluster().broker(id).resume();
  expect_moved(before_);
  expect_nothing_lost();
}

TEST_F(ReassignmentTest, ByTheZnodeOfTheOldTool) {
  begin(3);
  const ReplicaPlan plan = others(3);
  std::vector<znodes::Reassignment> wanted;
  for (const auto& [partition, brokers] : plan) {
    znodes::Reassignment& each = wanted.emplace_back();
    each.partition = {topic_, PartitionIndex(partition)};
    for (int broker : brokers) each.replicas.emplace_back(broker);
  }
  wanted.push_back({{"no-such-topic", PartitionIndex(0)}, {BrokerId(1)}});
  znodes().write(reassignment_znode, znodes::encode_reassignments(wanted));
  EXPECT_TRUE(eventually(move_timeout_ms, [] { return !znodes().stat(reassignment_znode); })) << "the znode stays";
  expect_moved(plan);
  expect_nothing_lost();
}

}  // namespace
}  // namespace quokka
