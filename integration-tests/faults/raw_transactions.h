// The requests of a transactional producer one by one, as a test wants them: a client library would not let them come in the wrong order.
#pragma once

#include <memory>
#include <string>

#include "protocol/client/blocking_client.h"

namespace quokka {

// Each call waits for its answer. CONCURRENT_TRANSACTIONS, and a coordinator that is not ready, are asked again; other errors are the result.
class RawTransactions {
 public:
  static constexpr Duration patience = Duration::seconds(30);

  RawTransactions(std::string bootstrap, std::string transactional_id, std::string topic);

  int coordinator();  // the broker
  // Throw if it is refused.
  void init(int32_t transaction_timeout_ms = 60'000);
  void add_partition(int32_t partition = 0);
  ErrorCode produce(const std::string& value, int32_t sequence, Duration timeout = patience, int32_t partition = 0);
  ErrorCode end(bool committed, Duration timeout = patience);
  std::string state();  // as DescribeTransactions tells it
  // Closes all connections, answered or not.
  void reconnect();

 private:
  template <class Response, class Request, class CodeOf>
  ErrorCode ask(int broker, const Request& request, Duration timeout, CodeOf code_of, int16_t version_max = Request::kVersionMax);

  const std::string bootstrap_, id_, topic_;
  std::unique_ptr<BlockingClient> client_;
  ProducerId producer_;
  ProducerEpoch epoch_;
};

}  // namespace quokka
