// TxnOffsetCommit (key 28), versions 0-4, flexible from 3.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct TxnOffsetCommitRequest {
  static constexpr const char* kName = "TxnOffsetCommitRequest";
  static constexpr ApiKey kApiKey = ApiKey::TXN_OFFSET_COMMIT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  struct TxnOffsetCommitRequestTopic {
    struct TxnOffsetCommitRequestPartition {
      PartitionIndex partition_index;
      Offset committed_offset{0};
      LeaderEpoch committed_leader_epoch;
      std::optional<std::string_view> committed_metadata = std::string_view();
    };
    std::string_view name;
    Array<TxnOffsetCommitRequestPartition> partitions;
  };
  std::string_view transactional_id;
  std::string_view group_id;
  ProducerId producer_id{0};
  ProducerEpoch producer_epoch{0};
  int32_t generation_id = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  Array<TxnOffsetCommitRequestTopic> topics;
};

inline void fields(Codec& c, TxnOffsetCommitRequest::TxnOffsetCommitRequestTopic::TxnOffsetCommitRequestPartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.committed_offset, "committed_offset");
  c.field(m.committed_leader_epoch, "committed_leader_epoch", since(2).or_dropped());
  c.field(m.committed_metadata, "committed_metadata", always(), always());
}
inline void fields(Codec& c, TxnOffsetCommitRequest::TxnOffsetCommitRequestTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, TxnOffsetCommitRequest& m) {
  c.field(m.transactional_id, "transactional_id");
  c.field(m.group_id, "group_id");
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.generation_id, "generation_id", since(3));
  c.field(m.member_id, "member_id", since(3));
  c.field(m.group_instance_id, "group_instance_id", since(3), since(3));
  c.field(m.topics, "topics");
}

struct TxnOffsetCommitResponse {
  static constexpr const char* kName = "TxnOffsetCommitResponse";
  static constexpr ApiKey kApiKey = ApiKey::TXN_OFFSET_COMMIT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  struct TxnOffsetCommitResponseTopic {
    struct TxnOffsetCommitResponsePartition {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
    };
    std::string_view name;
    Array<TxnOffsetCommitResponsePartition> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<TxnOffsetCommitResponseTopic> topics;
};

inline void fields(Codec& c, TxnOffsetCommitResponse::TxnOffsetCommitResponseTopic::TxnOffsetCommitResponsePartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, TxnOffsetCommitResponse::TxnOffsetCommitResponseTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, TxnOffsetCommitResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.topics, "topics");
}

}  // namespace quokka
