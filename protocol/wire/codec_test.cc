#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/wire/printer.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

// Outside: clang 14 knows of no default member initializer of a nested class while the class around it is open.
struct SampleExtra {
  int8_t flag = 0;
};

// One message with every kind of field, flexible from version 2.
struct Sample {
  static constexpr const char* kName = "Sample";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct Item {
    std::string_view name;
    Offset offset;
  };
  struct Leader {
    BrokerId id;
    LeaderEpoch epoch;

    bool operator==(const Leader&) const = default;
  };
  int32_t number = 7;
  std::optional<std::string_view> text = "";  // null from 1 on
  Array<Item> items;
  std::optional<Array<int32_t>> list = Array<int32_t>();  // null from 1 on
  Records records;
  Leader leader;             // tag 1
  Array<int32_t> late_list;  // tag 0, though it stands behind the other one
  std::optional<SampleExtra> extra;
  int16_t ignorable = 5;
  int16_t strict = 6;
};

void fields(Codec& c, Sample::Item& m) {
  c.field(m.name, "name");
  c.field(m.offset, "offset");
}
void fields(Codec& c, Sample::Leader& m) {
  c.field(m.id, "id");
  c.field(m.epoch, "epoch");
}
void fields(Codec& c, SampleExtra& m) { c.field(m.flag, "flag"); }
void fields(Codec& c, Sample& m) {
  c.field(m.number, "number");
  c.field(m.text, "text", always(), since(1));
  c.tag(m.leader, 1, "leader", since(2));
  c.field(m.items, "items");
  c.tag(m.late_list, 0, "late_list", since(3));
  c.field(m.list, "list", always(), since(1));
  c.field(m.records, "records", always(), always());
  c.field(m.extra, "extra", since(2), since(2));
  c.field(m.ignorable, "ignorable", since(1).or_dropped());
  c.field(m.strict, "strict", since(1));
}

std::string flat(const Encoded& encoded) {
  std::string bytes;
  for (const Encoded::Chunk& chunk : encoded.chunks()) bytes += text_of(chunk.bytes);
  return bytes;
}

template <size_t N>
std::string raw(const char (&text)[N]) {
  return std::string(text, N - 1);
}

Result<Sample> read(const std::string& bytes, int16_t version) {
  Arena arena = Arena::for_frame(bytes.size());
  return decode<Sample>(bytes_of(bytes), version, arena);
}

std::string error_of(const std::string& bytes, int16_t version) {
  const Result<Sample> result = read(bytes, version);
  return result ? "accepted" : result.error().message;
}

TEST(Writer, OldFormHasFixedLengthsAndNoTags) {
  Sample sample;
  std::vector<Sample::Item> items(1);
  items[0] = {"ab", Offset(3)};
  sample.items = items;
  EXPECT_EQ(flat(*encode(sample, 0)), raw("\0\0\0\7" "\0\0" "\0\0\0\1" "\0\2ab" "\0\0\0\0\0\0\0\3" "\0\0\0\0" "\xff\xff\xff\xff"));
}

TEST(Writer, TagsAreWrittenInTheOrderOfTheirNumbersAndOnlyIfNotDefault) {
  Sample sample;
  sample.text.reset();
  const std::string head = raw("\0\0\0\7" "\0" "\1" "\1" "\0" "\xff" "\0\5" "\0\6");
  EXPECT_EQ(flat(*encode(sample, 3)), head + raw("\0"));
  std::vector<int32_t> late{9};
  sample.late_list = late;
  sample.leader = {BrokerId(1), LeaderEpoch(2)};
  EXPECT_EQ(flat(*encode(sample, 3)), head + raw("\2" "\0\5\2\0\0\0\11" "\1\11\0\0\0\1\0\0\0\2\0"));
}

