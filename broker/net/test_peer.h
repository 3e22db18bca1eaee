// For tests of connections: a server on loopback with a handler the test writes, and a raw client.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/net/server.h"
#include "protocol/base/mutex.h"
#include "protocol/messages/api_table.h"

namespace quokka::test {

inline const ServedKeys kServed{0, 1, 3, 7, 18, 26};

// Waits for a condition, at most 20 s.
inline bool eventually(const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

class RecordingHandler final : public CallHandler {
 public:
  std::function<void(CallPtr)> handle;
  void on_call(CallPtr call) override {
    handle(std::move(call));
    ++delivered;  // after it: who sees the count sees what the handler did
  }
  std::atomic<int> delivered{0};
};

inline Response text_response(const std::string& text) {
  Response response;
  std::unique_ptr<uint8_t[]> block(new uint8_t[text.size()]);
  std::copy(text.begin(), text.end(), block.get());
  response.body.append_owned(std::move(block), text.size());
  return response;
}

inline std::string body_text(Call& call) { return std::string(text_of(call.body())); }

class TestServer {
 public:
  explicit TestServer(ServerSettings settings = {}, std::function<void(CallPtr)> handle = nullptr, int loop_count = 2)
      : loops(loop_count), pool(2), server(std::move(settings), kServed, {loops, pool, handler, registry}) {
    handler.handle = handle ? std::move(handle) : [](CallPtr call) { call->answer(text_response(body_text(*call))); };
    ListenerSettings listener;
    listener.host = "127.0.0.1";
    listener.port = 0;
    port = server.listen(listener).value();
    loops.start();
    server.start();
  }
  ~TestServer() {
    loops.stop();
    pool.stop();
  }

  EventLoops loops;
  ThreadPool pool;
  Registry registry;
  RecordingHandler handler;
  Server server;
  uint16_t port = 0;
};

// Blocking, with a time-out of 20 s on reads.
class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval limit{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;

  // False once the other end has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return true;
  }
  // What the kernel takes at once.
  size_t send_some(std::string_view bytes) {
    ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return put > 0 ? static_cast<size_t>(put) : 0;
  }
  // Fewer if the other end closes.
  std::string receive(size_t count) {
    std::string got(count, '\0');
    size_t filled = 0;
    while (filled < count) {
      ssize_t part = ::recv(fd_, got.data() + filled, count - filled, 0);
      if (part <= 0) break;
      filled += static_cast<size_t>(part);
    }
    got.resize(filled);
    return got;
  }
  std::string receive_to_end() { return receive_until_end(fd_); }
  // nullopt if the other end closed.
  std::optional<std::string> receive_frame() {
    std::string size = receive(4);
    if (size.size() < 4) return std::nullopt;
    auto length = static_cast<size_t>(load_be<int32_t>(reinterpret_cast<const uint8_t*>(size.data())));
    std::string frame = receive(length);
    if (frame.size() < length) return std::nullopt;
    return frame;
  }
  // True if the other end closes, having sent nothing more.
  bool is_closed_by_peer() {
    char byte;
    ssize_t got = ::recv(fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno != EAGAIN);
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    linger abort{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd() const { return fd_; }
  bool connected = false;

 private:
  static std::string receive_until_end(int fd) {
    std::string all;
    char part[65536];
    for (ssize_t got; (got = ::recv(fd, part, sizeof part, 0)) > 0;) all.append(part, static_cast<size_t>(got));
    return all;
  }
  int fd_;
};

template <class T>
void append_be(std::string& out, T value) {
  uint8_t bytes[sizeof(T)];
  store_be(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

// A whole frame with header v1 (or v2 if flexible).
inline std::string request(int16_t key, int16_t version, int32_t correlation, const std::string& body, const std::string& client_id = "test") {
  std::string frame;
  append_be(frame, key);
  append_be(frame, version);
  append_be(frame, correlation);
  append_be(frame, static_cast<int16_t>(client_id.size()));
  frame += client_id;
  const ApiEntry* api = api_entry(key);
  if (api != nullptr && api->flexible(version)) frame.push_back('\0');
  frame += body;
  std::string out;
  append_be(out, static_cast<int32_t>(frame.size()));
  return out + frame;
}

inline int32_t correlation_of(const std::string& frame) { return load_be<int32_t>(reinterpret_cast<const uint8_t*>(frame.data())); }

}  // namespace quokka::test
