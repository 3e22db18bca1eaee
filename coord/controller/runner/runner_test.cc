#include "coord/controller/runner.h"

#include <gtest/gtest.h>

#include "coord/controller/runner/runner_harness.h"
#include "coord/znodes/admin.h"
#include "coord/znodes/controller.h"
#include "protocol/base/schedules.h"

namespace quokka {
namespace {

std::vector<BrokerId> ids(std::initializer_list<int32_t> values) {
  std::vector<BrokerId> made;
  for (int32_t value : values) made.push_back(BrokerId(value));
  return made;
}

struct ThreeBrokers : ::testing::Test, RunnerCluster {
  void SetUp() override {
    for (int32_t id : {1, 2, 3}) start(id);
    create_topic("t", {{1, 2, 3}, {2, 3, 1}});
    ASSERT_EQ(controller(), 1);
    forget();
  }
  void forget() {
    sent.clear();
    zookeeper.forget_writes();
  }
  ErrorCode alter(int32_t to, int32_t broker, int32_t partition, std::vector<BrokerId> isr) {
    AlterIsr asked;
    asked.topic = "t";
    asked.partition = PartitionIndex(partition);
    asked.leader_epoch = state("t", partition).leader_epoch;
    asked.partition_epoch = PartitionEpoch(state_version("t", partition));
    asked.isr = std::move(isr);
    std::optional<AlterIsrAnswer> answer;
    nodes.at(to)->runner.alter_partition({BrokerId(broker), epoch(broker), 3, {asked}}, [&](AlterIsrAnswer given) { answer = std::move(given); });
    loop.run_ready();
    EXPECT_TRUE(answer.has_value());
    if (!answer) return ErrorCode::UNKNOWN_SERVER_ERROR;
    return answer->error != ErrorCode::NONE ? answer->error : answer->partitions.at(0).error;
  }
  ControllerCounts counts(int32_t of) {
    ControllerCounts counted;
    nodes.at(of)->runner.counts([&](ControllerCounts given) { counted = given; });
    loop.run_ready();
    return counted;
  }
  // Every write of a controller comes behind a check of its epoch.
  void expect_fenced() {
    int64_t fenced_zxid = 0;
    for (const auto& write : zookeeper.writes()) {
      if (write.op.kind == ZkOp::Kind::check && write.op.path == "/controller_epoch") fenced_zxid = write.zxid;
      const bool is_ephemeral = write.op.path.starts_with("/brokers/ids") || write.op.path == "/controller";
      if (write.op.path.find("/partitions") != std::string::npos || (write.op.kind == ZkOp::Kind::remove && !is_ephemeral)) {
        EXPECT_EQ(fenced_zxid, write.zxid) << write.op.path;
      }
    }
  }
};

TEST(Runner, TheFirstCandidateIsElectedAsKafkaDoesIt) {
  RunnerCluster cluster;
  cluster.start(1);
  EXPECT_TRUE(cluster.nodes[1]->runner.is_active());
  EXPECT_EQ(*cluster.zookeeper.data("/controller_epoch"), "1");
  EXPECT_EQ(cluster.zookeeper.stat("/controller_epoch").version, 1);
  EXPECT_EQ(cluster.zookeeper.stat("/controller").czxid, cluster.zookeeper.stat("/controller_epoch").mzxid) << "one multi";
  auto content = znodes::parse_controller(*cluster.zookeeper.data("/controller"));
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(content->broker, BrokerId(1));
  EXPECT_EQ(content->kraft_epoch, -1);
  auto feature = znodes::parse_feature(*cluster.zookeeper.data("/feature"));
  ASSERT_TRUE(feature.ok());
  EXPECT_EQ(*feature, znodes::Feature());
  cluster.start(2);
  EXPECT_FALSE(cluster.nodes[2]->runner.is_active());
  EXPECT_EQ(cluster.nodes[2]->runner.controller_id(), BrokerId(1));
}

TEST_F(ThreeBrokers, NewTopicIsWrittenFencedAndTold) {
  EXPECT_EQ(state("t", 0).leader, BrokerId(1));
  EXPECT_EQ(state("t", 1).isr, ids({2, 3, 1}));
  std::optional<ErrorCode> led;
  nodes[1]->runner.when_topic_led("u", 2, Duration::seconds(5), [&](ErrorCode code) { led = code; });
  loop.run_ready();
  EXPECT_FALSE(led);
  create_topic("u", {{3, 1}, {1, 2}});
  ASSERT_TRUE(led);
  EXPECT_EQ(*led, ErrorCode::NONE);
  EXPECT_EQ(state("u", 0).leader, BrokerId(3));
  EXPECT_EQ(state("u", 0).controller_epoch, ControllerEpoch(1));
  EXPECT_EQ(zookeeper.data("/brokers/topics/u/partitions"), std::nullopt);
  expect_fenced();
  EXPECT_EQ(sent.front(), "1->1 leader-and-isr u-0=3! u-1=1!");
  EXPECT_NE(std::find(sent.begin(), sent.end(), "1->2 metadata u-0=3 u-1=1"), sent.end());
}

TEST_F(ThreeBrokers, WaitingForATopicEnds) {
  std::optional<ErrorCode> led;
  nodes[1]->runner.when_topic_led("never", 1, Duration::millis(300), [&](ErrorCode code) { led = code; });
  loop.advance(Duration::millis(299));
  EXPECT_FALSE(led);
  loop.advance(Duration::millis(1));
  EXPECT_EQ(*led, ErrorCode::REQUEST_TIMED_OUT);
}

TEST_F(ThreeBrokers, PartitionsAreAdded) {
  auto topic = *znodes::parse_topic("t", *zookeeper.data("/brokers/topics/t"));
  topic.partitions[PartitionIndex(2)] = ids({3, 2});
  zookeeper.put("/brokers/topics/t", znodes::encode(topic));
  loop.run_ready();
  EXPECT_EQ(state("t", 2).leader, BrokerId(3));
  expect_fenced();
  topic.partitions[PartitionIndex(3)] = ids({2, 1});
  zookeeper.put("/brokers/topics/t", znodes::encode(topic));
  loop.run_ready();
  EXPECT_EQ(state("t", 3).leader, BrokerId(2)) << "the watch was armed again (H36)";
}

TEST_F(ThreeBrokers, TheControllerDiesAndAnotherGoesOn) {
  kill(1);
  ASSERT_EQ(controller(), 2);
  EXPECT_EQ(*zookeeper.data("/controller_epoch"), "2");
  EXPECT_EQ(state("t", 0).leader, BrokerId(2));
  EXPECT_EQ(state("t", 0).isr, ids({2, 3}));
  EXPECT_EQ(state("t", 0).controller_epoch, ControllerEpoch(2));
  EXPECT_EQ(state("t", 1).isr, ids({2, 3}));
  // Live brokers first, then leaders, then what clients may know (H37).
  const std::vector<std::string> expected = {"2->2 metadata", "2->3 metadata", "2->2 leader-and-isr t-0=2 t-1=2", "2->3 leader-and-isr t-0=2 t-1=2",
                                             "2->2 metadata t-0=2 t-1=2", "2->3 metadata t-0=2 t-1=2"};
  EXPECT_EQ(sent, expected);
  expect_fenced();
  start(1);
  EXPECT_EQ(controller(), 2);
  EXPECT_EQ(nodes[1]->view.get()->partition("t", PartitionIndex(0))->leader, BrokerId(2)) << "told everything";
}

TEST_F(ThreeBrokers, AZombieControllerWritesNothing_H29_H31) {
  // Broker 1 is cut off; its session expires; 2 is elected. Then 1 comes back with an event in its queue.
  nodes[1]->session->disconnect(FakeSession::UnderWay::not_sent);
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  EXPECT_TRUE(nodes[1]->runner.is_active()) << "it cannot know";
  EXPECT_TRUE(nodes[2]->runner.is_active());
  forget();
  std::optional<AlterIsrAnswer> answer;
  nodes[1]->runner.alter_partition({BrokerId(1), BrokerEpoch(0), 3, {}}, [&](AlterIsrAnswer given) { answer = std::move(given); });
  nodes[1]->session->reconnect();
  loop.run_ready();
  EXPECT_FALSE(nodes[1]->runner.is_active());
  ASSERT_TRUE(answer);
  for (const auto& write : zookeeper.writes()) EXPECT_NE(write.op.path.find("/controller_epoch"), 0u) << "1 must not be elected unregistered";
  enlist(1);
  EXPECT_EQ(controller(), 2);
  EXPECT_EQ(nodes[1]->runner.controller_id(), BrokerId(2));
}

TEST_F(ThreeBrokers, WhoIsNotRegisteredIsNotElected_H29) {
  kill(2);
  kill(3);
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  loop.advance(Duration::seconds(60));  // it looks at /controller now and then
  EXPECT_EQ(controller(), 0);
  enlist(1);
  EXPECT_EQ(controller(), 1);
}

TEST_F(ThreeBrokers, AWriteUnderAnotherEpochDeposes_H29) {
  // The epoch moves on without any event that reaches the controller.
  nodes[1]->session->hold();
  std::optional<AlterIsrAnswer> answer;
  AlterIsr asked{"t", {}, PartitionIndex(0), LeaderEpoch(0), PartitionEpoch(0), ids({1, 2}), {}, false};
  nodes[1]->runner.alter_partition({BrokerId(1), epoch(1), 3, {asked}}, [&](AlterIsrAnswer given) { answer = std::move(given); });
  loop.run_ready();
  EXPECT_FALSE(answer);
  zookeeper.put("/controller_epoch", "7");
  nodes[1]->session->release();
  loop.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(state("t", 0).isr, ids({1, 2, 3})) << "nothing was written";
  // It owned /controller without being the controller of the epoch: it gave that up, and there is a controller again, of a new epoch.
  EXPECT_NE(controller(), 0);
  EXPECT_EQ(*zookeeper.data("/controller_epoch"), "8");
}

TEST_F(ThreeBrokers, AnExpiryInTheMiddleOfAnEventWaitsForNobody_H34) {
  for (int round = 0; round < 3; ++round) {
    const int32_t leads = controller();
    Node& node = *nodes.at(leads);
    // A deletion, a proposal and an election are under way or wait in line when the session goes.
    std::optional<AlterIsrAnswer> proposal;
    std::optional<ErrorCode> election;
    node.session->hold();
    zookeeper.put("/admin/preferred_replica_election", znodes::encode_partitions({{"t", PartitionIndex(1)}}));
    node.runner.alter_partition({BrokerId(leads), epoch(leads), 3, {}}, [&](AlterIsrAnswer given) { proposal = std::move(given); });
    node.runner.elect_leaders(ElectionType::preferred, {{"t", PartitionIndex(0)}}, Duration::seconds(1),
                              [&](Result<PartitionOutcomes> given) { election = given.code(); });
    loop.run_one();
    zookeeper.expire(node.session->session_id());
    node.session->release();
    loop.run_ready();
    EXPECT_FALSE(node.runner.is_active());
    EXPECT_TRUE(proposal && election) << "those who wait are answered";
    enlist(leads);
    EXPECT_NE(controller(), 0);
    EXPECT_EQ(node.runner.controller_id(), BrokerId(controller()));
  }
  create_topic("after", {{1, 2}});
  EXPECT_EQ(state("after", 0).leader, BrokerId(1)) << "the new controller works";
}

TEST_F(ThreeBrokers, WhoWaitsForAWriteIsAnsweredAtAnExpiry_H34) {
  nodes[1]->session->hold();
  std::optional<AlterIsrAnswer> answer;
  AlterIsr asked{"t", {}, PartitionIndex(0), LeaderEpoch(0), PartitionEpoch(0), ids({1, 2}), {}, false};
  nodes[1]->runner.alter_partition({BrokerId(1), epoch(1), 3, {asked}}, [&](AlterIsrAnswer given) { answer = std::move(given); });
  loop.run_ready();
  EXPECT_FALSE(answer);
  zookeeper.expire(nodes[1]->session->session_id());
  nodes[1]->session->release();
  loop.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, ErrorCode::NOT_CONTROLLER);
}

TEST_F(ThreeBrokers, AnElectionThatNobodyCanFinishIsTriedAgain_H35) {
  zookeeper.put("/controller_epoch", "nonsense");
  zookeeper.erase("/controller");
  loop.advance(Duration::seconds(3));
  EXPECT_EQ(controller(), 0);
  zookeeper.put("/controller_epoch", "5");
  loop.advance(Duration::seconds(3));
  EXPECT_NE(controller(), 0);
}

TEST_F(ThreeBrokers, AnElectionThatFailsIsTriedAgainWithoutEnd_H35) {
  kill(2);
  kill(3);
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  ASSERT_EQ(controller(), 0);
  enlist_later(1);
  for (int i = 0; i < 30; ++i) {
    nodes[1]->session->lose_writes(2, false);
    for (int turn = 0; turn < 10; ++turn) loop.run_one();
    nodes[1]->session->disconnect(i % 2 == 0 ? FakeSession::UnderWay::lost : FakeSession::UnderWay::not_sent);
    loop.advance(Duration::seconds(2));
    nodes[1]->session->reconnect();
    if (!zookeeper.has("/brokers/ids/1")) enlist_later(1);
  }
  nodes[1]->session->lose_writes(0, false);
  loop.run_ready();
  if (!zookeeper.has("/brokers/ids/1")) enlist(1);  // as the registration does
  loop.advance(Duration::seconds(30));
  EXPECT_EQ(controller(), 1);
  create_topic("after", {{1}});
  EXPECT_EQ(state("after", 0).leader, BrokerId(1)) << "its watches are armed";
}

TEST_F(ThreeBrokers, WhatAWatchTellsIsReadWhenItsTurnComes_H36) {
  // Broker 3 goes and comes while the controller is busy, and a topic appears between: what is read is what is there then.
  nodes[1]->session->hold();
  kill(3);
  create_topic("u", {{3, 1}});
  start(3);
  nodes[1]->session->release();
  loop.run_ready();
  EXPECT_EQ(state("u", 0).leader, BrokerId(3)) << "no picture of a moment that has passed";
  for (int round = 0; round < 3; ++round) {
    kill(3);
    EXPECT_EQ(state("u", 0).leader, BrokerId(1)) << "round " << round << ": every watch was armed again";
    start(3);
    ASSERT_EQ(alter(1, 1, 0, ids({1, 2})), ErrorCode::NONE);
    zookeeper.put("/admin/preferred_replica_election", znodes::encode_partitions({{"u", PartitionIndex(0)}}));
    AlterIsr asked{"u", {}, PartitionIndex(0), state("u", 0).leader_epoch, PartitionEpoch(state_version("u", 0)), ids({1, 3}), {}, false};
    nodes.at(1)->runner.alter_partition({BrokerId(1), epoch(1), 3, {asked}}, [](AlterIsrAnswer) {});
    loop.run_ready();
    zookeeper.put("/admin/preferred_replica_election", znodes::encode_partitions({{"u", PartitionIndex(0)}}));
    loop.run_ready();
    ASSERT_EQ(state("u", 0).leader, BrokerId(3));
  }
}

TEST_F(ThreeBrokers, AWatchThatFiresDuringTheReadingIsNotLost_H36) {
  const std::string two = *zookeeper.data("/brokers/ids/2"), three = *zookeeper.data("/brokers/ids/3");
  kill(3);
  for (int steps = 0; steps < 12; ++steps) {
    zookeeper.put("/brokers/ids/2", two);  // has the brokers read
    for (int i = 0; i < steps; ++i) loop.run_one();
    zookeeper.put("/brokers/ids/3", three);
    loop.run_ready();
    EXPECT_TRUE(nodes[1]->peers.known.contains(BrokerId(3))) << steps;
    zookeeper.erase("/brokers/ids/3");
    loop.run_ready();
  }
}

TEST_F(ThreeBrokers, ABrokersZnodeThatIsWrittenAnewIsReadEachTime_H36) {
  for (const int32_t port : {9093, 9094}) {
    forget();
    znodes::Broker broker;
    broker.endpoints = {Endpoint{"PLAINTEXT", "host2", port, 0}};
    zookeeper.put("/brokers/ids/2", znodes::encode(broker));
    loop.run_ready();
    EXPECT_NE(std::find(sent.begin(), sent.end(), "1->3 metadata"), sent.end()) << port;
  }
}

TEST_F(ThreeBrokers, ControllerNodeDeletedByHandMovesTheController) {
  zookeeper.erase("/controller");
  loop.run_ready();
  EXPECT_NE(controller(), 0);
  EXPECT_EQ(*zookeeper.data("/controller_epoch"), "2");
}

TEST(Runner, AnElectionWhoseAnswerIsLostIsWon_H30) {
  for (const bool performed : {true, false}) {
    SCOPED_TRACE(performed);
    RunnerCluster cluster;
    cluster.zookeeper.put("/controller_epoch", "4");
    auto& node = *(cluster.nodes[1] = std::make_unique<RunnerCluster::Node>(cluster, BrokerId(1)));
    node.runner.start();
    cluster.loop.run_ready();
    cluster.zookeeper.forget_writes();
    node.runner.on_registered();
    node.session->lose_writes(1, performed);
    cluster.loop.run_ready();
    cluster.loop.advance(Duration::seconds(30));
    EXPECT_TRUE(node.runner.is_active());
    EXPECT_EQ(*cluster.zookeeper.data("/controller_epoch"), "5") << "one election";
  }
}

TEST_F(ThreeBrokers, ABounceSeenOnlyByItsTransactionIsFailureAndStart_H32) {
  // While the controller is held up, broker 2 goes and comes: it finds a broker 2 with another czxid, and one event.
  const BrokerEpoch before = epoch(2);
  nodes[1]->session->hold();
  zookeeper.expire(nodes[2]->session->session_id());
  loop.run_ready();
  enlist(2);
  ASSERT_GT(epoch(2), before);
  forget();
  nodes[1]->session->release();
  loop.run_ready();
  EXPECT_EQ(state("t", 1).leader, BrokerId(3));
  EXPECT_EQ(state("t", 1).isr, ids({3, 1}));
  EXPECT_EQ(state("t", 0).isr, ids({1, 3}));
  EXPECT_NE(std::find(sent.begin(), sent.end(), "1->2 leader-and-isr t-0=1 t-1=3"), sent.end());
}

TEST_F(ThreeBrokers, ABounceThatNoControllerSawIsFailureAndStart_H32) {
  // The controller hangs; broker 2 goes and comes; the controller goes. Who is elected then finds all partitions as they were, and broker 2 alive.
  nodes[1]->session->hold();
  zookeeper.expire(nodes[2]->session->session_id());
  loop.run_ready();
  enlist(2);
  const znodes::PartitionState before = state("t", 1);
  ASSERT_EQ(before.leader, BrokerId(2));
  forget();
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  EXPECT_EQ(state("t", 1).leader, BrokerId(3));
  EXPECT_GT(state("t", 1).leader_epoch, before.leader_epoch);
  EXPECT_EQ(state("t", 1).isr, ids({3}));
  const std::string controller = std::to_string(this->controller());
  EXPECT_NE(std::find(sent.begin(), sent.end(), controller + "->2 leader-and-isr t-0=3 t-1=3"), sent.end());
}

TEST_F(ThreeBrokers, DeletionGoesInTheDocumentedOrder) {
  std::optional<ErrorCode> gone;
  nodes[1]->runner.when_topic_deleted("t", Duration::seconds(5), [&](ErrorCode code) { gone = code; });
  zookeeper.put("/admin/delete_topics/t", std::nullopt);
  loop.run_ready();
  EXPECT_EQ(gone, ErrorCode::NONE);
  std::vector<std::string> removed;
  for (const auto& write : zookeeper.writes())
    if (write.op.kind == ZkOp::Kind::remove) removed.push_back(write.op.path);
  const std::vector<std::string> expected = {"/brokers/topics/t/partitions/0/state", "/brokers/topics/t/partitions/0",
                                             "/brokers/topics/t/partitions/1/state", "/brokers/topics/t/partitions/1",
                                             "/brokers/topics/t/partitions",         "/brokers/topics/t",
                                             "/config/topics/t",                     "/admin/delete_topics/t"};
  EXPECT_EQ(removed, expected);
  expect_fenced();
  EXPECT_EQ(sent[0], "1->1 metadata t-0=-2 t-1=-2");
  EXPECT_EQ(sent[3], "1->1 stop-replica t-0 remove t-1 remove");
  EXPECT_EQ(nodes[2]->view.get()->topic("t"), nullptr);
  create_topic("t", {{3}});
  EXPECT_EQ(state("t", 0).leader, BrokerId(3)) << "the name is free again";
}

TEST_F(ThreeBrokers, DeletionOfATopicJustCreated) {
  nodes[1]->session->hold();
  create_topic("brief", {{1, 2}});
  zookeeper.put("/admin/delete_topics/brief", std::nullopt);
  nodes[1]->session->release();
  loop.run_ready();
  EXPECT_FALSE(zookeeper.has("/brokers/topics/brief"));
  EXPECT_FALSE(zookeeper.has("/admin/delete_topics/brief"));
}

TEST_F(ThreeBrokers, DeletionIsTakenUpByTheNextController) {
  nodes[3]->answers = false;
  zookeeper.put("/admin/delete_topics/t", std::nullopt);
  loop.run_ready();
  EXPECT_TRUE(zookeeper.has("/brokers/topics/t"));
  std::set<BrokerId> waits;
  nodes[1]->runner.deletion_waits_for("t", [&](std::set<BrokerId> found) { waits = std::move(found); });
  kill(1);
  ASSERT_EQ(controller(), 2);
  nodes[3]->answers = true;
  start(1);
  EXPECT_TRUE(zookeeper.has("/brokers/topics/t")) << "3 has not answered the second controller";
  kill(3);
  start(3);
  EXPECT_FALSE(zookeeper.has("/brokers/topics/t"));
  EXPECT_FALSE(zookeeper.has("/admin/delete_topics/t"));
}

TEST_F(ThreeBrokers, UnknownTopicsAreNotDeleted) {
  zookeeper.put("/admin/delete_topics/nothing", std::nullopt);
  loop.run_ready();
  EXPECT_FALSE(zookeeper.has("/admin/delete_topics/nothing"));
  EXPECT_TRUE(zookeeper.has("/brokers/topics/t"));
}

TEST_F(ThreeBrokers, AlterPartitionThroughTheRunner) {
  EXPECT_EQ(alter(1, 1, 0, ids({1, 2})), ErrorCode::NONE);
  EXPECT_EQ(state("t", 0).isr, ids({1, 2}));
  EXPECT_EQ(state_version("t", 0), 1);
  expect_fenced();
  EXPECT_EQ(alter(2, 1, 0, ids({1})), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(alter(1, 2, 0, ids({2})), ErrorCode::INVALID_REQUEST);
}

TEST_F(ThreeBrokers, AStateWrittenByOthersIsReadAgain) {
  znodes::PartitionState other = state("t", 0);
  other.isr = ids({1, 3});
  zookeeper.put("/brokers/topics/t/partitions/0/state", znodes::encode(other));
  kill(1);
  EXPECT_EQ(state("t", 0).leader, BrokerId(3)) << "a new controller reads";
  other = state("t", 1);
  other.isr = ids({2});
  zookeeper.put("/brokers/topics/t/partitions/1/state", znodes::encode(other));
  kill(3);
  EXPECT_EQ(state("t", 1).isr, ids({2})) << "and so does an old one";
  EXPECT_EQ(state("t", 0).leader, BrokerId(-1));
}

TEST_F(ThreeBrokers, AStateThatCannotBeUnderstoodIsNotTakenForNone_A20) {
  const std::string path = "/brokers/topics/t/partitions/0/state";
  for (const bool while_it_rules : {true, false}) {
    zookeeper.put(path, "{corrupt");
    if (while_it_rules)
      kill(3);  // the state would be written
    else
      zookeeper.erase("/controller");
    loop.run_ready();
    ASSERT_NE(controller(), 0);
    // Nor after a change of its topic, which used to bring the partition back as a new one.
    auto topic = *znodes::parse_topic("t", *zookeeper.data("/brokers/topics/t"));
    topic.partitions[PartitionIndex(while_it_rules ? 2 : 3)] = ids({1});
    zookeeper.put("/brokers/topics/t", znodes::encode(topic));
    loop.run_ready();
    EXPECT_EQ(*zookeeper.data(path), "{corrupt");
    EXPECT_EQ(state("t", while_it_rules ? 2 : 3).leader, BrokerId(1)) << "the others go on";
    std::optional<Result<PartitionOutcomes>> answer;
    nodes.at(controller())->runner.alter_reassignments({{{"t", PartitionIndex(0)}, ids({1})}}, [&](auto given) { answer = std::move(given); });
    loop.run_ready();
    ASSERT_TRUE(answer && *answer);
    EXPECT_EQ((*answer)->begin()->second.error, ErrorCode::UNKNOWN_SERVER_ERROR);
    EXPECT_EQ(*zookeeper.data(path), "{corrupt");
    if (while_it_rules) start(3);
  }
  zookeeper.put("/admin/delete_topics/t", std::nullopt);
  loop.run_ready();
  EXPECT_FALSE(zookeeper.has("/brokers/topics/t")) << "the way out";
}

TEST_F(ThreeBrokers, ControlledShutdown) {
  std::optional<ShutdownAnswer> answer;
  nodes[1]->runner.controlled_shutdown(BrokerId(2), epoch(2), [&](ShutdownAnswer given) { answer = std::move(given); });
  loop.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, ErrorCode::NONE);
  EXPECT_TRUE(answer->remaining.empty());
  EXPECT_EQ(state("t", 1).leader, BrokerId(3));
  EXPECT_EQ(state("t", 0).isr, ids({1, 3}));
  EXPECT_NE(std::find(sent.begin(), sent.end(), "1->2 stop-replica t-0"), sent.end());
  answer.reset();
  nodes[3]->runner.controlled_shutdown(BrokerId(2), epoch(2), [&](ShutdownAnswer given) { answer = std::move(given); });
  loop.run_ready();
  EXPECT_EQ(answer->error, ErrorCode::NOT_CONTROLLER);
}

TEST_F(ThreeBrokers, ProducerIdsComeInBlocks) {
  std::vector<std::string> answers;
  auto ask = [&](int32_t to, int32_t broker, BrokerEpoch broker_epoch) {
    nodes[to]->runner.allocate_producer_ids(BrokerId(broker), broker_epoch, [&](Result<ProducerIdRange> range) {
      answers.push_back(range ? std::to_string(range->first.value) + "+" + std::to_string(range->count) : std::string(name(range.code())));
    });
    loop.run_ready();
  };
  ask(1, 2, epoch(2));
  nodes[1]->session->lose_writes(1, true);
  ask(1, 3, epoch(3));
  ask(1, 3, BrokerEpoch(3));
  ask(1, 9, BrokerEpoch(3));
  ask(2, 3, epoch(3));
  EXPECT_EQ(answers, (std::vector<std::string>{"0+1000", "2000+1000", "STALE_BROKER_EPOCH", "BROKER_ID_NOT_REGISTERED", "NOT_CONTROLLER"}));
  auto block = znodes::parse_producer_id_block(*zookeeper.data("/latest_producer_id_block"));
  EXPECT_EQ(block->broker, BrokerId(3));
  EXPECT_EQ(block->last, 2999);
}

TEST_F(ThreeBrokers, PreferredElectionByZnodeAndByTime) {
  kill(2);
  start(2);
  ASSERT_EQ(alter(1, 3, 1, ids({3, 1, 2})), ErrorCode::NONE);
  for (int round = 0; round < 2; ++round) {
    zookeeper.put("/admin/preferred_replica_election", znodes::encode_partitions({{"t", PartitionIndex(1)}, {"nothing", PartitionIndex(0)}}));
    loop.run_ready();
    EXPECT_EQ(state("t", 1).leader, BrokerId(2)) << "round " << round << ": the watch was armed again";
    EXPECT_FALSE(zookeeper.has("/admin/preferred_replica_election"));
    kill(2);
    start(2);
    ASSERT_EQ(state("t", 1).leader, BrokerId(3));
    ASSERT_EQ(alter(1, 3, 1, ids({3, 1, 2})), ErrorCode::NONE);
  }
  loop.advance(Duration::seconds(300));
  EXPECT_EQ(state("t", 1).leader, BrokerId(2)) << "auto.leader.rebalance.enable";
}

TEST_F(ThreeBrokers, ALogDirectoryFails) {
  lost_replicas.insert({BrokerId(2), {"t", PartitionIndex(1)}});
  zookeeper.put("/log_dir_event_notification/log_dir_event_0000000000", znodes::encode_log_dir_event(BrokerId(2)));
  loop.run_ready();
  EXPECT_EQ(state("t", 1).leader, BrokerId(3));
  EXPECT_EQ(state("t", 0).isr, ids({1, 2, 3}));
  EXPECT_TRUE(zookeeper.children("/log_dir_event_notification").empty());
  expect_fenced();
}

TEST_F(ThreeBrokers, UncleanElectionWhereTheTopicAllowsIt) {
  zookeeper.put("/config/topics/t", "{\"version\":1,\"config\":{\"unclean.leader.election.enable\":\"true\"}}");
  ASSERT_EQ(alter(1, 2, 1, ids({2})), ErrorCode::NONE);
  kill(2);
  EXPECT_EQ(state("t", 1).leader, BrokerId(3));
  EXPECT_EQ(state("t", 1).leader_recovery_state, znodes::LeaderRecoveryState::recovering);
  EXPECT_EQ(counts(1).unclean_leader_elections, 1u);
  EXPECT_EQ(counts(3).unclean_leader_elections, 0u);
  zookeeper.put("/config/topics/t", "{\"version\":1,\"config\":{}}");
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  ASSERT_EQ(controller(), 3);
  EXPECT_EQ(counts(1).unclean_leader_elections, 1u) << "a count does not go back";
  enlist(1);
  zookeeper.expire(nodes[3]->session->session_id());
  loop.run_ready();
  ASSERT_EQ(controller(), 1);
  EXPECT_EQ(counts(1).unclean_leader_elections, 1u);
}

TEST_F(ThreeBrokers, OnlyTheControllerCounts) {
  create_topic("alone", {{2}});
  EXPECT_EQ(counts(1).partitions, 3u);
  EXPECT_EQ(counts(1).offline_partitions, 0u);
  EXPECT_EQ(counts(3).partitions, 0u);
  kill(2);
  EXPECT_EQ(counts(1).offline_partitions, 1u) << "counted anew after every event";
  EXPECT_EQ(counts(1).active_brokers, 2u);
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  ASSERT_EQ(controller(), 3);
  EXPECT_EQ(counts(1).offline_partitions, 0u) << "who is deposed knows nothing";
  EXPECT_EQ(counts(3).offline_partitions, 1u);
}

TEST_F(ThreeBrokers, SaysHowLongItTookToDealWithBrokersThatCameOrWent) {
  std::vector<Duration> took;
  Node& controls = start(4);
  controls.runner.on_brokers_dealt_with([&](Duration each) { took.push_back(each); });
  for (int32_t id : {1, 2, 3}) stop(id);
  ASSERT_EQ(controller(), 4);
  start(1);
  took.clear();
  controls.session->hold();
  zookeeper.expire(nodes[1]->session->session_id());
  loop.run_ready();
  loop.advance(Duration::millis(30));
  EXPECT_TRUE(took.empty());
  controls.session->release();
  loop.run_ready();
  EXPECT_EQ(took, std::vector{Duration::millis(30)});
}

TEST_F(ThreeBrokers, TopicsWithoutIdGetOne) {
  create_topic("old", {{1}}, false);
  auto topic = znodes::parse_topic("old", *zookeeper.data("/brokers/topics/old"));
  EXPECT_FALSE(topic->id.is_zero());
  EXPECT_EQ(nodes[1]->view.get()->topic("old")->id, topic->id);
  // And at an election.
  znodes::Topic bare = *topic;
  bare.id = TopicId();
  zookeeper.put("/brokers/topics/old", znodes::encode(bare));
  kill(3);
  zookeeper.erase("/controller");
  loop.run_ready();
  EXPECT_FALSE(znodes::parse_topic("old", *zookeeper.data("/brokers/topics/old"))->id.is_zero());
}

TEST(Runner, RefusesAClusterThatIsBeingMigratedToKRaft) {
  {
    RunnerCluster cluster;
    cluster.zookeeper.put("/migration", "{\"version\":0}");
    EXPECT_NE(cluster.start(1).refused.find("/migration"), std::string::npos);
    EXPECT_FALSE(cluster.zookeeper.has("/controller"));
  }
  RunnerCluster cluster;
  cluster.start(1);
  znodes::Controller kraft{BrokerId(3000), {}, 5};
  cluster.zookeeper.put("/controller", znodes::encode(kraft));
  cluster.loop.run_ready();
  EXPECT_FALSE(cluster.nodes[1]->runner.is_active());
  EXPECT_NE(cluster.nodes[1]->refused.find("KRaft"), std::string::npos);
}

TEST_F(ThreeBrokers, LostAnswersToWritesAreFoundOut) {
  for (const bool performed : {true, false}) {
    nodes[1]->session->lose_writes(1, performed);
    EXPECT_EQ(alter(1, 1, 0, performed ? ids({1, 2}) : ids({1})), performed ? ErrorCode::NONE : ErrorCode::REQUEST_TIMED_OUT)
        << "nothing newer is on its way: the leader is to ask again";
  }
  EXPECT_EQ(state("t", 0).isr, ids({1, 2}));
  nodes[1]->session->lose_writes(1, false);
  create_topic("u", {{1, 2}, {2, 1}});
  EXPECT_EQ(state("u", 1).leader, BrokerId(2));
  nodes[1]->session->lose_writes(2, true);
  zookeeper.put("/admin/delete_topics/u", std::nullopt);
  loop.run_ready();
  EXPECT_FALSE(zookeeper.has("/brokers/topics/u"));
  EXPECT_FALSE(zookeeper.has("/admin/delete_topics/u"));
}

TEST_F(ThreeBrokers, LeftoversOfAnEarlierCreationAreNoObstacle) {
  // A controller died between the three znodes of a partition.
  zookeeper.put("/brokers/topics/u/partitions/1", std::nullopt);
  create_topic("u", {{1, 2}, {2, 1}});
  EXPECT_EQ(state("u", 0).leader, BrokerId(1));
  EXPECT_EQ(state("u", 1).leader, BrokerId(2));
}

TEST(Runner, ManyPartitionsGoInFewMultis) {
  RunnerCluster cluster;
  cluster.start(1);
  cluster.zookeeper.forget_writes();
  cluster.create_topic("big", std::vector<std::vector<int32_t>>(500, {1}));
  std::set<int64_t> transactions;
  for (const auto& write : cluster.zookeeper.writes())
    if (write.op.path.find("/partitions") != std::string::npos) transactions.insert(write.zxid);
  EXPECT_LE(transactions.size(), 4u);
  EXPECT_EQ(cluster.state("big", 499).leader, BrokerId(1));
}

// Connections are cut, sessions expire, writes get lost, brokers die and come back, topics come and go. In the end, when all is well again: one
// controller, every partition led by a live broker of its in-sync set, every view the same.
class Storm : public RunnerCluster {
 public:
  explicit Storm(uint64_t seed) : seed_(seed) {}

