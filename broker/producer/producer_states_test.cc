#include "broker/producer/producer_states.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "broker/producer/producer_snapshot.h"
#include "protocol/base/crc32c.h"
#include "protocol/records/record_batch.h"

namespace quokka {
namespace {

constexpr ProducerId kId{7};
constexpr ProducerEpoch kEpoch{3};

ProducerBatch batch(int32_t first_sequence, int64_t base_offset, int32_t count = 1, ProducerEpoch epoch = kEpoch, bool transactional = false) {
  ProducerBatch made;
  made.producer_id = kId;
  made.producer_epoch = epoch;
  made.base_sequence = first_sequence;
  made.last_sequence = sequence_add(first_sequence, count - 1);
  made.base_offset = Offset(base_offset);
  made.last_offset = Offset(base_offset + count - 1);
  made.max_timestamp = 1000 + base_offset;
  made.transactional = transactional;
  return made;
}

TransactionMarker marker(int64_t offset, bool abort, ProducerEpoch epoch = kEpoch, int32_t coordinator_epoch = 0) {
  return {kId, epoch, coordinator_epoch, abort, Offset(offset), 5000};
}

ErrorCode code(const ProducerStates& states, const ProducerBatch& b, AppendOrigin origin = AppendOrigin::CLIENT) {
  return states.check(b, origin, TransactionGuard::trusted()).code();
}

// The base offset of the batch that `b` repeats; -1 if it is to be appended.
int64_t duplicate_of(const ProducerStates& states, const ProducerBatch& b) {
  auto verdict = states.check(b, AppendOrigin::CLIENT, TransactionGuard::trusted());
  EXPECT_TRUE(verdict.ok());
  return verdict.ok() && verdict->duplicate_of ? verdict->duplicate_of->base_offset().value : -1;
}

TEST(ProducerStates, H43AnyOfTheLastFiveBatchesIsRecognised) {
  ProducerStates states;
  for (int i = 0; i < 7; ++i) states.apply(batch(i * 2, 100 + i * 2, 2));
  for (int i = 2; i < 7; ++i) EXPECT_EQ(duplicate_of(states, batch(i * 2, 500, 2)), 100 + i * 2);
  EXPECT_EQ(states.check(batch(12, 500, 2), AppendOrigin::CLIENT)->duplicate_of->timestamp, 1112);
  EXPECT_EQ(code(states, batch(2, 500, 2)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);  // older than the five
  EXPECT_EQ(code(states, batch(12, 500, 1)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);  // another batch than the one known
  EXPECT_EQ(duplicate_of(states, batch(14, 500, 2)), -1);
  EXPECT_EQ(code(states, batch(16, 500, 2)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);  // a gap
}

TEST(ProducerStates, H43SequencesWrapAtInt32Max) {
  ProducerStates states;
  states.apply(batch(INT32_MAX - 1, 10, 2));
  EXPECT_EQ(duplicate_of(states, batch(0, 12)), -1);
  EXPECT_EQ(code(states, batch(1, 12)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(duplicate_of(states, batch(INT32_MAX - 1, 12, 2)), 10);
  ProducerStates across;
  across.apply(batch(INT32_MAX, 10, 3));  // MAX, 0, 1
  EXPECT_EQ(duplicate_of(across, batch(INT32_MAX, 20, 3)), 10);
  EXPECT_EQ(duplicate_of(across, batch(2, 20)), -1);
}

TEST(ProducerStates, AnUnknownProducerMayBeginAnywhere) {
  ProducerStates states;
  EXPECT_EQ(code(states, batch(77, 0)), ErrorCode::NONE);
}

TEST(ProducerStates, EpochsFenceAndBeginAtZero) {
  ProducerStates states;
  states.apply(batch(0, 10));
  EXPECT_EQ(code(states, batch(1, 11, 1, ProducerEpoch(2))), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_EQ(code(states, batch(1, 11, 1, ProducerEpoch(2)), AppendOrigin::COORDINATOR), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_EQ(code(states, batch(1, 11, 1, ProducerEpoch(4))), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(code(states, batch(0, 11, 1, ProducerEpoch(4))), ErrorCode::NONE);
  states.apply(batch(0, 11, 1, ProducerEpoch(4)));
  EXPECT_EQ(code(states, batch(0, 12)), ErrorCode::INVALID_PRODUCER_EPOCH);  // not answered as a duplicate of the old epoch's
}

TEST(ProducerStates, CoordinatorsSequencesAreNotChecked) {
  ProducerStates states;
  states.apply(batch(0, 10, 1, kEpoch, true));
  EXPECT_EQ(code(states, batch(0, 11, 1, kEpoch, true), AppendOrigin::COORDINATOR), ErrorCode::NONE);
  EXPECT_FALSE(states.check(batch(0, 11, 1, kEpoch, true), AppendOrigin::COORDINATOR)->duplicate_of.has_value());
}

TEST(ProducerStates, H23WhatALeaderAcceptedIsAppliedAsItComes) {
  ProducerStates states;
  states.apply(batch(50, 10));
  states.apply(batch(90, 11));
  states.apply(batch(3, 12, 1, ProducerEpoch(1)));  // an epoch that goes back
  EXPECT_EQ(states.find(kId)->last_sequence, 3);
  EXPECT_EQ(states.find(kId)->producer_epoch, ProducerEpoch(1));
}

TEST(ProducerStates, A6AnAbortedBatchIsNeverAnsweredAsADuplicate) {
  ProducerStates states;
  states.apply(batch(0, 10, 1, kEpoch, true));
  states.apply(marker(11, true));
  EXPECT_EQ(code(states, batch(0, 12, 1, kEpoch, true)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(code(states, batch(1, 12, 1, kEpoch, true)), ErrorCode::NONE);
  ProducerStates committed;
  committed.apply(batch(0, 10, 1, kEpoch, true));
  committed.apply(marker(11, false));
  EXPECT_EQ(duplicate_of(committed, batch(0, 12, 1, kEpoch, true)), 10);
}

TEST(ProducerStates, ABatchOutsideAnOpenTransactionIsRefused) {
  ProducerStates states;
  states.apply(batch(0, 10, 1, kEpoch, true));
  EXPECT_EQ(code(states, batch(1, 11)), ErrorCode::INVALID_TXN_STATE);
}

TEST(ProducerStates, H49CoordinatorEpochsGoUpOnlyForNewMarkers) {
  ProducerStates states;
  states.apply(batch(0, 10, 1, kEpoch, true));
  states.apply(marker(11, false, kEpoch, 5));
  EXPECT_EQ(states.check(marker(12, false, kEpoch, 4)).code(), ErrorCode::TRANSACTION_COORDINATOR_FENCED);
  EXPECT_EQ(states.check(marker(12, false, ProducerEpoch(2), 5)).code(), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_TRUE(states.check(marker(12, false, kEpoch, 5)).ok());
  states.apply(marker(12, false, kEpoch, 4));  // replication and recovery tolerate it
  EXPECT_EQ(states.find(kId)->coordinator_epoch, 4);
}

TEST(ProducerStates, H49AMarkersTimestampCountsForExpiry) {
  ProducerStates states({100, 1000});
  states.apply(batch(0, 10, 1, kEpoch, true));  // timestamp 1010
  states.expire({1'000'000});
  EXPECT_EQ(states.size(), 1u);  // its transaction is open
  states.apply(marker(11, false));  // timestamp 5000
  states.expire({5999});
  EXPECT_EQ(states.size(), 1u);
  states.expire({6000});
  EXPECT_EQ(states.size(), 0u);
}

TEST(ProducerStates, H50ABatchThatIsLaterThanItsMarkerOpensNoTransaction) {
  ProducerStates states;
  const auto guard = states.begin_verification(batch(0, 10, 1, kEpoch, true), {1000});
  ASSERT_TRUE(guard);
  EXPECT_EQ(states.check(batch(0, 10, 1, kEpoch, true), AppendOrigin::CLIENT).code(), ErrorCode::INVALID_TXN_STATE);
  // While the coordinator is asked, the transaction is ended here.
  states.apply(marker(10, true));
  EXPECT_EQ(states.check(batch(0, 11, 1, kEpoch, true), AppendOrigin::CLIENT, *guard).code(), ErrorCode::INVALID_TXN_STATE);
  const auto again = states.begin_verification(batch(0, 11, 1, kEpoch, true), {1000});
  ASSERT_TRUE(again);
  EXPECT_NE(*again, *guard);
  EXPECT_TRUE(states.check(batch(0, 11, 1, kEpoch, true), AppendOrigin::CLIENT, *again).ok());
}

TEST(ProducerStates, H50CoordinatorsBatchesAreVerifiedToo) {
  ProducerStates states;
  EXPECT_EQ(states.check(batch(0, 10, 1, kEpoch, true), AppendOrigin::COORDINATOR).code(), ErrorCode::INVALID_TXN_STATE);
  const auto guard = states.begin_verification(batch(0, 10, 1, kEpoch, true), {1000});
  EXPECT_TRUE(states.check(batch(0, 10, 1, kEpoch, true), AppendOrigin::COORDINATOR, *guard).ok());
  // The same of a producer that is known here.
  states.apply(marker(10, true));
  EXPECT_EQ(states.check(batch(0, 11, 1, kEpoch, true), AppendOrigin::COORDINATOR, *guard).code(), ErrorCode::INVALID_TXN_STATE);
}

TEST(ProducerStates, H50AnOpenTransactionIsNotVerifiedAgainButANewEpochIs) {
  ProducerStates states;
  states.apply(batch(0, 10, 1, kEpoch, true));
  EXPECT_FALSE(states.begin_verification(batch(1, 11, 1, kEpoch, true), {1000}));
  EXPECT_TRUE(states.check(batch(1, 11, 1, kEpoch, true), AppendOrigin::CLIENT).ok());
  EXPECT_TRUE(states.begin_verification(batch(0, 11, 1, ProducerEpoch(4), true), {1000}));
  EXPECT_EQ(states.check(batch(0, 11, 1, ProducerEpoch(4), true), AppendOrigin::CLIENT).code(), ErrorCode::INVALID_TXN_STATE);
}

// KAFKA-14884, KAFKA-14920: the verification of the first batch failed, that of the second succeeds.
TEST(ProducerStates, H50TheEarliestSequenceWinsAmongThoseThatWait) {
  ProducerStates states;
  const auto guard = states.begin_verification(batch(0, 10, 1, kEpoch, true), {1000});
  EXPECT_EQ(states.begin_verification(batch(1, 10, 1, kEpoch, true), {1000}), guard);
  EXPECT_EQ(states.check(batch(1, 10, 1, kEpoch, true), AppendOrigin::CLIENT, *guard).code(), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_TRUE(states.check(batch(0, 10, 1, kEpoch, true), AppendOrigin::CLIENT, *guard).ok());
  // Those of a new epoch begin anew.
  states.begin_verification(batch(0, 10, 1, ProducerEpoch(4), true), {1000});
  EXPECT_TRUE(states.check(batch(0, 10, 1, ProducerEpoch(4), true), AppendOrigin::CLIENT, *guard).ok());
}

TEST(ProducerStates, VerificationsAreLimitedAndExpire) {
  ProducerStates states({100, 1000, 3});
  for (int i = 0; i < 10; ++i) {
    ProducerBatch each = batch(0, 10, 1, kEpoch, true);
    each.producer_id = ProducerId(i);
    states.begin_verification(each, {i});
  }
  EXPECT_EQ(states.verification_count(), 3u);
  states.expire({1008});
  EXPECT_EQ(states.verification_count(), 1u);
}

TEST(ProducerStates, LastStableOffsetWaitsForTheMarkerToBeReplicated) {
  ProducerStates states;
  EXPECT_EQ(states.first_unstable_offset(Offset(100)), std::nullopt);
  states.apply(batch(0, 10, 2, kEpoch, true));
  EXPECT_EQ(states.first_unstable_offset(Offset(100)), Offset(10));
  const auto done = states.apply(marker(15, true));
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->first_offset, Offset(10));
  EXPECT_EQ(done->last_offset, Offset(15));
  EXPECT_EQ(done->last_stable_offset, Offset(16));
  EXPECT_TRUE(done->aborted);
  EXPECT_EQ(states.first_unstable_offset(Offset(15)), Offset(10));
  EXPECT_EQ(states.first_unstable_offset(Offset(16)), std::nullopt);
  states.on_high_watermark(Offset(16));
  EXPECT_EQ(states.first_unstable_offset(Offset(16)), std::nullopt);
  EXPECT_FALSE(states.apply(marker(16, true)).has_value());  // nothing was open
}

TEST(ProducerStates, AnOlderOpenTransactionHoldsTheLastStableOffset) {
  ProducerStates states;
  ProducerBatch other = batch(0, 10, 1, kEpoch, true);
  other.producer_id = ProducerId(8);
  states.apply(other);
  states.apply(batch(0, 11, 1, kEpoch, true));
  const auto done = states.apply(marker(12, true));
  EXPECT_EQ(done->last_stable_offset, Offset(10));
  EXPECT_EQ(states.first_unstable_offset(Offset(100)), Offset(10));
}

TEST(ProducerStates, TheLongestSilentProducerMakesRoom) {
  ProducerStates states({3, 1000});
  const auto of = [](int64_t id, int64_t offset, bool transactional) {
    ProducerBatch made = batch(0, offset, 1, kEpoch, transactional);
    made.producer_id = ProducerId(id);
    return made;
  };
  states.apply(of(1, 10, true));
  states.apply(of(2, 11, false));
  states.apply(of(3, 12, false));
  states.apply(of(2, 13, false));
  states.apply(of(4, 14, false));
  EXPECT_EQ(states.size(), 3u);
  EXPECT_TRUE(states.find(ProducerId(1)).has_value());  // has a transaction open
  EXPECT_TRUE(states.find(ProducerId(2)).has_value());
  EXPECT_FALSE(states.find(ProducerId(3)).has_value());
  EXPECT_TRUE(states.find(ProducerId(4)).has_value());
}

TEST(ProducerSnapshot, IsKafkasByteForByte) {
  // From Kafka's own class: producer 4000 epoch 7 and so on.
  const std::string hex =
      "0001446eed1f000000010000000000000fa000070000000d00000000000000660000000200000000000004d2000000090000000000000064";
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  const ProducerEntry entry{ProducerId(4000), ProducerEpoch(7), 13, Offset(102), 2, 1234, 9, Offset(100)};
  EXPECT_EQ(encode_producer_snapshot({entry}), bytes);
  auto read = decode_producer_snapshot(bytes_of(bytes));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, std::vector<ProducerEntry>{entry});
  EXPECT_EQ(encode_producer_snapshot({}).substr(2, 4), "\x48\x67\x4b\xc7");
}

TEST(ProducerSnapshot, AnyDamageIsSeen) {
  const std::string good = encode_producer_snapshot({{ProducerId(1), ProducerEpoch(2), 3, Offset(4), 0, 5, 6, Offset(7)}});
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(decode_producer_snapshot(bytes_of(good.substr(0, i))).ok()) << i;
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(decode_producer_snapshot(bytes_of(flipped)).ok()) << i;
  }
  // A count that does not fit, with a right CRC.
  std::string lying = good;
  lying[9] = 2;
  store_be<uint32_t>(reinterpret_cast<uint8_t*>(lying.data()) + 2, crc32c(bytes_of(lying).subspan(6)));
  EXPECT_FALSE(decode_producer_snapshot(bytes_of(lying)).ok());
}

TEST(ProducerSnapshot, LoadingRestoresTheLastBatchAndOpenTransactions) {
  ProducerStates states;
  states.apply(batch(5, 10, 3, kEpoch, true));
  ProducerStates loaded;
  loaded.load(*decode_producer_snapshot(bytes_of(encode_producer_snapshot(states.entries()))), {0});
  EXPECT_EQ(loaded.entries(), states.entries());
  EXPECT_EQ(loaded.oldest_open_transaction(), Offset(10));
  EXPECT_EQ(duplicate_of(loaded, batch(5, 50, 3, kEpoch, true)), 10);
  EXPECT_EQ(code(loaded, batch(8, 50, 1, kEpoch, true)), ErrorCode::NONE);
}

// What Kafka promises an idempotent producer, written down plainly: remembers everything and looks at the last five.
struct Model {
  struct Sent {
    int32_t first, last;
    int64_t offset;
  };
  std::deque<Sent> window;
  int16_t epoch = -1;

  ErrorCode verdict(const ProducerBatch& b, int64_t& duplicate) const {
    duplicate = -1;
    if (epoch < 0) return ErrorCode::NONE;
    if (b.producer_epoch.value < epoch) return ErrorCode::INVALID_PRODUCER_EPOCH;
    if (b.producer_epoch.value > epoch) return b.base_sequence == 0 ? ErrorCode::NONE : ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    for (const Sent& sent : window)
      if (sent.first == b.base_sequence && sent.last == b.last_sequence) {
        duplicate = sent.offset;
        return ErrorCode::NONE;
      }
    const int64_t next = window.back().last == INT32_MAX ? 0 : int64_t{window.back().last} + 1;
    return b.base_sequence == next ? ErrorCode::NONE : ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
  }
  void append(const ProducerBatch& b) {
    if (b.producer_epoch.value != epoch) window.clear();
    epoch = b.producer_epoch.value;
    window.push_back({b.base_sequence, b.last_sequence, b.base_offset.value});
    if (window.size() > 5) window.pop_front();
  }
};

TEST(ProducerStates, RandomSendsAndRetriesAgreeWithTheModel) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    ProducerStates states;
    Model model;
    std::vector<ProducerBatch> sent;
    int64_t next_offset = 0;
    int32_t next_sequence = seed % 3 == 0 ? INT32_MAX - 20 : 0;
    int16_t epoch = 0;
    for (int step = 0; step < 400; ++step) {
      ProducerBatch b;
      const auto dice = random() % 10;
      if (dice < 5 || sent.empty()) {
        b = batch(next_sequence, next_offset, 1 + static_cast<int32_t>(random() % 4), ProducerEpoch(epoch));
      } else if (dice < 8) {  // a retry of something, perhaps long ago
        b = sent[sent.size() - 1 - random() % std::min<size_t>(sent.size(), 9)];
        const auto count = static_cast<int32_t>(b.last_offset - b.base_offset);
        b.base_offset = Offset(next_offset);
        b.last_offset = Offset(next_offset + count);
      } else if (dice == 8) {
        b = batch(sequence_add(next_sequence, 1 + static_cast<int32_t>(random() % 3)), next_offset, 1, ProducerEpoch(epoch));
      } else {
        epoch = static_cast<int16_t>(epoch + static_cast<int>(random() % 3) - 1);
        epoch = std::max<int16_t>(epoch, 0);
        next_sequence = 0;
        b = batch(static_cast<int32_t>(random() % 2), next_offset, 1, ProducerEpoch(epoch));
      }
      int64_t expected_duplicate = -1;
      const ErrorCode expected = model.verdict(b, expected_duplicate);
      auto verdict = states.check(b, AppendOrigin::CLIENT, TransactionGuard::trusted());
      ASSERT_EQ(verdict.code(), expected) << "seed " << seed << " step " << step;
      if (expected != ErrorCode::NONE) continue;
      ASSERT_EQ(verdict->duplicate_of ? verdict->duplicate_of->base_offset().value : -1, expected_duplicate) << "seed " << seed << " step " << step;
      if (expected_duplicate >= 0) continue;
      states.apply(b);
      model.append(b);
      sent.push_back(b);
      epoch = b.producer_epoch.value;
      next_sequence = sequence_add(b.last_sequence, 1);
      next_offset = b.last_offset.value + 1;
    }
  }
}

}  // namespace
}  // namespace quokka
