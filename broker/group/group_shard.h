// The groups of one partition of __consumer_offsets: the core over the partition's journal. Performs what the core decides, keeps the answers that wait,
// and its timer. Everything on one loop.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_core.h"
#include "broker/group/view_topics.h"
#include "broker/journal/journal.h"

namespace quokka {

class GroupShard final : public JournalState {
 public:
  // `view` outlives it.
  GroupShard(GroupSettings settings, Journal::Settings journal, Journal::Ports ports, ViewHolder& view);

  Journal& journal() { return journal_; }
  // NONE if requests are served; COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR.
  ErrorCode readiness() const;

  // --- Requests; the shard is ready. Each `done` is called once, perhaps at once. A write is answered when it is committed.
  void join(const JoinGroup& join, Function<void(JoinAnswer)> done);
  void sync(const SyncGroup& sync, Function<void(SyncAnswer)> done);
  ErrorCode heartbeat(const std::string& group, const MemberIdentity& member, int32_t generation);
  struct Left {
    ErrorCode error = ErrorCode::NONE;
    std::vector<ErrorCode> members;
  };
  Left leave(const std::string& group, const std::vector<MemberIdentity>& members);
  void consumer_heartbeat(const ConsumerHeartbeat& beat, Function<void(ConsumerHeartbeatAnswer)> done);
  // What is told is committed.
  using Described = Result<ConsumerGroupDescription>;
  void describe_consumer_group(const std::string& group, Function<void(Described)> done);
  void commit(const OffsetCommit& commit, Function<void(std::vector<ErrorCode>)> done);
  // Waits until all that is told is committed. nullopt: all partitions.
  using Fetched = Result<std::vector<FetchedOffset>>;
  void fetch_offsets(const OffsetsWanted& wanted, Function<void(Fetched)> done);
  void delete_group(const std::string& group, Function<void(ErrorCode)> done);
  // Errors of the partitions, as asked; or one of the group.
  using Deleted = Result<std::vector<ErrorCode>>;
  void delete_offsets(const std::string& group, const std::vector<TopicPartition>& partitions, Function<void(Deleted)> done);
  std::vector<GroupOverview> list() const { return core_.list(); }
  GroupDescription describe(const std::string& group) const { return core_.describe(group); }

  void on_partitions_deleted(const std::vector<TopicPartition>& partitions);
  void on_retention();

  // --- JournalState
  void apply(const JournalRecord& record) override;
  void apply_marker(ProducerId producer, bool committed) override;
  void on_loaded() override;
  void on_unloaded() override;

 private:
  GroupTime now() const { return {loop_.now(), loop_.wall_now()}; }
  // `written`, unless empty, is called once: when all writes are committed, or with the first error.
  void perform(GroupEffects effects, Journal::Done written = {});
  void perform_and_wait(GroupEffects effects);
  void answer(std::vector<std::pair<GroupRequestId, JoinAnswer>> joins, std::vector<std::pair<GroupRequestId, SyncAnswer>> syncs);
  void append(const GroupWrite& write, Journal::Done done);
  void arm_timer();

  Loop& loop_;
  const TopicPartition partition_;
  const ViewTopics topics_;
  GroupCore core_;
  Journal journal_;
  GroupRequestId next_request_ = 1;
  std::map<GroupRequestId, Function<void(JoinAnswer)>> joining_;
  std::map<GroupRequestId, Function<void(SyncAnswer)>> syncing_;
  Loop::TimerId timer_ = 0;
  std::optional<MonoTime> timer_at_;
};

}  // namespace quokka
