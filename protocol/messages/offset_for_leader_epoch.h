// OffsetForLeaderEpoch (key 23), versions 0-4, flexible from 4.
//
// 1: leader epoch in the answer. 2: current leader epoch, for fencing (KIP-320). 3: replica id, so that followers and consumers differ.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct OffsetForLeaderEpochRequest {
  static constexpr const char* kName = "OffsetForLeaderEpochRequest";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_FOR_LEADER_EPOCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  struct OffsetForLeaderTopic {
    struct OffsetForLeaderPartition {
      PartitionIndex partition;
      LeaderEpoch current_leader_epoch;
      LeaderEpoch leader_epoch{0};
    };
    std::string_view topic;
    Array<OffsetForLeaderPartition> partitions;
  };
  BrokerId replica_id{-2};
  Array<OffsetForLeaderTopic> topics;
};

inline void fields(Codec& c, OffsetForLeaderEpochRequest::OffsetForLeaderTopic::OffsetForLeaderPartition& m) {
  c.field(m.partition, "partition");
  c.field(m.current_leader_epoch, "current_leader_epoch", since(2).or_dropped());
  c.field(m.leader_epoch, "leader_epoch");
}
inline void fields(Codec& c, OffsetForLeaderEpochRequest::OffsetForLeaderTopic& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetForLeaderEpochRequest& m) {
  c.field(m.replica_id, "replica_id", since(3).or_dropped());
  c.field(m.topics, "topics");
}

struct OffsetForLeaderEpochResponse {
  static constexpr const char* kName = "OffsetForLeaderEpochResponse";
  static constexpr ApiKey kApiKey = ApiKey::OFFSET_FOR_LEADER_EPOCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  struct OffsetForLeaderTopicResult {
    struct EpochEndOffset {
      ErrorCode error_code = ErrorCode::NONE;
      PartitionIndex partition;
      LeaderEpoch leader_epoch;
      Offset end_offset;
    };
    std::string_view topic;
    Array<EpochEndOffset> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<OffsetForLeaderTopicResult> topics;
};

inline void fields(Codec& c, OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult::EpochEndOffset& m) {
  c.field(m.error_code, "error_code");
  c.field(m.partition, "partition");
  c.field(m.leader_epoch, "leader_epoch", since(1).or_dropped());
  c.field(m.end_offset, "end_offset");
}
inline void fields(Codec& c, OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, OffsetForLeaderEpochResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(2).or_dropped());
  c.field(m.topics, "topics");
}

}  // namespace quokka
