// Groups of the consumer protocol (KIP-848), spoken by hand, since the installed librdkafka may be older than it; beside members of the classic protocol,
// which is that librdkafka's.
#include <set>

#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/group_member.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace quokka {
namespace {

constexpr int32_t kPartitions = 4;

// Every heartbeat tells everything, and it gives up at once what it is to give up.
class HandMadeMember {
 public:
  HandMadeMember(const std::string& bootstrap, std::string group, std::string id)
      : group_(std::move(group)), id_(std::move(id)), client_({.servers = *parse_servers(bootstrap), .client_id = id_}, [](const std::string&) {}) {}

  ErrorCode beat() { return ask(epoch_); }
  ErrorCode leave() {
    const ErrorCode error = ask(-1);
    epoch_ = 0;
    owned_.clear();
    return error;
  }
  // As if it had not heard of what came since.
  ErrorCode beat_with_epoch(int32_t epoch) { return ask(epoch); }
  int32_t epoch() const { return epoch_; }
  const std::set<int32_t>& owned() const { return owned_; }

  ErrorCode commit(int32_t index, int64_t offset, int32_t epoch) {
    OffsetCommitRequest::OffsetCommitRequestTopic::OffsetCommitRequestPartition partition;
    partition.partition_index = PartitionIndex(index);
    partition.committed_offset = Offset(offset);
    std::vector partitions{partition};
    std::vector<OffsetCommitRequest::OffsetCommitRequestTopic> topics{{group_, partitions}};
    OffsetCommitRequest request;
    request.group_id = group_;
    request.member_id = id_;
    request.generation_id_or_member_epoch = epoch;
    request.topics = topics;
    const auto code_of = [](const OffsetCommitResponse& response) { return response.topics[0].partitions[0].error_code; };
    const auto answer = client_.call_coordinator<OffsetCommitResponse>(group_, request, code_of, 9, 9);
    return answer.ok() ? code_of(answer->message) : answer.code();
  }
  // -2: an error.
  int64_t committed(int32_t index) {
    std::vector<PartitionIndex> indexes{PartitionIndex(index)};
    std::vector<OffsetFetchRequest::OffsetFetchRequestGroup::OffsetFetchRequestTopics> topics{{group_, indexes}};
    std::vector<OffsetFetchRequest::OffsetFetchRequestGroup> groups(1);
    groups[0].group_id = group_;
    groups[0].member_id = id_;
    groups[0].member_epoch = epoch_;
    groups[0].topics = Array(topics);
    OffsetFetchRequest request;
    request.groups = groups;
    const auto code_of = [](const OffsetFetchResponse& response) { return response.groups[0].error_code; };
    const auto answer = client_.call_coordinator<OffsetFetchResponse>(group_, request, code_of, 9, 9);
    if (!answer.ok() || code_of(answer->message) != ErrorCode::NONE) return -2;
    return answer->message.groups[0].topics[0].partitions[0].committed_offset.value;
  }
  // "Stable, 2 members"; an error's name.
  std::string description() {
    std::vector<std::string_view> groups{group_};
    ConsumerGroupDescribeRequest request;
    request.group_ids = groups;
    const auto code_of = [](const ConsumerGroupDescribeResponse& response) { return response.groups[0].error_code; };
    const auto answer = client_.call_coordinator<ConsumerGroupDescribeResponse>(group_, request, code_of);
    if (!answer.ok()) return std::string(name(answer.code()));
    const auto& described = answer->message.groups[0];
    if (described.error_code != ErrorCode::NONE) return std::string(name(described.error_code));
    return std::string(described.group_state) + ", " + std::to_string(described.members.size()) + " members";
  }

 private:
  ErrorCode ask(int32_t epoch) {
    std::vector<std::string_view> topics{group_};
    std::vector<PartitionIndex> indexes;
    for (const int32_t index : owned_) indexes.push_back(PartitionIndex(index));
    std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> owned;
    if (!indexes.empty() && epoch > 0) owned.push_back({topic_, indexes});
    ConsumerGroupHeartbeatRequest request;
    request.group_id = group_;
    request.member_id = id_;
    request.member_epoch = epoch;
    request.rebalance_timeout_ms = 30'000;
    request.subscribed_topic_names = Array(topics);
    request.topic_partitions = Array(owned);
    const auto code_of = [](const ConsumerGroupHeartbeatResponse& response) { return response.error_code; };
    const auto answer = client_.call_coordinator<ConsumerGroupHeartbeatResponse>(group_, request, code_of);
    if (!answer.ok()) return answer.code();
    const ConsumerGroupHeartbeatResponse& told = answer->message;
    if (told.error_code != ErrorCode::NONE || epoch < 0) return told.error_code;
    epoch_ = told.member_epoch;
    if (told.assignment) {
      owned_.clear();
      for (const auto& topic : told.assignment->topic_partitions) {
        topic_ = topic.topic_id;
        for (const PartitionIndex index : topic.partitions) owned_.insert(index.value);
      }
    }
    return ErrorCode::NONE;
  }

  const std::string group_;  // and its topic
  const std::string id_;
  BlockingClient client_;
  int32_t epoch_ = 0;
  Uuid topic_;
  std::set<int32_t> owned_;
};

class ConsumerProtocolTest : public ClusterFixture<ConsumerProtocolTest> {
 public:
  static ClusterOptions options() { return coordinator_options({{"group.consumer.migration.policy", "bidirectional"}}); }

