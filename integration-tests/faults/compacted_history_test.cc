// What a correct cluster could leave of a compacted topic gives nothing, and every anomaly that is put into it is found.
#include "integration-tests/faults/compacted_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>

namespace quokka {
namespace {

constexpr int32_t partitions = 2, keys = 60, deleted_key = 60, seldom_key = 61, producers = 2;
constexpr int updates = 800, acknowledged = 3;
constexpr int64_t step_ns = 10'000'000, delete_retention_ns = 100 * step_ns;

void expect_only(const Findings& findings, const std::set<Anomaly>& expected) {
  for (Anomaly anomaly : all_anomalies) EXPECT_EQ(findings.count(anomaly) > 0, expected.contains(anomaly)) << name(anomaly) << '\n' << findings.str();
}

// Producers that take turns, each with keys of its own; some updates are refused, some of unknown outcome, there or not. One reader keeps up with them,
// one comes in the middle; a replica was cleaned up to its middle, another to its end.
class CleanHistory {
 public:
  explicit CleanHistory(uint32_t seed) : random_(seed) {
    history.run = seed;
    history.delete_retention_ns = delete_retention_ns;
    history.readers.resize(2);
    for (int i = 0; i < updates; ++i) {
      update(below(1 + below(keys)), below(4) == 0, below(20));  // some keys often, some seldom
      if (i == 100)
        for (const int32_t key : {deleted_key, seldom_key})
          for (const bool is_second : {false, true}) update(key, is_second && key == deleted_key, acknowledged);
      if (i == updates / 2) read_from_start();
    }
    for (int32_t partition = 0; partition < partitions; ++partition) {
      add_log("half", partition, logs_[partition].size() / 2);
      add_log("whole", partition, logs_[partition].size());
    }
  }

  Findings check() const { return check_compacted(history); }
  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  KeyedLog& log(const std::string& where, int32_t partition) {
    for (KeyedLog& log : history.logs)
      if (log.where == where && log.partition == partition) return log;
    throw std::runtime_error("no such log");
  }
  // That of a key which was written twice at the beginning: two values, or a value and a tombstone.
  const Update& latest(bool is_tombstone) const {
    return *std::find_if(history.updates.rbegin(), history.updates.rend(), [&](auto& each) { return each.key == (is_tombstone ? deleted_key : seldom_key); });
  }
  // An earlier acknowledged value of its key, as it would be read.
  KeyedRecord earlier(const Update& update) {
    for (const Update& other : history.updates)
      if (other.key == update.key && !other.is_tombstone && other.send.outcome == Outcome::acknowledged && other.send.offset < update.send.offset) return record(other, now_);
    throw std::runtime_error("the key has no earlier value");
  }
  KeyedRecord record(const Update& update, int64_t at_ns) const {
    return {{update.send.partition, update.send.offset, Payload{history.run, update.send.id, update.send.partition}, at_ns}, update.key, update.is_tombstone};
  }
  static void put(KeyedRecords& records, const KeyedRecord& record) {
    records.insert(std::find_if(records.begin(), records.end(), [&](auto& each) { return each.polled.partition == record.polled.partition && each.polled.offset > record.polled.offset; }),
                   record);
  }
  static void forget(KeyedRecords& records, const Update& update) {
    std::erase_if(records, [&](auto& each) { return each.polled.payload && each.polled.payload->id == update.send.id; });
  }
  int64_t now() const { return now_; }

 private:
  // `fate`: 0: refused; 1: unknown and not there; 2: unknown and there; more: acknowledged.
  void update(int32_t key, bool is_tombstone, int fate) {
    now_ += step_ns;
    Update update{{}, key, is_tombstone};
    const int32_t producer = update.key % producers, partition = update.key / producers % partitions;
    update.send = {{producer, sequences_[producer]++}, partition, fate == 0 ? Outcome::failed : Outcome::unknown, -1, now_, fate == 0 ? now_ + 1 : INT64_MAX};
    if (fate > 2) {
      update.send.outcome = Outcome::acknowledged;
      update.send.offset = static_cast<int64_t>(logs_[partition].size());
      update.send.completed_ns = now_ + 1;
    }
    history.updates.push_back(update);
    if (fate < 2) return;
    update.send.offset = static_cast<int64_t>(logs_[partition].size());
    logs_[partition].push_back(record(update, now_ + 2));
    history.readers[0].push_back(logs_[partition].back());
  }

