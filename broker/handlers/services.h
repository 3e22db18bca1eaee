// What request handlers work with. Put together by broker/node, outlives every call.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/config/topic_configs.h"
#include "broker/handlers/fetch_sessions.h"
#include "broker/handlers/names_in_flight.h"
#include "broker/handlers/scratch_pool.h"
#include "broker/handlers/traffic.h"
#include "broker/peers/producer_ids.h"
#include "broker/quota/replication_throttle.h"
#include "broker/replica/replica_table.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/serial.h"

namespace quokka {

class ConfigStore;
class ControllerRunner;
class GroupCoordinator;
class TransactionCoordinator;
class TransactionVerifier;
class ZookeeperSession;

struct Services {
  const ConfigSources& config_sources;
  const BrokerConfig& config;
  BrokerId self;
  std::string cluster_id;

  ReplicaTable& replicas;
  LogDirectories& log_directories;
  ViewHolder& view;
  FetchSessions& fetch_sessions;
  ProducerIds& producer_ids;
  GroupCoordinator& groups;

  ControllerRunner& controller;
  Loop& coordination;         // the loop of everything that talks to ZooKeeper: the two below are called on it
  ZookeeperSession& session;  // for coord/topics/topic_writer.h
  ConfigStore& configs;       // topic and broker settings in ZooKeeper
  TopicConfigs& topic_configs;  // what of them is in force here

  ReplicationThrottle& leader_throttle;  // of what followers fetch

  Pool& pool;
  Serial& control;  // control requests, one after another
  Random& random;
  Registry& metrics;
  Traffic& traffic;
  ScratchPool& scratches;
  DecompressionLimits decompression;

  std::atomic<int64_t>& features_epoch;  // version of /feature; -1 unless it is there and enabled
  std::atomic<int64_t>& broker_epoch;    // czxid of this broker's registration; -1 while it has none
  // Epoch of the controller whose word was last accepted. Serial `control` only.
  ControllerEpoch controller_epoch;
  const std::atomic<bool>& consumer_protocol_offered;  // every registered broker has it
  NamesInFlight automatic_topics{};  // that this broker is creating because somebody asked for them

  TransactionCoordinator& transactions;
  TransactionVerifier& verifier;
};

}  // namespace quokka
