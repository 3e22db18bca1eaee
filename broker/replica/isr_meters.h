// Meters of what becomes of the in-sync sets that this broker's leaders propose, as Kafka counts them: a set that the controller changes itself, since a
// broker is gone, is none of them.
#pragma once

#include "broker/metrics/registry.h"
#include "broker/replica/leader.h"

namespace quokka {

class IsrMeters {
 public:
  explicit IsrMeters(Registry& registry)
      : expanded_(registry.meter("kafka_server_ReplicaManager", "IsrExpandsPerSec")),
        shrunk_(registry.meter("kafka_server_ReplicaManager", "IsrShrinksPerSec")),
        failed_(registry.meter("kafka_server_ReplicaManager", "FailedIsrUpdatesPerSec")) {}

  // Any thread.
  void mark(IsrUpdate update) {
    switch (update) {
      case IsrUpdate::expanded: return expanded_.mark();
      case IsrUpdate::shrunk: return shrunk_.mark();
      case IsrUpdate::failed: return failed_.mark();
    }
  }

 private:
  Meter &expanded_, &shrunk_, &failed_;
};

}  // namespace quokka
