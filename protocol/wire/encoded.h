// An encoded message as a list of chunks in wire order: bytes of its own, borrowed bytes, or a hole of known length that the
// connection fills from a file, so that protocol knows no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/base/bytes.h"

namespace quokka {

// Move-only. Borrowed bytes (records of a request or of memory) must outlive it; own bytes live as long as it does.
class Encoded {
 public:
  struct Chunk {
    Bytes bytes;           // empty for a hole
    size_t hole_bytes = 0;  // > 0: so many bytes follow from the next file slice of the response, in order
  };

  Encoded() = default;
  Encoded(Encoded&&) = default;
  Encoded& operator=(Encoded&&) = default;

  const std::vector<Chunk>& chunks() const { return chunks_; }
  size_t size() const { return size_; }  // in bytes, holes included

  // `block` becomes a chunk of `length` bytes owned by this.
  void append_owned(std::unique_ptr<uint8_t[]> block, size_t length) {
    chunks_.push_back({Bytes(block.get(), length), 0});
    size_ += length;
    owned_.push_back(std::move(block));
  }
  // Memory that chunks appended as borrowed lie in.
  void keep(std::unique_ptr<uint8_t[]> block) { owned_.push_back(std::move(block)); }
  void reserve(size_t chunks) { chunks_.reserve(chunks); }
  void append_borrowed(Bytes bytes) {
    chunks_.push_back({bytes, 0});
    size_ += bytes.size();
  }
  void append_hole(size_t length) {
    chunks_.push_back({{}, length});
    size_ += length;
  }

 private:
  std::vector<std::unique_ptr<uint8_t[]>> owned_;
  std::vector<Chunk> chunks_;
  size_t size_ = 0;
};

}  // namespace quokka
