// What a correct cluster could do with transactions and groups gives nothing, and every anomaly that is put into it is found.
#include "integration-tests/faults/transaction_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

namespace quokka {
namespace {

constexpr int inputs = 3, outputs = 2, records = 120, copiers = 3;

void expect_only(const Findings& findings, const std::set<Anomaly>& expected) {
  for (Anomaly anomaly : all_anomalies) EXPECT_EQ(findings.count(anomaly) > 0, expected.contains(anomaly)) << name(anomaly) << '\n' << findings.str();
}

History input_of(uint32_t run) {
  History input;
  input.run = run;
  for (int64_t i = 0; i < inputs * records; ++i) {
    const auto partition = static_cast<int32_t>(i % inputs);
    const RecordId id{static_cast<int32_t>(i % 2), i};
    input.sends.push_back({id, partition, Outcome::acknowledged, i / inputs, i * 10, i * 10 + 5});
    input.final_read.push_back({partition, i / inputs, Payload{run, id, partition}, 0});
  }
  return input;
}

// Copiers that take turns. Some transactions are aborted, some end unknown, committed or not; what was not committed is copied again.
class CleanCopies {
 public:
  explicit CleanCopies(uint32_t seed) : random_(seed), input(input_of(seed)) {
    history.output.run = seed;
    for (int32_t partition = 0; partition < inputs; ++partition) history.group_offsets[partition] = 0;
    while (!done()) copy();
    std::stable_sort(history.output.final_read.begin(), history.output.final_read.end(), [](auto& a, auto& b) { return a.partition < b.partition; });
    history.output.consumers.push_back(history.output.final_read);
    for (Polled& polled : history.output.consumers[0]) polled.at_ns = now_;
  }

  Findings check() const { return check_transactions(history, input); }
  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  // One of this outcome with more than one record, which is there or is not.
  Transaction& transaction(Outcome outcome, bool there) {
    for (Transaction& each : history.transactions)
      if (each.outcome == outcome && each.copies.size() > 1 && is_there(each.copies[0]) == there) return each;
    throw std::runtime_error("the history has no such transaction");
  }
  bool is_there(const Copy& copy) const { return find(copy.send.id) != history.output.final_read.end(); }
  Polls::const_iterator find(RecordId id) const {
    return std::find_if(history.output.final_read.begin(), history.output.final_read.end(), [&](auto& polled) { return polled.payload->id == id; });
  }
  // As if it had never been read.
  void forget(RecordId id) {
    std::erase_if(history.output.final_read, [&](auto& polled) { return polled.payload->id == id; });
    for (Polls& polls : history.output.consumers) std::erase_if(polls, [&](auto& polled) { return polled.payload->id == id; });
  }
  void read(const Copy& copy) {
    history.output.final_read.push_back({copy.send.partition, ends_[copy.send.partition]++, Payload{input.run, copy.send.id, copy.send.partition}, 0});
  }

 private:
  bool done() const {
    return std::all_of(history.group_offsets.begin(), history.group_offsets.end(), [](auto& each) { return each.second == records; });
  }

  void copy() {
    Transaction transaction;
    const int32_t copier = below(copiers);
    const int fate = below(10);  // 0, 1: aborted; 2: unknown and not committed; 3: unknown and committed
    for (int32_t partition = 0; partition < inputs; ++partition) {
      int64_t& next = history.group_offsets[partition];
      const int64_t end = std::min<int64_t>(records, next + below(4));
      history.told.push_back({partition, next, now_, now_ + 1});
      for (int64_t offset = next; offset < end; ++offset) add(transaction, copier, partition, offset, fate);
      if (end > next) transaction.offsets[partition] = end;
      if (fate > 2) next = end;
    }
    if (transaction.copies.empty()) return;
    if (fate > 1) transaction.commit_invoked_ns = now_ += 10;
    if (fate > 3) transaction.completed_ns = now_ += 10;
    transaction.outcome = fate < 2 ? Outcome::failed : fate < 4 ? Outcome::unknown : Outcome::acknowledged;
    history.transactions.push_back(transaction);
    now_ += 10;
  }

  void add(Transaction& transaction, int32_t copier, int32_t partition, int64_t offset, int fate) {
    const int32_t to = partition % outputs;
    Copy copy{{{copier, sequences_[copier]++}, to, Outcome::acknowledged, ends_[to]++, now_, now_ + 5}, partition, offset};
    now_ += 10;
    transaction.copies.push_back(copy);
    if (fate > 2) history.output.final_read.push_back({to, copy.send.offset, Payload{input.run, copy.send.id, to}, 0});
  }

  std::mt19937 random_;
  std::map<int32_t, int64_t> ends_, sequences_;
  int64_t now_ = 1;

