#include "broker/log/batch_place.h"

namespace quokka {

bool leaves_gap(const BatchView& batch, Offset due) { return batch.is_v2() && batch.base_offset() > due; }

std::string_view why_misplaced(const BatchView& batch, const BatchSurroundings& around) {
  if (batch.last_offset() < around.due) return "its offset goes back";
  if (!batch.is_v2()) return "";
  if (batch.base_offset() < around.due) return "its offset goes back";
  if (batch.leader_epoch() < around.epoch_before) return "its leader epoch is lower than one before it, or negative";
  if (!leaves_gap(batch, around.due)) return "";
  const Offset end_without_gap = around.due + batch.last_offset_delta() + 1;
  if (around.following == end_without_gap) return "its offset is not the one due, and what is behind it has the next";
  if (!around.following && !around.gaps_at_the_end) return "its offset is beyond the one due, and the topic is not compacted";
  return "";
}

}  // namespace quokka
