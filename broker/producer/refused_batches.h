// Which batches of idempotent producers a partition has refused for the moment: until the first of them comes again, or is written by way of another
// leader, those behind it are refused with the same error.
//
// A producer sends up to five batches ahead. If the first finds too few in-sync replicas, or no leader yet, and the second a moment later finds all
// well, the second is out of order. Kafka says so, whereupon librdkafka takes a new epoch and sends everything again that it has no answer for, written
// or not: duplicates. And of a producer that the partition does not know, the second would be taken for its first. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/producer/producer_states.h"
#include "protocol/base/error_code.h"
#include "protocol/base/time.h"

namespace quokka {

class RefusedBatches {
 public:
  static constexpr size_t kProducersMax = 256;  // of more than these the longest refused is forgotten
  // A producer that gave the refused batch up goes on under another epoch; one that does not shall hear what is wrong with its sequence.
  static constexpr Duration kRemembered = Duration::seconds(30);

  // `error`: one that clients answer by sending the batch again.
  void refuse(const ProducerBatch& batch, ErrorCode error, MonoTime now);
  // The error that the batch is to be refused with, since one before it was; NONE if it may be looked at. Forgets a refused batch that comes again, or
  // that the log has by now: another leader may have taken it. `written`: what the log says of the producer.
  ErrorCode check(const ProducerBatch& batch, const std::optional<ProducerEntry>& written, MonoTime now);

  bool empty() const { return refused_.empty(); }

 private:
  struct Refused {
    ProducerId producer_id;
    ProducerEpoch producer_epoch;
    int32_t base_sequence;
    ErrorCode error;
    MonoTime at;
  };
  std::vector<Refused>::iterator find(const ProducerBatch& batch);

  std::vector<Refused> refused_;  // in the order of `at`; one a producer
};

}  // namespace quokka
