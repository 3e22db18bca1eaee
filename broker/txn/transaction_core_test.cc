#include "broker/txn/transaction_core.h"

#include <gtest/gtest.h>

#include <random>

#include "broker/txn/transaction_core_harness.h"

namespace quokka {
namespace {

const TransactionalProducer kFirst{ProducerId(1000), ProducerEpoch(0)};
TransactionalProducer epoch(int16_t value) { return {ProducerId(1000), ProducerEpoch(value)}; }

// With a transaction of epoch 0 open in a-0 and a-1.
struct Open : TransactionHarness {
  Open() {
    init("t");
    add("t", kFirst, {tp("a-0"), tp("a-1")});
  }
};

TEST(TransactionCore, H46ARefusedFenceConsumesNoEpoch) {
  Open on;
  on.fate = TransactionHarness::Fate::refused;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(on.error_of(on.init("t")), ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(on.core.find("t")->producer, kFirst);
  on.fate = TransactionHarness::Fate::committed;
  EXPECT_EQ(on.error_of(on.init("t")), ErrorCode::CONCURRENT_TRANSACTIONS);
  EXPECT_EQ(on.core.find("t")->producer, epoch(1));
}

TEST(TransactionCore, H47AnEndOfAHigherEpochIsFencedToo) {
  Open on;
  EXPECT_EQ(on.error_of(on.end("t", epoch(1), true)), ErrorCode::PRODUCER_FENCED);
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::ONGOING);
}

TEST(TransactionCore, H48ThereIsOneCompletion) {
  Open on;
  on.end("t", kFirst, true);
  const MarkerOrder order = on.markers.front();
  on.write_marker();
  on.write_marker();
  const size_t records = on.log.size();
  on.perform(on.core.on_marker_written(order.number, tp("a-0"), on.now));
  on.perform(on.core.on_recovered(on.now));
  EXPECT_EQ(on.log.size(), records);
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::COMPLETE_COMMIT);
}

TEST(TransactionCore, H48MarkersOfAnEarlierLeadershipCompleteNothing) {
  Open on;
  on.end("t", kFirst, true);
  const MarkerOrder old = on.markers.front();
  on.move(true);
  for (const TopicPartition& each : old.partitions) on.perform(on.core.on_marker_written(old.number, each, on.now));
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::PREPARE_COMMIT);
  while (on.write_marker()) {
  }
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::COMPLETE_COMMIT);
}

TEST(TransactionCore, A11ARepeatedEndIsAnsweredAsTheFirst) {
  Open on;
  on.end("t", kFirst, true);
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true)), ErrorCode::CONCURRENT_TRANSACTIONS);
  while (on.write_marker()) {
  }
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true)), ErrorCode::NONE);
  EXPECT_EQ(on.error_of(on.end("t", kFirst, false)), ErrorCode::INVALID_TXN_STATE);

  Open aborted;
  aborted.end("t", kFirst, false);
  while (aborted.write_marker()) {
  }
  EXPECT_EQ(aborted.error_of(aborted.end("t", kFirst, false)), ErrorCode::NONE);
  EXPECT_EQ(aborted.error_of(aborted.end("t", kFirst, true)), ErrorCode::INVALID_TXN_STATE);
}

TEST(TransactionCore, A9AnAdditionIsAnsweredWhenItIsCommitted) {
  TransactionHarness on;
  on.init("t");
  on.fate = TransactionHarness::Fate::held;
  const auto request = on.add("t", kFirst, {tp("a-0")});
  EXPECT_EQ(on.answers.count(request), 0u);
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true)), ErrorCode::CONCURRENT_TRANSACTIONS);
  on.commit_held();
  EXPECT_EQ(on.error_of(request), ErrorCode::NONE);
}

TEST(TransactionCore, A10AnEndThatCameBeforeTheTransactionDoesNotDecideIt) {
  Open on;
  const MonoTime arrived = on.now.mono;
  on.advance(5);
  on.end("t", kFirst, false);
  while (on.write_marker()) {
  }
  on.advance(5);
  on.add("t", kFirst, {tp("a-0")});
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true, arrived)), ErrorCode::INVALID_TXN_STATE);
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::ONGOING);
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true)), ErrorCode::NONE);
}

