// The project's clients against the project's server, over real sockets.
#include <gtest/gtest.h>

#include "broker/net/test_peer.h"
#include "protocol/client/client_connection.h"
#include "protocol/client/tcp_streams.h"

namespace quokka {
namespace {

using namespace test;

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
