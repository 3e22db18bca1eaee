#include "broker/journal/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "broker/journal/coordinator_partition.h"
#include "protocol/base/log_capture.h"
#include "protocol/base/manual_loop.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/control_record.h"

namespace quokka {
namespace {

std::vector<uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

// A replica in memory. What it calls back it calls when the test says so.
class LogInMemory final : public JournalLog {
 public:
  struct Batch {
    Offset base, end;
    std::vector<uint8_t> data;
  };
  std::vector<Batch> batches;
  Offset high_watermark{0};
  LeaderEpoch epoch{0};
  bool leads = true;
  size_t batches_a_read = 100;
  std::optional<ErrorCode> refuse;       // appends, before anything is written
  std::optional<ErrorCode> fail_read;
  bool lose_word = false;                // the next append is written and says KAFKA_STORAGE_ERROR

  Offset end() const { return batches.empty() ? Offset(0) : batches.back().end; }

  Result<Appended> append(LeaderEpoch under, std::vector<uint8_t> data, TransactionGuard, Reached committed) override {
    if (!leads) return Error{ErrorCode::NOT_LEADER_OR_FOLLOWER, "not the leader"};
    if (under != epoch) return Error{ErrorCode::FENCED_LEADER_EPOCH, "another epoch"};
    if (refuse) return Error{*refuse, "refused"};
    put(std::move(data));
    if (std::exchange(lose_word, false)) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the disk failed"};
    waiting_.push_back({end(), std::move(committed)});
    return Appended{batches.back().base, end()};
  }
  void await_high_watermark(LeaderEpoch, Offset wanted, Reached reached) override {
    if (!leads) return reached(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    if (high_watermark >= wanted) return reached(ErrorCode::NONE);
    waiting_.push_back({wanted, std::move(reached)});
  }
  Result<Chunk> read(LeaderEpoch under, std::optional<Offset> from, size_t) override {
    if (!leads) return Error{ErrorCode::NOT_LEADER_OR_FOLLOWER, "not the leader"};
    if (under < epoch) return Error{ErrorCode::FENCED_LEADER_EPOCH, "another epoch"};
    if (fail_read) return Error{*fail_read, "the disk failed"};
    Chunk chunk;
    chunk.from = from.value_or(batches.empty() ? Offset(0) : batches.front().base);
    chunk.log_end = end();
    chunk.high_watermark = high_watermark;
    size_t count = 0;
    for (const Batch& batch : batches) {
      if (batch.end <= chunk.from || count == batches_a_read) continue;
      ++count;
      chunk.batches.insert(chunk.batches.end(), batch.data.begin(), batch.data.end());
    }
    return chunk;
  }

  void put(std::vector<uint8_t> data) {
    const Offset base = end();
    patch_base_offset(data, base);
    patch_leader_epoch(data, epoch);
    const Offset next = BatchView(data).next_offset();
    batches.push_back({base, next, std::move(data)});
  }
  void put(const std::string& key, std::optional<std::string> value) {
    BatchBuilder builder{BatchFields{}};
    builder.add(0, bytes_of(key), value ? std::optional<Bytes>(bytes_of(*value)) : std::nullopt);
    put(builder.build());
  }
  void commit(Offset to, ErrorCode word = ErrorCode::NONE) {
    high_watermark = std::max(high_watermark, std::min(to, end()));
    call([this](const auto& each) { return each.first <= high_watermark; }, word);
  }
  void commit_all() { commit(end()); }
  // Another broker leads: what was not committed is lost.
  void lose_leadership() {
    leads = false;
    epoch = epoch.next();
    call([](const auto&) { return true; }, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    std::erase_if(batches, [this](const Batch& batch) { return batch.base >= high_watermark; });
  }
  void gain_leadership() {
    leads = true;
    epoch = epoch.next();
  }

 private:
  template <class Which>
  void call(Which which, ErrorCode word) {
    std::vector<Reached> ready;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (which(*at)) {
        ready.push_back(std::move(at->second));
        at = waiting_.erase(at);
      } else {
        ++at;
      }
    }
    for (Reached& each : ready) each(word);
  }

  std::deque<std::pair<Offset, Reached>> waiting_;
};

struct OneLog final : JournalLogs {
  std::shared_ptr<LogInMemory> log = std::make_shared<LogInMemory>();
  JournalLogPtr find(const TopicPartition&) override { return log; }
};

struct HeldPool final : Pool {
  std::deque<Task> tasks;
  void run(Task work) override { tasks.push_back(std::move(work)); }
  bool run_one() {
    if (tasks.empty()) return false;
    Task task = std::move(tasks.front());
    tasks.pop_front();
    task();
    return true;
  }
};

// The latest value of each key, and how often it was told that it begins or ends.
struct Latest final : JournalState {
  std::map<std::string, std::string> values;
  int loads = 0, unloads = 0;
  std::vector<std::string> markers;

