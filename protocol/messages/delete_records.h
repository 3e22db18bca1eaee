// DeleteRecords (key 21), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DeleteRecordsRequest {
  static constexpr const char* kName = "DeleteRecordsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_RECORDS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct DeleteRecordsTopic {
    struct DeleteRecordsPartition {
      PartitionIndex partition_index;
      Offset offset{0};
    };
    std::string_view name;
    Array<DeleteRecordsPartition> partitions;
  };
  Array<DeleteRecordsTopic> topics;
  int32_t timeout_ms = 0;
};

inline void fields(Codec& c, DeleteRecordsRequest::DeleteRecordsTopic::DeleteRecordsPartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.offset, "offset");
}
inline void fields(Codec& c, DeleteRecordsRequest::DeleteRecordsTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DeleteRecordsRequest& m) {
  c.field(m.topics, "topics");
  c.field(m.timeout_ms, "timeout_ms");
}

struct DeleteRecordsResponse {
  static constexpr const char* kName = "DeleteRecordsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_RECORDS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct DeleteRecordsTopicResult {
    struct DeleteRecordsPartitionResult {
      PartitionIndex partition_index;
      Offset low_watermark{0};
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view name;
    Array<DeleteRecordsPartitionResult> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<DeleteRecordsTopicResult> topics;
};

inline void fields(Codec& c, DeleteRecordsResponse::DeleteRecordsTopicResult::DeleteRecordsPartitionResult& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.low_watermark, "low_watermark");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, DeleteRecordsResponse::DeleteRecordsTopicResult& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DeleteRecordsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.topics, "topics");
}

}  // namespace quokka
