#include "integration-tests/faults/updaters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>

#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/recorded_producer.h"
#include "integration-tests/faults/replica_files.h"
#include "integration-tests/faults/workload.h"
#include "protocol/records/record_batch.h"

namespace quokka {
namespace {

constexpr int patience_ms = 90'000, updates_per_s = 80, pause_ms = 400;
constexpr int keys_of_writer = 100, doomed_of_writer = 10;
// Written once and deleted at once, at the beginning of a run.
constexpr int32_t first_doomed = Updaters::writers * keys_of_writer;

int32_t key_of(const char* text, size_t size) {
  int32_t key = -1;
  std::from_chars(text, text + size, key);
  return key;
}

KeyedRecord keyed_of(RdKafka::Message& message) {
  KeyedRecord record{polled_of(message), -1, message.payload() == nullptr};
  if (message.key_pointer()) record.key = key_of(static_cast<const char*>(message.key_pointer()), message.key_len());
  if (RdKafka::Headers* headers = message.headers(); headers && record.is_tombstone) {
    const RdKafka::Headers::Header header = headers->get_last(RecordedProducer::payload_header);
    if (header.err() == RdKafka::ERR_NO_ERROR) record.polled.payload = decode_payload({static_cast<const uint8_t*>(header.value()), header.value_size()});
  }
  return record;
}

KeyedRecord keyed_of(int32_t partition, const RecordView& stored) {
  KeyedRecord record{{partition, stored.offset.value, {}, 0}, -1, !stored.value};
  if (stored.key) record.key = key_of(reinterpret_cast<const char*>(stored.key->data()), stored.key->size());
  if (stored.value) record.polled.payload = decode_payload(*stored.value);
  HeaderCursor headers = stored.headers();
  while (const std::optional<HeaderView> header = headers.next())
    if (header->key == RecordedProducer::payload_header && header->value && record.is_tombstone) record.polled.payload = decode_payload(*header->value);
  return record;
}

// Throws where a replica is damaged in itself.
void add_records(int32_t partition, const std::string& segment, KeyedRecords& records) {
  BatchCursor batches(bytes_of(segment));
  while (const std::optional<BatchView> batch = batches.next()) {
    if (!batch->crc_is_valid() || batch->is_compressed()) throw std::runtime_error(fmt::format("the batch at offset {} is damaged", batch->base_offset().value));
    RecordCursor stored(*batch, batch->payload());
    for (RecordView record; stored.next(record);) records.push_back(keyed_of(partition, record));
    if (!stored.ok()) throw std::runtime_error(std::string(stored.error()));
  }
}

}  // namespace

// A thread with a producer. Its log is the thread's until it is joined.
class Updaters::Writer {
 public:
  Writer(Updaters& owner, int32_t number) : owner_(owner), number_(number), random_(owner.options_.run * 1000 + static_cast<uint32_t>(number)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Writer() {
    if (thread_.joinable()) thread_.join();
  }

  // Throws what went wrong.
  void add_log(std::array<CompactedHistory, topics_end>& histories) {
    thread_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    for (size_t i = 0; i < updates_.size(); ++i) {
      updates_[i].update.send = producer_->sends()[i];
      histories[updates_[i].topic].updates.push_back(updates_[i].update);
    }
  }

 private:
  struct Sent {
    Topic topic;
    Update update;
  };

  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }

