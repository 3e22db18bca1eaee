// The controller's requests to brokers and their answers as bytes: LeaderAndIsr 7, UpdateMetadata 8, StopReplica 4, what a controller at
// inter.broker.protocol.version 3.9 sends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/controller/peers.h"
#include "coord/controller/picture.h"

namespace quokka {

struct AddressedRequest {
  BrokerId to;
  BrokerEpoch to_epoch;
  ControlRequest request;
};

// One request for each receiver; the receivers of a MetadataSend share all but some bytes. Leaders' addresses, for LeaderAndIsr, are those of
// `inter_broker_listener` in `picture`.
std::vector<AddressedRequest> control_requests(const Send& send, BrokerId controller, ControllerEpoch epoch, const Picture& picture,
                                               const std::string& inter_broker_listener);

struct ControlAnswer {
  ErrorCode error = ErrorCode::NONE;
  std::map<TopicPartition, ErrorCode> partitions;  // LeaderAndIsr and StopReplica
};

inline constexpr int16_t kLeaderAndIsrKey = 4;
inline constexpr int16_t kStopReplicaKey = 5;
inline constexpr int16_t kUpdateMetadataKey = 6;

// The answer to a request of control_requests. Partitions of topics that `picture` does not know are left out. UNKNOWN_SERVER_ERROR if the bytes are no
// such answer.
ControlAnswer parse_control_answer(int16_t api_key, Bytes body, const Picture& picture);

}  // namespace quokka
