// OffsetDelete (key 47), versions 0, never flexible.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct OffsetDeleteRequest {
  static constexpr const char* kName = "OffsetDeleteRequest";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_DELETE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = kNeverFlexible;
  struct OffsetDeleteRequestTopic {
    struct OffsetDeleteRequestPartition {
      PartitionIndex partition_index;
    };
    std::string_view name;
    Array<OffsetDeleteRequestPartition> partitions;
  };
  std::string_view group_id;
  Array<OffsetDeleteRequestTopic> topics;
};

inline void fields(Codec& c, OffsetDeleteRequest::OffsetDeleteRequestTopic::OffsetDeleteRequestPartition& m) {
  c.field(m.partition_index, "partition_index");
}
inline void fields(Codec& c, OffsetDeleteRequest::OffsetDeleteRequestTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetDeleteRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.topics, "topics");
}

struct OffsetDeleteResponse {
  static constexpr const char* kName = "OffsetDeleteResponse";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_DELETE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = kNeverFlexible;
  struct OffsetDeleteResponseTopic {
    struct OffsetDeleteResponsePartition {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view name;
    Array<OffsetDeleteResponsePartition> partitions;
  };
  ErrorCode error_code = ErrorCode::NONE;
  int32_t throttle_time_ms = 0;
  Array<OffsetDeleteResponseTopic> topics;
};

inline void fields(Codec& c, OffsetDeleteResponse::OffsetDeleteResponseTopic::OffsetDeleteResponsePartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, OffsetDeleteResponse::OffsetDeleteResponseTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetDeleteResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.topics, "topics");
}

}  // namespace quokka
