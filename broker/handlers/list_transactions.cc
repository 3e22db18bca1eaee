// ListTransactions (key 66), versions 0-1: the transactional ids of this coordinator, all or those in some states, of some producers, or (1) whose
// last transaction began longer ago than some time, or never, as Kafka has it. States that do not exist are named in the answer.
#include <algorithm>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/messages/list_transactions.h"

namespace quokka {

namespace {

struct Filter {
  std::vector<std::string> unknown_states;
  std::set<TransactionStatus> states;
  std::set<ProducerId> producers;
  bool any_state = true;
  int64_t longer_than_ms = -1;
  int64_t now_ms = 0;

  bool takes(const TransactionOverview& each) const {
    if (!any_state && states.count(each.status) == 0) return false;
    if (!producers.empty() && producers.count(each.producer_id) == 0) return false;
    return longer_than_ms < 0 || now_ms - each.start_ms > longer_than_ms;
  }
};

}  // namespace

void handle_list_transactions(Services& services, CallPtr call) {
  const auto decoded = decode_call<ListTransactionsRequest>(call);
  if (!decoded) return;
  const ListTransactionsRequest& request = decoded->request;
  Filter filter;
  filter.any_state = request.state_filters.empty();
  filter.longer_than_ms = request.duration_filter;
  filter.now_ms = call->loop().wall_now().ms;
  for (const std::string_view text : request.state_filters) {
    if (const auto status = transaction_status_of(text)) filter.states.insert(*status);
    else if (text != "Dead" && text != "PrepareEpochFence") filter.unknown_states.emplace_back(text);  // Kafka knows these two, and no id is in them
  }
  filter.producers.insert(request.producer_id_filters.begin(), request.producer_id_filters.end());
  services.transactions.list([call = std::move(call), filter = std::move(filter)](ErrorCode error, std::vector<TransactionOverview> all) mutable {
    ListTransactionsResponse response;
    response.error_code = error;
    const std::vector<std::string_view> unknown(filter.unknown_states.begin(), filter.unknown_states.end());
    response.unknown_state_filters = unknown;
    std::vector<ListTransactionsResponse::TransactionState> states;
    for (const TransactionOverview& each : all) {
      if (error == ErrorCode::NONE && filter.takes(each)) states.push_back({each.id, each.producer_id, name(each.status)});
    }
    response.transaction_states = states;
    reply(std::move(call), response);
  });
}

}  // namespace quokka
