#include "broker/group/group_records.h"

#include "broker/group/consumer/consumer_records.h"

#include <utility>

#include "protocol/records/stored/group_metadata.h"
#include "protocol/records/stored/offset_commit.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {

namespace {

constexpr int16_t kOffsetKeyVersion = 1, kGroupKeyVersion = 2;
constexpr int16_t kOffsetValueVersion = 3, kExpiringOffsetValueVersion = 1, kGroupValueVersion = 3;

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}
std::optional<std::string> copy_of(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

std::vector<uint8_t> offset_value(const OffsetRecord& record) {
  OffsetCommitValue value;
  value.offset = record.offset;
  value.leader_epoch = record.leader_epoch;
  value.metadata = record.metadata;
  value.commit_timestamp = record.commit_timestamp_ms;
  value.expire_timestamp = record.expire_timestamp_ms.value_or(-1);
  return versioned(value, record.expire_timestamp_ms ? kExpiringOffsetValueVersion : kOffsetValueVersion);
}

std::vector<uint8_t> group_value(const GroupRecord& record) {
  GroupMetadataValue value;
  value.protocol_type = record.protocol_type;
  value.generation = record.generation;
  value.protocol = view_of(record.protocol);
  value.leader = view_of(record.leader);
  value.current_state_timestamp = record.state_timestamp_ms;
  std::vector<GroupMetadataValue::MemberMetadata> members;
  for (const GroupRecord::Member& each : record.members) {
    GroupMetadataValue::MemberMetadata& member = members.emplace_back();
    member.member_id = each.id;
    member.group_instance_id = view_of(each.instance_id);
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.rebalance_timeout = each.rebalance_timeout_ms;
    member.session_timeout = each.session_timeout_ms;
    member.subscription = bytes_of(each.subscription);
    member.assignment = bytes_of(each.assignment);
  }
  value.members = members;
  return versioned(value, kGroupValueVersion);
}

// What follows the version, as a message of that version.
template <class M>
Result<M> body_of(Bytes bytes, int16_t version, Arena& arena) {
  Result<M> read = decode<M>(bytes.subspan(2), version, arena);
  if (!read) return Error{ErrorCode::INVALID_RECORD, read.error().message};
  return read;
}

Result<int16_t> version_of(Bytes bytes, const char* what) {
  if (bytes.size() < 2) return Error{ErrorCode::INVALID_RECORD, std::string("a ") + what + " of less than two bytes"};
  return load_be<int16_t>(bytes.data());
}

Result<OffsetRecord> read_offset(Bytes bytes) {
  const Result<int16_t> version = version_of(bytes, "value");
  if (!version) return version.error();
  Arena arena = Arena::for_frame(bytes.size());
  const Result<OffsetCommitValue> value = body_of<OffsetCommitValue>(bytes, *version, arena);
  if (!value) return value.error();
  OffsetRecord record;
  record.offset = value->offset;
  record.leader_epoch = value->leader_epoch;
  record.metadata = value->metadata;
  record.commit_timestamp_ms = value->commit_timestamp;
  if (value->expire_timestamp != -1) record.expire_timestamp_ms = value->expire_timestamp;
  return record;
}

Result<GroupRecord> read_group(Bytes bytes) {
  const Result<int16_t> version = version_of(bytes, "value");
  if (!version) return version.error();
  Arena arena = Arena::for_frame(bytes.size());
  const Result<GroupMetadataValue> value = body_of<GroupMetadataValue>(bytes, *version, arena);
  if (!value) return value.error();
  GroupRecord record;
  record.protocol_type = value->protocol_type;
  record.generation = value->generation;
  record.protocol = copy_of(value->protocol);
  record.leader = copy_of(value->leader);
  record.state_timestamp_ms = value->current_state_timestamp;
  for (const GroupMetadataValue::MemberMetadata& each : value->members) {
    GroupRecord::Member& member = record.members.emplace_back();
    member.id = each.member_id;
    member.instance_id = copy_of(each.group_instance_id);
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.rebalance_timeout_ms = *version == 0 ? each.session_timeout : each.rebalance_timeout;
    member.session_timeout_ms = each.session_timeout;
    member.subscription = text_of(each.subscription);
    member.assignment = text_of(each.assignment);
  }
  return record;
}

}  // namespace

JournalEntry encode_group_record(const StoredGroupRecord& record) {
  if (record.consumer) return encode_consumer_record(record.group, *record.consumer);
  JournalEntry entry;
  if (record.partition) {
    OffsetCommitKey key;
    key.group = record.group;
    key.topic = record.partition->topic;
    key.partition = record.partition->partition.value;
    entry.key = versioned(key, kOffsetKeyVersion);
    if (record.offset) entry.value = offset_value(*record.offset);
  } else {
    GroupMetadataKey key;
    key.group = record.group;
    entry.key = versioned(key, kGroupKeyVersion);
    if (record.metadata) entry.value = group_value(*record.metadata);
  }
  return entry;
}

Result<std::optional<StoredGroupRecord>> decode_group_record(Bytes key, std::optional<Bytes> value) {
  const Result<int16_t> version = version_of(key, "key");
  if (!version) return version.error();
  StoredGroupRecord record;
  if (has_consumer_key(*version)) {
    Result<DecodedConsumerRecord> read = decode_consumer_record(key, value);
    if (!read) return read.error();
    record.group = std::move(read->group);
    record.consumer = std::move(read->record);
    return std::optional(std::move(record));
  }
  Arena arena = Arena::for_frame(key.size());
  if (*version >= 0 && *version <= kOffsetKeyVersion) {
    const Result<OffsetCommitKey> read = body_of<OffsetCommitKey>(key, *version, arena);
    if (!read) return read.error();
    record.group = read->group;
    record.partition = TopicPartition{std::string(read->topic), PartitionIndex(read->partition)};
    if (!value) return std::optional(std::move(record));
    Result<OffsetRecord> offset = read_offset(*value);
    if (!offset) return offset.error();
    record.offset = *std::move(offset);
    return std::optional(std::move(record));
  }
  if (*version != kGroupKeyVersion) return std::optional<StoredGroupRecord>();
  const Result<GroupMetadataKey> read = body_of<GroupMetadataKey>(key, *version, arena);
  if (!read) return read.error();
  record.group = read->group;
  if (!value) return std::optional(std::move(record));
  Result<GroupRecord> metadata = read_group(*value);
  if (!metadata) return metadata.error();
  record.metadata = *std::move(metadata);
  return std::optional(std::move(record));
}

}  // namespace quokka
