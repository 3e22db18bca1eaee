#include "protocol/records/compression.h"

#include <lz4.h>
#include <lz4hc.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "protocol/base/check.h"
#include "protocol/records/xxhash32.h"

namespace quokka {
namespace {

// xerial's framing: magic, version and the lowest version that can read it, both 1.
constexpr std::array<uint8_t, 16> kXerialHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr size_t kXerialMagicBytes = 8;
constexpr size_t kSnappyBlockBytes = 32768;
constexpr size_t kLz4BlockBytes = 65536;
constexpr size_t kChunkBytes = 65536;

uint32_t load_le32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
void append_le32(std::vector<uint8_t>& out, uint32_t value) {
  const size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void compress_gzip(int level, Bytes plain, std::vector<uint8_t>& out) {
  z_stream stream{};
  QUOKKA_CHECK_EQ(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  const size_t start = out.size();
  out.resize(start + deflateBound(&stream, static_cast<uLong>(plain.size())));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data() + start;
  stream.avail_out = static_cast<uInt>(out.size() - start);
  const int result = deflate(&stream, Z_FINISH);
  out.resize(start + stream.total_out);
  deflateEnd(&stream);
  QUOKKA_CHECK_EQ(result, Z_STREAM_END);
}

void compress_snappy(Bytes plain, std::vector<uint8_t>& out) {
  out.insert(out.end(), kXerialHeader.begin(), kXerialHeader.end());
  while (!plain.empty()) {
    const Bytes block = plain.first(std::min(plain.size(), kSnappyBlockBytes));
    plain = plain.subspan(block.size());
    const size_t at = out.size();
    out.resize(at + 4 + snappy::MaxCompressedLength(block.size()));
    size_t length = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(out.data() + at + 4), &length);
    store_be<int32_t>(out.data() + at, static_cast<int32_t>(length));
    out.resize(at + 4 + length);
  }
}

void compress_lz4(int level, Bytes plain, int8_t magic, std::vector<uint8_t>& out) {
  const size_t start = out.size();
  append_le32(out, 0x184D2204);
  out.push_back(0x60);  // version 1, independent blocks, no checksums, no content size
  out.push_back(0x40);  // blocks of up to 64 KiB
  // Magic 0 hashes the frame's magic too: an old mistake that its readers may insist on.
  const size_t hashed_from = magic == 0 ? start : start + 4;
  out.push_back(static_cast<uint8_t>(xxhash32(Bytes(out).subspan(hashed_from)) >> 8));
  while (!plain.empty()) {
    const Bytes block = plain.first(std::min(plain.size(), kLz4BlockBytes));
    plain = plain.subspan(block.size());
    const size_t at = out.size();
    const int room = LZ4_compressBound(static_cast<int>(block.size()));
    out.resize(at + 4 + static_cast<size_t>(room));
    const auto* from = reinterpret_cast<const char*>(block.data());
    auto* to = reinterpret_cast<char*>(out.data() + at + 4);
    const int size = static_cast<int>(block.size());
    // Kafka's default, 9, is the fast compressor; every other level is high compression of that level.
    const int length = level == 9 ? LZ4_compress_default(from, to, size, room)
                                  : LZ4_compress_HC(from, to, size, room, level);
    uint32_t stored = static_cast<uint32_t>(length);
    if (length <= 0 || length >= size) {
      std::memcpy(to, from, block.size());
      stored = static_cast<uint32_t>(size) | 0x80000000u;
    }
    std::memcpy(out.data() + at, &stored, 4);
    out.resize(at + 4 + (stored & 0x7fffffffu));
  }
  append_le32(out, 0);
}

void compress_zstd(int level, Bytes plain, std::vector<uint8_t>& out) {
  const size_t start = out.size();
  out.resize(start + ZSTD_compressBound(plain.size()));
  const size_t length = ZSTD_compress(out.data() + start, out.size() - start, plain.data(), plain.size(), level);
  QUOKKA_CHECK(ZSTD_isError(length) == 0, ZSTD_getErrorName(length));
  out.resize(start + length);
}

}  // namespace

std::string_view name(CompressionCodec codec) {
  switch (codec) {
    case CompressionCodec::NONE: return "none";
    case CompressionCodec::GZIP: return "gzip";
    case CompressionCodec::SNAPPY: return "snappy";
    case CompressionCodec::LZ4: return "lz4";
    case CompressionCodec::ZSTD: return "zstd";
  }
  return "unknown";
}

std::optional<CompressionCodec> codec_named(std::string_view text) {
  if (text == "uncompressed") return CompressionCodec::NONE;
  for (int8_t id = 0; id <= 4; ++id) {
    if (text == name(static_cast<CompressionCodec>(id))) return static_cast<CompressionCodec>(id);
  }
  return std::nullopt;
}

void compress(const Compression& compression, Bytes plain, int8_t magic, std::vector<uint8_t>& out) {
  switch (compression.codec) {
    case CompressionCodec::NONE: out.insert(out.end(), plain.begin(), plain.end()); return;
    case CompressionCodec::GZIP: {
      const int level = compression.level.value_or(-1);
      return compress_gzip(level < 0 ? -1 : std::clamp(level, 1, 9), plain, out);
    }
    case CompressionCodec::SNAPPY: return compress_snappy(plain, out);
    case CompressionCodec::LZ4:
      return compress_lz4(std::clamp(compression.level.value_or(9), 1, 17), plain, magic, out);
    case CompressionCodec::ZSTD:
      return compress_zstd(std::clamp(compression.level.value_or(3), -131072, 22), plain, out);
  }
  QUOKKA_CHECK(false, "a codec that does not exist");
}

// Buffers above these sizes are not kept for the next batch.
constexpr size_t kKeptChunkBytes = 1 << 20;
constexpr size_t kKeptZstdBytes = 4 << 20;

struct DecompressionScratch::Memory {
  std::vector<uint8_t> chunk;
  z_stream gzip{};
  bool gzip_ready = false;
  ZSTD_DCtx* zstd = nullptr;
  bool in_use = false;
  uint64_t decompressed_bytes = 0;

