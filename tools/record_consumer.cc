#include "tools/record_consumer.h"

#include <algorithm>

#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"

namespace quokka {

using FetchAnswer = FetchResponse::FetchableTopicResponse::PartitionData;
struct FetchedPartition {
  const FetchAnswer& answer;
};

namespace {

constexpr Duration kMetadataAge = Duration::seconds(30);
constexpr int64_t kEarliest = -2;
constexpr int64_t kLatest = -1;
// From version 13 on topics go by id, which a reader of names has no use for.
constexpr int16_t kFetchVersionMax = 12;

}  // namespace

void RecordConsumer::assign(const TopicPartition& partition, std::optional<Offset> position) {
  topics_[partition.topic] = partition.partition;
  partitions_[partition].position = position;
  partitions_[partition].reset = settings_.reset;
}

void RecordConsumer::warn_once(const std::string& text) {
  if (text != last_warning_) warn_(text);
  last_warning_ = text;
}

Status RecordConsumer::refresh() {
  std::vector<std::string> names;
  for (const auto& [topic, partition] : topics_) names.push_back(topic);
  const auto answer = cluster_.metadata(names, settings_.allow_auto_create_topics);
  if (!answer.ok()) return answer.error();
  metadata_is_old_ = false;
  metadata_expires_ = deadline_in(kMetadataAge);
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
      auto [at, is_new] = partitions_.try_emplace(TopicPartition{topic_name, partition.partition_index});
      if (is_new) at->second.reset = settings_.reset;
      at->second.leader = partition.leader_id;
    }
  }
  return {};
}

