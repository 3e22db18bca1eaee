#include "protocol/client/group_membership.h"

#include <algorithm>
#include <utility>

#include "protocol/base/text_parts.h"
#include "protocol/messages/leave_group.h"
#include "protocol/records/stored/consumer_protocol.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {
namespace {

constexpr std::string_view kConsumer = "consumer";
constexpr std::string_view kRange = "range", kCooperativeSticky = "cooperative-sticky";
constexpr Duration kTopicsAge = Duration::seconds(30);
constexpr Duration kMissingTopicsAge = Duration::seconds(1);  // they may be about to be created
constexpr Duration kJoinGrace = Duration::seconds(5);         // the coordinator answers at the end of the rebalance time-out
constexpr Duration kTurn = Duration::millis(100);

std::vector<uint8_t> subscription_of(const std::set<std::string>& topics) {
  std::vector<std::string_view> names(topics.begin(), topics.end());
  ConsumerProtocolSubscription subscription;
  subscription.topics = names;
  return versioned(subscription, 1);
}

SubscribedMember subscribed(const JoinGroupResponse::JoinGroupResponseMember& joined) {
  SubscribedMember member;
  member.id = joined.member_id;
  if (joined.group_instance_id) member.instance_id = std::string(*joined.group_instance_id);
  Arena arena = Arena::for_frame(joined.metadata.size());
  const auto subscription = read_versioned<ConsumerProtocolSubscription>(joined.metadata, arena);
  if (!subscription.ok()) return member;  // it subscribes to nothing that can be read
  member.topics.insert(subscription->topics.begin(), subscription->topics.end());
  member.owned_generation = subscription->generation_id;
  for (const auto& topic : subscription->owned_partitions) {
    for (const PartitionIndex index : topic.partitions) member.owned.insert({std::string(topic.topic), index});
  }
  return member;
}

std::vector<uint8_t> assignment_of(const std::set<TopicPartition>& assigned) {
  std::map<std::string, std::vector<PartitionIndex>> by_topic;
  for (const TopicPartition& partition : assigned) by_topic[partition.topic].push_back(partition.partition);
  std::vector<ConsumerProtocolAssignment::TopicPartition> topics;
  for (const auto& [topic, partitions] : by_topic) topics.push_back({topic, partitions});
  ConsumerProtocolAssignment assignment;
  assignment.assigned_partitions = topics;
  return versioned(assignment, 0);
}

// Errors that joining again does not mend.
bool ends_membership(ErrorCode code) {
  return code == ErrorCode::FENCED_INSTANCE_ID || code == ErrorCode::GROUP_AUTHORIZATION_FAILED || code == ErrorCode::INCONSISTENT_GROUP_PROTOCOL ||
         code == ErrorCode::GROUP_MAX_SIZE_REACHED || code == ErrorCode::INVALID_SESSION_TIMEOUT || code == ErrorCode::INVALID_GROUP_ID ||
         code == ErrorCode::UNSUPPORTED_VERSION || code == ErrorCode::TOPIC_AUTHORIZATION_FAILED;
}

}  // namespace

Result<std::vector<std::string>> parse_assignors(const std::string& text) {
  std::vector<std::string> assignors;
  for (const std::string_view word : between_commas(text)) {
    const std::string_view last = word.substr(word.rfind('.') + 1);
    const std::string_view known = last == "RangeAssignor" || last == kRange                                 ? kRange
                                   : last == "CooperativeStickyAssignor" || last == kCooperativeSticky ? kCooperativeSticky
                                                                                                         : std::string_view();
    if (known.empty()) {
      return Error{ErrorCode::INVALID_CONFIG, "partition.assignment.strategy names '" + std::string(word) +
                                                  "': org.apache.kafka.clients.consumer.RangeAssignor and CooperativeStickyAssignor are built in"};
    }
    assignors.emplace_back(known);
  }
  if (assignors.empty()) return Error{ErrorCode::INVALID_CONFIG, "partition.assignment.strategy names no assignor"};
  return assignors;
}

GroupMembership::GroupMembership(BlockingClient& client, GroupMembershipSettings settings, Reader reader, std::function<void(const std::string&)> warn)
    : client_(client), settings_(std::move(settings)), reader_(std::move(reader)), warn_(std::move(warn)) {}

void GroupMembership::subscribe(std::set<std::string> topics) {
  if (topics == topics_) return;
  topics_ = std::move(topics);
  if (state_ == State::MEMBER) topics_due_ = {};
}

Status GroupMembership::poll(Duration wait) {
  const MonoTime end = client_.now() + wait;
  while (true) {
    if (Status status = step(); !status.ok()) return status;
    const MonoTime now = client_.now();
    if (state_ == State::MEMBER || now >= end) return {};
    // A pause before the next attempt, or the answer of the one under way.
    const bool is_to_join = state_ == State::OUT && !topics_.empty();
    const MonoTime until = std::min(end, is_to_join ? std::max(retry_at_, now) : now + kTurn);
    client_.wait([this] { return has_answer(); }, until - now);
  }
}

