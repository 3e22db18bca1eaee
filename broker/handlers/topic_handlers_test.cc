// The handlers of topics and settings against a controller over an in-memory ZooKeeper.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/alter_partition.h"
#include "protocol/messages/controlled_shutdown.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/metadata.h"

namespace quokka {
namespace {

using NewTopicAsked = CreateTopicsRequest::CreatableTopic;
using TopicAsked = MetadataRequest::MetadataRequestTopic;
using Grown = CreatePartitionsRequest::CreatePartitionsTopic;
using Deleted = DeleteTopicsRequest::DeleteTopicState;
using Resource = DescribeConfigsRequest::DescribeConfigsResource;

NewTopicAsked new_topic(std::string_view name, int32_t partitions = 1) {
  NewTopicAsked topic;
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = 1;
  return topic;
}

class TopicHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int32_t id : {1, 2}) brokers_[id] = make(id, {});
    ASSERT_EQ(cluster_.controller(), 1);
  }
  std::unique_ptr<BrokerForTest> make(int32_t id, Properties properties) {
    RunnerCluster::Node& node = cluster_.start(id);
    auto broker = std::make_unique<BrokerForTest>(cluster_, node, std::move(properties));
    broker->broker_epoch = cluster_.epoch(id).value;
    return broker;
  }
  auto create(std::vector<NewTopicAsked> topics, int16_t version = 7, int32_t timeout_ms = 10000, bool validate_only = false, int32_t at = 1) {
    CreateTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = timeout_ms;
    request.validate_only = validate_only;
    return brokers_[at]->ask<CreateTopicsResponse>(handle_create_topics, request, version);
  }
  auto metadata(std::vector<TopicAsked> topics, int32_t at = 1) {
    MetadataRequest request;
    request.topics = Array(topics);
    return brokers_[at]->ask<MetadataResponse>(handle_metadata, request, 12);
  }
  auto metadata(std::string_view name, int32_t at = 1) { return metadata({{TopicId{}, name}}, at); }
  auto remove(std::vector<Deleted> topics, int32_t timeout_ms = 10000, int32_t at = 1) {
    DeleteTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = timeout_ms;
    return brokers_[at]->ask<DeleteTopicsResponse>(handle_delete_topics, request, 6);
  }
  auto grow(std::vector<Grown> topics, int32_t timeout_ms = 10000, bool validate_only = false, int32_t at = 1) {
    CreatePartitionsRequest request;
    request.topics = topics;
    request.timeout_ms = timeout_ms;
    request.validate_only = validate_only;
    return brokers_[at]->ask<CreatePartitionsResponse>(handle_create_partitions, request, 3);
  }
  auto describe(std::vector<Resource> resources, int16_t version = 4) {
    DescribeConfigsRequest request;
    request.resources = resources;
    request.include_synonyms = version >= 1;
    return brokers_[1]->ask<DescribeConfigsResponse>(handle_describe_configs, request, version);
  }

  RunnerCluster cluster_;
  std::map<int32_t, std::unique_ptr<BrokerForTest>> brokers_;
};

TEST_F(TopicHandlersTest, ACreatedTopicHasItsSettingsBeforeItIsSeenAndALeaderWhenItIsAnswered) {
  cluster_.zookeeper.forget_writes();
  NewTopicAsked orders = new_topic("orders", 2);
  std::vector<NewTopicAsked::CreatableTopicConfig> configs = {{"retention.ms", "1"}, {"retention.ms", "5"}};
  orders.configs = configs;
  const auto answer = create({orders});
  ASSERT_EQ(answer->response.topics.size(), 1u);
  const auto& topic = answer->response.topics[0];
  EXPECT_EQ(topic.error_code, ErrorCode::NONE) << topic.error_message.value_or("");
  EXPECT_EQ(topic.error_message, std::nullopt);
  EXPECT_EQ(topic.num_partitions, 2);
  EXPECT_EQ(topic.replication_factor, 1);
  ASSERT_TRUE(topic.configs && topic.configs->size() > 20);
  const auto retention = std::find_if(topic.configs->begin(), topic.configs->end(), [](const auto& config) { return config.name == "retention.ms"; });
  EXPECT_EQ(retention->value, "5");
  EXPECT_EQ(retention->config_source, 1);

  const auto stored = znodes::parse_topic("orders", *cluster_.zookeeper.data("/brokers/topics/orders"));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->id, topic.topic_id);
  EXPECT_FALSE(topic.topic_id.is_zero());
  std::vector<std::string> created;
  for (const auto& write : cluster_.zookeeper.writes())
    if (write.op.kind == ZkOp::Kind::create) created.push_back(write.op.path);
  ASSERT_GE(created.size(), 2u);
  EXPECT_EQ(created[0], "/config/topics/orders");
  EXPECT_EQ(created[1], "/brokers/topics/orders");
  EXPECT_NE(brokers_[1]->services->view.get()->partition("orders", PartitionIndex(1)), nullptr);
}

