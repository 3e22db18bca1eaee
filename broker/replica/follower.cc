#include "broker/replica/follower.h"

#include <algorithm>

namespace quokka {

Follower::Effects Follower::on_diverging(EpochEnd leader, const FollowerLog& log) const {
  Effects effects;
  if (leader.end_offset.value < 0) {
    // The leader knows no epoch that old: only what is committed can be trusted to be common.
    effects.truncate_to = log.high_watermark;
  } else if (log.end_of_asked_epoch.end_offset.value < 0) {
    effects.truncate_to = std::min(leader.end_offset, log.log_end);
  } else if (log.end_of_asked_epoch.epoch != leader.epoch) {
    // We lack it: to the end of our next smaller one, about which the next fetch asks.
    effects.truncate_to = std::min(log.end_of_asked_epoch.end_offset, log.log_end);
  } else {
    effects.truncate_to = std::min({leader.end_offset, log.end_of_asked_epoch.end_offset, log.log_end});
  }
  return effects;
}

Follower::Effects Follower::on_no_epochs(const FollowerLog& log) const {
  Effects effects;
  if (log.log_end > log.high_watermark) effects.truncate_to = log.high_watermark;
  return effects;
}

Follower::Effects Follower::on_out_of_range(Offset leader_start, Offset leader_end, const FollowerLog& log) const {
  Effects effects;
  if (leader_end < log.log_end) {
    effects.truncate_to = leader_end;  // the leader was elected uncleanly, or lost its tail
    if (leader_end < log.log_start) effects.truncate_fully_and_start_at = leader_start;
  } else if (leader_start > log.log_end) {
    effects.truncate_fully_and_start_at = leader_start;
  } else if (log.end_of_asked_epoch.end_offset.value >= 0 && log.end_of_asked_epoch.end_offset < log.log_end) {
    // In range, and yet the leader does not know our last epoch: it is above this follower's own (which `log` was asked about), so nobody can have
    // written it. It lies outside the batch's CRC; what claims it goes.
    effects.truncate_to = log.end_of_asked_epoch.end_offset;
  }
  if (effects.truncate_fully_and_start_at) effects.truncate_to.reset();
  return effects;
}

Follower::Effects Follower::on_batch_around_the_end(const AroundTheEnd& around, const FollowerLog& log) const {
  Effects effects;
  if (log.log_start == log.log_end)
    effects.truncate_fully_and_start_at = around.base;
  else if (around.ours_joins && log.high_watermark > std::min(around.base, around.own_base))
    effects.refused = true;
  else
    effects.truncate_to = around.base;
  return effects;
}

}  // namespace quokka
