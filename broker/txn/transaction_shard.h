// The transactional ids of one partition of __transaction_state: the core over the partition's journal. Performs what the core decides and keeps the
// answers that wait. Everything on one loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/journal.h"
#include "broker/peers/producer_ids.h"
#include "broker/txn/marker_sender.h"
#include "broker/txn/transaction_core.h"

namespace quokka {

class TransactionShard final : public JournalState {
 public:
  // What it works with beside the journal. Outlives it.
  struct Surroundings {
    ProducerIds& producer_ids;
    MarkerSender& markers;
  };
  TransactionShard(TransactionSettings settings, Journal::Settings journal, Journal::Ports ports, Surroundings surroundings);

  Journal& journal() { return journal_; }
  ErrorCode readiness() const;

  // --- Requests; the shard is ready. Each `done` is called once, perhaps at once, with what is committed only.
  using Done = Function<void(TransactionAnswer)>;
  void init(InitTransactions init, Done done);
  void add_partitions(const std::string& id, TransactionalProducer producer, const std::set<TopicPartition>& partitions, Done done);
  void end(const EndTransaction& end, Done done);
  void verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
              Function<void(std::vector<ErrorCode>)> done);
  void describe(const std::string& id, Function<void(Result<TransactionRecord>)> done);
  std::vector<TransactionOverview> list() const { return core_.list(); }

  void on_time_out_check();
  void on_expiry_check();

  // --- JournalState
  void apply(const JournalRecord& record) override;
  void apply_marker(ProducerId, bool) override {}  // nothing here is transactional
  void on_loaded() override;
  void on_unloaded() override;

 private:
  TransactionTime now() const { return {loop_.now(), loop_.wall_now()}; }
  TransactionRequestId keep(Done done);
  // `settled`: the answers are about what is known to be committed.
  void perform(TransactionEffects effects, bool settled);
  void append(const TransactionWrite& write);
  void on_outcome(uint64_t number, ErrorCode error);
  // `then` when all that is applied now is committed, however long that takes; never if the shard is unloaded first.
  void await_commit(Task then);
  void arm_retry();

  Loop& loop_;
  const TopicPartition partition_;
  const Surroundings surroundings_;
  TransactionCore core_;
  Journal journal_;
  std::shared_ptr<const void> coordinating_;  // for as long as this load lasts
  TransactionRequestId next_request_ = 1;
  std::map<TransactionRequestId, Done> waiting_;
  Loop::TimerId retry_ = 0;
};

}  // namespace quokka
