#include "broker/txn/transaction_verifier.h"

#include <map>
#include <utility>

#include "protocol/base/topic_name.h"
#include "protocol/client/typed_call.h"
#include "protocol/messages/add_partitions_to_txn.h"

namespace quokka {

namespace {

constexpr int16_t kVersion = 4;
using Transaction = AddPartitionsToTxnRequest::AddPartitionsToTxnTransaction;
using Topic = AddPartitionsToTxnRequest::AddPartitionsToTxnTopic;

ErrorCode to_client(ErrorCode error) {
  switch (error) {
    case ErrorCode::PRODUCER_FENCED: return ErrorCode::INVALID_PRODUCER_EPOCH;
    case ErrorCode::CONCURRENT_TRANSACTIONS:
    case ErrorCode::NETWORK_EXCEPTION:
    case ErrorCode::REQUEST_TIMED_OUT:
    case ErrorCode::COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode::COORDINATOR_NOT_AVAILABLE:
    case ErrorCode::NOT_COORDINATOR: return ErrorCode::NOT_ENOUGH_REPLICAS;
    default: return error;
  }
}

}  // namespace

void TransactionVerifier::verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
                                 Function<void(std::vector<ErrorCode>)> done) {
  auto answer = [done = std::move(done)](std::vector<ErrorCode> errors) mutable {
    for (ErrorCode& error : errors) error = to_client(error);
    done(std::move(errors));
  };
  const ClusterViewPtr view = ports_.view.get();
  const std::optional<PartitionIndex> index = ports_.coordinator.partition_of(id);
  const PartitionView* state = index ? view->partition(kTransactionStateTopic, *index) : nullptr;
  if (state == nullptr || state->leader.value < 0)
    return answer(std::vector<ErrorCode>(partitions.size(), ErrorCode::COORDINATOR_NOT_AVAILABLE));
  if (state->leader == settings_.self) return ports_.coordinator.verify(id, producer, partitions, std::move(answer));
  ports_.loop.post([this, coordinator = state->leader, id, producer, partitions, answer = std::move(answer)]() mutable {
    ask(coordinator, id, producer, partitions, std::move(answer));
  });
}

void TransactionVerifier::ask(BrokerId coordinator, const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
                              Function<void(std::vector<ErrorCode>)> done) {
  ClientConnection* connection = links_.to(coordinator);
  if (connection == nullptr) return done(std::vector<ErrorCode>(partitions.size(), ErrorCode::COORDINATOR_NOT_AVAILABLE));
  std::map<std::string_view, std::vector<PartitionIndex>> by_topic;
  for (const TopicPartition& each : partitions) by_topic[each.topic].push_back(each.partition);
  std::vector<Topic> topics;
  for (const auto& [name, indexes] : by_topic) topics.push_back({name, indexes});
  Transaction transaction;
  transaction.transactional_id = id;
  transaction.producer_id = producer.id;
  transaction.producer_epoch = producer.epoch;
  transaction.verify_only = true;
  transaction.topics = topics;
  const std::vector<Transaction> transactions{transaction};
  AddPartitionsToTxnRequest request;
  request.transactions = transactions;
  send<AddPartitionsToTxnResponse>(*connection, request, kVersion, [partitions, done = std::move(done)](auto answer) mutable {
    ErrorCode all = ErrorCode::NETWORK_EXCEPTION;
    std::map<TopicPartition, ErrorCode> told;
    if (answer) {
      const AddPartitionsToTxnResponse& response = answer->message;
      all = response.error_code != ErrorCode::NONE ? response.error_code : ErrorCode::UNKNOWN_SERVER_ERROR;
      for (const auto& result : response.results_by_transaction) {
        for (const auto& topic : result.topic_results) {
          for (const auto& each : topic.results_by_partition) told[{std::string(topic.name), each.partition_index}] = each.partition_error_code;
        }
      }
    }
    std::vector<ErrorCode> errors;
    for (const TopicPartition& each : partitions) {
      const auto found = told.find(each);
      errors.push_back(found == told.end() ? all : found->second);
    }
    done(std::move(errors));
  });
}

}  // namespace quokka
