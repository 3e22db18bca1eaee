#include "broker/config/broker_config.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

// The least a broker starts with.
ConfigSources sources(Properties more = {}) {
  ConfigSources made;
  made.fixed = {{"zookeeper.connect", "localhost:2181"}, {"broker.id", "1"}};
  for (auto& [key, value] : more) made.fixed[key] = value;
  return made;
}

BrokerConfig config_of(const ConfigSources& from) {
  Result<BrokerConfig> config = make_broker_config(from);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return config.ok() ? *config : BrokerConfig();
}

std::string error_of(Properties more) {
  Result<BrokerConfig> config = make_broker_config(sources(std::move(more)));
  return config.ok() ? "" : config.error().message;
}

void expect_error(Properties more, std::string_view text) {
  std::string error = error_of(more);
  EXPECT_NE(error.find(text), std::string::npos) << "'" << error << "' has no '" << text << "'";
  EXPECT_EQ(error.find('\n'), std::string::npos) << "one line: " << error;
}

TEST(BrokerConfigTest, DefaultsAreKafkas) {
  BrokerConfig config = config_of(sources());
  EXPECT_EQ(config.broker_id, BrokerId(1));
  EXPECT_EQ(config.num_partitions, 1);
  EXPECT_EQ(config.zookeeper_session_timeout_ms, 18000);
  EXPECT_EQ(config.zookeeper_connection_timeout_ms, 18000);
  EXPECT_EQ(config.log_dirs, (std::vector<std::string>{"/tmp/kafka-logs"}));
  EXPECT_EQ(config.num_replica_alter_log_dirs_threads, 1);
  EXPECT_EQ(config.socket_request_max_bytes, 104857600);
  EXPECT_EQ(config.replica_lag_time_max_ms, 30000);
  EXPECT_EQ(config.inter_broker_protocol_version, "3.9-IV0");
  EXPECT_EQ(config.broker_rack, std::nullopt);
  ASSERT_EQ(config.listeners.bound.size(), 1u);
  EXPECT_EQ(config.listeners.bound[0], (ListenerEndpoint{"PLAINTEXT", SecurityProtocol::PLAINTEXT, "", 9092}));
  EXPECT_EQ(config.listeners.inter_broker, "PLAINTEXT");
}

TEST(BrokerConfigTest, GivenValuesArrive) {
  BrokerConfig config = config_of(sources({{"log.dirs", "/a, /b,/c"}, {"log.dir", "/d"}, {"broker.rack", "r1"}, {"num.io.threads", " 4 "},
                                           {"inter.broker.protocol.version", "3.5"}, {"max.connections.per.ip.overrides", "10.0.0.1:5, host:7"},
                                           {"auto.create.topics.enable", "FALSE"}}));
  EXPECT_EQ(config.log_dirs, (std::vector<std::string>{"/a", "/b", "/c"}));
  EXPECT_EQ(config.num_replica_alter_log_dirs_threads, 3);
  EXPECT_EQ(config.broker_rack, "r1");
  EXPECT_EQ(config.num_io_threads, 4);
  EXPECT_EQ(config.inter_broker_protocol_version, "3.5-IV2");
  EXPECT_EQ(config.max_connections_per_ip_overrides, (std::map<std::string, int32_t>{{"10.0.0.1", 5}, {"host", 7}}));
  EXPECT_FALSE(config.auto_create_topics_enable);
}

TEST(BrokerConfigTest, MillisecondsBeatMinutesBeatHours) {
  ConfigSources from = sources();
  EXPECT_EQ(from.effective("log.retention.ms"), "604800000");
  from.fixed["log.retention.hours"] = "2";
  EXPECT_EQ(from.effective("log.retention.ms"), "7200000");
  from.fixed["log.retention.minutes"] = "3";
  EXPECT_EQ(from.effective("log.retention.ms"), "180000");
  from.fixed["log.retention.ms"] = "4";
  EXPECT_EQ(from.effective("log.retention.ms"), "4");
  from.fixed["log.retention.ms"] = "-7";
  EXPECT_EQ(from.effective("log.retention.ms"), "-1");
  from.fixed["log.roll.hours"] = "1";
  EXPECT_EQ(from.effective("log.roll.ms"), "3600000");
  EXPECT_EQ(from.effective("log.roll.jitter.ms"), "0");
  from.fixed["log.flush.scheduler.interval.ms"] = "9";
  EXPECT_EQ(from.effective("log.flush.interval.ms"), "9");
}

