// Reassignments and elections through the runner: over an in-memory ZooKeeper, with brokers that answer control requests.
#include <gtest/gtest.h>

#include "coord/controller/runner/runner_harness.h"
#include "coord/znodes/admin.h"

namespace quokka {
namespace {

Replicas ids(std::initializer_list<int32_t> values) {
  Replicas made;
  for (int32_t value : values) made.push_back(BrokerId(value));
  return made;
}

struct Moving : ::testing::Test, RunnerCluster {
  void SetUp() override {
    for (int32_t id : {1, 2, 3}) start(id);
    create_topic("t", {{1, 2}, {2, 1}});
    ASSERT_EQ(controller(), 1);
    zookeeper.forget_writes();
    sent.clear();
  }
  static TopicPartition tp(int32_t partition) { return {"t", PartitionIndex(partition)}; }
  znodes::Topic topic() const { return *znodes::parse_topic("t", *zookeeper.data("/brokers/topics/t")); }

  ErrorCode reassign(int32_t partition, std::optional<Replicas> target, int32_t at = 1) {
    std::optional<Result<PartitionOutcomes>> answer;
    nodes.at(at)->runner.alter_reassignments({{tp(partition), std::move(target)}}, [&](Result<PartitionOutcomes> given) { answer = std::move(given); });
    loop.run_ready();
    EXPECT_TRUE(answer);
    if (!answer) return ErrorCode::UNKNOWN_SERVER_ERROR;
    return *answer ? (*answer)->at(tp(partition)).error : answer->code();
  }
  std::map<TopicPartition, Assignment> list(std::optional<std::vector<TopicPartition>> partitions = std::nullopt) {
    std::optional<Result<std::map<TopicPartition, Assignment>>> answer;
    nodes.at(controller())->runner.list_reassignments(std::move(partitions), [&](auto given) { answer = std::move(given); });
    loop.run_ready();
    return answer && *answer ? **answer : std::map<TopicPartition, Assignment>();
  }
  // The leader proposes this set to whoever is the controller.
  ErrorCode alter(int32_t partition, Replicas isr) {
    const znodes::PartitionState now = state("t", partition);
    AlterIsr asked{"t", {}, PartitionIndex(partition), now.leader_epoch, PartitionEpoch(state_version("t", partition)), std::move(isr), {}, false};
    std::optional<AlterIsrAnswer> answer;
    nodes.at(controller())->runner.alter_partition({now.leader, epoch(now.leader.value), 3, {asked}}, [&](AlterIsrAnswer given) { answer = std::move(given); });
    loop.run_ready();
    return answer && answer->partitions.size() == 1 ? answer->partitions[0].error : ErrorCode::UNKNOWN_SERVER_ERROR;
  }
  bool was_sent(const std::string& line) const { return std::find(sent.begin(), sent.end(), line) != sent.end(); }
};

TEST_F(Moving, TheTopicsZnodeNamesWhatIsToBeAndThenTheTargetAlone) {
  EXPECT_EQ(reassign(0, ids({2, 3})), ErrorCode::NONE);
  EXPECT_EQ(topic().partitions.at(PartitionIndex(0)), ids({2, 3, 1}));
  EXPECT_EQ(topic().adding.at(PartitionIndex(0)), ids({3}));
  EXPECT_EQ(topic().removing.at(PartitionIndex(0)), ids({1}));
  EXPECT_EQ(topic().partitions.at(PartitionIndex(1)), ids({2, 1})) << "the others stay";
  EXPECT_EQ(state("t", 0).leader_epoch, LeaderEpoch(1));
  EXPECT_TRUE(was_sent("1->3 leader-and-isr t-0=1!"));
  EXPECT_TRUE(was_sent("1->2 leader-and-isr t-0=1"));
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(list()[tp(0)].adding, ids({3}));
  EXPECT_TRUE(list({{tp(1), {"nothing", PartitionIndex(0)}}}).empty());

  EXPECT_EQ(alter(0, ids({1, 2, 3})), ErrorCode::NONE);
  EXPECT_EQ(topic().partitions.at(PartitionIndex(0)), ids({2, 3}));
  EXPECT_TRUE(topic().adding.empty() && topic().removing.empty());
  EXPECT_EQ(state("t", 0).leader, BrokerId(2));
  EXPECT_EQ(state("t", 0).isr, ids({2, 3}));
  EXPECT_EQ(state("t", 0).leader_epoch, LeaderEpoch(3));
  EXPECT_TRUE(was_sent("1->1 stop-replica t-0 remove"));
  EXPECT_TRUE(list().empty());
  int64_t fenced = 0;
  for (const auto& write : zookeeper.writes()) {
    if (write.op.kind == ZkOp::Kind::check && write.op.path == "/controller_epoch") fenced = write.zxid;
    if (write.op.kind == ZkOp::Kind::set) {
      EXPECT_EQ(write.zxid, fenced) << write.op.path;
    }
  }
}

// Clients must hear of the epoch that leader and followers are at, or they ask for ever at a stale one.
TEST_F(Moving, MetadataCarriesTheEpochsOfTheMove_H39) {
  const auto expect_told = [this](BrokerId leader) {
    for (const auto& [id, node] : nodes) {
      const PartitionView* seen = node->view.get()->partition(tp(0));
      ASSERT_NE(seen, nullptr);
      EXPECT_EQ(seen->leader, leader) << id;
      EXPECT_EQ(seen->leader_epoch, state("t", 0).leader_epoch) << id;
      EXPECT_EQ(seen->partition_epoch, PartitionEpoch(state_version("t", 0))) << id;
    }
  };
  ASSERT_EQ(reassign(0, ids({2, 3})), ErrorCode::NONE);
  expect_told(BrokerId(1));
  ASSERT_EQ(alter(0, ids({1, 2, 3})), ErrorCode::NONE);
  expect_told(BrokerId(2));
}

TEST_F(Moving, TheNextControllerGoesOn) {
  ASSERT_EQ(reassign(0, ids({2, 3})), ErrorCode::NONE);
  kill(1);
  ASSERT_EQ(controller(), 2);
  EXPECT_EQ(topic().adding.at(PartitionIndex(0)), ids({3}));
  EXPECT_TRUE(was_sent("2->3 leader-and-isr t-0=2! t-1=2") || was_sent("2->3 leader-and-isr t-0=2!")) << "its replica is started again";
  start(1);
  EXPECT_EQ(alter(0, ids({2, 3})), ErrorCode::NONE);
  EXPECT_TRUE(topic().removing.empty());
  EXPECT_TRUE(was_sent("2->1 stop-replica t-0 remove")) << "the replica of the broker that died goes, too";
}

TEST_F(Moving, AnswersToWritesThatAreLostOnTheWay) {
  for (const bool performed : {true, false}) {
    nodes[1]->session->lose_writes(2, performed);
    EXPECT_EQ(reassign(0, ids({2, 3})), ErrorCode::NONE);
    nodes[1]->session->lose_writes(3, performed);
    for (int tries = 0; tries < 5 && !list().empty(); ++tries) alter(0, ids({1, 2, 3}));  // as a leader does
    EXPECT_EQ(topic().partitions.at(PartitionIndex(0)), ids({2, 3}));
    EXPECT_TRUE(topic().adding.empty());
    ASSERT_EQ(reassign(0, ids({1, 2})), ErrorCode::NONE);
    ASSERT_EQ(alter(0, ids({2, 3, 1})), ErrorCode::NONE);
    ASSERT_EQ(topic().partitions.at(PartitionIndex(0)), ids({1, 2}));
  }
}

TEST_F(Moving, PartitionsAddedMeanwhileStay) {
  // The controller has read the topic and is about to write it; another broker adds a partition.
  nodes[1]->session->hold();
  std::optional<Result<PartitionOutcomes>> answer;
  nodes[1]->runner.alter_reassignments({{tp(0), ids({2, 3})}}, [&](Result<PartitionOutcomes> given) { answer = std::move(given); });
  loop.run_ready();
  znodes::Topic more = topic();
  more.partitions[PartitionIndex(2)] = ids({3});
  zookeeper.put("/brokers/topics/t", znodes::encode(more));
  nodes[1]->session->release();
  loop.run_ready();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(topic().partitions.at(PartitionIndex(2)), ids({3}));
  EXPECT_EQ(topic().partitions.at(PartitionIndex(0)), ids({2, 3, 1}));
  EXPECT_EQ(state("t", 2).leader, BrokerId(3));
}

TEST_F(Moving, TheZnodeOfTheOldToolIsServedAndGoes) {
  for (int round = 0; round < 2; ++round) {
    const Replicas target = round == 0 ? ids({2, 3}) : ids({1, 2});
    zookeeper.put("/admin/reassign_partitions", znodes::encode_reassignments({{tp(0), target}, {{"nothing", PartitionIndex(0)}, ids({1})}}));
    loop.run_ready();
    EXPECT_EQ(*znodes::parse_reassignments(*zookeeper.data("/admin/reassign_partitions")), (std::vector<znodes::Reassignment>{{tp(0), target}}))
        << "what cannot be is removed";
    ASSERT_EQ(alter(0, round == 0 ? ids({1, 2, 3}) : ids({2, 3, 1})), ErrorCode::NONE);
    EXPECT_EQ(topic().partitions.at(PartitionIndex(0)), target);
    EXPECT_FALSE(zookeeper.has("/admin/reassign_partitions")) << "round " << round << ": the watch is armed again (H36)";
  }
  // What is there when a controller is elected; the latest word counts.
  zookeeper.put("/admin/reassign_partitions", znodes::encode_reassignments({{tp(1), ids({3, 1})}}));
  kill(1);
  ASSERT_EQ(controller(), 2);
  start(1);
  EXPECT_EQ(topic().adding.at(PartitionIndex(1)), ids({3}));
  EXPECT_EQ(reassign(1, std::nullopt, 2), ErrorCode::NONE);
  EXPECT_FALSE(zookeeper.has("/admin/reassign_partitions"));
  EXPECT_TRUE(topic().adding.empty());
}

TEST_F(Moving, ATopicIsDeletedWhileItMoves) {
  zookeeper.put("/admin/reassign_partitions", znodes::encode_reassignments({{tp(0), ids({3})}}));
  loop.run_ready();
  ASSERT_FALSE(topic().adding.empty());
  zookeeper.put("/admin/delete_topics/t", std::nullopt);
  loop.run_ready();
  EXPECT_FALSE(zookeeper.has("/brokers/topics/t"));
  EXPECT_FALSE(zookeeper.has("/admin/reassign_partitions"));
  EXPECT_TRUE(was_sent("1->3 stop-replica t-0 remove"));
  EXPECT_EQ(reassign(0, ids({1})), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(Moving, OnlyTheControllerReassigns) {
  EXPECT_EQ(reassign(0, ids({2, 3}), 2), ErrorCode::NOT_CONTROLLER);
  // Nor one that was replaced and does not know it.
  nodes[1]->session->hold();
  std::optional<Result<PartitionOutcomes>> answer;
  nodes[1]->runner.alter_reassignments({{tp(0), ids({2, 3})}}, [&](Result<PartitionOutcomes> given) { answer = std::move(given); });
  loop.run_ready();
  zookeeper.put("/controller_epoch", "7");
  nodes[1]->session->release();
  loop.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code(), ErrorCode::NOT_CONTROLLER);
  EXPECT_TRUE(topic().adding.empty());
}

TEST_F(Moving, ElectionsAreAnsweredWhenClientsSeeThem) {
  std::optional<PartitionOutcomes> answer;
  auto elect = [&](ElectionType type, Duration timeout) {
    answer.reset();
    nodes[1]->runner.elect_leaders(type, {tp(0), tp(1), tp(9)}, timeout, [&](Result<PartitionOutcomes> given) { answer = *std::move(given); });
    loop.run_ready();
  };
  elect(ElectionType::preferred, Duration::seconds(5));
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)[tp(0)].error, ErrorCode::ELECTION_NOT_NEEDED);
  EXPECT_EQ((*answer)[tp(9)].error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  kill(2);
  ASSERT_EQ(state("t", 1).leader, BrokerId(1));
  elect(ElectionType::preferred, Duration::seconds(5));
  EXPECT_EQ((*answer)[tp(1)].error, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE);
  start(2);
  ASSERT_EQ(alter(1, ids({1, 2})), ErrorCode::NONE);
  nodes[1]->answers = false;  // it is not told what it decided
  elect(ElectionType::preferred, Duration::seconds(5));
  EXPECT_EQ(state("t", 1).leader, BrokerId(2));
  EXPECT_FALSE(answer);
  loop.advance(Duration::seconds(5));
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)[tp(1)].error, ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_EQ((*answer)[tp(0)].error, ErrorCode::ELECTION_NOT_NEEDED);
  elect(ElectionType::unclean, Duration::seconds(5));
  EXPECT_EQ((*answer)[tp(1)].error, ErrorCode::ELECTION_NOT_NEEDED);
}

TEST_F(Moving, AnUncleanElectionThatWasAskedFor) {
  ASSERT_EQ(reassign(1, ids({2, 3})), ErrorCode::NONE);
  ASSERT_EQ(alter(1, ids({2})), ErrorCode::NONE);
  kill(2);
  ASSERT_EQ(state("t", 1).leader, BrokerId(-1));
  std::optional<PartitionOutcomes> answer;
  nodes[1]->runner.elect_leaders(ElectionType::unclean, {tp(1)}, Duration::seconds(5), [&](Result<PartitionOutcomes> given) { answer = *std::move(given); });
  loop.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)[tp(1)].error, ErrorCode::NONE);
  EXPECT_EQ(state("t", 1).leader, BrokerId(3)) << "the first live one of the assignment";
  EXPECT_EQ(state("t", 1).leader_recovery_state, znodes::LeaderRecoveryState::recovering);
}

}  // namespace
}  // namespace quokka
