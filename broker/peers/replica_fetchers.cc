#include "broker/peers/replica_fetchers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "broker/peers/fetch_retry.h"
#include "protocol/base/log.h"
#include "protocol/client/typed_call.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"

namespace quokka {

namespace {

constexpr int16_t kFetchVersion = 17;
constexpr int16_t kFetchVersionOfNames = 12;
constexpr int16_t kListOffsetsVersion = 9;

}  // namespace

// On the loop of its lane.
class ReplicaFetchers::Fetcher : public std::enable_shared_from_this<Fetcher> {
 public:
  Fetcher(const Settings& settings, const Ports& ports, Lane lane, BrokerId source, bool by_id)
      : settings_(settings), ports_(ports), loop_(lane.loop), source_(source), by_id_(by_id), link_(lane.loop, lane.streams, ports.view, settings.link) {}

  Loop& loop() { return loop_; }

  void add(PartitionPtr partition) {
    const TopicPartition name = partition->name();
    Followed& followed = partitions_[name];
    followed.partition = std::move(partition);
    followed.turn = ++turns_;
    followed.resting_until = {};
    followed.retry = {};
    followed.begun = false;
    followed.truncating = false;
    followed.caught_up = false;
    followed.answered = false;
    wake();
  }
  void remove(const TopicPartition& name) {
    const auto found = partitions_.find(name);
    if (found == partitions_.end()) return;
    if (found->second.in_session) forgotten_.emplace(name, found->second.partition->topic_id());
    partitions_.erase(found);
    wake();
  }
  void remove_all() { partitions_.clear(); }

 private:
  struct Followed {
    PartitionPtr partition;
    uint64_t turn = 0;        // which add() it is of: what was begun for one before, under another leader epoch, is dropped
    MonoTime resting_until;   // after an error
    FetchRetry retry;
    bool was_out_of_range = false;    // in the answer before
    bool was_around_the_end = false;  // the same
    bool begun = false;       // a first fetch was sent
    bool truncating = false;  // on the pool
    bool in_session = false;
    bool caught_up = false;   // with the leader's high watermark, by the last answer that brought something
    bool answered = false;
    Partition::FetchFrom sent;  // as the session has it
  };
  using Response = FetchResponse::FetchableTopicResponse::PartitionData;

  void wake() {
    if (!in_flight_ && !waking_) {
      waking_ = true;
      loop_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->waking_ = false;
          self->fetch();
        }
      });
    }
  }
  // The earliest time of several counts.
  void wake_at(MonoTime when) {
    if (timer_ != 0 && timer_at_ <= when) return;
    if (timer_ != 0) loop_.cancel(timer_);
    timer_at_ = when;
    timer_ = loop_.call_at(when, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->timer_ = 0;
        self->wake();
      }
    });
  }

  void end_session() {
    session_id_ = 0;
    session_epoch_ = 0;
    forgotten_.clear();
    for (auto& [name, followed] : partitions_) followed.in_session = false;
  }

  void fetch();
  bool collect_wishes(FetchRequest& request);
  void on_fetched(Result<Answer<FetchResponse>> answer);
  void on_partition(const TopicPartition& name, Followed& followed, const Response& data);
  void rest(Followed& followed, Duration duration) {
    followed.resting_until = loop_.now() + duration;
    wake_at(followed.resting_until);
  }
  void rest(Followed& followed) { rest(followed, settings_.backoff); }
  void await_sync(const PartitionPtr& partition);
  template <class Truncation>
  void truncate(const TopicPartition& name, Followed& followed, Truncation truncation);
  void ask_bounds(const TopicPartition& name, uint64_t turn, LeaderEpoch epoch);
  void give_up_cutting(Followed& followed);
  Followed* still_followed(const TopicPartition& name, uint64_t turn);  // null: it is another's turn by now
  void ask_offset(const TopicPartition& name, LeaderEpoch epoch, int64_t timestamp, Function<void(Result<Offset>)> done);
  const TopicPartition* name_of(const FetchResponse::FetchableTopicResponse& topic, PartitionIndex partition);

  const Settings& settings_;
  const Ports& ports_;
  Loop& loop_;
  const BrokerId source_;
  const bool by_id_;  // all its partitions have topic ids; else none has
  BrokerLink link_;
  FetchRetry link_retry_;
  std::map<TopicPartition, Followed> partitions_;
  uint64_t turns_ = 0;
  std::set<std::pair<TopicPartition, TopicId>> forgotten_;  // to be told to the session; a topic may be there twice, deleted and created anew
  std::unordered_map<TopicId, std::string> topic_names_;
  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;
  size_t syncing_ = 0;  // partitions whose end is on its way to the device: the next fetch would acknowledge it
  bool in_flight_ = false;
  bool waking_ = false;
  bool holds_back_ = false;  // a partition was left out of the last request by the throttle
  Loop::TimerId timer_ = 0;
  MonoTime timer_at_;

  // Memory of the request under way.
  std::vector<FetchRequest::FetchTopic> topics_;
  std::vector<std::vector<FetchRequest::FetchTopic::FetchPartition>> topic_partitions_;
  std::vector<FetchRequest::ForgottenTopic> forgotten_topics_;
  std::vector<PartitionIndex> forgotten_indexes_;
};