Status RecordConsumer::find_positions() {
  std::map<std::pair<BrokerId, StartAt>, std::vector<TopicPartition>> wanted;
  for (const auto& [name, partition] : partitions_) {
    if (partition.position || partition.leader.value < 0) continue;
    if (partition.reset == StartAt::NOWHERE) {
      return Error{ErrorCode::OFFSET_OUT_OF_RANGE, name.str() + ": no offset to begin at, and auto.offset.reset is none"};
    }
    wanted[{partition.leader, partition.reset}].push_back(name);
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
  const auto link = cluster_.broker(leader);
  if (!link.ok()) return link.error();
  using Topic = ListOffsetsRequest::ListOffsetsTopic;
  std::vector<std::vector<Topic::ListOffsetsPartition>> elements;
  std::vector<Topic> topics;
  for (const TopicPartition& name : partitions) {  // sorted: those of a topic follow one another
    if (topics.empty() || topics.back().name != name.topic) {
      topics.emplace_back();
      topics.back().name = name.topic;
      elements.emplace_back();
    }
    Topic::ListOffsetsPartition partition;
    partition.partition_index = name.partition;
    partition.timestamp = at == StartAt::EARLIEST ? kEarliest : kLatest;
    elements.back().push_back(partition);
  }
  for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = elements[i];
  ListOffsetsRequest request;
  request.replica_id = BrokerId();
  request.topics = topics;
  const int16_t version_min = settings_.read_committed ? 2 : 1;
  const auto version = (*link)->version_of(ApiKey::LIST_OFFSETS, version_min, ListOffsetsRequest::kVersionMax);
  if (!version.ok()) return version.error();
  if (*version >= 2) request.isolation_level = settings_.read_committed ? 1 : 0;
  const auto answer = (*link)->call<ListOffsetsResponse>(request, cluster_.request_deadline(), *version, version_min);
  if (!answer.ok()) return answer.error();
  for (const auto& topic : answer->message.topics) {
    for (const auto& partition : topic.partitions) {
      const auto known = partitions_.find({std::string(topic.name), partition.partition_index});
      if (known == partitions_.end()) continue;
      if (partition.error_code != ErrorCode::NONE) {
        return Error{partition.error_code, "offsets of " + known->first.str() + ": " + std::string(name(partition.error_code))};
      }
      known->second.position = partition.offset;
    }
  }
  return {};
}

Status RecordConsumer::poll(Duration wait, const OnRecord& on_record) {
  if (metadata_is_old_ || has_passed(metadata_expires_)) {
    if (Status status = refresh(); !status.ok()) {
      if (!is_retriable(status.code())) return status;
      warn_once("fetching metadata again: " + status.error().message);
      Cluster::pause(std::min(wait, cluster_.settings().retry_backoff));
      return {};
    }
  }
  if (Status status = find_positions(); !status.ok()) return status;
  std::map<BrokerId, std::vector<TopicPartition>> by_leader;
  for (const auto& [name, partition] : partitions_) {
    if (partition.position && partition.leader.value >= 0) by_leader[partition.leader].push_back(name);
    metadata_is_old_ = metadata_is_old_ || partition.leader.value < 0;
  }
  if (by_leader.empty() || metadata_is_old_) Cluster::pause(std::min(wait, cluster_.settings().retry_backoff));

  std::vector<BrokerLink*> asked;
  for (const auto& [leader, names] : by_leader) {
    const auto link = cluster_.broker(leader);
    // One broker may wait for records; several are asked in turn and must not hold each other up for long.
    const Duration share{by_leader.size() > 1 ? std::min<int64_t>(wait.us, 100'000) : wait.us};
    const Status status = link.ok() ? send_fetch(**link, names, share) : Status(link.error());
    if (status.ok()) {
      asked.push_back(*link);
    } else {
      warn_once("fetching again: " + status.error().message);
      metadata_is_old_ = true;
    }
  }
  bool stopped = false;
  for (BrokerLink* link : asked) {
    if (Status status = receive_fetch(*link, on_record, stopped); !status.ok()) {
      if (!is_retriable(status.code()) || status.code() == ErrorCode::CORRUPT_MESSAGE) return status;
      warn_once("fetching again: " + status.error().message);
      metadata_is_old_ = true;
    }
  }
  return {};
}

Status RecordConsumer::send_fetch(BrokerLink& link, const std::vector<TopicPartition>& names, Duration wait) {
  using Topic = FetchRequest::FetchTopic;
  std::vector<std::vector<Topic::FetchPartition>> elements;
  std::vector<Topic> topics;
  for (const TopicPartition& name : names) {  // sorted: those of a topic follow one another
    if (topics.empty() || topics.back().topic != name.topic) {
      topics.emplace_back();
      topics.back().topic = name.topic;
      elements.emplace_back();
    }
    Topic::FetchPartition partition;
    partition.partition = name.partition;
    partition.fetch_offset = *partitions_.at(name).position;
    partition.partition_max_bytes = settings_.partition_bytes_max;
    elements.back().push_back(partition);
  }
  for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = elements[i];
  FetchRequest request;
  request.replica_id = BrokerId();
  request.max_wait_ms = static_cast<int32_t>(std::min(wait, settings_.fetch_wait).to_millis());
  request.min_bytes = settings_.fetch_bytes_min;
  request.max_bytes = settings_.fetch_bytes_max;
  request.isolation_level = settings_.read_committed ? 1 : 0;
  request.topics = topics;
  const auto version = link.version_of(ApiKey::FETCH, settings_.read_committed ? 4 : 0, kFetchVersionMax);
  if (!version.ok()) return version.error();
  return link.send(request, *version, cluster_.request_deadline());
}

Status RecordConsumer::receive_fetch(BrokerLink& link, const OnRecord& on_record, bool& stopped) {
  const auto answer = link.receive<FetchResponse>(cluster_.request_deadline());
  if (!answer.ok()) return answer.error();
  if (answer->message.error_code != ErrorCode::NONE) {
    return Error{answer->message.error_code, "fetch: " + std::string(name(answer->message.error_code))};
  }
  for (const auto& topic : answer->message.responses) {
    for (const auto& partition : topic.partitions) {
      if (stopped) return {};
      const TopicPartition name{std::string(topic.topic), partition.partition_index};
      if (Status status = on_partition(name, {partition}, on_record, stopped); !status.ok()) return status;
    }
  }
  return {};
}

Status RecordConsumer::on_partition(const TopicPartition& name, const FetchedPartition& fetched, const OnRecord& on_record, bool& stopped) {
  const FetchAnswer& answer = fetched.answer;
  const auto known = partitions_.find(name);
  if (known == partitions_.end() || !known->second.position) return {};
  if (answer.error_code != ErrorCode::NONE) return on_error(name, answer.error_code);
  if (!answer.records.bytes || answer.records.bytes->empty()) return {};
  std::vector<AbortedTransaction> aborted;
  if (answer.aborted_transactions) {
    for (const auto& transaction : *answer.aborted_transactions) aborted.push_back({transaction.producer_id, transaction.first_offset});
  }
  const auto next = visit_records(*answer.records.bytes, *known->second.position, settings_.read_committed, std::move(aborted),
                                  settings_.check_crcs, scratch_, [&](const FetchedRecord& record) {
                                    stopped = !on_record(name, record);
                                    return !stopped;
                                  });
  if (!next.ok()) return Error{next.error().code, name.str() + ": " + next.error().message};
  last_warning_.clear();
  known->second.position = *next;
  return {};
}

Status RecordConsumer::on_error(const TopicPartition& name, ErrorCode code) {
  Partition& partition = partitions_.at(name);
  if (code == ErrorCode::OFFSET_OUT_OF_RANGE) {
    if (partition.reset == StartAt::NOWHERE) {
      return Error{code, name.str() + ": offset " + std::to_string(partition.position->value) + " is out of range, and auto.offset.reset is none"};
    }
    warn_once(name.str() + ": offset " + std::to_string(partition.position->value) + " is out of range; going on at the " +
              (partition.reset == StartAt::EARLIEST ? "beginning" : "end"));
    partition.position.reset();
    return {};
  }
  if (!is_retriable(code) && code != ErrorCode::UNKNOWN_SERVER_ERROR) return Error{code, name.str() + ": " + std::string(quokka::name(code))};
  metadata_is_old_ = true;
  warn_once(name.str() + ": " + std::string(quokka::name(code)) + "; fetching again");
  return {};
}

}  // namespace quokka
