#include "integration-tests/faults/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "integration-tests/coord/loopback.h"
#include "integration-tests/faults/workload.h"
#include "protocol/base/bytes.h"

namespace quokka {
namespace {

constexpr int poll_ms = 2;
constexpr size_t piece_bytes_max = 64 << 10, pieces_max = 256;
constexpr size_t length_bytes = 4;

void set_up(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

// Empty: nothing now. nullopt: the end.
std::optional<std::vector<uint8_t>> read_some(int fd) {
  std::vector<uint8_t> bytes(piece_bytes_max);
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return std::nullopt;
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

}  // namespace

Proxy::Proxy(int port, int broker_port, uint32_t seed) : broker_port_(broker_port), random_(seed * 2 + 1) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = loopback(port);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 128) != 0) {
    ::close(listener_);
    throw std::runtime_error("a proxy cannot listen");
  }
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  enough_ = true;
  thread_.join();
  for (Link& link : links_) end(link, false);
  ::close(listener_);
}

void Proxy::behave(const Manners& manners) {
  const std::lock_guard lock(mutex_);
  manners_ = manners;
}

void Proxy::hold_next(int16_t api_key, std::string mark) {
  const std::lock_guard lock(mutex_);
  to_hold_.emplace(api_key, std::move(mark));
}

bool Proxy::is_wanted(const Piece& request) const {
  if (!to_hold_ || load_be<int16_t>(request.bytes.data() + length_bytes) != to_hold_->first) return false;
  const std::string& mark = to_hold_->second;
  return std::search(request.bytes.begin(), request.bytes.end(), mark.begin(), mark.end()) != request.bytes.end();
}

void Proxy::release(bool and_close) {
  const std::lock_guard lock(mutex_);
  to_release_ = and_close;
}

bool Proxy::by_chance(int percent) {
  random_ = random_ * 1664525 + 1013904223;
  return static_cast<int>((random_ >> 8) % 100) < percent;
}

// Never before what goes ahead of it.
int64_t Proxy::due(const std::deque<Piece>& behind) {
  random_ = random_ * 1664525 + 1013904223;
  int64_t delay_ms = manners_.delay_ms_min;
  if (manners_.delay_ms_max > manners_.delay_ms_min) delay_ms += (random_ >> 8) % static_cast<uint32_t>(manners_.delay_ms_max - manners_.delay_ms_min);
  if (delay_ms > 0) ++counts_.delayed;
  const int64_t wanted = monotonic_ns() + delay_ms * 1'000'000;
  return behind.empty() ? wanted : std::max(wanted, behind.back().due_ns);
}

void Proxy::run() {
  while (!enough_) {
    std::vector<pollfd> watched = {{listener_, POLLIN, 0}};
    for (const Link& link : links_) {
      if (!link.client_ended && link.up.size() < pieces_max) watched.push_back({link.client, POLLIN, 0});
      if (!link.broker_ended && link.down.size() < pieces_max) watched.push_back({link.broker, POLLIN, 0});
    }
    ::poll(watched.data(), watched.size(), poll_ms);
    const std::lock_guard lock(mutex_);
    accept_one();
    for (Link& link : links_) {
      if (link.is_held && to_release_) let_go(link, *std::exchange(to_release_, std::nullopt));
      read_client(link);
      read_broker(link);
      if (link.silent) continue;
      if (manners_.clogged) {
        if (!link.up.empty() || !link.down.empty()) ++counts_.clogged;
        continue;
      }
      pass_on(link.broker, link.up, link.broker_ended);
      pass_on(link.client, link.down, link.client_ended);
      if (link.client_ended && link.up.empty() && !link.is_held && !link.stays && !std::exchange(link.end_passed, true)) ::shutdown(link.broker, SHUT_WR);
      if (link.broker_ended && link.down.empty()) end(link, false);
    }
    links_.remove_if([](const Link& link) { return link.is_done; });
  }
}

void Proxy::let_go(Link& link, bool and_close) {
  std::move(link.held.begin(), link.held.end(), std::back_inserter(link.up));
  link.held.clear();
  link.is_held = false;
  holds_ = false;
  link.stays = !and_close;
  if (!and_close) return;
  // In one segment: who reads the one could have seen the other.
  const int yes = 1;
  ::setsockopt(link.broker, IPPROTO_TCP, TCP_CORK, &yes, sizeof yes);
  link.client_ended = true;
}

void Proxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int broker = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(broker_port_);
  if (::connect(broker, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(broker);
    ::close(client);
    return;
  }
  set_up(client);
  set_up(broker);
  Link& link = links_.emplace_back();
  link.client = client;
  link.broker = broker;
}

void Proxy::read_client(Link& link) {
  if (link.client_ended || link.up.size() >= pieces_max) return;
  const auto bytes = read_some(link.client);
  if (!bytes) {
    link.client_ended = true;
    link.down.clear();
    return;
  }
  link.unframed.insert(link.unframed.end(), bytes->begin(), bytes->end());
  take_requests(link);
}

void Proxy::take_requests(Link& link) {
  while (link.unframed.size() >= length_bytes + sizeof(int16_t)) {
    const size_t whole = length_bytes + static_cast<size_t>(std::max(load_be<int32_t>(link.unframed.data()), 0));
    if (link.unframed.size() < whole) return;
    Piece piece{due(link.up), {link.unframed.begin(), link.unframed.begin() + static_cast<ptrdiff_t>(whole)}, 0};
    link.unframed.erase(link.unframed.begin(), link.unframed.begin() + static_cast<ptrdiff_t>(whole));
    if (is_wanted(piece)) {
      to_hold_.reset();
      link.is_held = true;
      holds_ = true;
    }
    if (link.is_held) {
      link.held.push_back(std::move(piece));
    } else {
      link.up.push_back(std::move(piece));
    }
  }
}

void Proxy::read_broker(Link& link) {
  if (link.broker_ended || link.down.size() >= pieces_max) return;
  auto bytes = read_some(link.broker);
  if (!bytes) {
    link.broker_ended = true;
    return;
  }
  if (bytes->empty() || link.client_ended) return;
  if (by_chance(manners_.silence_percent)) {
    ++counts_.silenced;
    link.silent = true;
  }
  if (by_chance(manners_.reset_percent)) {
    ++counts_.reset;
    (void)::send(link.client, bytes->data(), bytes->size() / 2, MSG_NOSIGNAL);
    return end(link, true);
  }
  const int64_t when = due(link.down);
  link.down.push_back({when, *std::move(bytes), 0});
}

void Proxy::pass_on(int to, std::deque<Piece>& pieces, bool& ended) {
  const int64_t now = monotonic_ns();
  while (!pieces.empty() && pieces.front().due_ns <= now) {
    Piece& piece = pieces.front();
    const ssize_t sent = ended ? -1 : ::send(to, piece.bytes.data() + piece.passed, piece.bytes.size() - piece.passed, MSG_NOSIGNAL);
    if (sent < 0) {
      if (!ended && (errno == EAGAIN || errno == EINTR)) return;
      ended = true;
      pieces.clear();
      return;
    }
    piece.passed += static_cast<size_t>(sent);
    if (piece.passed == piece.bytes.size()) pieces.pop_front();
  }
}

void Proxy::end(Link& link, bool reset) {
  const linger at_once{1, 0};
  for (int* fd : {&link.client, &link.broker}) {
    if (*fd < 0) continue;
    if (reset) ::setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(*fd);
    *fd = -1;
  }
  link.up.clear();
  link.down.clear();
  link.client_ended = link.broker_ended = link.is_done = true;
}

}  // namespace quokka
