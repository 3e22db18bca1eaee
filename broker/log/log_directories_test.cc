#include "broker/log/log_directories.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "broker/log/log_names.h"
#include "broker/log/test_log.h"

namespace quokka {
namespace {

using testing::batch_of;
using testing::BatchSpec;
using testing::ManualPool;
using testing::SeededRandom;

constexpr const char* kCluster = "HIuJn5rvRwCPXTkH59j3Fg";

// One life of a broker's log directories on a disk that outlives it.
class Life {
 public:
  Life(MemoryDisk& disk, std::vector<std::string> dirs, LogConfig config = {})
      : disk_(disk), config_(std::make_shared<LogConfig>(config)), directories(disk, pool, loop, random, settings(std::move(dirs))) {}

  static LogDirectories::Settings settings(std::vector<std::string> dirs) {
    LogDirectories::Settings settings;
    settings.log_dirs = std::move(dirs);
    settings.recovery_threads_per_directory = 2;
    return settings;
  }
  Result<LogDirectories::Identity> open() { return directories.open(); }
  void begin_load() {
    directories.load([this](const std::string&) { return config_; }, [this](const LogDirectories::Progress& p) { progress.push_back(p); },
                     [this](Result<LogDirectories::LoadReport> result) { report = std::move(result); });
  }
  // Open, bind, load; the report is there afterwards.
  Life& start() {
    auto identity = open();
    EXPECT_TRUE(identity.ok()) << identity.error().message;
    EXPECT_TRUE(directories.bind_identity(kCluster, BrokerId(1)).ok());
    begin_load();
    run();
    EXPECT_TRUE(report.has_value());
    directories.start([this](const LogDirectories::Failed& failed) { failures.push_back(failed); });
    return *this;
  }
  void run() { testing::run_all(pool, loop); }
  void advance(Duration span) {
    for (Duration passed; passed < span; passed = passed + Duration::millis(500)) {
      loop.advance(Duration::millis(500));
      run();
    }
  }
  PartitionLogPtr create(const std::string& topic, int partition = 0, std::optional<std::string> directory = std::nullopt) {
    auto log = directories.create({topic, PartitionIndex(partition)}, std::nullopt, config_, nullptr, directory);
    EXPECT_TRUE(log.ok()) << log.error().message;
    return log.ok() ? *log : nullptr;
  }
  Result<AppendResult> append(const PartitionLogPtr& log, int epoch = 0) {
    BatchToAppend batch = testing::to_append(batch_of({}));
    MutexLock lock(*log->mutex);
    auto result = log->log->append_as_leader(batch, LeaderEpoch(epoch), AppendOrigin::CLIENT, loop.wall_now());
    log->log->set_high_watermark(log->log->log_end());
    return result;
  }
  std::string file(const std::string& path) { return disk_.read_file(path)->value_or("(none)"); }
  void stop() {
    directories.stop();
    directories.close();
  }

 private:
  MemoryDisk& disk_;

 public:
  const LogConfigPtr config_;
  ManualPool pool;
  ManualLoop loop;
  SeededRandom random{7};
  LogDirectories directories;
  std::vector<LogDirectories::Progress> progress;
  std::optional<Result<LogDirectories::LoadReport>> report;
  std::vector<LogDirectories::Failed> failures;
};

TEST(LogDirectories, ADirectoryIsPreparedAndClosedAsKafkaDoes) {
  MemoryDisk disk;
  {
    Life life(disk, {"/a"});
    life.start();
    EXPECT_TRUE(*disk.exists("/a/.lock"));
    EXPECT_FALSE(*disk.exists("/a/.kafka_cleanshutdown"));
    const auto log = life.create("t", 3);
    ASSERT_TRUE(life.append(log).ok());
    life.stop();
  }
  auto meta = decode_meta_properties(**disk.read_file("/a/meta.properties"));
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta->cluster_id, kCluster);
  EXPECT_EQ(meta->broker_id, BrokerId(1));
  EXPECT_EQ(meta->version, 0);
  EXPECT_EQ(**disk.read_file("/a/.kafka_cleanshutdown"), R"({"version":0,"brokerEpoch":-1})");
  EXPECT_FALSE(*disk.exists("/a/.lock"));
  EXPECT_EQ(**disk.read_file("/a/recovery-point-offset-checkpoint"), "0\n1\nt 3 1\n");
  EXPECT_EQ(**disk.read_file("/a/replication-offset-checkpoint"), "0\n1\nt 3 1\n");
  EXPECT_EQ(**disk.read_file("/a/log-start-offset-checkpoint"), "0\n0\n");
  const auto entries = disk.list("/a/t-3");
  std::vector<std::string> names;
  for (const auto& entry : *entries) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"00000000000000000000.index", "00000000000000000000.log", "00000000000000000000.timeindex",
                                             "00000000000000000001.snapshot", "leader-epoch-checkpoint"}));
  // What a clean stop leaves survives a power loss right after it.
  disk.lose_power();
  Life again(disk, {"/a"});
  again.start();
  ASSERT_EQ(again.progress.size(), 1u);
  EXPECT_FALSE(again.progress[0].recovery.recovered);
  const auto log = again.directories.find({"t", PartitionIndex(3)});
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->log->log_end(), Offset(1));
  EXPECT_EQ(log->log->high_watermark(), Offset(1));
}

