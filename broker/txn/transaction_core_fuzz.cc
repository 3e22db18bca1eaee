// Any requests in any order to the coordinator of a shard's transactions, while writes fail or are held back, markers come late or twice and brokers take
// over. Nothing crashes; a request is answered once, and all are in the end; a decision stands, epochs do not go back, a load finds what was.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "broker/txn/transaction_core.h"
#include "broker/txn/transaction_records.h"
#include "protocol/base/check.h"
#include "protocol/base/choices.h"

using namespace quokka;

namespace {

constexpr const char* kIds[] = {"a", "b"};

class World {
 public:
  explicit World(Choices& choices) : choices_(choices), core_(settings()) { perform(core_.on_recovered(now())); }

  void run() {
    while (!choices_.over()) act();
    fate_ = Fate::committed;
    settle(true);
    perform(core_.on_retry(now()));
    while (!orders_.empty()) write_markers();
    QUOKKA_CHECK(waiting_.empty(), "a request was never answered");
    for (const auto& overview : core_.list())
      QUOKKA_CHECK(overview.status != TransactionStatus::PREPARE_COMMIT && overview.status != TransactionStatus::PREPARE_ABORT, "a decided transaction stays open");
    move();
  }

 private:
  enum class Fate { committed, held, refused };

  static TransactionSettings settings() {
    TransactionSettings made;
    made.id_expiration_ms = 600'000;
    made.expiry_batch_bytes_max = 40;
    made.ids_max = 2;
    return made;
  }

  std::string id() { return kIds[choices_.below(2)]; }
  // Mostly the right one.
  TransactionalProducer producer(const std::string& id) {
    const TransactionRecord* record = core_.find(id);
    TransactionalProducer chosen = record == nullptr ? TransactionalProducer{} : record->producer;
    switch (choices_.below(10)) {
      case 0: chosen.epoch = ProducerEpoch(static_cast<int16_t>(chosen.epoch.value - 1)); break;
      case 1: chosen.epoch = ProducerEpoch(static_cast<int16_t>(chosen.epoch.value + 1)); break;
      case 2: chosen.id = ProducerId(static_cast<int64_t>(choices_.below(4))); break;
      default: break;
    }
    return chosen;
  }
  TopicPartition partition() { return {choices_.flip() ? "t" : "__consumer_offsets", PartitionIndex(static_cast<int32_t>(choices_.below(3)))}; }

