#include "integration-tests/simulation/broker_machine.h"

namespace quokka::simulation {

namespace {
constexpr size_t kLoops = 2;
}

// One life of the broker's process. Loops stop first, so that no task outlives what it refers to.
struct BrokerMachine::Life {
  Life(BrokerMachine& owner, Machine& machine, Network& network) : coordination(machine), pool(machine) {
    for (size_t i = 0; i < kLoops; ++i) loops.push_back(std::make_unique<SimulatedLoop>(machine));
    std::vector<LoopWithStreams> with_streams;
    std::vector<Loop*> plain;
    for (const auto& loop : loops) {
      streams.push_back(network.streams(machine.host, *loop));
      with_streams.push_back({*loop, *streams.back()});
      plain.push_back(loop.get());
    }
    streams.push_back(network.streams(machine.host, coordination));
    server = std::make_unique<BrokerServer>(network, machine.host, plain);
    zookeeper_loop = std::make_unique<DistantLoop>(machine.agenda, coordination);
    node = std::make_unique<Node>(owner.config_, NodePorts{std::move(with_streams),
                                                           {coordination, *streams.back()},
                                                           pool,
                                                           owner.disk_,
                                                           machine.agenda.draw,
                                                           [this, &owner](const std::string&, const std::string&) { return open_session(owner); },
                                                           *server});
  }
  ~Life() {
    for (const auto& loop : loops) loop->stop();
    coordination.stop();
    pool.stop();
  }

  // A start finds the session of the process before it and ends it, unless it cannot read its file.
  std::unique_ptr<ZookeeperSession> open_session(BrokerMachine& owner) {
    auto opened = std::make_unique<FakeSession>(owner.around_.zookeeper, *zookeeper_loop, owner.config_.config.zookeeper_session_timeout_ms);
    session = opened.get();
    if (owner.last_session_ != 0 && !owner.around_.agenda.draw.one_in(10)) {
      opened->remember_session(owner.last_session_);
      owner.around_.zookeeper.expire(owner.last_session_);
    }
    return opened;
  }

