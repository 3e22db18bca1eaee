// AllocateProducerIds (key 67), version 0: a block of producer ids for a broker (KIP-730), from the controller.
//
// NOT_CONTROLLER elsewhere, BROKER_ID_NOT_REGISTERED and STALE_BROKER_EPOCH for a broker that is not, or no longer, the registered one.
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/allocate_producer_ids.h"

namespace quokka {

void handle_allocate_producer_ids(Services& services, CallPtr call) {
  const auto decoded = decode_call<AllocateProducerIdsRequest>(call);
  if (!decoded) return;
  const AllocateProducerIdsRequest& request = decoded->request;
  services.controller.allocate_producer_ids(request.broker_id, request.broker_epoch,
                                            [answered = std::move(call)](Result<ProducerIdRange> range) mutable {
                                              AllocateProducerIdsResponse response;
                                              response.error_code = range.code();
                                              if (range) {
                                                response.producer_id_start = range->first;
                                                response.producer_id_len = range->count;
                                              }
                                              reply(std::move(answered), response);
                                            });
}

}  // namespace quokka
