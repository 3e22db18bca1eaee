// Produce (key 0), versions 0-11: appends batches to partitions that this broker leads.
//
// Stage one runs on the connection's loop in the order of arrival: each partition's batch is checked and appended. With acks 0 nothing is answered (a
// failed partition closes the connection, the only sign a client gets), with acks 1 the answer follows at once, with acks -1 when every partition is
// committed or the time-out has passed. Versions: 3 transactional id and magic 2 only, 7 zstd, 8 record errors, 9 flexible, 10 current leader in
// the answer to a wrong leader, 11 TRANSACTION_ABORTABLE. The first batch of a transaction in a partition is appended when the transaction's coordinator
// has confirmed that the partition takes part (KIP-890); until then what is behind the request on its connection waits, and if the client goes the request
// is dropped. What cannot be confirmed now is NOT_ENOUGH_REPLICAS, at which every client tries again. Throttle times are 0. What was appended and not
// committed (in time) is answered with its offset beside the error.
// Better than Kafka: null records are answered INVALID_REQUEST instead of never; batches that an idempotent producer sent behind one that was refused for
// the moment are refused alike instead of out of order (refused_batches.h).
#include <algorithm>
#include <memory>
#include <tuple>
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/log/producer_batches.h"
#include "broker/txn/transaction_verifier.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/produce.h"
#include "protocol/records/validate.h"

namespace quokka {

namespace {

using TopicResponse = ProduceResponse::TopicProduceResponse;
using PartitionResponse = TopicResponse::PartitionProduceResponse;

constexpr int16_t kAcksAll = -1;
// The batches of one request, which are read on the connection's loop, may be so many times the largest one (DecompressionLimits) together.
constexpr size_t kDecompressedBatchesMax = 4;

// A produce from its first append until it is answered.
class Produce : public std::enable_shared_from_this<Produce> {
 public:
  Produce(Services& services, CallPtr call, Decoded<ProduceRequest> decoded)
      : services_(services), call_(std::move(call)), loop_(call_->loop()), version_(call_->version()), decoded_(std::move(decoded)) {}

  void run();

 private:
  struct Outcome {
    std::string_view topic;
    PartitionIndex partition;
    std::optional<Bytes> records{};
    TransactionalProducer producer{};  // of a transactional batch
    TransactionGuard guard{};
    ErrorCode error = ErrorCode::NONE;
    Offset base_offset;
    int64_t log_append_time = -1;
    Offset log_start;
    std::optional<std::string> message;
    std::vector<RecordError> record_errors;
    std::optional<ErrorCode> twin_refused{};  // of other records for this partition, which the version does not allow
  };

  void collect();
  void unite(Outcome& first, const Outcome& second) const;
  std::optional<ErrorCode> refused_by_version(const Outcome& outcome) const;
  void answer_twins();
  ErrorCode check_whole() const;
  // Partitions whose transaction is to be verified, as places in outcomes_.
  std::vector<size_t> begin_verification(const ClusterView& view);
  void verify(std::vector<size_t> places);
  void on_verified(const std::vector<size_t>& places, const std::vector<ErrorCode>& errors);
  void append_all();
  void append(size_t index, const ClusterView& view);
  // Errors that say nothing about the log leave its start out of the answer, as Kafka does.
  void fail_at(Outcome& outcome, ErrorCode error, Offset log_start) {
    const bool silent = error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION || error == ErrorCode::NOT_LEADER_OR_FOLLOWER ||
                        error == ErrorCode::MESSAGE_TOO_LARGE || error == ErrorCode::RECORD_LIST_TOO_LARGE ||
                        error == ErrorCode::CORRUPT_MESSAGE || error == ErrorCode::KAFKA_STORAGE_ERROR;
    if (!silent) outcome.log_start = log_start;
    fail(outcome, error);
  }
  void fail(Outcome& outcome, ErrorCode error) {
    outcome.error = error;
    services_.traffic.on_produce_failed(outcome.topic);
  }
  void on_committed(size_t index, ErrorCode error);
  void answer();
  void watch_departure();
  void drop();
  const ProduceRequest& request() const { return decoded_.request; }

