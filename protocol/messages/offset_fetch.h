// OffsetFetch (key 9), versions 0-9, flexible from 6.
//
// 2: null asks for all topics; an error for the group. 5: leader epoch. 7: stable offsets only (KIP-447). 8: many groups at once. 9: member epochs
// (KIP-848).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct OffsetFetchRequest {
  static constexpr const char* kName = "OffsetFetchRequest";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_FETCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct OffsetFetchRequestTopic {
    std::string_view name;
    Array<PartitionIndex> partition_indexes;
  };
  struct OffsetFetchRequestGroup {
    struct OffsetFetchRequestTopics {
      std::string_view name;
      Array<PartitionIndex> partition_indexes;
    };
    std::string_view group_id;
    std::optional<std::string_view> member_id;
    int32_t member_epoch = -1;
    std::optional<Array<OffsetFetchRequestTopics>> topics = Array<OffsetFetchRequestTopics>();
  };
  std::string_view group_id;
  std::optional<Array<OffsetFetchRequestTopic>> topics = Array<OffsetFetchRequestTopic>();
  Array<OffsetFetchRequestGroup> groups;
  bool require_stable = false;
};

inline void fields(Codec& c, OffsetFetchRequest::OffsetFetchRequestTopic& m) {
  c.field(m.name, "name", until(7));
  c.field(m.partition_indexes, "partition_indexes", until(7));
}
inline void fields(Codec& c, OffsetFetchRequest::OffsetFetchRequestGroup::OffsetFetchRequestTopics& m) {
  c.field(m.name, "name", since(8));
  c.field(m.partition_indexes, "partition_indexes", since(8));
}
inline void fields(Codec& c, OffsetFetchRequest::OffsetFetchRequestGroup& m) {
  c.field(m.group_id, "group_id", since(8));
  c.field(m.member_id, "member_id", since(9).or_dropped(), since(9));
  c.field(m.member_epoch, "member_epoch", since(9).or_dropped());
  c.field(m.topics, "topics", since(8), since(8));
}
inline void fields(Codec& c, OffsetFetchRequest& m) {
  c.field(m.group_id, "group_id", until(7));
  c.field(m.topics, "topics", until(7), between(2, 7));
  c.field(m.groups, "groups", since(8));
  c.field(m.require_stable, "require_stable", since(7));
}

struct OffsetFetchResponse {
  static constexpr const char* kName = "OffsetFetchResponse";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_FETCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct OffsetFetchResponseTopic {
    struct OffsetFetchResponsePartition {
      PartitionIndex partition_index;
      Offset committed_offset{0};
      LeaderEpoch committed_leader_epoch;
      std::optional<std::string_view> metadata = std::string_view();
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view name;
    Array<OffsetFetchResponsePartition> partitions;
  };
  struct OffsetFetchResponseGroup {
    struct OffsetFetchResponseTopics {
      struct OffsetFetchResponsePartitions {
        PartitionIndex partition_index;
        Offset committed_offset{0};
        LeaderEpoch committed_leader_epoch;
        std::optional<std::string_view> metadata = std::string_view();
        ErrorCode error_code = ErrorCode::NONE;
      };
      std::string_view name;
      Array<OffsetFetchResponsePartitions> partitions;
    };
    std::string_view group_id;
    Array<OffsetFetchResponseTopics> topics;
    ErrorCode error_code = ErrorCode::NONE;
  };
  int32_t throttle_time_ms = 0;
  Array<OffsetFetchResponseTopic> topics;
  ErrorCode error_code = ErrorCode::NONE;
  Array<OffsetFetchResponseGroup> groups;
};

inline void fields(Codec& c, OffsetFetchResponse::OffsetFetchResponseTopic::OffsetFetchResponsePartition& m) {
  c.field(m.partition_index, "partition_index", until(7));
  c.field(m.committed_offset, "committed_offset", until(7));
  c.field(m.committed_leader_epoch, "committed_leader_epoch", between(5, 7).or_dropped());
  c.field(m.metadata, "metadata", until(7), until(7));
  c.field(m.error_code, "error_code", until(7));
}
inline void fields(Codec& c, OffsetFetchResponse::OffsetFetchResponseTopic& m) {
  c.field(m.name, "name", until(7));
  c.field(m.partitions, "partitions", until(7));
}
inline void fields(Codec& c, OffsetFetchResponse::OffsetFetchResponseGroup::OffsetFetchResponseTopics::OffsetFetchResponsePartitions& m) {
  c.field(m.partition_index, "partition_index", since(8));
  c.field(m.committed_offset, "committed_offset", since(8));
  c.field(m.committed_leader_epoch, "committed_leader_epoch", since(8).or_dropped());
  c.field(m.metadata, "metadata", since(8), since(8));
  c.field(m.error_code, "error_code", since(8));
}
inline void fields(Codec& c, OffsetFetchResponse::OffsetFetchResponseGroup::OffsetFetchResponseTopics& m) {
  c.field(m.name, "name", since(8));
  c.field(m.partitions, "partitions", since(8));
}
inline void fields(Codec& c, OffsetFetchResponse::OffsetFetchResponseGroup& m) {
  c.field(m.group_id, "group_id", since(8));
  c.field(m.topics, "topics", since(8));
  c.field(m.error_code, "error_code", since(8));
}
inline void fields(Codec& c, OffsetFetchResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(3).or_dropped());
  c.field(m.topics, "topics", until(7));
  c.field(m.error_code, "error_code", between(2, 7).or_dropped());
  c.field(m.groups, "groups", since(8));
}

}  // namespace quokka
