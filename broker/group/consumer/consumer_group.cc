#include "broker/group/consumer/consumer_group.h"

#include <algorithm>
#include <utility>

namespace quokka {

namespace {

template <class Key>
void one_less(std::map<Key, size_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

// --- The log

void ConsumerGroup::apply(const ConsumerRecord& record) {
  std::visit([this](const auto& each) { apply_one(each); }, record);
}

void ConsumerGroup::apply_one(const GroupEpochRecord& record) { epoch_ = record.value; }
void ConsumerGroup::apply_one(const GroupTopicsRecord& record) { topics_ = record.value.value_or(SubscribedTopics()); }
void ConsumerGroup::apply_one(const TargetEpochRecord& record) { target_epoch_ = record.value; }

void ConsumerGroup::apply_one(const MemberTargetRecord& record) {
  if (record.value) targets_[record.member] = *record.value;
  else targets_.erase(record.member);
}

void ConsumerGroup::apply_one(const MemberSubscriptionRecord& record) {
  if (!record.value) return erase(record.member);
  ConsumerMember& member = find_or_add(record.member);
  forget_instance(record.member, member);  // it may come with another
  subscribe(member, *record.value);
  unsubscribed_.erase(record.member);
  if (member.subscription.instance_id) static_members_[*member.subscription.instance_id] = record.member;
}

void ConsumerGroup::apply_one(const MemberAssignmentRecord& record) {
  const auto found = members_.find(record.member);
  if (found != members_.end()) {
    release(record.member, found->second.assignment.assigned);
    release(record.member, found->second.assignment.revoking);
  }
  if (!record.value) {
    if (found == members_.end()) return;
    assign(found->second, {});
    if (unsubscribed_.count(record.member) != 0) erase(record.member);
    return;
  }
  if (found == members_.end()) unsubscribed_.insert(record.member);
  assign(find_or_add(record.member), *record.value);
  take(record.member, record.value->assigned);
  take(record.member, record.value->revoking);
}

void ConsumerGroup::drop_unfinished() {
  const std::set<std::string> gone = unsubscribed_;
  for (const std::string& member_id : gone) erase(member_id);
  std::erase_if(targets_, [this](const auto& each) { return members_.count(each.first) == 0; });
}

void ConsumerGroup::erase(const std::string& member_id) {
  const auto found = members_.find(member_id);
  if (found == members_.end()) return;
  release(member_id, found->second.assignment.assigned);
  release(member_id, found->second.assignment.revoking);
  forget_instance(member_id, found->second);
  subscribe(found->second, {});
  discount_step(found->second.assignment);
  unsubscribed_.erase(member_id);
  members_.erase(found);
}

ConsumerMember& ConsumerGroup::find_or_add(const std::string& member_id) {
  const auto [at, is_new] = members_.try_emplace(member_id);
  if (is_new) count_step(at->second.assignment);
  return at->second;
}

void ConsumerGroup::subscribe(ConsumerMember& member, ConsumerSubscription subscription) {
  for (const std::string& topic : member.subscription.topics) one_less(subscribers_, topic);
  if (member.is_classic()) known_protocols_.remove(member.subscription.classic->protocols);
  member.subscription = std::move(subscription);
  for (const std::string& topic : member.subscription.topics) ++subscribers_[topic];
  if (member.is_classic()) known_protocols_.add(member.subscription.classic->protocols);
}

void ConsumerGroup::assign(ConsumerMember& member, ConsumerAssignment assignment) {
  discount_step(member.assignment);
  member.assignment = std::move(assignment);
  count_step(member.assignment);
}

void ConsumerGroup::count_step(const ConsumerAssignment& assignment) {
  if (assignment.state == ReconciliationState::STABLE) ++reconciled_[assignment.epoch];
}

void ConsumerGroup::discount_step(const ConsumerAssignment& assignment) {
  if (assignment.state == ReconciliationState::STABLE) one_less(reconciled_, assignment.epoch);
}

bool ConsumerGroup::counts_are_right() const {
  ConsumerGroup anew;
  for (const auto& [id, member] : members_) {
    ConsumerMember& added = anew.find_or_add(id);
    anew.subscribe(added, member.subscription);
    anew.assign(added, member.assignment);
  }
  return anew.subscribers_ == subscribers_ && anew.reconciled_ == reconciled_ && anew.known_protocols_ == known_protocols_;
}

// Unless another member has it by now.
void ConsumerGroup::forget_instance(const std::string& member_id, const ConsumerMember& member) {
  if (!member.subscription.instance_id) return;
  const auto known = static_members_.find(*member.subscription.instance_id);
  if (known != static_members_.end() && known->second == member_id) static_members_.erase(known);
}

void ConsumerGroup::take(const std::string& member_id, const AssignedPartitions& partitions) {
  for (const auto& [topic, indexes] : partitions) {
    for (const PartitionIndex index : indexes) owners_[{topic, index}] = member_id;
  }
}

void ConsumerGroup::release(const std::string& member_id, const AssignedPartitions& partitions) {
  for (const auto& [topic, indexes] : partitions) {
    for (const PartitionIndex index : indexes) {
      const auto found = owners_.find({topic, index});
      if (found != owners_.end() && found->second == member_id) owners_.erase(found);
    }
  }
}

// --- Questions

GroupState ConsumerGroup::state() const {
  if (members_.empty()) return GroupState::EMPTY;
  if (epoch() > target_epoch()) return GroupState::ASSIGNING;
  const auto reconciled = reconciled_.find(target_epoch());
  const bool all_there = reconciled != reconciled_.end() && reconciled->second == members_.size();
  return all_there ? GroupState::STABLE : GroupState::RECONCILING;
}

const ConsumerMember* ConsumerGroup::member(const std::string& member_id) const {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const std::string* ConsumerGroup::static_member(const std::string& instance_id) const {
  const auto found = static_members_.find(instance_id);
  return found == static_members_.end() ? nullptr : &found->second;
}

const AssignedPartitions& ConsumerGroup::target(const std::string& member_id) const {
  static const AssignedPartitions none;
  const auto found = targets_.find(member_id);
  return found == targets_.end() ? none : found->second;
}

const std::string* ConsumerGroup::owner(const TopicId& topic, PartitionIndex partition) const {
  const auto found = owners_.find({topic, partition});
  return found == owners_.end() ? nullptr : &found->second;
}

std::set<std::string> ConsumerGroup::subscribed_names() const {
  std::set<std::string> names;
  for (const auto& [topic, count] : subscribers_) names.insert(names.end(), topic);
  return names;
}

std::string ConsumerGroup::preferred_assignor(const std::string& otherwise) const {
  std::map<std::string, size_t> votes;
  for (const auto& [id, member] : members_) {
    if (member.subscription.assignor) ++votes[*member.subscription.assignor];
  }
  const auto most = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() ? otherwise : most->first;
}

bool ConsumerGroup::supports(const std::string& protocol_type, const std::vector<GroupProtocol>& protocols) const {
  return protocol_type == "consumer" && known_protocols_.all_know_one_of(protocols);
}

bool ConsumerGroup::waits_for_others(const std::string& member_id) const {
  for (const auto& [topic, indexes] : target(member_id)) {
    for (const PartitionIndex index : indexes) {
      const std::string* has_it = owner(topic, index);
      if (has_it != nullptr && *has_it != member_id) return true;
    }
  }
  return false;
}

std::vector<ConsumerRecord> ConsumerGroup::member_tombstones(const std::string& member_id) {
  return {MemberAssignmentRecord{member_id, {}}, MemberTargetRecord{member_id, {}}, MemberSubscriptionRecord{member_id, {}}};
}

std::vector<ConsumerRecord> ConsumerGroup::tombstones() const {
  std::vector<ConsumerRecord> all;
  for (const auto& [id, member] : members_) all.push_back(MemberAssignmentRecord{id, {}});
  for (const auto& [id, target] : targets_) all.push_back(MemberTargetRecord{id, {}});
  all.push_back(TargetEpochRecord{});
  for (const auto& [id, member] : members_) all.push_back(MemberSubscriptionRecord{id, {}});
  all.push_back(GroupTopicsRecord{});
  all.push_back(GroupEpochRecord{});
  return all;
}

ConsumerGroupDescription ConsumerGroup::describe(const std::string& default_assignor) const {
  ConsumerGroupDescription made;
  made.state = name(state());
  made.epoch = epoch();
  made.assignment_epoch = target_epoch();
  made.assignor = preferred_assignor(default_assignor);
  for (const auto& [id, member] : members_)
    made.members.push_back({id, member.subscription, member.assignment.epoch, member.assignment.assigned, target(id)});
  return made;
}

// --- Reconciliation

namespace {

// nullopt: it does not say, so it may have any.
bool has_any(const std::optional<AssignedPartitions>& owned, const AssignedPartitions& of) {
  if (!owned) return true;
  for (const auto& [topic, indexes] : *owned) {
    const auto found = of.find(topic);
    if (found == of.end()) continue;
    if (std::any_of(indexes.begin(), indexes.end(), [&](PartitionIndex index) { return found->second.count(index) != 0; })) return true;
  }
  return false;
}

struct Difference {
  AssignedPartitions kept;
  AssignedPartitions given_up;
  AssignedPartitions taken;  // wanted, not had, and nobody's
  bool waits = false;        // wanted, and another's still
};

Difference difference(const ConsumerGroup& group, const std::string& member_id, const AssignedPartitions& assigned, const AssignedPartitions& target) {
  Difference made;
  for (const auto& [topic, indexes] : assigned) {
    const auto wanted = target.find(topic);
    for (const PartitionIndex index : indexes) {
      const bool is_kept = wanted != target.end() && wanted->second.count(index) != 0;
      (is_kept ? made.kept : made.given_up)[topic].insert(index);
    }
  }
  for (const auto& [topic, indexes] : target) {
    const auto had = assigned.find(topic);
    for (const PartitionIndex index : indexes) {
      if (had != assigned.end() && had->second.count(index) != 0) continue;
      const std::string* owner = group.owner(topic, index);
      if (owner == nullptr || *owner == member_id) made.taken[topic].insert(index);
      else made.waits = true;
    }
  }
  return made;
}

}  // namespace

Result<ConsumerAssignment> reconcile(const ConsumerGroup& group, const std::string& member_id, const ConsumerAssignment& current,
                                     const AssignedPartitions& target, const std::optional<AssignedPartitions>& owned) {
  int32_t epoch = current.epoch;
  switch (current.state) {
    case ReconciliationState::STABLE:
      if (current.epoch == group.target_epoch()) return current;
      break;
    case ReconciliationState::UNREVOKED_PARTITIONS:
      if (has_any(owned, current.revoking)) return current;
      ++epoch;
      break;
    case ReconciliationState::UNRELEASED_PARTITIONS: break;
    case ReconciliationState::UNKNOWN:
      if (!owned || !owned->empty()) return Error{ErrorCode::FENCED_MEMBER_EPOCH, "the member is in an unknown state; it must abandon all its partitions and rejoin"};
      epoch = group.target_epoch();
      break;
  }
  Difference step = difference(group, member_id, current.assigned, target);
  ConsumerAssignment next;
  next.previous_epoch = current.epoch;
  next.assigned = std::move(step.kept);
  if (!step.given_up.empty() && has_any(owned, step.given_up)) {
    next.epoch = epoch;
    next.state = ReconciliationState::UNREVOKED_PARTITIONS;
    next.revoking = std::move(step.given_up);
    return next;
  }
  next.epoch = group.target_epoch();
  next.state = step.waits ? ReconciliationState::UNRELEASED_PARTITIONS : ReconciliationState::STABLE;
  for (auto& [topic, indexes] : step.taken) next.assigned[topic].merge(indexes);
  // Kafka leaves the epochs of a member alone that only goes on waiting.
  if (next.state == current.state && next.epoch == current.epoch && next.assigned == current.assigned && current.revoking.empty()) return current;
  return next;
}

}  // namespace quokka
