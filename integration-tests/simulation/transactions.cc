#include "integration-tests/simulation/transactions.h"

#include <fmt/core.h>

#include <algorithm>

#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/produce.h"
#include "protocol/records/batch_builder.h"
#include "tools/fetched_records.h"

namespace quokka::simulation {

namespace {

constexpr uint32_t kRecordsMax = 16;  // of a transaction in one partition: the index is kept in the record's number
constexpr int kTransactionTimeoutMs = 20'000;

RecordId record_of(TransactionName transaction, uint32_t index) { return {transaction.producer, transaction.number * kRecordsMax + index}; }

}  // namespace

// --- TransactionHistory

void TransactionHistory::on_sent(const TopicPartition& partition, TransactionName transaction, uint32_t index) {
  uint32_t& sent = transactions_[transaction].sent[partition];
  sent = std::max(sent, index + 1);
}

void TransactionHistory::on_outcome(TransactionName transaction, Outcome outcome) {
  Transaction& known = transactions_[transaction];
  known.outcome = outcome;
  if (outcome == Outcome::ABORTED && !known.read.empty())
    history_.violated(fmt::format("aborted read: {} was read in {}, and is aborted", transaction.str(), known.read.begin()->first.str()));
}

void TransactionHistory::on_read(const TopicPartition& partition, TransactionName transaction, uint32_t index) {
  const auto found = transactions_.find(transaction);
  if (found == transactions_.end() || index >= found->second.sent[partition])
    return history_.violated(fmt::format("{}: record {} of {} was never sent", partition.str(), index, transaction.str()));
  if (found->second.outcome == Outcome::ABORTED) history_.violated(fmt::format("aborted read: {} in {}", transaction.str(), partition.str()));
  if (found->second.outcome == Outcome::OPEN) history_.violated(fmt::format("dirty read: {} in {}, and its commit was not asked for", transaction.str(), partition.str()));
  uint32_t& next = found->second.read[partition];
  if (index != next)
    history_.violated(fmt::format("{}: record {} of {} is read {}, the next one is {}", partition.str(), index, transaction.str(),
                                  index < next ? "twice" : "too early", next));
  next = index + 1;
}

void TransactionHistory::check_end() {
  for (const auto& [name, transaction] : transactions_) {
    const bool committed = transaction.outcome == Outcome::COMMITTED;
    if (transaction.read.empty() && !committed) continue;
    for (const auto& [partition, sent] : transaction.sent) {
      const auto read = transaction.read.find(partition);
      const uint32_t count = read == transaction.read.end() ? 0 : read->second;
      if (count != sent)
        history_.violated(fmt::format("{}: {} of {} records of {} in {} are there", committed ? "lost" : "torn", count, sent, name.str(), partition.str()));
    }
  }
}

uint64_t TransactionHistory::count(Outcome outcome) const {
  return static_cast<uint64_t>(
      std::count_if(transactions_.begin(), transactions_.end(), [outcome](const auto& each) { return each.second.outcome == outcome; }));
}

// --- TransactionWriter

TransactionWriter::TransactionWriter(Agenda& agenda, Network& network, const ClusterShape& shape, int id, TransactionHistory& transactions, History& history)
    : CoordinatedClient(agenda, network, shape, id, "t" + std::to_string(id), Kind::TRANSACTION),
      number_(static_cast<uint32_t>(id)),
      transactions_(transactions),
      history_(history) {}

void TransactionWriter::start() {
  loop_.post([this] { obtain_id(); });
}

void TransactionWriter::obtain_id() {
  const int broker = coordinator();
  if (broker == 0) return later([this] { obtain_id(); });
  InitProducerIdRequest request;
  request.transactional_id = key();
  request.transaction_timeout_ms = kTransactionTimeoutMs;
  request.producer_id = producer_id_;
  request.producer_epoch = producer_epoch_;
  ask<InitProducerIdResponse>(broker, request, 4, [this](auto answer) { on_id(answer); });
}

void TransactionWriter::on_id(const Result<Answer<InitProducerIdResponse>>& answer) {
  const ErrorCode error = answer ? answer->message.error_code : answer.code();
  if (error == ErrorCode::NONE) {
    producer_id_ = answer->message.producer_id;
    producer_epoch_ = answer->message.producer_epoch;
    sequences_.clear();
    idle_ = true;
    return begin();
  }
  forget_coordinator();
  if (error == ErrorCode::PRODUCER_FENCED || error == ErrorCode::INVALID_PRODUCER_EPOCH || error == ErrorCode::INVALID_PRODUCER_ID_MAPPING) {
    producer_id_ = {};  // as a new process
    producer_epoch_ = {};
  } else if (!is_temporary(error)) {
    return history_.violated(fmt::format("{} cannot have a producer id: {}", key(), name(error)));
  }
  later([this] { obtain_id(); });
}

void TransactionWriter::begin() {
  if (finishing_) return;
  const bool dawdles = draw().one_in(30);
  after(dawdles ? draw().span(Duration::seconds(5), Duration::seconds(30)) : draw().span(Duration::millis(1), Duration::millis(500)), [this] {
    if (finishing_) return;
    idle_ = ending_ = false;
    commits_ = !draw().one_in(4);
    ++transaction_;
    batches_.clear();
    next_batch_ = 0;
    std::map<int, uint32_t> counts;
    for (int64_t left = draw().between(1, 5); left > 0; --left) {
      const int partition = static_cast<int>(draw().between(0, shape_.partitions - 1));
      const auto count = static_cast<uint32_t>(draw().between(1, 3));
      batches_.push_back({partition, counts[partition], count, {}});
      counts[partition] += count;
    }
    add_partitions();
  });
}

bool TransactionWriter::dies() {
  if (!draw().one_in(60)) return false;
  give_up(true);
  return true;
}

void TransactionWriter::add_partitions() {
  const int broker = coordinator();
  if (broker == 0) return later([this] { add_partitions(); });
  std::set<PartitionIndex> indexes;
  for (const Batch& batch : batches_) indexes.insert(PartitionIndex(batch.partition));
  const std::vector<PartitionIndex> partitions(indexes.begin(), indexes.end());
  const std::vector<AddPartitionsToTxnRequest::AddPartitionsToTxnTopic> topics{{shape_.topic, partitions}};
  AddPartitionsToTxnRequest request;
  request.v3_and_below_transactional_id = key();
  request.v3_and_below_producer_id = producer_id_;
  request.v3_and_below_producer_epoch = producer_epoch_.value;
  request.v3_and_below_topics = topics;
  ask<AddPartitionsToTxnResponse>(broker, request, 3, [this](Result<Answer<AddPartitionsToTxnResponse>> answer) {
    ErrorCode error = answer.code();
    if (answer) {
      for (const auto& topic : answer->message.results_by_topic_v3_and_below) {
        for (const auto& partition : topic.results_by_partition) error = partition.partition_error_code != ErrorCode::NONE ? partition.partition_error_code : error;
      }
    }
    if (error == ErrorCode::NONE) return produce();
    if (!is_temporary(error)) return give_up(false);
    forget_coordinator();
    later([this] { add_partitions(); });
  });
  dies();
}

void TransactionWriter::make(Batch& batch) {
  BatchFields fields;
  fields.producer_id = producer_id_;
  fields.producer_epoch = producer_epoch_;
  fields.base_sequence = sequences_[batch.partition];
  fields.is_transactional = true;
  sequences_[batch.partition] += static_cast<int32_t>(batch.count);
  BatchBuilder builder(fields);
  for (uint32_t i = 0; i < batch.count; ++i) {
    const TransactionName name{number_, transaction_};
    transactions_.on_sent(name_of(batch.partition), name, batch.first + i);
    const std::vector<uint8_t> value = encode_value(record_of(name, batch.first + i), static_cast<size_t>(draw().between(0, 300)));
    builder.add(loop_.wall_now().ms, std::nullopt, Bytes(value));
  }
  batch.bytes = builder.build();
}

void TransactionWriter::produce() {
  if (next_batch_ == batches_.size()) return end();
  Batch& batch = batches_[next_batch_];
  const int leader = leader_of(batch.partition);
  if (leader == 0) return later([this] { produce(); });
  if (batch.bytes.empty()) make(batch);
  using Topic = ProduceRequest::TopicProduceData;
  ProduceRequest request;
  request.transactional_id = key();
  request.acks = -1;
  request.timeout_ms = 5000;
  std::vector<Topic::PartitionProduceData> partitions(1);
  partitions[0].index = PartitionIndex(batch.partition);
  partitions[0].records.bytes = Bytes(batch.bytes);
  std::vector<Topic> topics(1);
  topics[0].name = shape_.topic;
  topics[0].partition_data = partitions;
  request.topic_data = topics;
  ask<ProduceResponse>(leader, request, 9, [this](Result<Answer<ProduceResponse>> answer) {
    const ErrorCode error = answer ? answer->message.responses[0].partition_responses[0].error_code : answer.code();
    if (error == ErrorCode::NONE || error == ErrorCode::DUPLICATE_SEQUENCE_NUMBER) {
      ++next_batch_;
      return produce();
    }
    if (!is_temporary(error)) return give_up(false);
    refresh();
    later([this] { produce(); });
  });
  dies();
}

void TransactionWriter::end() {
  const int broker = coordinator();
  if (broker == 0) return later([this] { end(); });
  if (!ending_ && commits_) transactions_.on_outcome({number_, transaction_}, TransactionHistory::Outcome::UNKNOWN);
  ending_ = true;
  EndTxnRequest request;
  request.transactional_id = key();
  request.producer_id = producer_id_;
  request.producer_epoch = producer_epoch_;
  request.committed = commits_;
  ask<EndTxnResponse>(broker, request, 3, [this](auto answer) { on_end(answer ? answer->message.error_code : answer.code(), answer.ok()); });
  dies();
}

void TransactionWriter::on_end(ErrorCode error, bool answered) {
  if (error == ErrorCode::NONE) {
    transactions_.on_outcome({number_, transaction_}, commits_ ? TransactionHistory::Outcome::COMMITTED : TransactionHistory::Outcome::ABORTED);
    idle_ = true;
    return begin();
  }
  if (!answered || !is_temporary(error)) return give_up(false);
  forget_coordinator();
  later([this] { end(); });
}

void TransactionWriter::give_up(bool anew) {
  if (!(ending_ && commits_)) transactions_.on_outcome({number_, transaction_}, TransactionHistory::Outcome::ABORTED);
  forget_coordinator();
  if (anew) {
    producer_id_ = {};
    producer_epoch_ = {};
  }
  later([this] { obtain_id(); });
}

// --- CommittedReader

CommittedReader::CommittedReader(Agenda& agenda, Network& network, const ClusterShape& shape, int id, TransactionHistory& transactions, History& history)
    : Client(agenda, network, shape, id), transactions_(transactions), history_(history) {
  for (int i = 0; i < shape.partitions; ++i) positions_[i] = Offset(0);
}

void CommittedReader::start() {
  loop_.post([this] {
    for (const auto& [partition, position] : positions_) fetch(partition);
  });
}

std::string CommittedReader::position() const {
  std::string text;
  for (const auto& [partition, position] : positions_) {
    const auto stable = stable_.find(partition), end = ends_.find(partition);
    text += fmt::format("{}{} at {} (stable {}, end {})", text.empty() ? "" : ", ", name_of(partition).str(), position.value,
                        stable == stable_.end() ? -1 : stable->second.value, end == ends_.end() ? -1 : end->second.value);
  }
  return text;
}

void CommittedReader::fetch(int partition) {
  const int leader = leader_of(partition);
  const auto again = [this, partition](Duration least, Duration most) {
    loop_.call_after(draw().span(least, most), [this, partition] { fetch(partition); });
  };
  if (leader == 0) return again(Duration::millis(100), Duration::millis(300));
  const auto bytes_max = static_cast<int32_t>(draw().between(200, 1 << 16));
  fetch_from(leader, partition, positions_[partition], bytes_max, true, [this, partition, again](Result<Answer<FetchResponse>> answer) {
    if (!answer || answer->message.responses.empty() || answer->message.responses[0].partitions[0].error_code != ErrorCode::NONE) {
      refresh();
      return again(Duration::millis(50), Duration::millis(500));
    }
    const auto& fetched = answer->message.responses[0].partitions[0];
    std::vector<AbortedTransaction> aborted;
    if (fetched.aborted_transactions) {
      for (const auto& each : *fetched.aborted_transactions) aborted.push_back({each.producer_id, each.first_offset});
    }
    const auto next = visit_records(fetched.records.bytes.value_or(Bytes()), positions_[partition], true, std::move(aborted), true, scratch_,
                                    [&](const FetchedRecord& seen) {
                                      const auto id = seen.record.value ? decode_value(*seen.record.value) : std::nullopt;
                                      if (id) transactions_.on_read(name_of(partition), {id->producer, id->number / kRecordsMax}, id->number % kRecordsMax);
                                      return true;
                                    });
    if (!next) return history_.violated(name_of(partition).str() + ": " + next.error().message);
    positions_[partition] = *next;
    stable_[partition] = fetched.last_stable_offset;
    ends_[partition] = fetched.high_watermark;
    if (*next == fetched.high_watermark) at_end_.insert(partition);
    again(Duration::millis(1), Duration::millis(200));
  });
}

// --- Transactions

Transactions::Transactions(Agenda& agenda, Network& network, int brokers, History& history)
    : shape_{brokers, "ledger", static_cast<int>(agenda.draw.between(1, 3)), false}, transactions_(history), topic_maker_(agenda, network, shape_, 30) {
  const int64_t writers = agenda.draw.between(1, 3);
  for (int id = 31; id <= 30 + writers; ++id)
    writers_.push_back(std::make_unique<TransactionWriter>(agenda, network, shape_, id, transactions_, history));
  reader_ = std::make_unique<CommittedReader>(agenda, network, shape_, 39, transactions_, history);
}

void Transactions::start() {
  topic_maker_.start({{"min.insync.replicas", "2"}}, [this] {
    for (auto& each : writers_) each->start();
    reader_->start();
  });
}

void Transactions::finish() {
  for (auto& each : writers_) each->finish();
}

bool Transactions::is_done() const {
  return std::all_of(writers_.begin(), writers_.end(), [](const auto& each) { return each->is_done(); });
}

}  // namespace quokka::simulation
