// The handlers of groups and committed offsets: over a real partition in memory, a controller and an in-memory ZooKeeper.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "coord/topics/topic_writer.h"
#include "protocol/base/log_capture.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/add_offsets_to_txn.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/sync_group.h"

namespace quokka {
namespace {

using CommitTopic = OffsetCommitRequest::OffsetCommitRequestTopic;
using CommitPartition = CommitTopic::OffsetCommitRequestPartition;
using FetchTopic = OffsetFetchRequest::OffsetFetchRequestTopic;

class GroupHandlersTest : public testing::Test {
 protected:
  void start(Properties properties) {
    RunnerCluster::Node& node = cluster_.start(1);
    broker_ = std::make_unique<BrokerForTest>(cluster_, node, std::move(properties));
    broker_->broker_epoch = cluster_.epoch(1).value;
    ASSERT_EQ(cluster_.controller(), 1);
  }
  ManualLoop& loop() { return static_cast<ManualLoop&>(broker_->services->coordination); }
  void make_topic(const std::string& name) {
    CreateTopicsRequest::CreatableTopic topic;
    topic.name = name;
    topic.num_partitions = 2;
    topic.replication_factor = 1;
    std::vector topics{topic};
    CreateTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = 10000;
    ASSERT_EQ(broker_->ask<CreateTopicsResponse>(handle_create_topics, request, 7)->response.topics[0].error_code, ErrorCode::NONE);
  }
  auto find(int8_t type, std::string_view key, int16_t version) {
    FindCoordinatorRequest request;
    request.key_type = type;
    std::vector keys{key};
    if (version < 4) request.key = key;
    else request.coordinator_keys = keys;
    return broker_->ask<FindCoordinatorResponse>(handle_find_coordinator, request, version);
  }
  // This broker leads every partition of __consumer_offsets, as LeaderAndIsr would have it.
  void lead_offsets() {
    broker_->ask<FindCoordinatorResponse>(handle_find_coordinator, FindCoordinatorRequest(), 3);
    lead_all(kGroupMetadataTopic, *broker_->groups);
  }
  template <class Coordinator>
  void lead_all(std::string_view name, Coordinator& coordinator) {
    const TopicView* topic = broker_->services->view.get()->topic(name);
    ASSERT_NE(topic, nullptr);
    for (const PartitionView& partition : topic->partitions) {
      ReplicaTable::RoleChange change;
      change.partition = {std::string(name), partition.index};
      change.role = {ControllerEpoch(1), BrokerId(1), LeaderEpoch(0), PartitionEpoch(0), {BrokerId(1)}, {BrokerId(1)}, false, true};
      ASSERT_EQ(broker_->replicas->become({change}).at(0), ErrorCode::NONE);
      coordinator.lead(partition.index, LeaderEpoch(0));
    }
    loop().run_ready();
  }
  template <class M, class Q>
  std::unique_ptr<Answered<M>> ask_and_wait(void (*handle)(Services&, CallPtr), const Q& request, int16_t version) {
    CallUnderTest call(loop(), request, version);
    handle(*broker_->services, call.take());
    loop().advance(Duration::seconds(4));
    return call.answer<M>();
  }
  auto commit(std::string_view group, int64_t offset, int16_t version, int32_t generation = -1, std::string_view member = {}) {
    CommitPartition partition;
    partition.committed_offset = Offset(offset);
    std::vector known{partition};
    partition.partition_index = PartitionIndex(9);
    known.push_back(partition);
    std::vector<CommitTopic> topics{{"t", known}, {"unknown", {}}};
    OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id_or_member_epoch = generation;
    request.member_id = member;
    request.topics = topics;
    return broker_->ask<OffsetCommitResponse>(handle_offset_commit, request, version);
  }
  auto fetch(std::string_view group, int16_t version) {
    std::vector<PartitionIndex> indexes{PartitionIndex(0), PartitionIndex(1)};
    std::vector<FetchTopic> topics{{"t", indexes}};
    OffsetFetchRequest request;
    request.group_id = group;
    request.topics = Array(topics);
    return broker_->ask<OffsetFetchResponse>(handle_offset_fetch, request, version);
  }

