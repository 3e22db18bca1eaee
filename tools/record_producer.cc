#include "tools/record_producer.h"

#include <algorithm>

#include "protocol/base/crc32c.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "tools/partitioner.h"

namespace quokka {
namespace {

// What a new attempt may cure, besides the codes that say so themselves.
bool may_retry(ErrorCode code) { return is_retriable(code); }

// The producer's id or sequence is not what the leader remembers: records of a former id are gone or were dropped.
bool needs_new_id(ErrorCode code) {
  return code == ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER || code == ErrorCode::UNKNOWN_PRODUCER_ID ||
         code == ErrorCode::INVALID_PRODUCER_EPOCH || code == ErrorCode::PRODUCER_FENCED || code == ErrorCode::INVALID_PRODUCER_ID_MAPPING;
}

}  // namespace

RecordProducer::RecordProducer(BlockingClient& client, std::string topic, ProducerSettings settings, OnFailure on_failure,
                               std::function<void(const std::string&)> warn)
    : client_(client), topic_(std::move(topic)), settings_(settings), on_failure_(std::move(on_failure)), warn_(std::move(warn)) {}

Status RecordProducer::open() {
  if (Status status = refresh(settings_.max_block); !status.ok()) return status;
  return settings_.idempotent ? take_producer_id() : Status();
}

Status RecordProducer::refresh(Duration patience) {
  const MonoTime deadline = client_.now() + patience;
  while (true) {
    const auto answer = client_.metadata(std::vector<std::string>{topic_}, true);
    std::string problem = answer.ok() ? "" : answer.error().message;
    if (answer.ok()) {
      const auto& topics = answer->message.topics;
      const ErrorCode code = topics.empty() ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : topics.front().error_code;
      if (code == ErrorCode::NONE && !topics.front().partitions.empty()) {
        for (const auto& partition : topics.front().partitions) {
          Partition& known = partitions_[partition.partition_index];
          known.leader = partition.leader_id;
          known.leader_epoch = partition.leader_epoch;
        }
        return {};
      }
      if (!is_retriable(code) && code != ErrorCode::NONE) return Error{code, "topic '" + topic_ + "': " + std::string(name(code))};
      problem = "topic '" + topic_ + "': " + std::string(name(code));
    }
    if (client_.now() >= deadline) return Error{ErrorCode::REQUEST_TIMED_OUT, "no metadata of topic '" + topic_ + "' in time. Last: " + problem};
    warn("fetching metadata again: " + problem);
    client_.pause(settings_.retry_backoff);
  }
}

Status RecordProducer::take_producer_id() {
  const MonoTime deadline = client_.now() + settings_.max_block;
  while (true) {
    const auto broker = client_.any_broker();
    Error error;
    if (broker.ok() && !(*broker)->serves(ApiKey::INIT_PRODUCER_ID)) {
      warn("the broker hands out no producer ids: records are sent without idempotence");
      settings_.idempotent = false;
      return {};
    }
    if (broker.ok()) {
      InitProducerIdRequest request;
      request.transactional_id.reset();
      request.transaction_timeout_ms = INT32_MAX;
      const auto answer = (*broker)->call<InitProducerIdResponse>(request, settings_.max_block);
      if (answer.ok() && answer->message.error_code == ErrorCode::NONE) {
        producer_id_ = answer->message.producer_id;
        producer_epoch_ = answer->message.producer_epoch;
        for (auto& [index, partition] : partitions_) partition.next_sequence = 0;
        return {};
      }
      error = answer.ok() ? Error{answer->message.error_code, "no producer id: " + std::string(name(answer->message.error_code))} : answer.error();
    } else {
      error = broker.error();
    }
    if (client_.now() >= deadline || !is_retriable(error.code)) return error;
    client_.pause(settings_.retry_backoff);
  }
}

// While a broker is away every attempt fails alike, ten times a second.
void RecordProducer::warn(const std::string& text) {
  const MonoTime now = client_.now();
  if (warned_.size() >= warned_max && !warned_.contains(text)) warned_.clear();
  const auto [at, is_new] = warned_.try_emplace(text, Warned{now});
  Warned& last = at->second;
  if (!is_new && now < last.at + settings_.warn_interval) {
    ++last.left_out;
    return;
  }
  warn_(last.left_out == 0 ? text : text + " (" + std::to_string(last.left_out) + " more like this were left out)");
  last = {now};
}

PartitionIndex RecordProducer::choose(std::optional<Bytes> key) {
  const auto count = static_cast<int32_t>(partitions_.size());
  if (key) return partition_of_key(*key, count);
  if (batches_.contains(sticky_)) return sticky_;
  // The next partition that has a leader.
  for (int32_t step = 1; step <= count; ++step) {
    const PartitionIndex next((sticky_.value + step) % count);
    if (partitions_[next].leader.value >= 0) return sticky_ = next;
  }
  return sticky_ = PartitionIndex((sticky_.value + 1) % count);
}

BatchBuilder RecordProducer::new_batch() {
  BatchFields fields;
  fields.compression = settings_.compression;
  return BatchBuilder(fields);
}

Status RecordProducer::add(int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value, std::span<const HeaderView> headers) {
  const size_t size = BatchBuilder::record_size_max(key, value, headers);
  if (kBatchHeaderBytes + size > settings_.request_bytes_max) {
    return Error{ErrorCode::MESSAGE_TOO_LARGE, "The message is " + std::to_string(kBatchHeaderBytes + size) +
                                                   " bytes when serialized which is larger than " + std::to_string(settings_.request_bytes_max) +
                                                   ", which is the value of the max.request.size configuration."};
  }
  PartitionIndex partition = choose(key);
  auto at = batches_.find(partition);
  if (at != batches_.end() && at->second.plain_size() + size > settings_.batch_bytes) {
    send({partition});
    partition = choose(key);
    at = batches_.end();
  }
  if (at == batches_.end()) at = batches_.try_emplace(partition, new_batch()).first;
  at->second.add(timestamp_ms, key, value, headers);
  if (at->second.plain_size() >= settings_.batch_bytes) send({partition});
  return {};
}

void RecordProducer::flush() {
  std::vector<PartitionIndex> all;
  for (const auto& [partition, batch] : batches_) all.push_back(partition);
  if (!all.empty()) send(all);
}

void RecordProducer::send(const std::vector<PartitionIndex>& partitions) {
  std::vector<Delivery> deliveries;
  for (const PartitionIndex partition : partitions) {
    BatchBuilder& builder = batches_.at(partition);
    Delivery delivery{partition, builder.build(), builder.records_count(), 0};
    batches_.erase(partition);
    if (settings_.idempotent) {
      int32_t& sequence = partitions_[partition].next_sequence;
      stamp(delivery, sequence);
      sequence = sequence_add(sequence, delivery.records);
    }
    deliveries.push_back(std::move(delivery));
  }
  deliver(std::move(deliveries));
}

// Producer fields lie inside the CRC.
void RecordProducer::stamp(Delivery& delivery, int32_t sequence) const {
  uint8_t* const at = delivery.bytes.data();
  store_be<int64_t>(at + 43, producer_id_.value);
  store_be<int16_t>(at + 51, producer_epoch_.value);
  store_be<int32_t>(at + 53, sequence);
  store_be<uint32_t>(at + 17, crc32c(Bytes(delivery.bytes).subspan(21)));
}

void RecordProducer::deliver(std::vector<Delivery> deliveries) {
  const MonoTime deadline = client_.now() + settings_.delivery_timeout;
  while (!deliveries.empty()) {
    const std::vector<Outcome> outcomes = attempt(deliveries);
    std::vector<Delivery> again;
    std::string problem;
    bool new_id = false;
    for (size_t i = 0; i < deliveries.size(); ++i) {
      Delivery& delivery = deliveries[i];
      const Outcome& outcome = outcomes[i];
      // A duplicate is one that was written by an attempt whose answer was lost.
      if (outcome.code == ErrorCode::NONE || outcome.code == ErrorCode::DUPLICATE_SEQUENCE_NUMBER) continue;
      const bool fenced = settings_.idempotent && needs_new_id(outcome.code);
      if ((may_retry(outcome.code) || fenced) && delivery.attempts++ < settings_.retries && client_.now() < deadline) {
        problem = topic_ + "-" + std::to_string(delivery.partition.value) + ": " + outcome.message;
        new_id = new_id || fenced;
        again.push_back(std::move(delivery));
      } else {
        on_failure_(Error{outcome.code, topic_ + "-" + std::to_string(delivery.partition.value) + ": " + outcome.message}, delivery.records);
        // The sequence of what was never written would leave a gap.
        new_id = new_id || settings_.idempotent;
      }
    }
    deliveries = std::move(again);
    if (!problem.empty()) warn("sending again: " + problem);
    if (new_id && !renew_sequences(deliveries)) return;
    if (deliveries.empty()) return;
    client_.pause(settings_.retry_backoff);
    if (Status status = refresh(settings_.max_block); !status.ok()) {
      for (const Delivery& delivery : deliveries) on_failure_(status.error(), delivery.records);
      return;
    }
  }
}

bool RecordProducer::renew_sequences(std::vector<Delivery>& deliveries) {
  if (Status status = take_producer_id(); !status.ok()) {
    for (const Delivery& delivery : deliveries) on_failure_(status.error(), delivery.records);
    deliveries.clear();
    return false;
  }
  for (Delivery& delivery : deliveries) {
    int32_t& sequence = partitions_[delivery.partition].next_sequence;
    stamp(delivery, sequence);
    sequence = sequence_add(sequence, delivery.records);
  }
  return true;
}

std::vector<RecordProducer::Outcome> RecordProducer::attempt(const std::vector<Delivery>& deliveries) {
  std::vector<Outcome> outcomes(deliveries.size(), Outcome{ErrorCode::LEADER_NOT_AVAILABLE, "the partition has no leader"});
  std::map<BrokerId, std::vector<size_t>> by_leader;
  for (size_t i = 0; i < deliveries.size(); ++i) by_leader[partitions_[deliveries[i].partition].leader].push_back(i);
  const auto note = [&outcomes](const std::vector<size_t>& indexes, const Error& error) {
    for (const size_t i : indexes) outcomes[i] = {error.code, error.message};
  };
  size_t unanswered = 0;
  for (const auto& each : by_leader) {
    const std::vector<size_t>& indexes = each.second;
    if (each.first.value < 0) continue;
    ++unanswered;
    const auto known = attempt_at(each.first, deliveries, indexes, [&](Result<Answer<ProduceResponse>> answer) {
      --unanswered;
      if (!answer.ok()) return note(indexes, answer.error());
      note(indexes, {ErrorCode::UNKNOWN_SERVER_ERROR, "the broker's answer leaves the partition out"});
      for (const auto& topic : answer->message.responses) {
        for (const auto& partition : topic.partition_responses) {
          const auto i = std::ranges::find(indexes, partition.index, [&](size_t at) { return deliveries[at].partition; });
          if (i == indexes.end()) continue;
          outcomes[*i] = {partition.error_code, std::string(name(partition.error_code))};
          if (partition.error_message) outcomes[*i].message += ": " + std::string(*partition.error_message);
        }
      }
    });
    if (!known) continue;
    --unanswered;
    note(indexes, known->ok() ? Error{ErrorCode::NONE, {}} : known->error());
  }
  client_.wait([&unanswered] { return unanswered == 0; });
  return outcomes;
}

std::optional<Status> RecordProducer::attempt_at(BrokerId leader, const std::vector<Delivery>& deliveries, const std::vector<size_t>& indexes,
                                                 OnProduced on_answer) {
  const auto connection = client_.broker(leader);
  if (!connection.ok()) return connection.error();
  const bool zstd = settings_.compression.codec == CompressionCodec::ZSTD;
  const auto version = (*connection)->version_of(ApiKey::PRODUCE, zstd ? 7 : 3, ProduceRequest::kVersionMax);
  if (!version.ok()) return version.error();
  using Topic = ProduceRequest::TopicProduceData;
  std::vector<Topic::PartitionProduceData> partitions;
  for (const size_t i : indexes) {
    partitions.emplace_back();
    partitions.back().index = deliveries[i].partition;
    partitions.back().records.bytes = Bytes(deliveries[i].bytes);
  }
  std::vector<Topic> topics(1);
  topics.front().name = topic_;
  topics.front().partition_data = partitions;
  ProduceRequest request;
  request.acks = settings_.acks;
  request.timeout_ms = static_cast<int32_t>(settings_.request_timeout.to_millis());
  request.topic_data = topics;
  // The broker's own time-out shall answer before this one gives the connection up.
  const Duration timeout = settings_.request_timeout + Duration::seconds(1);
  if (settings_.acks == 0) return (*connection)->tell(request, *version, timeout);
  (*connection)->start<ProduceResponse>(request, *version, timeout, std::move(on_answer));
  return std::nullopt;
}

}  // namespace quokka
