#include "broker/replica/leader.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace quokka {

namespace {
bool contains(const std::vector<BrokerId>& ids, BrokerId id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }
}  // namespace

Leader::Leader(const Start& start, Settings settings, MonoTime now)
    : self_(start.self),
      settings_(settings),
      replicas_(start.replicas),
      committed_(start.committed),
      epoch_start_(start.log_end),
      log_end_(start.log_end),
      synced_end_(start.synced_end),
      high_watermark_(start.high_watermark) {
  QUOKKA_CHECK_LE(high_watermark_, log_end_);
  for (BrokerId id : replicas_) {
    if (id == self_) continue;
    Follower follower;
    // A member of the in-sync set is given the whole lag time before it counts as behind.
    follower.last_caught_up = in_isr(id) ? now : now - settings_.replica_lag_max - Duration::micros(1);
    followers_.emplace(id, follower);
  }
}

void Leader::remember_brokers(const Leader& before) {
  for (auto& [id, follower] : followers_) {
    const auto known = before.followers_.find(id);
    if (known == before.followers_.end()) continue;
    follower.broker_epoch = known->second.broker_epoch;
    follower.live = known->second.live;
  }
}

int32_t Leader::effective_min_isr() const {
  return std::min(settings_.min_insync_replicas, static_cast<int32_t>(replicas_.size()));
}

bool Leader::in_isr(BrokerId id) const { return contains(committed_.isr, id); }

bool Leader::in_maximal_isr(BrokerId id) const { return in_isr(id) || (pending_ && contains(pending_->isr, id)); }

bool Leader::had_enough_replicas() const {
  return static_cast<int32_t>(std::max(committed_.isr.size(), pending_ ? pending_->isr.size() : 0)) >= effective_min_isr();
}

bool Leader::is_caught_up(const Follower& follower, MonoTime now) const {
  return follower.log_end == log_end_ || now - follower.last_caught_up <= settings_.replica_lag_max;
}

// The smallest end among all whom a later leader may be chosen from, and those about to join, so that a joiner is never behind what is committed.
std::optional<Offset> Leader::advance_high_watermark(MonoTime now) {
  if (!has_enough_replicas()) return std::nullopt;
  Offset smallest = settings_.durable ? std::min(synced_end_, log_end_) : log_end_;
  for (const auto& [id, follower] : followers_) {
    const bool counts = in_maximal_isr(id) || (is_eligible(follower, now) && is_caught_up(follower, now));
    if (counts) smallest = std::min(smallest, follower.log_end);
  }
  if (smallest <= high_watermark_) return std::nullopt;
  high_watermark_ = smallest;
  return high_watermark_;
}

std::optional<IsrProposal> Leader::propose(std::vector<BrokerId> isr, std::optional<size_t> joining) {
  IsrProposal proposal{committed_.leader_epoch, committed_.partition_epoch, std::move(isr), {}, joining};
  for (BrokerId id : proposal.isr) {
    const auto follower = followers_.find(id);
    proposal.broker_epochs.push_back(follower == followers_.end() ? BrokerEpoch() : follower->second.broker_epoch);
  }
  pending_ = proposal;
  return proposal;
}

Leader::Effects Leader::on_appended(Offset log_end, MonoTime now) {
  QUOKKA_CHECK_GE(log_end, log_end_);
  log_end_ = log_end;
  return {std::nullopt, advance_high_watermark(now)};
}

Leader::Effects Leader::on_synced(Offset synced_end, MonoTime now) {
  synced_end_ = synced_end;
  return {std::nullopt, advance_high_watermark(now)};
}