  RunnerCluster cluster_;
  std::unique_ptr<BrokerForTest> broker_;
};

TEST_F(GroupHandlersTest, ACoordinatorThatCannotBeIsSaidToWhy) {
  start({{"offsets.topic.replication.factor", "3"}});
  LogCapture capture;
  EXPECT_EQ(find(0, "g", 3)->response.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_TRUE(capture.contains("__consumer_offsets cannot be created: offsets.topic.replication.factor asks for 3 replicas and 1 brokers are live"));
  EXPECT_EQ(broker_->services->view.get()->topic(kGroupMetadataTopic), nullptr);
}

TEST_F(GroupHandlersTest, TheFirstWhoAsksForACoordinatorHasTheTopicMade) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "4"}});
  const auto first = find(0, "g", 3);
  EXPECT_EQ(first->response.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(first->response.node_id, BrokerId(-1));
  EXPECT_EQ(first->response.port, -1);
  ClusterUpdate reachable;
  reachable.controller = BrokerId(1);
  reachable.brokers = {BrokerView{BrokerId(1), {Endpoint{"PLAINTEXT", "host1", 9092, 0}}, std::nullopt}};
  broker_->services->view.apply(reachable);
  EXPECT_EQ(find(0, "g", 3)->response.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE) << "how many partitions there are is read now";
  const auto second = find(0, "g", 3);
  EXPECT_EQ(second->response.error_code, ErrorCode::NONE);
  EXPECT_EQ(second->response.node_id, BrokerId(1));
  EXPECT_EQ(second->response.host, "host1");
  const auto batched = find(0, "g", 6);
  ASSERT_EQ(batched->response.coordinators.size(), 1u);
  EXPECT_EQ(batched->response.coordinators[0].node_id, BrokerId(1));
  EXPECT_NE(*cluster_.zookeeper.data("/config/topics/__consumer_offsets"), "");
  EXPECT_EQ(find(2, "g", 5)->response.coordinators[0].error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(find(2, "g", 6)->response.coordinators[0].error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(find(3, "g", 3)->response.error_code, ErrorCode::INVALID_REQUEST);
}

TEST_F(GroupHandlersTest, WhoDoesNotCoordinateSaysSo) {
  start({{"offsets.topic.replication.factor", "1"}});
  HeartbeatRequest beat;
  beat.group_id = "g";
  EXPECT_EQ(broker_->ask<HeartbeatResponse>(handle_heartbeat, beat, 4)->response.error_code, ErrorCode::NOT_COORDINATOR);
  beat.group_id = "";
  EXPECT_EQ(broker_->ask<HeartbeatResponse>(handle_heartbeat, beat, 4)->response.error_code, ErrorCode::INVALID_GROUP_ID);
  SyncGroupRequest sync;
  sync.group_id = "g";
  EXPECT_EQ(broker_->ask<SyncGroupResponse>(handle_sync_group, sync, 4)->response.error_code, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(broker_->ask<SyncGroupResponse>(handle_sync_group, sync, 5)->response.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  EXPECT_EQ(fetch("g", 5)->response.error_code, ErrorCode::NOT_COORDINATOR);
}

TEST_F(GroupHandlersTest, OffsetsStayWhereTheyAreThoughTheirTopicGrows) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "3"}});
  make_topic("t");
  lead_offsets();
  for (int n = 0; n < 20; ++n) EXPECT_EQ(commit("g" + std::to_string(n), 7 + n, 8)->response.topics[0].partitions[1].error_code, ErrorCode::NONE);
  // A controller of Kafka does that.
  add_partitions(broker_->services->session, std::string(kGroupMetadataTopic), {{PartitionIndex(3), {BrokerId(1)}}}, [](Status status) { EXPECT_TRUE(status.ok()); });
  loop().run_ready();
  ASSERT_EQ(broker_->services->view.get()->topic(kGroupMetadataTopic)->partitions.size(), 4u);
  LogCapture capture;
  broker_->groups->on_view();
  EXPECT_TRUE(capture.contains("__consumer_offsets has grown from 3 to 4 partitions"));
  for (int n = 0; n < 20; ++n) {
    const auto fetched = fetch("g" + std::to_string(n), 5);
    ASSERT_EQ(fetched->response.error_code, ErrorCode::NONE) << n;
    EXPECT_EQ(fetched->response.topics[0].partitions[0].committed_offset, Offset(7 + n)) << n;
  }
}