  void apply(const JournalRecord& record) override {
    const std::string key(text_of(record.key));
    if (record.value) values[key] = text_of(*record.value);
    else values.erase(key);
  }
  void apply_marker(ProducerId producer, bool committed) override {
    markers.push_back(std::to_string(producer.value) + (committed ? " commits" : " aborts"));
  }
  void on_loaded() override { ++loads; }
  void on_unloaded() override {
    ++unloads;
    values.clear();
  }
};

struct Fixture {
  ManualLoop loop;
  HeldPool pool;
  OneLog logs;
  Latest state;
  LogInMemory& log = *logs.log;
  Journal journal{settings(), {loop, pool, logs}, state};

  static Journal::Settings settings() {
    Journal::Settings made;
    made.partition = {"__consumer_offsets", PartitionIndex(3)};
    return made;
  }
  void settle() {
    while (loop.run_ready() > 0 || pool.run_one()) {
    }
  }
  void lead() {
    journal.lead(log.epoch);
    settle();
  }
  // What became of it, once it is known.
  std::shared_ptr<std::optional<ErrorCode>> write(const std::string& key, std::optional<std::string> value) {
    auto outcome = std::make_shared<std::optional<ErrorCode>>();
    journal.append({{bytes(key), value ? std::optional(bytes(*value)) : std::nullopt}}, {}, [outcome](ErrorCode error) {
      EXPECT_FALSE(*outcome) << "answered twice";
      *outcome = error;
    });
    return outcome;
  }
  std::shared_ptr<std::optional<ErrorCode>> read() {
    auto outcome = std::make_shared<std::optional<ErrorCode>>();
    journal.when_committed([outcome](ErrorCode error) {
      EXPECT_FALSE(*outcome) << "answered twice";
      *outcome = error;
    });
    return outcome;
  }
};

using Values = std::map<std::string, std::string>;

TEST(Journal, AWriteIsAppliedAtOnceAndAnsweredWhenCommitted) {
  Fixture on;
  on.lead();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::active);
  const auto write = on.write("a", "1");
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}}));
  on.settle();
  EXPECT_FALSE(*write);
  const auto read = on.read();
  EXPECT_FALSE(*read) << "what is not committed was told";
  on.log.commit_all();
  on.settle();
  EXPECT_EQ(*write, ErrorCode::NONE);
  EXPECT_EQ(*read, ErrorCode::NONE);
  EXPECT_EQ(*on.read(), ErrorCode::NONE) << "nothing to wait for";
}

TEST(Journal, ATransactionIsWrittenAndEndedWhereItLies) {
  Fixture on;
  on.lead();
  Journal::Terms terms;
  terms.base_sequence = 0;
  terms.transaction = ProducerId(7);
  terms.producer_epoch = ProducerEpoch(2);
  on.journal.append({{bytes("a"), bytes("1")}}, terms, [](ErrorCode) {});
  std::optional<ErrorCode> ended;
  on.journal.append_marker(ProducerId(7), ProducerEpoch(2), {ControlRecordType::COMMIT, 5}, [&](ErrorCode error) { ended = error; });
  EXPECT_EQ(on.state.markers, (std::vector<std::string>{"7 commits"}));
  const BatchView offsets(on.log.batches[0].data), marker(on.log.batches[1].data);
  EXPECT_TRUE(offsets.is_transactional());
  EXPECT_EQ(offsets.producer_id(), ProducerId(7));
  EXPECT_EQ(offsets.producer_epoch(), ProducerEpoch(2));
  EXPECT_EQ(offsets.base_sequence(), 0);
  EXPECT_EQ(read_end_transaction_marker(marker), (EndTransactionMarker{ControlRecordType::COMMIT, 5}));
  on.settle();
  EXPECT_FALSE(ended);
  on.log.commit_all();
  on.settle();
  EXPECT_EQ(ended, ErrorCode::NONE);
}

