// The clients of tools against brokers that the test plays, over real sockets.
#include "protocol/client/blocking_client.h"

#include <gtest/gtest.h>

#include "protocol/client/scripted_broker.h"
#include "protocol/messages/init_producer_id.h"

namespace quokka {
namespace {

using testing::ScriptedBroker;
using testing::ScriptedRequest;

// Brokers 7, 8 ... of one cluster, the first of which is the controller.
class SmallCluster {
 public:
  explicit SmallCluster(int count = 1, int16_t api_versions_max = 4) {
    for (int i = 0; i < count; ++i) {
      brokers_.push_back(std::make_unique<ScriptedBroker>(std::vector<ApiKey>{ApiKey::METADATA, ApiKey::INIT_PRODUCER_ID},
                                                          [this](const ScriptedRequest& request) { return respond(request); }));
      brokers_.back()->know_api_versions_to(api_versions_max);
    }
    for (auto& broker : brokers_) broker->start();
  }

  ScriptedBroker& at(size_t index) { return *brokers_[index]; }
  BlockingClientSettings settings() const {
    BlockingClientSettings settings;
    settings.servers = {{"127.0.0.1", brokers_.front()->port()}};
    settings.retry_backoff = Duration::millis(1);
    return settings;
  }

  std::atomic<int> metadata_requests{0};
  std::atomic<int> metadata_version{-1};
  std::atomic<bool> answers_producers{true};  // false: their connection is closed instead

 private:
  std::optional<std::vector<uint8_t>> respond(const ScriptedRequest& request) {
    if (request.key == ApiKey::INIT_PRODUCER_ID) {
      if (!answers_producers) return std::nullopt;
      return ScriptedBroker::body_of(InitProducerIdResponse{}, request.version);
    }
    ++metadata_requests;
    metadata_version = request.version;
    std::vector<MetadataResponse::MetadataResponseBroker> brokers;
    for (size_t i = 0; i < brokers_.size(); ++i) {
      brokers.push_back({BrokerId(7 + static_cast<int32_t>(i)), "127.0.0.1", brokers_[i]->port(), std::nullopt});
    }
    MetadataResponse response;
    response.brokers = brokers;
    response.controller_id = BrokerId(7);
    return ScriptedBroker::body_of(response, request.version);
  }

