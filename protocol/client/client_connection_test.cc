// The connection of clients over streams and a loop that the test moves by hand.
#include "protocol/client/client_connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "protocol/base/manual_loop.h"
#include "protocol/client/typed_call.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/headers.h"
#include "protocol/messages/metadata.h"

namespace quokka {
namespace {

// The broker's end, played by the test.
class FakeStreams final : public Streams {
 public:
  explicit FakeStreams(Loop& on) : loop(on) {}

  struct Wire {
    std::string sent;  // by the client
    std::function<void(std::string_view)> deliver;
    std::function<void()> end;
    bool destroyed = false;
  };

  class FakeStream final : public Stream {
   public:
    FakeStream(FakeStreams& of, std::shared_ptr<Wire> wire) : of_(of), wire_(std::move(wire)) {
      wire_->deliver = [this](std::string_view bytes) {
        arrived_ += bytes;
        serve();
      };
      wire_->end = [this] {
        ended_ = true;
        serve();
      };
    }
    ~FakeStream() override {
      wire_->destroyed = true;
      wire_->deliver = [](std::string_view) {};
      wire_->end = [] {};
    }
    void read_some(MutableBytes into, Function<void(Result<size_t>)> done) override {
      ASSERT_FALSE(reading_) << "one read at a time";
      into_ = into;
      reading_ = std::move(done);
      serve();
    }
    void write(std::span<const Bytes> pieces, Function<void(Status)> done) override {
      for (Bytes piece : pieces) wire_->sent += text_of(piece);
      of_.loop.post([called = std::move(done)]() mutable { called(Status()); });
    }

   private:
    void serve() {
      if (!reading_ || (arrived_.empty() && !ended_)) return;
      size_t count = std::min({arrived_.size(), into_.size(), of_.read_max});
      std::copy_n(arrived_.begin(), count, into_.begin());
      arrived_.erase(0, count);
      of_.loop.post([called = std::move(reading_), count]() mutable { called(count); });
    }
    FakeStreams& of_;
    std::shared_ptr<Wire> wire_;
    std::string arrived_;
    bool ended_ = false;
    MutableBytes into_;
    Function<void(Result<size_t>)> reading_;
  };

  void connect(const std::string&, uint16_t, Duration, Function<void(Result<std::unique_ptr<Stream>>)> done) override {
    attempts.push_back(loop.now());
    if (refuse) {
      loop.post([called = std::move(done)]() mutable { called(Error{ErrorCode::NETWORK_EXCEPTION, "b:9092: Connection refused"}); });
      return;
    }
    wires.push_back(std::make_shared<Wire>());
    loop.post([this, wire = wires.back(), called = std::move(done)]() mutable {
      called(std::unique_ptr<Stream>(std::make_unique<FakeStream>(*this, wire)));
    });
  }

  Loop& loop;
  bool refuse = false;
  size_t read_max = SIZE_MAX;
  std::vector<MonoTime> attempts;
  std::vector<std::shared_ptr<Wire>> wires;
};

class ClientConnectionTest : public ::testing::Test {
 protected:
  ClientConnectionTest() : streams(loop) {
    settings.host = "b";
    settings.port = 9092;
    settings.client_id = "me";
  }

  void open() { connection = std::make_unique<ClientConnection>(loop, streams, settings); }

  void send(int tag, const std::string& body = "body", bool expects_answer = true) {
    ClientRequest request;
    request.api_key = 3;
    request.version = 4;
    request.expects_answer = expects_answer;
    auto block = std::make_unique<uint8_t[]>(body.size());
    std::copy(body.begin(), body.end(), block.get());
    request.body.append_owned(std::move(block), body.size());
    connection->send(std::move(request), [this, tag](Result<ClientResponse> answer) {
      order.push_back(tag);
      answers[tag] = answer ? std::string(text_of(answer->body())) : "error: " + std::string(name(answer.code()));
    });
  }

  static std::string answer(int32_t correlation, const std::string& body) {
    uint8_t head[8];
    store_be(head, static_cast<int32_t>(4 + body.size()));
    store_be(head + 4, correlation);
    return std::string(reinterpret_cast<const char*>(head), 8) + body;
  }

