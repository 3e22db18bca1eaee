#include "broker/group/consumer/consumer_records.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "protocol/records/stored/consumer_group.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {

namespace {

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}
std::optional<std::string> copy_of(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

// Partitions as a message has them, with the memory of its arrays.
class StoredPartitions {
 public:
  explicit StoredPartitions(const AssignedPartitions& partitions) {
    for (const auto& [topic, indexes] : partitions) {
      std::vector<PartitionIndex>& list = indexes_.emplace_back(indexes.begin(), indexes.end());
      topics_.push_back({topic, list});
    }
  }
  const std::vector<StoredTopicPartitions>& topics() const { return topics_; }

 private:
  std::deque<std::vector<PartitionIndex>> indexes_;
  std::vector<StoredTopicPartitions> topics_;
};

AssignedPartitions partitions_of(const Array<StoredTopicPartitions>& stored) {
  AssignedPartitions partitions;
  for (const StoredTopicPartitions& topic : stored) {
    if (!topic.partitions.empty()) partitions[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  }
  return partitions;
}

// --- Values to bytes

std::vector<uint8_t> bytes_of_value(const GroupEpochRecord& record) {
  ConsumerGroupMetadataValue value;
  value.epoch = *record.value;
  return versioned(value, 0);
}
std::vector<uint8_t> bytes_of_value(const TargetEpochRecord& record) {
  ConsumerGroupTargetAssignmentMetadataValue value;
  value.assignment_epoch = *record.value;
  return versioned(value, 0);
}
std::vector<uint8_t> bytes_of_value(const GroupTopicsRecord& record) {
  std::vector<ConsumerGroupPartitionMetadataValue::TopicMetadata> topics;
  for (const auto& [name, facts] : *record.value) topics.push_back({facts.id, name, facts.partitions, {}});
  ConsumerGroupPartitionMetadataValue value;
  value.topics = topics;
  return versioned(value, 0);
}
std::vector<uint8_t> bytes_of_value(const MemberSubscriptionRecord& record) {
  const ConsumerSubscription& from = *record.value;
  ConsumerGroupMemberMetadataValue value;
  value.instance_id = view_of(from.instance_id);
  value.rack_id = view_of(from.rack_id);
  value.client_id = from.client_id;
  value.client_host = from.client_host;
  const std::vector<std::string_view> topics(from.topics.begin(), from.topics.end());
  value.subscribed_topic_names = topics;
  value.subscribed_topic_regex = view_of(from.topic_regex);
  value.rebalance_timeout_ms = from.rebalance_timeout_ms;
  value.server_assignor = view_of(from.assignor);
  std::vector<StoredClassicProtocol> protocols;
  if (from.classic) {
    for (const GroupProtocol& each : from.classic->protocols) protocols.push_back({each.name, bytes_of(each.metadata)});
    value.classic_member_metadata = StoredClassicMember{from.classic->session_timeout_ms, protocols};
  }
  return versioned(value, 0);
}
std::vector<uint8_t> bytes_of_value(const MemberTargetRecord& record) {
  const StoredPartitions partitions(*record.value);
  ConsumerGroupTargetAssignmentMemberValue value;
  value.topic_partitions = partitions.topics();
  return versioned(value, 0);
}
std::vector<uint8_t> bytes_of_value(const MemberAssignmentRecord& record) {
  const StoredPartitions assigned(record.value->assigned), revoking(record.value->revoking);
  ConsumerGroupCurrentMemberAssignmentValue value;
  value.member_epoch = record.value->epoch;
  value.previous_member_epoch = record.value->previous_epoch;
  value.state = static_cast<int8_t>(record.value->state);
  value.assigned_partitions = assigned.topics();
  value.partitions_pending_revocation = revoking.topics();
  return versioned(value, 0);
}

// --- And back

ConsumerRecord record_of(const ConsumerGroupMetadataValue& value, std::string) { return GroupEpochRecord{value.epoch}; }
ConsumerRecord record_of(const ConsumerGroupTargetAssignmentMetadataValue& value, std::string) { return TargetEpochRecord{value.assignment_epoch}; }
ConsumerRecord record_of(const ConsumerGroupPartitionMetadataValue& value, std::string) {
  SubscribedTopics topics;
  for (const auto& each : value.topics) topics[std::string(each.topic_name)] = {each.topic_id, each.num_partitions};
  return GroupTopicsRecord{std::move(topics)};
}
ConsumerRecord record_of(const ConsumerGroupMemberMetadataValue& value, std::string member) {
  ConsumerSubscription made;
  made.instance_id = copy_of(value.instance_id);
  made.rack_id = copy_of(value.rack_id);
  made.client_id = value.client_id;
  made.client_host = value.client_host;
  made.topics.insert(value.subscribed_topic_names.begin(), value.subscribed_topic_names.end());
  made.topic_regex = copy_of(value.subscribed_topic_regex);
  made.rebalance_timeout_ms = value.rebalance_timeout_ms;
  made.assignor = copy_of(value.server_assignor);
  if (value.classic_member_metadata) {
    made.classic.emplace().session_timeout_ms = value.classic_member_metadata->session_timeout_ms;
    for (const auto& each : value.classic_member_metadata->supported_protocols)
      made.classic->protocols.push_back({std::string(each.name), std::string(text_of(each.metadata))});
  }
  return MemberSubscriptionRecord{std::move(member), std::move(made)};
}
ConsumerRecord record_of(const ConsumerGroupTargetAssignmentMemberValue& value, std::string member) {
  return MemberTargetRecord{std::move(member), partitions_of(value.topic_partitions)};
}
ConsumerRecord record_of(const ConsumerGroupCurrentMemberAssignmentValue& value, std::string member) {
  ConsumerAssignment made;
  made.epoch = value.member_epoch;
  made.previous_epoch = value.previous_member_epoch;
  made.state = value.state >= 0 && value.state <= 2 ? static_cast<ReconciliationState>(value.state) : ReconciliationState::UNKNOWN;
  made.assigned = partitions_of(value.assigned_partitions);
  made.revoking = partitions_of(value.partitions_pending_revocation);
  return MemberAssignmentRecord{std::move(member), std::move(made)};
}

template <class Value>
Result<DecodedConsumerRecord> read_value(std::string group, std::string member, Bytes bytes) {
  Arena arena = Arena::for_frame(bytes.size());
  const Result<Value> value = read_versioned<Value>(bytes, arena);
  if (!value) return Error{ErrorCode::INVALID_RECORD, value.error().message};
  return DecodedConsumerRecord{std::move(group), record_of(*value, std::move(member))};
}

ConsumerRecord tombstone(int16_t key, std::string member) {
  switch (key) {
    case ConsumerGroupKey::kGroup: return GroupEpochRecord{};
    case ConsumerGroupKey::kTopics: return GroupTopicsRecord{};
    case ConsumerGroupKey::kMember: return MemberSubscriptionRecord{std::move(member), {}};
    case ConsumerGroupKey::kTarget: return TargetEpochRecord{};
    case ConsumerGroupKey::kMemberTarget: return MemberTargetRecord{std::move(member), {}};
    default: return MemberAssignmentRecord{std::move(member), {}};
  }
}

int16_t key_of(const GroupEpochRecord&) { return ConsumerGroupKey::kGroup; }
int16_t key_of(const GroupTopicsRecord&) { return ConsumerGroupKey::kTopics; }
int16_t key_of(const MemberSubscriptionRecord&) { return ConsumerGroupKey::kMember; }
int16_t key_of(const TargetEpochRecord&) { return ConsumerGroupKey::kTarget; }
int16_t key_of(const MemberTargetRecord&) { return ConsumerGroupKey::kMemberTarget; }
int16_t key_of(const MemberAssignmentRecord&) { return ConsumerGroupKey::kMemberAssignment; }

template <class R>
std::string_view member_of(const R& record) {
  if constexpr (requires { record.member; }) return record.member;
  else return {};
}

}  // namespace

bool has_consumer_key(int16_t key_version) { return key_version >= ConsumerGroupKey::kVersionMin && key_version <= ConsumerGroupKey::kVersionMax; }

JournalEntry encode_consumer_record(const std::string& group, const ConsumerRecord& record) {
  return std::visit(
      [&](const auto& each) {
        ConsumerGroupKey key;
        key.group = group;
        key.member = member_of(each);
        JournalEntry entry;
        entry.key = versioned(key, key_of(each));
        if (each.value) entry.value = bytes_of_value(each);
        return entry;
      },
      record);
}

Result<DecodedConsumerRecord> decode_consumer_record(Bytes key, std::optional<Bytes> value) {
  Arena arena = Arena::for_frame(key.size());
  const int16_t version = load_be<int16_t>(key.data());
  const Result<ConsumerGroupKey> read = decode<ConsumerGroupKey>(key.subspan(2), version, arena);
  if (!read) return Error{ErrorCode::INVALID_RECORD, read.error().message};
  std::string group(read->group), member(read->member);
  if (!value) return DecodedConsumerRecord{std::move(group), tombstone(version, std::move(member))};
  switch (version) {
    case ConsumerGroupKey::kGroup: return read_value<ConsumerGroupMetadataValue>(group, member, *value);
    case ConsumerGroupKey::kTopics: return read_value<ConsumerGroupPartitionMetadataValue>(group, member, *value);
    case ConsumerGroupKey::kMember: return read_value<ConsumerGroupMemberMetadataValue>(group, member, *value);
    case ConsumerGroupKey::kTarget: return read_value<ConsumerGroupTargetAssignmentMetadataValue>(group, member, *value);
    case ConsumerGroupKey::kMemberTarget: return read_value<ConsumerGroupTargetAssignmentMemberValue>(group, member, *value);
    default: return read_value<ConsumerGroupCurrentMemberAssignmentValue>(group, member, *value);
  }
}

}  // namespace quokka