Status GroupMembership::step() {
  if (auto joined = std::exchange(answers_->joined, std::nullopt)) return on_joined(std::move(*joined));
  if (auto synced = std::exchange(answers_->synced, std::nullopt)) return on_synced(std::move(*synced));
  if (const auto heartbeat = std::exchange(answers_->heartbeat, std::nullopt)) {
    if (Status status = on_heartbeat(*heartbeat); !status.ok()) return status;
  }
  if (state_ == State::MEMBER) return stay();
  return state_ == State::OUT && client_.now() >= retry_at_ ? start_join() : Status();
}

template <class Response, class Request>
Status GroupMembership::send(const Request& request, Duration timeout, std::optional<Result<Answer<Response>>> Answers::*place) {
  const auto connection = client_.coordinating_broker(settings_.group);
  reached_ = connection.ok() ? Status() : Status(connection.error());
  if (!connection.ok()) return connection.error();
  // A static member needs the versions that know such.
  const auto version = (*connection)->version_of(Request::kApiKey, Request::kVersionMin, Request::kVersionMax);
  if (!version.ok()) return version.error();
  (*connection)->template start<Response>(request, *version, timeout, [answers = answers_, place, attempt = answers_->attempt](Result<Answer<Response>> answer) {
    if (answers->attempt == attempt) ((*answers).*place).emplace(std::move(answer));
  });
  return {};
}

void GroupMembership::let_go() {
  ++answers_->attempt;
  answers_->joined.reset();
  answers_->synced.reset();
  answers_->heartbeat.reset();
  heartbeat_under_way_ = false;
  is_leader_ = false;
  committed_.clear();
  reader_.read_only({});
  state_ = State::OUT;
}

Error GroupMembership::failure(const std::string& what, ErrorCode code) const {
  return Error{code, "group " + settings_.group + ": " + what + ": " + std::string(name(code))};
}

void GroupMembership::warn_once(const std::string& text) {
  if (text != last_warning_) warn_(text);
  last_warning_ = text;
}

Status GroupMembership::join_again(const Error& error) {
  let_go();
  const ErrorCode code = error.code;
  if (ends_membership(code)) return error;
  client_.lost_coordinator(settings_.group, code);
  if (code == ErrorCode::UNKNOWN_MEMBER_ID) member_id_.clear();
  if (code == ErrorCode::UNKNOWN_MEMBER_ID || code == ErrorCode::ILLEGAL_GENERATION) generation_ = -1;
  if (code == ErrorCode::REBALANCE_IN_PROGRESS || code == ErrorCode::MEMBER_ID_REQUIRED) return {};
  retry_at_ = client_.now() + client_.settings().retry_backoff;
  warn_once(error.message + "; joining again");
  return {};
}

// --- Joining

Status GroupMembership::start_join() {
  if (topics_.empty()) return {};
  // Asking for topics makes those that may be made.
  (void)client_.metadata(std::vector<std::string>(topics_.begin(), topics_.end()), settings_.allow_auto_create_topics);
  const std::vector<uint8_t> subscription = subscription_of(topics_);
  std::vector<JoinGroupRequest::JoinGroupRequestProtocol> protocols;
  for (const std::string& assignor : settings_.assignors) protocols.push_back({assignor, subscription});
  JoinGroupRequest request;
  request.group_id = settings_.group;
  request.session_timeout_ms = static_cast<int32_t>(settings_.session_timeout.to_millis());
  request.rebalance_timeout_ms = static_cast<int32_t>(settings_.rebalance_timeout.to_millis());
  request.member_id = member_id_;
  if (settings_.instance_id) request.group_instance_id = *settings_.instance_id;
  request.protocol_type = kConsumer;
  request.protocols = protocols;
  if (!reason_.empty()) request.reason = reason_;
  if (const Status status = send(request, std::max(client_.settings().request_timeout, settings_.rebalance_timeout + kJoinGrace), &Answers::joined); !status.ok()) {
    return join_again(status.error());
  }
  state_ = State::JOINING;
  return {};
}

Status GroupMembership::on_joined(Result<Answer<JoinGroupResponse>> answer) {
  if (!answer.ok()) return join_again(answer.error());
  const JoinGroupResponse& joined = answer->message;
  if (joined.error_code == ErrorCode::MEMBER_ID_REQUIRED) member_id_ = joined.member_id;
  if (joined.error_code != ErrorCode::NONE) return join_again(failure("JoinGroup", joined.error_code));
  member_id_ = joined.member_id;
  generation_ = joined.generation_id;
  is_leader_ = joined.leader == joined.member_id;
  return start_sync(joined);
}

