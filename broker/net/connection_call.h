// The Call that a connection hands to a handler.
#pragma once

#include <atomic>

#include "broker/net/connection.h"

namespace quokka {

class ConnectionCall final : public Call {
 public:
  explicit ConnectionCall(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~ConnectionCall() override;

  int16_t api_key() const override { return exchange_->head.api_key; }
  int16_t version() const override { return exchange_->head.version; }
  std::string_view client_id() const override { return exchange_->head.client_id; }
  MutableBytes body() override { return exchange_->body(); }
  Peer& peer() override { return *exchange_->peer; }
  Loop& loop() override { return *exchange_->loop; }
  MonoTime arrived() const override { return exchange_->times.arrived; }

  void answer(Response response) override { settle({Outcome::Kind::answer, std::move(response), {}}); }
  void answer_nothing() override { settle({Outcome::Kind::nothing, {}, {}}); }
  void close(std::string_view why) override { settle({Outcome::Kind::close, {}, std::string(why)}); }

  void hold_next() override;
  void allow_next() override;
  void on_departure(Function<void(Departure)> told) override;
  bool reserve_memory(size_t bytes) override { return exchange_->lease.set_beyond_frame(static_cast<int64_t>(bytes)); }
  void measure_as_follower() override { exchange_->follower = true; }

 private:
  void settle(Outcome outcome);

  const std::shared_ptr<Exchange> exchange_;
  bool settled_ = false;
};

}  // namespace quokka
