// A machine with one broker: the real Node on simulated ports, its disk, and what can happen to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/disk/memory_disk.h"
#include "broker/node/node.h"
#include "coord/session/fake_zookeeper.h"
#include "integration-tests/simulation/broker_server.h"
#include "integration-tests/simulation/network.h"

namespace quokka::simulation {

class BrokerMachine {
 public:
  enum class State { down, starting, up, stopping };

  struct Surroundings {
    Agenda& agenda;
    Network& network;
    FakeZookeeper& zookeeper;
    std::function<void(const std::string&)> trace;
    // Asked when a prepared disk error is due; false puts it off. `drops`: what was not synced will be gone.
    std::function<bool(int broker, bool drops)> may_fail_disk;
    // After a life that left less on its disk than it had written.
    std::function<void(int broker)> on_data_lost;
  };

  BrokerMachine(Surroundings surroundings, int id, Properties properties);
  ~BrokerMachine();

  // From down. A start that is refused, or a broker that gives up, ends in down.
  void start();
  // kill -9: what was written stays, connections end, the session lasts.
  void kill();
  // Unsynced writes are gone, but for a part of some that is cut anywhere; connections are not even closed.
  void lose_power();
  // SIGTERM; ends in down.
  void stop();
  // Stands still, with all its threads; its session expires if that takes longer than the time-out.
  void pause(Duration span);
  void step_clock(int64_t by_ms) { machine_.clock_offset_ms += by_ms; }

  // ZooKeeper. No effect while down.
  void expire_session();
  void disconnect_session(FakeSession::UnderWay under_way);
  void reconnect_session();
  void lose_zookeeper_writes(size_t count, bool performed);

  // The operation that comes after `operations` more of that name fails, once. Whoever looks on is not counted. With `drops` a sync that fails takes along
  // what it should have written.
  void fail_disk(const std::string& operation, int64_t operations, bool drops);
  void heal_disk() { disk_fault_.clear(); }
  // A sync failed that way, and the process goes on.
  bool has_dropped_data() const { return has_dropped_data_; }

  int id() const { return machine_.id; }
  const std::string& host() const { return machine_.host; }
  State state() const { return state_; }
  bool is_paused() const { return machine_.is_paused(); }
  // Counts the starts; what is known of a replica belongs to one of them.
  uint64_t life() const { return life_; }
  // nullptr while down.
  const Node* node() const;
  bool is_registered() const;
  bool has_zookeeper() const;
  // For reading files past the faults.
  void set_observed(bool observed) { observed_ = observed; }
  void forget_operations() { disk_.forget_operations(); }

 private:
  struct Life;
  void end_life();

  Surroundings around_;
  Machine machine_;
  MemoryDisk disk_;
  LoadedConfig config_;
  State state_ = State::down;
  uint64_t life_ = 0;
  int64_t last_session_ = 0;  // of the life before
  bool observed_ = false;
  std::string disk_fault_;
  int64_t disk_fault_after_ = 0;
  bool disk_fault_drops_ = false;
  bool has_dropped_data_ = false;
  std::unique_ptr<Life> alive_;
};

}  // namespace quokka::simulation
