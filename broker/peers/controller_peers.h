// How this broker, as the controller, reaches the brokers: a queue and a connection for each, one request in flight, sent again until answered.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "coord/controller/peers.h"
#include "protocol/client/client_connection.h"

namespace quokka {

class ControllerPeers final : public Peers {
 public:
  struct Settings {
    std::string client_id;
    Duration request_timeout = Duration::seconds(30);  // controller.socket.timeout.ms
    Duration retry_pause = Duration::millis(100);
  };

  // `loop` is the controller's; it and `streams` outlive this.
  ControllerPeers(Loop& loop, Streams& streams, Settings settings);
  ~ControllerPeers() override;

  void set_brokers(const std::vector<PeerAddress>& brokers) override;
  void send(BrokerId to, ControlRequest request, Answered answered) override;

 private:
  struct Queue;
  using QueuePtr = std::shared_ptr<Queue>;
  void advance(const QueuePtr& queue);

  Loop& loop_;
  Streams& streams_;
  const Settings settings_;
  std::map<BrokerId, QueuePtr> queues_;
};

}  // namespace quokka
