#include "coord/controller/core.h"

#include <gtest/gtest.h>

#include "coord/controller/core_harness.h"
#include "protocol/base/schedules.h"

namespace quokka {
namespace {

Replicas ids(std::initializer_list<int32_t> values) {
  Replicas made;
  for (int32_t value : values) made.push_back(BrokerId(value));
  return made;
}

// Three brokers, one topic "t" of two partitions, elected at controller epoch 1.
struct Cluster : CoreHarness {
  explicit Cluster(ControllerConfig config = ControllerConfig{BrokerId(1)}) : CoreHarness(config) {
    for (int32_t id : {1, 2, 3}) registered[BrokerId(id)] = BrokerEpoch(100 + id);
    add_topic("t", 1, {ids({1, 2, 3}), ids({2, 3, 1})});
    elect(ControllerEpoch(1));
    clear();
  }
  void add_topic(const std::string& name, uint64_t id, const std::vector<Replicas>& partitions) {
    TopicAssignment topic{name, TopicId{id, id}, {}};
    int32_t index = 0;
    for (const Replicas& replicas : partitions) topic.partitions[PartitionIndex(index++)].replicas = replicas;
    topics[name] = topic;
  }
  void clear() {
    lines.clear();
    sent.clear();
    state_writes = refused_writes = 0;
  }
  LeaderAndIsr at(int32_t partition) const { return states.at({"t", PartitionIndex(partition)}); }
  AlterIsr ask(int32_t partition, Replicas isr) const {
    const LeaderAndIsr state = at(partition);
    return AlterIsr{"t", {}, PartitionIndex(partition), state.leader_epoch, state.partition_epoch, std::move(isr), {}, state.recovering};
  }
  ErrorCode alter(int32_t broker, AlterIsr asked, int16_t version = 3) {
    perform(core.on_alter_partition({BrokerId(broker), registered.at(BrokerId(broker)), version, {std::move(asked)}}));
    EXPECT_TRUE(alter_answer);
    if (alter_answer->error != ErrorCode::NONE) return alter_answer->error;
    return alter_answer->partitions.at(0).error;
  }
  void brokers() { perform(core.on_brokers(live_brokers())); }
  size_t line_of(const std::string& beginning) const {
    for (size_t i = 0; i < lines.size(); ++i)
      if (lines[i].starts_with(beginning)) return i;
    return lines.size();
  }
};

TEST(ControllerCore, AlterPartitionWritesAndTellsEverybody) {
  Cluster cluster;
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 2}))), ErrorCode::NONE);
  EXPECT_EQ(cluster.at(0).isr, ids({1, 2}));
  EXPECT_EQ(cluster.at(0).leader_epoch, LeaderEpoch(0)) << "only the controller's own changes raise it";
  EXPECT_EQ(cluster.alter_answer->partitions[0].state.partition_epoch, PartitionEpoch(1));
  EXPECT_EQ(cluster.sent.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<MetadataSend>(cluster.sent[0])) << "no LeaderAndIsr";
}

TEST(ControllerCore, AlterPartitionRetryIsSuccessWithAStalePartitionEpoch_H12) {
  Cluster cluster;
  const AlterIsr asked = cluster.ask(0, ids({1, 2}));
  ASSERT_EQ(cluster.alter(1, asked), ErrorCode::NONE);
  cluster.clear();
  EXPECT_EQ(cluster.alter(1, asked), ErrorCode::NONE);
  EXPECT_EQ(cluster.state_writes, 0u);
  EXPECT_EQ(cluster.alter_answer->partitions[0].state.partition_epoch, PartitionEpoch(1));
  EXPECT_EQ(cluster.alter(1, AlterIsr{"t", {}, PartitionIndex(0), LeaderEpoch(0), PartitionEpoch(0), ids({1}), {}, false}),
            ErrorCode::INVALID_UPDATE_VERSION);
}

