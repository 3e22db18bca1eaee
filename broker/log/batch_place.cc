#include "broker/log/batch_place.h"

namespace quokka {

namespace {

constexpr LeaderEpoch no_epoch{-1};  // the lowest that anybody writes

}  // namespace

bool is_doubtful(const BatchView& batch, Offset due, LeaderEpoch epoch_before) {
  return batch.is_v2() && (batch.base_offset() > due || batch.leader_epoch() < epoch_before);
}

std::string_view why_misplaced(const BatchView& batch, const BatchSurroundings& around) {
  if (batch.last_offset() < around.due) return "its offset goes back";
  if (!batch.is_v2()) return "";
  if (batch.base_offset() < around.due) return "its offset goes back";
  if (batch.leader_epoch() < no_epoch) return "its leader epoch is negative";
  const bool stays_lower = around.following && around.epoch_behind < around.epoch_before;
  if (batch.leader_epoch() < around.epoch_before && !stays_lower) return "its leader epoch is lower than one before it";
  if (batch.base_offset() == around.due) return "";
  const Offset end_without_gap = around.due + batch.last_offset_delta() + 1;
  if (around.following == end_without_gap) return "its offset is not the one due, and what is behind it has the next";
  if (!around.following && !around.gaps_at_the_end) return "its offset is beyond the one due, and the log was never compacted";
  return "";
}

}  // namespace quokka
