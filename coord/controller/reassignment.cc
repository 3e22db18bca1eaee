#include "coord/controller/reassignment.h"

#include <algorithm>

namespace quokka {
namespace {

LeaderEpoch raised(LeaderEpoch epoch, size_t by) { return LeaderEpoch(epoch.value + static_cast<int32_t>(by)); }

}  // namespace

bool is_reassigned(const Assignment& assignment) { return !assignment.adding.empty() || !assignment.removing.empty(); }
Replicas origin_of(const Assignment& assignment) { return difference(assignment.replicas, assignment.adding); }
Replicas target_of(const Assignment& assignment) { return difference(assignment.replicas, assignment.removing); }

Assignment reassigned(const Assignment& current, const Replicas& target) {
  const Replicas origin = origin_of(current);
  Assignment next;
  next.adding = difference(target, origin);
  next.removing = difference(origin, target);
  next.replicas = target;
  next.replicas.insert(next.replicas.end(), next.removing.begin(), next.removing.end());
  return next;
}

Status check_target(const Replicas& target) {
  if (target.empty()) return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Empty replica list specified in partition reassignment."};
  for (BrokerId id : target) {
    if (std::count(target.begin(), target.end(), id) > 1)
      return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Duplicate replica ids in partition reassignment replica list: " + str(target)};
    if (id.value < 0) return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Invalid broker id in replica list: " + str(target)};
  }
  return {};
}

bool is_complete(const Assignment& assignment, const LeaderAndIsr& state, const Replicas& online) {
  if (!is_reassigned(assignment)) return true;
  const Replicas target = target_of(assignment);
  return difference(target, state.isr).empty() && !intersection(target, online).empty();
}

LeaderAndIsr with_new_replicas(const LeaderAndIsr& state) {
  LeaderAndIsr next = state;
  next.leader_epoch = state.leader_epoch.next();
  return next;
}

LeaderAndIsr with_target_only(const LeaderAndIsr& state, const Assignment& assignment, const Replicas& online) {
  const Replicas target = target_of(assignment);
  const Replicas leaving = difference(state.isr, target);
  LeaderAndIsr next = state;
  if (!contains(target, state.leader) || !contains(online, state.leader))
    if (auto elected = elect_reassigned(state, target, online)) next.leader = elected->leader;
  if (leaving.size() < state.isr.size()) next.isr = difference(state.isr, leaving);
  next.leader_epoch = raised(state.leader_epoch, 1 + leaving.size());
  return next;
}

std::optional<LeaderAndIsr> without_abandoned(const LeaderAndIsr& state, const Replicas& kept, const Replicas& online) {
  LeaderAndIsr next = state;
  next.isr = intersection(state.isr, kept);
  if (next.isr.empty()) return std::nullopt;
  const size_t leaving = state.isr.size() - next.isr.size();
  if (state.leader.value >= 0 && !contains(kept, state.leader)) {
    const Replicas candidates = intersection(intersection(kept, next.isr), online);
    if (candidates.empty()) return std::nullopt;
    next.leader = candidates.front();
  }
  next.leader_epoch = raised(state.leader_epoch, leaving);
  return next;
}

}  // namespace quokka