TEST(LogDirectories, F19ASecondProcessIsRefusedAndTouchesNothing) {
  MemoryDisk disk;
  Life first(disk, {"/a"});
  first.start();
  disk.forget_operations();
  Life second(disk, {"/a"});
  auto identity = second.open();
  ASSERT_FALSE(identity.ok());
  EXPECT_NE(identity.error().message.find("/a/.lock"), std::string::npos);
  for (const auto& operation : disk.operations())
    EXPECT_TRUE(operation.name == "lock" || operation.name == "make_directories" || operation.name == "exists") << operation.name;
}

TEST(LogDirectories, F20AForeignDirectoryIsRefused) {
  MemoryDisk disk;
  { Life(disk, {"/a"}).start().stop(); }
  Life other(disk, {"/a"});
  ASSERT_TRUE(other.open().ok());
  const auto wrong_cluster = other.directories.bind_identity("AAAAAAAAAAAAAAAAAAAAAQ", BrokerId(1));
  ASSERT_FALSE(wrong_cluster.ok());
  EXPECT_EQ(wrong_cluster.code(), ErrorCode::INCONSISTENT_CLUSTER_ID);
  EXPECT_NE(wrong_cluster.error().message.find("/a/meta.properties"), std::string::npos);
  const auto wrong_broker = other.directories.bind_identity(kCluster, BrokerId(2));
  ASSERT_FALSE(wrong_broker.ok());
  EXPECT_NE(wrong_broker.error().message.find("broker 1"), std::string::npos);
}

TEST(LogDirectories, F20DirectoriesThatContradictEachOtherAreRefused) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/a").ok());
  ASSERT_TRUE(disk.make_directories("/b").ok());
  ASSERT_TRUE(disk.replace_file("/a/meta.properties", bytes_of("version=0\nbroker.id=1\ncluster.id=x\n")).ok());
  ASSERT_TRUE(disk.replace_file("/b/meta.properties", bytes_of("version=0\nbroker.id=2\ncluster.id=x\n")).ok());
  EXPECT_FALSE(Life(disk, {"/a", "/b"}).open().ok());
  ASSERT_TRUE(disk.replace_file("/b/meta.properties", bytes_of("version=1\nnode.id=1\ncluster.id=x\n")).ok());
  disk.kill();
  EXPECT_FALSE(Life(disk, {"/a", "/b"}).open().ok());
}

TEST(LogDirectories, ANewPartitionGoesWhereMostSpaceIsFree) {
  MemoryDisk disk;
  disk.set_free_bytes("/a", 100);
  disk.set_free_bytes("/b", 300);
  disk.set_free_bytes("/c", 200);
  Life life(disk, {"/a", "/b", "/c"});
  life.start();
  EXPECT_EQ(life.create("t")->log->directory(), "/b/t-0");
  disk.set_free_bytes("/b", 50);
  EXPECT_EQ(life.create("t", 1)->log->directory(), "/c/t-1");
  EXPECT_EQ(life.create("t", 2, "/a")->log->directory(), "/a/t-2");
  EXPECT_EQ(life.create("t", 1), life.directories.find({"t", PartitionIndex(1)}));
  EXPECT_EQ(life.directories.create({"t", PartitionIndex(9)}, std::nullopt, life.config_, nullptr, "/nowhere").code(), ErrorCode::LOG_DIR_NOT_FOUND);
  EXPECT_EQ(life.directories.create({"../etc", PartitionIndex(0)}, std::nullopt, life.config_).code(), ErrorCode::INVALID_TOPIC_EXCEPTION);
}

