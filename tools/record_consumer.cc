#include "tools/record_consumer.h"

#include <algorithm>

#include "protocol/client/by_topic.h"
#include "tools/listed_offsets.h"

namespace quokka {
namespace {

constexpr Duration kMetadataAge = Duration::seconds(30);
// From version 13 on topics go by id, which a reader of names has no use for.
constexpr int16_t kFetchVersionMax = 12;

}  // namespace

void RecordConsumer::assign(const TopicPartition& partition, StartAt begin, std::optional<Offset> position) {
  topics_[partition.topic] = partition.partition;
  partitions_[partition] = {{}, position, begin};
}

void RecordConsumer::read_only(const std::map<TopicPartition, std::optional<Offset>>& partitions) {
  is_told_partitions_ = true;
  topics_.clear();
  partitions_.clear();
  ++fetches_->assignment;
  fetches_->answers.clear();
  for (const auto& [partition, position] : partitions) {
    topics_[partition.topic] = std::nullopt;
    partitions_[partition] = {{}, position, settings_.reset};
  }
  metadata_expires_ = {};
}

std::map<TopicPartition, Offset> RecordConsumer::positions() const {
  std::map<TopicPartition, Offset> known;
  for (const auto& [name, partition] : partitions_) {
    if (partition.position) known[name] = *partition.position;
  }
  return known;
}

void RecordConsumer::warn_once(const std::string& text) {
  if (text != last_warning_) warn_(text);
  last_warning_ = text;
}

Status RecordConsumer::refresh() {
  std::vector<std::string> names;
  for (const auto& [topic, partition] : topics_) names.push_back(topic);
  if (is_told_partitions_ && names.empty()) {
    metadata_is_old_ = false;
    metadata_expires_ = client_.now() + kMetadataAge;
    return {};
  }
  const auto answer = client_.metadata(names, settings_.allow_auto_create_topics);
  reached_ = answer.ok() ? Status() : Status(answer.error());
  if (!answer.ok()) return answer.error();
  metadata_is_old_ = false;
  metadata_expires_ = client_.now() + kMetadataAge;
  for (const auto& topic : answer->message.topics) {
    const std::string topic_name(topic.name.value_or(""));
    if (topic.error_code != ErrorCode::NONE) {
      if (!is_retriable(topic.error_code)) return Error{topic.error_code, "topic '" + topic_name + "': " + std::string(name(topic.error_code))};
      warn_once("topic '" + topic_name + "': " + std::string(name(topic.error_code)));
      metadata_is_old_ = true;
    }
    const std::optional<PartitionIndex> only = topics_[topic_name];
    if (only && topic.error_code == ErrorCode::NONE &&
        std::ranges::find(topic.partitions, *only, &MetadataResponse::MetadataResponseTopic::MetadataResponsePartition::partition_index) == topic.partitions.end()) {
      return Error{ErrorCode::INVALID_REQUEST, "topic '" + topic_name + "' has no partition " + std::to_string(only->value)};
    }
    for (const auto& partition : topic.partitions) {
      if (only && partition.partition_index != *only) continue;
      if (is_told_partitions_ && !partitions_.contains({topic_name, partition.partition_index})) continue;
      auto [at, is_new] = partitions_.try_emplace(TopicPartition{topic_name, partition.partition_index});
      if (is_new) at->second.begin = settings_.reset;
      at->second.leader = partition.leader_id;
    }
  }
  return {};
}

Status RecordConsumer::find_positions() {
  std::map<std::pair<BrokerId, StartAt>, std::vector<TopicPartition>> wanted;
  for (const auto& [name, partition] : partitions_) {
    if (partition.position || partition.leader.value < 0) continue;
    if (partition.begin == StartAt::NOWHERE) {
      return Error{ErrorCode::OFFSET_OUT_OF_RANGE, name.str() + ": no offset to begin at, and auto.offset.reset is none"};
    }
    wanted[{partition.leader, partition.begin}].push_back(name);
  }
  for (const auto& [where, names] : wanted) {
    if (Status status = list_offsets(where.first, where.second, names); !status.ok()) {
      if (!is_retriable(status.code())) return status;
      warn_once("looking up offsets again: " + status.error().message);
      metadata_is_old_ = true;
    }
  }
  return {};
}

Status RecordConsumer::list_offsets(BrokerId leader, StartAt at, const std::vector<TopicPartition>& partitions) {
  const auto broker = client_.broker(leader);
  if (!broker.ok()) return broker.error();
  const auto offsets = listed_offsets(**broker, partitions, at == StartAt::EARLIEST ? kEarliestTimestamp : kLatestTimestamp, settings_.read_committed,
                                      client_.settings().request_timeout);
  if (!offsets.ok()) return offsets.error();
  for (const auto& [name, offset] : *offsets) {
    if (!offset.ok()) return offset.error();
    if (const auto known = partitions_.find(name); known != partitions_.end()) known->second.position = *offset;
  }
  return {};
}

Status RecordConsumer::poll(Duration wait, const OnRecord& on_record) {
  if (metadata_is_old_ || client_.now() >= metadata_expires_) {
    if (metadata_is_old_ && metadata_expires_ != MonoTime{}) client_.pause(std::min(wait, client_.settings().retry_backoff));
    if (Status status = refresh(); !status.ok()) {
      if (!is_retriable(status.code())) return status;
      warn_once("fetching metadata again: " + status.error().message);
      client_.pause(std::min(wait, client_.settings().retry_backoff));
      return {};
    }
  }
  if (Status status = find_positions(); !status.ok()) return status;
  start_fetches();
  // Without a leader to ask, or with one that could not be asked, metadata is asked for again after a while.
  client_.wait([this] { return !fetches_->answers.empty(); }, metadata_is_old_ ? std::min(wait, client_.settings().retry_backoff) : wait);
  for (bool stopped = false; !stopped && !fetches_->answers.empty();) {
    const auto [leader, answer] = std::move(fetches_->answers.front());
    fetches_->answers.pop_front();
    const Status status = answer.ok() ? on_fetched(leader, *answer, on_record, stopped) : Status(answer.error());
    if (status.ok()) continue;
    if (!is_retriable(status.code()) || status.code() == ErrorCode::CORRUPT_MESSAGE) return status;
    warn_once("fetching again: " + status.error().message);
    metadata_is_old_ = true;
  }
  return {};
}

void RecordConsumer::start_fetches() {
  std::map<BrokerId, std::vector<TopicPartition>> by_leader;
  for (const auto& [name, partition] : partitions_) {
    if (partition.position && partition.leader.value >= 0) by_leader[partition.leader].push_back(name);
    metadata_is_old_ = metadata_is_old_ || partition.leader.value < 0;
  }
  for (const auto& [leader, names] : by_leader) {
    if (fetches_->under_way.contains(leader)) continue;
    if (Status status = start_fetch(leader, names); !status.ok()) {
      warn_once("fetching again: " + status.error().message);
      metadata_is_old_ = true;
    }
  }
}

Status RecordConsumer::start_fetch(BrokerId leader, const std::vector<TopicPartition>& names) {
  const auto broker = client_.broker(leader);
  if (!broker.ok()) return broker.error();
  using Topic = FetchRequest::FetchTopic;
  ByTopic<Topic, Topic::FetchPartition> wanted(names, &Topic::topic, &Topic::partitions, [this](const TopicPartition& name) {
    Topic::FetchPartition partition;
    partition.partition = name.partition;
    partition.fetch_offset = *partitions_.at(name).position;
    partition.partition_max_bytes = settings_.partition_bytes_max;
    return partition;
  });
  FetchRequest request;
  request.replica_id = BrokerId();
  request.max_wait_ms = static_cast<int32_t>(settings_.fetch_wait.to_millis());
  request.min_bytes = settings_.fetch_bytes_min;
  request.max_bytes = settings_.fetch_bytes_max;
  request.isolation_level = settings_.read_committed ? 1 : 0;
  request.topics = wanted.topics;
  const auto version = (*broker)->version_of(ApiKey::FETCH, settings_.read_committed ? 4 : 0, kFetchVersionMax);
  if (!version.ok()) return version.error();
  fetches_->under_way.insert(leader);
  (*broker)->start<FetchResponse>(request, *version, client_.settings().request_timeout + settings_.fetch_wait,
                                  [fetches = fetches_, leader, assignment = fetches_->assignment](Result<Answer<FetchResponse>> answer) {
                                    fetches->under_way.erase(leader);
                                    if (fetches->assignment != assignment) return;
                                    fetches->answers.emplace_back(leader, std::move(answer));
                                  });
  return {};
}

Status RecordConsumer::on_fetched(BrokerId leader, const Answer<FetchResponse>& answer, const OnRecord& on_record, bool& stopped) {
  if (const ErrorCode code = answer->error_code; code != ErrorCode::NONE) return Error{code, "fetch: " + std::string(name(code))};
  for (const auto& topic : answer->responses) {
    for (const auto& partition : topic.partitions) {
      const auto known = partitions_.find({std::string(topic.topic), partition.partition_index});
      // What a former leader still says is asked of the new one, too.
      if (known == partitions_.end() || known->second.leader != leader || !known->second.position) continue;
      if (Status status = on_partition(known->first, known->second, partition, on_record, stopped); !status.ok()) return status;
      if (stopped) return {};
    }
  }
  return {};
}

Status RecordConsumer::on_partition(const TopicPartition& name, Partition& partition, const FetchedPartition& fetched, const OnRecord& on_record,
                                    bool& stopped) {
  if (fetched.error_code != ErrorCode::NONE) return on_error(name, partition, fetched.error_code);
  if (!fetched.records.bytes || fetched.records.bytes->empty()) return {};
  std::vector<AbortedTransaction> aborted;
  if (fetched.aborted_transactions) {
    for (const auto& transaction : *fetched.aborted_transactions) aborted.push_back({transaction.producer_id, transaction.first_offset});
  }
  const auto next = visit_records(*fetched.records.bytes, *partition.position, settings_.read_committed, std::move(aborted),
                                  settings_.check_crcs, scratch_, [&](const FetchedRecord& record) {
                                    stopped = !on_record(name, record);
                                    return !stopped;
                                  });
  if (!next.ok()) return Error{next.error().code, name.str() + ": " + next.error().message};
  last_warning_.clear();
  partition.position = *next;
  return {};
}

Status RecordConsumer::on_error(const TopicPartition& name, Partition& partition, ErrorCode code) {
  if (code == ErrorCode::OFFSET_OUT_OF_RANGE) {
    if (settings_.reset == StartAt::NOWHERE) {
      return Error{code, name.str() + ": offset " + std::to_string(partition.position->value) + " is out of range, and auto.offset.reset is none"};
    }
    warn_once(name.str() + ": offset " + std::to_string(partition.position->value) + " is out of range; going on at the " +
              (settings_.reset == StartAt::EARLIEST ? "beginning" : "end"));
    partition.position.reset();
    partition.begin = settings_.reset;
    return {};
  }
  if (!is_retriable(code) && code != ErrorCode::UNKNOWN_SERVER_ERROR) return Error{code, name.str() + ": " + std::string(quokka::name(code))};
  metadata_is_old_ = true;
  warn_once(name.str() + ": " + std::string(quokka::name(code)) + "; fetching again");
  return {};
}

}  // namespace quokka
