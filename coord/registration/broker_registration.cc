#include "coord/registration/broker_registration.h"

#include <charconv>
#include <utility>

#include "coord/registration/cluster_setup.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

BrokerRegistration::BrokerRegistration(ZookeeperSession& session, Loop& loop, BrokerId id, znodes::Broker broker, RegistrationTiming timing)
    : session_(session), loop_(loop), id_(id), path_(znodes::broker_path(id)), timing_(timing), broker_(std::move(broker)) {
  session_.add_listener(*this);
}

BrokerRegistration::~BrokerRegistration() {
  session_.remove_listener(*this);
  cancel_timer();
}

template <class F>
auto BrokerRegistration::guarded(F f) {
  return [weak = std::weak_ptr<uint64_t>(attempt_), attempt = *attempt_, f = std::move(f)](auto&&... arguments) mutable {
    auto current = weak.lock();
    if (current && *current == attempt) f(std::forward<decltype(arguments)>(arguments)...);
  };
}

void BrokerRegistration::start(Function<void(Result<BrokerEpoch>)> done) {
  QUOKKA_CHECK(!started_, "a registration starts once");
  started_ = true;
  done_ = std::move(done);
  if (session_.session_id() != 0) on_session(SessionEvent::established);
}

void BrokerRegistration::on_session(SessionEvent event) {
  if (event == SessionEvent::disconnected || event == SessionEvent::reconnected || !started_) return;
  ++*attempt_;  // whatever is under way belongs to another session
  cancel_timer();
  watching_ = false;
  epoch_ = BrokerEpoch();
  if (event == SessionEvent::expired) return;
  if (endpoints_checked_) return create();
  session_.get_children(std::string(znodes::kBrokerIds), Watch::no,
                        guarded([this](ZkOutcome outcome, std::vector<std::string> brokers, const ZnodeStat&) {
                          if (outcome == ZkOutcome::session_expired) return;
                          if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) {
                            return fail(zookeeper_error("list", znodes::kBrokerIds, outcome));
                          }
                          check_endpoints(0, std::move(brokers));
                        }));
}

void BrokerRegistration::check_endpoints(size_t next, std::vector<std::string> brokers) {
  if (next == brokers.size()) {
    endpoints_checked_ = true;
    return create();
  }
  int32_t other = -1;
  const std::string& text = brokers[next];
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), other);
  if (problem != std::errc() || stop != text.data() + text.size() || other == id_.value) return check_endpoints(next + 1, std::move(brokers));
  session_.get(znodes::broker_path(BrokerId(other)), Watch::no,
               guarded([this, next, other, all = std::move(brokers)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                 if (outcome == ZkOutcome::session_expired) return;  // begins again with the next session
                 if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) {
                   return fail(zookeeper_error("read", znodes::broker_path(BrokerId(other)), outcome));
                 }
                 if (outcome == ZkOutcome::ok) on_other_broker(BrokerId(other), data.value_or(""));
                 if (done_) check_endpoints(next + 1, std::move(all));
               }));
}

void BrokerRegistration::on_other_broker(BrokerId other, const std::string& json) {
  Result<znodes::Broker> parsed = znodes::parse_broker(other, json);
  if (!parsed.ok()) return log_warn("{}", parsed.error().message);
  for (const Endpoint& theirs : parsed->endpoints) {
    for (const Endpoint& ours : broker_.endpoints) {
      if (theirs.host != ours.host || theirs.port != ours.port) continue;
      return fail(Error{ErrorCode::DUPLICATE_BROKER_REGISTRATION,
                        "advertised listener " + znodes::endpoint_text(ours) + " of broker " + std::to_string(id_.value) +
                            " is already registered by broker " + std::to_string(other.value) + ": choose another host or port"});
    }
  }
}

std::string BrokerRegistration::encoded() {
  broker_.timestamp = loop_.wall_now();
  return znodes::encode(broker_);
}

void BrokerRegistration::create() {
  std::vector<ZkOp> ops = {ZkOp::create(path_, std::nullopt, CreateMode::ephemeral), ZkOp::set(path_, encoded(), 0)};
  session_.multi(std::move(ops), guarded([this](MultiResult result) {
                   switch (result.outcome) {
                     case ZkOutcome::ok: return become_registered(BrokerEpoch(result.results[1].stat.czxid));
                     case ZkOutcome::node_exists:
                     case ZkOutcome::connection_loss: return look();
                     case ZkOutcome::session_expired: return;
                     default: break;
                   }
                   if (done_) return fail(zookeeper_error("create", path_, result.outcome));
                   retry_later(std::string(name(result.outcome)));
                 }));
}