  std::vector<std::unique_ptr<ScriptedBroker>> brokers_;
};

struct Warnings {
  std::vector<std::string> texts;
  std::function<void(const std::string&)> sink() {
    return [this](const std::string& text) { texts.push_back(text); };
  }
};

TEST(BlockingClient, AgreesOnVersionsAndFindsBrokers) {
  for (const int16_t api_versions_max : {int16_t{4}, int16_t{0}}) {
    SmallCluster cluster(1, api_versions_max);
    BlockingClientSettings settings = cluster.settings();
    settings.servers.insert(settings.servers.begin(), HostPort{"127.0.0.1", 1});  // where nobody listens
    BlockingClient client(settings, [](const std::string&) {});
    const auto metadata = client.metadata(std::nullopt, false);
    ASSERT_TRUE(metadata.ok()) << metadata.error().message;
    EXPECT_EQ(metadata->message.brokers.size(), 1u);
    EXPECT_EQ(cluster.metadata_version, 12) << "the highest that both know";
    const auto controller = client.controller();
    ASSERT_TRUE(controller.ok()) << controller.error().message;
    EXPECT_EQ((*controller)->address(), (HostPort{"127.0.0.1", cluster.at(0).port()}));
    EXPECT_TRUE((*controller)->call<MetadataResponse>(MetadataRequest{}, Duration::seconds(20), 5).ok());
    EXPECT_EQ(cluster.metadata_version, 5);
    EXPECT_EQ(client.broker(BrokerId(99)).code(), ErrorCode::BROKER_NOT_AVAILABLE);
    EXPECT_FALSE((*controller)->serves(ApiKey::PRODUCE));
    EXPECT_EQ((*controller)->version_of(ApiKey::PRODUCE, 0, 11).code(), ErrorCode::UNSUPPORTED_VERSION);
    EXPECT_EQ((*controller)->version_of(ApiKey::METADATA, 4, 9).value(), 9);
    EXPECT_EQ((*controller)->version_of(ApiKey::METADATA, 13, 14).code(), ErrorCode::UNSUPPORTED_VERSION);
  }
}

TEST(BlockingClient, SaysWhyItCannotConnect) {
  BlockingClientSettings settings;
  settings.servers = {{"127.0.0.1", 1}};
  BlockingClient client(settings, [](const std::string&) {});
  const auto answer = client.metadata(std::nullopt, false);
  EXPECT_EQ(answer.code(), ErrorCode::NETWORK_EXCEPTION);
  EXPECT_EQ(answer.error().message, "no broker can be reached: 127.0.0.1:1: Connection refused");
}

TEST(BlockingClient, ConnectsAnewWhenTheBrokerHasClosedAnIdleConnection) {
  SmallCluster cluster;
  Warnings warnings;
  BlockingClient client(cluster.settings(), warnings.sink());
  ASSERT_TRUE(client.metadata(std::nullopt, false).ok());
  const auto before = client.broker(BrokerId(7));
  ASSERT_TRUE(before.ok());
  cluster.at(0).close_connections();
  ASSERT_TRUE(client.wait([&] { return !(*before)->is_open(); }, Duration::seconds(20)));
  const auto after = client.broker(BrokerId(7));
  ASSERT_TRUE(after.ok());
  EXPECT_TRUE((*after)->is_open());
  EXPECT_TRUE((*after)->call<MetadataResponse>(MetadataRequest{}, Duration::seconds(20)).ok());
}

TEST(BlockingClient, SeveralCallsAreUnderWayAtOnce) {
  SmallCluster cluster(2);
  BlockingClient client(cluster.settings(), [](const std::string&) {});
  ASSERT_TRUE(client.metadata(std::nullopt, false).ok());
  int answered = 0, failed = 0;
  for (const BrokerId id : {BrokerId(7), BrokerId(8), BrokerId(8)}) {
    const auto broker = client.broker(id);
    ASSERT_TRUE(broker.ok()) << broker.error().message;
    (*broker)->start<InitProducerIdResponse>(InitProducerIdRequest{}, 4, Duration::seconds(20), [&](Result<Answer<InitProducerIdResponse>> answer) {
      ++(answer.ok() ? answered : failed);
    });
  }
  EXPECT_TRUE(client.wait([&] { return answered == 3; }, Duration::seconds(20)));

  cluster.answers_producers = false;
  const auto broker = client.broker(BrokerId(8));
  (*broker)->start<InitProducerIdResponse>(InitProducerIdRequest{}, 4, Duration::seconds(20),
                                           [&](Result<Answer<InitProducerIdResponse>> answer) { failed += answer.ok() ? 0 : 1; });
  EXPECT_TRUE(client.wait([&] { return failed == 1; }, Duration::seconds(20)));
}

TEST(BlockingClient, TriesAgainWhatMayPassAndSaysSoOnce) {
  SmallCluster cluster;
  Warnings warnings;
  BlockingClientSettings settings = cluster.settings();
  BlockingClient client(settings, warnings.sink());
  int attempts = 0;
  const Status status = client.persist([&]() -> Status {
    return ++attempts < 4 ? Status(Error{ErrorCode::NETWORK_EXCEPTION, "b:9092: Connection refused"}) : Status();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(warnings.texts, (std::vector<std::string>{"b:9092: Connection refused; trying again for 60000 ms (default.api.timeout.ms)"}));
  attempts = 0;
  EXPECT_EQ(client.persist([&]() -> Status { ++attempts; return Error{ErrorCode::INVALID_REQUEST, "never"}; }).code(), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(attempts, 1) << "what cannot pass is not tried again";

  settings.api_timeout = Duration::millis(20);
  BlockingClient impatient(settings, warnings.sink());
  EXPECT_EQ(impatient.persist([&]() -> Status { return Error{ErrorCode::NETWORK_EXCEPTION, "gone"}; }).error().message, "gone");
}

TEST(BlockingClient, AsksTheNextControllerWhenOneIsNoMore) {
  SmallCluster cluster;
  BlockingClient client(cluster.settings(), [](const std::string&) {});
  int asked = 0;
  const auto answer = client.call_controller<InitProducerIdResponse>(InitProducerIdRequest{}, [&](const InitProducerIdResponse&) { return ++asked < 3; });
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(asked, 3);
  EXPECT_GE(cluster.metadata_requests, 3) << "who the controller is, is asked each time";
}

TEST(ParseServers, Addresses) {
  const auto all = parse_servers("a:1, PLAINTEXT://b.c:9092 ,[::1]:65535");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, (std::vector<HostPort>{{"a", 1}, {"b.c", 9092}, {"::1", 65535}}));
  EXPECT_EQ(all->back().str(), "[::1]:65535");
  for (const char* bad : {"", " , ", "a", "a:", ":1", "a:0", "a:65536", "a:1x"}) EXPECT_FALSE(parse_servers(bad).ok()) << bad;
  EXPECT_NE(parse_servers("a:1,b").error().message.find("bootstrap.servers: b "), std::string::npos);
}

}  // namespace
}  // namespace quokka
