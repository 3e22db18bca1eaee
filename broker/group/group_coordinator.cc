#include "broker/group/group_coordinator.h"

#include <fmt/core.h>

#include <utility>

#include "protocol/base/mutex.h"
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
    : settings_(std::move(settings)), ports_(std::move(ports)), shards_(ports_.loops, [this](PartitionIndex partition, Loop& loop) {
        Journal::Settings journal = settings_.journal;
        journal.partition = {std::string(kGroupMetadataTopic), partition};
        return std::make_unique<GroupShard>(settings_.groups, std::move(journal), Journal::Ports{loop, ports_.pool, ports_.logs});
      }) {}

void GroupCoordinator::start() {
  shards_.every(settings_.retention_check, [](GroupShard& shard) { shard.on_retention(); });
}

void GroupCoordinator::stop(Task done) { shards_.stop(std::move(done)); }

PartitionIndex GroupCoordinator::partition_of(std::string_view group) const {
  return coordinator_partition(*ports_.view.get(), kGroupMetadataTopic, settings_.partitions, group);
}

// --- Leadership

void GroupCoordinator::lead(PartitionIndex partition, LeaderEpoch epoch) { shards_.lead(partition, epoch); }

void GroupCoordinator::resign(PartitionIndex partition, std::optional<LeaderEpoch> epoch) { shards_.resign(partition, epoch); }

void GroupCoordinator::on_partitions_deleted(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return;
  shards_.on_every([partitions](GroupShard& shard) { shard.on_partitions_deleted(partitions); }, [] {});
}

// --- Requests. The two ways out of one request share its `done`.

void GroupCoordinator::join(JoinGroup join, Function<void(JoinAnswer)> done) {
  JoinAnswer refusal;
  refusal.member_id = join.member_id;
  refusal.error = ErrorCode::INVALID_GROUP_ID;
  if (join.group.empty()) return done(std::move(refusal));
  join.unique = uuid_text(ports_.random);
  auto answer = std::make_shared<Function<void(JoinAnswer)>>(std::move(done));
  const std::string group = join.group;
  with_shard(
      group, [join = std::move(join), answer](GroupShard& shard) { shard.join(join, std::move(*answer)); },
      [refusal = std::move(refusal), answer](ErrorCode error) mutable {
        refusal.error = error;
        (*answer)(std::move(refusal));
      });
}

void GroupCoordinator::sync(SyncGroup sync, Function<void(SyncAnswer)> done) {
  if (sync.group.empty()) return done(SyncAnswer{ErrorCode::INVALID_GROUP_ID, {}, {}, {}});
  auto answer = std::make_shared<Function<void(SyncAnswer)>>(std::move(done));
  const std::string group = sync.group;
  with_shard(
      group, [sync = std::move(sync), answer](GroupShard& shard) { shard.sync(sync, std::move(*answer)); },
      [answer](ErrorCode error) {
        // A rebalance that was under way is known to nobody: the member joins again.
        const bool is_loading = error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        (*answer)(SyncAnswer{is_loading ? ErrorCode::REBALANCE_IN_PROGRESS : error, {}, {}, {}});
      });
}

void GroupCoordinator::heartbeat(std::string group, MemberIdentity member, int32_t generation, Function<void(ErrorCode)> done) {
  if (group.empty()) return done(ErrorCode::INVALID_GROUP_ID);
  auto answer = std::make_shared<Function<void(ErrorCode)>>(std::move(done));
  with_shard(
      group,
      [group, member = std::move(member), generation, answer](GroupShard& shard) { (*answer)(shard.heartbeat(group, member, generation)); },
      // Sessions begin with the end of the load.
      [answer](ErrorCode error) { (*answer)(error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode::NONE : error); });
}

void GroupCoordinator::leave(std::string group, std::vector<MemberIdentity> members, Function<void(GroupShard::Left)> done) {
  if (group.empty()) return done({ErrorCode::INVALID_GROUP_ID, {}});
  auto answer = std::make_shared<Function<void(GroupShard::Left)>>(std::move(done));
  with_shard(
      group, [group, members = std::move(members), answer](GroupShard& shard) { (*answer)(shard.leave(group, members)); },
      [answer](ErrorCode error) { (*answer)({error, {}}); });
}

