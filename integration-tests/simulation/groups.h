// A consumer group in the simulated cluster: members that join, die, leave and commit, and whether what they are told agrees.
//
// A member whose commit was not answered joins anew before it commits again: a late one, of the same generation, could take the offset back otherwise,
// which the protocol does not rule out. It reads nothing: it goes on through what the history knows to be committed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "integration-tests/simulation/coordinated_client.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/sync_group.h"

namespace quokka::simulation {

class GroupHistory {
 public:
  explicit GroupHistory(History& history) : history_(history) {}

  // In one generation each partition has one owner. `member`: its id, or the instance id of a static one, who goes on with what it had before it died.
  void on_assigned(int32_t generation, const std::string& member, const std::vector<int>& partitions);
  // Offsets that were acknowledged do not go back, for whoever asks later.
  void on_committed(int partition, Offset offset);
  Offset committed(int partition) const;
  void on_fetched(int partition, Offset offset, Offset committed_when_asked);

  uint64_t generations() const { return owners_.size(); }
  uint64_t commits() const { return commits_; }

 private:
  History& history_;
  std::map<int32_t, std::map<int, std::string>> owners_;  // by generation and partition
  std::map<int, Offset> committed_;
  uint64_t commits_ = 0;
};

class GroupMember final : public CoordinatedClient {
 public:
  GroupMember(Agenda& agenda, Network& network, const ClusterShape& shape, int id, bool is_static, GroupHistory& group, History& history);
  ~GroupMember() override { loop_.stop(); }

  void start();
  // No more deaths and departures: it stays and commits what is left.
  void settle() { settling_ = true; }

 private:
  std::optional<std::string_view> instance() const { return instance_ ? std::optional<std::string_view>(*instance_) : std::nullopt; }
  void join();
  void on_joined(const Result<Answer<JoinGroupResponse>>& answer);
  void sync(const JoinGroupResponse& joined);
  void on_synced(const Result<Answer<SyncGroupResponse>>& answer);
  void fetch_offsets();
  // A heartbeat, a commit, or a death, over and over.
  void live();
  void heartbeat();
  void commit();
  void leave();
  // What became of an answer that is not NONE: the member joins again, perhaps as another one.
  void join_again(ErrorCode error);
  // As another process: nobody is told.
  void die();

  const std::optional<std::string> instance_;
  GroupHistory& group_;
  History& history_;
  std::string member_id_;
  int32_t generation_ = -1;
  std::map<int, Offset> positions_;  // of what it owns
  std::map<int, Offset> committed_;  // by this member, in this generation
  bool settling_ = false;
};

class Group {
 public:
  Group(Agenda& agenda, Network& network, const ClusterShape& shape, History& history);

  void start();
  void settle();
  // Everything that is committed in the log is committed by the group.
  bool is_done() const;
  std::string progress() const;
  const std::vector<std::unique_ptr<GroupMember>>& members() const { return members_; }
  const GroupHistory& history() const { return group_; }

 private:
  const ClusterShape& shape_;
  History& history_;
  GroupHistory group_;
  std::vector<std::unique_ptr<GroupMember>> members_;
};

}  // namespace quokka::simulation
