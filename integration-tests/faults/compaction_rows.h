// Faults of brokers that clean compacted logs.
#pragma once

#include "integration-tests/faults/fault_row.h"

namespace quokka {

// F40: a broker is killed while it cleans, as records before an offset are deleted.
void kill_leader_as_it_cleans(Scene& scene);
void kill_follower_as_it_cleans(Scene& scene);
void kill_each_as_it_cleans(Scene& scene);

}  // namespace quokka