  void act() {
    const std::string chosen = id();
    switch (choices_.below(14)) {
      case 0:
      case 1: {
        InitTransactions init;
        init.id = chosen;
        init.timeout_ms = static_cast<int32_t>(choices_.below(3)) * 30'000;
        if (choices_.flip()) init.expected = producer(chosen);
        if (core_.needs_producer_id(init) && choices_.below(8) != 0) init.fresh_id = ProducerId(++producer_ids_);
        return perform(core_.on_init(ask(), init, now()));
      }
      case 2:
      case 3: {
        std::set<TopicPartition> added{partition()};
        if (choices_.flip()) added.insert(partition());
        return perform(core_.on_add_partitions(ask(), chosen, producer(chosen), added, now()));
      }
      case 4:
      case 5: {
        const MonoTime arrived = now().mono - Duration::millis(static_cast<int64_t>(choices_.below(2)) * 10'000);
        return perform(core_.on_end(ask(), {chosen, producer(chosen), choices_.flip(), arrived}, now()));
      }
      case 6: {
        const auto errors = core_.verify(chosen, producer(chosen), {partition(), partition()});
        QUOKKA_CHECK_EQ(errors.size(), size_t{2});
        return;
      }
      case 7: ms_ += static_cast<int64_t>(choices_.below(256)) * (choices_.flip() ? 3'000 : 10); return;
      case 8: return perform(choices_.flip() ? core_.on_time_out_check(now()) : core_.on_expiry_check(now()));
      case 9: return perform(core_.on_retry(now()));
      case 10: fate_ = static_cast<Fate>(choices_.below(3)); return;
      case 11: return settle(choices_.flip());
      case 12: return write_markers();
      default: return choices_.below(4) == 0 ? wear_out(chosen) : move();
    }
  }

  TransactionRequestId ask() {
    waiting_.insert(++requests_);
    return requests_;
  }
  // One of the markers that are to be written, maybe again.
  void write_markers() {
    if (orders_.empty()) return;
    MarkerOrder& order = orders_[choices_.below(orders_.size())];
    const TopicPartition written = order.partitions[choices_.below(order.partitions.size())];
    const uint64_t number = order.number;
    if (order.partitions.size() == 1) {
      std::erase_if(orders_, [&](const MarkerOrder& each) { return each.number == number; });
    } else if (choices_.below(4) != 0 || choices_.over()) {
      std::erase(order.partitions, written);
    }
    perform(core_.on_marker_written(number, written, now()));
  }
  // Raises the epoch to where a producer id is exhausted, as a log that is loaded may have it.
  void wear_out(const std::string& chosen) {
    const TransactionRecord* record = core_.find(chosen);
    if (record == nullptr || record->status != TransactionStatus::COMPLETE_COMMIT || record->producer.epoch.value >= INT16_MAX - 3 || !held_.empty()) return;
    TransactionRecord next = *record;
    next.producer.epoch = ProducerEpoch(static_cast<int16_t>(INT16_MAX - 3 + static_cast<int>(choices_.below(3))));
    append({chosen, next});
    move();
  }

  void append(const StoredTransaction& stored) {
    check_step(stored);
    log_.push_back(stored);
    apply(stored);
  }
  void apply(const StoredTransaction& stored) {
    const JournalEntry entry = encode_transaction_record(stored);
    const auto decoded = decode_transaction_record(entry.key, entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
    QUOKKA_CHECK(decoded.ok() && *decoded && **decoded == stored, "a record is not read as it was written");
    core_.apply(**decoded, now());
  }
  void check_step(const StoredTransaction& stored) const {
    const TransactionRecord* before = core_.find(stored.id);
    if (before == nullptr) return;
    const bool was_decided = before->status == TransactionStatus::PREPARE_COMMIT || before->status == TransactionStatus::PREPARE_ABORT;
    if (!stored.record) {
      QUOKKA_CHECK(!was_decided && before->status != TransactionStatus::ONGOING, "an id is forgotten with its transaction");
      return;
    }
    const auto complete = before->status == TransactionStatus::PREPARE_COMMIT ? TransactionStatus::COMPLETE_COMMIT : TransactionStatus::COMPLETE_ABORT;
    QUOKKA_CHECK(!was_decided || stored.record->status == complete, "a decision did not stand");
    QUOKKA_CHECK(stored.record->producer.id != before->producer.id || stored.record->producer.epoch >= before->producer.epoch, "an epoch went back");
  }

  void perform(TransactionEffects effects) {
    std::vector<uint64_t> written;
    for (const TransactionWrite& write : effects.writes) {
      if (fate_ != Fate::refused) {
        for (const StoredTransaction& each : write.records) append(each);
      }
      if (fate_ == Fate::held) held_.push_back(write.number);
      else written.push_back(write.number);
    }
    for (const auto& [request, answer] : effects.answers) QUOKKA_CHECK(waiting_.erase(request) == 1, "a request was answered twice");
    for (MarkerOrder& order : effects.markers) {
      const TransactionRecord* record = core_.find(order.id);
      QUOKKA_CHECK(record != nullptr && record->producer == order.producer, "markers of another producer");
      QUOKKA_CHECK(record->status == (order.commit ? TransactionStatus::PREPARE_COMMIT : TransactionStatus::PREPARE_ABORT), "markers without a decision");
      QUOKKA_CHECK(!order.partitions.empty(), "markers for nobody");
      orders_.push_back(std::move(order));
    }
    for (const uint64_t number : written) perform(core_.on_written(number, fate_ == Fate::refused ? ErrorCode::NOT_ENOUGH_REPLICAS : ErrorCode::NONE, now()));
  }
  void settle(bool committed) {
    std::deque<uint64_t> held;
    held.swap(held_);
    for (const uint64_t number : held) {
      if (choices_.flip()) perform(core_.on_write_slow(number));
      if (committed) perform(core_.on_written(number, ErrorCode::NONE, now()));
    }
    if (!committed && !held.empty()) move();  // as the journal does when nobody knows
  }
  // Another broker reads the log.
  void move() {
    std::map<std::string, TransactionRecord> before;
    for (const char* each : kIds) {
      if (const TransactionRecord* record = core_.find(each)) before[each] = *record;
    }
    perform(core_.on_unloaded());
    held_.clear();
    QUOKKA_CHECK(waiting_.empty(), "a coordinator went without answering");
    for (const StoredTransaction& each : log_) apply(each);
    QUOKKA_CHECK_EQ(core_.size(), before.size());
    for (const auto& [id, record] : before) QUOKKA_CHECK(*core_.find(id) == record, "a load finds something else");
    orders_.clear();
    perform(core_.on_recovered(now()));
  }

  TransactionTime now() const { return {{ms_ * 1000}, {1'700'000'000'000 + ms_}}; }

  Choices& choices_;
  TransactionCore core_;
  Fate fate_ = Fate::committed;
  std::vector<StoredTransaction> log_;
  std::deque<uint64_t> held_;
  std::vector<MarkerOrder> orders_;
  std::set<TransactionRequestId> waiting_;
  TransactionRequestId requests_ = 0;
  int64_t producer_ids_ = 0, ms_ = 1'000'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Choices choices(bytes, size);
  World(choices).run();
  return 0;
}
