// The group coordinator of a broker: one shard for each partition of __consumer_offsets that it leads, spread over the event loops. Finds the shard of a
// group, and answers for those it has not.
//
// Any thread may call; `done` is called once, on any thread. Errors beside those of the shard: INVALID_GROUP_ID, COORDINATOR_LOAD_IN_PROGRESS,
// NOT_COORDINATOR.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/group_shard.h"
#include "broker/journal/coordinator_shards.h"
#include "coord/view/cluster_view.h"

namespace quokka {

class GroupCoordinator {
 public:
  struct Settings {
    GroupSettings groups;
    Journal::Settings journal;           // but for the partition
    Duration retention_check = Duration::seconds(600);
  };
  // All outlive this; the loops and the pool run nothing any more when it is destroyed.
  struct Ports {
    std::vector<Loop*> loops;
    Pool& pool;
    JournalLogs& logs;
    ViewHolder& view;
    CoordinatorTopic& topic;  // __consumer_offsets
    Random& random;
  };

  GroupCoordinator(Settings settings, Ports ports);
  GroupCoordinator(const GroupCoordinator&) = delete;
  GroupCoordinator& operator=(const GroupCoordinator&) = delete;

  // Begins to expire offsets.
  void start();
  // Unloads every shard; what waits is answered NOT_COORDINATOR, and so is what comes. `done` runs on any thread; no log is written to any more.
  void stop(Task done);

  // Of __consumer_offsets. nullopt: that is not there, or not known well enough; who asks is to ask again.
  std::optional<PartitionIndex> partition_of(std::string_view group) { return ports_.topic.partition_of(group); }
  void on_view() { ports_.topic.on_view(); }

  // --- Leadership of partitions of __consumer_offsets, in the order in which it changes.
  void lead(PartitionIndex partition, LeaderEpoch epoch);
  // nullopt: the partition is gone.
  void resign(PartitionIndex partition, std::optional<LeaderEpoch> epoch);
  // Offsets of partitions that do not exist any more are forgotten.
  void on_partitions_deleted(const std::vector<TopicPartition>& partitions);

  // --- Requests
  void join(JoinGroup join, Function<void(JoinAnswer)> done);  // `unique` is drawn here
  void sync(SyncGroup sync, Function<void(SyncAnswer)> done);
  void heartbeat(std::string group, MemberIdentity member, int32_t generation, Function<void(ErrorCode)> done);
  void leave(std::string group, std::vector<MemberIdentity> members, Function<void(GroupShard::Left)> done);
  void consumer_heartbeat(ConsumerHeartbeat beat, Function<void(ConsumerHeartbeatAnswer)> done);  // `unique` is drawn here
  void describe_consumer_group(std::string group, Function<void(GroupShard::Described)> done);
  void commit(OffsetCommit commit, Function<void(std::vector<ErrorCode>)> done);
  // The end of a transaction in that partition of __consumer_offsets. NOT_LEADER_OR_FOLLOWER while it is not coordinated here.
  void write_marker(PartitionIndex partition, ProducerId producer, ProducerEpoch epoch, EndTransactionMarker marker, Function<void(ErrorCode)> done);
  void fetch_offsets(OffsetsWanted wanted, Function<void(GroupShard::Fetched)> done);
  void describe(std::string group, Function<void(Result<GroupDescription>)> done);
  // All groups of this broker; COORDINATOR_LOAD_IN_PROGRESS if a shard is being loaded.
  void list(Function<void(ErrorCode, std::vector<GroupOverview>)> done);
  void delete_group(std::string group, Function<void(ErrorCode)> done);
  void delete_offsets(std::string group, std::vector<TopicPartition> partitions, Function<void(GroupShard::Deleted)> done);

 private:
  // `f(shard)` on the shard's loop if it is ready, else `refuse(error)`.
  template <class Done, class F, class Refuse>
  void with_shard(const std::string& group, Done done, F f, Refuse refuse) {
    shards_.with_shard_of(group, std::move(done), std::move(f), std::move(refuse));
  }

  const Settings settings_;
  const Ports ports_;
  CoordinatorShards<GroupShard> shards_;
};

}  // namespace quokka