Result<PartitionCounts> GroupMembership::count_partitions(const std::set<std::string>& topics) {
  PartitionCounts counts;
  if (topics.empty()) return counts;
  const auto metadata = client_.metadata(std::vector<std::string>(topics.begin(), topics.end()), false);
  if (!metadata.ok()) return metadata.error();
  for (const auto& topic : metadata->message.topics) counts[std::string(topic.name.value_or(""))] = static_cast<int32_t>(topic.partitions.size());
  return counts;
}

Result<std::map<std::string, std::vector<uint8_t>>> GroupMembership::assign(const JoinGroupResponse& joined) {
  std::vector<SubscribedMember> members;
  std::set<std::string> topics;
  for (const auto& member : joined.members) {
    members.push_back(subscribed(member));
    topics.insert(members.back().topics.begin(), members.back().topics.end());
  }
  auto counts = count_partitions(topics);
  if (!counts.ok()) return counts.error();
  counts_ = std::move(*counts);
  std::map<std::string, std::vector<uint8_t>> encoded;
  for (const auto& [member, assigned] : joined.protocol_name == kCooperativeSticky ? assign_cooperatively(members, counts_) : assign_ranges(members, counts_)) {
    encoded[member] = assignment_of(assigned);
  }
  return encoded;
}

Status GroupMembership::start_sync(const JoinGroupResponse& joined) {
  std::map<std::string, std::vector<uint8_t>> encoded;
  // A static member that leads and comes back finds its group as it was; it only watches the topics.
  if (is_leader_) {
    auto assigned = assign(joined);
    if (!assigned.ok()) return join_again(assigned.error());
    if (!joined.skip_assignment) encoded = std::move(*assigned);
  }
  std::vector<SyncGroupRequest::SyncGroupRequestAssignment> assignments;
  for (const auto& [member, bytes] : encoded) assignments.push_back({member, bytes});
  SyncGroupRequest request;
  request.group_id = settings_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (settings_.instance_id) request.group_instance_id = *settings_.instance_id;
  request.protocol_type = kConsumer;
  request.protocol_name = joined.protocol_name;
  request.assignments = assignments;
  if (const Status status = send(request, std::max(client_.settings().request_timeout, settings_.rebalance_timeout + kJoinGrace), &Answers::synced); !status.ok()) {
    return join_again(status.error());
  }
  state_ = State::SYNCING;
  return {};
}

Status GroupMembership::on_synced(Result<Answer<SyncGroupResponse>> answer) {
  if (!answer.ok()) return join_again(answer.error());
  if (const ErrorCode code = answer->message.error_code; code != ErrorCode::NONE) return join_again(failure("SyncGroup", code));
  std::set<TopicPartition> assigned;
  if (!answer->message.assignment.empty()) {
    Arena arena = Arena::for_frame(answer->message.assignment.size());
    const auto assignment = read_versioned<ConsumerProtocolAssignment>(answer->message.assignment, arena);
    if (!assignment.ok()) return Error{assignment.code(), "group " + settings_.group + ": its leader assigns what cannot be read: " + assignment.error().message};
    for (const auto& topic : assignment->assigned_partitions) {
      for (const PartitionIndex index : topic.partitions) assigned.insert({std::string(topic.topic), index});
    }
  }
  return begin_to_read(assigned);
}

Status GroupMembership::begin_to_read(const std::set<TopicPartition>& assigned) {
  std::map<TopicPartition, std::optional<Offset>> positions;
  if (!assigned.empty()) {
    const auto offsets = committed_offsets(client_, settings_.group, std::vector<TopicPartition>(assigned.begin(), assigned.end()), true);
    if (!offsets.ok()) return join_again(offsets.error());
    committed_ = *offsets;
    for (const TopicPartition& partition : assigned) {
      const auto offset = offsets->find(partition);
      positions[partition] = offset == offsets->end() ? std::nullopt : std::optional(offset->second);
    }
  }
  reader_.read_only(positions);
  state_ = State::MEMBER;
  last_warning_.clear();
  reason_.clear();
  const MonoTime now = client_.now();
  heartbeat_due_ = now + settings_.heartbeat_interval;
  session_ends_ = now + settings_.session_timeout;
  commit_due_ = now + settings_.auto_commit_interval;
  topics_due_ = now + kMissingTopicsAge;
  return {};
}

// --- Being a member

