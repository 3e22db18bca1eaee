// The APIs of Kafka 3.9 in ZooKeeper mode, and those of the consumer protocol (KIP-848): key, name, versions, from which version on the flexible encoding
// is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/wire/versions.h"

namespace quokka {

// X(ENUMERATOR, name, key, version_min, version_max, flexible_from)
#define QUOKKA_APIS(X) \
  X(PRODUCE, Produce, 0, 0, 11, 9) \
  X(FETCH, Fetch, 1, 0, 17, 12) \
  X(LIST_OFFSETS, ListOffsets, 2, 0, 9, 6) \
  X(METADATA, Metadata, 3, 0, 12, 9) \
  X(LEADER_AND_ISR, LeaderAndIsr, 4, 0, 7, 4) \
  X(STOP_REPLICA, StopReplica, 5, 0, 4, 2) \
  X(UPDATE_METADATA, UpdateMetadata, 6, 0, 8, 6) \
  X(CONTROLLED_SHUTDOWN, ControlledShutdown, 7, 0, 3, 3) \
  X(OFFSET_COMMIT, OffsetCommit, 8, 0, 9, 8) \
  X(OFFSET_FETCH, OffsetFetch, 9, 0, 9, 6) \
  X(FIND_COORDINATOR, FindCoordinator, 10, 0, 6, 3) \
  X(JOIN_GROUP, JoinGroup, 11, 0, 9, 6) \
  X(HEARTBEAT, Heartbeat, 12, 0, 4, 4) \
  X(LEAVE_GROUP, LeaveGroup, 13, 0, 5, 4) \
  X(SYNC_GROUP, SyncGroup, 14, 0, 5, 4) \
  X(DESCRIBE_GROUPS, DescribeGroups, 15, 0, 5, 5) \
  X(LIST_GROUPS, ListGroups, 16, 0, 5, 3) \
  X(SASL_HANDSHAKE, SaslHandshake, 17, 0, 1, kNeverFlexible) \
  X(API_VERSIONS, ApiVersions, 18, 0, 4, 3) \
  X(CREATE_TOPICS, CreateTopics, 19, 0, 7, 5) \
  X(DELETE_TOPICS, DeleteTopics, 20, 0, 6, 4) \
  X(DELETE_RECORDS, DeleteRecords, 21, 0, 2, 2) \
  X(INIT_PRODUCER_ID, InitProducerId, 22, 0, 5, 2) \
  X(OFFSET_FOR_LEADER_EPOCH, OffsetForLeaderEpoch, 23, 0, 4, 4) \
  X(ADD_PARTITIONS_TO_TXN, AddPartitionsToTxn, 24, 0, 5, 3) \
  X(ADD_OFFSETS_TO_TXN, AddOffsetsToTxn, 25, 0, 4, 3) \
  X(END_TXN, EndTxn, 26, 0, 4, 3) \
  X(WRITE_TXN_MARKERS, WriteTxnMarkers, 27, 0, 1, 1) \
  X(TXN_OFFSET_COMMIT, TxnOffsetCommit, 28, 0, 4, 3) \
  X(DESCRIBE_ACLS, DescribeAcls, 29, 0, 3, 2) \
  X(CREATE_ACLS, CreateAcls, 30, 0, 3, 2) \
  X(DELETE_ACLS, DeleteAcls, 31, 0, 3, 2) \
  X(DESCRIBE_CONFIGS, DescribeConfigs, 32, 0, 4, 4) \
  X(ALTER_CONFIGS, AlterConfigs, 33, 0, 2, 2) \
  X(ALTER_REPLICA_LOG_DIRS, AlterReplicaLogDirs, 34, 0, 2, 2) \
  X(DESCRIBE_LOG_DIRS, DescribeLogDirs, 35, 0, 4, 2) \
  X(SASL_AUTHENTICATE, SaslAuthenticate, 36, 0, 2, 2) \
  X(CREATE_PARTITIONS, CreatePartitions, 37, 0, 3, 2) \
  X(CREATE_DELEGATION_TOKEN, CreateDelegationToken, 38, 0, 3, 2) \
  X(RENEW_DELEGATION_TOKEN, RenewDelegationToken, 39, 0, 2, 2) \
  X(EXPIRE_DELEGATION_TOKEN, ExpireDelegationToken, 40, 0, 2, 2) \
  X(DESCRIBE_DELEGATION_TOKEN, DescribeDelegationToken, 41, 0, 3, 2) \
  X(DELETE_GROUPS, DeleteGroups, 42, 0, 2, 2) \
  X(ELECT_LEADERS, ElectLeaders, 43, 0, 2, 2) \
  X(INCREMENTAL_ALTER_CONFIGS, IncrementalAlterConfigs, 44, 0, 1, 1) \
  X(ALTER_PARTITION_REASSIGNMENTS, AlterPartitionReassignments, 45, 0, 0, 0) \
  X(LIST_PARTITION_REASSIGNMENTS, ListPartitionReassignments, 46, 0, 0, 0) \
  X(OFFSET_DELETE, OffsetDelete, 47, 0, 0, kNeverFlexible) \
  X(DESCRIBE_CLIENT_QUOTAS, DescribeClientQuotas, 48, 0, 1, 1) \
  X(ALTER_CLIENT_QUOTAS, AlterClientQuotas, 49, 0, 1, 1) \
  X(DESCRIBE_USER_SCRAM_CREDENTIALS, DescribeUserScramCredentials, 50, 0, 0, 0) \
  X(ALTER_USER_SCRAM_CREDENTIALS, AlterUserScramCredentials, 51, 0, 0, 0) \
  X(ALTER_PARTITION, AlterPartition, 56, 0, 3, 0) \
  X(UPDATE_FEATURES, UpdateFeatures, 57, 0, 1, 0) \
  X(ENVELOPE, Envelope, 58, 0, 0, 0) \
  X(DESCRIBE_CLUSTER, DescribeCluster, 60, 0, 1, 0) \
  X(DESCRIBE_PRODUCERS, DescribeProducers, 61, 0, 0, 0) \
  X(DESCRIBE_TRANSACTIONS, DescribeTransactions, 65, 0, 0, 0) \
  X(LIST_TRANSACTIONS, ListTransactions, 66, 0, 1, 0) \
  X(ALLOCATE_PRODUCER_IDS, AllocateProducerIds, 67, 0, 0, 0) \
  X(CONSUMER_GROUP_HEARTBEAT, ConsumerGroupHeartbeat, 68, 0, 1, 0) \
  X(CONSUMER_GROUP_DESCRIBE, ConsumerGroupDescribe, 69, 0, 0, 0)

enum class ApiKey : int16_t {
#define X(enumerator, name, key, version_min, version_max, flexible_from) enumerator = key,
  QUOKKA_APIS(X)
#undef X
};

struct ApiEntry {
  ApiKey key;
  std::string_view name;
  int16_t version_min;
  int16_t version_max;
  int16_t flexible_from;

  bool flexible(int16_t version) const { return version >= flexible_from; }
  // Of the headers that go with this version of the API.
  int16_t request_header_version(int16_t version) const;
  int16_t response_header_version(int16_t version) const;
};

// nullptr for a key that is not in the table.
const ApiEntry* api_entry(int16_t key);
// "Produce"; "UNKNOWN" for a key that is not in the table.
std::string_view name(ApiKey key);

}  // namespace quokka
