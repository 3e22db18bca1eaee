// The four codecs of record batches: compression of a whole payload, and decompression as a bounded stream. Formats: RFC 1952 (gzip),
// xerial-framed or raw snappy, LZ4 frame, RFC 8878 (zstd).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/result.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// A codec with the level Kafka's configuration gives it. nullopt is the codec's default (gzip -1, lz4 9, zstd 3).
struct Compression {
  CompressionCodec codec = CompressionCodec::NONE;
  std::optional<int> level{};
};

// "none", "gzip", "snappy", "lz4", "zstd"; nullopt for other words. "uncompressed" is "none" (the word of compression.type).
std::optional<CompressionCodec> codec_named(std::string_view name);
std::string_view name(CompressionCodec codec);

// Appends `plain` compressed to `out`. `magic` 0 with lz4 writes the old wrong header checksum. Levels: gzip 1-9, lz4 1-17, zstd
// -131072..22 (a level outside is clamped).
void compress(const Compression& compression, Bytes plain, int8_t magic, std::vector<uint8_t>& out);

// Reaching one is an error, never an allocation failure.
struct DecompressionLimits {
  size_t decompressed_bytes_max = 128u << 20;  // of one batch
  int zstd_window_log_max = 27;                // 128 MiB, what Kafka's reader accepts and its level 22 asks for
};

// Memory that decompression needs and a thread reuses from one batch to the next; what a large batch made it grow is given back after
// that batch. Not for two streams at a time.
class DecompressionScratch {
 public:
  DecompressionScratch();
  ~DecompressionScratch();
  DecompressionScratch(const DecompressionScratch&) = delete;
  DecompressionScratch& operator=(const DecompressionScratch&) = delete;

  struct Memory;
  Memory& memory() { return *memory_; }

  // Plain bytes that came out of streams with this scratch, ever.
  uint64_t decompressed_bytes() const;

 private:
  std::unique_ptr<Memory> memory_;
};

enum class StreamEnd {
  MORE,       // bytes were produced
  END,        // the stream ended as it should; bytes behind gzip and lz4 streams are ignored, as Kafka ignores them
  UNREADABLE, // not a stream of this codec, cut off, or a checksum is wrong
  TOO_LARGE,  // more than decompressed_bytes_max
};

// Streams one compressed payload. The bytes of a chunk live until the next call.
class Decompressor {
 public:
  Decompressor(CompressionCodec codec, Bytes compressed, int8_t magic, const DecompressionLimits& limits,
               DecompressionScratch& scratch);
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // The next plain bytes (never empty with MORE). An end is answered again and again.
  StreamEnd next(Bytes& chunk);

  struct Stream;  // one codec's part

 private:
  std::unique_ptr<Stream> stream_;
  DecompressionScratch& scratch_;
  size_t allowed_;  // bytes that may still come
  StreamEnd end_ = StreamEnd::MORE;
};

// The whole payload at once into `out` (replaced). For readers that want the records together: tools, coordinators, conversion.
// Errors: CORRUPT_MESSAGE if unreadable, MESSAGE_TOO_LARGE above the limit.
Status decompress(CompressionCodec codec, Bytes compressed, int8_t magic, const DecompressionLimits& limits,
                  DecompressionScratch& scratch, std::vector<uint8_t>& out);

}  // namespace quokka
