#include "integration-tests/simulation/groups.h"

#include <fmt/core.h>

#include <algorithm>

#include "protocol/messages/leave_group.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace quokka::simulation {

namespace {

constexpr int kSessionTimeoutMs = 6000, kRebalanceTimeoutMs = 8000;
constexpr Duration kJoinTimeout = Duration::seconds(20);  // of the request: it is answered when everybody has joined

}  // namespace

// --- GroupHistory

void GroupHistory::on_assigned(int32_t generation, const std::string& member, const std::vector<int>& partitions) {
  for (const int partition : partitions) {
    const auto [owner, is_first] = owners_[generation].emplace(partition, member);
    if (!is_first && owner->second != member)
      history_.violated(fmt::format("two owners of partition {} in generation {}: {} and {}", partition, generation, owner->second, member));
  }
}

void GroupHistory::on_committed(int partition, Offset offset) {
  ++commits_;
  if (offset < committed(partition))
    history_.violated(fmt::format("the group commits offset {} of partition {} after {}", offset.value, partition, committed(partition).value));
  committed_[partition] = offset;
}

Offset GroupHistory::committed(int partition) const {
  const auto found = committed_.find(partition);
  return found == committed_.end() ? Offset(0) : found->second;
}

void GroupHistory::on_fetched(int partition, Offset offset, Offset committed_when_asked) {
  if (std::max(offset, Offset(0)) < committed_when_asked)
    history_.violated(fmt::format("the group's offset {} of partition {} was acknowledged, {} is what a member is told later", committed_when_asked.value,
                                  partition, offset.value));
}

// --- GroupMember

GroupMember::GroupMember(Agenda& agenda, Network& network, const ClusterShape& shape, int id, bool is_static, GroupHistory& group, History& history)
    : CoordinatedClient(agenda, network, shape, id, "readers", Kind::GROUP),
      instance_(is_static ? std::optional("i" + std::to_string(id)) : std::nullopt),
      group_(group),
      history_(history) {}

void GroupMember::start() {
  loop_.post([this] { join(); });
}

void GroupMember::join() {
  positions_.clear();
  committed_.clear();
  const int broker = coordinator();
  if (broker == 0) return later([this] { join(); });
  const std::vector<JoinGroupRequest::JoinGroupRequestProtocol> protocols{{"shares", {}}};
  JoinGroupRequest request;
  request.group_id = key();
  request.session_timeout_ms = kSessionTimeoutMs;
  request.rebalance_timeout_ms = kRebalanceTimeoutMs;
  request.member_id = member_id_;
  request.group_instance_id = instance();
  request.protocol_type = "simulated";
  request.protocols = protocols;
  ask<JoinGroupResponse>(broker, request, 5, [this](auto answer) { on_joined(answer); }, kJoinTimeout);
  if (!settling_ && draw().one_in(40)) die();
}

void GroupMember::on_joined(const Result<Answer<JoinGroupResponse>>& answer) {
  const ErrorCode error = answer ? answer->message.error_code : answer.code();
  if (answer && (error == ErrorCode::NONE || error == ErrorCode::MEMBER_ID_REQUIRED)) member_id_ = std::string(answer->message.member_id);
  if (error == ErrorCode::MEMBER_ID_REQUIRED) return join();
  if (error != ErrorCode::NONE) return join_again(error);
  generation_ = answer->message.generation_id;
  sync(answer->message);
}

void GroupMember::sync(const JoinGroupResponse& joined) {
  const int broker = coordinator();
  if (broker == 0) return join_again(ErrorCode::NOT_COORDINATOR);
  // The leader deals the partitions out in turn.
  std::vector<std::vector<uint8_t>> dealt(joined.members.size());
  std::vector<SyncGroupRequest::SyncGroupRequestAssignment> assignments;
  for (int partition = 0; partition < shape_.partitions && !dealt.empty(); ++partition)
    dealt[static_cast<size_t>(partition) % dealt.size()].push_back(static_cast<uint8_t>(partition));
  for (size_t i = 0; i < dealt.size(); ++i) assignments.push_back({joined.members[i].member_id, Bytes(dealt[i])});
  SyncGroupRequest request;
  request.group_id = key();
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = instance();
  request.assignments = assignments;
  ask<SyncGroupResponse>(broker, request, 3, [this](auto answer) { on_synced(answer); }, kJoinTimeout);
  if (!settling_ && draw().one_in(40)) die();
}

void GroupMember::on_synced(const Result<Answer<SyncGroupResponse>>& answer) {
  const ErrorCode error = answer ? answer->message.error_code : answer.code();
  if (error != ErrorCode::NONE) return join_again(error);
  std::vector<int> partitions;
  for (const uint8_t partition : answer->message.assignment) partitions.push_back(partition);
  group_.on_assigned(generation_, instance_.value_or(member_id_), partitions);
  for (const int partition : partitions) positions_[partition] = Offset(-1);
  fetch_offsets();
}

void GroupMember::fetch_offsets() {
  if (positions_.empty()) return live();
  const int broker = coordinator();
  if (broker == 0) return later([this] { fetch_offsets(); });
  std::map<int, Offset> before;
  std::vector<PartitionIndex> indexes;
  for (const auto& [partition, position] : positions_) {
    before[partition] = group_.committed(partition);
    indexes.emplace_back(partition);
  }
  const std::vector<OffsetFetchRequest::OffsetFetchRequestTopic> topics{{shape_.topic, indexes}};
  OffsetFetchRequest request;
  request.group_id = key();
  request.topics = topics;
  ask<OffsetFetchResponse>(broker, request, 5, [this, before](Result<Answer<OffsetFetchResponse>> answer) {
    const ErrorCode error = answer ? answer->message.error_code : answer.code();
    if (error != ErrorCode::NONE) {
      forget_coordinator();
      return later([this] { fetch_offsets(); });
    }
    for (const auto& topic : answer->message.topics) {
      for (const auto& partition : topic.partitions) {
        const int index = partition.partition_index.value;
        group_.on_fetched(index, partition.committed_offset, before.at(index));
        positions_[index] = std::max(partition.committed_offset, Offset(0));
      }
    }
    live();
  });
}

