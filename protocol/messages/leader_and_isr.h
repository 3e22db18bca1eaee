// LeaderAndIsr (key 4), versions 0-7, flexible from 4.
//
// 1: is_new. 2: grouped by topic, broker epoch (KIP-380). 3: replicas being added and removed (KIP-455). 5: topic ids, full or incremental. 6: leader
// recovery state. 7: says whether the controller is a KRaft one.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct LeaderAndIsrRequest {
  static constexpr const char* kName = "LeaderAndIsrRequest";
  static constexpr ApiKey kApiKey = ApiKey::LEADER_AND_ISR;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 7, kFlexibleFrom = 4;
  struct LeaderAndIsrPartitionState {
    std::string_view topic_name;
    PartitionIndex partition_index;
    ControllerEpoch controller_epoch{0};
    BrokerId leader{0};
    LeaderEpoch leader_epoch{0};
    Array<BrokerId> isr;
    PartitionEpoch partition_epoch{0};
    Array<BrokerId> replicas;
    Array<BrokerId> adding_replicas;
    Array<BrokerId> removing_replicas;
    bool is_new = false;
    int8_t leader_recovery_state = 0;
  };
  struct LeaderAndIsrTopicState {
    std::string_view topic_name;
    Uuid topic_id;
    Array<LeaderAndIsrPartitionState> partition_states;
  };
  struct LeaderAndIsrLiveLeader {
    BrokerId broker_id{0};
    std::string_view host_name;
    int32_t port = 0;
  };
  BrokerId controller_id{0};
  bool is_kraft_controller = false;
  ControllerEpoch controller_epoch{0};
  BrokerEpoch broker_epoch;
  int8_t type = 0;
  Array<LeaderAndIsrPartitionState> ungrouped_partition_states;
  Array<LeaderAndIsrTopicState> topic_states;
  Array<LeaderAndIsrLiveLeader> live_leaders;
};

inline void fields(Codec& c, LeaderAndIsrRequest::LeaderAndIsrPartitionState& m) {
  c.field(m.topic_name, "topic_name", until(1).or_dropped());
  c.field(m.partition_index, "partition_index");
  c.field(m.controller_epoch, "controller_epoch");
  c.field(m.leader, "leader");
  c.field(m.leader_epoch, "leader_epoch");
  c.field(m.isr, "isr");
  c.field(m.partition_epoch, "partition_epoch");
  c.field(m.replicas, "replicas");
  c.field(m.adding_replicas, "adding_replicas", since(3).or_dropped());
  c.field(m.removing_replicas, "removing_replicas", since(3).or_dropped());
  c.field(m.is_new, "is_new", since(1).or_dropped());
  c.field(m.leader_recovery_state, "leader_recovery_state", since(6));
}
inline void fields(Codec& c, LeaderAndIsrRequest::LeaderAndIsrTopicState& m) {
  c.field(m.topic_name, "topic_name", since(2));
  c.field(m.topic_id, "topic_id", since(5).or_dropped());
  c.field(m.partition_states, "partition_states", since(2));
}
inline void fields(Codec& c, LeaderAndIsrRequest::LeaderAndIsrLiveLeader& m) {
  c.field(m.broker_id, "broker_id");
  c.field(m.host_name, "host_name");
  c.field(m.port, "port");
}
inline void fields(Codec& c, LeaderAndIsrRequest& m) {
  c.field(m.controller_id, "controller_id");
  c.field(m.is_kraft_controller, "is_kraft_controller", since(7));
  c.field(m.controller_epoch, "controller_epoch");
  c.field(m.broker_epoch, "broker_epoch", since(2).or_dropped());
  c.field(m.type, "type", since(5));
  c.field(m.ungrouped_partition_states, "ungrouped_partition_states", until(1));
  c.field(m.topic_states, "topic_states", since(2));
  c.field(m.live_leaders, "live_leaders");
}

struct LeaderAndIsrResponse {
  static constexpr const char* kName = "LeaderAndIsrResponse";
  static constexpr ApiKey kApiKey = ApiKey::LEADER_AND_ISR;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 7, kFlexibleFrom = 4;
  struct LeaderAndIsrPartitionError {
    std::string_view topic_name;
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::NONE;
  };
  struct LeaderAndIsrTopicError {
    Uuid topic_id;
    Array<LeaderAndIsrPartitionError> partition_errors;
  };
  ErrorCode error_code = ErrorCode::NONE;
  Array<LeaderAndIsrPartitionError> partition_errors;
  Array<LeaderAndIsrTopicError> topics;
};

inline void fields(Codec& c, LeaderAndIsrResponse::LeaderAndIsrPartitionError& m) {
  c.field(m.topic_name, "topic_name", until(4).or_dropped());
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, LeaderAndIsrResponse::LeaderAndIsrTopicError& m) {
  c.field(m.topic_id, "topic_id", since(5));
  c.field(m.partition_errors, "partition_errors", since(5));
}
inline void fields(Codec& c, LeaderAndIsrResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.partition_errors, "partition_errors", until(4));
  c.field(m.topics, "topics", since(5));
}

}  // namespace quokka