void BrokerRegistration::look() {
  watching_ = true;
  session_.exists(path_, Watch::yes, guarded([this](ZkOutcome outcome, const ZnodeStat& stat) {
                    if (outcome == ZkOutcome::ok) return on_owner(stat);
                    if (outcome == ZkOutcome::session_expired) return;
                    watching_ = false;
                    if (outcome == ZkOutcome::no_node) return create();
                    if (done_) return fail(zookeeper_error("read", path_, outcome));
                    retry_later(std::string(name(outcome)));
                  }));
}

void BrokerRegistration::on_owner(const ZnodeStat& stat) {
  if (stat.ephemeral_owner == session_.session_id()) {
    // Written by the attempt whose answer was lost: the multi makes create and set one.
    watching_ = false;
    return become_registered(BrokerEpoch(stat.czxid));
  }
  if (session_.is_own_session(stat.ephemeral_owner)) return take_over(stat);
  on_foreign_owner(stat);
}

void BrokerRegistration::take_over(const ZnodeStat& stat) {
  watching_ = false;
  log_info("znode {} is still held by session {:x}, an earlier one of this broker: it is written anew", path_,
           static_cast<uint64_t>(stat.ephemeral_owner));
  session_.remove(path_, stat.version, guarded([this](ZkOutcome outcome) {
                    if (outcome == ZkOutcome::session_expired) return;
                    if (outcome == ZkOutcome::no_auth && done_) return fail(zookeeper_error("delete", path_, outcome));
                    create();  // finds out what has become of it
                  }));
}

void BrokerRegistration::on_foreign_owner(const ZnodeStat& stat) {
  const std::string owner = "broker id " + std::to_string(id_.value) + " is registered by another session";
  if (!done_) {
    log_error_every(Duration::seconds(30), "{} ({:x}): another broker runs under this id, stop it; trying again", owner, static_cast<uint64_t>(stat.ephemeral_owner));
    return retry_later({});
  }
  const MonoTime now = loop_.now();
  if (!give_up_at_) {
    const Duration wait = Duration::millis(session_.session_timeout_ms()) + timing_.server_tick + timing_.server_tick;
    give_up_at_ = now + wait;
    log_warn("{} ({:x}): waiting up to {} ms for it to expire", owner, static_cast<uint64_t>(stat.ephemeral_owner), wait.to_millis());
  }
  if (now < *give_up_at_) return retry_later({});
  fail(Error{ErrorCode::DUPLICATE_BROKER_REGISTRATION, owner + ": another broker runs under this id; give this one another broker.id, or stop the other"});
}

void BrokerRegistration::retry_later(const std::string& why) {
  if (!why.empty()) log_error("cannot register as {}: {}; trying again", path_, why);
  cancel_timer();
  Duration delay = timing_.retry_delay;
  if (give_up_at_ && loop_.now() + delay > *give_up_at_) delay = *give_up_at_ - loop_.now();
  timer_ = loop_.call_after(delay, guarded([this] {
                              timer_ = 0;
                              create();
                            }));
}

void BrokerRegistration::on_watch(WatchEvent event, const std::string& path) {
  if (!watching_ || event != WatchEvent::deleted || path != path_) return;
  watching_ = false;
  ++*attempt_;
  cancel_timer();
  create();
}

void BrokerRegistration::become_registered(BrokerEpoch epoch) {
  epoch_ = epoch;
  give_up_at_.reset();
  log_info("broker {} registered, epoch {}", id_, epoch);
  const std::weak_ptr<uint64_t> alive = attempt_;
  if (registered_) registered_(epoch);
  if (alive.expired() || !done_) return;
  std::exchange(done_, nullptr)(epoch);
}

void BrokerRegistration::fail(Error error) {
  ++*attempt_;
  started_ = false;  // no registration follows a failed start
  cancel_timer();
  if (done_) std::exchange(done_, nullptr)(std::move(error));
}

void BrokerRegistration::rewrite(znodes::Broker broker, Function<void(Status)> done) {
  broker_ = std::move(broker);
  if (epoch_ == BrokerEpoch()) return loop_.post([d = std::move(done)]() mutable { d(Status()); });
  session_.set(path_, encoded(), kAnyVersion, [this, weak = std::weak_ptr<uint64_t>(attempt_), d = std::move(done)](ZkOutcome outcome, const ZnodeStat&) mutable {
    if (weak.expired()) return;
    if (outcome == ZkOutcome::ok) return d(Status());
    // After an expiry the new content goes with the next registration.
    if (outcome == ZkOutcome::session_expired || outcome == ZkOutcome::no_node) return d(Status());
    d(zookeeper_error("write", path_, outcome));
  });
}

void BrokerRegistration::cancel_timer() {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
}

}  // namespace quokka
