#include "broker/cleaner/offset_map.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>

namespace quokka {
namespace {

TEST(SipHash, AnswersTheVectorsOfItsAuthors) {
  std::vector<uint8_t> key(16), input;
  for (size_t i = 0; i < 16; ++i) key[i] = static_cast<uint8_t>(i);
  const HashSecret secret{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(siphash128(input, secret), (Hash128{0xe6a825ba047f81a3, 0x930255c71472f66d}));
  input.push_back(0);
  EXPECT_EQ(siphash128(input, secret), (Hash128{0x44af996bd8c187da, 0x45fc229b11597634}));
}

TEST(OffsetMap, HoldsTheLastOffsetOfEachKeyUntilItIsFull) {
  OffsetMap map(1000 * OffsetMap::kEntryBytes, 0.9, 1'000'000, {1, 2});
  EXPECT_EQ(map.keys_max(), 900u);
  std::unordered_map<std::string, int64_t> model;
  for (int64_t offset = 0; offset < 5000; ++offset) {
    const std::string key = "key-" + std::to_string(offset * 7919 % 900);
    ASSERT_TRUE(map.put(bytes_of(key), Offset(offset)));
    model[key] = offset;
  }
  EXPECT_EQ(map.size(), 900u);
  EXPECT_EQ(map.latest(), Offset(4999));
  EXPECT_FALSE(map.put(bytes_of("one more"), Offset(5000)));
  EXPECT_EQ(map.latest(), Offset(4999));
  EXPECT_TRUE(map.put(bytes_of("key-1"), Offset(5001)));
  model["key-1"] = 5001;
  for (const auto& [key, offset] : model) EXPECT_EQ(map.find(bytes_of(key)), Offset(offset)) << key;
  EXPECT_FALSE(map.find(bytes_of("one more")));
}

TEST(OffsetMap, IsAsLargeAsItsKeysNeed) {
  OffsetMap few(128 << 20, 0.9, 9, {1, 2});
  EXPECT_GE(few.keys_max(), 9u);
  EXPECT_LT(few.keys_max(), 20u);
  OffsetMap none(0, 0.9, 100, {1, 2});
  EXPECT_TRUE(none.put(bytes_of("a"), Offset(0)));
  EXPECT_FALSE(none.put(bytes_of("b"), Offset(1)));
  EXPECT_FALSE(none.find(bytes_of("b")));
}

}  // namespace
}  // namespace quokka