  void run() {
    for (int32_t id : {1, 2, 3}) start(id);
    for (int i = 0; i < 120; ++i) {
      step();
      const size_t turns = draw(60);
      for (size_t turn = 0; turn < turns && loop.run_one(); ++turn) {
      }
      reenlist();
    }
    calm();
    check();
  }

 private:
  uint64_t draw(uint64_t bound) {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    return (seed_ >> 33) % bound;
  }
  int32_t any() { return static_cast<int32_t>(1 + draw(3)); }

  void step() {
    const int32_t id = any();
    const bool is_up = nodes.contains(id) && nodes[id] != nullptr;
    switch (draw(9)) {
      case 0:
        if (is_up) nodes[id]->session->lose_writes(1 + draw(2), draw(2) == 0);
        break;
      case 1:
        if (is_up) nodes[id]->session->disconnect(static_cast<FakeSession::UnderWay>(draw(3)));
        break;
      case 2:
        if (is_up && !nodes[id]->session->is_connected()) nodes[id]->session->reconnect();
        break;
      case 3:
        if (is_up) zookeeper.expire(nodes[id]->session->session_id());
        break;
      case 4: {
        const std::string name = "s" + std::to_string(draw(5));
        if (zookeeper.has("/brokers/topics/" + name)) break;
        znodes::Topic topic;
        topic.id = TopicId{random.next() | 1, random.next()};
        for (int32_t p = 0; p < 3; ++p) topic.partitions[PartitionIndex(p)] = {BrokerId(1 + p), BrokerId(1 + (p + 1) % 3), BrokerId(1 + (p + 2) % 3)};
        zookeeper.put("/brokers/topics/" + name, znodes::encode(topic));
        break;
      }
      case 5:
        if (!zookeeper.children("/brokers/topics").empty() && draw(2) == 0)
          zookeeper.put("/admin/delete_topics/" + zookeeper.children("/brokers/topics").front(), std::nullopt);
        break;
      case 6:
        if (zookeeper.has("/controller")) zookeeper.erase("/controller");
        break;
      case 7: loop.advance(Duration::seconds(static_cast<int64_t>(draw(10)))); break;
      case 8: break;
    }
  }