  Services& services_;
  CallPtr call_;
  Loop& loop_;
  const int16_t version_;
  Decoded<ProduceRequest> decoded_;
  std::vector<Outcome> outcomes_;
  size_t decompressed_left_ = services_.decompression.decompressed_bytes_max * kDecompressedBatchesMax;
  size_t waiting_ = 0;       // partitions that are not committed yet
  bool running_ = true;      // stage one
  bool watched_ = false;
  Loop::TimerId timer_ = 0;
};

AppendRules append_rules(const LogConfig& config) {
  AppendRules rules;
  if (config.compression) {
    const CompressionCodec codec = *config.compression;
    const int32_t level = codec == CompressionCodec::GZIP ? config.gzip_level : codec == CompressionCodec::LZ4 ? config.lz4_level : config.zstd_level;
    rules.compression = Compression{codec, level};
  }
  rules.timestamp_type = config.timestamp_type;
  rules.timestamp_before_max_ms = config.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = config.timestamp_after_max_ms;
  rules.compacted = config.cleanup_compact;
  rules.batch_bytes_max = config.max_message_bytes;
  return rules;
}

// One outcome a partition, those of a topic side by side. Of a partition that is named twice the last records count that the version allows; the
// answer tells the refusal of others all the same, as Kafka's does.
void Produce::collect() {
  for (const auto& topic : request().topic_data) {
    for (const auto& partition : topic.partition_data) {
      Outcome& outcome = outcomes_.emplace_back();
      outcome.topic = topic.name;
      outcome.partition = partition.index;
      outcome.records = partition.records.bytes;
    }
  }
  const auto place = [](const Outcome& outcome) { return std::tie(outcome.topic, outcome.partition); };
  const auto is_before = [&](const Outcome& a, const Outcome& b) { return place(a) < place(b); };
  const auto out_of_order = [&](const Outcome& a, const Outcome& b) { return !is_before(a, b); };
  if (std::adjacent_find(outcomes_.begin(), outcomes_.end(), out_of_order) == outcomes_.end()) return;
  std::stable_sort(outcomes_.begin(), outcomes_.end(), is_before);
  // Equals are in the order of the request.
  size_t kept = 0;
  for (size_t i = 1; i < outcomes_.size(); ++i) {
    if (place(outcomes_[i]) == place(outcomes_[kept])) unite(outcomes_[kept], outcomes_[i]);
    else if (++kept != i) outcomes_[kept] = std::move(outcomes_[i]);
  }
  outcomes_.resize(kept + 1);
}

void Produce::unite(Outcome& first, const Outcome& second) const {
  const std::optional<ErrorCode> first_refused = refused_by_version(first), second_refused = refused_by_version(second);
  if (second_refused && !first_refused) {
    first.twin_refused = second_refused;
    return;
  }
  if (first_refused) first.twin_refused = second_refused ? second_refused : first_refused;
  first.records = second.records;
}

std::optional<ErrorCode> Produce::refused_by_version(const Outcome& outcome) const {
  if (!outcome.records) return ErrorCode::INVALID_REQUEST;
  if (const auto refused = check_produce_version(*outcome.records, version_)) return refused->code;
  return std::nullopt;
}

void Produce::answer_twins() {
  for (Outcome& outcome : outcomes_) {
    if (!outcome.twin_refused) continue;
    Outcome refused;
    refused.topic = outcome.topic;
    refused.partition = outcome.partition;
    refused.error = *outcome.twin_refused;
    outcome = std::move(refused);
  }
}

// What is looked at before the request is taken apart; an error is that of every partition.
ErrorCode Produce::check_whole() const {
  bool transactional = false;
  for (const auto& topic : request().topic_data) {
    for (const auto& partition : topic.partition_data) {
      if (!partition.records.bytes) continue;
      const FirstBatch first = peek_first_batch(*partition.records.bytes);
      if (first.error != ErrorCode::NONE) return first.error;
      transactional = transactional || first.is_transactional;
    }
  }
  if (transactional && !request().transactional_id) return ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  return ErrorCode::NONE;
}

void Produce::run() {
  collect();
  if (const ErrorCode refused = check_whole(); refused != ErrorCode::NONE) {
    for (Outcome& outcome : outcomes_) {
      outcome.error = refused;
      outcome.twin_refused.reset();
    }
  } else {
    std::vector<size_t> places;
    if (request().transactional_id) places = begin_verification(*services_.view.get());
    if (!places.empty()) return verify(std::move(places));
  }
  append_all();
}

std::vector<size_t> Produce::begin_verification(const ClusterView& view) {
  std::vector<size_t> places;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    Outcome& outcome = outcomes_[i];
    if (!outcome.records || view.partition(outcome.topic, outcome.partition) == nullptr) continue;
    const auto batch = BatchCursor(*outcome.records).next();
    if (!batch || !batch->is_v2() || !batch->is_transactional() || !batch->has_producer_id()) continue;
    const PartitionPtr partition = services_.replicas.find(outcome.topic, outcome.partition);
    if (!partition) continue;
    if (!services_.verifier.enabled()) {
      outcome.guard = TransactionGuard::trusted();
      continue;
    }
    const auto guard = partition->begin_verification(producer_batch(*batch));
    if (!guard || !*guard) continue;
    outcome.guard = **guard;
    outcome.producer = {batch->producer_id(), batch->producer_epoch()};
    places.push_back(i);
  }
  return places;
}

void Produce::verify(std::vector<size_t> places) {
  const TransactionalProducer producer = outcomes_[places.front()].producer;
  std::vector<TopicPartition> partitions;
  for (const size_t place : places) {
    // A request is one producer's.
    if (outcomes_[place].producer != producer) {
      for (Outcome& outcome : outcomes_) outcome.error = ErrorCode::INVALID_PRODUCER_ID_MAPPING;
      return append_all();
    }
    partitions.push_back({std::string(outcomes_[place].topic), outcomes_[place].partition});
  }
  call_->hold_next();
  watch_departure();
  services_.verifier.verify(std::string(*request().transactional_id), producer, partitions,
                            [self = shared_from_this(), places = std::move(places)](std::vector<ErrorCode> errors) mutable {
                              Loop& loop = self->loop_;
                              loop.post([self = std::move(self), places = std::move(places), errors = std::move(errors)] {
                                if (self->call_) self->on_verified(places, errors);
                              });
                            });
}

void Produce::on_verified(const std::vector<size_t>& places, const std::vector<ErrorCode>& errors) {
  for (size_t i = 0; i < places.size(); ++i) {
    ErrorCode error = errors[i];
    if (error == ErrorCode::TRANSACTION_ABORTABLE && version_ < 11) error = ErrorCode::INVALID_TXN_STATE;
    if (error != ErrorCode::NONE) fail(outcomes_[places[i]], error);
  }
  append_all();
  if (call_) call_->allow_next();
}

void Produce::append_all() {
  const ClusterViewPtr view = services_.view.get();
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (outcomes_[i].error == ErrorCode::NONE) append(i, *view);
  }
  running_ = false;
  if (waiting_ == 0) return answer();
  if (request().acks != kAcksAll) return;
  timer_ = loop_.call_after(Duration::millis(std::max(0, request().timeout_ms)), [self = shared_from_this()] {
    if (!self->call_) return;
    self->timer_ = 0;
    self->answer();
  });
  watch_departure();
}

