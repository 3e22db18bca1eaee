#include "integration-tests/faults/raw_transactions.h"

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include "integration-tests/cluster/local_cluster.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "protocol/records/batch_builder.h"

namespace quokka {
namespace {

constexpr int8_t transaction_coordinator = 1;
constexpr int16_t add_partitions_of_clients = 3, find_coordinator_of_one = 3;

bool comes_again(ErrorCode error) {
  switch (error) {
    case ErrorCode::CONCURRENT_TRANSACTIONS:
    case ErrorCode::COORDINATOR_NOT_AVAILABLE:
    case ErrorCode::COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode::NOT_COORDINATOR:
    case ErrorCode::NOT_ENOUGH_REPLICAS:
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION: return true;  // the broker was not told of it yet
    default: return false;
  }
}

void require(ErrorCode error, const std::string& what) {
  if (error != ErrorCode::NONE) throw std::runtime_error(what + " is answered " + std::string(name(error)));
}

}  // namespace

RawTransactions::RawTransactions(std::string bootstrap, std::string transactional_id, std::string topic)
    : bootstrap_(std::move(bootstrap)), id_(std::move(transactional_id)), topic_(std::move(topic)) {
  reconnect();
}

void RawTransactions::reconnect() {
  client_ = std::make_unique<BlockingClient>(BlockingClientSettings{.servers = *parse_servers(bootstrap_), .client_id = "raw-transactions"},
                                             [](const std::string&) {});
}

template <class Response, class Request, class CodeOf>
ErrorCode RawTransactions::ask(int broker, const Request& request, Duration timeout, CodeOf code_of, int16_t version_max) {
  ErrorCode error = ErrorCode::NONE;
  eventually(static_cast<int>(patience.to_millis()), [&] {
    const auto metadata = client_->metadata(std::nullopt, false);
    const auto connection = client_->broker(BrokerId(broker));
    if (!metadata || !connection) {
      error = ErrorCode::BROKER_NOT_AVAILABLE;
      return false;
    }
    const auto answer = (*connection)->call<Response>(request, timeout, version_max);
    error = answer ? code_of(answer->message) : answer.code();
    return !comes_again(error);
  });
  return error;
}

int RawTransactions::coordinator() {
  FindCoordinatorRequest request;
  request.key = id_;
  request.key_type = transaction_coordinator;
  int found = -1;
  const bool known = eventually(static_cast<int>(patience.to_millis()), [&] {
    const auto broker = client_->any_broker();
    if (!broker) return false;
    const auto answer = (*broker)->call<FindCoordinatorResponse>(request, patience, find_coordinator_of_one);
    if (!answer || answer->message.error_code != ErrorCode::NONE) return false;
    found = answer->message.node_id.value;
    return true;
  });
  if (!known) throw std::runtime_error("nobody coordinates " + id_);
  return found;
}

void RawTransactions::init(int32_t transaction_timeout_ms) {
  InitProducerIdRequest request;
  request.transactional_id = id_;
  request.transaction_timeout_ms = transaction_timeout_ms;
  require(ask<InitProducerIdResponse>(coordinator(), request, patience,
                                      [this](const InitProducerIdResponse& response) {
                                        producer_ = response.producer_id;
                                        epoch_ = response.producer_epoch;
                                        return response.error_code;
                                      }),
          "InitProducerId");
}

void RawTransactions::add_partition(int32_t partition) {
  const std::vector<PartitionIndex> partitions = {PartitionIndex(partition)};
  std::vector<AddPartitionsToTxnRequest::AddPartitionsToTxnTopic> topics = {{topic_, partitions}};
  AddPartitionsToTxnRequest request;
  request.v3_and_below_transactional_id = id_;
  request.v3_and_below_producer_id = producer_;
  request.v3_and_below_producer_epoch = epoch_.value;
  request.v3_and_below_topics = topics;
  require(ask<AddPartitionsToTxnResponse>(
              coordinator(), request, patience,
              [](const AddPartitionsToTxnResponse& response) { return response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code; },
              add_partitions_of_clients),
          "AddPartitionsToTxn");
}

ErrorCode RawTransactions::produce(const std::string& value, int32_t sequence, Duration timeout, int32_t partition) {
  BatchBuilder builder({.producer_id = producer_, .producer_epoch = epoch_, .base_sequence = sequence, .is_transactional = true});
  const auto now = std::chrono::system_clock::now().time_since_epoch();  // an old record would be past its retention
  builder.add(std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), std::nullopt, Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
  const std::vector<uint8_t> batch = builder.build();
  std::vector<ProduceRequest::TopicProduceData::PartitionProduceData> partitions(1);
  partitions[0].index = PartitionIndex(partition);
  partitions[0].records.bytes = Bytes(batch);
  std::vector<ProduceRequest::TopicProduceData> topics = {{topic_, partitions}};
  ProduceRequest request;
  request.transactional_id = id_;
  request.acks = -1;
  request.timeout_ms = 10'000;
  request.topic_data = topics;
  const auto metadata = client_->metadata(std::vector<std::string>{topic_}, false);
  if (!metadata || metadata->message.topics.empty()) return ErrorCode::LEADER_NOT_AVAILABLE;
  int leader = -1;
  for (const auto& each : metadata->message.topics[0].partitions)
    if (each.partition_index.value == partition) leader = each.leader_id.value;
  if (leader < 0) return ErrorCode::LEADER_NOT_AVAILABLE;
  return ask<ProduceResponse>(leader, request, timeout,
                              [](const ProduceResponse& response) { return response.responses[0].partition_responses[0].error_code; });
}

ErrorCode RawTransactions::end(bool committed, Duration timeout) {
  EndTxnRequest request;
  request.transactional_id = id_;
  request.producer_id = producer_;
  request.producer_epoch = epoch_;
  request.committed = committed;
  return ask<EndTxnResponse>(coordinator(), request, timeout, [](const EndTxnResponse& response) { return response.error_code; });
}

std::string RawTransactions::state() {
  const std::vector<std::string_view> ids = {id_};
  DescribeTransactionsRequest request;
  request.transactional_ids = ids;
  std::string state;
  require(ask<DescribeTransactionsResponse>(coordinator(), request, patience,
                                            [&](const DescribeTransactionsResponse& response) {
                                              state = response.transaction_states[0].transaction_state;
                                              return response.transaction_states[0].error_code;
                                            }),
          "DescribeTransactions");
  return state;
}

}  // namespace quokka