// A transaction may take offsets along before anybody looks for the group's coordinator.
TEST_F(GroupHandlersTest, OffsetsInATransactionHaveTheTopicMade) {
  start({{"offsets.topic.replication.factor", "1"},
         {"offsets.topic.num.partitions", "3"},
         {"transaction.state.log.replication.factor", "1"},
         {"transaction.state.log.num.partitions", "1"},
         {"transaction.state.log.min.isr", "1"}});
  AddOffsetsToTxnRequest request;
  request.transactional_id = "id";
  request.group_id = "g";
  const auto add = [&] { return broker_->ask<AddOffsetsToTxnResponse>(handle_add_offsets_to_txn, request, 3)->response.error_code; };
  EXPECT_EQ(add(), ErrorCode::NOT_COORDINATOR);
  find(1, "id", 3);
  lead_all(kTransactionStateTopic, *broker_->transactions);
  EXPECT_EQ(add(), ErrorCode::INVALID_PRODUCER_ID_MAPPING);
  EXPECT_EQ(broker_->services->view.get()->topic(kGroupMetadataTopic), nullptr);
  InitProducerIdRequest init;
  init.transactional_id = "id";
  init.transaction_timeout_ms = 10000;
  const auto begun = broker_->ask<InitProducerIdResponse>(handle_init_producer_id, init, 4);
  ASSERT_EQ(begun->response.error_code, ErrorCode::NONE);
  request.producer_id = begun->response.producer_id;
  request.producer_epoch = begun->response.producer_epoch;
  EXPECT_EQ(add(), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  ASSERT_NE(broker_->services->view.get()->topic(kGroupMetadataTopic), nullptr);
  EXPECT_EQ(add(), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) << "how many partitions there are is read now";
  EXPECT_EQ(add(), ErrorCode::NONE);
}

TEST_F(GroupHandlersTest, OffsetsOfVersionZeroLieInZookeeper) {
  start({});
  make_topic("t");
  const auto answer = commit("old", 42, 0);
  ASSERT_EQ(answer->response.topics.size(), 2u);
  EXPECT_EQ(*cluster_.zookeeper.data("/consumers/old/offsets/t/0"), "42");
  const auto fetched = fetch("old", 0);
  ASSERT_EQ(fetched->response.topics.size(), 1u);
  EXPECT_EQ(fetched->response.topics[0].partitions[0].committed_offset, Offset(42));
  EXPECT_EQ(fetched->response.topics[0].partitions[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(commit("a/b", 42, 0)->response.topics[0].partitions[1].error_code, ErrorCode::UNKNOWN_SERVER_ERROR) << "no znode's name";
}

TEST_F(GroupHandlersTest, OfAPartitionNamedTwiceTheLastOffsetCounts) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "1"}});
  make_topic("t");
  lead_offsets();
  for (const int version : {0, 9}) {
    std::vector<CommitPartition> twice(2);
    twice[0].committed_offset = Offset(20);
    twice[1].committed_offset = Offset(21);
    std::vector<CommitTopic> topics{{"t", twice}};
    OffsetCommitRequest request;
    request.group_id = "g";
    request.topics = topics;
    const auto answer = broker_->ask<OffsetCommitResponse>(handle_offset_commit, request, static_cast<int16_t>(version));
    ASSERT_EQ(answer->response.topics.size(), 1u);
    EXPECT_EQ(answer->response.topics[0].partitions.size(), version == 0 ? 2u : 1u) << version;
    EXPECT_EQ(fetch("g", static_cast<int16_t>(version == 0 ? 0 : 5))->response.topics[0].partitions[0].committed_offset, Offset(21)) << version;
  }
}

