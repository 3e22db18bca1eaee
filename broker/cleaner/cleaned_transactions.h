// Which transactions a cleaning comes across, batch by batch in the order of the log. Decides which batches are of aborted transactions, which markers
// have nothing left in front of them, and what the transaction index of the new segment holds. Pure.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "broker/log/segment_index.h"
#include "protocol/base/ids.h"
#include "protocol/records/record_batch.h"

namespace quokka {

class CleanedTransactions {
 public:
  // The aborted transactions that reach into what is read next; one may be told more than once.
  void add_aborted(const std::vector<AbortedEntry>& entries);

  // A batch that is no control batch. True: its transaction was aborted, all of its records go, whatever their keys.
  bool on_batch(const BatchView& batch);
  // A control batch. True: no batch of its transaction was met since the cleaning began, so that the marker may go once its time has come.
  bool on_marker(const BatchView& batch);

  // Entries for the transaction index of the segment being written: of the aborted transactions whose marker was met since the last call while some of
  // their batches were there.
  std::vector<AbortedEntry> take_kept();

 private:
  struct Aborted {
    AbortedEntry entry;
    bool met = false;  // a batch of it
  };
  void begin_up_to(Offset offset);

  std::multimap<Offset, AbortedEntry> ahead_;  // by first offset
  std::map<ProducerId, Aborted> aborted_;      // those under way; a producer has one at a time
  std::set<ProducerId> committed_;             // producers with a batch of a transaction that is not aborted
  std::vector<AbortedEntry> kept_;
};

}  // namespace quokka
