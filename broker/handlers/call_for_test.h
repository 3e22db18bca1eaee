// A call without a connection: what a handler answers is kept and decoded again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/request/call.h"
#include "protocol/base/manual_loop.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

inline std::string flatten(const Encoded& encoded) {
  std::string all;
  for (const Encoded::Chunk& chunk : encoded.chunks()) all.append(text_of(chunk.bytes));
  return all;
}

// What became of a call.
struct CallOutcome {
  std::optional<std::string> body;  // answered, holes left out: with some it cannot be decoded
  size_t file_bytes = 0;            // that fill the holes
  bool answered_nothing = false;
  std::optional<std::string> closed;  // and why
  Function<void(Departure)> departs;  // set by who parks the call
  size_t memory = 0, memory_max = SIZE_MAX;  // beyond the frame
  bool is_done() const { return body || answered_nothing || closed; }
};

class CallForTest final : public Call {
 public:
  CallForTest(Loop& loop, int16_t api_key, int16_t version, std::string body, std::shared_ptr<CallOutcome> outcome)
      : loop_(loop), api_key_(api_key), version_(version), body_(std::move(body)), outcome_(std::move(outcome)) {
    peer_.address = "127.0.0.1";
    peer_.listener = "PLAINTEXT";
    peer_.principal = "User:ANONYMOUS";
    peer_.inter_broker = true;
  }

  int16_t api_key() const override { return api_key_; }
  int16_t version() const override { return version_; }
  std::string_view client_id() const override { return "test"; }
  MutableBytes body() override { return {reinterpret_cast<uint8_t*>(body_.data()), body_.size()}; }
  Peer& peer() override { return peer_; }
  Loop& loop() override { return loop_; }
  MonoTime arrived() const override { return loop_.now(); }
  void answer(Response response) override {
    outcome_->body = flatten(response.body);
    for (const FileSlice& slice : response.slices) outcome_->file_bytes += static_cast<size_t>(slice.length);
  }
  void answer_nothing() override { outcome_->answered_nothing = true; }
  void close(std::string_view why) override { outcome_->closed = why; }
  void on_departure(Function<void(Departure)> told) override { outcome_->departs = std::move(told); }
  bool reserve_memory(size_t bytes) override {
    if (bytes > outcome_->memory_max) return false;
    outcome_->memory = bytes;
    return true;
  }

 private:
  Loop& loop_;
  const int16_t api_key_, version_;
  std::string body_;
  Peer peer_;
  const std::shared_ptr<CallOutcome> outcome_;
};

// A response with the bytes and the arena that it borrows from.
template <class M>
struct Answered {
  std::string bytes;
  Arena arena{1 << 24};
  M response{};
  bool decoded = false;

  const M* operator->() const { return &response; }
};

// One request on its way: made from a request message, read as a response message.
class CallUnderTest {
 public:
  template <class M>
  CallUnderTest(Loop& loop, const M& request, int16_t version) : version_(version), outcome_(std::make_shared<CallOutcome>()) {
    Result<Encoded> encoded = encode(request, version);
    EXPECT_TRUE(encoded.ok()) << (encoded.ok() ? "" : encoded.error().message);
    call_ = std::make_unique<CallForTest>(loop, static_cast<int16_t>(M::kApiKey), version, encoded.ok() ? flatten(*encoded) : "", outcome_);
  }
  // Once: for the handler.
  CallPtr take() { return std::move(call_); }
  CallOutcome& outcome() { return *outcome_; }
  // The handler has let go of the call.
  bool is_released() const { return !call_ && outcome_.use_count() == 1; }
  const CallOutcome& outcome() const { return *outcome_; }

  template <class M>
  std::unique_ptr<Answered<M>> answer() const {
    auto answered = std::make_unique<Answered<M>>();
    EXPECT_TRUE(outcome_->body) << (outcome_->closed ? "closed: " + *outcome_->closed : "no answer");
    if (!outcome_->body) return answered;
    answered->bytes = *outcome_->body;
    Result<M> response = decode<M>(bytes_of(answered->bytes), version_, answered->arena);
    EXPECT_TRUE(response.ok());
    if (response) answered->response = *response;
    answered->decoded = response.ok();
    return answered;
  }

 private:
  const int16_t version_;
  const std::shared_ptr<CallOutcome> outcome_;
  CallPtr call_;
};

}  // namespace quokka
