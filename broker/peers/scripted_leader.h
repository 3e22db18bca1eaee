// For tests: the other end of a broker's connections, played by the test. Requests come as messages, answers go when the test gives them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/manual_loop.h"
#include "protocol/client/stream.h"
#include "protocol/messages/api_table.h"
#include "protocol/messages/headers.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka::testing {

class ScriptedLeader final : public Streams {
 public:
  explicit ScriptedLeader(ManualLoop& loop) : loop_(loop) {}

  struct Request {
    ApiKey key{};
    int16_t version = 0;
    int32_t correlation_id = 0;
    std::vector<uint8_t> body;
    size_t connection = 0;
  };
  bool refuse = false;  // connections

  size_t unanswered() const { return requests_.size(); }
  size_t connections() const { return wires_.size(); }

  // The oldest request that is not answered, as M. Borrows from it until answer().
  template <class M>
  M expect() {
    loop_.run_ready();
    EXPECT_FALSE(requests_.empty()) << "no request came";
    if (requests_.empty()) return M{};
    const Request& request = requests_.front();
    EXPECT_EQ(request.key, M::kApiKey);
    arena_ = std::make_unique<Arena>(Arena::for_frame(1 << 16));
    Result<M> message = decode<M>(requests_.front().body, request.version, *arena_);
    EXPECT_TRUE(message.ok()) << (message.ok() ? "" : message.error().message);
    return message.ok() ? *message : M{};
  }
  int16_t version() const { return requests_.front().version; }
  template <class M>
  void answer(const M& message) {
    ASSERT_FALSE(requests_.empty());
    const Request request = std::move(requests_.front());
    requests_.pop_front();
    const Result<Encoded> encoded = encode(message, request.version);
    ASSERT_TRUE(encoded.ok()) << encoded.error().message;
    std::vector<uint8_t> frame =
        encode_response_header({request.correlation_id}, api_entry(static_cast<int16_t>(request.key))->response_header_version(request.version));
    for (const auto& chunk : encoded->chunks()) frame.insert(frame.end(), chunk.bytes.begin(), chunk.bytes.end());
    uint8_t length[4];
    store_be<int32_t>(length, static_cast<int32_t>(frame.size()));
    frame.insert(frame.begin(), length, length + 4);
    wires_[request.connection]->arrive(frame);
    loop_.run_ready();
  }
  // The connection of the oldest request breaks.
  void hang_up() {
    ASSERT_FALSE(requests_.empty());
    const size_t connection = requests_.front().connection;
    std::erase_if(requests_, [&](const Request& request) { return request.connection == connection; });
    wires_[connection]->end();
    loop_.run_ready();
  }

  void connect(const std::string&, uint16_t, Duration, Function<void(Result<std::unique_ptr<Stream>>)> done) override {
    if (refuse) return loop_.post([done = std::move(done)]() mutable { done(Error{ErrorCode::NETWORK_EXCEPTION, "connection refused"}); });
    auto wire = std::make_shared<Wire>(*this, wires_.size());
    wires_.push_back(wire);
    loop_.post([done = std::move(done), wire]() mutable { done(std::unique_ptr<Stream>(std::make_unique<End>(wire))); });
  }

 private:
  struct Wire {
    Wire(ScriptedLeader& l, size_t i) : leader(l), index(i) {}

    void take(Bytes bytes) {
      sent.insert(sent.end(), bytes.begin(), bytes.end());
      while (sent.size() >= 4 && sent.size() >= 4 + static_cast<size_t>(load_be<int32_t>(sent.data()))) {
        const auto length = static_cast<size_t>(load_be<int32_t>(sent.data()));
        const std::vector<uint8_t> frame(sent.begin() + 4, sent.begin() + 4 + static_cast<ptrdiff_t>(length));
        sent.erase(sent.begin(), sent.begin() + 4 + static_cast<ptrdiff_t>(length));
        const ApiEntry* entry = api_entry(load_be<int16_t>(frame.data()));
        const int16_t version = load_be<int16_t>(frame.data() + 2);
        size_t body_at = 0;
        const auto header = decode_request_header(frame, entry->request_header_version(version), body_at);
        leader.requests_.push_back(
            {entry->key, version, header->correlation_id, {frame.begin() + static_cast<ptrdiff_t>(body_at), frame.end()}, index});
      }
    }
    void arrive(Bytes bytes) {
      arrived.insert(arrived.end(), bytes.begin(), bytes.end());
      serve();
    }
    void end() {
      ended = true;
      serve();
    }
    void serve() {
      if (!reading || (arrived.empty() && !ended)) return;
      const size_t count = std::min(arrived.size(), into.size());
      std::copy_n(arrived.begin(), count, into.begin());
      arrived.erase(arrived.begin(), arrived.begin() + static_cast<ptrdiff_t>(count));
      leader.loop_.post([called = std::move(reading), count]() mutable { called(count); });
    }

    ScriptedLeader& leader;
    const size_t index;
    std::vector<uint8_t> sent, arrived;
    bool ended = false;
    MutableBytes into;
    Function<void(Result<size_t>)> reading;
  };
  class End final : public Stream {
   public:
    explicit End(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
    ~End() override { wire_->reading = nullptr; }
    void read_some(MutableBytes into, Function<void(Result<size_t>)> done) override {
      wire_->into = into;
      wire_->reading = std::move(done);
      wire_->serve();
    }
    void write(std::span<const Bytes> pieces, Function<void(Status)> done) override {
      for (const Bytes piece : pieces) wire_->take(piece);
      wire_->leader.loop_.post([done = std::move(done)]() mutable { done(Status()); });
    }

   private:
    const std::shared_ptr<Wire> wire_;
  };

  ManualLoop& loop_;
  std::vector<std::shared_ptr<Wire>> wires_;
  std::deque<Request> requests_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace quokka::testing
