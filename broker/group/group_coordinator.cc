#include "broker/group/group_coordinator.h"

#include <fmt/core.h>

#include <utility>

#include "protocol/base/topic_name.h"
#include "protocol/base/uuid.h"

namespace quokka {

namespace {

// As Java writes a UUID: hexadecimal with dashes.
std::string uuid_text(Random& random) {
  const uint64_t high = random.next();
  const Uuid id = Uuid::from_random(high, random.next());
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, id.high >> 16 & 0xffff, id.high & 0xffff, id.low >> 48,
                     id.low & 0xffffffffffff);
}

}  // namespace

GroupCoordinator::GroupCoordinator(Settings settings, Ports ports)
    : settings_(std::move(settings)), ports_(std::move(ports)), shards_(ports_.loops, ports_.topic, [this](PartitionIndex partition, Loop& loop) {
        Journal::Settings journal = settings_.journal;
        journal.partition = {std::string(kGroupMetadataTopic), partition};
        return std::make_unique<GroupShard>(settings_.groups, std::move(journal), Journal::Ports{loop, ports_.pool, ports_.logs}, ports_.view);
      }) {}

void GroupCoordinator::start() {
  shards_.every(settings_.retention_check, [](GroupShard& shard) { shard.on_retention(); });
}

void GroupCoordinator::stop(Task done) { shards_.stop(std::move(done)); }

// --- Leadership

void GroupCoordinator::lead(PartitionIndex partition, LeaderEpoch epoch) { shards_.lead(partition, epoch); }

void GroupCoordinator::resign(PartitionIndex partition, std::optional<LeaderEpoch> epoch) { shards_.resign(partition, epoch); }

void GroupCoordinator::on_partitions_deleted(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return;
  shards_.on_every([partitions](GroupShard& shard) { shard.on_partitions_deleted(partitions); }, [] {});
}

// --- Requests

void GroupCoordinator::join(JoinGroup join, Function<void(JoinAnswer)> done) {
  JoinAnswer refusal;
  refusal.member_id = join.member_id;
  refusal.error = ErrorCode::INVALID_GROUP_ID;
  if (join.group.empty()) return done(std::move(refusal));
  join.unique = uuid_text(ports_.random);
  const std::string group = join.group;
  with_shard(
      group, std::move(done), [join = std::move(join)](GroupShard& shard, auto answer) { shard.join(join, std::move(answer)); },
      [refusal = std::move(refusal)](ErrorCode error, auto answer) mutable {
        refusal.error = error;
        answer(std::move(refusal));
      });
}

void GroupCoordinator::sync(SyncGroup sync, Function<void(SyncAnswer)> done) {
  if (sync.group.empty()) return done(SyncAnswer{ErrorCode::INVALID_GROUP_ID, {}, {}, {}});
  const std::string group = sync.group;
  with_shard(
      group, std::move(done), [sync = std::move(sync)](GroupShard& shard, auto answer) { shard.sync(sync, std::move(answer)); },
      [](ErrorCode error, auto answer) {
        // A rebalance that was under way is known to nobody: the member joins again.
        const bool is_loading = error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        answer(SyncAnswer{is_loading ? ErrorCode::REBALANCE_IN_PROGRESS : error, {}, {}, {}});
      });
}

void GroupCoordinator::heartbeat(std::string group, MemberIdentity member, int32_t generation, Function<void(ErrorCode)> done) {
  if (group.empty()) return done(ErrorCode::INVALID_GROUP_ID);
  with_shard(
      group, std::move(done),
      [group, member = std::move(member), generation](GroupShard& shard, auto answer) { answer(shard.heartbeat(group, member, generation)); },
      // Sessions begin with the end of the load.
      [](ErrorCode error, auto answer) { answer(error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode::NONE : error); });
}

void GroupCoordinator::leave(std::string group, std::vector<MemberIdentity> members, Function<void(GroupShard::Left)> done) {
  if (group.empty()) return done({ErrorCode::INVALID_GROUP_ID, {}});
  with_shard(
      group, std::move(done), [group, members = std::move(members)](GroupShard& shard, auto answer) { answer(shard.leave(group, members)); },
      [](ErrorCode error, auto answer) { answer({error, {}}); });
}

