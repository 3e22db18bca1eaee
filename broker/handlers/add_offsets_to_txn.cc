// AddOffsetsToTxn (key 25), versions 0-4: the partition of __consumer_offsets that holds a group takes part in a transaction. 2: PRODUCER_FENCED, which was
// INVALID_PRODUCER_EPOCH.
//
// Which partition that is shows when the topic is there: it comes into being when somebody asks first, and meanwhile the answer is
// COORDINATOR_LOAD_IN_PROGRESS, at which clients ask again. Kafka reckons with offsets.topic.num.partitions, and is wrong if the topic gets another number.
#include <optional>
#include <string>
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/topic_creation.h"
#include "broker/handlers/transaction_errors.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/add_offsets_to_txn.h"

namespace quokka {

namespace {

void answer(CallPtr call, ErrorCode error) {
  AddOffsetsToTxnResponse response;
  response.error_code = fenced_error(error, call->version());
  reply(std::move(call), response);
}

// Who coordinates the transaction has the topic made if it is missing.
void answer_without_topic(Services& services, CallPtr call, const std::string& transactional_id) {
  services.transactions.describe(transactional_id, [&services, call = std::move(call)](Result<TransactionRecord> known) mutable {
    if (!known) return answer(std::move(call), known.code() == ErrorCode::TRANSACTIONAL_ID_NOT_FOUND ? ErrorCode::INVALID_PRODUCER_ID_MAPPING : known.code());
    const ClusterViewPtr view = services.view.get();
    if (view->topic(kGroupMetadataTopic) == nullptr && !view->brokers().empty()) begin_automatic_topic(services, kGroupMetadataTopic);
    answer(std::move(call), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  });
}

}  // namespace

void handle_add_offsets_to_txn(Services& services, CallPtr call) {
  const auto decoded = decode_call<AddOffsetsToTxnRequest>(call);
  if (!decoded) return;
  const AddOffsetsToTxnRequest& request = decoded->request;
  const std::optional<PartitionIndex> partition = services.groups.partition_of(request.group_id);
  if (!partition) return answer_without_topic(services, std::move(call), std::string(request.transactional_id));
  const TopicPartition offsets{std::string(kGroupMetadataTopic), *partition};
  services.transactions.add_partitions(std::string(request.transactional_id), {request.producer_id, request.producer_epoch}, {offsets},
                                       [call = std::move(call)](TransactionAnswer told) mutable { answer(std::move(call), told.error); });
}

}  // namespace quokka
