// The stop of a broker in order, however far its start has come. Nothing waits: each step begins when the one before has ended.
#include <algorithm>

#include "broker/node/node_parts.h"
#include "broker/node/shutdown_takers.h"
#include "protocol/base/log.h"
#include "protocol/messages/controlled_shutdown.h"

namespace quokka {

namespace {

constexpr Duration kAskAgain = Duration::millis(200);
constexpr int64_t kBackoffMaxMs = 3600'000;

}  // namespace

void Node::Parts::stop(Task stopped) {
  Task close = [this, stopped = std::move(stopped)]() mutable {
    if (controller) controller->stop();
    directories.stop();
    Task then = [this, stopped = std::move(stopped)]() mutable {
      close_logs([this, stopped = std::move(stopped)]() mutable { close_session(std::move(stopped)); });
    };
    if (cleaner)
      cleaner->stop(std::move(then));
    else
      then();
  };
  if (!listens) return close();
  const int retries = std::max(0, config.controlled_shutdown_max_retries - 1);
  const MonoTime give_up_at = coordination.now() + Duration::millis(std::min(config.controlled_shutdown_retry_backoff_ms, kBackoffMaxMs) * retries);
  move_leaderships_away(give_up_at, [this, close = std::move(close)]() mutable {
    // Members that wait for a rebalance are sent elsewhere, before connections are closed over them.
    groups->stop([this, close = std::move(close)]() mutable {
      transactions->stop([this, close = std::move(close)]() mutable {
        ports.calls.stop([this, close = std::move(close)]() mutable { coordination.post(std::move(close)); });
      });
    });
  });
}

// Asks as long as it may help, for as long as controlled.shutdown.max.retries and controlled.shutdown.retry.backoff.ms allow, but oftener: other
// brokers leave and controllers change within a second.
void Node::Parts::move_leaderships_away(MonoTime give_up_at, Task done) {
  if (!config.controlled_shutdown_enable || broker_epoch.load() < 0) return done();
  ControlledShutdownRequest request;
  request.broker_id = self;
  request.broker_epoch = BrokerEpoch(broker_epoch.load());
  controller_channel->ask<ControlledShutdownResponse>(request, 3, [this, give_up_at, done = std::move(done)](auto answer) mutable {
    if (!answer) return on_shutdown_answer(give_up_at, answer.error(), std::move(done));
    const auto& message = answer->message;
    if (message.error_code != ErrorCode::NONE)
      return on_shutdown_answer(give_up_at, Error{message.error_code, std::string(name(message.error_code))}, std::move(done));
    std::vector<TopicPartition> left;
    for (const auto& partition : message.remaining_partitions) left.push_back({std::string(partition.topic_name), partition.partition_index});
    on_shutdown_answer(give_up_at, std::move(left), std::move(done));
  });
}

void Node::Parts::on_shutdown_answer(MonoTime give_up_at, Result<std::vector<TopicPartition>> left, Task done) {
  const ClusterViewPtr seen = view.get();
  if (left && left->empty()) {
    log_info("all leaderships were moved to other brokers");
    return done();
  }
  if (left && !has_takers(*seen, self, *left)) {
    log_info("controlled shutdown: {} leaderships remain, and no other broker that runs has a replica", left->size());
    return done();
  }
  if (!left && !has_others(*seen, self)) return done();
  if (coordination.now() >= give_up_at) {
    log_warn("stopping with leaderships that could not be moved{}; they fail over when the session ends", left ? "" : ": " + left.error().message);
    return done();
  }
  if (left) log_info_every(Duration::seconds(5), "controlled shutdown: {} leaderships remain", left->size());
  if (!left) log_info_every(Duration::seconds(5), "controlled shutdown: asking the controller again: {}", left.error().message);
  coordination.call_after(kAskAgain, [this, give_up_at, done = std::move(done)]() mutable { move_leaderships_away(give_up_at, std::move(done)); });
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
  registered_brokers.reset();
  session->close(std::move(done));
}

}  // namespace quokka