void GroupCoordinator::consumer_heartbeat(ConsumerHeartbeat beat, Function<void(ConsumerHeartbeatAnswer)> done) {
  // Kafka's ids of members are in the form of its other ids.
  for (Uuid id; beat.unique.empty() || beat.unique.front() == '-'; beat.unique = id.str()) {
    const uint64_t high = ports_.random.next();
    id = Uuid::from_random(high, ports_.random.next());
  }
  ConsumerHeartbeatAnswer refusal;
  refusal.member_id = beat.member_id;
  const std::string group = beat.group;
  with_shard(
      group, std::move(done), [beat = std::move(beat)](GroupShard& shard, auto answer) { shard.consumer_heartbeat(beat, std::move(answer)); },
      [refusal = std::move(refusal)](ErrorCode error, auto answer) mutable {
        refusal.error = error;
        answer(std::move(refusal));
      });
}

void GroupCoordinator::describe_consumer_group(std::string group, Function<void(GroupShard::Described)> done) {
  with_shard(
      group, std::move(done), [group](GroupShard& shard, auto answer) { shard.describe_consumer_group(group, std::move(answer)); },
      [group](ErrorCode error, auto answer) { answer(Error{error, group}); });
}

void GroupCoordinator::commit(OffsetCommit commit, Function<void(std::vector<ErrorCode>)> done) {
  const std::string group = commit.group;
  const size_t count = commit.partitions.size();
  with_shard(
      group, std::move(done), [commit = std::move(commit)](GroupShard& shard, auto answer) { shard.commit(commit, std::move(answer)); },
      [count](ErrorCode error, auto answer) { answer(std::vector<ErrorCode>(count, error)); });
}

void GroupCoordinator::write_marker(PartitionIndex partition, ProducerId producer, ProducerEpoch epoch, EndTransactionMarker marker,
                                    Function<void(ErrorCode)> done) {
  shards_.with_shard(
      partition, std::move(done),
      [producer, epoch, marker](GroupShard& shard, auto answer) { shard.journal().append_marker(producer, epoch, marker, std::move(answer)); },
      [](ErrorCode, auto answer) { answer(ErrorCode::NOT_LEADER_OR_FOLLOWER); });
}

void GroupCoordinator::fetch_offsets(OffsetsWanted wanted, Function<void(GroupShard::Fetched)> done) {
  const std::string group = wanted.group;
  with_shard(
      group, std::move(done), [wanted = std::move(wanted)](GroupShard& shard, auto answer) { shard.fetch_offsets(wanted, std::move(answer)); },
      [group](ErrorCode error, auto answer) { answer(Error{error, group}); });
}

void GroupCoordinator::describe(std::string group, Function<void(Result<GroupDescription>)> done) {
  with_shard(
      group, std::move(done), [group](GroupShard& shard, auto answer) { answer(shard.describe(group)); },
      [group](ErrorCode error, auto answer) { answer(Error{error, group}); });
}

void GroupCoordinator::list(Function<void(ErrorCode, std::vector<GroupOverview>)> done) {
  shards_.list(std::move(done));
}

void GroupCoordinator::delete_group(std::string group, Function<void(ErrorCode)> done) {
  with_shard(
      group, std::move(done), [group](GroupShard& shard, auto answer) { shard.delete_group(group, std::move(answer)); },
      [](ErrorCode error, auto answer) { answer(error); });
}

void GroupCoordinator::delete_offsets(std::string group, std::vector<TopicPartition> partitions, Function<void(GroupShard::Deleted)> done) {
  if (group.empty()) return done(Error{ErrorCode::INVALID_GROUP_ID, group});
  with_shard(
      group, std::move(done),
      [group, partitions = std::move(partitions)](GroupShard& shard, auto answer) { shard.delete_offsets(group, partitions, std::move(answer)); },
      [group](ErrorCode error, auto answer) { answer(Error{error, group}); });
}

}  // namespace quokka
