#include "broker/net/response_writer.h"

#include <algorithm>
#include <cstring>

namespace quokka {
namespace {

constexpr size_t kPiecesMax = 64;          // of one sendmsg
constexpr size_t kColdBytesMax = 1 << 20;  // read ahead at once
constexpr size_t kColdPartsMax = 64;
constexpr size_t kInlineRead = 256 << 10;  // copied from the page cache at once where sendfile cannot serve

}  // namespace

void ColdRead::fill() {
  for (Part& part : parts) {
    auto length = static_cast<size_t>(part.slice.length);
    part.bytes.reset(new uint8_t[length]);
    Result<size_t> got = part.slice.file->read_at({part.bytes.get(), length}, part.slice.position);
    if (!got) {
      error = got.error().message;
    } else if (*got < length) {
      error = "the log was truncated while it was being read";
    }
    if (!error.empty()) return;
  }
}

bool ResponseWriter::push(Bytes header, Response response, std::shared_ptr<void> held) {
  auto out = std::make_unique<Outgoing>();
  QUOKKA_CHECK_LE(header.size(), out->header.size());
  std::copy(header.begin(), header.end(), out->header.begin());
  out->response = std::move(response);
  out->held = std::move(held);

  size_t begin = pieces_.size();
  auto add = [this](Piece piece) { pieces_.push_back(std::move(piece)); };
  Piece first;
  first.bytes = {out->header.data(), header.size()};
  add(std::move(first));
  size_t slice_index = 0;
  bool fits = true;
  for (const Encoded::Chunk& chunk : out->response.body.chunks()) {
    Piece piece;
    if (chunk.hole_bytes == 0) {
      if (chunk.bytes.empty()) continue;
      piece.bytes = chunk.bytes;
      out->memory_bytes += chunk.bytes.size();
    } else {
      if (slice_index == out->response.slices.size() ||
          out->response.slices[slice_index].length != static_cast<int64_t>(chunk.hole_bytes)) {
        fits = false;
        break;
      }
      piece.slice = std::move(out->response.slices[slice_index++]);
      piece.whole_hole = true;
    }
    add(std::move(piece));
  }
  if (!fits || slice_index != out->response.slices.size()) {
    pieces_.resize(begin);
    return false;
  }
  pieces_.back().ends_response = true;
  memory_bytes_ += out->memory_bytes;
  outgoing_.push_back(std::move(out));
  return true;
}

bool ResponseWriter::goes_by_send_file(const Piece& piece) const {
  if (piece.slice.file->fd() < 0 || !transport_.can_send_file()) return false;
  return !piece.whole_hole || piece.slice.length >= static_cast<int64_t>(kSendFileMin);
}

void ResponseWriter::replace_front_of(size_t index, std::unique_ptr<uint8_t[]> bytes, size_t length) {
  Piece memory;
  memory.bytes = {bytes.get(), length};
  memory.owned = std::move(bytes);
  Piece& file = pieces_[index];
  if (file.slice.length == static_cast<int64_t>(length)) {
    memory.ends_response = file.ends_response;
    file = std::move(memory);
    return;
  }
  file.slice.position += static_cast<int64_t>(length);
  file.slice.length -= static_cast<int64_t>(length);
  file.whole_hole = false;
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(index), std::move(memory));
}

bool ResponseWriter::bring_to_memory(size_t index, size_t length) {
  const FileSlice& slice = pieces_[index].slice;
  if (!slice.file->is_cached(slice.position, static_cast<int64_t>(length))) return false;
  ColdRead read;
  read.parts.push_back({FileSlice{slice.file, slice.position, static_cast<int64_t>(length)}, nullptr});
  read.fill();
  if (!read.error.empty()) {
    error_ = read.error;
    return false;
  }
  replace_front_of(index, std::move(read.parts[0].bytes), length);
  return true;
}

ResponseWriter::Turn ResponseWriter::begin_cold_read() {
  auto cold = std::make_shared<ColdRead>();
  size_t bytes = 0;
  for (size_t i = 0; i < pieces_.size() && cold->parts.size() < kColdPartsMax && bytes < kColdBytesMax; ++i) {
    if (!pieces_[i].is_file()) continue;
    const FileSlice& slice = pieces_[i].slice;
    size_t length = std::min(pieces_[i].size(), kColdBytesMax - bytes);
    // Parts are put in place of the front pieces in order; the first warm one ends the batch.
    if (!cold->parts.empty() && slice.file->is_cached(slice.position, static_cast<int64_t>(length))) break;
    cold->parts.push_back({FileSlice{slice.file, slice.position, static_cast<int64_t>(length)}, nullptr});
    bytes += length;
    if (length < pieces_[i].size()) break;
  }
  cold_ = std::move(cold);
  return Turn::cold;
}

