// Fetch (key 1), versions 0-17, flexible from 12.
//
// 1: throttle time. 3: a bound on the whole answer. 4: isolation level, last stable offset, aborted transactions. 5: log start offset. 7: incremental
// sessions (KIP-227). 9: leader epoch. 11: rack and preferred replica (KIP-392). 12: last fetched epoch and diverging epoch (KIP-595). 13: topic ids
// instead of names. 15: replica state with broker epoch (KIP-903). 16: endpoints of new leaders (KIP-951). 17: directory id.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct FetchRequest {
  static constexpr const char* kName = "FetchRequest";
  static constexpr ApiKey kApiKey = ApiKey::FETCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 17, kFlexibleFrom = 12;
  struct ReplicaState {
    BrokerId replica_id;
    BrokerEpoch replica_epoch;

    bool operator==(const ReplicaState&) const = default;
  };
  struct FetchTopic {
    struct FetchPartition {
      PartitionIndex partition;
      LeaderEpoch current_leader_epoch;
      Offset fetch_offset{0};
      LeaderEpoch last_fetched_epoch;
      Offset log_start_offset;
      int32_t partition_max_bytes = 0;
      Uuid replica_directory_id;
    };
    std::string_view topic;
    Uuid topic_id;
    Array<FetchPartition> partitions;
  };
  struct ForgottenTopic {
    std::string_view topic;
    Uuid topic_id;
    Array<PartitionIndex> partitions;
  };
  std::optional<std::string_view> cluster_id;
  BrokerId replica_id;
  ReplicaState replica_state;
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = INT32_MAX;
  int8_t isolation_level = 0;
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  Array<FetchTopic> topics;
  Array<ForgottenTopic> forgotten_topics_data;
  std::string_view rack_id;
};

inline void fields(Codec& c, FetchRequest::ReplicaState& m) {
  c.field(m.replica_id, "replica_id", since(15));
  c.field(m.replica_epoch, "replica_epoch", since(15));
}
inline void fields(Codec& c, FetchRequest::FetchTopic::FetchPartition& m) {
  c.field(m.partition, "partition");
  c.field(m.current_leader_epoch, "current_leader_epoch", since(9).or_dropped());
  c.field(m.fetch_offset, "fetch_offset");
  c.field(m.last_fetched_epoch, "last_fetched_epoch", since(12));
  c.field(m.log_start_offset, "log_start_offset", since(5).or_dropped());
  c.field(m.partition_max_bytes, "partition_max_bytes");
  c.tag(m.replica_directory_id, 0, "replica_directory_id", since(17).or_dropped());
}
inline void fields(Codec& c, FetchRequest::FetchTopic& m) {
  c.field(m.topic, "topic", until(12).or_dropped());
  c.field(m.topic_id, "topic_id", since(13).or_dropped());
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, FetchRequest::ForgottenTopic& m) {
  c.field(m.topic, "topic", between(7, 12).or_dropped());
  c.field(m.topic_id, "topic_id", since(13).or_dropped());
  c.field(m.partitions, "partitions", since(7));
}
inline void fields(Codec& c, FetchRequest& m) {
  c.tag(m.cluster_id, 0, "cluster_id", since(12).or_dropped(), since(12));
  c.field(m.replica_id, "replica_id", until(14));
  c.tag(m.replica_state, 1, "replica_state", since(15));
  c.field(m.max_wait_ms, "max_wait_ms");
  c.field(m.min_bytes, "min_bytes");
  c.field(m.max_bytes, "max_bytes", since(3).or_dropped());
  c.field(m.isolation_level, "isolation_level", since(4).or_dropped());
  c.field(m.session_id, "session_id", since(7).or_dropped());
  c.field(m.session_epoch, "session_epoch", since(7).or_dropped());
  c.field(m.topics, "topics");
  c.field(m.forgotten_topics_data, "forgotten_topics_data", since(7));
  c.field(m.rack_id, "rack_id", since(11).or_dropped());
}