TEST(ControllerCore, AlterPartitionAheadOfUsMeansAnotherController_H13) {
  Cluster cluster;
  AlterIsr ahead = cluster.ask(0, ids({1, 2}));
  ahead.partition_epoch = PartitionEpoch(5);
  EXPECT_EQ(cluster.alter(1, ahead), ErrorCode::NOT_CONTROLLER);
  ahead = cluster.ask(0, ids({1, 2}));
  ahead.leader_epoch = LeaderEpoch(1);
  EXPECT_EQ(cluster.alter(1, ahead), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(cluster.state_writes, 0u);
}

TEST(ControllerCore, AlterPartitionOfAnOldLeaderIsFenced) {
  Cluster cluster;
  const AlterIsr old = cluster.ask(0, ids({1, 2}));
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();  // the controller removes 3 from the set: leader epoch 1
  EXPECT_EQ(cluster.alter(1, old), ErrorCode::FENCED_LEADER_EPOCH);
}

TEST(ControllerCore, AlterPartitionDuringRecovery_H15) {
  Cluster cluster;
  AlterIsr asked = cluster.ask(0, ids({1}));
  asked.recovering = true;
  EXPECT_EQ(cluster.alter(1, asked), ErrorCode::INVALID_REQUEST) << "recovered cannot become recovering";
  // Everybody but 1 leaves, 1 dies, 2 returns and is elected uncleanly.
  cluster.unclean_topics.insert("t");
  ASSERT_EQ(cluster.alter(1, cluster.ask(0, ids({1}))), ErrorCode::NONE);
  cluster.registered.erase(BrokerId(1));
  cluster.brokers();
  ASSERT_EQ(cluster.at(0).leader, BrokerId(2));
  ASSERT_TRUE(cluster.at(0).recovering);
  EXPECT_EQ(cluster.alter(2, cluster.ask(0, ids({2, 3}))), ErrorCode::INVALID_REQUEST) << "recovering leads alone";
  asked = cluster.ask(0, ids({2, 3}));
  asked.recovering = false;
  EXPECT_EQ(cluster.alter(2, asked), ErrorCode::NONE);
  EXPECT_FALSE(cluster.at(0).recovering);
}

TEST(ControllerCore, AlterPartitionWithAMemberThatIsNotEligible_H16_H17) {
  Cluster cluster;
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 2, 3}))), ErrorCode::INELIGIBLE_REPLICA) << "not live";
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 2, 3})), 1), ErrorCode::OPERATION_NOT_ATTEMPTED) << "as version 1 says it";
  cluster.registered[BrokerId(3)] = BrokerEpoch(200);
  cluster.brokers();
  AlterIsr asked = cluster.ask(0, ids({1, 2, 3}));
  asked.isr_epochs = {BrokerEpoch(101), BrokerEpoch(102), BrokerEpoch(103)};
  EXPECT_EQ(cluster.alter(1, asked), ErrorCode::INELIGIBLE_REPLICA) << "the leader saw another life of broker 3";
  asked.isr_epochs = {BrokerEpoch(101), BrokerEpoch(-1), BrokerEpoch(200)};
  EXPECT_EQ(cluster.alter(1, asked), ErrorCode::NONE);
  cluster.perform(cluster.core.on_controlled_shutdown(BrokerId(3), BrokerEpoch(200)));
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 2, 3}))), ErrorCode::INELIGIBLE_REPLICA) << "shutting down";
}

TEST(ControllerCore, AlterPartitionRefusesStrangersAndUnknowns) {
  Cluster cluster;
  EXPECT_EQ(cluster.alter(2, cluster.ask(0, ids({2, 3}))), ErrorCode::INVALID_REQUEST) << "2 does not lead it";
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({2, 3}))), ErrorCode::INVALID_REQUEST) << "without the leader";
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 1}))), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1, 9}))), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, {})), ErrorCode::INVALID_REQUEST);
  AlterIsr unknown = cluster.ask(0, ids({1}));
  unknown.partition = PartitionIndex(7);
  EXPECT_EQ(cluster.alter(1, unknown), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  unknown.topic_id = TopicId{5, 5};
  EXPECT_EQ(cluster.alter(1, unknown), ErrorCode::UNKNOWN_TOPIC_ID);
  AlterIsr by_id = cluster.ask(0, ids({1, 2}));
  by_id.topic.clear();
  by_id.topic_id = TopicId{1, 1};
  EXPECT_EQ(cluster.alter(1, by_id), ErrorCode::NONE);
  cluster.registered[BrokerId(1)] = BrokerEpoch(90);
  EXPECT_EQ(cluster.alter(1, cluster.ask(0, ids({1}))), ErrorCode::STALE_BROKER_EPOCH);
  cluster.registered[BrokerId(8)] = BrokerEpoch(90);
  EXPECT_EQ(cluster.alter(8, cluster.ask(0, ids({1}))), ErrorCode::STALE_BROKER_EPOCH);
}

