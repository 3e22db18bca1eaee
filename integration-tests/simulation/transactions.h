// Transactions in the simulated cluster: who writes them to a topic of their own, who reads what is committed there, and whether the two agree.
//
// A writer asks one thing at a time. After an answer to EndTxn that never came it raises its epoch before it goes on: then a late one cannot decide the
// next transaction, which the protocol does not rule out otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/simulation/coordinated_client.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/records/compression.h"

namespace quokka::simulation {

// `number` counts the transactions of a writer.
using TransactionName = RecordId;

class TransactionHistory {
 public:
  explicit TransactionHistory(History& history) : history_(history) {}

  // UNKNOWN: its commit was asked for, and what became of it was not told.
  enum class Outcome { OPEN, COMMITTED, ABORTED, UNKNOWN };

  // Record `index` of the transaction's records for the partition, which count up from 0.
  void on_sent(const TopicPartition& partition, TransactionName transaction, uint32_t index);
  void on_outcome(TransactionName transaction, Outcome outcome);
  // Seen by a reader of committed records; each reader sees each offset once.
  void on_read(const TopicPartition& partition, TransactionName transaction, uint32_t index);
  // At the end, everything is read: each transaction is there whole or not at all.
  void check_end();

  uint64_t count(Outcome outcome) const;

 private:
  struct Transaction {
    Outcome outcome = Outcome::OPEN;
    std::map<TopicPartition, uint32_t> sent, read;
  };
  History& history_;
  std::map<TransactionName, Transaction> transactions_;
};

class TransactionWriter final : public CoordinatedClient {
 public:
  TransactionWriter(Agenda& agenda, Network& network, const ClusterShape& shape, int id, TransactionHistory& transactions, History& history);
  ~TransactionWriter() override { loop_.stop(); }

  void start();
  // The transaction under way is the last one.
  void finish() { finishing_ = true; }
  bool is_done() const { return finishing_ && idle_; }

 private:
  struct Batch {
    int partition = 0;
    uint32_t first = 0;  // of its records, among those of the transaction for the partition
    uint32_t count = 0;
    std::vector<uint8_t> bytes;  // once it is sent
  };

  void obtain_id();
  void on_id(const Result<Answer<InitProducerIdResponse>>& answer);
  void begin();
  void add_partitions();
  void produce();
  void make(Batch& batch);
  void end();
  void on_end(ErrorCode error, bool answered);
  // The transaction is over, as far as this writer is concerned; it goes on with a higher epoch. `anew`: as another process of the same id.
  void give_up(bool anew);
  // Now and then the writer dies, and another one takes its id.
  bool dies();

  const uint32_t number_;
  TransactionHistory& transactions_;
  History& history_;
  ProducerId producer_id_;
  ProducerEpoch producer_epoch_;
  std::map<int, int32_t> sequences_;
  uint32_t transaction_ = 0;
  std::vector<Batch> batches_;
  size_t next_batch_ = 0;
  bool commits_ = false, ending_ = false, idle_ = true, finishing_ = false;
};

class CommittedReader final : public Client {
 public:
  CommittedReader(Agenda& agenda, Network& network, const ClusterShape& shape, int id, TransactionHistory& transactions, History& history);
  ~CommittedReader() override { loop_.stop(); }

  void start();
  // Has seen the end of every partition since.
  void look_for_end() { at_end_.clear(); }
  bool has_seen_end() const { return at_end_.size() == static_cast<size_t>(shape_.partitions); }
  std::string position() const;

 private:
  void fetch(int partition);

  TransactionHistory& transactions_;
  History& history_;
  DecompressionScratch scratch_;
  std::map<int, Offset> positions_, stable_, ends_;
  std::set<int> at_end_;
};

// All of it.
class Transactions {
 public:
  Transactions(Agenda& agenda, Network& network, int brokers, History& history);

  void start();
  void finish();
  bool is_done() const;
  CommittedReader& reader() { return *reader_; }
  TransactionHistory& history() { return transactions_; }
  const std::vector<std::unique_ptr<TransactionWriter>>& writers() const { return writers_; }

 private:
  ClusterShape shape_;
  TransactionHistory transactions_;
  TopicMaker topic_maker_;
  std::vector<std::unique_ptr<TransactionWriter>> writers_;
  std::unique_ptr<CommittedReader> reader_;
};

}  // namespace quokka::simulation
