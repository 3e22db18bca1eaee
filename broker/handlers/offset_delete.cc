// OffsetDelete (key 47), version 0 (KIP-496): committed offsets of partitions go. Not those of topics that members of the group read
// (GROUP_SUBSCRIBED_TO_TOPIC); a group that is no consumer group must be empty. Partitions that do not exist are UNKNOWN_TOPIC_OR_PARTITION.
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_answers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/offset_delete.h"

namespace quokka {

namespace {

using TopicAnswer = OffsetDeleteResponse::OffsetDeleteResponseTopic;
using PartitionAnswer = TopicAnswer::OffsetDeleteResponsePartition;
using Answers = PartitionAnswers<TopicAnswer, PartitionAnswer>;

}  // namespace

void handle_offset_delete(Services& services, CallPtr call) {
  const auto decoded = decode_call<OffsetDeleteRequest>(call);
  if (!decoded) return;
  const ClusterViewPtr view = services.view.get();
  Answers answers;
  std::vector<TopicPartition> partitions;  // each once
  Places<std::string_view, PartitionIndex> places;
  for (const auto& topic : decoded->request.topics) {
    if (view->topic(topic.name) == nullptr) answers.add_topic(topic.name);
    for (const auto& each : topic.partitions) {
      if (view->partition(topic.name, each.partition_index) == nullptr) {
        answers.add(topic.name, {each.partition_index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION});
      } else if (places.of(topic.name, each.partition_index).is_new) {
        partitions.push_back({std::string(topic.name), each.partition_index});
      }
    }
  }
  std::vector<TopicPartition> asked = partitions;
  services.groups.delete_offsets(
      std::string(decoded->request.group_id), std::move(asked),
      [call = std::move(call), answers = std::move(answers), partitions = std::move(partitions)](GroupShard::Deleted deleted) mutable {
        OffsetDeleteResponse response;
        response.error_code = deleted.code();
        if (deleted) {
          for (size_t i = 0; i < partitions.size(); ++i) answers.add(partitions[i].topic, {partitions[i].partition, (*deleted)[i]});
          response.topics = answers.array();
        }
        reply(std::move(call), response);
      });
}

}  // namespace quokka
