// From PreparingRebalance to Stable: who is waited for and how long, what the leader assigns, who is left behind.
#include <algorithm>

#include "broker/group/group_core.h"

namespace quokka {

namespace {

constexpr Duration kWaitOnceMoreMin = Duration::seconds(1);  // a rebalance time-out may be 0

SyncAnswer refusal(ErrorCode error) {
  SyncAnswer answer;
  answer.error = error;
  return answer;
}

}  // namespace

// --- Sessions

ErrorCode GroupCore::check_member(const Group& group, const MemberIdentity& member) const {
  if (member.instance_id) {
    const std::string* current = group.static_member(*member.instance_id);
    if (current == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
    if (*current != member.member_id) return ErrorCode::FENCED_INSTANCE_ID;
  }
  return group.has(member.member_id) ? ErrorCode::NONE : ErrorCode::UNKNOWN_MEMBER_ID;
}

void GroupCore::begin_session(Group& group, GroupMember& member, int64_t timeout_ms, GroupTime now) {
  // A member with a request that waits is there; its session goes on when that is answered. A new one must not wait for ever.
  if (!member.is_new && (member.joining() || member.syncing)) {
    member.session_ends.reset();
    return;
  }
  member.session_ends = now.mono + Duration::millis(timeout_ms);
  if (!group.sessions_due || *group.sessions_due > *member.session_ends) group.sessions_due = member.session_ends;
  look_at(group, *member.session_ends);
}

void GroupCore::extend_session(Group& group, GroupMember& member, GroupTime now) { begin_session(group, member, member.session_timeout_ms, now); }

ErrorCode GroupCore::on_heartbeat(const std::string& group_id, const MemberIdentity& member, int32_t generation, GroupTime now) {
  Group* group = known(group_id);
  if (group == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
  if (group->is(GroupState::DEAD)) return ErrorCode::COORDINATOR_NOT_AVAILABLE;
  if (group->consumer) return beat_consumer_group(*group, member, generation, now);
  if (const ErrorCode error = check_member(*group, member); error != ErrorCode::NONE) return error;
  if (generation != group->generation) return ErrorCode::ILLEGAL_GENERATION;
  if (group->is(GroupState::EMPTY)) return ErrorCode::UNKNOWN_MEMBER_ID;
  extend_session(*group, group->member(member.member_id), now);
  return group->is(GroupState::PREPARING_REBALANCE) ? ErrorCode::REBALANCE_IN_PROGRESS : ErrorCode::NONE;
}

// --- Preparing

void GroupCore::rebalance_if_possible(Group& group, const std::string& reason, GroupTime now, GroupEffects& effects) {
  if (group.can_rebalance()) prepare_rebalance(group, reason, now, effects);
}

void GroupCore::prepare_rebalance(Group& group, const std::string& reason, GroupTime now, GroupEffects& effects) {
  if (group.is(GroupState::COMPLETING_REBALANCE)) refuse_assignments(group, ErrorCode::REBALANCE_IN_PROGRESS, now, effects);
  group.pending_sync.clear();
  group.sync_until.reset();
  const int64_t timeout_ms = group.rebalance_timeout_ms();
  if (group.is(GroupState::EMPTY)) {
    const int64_t delay_ms = settings_.initial_rebalance_delay_ms;
    group.join_timer = {now.mono + Duration::millis(delay_ms), true, delay_ms, std::max<int64_t>(timeout_ms - delay_ms, 0)};
  } else {
    group.join_timer = {now.mono + Duration::millis(timeout_ms), false, 0, 0};
  }
  look_at(group, group.join_timer->at);
  group.transition_to(GroupState::PREPARING_REBALANCE, now);
  ++group.rebalance_count;
  group.rebalances.push_back({now.wall, reason, std::nullopt, -1, 0});
  if (group.rebalances.size() > Group::kRebalancesKept) group.rebalances.pop_front();
  effects.notes.push_back("group " + group.id + " of generation " + std::to_string(group.generation) + " prepares to rebalance: " + reason);
  complete_join_if_all(group, now, effects);
}

void GroupCore::complete_join_if_all(Group& group, GroupTime now, GroupEffects& effects) {
  if (group.is(GroupState::PREPARING_REBALANCE) && group.join_timer && !group.join_timer->is_initial && group.all_joined())
    complete_join(group, now, effects);
}

void GroupCore::on_join_timer(Group& group, GroupTime now, GroupEffects& effects) {
  const Group::JoinTimer timer = *group.join_timer;
  if (timer.is_initial && group.new_member_added && timer.remaining_ms != 0) {
    // More members come in: they are spared a rebalance each.
    group.new_member_added = false;
    const int64_t delay_ms = std::min<int64_t>(settings_.initial_rebalance_delay_ms, timer.remaining_ms);
    group.join_timer = {now.mono + Duration::millis(delay_ms), true, delay_ms, std::max<int64_t>(timer.remaining_ms - timer.delay_ms, 0)};
    return look_at(group, group.join_timer->at);
  }
  complete_join(group, now, effects);
}

bool GroupCore::elect_joined_leader(Group& group, GroupEffects& effects) {
  if (!group.leader) return false;
  if (group.member(*group.leader).joining()) return true;
  const auto joined = std::find_if(group.members.begin(), group.members.end(), [](const auto& each) { return each.second.joining().has_value(); });
  if (joined == group.members.end()) return false;
  effects.notes.push_back("group " + group.id + ": leader " + *group.leader + " did not join within the rebalance time-out; " + joined->first + " leads");
  group.leader = joined->first;
  return true;
}

// All have joined, or time is over. Static members may come back later; others that are missing are out.
void GroupCore::complete_join(Group& group, GroupTime now, GroupEffects& effects) {
  group.join_timer.reset();
  std::vector<std::string> missing;
  for (const auto& [id, member] : group.members) {
    if (!member.joining() && !member.is_static()) missing.push_back(id);
  }
  for (const std::string& id : missing) {
    effects.notes.push_back("group " + group.id + ": member " + id + " did not join within the rebalance time-out and is out");
    drop_member(group, id, effects);
  }
  if (group.is(GroupState::DEAD)) return;
  if (!elect_joined_leader(group, effects) && !group.members.empty()) {
    effects.notes.push_back("group " + group.id + ": no member joined within the rebalance time-out; it waits once more");
    group.join_timer = {now.mono + std::max(Duration::millis(group.rebalance_timeout_ms()), kWaitOnceMoreMin), false, 0, 0};
    return look_at(group, group.join_timer->at);
  }
  begin_generation(group, now, effects);
}

void GroupCore::begin_generation(Group& group, GroupTime now, GroupEffects& effects) {
  ++group.generation;
  group.pending_sync.clear();
  if (!group.rebalances.empty()) {
    group.rebalances.back().generation = group.generation;
    group.rebalances.back().members = group.members.size();
  }
  if (group.members.empty()) {
    group.protocol.reset();
    group.note_subscriptions();
    group.transition_to(GroupState::EMPTY, now);
    effects.notes.push_back("group " + group.id + " is empty, generation " + std::to_string(group.generation));
    if (!group.rebalances.empty()) group.rebalances.back().ended = now.wall;
    Pending pending;
    pending.group = group.id;
    pending.generation = group.generation;
    write(effects, {{group.id, std::nullopt, std::nullopt, group.record({})}}, std::move(pending));
    return;
  }
  group.protocol = group.select_protocol();
  group.note_subscriptions();
  group.transition_to(GroupState::COMPLETING_REBALANCE, now);
  effects.notes.push_back("group " + group.id + " has generation " + std::to_string(group.generation) + " with " + std::to_string(group.members.size()) +
                          " members, protocol " + *group.protocol);
  for (auto& [id, member] : group.members) {
    answer_join(group, member, current_generation(group, id), effects);
    extend_session(group, member, now);
    member.is_new = false;
    group.pending_sync.insert(id);
  }
  group.sync_until = now.mono + Duration::millis(group.rebalance_timeout_ms());
  look_at(group, *group.sync_until);
}

// --- Completing

GroupEffects GroupCore::on_sync(GroupRequestId request, const SyncGroup& sync, GroupTime now) {
  GroupEffects effects;
  const auto answer = [&](SyncAnswer made) {
    effects.syncs.emplace_back(request, std::move(made));
    return std::move(effects);
  };
  Group* found = known(sync.group);
  if (found == nullptr) return answer(refusal(ErrorCode::UNKNOWN_MEMBER_ID));
  Group& group = *found;
  if (group.is(GroupState::DEAD)) return answer(refusal(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  if (group.consumer) {
    effects.answers_what_is_written = true;
    return answer(sync_consumer_group(group, sync, now));
  }
  if (const ErrorCode error = check_member(group, {sync.member_id, sync.instance_id, {}}); error != ErrorCode::NONE) return answer(refusal(error));
  if (sync.generation != group.generation) return answer(refusal(ErrorCode::ILLEGAL_GENERATION));
  if ((sync.protocol_type && sync.protocol_type != group.protocol_type) || (sync.protocol && sync.protocol != group.protocol))
    return answer(refusal(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));

  GroupMember& member = group.member(sync.member_id);
  switch (group.state) {
    case GroupState::ASSIGNING:
    case GroupState::RECONCILING:
    case GroupState::EMPTY:
    case GroupState::DEAD: return answer(refusal(ErrorCode::UNKNOWN_MEMBER_ID));
    case GroupState::PREPARING_REBALANCE: return answer(refusal(ErrorCode::REBALANCE_IN_PROGRESS));
    case GroupState::STABLE:
      group.pending_sync.erase(member.id);
      effects.syncs.emplace_back(request, SyncAnswer{ErrorCode::NONE, group.protocol_type, group.protocol, member.assignment});
      extend_session(group, member, now);
      return effects;
    case GroupState::COMPLETING_REBALANCE: break;
  }
  answer_sync(member, refusal(ErrorCode::REBALANCE_IN_PROGRESS), effects);  // one of before
  member.syncing = request;
  group.pending_sync.erase(member.id);
  if (!group.is_leader(member.id)) return effects;
  Pending pending;
  pending.kind = Pending::Kind::assignment;
  pending.group = group.id;
  pending.generation = group.generation;
  pending.assignments = sync.assignments;
  write(effects, {{group.id, std::nullopt, std::nullopt, group.record(sync.assignments)}}, std::move(pending));
  return effects;
}

void GroupCore::give_assignments(Group& group, const std::map<std::string, std::string>& assignments, GroupTime now, GroupEffects& effects) {
  group.transition_to(GroupState::STABLE, now);
  if (!group.rebalances.empty()) group.rebalances.back().ended = now.wall;
  for (auto& [id, member] : group.members) {
    const auto assigned = assignments.find(id);
    member.assignment = assigned == assignments.end() ? std::string() : assigned->second;
    if (!member.syncing) continue;
    answer_sync(member, SyncAnswer{ErrorCode::NONE, group.protocol_type, group.protocol, member.assignment}, effects);
    extend_session(group, member, now);
  }
}

void GroupCore::refuse_assignments(Group& group, ErrorCode error, GroupTime now, GroupEffects& effects) {
  for (auto& [id, member] : group.members) {
    member.assignment.clear();
    if (!member.syncing) continue;
    answer_sync(member, refusal(error), effects);
    extend_session(group, member, now);
  }
}

void GroupCore::on_sync_timer(Group& group, GroupTime now, GroupEffects& effects) {
  group.sync_until.reset();
  if (!group.is(GroupState::COMPLETING_REBALANCE) && !group.is(GroupState::STABLE)) return;
  if (group.pending_sync.empty()) return;
  const std::set<std::string> silent = group.pending_sync;
  for (const std::string& id : silent) {
    effects.notes.push_back("group " + group.id + ": member " + id + " did not ask for its assignment and is out");
    drop_member(group, id, effects);
  }
  prepare_rebalance(group, "members did not send SyncGroup in time", now, effects);
}

// --- Leaving

void GroupCore::drop_member(Group& group, const std::string& member_id, GroupEffects& effects) {
  if (group.has(member_id)) {
    GroupMember& member = group.member(member_id);
    JoinAnswer answer;
    answer.error = ErrorCode::UNKNOWN_MEMBER_ID;
    answer_join(group, member, std::move(answer), effects);
    answer_sync(member, refusal(ErrorCode::UNKNOWN_MEMBER_ID), effects);
  }
  group.remove(member_id);
}

void GroupCore::remove_member(Group& group, const std::string& member_id, const std::string& reason, GroupTime now, GroupEffects& effects) {
  drop_member(group, member_id, effects);
  if (group.is(GroupState::STABLE) || group.is(GroupState::COMPLETING_REBALANCE)) return rebalance_if_possible(group, reason, now, effects);
  complete_join_if_all(group, now, effects);
}

void GroupCore::remove_pending(Group& group, const std::string& member_id, GroupTime now, GroupEffects& effects) {
  group.remove(member_id);
  complete_join_if_all(group, now, effects);
}

GroupCore::Left GroupCore::on_leave(const std::string& group_id, const std::vector<MemberIdentity>& members, GroupTime now) {
  Left left;
  Group* found = known(group_id);
  if (found == nullptr) {
    left.members.assign(members.size(), ErrorCode::UNKNOWN_MEMBER_ID);
    return left;
  }
  Group& group = *found;
  if (group.is(GroupState::DEAD)) {
    left.error = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    return left;
  }
  if (group.consumer) return leave_consumer_group(group, members, now);
  for (const MemberIdentity& leaving : members) {
    std::string member_id = leaving.member_id;
    ErrorCode error = ErrorCode::NONE;
    if (member_id.empty()) {
      // An administrator removes a static member by its instance id alone.
      const std::string* current = leaving.instance_id ? group.static_member(*leaving.instance_id) : nullptr;
      if (current != nullptr) member_id = *current;
      else error = ErrorCode::UNKNOWN_MEMBER_ID;
    } else if (group.pending_members.has(member_id)) {
      remove_pending(group, member_id, now, left.effects);
      left.members.push_back(ErrorCode::NONE);
      continue;
    } else {
      error = check_member(group, leaving);
    }
    if (error == ErrorCode::NONE) {
      const std::string reason = leaving.reason.empty() ? "not provided" : leaving.reason;
      remove_member(group, member_id, "member " + member_id + " left; client reason: " + reason, now, left.effects);
    }
    left.members.push_back(error);
  }
  return left;
}

// --- Time

void GroupCore::on_group_due(Group& group, GroupTime now, GroupEffects& effects) {
  on_consumer_due(group, now, effects);
  if (group.join_timer && group.join_timer->at <= now.mono) on_join_timer(group, now, effects);
  if (group.sync_until && *group.sync_until <= now.mono) on_sync_timer(group, now, effects);
  if (group.sessions_due && *group.sessions_due <= now.mono) end_sessions(group, now, effects);
  for (const auto* first = group.pending_members.first(); first != nullptr && first->first <= now.mono; first = group.pending_members.first())
    remove_pending(group, std::string(first->second), now, effects);

  if (group.join_timer) look_at(group, group.join_timer->at);
  if (group.sync_until) look_at(group, *group.sync_until);
  if (group.sessions_due) look_at(group, *group.sessions_due);
  if (!group.pending_members.empty()) look_at(group, group.pending_members.first()->first);
}

void GroupCore::end_sessions(Group& group, GroupTime now, GroupEffects& effects) {
  std::vector<std::string> silent;
  group.sessions_due.reset();
  for (auto& [id, member] : group.members) {
    if (!member.session_ends) continue;
    if (*member.session_ends > now.mono) {
      group.sessions_due = group.sessions_due ? std::min(*group.sessions_due, *member.session_ends) : *member.session_ends;
    } else if (!member.is_new && (member.joining() || member.syncing)) {
      member.session_ends.reset();
    } else {
      silent.push_back(id);
    }
  }
  for (const std::string& id : silent) {
    if (!group.has(id)) continue;
    effects.notes.push_back("group " + group.id + ": no heartbeat of member " + id + " within its session time-out; it is out");
    remove_member(group, id, "no heartbeat of member " + id + " within its session time-out", now, effects);
  }
}

}  // namespace quokka
