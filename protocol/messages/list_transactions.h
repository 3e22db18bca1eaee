// ListTransactions (key 66), versions 0-1, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ListTransactionsRequest {
  static constexpr const char* kName = "ListTransactionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::LIST_TRANSACTIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  Array<std::string_view> state_filters;
  Array<ProducerId> producer_id_filters;
  int64_t duration_filter = -1;
};

inline void fields(Codec& c, ListTransactionsRequest& m) {
  c.field(m.state_filters, "state_filters");
  c.field(m.producer_id_filters, "producer_id_filters");
  c.field(m.duration_filter, "duration_filter", since(1));
}

struct ListTransactionsResponse {
  static constexpr const char* kName = "ListTransactionsResponse";
  static constexpr ApiKey kApiKey = ApiKey::LIST_TRANSACTIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct TransactionState {
    std::string_view transactional_id;
    ProducerId producer_id{0};
    std::string_view transaction_state;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<std::string_view> unknown_state_filters;
  Array<TransactionState> transaction_states;
};

inline void fields(Codec& c, ListTransactionsResponse::TransactionState& m) {
  c.field(m.transactional_id, "transactional_id");
  c.field(m.producer_id, "producer_id");
  c.field(m.transaction_state, "transaction_state");
}
inline void fields(Codec& c, ListTransactionsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.unknown_state_filters, "unknown_state_filters");
  c.field(m.transaction_states, "transaction_states");
}

}  // namespace quokka