  void run() try {
    bool has_begun = false;
    producer_ = std::make_unique<RecordedProducer>(RecordedProducer::Options{owner_.options_.bootstrap, durable_producer_keys(), owner_.options_.run, number_},
                                                   [&](const Send&) {
                                                     if (!has_begun) ++owner_.begun_;
                                                     has_begun = true;
                                                     ++owner_.acknowledged_;
                                                   });
    for (int32_t i = 0; i < doomed_of_writer; ++i)
      for (const bool is_tombstone : {false, true})
        while (!owner_.enough_updates_ && !send(compacted, first_doomed + number_ * doomed_of_writer + i, is_tombstone)) producer_->poll(5);
    const int64_t begin = monotonic_ns();
    while (!owner_.enough_updates_) {
      const int64_t due = (monotonic_ns() - begin) * updates_per_s / 1'000'000'000;
      while (static_cast<int64_t>(updates_.size()) < due && !owner_.enough_updates_ && update()) {
      }
      producer_->poll(5);
    }
    producer_->finish(owner_.abandoned_ ? 0 : flush_timeout_ms);
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  // Some keys often, some once in a run.
  bool update() { return send(below(4) == 0 ? limited : compacted, number_ * keys_of_writer + below(1 + below(keys_of_writer)), below(8) == 0); }

  bool send(Topic topic, int32_t key, bool is_tombstone) {
    const int32_t partition = key % partitions;
    if (!producer_->send({name(topic), partition, std::to_string(key), is_tombstone})) return false;
    updates_.push_back({topic, {{}, key, is_tombstone}});
    return true;
  }

  Updaters& owner_;
  const int32_t number_;
  std::mt19937 random_;
  std::unique_ptr<RecordedProducer> producer_;
  std::vector<Sent> updates_;  // what its producer has sent, one by one
  std::string failure_;
  std::thread thread_;
};

// Two threads: one follows a topic, the other begins at its start again and again. Their logs are the threads' until they are joined.
class Updaters::Reader {
 public:
  Reader(Updaters& owner, Topic topic) : owner_(owner), topic_(topic), follower_([this] { follow(); }), reader_([this] { read(); }) {}
  ~Reader() {
    if (follower_.joinable()) follower_.join();
    if (reader_.joinable()) reader_.join();
  }

  void add_log(std::vector<KeyedRecords>& readers) {
    follower_.join();
    reader_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    readers.push_back(std::move(followed_));
    std::move(read_.begin(), read_.end(), std::back_inserter(readers));
  }