TEST(BrokerConfigTest, DynamicValuesBeatTheFile) {
  ConfigSources from = sources({{"num.io.threads", "1"}});
  from.cluster_default["num.io.threads"] = "2";
  EXPECT_EQ(config_of(from).num_io_threads, 2);
  from.broker["num.io.threads"] = "3";
  EXPECT_EQ(config_of(from).num_io_threads, 3);
  from.broker.clear();
  from.cluster_default.clear();
  EXPECT_EQ(config_of(from).num_io_threads, 1);
}

TEST(BrokerConfigTest, IdsByEitherName) {
  ConfigSources from;
  from.fixed = {{"zookeeper.connect", "z"}, {"node.id", "5"}};
  EXPECT_EQ(config_of(from).broker_id, BrokerId(5));
  from.fixed = {{"zookeeper.connect", "z"}};
  EXPECT_EQ(config_of(from).broker_id, BrokerId(-1));
  expect_error({{"node.id", "2"}}, "You must set `node.id` to the same value as `broker.id`");
}

TEST(BrokerConfigTest, BadValuesStopTheStart) {
  expect_error({{"num.partitions", "0"}}, "Invalid value 0 for configuration num.partitions: Value must be at least 1");
  expect_error({{"log.cleanup.policy", "shred"}}, "String must be one of: compact, delete");
  expect_error({{"max.connections.per.ip.overrides", "nonsense"}}, "max.connections.per.ip.overrides: entries have the form host:count");
}

TEST(BrokerConfigTest, WhatDoesNotFitTogetherStopsTheStart) {
  Result<BrokerConfig> config = make_broker_config(ConfigSources{});
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().message.find("zookeeper.connect"), std::string::npos);
  expect_error({{"broker.id", "1001"}}, "not greater than reserved.broker.max.id (1000)");
  expect_error({{"broker.id", "-2"}}, "greater than or equal to -1");
  expect_error({{"broker.id", "-1"}, {"broker.id.generation.enable", "false"}}, "broker.id must be greater than or equal to 0");
  EXPECT_EQ(error_of({{"broker.id", "1001"}, {"broker.id.generation.enable", "false"}}), "");
  expect_error({{"log.cleaner.threads", "128"}}, "at least 1MB per cleaner thread");
  expect_error({{"log.retention.ms", "0"}}, "log.retention.ms must be unlimited (-1) or");
  expect_error({{"log.roll.ms", "0"}}, "log.roll.ms must be greater");
  expect_error({{"log.dirs", " , "}}, "At least one log directory");
  expect_error({{"replica.fetch.wait.max.ms", "30001"}, {"replica.lag.time.max.ms", "60000"}}, "replica.socket.timeout.ms should always");
  expect_error({{"replica.lag.time.max.ms", "499"}}, "less than or equal to replica.lag.time.max.ms");
  expect_error({{"queued.max.request.bytes", "1000"}}, "larger or equal to socket.request.max.bytes");
  expect_error({{"max.connections.per.ip", "0"}}, "only if max.connections.per.ip.overrides");
  EXPECT_EQ(error_of({{"max.connections.per.ip", "0"}, {"max.connections.per.ip.overrides", "127.0.0.1:9"}}), "");
  expect_error({{"connections.max.idle.ms", "100"}}, "connection.failed.authentication.delay.ms=100");
  EXPECT_EQ(error_of({{"connections.max.idle.ms", "-1"}}), "");
  expect_error({{"controller.listener.names", "C"}}, "controller.listener.names must be empty");
  expect_error({{"group.coordinator.rebalance.protocols", "consumer"}}, "it must contain classic");
  expect_error({{"group.coordinator.rebalance.protocols", "classic,share"}}, "share is not served");
  EXPECT_EQ(error_of({{"group.coordinator.rebalance.protocols", "classic,consumer"}}), "");
  expect_error({{"group.consumer.assignors", "uniform,x.Y"}}, "uniform and range are built in");
  expect_error({{"group.consumer.session.timeout.ms", "1000"}}, "group.consumer.session.timeout.ms=1000 must be between");
  expect_error({{"group.consumer.heartbeat.interval.ms", "16000"}}, "group.consumer.heartbeat.interval.ms=16000 must be between");
  expect_error({{"log.cleaner.min.compaction.lag.ms", "10"}, {"log.cleaner.max.compaction.lag.ms", "5"}}, "must not be above");
}

