// For tests: a broker's replicas on a disk in memory. Proposals and fetchers are recorded, work of the pool runs when the test says so.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/log/test_log.h"
#include "broker/replica/replica_table.h"

namespace quokka::testing {

struct RecordedProposals final : IsrProposals {
  void propose(std::shared_ptr<Partition>, IsrProposal proposal) override { all.push_back(std::move(proposal)); }
  std::vector<IsrProposal> all;
};

struct RecordedFetchers final : Fetchers {
  void follow(PartitionPtr partition, BrokerId leader) override {
    following[partition->name()] = leader;
    ++follows;
  }
  void unfollow(const TopicPartition& partition) override { following.erase(partition); }
  std::map<TopicPartition, BrokerId> following;
  int follows = 0;
};

class CountedWaiter final : public FetchWaiter {
 public:
  void wake() override { ++wakes; }
  int wakes = 0;
};

inline const BrokerId kOne{1}, kTwo{2}, kThree{3};

// What a leader sends: `count` batches of one record and more.
inline std::vector<uint8_t> leader_batches(int64_t from, int count, int32_t epoch, int records = 1) {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < count; ++i) {
    const auto batch = batch_of({.records = records, .leader_epoch = LeaderEpoch(epoch), .base_offset = Offset(from + i * records)});
    bytes.insert(bytes.end(), batch.begin(), batch.end());
  }
  return bytes;
}

// Broker 1 of a cluster of three.
class ReplicasOnMemory {
 public:
  explicit ReplicasOnMemory(LogConfig log_config = {}, std::vector<std::string> log_dirs = {"/data"}) : config(std::make_shared<LogConfig>(log_config)) {
    settings_.log_dirs = std::move(log_dirs);
    start();
  }
  // As after a power loss, or a kill.
  void restart(bool lose_power) {
    table.reset();
    directories.reset();
    if (lose_power) {
      disk.lose_power();
    } else {
      disk.kill();
    }
    start();
  }

  static PartitionRole role(BrokerId leader, int32_t leader_epoch, std::vector<BrokerId> isr) {
    PartitionRole role;
    role.controller_epoch = ControllerEpoch(1);
    role.leader = leader;
    role.leader_epoch = LeaderEpoch(leader_epoch);
    role.partition_epoch = PartitionEpoch(leader_epoch);
    role.isr = std::move(isr);
    role.replicas = {kOne, kTwo, kThree};
    return role;
  }
  ErrorCode become(BrokerId leader, int32_t leader_epoch, std::vector<BrokerId> isr, bool is_new = false, int32_t index = 0) {
    PartitionRole wanted = role(leader, leader_epoch, std::move(isr));
    wanted.is_new = is_new;
    return table->become({{{kPartition.topic, PartitionIndex(index)}, topic_id, registration, wanted}}).front();
  }
  PartitionPtr partition(int32_t index = 0) const { return table->find(kPartition.topic, PartitionIndex(index)); }
  void set_config(const LogConfig& changed) {
    config = std::make_shared<LogConfig>(changed);
    table->reconfigure(kPartition.topic, config);
  }

  // One record, acks=all unless `all` is false. The outcome, if it is known yet, is in `acks`.
  Result<Partition::Appended> produce(bool all = true, MonoTime give_up = Partition::kNever) {
    const Result<Partition::AppendPermit> permit = partition()->permit_append(all ? -1 : 1);
    if (!permit) return permit.error();
    return append(permit->leader_epoch, all, give_up);
  }
  Result<Partition::Appended> append(LeaderEpoch permitted, bool all = true, MonoTime give_up = Partition::kNever) {
    BatchToAppend batch = to_append(batch_of({}));
    Partition::OnCommitted done;
    if (all) done = [this](ErrorCode error) { acks.push_back(error); };
    return partition()->append(batch, permitted, AppendOrigin::CLIENT, std::move(done), {give_up}, {});
  }
  // Another replica asks for records from `offset` on.
  Result<Partition::ReadAnswer> fetch_as(BrokerId follower, int64_t offset, BrokerEpoch epoch = BrokerEpoch(), int32_t last_epoch = -1) {
    Partition::Read read;
    read.offset = Offset(offset);
    read.bytes_max = 1 << 20;
    read.min_one_message = true;
    read.isolation = Isolation::log_end;
    read.current_leader_epoch = partition()->leader_epoch();
    read.last_fetched_epoch = LeaderEpoch(last_epoch);
    read.follower = Leader::FollowerFetch{follower, epoch, Offset(offset), Offset(0), true};
    return partition()->read(read);
  }
  Offset high_watermark() const { return partition()->state().high_watermark; }
  Offset log_end() const { return partition()->state().log_end; }
  void run() { run_all(pool, loop); }
  // The controller answers the last proposal.
  void grant() {
    const IsrProposal granted = proposals.all.back();
    partition()->on_isr_written(granted, ProposalOutcome::done,
                                CommittedPartitionState{granted.leader_epoch, PartitionEpoch(granted.partition_epoch.value + 1), granted.isr, false});
  }

  MemoryDisk disk;
  ManualLoop loop;
  ManualPool pool;
  SeededRandom random{7};
  Registry metrics;
  RecordedProposals proposals;
  RecordedFetchers fetchers;
  LogConfigPtr config;
  TopicId topic_id{1, 2};
  BrokerEpoch registration{1};
  std::vector<ErrorCode> acks;
  std::unique_ptr<LogDirectories> directories;
  std::unique_ptr<ReplicaTable> table;
  std::vector<std::string> failed_directories;

 private:
  void start() {
    directories = std::make_unique<LogDirectories>(disk, pool, loop, random, settings_);
    ASSERT_TRUE(directories->open().ok());
    bool loaded = false;
    directories->load([this](const std::string&) { return config; }, [](const LogDirectories::Progress&) {},
                      [&](Result<LogDirectories::LoadReport> report) { loaded = report.ok(); });
    run();
    ASSERT_TRUE(loaded);
    table = std::make_unique<ReplicaTable>(kOne, Duration::seconds(30), ReplicaTable::Ports{*directories, proposals, fetchers, loop, metrics},
                                           [this](const std::string&) { return config; });
    directories->start([this](const LogDirectories::Failed& failed) {
      failed_directories.push_back(failed.directory);
      table->on_directory_offline(failed.partitions);
    });
  }

  LogDirectories::Settings settings_;
};

}  // namespace quokka::testing