 private:
  void follow() try {
    follow_topic(owner_.options_.bootstrap, name(topic_), partitions, with_debug({{"socket.timeout.ms", "5000"}, {"check.crcs", "true"}}), owner_.enough_,
                 [this](RdKafka::Message& message) { followed_.push_back(keyed_of(message)); });
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  void read() {
    while (!owner_.enough_) {
      KeyedRecords& records = read_.emplace_back();
      try {
        read_topic(owner_.options_.bootstrap, name(topic_), partitions, RdKafka::Topic::OFFSET_BEGINNING,
                   [&](RdKafka::Message& message) { records.push_back(keyed_of(message)); }, {{"check.crcs", "true"}});
        ++owner_.reads_;
        const bool doomed = std::any_of(records.begin(), records.end(), [](const KeyedRecord& each) { return each.key >= first_doomed; });
        if (topic_ == compacted && !records.empty() && !doomed) owner_.cleaned_ = true;
      } catch (const std::exception&) {
        // Some leader is away. How far it came counts.
      }
      eventually(pause_ms, [&] { return owner_.enough_.load(); });
    }
  }

  Updaters& owner_;
  const Topic topic_;
  KeyedRecords followed_;
  std::vector<KeyedRecords> read_;
  std::string failure_;
  std::thread follower_, reader_;
};

ClientKeys Updaters::topic_keys(Topic topic) {
  ClientKeys keys = {{"cleanup.policy", "compact"}, {"segment.bytes", "16384"}, {"min.cleanable.dirty.ratio", "0.01"},
                     {"delete.retention.ms", std::to_string(delete_retention_ms)}, {"file.delete.delay.ms", "1000"}};
  if (topic == limited) {
    keys["cleanup.policy"] = "compact,delete";
    keys["retention.ms"] = std::to_string(retention_ms);
  }
  return keys;
}

ClientKeys Updaters::broker_keys() { return {{"log.cleaner.backoff.ms", "50"}, {"log.retention.check.interval.ms", "500"}}; }

Updaters::Updaters(const UpdatersOptions& options) : options_(options) {
  for (CompactedHistory& history : histories_) {
    history.run = options_.run;
    history.delete_retention_ns = int64_t{delete_retention_ms} * 1'000'000;
  }
  histories_[limited].retention_ns = int64_t{retention_ms} * 1'000'000;
  for (int32_t i = 0; i < writers; ++i) writers_.push_back(std::make_unique<Writer>(*this, i));
  for (const Topic topic : {compacted, limited}) readers_.push_back(std::make_unique<Reader>(*this, topic));
  if (eventually(patience_ms, [&] { return begun_ == writers; })) return;
  abandon();
  throw std::runtime_error("the updates do not begin: some writers are acknowledged nothing");
}

Updaters::~Updaters() { abandon(); }

// Else its threads go on, and whoever joins them waits for ever.
void Updaters::abandon() {
  abandoned_ = true;
  enough_updates_ = true;
  enough_ = true;
}

void Updaters::delete_records() {
  for (int32_t partition = 0; partition < partitions; ++partition) {
    try {
      KafkaAdmin admin(options_.bootstrap);
      const auto [first, end] = admin.watermarks(name(limited), partition);
      const int64_t before = first + (end - first) / 2;
      int64_t& deleted_to = histories_[limited].deleted_to[partition];
      deleted_to = std::max(deleted_to, before);
      admin.delete_records(name(limited), partition, before);
      ++deletions_;
    } catch (const std::exception&) {
      ++refused_deletions_;
    }
  }
}

std::string Updaters::str() const {
  return fmt::format("{} updates acknowledged, {} reads from the start, {} DeleteRecords and {} refused or not answered, keys that were deleted are {}", acknowledged_.load(),
                     reads_.load(), deletions_.load(), refused_deletions_.load(), cleaned_ ? "gone" : "still there: nothing is proven");
}

std::vector<std::string> Updaters::stop(const History&) {
  eventually(patience_ms, [&] { return cleaned_.load(); });
  enough_updates_ = true;
  for (const auto& writer : writers_) writer->add_log(histories_);
  enough_ = true;
  readers_[compacted]->add_log(histories_[compacted].readers);
  readers_[limited]->add_log(histories_[limited].readers);
  read_end(compacted);
  read_end(limited);
  return {};
}

void Updaters::read_end(Topic topic) {
  std::vector<KeyedLog> logs;
  for (int32_t partition = 0; partition < partitions; ++partition) logs.push_back({fmt::format("partition {} of {}", partition, name(topic)), partition, 0, 0, {}});
  read_topic(options_.bootstrap, name(topic), partitions, RdKafka::Topic::OFFSET_BEGINNING,
             [&](RdKafka::Message& message) { logs[static_cast<size_t>(message.partition())].records.push_back(keyed_of(message)); }, {{"check.crcs", "true"}}, patience_ms);
  KafkaAdmin admin(options_.bootstrap);
  for (KeyedLog& log : logs) {
    log.log_start = admin.watermarks(name(topic), log.partition).first;
    log.at_ns = monotonic_ns();
    histories_[topic].logs.push_back(std::move(log));
  }
}

void Updaters::read_files(int32_t broker, const std::string& log_directory) {
  for (const Topic topic : {compacted, limited}) {
    for (const StoredSegments& stored : read_segments(log_directory, name(topic))) {
      KeyedLog log{fmt::format("broker {}'s partition {} of {}", broker, stored.partition, name(topic)), stored.partition, stored.log_start, monotonic_ns(), {}};
      for (const std::string& segment : stored.segments) add_records(stored.partition, segment, log.records);
      histories_[topic].logs.push_back(std::move(log));
    }
  }
}

Findings Updaters::judge(const History&) const {
  Findings findings = check_compacted(histories_[compacted]);
  findings.add(check_compacted(histories_[limited]));
  return findings;
}

}  // namespace quokka
