// DescribeTransactions (key 65), version 0: the transactions of this coordinator by their transactional ids, each once.
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/messages/describe_transactions.h"

namespace quokka {

namespace {

using State = DescribeTransactionsResponse::TransactionState;

struct Asked {
  CallPtr call;
  std::vector<std::string> ids;
  std::vector<Result<TransactionRecord>> told;  // each written by its own answer only
  std::atomic<size_t> left{1};
};

void answer(Asked& asked) {
  std::deque<std::map<std::string_view, std::vector<PartitionIndex>>> partitions;
  std::deque<std::vector<State::TopicData>> topics;
  std::vector<State> states;
  for (size_t i = 0; i < asked.ids.size(); ++i) {
    State& state = states.emplace_back();
    state.transactional_id = asked.ids[i];
    if (!asked.told[i]) {
      state.error_code = asked.told[i].code();
      continue;
    }
    const TransactionRecord& record = *asked.told[i];
    state.transaction_state = name(record.status);
    state.transaction_timeout_ms = record.timeout_ms;
    state.transaction_start_time_ms = record.start_ms;
    state.producer_id = record.producer.id;
    state.producer_epoch = record.producer.epoch;
    auto& by_topic = partitions.emplace_back();
    for (const TopicPartition& each : record.partitions) by_topic[each.topic].push_back(each.partition);
    auto& listed = topics.emplace_back();
    for (const auto& [topic, indexes] : by_topic) listed.push_back({topic, indexes});
    state.topics = listed;
  }
  DescribeTransactionsResponse response;
  response.transaction_states = states;
  reply(std::move(asked.call), response);
}

}  // namespace

void handle_describe_transactions(Services& services, CallPtr call) {
  const auto decoded = decode_call<DescribeTransactionsRequest>(call);
  if (!decoded) return;
  auto asked = std::make_shared<Asked>();
  Places<std::string_view> places;
  for (const std::string_view id : decoded->request.transactional_ids)
    if (places.of(id).is_new) asked->ids.emplace_back(id);
  asked->call = std::move(call);
  asked->told.assign(asked->ids.size(), Error{ErrorCode::UNKNOWN_SERVER_ERROR, ""});
  asked->left += asked->ids.size();
  for (size_t i = 0; i < asked->ids.size(); ++i) {
    services.transactions.describe(asked->ids[i], [asked, i](Result<TransactionRecord> told) {
      asked->told[i] = std::move(told);
      if (--asked->left == 0) answer(*asked);
    });
  }
  if (--asked->left == 0) answer(*asked);
}

}  // namespace quokka
