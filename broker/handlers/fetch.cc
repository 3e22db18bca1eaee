// Fetch (key 1), versions 0-17: records from the partitions that a consumer or a follower names.
//
// Answered at once if there are min_bytes to read, anything is wrong with a partition, or no waiting is wanted; else parked at the partitions until
// enough arrives or max_wait_ms has passed, then everything is read anew; a peer that leaves ends the waiting. What would wait for the device is read on
// the pool once before. Consumers read to the high watermark, with read_committed to the last stable
// offset, followers to the log end. Of a throttled partition a follower out of sync gets nothing while the rate is above the limit (KIP-73).
// Versions: 0-1 magic 0, 2-3 magic 1 (converted down); 3 max_bytes and progress with any batch size; 4 magic 2, isolation; 7 sessions (KIP-227); 9 current
// leader epoch; 10 zstd; 11 consumers may read followers (KIP-392); 12 diverging epochs; 13 topic ids; 15 replica state; 16 current leader in the answer.
// Better than Kafka: replica ids other than -1, -2 and brokers' are refused, and brokers' count only on the brokers' listener; a
// follower asked for what lies beyond its log sends the consumer to the leader (NOT_LEADER_OR_FOLLOWER) instead of having it begin anew, since an older
// client takes it for the leader that it was.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/read_replica.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/fetch.h"
#include "protocol/records/conversion.h"

namespace quokka {

namespace {

using TopicAnswer = FetchResponse::FetchableTopicResponse;
using PartitionAnswer = TopicAnswer::PartitionData;

constexpr int16_t kFirstOfMagic2 = 4, kFirstOfStorageError = 6, kFirstOfZstd = 10, kFirstOfFollowers = 11, kFirstOfTopicIds = 13, kFirstOfReplicaState = 15,
                  kFirstOfCurrentLeader = 16;
constexpr size_t kPartitionsMax = 200'000;  // of one request
constexpr size_t kMemoryUncountedMax = 64 << 10;
constexpr int64_t kBatchSizeAt = 8;  // of the length field in a batch

// Of an epoch in a fetch every negative number says that the client knows none.
LeaderEpoch known_epoch(LeaderEpoch epoch) { return epoch.value < 0 ? LeaderEpoch() : epoch; }

// Partitions that the cluster does not have neither end the waiting of others nor stand among them in the answer, but behind: first those of
// unknown ids.
int place_in_answer(ErrorCode missing) {
  if (missing == ErrorCode::UNKNOWN_TOPIC_ID) return 1;
  return missing == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION ? 2 : 0;
}
bool is_unknown(ErrorCode missing) { return place_in_answer(missing) > 0; }

// What was read of one partition.
struct Reading {
  ErrorCode error = ErrorCode::NONE;
  Offset high_watermark, last_stable_offset, log_start;
  std::optional<EpochEnd> diverging;
  std::optional<BrokerId> preferred;  // where the consumer should rather read; there are no records then
  LogRead data;
  std::unique_ptr<uint8_t[]> converted;  // for old versions; then data.slice is not sent
  size_t converted_bytes = 0;
  Offset end;                      // what could be read when this was read: parked against it
  bool older_segment = false;      // there is certainly more than what fits
  size_t bytes() const { return converted ? converted_bytes : static_cast<size_t>(data.slice.length); }
};

class FetchCall : public std::enable_shared_from_this<FetchCall> {
 public:
  FetchCall(Services& services, CallPtr call, Decoded<FetchRequest> decoded)
      : services_(services), call_(std::move(call)), loop_(call_->loop()), version_(call_->version()), decoded_(std::move(decoded)) {}

  void run();

 private:
  // One round of waiting, parked at every partition and woken by one of them: those that stay behind at the others are dead then.
  class Round final : public FetchWaiter {
   public:
    explicit Round(const std::shared_ptr<FetchCall>& call) : call_(call), loop_(call->loop_) {}
    void wake() override {
      if (woken_.exchange(true)) return;
      loop_.post([weak = call_] {
        if (const auto call = weak.lock()) call->on_woken();
      });
    }