 public:
  const History input;
  TransactionHistory history;
};

class TransactionHistoryTest : public testing::TestWithParam<uint32_t> {
 protected:
  CleanCopies clean_{GetParam()};
};

TEST_P(TransactionHistoryTest, ACleanHistoryGivesNothing) { expect_only(clean_.check(), {}); }

TEST_P(TransactionHistoryTest, AnAbortedReadIsFound) {
  clean_.read(clean_.transaction(Outcome::failed, false).copies[0]);
  const Findings findings = clean_.check();
  EXPECT_EQ(findings.count(Anomaly::aborted_read), 1) << findings.str();
}

TEST_P(TransactionHistoryTest, AnEarlyReadIsFound) {
  const Transaction& transaction = clean_.transaction(Outcome::acknowledged, true);
  for (Polled& polled : clean_.history.output.consumers[0])
    if (polled.payload->id == transaction.copies[0].send.id) polled.at_ns = transaction.commit_invoked_ns - 1;
  expect_only(clean_.check(), {Anomaly::early_read});
}

TEST_P(TransactionHistoryTest, ATornTransactionIsFound) {
  clean_.forget(clean_.transaction(Outcome::unknown, true).copies[1].send.id);
  expect_only(clean_.check(), {Anomaly::torn, Anomaly::not_copied});
}

TEST_P(TransactionHistoryTest, ACommittedTransactionThatIsLostIsFound) {
  for (const Copy& copy : clean_.transaction(Outcome::acknowledged, true).copies) clean_.forget(copy.send.id);
  expect_only(clean_.check(), {Anomaly::lost, Anomaly::poll_skip, Anomaly::not_copied});  // readers passed what was acknowledged
}

TEST_P(TransactionHistoryTest, OutputWhoseInputIsNotConsumedIsFound) {
  --clean_.history.group_offsets[1];
  expect_only(clean_.check(), {Anomaly::torn});
}

TEST_P(TransactionHistoryTest, InputThatWasConsumedAndNotCopiedIsFound) {
  Transaction& transaction = clean_.transaction(Outcome::acknowledged, true);
  clean_.forget(transaction.copies[0].send.id);
  transaction.copies.erase(transaction.copies.begin());
  expect_only(clean_.check(), {Anomaly::not_copied});
}

TEST_P(TransactionHistoryTest, TwoCopiesOfARecordAreFound) {
  Transaction& transaction = clean_.transaction(Outcome::acknowledged, true);
  Copy again = transaction.copies[0];
  again.send.id = {copiers, 0};
  again.send.outcome = Outcome::unknown;
  again.send.offset = -1;
  clean_.read(again);
  Transaction second;
  second.outcome = Outcome::unknown;
  second.commit_invoked_ns = 1;
  second.copies.push_back(again);
  clean_.history.transactions.push_back(second);
  expect_only(clean_.check(), {Anomaly::copied_twice});
}

TEST_P(TransactionHistoryTest, AnOffsetThatGoesBackIsFound) {
  const Transaction& transaction = clean_.transaction(Outcome::acknowledged, true);
  const auto [partition, offset] = *transaction.offsets.begin();
  clean_.history.told.push_back({partition, offset - 1, transaction.completed_ns + 1, transaction.completed_ns + 2});
  expect_only(clean_.check(), {Anomaly::offset_went_back});
}

TEST_P(TransactionHistoryTest, AnomaliesOfTheOutputAreFound) {
  Polls& read = clean_.history.output.consumers[0];
  read.erase(read.begin() + 3);
  expect_only(clean_.check(), {Anomaly::poll_skip});
}

INSTANTIATE_TEST_SUITE_P(Seeds, TransactionHistoryTest, testing::Range(1u, 11u));

// Two members, then three; the first generation commits less than it read.
class GroupHistoryTest : public testing::Test {
 protected:
  GroupHistoryTest() {
    for (int32_t partition = 0; partition < inputs; ++partition) {
      own("a" + std::to_string(partition % 2), 1, partition, 0, 60);
      commit(partition, 50, 100);
      told(partition, 50, 200);
      own("b" + std::to_string(partition), 2, partition, 50, records);
      commit(partition, records, 300);
    }
  }

  void own(const std::string& member, int32_t generation, int32_t partition, int64_t from, int64_t to) {
    Ownership each{member, generation, {partition}, {}};
    for (const Polled& polled : input_.final_read)
      if (polled.partition == partition && polled.offset >= from && polled.offset < to) each.polls.push_back(polled);
    group_.ownerships.push_back(each);
  }
  void commit(int32_t partition, int64_t offset, int64_t at_ns) { group_.offsets.push_back({partition, offset, at_ns, at_ns + 10}); }
  void told(int32_t partition, int64_t offset, int64_t at_ns) { commit(partition, offset, at_ns); }
  Findings check() const { return check_group(group_, input_); }

  History input_ = input_of(1);
  GroupHistory group_;
};

TEST_F(GroupHistoryTest, ACleanHistoryGivesNothing) { expect_only(check(), {}); }

TEST_F(GroupHistoryTest, AnOffsetThatGoesBackIsFound) {
  told(1, 49, 150);
  expect_only(check(), {Anomaly::offset_went_back});
}

TEST_F(GroupHistoryTest, TwoOwnersOfOneGenerationAreFound) {
  own("b1", 2, 0, 50, 60);
  expect_only(check(), {Anomaly::two_owners});
}

TEST_F(GroupHistoryTest, ARecordThatNobodyWasGivenIsFound) {
  for (Ownership& each : group_.ownerships) std::erase_if(each.polls, [](auto& polled) { return polled.partition == 1 && polled.offset == records - 1; });
  expect_only(check(), {Anomaly::not_given});
}

TEST_F(GroupHistoryTest, AMemberThatPassesARecordIsFound) {
  group_.ownerships[0].polls.erase(group_.ownerships[0].polls.begin() + 55);  // read again in the second generation
  expect_only(check(), {Anomaly::poll_skip});
}

TEST_F(GroupHistoryTest, AMemberThatReadsARecordTwiceIsFound) {
  Polls& polls = group_.ownerships[0].polls;
  polls.insert(polls.begin() + 5, polls[4]);
  expect_only(check(), {Anomaly::nonmonotonic_poll});
}

TEST_F(GroupHistoryTest, WhatIsNotThereInTheEndIsFound) {
  Polled& polled = group_.ownerships[0].polls[55];
  polled.payload->id.sequence += 1'000'000;
  expect_only(check(), {Anomaly::inconsistent_offset});
  polled.payload.reset();
  expect_only(check(), {Anomaly::phantom});
}

}  // namespace
}  // namespace quokka
