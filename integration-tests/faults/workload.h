// Producers and a consumer of librdkafka on one topic, and what they were told, written down as a history.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/faults/history.h"

namespace quokka {

enum class Durability {
  all,     // W1: acks=all, idempotent: nothing acknowledged may be lost, double or out of order
  leader,  // W2: acks=1: what a leader acknowledged dies with it
};

struct WorkloadOptions {
  std::string bootstrap, topic;
  int32_t partitions = 8;
  Durability durability = Durability::all;
  int producers = 4;
  int records_per_s = 250;  // of each producer
  size_t record_bytes = 100;
  uint32_t run = 1;
};

// When acknowledgements of a partition came. Any thread.
class Acknowledgements {
 public:
  explicit Acknowledgements(int32_t partitions) : last_ns_(static_cast<size_t>(partitions)) {}

  void add(int32_t partition, int64_t now_ns);
  int64_t count() const { return count_; }
  // The longest time in which a partition had none, since its first.
  int64_t longest_gap_ms() const { return longest_gap_ns_ / 1'000'000; }
  int64_t last_ns(int32_t partition) const { return last_ns_[static_cast<size_t>(partition)]; }

 private:
  std::vector<std::atomic<int64_t>> last_ns_;  // by partition; 0: none yet
  std::atomic<int64_t> longest_gap_ns_{0}, count_{0};
};

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);
  ~Workload();  // abandons what was not stopped

  const Acknowledgements& acknowledgements() const { return acknowledgements_; }
  // Every partition acknowledged something after this call; false if not in time.
  bool wait_for_every_partition(int timeout_ms) const;
  // In all, since the beginning; false if for so long nothing is acknowledged.
  bool wait_for_acknowledged(int64_t count, int timeout_ms) const;

  // Stops sending, waits until everything sent is decided, and reads the topic from its beginning to its end.
  History stop();

 private:
  class Producer;
  class Consumer;

  const WorkloadOptions options_;
  Acknowledgements acknowledgements_;
  std::atomic<bool> enough_{false}, abandoned_{false};
  std::vector<std::unique_ptr<Producer>> producers_;
  std::unique_ptr<Consumer> consumer_;
};

// Of an idempotent producer with acks=all. Its patience is longer than every fault: what is sent before one is decided after it. A stopped broker's
// connections are given up soon, as its partitions move.
ClientKeys durable_producer_keys();
inline constexpr int flush_timeout_ms = 100'000;  // until everything such a producer has sent is decided

int64_t monotonic_ns();
// Waits until `done`, for as long as `progress` rises at least once in every `timeout_ms`: how long all of it takes says something of the machine only.
bool eventually_while_rising(int timeout_ms, const std::function<int64_t()>& progress, const std::function<bool()>& done);
Polled polled_of(RdKafka::Message& message);  // now
// What clients think, for whom looks into a run: QUOKKA_CLIENT_DEBUG is "eos", "topic", "msg,protocol", ... of librdkafka.
ClientKeys with_debug(ClientKeys keys);

}  // namespace quokka
