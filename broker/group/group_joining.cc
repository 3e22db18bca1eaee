// JoinGroup: who gets into a group, and what that sets off.
#include <algorithm>

#include "broker/group/group_core.h"

namespace quokka {

namespace {

// How long a new member waits for its first rebalance before it counts as gone.
constexpr int64_t kNewMemberJoinTimeoutMs = 5 * 60 * 1000;

JoinAnswer refusal(std::string member_id, ErrorCode error) {
  JoinAnswer answer;
  answer.error = error;
  answer.member_id = std::move(member_id);
  return answer;
}

bool same(const std::vector<GroupProtocol>& a, const std::vector<GroupProtocol>& b) { return a == b; }

bool names_one_twice(const std::vector<GroupProtocol>& protocols) {
  std::set<std::string> names;
  return !std::all_of(protocols.begin(), protocols.end(), [&](const GroupProtocol& each) { return names.insert(each.name).second; });
}

std::string stated(const std::string& reason) { return reason.empty() ? "not provided" : reason; }

}  // namespace

bool GroupCore::accepts(const Group& group, const std::string& member_id) const {
  const auto member = group.members.find(member_id);
  const bool is_member = member != group.members.end();
  switch (group.state) {
    case GroupState::EMPTY:
    case GroupState::DEAD: return true;
    case GroupState::PREPARING_REBALANCE: return (is_member && member->second.joining()) || group.joined_count() < settings_.members_max;
    case GroupState::COMPLETING_REBALANCE:
    case GroupState::ASSIGNING:  // of the other protocol
    case GroupState::RECONCILING:
    case GroupState::STABLE: return is_member || group.members.size() < settings_.members_max;
  }
  return false;
}

GroupEffects GroupCore::on_join(GroupRequestId request, const JoinGroup& join, GroupTime now) {
  GroupEffects effects;
  const auto refuse = [&](std::string member_id, ErrorCode error) {
    effects.joins.emplace_back(request, refusal(std::move(member_id), error));
    return std::move(effects);
  };
  if (join.session_timeout_ms < settings_.session_timeout_min_ms || join.session_timeout_ms > settings_.session_timeout_max_ms)
    return refuse(join.member_id, ErrorCode::INVALID_SESSION_TIMEOUT);
  if (join.protocols.size() > settings_.member_protocols_max) {
    effects.notes.push_back("group " + join.group + ": client " + join.client_id + " is refused: it knows " + std::to_string(join.protocols.size()) +
                            " protocols, and no member may know more than " + std::to_string(settings_.member_protocols_max));
    return refuse(join.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  }
  if (names_one_twice(join.protocols)) return refuse(join.member_id, ErrorCode::INVALID_REQUEST);
  const bool is_new = join.member_id.empty();
  Group* found = known(join.group);
  if (found == nullptr && !is_new) return refuse(join.member_id, ErrorCode::UNKNOWN_MEMBER_ID);
  Group& group = found != nullptr ? *found : create(join.group, now);
  if (group.consumer) {
    if (!group.consumer->members().empty()) {
      join_consumer_group(group, request, join, now, effects);
      return effects;
    }
    if (group.is(GroupState::EMPTY)) leave_consumer_protocol(group, now, effects);
  }
  if (!accepts(group, join.member_id)) {
    if (group.has(join.member_id)) drop_member(group, join.member_id, effects);
    else group.remove(join.member_id);
    effects.joins.emplace_back(request, refusal("", ErrorCode::GROUP_MAX_SIZE_REACHED));
  } else if (is_new) {
    join_new(group, request, join, now, effects);
  } else {
    join_known(group, request, join, now, effects);
  }
  if (group.is(GroupState::PREPARING_REBALANCE)) complete_join_if_all(group, now, effects);
  return effects;
}

void GroupCore::join_new(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects) {
  const auto refuse = [&](ErrorCode error) { effects.joins.emplace_back(request, refusal("", error)); };
  if (group.is(GroupState::DEAD)) return refuse(ErrorCode::COORDINATOR_NOT_AVAILABLE);
  if (!group.supports(join.protocol_type, join.protocols)) return refuse(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  const std::string new_id = (join.instance_id ? *join.instance_id : join.client_id) + "-" + join.unique;
  if (join.instance_id && group.static_member(*join.instance_id) != nullptr) return join_static_again(group, request, join, new_id, now, effects);
  if (!join.instance_id && join.requires_member_id) return give_member_id(group, request, join, new_id, now, effects);
  add_member(group, request, join, new_id, now, effects);
}

void GroupCore::give_member_id(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now,
                               GroupEffects& effects) {
  if (group.pending_members.size() >= settings_.pending_members_max) group.pending_members.erase(std::string(group.pending_members.first()->second));
  const MonoTime until = now.mono + Duration::millis(join.session_timeout_ms);
  group.pending_members.put(new_id, until);
  look_at(group, until);
  effects.joins.emplace_back(request, refusal(new_id, ErrorCode::MEMBER_ID_REQUIRED));
}

void GroupCore::add_member(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now,
                           GroupEffects& effects) {
  GroupMember member;
  member.id = new_id;
  member.instance_id = join.member_id.empty() ? join.instance_id : std::nullopt;
  member.client_id = join.client_id;
  member.client_host = join.client_host;
  member.rebalance_timeout_ms = join.rebalance_timeout_ms;
  member.session_timeout_ms = join.session_timeout_ms;
  member.is_new = true;
  if (group.is(GroupState::PREPARING_REBALANCE) && group.generation == 0) group.new_member_added = true;
  const std::string instance = member.instance_id.value_or("");
  GroupMember& added = group.add(std::move(member), join.protocols, join.protocol_type);
  group.begin_join(added, request);
  begin_session(group, added, kNewMemberJoinTimeoutMs, now);
  rebalance_if_possible(group, "adding new member " + new_id + (instance.empty() ? "" : " with instance id " + instance) + "; client reason: " + stated(join.reason),
                        now, effects);
}

void GroupCore::update_member(Group& group, GroupMember& member, GroupRequestId request, const JoinGroup& join, GroupEffects& effects) {
  group.set_protocols(member, join.protocols);
  member.rebalance_timeout_ms = join.rebalance_timeout_ms;
  member.session_timeout_ms = join.session_timeout_ms;
  answer_join(group, member, refusal(member.id, ErrorCode::REBALANCE_IN_PROGRESS), effects);  // one of before, whose connection is gone most likely
  group.begin_join(member, request);
}

void GroupCore::join_known(Group& group, GroupRequestId request, const JoinGroup& join, GroupTime now, GroupEffects& effects) {
  const auto answer = [&](JoinAnswer made) { effects.joins.emplace_back(request, std::move(made)); };
  if (group.is(GroupState::DEAD)) return answer(refusal(join.member_id, ErrorCode::COORDINATOR_NOT_AVAILABLE));
  if (!group.supports(join.protocol_type, join.protocols)) return answer(refusal(join.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
  if (group.pending_members.has(join.member_id)) {
    if (join.instance_id) return answer(refusal("", ErrorCode::UNKNOWN_SERVER_ERROR));  // static members are given none
    return add_member(group, request, join, join.member_id, now, effects);
  }
  if (const ErrorCode error = check_member(group, {join.member_id, join.instance_id, {}}); error != ErrorCode::NONE)
    return answer(refusal(join.member_id, error));

  GroupMember& member = group.member(join.member_id);
  const bool is_unchanged = same(member.protocols(), join.protocols);
  const auto rejoin = [&](const std::string& why) {
    update_member(group, member, request, join, effects);
    rebalance_if_possible(group, why + " " + join.member_id + "; client reason: " + stated(join.reason), now, effects);
  };
  switch (group.state) {
    case GroupState::PREPARING_REBALANCE: return rejoin("joining of member");
    case GroupState::COMPLETING_REBALANCE:
      // It did not get the answer that it was sent.
      if (is_unchanged) return answer(current_generation(group, member.id));
      return rejoin("changed metadata of member");
    case GroupState::STABLE:
      // A leader joins again when it sees that topics or partitions changed.
      if (group.is_leader(member.id)) return rejoin("joining again of leader");
      if (!is_unchanged) return rejoin("changed metadata of member");
      {
        JoinAnswer made = current_generation(group, member.id);
        made.members.clear();
        return answer(std::move(made));
      }
    case GroupState::ASSIGNING:
    case GroupState::RECONCILING:
    case GroupState::EMPTY:
    case GroupState::DEAD: return answer(refusal(join.member_id, ErrorCode::UNKNOWN_MEMBER_ID));
  }
}

// A static member that came back without its id, as after a restart: it takes the place of its former self.
void GroupCore::join_static_again(Group& group, GroupRequestId request, const JoinGroup& join, const std::string& new_id, GroupTime now,
                                  GroupEffects& effects) {
  const std::string old_id = *group.static_member(*join.instance_id);
  Pending pending;
  pending.kind = Pending::Kind::static_member;
  pending.group = group.id;
  pending.generation = group.generation;
  pending.old_member = old_id;
  pending.new_member = new_id;
  pending.old_leader = group.leader.value_or("");
  pending.may_skip_assignment = join.may_skip_assignment;

  GroupMember& member = group.replace_static(*join.instance_id, old_id, new_id);
  answer_join(group, member, refusal(old_id, ErrorCode::FENCED_INSTANCE_ID), effects);
  answer_sync(member, SyncAnswer{ErrorCode::FENCED_INSTANCE_ID, {}, {}, {}}, effects);
  extend_session(group, member, now);
  pending.old_protocols = member.protocols();
  pending.old_rebalance_timeout_ms = member.rebalance_timeout_ms;
  pending.old_session_timeout_ms = member.session_timeout_ms;
  update_member(group, member, request, join, effects);
  effects.notes.push_back("group " + group.id + ": static member " + *join.instance_id + " joins again as " + new_id + ", instead of " + old_id);

  if (group.is(GroupState::COMPLETING_REBALANCE))
    return prepare_rebalance(group, "static member " + new_id + " joined again; client reason: " + stated(join.reason), now, effects);
  if (!group.is(GroupState::STABLE)) return;  // it takes part in the rebalance that is being prepared
  if (group.select_protocol() != group.protocol)
    return rebalance_if_possible(group, "static member " + new_id + " joined with other protocols; client reason: " + stated(join.reason), now, effects);
  // Its assignment is what it was. The new id is written before it is told, else a load would bring the old one back (KAFKA-9065).
  std::map<std::string, std::string> assignments;
  for (const auto& [id, each] : group.members) assignments[id] = each.assignment;
  write(effects, {{group.id, std::nullopt, std::nullopt, group.record(assignments)}}, std::move(pending));
}

void GroupCore::on_static_member_written(Group& group, const Pending& pending, ErrorCode error, GroupTime now, GroupEffects& effects) {
  if (!group.has(pending.new_member)) return;
  GroupMember& member = group.member(pending.new_member);
  // A rebalance that began meanwhile has the member's request for its own.
  if (!group.is(GroupState::STABLE) || group.generation != pending.generation || !member.joining()) return;
  JoinAnswer answer = current_generation(group, member.id);
  const bool is_leader = group.is_leader(member.id);
  if (error != ErrorCode::NONE) {
    answer.error = group_write_error(error);
    answer.member_id.clear();
    answer.leader = pending.old_leader;
    answer.members.clear();
    answer_join(group, member, std::move(answer), effects);
    group.set_protocols(member, pending.old_protocols);
    member.rebalance_timeout_ms = pending.old_rebalance_timeout_ms;
    member.session_timeout_ms = pending.old_session_timeout_ms;
    extend_session(group, group.replace_static(*member.instance_id, pending.new_member, pending.old_member), now);
    return;
  }
  if (!is_leader || !pending.may_skip_assignment) answer.members.clear();
  // An old client that is told that it leads would assign; named by its former id it does not know that it does.
  if (!pending.may_skip_assignment) answer.leader = pending.old_leader;
  answer.skip_assignment = is_leader && pending.may_skip_assignment;
  answer_join(group, member, std::move(answer), effects);
  extend_session(group, member, now);
}

JoinAnswer GroupCore::current_generation(const Group& group, const std::string& member_id) const {
  JoinAnswer answer;
  answer.member_id = member_id;
  answer.generation = group.generation;
  answer.protocol_type = group.protocol_type;
  answer.protocol = group.protocol;
  answer.leader = group.leader.value_or("");
  if (!group.is_leader(member_id)) return answer;
  for (const auto& [id, member] : group.members) answer.members.push_back({id, member.instance_id, member.metadata(group.protocol.value_or(""))});
  return answer;
}

void GroupCore::answer_join(Group& group, GroupMember& member, JoinAnswer answer, GroupEffects& effects) {
  if (const std::optional<GroupRequestId> waited = group.end_join(member)) effects.joins.emplace_back(*waited, std::move(answer));
}

void GroupCore::answer_sync(GroupMember& member, SyncAnswer answer, GroupEffects& effects) {
  if (!member.syncing) return;
  effects.syncs.emplace_back(*member.syncing, std::move(answer));
  member.syncing.reset();
}

}  // namespace quokka
