#include "broker/config/topic_settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/config/config_entries.h"
#include "broker/config/topic_configs.h"

namespace quokka {
namespace {

ConfigSources broker_with(Properties fixed = {}) {
  ConfigSources sources;
  sources.fixed = std::move(fixed);
  return sources;
}

std::string check(Properties overrides) {
  Status status = check_topic_overrides(overrides, broker_with());
  return status.ok() ? "ok" : std::string(name(status.code())) + ": " + status.error().message;
}

TEST(TopicSettingsTest, DurableTopicsAreThoseThatFlushEveryMessage) {
  EXPECT_TRUE(check_topic_overrides({{"flush.messages", "1"}}, {}).ok());
  EXPECT_TRUE(topic_log_config({{"flush.messages", "1"}}, broker_with()).durable());
  EXPECT_FALSE(topic_log_config({{"flush.messages", "2"}}, broker_with()).durable());
}

TEST(TopicSettingsTest, SettingsThatCannotBeReadLoseNothing) {
  const ConfigSources broker = broker_with({{"log.retention.ms", "1000"}, {"log.retention.bytes", "1000"}, {"unclean.leader.election.enable", "true"}});
  TopicConfigs configs(broker);
  configs.set_unreadable("t");
  const LogConfigPtr settings = configs.settings_of("t");
  EXPECT_EQ(settings->retention_ms, -1);
  EXPECT_EQ(settings->retention_bytes, -1);
  EXPECT_EQ(settings->min_insync_replicas, INT32_MAX);
  EXPECT_FALSE(settings->unclean_leader_election);
  EXPECT_EQ(configs.settings_of("u")->retention_ms, 1000);
}

TEST(TopicSettingsTest, DefaultsOfTheTableAreThoseOfTheStruct) { EXPECT_EQ(topic_log_config({}, broker_with()), LogConfig()); }

TEST(TopicSettingsTest, EveryKeyArrives) {
  LogConfig config = topic_log_config(
      {{"segment.bytes", "1000"}, {"segment.ms", "2"}, {"segment.jitter.ms", "1"}, {"segment.index.bytes", "64"}, {"index.interval.bytes", "7"},
       {"preallocate", "true"}, {"file.delete.delay.ms", "8"}, {"flush.messages", "1"}, {"flush.ms", "9"}, {"cleanup.policy", "compact"},
       {"retention.ms", "-1"}, {"retention.bytes", "10"}, {"delete.retention.ms", "11"}, {"min.compaction.lag.ms", "12"},
       {"max.compaction.lag.ms", "13"}, {"min.cleanable.dirty.ratio", "0.25"}, {"max.message.bytes", "14"},
       {"message.timestamp.type", "LogAppendTime"}, {"message.timestamp.before.max.ms", "15"}, {"message.timestamp.after.max.ms", "16"},
       {"compression.type", "zstd"}, {"compression.gzip.level", "2"}, {"compression.lz4.level", "3"}, {"compression.zstd.level", "-5"},
       {"message.downconversion.enable", "false"}, {"min.insync.replicas", "2"}, {"unclean.leader.election.enable", "true"}},
      broker_with({{"producer.id.expiration.ms", "17"}}));
  LogConfig expected;
  expected.segment_bytes = 1000;
  expected.segment_ms = 2;
  expected.segment_jitter_ms = 1;
  expected.segment_index_bytes = 64;
  expected.index_interval_bytes = 7;
  expected.preallocate = true;
  expected.file_delete_delay_ms = 8;
  expected.flush_messages = 1;
  expected.flush_ms = 9;
  expected.cleanup_delete = false;
  expected.cleanup_compact = true;
  expected.retention_ms = -1;
  expected.retention_bytes = 10;
  expected.delete_retention_ms = 11;
  expected.min_compaction_lag_ms = 12;
  expected.max_compaction_lag_ms = 13;
  expected.min_cleanable_dirty_ratio = 0.25;
  expected.max_message_bytes = 14;
  expected.timestamp_type = TimestampType::LOG_APPEND_TIME;
  expected.timestamp_before_max_ms = 15;
  expected.timestamp_after_max_ms = 16;
  expected.compression = CompressionCodec::ZSTD;
  expected.gzip_level = 2;
  expected.lz4_level = 3;
  expected.zstd_level = -5;
  expected.down_conversion = false;
  expected.min_insync_replicas = 2;
  expected.unclean_leader_election = true;
  expected.producer_id_expiration_ms = 17;
  EXPECT_EQ(config, expected);
}

TEST(TopicSettingsTest, OverridesBeatDynamicBeatFileBeatDefaults) {
  ConfigSources broker = broker_with();
  auto retention = [&](Properties overrides) { return topic_log_config(overrides, broker).retention_ms; };
  EXPECT_EQ(retention({}), 604'800'000);
  broker.fixed["log.retention.hours"] = "1";
  EXPECT_EQ(retention({}), 3'600'000);
  broker.cluster_default["log.retention.ms"] = "2000";
  EXPECT_EQ(retention({}), 2000);
  broker.broker["log.retention.ms"] = "3000";
  EXPECT_EQ(retention({}), 3000);
  EXPECT_EQ(retention({{"retention.ms", "4000"}}), 4000);
}

// H65: a changed broker default leaves a topic's own settings alone, and a removed one comes back.
TEST(TopicSettingsTest, H65ChangingADynamicDefaultKeepsOverrides) {
  ConfigSources broker = broker_with();
  Properties compacted = {{"cleanup.policy", "compact"}};
  broker.cluster_default["log.cleanup.policy"] = "delete";
  broker.cluster_default["log.retention.ms"] = "1";
  EXPECT_TRUE(topic_log_config(compacted, broker).cleanup_compact);
  EXPECT_FALSE(topic_log_config(compacted, broker).cleanup_delete);
  broker.cluster_default.clear();
  EXPECT_TRUE(topic_log_config(compacted, broker).cleanup_compact);
  EXPECT_EQ(topic_log_config(compacted, broker).retention_ms, 604'800'000);
}

TEST(TopicSettingsTest, OlderTimestampLimitRulesWhereNewerOnesAreLeftAlone) {
  EXPECT_EQ(topic_log_config({{"message.timestamp.difference.max.ms", "5"}}, broker_with()).timestamp_before_max_ms, 5);
  EXPECT_EQ(topic_log_config({{"message.timestamp.difference.max.ms", "5"}, {"message.timestamp.before.max.ms", "6"}}, broker_with())
                .timestamp_before_max_ms,
            6);
  EXPECT_EQ(topic_log_config({}, broker_with({{"log.message.timestamp.difference.max.ms", "7"}})).timestamp_after_max_ms, 7);
}

TEST(TopicSettingsTest, OverridesAreChecked) {
  EXPECT_EQ(check({{"retention.ms", "1"}}), "ok");
  EXPECT_EQ(check({{"retention.ms", "-2"}}), "INVALID_CONFIG: Invalid value -2 for configuration retention.ms: Value must be at least -1");
  EXPECT_EQ(check({{"retention", "1"}}), "INVALID_CONFIG: Unknown topic config name: retention");
  EXPECT_EQ(check({{"min.compaction.lag.ms", "5"}, {"max.compaction.lag.ms", "4"}}),
            "INVALID_CONFIG: conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (4)");
  EXPECT_EQ(check({{"remote.log.copy.disable", "true"}}),
            "INVALID_CONFIG: It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under Zookeeper's mode.");
  EXPECT_EQ(check({{"remote.storage.enable", "true"}}),
            "INVALID_CONFIG: Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.");
}

TEST(TopicSettingsTest, WhatAnotherBrokerWroteWronglyIsLeftOut) {
  std::vector<std::string> ignored;
  LogConfig config = topic_log_config({{"retention.ms", "soon"}, {"new.key", "1"}, {"segment.bytes", "100"}}, broker_with(), &ignored);
  EXPECT_EQ(config.retention_ms, 604'800'000);
  EXPECT_EQ(config.segment_bytes, 100);
  EXPECT_EQ(ignored, (std::vector<std::string>{"new.key", "retention.ms"}));
}

const ConfigEntry* find(const std::vector<ConfigEntry>& entries, std::string_view name) {
  auto at = std::find_if(entries.begin(), entries.end(), [&](const ConfigEntry& entry) { return entry.name == name; });
  return at == entries.end() ? nullptr : &*at;
}

using Synonyms = std::vector<ConfigEntry::Synonym>;

TEST(ConfigEntriesTest, TopicEntriesSayWhereTheyComeFrom) {
  ConfigSources broker = broker_with({{"log.segment.bytes", "500"}, {"log.retention.hours", "1"}});
  broker.cluster_default["log.segment.bytes"] = "600";
  std::vector<ConfigEntry> entries = describe_topic({{"segment.bytes", "700"}}, broker);
  EXPECT_EQ(entries.size(), 36u);
  const ConfigEntry* segment = find(entries, "segment.bytes");
  EXPECT_EQ(segment->value, "700");
  EXPECT_EQ(segment->source, ConfigSource::topic);
  EXPECT_EQ(segment->type, ConfigType::int32);
  EXPECT_EQ(segment->synonyms, (Synonyms{{"segment.bytes", "700", ConfigSource::topic},
                                         {"log.segment.bytes", "600", ConfigSource::broker_default},
                                         {"log.segment.bytes", "500", ConfigSource::fixed},
                                         {"log.segment.bytes", "1073741824", ConfigSource::built_in}}));
  // Only the hours are given: no synonym has the name in milliseconds, so that Kafka shows none.
  EXPECT_EQ(find(entries, "retention.ms")->value, "3600000");
  EXPECT_EQ(find(entries, "retention.ms")->synonyms, Synonyms{});
  EXPECT_EQ(find(entries, "retention.ms")->source, ConfigSource::built_in);
}

TEST(ConfigEntriesTest, BrokerEntriesHideSecretsAndUnknownKeys) {
  ConfigSources broker = broker_with({{"ssl.key.password", "s"}, {"my.own", "x"}, {"broker.id", "3"}, {"num.io.threads", "4"}});
  broker.broker["num.io.threads"] = "5";
  std::vector<ConfigEntry> entries = describe_broker(broker);
  EXPECT_EQ(find(entries, "ssl.key.password")->value, std::nullopt);
  EXPECT_TRUE(find(entries, "ssl.key.password")->sensitive);
  EXPECT_EQ(find(entries, "ssl.key.password")->synonyms, (Synonyms{{"ssl.key.password", std::nullopt, ConfigSource::fixed}}));
  EXPECT_EQ(find(entries, "my.own")->value, std::nullopt);
  EXPECT_EQ(find(entries, "node.id")->value, "3");
  EXPECT_EQ(find(entries, "node.id")->source, ConfigSource::fixed);
  const ConfigEntry* threads = find(entries, "num.io.threads");
  EXPECT_EQ(threads->value, "5");
  EXPECT_FALSE(threads->read_only);
  EXPECT_EQ(threads->synonyms, (Synonyms{{"num.io.threads", "5", ConfigSource::broker},
                                         {"num.io.threads", "4", ConfigSource::fixed},
                                         {"num.io.threads", "8", ConfigSource::built_in}}));
  EXPECT_TRUE(find(entries, "log.dirs")->read_only);
  EXPECT_EQ(find(entries, "log.dirs")->value, std::nullopt);
  EXPECT_EQ(find(entries, "log.retention.ms")->value, std::nullopt);
  EXPECT_EQ(find(entries, "log.retention.hours")->value, "168");
  EXPECT_EQ(find(entries, "unstable.api.versions.enable"), nullptr) << "internal";
  EXPECT_EQ(find(entries, "leader.replication.throttled.rate"), nullptr) << "never of the file";
}

TEST(ConfigEntriesTest, DefaultsForAllBrokersAreShownAlone) {
  ConfigSources broker = broker_with({{"num.io.threads", "4"}});
  broker.cluster_default["num.io.threads"] = "6";
  broker.broker["num.io.threads"] = "5";
  std::vector<ConfigEntry> entries = describe_broker_default(broker);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].value, "6");
  EXPECT_EQ(entries[0].source, ConfigSource::broker_default);
  EXPECT_EQ(entries[0].synonyms, (Synonyms{{"num.io.threads", "6", ConfigSource::broker_default}}));
}

}  // namespace
}  // namespace quokka
