// A broker's listener and connections on simulated streams: frames to calls and answers to frames, in the order that broker/net keeps too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/net/server_settings.h"
#include "broker/node/ports.h"
#include "integration-tests/simulation/network.h"

namespace quokka::simulation {

class BrokerServer final : public CallSource {
 public:
  static constexpr uint16_t kPort = 9092;

  // All outlive it; connections are spread over `loops`.
  BrokerServer(Network& network, std::string host, std::vector<Loop*> loops);
  ~BrokerServer() override;

  Result<std::vector<ListenerEndpoint>> listen(const Listeners& listeners, CallHandler& handler, Registry& metrics) override;
  void start() override;
  void stop(Task done) override;

 private:
  class Connection;
  struct Exchange;
  class ServedCall;
  using ConnectionPtr = std::shared_ptr<Connection>;

  void accept(Loop& loop, std::unique_ptr<Stream> stream, const std::string& peer);
  void forget(uint64_t id);

  Network& network_;
  const std::string host_;
  const std::vector<Loop*> loops_;
  const ServedKeys served_;
  std::string inter_broker_;
  CallHandler* handler_ = nullptr;
  size_t next_loop_ = 0;
  uint64_t next_connection_ = 1;
  std::map<uint64_t, ConnectionPtr> connections_;
  std::shared_ptr<Task> stopped_;  // set while stopping
};

}  // namespace quokka::simulation
