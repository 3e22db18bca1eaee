// One connection to a broker: requests are pipelined, answers matched to them by correlation id. Knows frames and headers, no messages
// (those: typed_call.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/loop.h"
#include "protocol/base/result.h"
#include "protocol/client/stream.h"
#include "protocol/wire/encoded.h"

namespace quokka {

struct ClientSettings {
  std::string host;
  uint16_t port = 0;
  std::string client_id;
  Duration connect_timeout = Duration::seconds(10);
  Duration request_timeout = Duration::seconds(30);  // from send() to the answer; reaching it closes the connection, as Kafka's clients do
  Duration reconnect_backoff_min = Duration::millis(50);  // doubles with every failed attempt
  Duration reconnect_backoff_max = Duration::seconds(1);
  size_t requests_in_flight_max = 100;               // the rest waits its turn in memory
  size_t requests_waiting_max = 10000;               // one more is refused
  size_t response_bytes_max = 256u << 20;            // a longer answer closes the connection
};

// A request without its header, as ready for any correlation id.
struct ClientRequest {
  int16_t api_key = 0;
  int16_t version = 0;
  bool expects_answer = true;    // false for a produce with acks=0: done when written
  Encoded body;                  // without holes; bytes it borrows live until the answer
};

// The body of an answer, behind its header. Owns its bytes.
struct ClientResponse {
  std::vector<uint8_t> frame;
  size_t body_at = 0;
  MutableBytes body() { return MutableBytes(frame).subspan(body_at); }
};

// The loop's own thread only; callbacks come on the loop, never inline, each once. It connects when first needed and again after a loss, with
// back-off. Loss of the connection or a time-out fails everything unanswered with NETWORK_EXCEPTION or REQUEST_TIMED_OUT: whether the broker
// acted on it is then unknown. Destroying it closes the connection and destroys callbacks uncalled.
class ClientConnection {
 public:
  using OnAnswer = Function<void(Result<ClientResponse>)>;

  // `loop` and `streams` outlive it.
  ClientConnection(Loop& loop, Streams& streams, ClientSettings settings);
  ~ClientConnection();

  void send(ClientRequest request, OnAnswer on_answer);
  // The same with a time-out of its own.
  void send(ClientRequest request, Duration timeout, OnAnswer on_answer);
  // Drops the connection and fails what is unanswered; the next send connects anew, without back-off.
  void disconnect(const std::string& why);

  bool connected() const;
  // Requests sent or waiting whose answer has not come.
  size_t unanswered() const;
  const ClientSettings& settings() const;

 private:
  struct Session;
  std::shared_ptr<Session> session_;
};

}  // namespace quokka
