#include "coord/controller/runner/control_requests.h"

#include "protocol/base/check.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

constexpr int16_t kLeaderAndIsrVersion = 7;
constexpr int16_t kStopReplicaVersion = 4;
constexpr int16_t kUpdateMetadataVersion = 8;

template <class M>
std::string encoded(const M& message, int16_t version) {
  auto bytes = encode(message, version);
  QUOKKA_CHECK(bytes.ok(), bytes.error().message);
  std::string text;
  text.reserve(bytes->size());
  for (const Encoded::Chunk& chunk : bytes->chunks()) text += text_of(chunk.bytes);
  return text;
}

// update_metadata := controller_id:int32 is_kraft:int8 controller_epoch:int32 broker_epoch:int64 ...: only the broker epoch is the receiver's own.
constexpr size_t kBrokerEpochAt = 9;
constexpr size_t kSharedFrom = kBrokerEpochAt + 8;

std::string update_metadata(const ClusterUpdate& update) {
  using Message = UpdateMetadataRequest;
  Message message;
  message.controller_id = update.controller;
  message.controller_epoch = update.controller_epoch;

  std::vector<std::vector<Message::UpdateMetadataPartitionState>> partitions(update.topics.size());
  std::vector<Message::UpdateMetadataTopicState> topics(update.topics.size());
  for (size_t i = 0; i < update.topics.size(); ++i) {
    const TopicView& topic = update.topics[i];
    for (const PartitionView& view : topic.partitions) {
      Message::UpdateMetadataPartitionState state;
      state.partition_index = view.index;
      state.controller_epoch = view.controller_epoch;
      state.leader = view.leader;
      state.leader_epoch = view.leader_epoch;
      state.isr = view.isr;
      state.zk_version = view.partition_epoch.value;
      state.replicas = view.replicas;
      state.offline_replicas = view.offline_replicas;
      partitions[i].push_back(state);
    }
    topics[i].topic_name = topic.name;
    topics[i].topic_id = topic.id;
    topics[i].partition_states = partitions[i];
  }
  message.topic_states = topics;

  std::vector<std::vector<Message::UpdateMetadataBroker::UpdateMetadataEndpoint>> endpoints(update.brokers.size());
  std::vector<Message::UpdateMetadataBroker> brokers(update.brokers.size());
  for (size_t i = 0; i < update.brokers.size(); ++i) {
    const BrokerView& broker = update.brokers[i];
    for (const Endpoint& endpoint : broker.endpoints) endpoints[i].push_back({endpoint.port, endpoint.host, endpoint.listener, endpoint.security_protocol});
    brokers[i].id = broker.id;
    brokers[i].endpoints = endpoints[i];
    brokers[i].rack = broker.rack ? std::optional<std::string_view>(*broker.rack) : std::nullopt;
  }
  message.live_brokers = brokers;
  return encoded(message, kUpdateMetadataVersion);
}

std::vector<AddressedRequest> requests(const MetadataSend& send) {
  const std::string whole = update_metadata(*send.update);
  const auto shared = std::make_shared<const std::string>(whole.substr(kSharedFrom));
  std::vector<AddressedRequest> made;
  for (const auto& [to, epoch] : send.to) {
    std::string head = whole.substr(0, kSharedFrom);
    store_be(reinterpret_cast<uint8_t*>(head.data()) + kBrokerEpochAt, epoch.value);
    made.push_back({to, epoch, ControlRequest{kUpdateMetadataKey, kUpdateMetadataVersion, std::move(head), shared}});
  }
  return made;
}