  ~Memory() {
    if (gzip_ready) inflateEnd(&gzip);
    ZSTD_freeDCtx(zstd);
  }
  // At least `size` bytes.
  MutableBytes room(size_t size) {
    if (chunk.size() < size) chunk.resize(size);
    return MutableBytes(chunk.data(), size);
  }
  void trim() {
    if (chunk.size() > kKeptChunkBytes) std::vector<uint8_t>().swap(chunk);
    if (zstd != nullptr && ZSTD_sizeof_DCtx(zstd) > kKeptZstdBytes) {
      ZSTD_freeDCtx(zstd);
      zstd = nullptr;
    }
  }
};

DecompressionScratch::DecompressionScratch() : memory_(std::make_unique<Memory>()) {}
DecompressionScratch::~DecompressionScratch() = default;

// One codec's decoder. `allowed`: how many bytes may still come; a decoder that must allocate for more says TOO_LARGE.
struct Decompressor::Stream {
  virtual ~Stream() = default;
  virtual StreamEnd next(size_t allowed, Bytes& chunk) = 0;
};

namespace {

using Memory = DecompressionScratch::Memory;

struct PlainStream final : Decompressor::Stream {
  explicit PlainStream(Bytes in) : in_(in) {}
  StreamEnd next(size_t, Bytes& chunk) override {
    chunk = std::exchange(in_, {});
    return chunk.empty() ? StreamEnd::END : StreamEnd::MORE;
  }
  Bytes in_;
};

// Members may follow one another; whatever else follows the first one is ignored.
struct GzipStream final : Decompressor::Stream {
  GzipStream(Bytes in, Memory& memory) : memory_(memory) {
    if (!memory.gzip_ready) {
      QUOKKA_CHECK_EQ(inflateInit2(&memory.gzip, 15 + 16), Z_OK);
      memory.gzip_ready = true;
    } else {
      inflateReset(&memory.gzip);
    }
    memory.gzip.next_in = const_cast<Bytef*>(in.data());
    memory.gzip.avail_in = static_cast<uInt>(in.size());
  }

