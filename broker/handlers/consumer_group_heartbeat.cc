// ConsumerGroupHeartbeat (key 68), versions 0-1: a member of the consumer protocol (KIP-848) joins, is there, changes its mind or leaves; the answer tells
// its epoch and what it is to have, when it is committed to the group's log.
//
// Beyond Kafka 3.9, which serves it with KRaft only: offered while every registered broker has it (coord/registration/registered_brokers.h). While one has
// not, no group begins to use the protocol (UNSUPPORTED_VERSION, as Kafka answers without KRaft) and those that do go on: so it is listed by ApiVersions all
// the time, or a member of theirs that connects anew would not find it. 1: of Kafka 4.0, since clients of today ask for nothing less: members bring their
// ids (KIP-1082), and may subscribe by a regular expression, which is INVALID_REQUEST here.
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/consumer_group_heartbeat.h"

namespace quokka {

namespace {

using TopicAnswer = ConsumerGroupHeartbeatResponse::TopicPartitions;

ConsumerHeartbeat heartbeat_of(const ConsumerGroupHeartbeatRequest& request, Call& call) {
  ConsumerHeartbeat beat;
  beat.group = request.group_id;
  beat.member_id = request.member_id;
  beat.member_epoch = request.member_epoch;
  if (request.instance_id) beat.instance_id = *request.instance_id;
  if (request.rack_id) beat.rack_id = *request.rack_id;
  beat.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.subscribed_topic_names) beat.topics.emplace(request.subscribed_topic_names->begin(), request.subscribed_topic_names->end());
  if (request.server_assignor) beat.assignor = *request.server_assignor;
  if (request.topic_partitions) {
    beat.owned.emplace();
    for (const auto& topic : *request.topic_partitions) {
      if (!topic.partitions.empty()) (*beat.owned)[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
    }
  }
  beat.client_id = call.client_id();
  beat.client_host = "/" + call.peer().address;
  return beat;
}

void answer(CallPtr call, const ConsumerHeartbeatAnswer& made) {
  ConsumerGroupHeartbeatResponse response;
  response.error_code = made.error;
  if (!made.message.empty()) response.error_message = made.message;
  response.member_id = made.member_id;
  if (made.error == ErrorCode::NONE) {
    response.member_epoch = made.member_epoch;
    response.heartbeat_interval_ms = made.heartbeat_interval_ms;
  }
  std::vector<std::vector<PartitionIndex>> partitions;
  std::vector<TopicAnswer> topics;
  if (made.assignment) {
    partitions.reserve(made.assignment->size());
    for (const auto& [topic, indexes] : *made.assignment) topics.push_back({topic, partitions.emplace_back(indexes.begin(), indexes.end())});
    response.assignment = ConsumerGroupHeartbeatResponse::Assignment{topics};
  }
  reply(std::move(call), response);
}

void refuse(CallPtr call, std::string why) {
  ConsumerHeartbeatAnswer refused;
  refused.error = ErrorCode::INVALID_REQUEST;
  refused.message = std::move(why);
  answer(std::move(call), refused);
}

}  // namespace

void handle_consumer_group_heartbeat(Services& services, CallPtr call) {
  const auto decoded = decode_call<ConsumerGroupHeartbeatRequest>(call);
  if (!decoded) return;
  const ConsumerGroupHeartbeatRequest& request = decoded->request;
  if (request.subscribed_topic_regex && !request.subscribed_topic_regex->empty())
    return refuse(std::move(call), "a subscription by a regular expression that the server matches is not served: subscribe to topics by name.");
  if (call->version() >= 1 && request.member_id.empty()) return refuse(std::move(call), "MemberId can't be empty.");
  ConsumerHeartbeat beat = heartbeat_of(request, *call);
  beat.may_begin_group = services.consumer_protocol_offered.load();
  services.groups.consumer_heartbeat(std::move(beat), [call = std::move(call)](ConsumerHeartbeatAnswer made) mutable { answer(std::move(call), made); });
}

}  // namespace quokka
