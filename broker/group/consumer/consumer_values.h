// What goes into and out of groups of the consumer protocol (KIP-848): heartbeats and their answers without the wire, records without their bytes. PURE.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/uuid.h"

namespace quokka {

// Member epochs that are requests: to join, to leave, to leave for a while (a static member, whose partitions are kept for it).
inline constexpr int32_t kJoinEpoch = 0, kLeaveEpoch = -1, kStaticLeaveEpoch = -2;

// One way to assign partitions that a member of the classic protocol knows, in the order of its preference, with what it tells the leader about itself.
struct GroupProtocol {
  std::string name;
  std::string metadata;

  bool operator==(const GroupProtocol&) const = default;
};

// No entry is empty.
using AssignedPartitions = std::map<TopicId, std::set<PartitionIndex>>;

struct TopicFacts {
  TopicId id;
  int32_t partitions = 0;

  bool operator==(const TopicFacts&) const = default;
};

// What the core may ask about topics: what this broker was told last.
class GroupTopics {
 public:
  virtual std::optional<TopicFacts> find(const std::string& topic) const = 0;  // nullopt: there is none
  // Another number says that topics may have changed. 0: nothing was told yet, and what the others answer means nothing.
  virtual uint64_t revision() const = 0;

 protected:
  ~GroupTopics() = default;
};

// --- Records. Each is stored under the key version of its kind; without a value it is a tombstone.

// Of a member that speaks the classic protocol in a group of this one (online upgrade).
struct ClassicMember {
  int32_t session_timeout_ms = 0;
  std::vector<GroupProtocol> protocols;

  bool operator==(const ClassicMember&) const = default;
};

// What a member says about itself.
struct ConsumerSubscription {
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::set<std::string> topics;
  std::optional<std::string> topic_regex;  // kept, not acted upon
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> assignor;  // nullopt: it does not mind
  std::optional<ClassicMember> classic;

  bool operator==(const ConsumerSubscription&) const = default;
};

// Where a member is on its way to its target.
enum class ReconciliationState : int8_t {
  STABLE = 0,
  UNREVOKED_PARTITIONS = 1,   // it is to give up partitions first
  UNRELEASED_PARTITIONS = 2,  // it waits for partitions that others have not given up
  UNKNOWN = 127,              // of a later version
};

struct ConsumerAssignment {
  int32_t epoch = 0;
  int32_t previous_epoch = 0;  // the answer with the present one may be lost: then the member comes with this one
  ReconciliationState state = ReconciliationState::STABLE;
  AssignedPartitions assigned;
  AssignedPartitions revoking;  // still its own until it says that it gave them up

  bool operator==(const ConsumerAssignment&) const = default;
};

using SubscribedTopics = std::map<std::string, TopicFacts>;  // those that exist

struct GroupEpochRecord {  // 3
  std::optional<int32_t> value;
  bool operator==(const GroupEpochRecord&) const = default;
};
struct GroupTopicsRecord {  // 4
  std::optional<SubscribedTopics> value;
  bool operator==(const GroupTopicsRecord&) const = default;
};
struct MemberSubscriptionRecord {  // 5
  std::string member;
  std::optional<ConsumerSubscription> value;
  bool operator==(const MemberSubscriptionRecord&) const = default;
};
struct TargetEpochRecord {  // 6
  std::optional<int32_t> value;
  bool operator==(const TargetEpochRecord&) const = default;
};
struct MemberTargetRecord {  // 7
  std::string member;
  std::optional<AssignedPartitions> value;
  bool operator==(const MemberTargetRecord&) const = default;
};
struct MemberAssignmentRecord {  // 8
  std::string member;
  std::optional<ConsumerAssignment> value;
  bool operator==(const MemberAssignmentRecord&) const = default;
};
using ConsumerRecord =
    std::variant<GroupEpochRecord, GroupTopicsRecord, MemberSubscriptionRecord, TargetEpochRecord, MemberTargetRecord, MemberAssignmentRecord>;

// --- Requests

struct ConsumerHeartbeat {
  std::string group;
  std::string member_id;  // "": the member has none yet
  int32_t member_epoch = kJoinEpoch;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  // nullopt, and -1: as before.
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::set<std::string>> topics;
  std::optional<std::string> assignor;
  std::optional<AssignedPartitions> owned;
  std::string client_id;
  std::string client_host;
  std::string unique;            // a random UUID: the id of a member that brings none
  bool may_begin_group = true;   // a group may begin to speak this protocol
};

struct ConsumerHeartbeatAnswer {
  ErrorCode error = ErrorCode::NONE;
  std::string message;  // what is wrong
  std::string member_id;
  int32_t member_epoch = 0;
  int32_t heartbeat_interval_ms = 0;
  std::optional<AssignedPartitions> assignment;  // if it changed, or all was told
};

struct ConsumerGroupDescription {
  struct Member {
    std::string id;
    ConsumerSubscription subscription;
    int32_t epoch = 0;
    AssignedPartitions assigned;
    AssignedPartitions target;
  };
  std::string_view state;
  int32_t epoch = 0;
  int32_t assignment_epoch = 0;
  std::string assignor;
  std::vector<Member> members;
};

enum class MigrationPolicy { DISABLED, UPGRADE, DOWNGRADE, BIDIRECTIONAL };

struct ConsumerGroupSettings {
  int32_t session_timeout_ms = 45'000;                      // group.consumer.session.timeout.ms
  int32_t heartbeat_interval_ms = 5'000;                    // group.consumer.heartbeat.interval.ms
  size_t members_max = 2'147'483'647;                       // group.consumer.max.size
  std::vector<std::string> assignors = {"uniform", "range"};  // group.consumer.assignors; the first is the default
  MigrationPolicy migration = MigrationPolicy::DISABLED;    // group.consumer.migration.policy
  bool may_upgrade() const { return migration == MigrationPolicy::UPGRADE || migration == MigrationPolicy::BIDIRECTIONAL; }
  bool may_downgrade() const { return migration == MigrationPolicy::DOWNGRADE || migration == MigrationPolicy::BIDIRECTIONAL; }
};

}  // namespace quokka
