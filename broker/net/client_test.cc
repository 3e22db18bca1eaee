// The project's clients against the project's server, over real sockets.
#include <gtest/gtest.h>

#include "broker/net/test_peer.h"
#include "protocol/client/blocking_client.h"
#include "protocol/client/client_connection.h"
#include "protocol/client/tcp_streams.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/metadata.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

using namespace test;

// Answers ApiVersions and Metadata as a broker of its own cluster.
struct TinyBroker {
  explicit TinyBroker(int16_t api_versions_max = 4) : versions_max(api_versions_max), server({}, [this](CallPtr call) { handle(std::move(call)); }) {}

  void handle(CallPtr call) {
    Response response;
    if (call->api_key() == 18) {
      std::vector<ApiVersionsResponse::ApiVersion> keys(2);
      keys[0] = {3, 1, 9};
      keys[1] = {18, 0, versions_max};
      ApiVersionsResponse answer;
      answer.api_keys = Array(keys);
      int16_t version = call->version();
      if (version > versions_max) {
        version = 0;
        answer.error_code = ErrorCode::UNSUPPORTED_VERSION;
      }
      response.body = std::move(*encode(answer, version));
    } else {
      metadata_version = call->version();
      MetadataResponse answer;
      std::vector<MetadataResponse::MetadataResponseBroker> brokers(1);
      brokers[0] = {BrokerId(7), "127.0.0.1", server.port, std::nullopt};
      answer.brokers = Array(brokers);
      answer.controller_id = BrokerId(7);
      answer.cluster_id = "cluster";
      response.body = std::move(*encode(answer, call->version()));
    }
    call->answer(std::move(response));
  }

  const int16_t versions_max;
  std::atomic<int> metadata_version{-1};
  TestServer server;
};

TEST(BlockingClient, AgreesOnVersionsAndFindsBrokers) {
  for (int16_t api_versions_max : {int16_t{4}, int16_t{0}}) {
    TinyBroker broker(api_versions_max);
    BlockingClient client({"127.0.0.1:1,127.0.0.1:" + std::to_string(broker.server.port)});
    auto brokers = client.brokers();
    ASSERT_TRUE(brokers.ok()) << brokers.error().message;
    ASSERT_EQ(brokers->size(), 1u);
    EXPECT_EQ((*brokers)[0].id, BrokerId(7));
    EXPECT_EQ(broker.metadata_version, 9) << "the highest that both know";
    EXPECT_EQ(*client.cluster_id(), "cluster");
    auto answer = client.call_controller<MetadataResponse>(MetadataRequest{}, 5);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(broker.metadata_version, 5);
    EXPECT_EQ((*answer)->controller_id, BrokerId(7));
    EXPECT_EQ(client.call_broker<MetadataResponse>(BrokerId(8), MetadataRequest{}).code(), ErrorCode::BROKER_NOT_AVAILABLE);
    EXPECT_EQ(client.version_of(19, 0, 7).code(), ErrorCode::UNSUPPORTED_VERSION);
  }
}

TEST(BlockingClient, SaysWhyItCannotConnect) {
  BlockingClient client({"127.0.0.1:1"});
  auto answer = client.brokers();
  EXPECT_EQ(answer.code(), ErrorCode::NETWORK_EXCEPTION);
  EXPECT_NE(answer.error().message.find("127.0.0.1:1: Connection refused"), std::string::npos) << answer.error().message;
}

TEST(BlockingClient, ConnectsAnewWhenTheBrokerHasClosedAnIdleConnection) {
  TinyBroker broker;
  BlockingClient client({"127.0.0.1:" + std::to_string(broker.server.port)});
  ASSERT_TRUE(client.refresh().ok());
  auto first = client.call_broker<MetadataResponse>(BrokerId(7), MetadataRequest{});
  ASSERT_TRUE(first.ok());
  std::promise<void> closed;
  broker.server.server.stop(Duration::seconds(5), [&] { closed.set_value(); });
  closed.get_future().wait();
  auto refused = client.call_broker<MetadataResponse>(BrokerId(7), MetadataRequest{});
  EXPECT_EQ(refused.code(), ErrorCode::NETWORK_EXCEPTION);
  EXPECT_NE(refused.error().message.find("refused"), std::string::npos) << refused.error().message;
}

TEST(ParseBootstrap, Addresses) {
  auto all = parse_bootstrap("a:1, PLAINTEXT://b.c:9092 ,[::1]:65535");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, (std::vector<std::pair<std::string, uint16_t>>{{"a", 1}, {"b.c", 9092}, {"::1", 65535}}));
  for (const char* bad : {"", " , ", "a", "a:", ":1", "a:0", "a:65536", "a:1x"}) EXPECT_FALSE(parse_bootstrap(bad).ok()) << bad;
}

TEST(ClientConnection, PipelinesOverTcpAndNoticesTheEnd) {
  TestServer server({}, [](CallPtr call) {
    if (body_text(*call) == "close") return call->close("asked to");
    call->answer(text_response(body_text(*call)));
  });
  EventLoop& loop = server.loops.at(0);
  TcpStreams streams(loop.io_context(), loop);
  std::unique_ptr<ClientConnection> connection;
  std::promise<void> done;
  int answered = 0;
  constexpr int kRequests = 500;
  auto make = [](const std::string& body) {
    ClientRequest request;
    request.api_key = 0;
    request.version = 3;
    auto block = std::make_unique<uint8_t[]>(body.size());
    std::copy(body.begin(), body.end(), block.get());
    request.body.append_owned(std::move(block), body.size());
    return request;
  };
  loop.post([&] {
    ClientSettings settings;
    settings.host = "localhost";
    settings.port = server.port;
    settings.requests_in_flight_max = 16;
    connection = std::make_unique<ClientConnection>(loop, streams, settings);
    for (int i = 0; i < kRequests; ++i) {
      std::string body(static_cast<size_t>(i) * 100, static_cast<char>('a' + i % 26));
      connection->send(make(body), [&, body](Result<ClientResponse> answer) {
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        EXPECT_EQ(text_of(answer->body()), body);
        if (++answered < kRequests) return;
        connection->send(make("close"), [&](Result<ClientResponse> last) {
          EXPECT_EQ(last.code(), ErrorCode::NETWORK_EXCEPTION);
          connection.reset();
          done.set_value();
        });
      });
    }
  });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(TcpStreams, ErrorsNameTheBrokerAndTheReason) {
  EventLoop loop("test");
  TcpStreams streams(loop.io_context(), loop);
  std::promise<std::string> refused, unresolved;
  loop.post([&] {
    streams.connect("127.0.0.1", 1, Duration::seconds(10), [&](Result<std::unique_ptr<Stream>> result) { refused.set_value(result.error().message); });
    streams.connect("no.such.host.invalid", 1, Duration::seconds(10),
                    [&](Result<std::unique_ptr<Stream>> result) { unresolved.set_value(result.error().message); });
  });
  loop.start();
  EXPECT_EQ(refused.get_future().get(), "127.0.0.1:1: Connection refused");
  EXPECT_EQ(unresolved.get_future().get().rfind("no.such.host.invalid:1: ", 0), 0u);
  loop.stop();
}

}  // namespace
}  // namespace quokka
