// A blocking connection to one broker: what a command-line tool needs, which does one thing at a time. Requests are answered in the order
// they are sent, so several may be under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/messages/api_table.h"
#include "protocol/wire/arena.h"
#include "protocol/wire/encoded.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline deadline_in(Duration duration) { return std::chrono::steady_clock::now() + std::chrono::microseconds(duration.us); }
inline bool has_passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

struct HostPort {
  std::string host;
  uint16_t port = 0;

  std::string str() const { return host.find(':') == std::string::npos ? host + ":" + std::to_string(port) : "[" + host + "]:" + std::to_string(port); }
  bool operator==(const HostPort&) const = default;
};

// "a:9092,b:9092"; an error names the part that is not host:port.
Result<std::vector<HostPort>> parse_servers(const std::string& servers);

// A decoded message with the memory it lies in.
template <class M>
struct Answer {
  std::vector<uint8_t> frame;
  Arena arena;
  M message;

  M* operator->() { return &message; }
  const M* operator->() const { return &message; }
};

class BrokerLink {
 public:
  // Connects and asks for the versions the broker serves. Errors: NETWORK_EXCEPTION naming the address and the reason.
  static Result<std::unique_ptr<BrokerLink>> open(const HostPort& address, const std::string& client_id, Deadline deadline);
  ~BrokerLink();
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;

  const HostPort& address() const { return address_; }
  // False after an error of the connection: nothing more can be sent.
  bool is_open() const { return socket_ >= 0; }

  bool serves(ApiKey key) const;
  // The highest version that both sides know, at most `version_max`. Errors: UNSUPPORTED_VERSION.
  Result<int16_t> version_of(ApiKey key, int16_t version_min, int16_t version_max) const;

  template <class Request>
  Status send(const Request& request, int16_t version, Deadline deadline) {
    const Result<Encoded> body = encode(request, version);
    if (!body.ok()) return body.error();
    return send_frame(Request::kApiKey, version, *body, deadline);
  }
  // Nothing will be answered (a produce with acks=0).
  void forget_last() { expected_.pop_back(); }

  template <class Response>
  Result<Answer<Response>> receive(Deadline deadline) {
    size_t body_at = 0;
    int16_t version = 0;
    Result<std::vector<uint8_t>> frame = receive_frame(deadline, body_at, version);
    if (!frame.ok()) return frame.error();
    return decoded<Response>(std::move(*frame), body_at, version);
  }

  template <class Response, class Request>
  Result<Answer<Response>> call(const Request& request, Deadline deadline, int16_t version_max = Request::kVersionMax,
                                int16_t version_min = Request::kVersionMin) {
    const Result<int16_t> version = version_of(Request::kApiKey, version_min, version_max);
    if (!version.ok()) return version.error();
    if (Status status = send(request, *version, deadline); !status.ok()) return status.error();
    return receive<Response>(deadline);
  }

  // Of the answer to come next.
  int16_t next_version() const { return expected_.empty() ? int16_t{-1} : expected_.front().version; }

 private:
  struct Expected {
    int32_t correlation_id = 0;
    ApiKey key{};
    int16_t version = 0;
  };
  struct ServedVersions {
    int16_t key = 0;
    int16_t version_min = 0;
    int16_t version_max = 0;
  };

  BrokerLink(HostPort address, std::string client_id) : address_(std::move(address)), client_id_(std::move(client_id)) {}
  Status connect(Deadline deadline);
  Status ask_versions(Deadline deadline);
  Status send_frame(ApiKey key, int16_t version, const Encoded& body, Deadline deadline);
  Result<std::vector<uint8_t>> receive_frame(Deadline deadline, size_t& body_at, int16_t& version);
  Status write_all(const uint8_t* bytes, size_t size, Deadline deadline);
  Status read_all(uint8_t* bytes, size_t size, Deadline deadline);
  Status wait(short events, Deadline deadline);
  Error broken(const std::string& why);

  template <class Response>
  Result<Answer<Response>> decoded(std::vector<uint8_t> frame, size_t body_at, int16_t version) {
    Answer<Response> answer{std::move(frame), Arena::for_frame(0), {}};
    answer.arena = Arena::for_frame(answer.frame.size());
    Result<Response> message = decode<Response>(Bytes(answer.frame).subspan(body_at), version, answer.arena);
    if (!message.ok()) return broken("an answer that cannot be read: " + message.error().message);
    answer.message = std::move(*message);
    return answer;
  }

  HostPort address_;
  std::string client_id_;
  int socket_ = -1;
  int32_t next_correlation_id_ = 0;
  std::deque<Expected> expected_;
  std::vector<ServedVersions> served_;
};

}  // namespace quokka
