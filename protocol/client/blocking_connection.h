// A broker as a program sees it that does one thing at a time: connected, its versions known. It calls and waits for the answer, or starts
// several calls, here and elsewhere, and waits for what comes first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/client/host_port.h"
#include "protocol/client/typed_call.h"
#include "protocol/client/waiting_loop.h"
#include "protocol/messages/api_table.h"

namespace quokka {

// The loop's own thread.
class BlockingConnection {
 public:
  // Connects and asks for the versions the broker serves. Errors name the address and the reason.
  static Result<std::unique_ptr<BlockingConnection>> open(WaitingLoop& loop, Streams& streams, ClientSettings settings);

  // What was started and is not answered fails.
  ~BlockingConnection() { connection_.disconnect("the connection was given up"); }
  BlockingConnection(const BlockingConnection&) = delete;
  BlockingConnection& operator=(const BlockingConnection&) = delete;

  HostPort address() const { return {connection_.settings().host, connection_.settings().port}; }
  // False once a loss was noticed: open another one, the broker may serve other versions by now.
  bool is_open() const { return connection_.connected(); }

  bool serves(ApiKey key) const;
  // The highest version that both sides know, at most `version_max`. Errors: UNSUPPORTED_VERSION.
  Result<int16_t> version_of(ApiKey key, int16_t version_min, int16_t version_max) const;

  // Codes inside the response are the caller's to look at. Errors: NETWORK_EXCEPTION, REQUEST_TIMED_OUT, UNSUPPORTED_VERSION.
  template <class Response, class Request>
  Result<Answer<Response>> call(const Request& request, Duration timeout, int16_t version_max = Request::kVersionMax,
                                int16_t version_min = Request::kVersionMin) {
    const Result<int16_t> version = version_of(Request::kApiKey, version_min, version_max);
    if (!version.ok()) return version.error();
    std::optional<Result<Answer<Response>>> answer;
    start<Response>(request, *version, timeout, [&answer](Result<Answer<Response>> came) { answer.emplace(std::move(came)); });
    loop_.run_until([&answer] { return answer.has_value(); });
    return std::move(*answer);
  }

  // Returns at once; `on_answer` runs, once, while somebody waits. Records that the request borrows live until then.
  template <class Response, class Request>
  void start(const Request& request, int16_t version, Duration timeout, Function<void(Result<Answer<Response>>)> on_answer) {
    static_assert(Request::kApiKey == Response::kApiKey, "a response of another API");
    Result<ClientRequest> bytes = encode_request(request, version);
    if (!bytes.ok()) return loop_.post([called = std::move(on_answer), error = bytes.error()]() mutable { called(std::move(error)); });
    connection_.send(std::move(*bytes), timeout, [version, called = std::move(on_answer)](Result<ClientResponse> answer) mutable {
      if (!answer.ok()) return called(answer.error());
      called(decode_response<Response>(std::move(*answer), version));
    });
  }

  // Sends what is not answered (a produce with acks=0) and returns when it is written.
  template <class Request>
  Status tell(const Request& request, int16_t version, Duration timeout) {
    Result<ClientRequest> bytes = encode_request(request, version);
    if (!bytes.ok()) return bytes.error();
    bytes->expects_answer = false;
    const Result<ClientResponse> written = exchange(std::move(*bytes), timeout);
    return written.ok() ? Status() : Status(written.error());
  }

 private:
  struct ServedVersions {
    int16_t key = 0;
    int16_t version_min = 0;
    int16_t version_max = 0;
  };

  BlockingConnection(WaitingLoop& loop, Streams& streams, ClientSettings settings) : loop_(loop), connection_(loop, streams, std::move(settings)) {}
  Status ask_versions();
  Result<ClientResponse> exchange(ClientRequest request, Duration timeout);
  std::string name() const { return address().str(); }

  WaitingLoop& loop_;
  ClientConnection connection_;
  std::vector<ServedVersions> served_;
};

}  // namespace quokka
