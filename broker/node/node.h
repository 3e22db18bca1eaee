// One broker between its ports: everything that decides and keeps data, put together, started and stopped in order. It knows no sockets, threads or
// files, so that production (broker.cc) and a simulator run the same one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/node/ports.h"
#include "protocol/base/function.h"
#include "protocol/base/result.h"

namespace quokka {

class ControllerRunner;
class ReplicaTable;

class Node {
 public:
  // The ports outlive it. Its loops run neither while it is constructed nor while it is destroyed. Destroying it without stop() is what a crash does:
  // nothing is written, sent or closed in order.
  Node(LoadedConfig config, NodePorts ports);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Once, any thread. `started` runs on the coordination loop when this broker serves clients, or with an error that says in one line why it cannot.
  // `failed` is called at most once, on any thread, if the broker finds out later that it must not go on; stop() is the caller's then.
  void start(Function<void(Status)> started, Function<void(std::string why)> failed);
  // Once, any thread, after start(), also before `started` has run, which then never does. Moves leaderships away (controlled.shutdown.enable), answers
  // what is under way, closes logs and session. `stopped` runs on the coordination loop. Errors are logged.
  void stop(Task stopped);

  // Any thread.
  Registry& metrics();
  // The epoch of the registration in ZooKeeper; -1 while there is none.
  int64_t broker_epoch() const;

  // Complete, and constant, once started.
  const BrokerConfig& config() const;
  const std::string& cluster_id() const;

  // For whoever looks on. nullptr until the start has come so far; they guard themselves.
  const ReplicaTable* replicas() const;
  const ControllerRunner* controller() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace quokka