  // Cleaned up to an offset: the latest of each key, tombstones that are over left out.
  KeyedRecords cleaned(int32_t partition, size_t end) const {
    const KeyedRecords& whole = logs_[partition];
    KeyedRecords records;
    for (size_t i = 0; i < whole.size(); ++i) {
      const bool is_latest = std::none_of(whole.begin() + static_cast<std::ptrdiff_t>(std::min(i + 1, end)), whole.begin() + static_cast<std::ptrdiff_t>(end),
                                          [&](auto& later) { return later.key == whole[i].key; });
      const bool is_over = whole[i].is_tombstone && now_ >= whole[i].polled.at_ns + delete_retention_ns;
      if (i >= end || (is_latest && !is_over)) records.push_back(whole[i]);
    }
    return records;
  }
  void read_from_start() {
    for (int32_t partition = 0; partition < partitions; ++partition)
      for (KeyedRecord record : cleaned(partition, logs_[partition].size())) {
        record.polled.at_ns = now_ + 3;
        history.readers[1].push_back(record);
      }
  }
  void add_log(const std::string& where, int32_t partition, size_t end) { history.logs.push_back({where, partition, 0, now_ + 3, cleaned(partition, end)}); }

  std::mt19937 random_;
  KeyedRecords logs_[partitions];
  int64_t sequences_[producers] = {};
  int64_t now_ = 1'000'000'000;

