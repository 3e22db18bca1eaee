// librdkafka as these tests use it: records as plain values, failures as exceptions with librdkafka's words, every wait with a deadline.
#pragma once

#include <librdkafka/rdkafkacpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quokka {

// Configuration of librdkafka.
using ClientKeys = std::map<std::string, std::string>;

inline constexpr int client_timeout_ms = 30'000;

struct KafkaRecord {
  int32_t partition = 0;
  int64_t offset = -1;
  int64_t timestamp_ms = 0;  // 0 when sent: now
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// What became of a record that was sent.
struct Delivery {
  int32_t partition = -1;
  int64_t offset = -1;
  RdKafka::ErrorCode error = RdKafka::ERR_NO_ERROR;
};

class KafkaProducer final : private RdKafka::DeliveryReportCb {
 public:
  explicit KafkaProducer(const std::string& bootstrap, const ClientKeys& keys = {});

  // Queues a record; waits while the queue is full.
  void send(const std::string& topic, const KafkaRecord& record);
  void send(const std::string& topic, int32_t partition, std::string value);
  // Waits until everything sent is decided; throws if it is not in time. Deliveries are in the order of decision.
  const std::vector<Delivery>& flush(int timeout_ms = client_timeout_ms);
  // The same, and throws if anything failed.
  void flush_all_delivered(int timeout_ms = client_timeout_ms);

 private:
  void dr_cb(RdKafka::Message& message) override;

  std::vector<Delivery> deliveries_;
  size_t sent_ = 0;
  std::unique_ptr<RdKafka::Producer> producer_;
};

// Reads partitions [0, partitions) of a topic from `start` on, each at least up to the end it has at the call. Records of a partition come in order.
// `start` is an offset, RdKafka::Topic::OFFSET_BEGINNING or RdKafka::Consumer::OffsetTail(n).
void read_topic(const std::string& bootstrap, const std::string& topic, int32_t partitions, int64_t start,
                const std::function<void(RdKafka::Message&)>& on_record, const ClientKeys& keys = {}, int timeout_ms = client_timeout_ms);
std::vector<KafkaRecord> records_of(const std::string& bootstrap, const std::string& topic, int32_t partitions = 1,
                                    int64_t start = RdKafka::Topic::OFFSET_BEGINNING, const ClientKeys& keys = {});

// Reads partitions [0, partitions) of a topic from their beginnings until `enough`, past their ends and through errors, as a client does that waits for its cluster.
void follow_topic(const std::string& bootstrap, const std::string& topic, int32_t partitions, const ClientKeys& keys, const std::atomic<bool>& enough,
                  const std::function<void(RdKafka::Message&)>& on_record);

// For tests that look at every delivery themselves.
std::unique_ptr<RdKafka::Producer> make_producer(const std::string& bootstrap, const ClientKeys& keys, RdKafka::DeliveryReportCb& on_delivery);

// A handle for questions: metadata, offsets, administration.
class KafkaAdmin {
 public:
  explicit KafkaAdmin(const std::string& bootstrap, const ClientKeys& keys = {});

  RdKafka::Handle& handle() { return *handle_; }
  std::unique_ptr<RdKafka::Metadata> metadata(int timeout_ms = client_timeout_ms);
  // First and end offset of a partition.
  std::pair<int64_t, int64_t> watermarks(const std::string& topic, int32_t partition = 0);
  // The first offset with at least this timestamp; -1 if there is none.
  int64_t offset_at(const std::string& topic, int32_t partition, int64_t timestamp_ms);

  // Errors are returned as the broker gave them.
  RdKafka::ErrorCode create_topic(const std::string& topic, int partitions, int replication_factor, const ClientKeys& configs = {});
  RdKafka::ErrorCode delete_topic(const std::string& topic);
  RdKafka::ErrorCode add_partitions(const std::string& topic, size_t partitions);  // so many in all
  // And waits until the metadata show every partition with a leader and all replicas in sync.
  void create_topic_and_wait(const std::string& topic, int partitions, int replication_factor, const ClientKeys& configs = {});
  // The new first offset.
  int64_t delete_records(const std::string& topic, int32_t partition, int64_t before);

 private:
  std::unique_ptr<RdKafka::Producer> handle_;
};

// Runs kcat with the words given; its output and messages. Throws if it does not end with status 0.
std::string kcat(const std::string& words);

}  // namespace quokka