void Produce::watch_departure() {
  if (std::exchange(watched_, true)) return;
  call_->on_departure([weak = weak_from_this()](Departure departure) {
    const auto self = weak.lock();
    // Who half-closes may still read an answer, but nothing more is to be begun for it: its successor may have begun another transaction.
    if (self && (departure == Departure::closed || self->running_)) self->drop();
  });
}

// Nobody waits for the answer any more.
void Produce::drop() {
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  call_.reset();
}

void Produce::append(size_t index, const ClusterView& view) {
  Outcome& outcome = outcomes_[index];
  const int16_t acks = request().acks;
  if (view.partition(outcome.topic, outcome.partition) == nullptr) {
    outcome.error = unknown_partition_error(view);  // not measured: a client may invent any number of names
    outcome.twin_refused.reset();
    return;
  }
  if (!outcome.records) return fail(outcome, ErrorCode::INVALID_REQUEST);
  const Bytes records = *outcome.records;
  if (const auto refused = check_produce_version(records, version_)) {
    if (refused->message_in_response) outcome.message = refused->message;
    return fail(outcome, refused->code);
  }
  if (acks < kAcksAll || acks > 1) return fail(outcome, ErrorCode::INVALID_REQUIRED_ACKS);
  if (is_internal_topic(outcome.topic)) return fail(outcome, ErrorCode::INVALID_TOPIC_EXCEPTION);
  const PartitionPtr partition = services_.replicas.find(outcome.topic, outcome.partition);
  if (!partition) return fail(outcome, missing_partition_error(services_, view, outcome.topic, outcome.partition));
  const std::optional<BatchView> first = BatchCursor(records).next();
  const Result<Partition::AppendPermit> permit = partition->permit_append(acks, first ? idempotent_batch(*first) : std::nullopt);
  if (!permit) return fail(outcome, permit.code());

  // The frame is ours to change: offsets are patched in place.
  const MutableBytes writable(const_cast<uint8_t*>(records.data()), records.size());
  ScratchPool::Loan scratch = services_.scratches.lend();
  DecompressionLimits limits = services_.decompression;
  limits.decompressed_bytes_max = std::min(limits.decompressed_bytes_max, decompressed_left_);
  const uint64_t before = (*scratch).decompressed_bytes();
  Validation validation =
      validate_append(writable, partition->name(), append_rules(*permit->config), AppendOrigin::CLIENT, loop_.wall_now(), limits, *scratch);
  decompressed_left_ -= std::min<uint64_t>(decompressed_left_, (*scratch).decompressed_bytes() - before);
  if (auto* refused = std::get_if<AppendRefused>(&validation)) {
    if (refused->message_in_response) outcome.message = std::move(refused->message);
    outcome.record_errors = std::move(refused->record_errors);
    return fail_at(outcome, refused->code, permit->log_start);
  }
  BatchToAppend batch = std::get<BatchToAppend>(std::move(validation));
  if (batch.is_empty()) return;

  Partition::OnCommitted committed;
  const bool for_sync = acks == 1 && permit->config->durable();
  if (for_sync) {
    // Nothing limits this wait but the device: the request lives until then.
    committed = [self = shared_from_this(), index, &loop = loop_](ErrorCode error) {
      loop.post([self, index, error] { self->on_committed(index, error); });
    };
  } else if (acks == kAcksAll) {
    // The timer holds the request until it is answered.
    committed = [weak = weak_from_this(), index, &loop = loop_](ErrorCode error) {
      loop.post([weak, index, error] {
        if (const auto self = weak.lock()) self->on_committed(index, error);
      });
    };
  }
  const MonoTime give_up = for_sync ? Partition::kNever : loop_.now() + Duration::millis(std::max(0, request().timeout_ms));
  Result<Partition::Appended> appended =
      partition->append(batch, permit->leader_epoch, AppendOrigin::CLIENT, std::move(committed),
                        {give_up, for_sync ? Partition::AckWhen::synced : Partition::AckWhen::committed}, outcome.guard);
  if (!appended) return fail_at(outcome, appended.code(), permit->log_start);
  outcome.base_offset = appended->result.base_offset;
  outcome.log_append_time = appended->result.log_append_time;
  outcome.log_start = appended->result.log_start;
  services_.traffic.on_produced(outcome.topic, batch.bytes().size(), static_cast<size_t>(std::max(0, batch.view().records_count())));
  if (appended->waits) {
    ++waiting_;
    outcome.error = ErrorCode::REQUEST_TIMED_OUT;  // unless it is committed in time
  }
}

