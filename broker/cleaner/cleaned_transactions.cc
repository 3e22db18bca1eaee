#include "broker/cleaner/cleaned_transactions.h"

#include "protocol/records/control_record.h"

namespace quokka {

void CleanedTransactions::add_aborted(const std::vector<AbortedEntry>& entries) {
  for (const AbortedEntry& entry : entries) ahead_.emplace(entry.first_offset, entry);
}

void CleanedTransactions::begin_up_to(Offset offset) {
  while (!ahead_.empty() && ahead_.begin()->first <= offset) {
    const AbortedEntry& entry = ahead_.begin()->second;
    aborted_.emplace(entry.producer_id, Aborted{entry});
    ahead_.erase(ahead_.begin());
  }
}

bool CleanedTransactions::on_batch(const BatchView& batch) {
  begin_up_to(batch.last_offset());
  if (!batch.is_transactional()) return false;
  const auto aborted = aborted_.find(batch.producer_id());
  if (aborted != aborted_.end()) {
    aborted->second.met = true;
    return true;
  }
  committed_.insert(batch.producer_id());
  return false;
}

bool CleanedTransactions::on_marker(const BatchView& batch) {
  begin_up_to(batch.last_offset());
  if (batch.records_count() == 0) return true;  // an earlier cleaning took the marker and kept the batch for its producer
  const auto marker = read_end_transaction_marker(batch);
  if (!marker) return false;
  if (marker->type == ControlRecordType::COMMIT) return committed_.erase(batch.producer_id()) == 0;
  const auto aborted = aborted_.find(batch.producer_id());
  if (aborted == aborted_.end()) return true;
  const bool met = aborted->second.met;
  if (met) kept_.push_back(aborted->second.entry);
  aborted_.erase(aborted);
  return !met;
}

std::vector<AbortedEntry> CleanedTransactions::take_kept() {
  std::vector<AbortedEntry> kept;
  kept.swap(kept_);
  return kept;
}

}  // namespace quokka
