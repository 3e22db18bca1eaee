// The coordinator of the groups of one shard, of the classic and the consumer protocol: membership, rebalances, committed offsets, their expiry. It decides and performs nothing. PURE.
//
//   Empty -> PreparingRebalance: members join, within the initial delay or the rebalance time-out -> CompletingRebalance: the leader, one of the members,
//   sends everybody's assignment; it is written; members get theirs -> Stable. Whatever changes the members begins again at PreparingRebalance.
//
// Two kinds of state: committed offsets change in apply() only, with records that are in the log. Membership lives in memory and moves when its record is
// committed (on_written), as Kafka's does; a load takes it up from the last record, so a member survives a change of coordinators and a rebalance under
// way begins anew.
//
// The rules are those of Kafka's classic protocol: KIP-62 (session and rebalance time-outs), KIP-134 (initial delay), KIP-345 (static members), KIP-394
// (member ids), KIP-211 (expiry), KIP-814 (skipped assignments). Better than Kafka: no request is left without an answer (a JoinGroup or SyncGroup
// that the same member repeats is answered REBALANCE_IN_PROGRESS, that of a member which is removed UNKNOWN_MEMBER_ID).
//
// Groups of the consumer protocol (KIP-848) are as their records say, all of them: what a heartbeat changes is written, applied, and answered when it is
// committed. The coordinator assigns; a member gives up what it is to give up, says so, and then gets what others gave up. A group begins and
// ceases to speak the protocol while it has no members; its offsets stay. Better than Kafka: a member that was fenced comes back at once, under its former
// id; offsets of a group that became empty are kept from then on.
//
// Members of both protocols in one group (group_migration.cc): it speaks the consumer protocol, and members of the classic one get their epoch as
// generation and their assignment from SyncGroup. With group.consumer.migration.policy a classic group with members becomes one when the first member of
// the consumer protocol comes, and a classic one again when the last of them has gone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/group.h"
#include "broker/group/group_values.h"

namespace quokka {

class ConsumerChange;

struct GroupSettings {
  int32_t session_timeout_min_ms = 6000;       // group.min.session.timeout.ms
  int32_t session_timeout_max_ms = 1'800'000;  // group.max.session.timeout.ms
  int32_t initial_rebalance_delay_ms = 3000;   // group.initial.rebalance.delay.ms
  size_t members_max = 2'147'483'647;          // group.max.size
  size_t pending_members_max = 10'000;         // of a group: then the one that is to expire first goes
  size_t member_protocols_max = 1000;          // of one member, in each of its JoinGroups
  int32_t offset_metadata_bytes_max = 4096;    // offset.metadata.max.bytes
  int64_t offset_retention_ms = 604'800'000;   // offsets.retention.minutes
  ConsumerGroupSettings consumer{};
};

class GroupCore {
 public:
  // `topics` outlives it.
  GroupCore(GroupSettings settings, const GroupTopics& topics) : settings_(std::move(settings)), topics_(topics) {}

  // --- Members. An answer that is not in the effects comes with those of a later call.
  GroupEffects on_join(GroupRequestId request, const JoinGroup& join, GroupTime now);
  GroupEffects on_sync(GroupRequestId request, const SyncGroup& sync, GroupTime now);
  ErrorCode on_heartbeat(const std::string& group, const MemberIdentity& member, int32_t generation, GroupTime now);
  struct Left {
    ErrorCode error = ErrorCode::NONE;
    std::vector<ErrorCode> members;  // as asked; empty with an error
    GroupEffects effects;
  };
  Left on_leave(const std::string& group, const std::vector<MemberIdentity>& members, GroupTime now);

  // --- Members of the consumer protocol (KIP-848). With writes the answer stands for what becomes of them, else for what is applied: the caller waits
  // until that is committed.
  struct Beat {
    ConsumerHeartbeatAnswer answer;
    GroupEffects effects;
  };
  Beat on_consumer_heartbeat(const ConsumerHeartbeat& beat, GroupTime now);
  // GROUP_ID_NOT_FOUND also for a classic group.
  Result<ConsumerGroupDescription> describe_consumer_group(const std::string& group) const;