  StreamEnd next(size_t, Bytes& chunk) override {
    z_stream& z = memory_.gzip;
    const MutableBytes room = memory_.room(kChunkBytes);
    z.next_out = room.data();
    z.avail_out = static_cast<uInt>(room.size());
    while (true) {
      if (member_ended_) {
        if (z.avail_in == 0) return StreamEnd::END;
        inflateReset(&z);
        member_ended_ = false;
        first_member_ = false;
      }
      const int result = inflate(&z, Z_NO_FLUSH);
      chunk = room.first(room.size() - z.avail_out);
      if (result == Z_STREAM_END) {
        member_ended_ = true;
      } else if (result != Z_OK) {
        // A following member that does not even begin is bytes to ignore; one that breaks off later is an error.
        return !first_member_ && z.total_out == 0 ? StreamEnd::END : StreamEnd::UNREADABLE;
      }
      if (!chunk.empty()) return StreamEnd::MORE;
    }
  }

  Memory& memory_;
  bool first_member_ = true;
  bool member_ended_ = false;
};

struct SnappyStream final : Decompressor::Stream {
  SnappyStream(Bytes in, Memory& memory) : memory_(memory), in_(in) {
    framed_ = in.size() >= kXerialHeader.size() && has_magic(in);
    readable_ = !in.empty();
    if (framed_) readable_ = take_header();
  }

  static bool has_magic(Bytes in) { return std::equal(kXerialHeader.begin(), kXerialHeader.begin() + kXerialMagicBytes, in.begin()); }

  bool take_header() {
    const bool known = load_be<int32_t>(in_.data() + 8) >= 1;
    in_ = in_.subspan(kXerialHeader.size());
    return known;
  }

  StreamEnd next(size_t allowed, Bytes& chunk) override {
    if (!readable_) return StreamEnd::UNREADABLE;
    if (!framed_) {
      const Bytes block = std::exchange(in_, {});
      return block.empty() ? StreamEnd::END : decode(block, allowed, chunk);
    }
    while (in_.size() >= 4) {
      const int32_t length = load_be<int32_t>(in_.data());
      if (in_.size() >= kXerialHeader.size() && has_magic(in_)) {  // streams may follow one another
        if (!take_header()) return StreamEnd::UNREADABLE;
        continue;
      }
      in_ = in_.subspan(4);
      if (length < 0 || static_cast<size_t>(length) > in_.size()) return StreamEnd::UNREADABLE;
      const Bytes block = in_.first(static_cast<size_t>(length));
      in_ = in_.subspan(block.size());
      const StreamEnd end = decode(block, allowed, chunk);
      if (end != StreamEnd::MORE || !chunk.empty()) return end;
    }
    return StreamEnd::END;
  }

  StreamEnd decode(Bytes block, size_t allowed, Bytes& chunk) {
    const auto* from = reinterpret_cast<const char*>(block.data());
    size_t length = 0;
    if (!snappy::GetUncompressedLength(from, block.size(), &length)) return StreamEnd::UNREADABLE;
    // No copy of at least two bytes yields more than 64: a longer claim is a lie, not worth an allocation.
    if (length > block.size() * 64) return StreamEnd::UNREADABLE;
    if (length > allowed) return StreamEnd::TOO_LARGE;
    const MutableBytes room = memory_.room(std::max<size_t>(length, 1));
    if (!snappy::RawUncompress(from, block.size(), reinterpret_cast<char*>(room.data()))) return StreamEnd::UNREADABLE;
    chunk = room.first(length);
    return framed_ || length > 0 ? StreamEnd::MORE : StreamEnd::END;
  }