 public:
  CompactedHistory history;
};

class CompactedHistoryTest : public testing::TestWithParam<uint32_t> {
 protected:
  CleanHistory clean_{GetParam()};
};

TEST_P(CompactedHistoryTest, ACleanHistoryGivesNothing) { expect_only(clean_.check(), {}); }

TEST_P(CompactedHistoryTest, ALatestValueThatIsLostIsFound) {
  const Update& update = clean_.latest(false);
  CleanHistory::forget(clean_.log("whole", update.send.partition).records, update);
  expect_only(clean_.check(), {Anomaly::lost});
}

TEST_P(CompactedHistoryTest, AnOlderValueInThePlaceOfTheLatestIsFound) {
  const Update& update = clean_.latest(false);
  KeyedLog& log = clean_.log("whole", update.send.partition);
  const KeyedRecord older = clean_.earlier(update);
  std::erase_if(log.records, [&](auto& each) { return each.key == update.key; });
  CleanHistory::put(log.records, older);
  expect_only(clean_.check(), {Anomaly::lost});
}

TEST_P(CompactedHistoryTest, ADeletedKeyThatComesBackIsFound) {
  const Update& update = clean_.latest(true);
  const KeyedRecord older = clean_.earlier(update);
  KeyedLog& log = clean_.log("whole", update.send.partition);
  std::erase_if(log.records, [&](auto& each) { return each.key == update.key; });
  CleanHistory::put(log.records, older);
  expect_only(clean_.check(), {Anomaly::resurrected});
}

// Of a write that nobody was told of a later tombstone may have made its way, and gone.
TEST_P(CompactedHistoryTest, ATombstoneOfUnknownOutcomeMayTakeTheLatestValueWithIt) {
  const Update update = clean_.latest(false);
  Update deletion{{{update.key % producers, 1'000'000}, update.send.partition, Outcome::unknown, -1, clean_.now(), INT64_MAX}, update.key, true};
  clean_.history.updates.push_back(deletion);
  for (KeyedLog& log : clean_.history.logs) std::erase_if(log.records, [&](auto& each) { return each.key == update.key; });
  expect_only(clean_.check(), {});
}

TEST_P(CompactedHistoryTest, ATombstoneThatAReaderAtTheHeadDoesNotGetIsFound) {
  const Update& update = clean_.latest(true);
  CleanHistory::forget(clean_.history.readers[0], update);
  expect_only(clean_.check(), {Anomaly::tombstone_gone_early});
}

TEST_P(CompactedHistoryTest, AYoungTombstoneThatIsGoneIsFound) {
  const Update& update = clean_.latest(true);
  clean_.log("whole", update.send.partition).at_ns = update.send.invoked_ns + delete_retention_ns - 1;
  EXPECT_GE(clean_.check().count(Anomaly::tombstone_gone_early), 1);
}

TEST_P(CompactedHistoryTest, AValueThatAReaderPassesIsFound) {
  const Update& update = clean_.latest(false);
  CleanHistory::forget(clean_.history.readers[0], update);
  expect_only(clean_.check(), {Anomaly::poll_skip});
}

TEST_P(CompactedHistoryTest, AValueThatWasNeverWrittenIsFound) {
  KeyedRecord& record = clean_.log("whole", 1).records.front();
  record.key += 1;
  EXPECT_GE(clean_.check().count(Anomaly::phantom), 1);
  record.key -= 1;
  record.polled.payload->id.sequence += 1'000'000;
  EXPECT_GE(clean_.check().count(Anomaly::phantom), 1);
  record.polled.payload.reset();
  EXPECT_GE(clean_.check().count(Anomaly::phantom), 1);
}

TEST_P(CompactedHistoryTest, ARefusedValueThatIsThereIsFound) {
  const auto refused = std::find_if(clean_.history.updates.begin(), clean_.history.updates.end(), [](const Update& each) { return each.send.outcome == Outcome::failed; });
  KeyedRecord record = clean_.record(*refused, clean_.now());
  record.polled.offset = 1'000'000;
  clean_.log("whole", refused->send.partition).records.push_back(record);
  EXPECT_GE(clean_.check().count(Anomaly::phantom), 1);
}

TEST_P(CompactedHistoryTest, ARecordAtAnotherOffsetIsFound) {
  KeyedRecord& record = clean_.log("whole", 0).records.back();
  record.polled.offset += 1000;
  EXPECT_GE(clean_.check().count(Anomaly::duplicate), 1);
}

TEST_P(CompactedHistoryTest, AnotherRecordAtAnOffsetIsFound) {
  KeyedRecords& records = clean_.log("half", 0).records;
  records.back().polled.offset = records[records.size() - 2].polled.offset;
  EXPECT_GE(clean_.check().count(Anomaly::inconsistent_offset), 1);
}

TEST_P(CompactedHistoryTest, AReaderThatGoesBackIsFound) {
  KeyedRecords& records = clean_.history.readers[1];
  records.insert(records.begin() + 4, records[2]);
  expect_only(clean_.check(), {Anomaly::nonmonotonic_poll});
}

TEST_P(CompactedHistoryTest, UpdatesOutOfOrderAreFound) {
  std::vector<Update>& all = clean_.history.updates;
  const auto is_known = [](const Update& each) { return each.send.outcome == Outcome::acknowledged && each.send.partition == 0; };
  Update& first = *std::find_if(all.begin(), all.end(), is_known);
  Update& last = *std::find_if(all.rbegin(), all.rend(), is_known);
  std::swap(first.send.invoked_ns, last.send.invoked_ns);
  std::swap(first.send.completed_ns, last.send.completed_ns);
  EXPECT_GE(clean_.check().count(Anomaly::reordered), 1);
}

TEST_P(CompactedHistoryTest, ALogThatBeginsTooLateIsFound) {
  KeyedLog& log = clean_.log("whole", 0);
  log.log_start = 100;
  std::erase_if(log.records, [](auto& each) { return each.polled.offset < 100; });
  expect_only(clean_.check(), {Anomaly::deleted_early});
  clean_.history.deleted_to[0] = 100;
  expect_only(clean_.check(), {});
  // By its age: what is younger than the retention is not to go.
  clean_.history.deleted_to.clear();
  clean_.history.retention_ns = step_ns;
  expect_only(clean_.check(), {});
  clean_.history.retention_ns = 10 * updates * step_ns;
  expect_only(clean_.check(), {Anomaly::deleted_early});
}

INSTANTIATE_TEST_SUITE_P(Seeds, CompactedHistoryTest, testing::Range(1u, 11u));

}  // namespace
}  // namespace quokka