// Names what changed since the session's last request; false if there is nothing to fetch now.
bool ReplicaFetchers::Fetcher::collect_wishes(FetchRequest& request) {
  const MonoTime now = loop_.now();
  if (session_epoch_ == 0) topic_names_.clear();  // all are named anew
  topics_.clear();
  topic_partitions_.clear();
  forgotten_topics_.clear();
  bool any = false;
  holds_back_ = false;
  const std::string* topic = nullptr;
  for (auto& [name, followed] : partitions_) {
    std::optional<Partition::FetchFrom> from;
    if (!followed.truncating && followed.resting_until <= now) {
      from = followed.partition->fetch_from();
      if (!from) await_sync(followed.partition);
    }
    if (from && from->has_no_epochs && !followed.begun) {
      followed.sent = *from;
      truncate(name, followed, [](Partition& partition, LeaderEpoch epoch) { return partition.truncate_without_epochs(epoch); });
      from.reset();
    }
    if (from && !followed.caught_up && ports_.throttle.holds_back(name.topic, name.partition, now)) {
      holds_back_ = true;
      from.reset();
    }
    followed.begun = followed.begun || from.has_value();
    if (!from) {
      if (followed.in_session) forgotten_.emplace(name, followed.partition->topic_id());
      followed.in_session = false;
      continue;
    }
    any = true;
    const bool same = followed.in_session && followed.sent.offset == from->offset && followed.sent.leader_epoch == from->leader_epoch &&
                      followed.sent.last_fetched_epoch == from->last_fetched_epoch && followed.sent.log_start == from->log_start;
    forgotten_.erase({name, followed.partition->topic_id()});
    followed.in_session = true;
    followed.sent = *from;
    if (same) continue;
    if (topic == nullptr || *topic != name.topic) {
      topic = &name.topic;
      topics_.push_back({name.topic, followed.partition->topic_id(), {}});
      topic_partitions_.emplace_back();
      if (by_id_) topic_names_[followed.partition->topic_id()] = name.topic;
    }
    FetchRequest::FetchTopic::FetchPartition wish;
    wish.partition = name.partition;
    wish.current_leader_epoch = from->leader_epoch;
    wish.fetch_offset = from->offset;
    wish.last_fetched_epoch = from->last_fetched_epoch;
    wish.log_start_offset = from->log_start;
    wish.partition_max_bytes = settings_.partition_bytes_max;
    topic_partitions_.back().push_back(wish);
  }
  for (size_t i = 0; i < topics_.size(); ++i) topics_[i].partitions = topic_partitions_[i];
  forgotten_indexes_.clear();
  forgotten_indexes_.reserve(forgotten_.size());
  for (const auto& [name, id] : forgotten_) {
    forgotten_indexes_.push_back(name.partition);
    forgotten_topics_.push_back({name.topic, id, Array<PartitionIndex>(&forgotten_indexes_.back(), 1)});
  }
  request.topics = topics_;
  request.forgotten_topics_data = forgotten_topics_;
  return any;
}

