#include "broker/txn/marker_sender.h"

#include <utility>

#include "protocol/base/log.h"
#include "protocol/client/typed_call.h"

namespace quokka {

namespace {

constexpr int16_t kVersion = 1;
using Marker = WriteTxnMarkersRequest::WritableTxnMarker;

}  // namespace

void MarkerSender::send(MarkerOrder order, LeaderEpoch coordinator_epoch, std::weak_ptr<const void> coordinating, OnWritten on_written) {
  auto job = std::make_shared<Job>(Job{std::move(order), coordinator_epoch, std::move(coordinating), std::move(on_written)});
  loop_.post([this, job] {
    for (const TopicPartition& partition : job->order.partitions) route({job, partition, std::nullopt});
  });
}

void MarkerSender::route(Entry entry) {
  if (entry.job->coordinating.expired()) return;
  const ClusterViewPtr view = view_.get();
  const PartitionView* partition = view->partition(entry.partition);
  if (partition == nullptr) {
    if (!entry.unknown_since) entry.unknown_since = loop_.now();
    if (view->brokers().empty() || loop_.now() - *entry.unknown_since < settings_.unknown_max) return try_later(std::move(entry));
    log_info("transactional id {}: {} does not exist any more, its transaction there needs no end", entry.job->order.id, entry.partition);
    return entry.job->on_written(entry.partition);
  }
  entry.unknown_since.reset();
  if (view->endpoint(partition->leader, settings_.link.listener) == nullptr) return try_later(std::move(entry));
  const BrokerId leader = partition->leader;
  queues_[leader].waiting.push_back(std::move(entry));
  // What is routed in this turn of the loop goes in one request.
  loop_.post([this, leader] { advance(leader); });
}

void MarkerSender::advance(BrokerId broker) {
  Queue& queue = queues_[broker];
  if (queue.busy || queue.waiting.empty()) return;
  ClientConnection* connection = links_.to(broker);
  std::vector<Entry> sent;
  while (!queue.waiting.empty() && sent.size() < settings_.request_markers_max) {
    Entry entry = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    if (entry.job->coordinating.expired()) continue;
    if (connection == nullptr) try_later(std::move(entry));
    else sent.push_back(std::move(entry));
  }
  if (sent.empty()) return;

  // Entries of a job come side by side, and its partitions sorted by topic; if not, the same marker is named twice, which does no harm.
  std::deque<std::deque<std::vector<PartitionIndex>>> indexes;
  std::deque<std::vector<Marker::WritableTxnMarkerTopic>> topics;
  std::vector<Marker> markers;
  const Job* last = nullptr;
  for (const Entry& entry : sent) {
    if (entry.job.get() != last) {
      last = entry.job.get();
      Marker& marker = markers.emplace_back();
      marker.producer_id = last->order.producer.id;
      marker.producer_epoch = last->order.producer.epoch;
      marker.transaction_result = last->order.commit;
      marker.coordinator_epoch = last->coordinator_epoch.value;
      topics.emplace_back();
      indexes.emplace_back();
    }
    if (topics.back().empty() || topics.back().back().name != entry.partition.topic) {
      topics.back().push_back({entry.partition.topic, {}});
      indexes.back().emplace_back();
    }
    indexes.back().back().push_back(entry.partition.partition);
  }
  for (size_t i = 0; i < markers.size(); ++i) {
    for (size_t t = 0; t < topics[i].size(); ++t) topics[i][t].partition_indexes = indexes[i][t];
    markers[i].topics = topics[i];
  }
  WriteTxnMarkersRequest request;
  request.markers = markers;
  queue.busy = true;
  quokka::send<WriteTxnMarkersResponse>(*connection, request, kVersion, [this, broker, sent = std::move(sent)](auto answer) mutable {
    queues_[broker].busy = false;
    if (answer) {
      settle(std::move(sent), answer->message.markers);
    } else {
      log_warn_every(Duration::seconds(5), "ends of transactions could not be sent to broker {}, and are sent again: {}", broker, answer.error().message);
      for (Entry& entry : sent) try_later(std::move(entry));
    }
    advance(broker);
  });
}

void MarkerSender::settle(std::vector<Entry> sent, const Array<WriteTxnMarkersResponse::WritableTxnMarkerResult>& results) {
  std::map<std::pair<ProducerId, TopicPartition>, ErrorCode> errors;
  for (const auto& marker : results) {
    for (const auto& topic : marker.topics) {
      for (const auto& partition : topic.partitions)
        errors[{marker.producer_id, {std::string(topic.name), partition.partition_index}}] = partition.error_code;
    }
  }
  for (Entry& entry : sent) {
    const auto found = errors.find({entry.job->order.producer.id, entry.partition});
    settle(std::move(entry), found == errors.end() ? ErrorCode::UNKNOWN_SERVER_ERROR : found->second);
  }
}

void MarkerSender::settle(Entry entry, ErrorCode error) {
  const MarkerOrder& order = entry.job->order;
  if (entry.job->coordinating.expired()) return;
  switch (error) {
    case ErrorCode::NONE: return entry.job->on_written(entry.partition);
    case ErrorCode::INVALID_PRODUCER_EPOCH:
      // A later epoch has written there, so this transaction has nothing open: better than Kafka, whose transaction never completes then.
      log_error("transactional id {}: {} has records of a later epoch than {}", order.id, entry.partition, order.producer.epoch);
      return entry.job->on_written(entry.partition);
    case ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case ErrorCode::UNSUPPORTED_VERSION:
      log_warn("transactional id {}: {} cannot have the end of a transaction ({})", order.id, entry.partition, error);
      return entry.job->on_written(entry.partition);
    case ErrorCode::TRANSACTION_COORDINATOR_FENCED:
      // Another broker coordinates the transaction; word of it is on its way here.
      log_warn("transactional id {}: {} has heard of a later coordinator", order.id, entry.partition);
      return;
    default:
      log_debug("transactional id {}: the end of its transaction is sent to {} again: {}", order.id, entry.partition, error);
      return try_later(std::move(entry));
  }
}

void MarkerSender::try_later(Entry entry) {
  later_.push_back(std::move(entry));
  if (timer_ != 0) return;
  timer_ = loop_.call_after(settings_.retry_pause, [this] {
    timer_ = 0;
    std::vector<Entry> again;
    again.swap(later_);
    for (Entry& each : again) route(std::move(each));
  });
}

}  // namespace quokka
