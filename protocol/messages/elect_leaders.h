// ElectLeaders (key 43), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ElectLeadersRequest {
  static constexpr const char* kName = "ElectLeadersRequest";
  static constexpr ApiKey kApiKey = ApiKey::ELECT_LEADERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct TopicPartitions {
    std::string_view topic;
    Array<PartitionIndex> partitions;
  };
  int8_t election_type = 0;
  std::optional<Array<TopicPartitions>> topic_partitions = Array<TopicPartitions>();
  int32_t timeout_ms = 60000;
};

inline void fields(Codec& c, ElectLeadersRequest::TopicPartitions& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ElectLeadersRequest& m) {
  c.field(m.election_type, "election_type", since(1));
  c.field(m.topic_partitions, "topic_partitions", always(), always());
  c.field(m.timeout_ms, "timeout_ms");
}

struct ElectLeadersResponse {
  static constexpr const char* kName = "ElectLeadersResponse";
  static constexpr ApiKey kApiKey = ApiKey::ELECT_LEADERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct ReplicaElectionResult {
    struct PartitionResult {
      PartitionIndex partition_id;
      ErrorCode error_code = ErrorCode::NONE;
      std::optional<std::string_view> error_message = std::string_view();
    };
    std::string_view topic;
    Array<PartitionResult> partition_result;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<ReplicaElectionResult> replica_election_results;
};

inline void fields(Codec& c, ElectLeadersResponse::ReplicaElectionResult::PartitionResult& m) {
  c.field(m.partition_id, "partition_id");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, ElectLeadersResponse::ReplicaElectionResult& m) {
  c.field(m.topic, "topic");
  c.field(m.partition_result, "partition_result");
}
inline void fields(Codec& c, ElectLeadersResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code", since(1));
  c.field(m.replica_election_results, "replica_election_results");
}

}  // namespace quokka
