// A member of a group against a coordinator that the test plays, over real sockets.
#include "protocol/client/group_membership.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "protocol/client/scripted_broker.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/records/stored/consumer_protocol.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {
namespace {

using testing::ScriptedBroker;
using testing::ScriptedRequest;

// A group of one member, which leads, over a topic "t" of two partitions. What was asked, one word a request, can be looked at when nothing is under way.
class OneMemberGroup {
 public:
  OneMemberGroup()
      : broker_({ApiKey::METADATA, ApiKey::FIND_COORDINATOR, ApiKey::JOIN_GROUP, ApiKey::SYNC_GROUP, ApiKey::HEARTBEAT, ApiKey::LEAVE_GROUP,
                 ApiKey::OFFSET_FETCH, ApiKey::OFFSET_COMMIT},
                [this](const ScriptedRequest& request) { return respond(request); }) {
    broker_.start();
  }

  BlockingClientSettings settings() const {
    BlockingClientSettings settings;
    settings.servers = {{"127.0.0.1", broker_.port()}};
    settings.retry_backoff = Duration::millis(1);
    return settings;
  }

  std::vector<std::string> asked;
  std::deque<ErrorCode> join_errors, heartbeat_errors;  // of the next ones
  std::string last_reason;
  std::map<TopicPartition, Offset> committed{{{"t", PartitionIndex(1)}, Offset(50)}};
  std::atomic<int32_t> partitions{2};
  std::atomic<int32_t> generation{0};

 private:
  static ErrorCode next(std::deque<ErrorCode>& errors) {
    if (errors.empty()) return ErrorCode::NONE;
    const ErrorCode error = errors.front();
    errors.pop_front();
    return error;
  }

  std::optional<std::vector<uint8_t>> respond(const ScriptedRequest& request) {
    Arena arena = Arena::for_frame(1 << 16);
    switch (request.key) {
      case ApiKey::METADATA: return metadata(request);
      case ApiKey::FIND_COORDINATOR: {
        asked.emplace_back("find");
        FindCoordinatorResponse response;
        response.node_id = BrokerId(7);
        response.host = "127.0.0.1";
        response.port = broker_.port();
        return ScriptedBroker::body_of(response, request.version);
      }
      case ApiKey::JOIN_GROUP: return join(request, arena);
      case ApiKey::SYNC_GROUP: {
        const auto sync = request.as<SyncGroupRequest>(arena);
        asked.push_back("sync " + std::to_string(sync.generation_id));
        SyncGroupResponse response;
        response.assignment = sync.assignments.empty() ? Bytes() : sync.assignments[0].assignment;
        return ScriptedBroker::body_of(response, request.version);
      }
      case ApiKey::HEARTBEAT: {
        HeartbeatResponse response;
        response.error_code = next(heartbeat_errors);
        if (response.error_code != ErrorCode::NONE) asked.push_back("heartbeat " + std::string(name(response.error_code)));
        return ScriptedBroker::body_of(response, request.version);
      }
      case ApiKey::LEAVE_GROUP: {
        asked.push_back("leave " + std::string(request.as<LeaveGroupRequest>(arena).members[0].member_id));
        return ScriptedBroker::body_of(LeaveGroupResponse(), request.version);
      }
      case ApiKey::OFFSET_FETCH: return fetch_offsets(request);
      case ApiKey::OFFSET_COMMIT: return commit(request, arena);
      default: return std::nullopt;
    }
  }

  std::optional<std::vector<uint8_t>> metadata(const ScriptedRequest& request) {
    std::vector<MetadataResponse::MetadataResponseBroker> brokers{{BrokerId(7), "127.0.0.1", broker_.port(), std::nullopt}};
    std::vector<MetadataResponse::MetadataResponseTopic::MetadataResponsePartition> all;
    for (int32_t i = 0; i < partitions; ++i) {
      all.emplace_back();
      all.back().partition_index = PartitionIndex(i);
    }
    std::vector<MetadataResponse::MetadataResponseTopic> topics(1);
    topics[0].name = "t";
    topics[0].partitions = all;
    MetadataResponse response;
    response.brokers = brokers;
    response.topics = topics;
    return ScriptedBroker::body_of(response, request.version);
  }