void GroupCoordinator::commit(OffsetCommit commit, Function<void(std::vector<ErrorCode>)> done) {
  auto answer = std::make_shared<Function<void(std::vector<ErrorCode>)>>(std::move(done));
  const std::string group = commit.group;
  const size_t count = commit.partitions.size();
  with_shard(
      group, [commit = std::move(commit), answer](GroupShard& shard) { shard.commit(commit, std::move(*answer)); },
      [count, answer](ErrorCode error) { (*answer)(std::vector<ErrorCode>(count, error)); });
}

void GroupCoordinator::write_marker(PartitionIndex partition, ProducerId producer, ProducerEpoch epoch, EndTransactionMarker marker,
                                    Function<void(ErrorCode)> done) {
  auto answer = std::make_shared<Function<void(ErrorCode)>>(std::move(done));
  shards_.with_shard(
      partition,
      [producer, epoch, marker, answer](GroupShard& shard) { shard.journal().append_marker(producer, epoch, marker, std::move(*answer)); },
      [answer](ErrorCode) { (*answer)(ErrorCode::NOT_LEADER_OR_FOLLOWER); });
}

void GroupCoordinator::fetch_offsets(std::string group, std::optional<std::vector<TopicPartition>> partitions, bool require_stable,
                                     Function<void(GroupShard::Fetched)> done) {
  auto answer = std::make_shared<Function<void(GroupShard::Fetched)>>(std::move(done));
  with_shard(
      group,
      [group, partitions = std::move(partitions), require_stable, answer](GroupShard& shard) {
        shard.fetch_offsets(group, partitions, require_stable, std::move(*answer));
      },
      [group, answer](ErrorCode error) { (*answer)(Error{error, group}); });
}

void GroupCoordinator::describe(std::string group, Function<void(Result<GroupDescription>)> done) {
  auto answer = std::make_shared<Function<void(Result<GroupDescription>)>>(std::move(done));
  with_shard(
      group, [group, answer](GroupShard& shard) { (*answer)(shard.describe(group)); },
      [group, answer](ErrorCode error) { (*answer)(Error{error, group}); });
}

void GroupCoordinator::list(Function<void(ErrorCode, std::vector<GroupOverview>)> done) {
  struct Gathered {
    Mutex mutex;
    ErrorCode error GUARDED_BY(mutex) = ErrorCode::NONE;
    std::vector<GroupOverview> groups GUARDED_BY(mutex);
  };
  auto gathered = std::make_shared<Gathered>();
  const auto gather = [gathered](GroupShard& shard) {
    MutexLock lock(gathered->mutex);
    if (shard.readiness() == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) gathered->error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    for (GroupOverview& each : shard.list()) gathered->groups.push_back(std::move(each));
  };
  shards_.on_every(gather, [gathered, done = std::move(done)]() mutable {
    ErrorCode error = ErrorCode::NONE;
    std::vector<GroupOverview> groups;
    {
      MutexLock lock(gathered->mutex);
      error = gathered->error;
      groups = std::move(gathered->groups);
    }
    done(error, std::move(groups));
  });
}

void GroupCoordinator::delete_group(std::string group, Function<void(ErrorCode)> done) {
  auto answer = std::make_shared<Function<void(ErrorCode)>>(std::move(done));
  with_shard(
      group, [group, answer](GroupShard& shard) { shard.delete_group(group, std::move(*answer)); }, [answer](ErrorCode error) { (*answer)(error); });
}

void GroupCoordinator::delete_offsets(std::string group, std::vector<TopicPartition> partitions, Function<void(GroupShard::Deleted)> done) {
  if (group.empty()) return done(Error{ErrorCode::INVALID_GROUP_ID, group});
  auto answer = std::make_shared<Function<void(GroupShard::Deleted)>>(std::move(done));
  with_shard(
      group,
      [group, partitions = std::move(partitions), answer](GroupShard& shard) { shard.delete_offsets(group, partitions, std::move(*answer)); },
      [group, answer](ErrorCode error) { (*answer)(Error{error, group}); });
}

}  // namespace quokka
