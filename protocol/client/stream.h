// Port for byte streams to other machines. Production is TCP over Asio (tcp_streams), a simulator's are queues.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocol/base/bytes.h"
#include "protocol/base/function.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

// One connected stream. Its loop's own thread only; callbacks come on that loop, never inline. Destroying it closes it and destroys
// its callbacks uncalled.
class Stream {
 public:
  virtual ~Stream() = default;

  // Reads at least one byte into `into`, which stays valid until `done`; 0 means that the peer has closed. One read at a time.
  virtual void read_some(MutableBytes into, Function<void(Result<size_t>)> done) = 0;
  // Writes all of `pieces` in order; they stay valid until `done`. One write at a time.
  virtual void write(std::span<const Bytes> pieces, Function<void(Status)> done) = 0;
};

class Streams {
 public:
  virtual ~Streams() = default;
  // Resolves the name and tries its addresses in turn. The error names host, port and reason. The loop's own thread only; `done` comes on
  // it, never inline, or is destroyed uncalled when this is destroyed.
  virtual void connect(const std::string& host, uint16_t port, Duration timeout, Function<void(Result<std::unique_ptr<Stream>>)> done) = 0;
};

}  // namespace quokka
