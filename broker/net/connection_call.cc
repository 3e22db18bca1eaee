#include "broker/net/connection_call.h"

#include "protocol/base/log.h"

namespace quokka {

ConnectionCall::~ConnectionCall() {
  if (!settled_) settle({Outcome::Kind::close, {}, "a request was dropped without an answer"});
}

void ConnectionCall::settle(Outcome outcome) {
  QUOKKA_CHECK(!settled_, "a call was answered twice");
  settled_ = true;
  EventLoop& loop = *exchange_->loop;
  if (loop.in_loop()) {
    if (auto connection = exchange_->connection.lock()) connection->on_outcome(exchange_, std::move(outcome));
    return;
  }
  loop.post([exchange = exchange_, settled = std::move(outcome)]() mutable {
    std::weak_ptr<Connection> weak = exchange->connection;
    if (auto connection = weak.lock()) connection->on_outcome(std::move(exchange), std::move(settled));
  });
}

void ConnectionCall::hold_next() {
  if (auto connection = exchange_->connection.lock()) connection->on_hold(*exchange_);
}

void ConnectionCall::on_departure(Function<void(Departure)> told) {
  exchange_->on_departure = std::move(told);
  if (auto connection = exchange_->connection.lock())
    connection->on_parked(exchange_);
  else
    Exchange::tell(exchange_, Departure::closed);
}

void ConnectionCall::allow_next() {
  exchange_->loop->post([exchange = exchange_] {
    if (auto connection = exchange->connection.lock()) connection->on_allow(*exchange);
  });
}

}  // namespace quokka
