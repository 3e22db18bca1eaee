// TCP streams over Asio.
#pragma once

#include "protocol/base/loop.h"
#include "protocol/client/stream.h"

namespace boost::asio {
class io_context;
}

namespace quokka {

// Makes the streams of one loop; lives at least as long as the loop runs.
class TcpStreams final : public Streams {
 public:
  // `io` is the context that `loop` runs (EventLoop::io_context()).
  TcpStreams(boost::asio::io_context& io, Loop& loop);
  ~TcpStreams() override;

  void connect(const std::string& host, uint16_t port, Duration timeout, Function<void(Result<std::unique_ptr<Stream>>)> done) override;

 private:
  boost::asio::io_context& io_;
  Loop& loop_;
  std::shared_ptr<bool> alive_;
};

}  // namespace quokka