void Produce::on_committed(size_t index, ErrorCode error) {
  if (!call_) return;  // answered by the time-out, or nobody waits
  // It is in a log whose directory has failed, and may be found there later; clients take that error for "not written" (librdkafka says so of the record).
  outcomes_[index].error = error == ErrorCode::KAFKA_STORAGE_ERROR ? ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND : error;
  if (--waiting_ == 0 && !running_) answer();
}

void Produce::answer() {
  if (timer_ != 0) loop_.cancel(timer_);
  answer_twins();
  if (request().acks == 0) {
    const CallPtr call = std::move(call_);
    for (const Outcome& outcome : outcomes_) {
      if (outcome.error != ErrorCode::NONE)
        return call->close("a produce with acks=0 to " + std::string(outcome.topic) + "-" + std::to_string(outcome.partition.value) +
                           " failed: " + std::string(name(outcome.error)));
    }
    return call->answer_nothing();
  }
  CurrentLeaders<ProduceResponse::NodeEndpoint> leaders(services_, call_->peer().listener, version_ >= 10);
  ProduceResponse response;
  std::vector<TopicResponse> topics;
  std::vector<PartitionResponse> partitions;
  std::vector<std::vector<PartitionResponse::BatchIndexAndErrorMessage>> record_errors;
  partitions.reserve(outcomes_.size());
  record_errors.reserve(outcomes_.size());
  for (Outcome& outcome : outcomes_) {
    PartitionResponse data;
    data.index = outcome.partition;
    data.error_code = outcome.error;
    data.base_offset = outcome.base_offset;
    data.log_append_time_ms = outcome.log_append_time;
    data.log_start_offset = outcome.log_start;
    if (outcome.message) data.error_message = *outcome.message;
    auto& errors = record_errors.emplace_back();
    for (const RecordError& error : outcome.record_errors) errors.push_back({error.batch_index, std::string_view(error.message)});
    data.record_errors = errors;
    if (outcome.error == ErrorCode::NOT_LEADER_OR_FOLLOWER) leaders.tell(outcome.topic, outcome.partition, data.current_leader);
    partitions.push_back(data);
    if (topics.empty() || topics.back().name != outcome.topic) topics.push_back({outcome.topic, {&partitions.back(), 0}});
    topics.back().partition_responses = {topics.back().partition_responses.begin(), topics.back().partition_responses.size() + 1};
  }
  response.responses = topics;
  response.node_endpoints = leaders.endpoints();
  reply(std::move(call_), response);
}

}  // namespace

void handle_produce(Services& services, CallPtr call) {
  auto decoded = decode_call<ProduceRequest>(call);
  if (!decoded) return;
  std::make_shared<Produce>(services, std::move(call), *std::move(decoded))->run();
}

}  // namespace quokka
