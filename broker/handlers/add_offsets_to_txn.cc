// AddOffsetsToTxn (key 25), versions 0-4: the partition of __consumer_offsets that holds a group takes part in a transaction. 2: PRODUCER_FENCED, which was
// INVALID_PRODUCER_EPOCH.
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/transaction_errors.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/add_offsets_to_txn.h"

namespace quokka {

void handle_add_offsets_to_txn(Services& services, CallPtr call) {
  const auto decoded = decode_call<AddOffsetsToTxnRequest>(call);
  if (!decoded) return;
  const AddOffsetsToTxnRequest& request = decoded->request;
  const TopicPartition offsets{std::string(kGroupMetadataTopic), services.groups.partition_of(request.group_id)};
  services.transactions.add_partitions(std::string(request.transactional_id), {request.producer_id, request.producer_epoch}, {offsets},
                                       [call = std::move(call)](TransactionAnswer told) mutable {
                                         AddOffsetsToTxnResponse response;
                                         response.error_code = fenced_error(told.error, call->version());
                                         reply(std::move(call), response);
                                       });
}

}  // namespace quokka
