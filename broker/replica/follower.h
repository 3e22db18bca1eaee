// Decides, for one partition that this broker follows, where to fetch from and when and where to truncate. Performs nothing.
//
// Truncation is decided by leader epochs only, never by the high watermark (KIP-101, KIP-279, KIP-320, KIP-595's diverging epoch in Fetch): every
// fetch names the last epoch of the log, and a leader that disagrees answers with the largest epoch that both may share.
#pragma once

#include <algorithm>
#include <optional>

#include "broker/epochs/leader_epochs.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"

namespace quokka {

// What the follower's own log says, read at the moment of the decision.
struct FollowerLog {
  Offset log_start;
  Offset log_end;
  Offset high_watermark;
  // The largest epoch of the log at or below the one asked about, with its end.
  EpochEnd end_of_asked_epoch;
};

class Follower {
 public:
  struct Effects {
    std::optional<Offset> truncate_to;                // drop everything at and above, before the next fetch
    std::optional<Offset> truncate_fully_and_start_at;  // the log has nothing the leader still has
    bool refused = false;  // nothing is cut: it may be the leader's log that is damaged
  };
  // The first batch that the leader sent begins before the end of our log and reaches beyond it.
  struct AroundTheEnd {
    Offset base;       // of the leader's batch
    Offset own_base;   // of ours that goes first if the log is cut there
    bool ours_joins;   // our last batch begins where the one before it ends
  };

  explicit Follower(LeaderEpoch leader_epoch) : leader_epoch_(leader_epoch) {}

  LeaderEpoch leader_epoch() const { return leader_epoch_; }

  // The leader's answer to a fetch named the largest epoch at or below ours that it knows, and its end there. Its high watermark and records
  // are not to be used (KAFKA-14704).
  Effects on_diverging(EpochEnd leader, const FollowerLog& log) const;
  // Before the first fetch of a log without a single epoch (records older than format 2 only): no comparison is possible, so that only what is
  // committed can be trusted to be common.
  Effects on_no_epochs(const FollowerLog& log) const;
  // OFFSET_OUT_OF_RANGE: the leader's log is [leader_start, leader_end).
  Effects on_out_of_range(Offset leader_start, Offset leader_end, const FollowerLog& log) const;
  // An empty log: the leader's begins inside a batch (DeleteRecords), and we begin with it. Else our last batch ends where none of the leader's does: a bit
  // of a base offset was flipped, which lies outside the CRC, in ours or in the leader's. Ours goes if nothing of it is committed, or if it stands apart
  // from the one before it, as a batch does whose base offset rose.
  Effects on_batch_around_the_end(const AroundTheEnd& around, const FollowerLog& log) const;
  // The high watermark that may be published after an append: the leader's, as far as our log goes.
  static Offset high_watermark(Offset leader_high_watermark, Offset log_end) { return std::min(leader_high_watermark, log_end); }
  // False for an answer to a fetch that was sent under another leader epoch: it is dropped, whatever it says (KAFKA-7786).
  bool accepts(LeaderEpoch sent_under) const { return sent_under == leader_epoch_; }

 private:
  const LeaderEpoch leader_epoch_;
};

}  // namespace quokka