TEST(Writer, WhatTheVersionHasNoRoomForFailsUnlessItIsIgnorable) {
  Sample sample;
  sample.ignorable = 1;
  EXPECT_TRUE(encode(sample, 0));
  sample.strict = 1;
  EXPECT_EQ(encode(sample, 0).error().message, "Sample v0: strict: it is set, and this version has no such field");
  EXPECT_TRUE(encode(sample, 1));
  sample.leader.id = BrokerId(1);
  EXPECT_EQ(encode(sample, 1).error().message, "Sample v1: leader: it is set, and this version has no such field");
  EXPECT_TRUE(encode(sample, 2));
}

TEST(Writer, NullIsNarrowerThanPresence) {
  Sample sample;
  sample.text.reset();
  EXPECT_EQ(encode(sample, 0).error().message, "Sample v0: text: it is null, and this version does not allow that");
  EXPECT_TRUE(encode(sample, 1));
  sample.text = "";
  sample.list.reset();
  EXPECT_EQ(encode(sample, 0).error().message, "Sample v0: list: it is null, and this version does not allow that");
  EXPECT_TRUE(encode(sample, 1));
}

TEST(Writer, TooLongAStringFailsWithTheWayToIt) {
  const std::string long_name(32768, 'x');
  std::vector<Sample::Item> items(2);
  items[1].name = long_name;
  Sample sample;
  sample.items = items;
  EXPECT_EQ(encode(sample, 2).error().message, "Sample v2: items[1].name: a string of 32768 bytes; 32767 are allowed");
  items[1].name.remove_suffix(1);
  EXPECT_TRUE(encode(sample, 2));
}

TEST(Writer, RecordsAreBorrowedOrAHoleBetweenPartsOfOneBlock) {
  const std::string batch = "batch";
  Sample sample;
  sample.records.bytes = bytes_of(batch);
  const Result<Encoded> borrowed = encode(sample, 1);
  ASSERT_EQ(borrowed->chunks().size(), 3u);
  EXPECT_EQ(borrowed->chunks()[1].bytes.data(), bytes_of(batch).data());

  sample.records = {std::nullopt, 1000};
  const Result<Encoded> hole = encode(sample, 1);
  ASSERT_EQ(hole->chunks().size(), 3u);
  EXPECT_EQ(hole->chunks()[1].hole_bytes, 1000u);
  EXPECT_EQ(hole->size(), 4 + 2 + 4 + 4 + 4 + 1000 + 2 + 2u);
  // One block: the last part follows the first.
  EXPECT_EQ(hole->chunks()[0].bytes.data() + hole->chunks()[0].bytes.size(), hole->chunks()[2].bytes.data());
}

TEST(Writer, VersionsOutsideTheMessagesAreRefused) {
  EXPECT_EQ(encode(Sample(), 4).code(), ErrorCode::UNSUPPORTED_VERSION);
  EXPECT_EQ(encode(Sample(), -1).code(), ErrorCode::UNSUPPORTED_VERSION);
  EXPECT_EQ(read("", 4).code(), ErrorCode::UNSUPPORTED_VERSION);
}

TEST(Reader, FieldsThatTheVersionLacksKeepTheirDefaults) {
  const Result<Sample> sample = read(raw("\0\0\0\1" "\0\0" "\0\0\0\0" "\0\0\0\0" "\xff\xff\xff\xff"), 0);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->number, 1);
  EXPECT_EQ(sample->ignorable, 5);
  EXPECT_EQ(sample->strict, 6);
  EXPECT_EQ(sample->leader.id, BrokerId());
}

// B13 to B16: bad input of these kinds.
TEST(ReaderB13, CountsBeyondTheBytesAreRefusedBeforeAnythingIsAllocated) {
  const std::string head = raw("\0\0\0\7" "\0\0");
  const std::string tail(64, '\0');
  EXPECT_EQ(error_of(head + raw("\x7f\xff\xff\xff") + tail, 1),
            "Sample v1: items: its length 2147483647 is beyond the 64 bytes that are left");
  // 64 bytes could be 64 elements of one byte; an Item takes ten.
  EXPECT_EQ(error_of(head + raw("\0\0\0\7") + tail, 1), "Sample v1: items: it claims 7 elements in 64 bytes");
  Arena arena = Arena::for_frame(1 << 20);
  const std::string bytes = head + raw("\0\0\0\7") + tail;
  EXPECT_FALSE(decode<Sample>(bytes_of(bytes), 1, arena));
  EXPECT_EQ(arena.bytes_used(), 0u);
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\1" "\xff\xff\xff\xff\x07") + tail, 2),
            "Sample v2: items: its length 2147483646 is beyond the 64 bytes that are left");
}

