// UpdateMetadata (key 6), versions 0-8, flexible from 6.
//
// 1: several endpoints a broker, in place of host and port. 2: rack. 3: listener names. 4: offline replicas. 5: grouped by topic, broker epoch. 7: topic
// ids. 8: full or incremental, KRaft controllers.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct UpdateMetadataRequest {
  static constexpr const char* kName = "UpdateMetadataRequest";
  static constexpr ApiKey kApiKey = ApiKey::UPDATE_METADATA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 8, kFlexibleFrom = 6;
  struct UpdateMetadataPartitionState {
    std::string_view topic_name;
    PartitionIndex partition_index;
    ControllerEpoch controller_epoch{0};
    BrokerId leader{0};
    LeaderEpoch leader_epoch{0};
    Array<BrokerId> isr;
    int32_t zk_version = 0;
    Array<BrokerId> replicas;
    Array<BrokerId> offline_replicas;
  };
  struct UpdateMetadataTopicState {
    std::string_view topic_name;
    Uuid topic_id;
    Array<UpdateMetadataPartitionState> partition_states;
  };
  struct UpdateMetadataBroker {
    struct UpdateMetadataEndpoint {
      int32_t port = 0;
      std::string_view host;
      std::string_view listener;
      int16_t security_protocol = 0;
    };
    BrokerId id{0};
    std::string_view v0_host;
    int32_t v0_port = 0;
    Array<UpdateMetadataEndpoint> endpoints;
    std::optional<std::string_view> rack = std::string_view();
  };
  BrokerId controller_id{0};
  bool is_kraft_controller = false;
  int8_t type = 0;
  ControllerEpoch controller_epoch{0};
  BrokerEpoch broker_epoch;
  Array<UpdateMetadataPartitionState> ungrouped_partition_states;
  Array<UpdateMetadataTopicState> topic_states;
  Array<UpdateMetadataBroker> live_brokers;
};

inline void fields(Codec& c, UpdateMetadataRequest::UpdateMetadataPartitionState& m) {
  c.field(m.topic_name, "topic_name", until(4).or_dropped());
  c.field(m.partition_index, "partition_index");
  c.field(m.controller_epoch, "controller_epoch");
  c.field(m.leader, "leader");
  c.field(m.leader_epoch, "leader_epoch");
  c.field(m.isr, "isr");
  c.field(m.zk_version, "zk_version");
  c.field(m.replicas, "replicas");
  c.field(m.offline_replicas, "offline_replicas", since(4).or_dropped());
}
inline void fields(Codec& c, UpdateMetadataRequest::UpdateMetadataTopicState& m) {
  c.field(m.topic_name, "topic_name", since(5));
  c.field(m.topic_id, "topic_id", since(7).or_dropped());
  c.field(m.partition_states, "partition_states", since(5));
}
inline void fields(Codec& c, UpdateMetadataRequest::UpdateMetadataBroker::UpdateMetadataEndpoint& m) {
  c.field(m.port, "port", since(1));
  c.field(m.host, "host", since(1));
  c.field(m.listener, "listener", since(3).or_dropped());
  c.field(m.security_protocol, "security_protocol", since(1));
}
inline void fields(Codec& c, UpdateMetadataRequest::UpdateMetadataBroker& m) {
  c.field(m.id, "id");
  c.field(m.v0_host, "v0_host", until(0).or_dropped());
  c.field(m.v0_port, "v0_port", until(0).or_dropped());
  c.field(m.endpoints, "endpoints", since(1).or_dropped());
  c.field(m.rack, "rack", since(2).or_dropped(), always());
}
inline void fields(Codec& c, UpdateMetadataRequest& m) {
  c.field(m.controller_id, "controller_id");
  c.field(m.is_kraft_controller, "is_kraft_controller", since(8));
  c.tag(m.type, 0, "type", since(8));
  c.field(m.controller_epoch, "controller_epoch");
  c.field(m.broker_epoch, "broker_epoch", since(5).or_dropped());
  c.field(m.ungrouped_partition_states, "ungrouped_partition_states", until(4));
  c.field(m.topic_states, "topic_states", since(5));
  c.field(m.live_brokers, "live_brokers");
}

struct UpdateMetadataResponse {
  static constexpr const char* kName = "UpdateMetadataResponse";
  static constexpr ApiKey kApiKey = ApiKey::UPDATE_METADATA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 8, kFlexibleFrom = 6;
  ErrorCode error_code = ErrorCode::NONE;
};

inline void fields(Codec& c, UpdateMetadataResponse& m) {
  c.field(m.error_code, "error_code");
}

}  // namespace quokka
