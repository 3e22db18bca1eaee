// DescribeProducers (key 61), version 0: what a replica of a partition knows about its producers, for whoever looks for a transaction that hangs
// (KIP-664). A partition that exists and has no replica here: NOT_LEADER_OR_FOLLOWER. One that is
// named twice is answered once. What makes the answer larger than a million producers is INVALID_REQUEST.
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/describe_producers.h"

namespace quokka {

namespace {
constexpr size_t kProducersMax = 1'000'000;  // of one answer
constexpr std::string_view kTooMany = "The partitions of this request have more than 1000000 producers; ask for fewer at once.";
}  // namespace

void handle_describe_producers(Services& services, CallPtr call) {
  using Topic = DescribeProducersResponse::TopicResponse;
  using Answer = Topic::PartitionResponse;
  const auto decoded = decode_call<DescribeProducersRequest>(call);
  if (!decoded) return;
  const ClusterViewPtr view = services.view.get();
  std::vector<Topic> topics;
  std::deque<std::vector<Answer>> answers;
  std::deque<std::vector<Answer::ProducerState>> states;
  Places<std::string_view, PartitionIndex> places;
  size_t producers_told = 0;
  for (const auto& topic : decoded->request.topics) {
    auto& listed = answers.emplace_back();
    for (const PartitionIndex index : topic.partition_indexes) {
      if (!places.of(topic.name, index).is_new) continue;
      Answer answer;
      answer.partition_index = index;
      const PartitionPtr partition = services.replicas.find(topic.name, index);
      if (!is_valid_topic_name(topic.name)) {
        answer.error_code = ErrorCode::INVALID_TOPIC_EXCEPTION;
      } else if (!partition) {
        answer.error_code = missing_partition_error(services, *view, topic.name, index);
      } else if (const auto producers = partition->producers(); !producers) {
        answer.error_code = producers.code();
      } else {
        producers_told += producers->size();
        if (producers_told > kProducersMax) {
          answer.error_code = ErrorCode::INVALID_REQUEST;
          answer.error_message = kTooMany;
          listed.push_back(std::move(answer));
          continue;
        }
        auto& list = states.emplace_back();
        for (const ProducerEntry& each : *producers) {
          list.push_back({each.producer_id, each.producer_epoch.value, each.last_sequence, each.timestamp, each.coordinator_epoch,
                          each.open_transaction_start});
        }
        answer.active_producers = list;
      }
      listed.push_back(std::move(answer));
    }
    topics.push_back({topic.name, listed});
  }
  DescribeProducersResponse response;
  response.topics = topics;
  reply(std::move(call), response);
}

}  // namespace quokka
