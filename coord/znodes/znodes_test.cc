#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "coord/znodes/acl.h"
#include "coord/znodes/admin.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/config.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"
#include "coord/znodes/topic.h"

namespace quokka::znodes {
namespace {

struct Sample {
  std::string path;
  std::string op;
  std::string data;
};

// Writes of real Kafka brokers, byte for byte.
std::vector<Sample> samples() {
  std::ifstream file("coord/znodes/testdata/znode_samples.tsv");
  EXPECT_TRUE(file) << "run from the project's root";
  std::vector<Sample> all;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#' || line.rfind("path\t", 0) == 0) continue;
    std::vector<std::string> columns;
    std::stringstream stream(line);
    for (std::string column; std::getline(stream, column, '\t');) columns.push_back(column);
    if (columns.size() < 5 || columns[4].empty()) continue;
    std::string path = columns[0];
    if (path.rfind("/a/b/", 0) == 0) path = path.substr(4);  // a chroot
    all.push_back({path, columns[3], columns[4]});
  }
  return all;
}

bool has_prefix(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

template <class T>
std::string written_again(const Result<T>& parsed) {
  return parsed.ok() ? encode(parsed.value()) : parsed.error().message;
}

// "" when the path has no value of its own.
std::string written_again(const Sample& sample) {
  const std::string& path = sample.path;
  const std::string& data = sample.data;
  if (path == kClusterId) {
    auto id = parse_cluster_id(data);
    return id.ok() ? encode_cluster_id(*id) : id.error().message;
  }
  if (path == kController) return written_again(parse_controller(data));
  if (path == kControllerEpoch) {
    auto epoch = parse_controller_epoch(data);
    return epoch.ok() ? encode_controller_epoch(*epoch) : epoch.error().message;
  }
  if (path == kFeature) return written_again(parse_feature(data));
  if (path == kProducerIdBlock) return written_again(parse_producer_id_block(data));
  if (path == kReassignPartitions) {
    auto parsed = parse_reassignments(data);
    return parsed.ok() ? encode_reassignments(*parsed) : parsed.error().message;
  }
  if (path == kPreferredReplicaElection || has_prefix(path, kIsrChangeNotification)) {
    auto parsed = parse_partitions(path, data);
    return parsed.ok() ? encode_partitions(*parsed) : parsed.error().message;
  }
  if (has_prefix(path, kLogDirEventNotification)) {
    auto parsed = parse_log_dir_event(path, data);
    return parsed.ok() ? encode_log_dir_event(*parsed) : parsed.error().message;
  }
  if (has_prefix(path, "/brokers/ids/")) return written_again(parse_broker(BrokerId(1), data));
  if (has_prefix(path, "/brokers/topics/")) {
    return path.find("/state") == std::string::npos ? written_again(parse_topic(path.substr(16), data))
                                                    : written_again(parse_partition_state({"t", PartitionIndex(0)}, data));
  }
  if (has_prefix(path, "/config/changes/")) return written_again(parse_config_change(path, data));
  if (has_prefix(path, "/config/")) {
    auto parsed = parse_config(path, data);
    return parsed.ok() ? encode_config(*parsed) : parsed.error().message;
  }
  if (has_prefix(path, "/kafka-acl-changes/")) return written_again(parse_acl_change(PatternType::literal, path, data));
  if (has_prefix(path, "/kafka-acl-extended-changes/")) return written_again(parse_acl_change(PatternType::prefixed, path, data));
  if (has_prefix(path, "/kafka-acl")) {
    auto parsed = parse_acls(path, data);
    return parsed.ok() ? encode_acls(*parsed) : parsed.error().message;
  }
  return "";
}

TEST(Znodes, EverySampleIsWrittenAlike) {
  size_t compared = 0;
  for (const Sample& sample : samples()) {
    if (sample.data == "(null)" || sample.data == "(empty)") continue;
    ++compared;
    EXPECT_EQ(written_again(sample), sample.data) << sample.path;
  }
  EXPECT_GE(compared, 70u);
}

TEST(Znodes, SamplesLieWhereThePathsSay) {
  std::set<std::string> sampled;
  for (const Sample& sample : samples()) sampled.insert(sample.path);
  for (const std::string& path :
       {broker_path(BrokerId(1)), topic_path("t-normal"), topic_partitions_path("t-normal"), partition_path("t-normal", PartitionIndex(0)),
        partition_state_path("t-normal", PartitionIndex(0)), delete_topic_path("t-del"), isr_change_prefix() + "0000000000",
        log_dir_event_prefix() + "0000000000", config_change_prefix() + "0000000014", config_path(ConfigType::brokers, kDefaultEntity),
        config_path("users/<default>/clients/<default>"), config_path(ConfigType::users, sanitize("CN=\xc3\xa9 b/c*%~+,O=x")) + "/clients/" + sanitize("my client"),
        acl_path(PatternType::literal, "Topic", "*"), acl_path(PatternType::prefixed, "TransactionalId", "tx"), acl_type_path(PatternType::prefixed, "Topic"),
        std::string(kClusterId), std::string(kProducerIdBlock)}) {
    EXPECT_EQ(sampled.count(path), 1u) << path;
  }
}

TEST(Paths, AChildIsOneLevel) {
  EXPECT_EQ(child_path("/a", "b"), "/a/b");
  EXPECT_DEATH(child_path("/a", ""), "");
  EXPECT_DEATH(child_path("/a", "b/c"), "b/c");
  EXPECT_DEATH(child_path("/a", ".."), "");
}

TEST(Paths, SequenceNumbers) {
  EXPECT_EQ(sequence_number("config_change_0000000014", "config_change_"), 14);
  EXPECT_EQ(sequence_number("config_change_2147483648", "config_change_"), 2147483648);
  EXPECT_EQ(sequence_number("config_change_", "config_change_"), std::nullopt);
  EXPECT_EQ(sequence_number("isr_change_0000000001", "config_change_"), std::nullopt);
  EXPECT_EQ(sequence_number("config_change_00x", "config_change_"), std::nullopt);
}

TEST(Paths, PersistentPathsStandInKafkasOrder) {
  EXPECT_EQ(persistent_paths().size(), 14u);
  EXPECT_EQ(persistent_paths().front(), "/consumers");
  EXPECT_EQ(persistent_paths()[5], "/brokers/seqid");
  EXPECT_EQ(persistent_paths().back(), "/config/ips");
}

TEST(BrokerZnode, OldVersionsAreRead) {
  auto v1 = parse_broker(BrokerId(1), R"({"version":1,"host":"h","port":9092,"jmx_port":9999,"timestamp":"2233345666"})");
  ASSERT_TRUE(v1.ok());
  EXPECT_EQ(v1->endpoints, (std::vector<Endpoint>{{"PLAINTEXT", "h", 9092, 0}}));
  EXPECT_EQ(v1->jmx_port, 9999);
  auto v2 = parse_broker(BrokerId(1), R"({"version":2,"host":"h","port":9092,"jmx_port":-1,"timestamp":"1","endpoints":["SSL://h:9093","PLAINTEXT://[::1]:9092"]})");
  ASSERT_TRUE(v2.ok());
  EXPECT_EQ(v2->endpoints, (std::vector<Endpoint>{{"SSL", "h", 9093, 1}, {"PLAINTEXT", "::1", 9092, 0}}));
  auto v3 = parse_broker(BrokerId(1), R"({"version":3,"host":null,"port":-1,"timestamp":"1","endpoints":["SASL_SSL://h:1"],"rack":"r"})");
  ASSERT_TRUE(v3.ok());
  EXPECT_EQ(v3->rack, "r");
}

TEST(BrokerZnode, HostAndPortAreThoseOfTheFirstPlaintextEndpoint) {
  Broker broker;
  broker.endpoints = {{"OUT", "h", 9093, 1}};
  broker.timestamp = {7};
  EXPECT_EQ(encode(broker),
            R"({"features":{},"listener_security_protocol_map":{"OUT":"SSL"},"endpoints":["OUT://h:9093"],"jmx_port":-1,"port":-1,"host":null,"version":5,"timestamp":"7"})");
  broker.endpoints.push_back({"IN", "::1", 9092, 0});
  broker.rack = "r";
  EXPECT_EQ(
      encode(broker),
      R"({"features":{},"listener_security_protocol_map":{"OUT":"SSL","IN":"PLAINTEXT"},"endpoints":["OUT://h:9093","IN://[::1]:9092"],"rack":"r","jmx_port":-1,"port":9092,"host":"::1","version":5,"timestamp":"7"})");
  EXPECT_EQ(parse_broker(BrokerId(1), encode(broker)).value(), broker);
  broker.has_consumer_protocol = true;
  EXPECT_NE(encode(broker).find(R"("timestamp":"7","quokka_consumer_protocol":1})"), std::string::npos) << encode(broker);
  broker.features["f"] = {1, 3};
  EXPECT_EQ(parse_broker(BrokerId(1), encode(broker)).value(), broker);
}

TEST(BrokerZnode, WhatIsWrongIsNamed) {
  EXPECT_EQ(parse_broker(BrokerId(3), "{").error().message.substr(0, 33), "znode /brokers/ids/3: not JSON: i");
  EXPECT_EQ(parse_broker(BrokerId(3), "[]").error().message, "znode /brokers/ids/3: not a JSON object");
  EXPECT_EQ(parse_broker(BrokerId(3), "{}").error().message, "znode /brokers/ids/3, field 'version': missing");
  EXPECT_EQ(parse_broker(BrokerId(3), R"({"version":0})").error().message, "znode /brokers/ids/3, field 'version': 0 is not supported");
  EXPECT_FALSE(parse_broker(BrokerId(3), R"({"version":5,"endpoints":["nonsense"]})").ok());
  EXPECT_FALSE(parse_broker(BrokerId(3), R"({"version":5,"endpoints":["A://h:1"],"listener_security_protocol_map":{"A":"QUIC"}})").ok());
  EXPECT_FALSE(parse_broker(BrokerId(3), R"({"version":5,"endpoints":["A://h:1"],"features":{"f":1}})").ok());
}

TEST(BrokerZnode, Endpoints) {
  EXPECT_EQ(parse_endpoint("A://:1")->host, "");
  EXPECT_EQ(parse_endpoint("A://h:-1")->port, -1);
  for (const char* text : {"", "A", "A://", "A://h", "A://h:", "A://h:x", "A://[::1:9092", "A://h:99999999999"}) {
    EXPECT_EQ(parse_endpoint(text), std::nullopt) << text;
  }
  EXPECT_EQ(security_protocol("SASL_PLAINTEXT"), 2);
  EXPECT_EQ(security_protocol("plaintext"), std::nullopt);
  EXPECT_EQ(security_protocol_name(3), "SASL_SSL");
}

TEST(TopicZnode, OldVersionsAreRead) {
  auto v1 = parse_topic("t", R"({"version":1,"partitions":{"0":[1,2],"10":[2]}})");
  ASSERT_TRUE(v1.ok());
  EXPECT_TRUE(v1->id.is_zero());
  EXPECT_EQ(v1->partitions.at(PartitionIndex(10)), std::vector<BrokerId>{BrokerId(2)});
  EXPECT_TRUE(parse_topic("t", R"({"version":9,"new":{"a":[]},"partitions":{}})").ok());
}

TEST(TopicZnode, WhatIsWrongIsNamed) {
  EXPECT_EQ(parse_topic("t", R"({"partitions":{"x":[1]}})").error().message, "znode /brokers/topics/t, field 'partitions': 'x' is no partition");
  EXPECT_EQ(parse_topic("t", R"({"partitions":{"-1":[1]}})").error().message, "znode /brokers/topics/t, field 'partitions': '-1' is no partition");
  EXPECT_EQ(parse_topic("t", R"({"partitions":{"0":[4294967296]}})").error().message,
            "znode /brokers/topics/t, field 'partitions': not an array of 32-bit integers");
  EXPECT_EQ(parse_topic("t", R"({"partitions":[]})").error().message, "znode /brokers/topics/t, field 'partitions': not an object");
  EXPECT_EQ(parse_topic("t", R"({"topic_id":"short"})").error().message, "znode /brokers/topics/t, field 'topic_id': 'short' is no topic id");
}

TEST(TopicZnode, ManyPartitionsStandInHashOrder) {
  Topic topic;
  for (int i = 0; i < 12; ++i) topic.partitions[PartitionIndex(i)] = {BrokerId(1)};
  EXPECT_EQ(encode(topic).substr(0, 38), R"({"partitions":{"11":[1],"0":[1],"1":[1)");
  topic.partitions.erase(PartitionIndex(11));
  EXPECT_EQ(encode(topic).substr(0, 29), R"({"partitions":{"0":[1],"1":[1)");
  for (int i = 0; i < 300; ++i) topic.partitions[PartitionIndex(i)] = {BrokerId(i)};
  EXPECT_EQ(parse_topic("t", encode(topic)).value(), topic);
}

TEST(PartitionStateZnode, WhatIsWrongIsNamed) {
  const TopicPartition tp{"t", PartitionIndex(3)};
  EXPECT_EQ(parse_partition_state(tp, R"({"leader":1,"leader_epoch":"2","controller_epoch":1,"isr":[]})").error().message,
            "znode /brokers/topics/t/partitions/3/state, field 'leader_epoch': not an integer");
  EXPECT_EQ(parse_partition_state(tp, R"({"leader":1,"leader_epoch":2,"controller_epoch":1})").error().message,
            "znode /brokers/topics/t/partitions/3/state, field 'isr': missing");
  EXPECT_FALSE(parse_partition_state(tp, R"({"leader":1,"leader_epoch":2,"controller_epoch":1,"isr":[],"leader_recovery_state":2})").ok());
}

TEST(ControllerZnode, VersionsAndErrors) {
  EXPECT_EQ(parse_controller(R"({"version":1,"brokerid":4,"timestamp":"9"})").value(), (Controller{BrokerId(4), {9}, -1}));
  EXPECT_EQ(parse_controller(R"({"version":2,"brokerid":4,"timestamp":"9","kraftControllerEpoch":5})")->kraft_epoch, 5);
  EXPECT_FALSE(parse_controller(R"({"version":1})").ok());
  EXPECT_EQ(parse_controller_epoch("12").value(), ControllerEpoch(12));
  EXPECT_FALSE(parse_controller_epoch("").ok());
  EXPECT_FALSE(parse_controller_epoch("1x").ok());
  EXPECT_EQ(parse_migration(R"({"version":0,"kraft_controller_id":3000,"kraft_controller_epoch":1})")->kraft_controller_id, 3000);
  EXPECT_FALSE(parse_producer_id_block(R"({"version":1,"broker":1,"block_start":"1000","block_end":"999"})").ok());
}

TEST(FeatureZnode, BothVersions) {
  Feature old{1, 1, {{"f", {1, 2}}}};
  EXPECT_EQ(encode(old), R"({"features":{"f":{"min_version_level":1,"max_version_level":2}},"version":1,"status":1})");
  EXPECT_EQ(parse_feature(encode(old)).value(), old);
  Feature now{2, 1, {{"f", {0, 2}}}};
  EXPECT_EQ(encode(now), R"({"features":{"f":{"max_version_level":2}},"version":2,"status":1})");
  EXPECT_EQ(parse_feature(encode(now)).value(), now);
  EXPECT_FALSE(parse_feature(R"({"features":{},"version":3,"status":1})").ok());
  EXPECT_FALSE(parse_feature(R"({"features":{"f":3},"version":2,"status":1})").ok());
}

// B17: a name from ZooKeeper is checked before it can become a path.
TEST(AdminZnodes, IllegalTopicNamesAreLeftOut) {
  auto parsed = parse_reassignments(R"({"partitions":[{"topic":"a/../b","partition":0,"replicas":[1]},{"topic":"t","partition":0,"replicas":[1]}]})");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_EQ(parsed->front().partition.topic, "t");
  auto partitions = parse_partitions("/x", R"({"partitions":[{"topic":"","partition":0},{"topic":"..","partition":0}]})");
  ASSERT_TRUE(partitions.ok());
  EXPECT_TRUE(partitions->empty());
  EXPECT_EQ(parse_partitions("/x", R"({"partitions":[{"topic":"t"}]})").error().message, "znode /x, field 'partition': missing");
  EXPECT_FALSE(parse_reassignments(R"({"partitions":[{"topic":"t","partition":0}]})").ok());
  EXPECT_FALSE(parse_partitions("/x", R"({"partitions":[3]})").ok());
}

TEST(ConfigZnodes, OldAndOddForms) {
  EXPECT_EQ(parse_config("/c", R"({"version":1})").value(), ConfigMap{});
  EXPECT_EQ(parse_config("/c", R"({"version":1,"config":null})").value(), ConfigMap{});
  EXPECT_EQ(parse_config("/c", R"({"version":1,"config":{"a":1}})").error().message, "znode /c, field 'config.a': not a string");
  EXPECT_EQ(parse_config_change("/c", R"({"version":1,"entity_type":"topics","entity_name":"t"})")->entity_path, "topics/t");
  EXPECT_FALSE(parse_config_change("/c", R"({"version":1,"entity_type":"users","entity_name":"u"})").ok());
  EXPECT_FALSE(parse_config_change("/c", R"({"version":3,"entity_path":"topics/t"})").ok());
  EXPECT_FALSE(parse_config_change("/c", "topics/t").ok());
}

TEST(ConfigZnodes, TextIsEscaped) {
  const ConfigMap config{{"k", "a\"b\\c\n\t\x01 \xc3\xa9/"}};
  EXPECT_EQ(encode_config(config), "{\"version\":1,\"config\":{\"k\":\"a\\\"b\\\\c\\n\\t\\u0001 \xc3\xa9/\"}}");
  EXPECT_EQ(parse_config("/c", encode_config(config)).value(), config);
}

TEST(ConfigZnodes, EntityPaths) {
  EXPECT_EQ(parse_entity_path("topics/t").value(), (ConfigEntity{ConfigType::topics, "t", std::nullopt}));
  EXPECT_EQ(parse_entity_path("brokers/<default>")->entity, "<default>");
  EXPECT_EQ(parse_entity_path("users/a%20b/clients/c").value(), (ConfigEntity{ConfigType::users, "a%20b", "c"}));
  EXPECT_EQ(parse_entity_path("users/a%20b/clients/c")->path(), "users/a%20b/clients/c");
  for (const char* path : {"", "topics", "topics/", "topics/a b", "topics/..", "changes/x", "brokers/x", "brokers/-1", "clients/c/clients/d", "users/u/x/c",
                           "users/u/clients", "users/u/clients/", "users/../clients/c", "topics/t/partitions/0", "users/u/clients/c/d/e/f"}) {
    EXPECT_FALSE(parse_entity_path(path).ok()) << path;
  }
}

TEST(ConfigZnodes, NamesArePercentEncoded) {
  EXPECT_EQ(sanitize("CN=\xc3\xa9 b/c*%~+,O=x"), "CN%3D%C3%A9%20b%2Fc%2A%25%7E%2B%2CO%3Dx");
  EXPECT_EQ(desanitize("CN%3D%C3%A9%20b%2Fc%2A%25%7E%2B%2CO%3Dx"), "CN=\xc3\xa9 b/c*%~+,O=x");
  EXPECT_EQ(sanitize("a.b-c_9"), "a.b-c_9");
  EXPECT_EQ(sanitize(kDefaultEntity), "%3Cdefault%3E");
  EXPECT_EQ(desanitize("%"), std::nullopt);
  EXPECT_EQ(desanitize("%4"), std::nullopt);
  EXPECT_EQ(desanitize("%zz"), std::nullopt);
}

TEST(AclZnodes, NamesWithASlashHaveNoZnode) {
  EXPECT_EQ(acl_path(PatternType::literal, "Group", "a/b"), "");
  EXPECT_EQ(acl_path(PatternType::literal, "User", "User:zed"), "/kafka-acl/User/User:zed");
  EXPECT_FALSE(parse_acls("/a", R"({"version":2,"acls":[]})").ok());
  EXPECT_FALSE(parse_acl_change(PatternType::literal, "/a", "TOPIC").ok());
  EXPECT_FALSE(parse_acl_change(PatternType::prefixed, "/a", "TOPIC:t").ok());
}

TEST(TokenZnode, RoundTrip) {
  DelegationToken token{"id", "User:a b", "User:c", {"User:r"}, 1, 3, 2};
  EXPECT_EQ(encode(token),
            R"({"version":3,"owner":"User%3Aa%20b","tokenRequester":"User%3Ac","renewers":["User%3Ar"],"issueTimestamp":1,"maxTimestamp":3,"expiryTimestamp":2,"tokenId":"id"})");
  EXPECT_EQ(parse_delegation_token("/t", encode(token)).value(), token);
  auto old = parse_delegation_token(
      "/t", R"({"version":1,"owner":"User%3Aa","renewers":[],"issueTimestamp":1,"maxTimestamp":3,"expiryTimestamp":2,"tokenId":"id"})");
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->requester, "User:a");
}

TEST(Json, HostileTextIsRefused) {
  EXPECT_FALSE(parse_config("/c", std::string(100000, '[')).ok());
  EXPECT_FALSE(parse_config("/c", "{\"config\":{\"a\":\"\xff\xfe\"}}").ok());
  EXPECT_FALSE(parse_config("/c", "").ok());
  EXPECT_EQ(parse_config("/c", std::string(kJsonBytesMax + 1, ' ')).error().message, "znode /c: larger than 4194304 bytes");
  EXPECT_FALSE(parse_controller(R"({"brokerid":18446744073709551615})").ok());
}

}  // namespace
}  // namespace quokka::znodes
