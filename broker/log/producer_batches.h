// From record batches to what ProducerStates keeps of them.
#pragma once

#include <optional>

#include "broker/producer/producer_states.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// The batch has a producer id and is no control batch.
ProducerBatch producer_batch(const BatchView& batch);
// nullopt unless the batch has a producer id and is no control batch.
std::optional<ProducerBatch> idempotent_batch(const BatchView& batch);
// nullopt unless the batch is a control batch with a COMMIT or ABORT marker.
std::optional<TransactionMarker> transaction_marker(const BatchView& batch);
// Applies a batch that is in the log, whatever it is.
std::optional<CompletedTransaction> apply_to_producers(const BatchView& batch, ProducerStates& producers);

}  // namespace quokka