void ReplicaFetchers::Fetcher::fetch() {
  if (in_flight_ || syncing_ > 0) return;
  if (partitions_.empty()) {
    end_session();
    return link_.drop();
  }
  ClientConnection* connection = link_.to(source_);
  if (connection == nullptr) {
    end_session();
    const FetchRetry::Decision decision = link_retry_.on_refused(ErrorCode::BROKER_NOT_AVAILABLE, loop_.now(), settings_.backoff);
    if (decision.warn) log_warn_every(Duration::seconds(10), "broker {}, which this one is to fetch from, is not known to live; waiting for it", source_);
    return wake_at(loop_.now() + decision.rest);
  }
  link_retry_.on_served();
  FetchRequest request;
  if (!collect_wishes(request)) {
    // The timer that ran out may have been set for a partition that rests less than those that are left.
    const MonoTime now = loop_.now();
    if (holds_back_) wake_at(now + settings_.backoff);
    for (const auto& [name, followed] : partitions_) {
      if (followed.resting_until > now) wake_at(followed.resting_until);
    }
    return;  // the timer or an added partition wakes it
  }
  if (by_id_) {
    request.replica_state.replica_id = settings_.self;
    request.replica_state.replica_epoch = BrokerEpoch(ports_.broker_epoch.load());
  } else {
    request.replica_id = settings_.self;
  }
  request.max_wait_ms = static_cast<int32_t>(settings_.wait_max.to_millis());
  request.min_bytes = settings_.bytes_min;
  request.max_bytes = settings_.response_bytes_max;
  request.session_id = session_id_;
  request.session_epoch = session_epoch_;
  in_flight_ = true;
  send<FetchResponse>(*connection, request, by_id_ ? kFetchVersion : kFetchVersionOfNames,
                          [weak = weak_from_this()](Result<Answer<FetchResponse>> answer) {
                            if (const auto self = weak.lock()) self->on_fetched(std::move(answer));
                          });
  forgotten_.clear();  // told now; a failed request ends the session anyway
}

const TopicPartition* ReplicaFetchers::Fetcher::name_of(const FetchResponse::FetchableTopicResponse& topic, PartitionIndex partition) {
  TopicPartition name{std::string(topic.topic), partition};
  if (name.topic.empty()) {
    const auto known = topic_names_.find(topic.topic_id);
    if (known == topic_names_.end()) return nullptr;
    name.topic = known->second;
  }
  const auto found = partitions_.find(name);
  const bool same = found != partitions_.end() && (topic.topic_id.is_zero() || found->second.partition->topic_id() == topic.topic_id);
  return same ? &found->first : nullptr;
}

void ReplicaFetchers::Fetcher::on_fetched(Result<Answer<FetchResponse>> answer) {
  in_flight_ = false;
  const ErrorCode error = answer ? answer->message.error_code : answer.code();
  if (error != ErrorCode::NONE) {
    const bool session_lost = error == ErrorCode::FETCH_SESSION_ID_NOT_FOUND || error == ErrorCode::INVALID_FETCH_SESSION_EPOCH ||
                              error == ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR;
    end_session();
    if (session_lost) return wake();
    log_warn_every(Duration::seconds(10), "fetching from broker {} failed, trying again: {}", source_,
                   answer ? std::string(name(error)) : answer.error().message);
    return wake_at(loop_.now() + settings_.backoff);
  }
  const FetchResponse& response = answer->message;
  if (session_epoch_ == 0) {
    session_id_ = response.session_id;
    session_epoch_ = session_id_ == 0 ? 0 : 1;
    if (session_id_ == 0) end_session();
  } else {
    session_epoch_ = session_epoch_ == INT32_MAX ? 1 : session_epoch_ + 1;
  }
  for (const auto& topic : response.responses) {
    for (const Response& data : topic.partitions) {
      const TopicPartition* name = name_of(topic, data.partition_index);
      if (name != nullptr) on_partition(*name, partitions_.at(*name), data);
    }
  }
  // Partitions that came or went meanwhile are told by the next request.
  for (auto& [name, followed] : partitions_) {
    if (session_id_ == 0) followed.in_session = false;
  }
  wake();
}

