#include "broker/group/consumer/consumer_change.h"

#include <utility>

#include "broker/group/consumer/target_assignment.h"

namespace quokka {

void ConsumerChange::put(ConsumerRecord record) {
  if (!draft_) draft_ = before_;
  draft_->apply(record);
  records_.push_back(std::move(record));
}

void ConsumerChange::begin_with(int32_t epoch, const std::map<std::string, ConsumerMember>& members) {
  for (const auto& [id, member] : members) put(MemberSubscriptionRecord{id, member.subscription});
  put(GroupEpochRecord{epoch});
  for (const auto& [id, member] : members) put(MemberTargetRecord{id, member.assignment.assigned});
  put(TargetEpochRecord{epoch});
  for (const auto& [id, member] : members) put(MemberAssignmentRecord{id, member.assignment});
}

void ConsumerChange::subscribe(const std::string& member_id, ConsumerSubscription subscription) {
  const ConsumerMember* member = group().member(member_id);
  if (member != nullptr && member->subscription == subscription) return;
  if (member == nullptr || member->subscription.topics != subscription.topics) is_new_epoch_ = true;
  put(MemberSubscriptionRecord{member_id, std::move(subscription)});
}

void ConsumerChange::replace(const std::string& old_id, const std::string& new_id) {
  const ConsumerMember old = *group().member(old_id);
  AssignedPartitions target = group().target(old_id);
  for (ConsumerRecord& each : ConsumerGroup::member_tombstones(old_id)) put(std::move(each));
  put(MemberSubscriptionRecord{new_id, old.subscription});
  put(MemberTargetRecord{new_id, std::move(target)});
  put(MemberAssignmentRecord{new_id, ConsumerAssignment{0, 0, ReconciliationState::STABLE, old.assignment.assigned, {}}});
}

void ConsumerChange::remove(const std::string& member_id) {
  for (ConsumerRecord& each : ConsumerGroup::member_tombstones(member_id)) put(std::move(each));
  is_new_epoch_ = true;
}

void ConsumerChange::leave_for_a_while(const std::string& member_id) {
  ConsumerAssignment kept = group().member(member_id)->assignment;
  kept.previous_epoch = kept.epoch;
  kept.epoch = kStaticLeaveEpoch;
  kept.revoking.clear();
  put(MemberAssignmentRecord{member_id, std::move(kept)});
}

bool ConsumerChange::refresh_topics() {
  SubscribedTopics known;
  for (const std::string& name : group().subscribed_names()) {
    if (const std::optional<TopicFacts> facts = topics_.find(name)) known.emplace(name, *facts);
  }
  if (known == group().topics()) return true;
  put(GroupTopicsRecord{std::move(known)});
  is_new_epoch_ = true;
  return false;
}

void ConsumerChange::begin_epoch() {
  if (is_new_epoch_) put(GroupEpochRecord{group().epoch() + 1});
}

void ConsumerChange::compute_target() {
  if (group().epoch() <= group().target_epoch()) return;
  AssigningMembers members;
  for (const auto& [id, member] : group().members())
    members[id] = {member.subscription.instance_id, member.subscription.topics, group().target(id)};
  const std::string& otherwise = settings_.assignors.front();
  Assignor assignor = find_assignor(group().preferred_assignor(otherwise));
  if (assignor == nullptr) assignor = find_assignor(otherwise);  // what a member asked for is not served any more
  for (auto& [id, target] : assignor(members, group().topics())) {
    const bool is_same = group().targets().count(id) != 0 && group().target(id) == target;
    if (!is_same) put(MemberTargetRecord{id, std::move(target)});
  }
  put(TargetEpochRecord{group().epoch()});
}

Status ConsumerChange::advance(const std::string& member_id, const std::optional<AssignedPartitions>& owned) {
  const ConsumerAssignment& current = group().member(member_id)->assignment;
  Result<ConsumerAssignment> next = reconcile(group(), member_id, current, group().target(member_id), owned);
  if (!next) return next.error();
  if (*next != current) put(MemberAssignmentRecord{member_id, *std::move(next)});
  return {};
}

}  // namespace quokka
