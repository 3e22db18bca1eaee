// What the controller's requests mean to the coordinators: who leads a partition of an internal topic coordinates what is in it.
#pragma once

#include "broker/group/group_coordinator.h"
#include "broker/handlers/services.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/base/topic_name.h"

namespace quokka {

// On the serial queue of control requests, after the replica has taken its role.
inline void tell_coordinators(Services& services, const ReplicaTable::RoleChange& change) {
  const auto tell = [&](auto& coordinator) {
    if (change.role.leader == services.self) coordinator.lead(change.partition.partition, change.role.leader_epoch);
    else coordinator.resign(change.partition.partition, change.role.leader_epoch);
  };
  if (change.partition.topic == kGroupMetadataTopic) tell(services.groups);
  if (change.partition.topic == kTransactionStateTopic) tell(services.transactions);
}

// After the replica was stopped. A negative epoch is none: the topic is deleted, or an old controller asked.
inline void tell_coordinators_of_stop(Services& services, std::string_view topic, PartitionIndex partition, LeaderEpoch epoch) {
  const std::optional<LeaderEpoch> given = epoch.value >= 0 ? std::optional(epoch) : std::nullopt;
  if (topic == kGroupMetadataTopic) services.groups.resign(partition, given);
  if (topic == kTransactionStateTopic) services.transactions.resign(partition, given);
}

}  // namespace quokka
