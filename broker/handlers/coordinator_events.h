// What the controller's requests mean to the coordinators: who leads a partition of an internal topic coordinates what is in it.
#pragma once

#include "broker/group/group_coordinator.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"

namespace quokka {

// On the serial queue of control requests, after the replica has taken its role.
inline void tell_coordinators(Services& services, const ReplicaTable::RoleChange& change) {
  if (change.partition.topic != kGroupMetadataTopic) return;
  const PartitionIndex partition = change.partition.partition;
  if (change.role.leader == services.self) services.groups.lead(partition, change.role.leader_epoch);
  else services.groups.resign(partition, change.role.leader_epoch);
}

// After the replica was stopped. A negative epoch is none: the topic is deleted, or an old controller asked.
inline void tell_coordinators_of_stop(Services& services, std::string_view topic, PartitionIndex partition, LeaderEpoch epoch) {
  if (topic != kGroupMetadataTopic) return;
  services.groups.resign(partition, epoch.value >= 0 ? std::optional(epoch) : std::nullopt);
}

}  // namespace quokka