struct FetchResponse {
  static constexpr const char* kName = "FetchResponse";
  static constexpr ApiKey kApiKey = ApiKey::FETCH;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 17, kFlexibleFrom = 12;
  struct FetchableTopicResponse {
    struct PartitionData {
      struct EpochEndOffset {
        int32_t epoch = -1;
        Offset end_offset;

        bool operator==(const EpochEndOffset&) const = default;
      };
      struct LeaderIdAndEpoch {
        BrokerId leader_id;
        LeaderEpoch leader_epoch;

        bool operator==(const LeaderIdAndEpoch&) const = default;
      };
      struct SnapshotId {
        Offset end_offset;
        int32_t epoch = -1;

        bool operator==(const SnapshotId&) const = default;
      };
      struct AbortedTransaction {
        ProducerId producer_id{0};
        Offset first_offset{0};
      };
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
      Offset high_watermark{0};
      Offset last_stable_offset;
      Offset log_start_offset;
      EpochEndOffset diverging_epoch;
      LeaderIdAndEpoch current_leader;
      SnapshotId snapshot_id;
      std::optional<Array<AbortedTransaction>> aborted_transactions = Array<AbortedTransaction>();
      BrokerId preferred_read_replica;
      Records records;
    };
    std::string_view topic;
    Uuid topic_id;
    Array<PartitionData> partitions;
  };
  struct NodeEndpoint {
    BrokerId node_id{0};
    std::string_view host;
    int32_t port = 0;
    std::optional<std::string_view> rack;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  int32_t session_id = 0;
  Array<FetchableTopicResponse> responses;
  Array<NodeEndpoint> node_endpoints;
};

inline void fields(Codec& c, FetchResponse::FetchableTopicResponse::PartitionData::EpochEndOffset& m) {
  c.field(m.epoch, "epoch", since(12));
  c.field(m.end_offset, "end_offset", since(12));
}
inline void fields(Codec& c, FetchResponse::FetchableTopicResponse::PartitionData::LeaderIdAndEpoch& m) {
  c.field(m.leader_id, "leader_id", since(12));
  c.field(m.leader_epoch, "leader_epoch", since(12));
}
inline void fields(Codec& c, FetchResponse::FetchableTopicResponse::PartitionData::SnapshotId& m) {
  c.field(m.end_offset, "end_offset");
  c.field(m.epoch, "epoch");
}
inline void fields(Codec& c, FetchResponse::FetchableTopicResponse::PartitionData::AbortedTransaction& m) {
  c.field(m.producer_id, "producer_id", since(4));
  c.field(m.first_offset, "first_offset", since(4));
}
inline void fields(Codec& c, FetchResponse::FetchableTopicResponse::PartitionData& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
  c.field(m.high_watermark, "high_watermark");
  c.field(m.last_stable_offset, "last_stable_offset", since(4).or_dropped());
  c.field(m.log_start_offset, "log_start_offset", since(5).or_dropped());
  c.tag(m.diverging_epoch, 0, "diverging_epoch", since(12));
  c.tag(m.current_leader, 1, "current_leader", since(12));
  c.tag(m.snapshot_id, 2, "snapshot_id", since(12));
  c.field(m.aborted_transactions, "aborted_transactions", since(4).or_dropped(), since(4));
  c.field(m.preferred_read_replica, "preferred_read_replica", since(11));
  c.field(m.records, "records", always(), always());
}
inline void fields(Codec& c, FetchResponse::FetchableTopicResponse& m) {
  c.field(m.topic, "topic", until(12).or_dropped());
  c.field(m.topic_id, "topic_id", since(13).or_dropped());
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, FetchResponse::NodeEndpoint& m) {
  c.field(m.node_id, "node_id", since(16));
  c.field(m.host, "host", since(16));
  c.field(m.port, "port", since(16));
  c.field(m.rack, "rack", since(16), since(16));
}
inline void fields(Codec& c, FetchResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code", since(7).or_dropped());
  c.field(m.session_id, "session_id", since(7));
  c.field(m.responses, "responses");
  c.tag(m.node_endpoints, 0, "node_endpoints", since(16));
}

}  // namespace quokka