TEST(LogDirectories, ARecreatedTopicsOldLogIsNotGivenOut) {
  MemoryDisk disk;
  Life life(disk, {"/a"});
  life.start();
  const TopicPartition name{"t", PartitionIndex(0)};
  ASSERT_TRUE(life.directories.create(name, Uuid::from_random(1, 1), life.config_).ok());
  EXPECT_EQ(life.directories.create(name, Uuid::from_random(2, 2), life.config_).code(), ErrorCode::INCONSISTENT_TOPIC_ID);
}

// KAFKA-10471, KAFKA-15375.
TEST(LogDirectories, H59TheCleanMarkGoesBeforeLoadingAndComesBackOnlyAfterIt) {
  MemoryDisk disk;
  {
    Life life(disk, {"/a"});
    life.start();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(life.append(life.create("t", i)).ok());
    life.stop();
  }
  ASSERT_TRUE(*disk.exists("/a/.kafka_cleanshutdown"));
  {
    // A crash in the middle of loading.
    Life life(disk, {"/a"});
    ASSERT_TRUE(life.open().ok());
    ASSERT_TRUE(life.directories.bind_identity(kCluster, BrokerId(1)).ok());
    life.begin_load();
    for (int i = 0; i < 3; ++i) life.pool.run_one();
    EXPECT_FALSE(*disk.exists("/a/.kafka_cleanshutdown"));
    disk.lose_power();
    EXPECT_FALSE(*disk.exists("/a/.kafka_cleanshutdown"));
  }
  {
    Life life(disk, {"/a"});
    life.start();
    for (const auto& progress : life.progress) EXPECT_TRUE(progress.recovery.recovered);
    life.stop();
  }
  {
    // Stopped in the middle of loading a clean directory: it is still clean.
    Life life(disk, {"/a"});
    ASSERT_TRUE(life.open().ok());
    life.begin_load();
    for (int i = 0; i < 3; ++i) life.pool.run_one();
    life.stop();
    EXPECT_TRUE(*disk.exists("/a/.kafka_cleanshutdown"));
  }
  ASSERT_TRUE(disk.remove("/a/.kafka_cleanshutdown").ok());
  {
    // Stopped in the middle of recovering: it is not.
    Life life(disk, {"/a"});
    ASSERT_TRUE(life.open().ok());
    life.begin_load();
    for (int i = 0; i < 3; ++i) life.pool.run_one();
    life.stop();
    EXPECT_FALSE(*disk.exists("/a/.kafka_cleanshutdown"));
  }
}

TEST(LogDirectories, H66ADirectoryWhoseSyncFailsIsOfflineTheOthersLiveOn) {
  MemoryDisk disk;
  Life life(disk, {"/a", "/b"});
  life.start();
  const auto in_a = life.create("t", 0, "/a");
  const auto other_in_a = life.create("t", 1, "/a");
  const auto in_b = life.create("t", 2, "/b");
  for (const auto& log : {in_a, other_in_a, in_b}) ASSERT_TRUE(life.append(log).ok());
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "sync" && operation.path.starts_with("/a/t-0"); });
  life.advance(Duration::seconds(2));
  disk.set_fault(nullptr);
  ASSERT_EQ(life.failures.size(), 1u);
  EXPECT_EQ(life.failures[0].directory, "/a");
  EXPECT_EQ(life.failures[0].partitions.size(), 2u);
  EXPECT_EQ(life.append(in_a).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(life.append(other_in_a).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_TRUE(life.append(in_b).ok());
  EXPECT_TRUE(life.directories.any_offline());
  EXPECT_EQ(life.create("u")->health->path(), "/b");
  life.advance(Duration::seconds(2));
  EXPECT_EQ(in_b->log->recovery_point(), Offset(2));
  EXPECT_EQ(life.failures.size(), 1u);
  disk.forget_operations();
  life.stop();
  for (const auto& operation : disk.operations()) EXPECT_FALSE(operation.path.starts_with("/a/") && operation.name != "exists") << operation.name << operation.path;
  EXPECT_FALSE(*disk.exists("/a/.kafka_cleanshutdown"));
  EXPECT_TRUE(*disk.exists("/b/.kafka_cleanshutdown"));
}

TEST(LogDirectories, F41WithoutDescriptorsNoDirectoryGoesOffline) {
  MemoryDisk disk;
  Life life(disk, {"/a"});
  life.start();
  const auto log = life.create("t");
  ASSERT_TRUE(life.append(log).ok());
  disk.set_out_of_descriptors(true);
  life.advance(Duration::seconds(61));
  EXPECT_EQ(life.directories.create({"u", PartitionIndex(0)}, std::nullopt, life.config_).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(life.directories.any_offline());
  EXPECT_TRUE(life.failures.empty());
  EXPECT_TRUE(life.append(log).ok());
  disk.set_out_of_descriptors(false);
  life.advance(Duration::seconds(61));
  EXPECT_EQ(log->log->recovery_point(), Offset(2));
  EXPECT_EQ(life.file("/a/recovery-point-offset-checkpoint"), "0\n1\nt 0 2\n");
  EXPECT_EQ(life.file("/a/replication-offset-checkpoint"), "0\n1\nt 0 2\n");
  EXPECT_NE(life.create("u"), nullptr);
}

TEST(LogDirectories, ADirectoryThatCannotBeReadAtStartIsOffline) {
  MemoryDisk disk;
  {
    Life life(disk, {"/a", "/b"});
    life.start();
    life.create("t", 0, "/a");
    life.create("t", 1, "/b");
    life.stop();
  }
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.path.starts_with("/a") && operation.name == "list"; });
  Life life(disk, {"/a", "/b"});
  life.start();
  ASSERT_TRUE(life.report->ok());
  ASSERT_EQ((*life.report)->offline.size(), 1u);
  EXPECT_EQ((*life.report)->offline[0].directory, "/a");
  EXPECT_EQ((*life.report)->partitions, 1u);
  EXPECT_TRUE(life.directories.any_offline());
}