// Group "g" with one member, to whom everything is assigned.
class OneMemberTest : public GroupHandlersTest {
 protected:
  void SetUp() override {
    start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "3"}});
    make_topic("t");
    lead_offsets();
    const auto told = join();
    ASSERT_EQ(told->response.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    EXPECT_EQ(told->response.protocol_name, std::nullopt);
    member_id_ = told->response.member_id;
    const auto joined = join();
    ASSERT_EQ(joined->response.error_code, ErrorCode::NONE);
    EXPECT_EQ(joined->response.generation_id, 1);
    EXPECT_EQ(joined->response.leader, member_id_);
    ASSERT_EQ(joined->response.members.size(), 1u);
    EXPECT_EQ(text_of(joined->response.members[0].metadata), "m");
    SyncGroupRequest sync;
    sync.group_id = "g";
    sync.generation_id = 1;
    sync.member_id = member_id_;
    sync.protocol_type = "consumer";
    sync.protocol_name = "range";
    std::vector<SyncGroupRequest::SyncGroupRequestAssignment> assignments{{member_id_, bytes_of("all")}};
    sync.assignments = assignments;
    const auto synced = broker_->ask<SyncGroupResponse>(handle_sync_group, sync, 5);
    EXPECT_EQ(synced->response.error_code, ErrorCode::NONE);
    EXPECT_EQ(text_of(synced->response.assignment), "all");
  }
  std::unique_ptr<Answered<JoinGroupResponse>> join() {
    JoinGroupRequest join;
    join.group_id = "g";
    join.member_id = member_id_;
    join.session_timeout_ms = 10000;
    join.rebalance_timeout_ms = 10000;
    join.protocol_type = "consumer";
    std::vector<JoinGroupRequest::JoinGroupRequestProtocol> protocols{{"range", bytes_of("m")}};
    join.protocols = protocols;
    return ask_and_wait<JoinGroupResponse>(handle_join_group, join, 9);
  }
  std::unique_ptr<Answered<LeaveGroupResponse>> leave() {
    LeaveGroupRequest leave;
    leave.group_id = "g";
    std::vector<LeaveGroupRequest::MemberIdentity> leaving{{member_id_, std::nullopt, "bye"}, {"other", std::nullopt, std::nullopt}};
    leave.members = leaving;
    return broker_->ask<LeaveGroupResponse>(handle_leave_group, leave, 5);
  }
  auto describe(bool with_rebalances) {
    DescribeGroupsRequest describe;
    std::vector<std::string_view> groups{"g", "nobody"};
    describe.groups = groups;
    describe.include_authorized_operations = true;
    describe.include_rebalances = with_rebalances;
    return broker_->ask<DescribeGroupsResponse>(handle_describe_groups, describe, 5);
  }
  size_t list(std::vector<std::string_view> states, std::vector<std::string_view> types) {
    ListGroupsRequest request;
    request.states_filter = states;
    request.types_filter = types;
    return broker_->ask<ListGroupsResponse>(handle_list_groups, request, 5)->response.groups.size();
  }
  auto remove_group() {
    DeleteGroupsRequest remove;
    std::vector<std::string_view> twice{"g", "g"};
    remove.groups_names = twice;
    return broker_->ask<DeleteGroupsResponse>(handle_delete_groups, remove, 2);
  }

  std::string member_id_;
};

TEST_F(OneMemberTest, IsNamedByItsClientAndChance) {
  EXPECT_EQ(member_id_.substr(0, 5), "test-");
  EXPECT_EQ(member_id_.size(), 5 + 36u);
}

