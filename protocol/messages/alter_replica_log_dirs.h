// AlterReplicaLogDirs (key 34), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterReplicaLogDirsRequest {
  static constexpr const char* kName = "AlterReplicaLogDirsRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_REPLICA_LOG_DIRS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct AlterReplicaLogDir {
    struct AlterReplicaLogDirTopic {
      std::string_view name;
      Array<PartitionIndex> partitions;
    };
    std::string_view path;
    Array<AlterReplicaLogDirTopic> topics;
  };
  Array<AlterReplicaLogDir> dirs;
};

inline void fields(Codec& c, AlterReplicaLogDirsRequest::AlterReplicaLogDir::AlterReplicaLogDirTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterReplicaLogDirsRequest::AlterReplicaLogDir& m) {
  c.field(m.path, "path");
  c.field(m.topics, "topics");
}
inline void fields(Codec& c, AlterReplicaLogDirsRequest& m) {
  c.field(m.dirs, "dirs");
}

struct AlterReplicaLogDirsResponse {
  static constexpr const char* kName = "AlterReplicaLogDirsResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_REPLICA_LOG_DIRS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct AlterReplicaLogDirTopicResult {
    struct AlterReplicaLogDirPartitionResult {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view topic_name;
    Array<AlterReplicaLogDirPartitionResult> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<AlterReplicaLogDirTopicResult> results;
};

inline void fields(Codec& c, AlterReplicaLogDirsResponse::AlterReplicaLogDirTopicResult::AlterReplicaLogDirPartitionResult& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, AlterReplicaLogDirsResponse::AlterReplicaLogDirTopicResult& m) {
  c.field(m.topic_name, "topic_name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterReplicaLogDirsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
