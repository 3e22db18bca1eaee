// DeleteTopics (key 20), versions 0-6, flexible from 4.
//
// 5: error messages. 6: topics by name or id (KIP-516).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DeleteTopicsRequest {
  static constexpr const char* kName = "DeleteTopicsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_TOPICS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 6, kFlexibleFrom = 4;
  struct DeleteTopicState {
    std::optional<std::string_view> name;
    Uuid topic_id;
  };
  Array<DeleteTopicState> topics;
  Array<std::string_view> topic_names;
  int32_t timeout_ms = 0;
};

inline void fields(Codec& c, DeleteTopicsRequest::DeleteTopicState& m) {
  c.field(m.name, "name", since(6), since(6));
  c.field(m.topic_id, "topic_id", since(6));
}
inline void fields(Codec& c, DeleteTopicsRequest& m) {
  c.field(m.topics, "topics", since(6));
  c.field(m.topic_names, "topic_names", until(5).or_dropped());
  c.field(m.timeout_ms, "timeout_ms");
}

struct DeleteTopicsResponse {
  static constexpr const char* kName = "DeleteTopicsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_TOPICS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 6, kFlexibleFrom = 4;
  struct DeletableTopicResult {
    std::optional<std::string_view> name = std::string_view();
    Uuid topic_id;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message;
  };
  int32_t throttle_time_ms = 0;
  Array<DeletableTopicResult> responses;
};

inline void fields(Codec& c, DeleteTopicsResponse::DeletableTopicResult& m) {
  c.field(m.name, "name", always(), since(6));
  c.field(m.topic_id, "topic_id", since(6).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", since(5).or_dropped(), since(5));
}
inline void fields(Codec& c, DeleteTopicsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.responses, "responses");
}

}  // namespace quokka