TEST(ControllerCore, AlterPartitionAtAStaleVersionIsTheLeadersToRepeat) {
  Cluster cluster;
  const AlterIsr asked = cluster.ask(0, ids({1, 2}));
  cluster.states[{"t", PartitionIndex(0)}].partition_epoch = PartitionEpoch(4);
  EXPECT_EQ(cluster.alter(1, asked), ErrorCode::INVALID_UPDATE_VERSION);
  EXPECT_EQ(cluster.core.picture().partition({"t", PartitionIndex(0)})->state->partition_epoch, PartitionEpoch(4)) << "read again";
}

TEST(ControllerCore, BounceSeenOnlyByEpochIsFailureAndStart_H32) {
  Cluster cluster;
  cluster.registered[BrokerId(1)] = BrokerEpoch(500);
  cluster.brokers();
  EXPECT_EQ(cluster.at(0).leader, BrokerId(2)) << "its leaderships move";
  EXPECT_EQ(cluster.at(0).isr, ids({2, 3}));
  EXPECT_EQ(cluster.at(1).isr, ids({2, 3}));
  bool everything = false;
  for (const Send& send : cluster.sent) {
    if (const auto* metadata = std::get_if<MetadataSend>(&send))
      for (const auto& [id, epoch] : metadata->to)
        if (id == BrokerId(1)) {
          EXPECT_EQ(epoch, BrokerEpoch(500));
          everything |= metadata->to.size() == 1;
        }
    if (const auto* leader = std::get_if<LeaderAndIsrSend>(&send); leader != nullptr && leader->to == BrokerId(1)) {
      EXPECT_EQ(leader->to_epoch, BrokerEpoch(500));
      EXPECT_EQ(leader->topics.at(0).partitions.size(), 2u);
    }
  }
  EXPECT_TRUE(everything) << "it knows nothing yet";
}

TEST(ControllerCore, ABounceThatNoControllerSawIsFailureAndStart_H32) {
  Cluster cluster;
  const LeaderAndIsr led_by_one = cluster.at(0);
  ASSERT_EQ(led_by_one.leader, BrokerId(1));
  cluster.registered[BrokerId(1)] = BrokerEpoch(500);
  cluster.in_sync_since = {{BrokerId(1), BrokerEpoch(500)}, {BrokerId(2), BrokerEpoch(500)}, {BrokerId(3), BrokerEpoch(500)}};
  cluster.elect(ControllerEpoch(2));
  EXPECT_EQ(cluster.at(0), led_by_one) << "it has been made leader in this life";
  cluster.in_sync_since[BrokerId(1)] = BrokerEpoch(499);
  cluster.elect(ControllerEpoch(3));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(2)) << "its leaderships move";
  EXPECT_EQ(cluster.at(0).isr, ids({2, 3}));
  EXPECT_EQ(cluster.at(1).isr, ids({2, 3}));
  EXPECT_NE(cluster.core.picture().broker(BrokerId(1)), nullptr);
}

TEST(ControllerCore, AfterABounceOfAllThatNoControllerSawEverybodyLeadsInANewEpoch_H32) {
  Cluster cluster;
  const LeaderEpoch before = cluster.at(0).leader_epoch;
  for (auto& [id, epoch] : cluster.registered) {
    epoch = BrokerEpoch(500 + id.value);
    cluster.in_sync_since[id] = BrokerEpoch(400);
  }
  cluster.elect(ControllerEpoch(2));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(1)) << "in sync, as all are";
  EXPECT_GT(cluster.at(0).leader_epoch, before);
  EXPECT_EQ(cluster.at(0).isr, ids({1, 2, 3}));
}

