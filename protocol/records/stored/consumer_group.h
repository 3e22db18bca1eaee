// Records of __consumer_offsets that hold a group of the consumer protocol (KIP-848), as Kafka stores them where it serves that: keys of version 3 to 8,
// which say what the value is.
#pragma once

#include "protocol/base/ids.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ConsumerGroupKey {
  static constexpr const char* kName = "ConsumerGroupKey";
  static constexpr int16_t kGroup = 3, kTopics = 4, kMember = 5, kTarget = 6, kMemberTarget = 7, kMemberAssignment = 8;
  static constexpr int16_t kVersionMin = 3, kVersionMax = 8, kFlexibleFrom = kNeverFlexible;
  std::string_view group;
  std::string_view member;
};

inline void fields(Codec& c, ConsumerGroupKey& m) {
  c.field(m.group, "group");
  c.field(m.member, "member", between(5, 5).or_dropped());
  c.field(m.member, "member", since(7).or_dropped());
}

struct ConsumerGroupMetadataValue {  // 3
  static constexpr const char* kName = "ConsumerGroupMetadataValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  int32_t epoch = 0;
};

inline void fields(Codec& c, ConsumerGroupMetadataValue& m) { c.field(m.epoch, "epoch"); }

struct ConsumerGroupPartitionMetadataValue {  // 4
  static constexpr const char* kName = "ConsumerGroupPartitionMetadataValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct TopicMetadata {
    // Written by brokers that know racks; not used by any assignor yet.
    struct PartitionMetadata {
      int32_t partition = 0;
      Array<std::string_view> racks;
    };
    Uuid topic_id;
    std::string_view topic_name;
    int32_t num_partitions = 0;
    Array<PartitionMetadata> partition_metadata;
  };
  Array<TopicMetadata> topics;
};

inline void fields(Codec& c, ConsumerGroupPartitionMetadataValue::TopicMetadata::PartitionMetadata& m) {
  c.field(m.partition, "partition");
  c.field(m.racks, "racks");
}
inline void fields(Codec& c, ConsumerGroupPartitionMetadataValue::TopicMetadata& m) {
  c.field(m.topic_id, "topic_id");
  c.field(m.topic_name, "topic_name");
  c.field(m.num_partitions, "num_partitions");
  c.field(m.partition_metadata, "partition_metadata");
}
inline void fields(Codec& c, ConsumerGroupPartitionMetadataValue& m) { c.field(m.topics, "topics"); }

struct StoredClassicProtocol {
  std::string_view name;
  Bytes metadata;

  bool operator==(const StoredClassicProtocol& other) const { return name == other.name && std::ranges::equal(metadata, other.metadata); }
};

struct StoredClassicMember {
  int32_t session_timeout_ms = 0;
  Array<StoredClassicProtocol> supported_protocols;

  bool operator==(const StoredClassicMember&) const = default;
};

struct ConsumerGroupMemberMetadataValue {  // 5
  static constexpr const char* kName = "ConsumerGroupMemberMetadataValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> rack_id;
  std::string_view client_id;
  std::string_view client_host;
  Array<std::string_view> subscribed_topic_names;
  std::optional<std::string_view> subscribed_topic_regex;
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::string_view> server_assignor;
  std::optional<StoredClassicMember> classic_member_metadata;
};

inline void fields(Codec& c, StoredClassicProtocol& m) {
  c.field(m.name, "name");
  c.field(m.metadata, "metadata");
}
inline void fields(Codec& c, StoredClassicMember& m) {
  c.field(m.session_timeout_ms, "session_timeout_ms");
  c.field(m.supported_protocols, "supported_protocols");
}
inline void fields(Codec& c, ConsumerGroupMemberMetadataValue& m) {
  c.field(m.instance_id, "instance_id", always(), always());
  c.field(m.rack_id, "rack_id", always(), always());
  c.field(m.client_id, "client_id");
  c.field(m.client_host, "client_host");
  c.field(m.subscribed_topic_names, "subscribed_topic_names");
  c.field(m.subscribed_topic_regex, "subscribed_topic_regex", always(), always());
  c.field(m.rebalance_timeout_ms, "rebalance_timeout_ms");
  c.field(m.server_assignor, "server_assignor", always(), always());
  c.tag(m.classic_member_metadata, 0, "classic_member_metadata", always(), always());
}

struct ConsumerGroupTargetAssignmentMetadataValue {  // 6
  static constexpr const char* kName = "ConsumerGroupTargetAssignmentMetadataValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  int32_t assignment_epoch = 0;
};

inline void fields(Codec& c, ConsumerGroupTargetAssignmentMetadataValue& m) { c.field(m.assignment_epoch, "assignment_epoch"); }

struct StoredTopicPartitions {
  Uuid topic_id;
  Array<PartitionIndex> partitions;
};

inline void fields(Codec& c, StoredTopicPartitions& m) {
  c.field(m.topic_id, "topic_id");
  c.field(m.partitions, "partitions");
}

struct ConsumerGroupTargetAssignmentMemberValue {  // 7
  static constexpr const char* kName = "ConsumerGroupTargetAssignmentMemberValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  Array<StoredTopicPartitions> topic_partitions;
};

inline void fields(Codec& c, ConsumerGroupTargetAssignmentMemberValue& m) { c.field(m.topic_partitions, "topic_partitions"); }

struct ConsumerGroupCurrentMemberAssignmentValue {  // 8
  static constexpr const char* kName = "ConsumerGroupCurrentMemberAssignmentValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  int32_t member_epoch = 0;
  int32_t previous_member_epoch = 0;
  int8_t state = 0;
  Array<StoredTopicPartitions> assigned_partitions;
  Array<StoredTopicPartitions> partitions_pending_revocation;
};

inline void fields(Codec& c, ConsumerGroupCurrentMemberAssignmentValue& m) {
  c.field(m.member_epoch, "member_epoch");
  c.field(m.previous_member_epoch, "previous_member_epoch");
  c.field(m.state, "state");
  c.field(m.assigned_partitions, "assigned_partitions");
  c.field(m.partitions_pending_revocation, "partitions_pending_revocation");
}

}  // namespace quokka
