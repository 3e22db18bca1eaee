// How the controller reaches brokers: one queue of control requests for each, in order, one in flight at a time. Production sends them over
// connections (protocol/client); tests and the simulator deliver them as they like.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/function.h"
#include "protocol/base/ids.h"

namespace quokka {

// Where a live broker is reached: its endpoint on the listener that brokers use among themselves.
struct PeerAddress {
  BrokerId id;
  BrokerEpoch epoch;
  std::string host;
  int32_t port = -1;
  int16_t security_protocol = 0;

  bool operator==(const PeerAddress&) const = default;
};

// The body of a request (no header) in two parts: what is this receiver's own, and what all receivers share, serialised once.
struct ControlRequest {
  int16_t api_key = 0;
  int16_t version = 0;
  std::string head;
  std::shared_ptr<const std::string> tail;  // may be null
};

// All methods are called, and all answers come, on the controller's loop; nothing is called inline.
class Peers {
 public:
  // The body of the response, valid during the call.
  using Answered = Function<void(Bytes body)>;

  virtual ~Peers() = default;

  // Who can be sent to. A broker that is no longer in the list, or is there with another epoch, loses its queue and its connection: its callbacks
  // are destroyed uncalled. A changed address counts from the next connection on. An empty list: not the controller any more.
  virtual void set_brokers(const std::vector<PeerAddress>& brokers) = 0;

  // Requests to one broker arrive in the order of the calls, each after the one before was answered. A request that fails (no connection, no answer
  // in time) is sent again, after a pause, until it is answered or the broker leaves the list. A broker that is not in the list: the request is dropped.
  virtual void send(BrokerId to, ControlRequest request, Answered answered) = 0;
};

}  // namespace quokka
