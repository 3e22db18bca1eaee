// Faults around topics: one that moves, one that is made again under its name, one that may be led by who was not in sync.
#pragma once

#include "integration-tests/faults/fault_row.h"

namespace quokka {

void recreate_topic_with_a_broker_down(Scene& scene);  // F35

// F34: to other brokers and to another number of replicas, while one of them is killed.
class Reassignment final : public Fault {
 public:
  void prepare(SceneOptions& options) override { options.cluster.brokers = 4; }
  void run(Scene& scene) override;
};

// F36
class UncleanElection final : public Fault {
 public:
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;
};

}  // namespace quokka
