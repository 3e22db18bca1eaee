#include "protocol/records/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>

#include "protocol/records/xxhash32.h"

namespace quokka {
namespace {

constexpr CompressionCodec kCodecs[] = {CompressionCodec::NONE, CompressionCodec::GZIP, CompressionCodec::SNAPPY,
                                        CompressionCodec::LZ4, CompressionCodec::ZSTD};
constexpr CompressionCodec kRealCodecs[] = {CompressionCodec::GZIP, CompressionCodec::SNAPPY, CompressionCodec::LZ4,
                                            CompressionCodec::ZSTD};

std::vector<uint8_t> packed(const Compression& compression, Bytes plain, int8_t magic = 2) {
  std::vector<uint8_t> out;
  compress(compression, plain, magic, out);
  return out;
}

// Reads to the end; what came out is appended to `out`.
StreamEnd drain(CompressionCodec codec, Bytes in, std::vector<uint8_t>& out, DecompressionLimits limits = {},
                int8_t magic = 2) {
  DecompressionScratch scratch;
  Decompressor stream(codec, in, magic, limits, scratch);
  Bytes chunk;
  StreamEnd end;
  while ((end = stream.next(chunk)) == StreamEnd::MORE) {
    EXPECT_FALSE(chunk.empty());
    out.insert(out.end(), chunk.begin(), chunk.end());
  }
  return end;
}

StreamEnd drain(CompressionCodec codec, Bytes in, DecompressionLimits limits = {}) {
  std::vector<uint8_t> out;
  return drain(codec, in, out, limits);
}

std::vector<uint8_t> some_text(size_t size) {
  std::mt19937 random(7);
  std::vector<uint8_t> text(size);
  for (auto& byte : text) byte = static_cast<uint8_t>("abcdeeee"[random() % 8]);
  return text;
}

TEST(Compression, round_trips_with_every_codec_size_and_level) {
  DecompressionScratch scratch;
  for (size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{32768}, size_t{65536}, size_t{65537}, size_t{400000}}) {
    const auto plain = some_text(size);
    for (CompressionCodec codec : kCodecs) {
      for (int8_t magic : {int8_t{0}, int8_t{2}}) {
        for (auto level : {std::optional<int>(), std::optional<int>(1), std::optional<int>(12), std::optional<int>(-5)}) {
          std::vector<uint8_t> out;
          const Status status = decompress(codec, packed({codec, level}, plain, magic), magic, {}, scratch, out);
          ASSERT_TRUE(status.ok()) << name(codec) << " " << size << " " << status.error().message;
          ASSERT_EQ(out, plain) << name(codec) << " " << size;
        }
      }
    }
  }
}

TEST(Compression, incompressible_bytes_are_stored) {
  std::mt19937 random(3);
  std::vector<uint8_t> plain(100000);
  for (auto& byte : plain) byte = static_cast<uint8_t>(random());
  for (CompressionCodec codec : kRealCodecs) {
    const auto in = packed({codec, {}}, plain);
    EXPECT_LT(in.size(), plain.size() + 1000) << name(codec);
    std::vector<uint8_t> out;
    EXPECT_EQ(drain(codec, in, out), StreamEnd::END);
    EXPECT_EQ(out, plain);
  }
}

TEST(Compression, a_cut_anywhere_is_noticed) {
  const auto plain = some_text(5000);
  for (CompressionCodec codec : kRealCodecs) {
    const auto in = packed({codec, {}}, plain);
    for (size_t cut = 0; cut < in.size(); ++cut) {
      std::vector<uint8_t> out;
      const StreamEnd end = drain(codec, Bytes(in).first(cut), out);
      // A snappy stream has no end mark and a zstd stream may be nothing at all: their readers end early instead.
      if (end == StreamEnd::END) {
        EXPECT_LT(out.size(), plain.size()) << name(codec) << " cut at " << cut;
        EXPECT_TRUE(codec == CompressionCodec::SNAPPY || cut == 0) << name(codec) << " cut at " << cut;
      } else {
        EXPECT_EQ(end, StreamEnd::UNREADABLE) << name(codec) << " cut at " << cut;
      }
    }
  }
}

TEST(Compression, empty_payloads_end_as_kafkas_do) {
  EXPECT_EQ(drain(CompressionCodec::GZIP, {}), StreamEnd::UNREADABLE);
  EXPECT_EQ(drain(CompressionCodec::SNAPPY, {}), StreamEnd::UNREADABLE);
  EXPECT_EQ(drain(CompressionCodec::LZ4, {}), StreamEnd::UNREADABLE);
  EXPECT_EQ(drain(CompressionCodec::ZSTD, {}), StreamEnd::END);
}

TEST(Compression, bytes_after_the_stream) {
  const auto plain = some_text(1000);
  for (CompressionCodec codec : kRealCodecs) {
    auto in = packed({codec, {}}, plain);
    for (char c : std::string("these bytes do not belong here")) in.push_back(static_cast<uint8_t>(c));
    const bool ignored = codec == CompressionCodec::GZIP || codec == CompressionCodec::LZ4;
    EXPECT_EQ(drain(codec, in), ignored ? StreamEnd::END : StreamEnd::UNREADABLE) << name(codec);
  }
}

TEST(Compression, streams_may_follow_one_another) {
  const auto plain = some_text(1000);
  for (CompressionCodec codec : {CompressionCodec::GZIP, CompressionCodec::SNAPPY, CompressionCodec::ZSTD}) {
    auto in = packed({codec, {}}, plain);
    const auto once = in;
    in.insert(in.end(), once.begin(), once.end());
    std::vector<uint8_t> out;
    EXPECT_EQ(drain(codec, in, out), StreamEnd::END) << name(codec);
    EXPECT_EQ(out.size(), 2 * plain.size()) << name(codec);
  }
}

TEST(Compression, flipped_bits_never_crash) {
  const auto plain = some_text(3000);
  for (CompressionCodec codec : kRealCodecs) {
    const auto good = packed({codec, {}}, plain);
    for (size_t bit = 0; bit < std::min<size_t>(good.size(), 400) * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      std::vector<uint8_t> out;
      drain(codec, bad, out, {.decompressed_bytes_max = 1 << 20});
      EXPECT_LE(out.size(), size_t{1} << 20);
    }
  }
}

TEST(Compression, a_bomb_stops_at_the_limit) {
  const std::vector<uint8_t> zeroes(64 << 20);
  for (CompressionCodec codec : kRealCodecs) {
    const auto in = packed({codec, {}}, zeroes);
    EXPECT_LT(in.size(), zeroes.size() / 10);
    std::vector<uint8_t> out;
    EXPECT_EQ(drain(codec, in, out, {.decompressed_bytes_max = 1 << 20}), StreamEnd::TOO_LARGE) << name(codec);
    EXPECT_LE(out.size(), size_t{1} << 20) << name(codec);
    EXPECT_EQ(drain(codec, in, {.decompressed_bytes_max = 64 << 20}), StreamEnd::END) << name(codec);
  }
}

TEST(Compression, a_snappy_block_that_claims_gigabytes_allocates_nothing) {
  // A raw block whose length says 2^32-1, and a framed one.
  const std::vector<uint8_t> raw = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61};
  EXPECT_EQ(drain(CompressionCodec::SNAPPY, raw), StreamEnd::UNREADABLE);
  std::vector<uint8_t> framed = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7};
  framed.insert(framed.end(), raw.begin(), raw.end());
  EXPECT_EQ(drain(CompressionCodec::SNAPPY, framed), StreamEnd::UNREADABLE);
  // A chunk length that is negative or longer than the stream (CVE-2023-34455).
  for (uint8_t first : {uint8_t{0xff}, uint8_t{0x7f}}) {
    framed[16] = first;
    EXPECT_EQ(drain(CompressionCodec::SNAPPY, framed), StreamEnd::UNREADABLE);
  }
}

