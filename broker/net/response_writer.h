// The one writer of a connection: sends responses one behind the other, from memory with sendmsg, from files with sendfile, without waiting for
// a socket or a disk. Who owns it waits, and has cold parts of files read for it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/net/transport.h"
#include "broker/request/call.h"

namespace quokka {

// A part of a file that is not in the page cache, to be read on the pool: fill() there, then on the loop ResponseWriter::on_cold_read.
struct ColdRead {
  struct Part {
    FileSlice slice;
    std::unique_ptr<uint8_t[]> bytes;
  };
  std::vector<Part> parts;
  std::string error;  // set by fill()

  void fill();
};

class ResponseWriter {
 public:
  // Below this a file's bytes are read and sent with the rest; one sendfile for them costs more.
  static constexpr size_t kSendFileMin = 16 << 10;
  static constexpr size_t kTurnBytes = 1 << 20;

  explicit ResponseWriter(Transport& transport) : transport_(transport) {}

  // `held` is kept until the last byte has been sent; what the body borrows from lives in it. False if body and slices do not match.
  bool push(Bytes header, Response response, std::shared_ptr<void> held);

  enum class Turn {
    idle,     // all is sent
    blocked,  // the socket is full: wait until it is writable
    yield,    // a turn's worth has been sent: let others have theirs
    cold,     // cold_read() is to be read first
    failed,   // error() says why: close
  };
  Turn send_turn();

  std::shared_ptr<ColdRead> cold_read() const { return cold_; }
  void on_cold_read();

  bool empty() const { return pieces_.empty(); }
  size_t responses() const { return outgoing_.size(); }
  // Bytes in memory of responses not yet sent (not those in files).
  size_t memory_bytes() const { return memory_bytes_; }
  // Responses whose last byte has been sent since the last call, oldest first.
  std::vector<std::shared_ptr<void>> take_sent() { return std::move(sent_); }
  bool has_sent() const { return !sent_.empty(); }
  // Bytes sent so far.
  uint64_t sent_bytes() const { return sent_bytes_; }
  const std::string& error() const { return error_; }

 private:
  // A run of bytes in memory or in a file; the last of a response carries what is held for it.
  struct Piece {
    Bytes bytes;      // memory
    FileSlice slice;  // file, if slice.file is set
    bool whole_hole = false;  // slice is a hole of which nothing has been sent
    std::unique_ptr<uint8_t[]> owned;
    bool ends_response = false;
    bool is_file() const { return slice.file != nullptr; }
    size_t size() const { return is_file() ? static_cast<size_t>(slice.length) : bytes.size(); }
  };
  struct Outgoing {
    std::array<uint8_t, 16> header{};
    Response response;
    std::shared_ptr<void> held;
    size_t memory_bytes = 0;
  };

  bool goes_by_send_file(const Piece& piece) const;
  // Makes a file piece's first bytes a memory piece. False: it is cold, or an error.
  bool bring_to_memory(size_t index, size_t length);
  void replace_front_of(size_t index, std::unique_ptr<uint8_t[]> bytes, size_t length);
  Turn begin_cold_read();
  Turn send_memory(size_t& budget);
  Turn send_from_file(size_t& budget);
  void advance(size_t count);
  Turn fail(std::string why);

  Transport& transport_;
  std::deque<Piece> pieces_;
  std::deque<std::unique_ptr<Outgoing>> outgoing_;
  std::shared_ptr<ColdRead> cold_;
  std::vector<std::shared_ptr<void>> sent_;
  size_t memory_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  std::string error_;
};

}  // namespace quokka