  Memory& memory_;
  Bytes in_;
  bool framed_ = false;
  bool readable_ = false;
};

// frame := 0x184D2204:le32 flags:uint8 block_maximum:uint8 [content_size:8] header_checksum:uint8 block* 0:le32 [checksum:le32]
// block := length:le32 (high bit: stored as it is) bytes [checksum:le32]
struct Lz4Stream final : Decompressor::Stream {
  Lz4Stream(Bytes in, int8_t magic, Memory& memory) : memory_(memory), in_(in) { readable_ = take_header(magic); }

  bool take_header(int8_t magic) {
    if (in_.size() < 7 || load_le32(in_.data()) != 0x184D2204) return false;
    const uint8_t flags = in_[4];
    const uint8_t descriptor = in_[5];
    // Version 1, independent blocks; the two low flags are a dictionary's id and a reserved bit.
    if ((flags & 0xe0) != 0x60 || (flags & 0x03) != 0) return false;
    if ((descriptor & 0x8f) != 0 || (descriptor >> 4) < 4) return false;
    block_checksum_ = (flags & 0x10) != 0;
    content_checksum_ = (flags & 0x04) != 0;
    block_bytes_max_ = size_t{1} << (8 + 2 * (descriptor >> 4));
    const size_t header = (flags & 0x08) != 0 ? 15 : 7;
    if (in_.size() < header) return false;
    const auto checksum = static_cast<uint8_t>(xxhash32(in_.subspan(4, header - 5)) >> 8);
    if (magic != 0 && in_[header - 1] != checksum) return false;
    in_ = in_.subspan(header);
    return true;
  }

  StreamEnd next(size_t allowed, Bytes& chunk) override {
    if (!readable_) return StreamEnd::UNREADABLE;
    while (in_.size() >= 4) {
      const uint32_t word = load_le32(in_.data());
      const size_t length = word & 0x7fffffffu;
      in_ = in_.subspan(4);
      if (length == 0) return content_checksum_ && in_.size() < 4 ? StreamEnd::UNREADABLE : StreamEnd::END;
      if (length > block_bytes_max_ || length > in_.size()) return StreamEnd::UNREADABLE;
      const Bytes block = in_.first(length);
      in_ = in_.subspan(length);
      if (block_checksum_) {
        if (in_.size() < 4 || load_le32(in_.data()) != xxhash32(block)) return StreamEnd::UNREADABLE;
        in_ = in_.subspan(4);
      }
      if ((word & 0x80000000u) != 0) {
        chunk = block;
      } else {
        // What a block can grow to is bounded by its own length, so a small one does not ask for the frame's maximum.
        const MutableBytes room = memory_.room(std::min({block_bytes_max_, length * 255 + 64, allowed + 1}));
        const int plain = LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()),
                                              reinterpret_cast<char*>(room.data()), static_cast<int>(length),
                                              static_cast<int>(room.size()));
        if (plain < 0) return room.size() > allowed ? StreamEnd::TOO_LARGE : StreamEnd::UNREADABLE;
        chunk = room.first(static_cast<size_t>(plain));
      }
      if (!chunk.empty()) return StreamEnd::MORE;
    }
    return StreamEnd::UNREADABLE;  // no end mark
  }

