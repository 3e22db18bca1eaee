// A broker for tests of clients: listens on a free port of 127.0.0.1 and answers what the test's functions say.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "protocol/base/mutex.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/headers.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka::testing {

// One request as it came: the body is decoded by whoever answers it.
struct ScriptedRequest {
  ApiKey key{};
  int16_t version = 0;
  Bytes body;

  template <class M>
  M as(Arena& arena) const {
    Result<M> message = decode<M>(body, version, arena);
    return message.ok() ? *message : M{};
  }
};

// Each connection has its thread; requests are answered one at a time, so that the functions need no lock. Destroying it ends the threads.
class ScriptedBroker {
 public:
  // The encoded body of the answer; nullopt closes the connection. ApiVersions is answered here, with `apis`.
  using Respond = std::function<std::optional<std::vector<uint8_t>>(const ScriptedRequest&)>;

  ScriptedBroker(std::vector<ApiKey> apis, Respond respond) : apis_(std::move(apis)), respond_(std::move(respond)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~ScriptedBroker() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close_connections();
    for (std::thread& thread : threads_) thread.join();
    MutexLock lock(mutex_);
    for (const int connection : connections_) ::close(connection);
    ::close(listener_);
  }

  // Apart from the constructor, so that `respond` may name the port.
  void start() {
    thread_ = std::thread([this] { serve(); });
  }
  uint16_t port() const { return port_; }

  // Before start(): the highest version of ApiVersions that is understood.
  void know_api_versions_to(int16_t version_max) { api_versions_max_ = version_max; }
  // As a broker that closes idle connections.
  void close_connections() {
    MutexLock lock(mutex_);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }

  template <class M>
  static std::vector<uint8_t> body_of(const M& message, int16_t version) {
    const Result<Encoded> encoded = encode(message, version);
    QUOKKA_CHECK(encoded.ok(), encoded.ok() ? "" : encoded.error().message);
    std::vector<uint8_t> bytes;
    for (const auto& chunk : encoded->chunks()) bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
    return bytes;
  }

 private:
  void serve() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      MutexLock lock(mutex_);
      connections_.push_back(connection);
      threads_.emplace_back([this, connection] {
        while (answer_one(connection)) {}
        ::shutdown(connection, SHUT_RDWR);
      });
    }
  }

  bool answer_one(int connection) {
    uint8_t length[4];
    if (!read_all(connection, length, 4)) return false;
    std::vector<uint8_t> frame(static_cast<size_t>(load_be<int32_t>(length)));
    if (!read_all(connection, frame.data(), frame.size())) return false;
    const ApiEntry* entry = api_entry(load_be<int16_t>(frame.data()));
    const int16_t version = load_be<int16_t>(frame.data() + 2);
    size_t body_at = 0;
    const auto header = decode_request_header(frame, entry->request_header_version(version), body_at);
    const ScriptedRequest request{entry->key, version, Bytes(frame).subspan(body_at)};
    std::optional<std::vector<uint8_t>> body;
    {
      MutexLock lock(mutex_);
      body = entry->key == ApiKey::API_VERSIONS ? std::optional(versions(version)) : respond_(request);
    }
    if (!body) return false;
    std::vector<uint8_t> answer = encode_response_header({header->correlation_id}, entry->response_header_version(version));
    answer.insert(answer.end(), body->begin(), body->end());
    store_be<int32_t>(length, static_cast<int32_t>(answer.size()));
    answer.insert(answer.begin(), length, length + 4);
    return ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
  }

  std::vector<uint8_t> versions(int16_t version) const {
    std::vector<ApiVersionsResponse::ApiVersion> listed;
    for (const ApiKey key : apis_) {
      const ApiEntry* entry = api_entry(static_cast<int16_t>(key));
      listed.push_back({static_cast<int16_t>(key), entry->version_min, entry->version_max});
    }
    ApiVersionsResponse response;
    response.api_keys = listed;
    if (version <= api_versions_max_) return body_of(response, version);
    response.error_code = ErrorCode::UNSUPPORTED_VERSION;
    return body_of(response, 0);
  }

  static bool read_all(int connection, uint8_t* bytes, size_t size) {
    return size == 0 || ::recv(connection, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }

  const std::vector<ApiKey> apis_;
  const Respond respond_;
  int listener_ = -1;
  uint16_t port_ = 0;
  int16_t api_versions_max_ = 4;
  Mutex mutex_;  // one request at a time
  std::vector<int> connections_ GUARDED_BY(mutex_);
  // Of the accepting thread until it has ended.
  std::vector<std::thread> threads_;
  std::thread thread_;
};

}  // namespace quokka::testing