Status GroupMembership::stay() {
  const MonoTime now = client_.now();
  if (now >= session_ends_) return join_again(failure("no heartbeat was answered within session.timeout.ms", ErrorCode::UNKNOWN_MEMBER_ID));
  if (now >= heartbeat_due_ && !heartbeat_under_way_) {
    if (Status status = start_heartbeat(); !status.ok()) return status;
  }
  if (now >= topics_due_) {
    if (Status status = look_at_topics(); !status.ok() || state_ != State::MEMBER) return status;
  }
  if (!settings_.auto_commit || now < commit_due_) return {};
  commit_due_ = now + settings_.auto_commit_interval;
  return commit();
}

Status GroupMembership::start_heartbeat() {
  HeartbeatRequest request;
  request.group_id = settings_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (settings_.instance_id) request.group_instance_id = *settings_.instance_id;
  heartbeat_due_ = client_.now() + settings_.heartbeat_interval;
  if (const Status status = send(request, client_.settings().request_timeout, &Answers::heartbeat); !status.ok()) {
    heartbeat_due_ = client_.now() + client_.settings().retry_backoff;
    warn_once("group " + settings_.group + ": no heartbeat could be sent: " + status.error().message);
    return ends_membership(status.code()) ? status : Status();
  }
  heartbeat_under_way_ = true;
  return {};
}

Status GroupMembership::on_heartbeat(const Result<Answer<HeartbeatResponse>>& answer) {
  heartbeat_under_way_ = false;
  const ErrorCode code = answer.ok() ? answer->message.error_code : answer.code();
  if (code == ErrorCode::NONE) {
    session_ends_ = client_.now() + settings_.session_timeout;
    return {};
  }
  if (code == ErrorCode::REBALANCE_IN_PROGRESS) {
    const Status status = commit();
    return status.ok() && state_ == State::MEMBER ? join_again(failure("heartbeat", code)) : status;
  }
  if (code == ErrorCode::UNKNOWN_MEMBER_ID || code == ErrorCode::ILLEGAL_GENERATION || ends_membership(code)) return join_again(failure("heartbeat", code));
  client_.lost_coordinator(settings_.group, code);
  heartbeat_due_ = client_.now() + client_.settings().retry_backoff;
  return {};
}

Status GroupMembership::look_at_topics() {
  topics_due_ = client_.now() + kTopicsAge;
  if (!is_leader_) return {};
  std::set<std::string> assigned_topics = topics_;
  for (const auto& [topic, count] : counts_) assigned_topics.insert(topic);
  const auto counts = count_partitions(assigned_topics);
  if (!counts.ok()) return {};  // the next time
  if (std::ranges::any_of(*counts, [](const auto& each) { return each.second == 0; })) topics_due_ = client_.now() + kMissingTopicsAge;
  if (*counts == counts_) return {};
  reason_ = "topics or their partitions changed";
  const Status status = commit();
  return status.ok() && state_ == State::MEMBER ? join_again(failure(reason_, ErrorCode::REBALANCE_IN_PROGRESS)) : status;
}

Status GroupMembership::commit() {
  if (!settings_.auto_commit) return {};
  OffsetsByPartition moved = reader_.positions();
  std::erase_if(moved, [this](const auto& each) {
    const auto known = committed_.find(each.first);
    return known != committed_.end() && known->second == each.second;
  });
  const Status status = commit_offsets(client_, settings_.group, moved, {generation_, member_id_, settings_.instance_id});
  if (status.ok()) {
    for (const auto& [partition, offset] : moved) committed_[partition] = offset;
    return {};
  }
  const ErrorCode code = status.code();
  if (code == ErrorCode::UNKNOWN_MEMBER_ID || code == ErrorCode::ILLEGAL_GENERATION || ends_membership(code)) return join_again(status.error());
  if (code != ErrorCode::REBALANCE_IN_PROGRESS) warn_once(status.error().message);  // that one a heartbeat hears, too
  return {};
}

Status GroupMembership::leave(bool commits) {
  Status status;
  if (state_ == State::MEMBER && commits) status = commit();
  if (state_ != State::MEMBER) client_.disconnect_coordinator(settings_.group);  // a JoinGroup that waits there would hold this up
  let_go();
  if (settings_.instance_id || member_id_.empty()) return status;
  std::vector<LeaveGroupRequest::MemberIdentity> members(1);
  members[0].member_id = member_id_;
  members[0].reason = "the consumer is being closed";
  LeaveGroupRequest request;
  request.group_id = settings_.group;
  const auto connection = client_.coordinating_broker(settings_.group);
  if (!connection.ok()) return status;  // the session's end says it, too
  const auto version = (*connection)->version_of(ApiKey::LEAVE_GROUP, 0, LeaveGroupRequest::kVersionMax);
  if (!version.ok()) return status;
  if (*version < 3) request.member_id = member_id_;
  else request.members = members;
  (void)(*connection)->call<LeaveGroupResponse>(request, client_.settings().request_timeout, *version, *version);
  return status;
}

}  // namespace quokka