TEST(LogDirectories, WithoutAnyUsableDirectoryTheStartFails) {
  MemoryDisk disk;
  { Life(disk, {"/a"}).start().stop(); }
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "lock"; });
  EXPECT_FALSE(Life(disk, {"/a"}).open().ok());
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "list"; });
  Life life(disk, {"/a"});
  ASSERT_TRUE(life.open().ok());
  life.begin_load();
  life.run();
  ASSERT_TRUE(life.report.has_value());
  EXPECT_FALSE(life.report->ok());
}

TEST(LogDirectories, DataReachesTheDeviceAboutOnceASecond) {
  MemoryDisk disk;
  Life life(disk, {"/a"});
  life.start();
  const auto log = life.create("t");
  ASSERT_TRUE(life.append(log).ok());
  life.advance(Duration::seconds(2));
  EXPECT_EQ(life.file("/a/recovery-point-offset-checkpoint"), "0\n1\nt 0 1\n");
  life.advance(Duration::seconds(6));
  EXPECT_EQ(life.file("/a/replication-offset-checkpoint"), "0\n1\nt 0 1\n");
  // Nothing new, nothing written.
  disk.forget_operations();
  life.advance(Duration::seconds(10));
  for (const auto& operation : disk.operations()) EXPECT_NE(operation.name, "write") << operation.path;
  life.loop.run_ready();
  disk.lose_power();
  Life again(disk, {"/a"});
  again.start();
  EXPECT_EQ(again.directories.find({"t", PartitionIndex(0)})->log->log_end(), Offset(1));
  EXPECT_EQ(again.directories.find({"t", PartitionIndex(0)})->log->high_watermark(), Offset(1));
}

// Epochs and recovery point of a truncated log are durable before new batches take the place of old ones.
TEST(LogDirectories, ATruncationIsDurableBeforeTheNextAppend) {
  MemoryDisk disk;
  Life life(disk, {"/a"});
  life.start();
  const auto log = life.create("t");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(life.append(log, i < 5 ? 1 : 5).ok());
  life.advance(Duration::seconds(2));
  ASSERT_EQ(life.file("/a/recovery-point-offset-checkpoint"), "0\n1\nt 0 10\n");
  {
    MutexLock lock(*log->mutex);
    ASSERT_TRUE(log->log->truncate_to(Offset(3), life.loop.wall_now()).ok());
  }
  ASSERT_TRUE(life.directories.finish_truncation(log).ok());
  EXPECT_EQ(life.file("/a/recovery-point-offset-checkpoint"), "0\n1\nt 0 3\n");
  EXPECT_EQ(life.file("/a/t-0/leader-epoch-checkpoint"), "0\n1\n1 0\n");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(life.append(log, 7).ok());
  disk.kill();
  Life again(disk, {"/a"});
  again.start();
  const auto& recovered = *again.directories.find({"t", PartitionIndex(0)})->log;
  EXPECT_EQ(recovered.log_end(), Offset(13));
  EXPECT_EQ(recovered.epochs().entries(), (std::vector<EpochStart>{{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(7), Offset(3)}}));
}

