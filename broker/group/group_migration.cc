// Members of both protocols in one group (KIP-848, online upgrade and downgrade): JoinGroup, SyncGroup, Heartbeat and LeaveGroup in a group of the consumer
// protocol, and the way of a group with members from one protocol to the other.
//
// To a member of the classic protocol its epoch is the generation, and nobody leads. It is told to join again while it lags behind the group, is to give up
// partitions, or can have those that it waited for.
#include <set>
#include <utility>

#include "broker/group/consumer/classic_words.h"
#include "broker/group/consumer/consumer_change.h"
#include "broker/group/group_core.h"

namespace quokka {

namespace {

constexpr const char* kProtocolType = "consumer";

ErrorCode check_identity(const ConsumerGroup& group, const MemberIdentity& member) {
  if (member.instance_id) {
    const std::string* current = group.static_member(*member.instance_id);
    if (current == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
    if (*current != member.member_id) return ErrorCode::FENCED_INSTANCE_ID;
  }
  return ErrorCode::NONE;
}

ErrorCode check_classic_member(const ConsumerGroup& group, const MemberIdentity& member, int32_t generation) {
  if (const ErrorCode error = check_identity(group, member); error != ErrorCode::NONE) return error;
  const ConsumerMember* found = group.member(member.member_id);
  if (found == nullptr || !found->is_classic()) return ErrorCode::UNKNOWN_MEMBER_ID;
  return found->assignment.epoch == generation ? ErrorCode::NONE : ErrorCode::ILLEGAL_GENERATION;
}

ConsumerSubscription subscription_of(const JoinGroup& join, ClassicSubscription said) {
  ConsumerSubscription made;
  made.instance_id = join.instance_id;
  made.rack_id = std::move(said.rack_id);
  made.client_id = join.client_id;
  made.client_host = join.client_host;
  made.topics = std::move(said.topics);
  made.rebalance_timeout_ms = join.rebalance_timeout_ms;
  made.classic = ClassicMember{join.session_timeout_ms, join.protocols};
  return made;
}

}  // namespace

// --- Members of the classic protocol

void GroupCore::join_consumer_group(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects) {
  const auto answer = [&](const std::string& id, ErrorCode error) {
    JoinAnswer refused;
    refused.error = error;
    refused.member_id = id;
    effects.joins.emplace_back(request, std::move(refused));
  };
  const ConsumerGroup& before = *group.consumer;
  const bool is_new = join.member_id.empty();
  const std::string member_id = is_new ? join.instance_id.value_or(join.client_id) + "-" + join.unique : join.member_id;
  const std::string* same_instance = join.instance_id ? before.static_member(*join.instance_id) : nullptr;
  const bool is_known = before.member(member_id) != nullptr || same_instance != nullptr;
  if (topics_.revision() == 0) return answer(join.member_id, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  if (!is_known && before.members().size() >= settings_.consumer.members_max) return answer("", ErrorCode::GROUP_MAX_SIZE_REACHED);
  if (!before.supports(join.protocol_type, join.protocols)) return answer(join.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  if (is_new && join.requires_member_id) return answer(member_id, ErrorCode::MEMBER_ID_REQUIRED);
  if (!is_new) {
    const ErrorCode error = check_identity(before, {join.member_id, join.instance_id, {}});
    if (error != ErrorCode::NONE) return answer(join.member_id, error);
  }
  std::optional<ClassicSubscription> said = read_classic_subscription(join.protocols.front().metadata, topics_);
  if (!said) return answer(join.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);

  ConsumerChange change(before, topics_, settings_.consumer);
  if (is_new && same_instance != nullptr) change.replace(*same_instance, member_id);
  const AssignedPartitions owned = said->owned;
  const Status done = take_word(group, change, member_id, subscription_of(join, *std::move(said)), owned);
  if (!done) return answer(join.member_id, ErrorCode::UNKNOWN_MEMBER_ID);  // of a state of a later version: it begins anew

  const ConsumerMember& member = *change.group().member(member_id);
  begin_consumer_session(group, member_id, member, now);
  Group::Timers& timers = group.timers[member_id];
  timers.rebalance_ends = now.mono + Duration::millis(join.rebalance_timeout_ms);  // for its SyncGroup
  look_at(group, *timers.rebalance_ends);
  if (is_new || before.member(member_id) == nullptr)
    effects.notes.push_back("group " + group.id + ": member " + member_id + " of the classic protocol joins, epoch " + std::to_string(change.group().epoch()));
  JoinAnswer made;
  made.member_id = member_id;
  made.generation = member.assignment.epoch;
  made.protocol_type = kProtocolType;
  made.protocol = join.protocols.front().name;
  effects.joins.emplace_back(request, std::move(made));
  effects.answers_what_is_written = true;
  write_consumer(group, change, effects);
}

SyncAnswer GroupCore::sync_consumer_group(Group& group, const SyncGroup& sync, GroupTime now) {
  const auto refused = [](ErrorCode error) { return SyncAnswer{error, {}, {}, {}}; };
  const ErrorCode error = check_classic_member(*group.consumer, {sync.member_id, sync.instance_id, {}}, sync.generation);
  if (error != ErrorCode::NONE) return refused(error);
  const ConsumerMember& member = *group.consumer->member(sync.member_id);
  const GroupProtocol& protocol = member.subscription.classic->protocols.front();
  if ((sync.protocol_type && sync.protocol_type != kProtocolType) || (sync.protocol && sync.protocol != protocol.name))
    return refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  // One that is to give up partitions has joined already, and needs to hear which it keeps.
  if (group.consumer->epoch() > member.assignment.epoch && member.assignment.state != ReconciliationState::UNREVOKED_PARTITIONS) {
    expect_join(group, sync.member_id, member, now);
    return refused(ErrorCode::REBALANCE_IN_PROGRESS);
  }
  begin_consumer_session(group, sync.member_id, member, now);
  group.timers[sync.member_id].rebalance_ends.reset();
  return {ErrorCode::NONE, kProtocolType, protocol.name, write_classic_assignment(member.assignment.assigned, group.consumer->topics(), protocol.metadata)};
}

ErrorCode GroupCore::beat_consumer_group(Group& group, const MemberIdentity& identity, int32_t generation, GroupTime now) {
  const ErrorCode error = check_classic_member(*group.consumer, identity, generation);
  if (error != ErrorCode::NONE) return error;
  const ConsumerMember& member = *group.consumer->member(identity.member_id);
  begin_consumer_session(group, identity.member_id, member, now);
  const ReconciliationState state = member.assignment.state;
  const bool is_behind = member.assignment.epoch < group.consumer->epoch() || state == ReconciliationState::UNREVOKED_PARTITIONS;
  const bool can_have_more = state == ReconciliationState::UNRELEASED_PARTITIONS && !group.consumer->waits_for_others(identity.member_id);
  if (!is_behind && !can_have_more) return ErrorCode::NONE;
  expect_join(group, identity.member_id, member, now);
  return ErrorCode::REBALANCE_IN_PROGRESS;
}

void GroupCore::expect_join(Group& group, const std::string& member_id, const ConsumerMember& member, GroupTime now) {
  Group::Timers& timers = group.timers[member_id];
  if (!timers.rebalance_ends) timers.rebalance_ends = now.mono + Duration::millis(member.subscription.rebalance_timeout_ms);
  look_at(group, *timers.rebalance_ends);
}

GroupCore::Left GroupCore::leave_consumer_group(Group& group, const std::vector<MemberIdentity>& members, GroupTime now) {
  Left left;
  std::map<std::string, std::string> out;
  for (const MemberIdentity& leaving : members) {
    // An administrator removes a static member by its instance id alone.
    const std::string* current = leaving.instance_id ? group.consumer->static_member(*leaving.instance_id) : nullptr;
    const std::string member_id = current != nullptr && leaving.member_id.empty() ? *current : leaving.member_id;
    ErrorCode error = check_identity(*group.consumer, {member_id, leaving.instance_id, {}});
    const ConsumerMember* member = group.consumer->member(member_id);
    if (error == ErrorCode::NONE && (member == nullptr || !member->is_classic() || out.count(member_id) != 0)) error = ErrorCode::UNKNOWN_MEMBER_ID;
    if (error == ErrorCode::NONE) out[member_id] = "it left; client reason: " + (leaving.reason.empty() ? "not provided" : leaving.reason);
    left.members.push_back(error);
  }
  if (!out.empty()) fence_members(group, out, now, left.effects);
  return left;
}

// --- From one protocol to the other

bool GroupCore::may_upgrade(const Group& group) const {
  return settings_.consumer.may_upgrade() && group.is_consumer_group() && group.members.size() <= settings_.consumer.members_max;
}

Status GroupCore::upgrade(const Group& group, ConsumerChange& change) const {
  std::map<std::string, ConsumerMember> members;
  std::set<std::pair<TopicId, PartitionIndex>> owned;
  for (const auto& [id, each] : group.members) {
    const std::string& metadata = each.metadata(group.protocol.value_or(each.protocols().front().name));
    std::optional<ClassicSubscription> said = read_classic_subscription(metadata, topics_);
    std::optional<AssignedPartitions> assigned = read_classic_assignment(each.assignment, topics_);
    // A rebalance that failed took its assignment, but not what it has.
    if (said && each.assignment.empty()) assigned = said->owned;
    if (!said || !assigned) return Error{ErrorCode::GROUP_ID_NOT_FOUND, "group " + group.id + " stays a classic group: what its member " + id + " says cannot be read"};
    for (const auto& [topic, indexes] : *assigned) {
      for (const PartitionIndex index : indexes) {
        if (owned.emplace(topic, index).second) continue;
        // By a rebalance that is under way it is another's soon; as its leader assigned it, it stays so.
        return Error{each.assignment.empty() ? ErrorCode::COORDINATOR_LOAD_IN_PROGRESS : ErrorCode::GROUP_ID_NOT_FOUND,
                     "group " + group.id + " stays a classic group: two of its members have one partition"};
      }
    }
    ConsumerSubscription& subscription = members[id].subscription;
    subscription.instance_id = each.instance_id;
    subscription.rack_id = std::move(said->rack_id);
    subscription.client_id = each.client_id;
    subscription.client_host = each.client_host;
    subscription.topics = std::move(said->topics);
    subscription.rebalance_timeout_ms = each.rebalance_timeout_ms;
    subscription.classic = ClassicMember{each.session_timeout_ms, each.protocols()};
    members[id].assignment = {group.generation, group.generation, ReconciliationState::STABLE, *std::move(assigned), {}};
  }
  change.begin_with(group.generation, members);
  return {};
}

// Who waits for a rebalance is told to join again, and will find the other group.
void GroupCore::send_back_waiting(Group& group, const ConsumerGroup& after, GroupTime now, GroupEffects& effects) {
  effects.notes.push_back("group " + group.id + " of generation " + std::to_string(group.generation) + " goes over to the consumer protocol with " +
                          std::to_string(group.members.size()) + " members of the classic one");
  for (auto& [id, each] : group.members) {
    JoinAnswer again;
    again.error = ErrorCode::REBALANCE_IN_PROGRESS;
    again.member_id = id;
    answer_join(group, each, std::move(again), effects);
    answer_sync(each, SyncAnswer{ErrorCode::REBALANCE_IN_PROGRESS, {}, {}, {}}, effects);
    // In case the log refuses the change.
    extend_session(group, each, now);
    begin_consumer_session(group, id, *after.member(id), now);
  }
}

bool GroupCore::may_downgrade(const ConsumerGroup& after) const {
  const size_t members = after.members().size();
  return settings_.consumer.may_downgrade() && members > 0 && after.classic_members() == members && members <= settings_.members_max;
}

// The group is the other one when the records are applied, and rebalances when they are committed.
void GroupCore::downgrade(Group& group, const ConsumerGroup& after, GroupTime now, GroupEffects& effects) {
  std::vector<StoredGroupRecord> records;
  for (ConsumerRecord& each : group.consumer->tombstones()) records.push_back({group.id, std::nullopt, std::nullopt, std::nullopt, std::move(each)});
  Group made(group.id, now);
  group.returning.clear();
  for (const auto& [id, each] : after.members()) {
    const ConsumerSubscription& said = each.subscription;
    GroupMember member;
    member.id = id;
    member.instance_id = said.instance_id;
    member.client_id = said.client_id;
    member.client_host = said.client_host;
    member.rebalance_timeout_ms = said.rebalance_timeout_ms;
    member.session_timeout_ms = said.classic->session_timeout_ms;
    group.returning[id] = said.classic->protocols;
    made.add(std::move(member), said.classic->protocols, kProtocolType);
  }
  made.generation = group.consumer->epoch();
  made.protocol = made.select_protocol();
  made.transition_to(GroupState::STABLE, now);
  std::map<std::string, std::string> assignments;
  for (const auto& [id, member] : made.members) assignments[id] = write_classic_assignment(after.target(id), after.topics(), member.metadata(*made.protocol));
  records.push_back({group.id, std::nullopt, std::nullopt, made.record(assignments)});
  Pending pending;
  pending.kind = Pending::Kind::downgrade;
  pending.group = group.id;
  pending.generation = made.generation;
  write(effects, std::move(records), std::move(pending));
}

}  // namespace quokka
