#include "protocol/client/tcp_streams.h"

#include <netinet/tcp.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace quokka {
namespace {

using boost::asio::ip::tcp;

Error network_error(const std::string& where, const std::string& what) { return {ErrorCode::NETWORK_EXCEPTION, where + ": " + what}; }

class TcpStream final : public Stream {
 public:
  TcpStream(tcp::socket socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)), alive_(std::make_shared<bool>(true)) {}
  ~TcpStream() override {
    *alive_ = false;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  void read_some(MutableBytes into, Function<void(Result<size_t>)> done) override {
    socket_.async_read_some(boost::asio::buffer(into.data(), into.size()),
                            [alive = alive_, name = name_, called = std::move(done)](const boost::system::error_code& error, size_t count) mutable {
                              if (!*alive) return;
                              if (error == boost::asio::error::eof) return called(size_t{0});
                              if (error) return called(network_error(name, error.message()));
                              called(count);
                            });
  }

  void write(std::span<const Bytes> pieces, Function<void(Status)> done) override {
    std::vector<boost::asio::const_buffer> buffers;
    buffers.reserve(pieces.size());
    for (Bytes piece : pieces) buffers.emplace_back(piece.data(), piece.size());
    boost::asio::async_write(socket_, std::move(buffers),
                             [alive = alive_, name = name_, called = std::move(done)](const boost::system::error_code& error, size_t) mutable {
                               if (!*alive) return;
                               called(error ? Status(network_error(name, error.message())) : Status());
                             });
  }

 private:
  tcp::socket socket_;
  const std::string name_;
  const std::shared_ptr<bool> alive_;  // completion handlers outlive this
};

// One attempt: resolve, connect to each address in turn, within the time.
struct Attempt : std::enable_shared_from_this<Attempt> {
  Attempt(boost::asio::io_context& io, Loop& on_loop, std::shared_ptr<bool> of)
      : loop(on_loop), alive(std::move(of)), resolver(io), socket(io) {}

  void begin(const std::string& host, uint16_t port, Duration timeout) {
    name = host + ":" + std::to_string(port);
    timer = loop.call_after(timeout, [self = shared_from_this()] {
      self->timer = 0;
      self->finish(network_error(self->name, "no connection within the time allowed"));
    });
    resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                           [self = shared_from_this()](const boost::system::error_code& error, tcp::resolver::results_type found) {
                             if (error) return self->finish(network_error(self->name, "the name does not resolve: " + error.message()));
                             if (self->done) self->connect(std::move(found));
                           });
  }

  void connect(tcp::resolver::results_type found) {
    boost::asio::async_connect(socket, found, [self = shared_from_this()](const boost::system::error_code& error, const tcp::endpoint&) {
      if (error) return self->finish(network_error(self->name, error.message()));
      boost::system::error_code ignored;
      self->socket.set_option(tcp::no_delay(true), ignored);
      self->finish({});
    });
  }

  void finish(Status status) {
    if (!done) return;
    auto called = std::move(done);
    done = nullptr;
    if (timer != 0) loop.cancel(timer);
    resolver.cancel();
    boost::system::error_code ignored;
    if (!*alive) return;
    if (!status) {
      socket.close(ignored);
      return called(status.error());
    }
    called(std::unique_ptr<Stream>(std::make_unique<TcpStream>(std::move(socket), name)));
  }

  Loop& loop;
  std::shared_ptr<bool> alive;
  tcp::resolver resolver;
  tcp::socket socket;
  std::string name;
  Loop::TimerId timer = 0;
  Function<void(Result<std::unique_ptr<Stream>>)> done;
};

}  // namespace

TcpStreams::TcpStreams(boost::asio::io_context& io, Loop& loop) : io_(io), loop_(loop), alive_(std::make_shared<bool>(true)) {}

TcpStreams::~TcpStreams() { *alive_ = false; }

void TcpStreams::connect(const std::string& host, uint16_t port, Duration timeout, Function<void(Result<std::unique_ptr<Stream>>)> done) {
  auto attempt = std::make_shared<Attempt>(io_, loop_, alive_);
  attempt->done = std::move(done);
  attempt->begin(host, port, timeout);
}

}  // namespace quokka