TEST(ReaderB13, NegativeCountsAreNullWhereNullIsAllowed) {
  const std::string head = raw("\0\0\0\7" "\0\0");
  const std::string tail = raw("\xff\xff\xff\xff" "\0\5" "\0\6");
  EXPECT_EQ(error_of(head + raw("\xff\xff\xff\xfe"), 1), "Sample v1: items: null is not allowed here");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\1" "\0"), 2), "Sample v2: items: null is not allowed here");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\1" "\xff\xff\xff\xff\x0f"), 2), "Sample v2: items: null is not allowed here") << "-2";
  const Result<Sample> null_list = read(head + raw("\0\0\0\0" "\xff\xff\xff\xfe") + tail, 1);
  ASSERT_TRUE(null_list) << null_list.error().message;
  EXPECT_FALSE(null_list->list);
  EXPECT_EQ(error_of(head + raw("\0\0\0\0" "\xff\xff\xff\xff") + tail, 0), "Sample v0: list: null is not allowed here");
}

TEST(ReaderB13, VarintsOfMoreThan32BitsAreRefused) {
  const std::string head = raw("\0\0\0\7");
  for (const std::string& varint : {raw("\xff\xff\xff\xff\x1f"), raw("\x80\x80\x80\x80\x80\x01"), raw("\xff\xff\xff\xff\xff")}) {
    EXPECT_EQ(error_of(head + varint, 2), "Sample v2: text: a variable-length number is longer than 32 bits");
  }
  EXPECT_EQ(error_of(head + raw("\x80\x80"), 2), "Sample v2: text: the bytes end inside it");
}

TEST(ReaderB13, NoMessageTakesMoreThanItsSharesOfMemory) {
  // Elements of one byte that decode to 40: below the bound. One arena for a shorter frame refuses the same bytes.
  std::string bytes = raw("\0\0\0\7" "\1") + raw("\x91\x4e");  // 10,000 items
  for (int i = 0; i < 10000; ++i) bytes += raw("\1" "\0\0\0\0\0\0\0\0" "\0");
  bytes += raw("\1" "\0" "\xff" "\0\5" "\0\6" "\0");
  Arena arena = Arena::for_frame(bytes.size());
  EXPECT_TRUE(decode<Sample>(bytes_of(bytes), 2, arena));
  EXPECT_LE(arena.bytes_used(), Arena::kExpansionMax * bytes.size());
  Arena small = Arena::for_frame(1000);
  const Result<Sample> refused = decode<Sample>(bytes_of(bytes), 2, small);
  EXPECT_EQ(refused.error().message, "Sample v2: items: 10000 elements take more memory than a message of this size is given");
  EXPECT_EQ(small.bytes_used(), 0u);
}

const std::string kBeforeTags = raw("\0\0\0\7" "\1" "\1" "\1" "\0" "\xff" "\0\5" "\0\6");

TEST(ReaderB14, UnknownRepeatedAndUnorderedTags) {
  // Tag 1, tag 0, an unknown one, tag 1 again: the last one counts.
  const std::string one = raw("\1\11\0\0\0\1\0\0\0\2\0");
  const std::string again = raw("\1\11\0\0\0\3\0\0\0\4\0");
  const Result<Sample> sample = read(kBeforeTags + raw("\4") + one + raw("\0\5\2\0\0\0\11") + raw("\x80\x08\3abc") + again, 3);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->leader, (Sample::Leader{BrokerId(3), LeaderEpoch(4)}));
  EXPECT_EQ(sample->late_list.size(), 1u);
  // Version 2 does not know tag 0.
  const Result<Sample> older = read(kBeforeTags + raw("\1" "\0\3abc"), 2);
  ASSERT_TRUE(older) << older.error().message;
  EXPECT_TRUE(older->late_list.empty());
}