TEST(TransactionCore, TimeOutsFenceAndClocksThatJumpDoNot) {
  Open on;
  on.now.wall.ms += 3'600'000;
  on.perform(on.core.on_time_out_check(on.now));
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::ONGOING);
  on.advance(60'001);
  on.perform(on.core.on_time_out_check(on.now));
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::PREPARE_ABORT);
  EXPECT_EQ(on.core.find("t")->producer, epoch(1));
  EXPECT_EQ(on.error_of(on.end("t", kFirst, true)), ErrorCode::PRODUCER_FENCED);
}

TEST(TransactionCore, ATransactionThatWasLoadedTimesOutToo) {
  Open on;
  on.advance(100'000);
  on.move(true);
  on.advance(1);
  on.perform(on.core.on_time_out_check(on.now));
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::PREPARE_ABORT);
}

TEST(TransactionCore, ASlowWriteIsAnsweredAndStillSendsItsMarkers) {
  Open on;
  on.fate = TransactionHarness::Fate::held;
  const auto request = on.end("t", kFirst, true);
  on.perform(on.core.on_write_slow(on.held.front()));
  EXPECT_EQ(on.error_of(request), ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_TRUE(on.markers.empty());
  EXPECT_EQ(on.error_of(on.init("t")), ErrorCode::CONCURRENT_TRANSACTIONS);
  on.commit_held();
  EXPECT_EQ(on.markers.size(), 1u);
}

TEST(TransactionCore, ACompletionThatCouldNotBeWrittenIsTriedAgain) {
  Open on;
  on.end("t", kFirst, false);
  on.write_marker();
  on.fate = TransactionHarness::Fate::refused;
  on.write_marker();
  EXPECT_TRUE(on.core.wants_retry());
  on.fate = TransactionHarness::Fate::committed;
  on.perform(on.core.on_retry(on.now));
  EXPECT_EQ(on.core.find("t")->status, TransactionStatus::COMPLETE_ABORT);
  EXPECT_FALSE(on.core.wants_retry());
}

TEST(TransactionCore, AnExhaustedEpochGivesAnotherProducerId) {
  TransactionHarness on;
  on.init("t");
  TransactionRecord record = *on.core.find("t");
  record.producer.epoch = ProducerEpoch(INT16_MAX - 1);
  on.core.apply({"t", record}, on.now);
  const auto request = on.init("t", TransactionalProducer{ProducerId(1000), ProducerEpoch(INT16_MAX - 1)});
  EXPECT_EQ(on.answers.at(request).producer, (TransactionalProducer{ProducerId(1001), ProducerEpoch(0)}));
  // The answer was lost: it still has the old one.
  const auto again = on.init("t", TransactionalProducer{ProducerId(1000), ProducerEpoch(INT16_MAX - 1)});
  EXPECT_EQ(on.answers.at(again).producer, (TransactionalProducer{ProducerId(1001), ProducerEpoch(0)}));
}

TEST(TransactionCore, H45AProducerThatAsksWithItsEpochGoesOn) {
  TransactionHarness on;
  on.init("t");
  EXPECT_EQ(on.answers.at(on.init("t", kFirst)).producer, epoch(1));
  EXPECT_EQ(on.answers.at(on.init("t", kFirst)).producer, epoch(1));  // its answer was lost
  EXPECT_EQ(on.answers.at(on.init("t", epoch(1))).producer, epoch(2));
  EXPECT_EQ(on.error_of(on.init("t", kFirst)), ErrorCode::PRODUCER_FENCED);
  on.init("t");  // another instance
  EXPECT_EQ(on.error_of(on.init("t", epoch(2))), ErrorCode::PRODUCER_FENCED);
  EXPECT_EQ(on.error_of(on.init("t", TransactionalProducer{ProducerId(7), ProducerEpoch(3)})), ErrorCode::PRODUCER_FENCED);
}

TEST(TransactionCore, AFenceLeavesNobodyAWayBack) {
  TransactionHarness on;
  on.init("t");
  on.init("t", kFirst);
  on.add("t", epoch(1), {tp("a-0")});
  on.advance(60'001);
  on.perform(on.core.on_time_out_check(on.now));
  on.write_marker();
  EXPECT_EQ(on.core.find("t")->producer, epoch(2));
  EXPECT_EQ(on.error_of(on.init("t", kFirst)), ErrorCode::PRODUCER_FENCED);
  EXPECT_EQ(on.error_of(on.init("t", epoch(1))), ErrorCode::PRODUCER_FENCED);
}

TEST(TransactionCore, VerificationKnowsWhatTakesPart) {
  Open on;
  const std::vector<TopicPartition> asked{tp("a-1"), tp("b-0")};
  EXPECT_EQ(on.core.verify("t", kFirst, asked), (std::vector<ErrorCode>{ErrorCode::NONE, ErrorCode::TRANSACTION_ABORTABLE}));
  EXPECT_EQ(on.core.verify("t", epoch(1), asked)[0], ErrorCode::PRODUCER_FENCED);
  EXPECT_EQ(on.core.verify("u", kFirst, asked)[0], ErrorCode::INVALID_PRODUCER_ID_MAPPING);
  on.end("t", kFirst, true);
  EXPECT_EQ(on.core.verify("t", kFirst, asked)[0], ErrorCode::CONCURRENT_TRANSACTIONS);
  while (on.write_marker()) {
  }
  EXPECT_EQ(on.core.verify("t", kFirst, asked)[0], ErrorCode::TRANSACTION_ABORTABLE);  // H50: the next has not begun
}

TEST(TransactionCore, IdsThatAreNotUsedExpireInBatches) {
  TransactionHarness on;
  for (int i = 0; i < 1000; ++i) on.init("transactional-id-" + std::to_string(i));
  on.init("open");
  on.add("open", on.core.find("open")->producer, {tp("a-0")});
  on.advance(604'800'000);
  const TransactionEffects effects = on.core.on_expiry_check(on.now);
  EXPECT_GT(effects.writes.size(), 1u);
  on.perform(effects);
  EXPECT_EQ(on.core.size(), 1u);
  EXPECT_NE(on.core.find("open"), nullptr);
}

// --- Random schedules: producers, a coordinator that moves, writes that fail, markers at any time. A partition is a list of open producers and of what
// became of each transaction.
class TransactionModel {
 public:
  explicit TransactionModel(uint32_t seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
    on_.fate = TransactionHarness::Fate::committed;
    on_.move(true);
    while (write_marker()) {
    }
    on_.perform(on_.core.on_retry(on_.now));
    for (const auto& each : on_.core.list()) {
      EXPECT_NE(each.status, TransactionStatus::PREPARE_COMMIT);
      EXPECT_NE(each.status, TransactionStatus::PREPARE_ABORT);
    }
    check_told();
  }

 private:
  struct Producer {
    std::string id;
    TransactionalProducer is;
    bool is_ready = false;
    std::set<TopicPartition> added;
    TransactionRequestId asked = 0;
    std::optional<bool> ending;
  };

  size_t draw(size_t end) { return random_() % end; }

  void step() {
    on_.advance(1);
    const size_t what = draw(100);
    Producer& producer = producers_[draw(producers_.size())];
    if (what < 45) act(producer);
    else if (what < 75) write_marker();
    else if (what < 85 && !on_.held.empty()) on_.commit_one();
    else if (what < 90) on_.fate = static_cast<TransactionHarness::Fate>(draw(3));
    else if (what < 93) on_.move(draw(2) == 0);
    else if (what < 95) on_.advance(61'000), on_.perform(on_.core.on_time_out_check(on_.now));
    else on_.perform(on_.core.on_retry(on_.now));
    hear(producer);
  }

  // A marker is written where the transaction is: every marker of an epoch says the same.
  bool write_marker() {
    if (on_.markers.empty()) return false;
    const size_t at = draw(on_.markers.size());
    const MarkerOrder order = on_.markers[at];
    const auto [known, is_new] = decided_.emplace(std::make_pair(order.partitions.back(), std::make_pair(order.producer.id, transaction_of(order))), order.commit);
    EXPECT_TRUE(is_new || known->second == order.commit) << "one transaction was committed and aborted";
    return on_.write_marker(at);
  }
  // Transactions of one id by their start.
  int64_t transaction_of(const MarkerOrder& order) const { return on_.core.find(order.id)->start_ms; }

  void act(Producer& producer) {
    if (producer.asked != 0) return;
    if (!producer.is_ready) {
      producer.asked = on_.init(producer.id);
    } else if (!producer.ending && (producer.added.empty() || draw(2) == 0)) {
      producer.added.insert(tp("p-" + std::to_string(draw(4))));
      producer.asked = on_.add(producer.id, producer.is, producer.added);
    } else {
      if (!producer.ending) producer.ending = draw(2) == 0;
      producer.asked = on_.end(producer.id, producer.is, *producer.ending);
    }
  }

  void hear(Producer& producer) {
    const auto found = on_.answers.find(producer.asked);
    if (producer.asked == 0 || found == on_.answers.end()) return;
    const TransactionAnswer answer = found->second;
    producer.asked = 0;
    if (answer.error == ErrorCode::NONE) {
      if (answer.producer.id.value >= 0) {
        producer.is = answer.producer;
        producer.is_ready = true;
        // Whoever had the id before is fenced: epochs never come back.
        EXPECT_TRUE(given_.insert({answer.producer.id, answer.producer.epoch}).second) << "an epoch was given twice";
      } else if (producer.ending) {
        const TransactionRecord* record = on_.core.find(producer.id);
        const bool is_commit = record->status == TransactionStatus::PREPARE_COMMIT || record->status == TransactionStatus::COMPLETE_COMMIT;
        const bool is_abort = record->status == TransactionStatus::PREPARE_ABORT || record->status == TransactionStatus::COMPLETE_ABORT;
        EXPECT_TRUE(record->producer != producer.is || (*producer.ending ? is_commit : is_abort)) << name(record->status);
        producer.added.clear();
        producer.ending.reset();
      }
      return;
    }
    if (answer.error == ErrorCode::CONCURRENT_TRANSACTIONS || answer.error == ErrorCode::NOT_COORDINATOR ||
        answer.error == ErrorCode::COORDINATOR_NOT_AVAILABLE)
      return;  // asked again
    producer = {producer.id, {}, false, {}, 0, {}};  // fenced: begins anew
  }

  // In the log every decision follows an open transaction, and every completion its decision.
  void check_told() {
    std::map<std::string, TransactionStatus> last;
    for (const StoredTransaction& stored : on_.log) {
      if (!stored.record) continue;
      const TransactionStatus now = stored.record->status;
      const auto before = last.find(stored.id);
      const auto follows = [&](TransactionStatus wanted) { return before != last.end() && before->second == wanted; };
      const bool is_decision = now == TransactionStatus::PREPARE_COMMIT || now == TransactionStatus::PREPARE_ABORT;
      EXPECT_TRUE(!is_decision || follows(TransactionStatus::ONGOING));
      EXPECT_TRUE(now != TransactionStatus::COMPLETE_COMMIT || follows(TransactionStatus::PREPARE_COMMIT));
      EXPECT_TRUE(now != TransactionStatus::COMPLETE_ABORT || follows(TransactionStatus::PREPARE_ABORT));
      last[stored.id] = now;
    }
  }

  std::mt19937 random_;
  TransactionHarness on_;
  std::vector<Producer> producers_{{"x", {}, false, {}, 0, {}}, {"x", {}, false, {}, 0, {}}, {"y", {}, false, {}, 0, {}}};
  std::map<std::pair<TopicPartition, std::pair<ProducerId, int64_t>>, bool> decided_;
  std::set<std::pair<ProducerId, ProducerEpoch>> given_;
};

TEST(TransactionCore, NoScheduleDecidesTwiceOrGivesAnEpochTwice) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TransactionModel(seed).run(300);
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace quokka