TEST(LogDirectories, ADeletedPartitionIsRenamedAtOnceAndRemovedLater) {
  MemoryDisk disk;
  LogConfig config;
  config.file_delete_delay_ms = 5000;
  Life life(disk, {"/a"}, config);
  life.start();
  const auto log = life.create("t");
  ASSERT_TRUE(life.append(log).ok());
  ASSERT_TRUE(life.directories.remove({"t", PartitionIndex(0)}).ok());
  EXPECT_EQ(life.directories.find({"t", PartitionIndex(0)}), nullptr);
  EXPECT_FALSE(*disk.exists("/a/t-0"));
  const auto marked = [&] {
    const auto entries = disk.list("/a");
    for (const auto& entry : *entries) {
      const auto name = parse_directory_name(entry.name);
      if (name && name->kind == DirectoryName::Kind::deleted) return entry.name;
    }
    return std::string();
  };
  ASSERT_FALSE(marked().empty());
  EXPECT_EQ(life.append(log).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(life.directories.remove({"t", PartitionIndex(0)}).code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  // A new one of the name begins empty beside it.
  EXPECT_EQ(life.create("t")->log->log_end(), Offset(0));
  life.advance(Duration::seconds(6));
  EXPECT_TRUE(marked().empty());
  EXPECT_TRUE(*disk.exists("/a/t-0"));
  // One that the broker did not live to remove goes at the next start.
  ASSERT_TRUE(life.directories.remove({"t", PartitionIndex(0)}).ok());
  ASSERT_FALSE(marked().empty());
  disk.kill();
  Life again(disk, {"/a"}, config);
  again.start();
  again.advance(Duration::seconds(61));
  EXPECT_TRUE(marked().empty());
}

// It would find its files gone, and take the whole directory offline; or write into those of a new log of the name.
TEST(LogDirectories, ADeletionWaitsForAFlushThatIsUnderWay) {
  MemoryDisk disk;
  Life life(disk, {"/a"});
  life.start();
  const auto log = life.create("t");
  ASSERT_TRUE(life.append(log).ok());
  std::optional<Flush> flush;
  {
    MutexLock lock(*log->mutex);
    flush = log->log->begin_flush();
  }
  ASSERT_TRUE(flush.has_value());
  std::atomic<bool> removed{false};
  Status status;
  std::thread remover([&] {
    status = life.directories.remove({"t", PartitionIndex(0)});
    removed = true;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (!removed && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(removed);
  const Status flushed = flush->run();
  EXPECT_TRUE(flushed.ok()) << flushed.error().message;
  {
    MutexLock lock(*log->mutex);
    log->log->end_flush(*std::move(flush), flushed);
  }
  remover.join();
  EXPECT_TRUE(status.ok());
  EXPECT_FALSE(*disk.exists("/a/t-0"));
  life.advance(Duration::seconds(2));
  EXPECT_TRUE(life.failures.empty());
}

TEST(LogDirectories, StrayFutureAndForeignDirectoriesAreNotTakenForPartitions) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/a").ok());
  for (const char* name : {"t-0", "t-1.0123456789abcdef0123456789abcdef-stray", "t-2.0123456789abcdef0123456789abcdef-future", "lost+found", "t-x",
                           "__cluster_metadata-0", "remote-log-index-cache", "..-0"})
    ASSERT_TRUE(disk.make_directories("/a/" + std::string(name)).ok());
  Life life(disk, {"/a"});
  life.start();
  EXPECT_EQ((*life.report)->partitions, 1u);
  EXPECT_EQ((*life.report)->notes.size(), 4u);  // the stray, lost+found, t-x, ..-0
  ASSERT_TRUE(life.directories.set_aside_stray({"t", PartitionIndex(0)}).ok());
  life.advance(Duration::seconds(120));
  const auto entries = disk.list("/a");
  EXPECT_EQ(std::count_if(entries->begin(), entries->end(), [](const auto& entry) { return entry.name.ends_with("-stray"); }), 2);
}

TEST(LogDirectories, APartitionInTwoDirectoriesStopsTheStart) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/a/t-0").ok());
  ASSERT_TRUE(disk.make_directories("/b/t-0").ok());
  Life life(disk, {"/a", "/b"});
  ASSERT_TRUE(life.open().ok());
  life.begin_load();
  life.run();
  ASSERT_TRUE(life.report.has_value());
  ASSERT_FALSE(life.report->ok());
  EXPECT_NE(life.report->error().message.find("t-0"), std::string::npos);
}

TEST(LogDirectories, F30DamagedCheckpointsAreNotedAndDoNotHarm) {
  MemoryDisk disk;
  {
    Life life(disk, {"/a"});
    life.start();
    const auto log = life.create("t");
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(life.append(log).ok());
    life.stop();
  }
  for (const char* name : {"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"}) {
    for (const char* damage : {"", "0\n", "garbage", "0\n5\nt 0 3\n", "0\n1\nt 0 -x\n"}) {
      disk.kill();
      ASSERT_TRUE(disk.remove("/a/.kafka_cleanshutdown").ok());
      ASSERT_TRUE(disk.replace_file("/a/" + std::string(name), bytes_of(damage)).ok());
      Life life(disk, {"/a"});
      life.start();
      const auto log = life.directories.find({"t", PartitionIndex(0)});
      ASSERT_NE(log, nullptr) << name << damage;
      EXPECT_EQ(log->log->log_end(), Offset(5)) << name << damage;
      EXPECT_EQ(log->log->log_start(), Offset(0)) << name << damage;
    }
  }
}

TEST(LogDirectories, RetentionRunsAndFilesGoAfterTheDelay) {
  MemoryDisk disk;
  LogConfig config;
  config.segment_bytes = 250;
  config.retention_bytes = 100;
  config.file_delete_delay_ms = 10'000;
  Life life(disk, {"/a"}, config);
  life.start();
  const auto log = life.create("t");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(life.append(log).ok());
  life.advance(Duration::seconds(31));
  EXPECT_GT(log->log->log_start(), Offset(0));
  const auto deleted = [&] {
    const auto entries = disk.list("/a/t-0");
    return std::count_if(entries->begin(), entries->end(), [](const auto& entry) { return entry.name.ends_with(".deleted"); });
  };
  EXPECT_GT(deleted(), 0);
  life.advance(Duration::seconds(11));
  EXPECT_EQ(deleted(), 0);
}

TEST(LogDirectories, DescribeTellsSizes) {
  MemoryDisk disk;
  Life life(disk, {"/a", "/b"});
  life.start();
  const auto log = life.create("t", 0, "/b");
  ASSERT_TRUE(life.append(log).ok());
  life.directories.directories()[0]->fail("pulled out");
  const auto views = life.directories.describe();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_TRUE(views[0].offline);
  ASSERT_EQ(views[1].partitions.size(), 1u);
  EXPECT_EQ(views[1].partitions[0].bytes, static_cast<int64_t>(batch_of({}).size()));
  EXPECT_GT(views[1].free_bytes, 0);
}

TEST(LogNames, AreKafkas) {
  const TopicPartition partition{"a.b-c", PartitionIndex(12)};
  const Uuid unique{0x0123456789abcdef, 0xfedcba9876543210};
  using Kind = DirectoryName::Kind;
  EXPECT_EQ(marked_directory_name(partition, unique, Kind::deleted), "a.b-c-12.0123456789abcdeffedcba9876543210-delete");
  for (const Kind kind : {Kind::deleted, Kind::stray, Kind::future}) {
    const auto parsed = parse_directory_name(marked_directory_name(partition, unique, kind));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->partition, partition);
  }
  const TopicPartition longest{std::string(249, 'x'), PartitionIndex(1)};
  EXPECT_EQ(marked_directory_name(longest, unique, Kind::deleted).size(), 255u);
  EXPECT_EQ(parse_directory_name("t-7")->partition, (TopicPartition{"t", PartitionIndex(7)}));
  for (const char* name : {"", "t", "t-", "-1", "t-01", "t-1x", "t-99999999999", "a/b-0", ".-0", "t-1.x-deletes"})
    EXPECT_FALSE(parse_directory_name(name).has_value()) << name;
  EXPECT_EQ(segment_file_name(Offset(42), ".log"), "00000000000000000042.log");
  EXPECT_EQ(parse_segment_file_name("00000000000000000042.log", ".log"), Offset(42));
  for (const char* name : {"0000000000000000042.log", "000000000000000000042.log", "0000000000000000004x.log", "00000000000000000042.logs"})
    EXPECT_FALSE(parse_segment_file_name(name, ".log").has_value()) << name;
}

}  // namespace
}  // namespace quokka
