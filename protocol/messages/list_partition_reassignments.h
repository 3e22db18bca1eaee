// ListPartitionReassignments (key 46), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ListPartitionReassignmentsRequest {
  static constexpr const char* kName = "ListPartitionReassignmentsRequest";
  static constexpr ApiKey kApiKey = ApiKey::LIST_PARTITION_REASSIGNMENTS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct ListPartitionReassignmentsTopics {
    std::string_view name;
    Array<PartitionIndex> partition_indexes;
  };
  int32_t timeout_ms = 60000;
  std::optional<Array<ListPartitionReassignmentsTopics>> topics;
};

inline void fields(Codec& c, ListPartitionReassignmentsRequest::ListPartitionReassignmentsTopics& m) {
  c.field(m.name, "name");
  c.field(m.partition_indexes, "partition_indexes");
}
inline void fields(Codec& c, ListPartitionReassignmentsRequest& m) {
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.topics, "topics", always(), always());
}

struct ListPartitionReassignmentsResponse {
  static constexpr const char* kName = "ListPartitionReassignmentsResponse";
  static constexpr ApiKey kApiKey = ApiKey::LIST_PARTITION_REASSIGNMENTS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct OngoingTopicReassignment {
    struct OngoingPartitionReassignment {
      PartitionIndex partition_index;
      Array<BrokerId> replicas;
      Array<BrokerId> adding_replicas;
      Array<BrokerId> removing_replicas;
    };
    std::string_view name;
    Array<OngoingPartitionReassignment> partitions;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  Array<OngoingTopicReassignment> topics;
};

inline void fields(Codec& c, ListPartitionReassignmentsResponse::OngoingTopicReassignment::OngoingPartitionReassignment& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.replicas, "replicas");
  c.field(m.adding_replicas, "adding_replicas");
  c.field(m.removing_replicas, "removing_replicas");
}
inline void fields(Codec& c, ListPartitionReassignmentsResponse::OngoingTopicReassignment& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ListPartitionReassignmentsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.topics, "topics");
}

}  // namespace quokka
