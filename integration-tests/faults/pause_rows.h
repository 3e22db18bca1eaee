// Faults in which processes live and do not answer: SIGSTOP and SIGCONT of brokers, and ZooKeeper servers that are away.
#pragma once

#include "integration-tests/faults/fault_row.h"

namespace quokka {

void pause_leader_briefly(Scene& scene);        // F5: longer than replica.lag.time.max.ms, shorter than the session
void pause_leader_past_session(Scene& scene);   // F6: it comes back as a leader of the past
void pause_controller_past_session(Scene& scene);  // F7
void expire_all_sessions(Scene& scene);         // F16

// F17: servers stop one after another and go on with what they knew; meanwhile the controller moves and topics come and go.
class StaleZookeeper final : public Fault {
 public:
  void prepare(SceneOptions& options) override { options.cluster.zookeepers = 3; }
  void run(Scene& scene) override;
};

// F15, of an ensemble of three.
class ZookeeperFault final : public Fault {
 public:
  enum class What { kill_leader, lose_quorum, restart_all };
  explicit ZookeeperFault(What what) : what_(what) {}
  void prepare(SceneOptions& options) override { options.cluster.zookeepers = 3; }
  void run(Scene& scene) override;

 private:
  const What what_;
};

}  // namespace quokka
