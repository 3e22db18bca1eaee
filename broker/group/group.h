// One group: its members, its committed offsets, and the questions that a coordinator asks about them. It decides nothing. PURE.
//
// A group speaks the classic protocol, with its members here, or the consumer protocol, with its members in `consumer`. Offsets are common to both.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/consumer/consumer_group.h"
#include "broker/group/consumer/known_protocols.h"
#include "broker/group/group_values.h"
#include "broker/group/pending_members.h"

namespace quokka {

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  std::string assignment;

  std::optional<GroupRequestId> syncing;  // a SyncGroup that waits for the leader's
  bool is_new = false;                    // its first JoinGroup waits
  std::optional<MonoTime> session_ends;   // nullopt while a request of it waits: that it is there is known

  bool is_static() const { return instance_id.has_value(); }
  const std::vector<GroupProtocol>& protocols() const { return protocols_; }
  // A JoinGroup that waits for the rebalance.
  const std::optional<GroupRequestId>& joining() const { return joining_; }
  // "" unless it knows the protocol.
  const std::string& metadata(std::string_view protocol) const;

 private:
  friend class Group;  // which counts them
  std::vector<GroupProtocol> protocols_;
  std::optional<GroupRequestId> joining_;
};

// The topics of a member of a consumer group, as its subscription says in the form of version 0. nullopt: these bytes are none.
std::optional<std::set<std::string>> subscribed_topics(std::string_view subscription);

class Group {
 public:
  static constexpr size_t kRebalancesKept = 10;

  struct Offset {
    OffsetRecord record;
    quokka::Offset batch_offset;  // where it lies in the log: the later one counts
  };
  using Offsets = std::map<TopicPartition, Offset>;
  // A rebalance waits for members until then.
  struct JoinTimer {
    MonoTime at;
    bool is_initial = false;  // the first of an empty group: it waits out its delay, whoever is there
    int64_t delay_ms = 0;
    int64_t remaining_ms = 0;  // by which the delay may still be prolonged
  };

  Group(std::string group_id, GroupTime now) : id(std::move(group_id)), state_timestamp_ms(now.wall.ms) {}

  // --- Members
  bool is(GroupState s) const { return state == s; }
  bool has(const std::string& member_id) const { return members.count(member_id) != 0; }
  GroupMember& member(const std::string& member_id) { return members.at(member_id); }
  bool is_leader(const std::string& member_id) const { return leader == member_id; }
  // nullptr if nobody goes by that instance id.
  const std::string* static_member(const std::string& instance_id) const;
  GroupMember& add(GroupMember member, std::vector<GroupProtocol> protocols, const std::string& its_protocol_type);
  // Also a pending one. The leader's place goes to the first member.
  void remove(const std::string& member_id);
  // The member keeps everything but its id.
  GroupMember& replace_static(const std::string& instance_id, const std::string& old_id, const std::string& new_id);
  void set_protocols(GroupMember& member, std::vector<GroupProtocol> protocols);
  void begin_join(GroupMember& member, GroupRequestId request);
  // The request that waited.
  std::optional<GroupRequestId> end_join(GroupMember& member);
  size_t joined_count() const { return joined_; }
  bool all_joined() const { return joined_ == members.size() && pending_members.empty(); }
  int64_t rebalance_timeout_ms() const;  // the longest of its members
  bool can_rebalance() const { return is(GroupState::STABLE) || is(GroupState::COMPLETING_REBALANCE) || is(GroupState::EMPTY); }
  void transition_to(GroupState next, GroupTime now);

  // --- Protocols
  bool is_consumer_group() const { return protocol_type == "consumer"; }
  // Can a member with these join those that are here?
  bool supports(const std::string& its_protocol_type, const std::vector<GroupProtocol>& protocols) const;
  // The one that most members prefer among those that all know.
  std::string select_protocol() const;
  // After members or protocol changed.
  void note_subscriptions();
  // If that is known: of the consumer protocol it is at any time.
  bool knows_subscriptions() const { return consumer || subscriptions; }
  bool is_subscribed_to(const std::string& topic) const {
    return consumer ? consumer->is_subscribed_to(topic) : !subscriptions || subscriptions->count(topic) != 0;
  }

  // --- Offsets
  bool has_offsets() const { return !offsets.empty() || !open_offsets.empty(); }
  bool has_open_offset(const TopicPartition& partition) const;
  std::set<TopicPartition> partitions_with_offsets() const;  // open ones too
  // Of one producer, or with -1 of all.
  void drop_open_offset(const TopicPartition& partition, ProducerId producer);
  // Unless a later one is there.
  void put_offset(const TopicPartition& partition, Offset offset);
  // Those that have outlived `retention_ms` by the rules of KIP-211. One that a transaction is about to replace is not among them.
  std::vector<TopicPartition> expired_offsets(GroupTime now, int64_t retention_ms) const;

  // --- The consumer protocol
  struct Timers {
    std::optional<MonoTime> session_ends;
    std::optional<MonoTime> rebalance_ends;  // while it is to give up partitions
  };
  void begin_consumer_protocol();
  void end_consumer_protocol(GroupTime now);
  // After `consumer` changed.
  void note_consumer_state(GroupTime now);

  GroupRecord record(const std::map<std::string, std::string>& assignments) const;
  GroupDescription describe() const;
  // For tests: what is counted of the members is what a look at each of them finds.
  bool counts_are_right() const;

  const std::string id;
  GroupState state = GroupState::EMPTY;
  std::optional<int64_t> state_timestamp_ms;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  int32_t generation = 0;
  std::optional<std::string> leader;
  std::map<std::string, GroupMember> members;
  std::map<std::string, std::string> static_members;  // instance id to member id
  PendingMembers pending_members;
  std::set<std::string> pending_sync;                 // members of this generation whose SyncGroup has not come
  std::optional<std::set<std::string>> subscriptions;  // topics of classic members; nullopt: not known
  bool new_member_added = false;                       // since the initial delay was begun or prolonged

  std::optional<JoinTimer> join_timer;
  std::optional<MonoTime> sync_until;
  std::optional<MonoTime> sessions_due;  // not after the end of any member's session: all are looked at then
  std::optional<MonoTime> due;           // when the coordinator looks next; not after any of the times above

  std::optional<ConsumerGroup> consumer;
  std::map<std::string, Timers> timers;  // of its members, by member id
  // While the record is written with which it goes back to the classic protocol, which names one protocol only: all that its members know, by member id.
  std::map<std::string, std::vector<GroupProtocol>> returning;
  uint64_t topics_revision = 0;          // that the topics in `consumer` are known to agree with

  Offsets offsets;
  std::map<ProducerId, Offsets> open_offsets;  // of transactions that are not decided
  std::optional<GroupRecord> loaded;           // the last one found while loading
  std::deque<RebalanceNote> rebalances;  // the last kRebalancesKept
  uint64_t rebalance_count = 0;

 private:
  // What a request asks about all members, without a look at each of them: a request costs what it names.
  void count(const GroupMember& member);
  void discount(const GroupMember& member);
  KnownProtocols known_protocols_;
  size_t joined_ = 0;  // members with a JoinGroup that waits
};

}  // namespace quokka
