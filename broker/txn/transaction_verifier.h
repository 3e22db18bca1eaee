// Asks the coordinator of a transactional id, whichever broker that is, whether partitions take part in its transaction (KIP-890): before the first batch
// of a transaction is appended to a partition.
#pragma once

#include <string>
#include <vector>

#include "broker/peers/broker_link.h"
#include "broker/txn/transaction_coordinator.h"

namespace quokka {

class TransactionVerifier {
 public:
  struct Settings {
    BrokerId self;
    bool enabled = true;  // transaction.partition.verification.enable
    LinkSettings link;
  };
  // `loop` is that of the connections. All outlive this; the loop runs nothing any more when it is destroyed.
  struct Ports {
    Loop& loop;
    Streams& streams;
    ViewHolder& view;
    TransactionCoordinator& coordinator;
  };
  TransactionVerifier(Settings settings, Ports ports)
      : settings_(std::move(settings)), ports_(ports), links_(ports.loop, ports.streams, ports.view, settings_.link) {}

  bool enabled() const { return settings_.enabled; }
  // Any thread; `done` is called once, on any thread, with an error for each partition. What may be tried again, however the coordinator was missed, is
  // NOT_ENOUGH_REPLICAS, at which every client tries again; a zombie's is INVALID_PRODUCER_EPOCH; a partition that takes no part TRANSACTION_ABORTABLE.
  void verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
              Function<void(std::vector<ErrorCode>)> done);

 private:
  void ask(BrokerId coordinator, const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
           Function<void(std::vector<ErrorCode>)> done);

  const Settings settings_;
  const Ports ports_;
  BrokerLinks links_;  // the loop's own
};

}  // namespace quokka
