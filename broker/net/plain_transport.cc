#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>

#include "broker/net/event_loop.h"
#include "broker/net/transport.h"

namespace quokka {
namespace {

using boost::asio::ip::tcp;

IoResult failed_or_would_block() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {IoResult::Kind::would_block, 0, 0};
  return {IoResult::Kind::failed, 0, errno};
}

class PlainTransport final : public Transport {
 public:
  PlainTransport(boost::asio::io_context& io, int fd, bool is_v6) : socket_(io, is_v6 ? tcp::v6() : tcp::v4(), fd), fd_(fd) {}

  IoResult read(std::span<const iovec> into) override {
    ssize_t got = ::readv(fd_, into.data(), static_cast<int>(into.size()));
    if (got > 0) return {IoResult::Kind::moved, static_cast<size_t>(got), 0};
    if (got == 0) return {IoResult::Kind::ended, 0, 0};
    return failed_or_would_block();
  }

  IoResult write(std::span<const iovec> from, bool more) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(from.data());
    message.msg_iovlen = from.size();
    ssize_t put = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (put >= 0) return {IoResult::Kind::moved, static_cast<size_t>(put), 0};
    return failed_or_would_block();
  }

  IoResult send_file(int fd, int64_t position, size_t length) override {
    off_t offset = position;
    ssize_t put = ::sendfile(fd_, fd, &offset, length);
    if (put > 0) return {IoResult::Kind::moved, static_cast<size_t>(put), 0};
    if (put == 0) return {IoResult::Kind::ended, 0, 0};
    return failed_or_would_block();
  }
  bool can_send_file() const override { return true; }

  void wait_readable(Task ready) override { wait(tcp::socket::wait_read, std::move(ready)); }
  void wait_writable(Task ready) override { wait(tcp::socket::wait_write, std::move(ready)); }

  bool peer_has_closed() const override {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return true;
    return info.tcpi_state != TCP_ESTABLISHED;
  }

  void end_writing() override { ::shutdown(fd_, SHUT_WR); }
  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  std::string local_address() const override {
    boost::system::error_code error;
    auto endpoint = socket_.local_endpoint(error);
    if (error) return {};
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
      return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
  }

 private:
  void wait(tcp::socket::wait_type what, Task ready) {
    socket_.async_wait(what, [run = std::move(ready)](const boost::system::error_code& error) mutable {
      if (error != boost::asio::error::operation_aborted) run();
    });
  }

  tcp::socket socket_;
  const int fd_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(EventLoop& loop, int fd, bool is_v6) {
  return std::make_unique<PlainTransport>(loop.io_context(), fd, is_v6);
}

}  // namespace quokka
