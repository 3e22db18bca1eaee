// Faults of the members of a group, and of its coordinator.
#pragma once

#include "integration-tests/faults/scene.h"

namespace quokka {

// F39
void kill_members(Scene& scene);               // one after another; others come
void hold_members(Scene& scene);               // one stands still, one is cut off, longer than their sessions
void restart_static_members(Scene& scene);     // within the session: they keep what they had; beyond it: others get it
void kill_group_coordinator(Scene& scene);     // three times, wherever it is
void rebalance_storm(Scene& scene);

}  // namespace quokka