TEST(Journal, ARefusedMarkerIsNotApplied) {
  Fixture on;
  on.lead();
  on.log.refuse = ErrorCode::INVALID_PRODUCER_EPOCH;
  std::optional<ErrorCode> ended;
  on.journal.append_marker(ProducerId(7), ProducerEpoch(2), {ControlRecordType::ABORT, 5}, [&](ErrorCode error) { ended = error; });
  on.settle();
  EXPECT_EQ(ended, ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_TRUE(on.state.markers.empty());
  EXPECT_EQ(on.state.unloads, 0) << "its fate is known";
}

TEST(Journal, ARefusedWriteLeavesNoTrace) {
  Fixture on;
  on.lead();
  on.log.refuse = ErrorCode::NOT_ENOUGH_REPLICAS;
  const auto write = on.write("a", "1");
  EXPECT_FALSE(*write) << "answers come later";
  on.settle();
  EXPECT_EQ(*write, ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(on.state.values, Values());
  EXPECT_EQ(on.state.loads, 1);
  on.log.refuse.reset();
  on.write("a", "2");
  EXPECT_EQ(on.state.values, (Values{{"a", "2"}}));
}

TEST(Journal, AWriteWhoseFateIsUnknownLoadsTheStateAgain) {
  LogCapture capture;
  Fixture on;
  on.lead();
  on.write("a", "1");
  on.log.commit_all();
  on.settle();
  on.log.lose_word = true;
  const auto write = on.write("a", "2");
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}}));
  on.settle();
  EXPECT_EQ(*write, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.state.loads, 2);
  EXPECT_EQ(on.state.values, (Values{{"a", "2"}})) << "the log has it after all";
}

TEST(Journal, TooFewReplicasAfterTheAppendIsToldAndTheRecordStays) {
  Fixture on;
  on.lead();
  const auto write = on.write("a", "1");
  const auto read = on.read();
  on.log.commit(on.log.end(), ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  on.settle();
  EXPECT_EQ(*write, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  EXPECT_EQ(*read, ErrorCode::NONE);
  EXPECT_EQ(on.state.loads, 1);
}

TEST(Journal, WhatIsNotCommittedInTimeIsAnsweredAndStays) {
  Fixture on;
  on.lead();
  const auto write = on.write("a", "1");
  on.loop.advance(Duration::millis(2000));
  const auto read = on.read();
  on.loop.advance(Duration::millis(3000));
  EXPECT_EQ(*write, ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_FALSE(*read);
  on.loop.advance(Duration::millis(2000));
  EXPECT_EQ(*read, ErrorCode::REQUEST_TIMED_OUT);
  on.log.commit_all();
  on.settle();
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}}));
  EXPECT_EQ(*on.read(), ErrorCode::NONE);
}

TEST(Journal, LosingTheLeadershipAnswersWhatWaits) {
  LogCapture capture;
  Fixture on;
  on.lead();
  on.write("kept", "1");
  on.log.commit_all();
  on.settle();
  const auto write = on.write("a", "1");
  const auto read = on.read();
  on.journal.resign(on.log.epoch.next());
  on.log.lose_leadership();
  on.settle();
  EXPECT_EQ(*write, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(*read, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(on.journal.phase(), Journal::Phase::idle);
  EXPECT_EQ(*on.read(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  const auto late = on.write("b", "1");
  on.settle();
  EXPECT_EQ(*late, ErrorCode::NOT_LEADER_OR_FOLLOWER);

  on.log.gain_leadership();
  on.lead();
  EXPECT_EQ(on.state.values, (Values{{"kept", "1"}}));
}

TEST(Journal, AnEpochThatIsRaisedKeepsTheState) {
  Fixture on;
  on.lead();
  const auto before = on.write("a", "1");
  on.log.gain_leadership();  // an in-sync replica died: the same leader, the next epoch
  const auto between = on.write("b", "1");
  on.settle();
  EXPECT_EQ(*between, ErrorCode::FENCED_LEADER_EPOCH);
  on.lead();
  on.write("c", "1");
  on.log.commit_all();
  on.settle();
  EXPECT_EQ(*before, ErrorCode::NONE);
  EXPECT_EQ(on.state.loads, 1);
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}, {"c", "1"}}));
}

TEST(Journal, WordOfAnOldEpochIsIgnored) {
  Fixture on;
  on.log.epoch = LeaderEpoch(5);
  on.lead();
  on.journal.resign(LeaderEpoch(4));
  EXPECT_EQ(on.journal.phase(), Journal::Phase::active);
  on.journal.resign(LeaderEpoch(6));
  on.journal.lead(LeaderEpoch(5));
  on.settle();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::idle);
  // The topic is deleted and made again: epochs begin anew.
  on.journal.resign(std::nullopt);
  on.log.epoch = LeaderEpoch(0);
  on.lead();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::active);
}

