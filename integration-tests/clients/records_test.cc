// Many records in every codec, at replication factor 3, survive being read back and the death of all brokers.
//
// QUOKKA_RECORDS says how many for each codec (100,000 unless set).
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iomanip>

#include "integration-tests/clients/cluster_fixture.h"
#include "protocol/base/crc32c.h"

namespace quokka {
namespace {

constexpr int32_t partitions = 12;
constexpr size_t record_bytes = 100;

size_t record_count() {
  const char* given = ::getenv("QUOKKA_RECORDS");
  return given ? static_cast<size_t>(::strtoull(given, nullptr, 10)) : 100'000;
}
// A minute, and one for each 100,000 records.
int patience_ms() { return 60'000 * static_cast<int>(1 + record_count() / 100'000); }

// Half of it compresses well.
std::string record_number(size_t number, const std::string& codec) {
  std::string text = codec + " record " + std::to_string(number) + ' ';
  uint64_t state = number * 0x9e3779b97f4a7c15u + 1;
  while (text.size() < record_bytes / 2) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    text += static_cast<char>('a' + state % 26);
  }
  text.resize(record_bytes, '.');
  return text;
}

// What a partition holds, in order.
struct Content {
  size_t count = 0;
  uint32_t checksum = 0;
  void add(std::string_view value) {
    ++count;
    checksum = crc32c_extend(checksum, {reinterpret_cast<const uint8_t*>(value.data()), value.size()});
  }
  bool operator==(const Content&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Content& content) { return out << content.count << " records, checksum " << content.checksum; }
using Contents = std::vector<Content>;

class RecordsTest : public ClusterFixture<RecordsTest> {
 protected:
  static std::string topic_of(const std::string& codec) { return "records-" + codec; }

  static Contents write(const std::string& codec) {
    Contents contents(partitions);
    KafkaProducer producer(bootstrap(), {{"enable.idempotence", "true"}, {"acks", "all"}, {"compression.type", codec}, {"linger.ms", "5"}});
    for (size_t i = 0; i < record_count(); ++i) {
      const int32_t partition = static_cast<int32_t>(i % partitions);
      std::string value = record_number(i, codec);
      contents[static_cast<size_t>(partition)].add(value);
      producer.send(topic_of(codec), partition, std::move(value));
    }
    producer.flush_all_delivered(patience_ms());
    return contents;
  }
  static Contents read(const std::string& codec) {
    Contents contents(partitions);
    std::vector<int64_t> next(partitions, 0);
    const auto on_record = [&](RdKafka::Message& message) {
      const size_t partition = static_cast<size_t>(message.partition());
      EXPECT_EQ(message.offset(), next[partition]);
      next[partition] = message.offset() + 1;
      contents[partition].add({static_cast<const char*>(message.payload()), message.len()});
    };
    read_topic(bootstrap(), topic_of(codec), partitions, RdKafka::Topic::OFFSET_BEGINNING, on_record, {{"check.crcs", "true"}}, patience_ms());
    return contents;
  }
  static void write_and_read(const std::string& codec) {
    KafkaAdmin(bootstrap()).create_topic_and_wait(topic_of(codec), partitions, 3);
    const Contents contents = write(codec);
    EXPECT_EQ(read(codec), contents);
    written[codec] = contents;
  }
  static void expect_all_written() {
    for (const auto& [codec, contents] : written) {
      SCOPED_TRACE(codec);
      EXPECT_EQ(read(codec), contents);
    }
  }
  // The cluster takes more, and keeps it.
  static void write_one_more() {
    auto& [codec, contents] = *written.begin();
    KafkaProducer producer(bootstrap(), {{"acks", "all"}});
    for (int32_t partition = 0; partition < partitions; ++partition) {
      producer.send(topic_of(codec), partition, "one more");
      contents[static_cast<size_t>(partition)].add("one more");
    }
    producer.flush_all_delivered();
  }

  static inline std::map<std::string, Contents> written;  // by codec
};

TEST_F(RecordsTest, Uncompressed) { write_and_read("none"); }
TEST_F(RecordsTest, Gzip) { write_and_read("gzip"); }
TEST_F(RecordsTest, Snappy) { write_and_read("snappy"); }
TEST_F(RecordsTest, Lz4) { write_and_read("lz4"); }
TEST_F(RecordsTest, Zstd) { write_and_read("zstd"); }

TEST_F(RecordsTest, KcatWritesAndReads) {
  KafkaAdmin(bootstrap()).create_topic_and_wait("by-kcat", partitions, 3);
  const std::string lines = cluster().directory() + "/lines";
  {
    std::ofstream file(lines);
    for (size_t i = 0; i < record_count(); ++i) file << std::setfill('0') << std::setw(10) << i << record_number(i, "kcat").substr(11) << '\n';
  }
  kcat("-P -b " + bootstrap() + " -t by-kcat -z lz4 -X acks=all -X enable.idempotence=true -l " + lines);
  const std::string same = kcat("-C -b " + cluster().address(1) + " -t by-kcat -o beginning -e -q | LC_ALL=C sort | cmp - " + lines + " && echo same");
  EXPECT_EQ(same, "same\n");
  std::filesystem::remove(lines);
}

// These come last and look at what the tests before them wrote.
TEST_F(RecordsTest, ThenAllBrokersAreKilledAndEverythingIsThere) {
  if (written.empty()) write_and_read("none");
  cluster().kill_all_brokers();
  cluster().start_all_brokers();
  expect_all_written();
  write_one_more();
}

TEST_F(RecordsTest, ThenAllIsStoppedInOrderAndEverythingIsThere) {
  if (written.empty()) write_and_read("none");
  for (int id : {1, 2, 3}) EXPECT_EQ(cluster().stop_broker(id), 0);
  cluster().zookeeper(1).kill();
  cluster().start_zookeeper(1);
  cluster().wait_for_zookeeper(1);
  EXPECT_TRUE(znodes().children("/brokers/ids").empty());
  cluster().start_all_brokers();
  expect_all_written();
  write_one_more();
}

}  // namespace
}  // namespace quokka
