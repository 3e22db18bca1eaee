#include "broker/producer/refused_batches.h"

#include <algorithm>

namespace quokka {
namespace {

// Sequences wrap at 2^31: of two, the one behind is less than half of them ahead.
bool is_behind(int32_t sequence, int32_t other) {
  const uint32_t ahead = (static_cast<uint32_t>(sequence) - static_cast<uint32_t>(other)) & 0x7fffffffU;
  return ahead != 0 && ahead < 0x40000000U;
}

}  // namespace

std::vector<RefusedBatches::Refused>::iterator RefusedBatches::find(const ProducerBatch& batch) {
  return std::find_if(refused_.begin(), refused_.end(), [&](const Refused& refused) { return refused.producer_id == batch.producer_id; });
}

void RefusedBatches::refuse(const ProducerBatch& batch, ErrorCode error, MonoTime now) {
  const auto known = find(batch);
  if (known != refused_.end()) {
    const bool is_older = batch.producer_epoch < known->producer_epoch;
    if (is_older || (batch.producer_epoch == known->producer_epoch && is_behind(batch.base_sequence, known->base_sequence))) return;
    refused_.erase(known);
  } else if (refused_.size() == kProducersMax) {
    refused_.erase(refused_.begin());
  }
  refused_.push_back({batch.producer_id, batch.producer_epoch, batch.base_sequence, error, now});
}

ErrorCode RefusedBatches::check(const ProducerBatch& batch, const std::optional<ProducerEntry>& written, MonoTime now) {
  const auto known = find(batch);
  if (known == refused_.end() || batch.producer_epoch < known->producer_epoch) return ErrorCode::NONE;
  const bool is_over = batch.producer_epoch > known->producer_epoch || batch.base_sequence == known->base_sequence || now - known->at > kRemembered;
  const bool is_written = written && (written->producer_epoch > known->producer_epoch ||
                                      (written->producer_epoch == known->producer_epoch && written->last_sequence >= 0 &&
                                       !is_behind(known->base_sequence, written->last_sequence)));
  if (is_over || is_written) {
    refused_.erase(known);
    return ErrorCode::NONE;
  }
  return is_behind(batch.base_sequence, known->base_sequence) ? known->error : ErrorCode::NONE;
}

}  // namespace quokka