 protected:
  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }
  static void make_topic(const std::string& name) { KafkaAdmin(bootstrap()).create_topic_and_wait(name, kPartitions, 3); }
  // Brokers learn of each other, and of topics, after they are ready.
  static bool beats_well(HandMadeMember& member) {
    return eventually(client_timeout_ms, [&] { return member.beat() == ErrorCode::NONE; });
  }
  static bool share(HandMadeMember& a, HandMadeMember& b, size_t of_a, size_t of_b) {
    return eventually(client_timeout_ms, [&] {
      a.beat();
      b.beat();
      std::set<int32_t> all = a.owned();
      all.insert(b.owned().begin(), b.owned().end());
      return a.owned().size() == of_a && b.owned().size() == of_b && all.size() == of_a + of_b;
    });
  }
};

TEST_F(ConsumerProtocolTest, TwoShareOneLeavesAndTheOtherHasAll) {
  make_topic("shared");
  HandMadeMember a(bootstrap(), "shared", "a"), b(bootstrap(), "shared", "b");
  ASSERT_TRUE(beats_well(a));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 4u; }));
  ASSERT_EQ(b.beat(), ErrorCode::NONE);
  ASSERT_TRUE(share(a, b, 2, 2));
  EXPECT_EQ(a.description(), "Stable, 2 members");
  const int32_t mine = *a.owned().begin();
  EXPECT_EQ(a.commit(mine, 7, a.epoch()), ErrorCode::NONE);
  EXPECT_EQ(a.commit(mine, 9, a.epoch() - 1), ErrorCode::STALE_MEMBER_EPOCH);
  EXPECT_EQ(a.committed(mine), 7);
  EXPECT_EQ(b.beat_with_epoch(b.epoch() + 7), ErrorCode::FENCED_MEMBER_EPOCH);
  EXPECT_EQ(b.leave(), ErrorCode::NONE);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 4u; }));
  EXPECT_EQ(a.leave(), ErrorCode::NONE);
  EXPECT_EQ(a.description(), "Empty, 0 members");
}

TEST_F(ConsumerProtocolTest, MembersAndOffsetsSurviveTheirCoordinator) {
  make_topic("survives");
  HandMadeMember a(bootstrap(), "survives", "a"), b(bootstrap(), "survives", "b");
  ASSERT_TRUE(beats_well(a));
  ASSERT_EQ(b.beat(), ErrorCode::NONE);
  ASSERT_TRUE(share(a, b, 2, 2));
  const int32_t mine = *a.owned().begin();
  ASSERT_EQ(a.commit(mine, 7, a.epoch()), ErrorCode::NONE);
  const auto all_in_sync = [] {
    const auto state = znodes().partition_state("__consumer_offsets", coordinator_partition("survives", kCoordinatorPartitions).value);
    return state && state->isr.size() == cluster().broker_ids().size();
  };
  for (const int id : cluster().broker_ids()) {
    ASSERT_TRUE(eventually(client_timeout_ms, all_in_sync)) << "else there is nobody to take over";
    const int32_t epoch = a.epoch();
    const std::set<int32_t> owned = a.owned();
    cluster().kill_broker(id);
    EXPECT_TRUE(beats_well(a));
    EXPECT_TRUE(beats_well(b));
    EXPECT_EQ(a.epoch(), epoch) << "nobody is disturbed";
    EXPECT_EQ(a.owned(), owned);
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return a.committed(mine) == 7; }));
    cluster().start_broker(id);
    cluster().wait_until_ready(id);
  }
}

TEST_F(ConsumerProtocolTest, AClassicConsumerSharesTheGroupAndTheGroupIsClassicWhenItIsAlone) {
  make_topic("mixed");
  GroupMember classic(bootstrap(), "mixed", "mixed", {{"partition.assignment.strategy", "cooperative-sticky"}});
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return classic.assignment().size() == 4u; }));
  HandMadeMember a(bootstrap(), "mixed", "a");
  EXPECT_EQ(a.description(), "GROUP_ID_NOT_FOUND") << "a classic group";
  ASSERT_TRUE(beats_well(a));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 2u && classic.assignment().size() == 2u; }));
  EXPECT_EQ(a.description(), "Stable, 2 members");
  EXPECT_EQ(a.leave(), ErrorCode::NONE);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return classic.assignment().size() == 4u; }));
  EXPECT_EQ(a.description(), "GROUP_ID_NOT_FOUND");
}

TEST_F(ConsumerProtocolTest, NoGroupBeginsToUseItWhileABrokerDeclinesIt) {
  make_topic("before");
  make_topic("after");
  HandMadeMember before(bootstrap(), "before", "a"), after(bootstrap(), "after", "a");
  ASSERT_TRUE(beats_well(before));
  ASSERT_EQ(cluster().stop_broker(3), 0);
  cluster().start_broker(3, {{"group.coordinator.rebalance.protocols", "classic"}});
  cluster().wait_until_ready(3);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return after.beat() == ErrorCode::UNSUPPORTED_VERSION; }));
  ASSERT_EQ(cluster().stop_broker(3), 0);
  cluster().start_broker(3, {{"group.coordinator.rebalance.protocols", "classic,consumer"}});
  cluster().wait_until_ready(3);
  // A client knows what was served when it connected.
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return HandMadeMember(bootstrap(), "after", "b").beat() == ErrorCode::NONE; })) << "offered again";
  EXPECT_TRUE(beats_well(before)) << "it was never gone";
}

}  // namespace
}  // namespace quokka
