// InitProducerId (key 22), versions 0-5: an id for an idempotent producer, from any broker.
//
// Version 3 brought the id and epoch a producer has already (KIP-360): both or none. Without a transactional id they are not looked at further: the
// producer gets a new id with epoch 0. While the controller has given no block of ids: COORDINATOR_LOAD_IN_PROGRESS.
//
// Deviation: transactional producers are answered COORDINATOR_NOT_AVAILABLE, since no broker coordinates transactions; they try again.
#include <utility>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/init_producer_id.h"

namespace quokka {

namespace {

void refuse(CallPtr call, ErrorCode error) {
  InitProducerIdResponse response;
  response.error_code = error;
  response.producer_id = ProducerId(-1);
  response.producer_epoch = ProducerEpoch(-1);
  reply(std::move(call), response);
}

}  // namespace

void handle_init_producer_id(Services& services, CallPtr call) {
  const auto decoded = decode_call<InitProducerIdRequest>(call);
  if (!decoded) return;
  const InitProducerIdRequest& request = decoded->request;
  if ((request.producer_id == ProducerId(-1)) != (request.producer_epoch == ProducerEpoch(-1)))
    return refuse(std::move(call), ErrorCode::INVALID_REQUEST);
  if (request.transactional_id) {
    const ErrorCode error = request.transactional_id->empty() ? ErrorCode::INVALID_REQUEST : ErrorCode::COORDINATOR_NOT_AVAILABLE;
    return refuse(std::move(call), error);
  }
  services.producer_ids.next([answered = std::move(call)](Result<ProducerId> id) mutable {
    if (!id) return refuse(std::move(answered), id.code());
    InitProducerIdResponse response;
    response.producer_id = *id;
    response.producer_epoch = ProducerEpoch(0);
    reply(std::move(answered), response);
  });
}

}  // namespace quokka