TEST_F(OneMemberTest, CommitsWhatEveryVersionFetches) {
  const auto committed = commit("g", 7, 9, 1, member_id_);
  std::map<std::pair<std::string_view, int32_t>, ErrorCode> outcomes;
  for (const auto& topic : committed->response.topics)
    for (const auto& partition : topic.partitions) outcomes[{topic.name, partition.partition_index.value}] = partition.error_code;
  EXPECT_EQ((outcomes[{"t", 0}]), ErrorCode::NONE);
  EXPECT_EQ((outcomes[{"t", 9}]), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(committed->response.topics.size(), 2u);
  for (const int version : {1, 2, 5, 7}) EXPECT_EQ(fetch("g", static_cast<int16_t>(version))->response.topics[0].partitions[0].committed_offset, Offset(7)) << version;
}

TEST_F(OneMemberTest, IsDescribedAndItsGroupListed) {
  const auto described = describe(false);
  ASSERT_EQ(described->response.groups.size(), 2u);
  EXPECT_EQ(described->response.groups[0].group_state, "Stable");
  EXPECT_EQ(described->response.groups[0].members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(described->response.groups[0].authorized_operations, 328);
  EXPECT_EQ(described->response.groups[1].group_state, "Dead");
  EXPECT_TRUE(described->response.groups[0].rebalances.empty()) << "nobody asked for what Kafka has not";
  const auto explained = describe(true);
  ASSERT_EQ(explained->response.groups[0].rebalances.size(), 1u);
  const auto& rebalance = explained->response.groups[0].rebalances[0];
  EXPECT_EQ(rebalance.generation, 1);
  EXPECT_EQ(rebalance.members, 1);
  EXPECT_GE(rebalance.ended_ms, rebalance.began_ms);
  EXPECT_TRUE(rebalance.reason.starts_with("adding new member test-")) << rebalance.reason;
  EXPECT_EQ(list({}, {}), 1u);
  EXPECT_EQ(list({"STABLE"}, {"Classic"}), 1u);
  EXPECT_EQ(list({"Empty"}, {}), 0u);
  EXPECT_EQ(list({}, {"consumer"}), 0u);
}

TEST_F(OneMemberTest, KeepsItsGroupAndWhatItReadsFromBeingDeleted) {
  OffsetDeleteRequest forget;
  forget.group_id = "g";
  std::vector<OffsetDeleteRequest::OffsetDeleteRequestTopic::OffsetDeleteRequestPartition> partitions{{PartitionIndex(0)}};
  std::vector<OffsetDeleteRequest::OffsetDeleteRequestTopic> topics{{"t", partitions}};
  forget.topics = topics;
  EXPECT_EQ(broker_->ask<OffsetDeleteResponse>(handle_offset_delete, forget, 0)->response.topics[0].partitions[0].error_code,
            ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC)
      << "what its members read is not known";
  EXPECT_EQ(remove_group()->response.results[0].error_code, ErrorCode::NON_EMPTY_GROUP);
}

TEST_F(OneMemberTest, LeavesAGroupThatAnotherCoordinatorFindsAndDeletes) {
  commit("g", 7, 9, 1, member_id_);
  EXPECT_EQ(fetch("g", 5)->response.topics[0].partitions[0].committed_offset, Offset(7));
  const auto left = leave();
  ASSERT_EQ(left->response.members.size(), 2u);
  EXPECT_EQ(left->response.members[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(left->response.members[1].error_code, ErrorCode::UNKNOWN_MEMBER_ID);

  for (int32_t i = 0; i < 3; ++i) broker_->groups->resign(PartitionIndex(i), LeaderEpoch(1));
  loop().run_ready();
  EXPECT_EQ(fetch("g", 5)->response.error_code, ErrorCode::NOT_COORDINATOR);
  for (int32_t i = 0; i < 3; ++i) {
    ReplicaTable::RoleChange change;
    change.partition = {std::string(kGroupMetadataTopic), PartitionIndex(i)};
    change.role = {ControllerEpoch(1), BrokerId(1), LeaderEpoch(2), PartitionEpoch(1), {BrokerId(1)}, {BrokerId(1)}, false, false};
    ASSERT_EQ(broker_->replicas->become({change}).at(0), ErrorCode::NONE);
    broker_->groups->lead(PartitionIndex(i), LeaderEpoch(2));
  }
  loop().run_ready();
  EXPECT_EQ(fetch("g", 5)->response.topics[0].partitions[0].committed_offset, Offset(7));
  const auto deleted = remove_group();
  ASSERT_EQ(deleted->response.results.size(), 1u);
  EXPECT_EQ(deleted->response.results[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(list({}, {}), 0u);
  EXPECT_EQ(fetch("g", 5)->response.topics[0].partitions[0].committed_offset, Offset(-1));
}

// A heartbeat that joins; strings and arrays are the caller's to keep.
struct JoiningHeartbeat : ConsumerGroupHeartbeatRequest {
  JoiningHeartbeat(std::string_view group, std::string_view member) {
    group_id = group;
    member_id = member;
    rebalance_timeout_ms = 10000;
    subscribed_topic_names = Array(names_);
    topic_partitions = Array(owned_);
  }
  JoiningHeartbeat(const JoiningHeartbeat&) = delete;
  JoiningHeartbeat& operator=(const JoiningHeartbeat&) = delete;

 private:
  std::vector<std::string_view> names_{"t"};
  std::vector<TopicPartitions> owned_;
};

TEST_F(GroupHandlersTest, AMemberOfTheConsumerProtocolFromItsFirstHeartbeatToItsLast) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "1"}});
  make_topic("t");
  lead_offsets();
  const auto beat = [&](const ConsumerGroupHeartbeatRequest& request, int16_t version) {
    return broker_->ask<ConsumerGroupHeartbeatResponse>(handle_consumer_group_heartbeat, request, version);
  };
  JoiningHeartbeat join("cg", "m");
  const auto joined = beat(join, 1);
  ASSERT_EQ(joined->response.error_code, ErrorCode::NONE) << joined->response.error_message.value_or("");
  EXPECT_EQ(joined->response.member_id, "m");
  EXPECT_EQ(joined->response.member_epoch, 1);
  EXPECT_EQ(joined->response.heartbeat_interval_ms, 5000);
  ASSERT_TRUE(joined->response.assignment);
  ASSERT_EQ(joined->response.assignment->topic_partitions.size(), 1u);
  EXPECT_EQ(joined->response.assignment->topic_partitions[0].partitions.size(), 2u);

  const auto committed = [&](int64_t offset, int16_t version, int32_t epoch) {
    const auto answer = commit("cg", offset, version, epoch, "m");
    for (const auto& topic : answer->response.topics) {
      for (const auto& partition : topic.partitions) {
        if (topic.name == "t" && partition.partition_index == PartitionIndex(0)) return partition.error_code;
      }
    }
    return ErrorCode::UNKNOWN_SERVER_ERROR;
  };
  EXPECT_EQ(committed(7, 9, 1), ErrorCode::NONE);
  EXPECT_EQ(committed(8, 9, 5), ErrorCode::STALE_MEMBER_EPOCH);
  EXPECT_EQ(committed(8, 8, 1), ErrorCode::UNSUPPORTED_VERSION);
  const auto fetch_as = [&](int32_t epoch) {
    OffsetFetchRequest request;
    std::vector<OffsetFetchRequest::OffsetFetchRequestGroup> groups(1);
    groups[0].group_id = "cg";
    groups[0].member_id = "m";
    groups[0].member_epoch = epoch;
    groups[0].topics.reset();
    request.groups = groups;
    return broker_->ask<OffsetFetchResponse>(handle_offset_fetch, request, 9);
  };
  EXPECT_EQ(fetch_as(2)->response.groups[0].error_code, ErrorCode::STALE_MEMBER_EPOCH);
  const auto fetched = fetch_as(1);
  ASSERT_EQ(fetched->response.groups[0].topics.size(), 1u);
  EXPECT_EQ(fetched->response.groups[0].topics[0].partitions[0].committed_offset, Offset(7));

  ConsumerGroupDescribeRequest describe;
  std::vector<std::string_view> groups{"cg", "nobody"};
  describe.group_ids = groups;
  describe.include_authorized_operations = true;
  const auto described = broker_->ask<ConsumerGroupDescribeResponse>(handle_consumer_group_describe, describe, 0);
  ASSERT_EQ(described->response.groups.size(), 2u);
  const auto& group = described->response.groups[0];
  EXPECT_EQ(group.group_state, "Stable");
  EXPECT_EQ(group.group_epoch, 1);
  EXPECT_EQ(group.assignment_epoch, 1);
  EXPECT_EQ(group.assignor_name, "uniform");
  EXPECT_EQ(group.authorized_operations, 328);
  ASSERT_EQ(group.members.size(), 1u);
  EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
  ASSERT_EQ(group.members[0].assignment.topic_partitions.size(), 1u);
  EXPECT_EQ(group.members[0].assignment.topic_partitions[0].topic_name, "t");
  EXPECT_TRUE(group.members[0].assignment == group.members[0].target_assignment);
  EXPECT_EQ(described->response.groups[1].error_code, ErrorCode::GROUP_ID_NOT_FOUND);
  ListGroupsRequest list;
  std::vector<std::string_view> types{"Consumer"};
  list.types_filter = types;
  const auto listed = broker_->ask<ListGroupsResponse>(handle_list_groups, list, 5);
  ASSERT_EQ(listed->response.groups.size(), 1u);
  EXPECT_EQ(listed->response.groups[0].group_type, "consumer");

  JoiningHeartbeat leave("cg", "m");
  leave.member_epoch = -1;
  EXPECT_EQ(beat(leave, 1)->response.member_epoch, -1);
  EXPECT_EQ(broker_->ask<ConsumerGroupDescribeResponse>(handle_consumer_group_describe, describe, 0)->response.groups[0].group_state, "Empty");
}

TEST_F(GroupHandlersTest, WhatIsNotServedOfTheConsumerProtocolIsRefusedWithAReason) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "1"}});
  make_topic("t");
  const auto beat = [&](const ConsumerGroupHeartbeatRequest& request, int16_t version) {
    return broker_->ask<ConsumerGroupHeartbeatResponse>(handle_consumer_group_heartbeat, request, version);
  };
  JoiningHeartbeat join("cg", "m"), nameless("cg", "");
  EXPECT_EQ(beat(join, 1)->response.error_code, ErrorCode::NOT_COORDINATOR);
  lead_offsets();
  EXPECT_EQ(beat(nameless, 1)->response.error_message, "MemberId can't be empty.");
  const auto given = beat(nameless, 0);
  EXPECT_EQ(given->response.error_code, ErrorCode::NONE);
  EXPECT_EQ(given->response.member_id.value_or("").size(), 22u) << "version 0 is given an id";
  join.subscribed_topic_regex = "t.*";
  EXPECT_EQ(beat(join, 1)->response.error_code, ErrorCode::INVALID_REQUEST);
  join.subscribed_topic_regex = "";
  EXPECT_EQ(beat(join, 1)->response.error_code, ErrorCode::NONE);
}

TEST_F(GroupHandlersTest, TheConsumerProtocolIsOfferedWhileEveryBrokerHasIt) {
  start({{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "1"}});
  make_topic("t");
  lead_offsets();
  JoiningHeartbeat before("before", "m"), after("after", "m");
  const auto beat = [&](const ConsumerGroupHeartbeatRequest& request) {
    return broker_->ask<ConsumerGroupHeartbeatResponse>(handle_consumer_group_heartbeat, request, 1)->response.error_code;
  };
  EXPECT_EQ(beat(before), ErrorCode::NONE);
  broker_->consumer_protocol_offered = false;
  EXPECT_EQ(beat(after), ErrorCode::UNSUPPORTED_VERSION);
  EXPECT_EQ(beat(before), ErrorCode::NONE) << "a group that uses it goes on";
}

}  // namespace
}  // namespace quokka