  ManualLoop loop;
  FakeStreams streams;
  ClientSettings settings;
  std::unique_ptr<ClientConnection> connection;
  std::vector<int> order;
  std::map<int, std::string> answers;
};

TEST_F(ClientConnectionTest, SendsHeadersAndMatchesAnswers) {
  open();
  EXPECT_TRUE(streams.attempts.empty()) << "connects when first needed";
  send(1, "one");
  send(2, "two");
  loop.run_ready();
  ASSERT_EQ(streams.wires.size(), 1u);
  EXPECT_EQ(streams.wires[0]->sent, std::string("\0\0\0\x0f\0\x03\0\x04\0\0\0\0\0\x02meone\0\0\0\x0f\0\x03\0\x04\0\0\0\x01\0\x02metwo", 38));
  EXPECT_EQ(connection->unanswered(), 2u);
  streams.wires[0]->deliver(answer(0, "first") + answer(1, "second"));
  loop.run_ready();
  EXPECT_EQ(answers, (std::map<int, std::string>{{1, "first"}, {2, "second"}}));
  EXPECT_EQ(connection->unanswered(), 0u);
}

TEST_F(ClientConnectionTest, AnswersMayComeInAnyPieces) {
  for (size_t piece : {size_t{1}, size_t{3}, size_t{7}, size_t{20000}}) {
    streams.read_max = piece;
    open();
    order.clear();
    std::string all;
    for (int i = 0; i < 5; ++i) {
      send(i);
      all += answer(i, std::string(static_cast<size_t>(i) * 9000 + 1, static_cast<char>('a' + i)));
    }
    loop.run_ready();
    for (size_t at = 0; at < all.size(); at += 5000) {
      streams.wires.back()->deliver(all.substr(at, 5000));
      for (int turn = 0; turn < 20000; ++turn) loop.run_ready();
    }
    ASSERT_EQ(order.size(), 5u) << piece;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(answers[i], std::string(static_cast<size_t>(i) * 9000 + 1, static_cast<char>('a' + i)));
  }
}

TEST_F(ClientConnectionTest, OnlyAWindowIsSent) {
  settings.requests_in_flight_max = 2;
  settings.requests_waiting_max = 3;
  open();
  for (int i = 0; i < 6; ++i) send(i);
  loop.run_ready();
  EXPECT_EQ(streams.wires[0]->sent.size(), 2u * 20);
  EXPECT_EQ(answers[3], "error: NETWORK_EXCEPTION") << "more than may wait: refused, when nothing was connected yet";
  streams.wires[0]->deliver(answer(0, "a"));
  loop.run_ready();
  EXPECT_EQ(streams.wires[0]->sent.size(), 3u * 20);
}

TEST_F(ClientConnectionTest, LossFailsEverythingUnansweredOnceAndTheNextSendConnectsAnew) {
  open();
  send(1);
  send(2);
  loop.run_ready();
  streams.wires[0]->deliver(answer(0, "a"));
  loop.run_ready();
  streams.wires[0]->end();
  loop.run_ready();
  EXPECT_EQ(answers[1], "a");
  EXPECT_EQ(answers[2], "error: NETWORK_EXCEPTION");
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_FALSE(connection->connected());
  send(3);
  loop.run_ready();
  ASSERT_EQ(streams.wires.size(), 2u);
  streams.wires[1]->deliver(answer(2, "again"));
  loop.run_ready();
  EXPECT_EQ(answers[3], "again");
}

TEST_F(ClientConnectionTest, ConnectsWithBackOffThatDoublesToAnEnd) {
  streams.refuse = true;
  settings.reconnect_backoff_min = Duration::millis(50);
  settings.reconnect_backoff_max = Duration::millis(200);
  open();
  for (int i = 0; i < 6; ++i) {
    send(i);
    loop.run_ready();
    loop.advance(Duration::seconds(1));
    loop.run_ready();
  }
  // The first of each pair is made at once or when the back-off before it has passed; requests sent in a back-off wait for its end.
  EXPECT_EQ(order.size(), 6u);
  streams.attempts.clear();
  for (int i = 0; i < 100; ++i) {
    send(100 + i);
    loop.advance(Duration::millis(10));
    loop.run_ready();
  }
  EXPECT_LE(streams.attempts.size(), 7u) << "one second of sends: five or six attempts, 200 ms apart";
  EXPECT_GE(streams.attempts.size(), 4u);
}

TEST_F(ClientConnectionTest, ATimeOutClosesTheConnection) {
  settings.request_timeout = Duration::millis(100);
  open();
  send(1);
  loop.run_ready();
  loop.advance(Duration::millis(60));
  send(2);
  loop.run_ready();
  loop.advance(Duration::millis(39));
  loop.run_ready();
  EXPECT_TRUE(answers.empty());
  loop.advance(Duration::millis(1));
  loop.run_ready();
  EXPECT_EQ(answers[1], "error: REQUEST_TIMED_OUT");
  EXPECT_EQ(answers[2], "error: REQUEST_TIMED_OUT") << "its answer would come behind";
  EXPECT_TRUE(streams.wires[0]->destroyed);
}

TEST_F(ClientConnectionTest, WrongAnswersCloseTheConnection) {
  settings.response_bytes_max = 1000;
  for (const std::string& bad : {answer(7, "another's"), std::string("\0\0\0\x03", 4), std::string("\0\0\x10\0", 4), std::string("\xff\xff\xff\xff", 4)}) {
    open();
    send(1);
    loop.run_ready();
    answers.clear();
    streams.wires.back()->deliver(bad);
    loop.run_ready();
    EXPECT_EQ(answers[1], "error: NETWORK_EXCEPTION");
    EXPECT_TRUE(streams.wires.back()->destroyed);
  }
  open();
  loop.run_ready();
}

TEST_F(ClientConnectionTest, AnswerlessRequestsAreDoneWhenWrittenInTheirTurn) {
  open();
  send(1);
  send(2, "acks=0", false);
  loop.run_ready();
  EXPECT_TRUE(order.empty());
  streams.wires[0]->deliver(answer(0, "a"));
  loop.run_ready();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  send(3, "acks=0", false);
  loop.run_ready();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(ClientConnectionTest, DestroyedItCallsNobody) {
  open();
  send(1);
  loop.run_ready();
  connection.reset();
  loop.advance(Duration::seconds(60));
  loop.run_ready();
  EXPECT_TRUE(answers.empty());
  EXPECT_TRUE(streams.wires[0]->destroyed);
}

TEST_F(ClientConnectionTest, ACallbackMayDestroyOrSend) {
  open();
  ClientRequest request;
  request.api_key = 3;
  request.version = 4;
  connection->send(std::move(request), [this](Result<ClientResponse>) { connection.reset(); });
  send(2);
  loop.run_ready();
  streams.wires[0]->deliver(answer(0, "a") + answer(1, "b"));
  loop.run_ready();
  EXPECT_TRUE(answers.empty());
}

TEST_F(ClientConnectionTest, TypedAnswersOwnWhatTheyShow) {
  open();
  MetadataRequest request;
  std::optional<Answer<MetadataResponse>> kept;
  quokka::send<MetadataResponse>(*connection, request, 12, [&kept](Result<Answer<MetadataResponse>> answer) {
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    kept.emplace(std::move(*answer));
  });
  loop.run_ready();
  MetadataResponse response;
  std::vector<MetadataResponse::MetadataResponseBroker> brokers(1);
  brokers[0].host = "somewhere.example";
  response.brokers = Array(brokers);
  Encoded body = *encode(response, 12);
  std::string text(1, '\0');  // the response header's tags
  for (const auto& chunk : body.chunks()) text += text_of(chunk.bytes);
  streams.wires[0]->deliver(answer(0, text));
  loop.run_ready();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->message.brokers[0].host, "somewhere.example");
}

TEST_F(ClientConnectionTest, ABodyThatDoesNotDecodeNamesTheField) {
  open();
  std::string message;
  quokka::send<ApiVersionsResponse>(*connection, ApiVersionsRequest{}, 0, [&](Result<Answer<ApiVersionsResponse>> answer) {
    ASSERT_FALSE(answer.ok());
    message = answer.error().message;
  });
  loop.run_ready();
  streams.wires[0]->deliver(answer(0, std::string("\0\0\x7f\xff\xff\xff", 6)));
  loop.run_ready();
  EXPECT_NE(message.find("api_keys"), std::string::npos) << message;
}

}  // namespace
}  // namespace quokka
