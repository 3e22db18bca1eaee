// The bytes of an accepted connection, without blocking: plain TCP now, TLS behind the same seam.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocol/base/function.h"

namespace quokka {

struct IoResult {
  enum class Kind { moved, would_block, ended, failed };
  Kind kind = Kind::moved;
  size_t bytes = 0;  // moved: how many, at least one
  int error = 0;     // failed: errno
};

// One connection's. Its loop's own thread only.
class Transport {
 public:
  virtual ~Transport() = default;  // closes

  // ended: the peer will send no more.
  virtual IoResult read(std::span<const iovec> into) = 0;
  // `more`: other bytes follow at once.
  virtual IoResult write(std::span<const iovec> from, bool more) = 0;
  // Without copying. Only where can_send_file(). ended: the file has no bytes there.
  virtual IoResult send_file(int fd, int64_t position, size_t length) = 0;
  virtual bool can_send_file() const = 0;

  // `ready` runs once, on the loop, never inline, when it is worth trying again; destroyed uncalled by close(). One wait of each kind at a time.
  virtual void wait_readable(Task ready) = 0;
  virtual void wait_writable(Task ready) = 0;

  // True once the peer has sent FIN or RST, even behind bytes that have not been read.
  virtual bool peer_has_closed() const = 0;
  // What was written still arrives; the peer sees the end.
  virtual void end_writing() = 0;
  virtual void close() = 0;
  // The address of this end that the peer connected to.
  virtual std::string local_address() const = 0;
};

// A connected, non-blocking socket becomes a transport of the loop that runs `io`. Takes over `fd`.
std::unique_ptr<Transport> make_plain_transport(class EventLoop& loop, int fd, bool is_v6);

}  // namespace quokka