  // --- Offsets. With a write, the answer NONE stands for what becomes of it (on the caller to wait).
  struct Committed {
    std::vector<ErrorCode> partitions;  // as asked
    GroupEffects effects;
  };
  Committed on_offset_commit(const OffsetCommit& commit, GroupTime now);
  // A member that fetches by the consumer protocol: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH.
  ErrorCode check_fetch(const std::string& group, const FetchingMember& member) const;
  // nullopt: all. Only what is committed may be told: the caller waits until what was applied is.
  std::vector<FetchedOffset> fetch_offsets(const std::string& group, const std::optional<std::vector<TopicPartition>>& partitions,
                                           bool require_stable) const;

  // --- Administration.
  struct Removed {
    ErrorCode error = ErrorCode::NONE;
    std::vector<ErrorCode> partitions;  // of on_offset_delete, as asked; empty with an error
    GroupEffects effects;
  };
  Removed on_delete_group(const std::string& group, GroupTime now);
  Removed on_offset_delete(const std::string& group, const std::vector<TopicPartition>& partitions, GroupTime now);
  GroupEffects on_partitions_deleted(const std::vector<TopicPartition>& partitions, GroupTime now);
  // Every offsets.retention.check.interval.ms: expired offsets and groups without anything go.
  GroupEffects on_retention(GroupTime now);
  std::vector<GroupOverview> list() const;
  GroupDescription describe(const std::string& group) const;  // Dead if there is none
  size_t group_count() const { return groups_.size(); }
  size_t offset_count() const;

  // --- Time.
  std::optional<MonoTime> wake_at() const { return due_.empty() ? std::nullopt : std::optional(due_.begin()->first); }
  GroupEffects on_time(GroupTime now);

  // --- The log.
  // In its order, at append and when loading alike. `transaction` is the producer whose open transaction it belongs to, or -1.
  void apply(const StoredGroupRecord& record, Offset batch_offset, ProducerId transaction, GroupTime now);
  void apply_marker(ProducerId producer, bool committed);
  // What became of a write that had a number. An unknown one (of before an unload) is ignored.
  GroupEffects on_written(uint64_t number, ErrorCode error, GroupTime now);
  GroupEffects on_loaded(GroupTime now);
  // Forgets everything; what waits is answered NOT_COORDINATOR.
  GroupEffects on_unloaded();

  // For tests: nullptr if there is none.
  const Group* find(const std::string& group) const;

 private:
  // A write that something waits for.
  struct Pending {
    enum class Kind { assignment, static_member, empty, removal, downgrade };
    Kind kind = Kind::empty;
    std::string group;
    int32_t generation = -1;
    std::map<std::string, std::string> assignments{};  // assignment
    std::string old_member{}, new_member{};            // static_member: and what it was before
    std::vector<GroupProtocol> old_protocols{};
    int32_t old_rebalance_timeout_ms = 0, old_session_timeout_ms = 0;
    std::string old_leader{};
    bool may_skip_assignment = false;
    std::optional<int64_t> state_timestamp_ms{};       // removal: before the group was dead
  };

  Group* known(const std::string& group);
  Group& create(const std::string& group, GroupTime now);
  void erase(const std::string& group);
  void look_at(Group& group, MonoTime when);
  // A group without members becomes the classic one that the record tells of.
  void take_up(Group& group, const GroupRecord& record, GroupTime now);

  // Joining (group_joining.cc)
  bool accepts(const Group& group, const std::string& member_id) const;
  void join_new(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects);
  void join_static_again(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now, GroupEffects& effects);
  void join_known(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects);
  void give_member_id(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now, GroupEffects& effects);
  void add_member(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now, GroupEffects& effects);
  void update_member(Group& group, GroupMember& member, GroupRequestId request, const JoinGroup& join, GroupEffects& effects);
  JoinAnswer current_generation(const Group& group, const std::string& member_id) const;
  void answer_join(Group& group, GroupMember& member, JoinAnswer answer, GroupEffects& effects);
  void answer_sync(GroupMember& member, SyncAnswer answer, GroupEffects& effects);

