// ControlledShutdown (key 7), versions 0-3, flexible from 3.
//
// 0 goes with request header 0, which has no client id. 2: broker epoch (KIP-380).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ControlledShutdownRequest {
  static constexpr const char* kName = "ControlledShutdownRequest";
  static constexpr ApiKey kApiKey = ApiKey::CONTROLLED_SHUTDOWN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 3;
  BrokerId broker_id{0};
  BrokerEpoch broker_epoch;
};

inline void fields(Codec& c, ControlledShutdownRequest& m) {
  c.field(m.broker_id, "broker_id");
  c.field(m.broker_epoch, "broker_epoch", since(2).or_dropped());
}

struct ControlledShutdownResponse {
  static constexpr const char* kName = "ControlledShutdownResponse";
  static constexpr ApiKey kApiKey = ApiKey::CONTROLLED_SHUTDOWN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 3;
  struct RemainingPartition {
    std::string_view topic_name;
    PartitionIndex partition_index;
  };
  ErrorCode error_code = ErrorCode::NONE;
  Array<RemainingPartition> remaining_partitions;
};

inline void fields(Codec& c, ControlledShutdownResponse::RemainingPartition& m) {
  c.field(m.topic_name, "topic_name");
  c.field(m.partition_index, "partition_index");
}
inline void fields(Codec& c, ControlledShutdownResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.remaining_partitions, "remaining_partitions");
}

}  // namespace quokka
