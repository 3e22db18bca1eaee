// WriteTxnMarkers (key 27), versions 0-1: the transaction coordinator ends transactions in the partitions that this broker leads. Answered when each marker
// is committed, or after request.timeout.ms.
//
// A marker in __consumer_offsets goes through the group's coordinator, which takes up or drops the offsets of the transaction where the marker lies in the
// log. A marker of an older epoch of the producer is INVALID_PRODUCER_EPOCH, of an older coordinator TRANSACTION_COORDINATOR_FENCED.
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_answers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/base/mutex.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/write_txn_markers.h"
#include "protocol/records/control_record.h"

namespace quokka {

namespace {

using MarkerResult = WriteTxnMarkersResponse::WritableTxnMarkerResult;
using TopicResult = MarkerResult::WritableTxnMarkerTopicResult;
using PartitionResult = TopicResult::WritableTxnMarkerPartitionResult;

struct Target {
  size_t marker = 0;
  std::string_view topic;  // borrowed from the call
  PartitionIndex partition;
  ErrorCode error = ErrorCode::UNKNOWN_SERVER_ERROR;
};

// The markers of one request until all are settled, on any thread.
class MarkersWriting : public std::enable_shared_from_this<MarkersWriting> {
 public:
  MarkersWriting(Services& services, CallPtr call, Decoded<WriteTxnMarkersRequest> decoded)
      : services_(services), call_(std::move(call)), loop_(call_->loop()), decoded_(std::move(decoded)) {}

  void run() {
    size_t index = 0;
    for (const auto& marker : decoded_.request.markers) {
      for (const auto& topic : marker.topics) {
        for (const PartitionIndex partition : topic.partition_indexes) targets_.push_back({index, topic.name, partition});
      }
      ++index;
    }
    left_ = targets_.size();
    if (left_ == 0) return answer();
    for (size_t i = 0; i < targets_.size(); ++i) write(i);
  }

 private:
  void write(size_t i) {
    const auto& marker = decoded_.request.markers[targets_[i].marker];
    const std::string_view topic = targets_[i].topic;
    const PartitionIndex index = targets_[i].partition;
    auto settle = [self = shared_from_this(), i](ErrorCode error) { self->loop_.post([self, i, error] { self->settle(i, error); }); };
    if (marker.producer_id.value < 0 || marker.producer_epoch.value < 0) return settle(ErrorCode::UNKNOWN_SERVER_ERROR);
    const EndTransactionMarker end{marker.transaction_result ? ControlRecordType::COMMIT : ControlRecordType::ABORT, marker.coordinator_epoch};
    const PartitionPtr partition = services_.replicas.find(topic, index);
    if (!partition) return settle(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    if (topic == kGroupMetadataTopic)
      return services_.groups.write_marker(index, marker.producer_id, marker.producer_epoch, end, std::move(settle));
    const Result<Partition::AppendPermit> permit = partition->permit_append(-1);
    if (!permit) return settle(permit.code());
    const int64_t now_ms = loop_.wall_now().ms;
    BatchToAppend batch(write_end_transaction_marker(marker.producer_id, marker.producer_epoch, end, now_ms), now_ms);
    const MonoTime give_up = loop_.now() + Duration::millis(services_.config.request_timeout_ms);
    const Result<Partition::Appended> appended =
        partition->append(batch, permit->leader_epoch, AppendOrigin::COORDINATOR, settle, {give_up, Partition::AckWhen::committed}, {});
    if (!appended) settle(appended.code());
    else if (!appended->waits) settle(ErrorCode::NONE);
  }

  // On the connection's loop.
  void settle(size_t i, ErrorCode error) {
    targets_[i].error = error;
    if (--left_ == 0) answer();
  }

  // A producer has one entry, with the partitions of all its markers: who asks keeps the last entry of each. One without partitions has none.
  void answer() {
    std::map<ProducerId, PartitionAnswers<TopicResult, PartitionResult>> topics;
    for (const Target& each : targets_)
      topics[decoded_.request.markers[each.marker].producer_id].add(each.topic, {each.partition, each.error});
    std::vector<MarkerResult> results;
    for (auto& [producer, answers] : topics) results.push_back({producer, answers.array()});
    WriteTxnMarkersResponse response;
    response.markers = results;
    reply(std::move(call_), response);
  }

  Services& services_;
  CallPtr call_;
  Loop& loop_;
  Decoded<WriteTxnMarkersRequest> decoded_;
  std::vector<Target> targets_;
  size_t left_ = 0;
};

}  // namespace

void handle_write_txn_markers(Services& services, CallPtr call) {
  auto decoded = decode_call<WriteTxnMarkersRequest>(call);
  if (!decoded) return;
  std::make_shared<MarkersWriting>(services, std::move(call), *std::move(decoded))->run();
}

}  // namespace quokka