TEST(ControllerCore, LiveBrokersAreToldBeforeLeaders_H37) {
  Cluster cluster;
  cluster.registered.erase(BrokerId(1));
  cluster.clear();
  cluster.elect(ControllerEpoch(2));
  EXPECT_TRUE(cluster.lines.front().starts_with("metadata to"));
  EXPECT_LT(cluster.line_of("metadata to"), cluster.line_of("leader-and-isr to"));
  cluster.clear();
  cluster.registered[BrokerId(1)] = BrokerEpoch(300);
  cluster.brokers();
  EXPECT_LT(cluster.line_of("metadata to 1@300"), cluster.line_of("leader-and-isr to 1@300"));
  EXPECT_LT(cluster.line_of("metadata to 2@102"), cluster.line_of("leader-and-isr to 2@102"));
}

TEST(ControllerCore, WritesAreProposedAtTheVersionRead) {
  Cluster cluster;
  cluster.states[{"t", PartitionIndex(0)}].partition_epoch = PartitionEpoch(7);
  cluster.states[{"t", PartitionIndex(0)}].isr = ids({1, 3});
  cluster.registered.erase(BrokerId(1));
  cluster.brokers();
  EXPECT_EQ(cluster.refused_writes, 1u);
  EXPECT_EQ(cluster.at(0).leader, BrokerId(3)) << "decided again on what is there";
  EXPECT_EQ(cluster.at(0).partition_epoch, PartitionEpoch(8));
}

TEST(ControllerCore, DeletionWaitsForAbsentBrokersAndSaysSo) {
  Cluster cluster;
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  cluster.deletions.insert("t");
  cluster.perform(cluster.core.on_delete_topics(cluster.deletions));
  EXPECT_EQ(cluster.core.deletion_waits_for("t"), std::set<BrokerId>{BrokerId(3)});
  EXPECT_EQ(cluster.core.counts().topics_ineligible_to_delete, 1u);
  const std::map<TopicPartition, ErrorCode> done = {{{"t", PartitionIndex(0)}, ErrorCode::NONE}, {{"t", PartitionIndex(1)}, ErrorCode::NONE}};
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(101), done));
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(2), BrokerEpoch(99), done));
  EXPECT_TRUE(cluster.topics.contains("t"));
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(2), BrokerEpoch(102), done));
  EXPECT_TRUE(cluster.topics.contains("t")) << "3 still has its replicas";
  cluster.clear();
  cluster.registered[BrokerId(3)] = BrokerEpoch(200);
  cluster.brokers();
  EXPECT_NE(cluster.line_of("stop-replica to 3@200: t-0 epoch -2 remove; t-1 epoch -2 remove"), cluster.lines.size());
  EXPECT_EQ(cluster.line_of("leader-and-isr"), cluster.lines.size()) << "nobody hosts a topic that is being deleted";
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(3), BrokerEpoch(200), done));
  EXPECT_FALSE(cluster.topics.contains("t"));
  EXPECT_FALSE(cluster.deletions.contains("t"));
  EXPECT_EQ(cluster.core.picture().topic("t"), nullptr);
}

TEST(ControllerCore, AnAnswerToAnEarlierStopReplicaDeletesNothing) {
  Cluster cluster;
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(101), {{{"t", PartitionIndex(0)}, ErrorCode::NONE}}));
  EXPECT_TRUE(cluster.topics.contains("t"));
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  cluster.perform(cluster.core.on_delete_topics({"t"}));
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(101), {{{"t", PartitionIndex(0)}, ErrorCode::KAFKA_STORAGE_ERROR}}));
  EXPECT_TRUE(cluster.core.deletion_waits_for("t").contains(BrokerId(1)));
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(101), {{{"t", PartitionIndex(0)}, ErrorCode::NONE}}));
  EXPECT_TRUE(cluster.core.deletion_waits_for("t").contains(BrokerId(1))) << "it was not asked again";
}

