// Consumer groups: members share a topic, come, go and die, coordinators die; every record that was acknowledged is read, and committed offsets never
// go back.
#include <algorithm>
#include <filesystem>

#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/group_member.h"

namespace quokka {
namespace {

constexpr int32_t kPartitions = 6;

class GroupsTest : public ClusterFixture<GroupsTest> {
 public:
  static ClusterOptions options() { return coordinator_options({}); }

 protected:
  using Members = std::vector<std::unique_ptr<GroupMember>>;

  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }

  static void make_topic(const std::string& name) { KafkaAdmin(bootstrap()).create_topic_and_wait(name, kPartitions, 3); }
  static void produce(const std::string& topic, int first, int count) {
    KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"enable.idempotence", "true"}});
    for (int n = first; n < first + count; ++n) producer.send(topic, n % kPartitions, std::to_string(n));
    producer.flush_all_delivered();
  }
  static std::unique_ptr<GroupMember> member(const std::string& name, const ClientKeys& keys = {}) {
    return std::make_unique<GroupMember>(bootstrap(), name, name, keys);
  }
  // Every partition has one owner among them.
  static bool is_shared(const Members& members) {
    std::vector<int32_t> all;
    for (const auto& each : members) {
      const std::set<int32_t> its = each->assignment();
      if (its.empty()) return false;
      all.insert(all.end(), its.begin(), its.end());
    }
    std::sort(all.begin(), all.end());
    return all == std::vector<int32_t>{0, 1, 2, 3, 4, 5};
  }
  static std::set<int> numbers(const Members& members) {
    std::set<int> seen;
    for (const auto& each : members) {
      for (const auto& [partition, values] : each->values()) {
        for (const std::string& value : values) seen.insert(std::stoi(value));
      }
    }
    return seen;
  }
  static bool have_read(const Members& members, int count) {
    const std::set<int> seen = numbers(members);
    return static_cast<int>(seen.size()) == count && *seen.begin() == 0 && *seen.rbegin() == count - 1;
  }
  static int coordinator_of(const std::string& group) {
    const auto seen = KafkaAdmin(bootstrap()).metadata();
    for (const auto* topic : *seen->topics()) {
      if (topic->topic() != "__consumer_offsets") continue;
      for (const auto* partition : *topic->partitions()) {
        if (partition->id() == coordinator_partition(group, kCoordinatorPartitions).value) return partition->leader();
      }
    }
    return -1;
  }
  static void share_and_resume(const std::string& name, const ClientKeys& keys);
};

// Two members share, a third joins, one leaves; who comes after all have left goes on where they stopped.
void GroupsTest::share_and_resume(const std::string& name, const ClientKeys& keys) {
  make_topic(name);
  Members members;
  members.push_back(member(name, keys));
  members.push_back(member(name, keys));
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  produce(name, 0, 300);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return have_read(members, 300); }));
  members.push_back(member(name, keys));
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  produce(name, 300, 300);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return have_read(members, 600); }));
  members[0]->leave();
  Members rest;
  rest.push_back(std::move(members[1]));
  rest.push_back(std::move(members[2]));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(rest); })) << "what the one that left had is taken over";
  for (auto& each : rest) each->leave();

  const std::map<int32_t, int64_t> committed = committed_offsets(bootstrap(), name, name, kPartitions);
  for (const auto& [partition, offset] : committed) EXPECT_EQ(offset, 100) << "partition " << partition;
  produce(name, 600, 60);
  Members later;
  later.push_back(member(name, keys));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return numbers(later).size() == 60; }));
  EXPECT_EQ(*numbers(later).begin(), 600) << "it read again what was committed";
}

TEST_F(GroupsTest, RangeAssignment) { share_and_resume("range", {{"partition.assignment.strategy", "range"}}); }
TEST_F(GroupsTest, RoundRobinAssignment) { share_and_resume("roundrobin", {{"partition.assignment.strategy", "roundrobin"}}); }
TEST_F(GroupsTest, CooperativeStickyAssignment) { share_and_resume("sticky", {{"partition.assignment.strategy", "cooperative-sticky"}}); }

TEST_F(GroupsTest, AStaticMemberThatRestartsKeepsItsPartitions) {
  make_topic("static");
  Members members;
  members.push_back(member("static", {{"group.instance.id", "one"}}));
  members.push_back(member("static", {{"group.instance.id", "two"}}));
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  const std::set<int32_t> before = members[0]->assignment();
  const int rebalances = members[1]->rebalances();
  members[0].reset();
  members[0] = member("static", {{"group.instance.id", "one"}});
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  EXPECT_EQ(members[0]->assignment(), before);
  EXPECT_EQ(members[1]->rebalances(), rebalances) << "the other one was disturbed";
}

TEST_F(GroupsTest, WhatAKilledConsumerHadGoesToTheOthers) {
  make_topic("killed");
  Child killed;
  killed.start({"/usr/bin/env", "kcat", "-b", bootstrap(), "-G", "killed", "-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500", "-X",
                "auto.offset.reset=earliest", "killed"},
               cluster().directory() + "/kcat.log");
  Members members;
  members.push_back(member("killed"));
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return members[0]->assignment().size() == 3; })) << "the two share";
  killed.kill();
  produce("killed", 0, 120);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return have_read(members, 120); }));
}

TEST_F(GroupsTest, AKilledCoordinatorIsReplacedAndNothingGoesBack) {
  make_topic("coordinator");
  Members members;
  members.push_back(member("coordinator"));
  members.push_back(member("coordinator"));
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_shared(members); }));
  int produced = 0;
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    produce("coordinator", produced, 300);
    produced += 300;
    const int victim = coordinator_of("coordinator");
    ASSERT_GT(victim, 0);
    cluster().kill_broker(victim);
    produce("coordinator", produced, 300);
    produced += 300;
    EXPECT_TRUE(eventually(60'000, [&] { return have_read(members, produced); })) << numbers(members).size() << " of " << produced;
    // What was acknowledged by either coordinator is there.
    const std::map<int32_t, int64_t> committed = committed_offsets(bootstrap(), "coordinator", "coordinator", kPartitions);
    for (const auto& each : members) {
      for (const auto& [partition, offset] : each->committed()) EXPECT_GE(committed.at(partition), offset) << "partition " << partition << " went back";
    }
    cluster().start_broker(victim);
    cluster().wait_until_ready(victim);
    ASSERT_TRUE(eventually(client_timeout_ms, [&] { return coordinator_of("coordinator") > 0; }));
  }
}

TEST_F(GroupsTest, GroupsOutliveARestartOfAllBrokers) {
  make_topic("restart");
  produce("restart", 0, 60);
  {
    Members members;
    members.push_back(member("restart"));
    ASSERT_TRUE(eventually(client_timeout_ms, [&] { return have_read(members, 60); }));
  }
  cluster().kill_all_brokers();
  cluster().start_all_brokers();
  const std::map<int32_t, int64_t> committed = committed_offsets(bootstrap(), "restart", "restart", kPartitions);
  for (const auto& [partition, offset] : committed) EXPECT_EQ(offset, 10) << "partition " << partition;
}

}  // namespace
}  // namespace quokka
