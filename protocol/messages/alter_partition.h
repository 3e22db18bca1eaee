// AlterPartition (key 56), versions 0-3, flexible from 0.
//
// 1: leader recovery state. 2: topic ids instead of names. 3: the epochs of the in-sync brokers (KIP-903).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterPartitionRequest {
  static constexpr const char* kName = "AlterPartitionRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_PARTITION;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 0;
  struct TopicData {
    struct PartitionData {
      struct BrokerState {
        BrokerId broker_id{0};
        BrokerEpoch broker_epoch;
      };
      PartitionIndex partition_index;
      LeaderEpoch leader_epoch{0};
      Array<BrokerId> new_isr;
      Array<BrokerState> new_isr_with_epochs;
      int8_t leader_recovery_state = 0;
      PartitionEpoch partition_epoch{0};
    };
    std::string_view topic_name;
    Uuid topic_id;
    Array<PartitionData> partitions;
  };
  BrokerId broker_id{0};
  BrokerEpoch broker_epoch;
  Array<TopicData> topics;
};

inline void fields(Codec& c, AlterPartitionRequest::TopicData::PartitionData::BrokerState& m) {
  c.field(m.broker_id, "broker_id", since(3));
  c.field(m.broker_epoch, "broker_epoch", since(3));
}
inline void fields(Codec& c, AlterPartitionRequest::TopicData::PartitionData& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.leader_epoch, "leader_epoch");
  c.field(m.new_isr, "new_isr", until(2));
  c.field(m.new_isr_with_epochs, "new_isr_with_epochs", since(3));
  c.field(m.leader_recovery_state, "leader_recovery_state", since(1));
  c.field(m.partition_epoch, "partition_epoch");
}
inline void fields(Codec& c, AlterPartitionRequest::TopicData& m) {
  c.field(m.topic_name, "topic_name", until(1).or_dropped());
  c.field(m.topic_id, "topic_id", since(2).or_dropped());
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterPartitionRequest& m) {
  c.field(m.broker_id, "broker_id");
  c.field(m.broker_epoch, "broker_epoch");
  c.field(m.topics, "topics");
}

struct AlterPartitionResponse {
  static constexpr const char* kName = "AlterPartitionResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_PARTITION;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 0;
  struct TopicData {
    struct PartitionData {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
      BrokerId leader_id{0};
      LeaderEpoch leader_epoch{0};
      Array<BrokerId> isr;
      int8_t leader_recovery_state = 0;
      PartitionEpoch partition_epoch{0};
    };
    std::string_view topic_name;
    Uuid topic_id;
    Array<PartitionData> partitions;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<TopicData> topics;
};

inline void fields(Codec& c, AlterPartitionResponse::TopicData::PartitionData& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
  c.field(m.leader_id, "leader_id");
  c.field(m.leader_epoch, "leader_epoch");
  c.field(m.isr, "isr");
  c.field(m.leader_recovery_state, "leader_recovery_state", since(1).or_dropped());
  c.field(m.partition_epoch, "partition_epoch");
}
inline void fields(Codec& c, AlterPartitionResponse::TopicData& m) {
  c.field(m.topic_name, "topic_name", until(1).or_dropped());
  c.field(m.topic_id, "topic_id", since(2).or_dropped());
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterPartitionResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.topics, "topics");
}

}  // namespace quokka