TEST(BrokerConfigTest, WhatWouldWeakenSecurityOrDurabilityRefusesTheStartByName) {
  const Properties refused = {
      {"authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"},
      {"ssl.client.auth", "required"},
      {"listener.name.external.ssl.client.auth", "requested"},
      {"zookeeper.set.acl", "true"},
      {"zookeeper.ssl.client.enable", "true"},
      {"zookeeper.ssl.truststore.location", "/x"},
      {"remote.log.storage.system.enable", "true"},
      {"zookeeper.metadata.migration.enable", "true"},
      {"process.roles", "broker"},
      {"create.topic.policy.class.name", "P"},
      {"alter.config.policy.class.name", "P"},
      {"principal.builder.class", "P"},
      {"config.providers", "file"},
      {"inter.broker.protocol.version", "2.8"},
  };
  for (const auto& [key, value] : refused) {
    expect_error({{key, value}}, key);
    expect_error({{key, value}}, "is not possible");
  }
  expect_error({{"listeners", "PLAINTEXT://:9092,SSL://:9093"}}, "listeners=SSL://:9093 is not possible");
  expect_error({{"listeners", "PLAINTEXT://:9092,SASL_PLAINTEXT://:9093"}}, "SASL_PLAINTEXT is not implemented yet");
  // Harmless values of the same keys.
  EXPECT_EQ(error_of({{"authorizer.class.name", ""}, {"ssl.client.auth", "none"}, {"zookeeper.set.acl", "false"},
                      {"zookeeper.ssl.client.enable", "false"}, {"process.roles", ""}, {"remote.log.storage.system.enable", "false"}}),
            "");
}

TEST(BrokerConfigTest, SecretsDoNotAppearInTheRefusal) {
  std::string error = error_of({{"zookeeper.ssl.keystore.password", "hunter2"}});
  EXPECT_NE(error, "");
  EXPECT_EQ(error.find("hunter2"), std::string::npos);
}

TEST(BrokerConfigTest, RemarksNameWhatHasNoEffect) {
  ConfigRemarks remarks = remarks_on({{"num.partition", "1"},
                                      {"num.partitions", "1"},
                                      {"xyzzy", "1"},
                                      {"quota.window.num", "11"},
                                      {"log.retention.bytes", "5"},
                                      {"leader.replication.throttled.rate", "5"},
                                      {"broker.session.timeout.ms", "5"},
                                      {"group.consumer.migration.policy", "upgrade"},
                                      {"group.consumer.assignors", "range"},
                                      {"listener.name.x.ssl.keystore.location", "/k"},
                                      {"producer.purgatory.purge.interval.requests", "5"}});
  EXPECT_EQ(remarks.not_acted_upon, (std::vector<std::string>{"listener.name.x.ssl.keystore.location", "quota.window.num"}));
  EXPECT_EQ(remarks.warnings, (std::vector<std::string>{
                                  "broker.session.timeout.ms has no effect in a cluster coordinated by ZooKeeper",
                                  "leader.replication.throttled.rate has no effect in a properties file: it is set with kafka-configs.sh --alter",
                                  "unknown key num.partition has no effect; did you mean num.partitions?",
                                  "unknown key xyzzy has no effect"}));
}

}  // namespace
}  // namespace quokka
