// The znodes of a test's cluster, read through a session of its own. It outlasts servers that stand still: a request whose connection or session goes is sent
// again, until an answer comes or patience ends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/net/event_loop.h"
#include "coord/session/zookeeper_client.h"
#include "coord/znodes/config.h"
#include "coord/znodes/topic.h"
#include "protocol/client/waiting_loop.h"

namespace quokka {

class ClusterZnodes {
 public:
  explicit ClusterZnodes(const std::string& zookeeper_connect);
  ~ClusterZnodes();

  // nullopt: there is no such znode.
  std::optional<std::string> text(const std::string& path);
  std::optional<ZnodeStat> stat(const std::string& path);
  std::vector<std::string> children(const std::string& path);  // sorted

  void remove(const std::string& path);  // if it is there
  // As Kafka's tools do that write to ZooKeeper: the znode, and a notification to all brokers. `entity`: "topics/t", "brokers/<default>".
  void change_config(const std::string& entity, const znodes::ConfigMap& config);
  void write(const std::string& path, const std::string& text);  // made if it is not there; its parent is

  // The broker in /controller; -1 if there is none.
  int controller();
  std::optional<ZnodeStat> registration(int broker) { return stat("/brokers/ids/" + std::to_string(broker)); }
  std::optional<znodes::PartitionState> partition_state(const std::string& topic, int32_t partition);

 private:
  void run_until(const bool& done);
  // request(done) sends it.
  template <class Request>
  ZkOutcome outcome_of(const Request& request);

  WaitingLoop loop_;
  ThreadPool pool_{2};
  std::unique_ptr<ZookeeperClient> session_;
};

}  // namespace quokka