TEST(ControllerCore, TopicIsRecreatedUnderAnotherId_H28) {
  Cluster cluster;
  cluster.add_topic("t", 9, {ids({3, 2})});
  cluster.states.clear();  // somebody removed the znodes by hand
  cluster.perform(cluster.core.on_topic_changed("t", cluster.topics["t"]));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(3));
  EXPECT_EQ(cluster.at(0).leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(*cluster.core.picture().topic_name(TopicId{9, 9}), "t");
  EXPECT_EQ(cluster.core.picture().topic_name(TopicId{1, 1}), nullptr);
}

TEST(ControllerCore, TopicsThatVanishAreForgottenByBrokers) {
  Cluster cluster;
  cluster.topics.clear();
  cluster.read_topics();
  ASSERT_EQ(cluster.lines.size(), 1u);
  EXPECT_EQ(cluster.lines[0], "metadata to 1@101 2@102 3@103: brokers 1 2 3; t-0 leader -2 epoch 0 isr ; t-1 leader -2 epoch 0 isr ");
}

TEST(ControllerCore, RebalanceOnlyAboveThePercentage) {
  ControllerConfig config{BrokerId(1)};
  config.leader_imbalance_percent = 50;
  Cluster cluster(config);
  EXPECT_EQ(*cluster.wake_at, MonoTime{} + Duration::seconds(5));
  cluster.add_topic("u", 2, {ids({1, 2})});
  cluster.read_topics();
  // 1 prefers t-0 and u-0; one of the two led by 2 is half, not more.
  LeaderAndIsr& state = cluster.states[{"t", PartitionIndex(0)}];
  state.leader = BrokerId(2);
  cluster.elect(ControllerEpoch(2));
  const size_t writes = cluster.state_writes;
  cluster.perform(cluster.core.on_tick(MonoTime{} + Duration::seconds(5)));
  EXPECT_EQ(cluster.state_writes, writes);
  EXPECT_EQ(*cluster.wake_at, MonoTime{} + Duration::seconds(305));
  cluster.states[{"u", PartitionIndex(0)}].leader = BrokerId(2);
  cluster.elect(ControllerEpoch(3));
  cluster.perform(cluster.core.on_tick(MonoTime{} + Duration::seconds(4)));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(2)) << "too early";
  cluster.perform(cluster.core.on_tick(MonoTime{} + Duration::seconds(5)));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(1));
}

TEST(ControllerCore, AShuttingDownLeaderIsNotReplacedUncleanly) {
  Cluster cluster;
  cluster.unclean_topics.insert("t");
  ASSERT_EQ(cluster.alter(1, cluster.ask(0, ids({1}))), ErrorCode::NONE);
  cluster.perform(cluster.core.on_controlled_shutdown(BrokerId(1), BrokerEpoch(101)));
  ASSERT_TRUE(cluster.shutdown_answer);
  EXPECT_EQ(cluster.shutdown_answer->remaining, (std::vector<TopicPartition>{{"t", PartitionIndex(0)}}));
  const TopicPartition first{"t", PartitionIndex(0)};
  cluster.perform(cluster.core.on_elect_leaders(ElectionType::unclean, {first}));
  EXPECT_EQ(cluster.answered->at(first).error, ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE);
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  EXPECT_EQ(cluster.at(0).leader, BrokerId(1)) << "it still has every record and still serves";
  cluster.registered.erase(BrokerId(1));
  cluster.brokers();
  EXPECT_EQ(cluster.at(0).leader, BrokerId(2));
  EXPECT_TRUE(cluster.at(0).recovering);
  EXPECT_EQ(cluster.core.counts().unclean_leader_elections, 1u);
}