void ResponseWriter::on_cold_read() {
  std::shared_ptr<ColdRead> cold = std::move(cold_);
  cold_.reset();
  if (!cold->error.empty()) {
    error_ = cold->error;
    return;
  }
  size_t index = 0;
  for (ColdRead::Part& part : cold->parts) {
    while (!pieces_[index].is_file()) ++index;
    replace_front_of(index, std::move(part.bytes), static_cast<size_t>(part.slice.length));
    ++index;
  }
}

ResponseWriter::Turn ResponseWriter::fail(std::string why) {
  error_ = std::move(why);
  return Turn::failed;
}

ResponseWriter::Turn ResponseWriter::send_turn() {
  size_t budget = kTurnBytes;
  while (true) {
    if (!error_.empty()) return Turn::failed;
    if (pieces_.empty()) return Turn::idle;
    if (cold_) return Turn::cold;
    if (budget == 0) return Turn::yield;
    bool by_file = pieces_.front().is_file() && goes_by_send_file(pieces_.front());
    Turn turn = by_file ? send_from_file(budget) : send_memory(budget);
    if (turn != Turn::idle) return turn;
  }
}

ResponseWriter::Turn ResponseWriter::send_from_file(size_t& budget) {
  const FileSlice& slice = pieces_.front().slice;
  size_t length = std::min(pieces_.front().size(), budget);
  if (!slice.file->is_cached(slice.position, static_cast<int64_t>(length))) return begin_cold_read();
  IoResult sent = transport_.send_file(slice.file->fd(), slice.position, length);
  switch (sent.kind) {
    case IoResult::Kind::would_block: return Turn::blocked;
    case IoResult::Kind::ended: return fail("the log was truncated while " + slice.file->path() + " was being sent");
    case IoResult::Kind::failed: return fail(std::string("sendfile: ") + strerror(sent.error));
    case IoResult::Kind::moved: break;
  }
  budget -= sent.bytes;
  advance(sent.bytes);
  return Turn::idle;
}

ResponseWriter::Turn ResponseWriter::send_memory(size_t& budget) {
  std::array<iovec, kPiecesMax> parts;
  size_t count = 0, bytes = 0;
  bool more = false;
  for (size_t i = 0; i < pieces_.size() && count < kPiecesMax && bytes < budget; ++i) {
    if (pieces_[i].is_file()) {
      more = true;
      if (goes_by_send_file(pieces_[i])) break;
      if (!bring_to_memory(i, std::min(pieces_[i].size(), kInlineRead))) {
        if (!error_.empty()) return Turn::failed;
        if (i == 0) return begin_cold_read();
        break;
      }
      more = false;
    }
    size_t length = std::min(pieces_[i].size(), budget - bytes);
    parts[count++] = {const_cast<uint8_t*>(pieces_[i].bytes.data()), length};
    bytes += length;
  }
  IoResult sent = transport_.write({parts.data(), count}, more);
  if (sent.kind == IoResult::Kind::would_block) return Turn::blocked;
  if (sent.kind != IoResult::Kind::moved) return fail(strerror(sent.error));
  budget -= sent.bytes;
  advance(sent.bytes);
  return sent.bytes < bytes ? Turn::blocked : Turn::idle;
}

void ResponseWriter::advance(size_t count) {
  sent_bytes_ += count;
  while (count > 0) {
    Piece& front = pieces_.front();
    size_t part = std::min(count, front.size());
    count -= part;
    if (part < front.size()) {
      if (front.is_file()) {
        front.slice.position += static_cast<int64_t>(part);
        front.slice.length -= static_cast<int64_t>(part);
        front.whole_hole = false;
      } else {
        front.bytes = front.bytes.subspan(part);
      }
      return;
    }
    bool ends = front.ends_response;
    pieces_.pop_front();
    if (!ends) continue;
    memory_bytes_ -= outgoing_.front()->memory_bytes;
    sent_.push_back(std::move(outgoing_.front()->held));
    outgoing_.pop_front();
  }
}

}  // namespace quokka
