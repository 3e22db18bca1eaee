// One group of the consumer protocol (KIP-848) as its records make it: who is in it, what each member is to have and what it has. It decides nothing. PURE.
//
// group epoch: goes up when members or what they subscribe to change. target: what every member is to have, computed for a group epoch. assignment: what a
// member has by its own word, under its member epoch, which follows the target's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/consumer/consumer_values.h"
#include "broker/group/consumer/group_state.h"
#include "broker/group/consumer/known_protocols.h"
#include "protocol/base/result.h"

namespace quokka {

struct ConsumerMember {
  ConsumerSubscription subscription;
  ConsumerAssignment assignment;

  bool is_classic() const { return subscription.classic.has_value(); }
  bool is_reconciled_to(int32_t epoch) const { return assignment.state == ReconciliationState::STABLE && assignment.epoch == epoch; }
};

class ConsumerGroup {
 public:
  // In the order of the log. What a compacted log leaves of a group that is gone may come in any order, and does no harm.
  void apply(const ConsumerRecord& record);
  // After a load: members of which only a part is in the log are none.
  void drop_unfinished();

  // Nothing of it is left.
  bool is_over() const { return !epoch_ && members_.empty() && !target_epoch_ && targets_.empty(); }
  GroupState state() const;
  int32_t epoch() const { return epoch_.value_or(0); }
  int32_t target_epoch() const { return target_epoch_.value_or(-1); }
  const SubscribedTopics& topics() const { return topics_; }

  const std::map<std::string, ConsumerMember>& members() const { return members_; }
  // nullptr if there is none.
  const ConsumerMember* member(const std::string& member_id) const;
  const std::string* static_member(const std::string& instance_id) const;
  const AssignedPartitions& target(const std::string& member_id) const;
  const std::map<std::string, AssignedPartitions>& targets() const { return targets_; }
  // Who has the partition, or has not said yet that it gave it up. nullptr: nobody.
  const std::string* owner(const TopicId& topic, PartitionIndex partition) const;

  // Topics that members name, whether they exist or not.
  std::set<std::string> subscribed_names() const;
  bool is_subscribed_to(const std::string& topic) const { return subscribers_.count(topic) != 0; }
  // The one that most members ask for.
  std::string preferred_assignor(const std::string& otherwise) const;
  size_t classic_members() const { return known_protocols_.members(); }
  // Can a member of the classic protocol with these be among those that are here?
  bool supports(const std::string& protocol_type, const std::vector<GroupProtocol>& protocols) const;
  // Is anything that the member is to have still another's?
  bool waits_for_others(const std::string& member_id) const;

  // Tombstones of everything, in an order in which Kafka reads them.
  std::vector<ConsumerRecord> tombstones() const;
  static std::vector<ConsumerRecord> member_tombstones(const std::string& member_id);

  ConsumerGroupDescription describe(const std::string& default_assignor) const;
  // For tests: what is counted of the members is what a look at each of them finds.
  bool counts_are_right() const;

 private:
  void apply_one(const GroupEpochRecord& record);
  void apply_one(const GroupTopicsRecord& record);
  void apply_one(const MemberSubscriptionRecord& record);
  void apply_one(const TargetEpochRecord& record);
  void apply_one(const MemberTargetRecord& record);
  void apply_one(const MemberAssignmentRecord& record);
  void release(const std::string& member_id, const AssignedPartitions& partitions);
  void take(const std::string& member_id, const AssignedPartitions& partitions);
  void erase(const std::string& member_id);
  ConsumerMember& find_or_add(const std::string& member_id);
  void subscribe(ConsumerMember& member, ConsumerSubscription subscription);
  void assign(ConsumerMember& member, ConsumerAssignment assignment);
  void count_step(const ConsumerAssignment& assignment);
  void discount_step(const ConsumerAssignment& assignment);
  void forget_instance(const std::string& member_id, const ConsumerMember& member);

  std::optional<int32_t> epoch_;
  std::optional<int32_t> target_epoch_;
  SubscribedTopics topics_;
  std::map<std::string, ConsumerMember> members_;
  std::set<std::string> unsubscribed_;                // members whose subscription has not been seen
  std::map<std::string, std::string> static_members_;  // instance id to member id
  std::map<std::string, AssignedPartitions> targets_;
  std::map<std::pair<TopicId, PartitionIndex>, std::string> owners_;
  // Of the members, kept as they change, since each record and each request asks.
  std::map<std::string, size_t> subscribers_;    // of each topic; no entry is 0
  std::map<int32_t, size_t> reconciled_;         // members in state STABLE by their epoch; no entry is 0
  KnownProtocols known_protocols_;               // of those of the classic protocol
};

// The next step of a member towards its target: give up first, then take what is free. `owned`: what it says it has, if it says so.
// FENCED_MEMBER_EPOCH: its state is not known here, and it has to begin anew.
Result<ConsumerAssignment> reconcile(const ConsumerGroup& group, const std::string& member_id, const ConsumerAssignment& current,
                                     const AssignedPartitions& target, const std::optional<AssignedPartitions>& owned);

}  // namespace quokka
