// Sends records to a topic and waits for the acknowledgements: batches by partition, retries, and the sequences of an idempotent
// producer, which keep a retried batch from being written twice.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/produce.h"
#include "protocol/records/batch_builder.h"

namespace quokka {

struct ProducerSettings {
  int16_t acks = -1;
  bool idempotent = true;
  Compression compression;
  size_t batch_bytes = 16384;             // batch.size
  size_t request_bytes_max = 1048576;     // max.request.size: a record above it is refused here
  Duration linger = Duration::seconds(1);              // of a record in its batch; whoever adds records flushes
  Duration request_timeout = Duration::millis(1500);
  Duration delivery_timeout = Duration::seconds(120);  // of a batch, with all its attempts
  Duration max_block = Duration::seconds(60);          // for the topic's metadata
  int64_t retries = INT64_MAX;
  Duration retry_backoff = Duration::millis(100);
  Duration warn_interval = Duration::seconds(10);
};

class RecordProducer {
 public:
  // Called for every batch that is given up.
  using OnFailure = std::function<void(const Error&, int32_t records)>;

  // `warn` gets a line for whatever delays the records, the same one at most every warn_interval; the next says how many were left out.
  RecordProducer(BlockingClient& client, std::string topic, ProducerSettings settings, OnFailure on_failure,
                 std::function<void(const std::string&)> warn);

  // Finds the topic's partitions and becomes a producer with an id. Errors end the tool.
  Status open();

  // Adds a record to its partition's batch; sends what is full. Errors are about this record alone.
  Status add(int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value, std::span<const HeaderView> headers);
  // Sends all that was added.
  void flush();
  bool has_records() const { return !batches_.empty(); }

 private:
  struct Partition {
    BrokerId leader;
    LeaderEpoch leader_epoch;
    int32_t next_sequence = 0;
  };
  struct Delivery {  // of one built batch
    PartitionIndex partition;
    std::vector<uint8_t> bytes;
    int32_t records = 0;
    int64_t attempts = 0;
  };
  // What became of one attempt.
  struct Outcome {
    ErrorCode code = ErrorCode::NONE;
    std::string message;
  };

  Status refresh(Duration patience);
  Status take_producer_id();
  PartitionIndex choose(std::optional<Bytes> key);
  BatchBuilder new_batch();
  void send(const std::vector<PartitionIndex>& partitions);
  void deliver(std::vector<Delivery> deliveries);
  // One request to each leader, all at once; what became of the deliveries, by index.
  std::vector<Outcome> attempt(const std::vector<Delivery>& deliveries);
  // The same for one leader. Starts what is answered later through `on_answer`; an error, and success without acknowledgement, are known at once.
  using OnProduced = Function<void(Result<Answer<ProduceResponse>>)>;
  std::optional<Status> attempt_at(BrokerId leader, const std::vector<Delivery>& deliveries, const std::vector<size_t>& indexes, OnProduced on_answer);
  bool renew_sequences(std::vector<Delivery>& deliveries);
  void stamp(Delivery& delivery, int32_t sequence) const;
  void warn(const std::string& text);

  BlockingClient& client_;
  const std::string topic_;
  ProducerSettings settings_;
  const OnFailure on_failure_;
  const std::function<void(const std::string&)> warn_;
  std::map<PartitionIndex, Partition> partitions_;
  std::map<PartitionIndex, BatchBuilder> batches_;
  PartitionIndex sticky_;  // where records without key go until their batch is sent
  ProducerId producer_id_;
  ProducerEpoch producer_epoch_;
  struct Warned {
    MonoTime at;
    int64_t left_out = 0;
  };
  static constexpr size_t warned_max = 100;
  std::map<std::string, Warned> warned_;  // by text
};

}  // namespace quokka
