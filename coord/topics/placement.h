// Which brokers hold the replicas of new partitions. PURE; places as Kafka does, so that mixed clusters stay balanced.
//
// First replicas go round the brokers from a starting point; the others follow at a shift that grows with every round, so that a broker's
// partitions are spread over all others. With racks the brokers stand in an order that alternates racks, and no rack gets a second replica while
// another has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coord/znodes/topic.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

struct BrokerRack {
  BrokerId id;
  std::optional<std::string> rack;
};

// Where placement begins: for a new topic both are random below the number of brokers; for further partitions of a topic see
// start_of_added_partitions.
struct PlacementStart {
  uint32_t index = 0;
  uint32_t shift = 0;
};

// `brokers` ascending by id. Partitions are numbered from `first_partition` on. Errors: INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, and
// UNKNOWN_SERVER_ERROR if only some brokers have a rack.
Result<znodes::ReplicaLists> place_replicas(const std::vector<BrokerRack>& brokers, int32_t partitions, int32_t replication_factor,
                                            PlacementStart start, PartitionIndex first_partition = PartitionIndex(0));

// Goes on where partition 0 began.
PlacementStart start_of_added_partitions(const std::vector<BrokerRack>& brokers, const std::vector<BrokerId>& replicas_of_partition_0);

// Brokers so ordered that racks take turns, racks by name, brokers of a rack by id. All must have a rack.
std::vector<BrokerId> alternate_racks(const std::vector<BrokerRack>& brokers);

// An assignment that a client asks for. INVALID_REPLICA_ASSIGNMENT unless partitions are 0, 1, 2 ..., all have equally many replicas, none twice.
Status validate_new_assignment(const znodes::ReplicaLists& assignment);
// Of partitions to be added to a topic whose partitions have `replication_factor` replicas.
Status validate_added_assignment(const znodes::ReplicaLists& added, int32_t first_partition, int32_t replication_factor,
                                 const std::vector<BrokerRack>& brokers);

}  // namespace quokka
