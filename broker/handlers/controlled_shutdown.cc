// ControlledShutdown (key 7), versions 0-3: the controller moves leadership away from a broker that is about to stop.
//
// Answers with the partitions the broker still leads, because nobody else could take them. Not the controller: STALE_CONTROLLER_EPOCH. Version 2
// brought the broker's epoch (KIP-380); a broker that is not registered is BROKER_NOT_AVAILABLE before and UNKNOWN_SERVER_ERROR since, as in Kafka.
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/controlled_shutdown.h"

namespace quokka {

void handle_controlled_shutdown(Services& services, CallPtr call) {
  const auto decoded = decode_call<ControlledShutdownRequest>(call);
  if (!decoded) return;
  const ControlledShutdownRequest& request = decoded->request;
  services.controller.controlled_shutdown(request.broker_id, request.broker_epoch, [answered = std::move(call)](ShutdownAnswer answer) mutable {
    ControlledShutdownResponse response;
    const bool elsewhere = answer.error == ErrorCode::NOT_CONTROLLER;
    response.error_code = elsewhere ? ErrorCode::STALE_CONTROLLER_EPOCH : answer.error;
    std::vector<ControlledShutdownResponse::RemainingPartition> remaining;
    for (const TopicPartition& partition : answer.remaining) remaining.push_back({partition.topic, partition.partition});
    response.remaining_partitions = remaining;
    reply(std::move(answered), response);
  });
}

}  // namespace quokka
