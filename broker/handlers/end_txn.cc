// EndTxn (key 26), versions 0-4: commits or aborts the transaction of a producer. Answered when the decision is committed, before the markers are written.
//
// 2: PRODUCER_FENCED, which was INVALID_PRODUCER_EPOCH. The request does not say which transaction it means: see broker/txn/transaction_core.h for what
// is done about one that is late. One whose client has gone is not executed: the client has given it up, and may have begun the next transaction since.
#include <memory>
#include <utility>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/transaction_errors.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/messages/end_txn.h"

namespace quokka {

namespace {

// Runs `execute` unless the client has gone. That shows when the loop has looked once more at the socket that the request came from: the first task runs
// before what it finds there, the second behind it.
void unless_gone(CallPtr call, Function<void(CallPtr)> execute) {
  struct Waiting {
    CallPtr call;
    Function<void(CallPtr)> execute;
    bool is_gone = false;
  };
  auto waiting = std::make_shared<Waiting>(Waiting{std::move(call), std::move(execute)});
  Loop& loop = waiting->call->loop();
  waiting->call->on_departure([weak = std::weak_ptr(waiting)](Departure) {
    if (const auto there = weak.lock()) there->is_gone = true;
  });
  loop.post([waiting, &loop] {
    loop.post([waiting] {
      if (waiting->is_gone) return waiting->call->close("the end of a transaction is not executed, its client has gone");
      waiting->execute(std::move(waiting->call));
    });
  });
}

}  // namespace

void handle_end_txn(Services& services, CallPtr call) {
  const auto decoded = decode_call<EndTxnRequest>(call);
  if (!decoded) return;
  const EndTxnRequest& request = decoded->request;
  EndTransaction end{std::string(request.transactional_id), {request.producer_id, request.producer_epoch}, request.committed, call->arrived()};
  unless_gone(std::move(call), [&services, end = std::move(end)](CallPtr there) {
    services.transactions.end(end, [there = std::move(there)](TransactionAnswer told) mutable {
      EndTxnResponse response;
      response.error_code = fenced_error(told.error, there->version());
      reply(std::move(there), response);
    });
  });
}

}  // namespace quokka
