// ListOffsets (key 2), versions 0-9, flexible from 6.
//
// 0: a list of offsets, by segment. 1: one offset with its timestamp. 2: isolation level. 4: leader epochs. 7: -3, the offset of the largest timestamp
// (KIP-734). 8: -4, earliest local; 9: -5, last tiered offset (KIP-405).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ListOffsetsRequest {
  static constexpr const char* kName = "ListOffsetsRequest";
  static constexpr ApiKey kApiKey = ApiKey::LIST_OFFSETS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct ListOffsetsTopic {
    struct ListOffsetsPartition {
      PartitionIndex partition_index;
      LeaderEpoch current_leader_epoch;
      int64_t timestamp = 0;
      int32_t max_num_offsets = 1;
    };
    std::string_view name;
    Array<ListOffsetsPartition> partitions;
  };
  BrokerId replica_id{0};
  int8_t isolation_level = 0;
  Array<ListOffsetsTopic> topics;
};

inline void fields(Codec& c, ListOffsetsRequest::ListOffsetsTopic::ListOffsetsPartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.current_leader_epoch, "current_leader_epoch", since(4).or_dropped());
  c.field(m.timestamp, "timestamp");
  c.field(m.max_num_offsets, "max_num_offsets", until(0));
}
inline void fields(Codec& c, ListOffsetsRequest::ListOffsetsTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ListOffsetsRequest& m) {
  c.field(m.replica_id, "replica_id");
  c.field(m.isolation_level, "isolation_level", since(2));
  c.field(m.topics, "topics");
}

struct ListOffsetsResponse {
  static constexpr const char* kName = "ListOffsetsResponse";
  static constexpr ApiKey kApiKey = ApiKey::LIST_OFFSETS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct ListOffsetsTopicResponse {
    struct ListOffsetsPartitionResponse {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
      Array<int64_t> old_style_offsets;
      int64_t timestamp = -1;
      Offset offset;
      LeaderEpoch leader_epoch;
    };
    std::string_view name;
    Array<ListOffsetsPartitionResponse> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<ListOffsetsTopicResponse> topics;
};

inline void fields(Codec& c, ListOffsetsResponse::ListOffsetsTopicResponse::ListOffsetsPartitionResponse& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
  c.field(m.old_style_offsets, "old_style_offsets", until(0));
  c.field(m.timestamp, "timestamp", since(1));
  c.field(m.offset, "offset", since(1));
  c.field(m.leader_epoch, "leader_epoch", since(4));
}
inline void fields(Codec& c, ListOffsetsResponse::ListOffsetsTopicResponse& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ListOffsetsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(2).or_dropped());
  c.field(m.topics, "topics");
}

}  // namespace quokka