void GroupMember::live() {
  after(draw().span(Duration::millis(100), Duration::millis(1500)), [this] {
    if (!settling_ && draw().one_in(30)) return die();
    if (!settling_ && draw().one_in(30)) return leave();
    if (draw().one_in(2)) return heartbeat();
    commit();
  });
}

void GroupMember::heartbeat() {
  const int broker = coordinator();
  if (broker == 0) return live();
  HeartbeatRequest request;
  request.group_id = key();
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = instance();
  ask<HeartbeatResponse>(broker, request, 3, [this](Result<Answer<HeartbeatResponse>> answer) {
    const ErrorCode error = answer ? answer->message.error_code : answer.code();
    if (error == ErrorCode::NONE) return live();
    if (!is_temporary(error)) return join_again(error);
    forget_coordinator();
    live();
  });
}

void GroupMember::commit() {
  const int broker = coordinator();
  if (broker == 0) return live();
  using Topic = OffsetCommitRequest::OffsetCommitRequestTopic;
  std::vector<Topic::OffsetCommitRequestPartition> partitions;
  std::map<int, Offset> offsets;
  for (auto& [partition, position] : positions_) {
    const Offset end = history_.committed_end(name_of(partition));
    if (position < end) position = settling_ ? end : Offset(draw().between(position.value, end.value));
    if (committed_[partition] == position) continue;
    offsets[partition] = position;
    Topic::OffsetCommitRequestPartition each;
    each.partition_index = PartitionIndex(partition);
    each.committed_offset = position;
    partitions.push_back(each);
  }
  if (offsets.empty()) return heartbeat();
  const std::vector<Topic> topics{{shape_.topic, partitions}};
  OffsetCommitRequest request;
  request.group_id = key();
  request.generation_id_or_member_epoch = generation_;
  request.member_id = member_id_;
  request.group_instance_id = instance();
  request.topics = topics;
  ask<OffsetCommitResponse>(broker, request, 7, [this, offsets](Result<Answer<OffsetCommitResponse>> answer) {
    if (!answer) return join_again(answer.code());
    ErrorCode error = ErrorCode::NONE;
    for (const auto& partition : answer->message.topics[0].partitions) {
      const int index = partition.partition_index.value;
      if (partition.error_code != ErrorCode::NONE) {
        error = partition.error_code;
        continue;
      }
      group_.on_committed(index, offsets.at(index));
      committed_[index] = offsets.at(index);
    }
    if (error == ErrorCode::NONE) return live();
    if (error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS || error == ErrorCode::NOT_COORDINATOR) {  // nothing was written
      forget_coordinator();
      return live();
    }
    join_again(error);
  });
  if (!settling_ && draw().one_in(60)) die();
}

void GroupMember::leave() {
  const int broker = coordinator();
  if (broker == 0 || instance_) return live();
  const std::vector<LeaveGroupRequest::MemberIdentity> members{{member_id_, std::nullopt, std::nullopt}};
  LeaveGroupRequest request;
  request.group_id = key();
  request.members = members;
  send<LeaveGroupResponse>(connection(broker), request, 3, [](auto) {});
  die();
}

void GroupMember::join_again(ErrorCode error) {
  switch (error) {
    case ErrorCode::UNKNOWN_MEMBER_ID: member_id_.clear(); break;
    case ErrorCode::FENCED_INSTANCE_ID: return die();  // by what its process before sent last
    case ErrorCode::REBALANCE_IN_PROGRESS:
    case ErrorCode::ILLEGAL_GENERATION: break;
    default:
      if (!is_temporary(error)) return history_.violated(fmt::format("member {} is refused: {}", member_id_, name(error)));
      forget_coordinator();
  }
  later([this] { join(); });
}

void GroupMember::die() {
  member_id_.clear();
  generation_ = -1;
  const bool rests = draw().one_in(3);
  after(rests ? draw().span(Duration::seconds(5), Duration::seconds(20)) : draw().span(Duration::millis(10), Duration::seconds(2)), [this] { join(); });
}

// --- Group

Group::Group(Agenda& agenda, Network& network, const ClusterShape& shape, History& history) : shape_(shape), history_(history), group_(history) {
  const int64_t members = agenda.draw.between(1, 4);
  for (int id = 51; id <= 50 + members; ++id)
    members_.push_back(std::make_unique<GroupMember>(agenda, network, shape, id, agenda.draw.one_in(3), group_, history));
}

void Group::start() {
  for (auto& each : members_) each->start();
}

void Group::settle() {
  for (auto& each : members_) each->settle();
}

bool Group::is_done() const {
  for (int partition = 0; partition < shape_.partitions; ++partition) {
    if (group_.committed(partition) < history_.committed_end({shape_.topic, PartitionIndex(partition)})) return false;
  }
  return true;
}

std::string Group::progress() const {
  std::string text;
  for (int partition = 0; partition < shape_.partitions; ++partition)
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", group_.committed(partition).value,
                        history_.committed_end({shape_.topic, PartitionIndex(partition)}).value);
  return text;
}

}  // namespace quokka::simulation
