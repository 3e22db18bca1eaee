#include "broker/net/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>

#include "broker/net/advertised_address.h"
#include "broker/net/connection.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

using boost::asio::ip::tcp;

constexpr int kAcceptsMax = 64;  // before others have their turn
constexpr Duration kRetry = Duration::millis(50);
constexpr int64_t kKeptForLogsMin = 32, kKeptForLogsMax = 16384;  // descriptors

// Owns a descriptor on its way to the lane that will have it.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct Address {
  std::string text;
  uint16_t port = 0;
};

// IPv4 in IPv6 is shown as IPv4, so that overrides by address and log lines mean the same client.
Address address_of(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
  else
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {text, ntohs(v6.sin6_port)};
}

Error cannot_listen(const ListenerSettings& settings, const std::string& reason) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, "listener " + settings.name + " cannot listen on " + (settings.host.empty() ? "*" : settings.host) + ":" +
                                               std::to_string(settings.port) + ": " + reason +
                                               "; check `listeners` in server.properties and what else uses this port"};
}

}  // namespace

struct Listener::Socket {
  explicit Socket(boost::asio::io_context& io) : acceptor(io) {}
  tcp::acceptor acceptor;
};

Listener::Listener(ListenerSettings settings, const ServerSettings& server, std::vector<Lane*> lanes, size_t home,
                   std::shared_ptr<ConnectionLimits> limits)
    : settings_(std::move(settings)), server_(server), lanes_(std::move(lanes)), home_(*lanes_[home]), limits_(std::move(limits)), next_lane_(home) {}

Listener::~Listener() = default;

Result<uint16_t> Listener::bind() {
  bool any = settings_.host.empty() || settings_.host == "0.0.0.0" || settings_.host == "::";
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (any) {
    // Both families through one socket where the machine has IPv6.
    int probe = settings_.host == "0.0.0.0" ? -1 : ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    hints.ai_family = probe >= 0 ? AF_INET6 : AF_INET;
    if (probe >= 0) ::close(probe);
  }
  int failed = getaddrinfo(any ? nullptr : settings_.host.c_str(), std::to_string(settings_.port).c_str(), &hints, &found);
  if (failed != 0) return cannot_listen(settings_, gai_strerror(failed));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> holder(found, freeaddrinfo);

  Descriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return cannot_listen(settings_, strerror(errno));
  int on = 1, off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  // Accepted sockets inherit the buffers; window scaling is settled when a connection is made, so they are set here.
  if (server_.socket_receive_buffer_bytes > 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &server_.socket_receive_buffer_bytes, sizeof(int));
  if (server_.socket_send_buffer_bytes > 0) setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &server_.socket_send_buffer_bytes, sizeof(int));
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0) return cannot_listen(settings_, strerror(errno));
  if (::listen(fd.get(), server_.socket_listen_backlog_size) != 0) return cannot_listen(settings_, strerror(errno));

  bool is_v6 = found->ai_family == AF_INET6;
  socket_ = std::make_unique<Socket>(home_.loop.io_context());
  boost::system::error_code error;
  socket_->acceptor.assign(is_v6 ? tcp::v6() : tcp::v4(), fd.get(), error);
  if (error) return cannot_listen(settings_, error.message());
  fd.release();
  port_ = socket_->acceptor.local_endpoint(error).port();
  return port_;
}

void Listener::start() { wait(); }

void Listener::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  if (socket_) socket_->acceptor.close(ignored);
}

void Listener::wait() {
  if (stopped_) return;
  socket_->acceptor.async_wait(tcp::acceptor::wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
    if (auto self = weak.lock(); self && !error) self->accept_some();
  });
}

void Listener::try_again_later() {
  home_.loop.call_after(kRetry, [weak = weak_from_this()] {
    if (auto self = weak.lock(); self && !self->stopped_) self->accept_some();
  });
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptsMax; ++i) {
    // Those that wait in the backlog are not refused: they get their turn when others leave.
    if (gated_ && limits_->full()) {
      log_warn_every(Duration::seconds(60), "listener {} does not accept: max.connections ({}) are open", settings_.name, limits_->total());
      return try_again_later();
    }
    if (!accept_one()) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return wait();
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
      log_error_every(Duration::seconds(10), "listener {} cannot accept: {}; raise the limit of open files (ulimit -n)", settings_.name,
                      strerror(errno));
      return try_again_later();
    }
  }
  wait();
}

void Listener::warn_of_redirect(int fd, const std::string& client) {
  sockaddr_storage local{};
  socklen_t length = sizeof local;
  if (advertised_.empty() || getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) != 0) return;
  std::string warning = redirect_warning(settings_, advertised_, address_of(local).text);
  if (!warning.empty()) log_warn_every_for(client, Duration::seconds(3600), "client {} {}", client, warning);
}

// The kernel gives the lowest free descriptor: its number tells how many are taken at least, by whomever. A new segment, checkpoint or connection to
// another broker must still find one when clients have taken their share.
bool Listener::is_beyond_share(int fd) const {
  const int64_t all = server_.open_files_max;
  int64_t kept = std::clamp(all / 4, kKeptForLogsMin, kKeptForLogsMax);
  if (!gated_) kept /= 2;
  return fd >= all - kept;
}

bool Listener::accept_one() {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  Descriptor fd(::accept4(socket_->acceptor.native_handle(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.get() < 0) return false;
  Address address = address_of(from);
  if (is_beyond_share(fd.get())) {
    log_error_every(Duration::seconds(10), "connection from {} on {} refused: of {} open files there may be, the last are kept for logs; raise the limit "
                    "(ulimit -n) or close idle clients", address.text, settings_.name, server_.open_files_max);
    return true;
  }
  int32_t limit = 0;
  ConnectionLimits::Place place = limits_->admit(address.text, limit);
  if (!place) {
    log_warn_every_for(address.text, Duration::seconds(60), "connection from {} refused: it has {} already (max.connections.per.ip)", address.text, limit);
    return true;
  }
  int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);

  warn_of_redirect(fd.get(), address.text);

  auto peer = std::make_shared<Peer>();
  peer->address = address.text;
  peer->port = address.port;
  peer->listener = settings_.name;
  peer->principal = "User:ANONYMOUS";
  peer->inter_broker = settings_.inter_broker;

  Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
  bool is_v6 = from.ss_family == AF_INET6;
  auto begin = [&lane, fd = std::move(fd), place = std::move(place), peer = std::move(peer), port = port_, is_v6]() mutable {
    if (lane.draining) return;
    auto transport = make_plain_transport(lane.loop, fd.release(), is_v6);
    auto connection =
        std::make_shared<Connection>(lane, Connection::Accepted{std::move(transport), std::move(peer), std::move(place), port});
    lane.add(connection);
    connection->start();
  };
  if (&lane == &home_)
    begin();
  else
    lane.loop.post(std::move(begin));
  return true;
}

}  // namespace quokka
