// Standing for election at /controller, winning it, losing it.
#include "coord/controller/runner/shell.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

ControllerRunner::Shell::Shell(RunnerConfig config, RunnerDefaults defaults, Ports ports, std::shared_ptr<Published> published)
    : config_(std::move(config)),
      defaults_(std::move(defaults)),
      ports_(ports),
      published_(std::move(published)),
      waits_(ports.loop) {}

ControllerRunner::Shell::~Shell() {
  if (running_) ports_.session.remove_listener(*this);
}

void ControllerRunner::Shell::start() {
  running_ = true;
  ports_.session.add_listener(*this);
  audit_timer_ = ports_.loop.call_after(kAuditInterval, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->audit();
  });
}

void ControllerRunner::Shell::stop() {
  if (!running_) return;
  running_ = false;
  registered_ = false;
  ports_.session.remove_listener(*this);
  ports_.loop.cancel(audit_timer_);
  ports_.loop.cancel(pause_timer_);
  resign("the broker stops");
  waits_.end_all(ErrorCode::NOT_CONTROLLER);
}

void ControllerRunner::Shell::stand_for_election() {
  if (!running_) return;
  registered_ = true;
  look_at_controller();
}

void ControllerRunner::Shell::on_session(SessionEvent event) {
  switch (event) {
    case SessionEvent::expired:
      // /controller went with the session; somebody else may be elected already.
      registered_ = false;
      resign("the ZooKeeper session expired");
      publish_controller(kNoLeader);
      break;
    case SessionEvent::established:  // registration comes first: stand_for_election
    case SessionEvent::disconnected:
    case SessionEvent::reconnected: break;
  }
}

// Watches are re-armed by reading: whatever happened, the truth is read once more.
void ControllerRunner::Shell::look_at_controller() {
  if (!registered_ || electing_) return;
  const std::string path(znodes::kController);
  ports_.session.exists(path, Watch::yes, [](ZkOutcome, const ZnodeStat&) {});
  ports_.session.get(path, Watch::yes, in_term([](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                       self.on_controller_read(outcome, data, stat);
                     }));
}

void ControllerRunner::Shell::on_controller_read(ZkOutcome outcome, const ZnodeData& data, const ZnodeStat& stat) {
  if (electing_) return;
  if (outcome == ZkOutcome::no_node) {
    publish_controller(kNoLeader);
    if (is_active()) resign("/controller was deleted");
    return begin_election();
  }
  if (outcome != ZkOutcome::ok) {
    if (outcome != ZkOutcome::session_expired) log_error("/controller cannot be read: {}", outcome);
    return;  // the audit reads it again
  }
  auto parsed = znodes::parse_controller(data ? *data : std::string());
  if (!parsed) return log_error("/controller cannot be understood: {}", parsed.error().message);
  if (parsed->kraft_epoch >= 0) {
    resign("a KRaft controller holds the cluster");
    return refuse("/controller names a KRaft controller: the cluster is being migrated to KRaft, which this broker does not support");
  }
  publish_controller(parsed->broker);
  const bool ours = stat.ephemeral_owner == ports_.session.session_id() && parsed->broker == config_.controller.id;
  if (ours && !is_active()) {
    // Ours without acting on it would leave the cluster without a controller: give it up, and stand again when it is gone.
    log_warn("/controller names this broker, which does not act as controller: it is deleted");
    ports_.session.remove(std::string(znodes::kController), kAnyVersion, [](ZkOutcome) {});
  } else if (!ours && is_active()) {
    resign("another broker is the controller");
  }
}

void ControllerRunner::Shell::begin_election() {
  electing_ = true;
  check_migration();
}

void ControllerRunner::Shell::check_migration() {
  ports_.session.exists(std::string(znodes::kMigration), Watch::no, in_term([](Shell& self, ZkOutcome outcome, const ZnodeStat&) {
                          if (outcome == ZkOutcome::ok)
                            return self.refuse("/migration exists: the cluster is being migrated to KRaft, which this broker does not support");
                          if (outcome != ZkOutcome::no_node) return self.give_up("/migration cannot be looked for", outcome);
                          self.read_epoch();
                        }));
}

void ControllerRunner::Shell::read_epoch() {
  const std::string path(znodes::kControllerEpoch);
  ports_.session.get(path, Watch::no, in_term([path](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                       if (outcome == ZkOutcome::no_node) {
                         // Somebody else may create it first: read again in any case.
                         auto read = self.in_term([](Shell& again, ZkOutcome created, const std::string&) {
                           const bool exists = created == ZkOutcome::ok || created == ZkOutcome::node_exists || created == ZkOutcome::connection_loss;
                           if (exists) return again.read_epoch();
                           again.give_up("/controller_epoch cannot be created", created);
                         });
                         return self.ports_.session.create(path, znodes::encode_controller_epoch(ControllerEpoch(0)), CreateMode::persistent, std::move(read));
                       }
                       if (outcome != ZkOutcome::ok) return self.give_up("/controller_epoch cannot be read", outcome);
                       auto epoch = znodes::parse_controller_epoch(data ? *data : std::string());
                       if (!epoch) return self.give_up(epoch.error().message);
                       self.seize(*epoch, stat.version);
                     }));
}