Leader::Effects Leader::on_follower_fetch(const FollowerFetch& fetch, MonoTime now) {
  const auto found = followers_.find(fetch.follower);
  if (found == followers_.end()) return {};
  Follower& follower = found->second;
  if (fetch.broker_epoch.value >= 0 && fetch.broker_epoch < follower.broker_epoch) return {};
  if (fetch.broker_epoch > follower.broker_epoch) follower.refused_until = {};
  if (fetch.fetch_offset >= log_end_) {
    follower.last_caught_up = std::max(follower.last_caught_up, now);
  } else if (fetch.fetch_offset >= follower.leader_end_at_last_fetch && follower.leader_end_at_last_fetch.value >= 0) {
    follower.last_caught_up = std::max(follower.last_caught_up, follower.last_fetch);
  }
  follower.log_end = fetch.fetch_offset;
  follower.log_start = fetch.log_start;
  // One without an epoch does not undo what is known, unless that was refused: its life may be over, and the next one, if its fetches carry none, would never join.
  if (fetch.broker_epoch.value >= 0 || follower.refused_until != MonoTime{}) follower.broker_epoch = fetch.broker_epoch;
  follower.leader_end_at_last_fetch = log_end_;
  follower.last_fetch = now;
  follower.live = fetch.live;

  Effects effects;
  const bool has_all_committed = fetch.fetch_offset >= high_watermark_ && fetch.fetch_offset >= epoch_start_;
  if (!pending_ && !in_isr(fetch.follower) && is_eligible(follower, now) && has_all_committed) {
    std::vector<BrokerId> isr = committed_.isr;
    isr.push_back(fetch.follower);
    const size_t joining = isr.size() - 1;
    effects.propose = propose(std::move(isr), joining);
  }
  effects.high_watermark = advance_high_watermark(now);
  return effects;
}

Leader::Effects Leader::on_isr_written(const IsrProposal& proposal, ProposalOutcome outcome,
                                       const std::optional<CommittedPartitionState>& answer, MonoTime now) {
  if (!pending_ || !(*pending_ == proposal)) return {};  // LeaderAndIsr was faster
  Effects effects;
  effects.isr_update = IsrUpdate::failed;
  switch (outcome) {
    case ProposalOutcome::done:
      QUOKKA_CHECK(answer.has_value(), "a proposal that is done carries the new state");
      if (answer->leader_epoch != committed_.leader_epoch || answer->partition_epoch < committed_.partition_epoch) break;
      effects.isr_update = proposal.joining ? IsrUpdate::expanded : IsrUpdate::shrunk;
      committed_ = *answer;
      pending_.reset();
      effects.high_watermark = advance_high_watermark(now);
      break;
    case ProposalOutcome::not_applied:
      // Else every fetch of a replica that shuts down would ask the controller again, and hold the high watermark back.
      if (proposal.joining) followers_.at(proposal.isr[*proposal.joining]).refused_until = now + kRefusalPause;
      pending_.reset();
      effects.high_watermark = advance_high_watermark(now);
      break;
    case ProposalOutcome::superseded: break;
    case ProposalOutcome::unknown: effects.isr_update.reset(); [[fallthrough]];
    case ProposalOutcome::failed:
      pending_->may_be_written = true;
      effects.propose = pending_;
      break;
  }
  return effects;
}

Leader::Effects Leader::on_tick(MonoTime now) {
  Effects effects;
  if (!pending_) {
    std::vector<BrokerId> isr;
    for (BrokerId id : committed_.isr) {
      const auto follower = followers_.find(id);
      if (id == self_ || (follower != followers_.end() && is_caught_up(follower->second, now))) isr.push_back(id);
    }
    if (isr.size() < committed_.isr.size()) effects.propose = propose(std::move(isr), std::nullopt);
  }
  effects.high_watermark = advance_high_watermark(now);  // a replica that was about to join may have stopped counting
  return effects;
}

Leader::Effects Leader::on_settings(Settings settings, MonoTime now) {
  settings_ = settings;
  return {std::nullopt, advance_high_watermark(now)};  // fewer in-sync replicas may be enough now
}

Leader::Effects Leader::on_live_brokers(const std::vector<BrokerId>& live, MonoTime now) {
  for (auto& [id, follower] : followers_) follower.live = std::binary_search(live.begin(), live.end(), id);
  return {std::nullopt, advance_high_watermark(now)};
}

Leader::Effects Leader::on_log_start(Offset log_start) {
  if (log_start <= high_watermark_) return {};
  high_watermark_ = std::min(log_start, log_end_);
  return {std::nullopt, high_watermark_};
}

std::vector<Leader::Holder> Leader::holders(Offset offset) const {
  std::vector<Holder> found;
  for (const auto& [id, follower] : followers_) {
    if (in_isr(id) && follower.log_end >= offset && follower.log_start <= offset) found.push_back({id, follower.log_end, follower.last_caught_up});
  }
  return found;
}

Offset Leader::low_watermark(Offset log_start) const {
  Offset smallest = log_start;
  for (const auto& [id, follower] : followers_) {
    if (follower.live) smallest = std::min(smallest, follower.log_start);
  }
  return smallest;
}

}  // namespace quokka
