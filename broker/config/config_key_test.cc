#include "broker/config/config_key.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/config/broker_keys.h"
#include "broker/config/protocol_version.h"
#include "broker/config/topic_keys.h"

namespace quokka {
namespace {

std::string check(const char* key, std::string_view value) {
  const ConfigKey* found = find_broker_key(key);
  if (!found) found = find_topic_key(key);
  if (!found) return "no such key";
  Status status = check_value(*found, value);
  return status.ok() ? "ok" : status.error().message;
}

TEST(ConfigKeyTest, TablesAreCompleteSortedAndTheirDefaultsValid) {
  EXPECT_EQ(broker_keys().size(), 331u);
  EXPECT_EQ(topic_keys().size(), 36u);
  auto sorted = [](std::span<const ConfigKey> keys) {
    return std::is_sorted(keys.begin(), keys.end(), [](const ConfigKey& a, const ConfigKey& b) { return std::string_view(a.name) < b.name; });
  };
  EXPECT_TRUE(sorted(broker_keys()) && sorted(topic_keys()) && sorted(own_broker_keys()));
  for (std::span<const ConfigKey> keys : {broker_keys(), topic_keys(), own_broker_keys()}) {
    for (const ConfigKey& key : keys) {
      EXPECT_NE(std::string_view(key.documentation), "") << key.name;
      if (!key.default_value) continue;
      Status status = check_value(key, key.default_value);
      EXPECT_TRUE(status.ok()) << status.error().message;
      EXPECT_EQ(canonical_value(key, key.default_value), key.default_value) << key.name;
    }
  }
}

TEST(ConfigKeyTest, TopicAndBrokerKeysPointAtEachOther) {
  for (const ConfigKey& key : topic_keys()) EXPECT_TRUE(!*key.counterpart || find_broker_key(key.counterpart)) << key.name;
  for (const ConfigKey& key : broker_keys()) EXPECT_TRUE(!*key.counterpart || find_topic_key(key.counterpart)) << key.name;
}

TEST(ConfigKeyTest, BadValuesAreNamedWithWhatIsAllowed) {
  EXPECT_EQ(check("num.partitions", "0"), "Invalid value 0 for configuration num.partitions: Value must be at least 1");
  EXPECT_EQ(check("num.partitions", " 12 "), "ok");
  EXPECT_EQ(check("num.partitions", "+3"), "ok");
  EXPECT_EQ(check("num.partitions", "many"), "Invalid value many for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(check("num.partitions", "2147483648"), "Invalid value 2147483648 for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(check("offsets.topic.replication.factor", "40000"),
            "Invalid value 40000 for configuration offsets.topic.replication.factor: Not a number of type SHORT");
  EXPECT_EQ(check("log.retention.ms", "1e3"), "Invalid value 1e3 for configuration log.retention.ms: Not a number of type LONG");
  EXPECT_EQ(check("auto.create.topics.enable", "yes"),
            "Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false");
  EXPECT_EQ(check("auto.create.topics.enable", " TRUE"), "ok");
  EXPECT_EQ(check("compression.type", "brotli"),
            "Invalid value brotli for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer");
  EXPECT_EQ(check("cleanup.policy", "delete, compact"), "ok");
  EXPECT_EQ(check("cleanup.policy", "compact,burn"),
            "Invalid value burn for configuration cleanup.policy: String must be one of: compact, delete");
  EXPECT_EQ(check("min.cleanable.dirty.ratio", "1.5"),
            "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1");
  EXPECT_EQ(check("min.cleanable.dirty.ratio", ".5"), "ok");
  EXPECT_EQ(check("compression.gzip.level", "0"),
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1");
  EXPECT_EQ(check("compression.gzip.level", "-1"), "ok");
  EXPECT_EQ(check("group.consumer.migration.policy", "Upgrade"), "ok");
  EXPECT_EQ(check("inter.broker.protocol.version", "5.0"),
            "Invalid value 5.0 for configuration inter.broker.protocol.version: Version 5.0 is not a valid version");
  EXPECT_EQ(check("leader.replication.throttled.replicas", "0:1,1:2"), "ok");
  EXPECT_EQ(check("leader.replication.throttled.replicas", "*"), "ok");
  EXPECT_NE(check("leader.replication.throttled.replicas", "0:1,x"), "ok");
}

TEST(ConfigKeyTest, SecretsAreNotRepeatedInErrors) {
  ConfigKey secret{"k", ConfigType::password, nullptr, UpdateMode::read_only, "", "", true, false, ""};
  EXPECT_TRUE(check_value(secret, "anything").ok());
  EXPECT_TRUE(find_broker_key("ssl.key.password")->sensitive());
}

TEST(ConfigKeyTest, ValuesAreShownAsJavaShowsThem) {
  auto shown = [](const char* key, std::string_view value) { return canonical_value(*find_broker_key(key), value); };
  EXPECT_EQ(shown("log.cleaner.io.max.bytes.per.second", "1e7"), "1.0E7");
  EXPECT_EQ(shown("log.cleaner.io.max.bytes.per.second", "123456.5"), "123456.5");
  EXPECT_EQ(shown("log.cleaner.io.max.bytes.per.second", "100"), "100.0");
  EXPECT_EQ(shown("log.cleaner.min.cleanable.ratio", "0.0005"), "5.0E-4");
  EXPECT_EQ(shown("log.cleaner.min.cleanable.ratio", "0.05"), "0.05");
  EXPECT_EQ(shown("log.cleaner.min.cleanable.ratio", "0"), "0.0");
  EXPECT_EQ(shown("num.partitions", "+007"), "7");
  EXPECT_EQ(shown("delete.topic.enable", "False"), "false");
  EXPECT_EQ(shown("log.cleanup.policy", " compact ,delete "), "compact,delete");
}

TEST(ConfigKeyTest, FindsThroughListenerPrefixes) {
  EXPECT_STREQ(find_broker_key("listener.name.internal.ssl.keystore.location")->name, "ssl.keystore.location");
  EXPECT_STREQ(find_broker_key("listener.name.internal.scram-sha-256.sasl.jaas.config")->name, "sasl.jaas.config");
  EXPECT_EQ(find_broker_key("listener.name.internal.no.such.key"), nullptr);
  EXPECT_EQ(find_broker_key("no.such.key"), nullptr);
}

TEST(ConfigKeyTest, NearestKeyIsWhatWasMeant) {
  EXPECT_EQ(nearest_broker_key("num.partition"), "num.partitions");
  EXPECT_EQ(nearest_broker_key("log.dri"), "log.dir");
  EXPECT_EQ(nearest_broker_key("advertised.listener"), "advertised.listeners");
  EXPECT_EQ(nearest_broker_key("log.retention.bites"), "log.retention.bytes");
  EXPECT_EQ(nearest_broker_key("zookeeper_connect"), "zookeeper.connect");
  EXPECT_EQ(nearest_broker_key("something.else.entirely"), "");
}

TEST(ProtocolVersionTest, ReleasesStandForTheirHighestVersion) {
  EXPECT_EQ(full_protocol_version("3.9"), "3.9-IV0");
  EXPECT_EQ(full_protocol_version("3.9.1"), "3.9-IV0");
  EXPECT_EQ(full_protocol_version("3.7"), "3.7-IV4");
  EXPECT_EQ(full_protocol_version("0.10.2"), "0.10.2-IV0");
  EXPECT_EQ(full_protocol_version("0.10.2.1"), "0.10.2-IV0");
  EXPECT_EQ(full_protocol_version("2.4-IV0"), "2.4-IV0");
  EXPECT_EQ(full_protocol_version("3"), std::nullopt);
  EXPECT_EQ(full_protocol_version(""), std::nullopt);
  EXPECT_TRUE(is_served_protocol_version("3.0-IV1"));
  EXPECT_TRUE(is_served_protocol_version("3.9-IV0"));
  EXPECT_FALSE(is_served_protocol_version("3.0-IV0"));
  EXPECT_FALSE(is_served_protocol_version("4.0-IV0"));
}

}  // namespace
}  // namespace quokka
