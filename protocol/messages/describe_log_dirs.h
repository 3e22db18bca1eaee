// DescribeLogDirs (key 35), versions 0-4, flexible from 2.
//
// 3: an error for the whole request. 4: total and usable bytes (KIP-827).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeLogDirsRequest {
  static constexpr const char* kName = "DescribeLogDirsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_LOG_DIRS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 2;
  struct DescribableLogDirTopic {
    std::string_view topic;
    Array<PartitionIndex> partitions;
  };
  std::optional<Array<DescribableLogDirTopic>> topics = Array<DescribableLogDirTopic>();
};

inline void fields(Codec& c, DescribeLogDirsRequest::DescribableLogDirTopic& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DescribeLogDirsRequest& m) {
  c.field(m.topics, "topics", always(), always());
}

struct DescribeLogDirsResponse {
  static constexpr const char* kName = "DescribeLogDirsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_LOG_DIRS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 2;
  struct DescribeLogDirsResult {
    struct DescribeLogDirsTopic {
      struct DescribeLogDirsPartition {
        PartitionIndex partition_index;
        int64_t partition_size = 0;
        int64_t offset_lag = 0;
        bool is_future_key = false;
      };
      std::string_view name;
      Array<DescribeLogDirsPartition> partitions;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::string_view log_dir;
    Array<DescribeLogDirsTopic> topics;
    int64_t total_bytes = -1;
    int64_t usable_bytes = -1;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<DescribeLogDirsResult> results;
};

inline void fields(Codec& c, DescribeLogDirsResponse::DescribeLogDirsResult::DescribeLogDirsTopic::DescribeLogDirsPartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.partition_size, "partition_size");
  c.field(m.offset_lag, "offset_lag");
  c.field(m.is_future_key, "is_future_key");
}
inline void fields(Codec& c, DescribeLogDirsResponse::DescribeLogDirsResult::DescribeLogDirsTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DescribeLogDirsResponse::DescribeLogDirsResult& m) {
  c.field(m.error_code, "error_code");
  c.field(m.log_dir, "log_dir");
  c.field(m.topics, "topics");
  c.field(m.total_bytes, "total_bytes", since(4).or_dropped());
  c.field(m.usable_bytes, "usable_bytes", since(4).or_dropped());
}
inline void fields(Codec& c, DescribeLogDirsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code", since(3).or_dropped());
  c.field(m.results, "results");
}

}  // namespace quokka
