// DeleteRecords (key 21), versions 0-2: raises the log start of partitions that this broker leads; offset -1 is the high watermark.
//
// Answered when every live replica has raised its log start too, or with REQUEST_TIMED_OUT. Topics without delete in their cleanup.policy are
// refused (POLICY_VIOLATION), internal topics too.
#include <map>
#include <memory>
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/delete_records.h"

namespace quokka {

namespace {

using TopicAnswer = DeleteRecordsResponse::DeleteRecordsTopicResult;
using PartitionAnswer = TopicAnswer::DeleteRecordsPartitionResult;

constexpr Duration kLookAgain = Duration::millis(10);

class Deletion : public std::enable_shared_from_this<Deletion> {
 public:
  Deletion(Services& services, CallPtr call, Decoded<DeleteRecordsRequest> decoded)
      : services_(services), call_(std::move(call)), loop_(call_->loop()), decoded_(std::move(decoded)) {}

  void run() {
    const DeleteRecordsRequest& request = decoded_.request;
    deadline_ = loop_.now() + Duration::millis(request.timeout_ms);
    const ClusterViewPtr view = services_.view.get();
    // Of a partition that is named twice the last offset counts; a topic without partitions is left out.
    std::map<std::pair<std::string_view, PartitionIndex>, Offset> wishes;
    for (const auto& topic : request.topics) {
      for (const auto& wish : topic.partitions) wishes[{topic.name, wish.partition_index}] = wish.offset;
    }
    for (const auto& [where, offset] : wishes) {
      PartitionAnswer& answer = answers_[where.first][where.second];
      answer.partition_index = where.second;
      answer.low_watermark = Offset(-1);
      answer.error_code = begin(where.first, where.second, offset, *view, answer);
    }
    look();
  }

 private:
  struct Waiting {
    PartitionPtr partition;
    Offset target;
    PartitionAnswer* answer;
  };

  ErrorCode begin(std::string_view topic, PartitionIndex index, Offset before, const ClusterView& view, PartitionAnswer& answer) {
    if (view.partition(topic, index) == nullptr) return unknown_partition_error(view);
    if (is_internal_topic(topic)) return ErrorCode::INVALID_TOPIC_EXCEPTION;
    const PartitionPtr partition = services_.replicas.find(topic, index);
    if (!partition) return missing_partition_error(services_, view, topic, index);
    const Result<Offset> target = partition->delete_records(before);
    if (!target) return target.code();
    waiting_.push_back({partition, *target, &answer});
    return ErrorCode::NONE;
  }

  // Followers tell their log start with every fetch.
  void look() {
    std::erase_if(waiting_, [](Waiting& each) {
      const Result<Offset> low = each.partition->low_watermark();
      if (low) each.answer->low_watermark = *low;
      each.answer->error_code = low.code();
      return !low || *low >= each.target;
    });
    if (waiting_.empty()) return answer();
    if (loop_.now() >= deadline_) {
      for (Waiting& each : waiting_) each.answer->error_code = ErrorCode::REQUEST_TIMED_OUT;
      return answer();
    }
    loop_.call_after(kLookAgain, [self = shared_from_this()] { self->look(); });
  }

  void answer() {
    std::vector<TopicAnswer> topics;
    std::vector<std::vector<PartitionAnswer>> partitions;
    for (const auto& [topic, answers] : answers_) {
      auto& told = partitions.emplace_back();
      for (const auto& [index, answer] : answers) told.push_back(answer);
      topics.push_back({topic, told});
    }
    DeleteRecordsResponse response;
    response.topics = topics;
    reply(std::move(call_), response);
  }

  Services& services_;
  CallPtr call_;
  Loop& loop_;
  Decoded<DeleteRecordsRequest> decoded_;
  MonoTime deadline_;
  std::map<std::string_view, std::map<PartitionIndex, PartitionAnswer>> answers_;
  std::vector<Waiting> waiting_;
};

}  // namespace

void handle_delete_records(Services& services, CallPtr call) {
  auto decoded = decode_call<DeleteRecordsRequest>(call);
  if (!decoded) return;
  std::make_shared<Deletion>(services, std::move(call), *std::move(decoded))->run();
}

}  // namespace quokka
