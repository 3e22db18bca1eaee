// The leader epochs of one log: which offset each began at. Decides where a follower must truncate (KIP-101, KIP-279). Pure; its checkpoint is
// text in Kafka's format.
//
// Invariant: entries rise strictly in epoch and in start offset.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

// The end of an epoch in a log: all records of `epoch` are below `end_offset`. Undefined (-1) fields mean "not known".
struct EpochEnd {
  LeaderEpoch epoch;
  Offset end_offset;

  bool operator==(const EpochEnd&) const = default;
};

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;

  bool operator==(const EpochStart&) const = default;
};

class LeaderEpochs {
 public:
  LeaderEpochs() = default;

  // Records of `epoch` begin at `start`: called when leadership starts, even without a write, and for every batch of another epoch. Entries
  // that contradict it (same or later epoch, same or later start) are removed. Returns whether anything changed. Epoch 0 counts; -1 does not.
  bool assign(LeaderEpoch epoch, Offset start);

  // The largest epoch at or below `asked` and its end: the start of the next larger one, or `log_end` for the latest. An epoch below the first
  // ends at the first one's start; one above the latest, and -1, are undefined.
  EpochEnd end_of(LeaderEpoch asked, Offset log_end) const;

  // -1 without entries.
  LeaderEpoch latest() const { return entries_.empty() ? LeaderEpoch() : entries_.back().epoch; }
  // The epoch of the record at `offset`; -1 if unknown.
  LeaderEpoch epoch_at(Offset offset) const;

  // Forgets entries that begin at or above `end`. Also to be called where the log has nothing to cut (KAFKA-10706).
  bool truncate_from_end(Offset end);
  // Forgets what lies below `start`; the epoch that holds `start` begins there from now on.
  bool truncate_from_start(Offset start);
  bool clear();

  const std::vector<EpochStart>& entries() const { return entries_; }

  // Kafka's leader-epoch-checkpoint: version 0, count, then "<epoch> <start offset>" a line.
  std::string encode() const;
  static Result<LeaderEpochs> decode(std::string_view text);

 private:
  std::vector<EpochStart> entries_;
};

}  // namespace quokka