void ReplicaFetchers::Fetcher::on_partition(const TopicPartition& name, Followed& followed, const Response& data) {
  const LeaderEpoch sent_under = followed.sent.leader_epoch;
  const auto now_from = followed.partition->fetch_from();
  if (!now_from || now_from->leader_epoch != sent_under || now_from->offset != followed.sent.offset) return;  // an answer to an older question
  switch (data.error_code) {
    case ErrorCode::NONE: break;
    case ErrorCode::OFFSET_OUT_OF_RANGE:
      followed.truncating = true;
      return ask_bounds(name, followed.turn, sent_under);
    default: {
      const FetchRetry::Decision decision = followed.retry.on_refused(data.error_code, loop_.now(), settings_.backoff);
      if (decision.warn)
        log_warn_every(Duration::seconds(10), "broker {} does not serve {} to this replica: {}; trying again", source_, name, quokka::name(data.error_code));
      return rest(followed, decision.rest);
    }
  }
  followed.retry.on_served();
  followed.was_out_of_range = false;
  const bool was_around_the_end = std::exchange(followed.was_around_the_end, false);
  if (data.diverging_epoch.epoch >= 0 || data.diverging_epoch.end_offset.value >= 0) {
    const EpochEnd leader{LeaderEpoch(data.diverging_epoch.epoch), data.diverging_epoch.end_offset};
    log_info("the log of {} parts from the leader's at epoch {}, which ends there at {}", name, leader.epoch, leader.end_offset);
    return truncate(name, followed, [leader](Partition& partition, LeaderEpoch epoch) { return partition.truncate_diverging(epoch, leader); });
  }
  const Bytes records = data.records.bytes.value_or(Bytes());
  if (!records.empty() && followed.partition->begin_before_the_end(records)) {
    log_info_every(Duration::seconds(10), "the leader's log of {} has a batch around offset {}, where this replica's ends", name, followed.sent.offset);
    followed.was_around_the_end = true;
    if (was_around_the_end) rest(followed);  // the cut before this one did not help
    return truncate(name, followed,
                    [copy = std::vector<uint8_t>(records.begin(), records.end()), high_watermark = data.high_watermark,
                     log_start = data.log_start_offset](Partition& partition, LeaderEpoch epoch) {
                      return partition.append_around_the_end(epoch, copy, high_watermark, log_start);
                    });
  }
  const Status status = followed.partition->append_fetched(sent_under, records, data.high_watermark, data.log_start_offset);
  if (!status && status.code() != ErrorCode::FENCED_LEADER_EPOCH) {
    log_error_every(Duration::seconds(10), "what broker {} sent of {} cannot be appended: {}", source_, name, status.error().message);
    rest(followed);
  }
  if (status && (!records.empty() || !followed.answered)) {
    followed.answered = true;
    followed.caught_up = followed.partition->log_end() >= data.high_watermark;
    ports_.throttle.record(name.topic, name.partition, records.size(), loop_.now());
  }
  await_sync(followed.partition);
}

void ReplicaFetchers::Fetcher::await_sync(const PartitionPtr& partition) {
  const bool waits = partition->await_sync([weak = weak_from_this(), &loop = loop_](ErrorCode) {
    loop.post([weak] {
      const auto self = weak.lock();
      if (!self) return;
      --self->syncing_;
      self->wake();
    });
  });
  if (waits) ++syncing_;
}

template <class Truncation>
void ReplicaFetchers::Fetcher::truncate(const TopicPartition& name, Followed& followed, Truncation truncation) {
  followed.truncating = true;
  ports_.pool.run([weak = weak_from_this(), name, turn = followed.turn, partition = followed.partition, epoch = followed.sent.leader_epoch, truncation,
                   &loop = loop_]() mutable {
    const Status status = truncation(*partition, epoch);
    if (!status && status.code() != ErrorCode::FENCED_LEADER_EPOCH) log_error_every(Duration::seconds(10), "the log of {} cannot be cut to its leader's: {}", name, status.error().message);
    loop.post([weak, name, turn, failed = !status] {
      const auto self = weak.lock();
      Followed* still = self ? self->still_followed(name, turn) : nullptr;
      if (still == nullptr) return;
      still->truncating = false;
      if (failed) self->rest(*still);
      self->wake();
    });
  });
}

// The leader does not have the offset asked for: where does its log lie?
void ReplicaFetchers::Fetcher::ask_bounds(const TopicPartition& name, uint64_t turn, LeaderEpoch epoch) {
  ask_offset(name, epoch, -1, [weak = weak_from_this(), name, turn, epoch](Result<Offset> latest) {
    const auto self = weak.lock();
    Followed* followed = self ? self->still_followed(name, turn) : nullptr;
    if (followed == nullptr) return;
    if (!latest) return self->give_up_cutting(*followed);
    self->ask_offset(name, epoch, -2, [weak, name, turn, latest = *latest](Result<Offset> earliest) {
      const auto again = weak.lock();
      Followed* still = again ? again->still_followed(name, turn) : nullptr;
      if (still == nullptr) return;
      if (!earliest) return again->give_up_cutting(*still);
      if (std::exchange(still->was_out_of_range, true)) again->rest(*still);  // the cut before this one did not help
      log_warn_every(Duration::seconds(10), "the leader's log of {} is [{}, {}), and this replica is elsewhere", name, *earliest, latest);
      again->truncate(name, *still, [start = *earliest, latest](Partition& p, LeaderEpoch sent_under) {
        return p.truncate_out_of_range(sent_under, start, latest);
      });
    });
  });
}

