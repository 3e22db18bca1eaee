#include "coord/controller/election.h"

#include <algorithm>

namespace quokka {
namespace {

const BrokerId kNone{-1};

std::optional<BrokerId> first_in_both(const Replicas& replicas, const Replicas& online, const Replicas& isr) {
  for (BrokerId id : replicas)
    if (contains(online, id) && contains(isr, id)) return id;
  return std::nullopt;
}

LeaderAndIsr led_by(const LeaderAndIsr& state, BrokerId leader, Replicas isr) {
  LeaderAndIsr next = state;
  next.leader = leader;
  next.leader_epoch = state.leader_epoch.next();
  next.isr = std::move(isr);
  return next;
}

}  // namespace

bool contains(const Replicas& replicas, BrokerId id) { return std::find(replicas.begin(), replicas.end(), id) != replicas.end(); }

Replicas intersection(const Replicas& replicas, const Replicas& kept) {
  Replicas both;
  for (BrokerId id : replicas)
    if (contains(kept, id)) both.push_back(id);
  return both;
}

Replicas difference(const Replicas& replicas, const Replicas& removed) {
  Replicas rest;
  for (BrokerId id : replicas)
    if (!contains(removed, id)) rest.push_back(id);
  return rest;
}

std::string str(const Replicas& replicas) {
  std::string text;
  for (BrokerId id : replicas) text += (text.empty() ? "" : ",") + std::to_string(id.value);
  return text;
}

std::optional<LeaderAndIsr> elect_new(const Replicas& replicas, const Replicas& online) {
  LeaderAndIsr first;
  first.isr = intersection(replicas, online);
  if (first.isr.empty()) return std::nullopt;
  first.leader = first.isr.front();
  first.leader_epoch = LeaderEpoch(0);
  return first;
}

std::optional<LeaderAndIsr> elect_offline(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online, bool unclean) {
  if (auto leader = first_in_both(replicas, online, state.isr)) return led_by(state, *leader, intersection(state.isr, online));
  if (!unclean) return std::nullopt;
  const Replicas candidates = intersection(replicas, online);
  if (candidates.empty()) return std::nullopt;
  LeaderAndIsr next = led_by(state, candidates.front(), {candidates.front()});
  next.recovering = true;
  return next;
}

bool only_unclean(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online) {
  return !first_in_both(replicas, online, state.isr) && !intersection(replicas, online).empty();
}

std::optional<LeaderAndIsr> elect_controlled_shutdown(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online,
                                                      const Replicas& shutting_down) {
  auto leader = first_in_both(replicas, difference(online, shutting_down), state.isr);
  if (!leader) return std::nullopt;
  return led_by(state, *leader, difference(state.isr, shutting_down));
}

std::optional<LeaderAndIsr> elect_preferred(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online) {
  if (replicas.empty()) return std::nullopt;
  const BrokerId preferred = replicas.front();
  if (preferred == state.leader || !contains(online, preferred) || !contains(state.isr, preferred)) return std::nullopt;
  return led_by(state, preferred, state.isr);
}

std::optional<LeaderAndIsr> elect_reassigned(const LeaderAndIsr& state, const Replicas& target, const Replicas& online) {
  auto leader = first_in_both(target, online, state.isr);
  if (!leader) return std::nullopt;
  return led_by(state, *leader, state.isr);
}

bool has_preferred_leader(const Assignment& assignment, const LeaderAndIsr& state) {
  if (assignment.replicas.empty()) return true;
  const BrokerId preferred = assignment.replicas.front();
  if (contains(assignment.adding, preferred)) return !contains(state.isr, preferred);
  return state.leader == preferred;
}

std::optional<LeaderAndIsr> without_replicas(const LeaderAndIsr& state, const Replicas& gone) {
  Replicas isr = difference(state.isr, gone);
  if (isr.empty()) isr = state.isr;
  const BrokerId leader = contains(gone, state.leader) ? kNone : state.leader;
  if (leader == state.leader && isr == state.isr) return std::nullopt;
  return led_by(state, leader, std::move(isr));
}

}  // namespace quokka
