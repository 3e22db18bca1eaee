// FindCoordinator (key 10), versions 0-6, flexible from 3.
//
// 1: transactions too. 4: many keys at once (KIP-699). 5: TRANSACTION_ABORTABLE may come back. 6: share groups.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct FindCoordinatorRequest {
  static constexpr const char* kName = "FindCoordinatorRequest";
  static constexpr ApiKey kApiKey = ApiKey::FIND_COORDINATOR;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 6, kFlexibleFrom = 3;
  std::string_view key;
  int8_t key_type = 0;
  Array<std::string_view> coordinator_keys;
};

inline void fields(Codec& c, FindCoordinatorRequest& m) {
  c.field(m.key, "key", until(3));
  c.field(m.key_type, "key_type", since(1));
  c.field(m.coordinator_keys, "coordinator_keys", since(4));
}

struct FindCoordinatorResponse {
  static constexpr const char* kName = "FindCoordinatorResponse";
  static constexpr ApiKey kApiKey = ApiKey::FIND_COORDINATOR;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 6, kFlexibleFrom = 3;
  struct Coordinator {
    std::string_view key;
    BrokerId node_id{0};
    std::string_view host;
    int32_t port = 0;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  BrokerId node_id{0};
  std::string_view host;
  int32_t port = 0;
  Array<Coordinator> coordinators;
};

inline void fields(Codec& c, FindCoordinatorResponse::Coordinator& m) {
  c.field(m.key, "key", since(4));
  c.field(m.node_id, "node_id", since(4));
  c.field(m.host, "host", since(4));
  c.field(m.port, "port", since(4));
  c.field(m.error_code, "error_code", since(4));
  c.field(m.error_message, "error_message", since(4).or_dropped(), since(4));
}
inline void fields(Codec& c, FindCoordinatorResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code", until(3));
  c.field(m.error_message, "error_message", between(1, 3).or_dropped(), between(1, 3));
  c.field(m.node_id, "node_id", until(3));
  c.field(m.host, "host", until(3));
  c.field(m.port, "port", until(3));
  c.field(m.coordinators, "coordinators", since(4));
}

}  // namespace quokka
