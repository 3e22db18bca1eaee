#include "broker/group/group.h"

#include <algorithm>
#include <utility>

#include "protocol/base/bytes.h"
#include "protocol/base/check.h"

namespace quokka {

const std::string& GroupMember::metadata(std::string_view protocol) const {
  static const std::string none;
  for (const GroupProtocol& each : protocols_) {
    if (each.name == protocol) return each.metadata;
  }
  return none;
}

// version:int16 topics:[length:int16 text] user_data:(length:int32 bytes, -1 null)
std::optional<std::set<std::string>> subscribed_topics(std::string_view subscription) {
  size_t at = 0;
  const auto take = [&](size_t bytes) -> const uint8_t* {
    if (subscription.size() - at < bytes) return nullptr;
    const auto* found = reinterpret_cast<const uint8_t*>(subscription.data()) + at;
    at += bytes;
    return found;
  };
  const uint8_t* version = take(2);
  const uint8_t* count = version != nullptr && load_be<int16_t>(version) >= 0 ? take(4) : nullptr;
  if (count == nullptr) return std::nullopt;
  std::set<std::string> topics;
  for (int32_t left = load_be<int32_t>(count); left > 0; --left) {
    const uint8_t* length = take(2);
    if (length == nullptr || load_be<int16_t>(length) < 0) return std::nullopt;
    const auto bytes = static_cast<size_t>(load_be<int16_t>(length));
    const uint8_t* text = take(bytes);
    if (text == nullptr) return std::nullopt;
    topics.emplace(reinterpret_cast<const char*>(text), bytes);
  }
  const uint8_t* user_data = take(4);
  if (user_data == nullptr) return std::nullopt;
  const int32_t user_bytes = load_be<int32_t>(user_data);
  if (user_bytes > 0 && take(static_cast<size_t>(user_bytes)) == nullptr) return std::nullopt;
  return topics;
}

// --- Members

const std::string* Group::static_member(const std::string& instance_id) const {
  const auto found = static_members.find(instance_id);
  return found == static_members.end() ? nullptr : &found->second;
}

void Group::count(const GroupMember& member) {
  known_protocols_.add(member.protocols_);
  if (member.joining_) ++joined_;
}

void Group::discount(const GroupMember& member) {
  known_protocols_.remove(member.protocols_);
  if (member.joining_) --joined_;
}

bool Group::counts_are_right() const {
  KnownProtocols protocols;
  size_t joined = 0;
  for (const auto& [member_id, member] : members) {
    protocols.add(member.protocols_);
    if (member.joining_) ++joined;
  }
  return protocols == known_protocols_ && joined == joined_ && (!consumer || consumer->counts_are_right());
}

GroupMember& Group::add(GroupMember member, std::vector<GroupProtocol> protocols, const std::string& its_protocol_type) {
  member.protocols_ = std::move(protocols);
  if (member.instance_id) static_members[*member.instance_id] = member.id;
  if (members.empty()) protocol_type = its_protocol_type;
  if (!leader) leader = member.id;
  pending_members.erase(member.id);
  const auto [at, is_new] = members.try_emplace(member.id);
  if (!is_new) discount(at->second);
  at->second = std::move(member);
  count(at->second);
  return at->second;
}

void Group::remove(const std::string& member_id) {
  if (const auto found = members.find(member_id); found != members.end()) {
    if (found->second.instance_id) static_members.erase(*found->second.instance_id);
    discount(found->second);
    members.erase(found);
  }
  if (is_leader(member_id)) leader = members.empty() ? std::nullopt : std::optional(members.begin()->first);
  pending_members.erase(member_id);
  pending_sync.erase(member_id);
}

GroupMember& Group::replace_static(const std::string& instance_id, const std::string& old_id, const std::string& new_id) {
  auto node = members.extract(old_id);
  QUOKKA_CHECK(!node.empty(), "a static member that is not there: " + old_id);
  node.key() = new_id;
  node.mapped().id = new_id;
  if (is_leader(old_id)) leader = new_id;
  if (pending_sync.erase(old_id) > 0) pending_sync.insert(new_id);
  static_members[instance_id] = new_id;
  return members.insert(std::move(node)).position->second;
}

void Group::set_protocols(GroupMember& member, std::vector<GroupProtocol> protocols) {
  discount(member);
  member.protocols_ = std::move(protocols);
  count(member);
}

void Group::begin_join(GroupMember& member, GroupRequestId request) {
  if (!member.joining_) ++joined_;
  member.joining_ = request;
}

std::optional<GroupRequestId> Group::end_join(GroupMember& member) {
  if (member.joining_) --joined_;
  return std::exchange(member.joining_, std::nullopt);
}

int64_t Group::rebalance_timeout_ms() const {
  int64_t longest = 0;
  for (const auto& [member_id, member] : members) longest = std::max<int64_t>(longest, member.rebalance_timeout_ms);
  return longest;
}

void Group::transition_to(GroupState next, GroupTime now) {
  state = next;
  state_timestamp_ms = now.wall.ms;
}

// --- Protocols

bool Group::supports(const std::string& its_protocol_type, const std::vector<GroupProtocol>& protocols) const {
  if (is(GroupState::EMPTY)) return !its_protocol_type.empty() && !protocols.empty();
  if (protocol_type != its_protocol_type) return false;
  return known_protocols_.all_know_one_of(protocols);
}

std::string Group::select_protocol() const {
  std::map<std::string, size_t> votes;
  for (const auto& [member_id, member] : members) {
    const auto choice =
        std::find_if(member.protocols_.begin(), member.protocols_.end(), [this](const GroupProtocol& each) { return known_protocols_.all_know(each.name); });
    if (choice != member.protocols_.end()) ++votes[choice->name];
  }
  const auto most = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() ? std::string() : most->first;
}

void Group::note_subscriptions() {
  subscriptions.reset();
  if (!is_consumer_group()) return;
  std::set<std::string> all;
  for (const auto& [member_id, member] : members) {
    auto topics = protocol ? subscribed_topics(member.metadata(*protocol)) : std::nullopt;
    if (!topics) return;
    all.merge(*topics);
  }
  subscriptions = std::move(all);
}

// --- Offsets

bool Group::has_open_offset(const TopicPartition& partition) const {
  return std::any_of(open_offsets.begin(), open_offsets.end(), [&](const auto& each) { return each.second.count(partition) != 0; });
}

std::set<TopicPartition> Group::partitions_with_offsets() const {
  std::set<TopicPartition> all;
  for (const auto& [partition, offset] : offsets) all.insert(partition);
  for (const auto& [producer, open] : open_offsets) {
    for (const auto& [partition, offset] : open) all.insert(partition);
  }
  return all;
}

void Group::drop_open_offset(const TopicPartition& partition, ProducerId producer) {
  for (auto& [its_producer, open] : open_offsets) {
    if (producer.value < 0 || its_producer == producer) open.erase(partition);
  }
  std::erase_if(open_offsets, [](const auto& each) { return each.second.empty(); });
}

void Group::put_offset(const TopicPartition& partition, Offset offset) {
  const auto [at, is_first] = offsets.try_emplace(partition, offset);
  if (!is_first && at->second.batch_offset <= offset.batch_offset) at->second = std::move(offset);
}

std::vector<TopicPartition> Group::expired_offsets(GroupTime now, int64_t retention_ms) const {
  const bool is_empty = protocol_type && is(GroupState::EMPTY);
  const bool is_simple = !protocol_type;
  const bool is_stable_consumer = is_consumer_group() && knows_subscriptions() && (is(GroupState::STABLE) || (consumer && !is_empty));
  std::vector<TopicPartition> expired;
  if (!is_empty && !is_simple && !is_stable_consumer) return expired;
  for (const auto& [partition, offset] : offsets) {
    if (is_stable_consumer && is_subscribed_to(partition.topic)) continue;
    const OffsetRecord& record = offset.record;
    int64_t kept_since = is_empty ? state_timestamp_ms.value_or(record.commit_timestamp_ms) : record.commit_timestamp_ms;
    if (consumer) kept_since = std::max(kept_since, record.commit_timestamp_ms);
    const bool is_over = record.expire_timestamp_ms ? now.wall.ms >= *record.expire_timestamp_ms : now.wall.ms - kept_since >= retention_ms;
    if (is_over && !has_open_offset(partition)) expired.push_back(partition);
  }
  return expired;
}

// --- The consumer protocol

void Group::begin_consumer_protocol() {
  consumer.emplace();
  protocol_type = "consumer";
  protocol.reset();
  leader.reset();
  generation = 0;
  members.clear();
  known_protocols_ = {};
  joined_ = 0;
  subscriptions.reset();
  static_members.clear();
  pending_members.clear();
  pending_sync.clear();
  join_timer.reset();
  sync_until.reset();
  sessions_due.reset();
  new_member_added = false;
  topics_revision = 0;
}

void Group::end_consumer_protocol(GroupTime now) {
  consumer.reset();
  timers.clear();
  protocol_type.reset();
  subscriptions.reset();
  if (!is(GroupState::DEAD)) transition_to(GroupState::EMPTY, now);
}

void Group::note_consumer_state(GroupTime now) {
  const GroupState next = consumer->state();
  if (!is(GroupState::DEAD) && !is(next)) transition_to(next, now);
}

// --- Pictures

GroupRecord Group::record(const std::map<std::string, std::string>& assignments) const {
  GroupRecord made;
  made.protocol_type = protocol_type.value_or("");
  made.generation = generation;
  made.protocol = protocol;
  made.leader = leader;
  made.state_timestamp_ms = state_timestamp_ms.value_or(-1);
  for (const auto& [member_id, member] : members) {
    GroupRecord::Member each;
    each.id = member_id;
    each.instance_id = member.instance_id;
    each.client_id = member.client_id;
    each.client_host = member.client_host;
    each.rebalance_timeout_ms = member.rebalance_timeout_ms;
    each.session_timeout_ms = member.session_timeout_ms;
    each.subscription = member.metadata(protocol.value_or(""));
    if (const auto assigned = assignments.find(member_id); assigned != assignments.end()) each.assignment = assigned->second;
    made.members.push_back(std::move(each));
  }
  return made;
}

GroupDescription Group::describe() const {
  GroupDescription made;
  const bool is_stable = is(GroupState::STABLE);
  made.state = state;
  made.protocol_type = protocol_type.value_or("");
  if (is_stable) made.protocol = protocol.value_or("");
  for (const auto& [member_id, member] : members) {
    GroupDescription::Member each{member_id, member.instance_id, member.client_id, member.client_host, {}, {}};
    if (is_stable) {
      each.metadata = member.metadata(made.protocol);
      each.assignment = member.assignment;
    }
    made.members.push_back(std::move(each));
  }
  made.rebalances.assign(rebalances.begin(), rebalances.end());
  return made;
}

}  // namespace quokka
