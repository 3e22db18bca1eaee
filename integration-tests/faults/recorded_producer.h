// A producer of librdkafka whose log says what it was told of each record. Of one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/faults/history.h"

namespace quokka {

struct Outgoing {
  std::string topic;
  int32_t partition = 0;
  std::optional<std::string> key;
  bool is_tombstone = false;  // without a value: its payload is in a header
};

class RecordedProducer final : private RdKafka::DeliveryReportCb {
 public:
  inline static const std::string payload_header = "payload";

  struct Options {
    std::string bootstrap;
    ClientKeys keys;
    uint32_t run = 1;
    int32_t number = 0;  // in the ids of its records
    size_t record_bytes = 100;
  };
  RecordedProducer(Options options, std::function<void(const Send&)> on_acknowledged);
  ~RecordedProducer() override = default;

  // False: nothing was sent, the queue is full or the client is done for.
  bool send(const Outgoing& record);
  // Serves deliveries. librdkafka gives an idempotent producer up after some errors; a new one goes on with the next sequence.
  void poll(int timeout_ms);
  // Waits until everything sent is decided; after it nothing more is sent.
  void finish(int timeout_ms);

  // The sequence of a record is its index.
  std::vector<Send>& sends() { return sends_; }

 private:
  void open();
  void dr_cb(RdKafka::Message& message) override;

  const Options options_;
  const std::function<void(const Send&)> on_acknowledged_;
  std::vector<Send> sends_;
  std::unique_ptr<RdKafka::Producer> producer_;
};

}  // namespace quokka