void ControllerRunner::Shell::seize(ControllerEpoch epoch, int32_t epoch_version) {
  const ControllerEpoch next = epoch.next();
  znodes::Controller content;
  content.broker = config_.controller.id;
  content.timestamp = ports_.loop.wall_now();
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::create(std::string(znodes::kController), znodes::encode(content), CreateMode::ephemeral));
  ops.push_back(ZkOp::set(std::string(znodes::kControllerEpoch), znodes::encode_controller_epoch(next), epoch_version));
  ports_.session.multi(std::move(ops), in_term([next, epoch_version](Shell& self, MultiResult result) {
                         switch (result.outcome) {
                           case ZkOutcome::ok: return self.elected(next, epoch_version + 1);
                           // Somebody was faster; or this broker was, and lost the answer (H30).
                           case ZkOutcome::node_exists:
                           case ZkOutcome::bad_version:
                           case ZkOutcome::no_node:
                           case ZkOutcome::connection_loss: return self.recognise(next);
                           default: return self.give_up("/controller cannot be created", result.outcome);
                         }
                       }));
}

// Whose is /controller? If it was created in this session by the same transaction that set the epoch this broker proposed, the election was won.
void ControllerRunner::Shell::recognise(ControllerEpoch epoch) {
  struct Found {
    ZnodeStat controller;
    bool ours = false;
  };
  auto found = std::make_shared<Found>();
  ports_.session.get(std::string(znodes::kController), Watch::no, in_term([found](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                       auto parsed = znodes::parse_controller(outcome == ZkOutcome::ok && data ? *data : std::string());
                       found->controller = stat;
                       found->ours = outcome == ZkOutcome::ok && parsed && parsed->broker == self.config_.controller.id &&
                                     stat.ephemeral_owner == self.ports_.session.session_id();
                     }));
  ports_.session.get(std::string(znodes::kControllerEpoch), Watch::no,
                     in_term([found, epoch](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                       if (outcome == ZkOutcome::ok && found->ours && stat.mzxid == found->controller.czxid) {
                         auto parsed = znodes::parse_controller_epoch(data ? *data : std::string());
                         if (parsed && *parsed == epoch) return self.elected(epoch, stat.version);
                       }
                       self.electing_ = false;
                       self.look_at_controller();
                     }));
}

void ControllerRunner::Shell::elected(ControllerEpoch epoch, int32_t epoch_version) {
  ++term_;
  electing_ = false;
  epoch_ = epoch;
  epoch_version_ = epoch_version;
  marks_ = Marks();
  published_->active.store(true, std::memory_order_release);
  publish_controller(config_.controller.id);
  log_info("broker {} is the controller, epoch {}", config_.controller.id, epoch);
  look_at_controller();  // from now on somebody may take it away
  reader_ = ClusterReader::make(ports_.session, in_term([](Shell& self, ZkOutcome outcome, std::string path) {
                                  self.give_up(path + " cannot be read", outcome);
                                }));
  set_up_feature();
}

void ControllerRunner::Shell::resign(const char* why) {
  ++term_;
  electing_ = false;
  busy_ = false;
  if (reader_) reader_->stop();
  reader_.reset();
  ports_.loop.cancel(tick_timer_);
  if (published_->active.exchange(false)) {
    log_info("broker {} is no longer the controller of epoch {}: {}", config_.controller.id, epoch_, why);
    ports_.peers.set_brokers({});
  }
  if (core_) unclean_leader_elections_ += core_->counts().unclean_leader_elections;
  core_.reset();
  counts_.reset();
  brokers_since_.reset();
  deletions_told_.clear();
  answer_current_ = nullptr;
  Task current = std::move(refuse_current_);
  refuse_current_ = nullptr;
  std::deque<Event> events = std::move(events_);
  events_.clear();
  if (current) current();
  for (Event& event : events)
    if (event.refuse) event.refuse();
  waits_.look();
}

// An election or a reading that cannot be finished: let others try, and try again after a pause.
void ControllerRunner::Shell::give_up(const std::string& why, ZkOutcome outcome) {
  if (outcome == ZkOutcome::session_expired) return;  // the session's event follows
  log_error("broker {} cannot be the controller now: {}", config_.controller.id, why);
  const bool was_active = is_active();
  resign("it gives up");
  if (was_active) ports_.session.remove(std::string(znodes::kController), kAnyVersion, [](ZkOutcome) {});
  electing_ = true;  // until the pause is over
  ports_.loop.cancel(pause_timer_);
  pause_timer_ = ports_.loop.call_after(kElectionPause, in_term([](Shell& self) {
                                          self.electing_ = false;
                                          self.look_at_controller();
                                        }));
}

void ControllerRunner::Shell::refuse(const std::string& reason) {
  log_error("broker {} stops: {}", config_.controller.id, reason);
  electing_ = false;
  registered_ = false;
  if (refused_) refused_(reason);
}

// A watch that was lost must not leave the cluster without controller, or with one that does not know that it is not.
void ControllerRunner::Shell::audit() {
  audit_timer_ = ports_.loop.call_after(kAuditInterval, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->audit();
  });
  if (ports_.session.is_connected()) look_at_controller();
}

}  // namespace quokka