  std::optional<std::vector<uint8_t>> join(const ScriptedRequest& request, Arena& arena) {
    const auto join = request.as<JoinGroupRequest>(arena);
    asked.push_back("join '" + std::string(join.member_id) + "'");
    last_reason = join.reason.value_or("");
    JoinGroupResponse response;
    response.member_id = "m-1";
    response.error_code = next(join_errors);
    if (response.error_code == ErrorCode::NONE && join.member_id.empty()) response.error_code = ErrorCode::MEMBER_ID_REQUIRED;
    std::vector<JoinGroupResponse::JoinGroupResponseMember> members;
    if (response.error_code == ErrorCode::NONE) {
      members.push_back({"m-1", std::nullopt, join.protocols[0].metadata});
      response.generation_id = ++generation;
      response.protocol_name = join.protocols[0].name;
      response.leader = "m-1";
      response.members = members;
    }
    return ScriptedBroker::body_of(response, request.version);
  }

  std::optional<std::vector<uint8_t>> fetch_offsets(const ScriptedRequest& request) {
    std::vector<OffsetFetchResponse::OffsetFetchResponseTopic::OffsetFetchResponsePartition> found;
    for (const auto& [partition, offset] : committed) {
      found.emplace_back();
      found.back().partition_index = partition.partition;
      found.back().committed_offset = offset;
    }
    std::vector<OffsetFetchResponse::OffsetFetchResponseTopic> topics{{"t", found}};
    OffsetFetchResponse response;
    response.topics = topics;
    return ScriptedBroker::body_of(response, request.version);
  }

  std::optional<std::vector<uint8_t>> commit(const ScriptedRequest& request, Arena& arena) {
    const auto commit = request.as<OffsetCommitRequest>(arena);
    std::string text = "commit " + std::to_string(commit.generation_id_or_member_epoch);
    for (const auto& partition : commit.topics[0].partitions) {
      text += " " + std::to_string(partition.partition_index.value) + "@" + std::to_string(partition.committed_offset.value);
      committed[{"t", partition.partition_index}] = partition.committed_offset;
    }
    asked.push_back(text);
    return ScriptedBroker::body_of(OffsetCommitResponse(), request.version);
  }

  ScriptedBroker broker_;
};

// Reads what it is told, and records what that was.
struct FakeReader {
  std::vector<std::string> told;
  OffsetsByPartition positions;

  GroupMembership::Reader functions() {
    return {[this] { return positions; },
            [this](const std::map<TopicPartition, std::optional<Offset>>& partitions) {
              std::string text;
              positions.clear();
              for (const auto& [partition, offset] : partitions) {
                text += (text.empty() ? "" : " ") + partition.str() + "@" + (offset ? std::to_string(offset->value) : "-");
                if (offset) positions[partition] = *offset;
              }
              if (told.empty() || told.back() != text) told.push_back(text);
            }};
  }
};

struct Joined {
  explicit Joined(GroupMembershipSettings settings = {}) : client(group.settings(), [](const std::string&) {}), member(client, named(std::move(settings)), reader.functions(), [](const std::string&) {}) {
    member.subscribe({"t"});
  }
  static GroupMembershipSettings named(GroupMembershipSettings settings) {
    settings.group = "g";
    settings.heartbeat_interval = Duration::millis(5);
    return settings;
  }
  // False once the membership has ended.
  bool poll_until(const std::function<bool()>& condition) {
    const MonoTime end = client.now() + Duration::seconds(20);
    while (!condition() && client.now() < end) {
      status = member.poll(Duration::millis(20));
      if (!status.ok()) return false;
      client.pause(Duration::millis(1));
    }
    return condition();
  }
  bool join() {
    return poll_until([this] { return member.is_member(); });
  }