TEST(Compression, a_zstd_window_above_the_limit_is_refused) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  std::vector<uint8_t> in(2000);
  const auto plain = some_text(1000);
  ZSTD_inBuffer input{plain.data(), plain.size(), 0};
  ZSTD_outBuffer output{in.data(), in.size(), 0};
  // In two steps, so that the frame's header cannot shrink the window to the content.
  ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush);
  ASSERT_EQ(ZSTD_compressStream2(context, &output, &input, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  in.resize(output.pos);
  EXPECT_EQ(drain(CompressionCodec::ZSTD, in, {.zstd_window_log_max = 24}), StreamEnd::END);
  EXPECT_EQ(drain(CompressionCodec::ZSTD, in, {.zstd_window_log_max = 23}), StreamEnd::UNREADABLE);
}

TEST(Compression, lz4_frames_of_other_writers) {
  const auto plain = some_text(1000);
  const auto good = packed({CompressionCodec::LZ4, {}}, plain);
  // Magic 0 does not look at the header's checksum, magic 1 and 2 do.
  auto bad = good;
  bad[6] ^= 0xff;
  std::vector<uint8_t> out;
  EXPECT_EQ(drain(CompressionCodec::LZ4, bad, out, {}, 0), StreamEnd::END);
  EXPECT_EQ(drain(CompressionCodec::LZ4, bad), StreamEnd::UNREADABLE);
  // Dependent blocks, another version, a dictionary, block maxima that do not exist.
  for (uint8_t flags : {uint8_t{0x40}, uint8_t{0xa0}, uint8_t{0x61}, uint8_t{0x62}}) {
    bad = good;
    bad[4] = flags;
    bad[6] = static_cast<uint8_t>(xxhash32(Bytes(bad).subspan(4, 2)) >> 8);
    EXPECT_EQ(drain(CompressionCodec::LZ4, bad), StreamEnd::UNREADABLE) << int{flags};
  }
  for (uint8_t descriptor : {uint8_t{0x30}, uint8_t{0x41}, uint8_t{0xc0}}) {
    bad = good;
    bad[5] = descriptor;
    bad[6] = static_cast<uint8_t>(xxhash32(Bytes(bad).subspan(4, 2)) >> 8);
    EXPECT_EQ(drain(CompressionCodec::LZ4, bad), StreamEnd::UNREADABLE) << int{descriptor};
  }
}

TEST(Compression, lz4_block_checksums_and_content_size_are_understood) {
  const std::string text = "stored as it is";
  std::vector<uint8_t> in = {0x04, 0x22, 0x4d, 0x18, 0x78, 0x40, 15, 0, 0, 0, 0, 0, 0, 0};
  in.push_back(static_cast<uint8_t>(xxhash32(Bytes(in).subspan(4)) >> 8));
  const auto put32 = [&](uint32_t v) { for (int i = 0; i < 4; ++i) in.push_back(static_cast<uint8_t>(v >> (8 * i))); };
  put32(15u | 0x80000000u);
  in.insert(in.end(), text.begin(), text.end());
  put32(xxhash32(bytes_of(text)));
  put32(0);
  std::vector<uint8_t> out;
  EXPECT_EQ(drain(CompressionCodec::LZ4, in, out), StreamEnd::END);
  EXPECT_EQ(text_of(out), text);
  in[20] ^= 1;
  EXPECT_EQ(drain(CompressionCodec::LZ4, in), StreamEnd::UNREADABLE);
}

TEST(Compression, xxhash32_knows_its_published_values) {
  EXPECT_EQ(xxhash32({}), 0x02CC5D05u);
  EXPECT_EQ(xxhash32(bytes_of("a")), 0x550D7456u);
  EXPECT_EQ(xxhash32(bytes_of("Nobody inspects the spammish repetition")), 0xE2293B2Fu);
}

TEST(Compression, names_are_those_of_the_configuration) {
  for (CompressionCodec codec : kCodecs) EXPECT_EQ(codec_named(name(codec)), codec);
  EXPECT_EQ(codec_named("uncompressed"), CompressionCodec::NONE);
  EXPECT_EQ(codec_named("producer"), std::nullopt);
  EXPECT_EQ(codec_named("GZIP"), std::nullopt);
}

}  // namespace
}  // namespace quokka