TEST(Journal, ALoadThatLeadershipOvertookLeavesNothingBehind) {
  Fixture on;
  for (int i = 0; i < 4; ++i) on.log.put("k" + std::to_string(i), "old");
  on.log.commit_all();
  on.log.batches_a_read = 1;
  on.journal.lead(on.log.epoch);
  on.pool.run_one();
  on.loop.run_ready();
  EXPECT_EQ(on.state.values.size(), 1u);
  on.pool.run_one();  // its chunk is on the way
  on.journal.resign(on.log.epoch.next());
  on.log.lose_leadership();
  on.log.gain_leadership();
  on.journal.lead(on.log.epoch);
  on.settle();
  EXPECT_EQ(on.state.loads, 1);
  EXPECT_EQ(on.state.values.size(), 4u);
}

TEST(Journal, ALoadReadsToTheEndInPieces) {
  Fixture on;
  for (int i = 0; i < 20; ++i) on.log.put("k" + std::to_string(i % 7), std::to_string(i));
  on.log.put("k0", std::nullopt);
  on.log.commit_all();
  on.log.batches_a_read = 3;
  on.lead();
  EXPECT_EQ(on.state.values.size(), 6u);
  EXPECT_EQ(on.state.values["k6"], "13");
  EXPECT_EQ(on.state.loads, 1);
}

TEST(Journal, ALoadPassesOverGapsAndReadsMarkers) {
  Fixture on;
  on.log.put("a", "1");
  on.log.put(write_end_transaction_marker(ProducerId(7), ProducerEpoch(0), {ControlRecordType::COMMIT, 0}, 0));
  on.log.put("b", "1");
  on.log.put("gone", "1");
  on.log.put("c", "1");
  on.log.batches.erase(on.log.batches.begin() + 3);  // compacted
  on.log.commit_all();
  on.log.batches_a_read = 2;
  on.lead();
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  EXPECT_EQ(on.state.markers, (std::vector<std::string>{"7 commits"}));
}

TEST(Journal, ANewLeaderTellsNothingBeforeItsLogIsCommitted) {
  Fixture on;
  on.log.put("a", "1");
  on.lead();
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}}));
  const auto read = on.read();
  on.settle();
  EXPECT_FALSE(*read);
  on.log.commit_all();
  on.settle();
  EXPECT_EQ(*read, ErrorCode::NONE);
}

TEST(Journal, ALoadThatFailsIsTriedAgain) {
  LogCapture capture;
  Fixture on;
  on.log.put("a", "1");
  on.log.commit_all();
  on.log.fail_read = ErrorCode::KAFKA_STORAGE_ERROR;
  on.lead();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::idle) << "clients look elsewhere meanwhile";
  on.log.fail_read.reset();
  on.loop.advance(Duration::seconds(1));
  on.settle();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::active);
  EXPECT_EQ(on.state.values, (Values{{"a", "1"}}));
}

TEST(Journal, ALoadIsNotTriedAgainForWhoLeadsNoMore) {
  LogCapture capture;
  Fixture on;
  on.log.fail_read = ErrorCode::KAFKA_STORAGE_ERROR;
  on.lead();
  on.journal.resign(on.log.epoch.next());
  on.log.fail_read.reset();
  on.loop.advance(Duration::seconds(5));
  on.settle();
  EXPECT_EQ(on.journal.phase(), Journal::Phase::idle);
  EXPECT_EQ(on.state.loads, 0);
}

