// Faults that end processes: kill -9 and SIGTERM.
#pragma once

#include "integration-tests/faults/scene.h"

namespace quokka {

void no_fault(Scene& scene);                    // F0
void kill_leader_and_chase(Scene& scene);       // F1: the leader of a partition, then the one that took over
void kill_leader_for_long(Scene& scene);        // F1: until its session has ended and another leads
void kill_each_in_turn(Scene& scene);           // F2: a follower, the controller, and everybody
void kill_all_at_once(Scene& scene);            // F3
void restart_each_in_turn(Scene& scene);        // F4: SIGTERM

}  // namespace quokka
