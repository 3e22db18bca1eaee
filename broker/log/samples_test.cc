// Directories that Kafka 3.9.1 wrote, one closed in order and one left by kill -9, open with every record in its place.
#include <map>
#include <set>

#include "broker/log/checkpoints.h"
#include "broker/log/test_log.h"
#include "broker/producer/producer_snapshot.h"
#include "protocol/records/compression.h"

namespace quokka {
namespace {

using testing::kNow;
using testing::ManualPool;
using testing::SeededRandom;
using testing::TemporaryDirectory;

// The day the samples were written, so that their transactional producers are not expired.
constexpr WallTime kSampleDay{1795252900000};

class Samples : public ::testing::TestWithParam<int> {
 protected:
  void load(const std::string& which, WallTime now = kSampleDay) {
    data_.copy_from("broker/log/testdata/" + which + "/data");
    loop_ = std::make_unique<ManualLoop>(now);
    LogDirectories::Settings settings;
    settings.log_dirs = {data_.path()};
    settings.recovery_threads_per_directory = 2;
    directories_ = std::make_unique<LogDirectories>(disk_, pool_, *loop_, random_, settings);
    auto identity = directories_->open();
    ASSERT_TRUE(identity.ok()) << identity.error().message;
    EXPECT_EQ(identity->broker_id, BrokerId(1));
    EXPECT_EQ(identity->cluster_id, "HIuJn5rvRwCPXTkH59j3Fg");
    ASSERT_TRUE(directories_->bind_identity("HIuJn5rvRwCPXTkH59j3Fg", BrokerId(1)).ok());
    LogConfig config;
    config.segment_bytes = 2000;
    config.segment_index_bytes = 4096;
    config.index_interval_bytes = 400;
    config.retention_ms = -1;
    bool done = false;
    directories_->load([config](const std::string&) { return std::make_shared<LogConfig>(config); },
                       [this](const LogDirectories::Progress& progress) { progress_.push_back(progress); },
                       [&](Result<LogDirectories::LoadReport> report) {
                         done = true;
                         ASSERT_TRUE(report.ok()) << report.error().message;
                         report_ = *report;
                       });
    testing::run_all(pool_, *loop_);
    ASSERT_TRUE(done);
  }

  Log& log(const std::string& topic, int partition) {
    auto found = directories_->find({topic, PartitionIndex(partition)});
    EXPECT_NE(found, nullptr);
    return *found->log;
  }

  static std::string epochs(const Log& log) {
    std::string text;
    for (const EpochStart& entry : log.epochs().entries())
      text += (text.empty() ? "" : " ") + std::to_string(entry.epoch.value) + ":" + std::to_string(entry.start.value);
    return text;
  }

  static void expect_bounds(const Log& log, int start, int end, int high_watermark) {
    EXPECT_EQ(log.log_start(), Offset(start));
    EXPECT_EQ(log.log_end(), Offset(end));
    EXPECT_EQ(log.high_watermark(), Offset(high_watermark));
  }

  static std::vector<AbortedTransaction> aborted(const Log& log, Offset from) {
    auto plan = log.plan_read({from, log.log_end(), 1 << 20, true, true});
    EXPECT_TRUE(plan.ok());
    auto read = plan->run();
    EXPECT_TRUE(read.ok());
    return read->aborted;
  }

  // Every line of records.tsv is in the log: batch base, leader epoch, producer, sequence, timestamp, key and value.
  void expect_records(const std::string& which) {
    std::ifstream file("broker/log/testdata/" + which + "/records.tsv");
    std::string line;
    std::getline(file, line);
    int seen = 0;
    while (std::getline(file, line)) {
      std::vector<std::string> columns;
      std::istringstream text(line);
      for (std::string column; std::getline(text, column, '\t');) columns.push_back(column);
      columns.resize(16);
      const auto dash = columns[0].rfind('-');
      const Log& of = log(columns[0].substr(0, dash), std::stoi(columns[0].substr(dash + 1)));
      const Offset offset(std::stoll(columns[2]));
      if (offset < of.log_start()) continue;
      ++seen;
      auto plan = of.plan_read({offset, of.log_end(), 1, true, false});
      ASSERT_TRUE(plan.ok()) << line;
      auto read = plan->run();
      ASSERT_TRUE(read.ok()) << line;
      EXPECT_EQ(read->base_offset, Offset(std::stoll(columns[3]))) << line;
      EXPECT_EQ(read->slice.position, std::stoll(columns[4])) << line;
      const std::string bytes = testing::content(*read);
      const BatchView batch(bytes_of(bytes));
      ASSERT_TRUE(batch.crc_is_valid()) << line;
      EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(std::stoi(columns[6]))) << line;
      EXPECT_EQ(batch.producer_id(), ProducerId(std::stoll(columns[9]))) << line;
      expect_record(batch, offset, columns);
    }
    EXPECT_GT(seen, 120);
  }

