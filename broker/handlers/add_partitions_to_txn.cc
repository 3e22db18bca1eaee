// AddPartitionsToTxn (key 24), versions 0-5: partitions take part in a transaction, each before its first record. From 4 on brokers ask, for several
// transactions at once, and may ask to verify only (KIP-890).
//
// If a partition does not exist nothing is added: it is answered UNKNOWN_TOPIC_OR_PARTITION, the others OPERATION_NOT_ATTEMPTED. 2: PRODUCER_FENCED, which
// was INVALID_PRODUCER_EPOCH. 5: TRANSACTION_ABORTABLE is known to clients; brokers are told so in 4 already, as Kafka does.
//
// Better than Kafka: 4 and above come from brokers, so they are refused on other listeners than theirs; a request without transactions is answered.
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/transaction_errors.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/messages/add_partitions_to_txn.h"

namespace quokka {

namespace {

using TopicAnswer = AddPartitionsToTxnResponse::AddPartitionsToTxnTopicResult;
using PartitionAnswer = AddPartitionsToTxnResponse::AddPartitionsToTxnPartitionResult;
using Topics = Array<AddPartitionsToTxnRequest::AddPartitionsToTxnTopic>;

// The transactions of one request until all are answered.
struct Asked {
  struct Transaction {
    // Borrowed from the call.
    std::string_view id;
    std::vector<std::string_view> topics;  // as named, also without partitions
    std::vector<std::pair<std::string_view, PartitionIndex>> partitions;
    std::vector<ErrorCode> errors;
  };
  CallPtr call;
  std::vector<Transaction> transactions;  // each written by its own answer only
  std::atomic<size_t> left{0};
};
using AskedPtr = std::shared_ptr<Asked>;

void answer(Asked& asked) {
  AddPartitionsToTxnResponse response;
  std::vector<std::map<std::string_view, std::vector<PartitionAnswer>>> partitions;
  std::vector<std::vector<TopicAnswer>> topics;
  std::vector<AddPartitionsToTxnResponse::AddPartitionsToTxnResult> results;
  const int16_t version = asked.call->version();
  for (const Asked::Transaction& each : asked.transactions) {
    auto& by_topic = partitions.emplace_back();
    auto& listed = topics.emplace_back();
    for (const std::string_view topic : each.topics) by_topic[topic];
    for (size_t i = 0; i < each.partitions.size(); ++i)
      by_topic[each.partitions[i].first].push_back({each.partitions[i].second, fenced_error(each.errors[i], version)});
    for (const auto& [name, errors] : by_topic) listed.push_back({name, errors});
    results.push_back({each.id, listed});
  }
  if (version >= 4) response.results_by_transaction = results;
  else response.results_by_topic_v3_and_below = topics.front();
  reply(std::move(asked.call), response);
}

void settle(const AskedPtr& asked, size_t index, std::vector<ErrorCode> errors) {
  asked->transactions[index].errors = std::move(errors);
  if (--asked->left == 0) answer(*asked);
}

// What is wrong with the partitions themselves; empty if nothing is.
std::vector<ErrorCode> check_partitions(const ClusterView& view, const std::vector<std::pair<std::string_view, PartitionIndex>>& partitions) {
  std::vector<ErrorCode> errors;
  bool is_wrong = false;
  for (const auto& [topic, index] : partitions) {
    const bool is_known = view.partition(topic, index) != nullptr;
    is_wrong = is_wrong || !is_known;
    errors.push_back(is_known ? ErrorCode::OPERATION_NOT_ATTEMPTED : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  }
  if (!is_wrong) errors.clear();
  return errors;
}

void ask(Services& services, const AskedPtr& asked, size_t index, TransactionalProducer producer, bool verify_only) {
  const Asked::Transaction& transaction = asked->transactions[index];
  std::vector<ErrorCode> wrong = check_partitions(*services.view.get(), transaction.partitions);
  if (!wrong.empty()) return settle(asked, index, std::move(wrong));
  // Names are copied of partitions that there are only, each once: four bytes in a request name one.
  Places<std::string_view, PartitionIndex> places;
  std::vector<TopicPartition> named;
  std::vector<size_t> place_of;
  for (const auto& [topic, partition] : transaction.partitions) {
    const auto place = places.of(topic, partition);
    if (place.is_new) named.push_back({std::string(topic), partition});
    place_of.push_back(place.index);
  }
  const std::string id(transaction.id);
  if (verify_only) {
    return services.transactions.verify(id, producer, named, [asked, index, place_of = std::move(place_of)](std::vector<ErrorCode> errors) {
      std::vector<ErrorCode> told;
      for (const size_t place : place_of) told.push_back(errors[place]);
      settle(asked, index, std::move(told));
    });
  }
  const std::set<TopicPartition> partitions(named.begin(), named.end());
  services.transactions.add_partitions(id, producer, partitions, [asked, index](TransactionAnswer told) {
    settle(asked, index, std::vector<ErrorCode>(asked->transactions[index].partitions.size(), told.error));
  });
}

Asked::Transaction transaction_of(std::string_view id, const Topics& topics) {
  Asked::Transaction transaction;
  transaction.id = id;
  for (const auto& topic : topics) {
    transaction.topics.emplace_back(topic.name);
    for (const PartitionIndex partition : topic.partitions) transaction.partitions.emplace_back(topic.name, partition);
  }
  return transaction;
}

}  // namespace

void handle_add_partitions_to_txn(Services& services, CallPtr call) {
  const auto decoded = decode_call<AddPartitionsToTxnRequest>(call);
  if (!decoded) return;
  const AddPartitionsToTxnRequest& request = decoded->request;
  if (call->version() >= 4 && (!call->peer().inter_broker || request.transactions.empty())) {
    AddPartitionsToTxnResponse refusal;
    if (!call->peer().inter_broker) refusal.error_code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    return reply(std::move(call), refusal);
  }
  auto asked = std::make_shared<Asked>();
  if (call->version() < 4) {
    asked->transactions.push_back(transaction_of(request.v3_and_below_transactional_id, request.v3_and_below_topics));
    asked->left = 1;
    asked->call = std::move(call);
    return ask(services, asked, 0, {request.v3_and_below_producer_id, ProducerEpoch(request.v3_and_below_producer_epoch)}, false);
  }
  for (const auto& each : request.transactions) asked->transactions.push_back(transaction_of(each.transactional_id, each.topics));
  // One more, so that nothing is answered (and with it the request's bytes gone) before all are asked.
  asked->left = request.transactions.size() + 1;
  asked->call = std::move(call);
  size_t index = 0;
  for (const auto& each : request.transactions) ask(services, asked, index++, {each.producer_id, each.producer_epoch}, each.verify_only);
  if (--asked->left == 0) answer(*asked);
}

}  // namespace quokka