   private:
    const std::weak_ptr<FetchCall> call_;  // its timer holds it
    Loop& loop_;
    std::atomic<bool> woken_{false};
  };

  const FetchRequest& request() const { return decoded_.request; }
  void refuse(ErrorCode error);
  FetchSessions::Request session_request();
  bool reserve_memory();
  void resolve();
  bool read_all();
  void read_one(const FetchWish& wish, const PartitionPtr& partition, int64_t& bytes_left, bool& min_one_message, Reading& reading);
  bool redirect(const FetchWish& wish, Partition& partition, Reading& reading);
  bool is_held_back(const FetchWish& wish, const Partition& partition) const;
  void convert(const FetchWish& wish, const LogConfig& config, Reading& reading);
  bool park();
  void go_on();
  void warm();
  void on_departure(Departure departure);
  void on_woken();
  void answer();
  std::vector<size_t> answered_in_order(const std::vector<bool>& send) const;
  void fill(const FetchWish& wish, Reading& reading, PartitionAnswer& answer, std::vector<FileSlice>& slices);

  Services& services_;
  CallPtr call_;
  Loop& loop_;
  const int16_t version_;
  Decoded<FetchRequest> decoded_;
  FetchContext context_;
  BrokerId replica_{-1};
  Isolation isolation_ = Isolation::read_uncommitted;
  int64_t bytes_max_ = 0, bytes_min_ = 0;
  std::vector<PartitionPtr> partitions_;  // of context_.wishes, null where there is none
  std::vector<ErrorCode> missing_;        // why
  std::vector<Reading> readings_;
  std::vector<ReadPlan> cold_;            // not run by read_all
  bool warmed_ = false;                   // they were, on the pool
  bool warming_ = false;
  MonoTime deadline_;
  Loop::TimerId timer_ = 0;
  std::shared_ptr<Round> round_;
  bool read_before_ = false;
  // What the answer borrows.
  std::vector<std::vector<PartitionAnswer::AbortedTransaction>> aborted_;
};

size_t partition_count(const FetchRequest& request) {
  size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  return count;
}

// An error of the whole: up to version 12 each partition carries it too.
void FetchCall::refuse(ErrorCode error) {
  FetchResponse response;
  response.error_code = version_ >= 7 ? error : ErrorCode::NONE;
  response.session_id = version_ >= 7 ? request().session_id : 0;
  std::vector<TopicAnswer> topics;
  std::vector<std::vector<PartitionAnswer>> partitions;
  if (version_ < kFirstOfTopicIds) {
    for (const auto& topic : request().topics) {
      auto& answers = partitions.emplace_back();
      for (const auto& wish : topic.partitions) {
        PartitionAnswer& answer = answers.emplace_back();
        answer.partition_index = wish.partition;
        answer.error_code = error;
        answer.high_watermark = Offset(-1);
      }
      TopicAnswer told;
      told.topic = topic.topic;
      told.partitions = answers;
      topics.push_back(told);
    }
  }
  response.responses = topics;
  reply(std::move(call_), response);
}

FetchSessions::Request FetchCall::session_request() {
  FetchSessions::Request wanted;
  const FetchRequest& from = request();
  wanted.session_id = version_ >= 7 ? from.session_id : 0;
  wanted.session_epoch = version_ >= 7 ? from.session_epoch : -1;
  wanted.uses_topic_ids = version_ >= kFirstOfTopicIds;
  wanted.from_follower = replica_.value >= 0;
  std::map<std::tuple<std::string_view, TopicId, PartitionIndex>, size_t> places;
  for (const auto& topic : from.topics) {
    const auto name = topic.topic.empty() && wanted.uses_topic_ids ? nullptr : std::make_shared<const std::string>(topic.topic);
    for (const auto& partition : topic.partitions) {
      FetchWish wish{name, topic.topic_id, partition.partition, known_epoch(partition.current_leader_epoch),
                     known_epoch(partition.last_fetched_epoch), partition.fetch_offset, partition.log_start_offset, partition.partition_max_bytes};
      // Of a partition that is named twice the last wish counts.
      const auto [place, added] = places.try_emplace({topic.topic, topic.topic_id, partition.partition}, wanted.wishes.size());
      if (added) {
        wanted.wishes.push_back(std::move(wish));
      } else {
        wanted.wishes[place->second] = std::move(wish);
      }
    }
  }
  for (const auto& topic : from.forgotten_topics_data) {
    const auto name = wanted.uses_topic_ids ? nullptr : std::make_shared<const std::string>(topic.topic);
    for (const PartitionIndex partition : topic.partitions) {
      FetchWish forgotten;
      forgotten.topic = name;
      forgotten.topic_id = topic.topic_id;
      forgotten.partition = partition;
      wanted.forgotten.push_back(std::move(forgotten));
    }
  }
  return wanted;
}

// An incremental fetch of a few bytes may be one of all the partitions in its session, and wait for long. False: the connection is closed. Followers'
// are few, and must not starve.
bool FetchCall::reserve_memory() {
  constexpr size_t kEach = sizeof(FetchWish) + sizeof(PartitionPtr) + sizeof(ErrorCode) + sizeof(Reading) + 2 * sizeof(PartitionAnswer);
  const size_t bytes = context_.wishes.size() * kEach;
  if (replica_.value >= 0 || bytes <= kMemoryUncountedMax || call_->reserve_memory(decoded_.arena.bytes_used() + bytes)) return true;
  call_->close("a fetch of " + std::to_string(context_.wishes.size()) + " partitions takes " + std::to_string(bytes) +
               " bytes in memory, and there is no room for that within queued.max.request.bytes");
  call_.reset();
  return false;
}

void FetchCall::run() {
  const FetchRequest& from = request();
  replica_ = version_ >= kFirstOfReplicaState ? from.replica_state.replica_id : from.replica_id;
  if (replica_.value < -2) return refuse(ErrorCode::INVALID_REQUEST);
  if (replica_.value >= 0 && !call_->peer().inter_broker) return refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
  if (partition_count(from) > kPartitionsMax) return refuse(ErrorCode::INVALID_REQUEST);
  if (replica_.value >= 0) {
    isolation_ = Isolation::log_end;
    call_->measure_as_follower();
  } else if (from.isolation_level == 1) {
    isolation_ = Isolation::read_committed;
  }
  const int64_t broker_max = replica_.value >= 0 ? INT32_MAX : services_.config.fetch_max_bytes;
  bytes_max_ = std::min<int64_t>(version_ >= 3 ? from.max_bytes : INT32_MAX, broker_max);
  bytes_min_ = std::min<int64_t>(from.min_bytes, bytes_max_);

  context_ = services_.fetch_sessions.open(session_request(), loop_.now());
  if (context_.error != ErrorCode::NONE) {
    FetchResponse response;
    response.error_code = context_.error;
    return reply(std::move(call_), response);
  }
  if (!reserve_memory()) return;
  resolve();
  const bool any_known = std::any_of(missing_.begin(), missing_.end(), [](ErrorCode missing) { return !is_unknown(missing); });
  if (any_known && from.isolation_level != 0 && from.isolation_level != 1) return refuse(ErrorCode::UNKNOWN_SERVER_ERROR);
  deadline_ = loop_.now() + Duration::millis(std::max(0, from.max_wait_ms));
  go_on();
}

// Reads, and answers or parks.
void FetchCall::go_on() {
  do {
    const bool due = read_all();
    if (!cold_.empty()) return warm();
    if (due || request().max_wait_ms <= 0 || loop_.now() >= deadline_) return answer();
  } while (!park());
  if (timer_ != 0) return;
  timer_ = loop_.call_at(deadline_, [self = shared_from_this()] {
    self->timer_ = 0;
    self->on_woken();
  });
  call_->on_departure([weak = weak_from_this()](Departure departure) {
    if (const auto self = weak.lock()) self->on_departure(departure);
  });
}

// The pool waits for the device, and everything is read again from what is in memory then.
void FetchCall::warm() {
  warming_ = true;
  services_.pool.run([self = shared_from_this(), plans = std::move(cold_), converts = version_ < kFirstOfMagic2] {
    for (const ReadPlan& plan : plans) {
      const Result<LogRead> read = plan.run();
      if (read && converts && read->slice.length > 0) read->slice.file->read_ahead(read->slice.position, read->slice.length);
    }
    self->loop_.post([self] {
      self->warming_ = false;
      self->warmed_ = true;
      self->on_woken();
    });
  });
  cold_.clear();
}

// Who still reads gets what there is.
void FetchCall::on_departure(Departure departure) {
  if (departure == Departure::half_closed) {
    deadline_ = loop_.now();
    return on_woken();
  }
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  call_.reset();
}

// Names for ids, partitions for names.
void FetchCall::resolve() {
  const ClusterViewPtr view = services_.view.get();
  partitions_.resize(context_.wishes.size());
  missing_.resize(context_.wishes.size(), ErrorCode::NONE);
  readings_.resize(context_.wishes.size());
  for (size_t i = 0; i < context_.wishes.size(); ++i) {
    FetchWish& wish = context_.wishes[i];
    if (!wish.topic || version_ >= kFirstOfTopicIds) {
      const TopicView* topic = view->topic(wish.topic_id);
      if (topic == nullptr) {
        missing_[i] = view->brokers().empty() ? unknown_partition_error(*view) : ErrorCode::UNKNOWN_TOPIC_ID;
        continue;
      }
      if (!wish.topic || *wish.topic != topic->name) wish.topic = std::make_shared<const std::string>(topic->name);
    }
    if (wish.topic->size() > kTopicNameBytesMax || view->partition(*wish.topic, wish.partition) == nullptr) {
      missing_[i] = unknown_partition_error(*view);
      continue;
    }
    partitions_[i] = services_.replicas.find(*wish.topic, wish.partition);
    if (!partitions_[i]) {
      missing_[i] = missing_partition_error(services_, *view, *wish.topic, wish.partition);
    } else if (version_ >= kFirstOfTopicIds && !partitions_[i]->topic_id().is_zero() && partitions_[i]->topic_id() != wish.topic_id) {
      missing_[i] = ErrorCode::INCONSISTENT_TOPIC_ID;
      partitions_[i] = nullptr;
    }
  }
}

// True if the answer is due.
bool FetchCall::read_all() {
  int64_t bytes_left = bytes_max_;
  int64_t bytes = 0;
  bool due = false, any = false;
  bool min_one_message = version_ >= 3;
  for (size_t i = 0; i < context_.wishes.size(); ++i) {
    Reading reading;
    if (!partitions_[i]) {
      reading.error = missing_[i];
      due = due || !is_unknown(missing_[i]);
    } else {
      any = true;
      read_one(context_.wishes[i], partitions_[i], bytes_left, min_one_message, reading);
      bytes += static_cast<int64_t>(reading.bytes());
      due = due || reading.error != ErrorCode::NONE || reading.diverging || reading.preferred || reading.older_segment;
    }
    readings_[i] = std::move(reading);
  }
  read_before_ = true;
  return due || !any || bytes >= bytes_min_;
}

void FetchCall::read_one(const FetchWish& wish, const PartitionPtr& partition, int64_t& bytes_left, bool& min_one_message, Reading& reading) {
  if (redirect(wish, *partition, reading)) return;
  Partition::Read read;
  read.offset = wish.fetch_offset;
  read.bytes_max = std::max<int64_t>(0, std::min<int64_t>(wish.partition_bytes_max, bytes_left));
  read.min_one_message = min_one_message;
  read.isolation = isolation_;
  read.current_leader_epoch = wish.current_leader_epoch;
  read.last_fetched_epoch = wish.last_fetched_epoch;
  read.leader_only = replica_.value >= 0 || version_ < kFirstOfFollowers;
  // Where the follower's log ends is told once: while the request waits, a later one may have said more.
  if (replica_.value >= 0 && !read_before_) {
    const BrokerEpoch epoch = version_ >= kFirstOfReplicaState ? request().replica_state.replica_epoch : BrokerEpoch();
    read.follower = Leader::FollowerFetch{replica_, epoch, wish.fetch_offset, wish.follower_log_start, services_.view.get()->is_live(replica_)};
  }
  Result<Partition::ReadAnswer> answer = partition->read(read);
  if (!answer) {
    reading.error = answer.code();
    return;
  }
  // A negative limit is no error where there is nothing to read.
  if ((wish.partition_bytes_max < 0 || bytes_max_ < 0) && wish.fetch_offset < answer->end) {
    reading.error = ErrorCode::UNKNOWN_SERVER_ERROR;
    return;
  }
  reading.high_watermark = answer->high_watermark;
  reading.last_stable_offset = answer->last_stable_offset;
  reading.log_start = answer->log_start;
  reading.diverging = answer->diverging;
  reading.end = answer->end;
  if (answer->diverging || is_held_back(wish, *partition)) return;
  reading.older_segment = answer->plan.in_older_segment();
  if (!warmed_ && answer->plan.cold()) {
    cold_.push_back(std::move(answer->plan));
    return;
  }
  Result<LogRead> data = answer->plan.run();
  if (!data) {
    reading.error = data.code();
    return;
  }
  reading.data = *std::move(data);
  FileSlice& slice = reading.data.slice;
  if (version_ < kFirstOfMagic2 && !warmed_ && slice.length > 0 && !slice.file->is_cached(slice.position, slice.length)) {
    cold_.push_back(std::move(answer->plan));
    return;
  }
  if (slice.length > 0 && version_ >= 3 && !read.min_one_message) {
    // Half a batch is of no use to a client that is promised progress with any size.
    uint8_t length[4];
    const Result<size_t> got = slice.file->read_at(MutableBytes(length), slice.position + kBatchSizeAt);
    if (!got || *got < 4 || slice.length < load_be<int32_t>(length) + static_cast<int64_t>(kLogOverheadBytes)) slice.length = 0;
  }
  if (version_ < kFirstOfZstd || version_ < kFirstOfMagic2) convert(wish, *partition->config(), reading);
  if (reading.error != ErrorCode::NONE) return;
  if (reading.bytes() > 0) min_one_message = false;
  bytes_left -= static_cast<int64_t>(reading.bytes());
}

// A throttled replica that is not in sync, while the rate is above the limit: nothing of it is sent now, and the others of the request are served.
bool FetchCall::is_held_back(const FetchWish& wish, const Partition& partition) const {
  return replica_.value >= 0 && services_.leader_throttle.holds_back(*wish.topic, wish.partition, loop_.now()) && !partition.is_in_sync(replica_);
}

// True if the consumer is sent to a replica nearer to it, or is in error. Followers never send on.
bool FetchCall::redirect(const FetchWish& wish, Partition& partition, Reading& reading) {
  if (replica_.value >= 0 || version_ < kFirstOfFollowers || request().rack_id.empty()) return false;
  if (services_.config.replica_selector_class != kRackAwareSelector) return false;
  const std::vector<Leader::Holder> holders = partition.holders(wish.fetch_offset);
  if (holders.empty()) return false;
  reading.preferred = rack_aware_replica(*services_.view.get(), call_->peer().listener, request().rack_id, services_.self, holders);
  if (!reading.preferred) return false;
  const Result<Partition::OffsetView> offsets = partition.offsets(wish.current_leader_epoch, false);
  if (!offsets) {
    reading.error = offsets.code();
    reading.preferred.reset();
    return true;
  }
  reading.high_watermark = offsets->high_watermark;
  reading.last_stable_offset = offsets->last_stable_offset;
  reading.log_start = offsets->log_start;
  return true;
}

// What old clients cannot read.
void FetchCall::convert(const FetchWish& wish, const LogConfig& config, Reading& reading) {
  if (config.compression == CompressionCodec::ZSTD) {
    reading.error = ErrorCode::UNSUPPORTED_COMPRESSION_TYPE;
    return;
  }
  if (version_ >= kFirstOfMagic2) return;
  if (!config.down_conversion) {
    reading.error = ErrorCode::UNSUPPORTED_VERSION;
    return;
  }
  const FileSlice& slice = reading.data.slice;
  if (slice.length == 0) return;
  std::vector<uint8_t> batches(static_cast<size_t>(slice.length));
  const Result<size_t> got = slice.file->read_at(batches, slice.position);
  if (!got) {
    reading.error = got.code();
    return;
  }
  ScratchPool::Loan scratch = services_.scratches.lend();
  std::vector<uint8_t> converted;
  reading.error =
      convert_down(Bytes(batches.data(), *got), version_ <= 1 ? 0 : 1, wish.fetch_offset, services_.decompression, *scratch, converted).code();
  // What lies before a batch that cannot be converted is of use.
  if (reading.error == ErrorCode::UNSUPPORTED_COMPRESSION_TYPE && !converted.empty()) reading.error = ErrorCode::NONE;
  reading.converted = std::make_unique<uint8_t[]>(converted.size());
  std::copy(converted.begin(), converted.end(), reading.converted.get());
  reading.converted_bytes = converted.size();
}

// False if there is news since read_all.
bool FetchCall::park() {
  round_ = std::make_shared<Round>(shared_from_this());
  for (size_t i = 0; i < context_.wishes.size(); ++i) {
    if (partitions_[i] && !partitions_[i]->park(round_, isolation_, readings_[i].end, context_.wishes[i].current_leader_epoch)) return false;
  }
  return true;
}

void FetchCall::on_woken() {
  if (call_ && !warming_) go_on();
}

void FetchCall::fill(const FetchWish& wish, Reading& reading, PartitionAnswer& answer, std::vector<FileSlice>& slices) {
  answer.partition_index = wish.partition;
  // Older clients do not know the error, and look for another leader on this one.
  const bool storage_unknown = version_ < kFirstOfStorageError && reading.error == ErrorCode::KAFKA_STORAGE_ERROR;
  answer.error_code = storage_unknown ? ErrorCode::NOT_LEADER_OR_FOLLOWER : reading.error;
  answer.high_watermark = reading.error == ErrorCode::NONE ? reading.high_watermark : Offset(-1);
  answer.last_stable_offset = reading.error == ErrorCode::NONE ? reading.last_stable_offset : Offset(-1);
  answer.log_start_offset = reading.error == ErrorCode::NONE ? reading.log_start : Offset(-1);
  if (reading.diverging) {
    answer.diverging_epoch.epoch = reading.diverging->epoch.value;
    answer.diverging_epoch.end_offset = reading.diverging->end_offset;
  }
  if (reading.preferred) answer.preferred_read_replica = *reading.preferred;
  answer.aborted_transactions = std::nullopt;
  if (reading.error == ErrorCode::NONE && !reading.diverging && isolation_ == Isolation::read_committed) {
    auto& aborted = aborted_.emplace_back();
    for (const AbortedTransaction& each : reading.data.aborted) aborted.push_back({each.producer_id, each.first_offset});
    answer.aborted_transactions = aborted;
  }
  if (reading.error != ErrorCode::NONE || reading.bytes() == 0) {
    answer.records.bytes = Bytes();
  } else if (reading.converted) {
    answer.records.bytes = Bytes(reading.converted.get(), reading.converted_bytes);
  } else {
    answer.records.hole_bytes = static_cast<size_t>(reading.data.slice.length);
    slices.push_back(std::move(reading.data.slice));
  }
}

// The indexes of those to be sent, unknown partitions behind the others.
std::vector<size_t> FetchCall::answered_in_order(const std::vector<bool>& send) const {
  std::vector<size_t> order;
  for (size_t i = 0; i < send.size(); ++i) {
    if (send[i]) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) { return place_in_answer(missing_[a]) < place_in_answer(missing_[b]); });
  return order;
}

void FetchCall::answer() {
  if (timer_ != 0) loop_.cancel(timer_);
  std::vector<bool> send(context_.wishes.size(), true);
  if (context_.session) {
    std::vector<FetchNews> news;
    for (const Reading& reading : readings_) {
      const bool good = reading.error == ErrorCode::NONE;
      news.push_back({reading.error, good ? reading.high_watermark : Offset(), good ? reading.log_start : Offset(), reading.bytes() > 0,
                      reading.diverging || reading.preferred});
    }
    send = context_.session->note(context_.wishes, news, context_.incremental);
  }
  CurrentLeaders<FetchResponse::NodeEndpoint> leaders(services_, call_->peer().listener, version_ >= kFirstOfCurrentLeader);
  std::vector<PartitionAnswer> partitions;
  partitions.reserve(context_.wishes.size());
  aborted_.reserve(context_.wishes.size());
  std::vector<TopicAnswer> topics;
  std::vector<FileSlice> slices;
  for (const size_t i : answered_in_order(send)) {
    const FetchWish& wish = context_.wishes[i];
    Reading& reading = readings_[i];
    const size_t bytes = reading.bytes();
    PartitionAnswer& answer = partitions.emplace_back();
    fill(wish, reading, answer, slices);
    if (reading.error == ErrorCode::UNSUPPORTED_COMPRESSION_TYPE || reading.error == ErrorCode::UNSUPPORTED_VERSION) {
      answer.records = {};
      answer.aborted_transactions = Array<PartitionAnswer::AbortedTransaction>();
    }
    if (is_unknown(missing_[i])) answer.aborted_transactions = Array<PartitionAnswer::AbortedTransaction>();
    if (wish.topic && partitions_[i]) services_.traffic.on_fetched(*wish.topic, bytes, replica_.value >= 0);
    if (wish.topic && replica_.value >= 0) services_.leader_throttle.record(*wish.topic, wish.partition, bytes, loop_.now());
    if (wish.topic && (reading.error == ErrorCode::NOT_LEADER_OR_FOLLOWER || reading.error == ErrorCode::FENCED_LEADER_EPOCH))
      leaders.tell(*wish.topic, wish.partition, answer.current_leader);
    const std::string_view name = wish.topic ? std::string_view(*wish.topic) : std::string_view();
    const bool same = !topics.empty() && (version_ >= kFirstOfTopicIds ? topics.back().topic_id == wish.topic_id : topics.back().topic == name);
    if (same) {
      topics.back().partitions = Array<PartitionAnswer>(topics.back().partitions.begin(), topics.back().partitions.size() + 1);
    } else {
      TopicAnswer topic;
      topic.topic = name;
      topic.topic_id = wish.topic_id;
      topic.partitions = Array<PartitionAnswer>(&answer, 1);
      topics.push_back(topic);
    }
  }
  FetchResponse response;
  response.session_id = context_.session ? context_.session->id() : 0;
  response.responses = topics;
  response.node_endpoints = leaders.endpoints();
  Result<Encoded> encoded = encode(response, version_);
  const CallPtr call = std::move(call_);  // answered once, either way: a wake that comes later finds none
  if (!encoded) {
    log_error("{}", encoded.error().message);
    return call->close(encoded.error().message);
  }
  for (Reading& reading : readings_) {
    if (reading.converted) encoded->keep(std::move(reading.converted));
  }
  call->answer({*std::move(encoded), std::move(slices)});
}

}  // namespace

void handle_fetch(Services& services, CallPtr call) {
  auto decoded = decode_call<FetchRequest>(call);
  if (!decoded) return;
  std::make_shared<FetchCall>(services, std::move(call), *std::move(decoded))->run();
}

}  // namespace quokka