  OneMemberGroup group;
  FakeReader reader;
  BlockingClient client;
  GroupMembership member;
  Status status;
};

TEST(GroupMembership, JoinsReadsFromTheCommittedOffsetCommitsAndLeaves) {
  Joined one;
  ASSERT_TRUE(one.join()) << one.status.error().message;
  EXPECT_EQ(one.reader.told.back(), "t-0@- t-1@50");
  one.reader.positions = {{{"t", PartitionIndex(0)}, Offset(7)}, {{"t", PartitionIndex(1)}, Offset(50)}};
  EXPECT_TRUE(one.member.leave(true).ok());
  EXPECT_EQ(one.group.asked, (std::vector<std::string>{"find", "join ''", "join 'm-1'", "sync 1", "commit 1 0@7", "leave m-1"}))
      << "what has not moved is not committed again";
  EXPECT_EQ(one.reader.told.back(), "");
}

TEST(GroupMembership, CommitsAndLetsGoBeforeItJoinsAgain) {
  Joined one;
  ASSERT_TRUE(one.join());
  one.reader.positions[{"t", PartitionIndex(1)}] = Offset(60);
  one.group.asked.clear();
  one.group.heartbeat_errors = {ErrorCode::NONE, ErrorCode::REBALANCE_IN_PROGRESS};
  ASSERT_TRUE(one.poll_until([&] { return one.group.generation == 2 && one.member.is_member(); }));
  EXPECT_EQ(one.group.asked, (std::vector<std::string>{"heartbeat REBALANCE_IN_PROGRESS", "commit 1 1@60", "join 'm-1'", "sync 2"}));
  EXPECT_EQ(one.reader.told, (std::vector<std::string>{"", "t-0@- t-1@50", "", "t-0@- t-1@60"}));
}

TEST(GroupMembership, OneThatIsOutCommitsNothingAndIsNewAgain) {
  Joined one;
  ASSERT_TRUE(one.join());
  one.reader.positions[{"t", PartitionIndex(1)}] = Offset(60);
  one.group.asked.clear();
  one.group.heartbeat_errors = {ErrorCode::UNKNOWN_MEMBER_ID};
  ASSERT_TRUE(one.poll_until([&] { return one.group.generation == 2 && one.member.is_member(); }));
  EXPECT_EQ(one.group.asked, (std::vector<std::string>{"heartbeat UNKNOWN_MEMBER_ID", "join ''", "join 'm-1'", "sync 2"}));
}

TEST(GroupMembership, LooksForTheCoordinatorAgainWhenItMoves) {
  Joined one;
  one.group.join_errors = {ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NOT_COORDINATOR};
  ASSERT_TRUE(one.join());
  EXPECT_EQ(one.group.asked, (std::vector<std::string>{"find", "join ''", "join ''", "find", "join ''", "join 'm-1'", "sync 1"}));
}

TEST(GroupMembership, EndsWhenAnotherHasItsInstance) {
  GroupMembershipSettings settings;
  settings.instance_id = "i";
  Joined one(settings);
  one.group.join_errors = {ErrorCode::FENCED_INSTANCE_ID};
  EXPECT_FALSE(one.join());
  EXPECT_EQ(one.status.code(), ErrorCode::FENCED_INSTANCE_ID);
}

TEST(GroupMembership, ALeaderNoticesNewPartitions) {
  Joined one;
  ASSERT_TRUE(one.join());
  one.group.partitions = 3;
  ASSERT_TRUE(one.poll_until([&] { return one.group.generation == 2 && one.member.is_member(); }));
  EXPECT_EQ(one.reader.told.back(), "t-0@- t-1@50 t-2@-");
  EXPECT_EQ(one.group.last_reason, "topics or their partitions changed");
}

TEST(GroupMembership, AssignorsGoByTheNamesOfJava) {
  EXPECT_EQ(*parse_assignors("org.apache.kafka.clients.consumer.CooperativeStickyAssignor, range"), (std::vector<std::string>{"cooperative-sticky", "range"}));
  EXPECT_NE(parse_assignors("org.apache.kafka.clients.consumer.RoundRobinAssignor").error().message.find("RoundRobinAssignor'"), std::string::npos);
  EXPECT_FALSE(parse_assignors("").ok());
}

}  // namespace
}  // namespace quokka