  Memory& memory_;
  Bytes in_;
  size_t block_bytes_max_ = 0;
  bool block_checksum_ = false;
  bool content_checksum_ = false;
  bool readable_ = false;
};

// Frames may follow one another. Nothing at all is an empty stream, unlike with the other codecs.
struct ZstdStream final : Decompressor::Stream {
  ZstdStream(Bytes in, int window_log_max, Memory& memory) : memory_(memory), in_{in.data(), in.size(), 0} {
    if (memory.zstd == nullptr) memory.zstd = ZSTD_createDCtx();
    QUOKKA_CHECK(memory.zstd != nullptr, "no memory for a zstd context");
    ZSTD_DCtx_reset(memory.zstd, ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(memory.zstd, ZSTD_d_windowLogMax, window_log_max);
  }

  StreamEnd next(size_t, Bytes& chunk) override {
    const MutableBytes room = memory_.room(kChunkBytes);
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && frame_ended_) return StreamEnd::END;
      const size_t before = in_.pos;
      const size_t left = ZSTD_decompressStream(memory_.zstd, &out, &in_);
      if (ZSTD_isError(left) != 0) return StreamEnd::UNREADABLE;
      frame_ended_ = left == 0;
      if (out.pos == 0 && !frame_ended_ && in_.pos == before) return StreamEnd::UNREADABLE;  // cut off
    }
    chunk = room.first(out.pos);
    return StreamEnd::MORE;
  }

  Memory& memory_;
  ZSTD_inBuffer in_;
  bool frame_ended_ = true;
};

std::unique_ptr<Decompressor::Stream> stream_of(CompressionCodec codec, Bytes in, int8_t magic,
                                                const DecompressionLimits& limits, Memory& memory) {
  switch (codec) {
    case CompressionCodec::NONE: return std::make_unique<PlainStream>(in);
    case CompressionCodec::GZIP: return std::make_unique<GzipStream>(in, memory);
    case CompressionCodec::SNAPPY: return std::make_unique<SnappyStream>(in, memory);
    case CompressionCodec::LZ4: return std::make_unique<Lz4Stream>(in, magic, memory);
    case CompressionCodec::ZSTD: return std::make_unique<ZstdStream>(in, limits.zstd_window_log_max, memory);
  }
  return nullptr;
}

}  // namespace

uint64_t DecompressionScratch::decompressed_bytes() const { return memory_->decompressed_bytes; }

Decompressor::Decompressor(CompressionCodec codec, Bytes compressed, int8_t magic, const DecompressionLimits& limits,
                           DecompressionScratch& scratch)
    : scratch_(scratch), allowed_(limits.decompressed_bytes_max) {
  QUOKKA_CHECK(!scratch.memory().in_use, "two streams share a scratch");
  stream_ = stream_of(codec, compressed, magic, limits, scratch.memory());
  scratch.memory().in_use = true;
  if (stream_ == nullptr) end_ = StreamEnd::UNREADABLE;
}

Decompressor::~Decompressor() {
  scratch_.memory().in_use = false;
  scratch_.memory().trim();
}

StreamEnd Decompressor::next(Bytes& chunk) {
  chunk = {};
  if (end_ != StreamEnd::MORE) return end_;
  end_ = stream_->next(allowed_, chunk);
  if (end_ == StreamEnd::MORE && chunk.size() > allowed_) end_ = StreamEnd::TOO_LARGE;
  if (end_ == StreamEnd::MORE) {
    allowed_ -= chunk.size();
    scratch_.memory().decompressed_bytes += chunk.size();
  } else {
    chunk = {};
  }
  return end_;
}

Status decompress(CompressionCodec codec, Bytes compressed, int8_t magic, const DecompressionLimits& limits,
                  DecompressionScratch& scratch, std::vector<uint8_t>& out) {
  out.clear();
  Decompressor stream(codec, compressed, magic, limits, scratch);
  Bytes chunk;
  while (true) {
    switch (stream.next(chunk)) {
      case StreamEnd::MORE: out.insert(out.end(), chunk.begin(), chunk.end()); break;
      case StreamEnd::END: return {};
      case StreamEnd::UNREADABLE:
        return Error{ErrorCode::CORRUPT_MESSAGE, "a batch's records are not readable as " + std::string(name(codec))};
      case StreamEnd::TOO_LARGE:
        return Error{ErrorCode::MESSAGE_TOO_LARGE, "a batch's " + std::string(name(codec)) + " records are larger than " +
                                                       std::to_string(limits.decompressed_bytes_max) +
                                                       " bytes when decompressed"};
    }
  }
}

}  // namespace quokka