  void expect_record(const BatchView& batch, Offset offset, const std::vector<std::string>& columns) {
    std::vector<uint8_t> plain;
    Bytes records = batch.payload();
    if (batch.is_compressed()) {
      DecompressionScratch scratch;
      ASSERT_TRUE(decompress(batch.codec(), records, 2, {}, scratch, plain).ok());
      records = plain;
    }
    RecordCursor cursor(batch, records);
    RecordView record;
    while (cursor.next(record) && record.offset != offset) {
    }
    ASSERT_EQ(record.offset, offset);
    EXPECT_EQ(record.timestamp_ms, std::stoll(columns[12]));
    if (columns[14].starts_with("key-")) {
      EXPECT_EQ(text_of(*record.key), columns[14]);
      EXPECT_EQ(text_of(*record.value), columns[15]);
    }
  }

  std::vector<std::string> names(const std::string& partition) {
    std::vector<std::string> names;
    const auto entries = disk_.list(data_.path() + "/" + partition);
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  std::set<std::string> snapshots(const std::string& partition) {
    std::set<std::string> found;
    for (const std::string& name : names(partition))
      if (name.ends_with(".snapshot")) found.insert(std::to_string(std::stoll(name.substr(0, 20))));
    return found;
  }

  PosixDisk disk_;
  ManualPool pool_;
  SeededRandom random_{1};
  std::unique_ptr<ManualLoop> loop_;
  TemporaryDirectory data_;
  std::unique_ptr<LogDirectories> directories_;
  LogDirectories::LoadReport report_;
  std::vector<LogDirectories::Progress> progress_;
};

std::vector<AbortedTransaction> list(std::initializer_list<std::pair<int, int>> aborted) {
  std::vector<AbortedTransaction> out;
  for (const auto& [producer, first] : aborted) out.push_back({ProducerId(producer), Offset(first)});
  return out;
}

TEST_F(Samples, ACleanDirectoryOpensAsItsReadmeSays) {
  load("clean");
  EXPECT_EQ(report_.partitions, 4u);
  EXPECT_EQ(progress_.size(), 4u);
  for (const auto& progress : progress_) EXPECT_FALSE(progress.recovery.recovered) << progress.partition;
  expect_bounds(log("samples", 0), 0, 60, 60);
  expect_bounds(log("samples", 1), 3, 40, 40);
  expect_bounds(log("__consumer_offsets", 0), 0, 11, 11);
  expect_bounds(log("__transaction_state", 0), 0, 22, 22);
  EXPECT_EQ(epochs(log("samples", 0)), "0:0 2:39");
  EXPECT_EQ(epochs(log("samples", 1)), "0:3 2:27");
  EXPECT_EQ(epochs(log("__consumer_offsets", 0)), "0:0 2:4");
  EXPECT_EQ(epochs(log("__transaction_state", 0)), "0:0 2:10");
  for (const auto& each : directories_->all()) {
    EXPECT_EQ(each->log->recovery_point(), each->log->log_end());
    EXPECT_EQ(each->log->last_stable_offset(), each->log->log_end());
    EXPECT_TRUE(each->log->topic_id().has_value());
  }
  expect_records("clean");
  EXPECT_EQ(aborted(log("samples", 0), Offset(23)), list({{0, 24}}));
  EXPECT_EQ(aborted(log("samples", 0), Offset(48)), list({{0, 49}}));
  EXPECT_EQ(aborted(log("samples", 1), Offset(3)), list({{0, 3}}));
  EXPECT_EQ(aborted(log("samples", 1), Offset(36)), list({{0, 37}}));
}

TEST_F(Samples, SilentProducersAreGoneAfterLoadingOthersStay) {
  load("clean");
  const ProducerStates& producers = log("samples", 0).producers();
  EXPECT_FALSE(producers.find(ProducerId(2000)).has_value());  // timestamps of 2023
  ASSERT_TRUE(producers.find(ProducerId(0)).has_value());
  EXPECT_EQ(producers.find(ProducerId(0))->producer_epoch, ProducerEpoch(2));
  EXPECT_EQ(producers.find(ProducerId(0))->last_offset, Offset(50));
  EXPECT_EQ(producers.find(ProducerId(1000))->last_offset, Offset(47));
}

TEST_F(Samples, AllProducersExpireADayLater) {
  load("clean", WallTime{1795339224045 + 86'400'000});
  EXPECT_TRUE(log("samples", 0).producers().empty());
}

TEST_F(Samples, AKilledBrokersDirectoryIsRecovered) {
  load("unclean");
  expect_bounds(log("samples", 0), 0, 77, 60);
  expect_bounds(log("samples", 1), 3, 58, 40);
  expect_bounds(log("__consumer_offsets", 0), 0, 11, 11);
  expect_bounds(log("__transaction_state", 0), 0, 30, 22);
  for (const auto& progress : progress_) {
    EXPECT_TRUE(progress.recovery.recovered) << progress.partition;
    EXPECT_EQ(progress.recovery.truncated_bytes, 0) << progress.partition;
  }
  expect_records("unclean");
  // {4: 11} of __consumer_offsets has no record: it lies at the end of the log.
  EXPECT_EQ(epochs(log("samples", 0)), "0:0 2:39 4:60");
  EXPECT_EQ(epochs(log("samples", 1)), "0:3 2:27 4:40");
  EXPECT_EQ(epochs(log("__transaction_state", 0)), "0:0 2:10 4:22");
  log("__consumer_offsets", 0).assign_epoch(LeaderEpoch(6));
  EXPECT_EQ(epochs(log("__consumer_offsets", 0)), "0:0 2:4 6:11");
  for (const auto& each : directories_->all()) each->log->set_high_watermark(each->log->log_end());
  EXPECT_EQ(log("samples", 0).last_stable_offset(), Offset(75));
  EXPECT_EQ(log("samples", 1).last_stable_offset(), Offset(48));
  EXPECT_TRUE(log("samples", 0).producers().has_open_transaction(ProducerId(3000)));
  EXPECT_EQ(aborted(log("samples", 0), Offset(48)), list({{0, 49}}));
  EXPECT_EQ(aborted(log("samples", 1), Offset(36)), list({{0, 37}}));
  for (const std::string& name : names("samples-1")) EXPECT_FALSE(name.ends_with(".deleted")) << name;
}

TEST_F(Samples, AfterRecoveryACloseLeavesWhatKafkasLeaves) {
  load("unclean");
  EXPECT_EQ(snapshots("samples-0"), (std::set<std::string>{"23", "41", "48", "68", "74"}));
  directories_->stop();
  directories_->close();
  EXPECT_EQ(snapshots("samples-0"), (std::set<std::string>{"23", "41", "48", "68", "74", "77"}));
  EXPECT_TRUE(*disk_.exists(data_.path() + "/.kafka_cleanshutdown"));
  EXPECT_FALSE(*disk_.exists(data_.path() + "/.lock"));
  // Index files of sealed segments come out byte for byte as Kafka wrote them (where no restart of Kafka's shifted its offset index).
  const std::string kafkas = "broker/log/testdata/unclean/data/samples-0/";
  for (const char* name : {"00000000000000000048.timeindex", "00000000000000000048.txnindex",
                           "00000000000000000068.index", "00000000000000000068.timeindex"})
    EXPECT_EQ(**disk_.read_file(data_.path() + "/samples-0/" + name), **disk_.read_file(kafkas + name)) << name;
  for (const char* name : {"00000000000000000036.timeindex", "00000000000000000036.txnindex"})
    EXPECT_EQ(**disk_.read_file(data_.path() + "/samples-1/" + name), **disk_.read_file("broker/log/testdata/unclean/data/samples-1/" + std::string(name))) << name;
  EXPECT_EQ(**disk_.read_file(data_.path() + "/recovery-point-offset-checkpoint"),
            "0\n4\n__consumer_offsets 0 11\n__transaction_state 0 30\nsamples 0 77\nsamples 1 58\n");
}

TEST_F(Samples, TimestampsAreFound) {
  load("clean");
  const Log& of = log("samples", 0);
  // Record n has the timestamp 1700000000000 + (n + 1) * 1000 up to the first transaction.
  auto found = of.plan_timestamp_search(1700000006000).run();
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->offset, Offset(5));
  EXPECT_EQ((*found)->timestamp, 1700000006000);
  EXPECT_EQ((*found)->leader_epoch, LeaderEpoch(0));
  auto none = of.plan_timestamp_search(1900000000000).run();
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  auto first = of.plan_timestamp_search(0).run();
  EXPECT_EQ((*first)->offset, Offset(0));
  auto largest = of.plan_timestamp_search(std::nullopt).run();
  ASSERT_TRUE(largest.ok() && largest->has_value());
  EXPECT_EQ((*largest)->offset, Offset(51));  // the last marker has the wall clock's time
  EXPECT_EQ(of.earliest().offset, Offset(0));
  EXPECT_EQ(of.earliest().leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(log("samples", 1).earliest().offset, Offset(3));
}

}  // namespace
}  // namespace quokka
