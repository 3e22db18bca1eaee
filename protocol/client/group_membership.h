// A member of a consumer group, of the classic protocol: joins, assigns if it leads, shows that it is there, commits what was read, leaves.
//
//   OUT -> JOINING: everybody is called together -> SYNCING: the leader's assignment is awaited -> MEMBER: reads and sends heartbeats.
//
// Before it joins again it lets go of all its partitions and commits (the eager way of rebalancing), beside members that keep theirs, too. There is no
// thread behind it: whoever owns it calls poll() often enough for a heartbeat within the session time-out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/client/assignors.h"
#include "protocol/client/group_offsets.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/sync_group.h"

namespace quokka {

struct GroupMembershipSettings {
  std::string group;
  std::optional<std::string> instance_id;                // a static member: it is expected back after it ends
  Duration session_timeout = Duration::seconds(45);
  Duration heartbeat_interval = Duration::seconds(3);
  Duration rebalance_timeout = Duration::seconds(300);   // max.poll.interval.ms
  bool auto_commit = true;
  Duration auto_commit_interval = Duration::seconds(5);
  bool allow_auto_create_topics = true;
  // Those it knows, most wanted first: "range", "cooperative-sticky".
  std::vector<std::string> assignors{"range", "cooperative-sticky"};
};

// The assignors of partition.assignment.strategy, Java's class names and our own. INVALID_CONFIG names one that is not known.
Result<std::vector<std::string>> parse_assignors(const std::string& text);

class GroupMembership {
 public:
  // What reads. Partitions come with the committed offset, if there is one.
  struct Reader {
    std::function<OffsetsByPartition()> positions;
    std::function<void(const std::map<TopicPartition, std::optional<Offset>>&)> read_only;
  };

  // `client` outlives it. `warn` gets a line for whatever passes and is tried again.
  GroupMembership(BlockingClient& client, GroupMembershipSettings settings, Reader reader, std::function<void(const std::string&)> warn);

  void subscribe(std::set<std::string> topics);
  // Does what is to be done now, and waits for a rebalance under way, at most `wait`. Errors end the membership.
  Status poll(Duration wait);
  // Commits if all was dealt with that was read, and leaves unless it is static.
  Status leave(bool commits);

  bool is_member() const { return state_ == State::MEMBER; }
  // Why the coordinator could not be asked the last time; ok if it could.
  const Status& reached() const { return reached_; }

 private:
  enum class State { OUT, JOINING, SYNCING, MEMBER };
  // Shared with the requests under way, which may outlive the member. What comes for an earlier attempt is dropped.
  struct Answers {
    uint64_t attempt = 0;
    std::optional<Result<Answer<JoinGroupResponse>>> joined;
    std::optional<Result<Answer<SyncGroupResponse>>> synced;
    std::optional<Result<Answer<HeartbeatResponse>>> heartbeat;
  };

  Status step();
  bool has_answer() const { return answers_->joined || answers_->synced || answers_->heartbeat; }
  Status start_join();
  Status on_joined(Result<Answer<JoinGroupResponse>> answer);
  Status start_sync(const JoinGroupResponse& joined);
  Status on_synced(Result<Answer<SyncGroupResponse>> answer);
  Status begin_to_read(const std::set<TopicPartition>& assigned);
  Status stay();
  Status start_heartbeat();
  Status on_heartbeat(const Result<Answer<HeartbeatResponse>>& answer);
  // As leader: assignments that were encoded, by member.
  Result<std::map<std::string, std::vector<uint8_t>>> assign(const JoinGroupResponse& joined);
  Result<PartitionCounts> count_partitions(const std::set<std::string>& topics);
  Status look_at_topics();
  Status commit();
  // What to do about an error: ok if the member joins again.
  Status join_again(const Error& error);
  // "group g: what: NAME_OF_CODE"
  Error failure(const std::string& what, ErrorCode code) const;
  void warn_once(const std::string& text);
  // The partitions are not the member's any more.
  void let_go();
  template <class Response, class Request>
  Status send(const Request& request, Duration timeout, std::optional<Result<Answer<Response>>> Answers::*place);

  BlockingClient& client_;
  const GroupMembershipSettings settings_;
  const Reader reader_;
  const std::function<void(const std::string&)> warn_;
  std::set<std::string> topics_;

  State state_ = State::OUT;
  std::string member_id_;
  int32_t generation_ = -1;
  std::string reason_;  // of joining again
  bool is_leader_ = false;
  bool heartbeat_under_way_ = false;
  MonoTime retry_at_{}, heartbeat_due_{}, session_ends_{}, commit_due_{}, topics_due_{};
  PartitionCounts counts_;  // as leader: what was assigned
  OffsetsByPartition committed_;
  Status reached_;
  std::string last_warning_;
  const std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
};

}  // namespace quokka
