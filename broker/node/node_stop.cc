// The stop of a broker in order, however far its start has come. Nothing waits: each step begins when the one before has ended.
#include <algorithm>

#include "broker/node/node_parts.h"
#include "protocol/base/log.h"
#include "protocol/messages/controlled_shutdown.h"

namespace quokka {

void Node::Parts::stop(Task stopped) {
  Task close = [this, stopped = std::move(stopped)]() mutable {
    if (controller) controller->stop();
    directories.stop();
    close_logs([this, stopped = std::move(stopped)]() mutable { close_session(std::move(stopped)); });
  };
  if (!listens) return close();
  move_leaderships_away(0, [this, close = std::move(close)]() mutable {
    // Members that wait for a rebalance are sent elsewhere, before connections are closed over them.
    groups->stop([this, close = std::move(close)]() mutable {
      ports.calls.stop([this, close = std::move(close)]() mutable { coordination.post(std::move(close)); });
    });
  });
}

void Node::Parts::move_leaderships_away(int attempt, Task done) {
  if (!config.controlled_shutdown_enable || broker_epoch.load() < 0) return done();
  if (attempt >= std::max(1, config.controlled_shutdown_max_retries)) {
    log_warn("stopping with leaderships that could not be moved; they fail over when the session ends");
    return done();
  }
  ControlledShutdownRequest request;
  request.broker_id = self;
  request.broker_epoch = BrokerEpoch(broker_epoch.load());
  controller_channel->ask<ControlledShutdownResponse>(request, 3, [this, attempt, done = std::move(done)](auto answer) mutable {
    if (!answer) return on_shutdown_answer(attempt, answer.error(), std::move(done));
    const auto& message = answer->message;
    if (message.error_code != ErrorCode::NONE)
      return on_shutdown_answer(attempt, Error{message.error_code, std::string(name(message.error_code))}, std::move(done));
    on_shutdown_answer(attempt, message.remaining_partitions.size(), std::move(done));
  });
}

void Node::Parts::on_shutdown_answer(int attempt, Result<size_t> remaining, Task done) {
  if (remaining && *remaining == 0) {
    log_info("all leaderships were moved to other brokers");
    return done();
  }
  if (remaining) log_info("controlled shutdown: {} leaderships remain", *remaining);
  if (!remaining) log_warn("controlled shutdown: the controller did not answer as hoped: {}", remaining.error().message);
  if (remaining && view.get()->brokers().size() <= 1) return done();  // there is nobody to take them
  const bool last = attempt + 1 >= config.controlled_shutdown_max_retries;
  const Duration pause = last ? Duration{} : Duration::millis(config.controlled_shutdown_retry_backoff_ms);
  coordination.call_after(pause, [this, attempt, done = std::move(done)]() mutable { move_leaderships_away(attempt + 1, std::move(done)); });
}

void Node::Parts::close_logs(Task done) {
  // Logs that are being loaded belong to the pool; the next start recovers them.
  if (loading) return done();
  Task close = [this, done = std::move(done)]() mutable {
    pool.run([this, done = std::move(done)]() mutable {
      directories.close();
      coordination.post(std::move(done));
    });
  };
  if (!fetchers) return close();
  fetchers->stop([this, close = std::move(close)]() mutable { coordination.post(std::move(close)); });
}

void Node::Parts::close_session(Task done) {
  if (!session) return done();
  // The registration goes with the session.
  registration.reset();
  features.reset();
  session->close(std::move(done));
}

}  // namespace quokka
