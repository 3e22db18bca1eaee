// StopReplica (key 5), versions 0-4, flexible from 2.
//
// 1: by topic, broker epoch. 3: leader epoch and deletion for each partition (KIP-570). 4: says whether the controller is a KRaft one.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct StopReplicaRequest {
  static constexpr const char* kName = "StopReplicaRequest";
  static constexpr ApiKey kApiKey = ApiKey::STOP_REPLICA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 2;
  struct StopReplicaPartitionV0 {
    std::string_view topic_name;
    PartitionIndex partition_index;
  };
  struct StopReplicaTopicV1 {
    std::string_view name;
    Array<PartitionIndex> partition_indexes;
  };
  struct StopReplicaTopicState {
    struct StopReplicaPartitionState {
      PartitionIndex partition_index;
      LeaderEpoch leader_epoch;
      bool delete_partition = false;
    };
    std::string_view topic_name;
    Array<StopReplicaPartitionState> partition_states;
  };
  BrokerId controller_id{0};
  bool is_kraft_controller = false;
  ControllerEpoch controller_epoch{0};
  BrokerEpoch broker_epoch;
  bool delete_partitions = false;
  Array<StopReplicaPartitionV0> ungrouped_partitions;
  Array<StopReplicaTopicV1> topics;
  Array<StopReplicaTopicState> topic_states;
};

inline void fields(Codec& c, StopReplicaRequest::StopReplicaPartitionV0& m) {
  c.field(m.topic_name, "topic_name", until(0));
  c.field(m.partition_index, "partition_index", until(0));
}
inline void fields(Codec& c, StopReplicaRequest::StopReplicaTopicV1& m) {
  c.field(m.name, "name", between(1, 2));
  c.field(m.partition_indexes, "partition_indexes", between(1, 2));
}
inline void fields(Codec& c, StopReplicaRequest::StopReplicaTopicState::StopReplicaPartitionState& m) {
  c.field(m.partition_index, "partition_index", since(3));
  c.field(m.leader_epoch, "leader_epoch", since(3));
  c.field(m.delete_partition, "delete_partition", since(3));
}
inline void fields(Codec& c, StopReplicaRequest::StopReplicaTopicState& m) {
  c.field(m.topic_name, "topic_name", since(3));
  c.field(m.partition_states, "partition_states", since(3));
}
inline void fields(Codec& c, StopReplicaRequest& m) {
  c.field(m.controller_id, "controller_id");
  c.field(m.is_kraft_controller, "is_kraft_controller", since(4));
  c.field(m.controller_epoch, "controller_epoch");
  c.field(m.broker_epoch, "broker_epoch", since(1).or_dropped());
  c.field(m.delete_partitions, "delete_partitions", until(2));
  c.field(m.ungrouped_partitions, "ungrouped_partitions", until(0));
  c.field(m.topics, "topics", between(1, 2));
  c.field(m.topic_states, "topic_states", since(3));
}

struct StopReplicaResponse {
  static constexpr const char* kName = "StopReplicaResponse";
  static constexpr ApiKey kApiKey = ApiKey::STOP_REPLICA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 2;
  struct StopReplicaPartitionError {
    std::string_view topic_name;
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::NONE;
  };
  ErrorCode error_code = ErrorCode::NONE;
  Array<StopReplicaPartitionError> partition_errors;
};

inline void fields(Codec& c, StopReplicaResponse::StopReplicaPartitionError& m) {
  c.field(m.topic_name, "topic_name");
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, StopReplicaResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.partition_errors, "partition_errors");
}

}  // namespace quokka