TEST(CoordinatorPartition, IsTheOneThatJavaFinds) {
  EXPECT_EQ(coordinator_partition("", 50), PartitionIndex(0));
  EXPECT_EQ(coordinator_partition("grp", 50), PartitionIndex(29));
  EXPECT_EQ(coordinator_partition("my-group", 50), PartitionIndex(12));
  EXPECT_EQ(coordinator_partition("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(coordinator_partition("\u00e9\u4e2d", 50), PartitionIndex(36));
  EXPECT_EQ(coordinator_partition("\U0001f600", 1 << 30), PartitionIndex(1772899));  // two UTF-16 units
}

// Whatever happens: an active shard holds what the log holds, an answered write is never lost, a read that is answered has seen no more than what is
// committed and no less than what was answered before it.
class JournalSchedule {
 public:
  explicit JournalSchedule(uint32_t seed) : random_(seed) { on_.log.batches_a_read = 1 + random_() % 3; }

  void run() {
    on_.journal.lead(on_.log.epoch);
    for (int step = 0; step < 300 && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      act();
      check();
    }
    on_.log.refuse.reset();
    on_.log.fail_read.reset();
    if (!on_.log.leads) regain();
    on_.settle();
    on_.log.commit_all();
    on_.loop.advance(Duration::seconds(10));
    on_.settle();
    EXPECT_EQ(open_, 0) << "somebody waits for ever";
    check();
  }

 private:
  void act() {
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2: write(); break;
      case 3: read(); break;
      case 4:
        if (on_.log.leads) on_.log.commit(on_.log.high_watermark + static_cast<int64_t>(random_() % 3));
        break;
      case 5:
      case 6: on_.loop.run_one(); break;
      case 7: on_.pool.run_one(); break;
      case 8: on_.loop.advance(Duration::millis(random_() % 8 == 0 ? 6000 : 50)); break;
      case 9:
        if (random_() % 4 == 0) on_.log.lose_word = true;
        break;
      case 10:
        on_.log.refuse = random_() % 3 == 0 ? std::optional(ErrorCode::NOT_ENOUGH_REPLICAS) : std::nullopt;
        on_.log.fail_read = random_() % 8 == 0 ? std::optional(ErrorCode::KAFKA_STORAGE_ERROR) : std::nullopt;
        break;
      case 11: move(); break;
    }
  }

  void write() {
    const std::string key = "k" + std::to_string(random_() % 4), value = std::to_string(++value_);
    ++open_;
    on_.journal.append({{bytes(key), bytes(value)}}, {}, [this, key, value](ErrorCode error) {
      --open_;
      if (error == ErrorCode::NONE) answered_[key] = std::max(answered_[key], std::stoi(value));
    });
  }

  // What a coordinator would tell: taken when asked, told when it may be.
  void read() {
    const Values seen = on_.state.values;
    const std::map<std::string, int> answered = answered_;
    ++open_;
    on_.journal.when_committed([this, seen, answered](ErrorCode error) {
      --open_;
      if (error != ErrorCode::NONE) return;
      for (const auto& [key, value] : answered) {
        EXPECT_TRUE(seen.count(key) != 0 && std::stoi(seen.at(key)) >= value) << key << " went back";
        told_[key] = std::max(told_[key], value);
      }
      for (const auto& [key, value] : seen) told_[key] = std::max(told_[key], std::stoi(value));
    });
  }

  void move() {
    if (on_.log.leads && random_() % 3 == 0) {
      on_.log.gain_leadership();  // the next epoch of the same leader
      on_.journal.lead(on_.log.epoch);
    } else if (on_.log.leads) {
      on_.log.lose_leadership();
      on_.journal.resign(on_.log.epoch);
    } else {
      regain();
    }
  }
  void regain() {
    if (random_() % 2 == 0) on_.log.put("k" + std::to_string(random_() % 4), std::to_string(++value_));  // the other leader's
    on_.log.commit_all();
    on_.log.gain_leadership();
    on_.journal.lead(on_.log.epoch);
  }

  Values replayed() const {
    Latest latest;
    for (const LogInMemory::Batch& batch : on_.log.batches) {
      const BatchView view(batch.data);
      RecordCursor records(view, view.payload());
      for (RecordView record; records.next(record);) latest.apply({*record.key, record.value, record.offset, ProducerId()});
    }
    return latest.values;
  }

  void check() {
    const Values in_log = replayed();
    // A write that was written and reported as failed is found by the load that is on its way.
    if (on_.journal.phase() == Journal::Phase::active && on_.log.leads && on_.loop.ready_count() == 0) {
      EXPECT_EQ(on_.state.values, in_log);
    }
    for (const auto* promised : {&answered_, &told_}) {
      for (const auto& [key, value] : *promised)
        EXPECT_TRUE(in_log.count(key) != 0 && std::stoi(in_log.at(key)) >= value) << key << " " << value << " is lost";
    }
  }

  Fixture on_;
  std::mt19937 random_;
  int value_ = 0, open_ = 0;
  std::map<std::string, int> answered_, told_;
};

TEST(Journal, RandomSchedulesKeepTheInvariants) {
  LogCapture capture;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    JournalSchedule(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
