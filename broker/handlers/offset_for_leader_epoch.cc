// OffsetForLeaderEpoch (key 23), versions 0-4: where an epoch ends in the leader's log (KIP-101, KIP-279, KIP-320).
//
// Followers and consumers compare it with their own position to find out whether their log parts from the leader's. Version 1 brought the epoch
// that the end belongs to, 2 the check of the current leader epoch, 3 the replica id. -1 stands for "not known".
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/offset_for_leader_epoch.h"

namespace quokka {

void handle_offset_for_leader_epoch(Services& services, CallPtr call) {
  const auto decoded = decode_call<OffsetForLeaderEpochRequest>(call);
  if (!decoded) return;
  using TopicAnswer = OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult;
  const ClusterViewPtr view = services.view.get();
  std::vector<std::vector<TopicAnswer::EpochEndOffset>> partitions;
  std::vector<TopicAnswer> topics;
  for (const auto& topic : decoded->request.topics) {
    auto& answers = partitions.emplace_back();
    for (const auto& wish : topic.partitions) {
      TopicAnswer::EpochEndOffset answer;
      answer.partition = wish.partition;
      if (const PartitionPtr partition = services.replicas.find(topic.topic, wish.partition)) {
        const Result<EpochEnd> end = partition->end_of_epoch(wish.current_leader_epoch, wish.leader_epoch, true);
        answer.error_code = end.code();
        if (end) {
          answer.leader_epoch = end->epoch;
          answer.end_offset = end->end_offset;
        }
      } else {
        answer.error_code = missing_partition_error(services, *view, topic.topic, wish.partition);
      }
      answers.push_back(answer);
    }
    topics.push_back({topic.topic, answers});
  }
  OffsetForLeaderEpochResponse response;
  response.topics = topics;
  reply(std::move(call), response);
}

}  // namespace quokka