TEST(ControllerCore, CountsAsKafkaDoes) {
  Cluster cluster;
  const auto counts = [&] { return cluster.core.counts(); };
  EXPECT_EQ(counts().active_brokers, 3u);
  EXPECT_EQ(counts().topics, 1u);
  EXPECT_EQ(counts().partitions, 2u);
  EXPECT_EQ(counts().offline_partitions, 0u);
  EXPECT_EQ(counts().preferred_replica_imbalance, 0u);
  cluster.add_topic("alone", 2, {ids({3})});
  cluster.read_topics();
  cluster.perform(cluster.core.on_controlled_shutdown(BrokerId(3), BrokerEpoch(103)));
  EXPECT_EQ(counts().offline_partitions, 0u) << "a leader that shuts down and has no other replica still serves";
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  EXPECT_EQ(counts().offline_partitions, 1u);
  EXPECT_EQ(counts().preferred_replica_imbalance, 1u) << "no leader is not the preferred one";
  cluster.add_topic("unborn", 3, {ids({3})});
  cluster.read_topics();
  EXPECT_EQ(counts().topics, 3u);
  EXPECT_EQ(counts().partitions, 3u) << "one that never had a leader is new, not offline";
  EXPECT_EQ(counts().offline_partitions, 1u);
  cluster.registered.erase(BrokerId(1));
  cluster.brokers();
  EXPECT_EQ(counts().active_brokers, 1u);
  EXPECT_EQ(counts().preferred_replica_imbalance, 2u) << "t-0 is led by 2";
  cluster.deletions.insert("alone");
  cluster.perform(cluster.core.on_delete_topics(cluster.deletions));
  EXPECT_EQ(counts().topics_to_delete, 1u);
  EXPECT_EQ(counts().topics_ineligible_to_delete, 1u);
  EXPECT_EQ(counts().offline_partitions, 0u) << "nobody misses what is being deleted";
  EXPECT_EQ(counts().preferred_replica_imbalance, 1u);
}

TEST(ControllerCore, APartitionThatMovesIsImbalancedOnlyOnceItsNewPreferredLeaderIsInSync) {
  Cluster cluster;
  cluster.registered[BrokerId(4)] = BrokerEpoch(104);
  cluster.brokers();
  cluster.perform(cluster.core.on_reassign({{{"t", PartitionIndex(0)}, ids({4, 2})}}));
  EXPECT_EQ(cluster.core.picture().partition({"t", PartitionIndex(0)})->assignment.replicas.front(), BrokerId(4));
  EXPECT_EQ(cluster.core.counts().preferred_replica_imbalance, 0u);
  const LeaderAndIsr led_by_one{BrokerId(1), {}, ids({1, 2, 4}), false, {}, {}};
  EXPECT_FALSE(has_preferred_leader({ids({4, 2, 1}), ids({4}), ids({1})}, led_by_one)) << "it could lead";
  EXPECT_TRUE(has_preferred_leader({ids({1, 4, 2}), ids({4}), ids({2})}, led_by_one));
}

TEST(ControllerCore, ControlledShutdownErrors) {
  Cluster cluster;
  auto error = [&](int32_t broker, int64_t epoch) {
    cluster.perform(cluster.core.on_controlled_shutdown(BrokerId(broker), BrokerEpoch(epoch)));
    return cluster.shutdown_answer->error;
  };
  EXPECT_EQ(error(9, -1), ErrorCode::BROKER_NOT_AVAILABLE);
  EXPECT_EQ(error(9, 5), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(error(1, 5), ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_EQ(cluster.state_writes, 0u);
  EXPECT_EQ(error(1, -1), ErrorCode::NONE);
}

TEST(ControllerCore, LostDirectoryMovesLeadershipAndComesBackWithTheBroker) {
  Cluster cluster;
  cluster.perform(cluster.core.on_log_dir_event({BrokerId(1)}));
  EXPECT_EQ(cluster.line_of("leader-and-isr to 1@101"), 0u);
  cluster.perform(cluster.core.on_leader_and_isr_answer(
      BrokerId(1), BrokerEpoch(101), {{{"t", PartitionIndex(0)}, ErrorCode::KAFKA_STORAGE_ERROR}, {{"t", PartitionIndex(1)}, ErrorCode::NONE}}));
  EXPECT_EQ(cluster.at(0).leader, BrokerId(2));
  EXPECT_EQ(cluster.at(0).isr, ids({2, 3}));
  EXPECT_EQ(cluster.at(1).isr, ids({2, 3, 1}));
  cluster.perform(cluster.core.on_leader_and_isr_answer(BrokerId(1), BrokerEpoch(7), {{{"t", PartitionIndex(1)}, ErrorCode::KAFKA_STORAGE_ERROR}}));
  EXPECT_EQ(cluster.at(1).isr, ids({2, 3, 1})) << "an answer of another life";
  cluster.registered[BrokerId(1)] = BrokerEpoch(400);
  cluster.brokers();
  EXPECT_EQ(cluster.core.picture().offline_dirs(BrokerId(1)), nullptr);
}

TEST(ControllerCore, AReplicaThatLeavesWithABrokerThatShutsDownIsRemovedAtItsReturn) {
  Cluster cluster;
  cluster.perform(cluster.core.on_controlled_shutdown(BrokerId(1), BrokerEpoch(101)));
  cluster.perform(cluster.core.on_reassign({{{"t", PartitionIndex(0)}, ids({2, 3})}}));
  EXPECT_NE(cluster.line_of("stop-replica to 1@101: t-0 epoch 2 remove"), cluster.lines.size());
  // The answer to the StopReplica of the shutdown; the broker is gone before it comes to the second.
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(101), {{{"t", PartitionIndex(0)}, ErrorCode::NONE}}));
  cluster.clear();
  cluster.registered[BrokerId(1)] = BrokerEpoch(400);
  cluster.brokers();
  EXPECT_NE(cluster.line_of("stop-replica to 1@400: t-0 epoch -2 remove"), cluster.lines.size());
  cluster.perform(cluster.core.on_stop_replica_answer(BrokerId(1), BrokerEpoch(400), {{{"t", PartitionIndex(0)}, ErrorCode::NONE}}));
  cluster.clear();
  cluster.registered[BrokerId(1)] = BrokerEpoch(500);
  cluster.brokers();
  EXPECT_EQ(cluster.line_of("stop-replica"), cluster.lines.size()) << "it has confirmed";
}

