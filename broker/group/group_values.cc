#include "broker/group/group_values.h"

namespace quokka {

std::string_view name(GroupState state) {
  switch (state) {
    case GroupState::EMPTY: return "Empty";
    case GroupState::PREPARING_REBALANCE: return "PreparingRebalance";
    case GroupState::COMPLETING_REBALANCE: return "CompletingRebalance";
    case GroupState::ASSIGNING: return "Assigning";
    case GroupState::RECONCILING: return "Reconciling";
    case GroupState::STABLE: return "Stable";
    case GroupState::DEAD: return "Dead";
  }
  return "";
}

namespace {

bool lacks_replicas(ErrorCode error) {
  return error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION || error == ErrorCode::NOT_ENOUGH_REPLICAS ||
         error == ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}
bool is_led_elsewhere(ErrorCode error) { return error == ErrorCode::NOT_LEADER_OR_FOLLOWER || error == ErrorCode::KAFKA_STORAGE_ERROR; }
bool is_too_large(ErrorCode error) { return error == ErrorCode::MESSAGE_TOO_LARGE || error == ErrorCode::RECORD_LIST_TOO_LARGE; }

}  // namespace

ErrorCode group_write_error(ErrorCode error) {
  if (lacks_replicas(error)) return ErrorCode::COORDINATOR_NOT_AVAILABLE;
  if (is_led_elsewhere(error)) return ErrorCode::NOT_COORDINATOR;
  if (is_too_large(error)) return ErrorCode::UNKNOWN_SERVER_ERROR;
  if (error == ErrorCode::REQUEST_TIMED_OUT || error == ErrorCode::FENCED_LEADER_EPOCH) return ErrorCode::REBALANCE_IN_PROGRESS;
  return error;
}

ErrorCode consumer_group_write_error(ErrorCode error) {
  if (lacks_replicas(error) || error == ErrorCode::REQUEST_TIMED_OUT) return ErrorCode::COORDINATOR_NOT_AVAILABLE;
  if (is_led_elsewhere(error) || error == ErrorCode::FENCED_LEADER_EPOCH) return ErrorCode::NOT_COORDINATOR;
  if (is_too_large(error)) return ErrorCode::UNKNOWN_SERVER_ERROR;
  return error;
}

ErrorCode offset_commit_error(ErrorCode error) {
  if (lacks_replicas(error)) return ErrorCode::COORDINATOR_NOT_AVAILABLE;
  if (is_led_elsewhere(error)) return ErrorCode::NOT_COORDINATOR;
  if (is_too_large(error)) return ErrorCode::INVALID_COMMIT_OFFSET_SIZE;
  if (error == ErrorCode::FENCED_LEADER_EPOCH) return ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
  return error;
}

}  // namespace quokka