  // Rebalancing (group_rebalance.cc)
  ErrorCode check_member(const Group& group, const MemberIdentity& member) const;
  void extend_session(Group& group, GroupMember& member, GroupTime now);
  void begin_session(Group& group, GroupMember& member, int64_t timeout_ms, GroupTime now);
  void rebalance_if_possible(Group& group, const std::string& reason, GroupTime now, GroupEffects& effects);
  void prepare_rebalance(Group& group, const std::string& reason, GroupTime now, GroupEffects& effects);
  void complete_join_if_all(Group& group, GroupTime now, GroupEffects& effects);
  void complete_join(Group& group, GroupTime now, GroupEffects& effects);
  bool elect_joined_leader(Group& group, GroupEffects& effects);
  void begin_generation(Group& group, GroupTime now, GroupEffects& effects);
  void give_assignments(Group& group, const std::map<std::string, std::string>& assignments, GroupTime now, GroupEffects& effects);
  void refuse_assignments(Group& group, ErrorCode error, GroupTime now, GroupEffects& effects);
  void drop_member(Group& group, const std::string& member_id, GroupEffects& effects);
  void remove_member(Group& group, const std::string& member_id, const std::string& reason, GroupTime now, GroupEffects& effects);
  void remove_pending(Group& group, const std::string& member_id, GroupTime now, GroupEffects& effects);
  void on_join_timer(Group& group, GroupTime now, GroupEffects& effects);
  void on_sync_timer(Group& group, GroupTime now, GroupEffects& effects);
  void on_group_due(Group& group, GroupTime now, GroupEffects& effects);
  void end_sessions(Group& group, GroupTime now, GroupEffects& effects);
  void on_static_member_written(Group& group, const Pending& pending, ErrorCode error, GroupTime now, GroupEffects& effects);

  // The consumer protocol (group_consumer.cc)
  struct Sender;
  Result<Sender> sender_of(const ConsumerGroup& group, const ConsumerHeartbeat& beat) const;
  Beat admit(Group& group, ConsumerChange& change, const Sender& sender, const ConsumerHeartbeat& beat, GroupTime now);
  // What a member says, and what follows from it for the group and its own next step.
  Status take_word(Group& group, ConsumerChange& change, const std::string& member_id, ConsumerSubscription subscription,
                   const std::optional<AssignedPartitions>& owned);
  void begin_consumer_session(Group& group, const std::string& member_id, const ConsumerMember& member, GroupTime now);
  Beat leave_consumer_group(const ConsumerHeartbeat& beat, GroupTime now);
  void fence_members(Group& group, const std::map<std::string, std::string>& why, GroupTime now, GroupEffects& effects);  // by member id
  void write_consumer(Group& group, ConsumerChange& change, GroupEffects& effects);
  void leave_consumer_protocol(Group& group, GroupTime now, GroupEffects& effects);
  void on_consumer_due(Group& group, GroupTime now, GroupEffects& effects);
  void apply_consumer(const StoredGroupRecord& record, GroupTime now);
  void on_consumer_loaded(Group& group, GroupTime now);
  static ErrorCode check_member_epoch(const ConsumerGroup& group, const std::string& member_id, int32_t epoch);

  // Members of both protocols in one group (group_migration.cc)
  bool may_upgrade(const Group& group) const;
  Status upgrade(const Group& group, ConsumerChange& change) const;
  void send_back_waiting(Group& group, const ConsumerGroup& after, GroupTime now, GroupEffects& effects);
  bool may_downgrade(const ConsumerGroup& after) const;
  void downgrade(Group& group, const ConsumerGroup& after, GroupTime now, GroupEffects& effects);
  void join_consumer_group(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects);
  SyncAnswer sync_consumer_group(Group& group, const SyncGroup& sync, GroupTime now);
  ErrorCode beat_consumer_group(Group& group, const MemberIdentity& member, int32_t generation, GroupTime now);
  Left leave_consumer_group(Group& group, const std::vector<MemberIdentity>& members, GroupTime now);
  void expect_join(Group& group, const std::string& member_id, const ConsumerMember& member, GroupTime now);

  // Offsets (group_offsets.cc)
  ErrorCode check_commit(const Group& group, const OffsetCommit& commit) const;
  // Tombstones for these offsets, and for the group if it is, or becomes, nothing.
  void remove_offsets(Group& group, const std::vector<TopicPartition>& partitions, bool may_end_group, GroupTime now, GroupEffects& effects);
  uint64_t write(GroupEffects& effects, std::vector<StoredGroupRecord> records, Pending pending);

  const GroupSettings settings_;
  const GroupTopics& topics_;
  std::map<std::string, Group> groups_;
  std::set<std::pair<MonoTime, std::string>> due_;  // groups by the time to look at them
  std::map<uint64_t, Pending> pending_;
  std::map<ProducerId, std::set<std::string>> open_transactions_;  // groups with offsets in them
  bool loading_ = true;
  uint64_t next_write_ = 1;
};

}  // namespace quokka