  // What the registration does: whoever is not registered in its session registers.
  void reenlist() {
    for (auto& [id, node] : nodes) {
      if (node->session->session_id() == 0 || !node->session->is_connected()) continue;
      const std::string path = znodes::broker_path(BrokerId(id));
      if (!zookeeper.has(path))
        enlist_later(id);
      else if (zookeeper.stat(path).ephemeral_owner == node->session->session_id() && node->session->waiting() == 0)
        node->runner.on_registered();
    }
  }

  void calm() {
    for (int round = 0; round < 20; ++round) {
      for (auto& [id, node] : nodes) node->session->reconnect();
      loop.run_ready();
      reenlist();
      loop.advance(Duration::seconds(20));
    }
  }

  void check() {
    EXPECT_NE(controller(), 0);
    for (const std::string& topic : zookeeper.children("/brokers/topics")) {
      for (int32_t p = 0; p < 3; ++p) {
        SCOPED_TRACE(topic + "-" + std::to_string(p));
        const znodes::PartitionState found = state(topic, p);
        EXPECT_TRUE(nodes.contains(found.leader.value)) << found.leader;
        EXPECT_NE(std::find(found.isr.begin(), found.isr.end(), found.leader), found.isr.end());
        for (const auto& [id, node] : nodes) {
          const PartitionView* seen = node->view.get()->partition(topic, PartitionIndex(p));
          ASSERT_NE(seen, nullptr) << "by broker " << id;
          EXPECT_EQ(seen->leader, found.leader) << "by broker " << id;
        }
      }
    }
    EXPECT_TRUE(zookeeper.children("/admin/delete_topics").empty());
    for (const auto& [id, node] : nodes) EXPECT_EQ(node->view.get()->topic_count(), zookeeper.children("/brokers/topics").size()) << id;
  }

  uint64_t seed_;
};

TEST(Runner, RandomStormsEndInOrder) {
  for (uint64_t seed = 1; seed <= testing::schedules(40); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    storm.run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