AddressedRequest request(const LeaderAndIsrSend& send, BrokerId controller, ControllerEpoch epoch, const Picture& picture, const std::string& listener) {
  using Message = LeaderAndIsrRequest;
  Message message;
  message.controller_id = controller;
  message.controller_epoch = epoch;
  message.broker_epoch = send.to_epoch;

  std::vector<std::vector<Message::LeaderAndIsrPartitionState>> partitions(send.topics.size());
  std::vector<Message::LeaderAndIsrTopicState> topics(send.topics.size());
  for (size_t i = 0; i < send.topics.size(); ++i) {
    const LeaderAndIsrSend::Topic& topic = send.topics[i];
    for (const LeaderAndIsrSend::Partition& partition : topic.partitions) {
      Message::LeaderAndIsrPartitionState state;
      state.partition_index = partition.index;
      state.controller_epoch = partition.state.controller_epoch;
      state.leader = partition.state.leader;
      state.leader_epoch = partition.state.leader_epoch;
      state.isr = partition.state.isr;
      state.partition_epoch = partition.state.partition_epoch;
      state.replicas = partition.assignment.replicas;
      state.adding_replicas = partition.assignment.adding;
      state.removing_replicas = partition.assignment.removing;
      state.is_new = partition.is_new;
      state.leader_recovery_state = partition.state.recovering ? 1 : 0;
      partitions[i].push_back(state);
    }
    topics[i].topic_name = topic.name;
    topics[i].topic_id = topic.id;
    topics[i].partition_states = partitions[i];
  }
  message.topic_states = topics;

  std::vector<Message::LeaderAndIsrLiveLeader> leaders;
  for (BrokerId id : send.live_leaders)
    if (const LiveBroker* broker = picture.broker(id))
      if (const Endpoint* endpoint = broker->view.endpoint(listener)) leaders.push_back({id, endpoint->host, endpoint->port});
  message.live_leaders = leaders;
  return {send.to, send.to_epoch, ControlRequest{kLeaderAndIsrKey, kLeaderAndIsrVersion, encoded(message, kLeaderAndIsrVersion), nullptr}};
}

AddressedRequest request(const StopReplicaSend& send, BrokerId controller, ControllerEpoch epoch) {
  using Message = StopReplicaRequest;
  Message message;
  message.controller_id = controller;
  message.controller_epoch = epoch;
  message.broker_epoch = send.to_epoch;

  std::vector<std::string_view> names;
  std::vector<std::vector<Message::StopReplicaTopicState::StopReplicaPartitionState>> partitions;
  for (const StopReplicaSend::Partition& partition : send.partitions) {
    if (names.empty() || names.back() != partition.tp.topic) {
      names.push_back(partition.tp.topic);
      partitions.emplace_back();
    }
    partitions.back().push_back({partition.tp.partition, partition.leader_epoch, partition.remove});
  }
  std::vector<Message::StopReplicaTopicState> topics(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    topics[i].topic_name = names[i];
    topics[i].partition_states = partitions[i];
  }
  message.topic_states = topics;
  return {send.to, send.to_epoch, ControlRequest{kStopReplicaKey, kStopReplicaVersion, encoded(message, kStopReplicaVersion), nullptr}};
}

}  // namespace

std::vector<AddressedRequest> control_requests(const Send& send, BrokerId controller, ControllerEpoch epoch, const Picture& picture,
                                               const std::string& inter_broker_listener) {
  if (const auto* metadata = std::get_if<MetadataSend>(&send)) return requests(*metadata);
  std::vector<AddressedRequest> made;
  if (const auto* leader_and_isr = std::get_if<LeaderAndIsrSend>(&send))
    made.push_back(request(*leader_and_isr, controller, epoch, picture, inter_broker_listener));
  else
    made.push_back(request(std::get<StopReplicaSend>(send), controller, epoch));
  return made;
}

ControlAnswer parse_control_answer(int16_t api_key, Bytes body, const Picture& picture) {
  ControlAnswer answer{ErrorCode::UNKNOWN_SERVER_ERROR, {}};
  Arena arena = Arena::for_frame(body.size());
  if (api_key == kLeaderAndIsrKey) {
    auto message = decode<LeaderAndIsrResponse>(body, kLeaderAndIsrVersion, arena);
    if (!message) return answer;
    answer.error = message->error_code;
    for (const auto& topic : message->topics)
      if (const std::string* name = picture.topic_name(topic.topic_id))
        for (const auto& partition : topic.partition_errors) answer.partitions[{*name, partition.partition_index}] = partition.error_code;
  } else if (api_key == kStopReplicaKey) {
    auto message = decode<StopReplicaResponse>(body, kStopReplicaVersion, arena);
    if (!message) return answer;
    answer.error = message->error_code;
    for (const auto& partition : message->partition_errors) {
      std::string name(partition.topic_name);
      if (picture.topic(name) != nullptr) answer.partitions[{std::move(name), partition.partition_index}] = partition.error_code;
    }
  } else if (api_key == kUpdateMetadataKey) {
    auto message = decode<UpdateMetadataResponse>(body, kUpdateMetadataVersion, arena);
    if (message) answer.error = message->error_code;
  }
  return answer;
}

}  // namespace quokka
