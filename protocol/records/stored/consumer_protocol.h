// What a consumer tells its group, inside JoinGroup and SyncGroup: subscription and assignment. Versions carry their number in front.
#pragma once

#include "protocol/wire/codec.h"

namespace quokka {

struct ConsumerProtocolSubscription {
  static constexpr const char* kName = "ConsumerProtocolSubscription";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = kNeverFlexible;
  struct TopicPartition {
    std::string_view topic;
    Array<PartitionIndex> partitions;
  };
  Array<std::string_view> topics;
  std::optional<Bytes> user_data;
  Array<TopicPartition> owned_partitions;
  int32_t generation_id = -1;
  std::optional<std::string_view> rack_id;
};

inline void fields(Codec& c, ConsumerProtocolSubscription::TopicPartition& m) {
  c.field(m.topic, "topic", since(1));
  c.field(m.partitions, "partitions", since(1));
}
inline void fields(Codec& c, ConsumerProtocolSubscription& m) {
  c.field(m.topics, "topics");
  c.field(m.user_data, "user_data", always(), always());
  c.field(m.owned_partitions, "owned_partitions", since(1).or_dropped());
  c.field(m.generation_id, "generation_id", since(2).or_dropped());
  c.field(m.rack_id, "rack_id", since(3).or_dropped(), since(3));
}

struct ConsumerProtocolAssignment {
  static constexpr const char* kName = "ConsumerProtocolAssignment";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = kNeverFlexible;
  struct TopicPartition {
    std::string_view topic;
    Array<PartitionIndex> partitions;
  };
  Array<TopicPartition> assigned_partitions;
  std::optional<Bytes> user_data;
};

inline void fields(Codec& c, ConsumerProtocolAssignment::TopicPartition& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ConsumerProtocolAssignment& m) {
  c.field(m.assigned_partitions, "assigned_partitions");
  c.field(m.user_data, "user_data", always(), always());
}

}  // namespace quokka