TEST(ReaderB14, TagSizesAreChecked) {
  EXPECT_EQ(error_of(kBeforeTags + raw("\1" "\x64\xff\xff\xff\xff\x07"), 3),
            "Sample v3: tagged fields: its length 2147483647 is beyond the 0 bytes that are left");
  // A known tag's value neither reaches beyond its size nor ends before it.
  EXPECT_EQ(error_of(kBeforeTags + raw("\1" "\1\5\0\0\0\1\0\0\0\2\0"), 3), "Sample v3: leader.epoch: the bytes end inside it");
  EXPECT_EQ(error_of(kBeforeTags + raw("\1" "\1\12\0\0\0\1\0\0\0\2\0\0"), 3), "Sample v3: tagged fields: tag 1 is longer than its value");
  EXPECT_EQ(error_of(kBeforeTags + raw("\xff\xff\xff\xff\x0f"), 3), "Sample v3: tagged fields: the bytes end inside it");
}

TEST(ReaderB14, ThousandsOfUnknownTagsTakeNoMemory) {
  std::string bytes = kBeforeTags + raw("\xa0\x8d\x06");  // 100,000
  for (int i = 0; i < 100000; ++i) bytes += raw("\x28\0");
  Arena arena(0);
  EXPECT_TRUE(decode<Sample>(bytes_of(bytes), 3, arena));
  EXPECT_EQ(arena.bytes_used(), 0u);
}

TEST(ReaderB15, StringsAreWithinTheBytesAndNotNullUnlessAllowed) {
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\0\5abc"), 1), "Sample v1: text: its length 5 is beyond the 3 bytes that are left");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\xff\xff"), 0), "Sample v0: text: null is not allowed here");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\xff\x80"), 0), "Sample v0: text: null is not allowed here");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\0\0" "\0\0\0\1" "\xff\xff" "\0\0\0\0\0\0\0\0"), 1), "Sample v1: items[0].name: null is not allowed here");
  EXPECT_EQ(error_of(raw("\0\0\0\7" "\x81\x80\x02") + std::string(32768, 'x'), 2), "Sample v2: text: a string of 32768 bytes; 32767 are allowed");
}

TEST(ReaderB16, BytesAfterTheMessageAreLeftAlone) {
  const std::string bytes = kBeforeTags + raw("\0") + "garbage";
  Arena arena(0);
  size_t consumed = 0;
  ASSERT_TRUE(decode<Sample>(bytes_of(bytes), 3, arena, &consumed));
  EXPECT_EQ(consumed, bytes.size() - 7);
}

TEST(Printer, ShowsWhatTheVersionHasOnOneLine) {
  std::vector<Sample::Item> items(2);
  items[0].name = "a\"\n";
  Sample sample;
  sample.items = items;
  sample.list.reset();
  sample.leader.id = BrokerId(4);
  EXPECT_EQ(print(sample, 1),
            "Sample{number=7, text=\"\", items=[{name=\"a\\\"\\x0a\", offset=-1}, {name=\"\", offset=-1}], list=null, records=null, "
            "ignorable=5, strict=6}");
  EXPECT_EQ(print(sample, 2),
            "Sample{number=7, text=\"\", leader={id=4, epoch=-1}, items=[{name=\"a\\\"\\x0a\", offset=-1}, {name=\"\", offset=-1}], list=null, "
            "records=null, extra=null, ignorable=5, strict=6}");
}

TEST(Arena, NeverTakesMoreThanItsBound) {
  Arena arena(10000);
  size_t given = 0;
  for (size_t size = 1; arena.allocate(size, 8) != nullptr; size = size % 700 + 1) given += size;
  EXPECT_GT(given, 5000u);
  EXPECT_LE(arena.bytes_used(), 10000u);
  EXPECT_EQ(arena.allocate(Arena::kExpansionMax << 50, 8), nullptr);
}

}  // namespace
}  // namespace quokka