  std::vector<std::unique_ptr<SimulatedLoop>> loops;
  SimulatedLoop coordination;
  SimulatedPool pool;
  std::unique_ptr<DistantLoop> zookeeper_loop;
  std::vector<std::unique_ptr<Streams>> streams;
  std::unique_ptr<BrokerServer> server;
  std::unique_ptr<Node> node;
  FakeSession* session = nullptr;  // the node's
};

BrokerMachine::BrokerMachine(Surroundings surroundings, int id, Properties properties)
    : around_(std::move(surroundings)), machine_(around_.agenda, "b" + std::to_string(id), id) {
  config_.sources.fixed = std::move(properties);
  Result<BrokerConfig> made = make_broker_config(config_.sources);
  QUOKKA_CHECK(made.ok(), made.ok() ? std::string() : made.error().message);
  config_.config = *std::move(made);
  disk_.set_wall_clock([this] { return machine_.wall_now().ms; });
  disk_.set_fault([this](const MemoryDisk::Operation& operation) {
    if (observed_ || disk_fault_.empty() || operation.name != disk_fault_) return false;
    if (disk_fault_after_ > 0) return --disk_fault_after_, false;
    if (!around_.may_fail_disk(machine_.id, disk_fault_drops_)) return false;
    disk_fault_.clear();
    has_dropped_data_ = disk_fault_drops_;
    around_.trace(host() + ": " + operation.name + " of " + operation.path + " fails");
    return true;
  });
}

BrokerMachine::~BrokerMachine() { end_life(); }

const Node* BrokerMachine::node() const { return alive_ ? alive_->node.get() : nullptr; }
bool BrokerMachine::is_registered() const { return alive_ && alive_->node->broker_epoch() >= 0; }
bool BrokerMachine::has_zookeeper() const { return alive_ && alive_->session != nullptr && alive_->session->is_connected(); }

void BrokerMachine::start() {
  if (state_ != State::down) return;
  around_.trace(host() + " starts");
  around_.network.come_back(host());
  machine_.paused_until = {};
  ++life_;
  state_ = State::starting;
  alive_ = std::make_unique<Life>(*this, machine_, around_.network);
  // What ends a life comes from a task of that life: not within it.
  const auto later = [this, life = life_](Task task) {
    around_.agenda.after({}, [this, life, task = std::move(task)]() mutable {
      if (life == life_ && alive_) task();
    });
  };
  alive_->node->start(
      [this, later](Status status) {
        if (status) {
          around_.trace(host() + " is up");
          if (state_ == State::starting) state_ = State::up;
          return;
        }
        later([this, why = status.error().message] {
          around_.trace(host() + " does not start: " + why);
          stop();
        });
      },
      [this, later](const std::string& why) {
        later([this, why] {
          around_.trace(host() + " cannot go on: " + why);
          stop();
        });
      });
}

void BrokerMachine::end_life() {
  if (!alive_) return;
  around_.network.close_door(host());
  if (alive_->session != nullptr && alive_->session->session_id() != 0) last_session_ = alive_->session->session_id();
  alive_.reset();
  disk_fault_.clear();
  state_ = State::down;
  if (std::exchange(has_dropped_data_, false)) around_.on_data_lost(machine_.id);
}

void BrokerMachine::kill() {
  if (state_ == State::down) return;
  around_.trace(host() + " is killed");
  end_life();
  disk_.kill();
}

void BrokerMachine::lose_power() {
  if (state_ == State::down) return;
  around_.trace(host() + " loses its power");
  around_.network.vanish(host());
  end_life();
  Draw& draw = around_.agenda.draw;
  disk_.lose_power([&draw](const std::string&, size_t least, size_t most) -> std::optional<size_t> {
    if (draw.one_in(2)) return std::nullopt;
    return static_cast<size_t>(draw.between(static_cast<int64_t>(least), static_cast<int64_t>(most)));
  });
  around_.on_data_lost(machine_.id);
}

void BrokerMachine::stop() {
  if (state_ == State::down || state_ == State::stopping) return;
  around_.trace(host() + " stops");
  state_ = State::stopping;
  alive_->node->stop([this, life = life_] {
    around_.agenda.after({}, [this, life] {
      if (life != life_ || !alive_) return;
      around_.trace(host() + " has stopped");
      end_life();
      disk_.kill();
    });
  });
}

void BrokerMachine::pause(Duration span) {
  if (state_ == State::down) return;
  machine_.paused_until = around_.agenda.now() + span;
  const Duration timeout = Duration::millis(config_.config.zookeeper_session_timeout_ms);
  if (span <= timeout) return;
  around_.agenda.after(timeout + around_.agenda.draw.span({}, Duration::seconds(1)), [this, life = life_] {
    if (life == life_ && machine_.is_paused()) expire_session();
  });
}

void BrokerMachine::expire_session() {
  if (alive_ && alive_->session != nullptr && alive_->session->session_id() != 0) around_.zookeeper.expire(alive_->session->session_id());
}

void BrokerMachine::disconnect_session(FakeSession::UnderWay under_way) {
  if (alive_ && alive_->session != nullptr) alive_->session->disconnect(under_way);
}

void BrokerMachine::reconnect_session() {
  if (alive_ && alive_->session != nullptr) alive_->session->reconnect();
}

void BrokerMachine::lose_zookeeper_writes(size_t count, bool performed) {
  if (alive_ && alive_->session != nullptr) alive_->session->lose_writes(count, performed);
}

void BrokerMachine::fail_disk(const std::string& operation, int64_t operations, bool drops) {
  disk_fault_ = operation;
  disk_fault_after_ = operations;
  disk_fault_drops_ = drops;
  disk_.set_failed_syncs_drop(drops);
}

}  // namespace quokka::simulation
