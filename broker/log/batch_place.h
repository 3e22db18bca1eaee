// Whether a batch can be where a recovery finds it. Its base offset and its leader epoch lie outside its CRC: only what stands before and behind it tells
// that a bit of theirs was flipped. Pure.
//
// Gaps between batches are right where a cleaner was, and in what was copied from there. So a gap is wrong only if the batch behind it begins where this
// one would end without it, or if nothing is behind it in a log that was never compacted. A lower epoch is wrong unless the batch behind has a lower one too:
// then the one before is damaged, or ZooKeeper lost what it had and epochs began anew. What was synced is not dropped for an epoch or a gap that only looks
// wrong beside the batch before it. Formats 0 and 1 have no epoch, and a set's offset is its last.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/base/ids.h"
#include "protocol/records/record_batch.h"

namespace quokka {

struct BatchSurroundings {
  Offset due;                       // the end of the batch before, or the segment's base
  LeaderEpoch epoch_before;         // of the batch before; -1, the lowest that anybody writes: not known, or this one is older than the recovery point
  std::optional<Offset> following;  // the base offset behind it in the segment, or that of the next segment; nullopt: it is the last of the log
  LeaderEpoch epoch_behind;         // of the batch behind it in the segment; -1: not known
  bool gaps_at_the_end = false;     // the topic is or was compacted, or the batch is older than the recovery point
};

// What is behind the batch has to be known for it to be judged.
bool is_doubtful(const BatchView& batch, Offset due, LeaderEpoch epoch_before);
// Why it cannot; empty if it can. `following` and `epoch_behind` matter for doubtful batches only.
std::string_view why_misplaced(const BatchView& batch, const BatchSurroundings& around);

}  // namespace quokka