void ReplicaFetchers::Fetcher::give_up_cutting(Followed& followed) {
  followed.truncating = false;
  rest(followed);
}

ReplicaFetchers::Fetcher::Followed* ReplicaFetchers::Fetcher::still_followed(const TopicPartition& name, uint64_t turn) {
  const auto found = partitions_.find(name);
  return found == partitions_.end() || found->second.turn != turn ? nullptr : &found->second;
}

void ReplicaFetchers::Fetcher::ask_offset(const TopicPartition& name, LeaderEpoch epoch, int64_t timestamp, Function<void(Result<Offset>)> done) {
  ClientConnection* connection = link_.to(source_);
  if (connection == nullptr) return done(Error{ErrorCode::BROKER_NOT_AVAILABLE, "the leader is not known to live"});
  ListOffsetsRequest request;
  request.replica_id = settings_.self;
  std::vector<ListOffsetsRequest::ListOffsetsTopic::ListOffsetsPartition> partitions(1);
  partitions[0].partition_index = name.partition;
  partitions[0].current_leader_epoch = epoch;
  partitions[0].timestamp = timestamp;
  std::vector<ListOffsetsRequest::ListOffsetsTopic> topics(1);
  topics[0].name = name.topic;
  topics[0].partitions = partitions;
  request.topics = topics;
  send<ListOffsetsResponse>(*connection, request, kListOffsetsVersion,
                                [done = std::move(done)](Result<Answer<ListOffsetsResponse>> answer) mutable {
                                  if (!answer) return done(answer.error());
                                  const auto& found = answer->message.topics;
                                  if (found.empty() || found[0].partitions.empty())
                                    return done(Error{ErrorCode::UNKNOWN_SERVER_ERROR, "the answer lacks the partition"});
                                  const auto& data = found[0].partitions[0];
                                  if (data.error_code != ErrorCode::NONE) return done(Error{data.error_code, "the leader refused"});
                                  done(data.offset);
                                });
}

ReplicaFetchers::ReplicaFetchers(Settings settings, Ports ports) : settings_(std::move(settings)), ports_(std::move(ports)) {}

ReplicaFetchers::~ReplicaFetchers() = default;

void ReplicaFetchers::follow(PartitionPtr partition, BrokerId leader) {
  const TopicPartition name = partition->name();
  unfollow(name);
  const size_t index = std::hash<TopicPartition>()(name) % static_cast<size_t>(settings_.fetchers_per_source);
  const bool by_id = !partition->topic_id().is_zero();
  const Key key{leader, index, by_id};
  FetcherPtr fetcher;
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    FetcherPtr& slot = fetchers_[key];
    if (!slot) {
      const size_t lane = (static_cast<size_t>(leader.value) + index) % ports_.lanes.size();
      slot = std::make_shared<Fetcher>(settings_, ports_, ports_.lanes[lane], leader, by_id);
    }
    fetcher = slot;
    assigned_[name] = key;
  }
  fetcher->loop().post([fetcher, partition = std::move(partition)]() mutable { fetcher->add(std::move(partition)); });
}

void ReplicaFetchers::unfollow(const TopicPartition& name) {
  FetcherPtr fetcher;
  {
    MutexLock lock(mutex_);
    const auto found = assigned_.find(name);
    if (found == assigned_.end()) return;
    fetcher = fetchers_.at(found->second);
    assigned_.erase(found);
  }
  fetcher->loop().post([fetcher, name] { fetcher->remove(name); });
}

void ReplicaFetchers::stop(Task stopped) {
  std::vector<FetcherPtr> all;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [key, fetcher] : fetchers_) all.push_back(fetcher);
  }
  struct Stopping {
    std::atomic<size_t> left{0};
    Task stopped;
  };
  const auto stopping = std::make_shared<Stopping>();
  stopping->left = all.size() + 1;
  stopping->stopped = std::move(stopped);
  const auto one_less = [stopping] {
    if (--stopping->left == 0) stopping->stopped();
  };
  for (const FetcherPtr& fetcher : all) {
    fetcher->loop().post([fetcher, one_less] {
      fetcher->remove_all();
      one_less();
    });
  }
  one_less();
}

}  // namespace quokka
