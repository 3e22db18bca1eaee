// OffsetCommit (key 8), versions 0-9, flexible from 8.
//
// 1: generation, member, commit timestamp (gone in 2). 2-4: retention time. 6: leader epoch. 7: static members (KIP-345). 9: member epochs (KIP-848).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct OffsetCommitRequest {
  static constexpr const char* kName = "OffsetCommitRequest";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_COMMIT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 8;
  struct OffsetCommitRequestTopic {
    struct OffsetCommitRequestPartition {
      PartitionIndex partition_index;
      Offset committed_offset{0};
      LeaderEpoch committed_leader_epoch;
      int64_t commit_timestamp = -1;
      std::optional<std::string_view> committed_metadata = std::string_view();
    };
    std::string_view name;
    Array<OffsetCommitRequestPartition> partitions;
  };
  std::string_view group_id;
  int32_t generation_id_or_member_epoch = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  int64_t retention_time_ms = -1;
  Array<OffsetCommitRequestTopic> topics;
};

inline void fields(Codec& c, OffsetCommitRequest::OffsetCommitRequestTopic::OffsetCommitRequestPartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.committed_offset, "committed_offset");
  c.field(m.committed_leader_epoch, "committed_leader_epoch", since(6).or_dropped());
  c.field(m.commit_timestamp, "commit_timestamp", between(1, 1));
  c.field(m.committed_metadata, "committed_metadata", always(), always());
}
inline void fields(Codec& c, OffsetCommitRequest::OffsetCommitRequestTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetCommitRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.generation_id_or_member_epoch, "generation_id_or_member_epoch", since(1).or_dropped());
  c.field(m.member_id, "member_id", since(1).or_dropped());
  c.field(m.group_instance_id, "group_instance_id", since(7), since(7));
  c.field(m.retention_time_ms, "retention_time_ms", between(2, 4).or_dropped());
  c.field(m.topics, "topics");
}

struct OffsetCommitResponse {
  static constexpr const char* kName = "OffsetCommitResponse";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_COMMIT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 8;
  struct OffsetCommitResponseTopic {
    struct OffsetCommitResponsePartition {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view name;
    Array<OffsetCommitResponsePartition> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<OffsetCommitResponseTopic> topics;
};

inline void fields(Codec& c, OffsetCommitResponse::OffsetCommitResponseTopic::OffsetCommitResponsePartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, OffsetCommitResponse::OffsetCommitResponseTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetCommitResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(3).or_dropped());
  c.field(m.topics, "topics");
}

}  // namespace quokka
