#include "integration-tests/simulation/coordinated_client.h"

#include "protocol/messages/find_coordinator.h"

namespace quokka::simulation {

int CoordinatedClient::coordinator() {
  if (coordinator_ != 0) return coordinator_;
  FindCoordinatorRequest request;
  request.key = key_;
  request.key_type = static_cast<int8_t>(kind_);
  send<FindCoordinatorResponse>(connection(any_broker()), request, 3, [this](Result<Answer<FindCoordinatorResponse>> answer) {
    if (answer && answer->message.error_code == ErrorCode::NONE) coordinator_ = answer->message.node_id.value;
  });
  return 0;
}

void CoordinatedClient::after(Duration pause, Task then) {
  loop_.call_after(pause, [this, step = ++step_, then = std::move(then)]() mutable {
    if (step == step_) then();
  });
}

bool CoordinatedClient::is_temporary(ErrorCode error) {
  switch (error) {
    case ErrorCode::COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode::COORDINATOR_NOT_AVAILABLE:
    case ErrorCode::NOT_COORDINATOR:
    case ErrorCode::CONCURRENT_TRANSACTIONS:
    case ErrorCode::NOT_LEADER_OR_FOLLOWER:
    case ErrorCode::LEADER_NOT_AVAILABLE:
    case ErrorCode::NOT_ENOUGH_REPLICAS:
    case ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode::REQUEST_TIMED_OUT:
    case ErrorCode::KAFKA_STORAGE_ERROR:
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::NETWORK_EXCEPTION: return true;
    default: return false;
  }
}

}  // namespace quokka::simulation
