// Moving a partition from one set of replicas to another: what its assignment and its state are on the way, as functions of values (KIP-455).
//
// While a partition moves, its topic's znode names the target first, then the replicas to be removed, and says which are new and which are to go: a
// controller elected meanwhile finds everything there. When the whole target is in sync the others leave, and only the target is named.
#pragma once

#include <optional>
#include <string>

#include "coord/controller/election.h"
#include "protocol/base/result.h"

namespace quokka {

bool is_reassigned(const Assignment& assignment);
// The replicas of before, and those that are to be. The order of before is lost where the two overlap.
Replicas origin_of(const Assignment& assignment);
Replicas target_of(const Assignment& assignment);
// `current`, which may itself be on its way, sent to `target`.
Assignment reassigned(const Assignment& current, const Replicas& target);

// INVALID_REPLICA_ASSIGNMENT: no replicas, one twice, a negative id.
Status check_target(const Replicas& target);

// True when the whole target is in sync, and one of it is online to lead; also when there is nothing to move, as when only the order changes.
bool is_complete(const Assignment& assignment, const LeaderAndIsr& state, const Replicas& online);

// The new replicas are on their way: the leader stays and learns of them at the next leader epoch.
LeaderAndIsr with_new_replicas(const LeaderAndIsr& state);

// The target alone remains: in sync, and leading. The leader epoch rises by one, and by one more for each replica that leaves the in-sync set: Kafka
// writes them one after the other, so both leave the same epochs. The assignment must be complete.
LeaderAndIsr with_target_only(const LeaderAndIsr& state, const Assignment& assignment, const Replicas& online);

// Replicas of a target that was given up leave. The state when they are gone, the same if none of them was in it (the leader epoch as above); nullopt
// when `kept`, the replicas that stay, have nobody in sync, or nobody who could lead where one of those who leave does: records would be lost.
std::optional<LeaderAndIsr> without_abandoned(const LeaderAndIsr& state, const Replicas& kept, const Replicas& online);

}  // namespace quokka
