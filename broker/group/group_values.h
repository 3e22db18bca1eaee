// What goes into the core of the group coordinator and what comes out: requests and answers without the wire, records without their bytes. PURE.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/consumer/consumer_values.h"
#include "broker/group/consumer/group_state.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/time.h"

namespace quokka {

// Sessions and rebalances are measured by the monotonic clock, offsets are kept and expire by the wall clock.
struct GroupTime {
  MonoTime mono;
  WallTime wall;
};

// Names a request whose answer may come later.
using GroupRequestId = uint64_t;

struct JoinGroup {
  std::string group;
  std::string member_id;                   // "": the member has none yet
  std::optional<std::string> instance_id;  // set: a static member (KIP-345)
  bool requires_member_id = false;         // a new dynamic member is given an id and joins with it (KIP-394)
  bool may_skip_assignment = false;        // the member, as leader, understands that there is nothing to assign (KIP-814)
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;
  std::string reason;
  std::string unique;  // a random UUID: makes the id of a new member
};

struct JoinAnswer {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string metadata;
  };
  ErrorCode error = ErrorCode::NONE;
  std::string member_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  bool skip_assignment = false;
  std::vector<Member> members;  // to the leader
};

struct SyncGroup {
  std::string group;
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::map<std::string, std::string> assignments;  // from the leader: member id to assignment
};

struct SyncAnswer {
  ErrorCode error = ErrorCode::NONE;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string assignment;
};

// Who speaks, in requests of members.
struct MemberIdentity {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string reason;  // of leaving
};

// A committed offset as it is stored.
struct OffsetRecord {
  int64_t offset = -1;
  int32_t leader_epoch = -1;  // -1: not given
  std::string metadata;
  int64_t commit_timestamp_ms = 0;
  std::optional<int64_t> expire_timestamp_ms;  // set by old clients (retention time of OffsetCommit 2 to 4)

  bool operator==(const OffsetRecord&) const = default;
};

// A group as it is stored: at the end of each rebalance.
struct GroupRecord {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    int32_t rebalance_timeout_ms = 0;
    int32_t session_timeout_ms = 0;
    std::string subscription;
    std::string assignment;

    bool operator==(const Member&) const = default;
  };
  std::string protocol_type;
  int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  int64_t state_timestamp_ms = -1;  // -1: not known
  std::vector<Member> members;

  bool operator==(const GroupRecord&) const = default;
};

// One record of __consumer_offsets: an offset if `partition` is set, of a group of the consumer protocol if `consumer` is, else a classic group; a tombstone
// if its value is not set.
struct StoredGroupRecord {
  std::string group;
  std::optional<TopicPartition> partition;
  std::optional<OffsetRecord> offset;
  std::optional<GroupRecord> metadata;
  std::optional<ConsumerRecord> consumer{};

  bool operator==(const StoredGroupRecord&) const = default;
};

// The transaction that offsets are committed in.
struct OffsetTransaction {
  ProducerId producer;
  ProducerEpoch epoch;
  uint64_t guard = 0;  // TransactionGuard::number

  bool operator==(const OffsetTransaction&) const = default;
};

struct GroupWrite {
  uint64_t number = 0;  // for on_written
  std::vector<StoredGroupRecord> records;
  bool is_offset_commit = false;
  std::optional<OffsetTransaction> transaction{};
};

// In the order of performance.
struct GroupEffects {
  std::vector<GroupWrite> writes;  // each one batch; its records are applied when it is appended
  std::vector<std::pair<GroupRequestId, JoinAnswer>> joins;
  std::vector<std::pair<GroupRequestId, SyncAnswer>> syncs;
  std::vector<std::string> notes;  // for the log: each a sentence
  // Joins and syncs stand for what becomes of the writes, without any for what is applied: they wait until that is committed.
  bool answers_what_is_written = false;
};

struct OffsetCommit {
  struct Partition {
    TopicPartition partition;
    OffsetRecord record;
  };
  std::string group;
  MemberIdentity member;
  int32_t generation = -1;  // or member epoch
  bool knows_member_epochs = true;  // the request has a version that has them
  std::vector<Partition> partitions;  // each once
  std::optional<OffsetTransaction> transaction{};  // set: they count when it is committed
};

struct FetchedOffset {
  TopicPartition partition;
  int64_t offset = -1;  // -1: none
  int32_t leader_epoch = -1;
  std::string metadata;
  ErrorCode error = ErrorCode::NONE;
};

// Who fetches offsets, from version 9 on; an epoch of -1 without an id is nobody.
struct FetchingMember {
  std::optional<std::string> member_id;
  int32_t epoch = -1;
};

struct OffsetsWanted {
  std::string group;
  std::optional<std::vector<TopicPartition>> partitions;  // nullopt: all
  bool require_stable = false;
  FetchingMember member{};
};

// Why a group rebalanced, and how that went.
struct RebalanceNote {
  WallTime began;
  std::string reason;
  std::optional<WallTime> ended;  // members have their assignment, or the group is empty
  int32_t generation = -1;        // that it led to; -1 while members are joining
  size_t members = 0;             // of that generation

  bool operator==(const RebalanceNote&) const = default;
};

struct GroupOverview {
  std::string group;
  std::string protocol_type;
  GroupState state = GroupState::EMPTY;
  size_t members = 0;
  size_t offsets = 0;
  uint64_t rebalances = 0;  // begun since this coordinator has the group
  bool is_consumer_protocol = false;
};

struct GroupDescription {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    std::string metadata;    // of a stable group only
    std::string assignment;
  };
  GroupState state = GroupState::DEAD;
  std::string protocol_type;
  std::string protocol;  // of a stable group only
  std::vector<Member> members;
  std::vector<RebalanceNote> rebalances;  // the last ones, oldest first
};

// What a failed write means to the member that waits for it: of a group's metadata, of offsets.
ErrorCode group_write_error(ErrorCode error);
ErrorCode offset_commit_error(ErrorCode error);
ErrorCode consumer_group_write_error(ErrorCode error);

}  // namespace quokka
