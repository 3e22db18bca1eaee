// For tests: a core over a log in memory, whose writes are committed, held, refused or lost, and markers that are written when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "broker/txn/transaction_core.h"

namespace quokka {

inline TopicPartition tp(const std::string& text) {
  const size_t dash = text.rfind('-');
  return {text.substr(0, dash), PartitionIndex(std::stoi(text.substr(dash + 1)))};
}

class TransactionHarness {
 public:
  enum class Fate { committed, held, refused };

  TransactionCore core{TransactionSettings{}};
  Fate fate = Fate::committed;
  std::vector<StoredTransaction> log;
  size_t committed = 0;  // of the log
  std::deque<uint64_t> held;
  std::vector<MarkerOrder> markers;  // ordered and not written
  std::map<TransactionRequestId, TransactionAnswer> answers;
  std::vector<std::string> lines;  // what happened, in words
  TransactionTime now{{1'000'000'000}, {1'700'000'000'000}};
  ProducerId next_id{1000};

  void advance(int64_t ms) {
    now.mono = now.mono + Duration::millis(ms);
    now.wall.ms += ms;
  }

  void perform(TransactionEffects effects) {
    for (const auto& [request, answer] : effects.answers) {
      EXPECT_TRUE(answers.emplace(request, answer).second) << "a request was answered twice";
      std::ostringstream text;
      text << "answer " << name(answer.error);
      if (answer.producer.id.value >= 0) text << " producer " << answer.producer.id << " epoch " << answer.producer.epoch;
      lines.push_back(text.str());
    }
    for (const std::string& note : effects.notes) lines.push_back("note: " + note);
    for (MarkerOrder& order : effects.markers) {
      std::ostringstream text;
      text << "markers " << (order.commit ? "commit" : "abort") << " of " << order.id << " epoch " << order.producer.epoch << " to";
      for (const TopicPartition& each : order.partitions) text << " " << each;
      lines.push_back(text.str());
      markers.push_back(std::move(order));
    }
    for (const TransactionWrite& write : effects.writes) append(write);
  }

  void append(const TransactionWrite& write) {
    if (fate == Fate::refused) {
      lines.push_back("write refused");
      return perform(core.on_written(write.number, ErrorCode::NOT_ENOUGH_REPLICAS, now));
    }
    for (const StoredTransaction& stored : write.records) {
      lines.push_back("write " + text_of(stored));
      log.push_back(stored);
      core.apply(stored, now);
    }
    held.push_back(write.number);
    ends_.push_back(log.size());
    if (fate == Fate::committed) commit_held();
  }
  void commit_one() {
    const uint64_t number = held.front();
    held.pop_front();
    committed = ends_.front();
    ends_.pop_front();
    perform(core.on_written(number, ErrorCode::NONE, now));
  }
  void commit_held() {
    while (!held.empty()) commit_one();
  }
  // Another coordinator, or this one anew, loads the log; what was not committed is lost or kept.
  void move(bool keep_uncommitted) {
    perform(core.on_unloaded());
    markers.clear();
    held.clear();
    ends_.clear();
    if (!keep_uncommitted) log.resize(committed);
    for (const StoredTransaction& stored : log) core.apply(stored, now);
    committed = log.size();
    perform(core.on_recovered(now));
  }
  // The next marker of an order; false if there is none.
  bool write_marker(size_t at = 0) {
    if (markers.empty()) return false;
    const uint64_t number = markers[at].number;
    const TopicPartition partition = markers[at].partitions.back();
    markers[at].partitions.pop_back();
    if (markers[at].partitions.empty()) markers.erase(markers.begin() + static_cast<std::ptrdiff_t>(at));
    perform(core.on_marker_written(number, partition, now));
    return true;
  }

  // --- Requests; the request's number.
  TransactionRequestId init(const std::string& id, std::optional<TransactionalProducer> expected = {}, int32_t timeout_ms = 60'000) {
    InitTransactions init{id, timeout_ms, expected, {}};
    if (core.needs_producer_id(init)) {
      init.fresh_id = next_id;
      next_id = next_id.next();
    }
    const TransactionRequestId request = next_request_++;
    perform(core.on_init(request, init, now));
    return request;
  }
  TransactionRequestId add(const std::string& id, TransactionalProducer producer, const std::set<TopicPartition>& partitions) {
    const TransactionRequestId request = next_request_++;
    perform(core.on_add_partitions(request, id, producer, partitions, now));
    return request;
  }
  TransactionRequestId end(const std::string& id, TransactionalProducer producer, bool commit, std::optional<MonoTime> arrived = {}) {
    const TransactionRequestId request = next_request_++;
    perform(core.on_end(request, {id, producer, commit, arrived.value_or(now.mono)}, now));
    return request;
  }
  ErrorCode error_of(TransactionRequestId request) const {
    const auto found = answers.find(request);
    return found == answers.end() ? ErrorCode::UNKNOWN_SERVER_ERROR : found->second.error;
  }

  static std::string text_of(const StoredTransaction& stored) {
    std::ostringstream text;
    text << stored.id;
    if (!stored.record) return text.str() + " gone";
    text << " " << name(stored.record->status) << " producer " << stored.record->producer.id << " epoch " << stored.record->producer.epoch;
    for (const TopicPartition& each : stored.record->partitions) text << " " << each;
    return text.str();
  }

 private:
  TransactionRequestId next_request_ = 1;
  std::deque<size_t> ends_;
};

}  // namespace quokka