TEST_F(TopicHandlersTest, WhatIsOnlyValidatedIsNotWritten) {
  cluster_.zookeeper.forget_writes();
  const auto answer = create({new_topic("orders", 3)}, 7, 10000, true);
  EXPECT_EQ(answer->response.topics[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(answer->response.topics[0].num_partitions, 3);
  EXPECT_TRUE(answer->response.topics[0].topic_id.is_zero());
  EXPECT_TRUE(cluster_.zookeeper.writes().empty());
}

TEST_F(TopicHandlersTest, CreateTopicsErrors) {
  create({new_topic("there"), new_topic("a.b")});
  cluster_.zookeeper.put("/admin/delete_topics/dying", std::nullopt);
  cluster_.zookeeper.put("/brokers/topics/unseen", "{}");
  const auto error = [&](std::string_view name) { return create({new_topic(name)})->response.topics[0].error_code; };
  EXPECT_EQ(error("there"), ErrorCode::TOPIC_ALREADY_EXISTS);
  EXPECT_EQ(error("unseen"), ErrorCode::TOPIC_ALREADY_EXISTS);
  EXPECT_EQ(error("a_b"), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(error("a b"), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(error("__cluster_metadata"), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(create({new_topic("x")}, 7, 10000, false, 2)->response.topics[0].error_code, ErrorCode::NOT_CONTROLLER);
  const auto failed = create({new_topic("there")});
  EXPECT_EQ(failed->response.topics[0].num_partitions, -1);
  EXPECT_EQ(failed->response.topics[0].replication_factor, -1);
  EXPECT_TRUE(failed->response.topics[0].configs && failed->response.topics[0].configs->empty());
}

TEST_F(TopicHandlersTest, NamesOfOneRequest) {
  const auto twice = create({new_topic("x"), new_topic("y"), new_topic("x", 2)});
  ASSERT_EQ(twice->response.topics.size(), 3u);
  EXPECT_EQ(twice->response.topics[0].error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(twice->response.topics[1].error_code, ErrorCode::NONE);
  EXPECT_EQ(twice->response.topics[2].error_code, ErrorCode::INVALID_REQUEST);
  const auto colliding = create({new_topic("c.d"), new_topic("c_d")});
  EXPECT_EQ(colliding->response.topics[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(colliding->response.topics[1].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create({})->response.topics.size(), 0u);
}

TEST_F(TopicHandlersTest, B18PartitionsOfOneRequestAreBounded) {
  std::vector<NewTopicAsked> topics;
  const std::vector<std::string> names = {"t0", "t1", "t2", "t3", "t4", "t5"};
  for (const std::string& name : names) topics.push_back(new_topic(name, 60'000));
  const auto answer = create(topics, 7, 10000, true);
  ASSERT_EQ(answer->response.topics.size(), names.size());
  EXPECT_EQ(answer->response.topics[3].error_code, ErrorCode::NONE);
  EXPECT_EQ(answer->response.topics[4].error_code, ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(answer->response.topics[5].error_code, ErrorCode::INVALID_PARTITIONS);
}

TEST_F(TopicHandlersTest, WithoutPatienceTheTopicIsCreatedAndTheAnswerIsATimeOut) {
  for (const int32_t timeout : {0, -1}) {
    const std::string name = "t" + std::to_string(timeout);
    const auto answer = create({new_topic(name)}, 7, timeout);
    EXPECT_EQ(answer->response.topics[0].error_code, ErrorCode::REQUEST_TIMED_OUT);
    EXPECT_EQ(answer->response.topics[0].error_message, std::nullopt);
    EXPECT_EQ(answer->response.topics[0].num_partitions, -1);
    EXPECT_TRUE(cluster_.zookeeper.has("/brokers/topics/" + name));
  }
}

TEST_F(TopicHandlersTest, MetadataCreatesWhatIsAskedForAtAnyBroker) {
  EXPECT_EQ(metadata("auto", 2)->response.topics[0].error_code, ErrorCode::LEADER_NOT_AVAILABLE);
  EXPECT_EQ(metadata("auto", 2)->response.topics[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(metadata("a.b")->response.topics[0].error_code, ErrorCode::LEADER_NOT_AVAILABLE);
  EXPECT_EQ(metadata("a_b")->response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(metadata("a b")->response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(metadata("__cluster_metadata")->response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  // Three replicas on two brokers.
  const auto internal = metadata("__consumer_offsets");
  EXPECT_EQ(internal->response.topics[0].error_code, ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_TRUE(internal->response.topics[0].is_internal);
  EXPECT_FALSE(cluster_.zookeeper.has("/brokers/topics/__consumer_offsets"));
}

TEST_F(TopicHandlersTest, ABrokerThatWasToldNothingYetHasTheClientAskAgain) {
  brokers_[2]->services->view.apply({});
  EXPECT_EQ(metadata("auto", 2)->response.topics[0].error_code, ErrorCode::LEADER_NOT_AVAILABLE);
  EXPECT_EQ(metadata("a b", 2)->response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_FALSE(cluster_.zookeeper.has("/brokers/topics/auto"));
}

TEST_F(TopicHandlersTest, MetadataCreatesNothingWhereItIsNotAllowed) {
  brokers_[3] = make(3, {{"auto.create.topics.enable", "false"}});
  EXPECT_EQ(metadata("auto", 3)->response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  MetadataRequest request;
  std::vector<TopicAsked> topics = {{TopicId{}, "auto"}};
  request.topics = Array(topics);
  request.allow_auto_topic_creation = false;
  EXPECT_EQ(brokers_[1]->ask<MetadataResponse>(handle_metadata, request, 4)->response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_FALSE(cluster_.zookeeper.has("/brokers/topics/auto"));
}

TEST_F(TopicHandlersTest, TopicsAreDeletedByNameAndById) {
  const auto made = create({new_topic("x"), new_topic("y")});
  const TopicId y = made->response.topics[1].topic_id;
  const auto answer = remove({{"x", {}}, {std::nullopt, y}, {"nope", {}}, {std::nullopt, TopicId{9, 9}}, {std::nullopt, {}}});
  const auto& results = answer->response.responses;
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(results[1].error_code, ErrorCode::NONE);
  EXPECT_EQ(results[1].name, "y");
  EXPECT_EQ(results[2].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(results[3].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(results[3].name, std::nullopt);
  EXPECT_EQ(results[4].error_code, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
  EXPECT_FALSE(cluster_.zookeeper.has("/brokers/topics/x"));
  EXPECT_FALSE(cluster_.zookeeper.has("/config/topics/y"));
}

TEST_F(TopicHandlersTest, DeleteTopicsRefusals) {
  const auto made = create({new_topic("x")});
  const TopicId x = made->response.topics[0].topic_id;
  EXPECT_EQ(remove({{"x", x}})->response.responses[0].error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(remove({{"x", {}}}, 10000, 2)->response.responses[0].error_code, ErrorCode::NOT_CONTROLLER);
  EXPECT_TRUE(cluster_.zookeeper.has("/brokers/topics/x"));
  EXPECT_EQ(remove({{"x", {}}}, 0)->response.responses[0].error_code, ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_FALSE(cluster_.zookeeper.has("/brokers/topics/x"));

  brokers_[1]->config.delete_topic_enable = false;
  EXPECT_EQ(remove({{"x", {}}})->response.responses[0].error_code, ErrorCode::TOPIC_DELETION_DISABLED);
  DeleteTopicsRequest old;
  std::vector<std::string_view> names = {"x"};
  old.topic_names = names;
  EXPECT_EQ(brokers_[1]->ask<DeleteTopicsResponse>(handle_delete_topics, old, 2)->response.responses[0].error_code, ErrorCode::INVALID_REQUEST);
}

TEST_F(TopicHandlersTest, PartitionsAreAdded) {
  create({new_topic("x", 2)});
  Grown four;
  four.name = "x";
  four.count = 4;
  four.assignments = std::nullopt;
  EXPECT_EQ(grow({four}, 10000, true)->response.results[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(brokers_[1]->services->view.get()->topic("x")->partitions.size(), 2u) << "only validated";
  EXPECT_EQ(grow({four})->response.results[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(brokers_[1]->services->view.get()->topic("x")->partitions.size(), 4u);
  EXPECT_EQ(grow({four})->response.results[0].error_code, ErrorCode::INVALID_PARTITIONS);
  four.count = 5;
  EXPECT_EQ(grow({four}, 0)->response.results[0].error_code, ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_EQ(grow({four, four})->response.results.size(), 1u);
  EXPECT_EQ(grow({four, four})->response.results[0].error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(grow({four}, 10000, false, 2)->response.results[0].error_code, ErrorCode::NOT_CONTROLLER);
  for (const auto& [name, error] : {std::pair("nope", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), std::pair("a b", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                                    std::pair("", ErrorCode::UNKNOWN_SERVER_ERROR)}) {
    four.name = name;
    EXPECT_EQ(grow({four})->response.results[0].error_code, error) << name;
  }
  cluster_.nodes.at(2)->answers = false;
  cluster_.zookeeper.put("/admin/delete_topics/x", std::nullopt);
  four.name = "x";
  four.count = 6;
  const ErrorCode dying = grow({four})->response.results[0].error_code;
  EXPECT_TRUE(dying == ErrorCode::INVALID_TOPIC_EXCEPTION || dying == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) << name(dying);
}

// Ids would be looked for in other partitions than those that hold them.
TEST_F(TopicHandlersTest, InternalTopicsGetNoMorePartitions) {
  for (const std::string_view name : {kGroupMetadataTopic, kTransactionStateTopic}) {
    create({new_topic(name, 2)});
    Grown more;
    more.name = name;
    more.count = 3;
    more.assignments = std::nullopt;
    for (const bool validate_only : {true, false}) {
      const auto answer = grow({more}, 10000, validate_only);
      EXPECT_EQ(answer->response.results[0].error_code, ErrorCode::INVALID_PARTITIONS);
      EXPECT_NE(answer->response.results[0].error_message.value_or("").find(name), std::string_view::npos);
    }
    EXPECT_EQ(brokers_[1]->services->view.get()->topic(name)->partitions.size(), 2u);
  }
}

TEST_F(TopicHandlersTest, SettingsOfTopicsAreReadAndOfThisBrokerOnly) {
  create({new_topic("x")});
  cluster_.zookeeper.put("/config/topics/x", R"({"version":1,"config":{"retention.ms":"77"}})");
  std::vector<std::string_view> keys = {"retention.ms", "nope"};
  Resource topic{2, "x", Array(keys)};
  const auto answer = describe({topic});
  ASSERT_EQ(answer->response.results[0].configs.size(), 1u);
  EXPECT_EQ(answer->response.results[0].configs[0].value, "77");
  EXPECT_EQ(answer->response.results[0].configs[0].config_source, 1);
  EXPECT_EQ(answer->response.results[0].configs[0].documentation, std::nullopt) << "not asked for";
  EXPECT_GE(answer->response.results[0].configs[0].synonyms.size(), 1u);

  struct Row {
    int8_t type;
    const char* name;
    ErrorCode error;
  };
  for (const Row& row : {Row{2, "nope", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION}, Row{2, "", ErrorCode::INVALID_TOPIC_EXCEPTION},
                         Row{2, "a b", ErrorCode::INVALID_TOPIC_EXCEPTION}, Row{4, "9", ErrorCode::INVALID_REQUEST},
                         Row{4, "abc", ErrorCode::INVALID_REQUEST}, Row{4, "-1", ErrorCode::INVALID_REQUEST}, Row{4, "1", ErrorCode::NONE},
                         Row{4, "", ErrorCode::NONE}, Row{8, "1", ErrorCode::NONE}, Row{8, "9", ErrorCode::INVALID_REQUEST},
                         Row{8, "", ErrorCode::INVALID_REQUEST}, Row{16, "x", ErrorCode::INVALID_REQUEST}}) {
    for (int16_t version = 0; version <= 4; ++version) {
      const auto described = describe({Resource{row.type, row.name, std::nullopt}}, version);
      ASSERT_EQ(described->response.results.size(), 1u);
      EXPECT_EQ(described->response.results[0].error_code, row.error) << int{row.type} << row.name;
    }
  }
  const auto mixed = describe({topic, Resource{32, "group", std::nullopt}});
  EXPECT_EQ(mixed->response.results[0].error_code, ErrorCode::INVALID_REQUEST) << "one unknown type refuses all";
}

TEST_F(TopicHandlersTest, KeysOfOurOwnAreListedWhereTheyAreSet) {
  const auto lists = [&](std::string_view key) {
    const auto answer = describe({Resource{4, "1", std::nullopt}});
    const auto& configs = answer->response.results[0].configs;
    return std::any_of(configs.begin(), configs.end(), [&](const auto& config) { return config.name == key; });
  };
  EXPECT_TRUE(lists("num.partitions"));
  EXPECT_FALSE(lists("quokka.admin.port"));
  brokers_[1]->sources.fixed["quokka.admin.port"] = "0";
  EXPECT_TRUE(lists("quokka.admin.port"));
}

TEST_F(TopicHandlersTest, ProducerIds) {
  InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  const auto ask = [&](int16_t version) { return brokers_[1]->ask<InitProducerIdResponse>(handle_init_producer_id, request, version); };
  EXPECT_EQ(ask(0)->response.producer_id, ProducerId(0));
  EXPECT_EQ(ask(5)->response.producer_id, ProducerId(1));
  EXPECT_EQ(ask(5)->response.producer_epoch, ProducerEpoch(0));
  request.transactional_id = "";
  EXPECT_EQ(ask(5)->response.error_code, ErrorCode::INVALID_REQUEST);
  request.transactional_id = "tx";
  EXPECT_EQ(ask(5)->response.error_code, ErrorCode::INVALID_TRANSACTION_TIMEOUT);
  request.transaction_timeout_ms = 1000;
  EXPECT_EQ(ask(5)->response.error_code, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(ask(5)->response.producer_epoch, ProducerEpoch(-1));
  request.producer_id = ProducerId(7);
  EXPECT_EQ(ask(5)->response.error_code, ErrorCode::INVALID_REQUEST) << "an id without epoch";
}

TEST_F(TopicHandlersTest, WhatBrokersAskOfTheController) {
  ControlledShutdownRequest leaving;
  leaving.broker_id = BrokerId(2);
  leaving.broker_epoch = BrokerEpoch(brokers_[2]->broker_epoch.load());
  EXPECT_EQ(brokers_[2]->ask<ControlledShutdownResponse>(handle_controlled_shutdown, leaving, 3)->response.error_code, ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(brokers_[1]->ask<ControlledShutdownResponse>(handle_controlled_shutdown, leaving, 3)->response.error_code, ErrorCode::NONE);

  AlterPartitionRequest alter;
  alter.broker_id = BrokerId(1);
  alter.broker_epoch = BrokerEpoch(brokers_[1]->broker_epoch.load());
  std::vector<AlterPartitionRequest::TopicData::PartitionData> partitions(2);
  partitions[1].partition_index = PartitionIndex(1);
  std::vector<AlterPartitionRequest::TopicData> topics(1);
  topics[0].topic_id = TopicId{8, 8};
  topics[0].partitions = partitions;
  alter.topics = topics;
  EXPECT_EQ(brokers_[2]->ask<AlterPartitionResponse>(handle_alter_partition, alter, 3)->response.error_code, ErrorCode::NOT_CONTROLLER);
  const auto answer = brokers_[1]->ask<AlterPartitionResponse>(handle_alter_partition, alter, 3);
  ASSERT_EQ(answer->response.topics.size(), 1u);
  EXPECT_EQ(answer->response.topics[0].topic_id, (TopicId{8, 8}));
  ASSERT_EQ(answer->response.topics[0].partitions.size(), 2u);
  EXPECT_EQ(answer->response.topics[0].partitions[1].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

}  // namespace
}  // namespace quokka