TEST(ControllerCore, PartitionsAddedToATopicThatIsBeingDeletedAreNobodys) {
  Cluster cluster;
  cluster.registered.erase(BrokerId(3));
  cluster.brokers();
  cluster.perform(cluster.core.on_delete_topics({"t"}));
  cluster.topics["t"].partitions[PartitionIndex(2)].replicas = ids({1, 2});
  const size_t writes = cluster.state_writes;
  cluster.perform(cluster.core.on_topic_changed("t", cluster.topics["t"]));
  EXPECT_EQ(cluster.state_writes, writes);
  EXPECT_EQ(cluster.core.picture().partition({"t", PartitionIndex(2)}), nullptr);
  // Nor does a reassignment keep it: it is refused, and one that was under way ends with the topic.
  cluster.perform(cluster.core.on_reassign({{{"t", PartitionIndex(0)}, ids({2})}}));
  const TopicPartition first{"t", PartitionIndex(0)};
  EXPECT_EQ(cluster.answered->at(first).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

// Brokers come, go and bounce, topics are made and deleted, sets shrink and grow, znodes change behind the controller's back, controllers change.
class RandomSchedule : public Cluster {
 public:
  explicit RandomSchedule(uint64_t seed) : seed_(seed) {}

  void run(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      before_ = states;
      step();
      check();
      if (::testing::Test::HasFailure()) {
        for (const std::string& line : lines) std::cerr << line << "\n";
        return;
      }
    }
  }

 private:
  uint64_t draw(uint64_t bound) {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    return (seed_ >> 33) % bound;
  }
  BrokerId any_broker() { return BrokerId(static_cast<int32_t>(1 + draw(5))); }

  void step() {
    clear();
    switch (draw(12)) {
      case 0: case 1: registered.erase(any_broker()); brokers(); break;
      case 2: case 3: registered[any_broker()] = BrokerEpoch(next_epoch_++); brokers(); break;
      case 4: {
        std::vector<Replicas> partitions(1 + draw(3));
        for (Replicas& replicas : partitions)
          while (replicas.size() < 3)
            if (BrokerId id = any_broker(); !contains(replicas, id)) replicas.push_back(id);
        const std::string name = "r" + std::to_string(draw(6));
        if (topics.contains(name)) break;
        add_topic(name, next_id_++, partitions);
        read_topics();
        break;
      }
      case 5:
        if (topics.size() > 1) {
          deletions.insert(std::next(topics.begin(), static_cast<long>(draw(topics.size())))->first);
          perform(core.on_delete_topics(deletions));
        }
        break;
      case 6: case 7: answer_removals(); break;
      case 8: alter_one(); break;
      case 9:
        for (auto& [tp, state] : states)
          if (draw(4) == 0) state.partition_epoch = state.partition_epoch.next();
        break;
      case 10: perform(core.on_controlled_shutdown(any_broker(), BrokerEpoch(-1))); break;
      case 11:
        if (draw(2) == 0)
          elect(ControllerEpoch(++controller_epoch_));
        else
          perform(core.on_preferred_election({{"t", PartitionIndex(0)}, {"r1", PartitionIndex(0)}}));
        break;
    }
  }

  void answer_removals() {
    for (const std::string& topic : std::set<std::string>(deletions))
      if (core.is_deleting(topic))
        for (const auto& [id, epoch] : registered) {
          if (draw(3) == 0) continue;
          std::map<TopicPartition, ErrorCode> answers;
          for (const auto& [index, assignment] : topics.at(topic).partitions) answers[{topic, index}] = ErrorCode::NONE;
          perform(core.on_stop_replica_answer(id, epoch, answers));
          if (!topics.contains(topic)) break;
        }
  }

  void alter_one() {
    if (states.empty()) return;
    const auto& [tp, state] = *std::next(states.begin(), static_cast<long>(draw(states.size())));
    auto leader = registered.find(state.leader);
    if (leader == registered.end()) return;
    AlterIsr asked{tp.topic, {}, tp.partition, state.leader_epoch, state.partition_epoch, {state.leader}, {}, false};
    for (BrokerId id : topics.at(tp.topic).partitions.at(tp.partition).replicas)
      if (id != state.leader && draw(2) == 0) asked.isr.push_back(id);
    perform(core.on_alter_partition({leader->first, leader->second, 3, {asked}}));
  }

  void check() {
    for (const auto& [tp, state] : states) {
      SCOPED_TRACE(tp.str());
      EXPECT_FALSE(state.isr.empty());
      EXPECT_TRUE(state.leader.value == -1 || contains(state.isr, state.leader));
      const PartitionPicture* known = core.picture().partition(tp);
      if (known == nullptr) continue;
      const auto was = before_.find(tp);
      if (was != before_.end() && topics.at(tp.topic).id == ids_[tp.topic]) {
        EXPECT_GE(state.leader_epoch, was->second.leader_epoch);
        EXPECT_GE(state.partition_epoch, was->second.partition_epoch);
        if (!state.recovering || was->second.recovering) {
          EXPECT_EQ(difference(state.isr, topics.at(tp.topic).partitions.at(tp.partition).replicas), Replicas());
        }
      }
      if (core.is_deleting(tp.topic)) continue;
      if (known->state && known->state->partition_epoch == state.partition_epoch) {
        // Nothing happened behind the controller's back: what it knows is what is, and every leader is there.
        EXPECT_EQ(*known->state, state);
        EXPECT_TRUE(state.leader.value == -1 || registered.contains(state.leader)) << state.leader;
        const Replicas online = core.picture().online(tp, *known);
        if (state.leader.value == -1) {
          EXPECT_EQ(intersection(state.isr, online), Replicas()) << "an election was possible";
        }
      }
    }
    for (const auto& [name, topic] : topics) ids_[name] = topic.id;
    for (const Send& send : sent) {
      if (const auto* leader = std::get_if<LeaderAndIsrSend>(&send)) {
        EXPECT_EQ(registered.at(leader->to), leader->to_epoch);
      }
      if (const auto* stop = std::get_if<StopReplicaSend>(&send)) {
        EXPECT_EQ(registered.at(stop->to), stop->to_epoch);
      }
    }
  }

  uint64_t seed_;
  int64_t next_epoch_ = 1000;
  uint64_t next_id_ = 100;
  int32_t controller_epoch_ = 1;
  std::map<TopicPartition, LeaderAndIsr> before_;
  std::map<std::string, TopicId> ids_;
};

TEST(ControllerCore, RandomSchedulesKeepTheInvariants) {
  for (uint64_t seed = 1; seed <= testing::schedules(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomSchedule schedule(seed);
    schedule.run(250);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
