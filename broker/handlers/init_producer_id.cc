// InitProducerId (key 22), versions 0-5: an id for an idempotent producer, from any broker; for a transactional one from its coordinator, which fences
// whoever had the transactional id before and ends what that had left open (CONCURRENT_TRANSACTIONS until it has: the client asks again).
//
// Version 3 brought the id and epoch a producer has already (KIP-360): both or none. Without a transactional id they are not looked at further: the
// producer gets a new id with epoch 0. 4: PRODUCER_FENCED, which was INVALID_PRODUCER_EPOCH. While the controller has given no block of ids:
// COORDINATOR_LOAD_IN_PROGRESS.
#include <utility>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/messages/init_producer_id.h"

namespace quokka {

namespace {

void answer(CallPtr call, ErrorCode error, TransactionalProducer producer) {
  InitProducerIdResponse response;
  response.error_code = error == ErrorCode::PRODUCER_FENCED && call->version() < 4 ? ErrorCode::INVALID_PRODUCER_EPOCH : error;
  response.producer_id = producer.id;
  response.producer_epoch = producer.epoch;
  reply(std::move(call), response);
}

}  // namespace

void handle_init_producer_id(Services& services, CallPtr call) {
  const auto decoded = decode_call<InitProducerIdRequest>(call);
  if (!decoded) return;
  const InitProducerIdRequest& request = decoded->request;
  if ((request.producer_id == ProducerId(-1)) != (request.producer_epoch == ProducerEpoch(-1)))
    return answer(std::move(call), ErrorCode::INVALID_REQUEST, {});
  if (!request.transactional_id) {
    return services.producer_ids.next([answered = std::move(call)](Result<ProducerId> id) mutable {
      if (!id) return answer(std::move(answered), id.code(), {});
      answer(std::move(answered), ErrorCode::NONE, {*id, ProducerEpoch(0)});
    });
  }
  InitTransactions init;
  init.id = *request.transactional_id;
  init.timeout_ms = request.transaction_timeout_ms;
  if (request.producer_id != ProducerId(-1)) init.expected = TransactionalProducer{request.producer_id, request.producer_epoch};
  services.transactions.init(std::move(init), [call = std::move(call)](TransactionAnswer told) mutable {
    answer(std::move(call), told.error, told.producer);
  });
}

}  // namespace quokka
