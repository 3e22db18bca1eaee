#include "integration-tests/simulation/world.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace quokka::simulation {

namespace {

constexpr Duration kSettle = Duration::seconds(180);  // healed, everything is well within this

Properties properties_of(int id) {
  return {
      {"broker.id", std::to_string(id)},
      {"zookeeper.connect", "zookeeper:2181"},
      {"zookeeper.session.timeout.ms", "6000"},
      {"log.dirs", "/data"},
      {"default.replication.factor", "3"},
      {"min.insync.replicas", "2"},
      {"auto.create.topics.enable", "false"},
      {"log.segment.bytes", "20000"},
      {"replica.lag.time.max.ms", "4000"},
      {"replica.socket.timeout.ms", "6000"},
      {"replica.high.watermark.checkpoint.interval.ms", "2000"},
      {"controller.socket.timeout.ms", "6000"},
      {"request.timeout.ms", "6000"},
      {"controlled.shutdown.retry.backoff.ms", "2000"},
      {"leader.imbalance.check.interval.seconds", "20"},
      {"log.retention.ms", "-1"},
      {"transaction.state.log.num.partitions", "2"},
      {"offsets.topic.num.partitions", "2"},
      {"group.initial.rebalance.delay.ms", "500"},
  };
}

}  // namespace

const char* name(Fault fault) {
  switch (fault) {
    case Fault::kill: return "kill";
    case Fault::kill_all: return "kill_all";
    case Fault::power_loss: return "power_loss";
    case Fault::power_loss_all: return "power_loss_all";
    case Fault::graceful_stop: return "graceful_stop";
    case Fault::pause: return "pause";
    case Fault::session_expiry: return "session_expiry";
    case Fault::zookeeper_cut: return "zookeeper_cut";
    case Fault::zookeeper_writes: return "zookeeper_writes";
    case Fault::one_way_cut: return "one_way_cut";
    case Fault::partition: return "partition";
    case Fault::reset: return "reset";
    case Fault::late_reset: return "late_reset";
    case Fault::disk_write_fails: return "disk_write_fails";
    case Fault::disk_sync_fails: return "disk_sync_fails";
    case Fault::disk_sync_drops: return "disk_sync_drops";
    case Fault::clock_step: return "clock_step";
    case Fault::reassign: return "reassign";
    case Fault::elect_preferred: return "elect_preferred";
    case Fault::change_topics: return "change_topics";
  }
  return "";
}

World::World(RunSettings settings)
    : settings_(std::move(settings)),
      agenda_(settings_.seed),
      network_(agenda_),
      zookeeper_machine_(agenda_, "zookeeper", 2000),
      zookeeper_loop_(zookeeper_machine_),
      zookeeper_(zookeeper_loop_),
      history_(agenda_),
      observer_(agenda_, zookeeper_, brokers_, history_, shape_,
                settings_.trace ? [this](const std::string& what) { trace(what); } : std::function<void(const std::string&)>()) {
  if (settings_.trace) log_ = std::make_unique<LogCapture>(LogLevel::info);
  shape_.brokers = agenda_.draw.one_in(3) ? 4 : 3;
  shape_.partitions = static_cast<int>(agenda_.draw.between(1, 3));
  shape_.durable = agenda_.draw.one_in(3);
  // Each run has its own mix: what happens rarely beside everything else happens often without it.
  for (size_t i = 0; i < kFaults; ++i) {
    if (agenda_.draw.one_in(2)) chosen_.push_back(static_cast<Fault>(i));
  }
  if (settings_.only) chosen_ = {*settings_.only};
  if (agenda_.draw.one_in(3)) {
    transactions_ = std::make_unique<Transactions>(agenda_, network_, shape_.brokers, history_);
  }
  if (agenda_.draw.one_in(3)) group_ = std::make_unique<Group>(agenda_, network_, shape_, history_);
  if (transactions_ || group_) {
    // Nobody has made their topics durable.
    std::erase_if(chosen_, [](Fault fault) { return fault == Fault::power_loss || fault == Fault::power_loss_all || fault == Fault::disk_sync_drops; });
  }
  if (chosen_.empty()) chosen_ = {Fault::kill};
  pace_ = agenda_.draw.span(Duration::seconds(1), Duration::seconds(8));
  for (int id = 1; id <= shape_.brokers; ++id) {
    brokers_.push_back(std::make_unique<BrokerMachine>(
        BrokerMachine::Surroundings{agenda_, network_, zookeeper_, [this](const std::string& what) { trace(what); },
                                    [this](int broker, bool drops) { return !is_delicate() && (!drops || may_lose_data(broker)); },
                                    [this](int broker) { observer_.on_data_lost(broker); }},
        id, properties_of(id)));
  }
}

World::~World() {
  // What the loops of one machine hold may refer to its own parts only; sessions go before the server they are connected to.
  transactions_.reset();
  group_.reset();
  readers_.clear();
  producers_.clear();
  topic_maker_.reset();
  operator_.reset();
  for (auto& each : brokers_) each->kill();
}

void World::trace(const std::string& what) {
  if (settings_.trace) std::printf("%12.6f  %s\n", static_cast<double>(agenda_.now().us) / 1e6, what.c_str());
}

void World::trace_log() {
  if (!log_) return;
  const std::string host = agenda_.touched == 0 ? "" : agenda_.touched > 1000 ? "c" + std::to_string(agenda_.touched - 1000) : "b" + std::to_string(agenda_.touched);
  for (const std::string& line : log_->drain()) trace("    " + host + " " + line);
}

void World::begin() {
  for (auto& each : brokers_) each->start();
  topic_maker_ = std::make_unique<TopicMaker>(agenda_, network_, shape_, 90);
  operator_ = std::make_unique<Operator>(agenda_, network_, shape_, 91);
  std::map<std::string, std::string> configs{{"min.insync.replicas", "2"}};
  if (shape_.durable) configs["flush.messages"] = "1";
  topic_maker_->start(configs, [this] {
    int id = 1;
    const auto producers = agenda_.draw.between(2, 4);
    for (int64_t i = 0; i < producers; ++i, ++id) {
      Producer::Settings settings;
      settings.idempotent = i == 0 || !agenda_.draw.one_in(4);
      settings.in_flight_max = static_cast<size_t>(agenda_.draw.between(1, 5));
      settings.pause_max = agenda_.draw.span(Duration::millis(40), Duration::millis(600));
      settings.leads = [this](const TopicPartition& name, int broker_id) { return observer_.leads(name, broker_id); };
      producers_.push_back(std::make_unique<Producer>(agenda_, network_, shape_, id, settings, history_));
      producers_.back()->start();
    }
    for (int i = 0; i < 2; ++i, ++id) {
      readers_.push_back(std::make_unique<Reader>(agenda_, network_, shape_, id, history_));
      readers_.back()->start();
    }
    if (transactions_) transactions_->start();
    if (group_) group_->start();
  });
}

bool World::run_until(MonoTime when, const std::function<bool()>& condition) {
  while (agenda_.now() < when && !history_.violation()) {
    if (condition && condition()) return true;
    if (!agenda_.run_next()) break;
    trace_log();
    observer_.look();
  }
  return condition && condition();
}

int World::any_broker() {
  // The controller is as interesting as all the others together.
  if (const int controller = observer_.controller(); controller != 0 && agenda_.draw.one_in(4)) return controller;
  return static_cast<int>(agenda_.draw.between(1, shape_.brokers));
}

std::string World::any_host() {
  const int64_t which = agenda_.draw.between(1, shape_.brokers + 2);
  if (which <= shape_.brokers) return "b" + std::to_string(which);
  if (transactions_ && agenda_.draw.one_in(2)) return agenda_.draw.one_of(transactions_->writers())->host();
  if (group_ && agenda_.draw.one_in(2)) return agenda_.draw.one_of(group_->members())->host();
  return "c" + std::to_string(which - shape_.brokers);
}

void World::disturb_later() {
  agenda_.after(agenda_.draw.span(Duration::millis(100), pace_), [this] {
    if (!disturbing_) return;
    disturb();
    disturb_later();
  });
}

void World::disturb() {
  if (is_delicate()) return;
  const Fault fault = agenda_.draw.one_of(chosen_);
  if (cause(fault)) ++faults_[static_cast<size_t>(fault)];
}

bool World::is_delicate() const {
  return observer_.is_delicate() || (!shape_.durable && std::any_of(brokers_.begin(), brokers_.end(), [](const auto& each) { return each->has_dropped_data(); }));
}

bool World::may_lose_data(int id) {
  // Kafka with ZooKeeper promises nothing if the controller that would have to see it go goes at the same time: the next one finds it alive again.
  return shape_.durable || (is_calm() && observer_.controller() != 0 && observer_.controller() != id && observer_.may_lose_power(id));
}

bool World::is_calm() const {
  return !network_.has_cuts() && std::all_of(brokers_.begin(), brokers_.end(), [](const auto& each) {
    return each->state() == BrokerMachine::State::up && !each->is_paused() && each->has_zookeeper() && each->is_registered();
  });
}

void World::restart_later(int id, Duration least, Duration most) {
  agenda_.after(agenda_.draw.span(least, most), [this, id] { broker(id).start(); });
}

bool World::cause(Fault fault) {
  switch (fault) {
    case Fault::one_way_cut:
    case Fault::partition:
    case Fault::reset:
    case Fault::late_reset: return disturb_network(fault);
    case Fault::kill:
    case Fault::kill_all:
    case Fault::power_loss:
    case Fault::power_loss_all:
    case Fault::graceful_stop: return end_broker(fault);
    case Fault::reassign:
    case Fault::elect_preferred:
    case Fault::change_topics: return operate(fault), true;
    default: return disturb_broker(fault);
  }
}

// Some time after, all that was cut here is mended.
void World::cut_for(const std::vector<std::pair<std::string, std::string>>& ways, Duration span) {
  for (const auto& [from, to] : ways) network_.cut(from, to);
  agenda_.after(span, [this, ways] {
    for (const auto& [from, to] : ways) network_.mend(from, to);
  });
}

bool World::disturb_network(Fault fault) {
  Draw& draw = agenda_.draw;
  const Duration span = draw.span(Duration::millis(200), draw.one_in(2) ? Duration::seconds(3) : Duration::seconds(15));
  if (fault == Fault::partition) {
    std::vector<std::pair<std::string, std::string>> ways;
    std::vector<std::string> in, out;
    for (const auto& each : brokers_) (draw.one_in(2) ? in : out).push_back(each->host());
    for (int i = 1; i <= 2; ++i) (draw.one_in(2) ? in : out).push_back("c" + std::to_string(i));
    for (const std::string& a : in) {
      for (const std::string& b : out) {
        ways.emplace_back(a, b);
        ways.emplace_back(b, a);
      }
    }
    if (ways.empty()) return false;
    trace(fmt::format("{} are cut off from the others for {} ms", fmt::join(in, " "), span.to_millis()));
    cut_for(ways, span);
    return true;
  }
  const std::string from = any_host(), to = any_host();
  if (from == to) return false;
  if (fault == Fault::one_way_cut) {
    trace(fmt::format("nothing gets from {} to {} for {} ms", from, to, span.to_millis()));
    cut_for({{from, to}}, span);
    return true;
  }
  const bool late = fault == Fault::late_reset;
  if (!network_.reset_one(from, to, late)) return false;
  trace(fmt::format("a connection between {} and {} is reset{}", from, to, late ? ", at one end only" : ""));
  return true;
}

void World::operate(Fault fault) {
  trace(name(fault));
  if (fault == Fault::reassign) return operator_->reassign();
  if (fault == Fault::elect_preferred) return operator_->elect_preferred();
  operator_->change_topics();
}

bool World::end_broker(Fault fault) {
  Draw& draw = agenda_.draw;
  const int id = any_broker();
  BrokerMachine& target = broker(id);
  const bool is_up = target.state() == BrokerMachine::State::up;
  const Duration back_within = draw.one_in(3) ? Duration::seconds(15) : Duration::seconds(2);
  switch (fault) {
    case Fault::kill:
      if (target.state() == BrokerMachine::State::down) return false;
      target.kill();
      break;
    case Fault::kill_all:
    case Fault::power_loss_all:
      if (!draw.one_in(3) || (fault == Fault::power_loss_all && !shape_.durable)) return false;
      for (auto& each : brokers_) {
        if (fault == Fault::kill_all) each->kill();
        else each->lose_power();
        restart_later(each->id(), Duration::millis(10), Duration::seconds(8));
      }
      return true;
    case Fault::power_loss:
      if (target.state() == BrokerMachine::State::down || !may_lose_data(id)) return false;
      target.lose_power();
      // What was prepared for others must not happen meanwhile either.
      for (auto& each : brokers_) each->lose_zookeeper_writes(0, false);
      break;
    default:
      if (!is_up) return false;
      target.stop();
      restart_later(id, Duration::seconds(10), Duration::seconds(40));
      return true;
  }
  restart_later(id, Duration::millis(10), back_within);
  return true;
}

bool World::disturb_broker(Fault fault) {
  Draw& draw = agenda_.draw;
  const int id = any_broker();
  BrokerMachine& target = broker(id);
  const bool is_up = target.state() == BrokerMachine::State::up;
  switch (fault) {
    case Fault::pause: {
      if (!is_up || target.is_paused()) return false;
      const Duration span = draw.span(Duration::millis(50), draw.one_in(2) ? Duration::seconds(3) : Duration::seconds(14));
      trace(fmt::format("{} stands still for {} ms", target.host(), span.to_millis()));
      target.pause(span);
      return true;
    }
    case Fault::session_expiry:
      if (!is_up) return false;
      trace("the session of " + target.host() + " expires");
      target.expire_session();
      return true;
    case Fault::zookeeper_cut: {
      if (!is_up) return false;
      trace(target.host() + " loses ZooKeeper");
      target.disconnect_session(static_cast<FakeSession::UnderWay>(draw.between(0, 2)));
      agenda_.after(draw.span(Duration::millis(50), draw.one_in(2) ? Duration::seconds(3) : Duration::seconds(12)), [this, id] {
        trace(broker(id).host() + " has ZooKeeper again");
        broker(id).reconnect_session();
      });
      return true;
    }
    case Fault::zookeeper_writes: {
      if (!is_up) return false;
      const int64_t count = draw.between(1, 3);
      const bool performed = draw.one_in(2);
      trace(fmt::format("{} loses {} writes to ZooKeeper, {}", target.host(), count, performed ? "performed" : "not performed"));
      target.lose_zookeeper_writes(static_cast<size_t>(count), performed);
      return true;
    }
    case Fault::disk_write_fails:
    case Fault::disk_sync_fails:
    case Fault::disk_sync_drops: {
      if (!is_up) return false;
      const bool writes = fault == Fault::disk_write_fails;
      target.fail_disk(writes ? "write" : "sync", draw.between(0, writes ? 200 : 40), fault == Fault::disk_sync_drops);
      restart_later(id, Duration::seconds(15), Duration::seconds(40));
      return true;
    }
    case Fault::clock_step: {
      const int64_t by_ms = draw.between(-3600, 3600) * 1000;
      trace(fmt::format("the clock of {} steps by {} s", target.host(), by_ms / 1000));
      target.step_clock(by_ms);
      return true;
    }
    default: return false;
  }
}

void World::heal() {
  disturbing_ = false;
  trace("all faults are healed");
  network_.mend_all();
  for (auto& each : brokers_) {
    each->heal_disk();
    each->lose_zookeeper_writes(0, false);
    each->reconnect_session();
  }
}

void World::check_end() {
  // Again and again: a write that failed just before all was healed may end its broker after it.
  const auto all_up = [this] {
    for (auto& each : brokers_) {
      if (each->state() == BrokerMachine::State::down) each->start();
    }
    return std::all_of(brokers_.begin(), brokers_.end(), [](const auto& each) { return each->state() == BrokerMachine::State::up; });
  };
  const MonoTime deadline = agenda_.now() + kSettle;
  if (!run_until(deadline, all_up)) return history_.violated("liveness: not every broker is up after all faults were healed");
  const uint64_t before = history_.acknowledged();
  if (!run_until(deadline, [&] { return history_.acknowledged() > before; }))
    return history_.violated("liveness: nothing is acknowledged after all faults were healed");
  for (auto& each : producers_) each->finish();
  const auto done = [&] { return all_up() && std::all_of(producers_.begin(), producers_.end(), [](const auto& each) { return each->is_done(); }); };
  if (!run_until(deadline, done)) return history_.violated("liveness: records wait for an acknowledgement long after all faults were healed");
  const auto at_rest = [&] { return all_up() && observer_.unrest(static_cast<size_t>(shape_.partitions)).empty(); };
  if (!run_until(deadline, at_rest)) return history_.violated("liveness: " + observer_.unrest(static_cast<size_t>(shape_.partitions)));
  history_.check_promises();
  if (transactions_ && !history_.violation()) check_transactions(deadline);
  if (!group_ || history_.violation()) return;
  group_->settle();
  if (!run_until(deadline + Duration::seconds(90), [this] { return group_->is_done(); }))
    history_.violated("liveness: the group does not get to the end: " + group_->progress());
}

void World::check_transactions(MonoTime deadline) {
  transactions_->finish();
  if (!run_until(deadline, [this] { return transactions_->is_done(); }))
    return history_.violated("liveness: a transaction does not end long after all faults were healed");
  // A leader that was just elected learns what is committed from its followers.
  run_until(agenda_.now() + Duration::seconds(15));
  transactions_->reader().look_for_end();
  if (!run_until(deadline + Duration::seconds(60), [this] { return transactions_->reader().has_seen_end(); }))
    return history_.violated("liveness: an open transaction holds a reader up: " + transactions_->reader().position());
  transactions_->history().check_end();
}

RunReport World::run() {
  begin();
  // Healthy first, so that there is something to lose.
  run_until(agenda_.now() + Duration::seconds(60), [this] { return history_.acknowledged() > 10; });
  if (!history_.violation() && history_.acknowledged() <= 10) history_.violated("liveness: a healthy cluster acknowledges nothing");
  disturbing_ = true;
  disturb_later();
  const MonoTime began = agenda_.now();
  run_until(began + settings_.disturbed);
  if (!history_.violation()) {
    heal();
    check_end();
  }
  RunReport report;
  report.seed = settings_.seed;
  report.violation = history_.violation();
  report.events = agenda_.events();
  report.fingerprint = agenda_.fingerprint();
  report.simulated = agenda_.now() - MonoTime{1000000};
  report.acknowledged = history_.acknowledged();
  report.acknowledged_unpromised = history_.acknowledged_unpromised();
  report.lost_unpromised = history_.lost_unpromised();
  for (const auto& each : producers_) {
    report.resent += each->resent();
    report.ids_given_up += each->ids_given_up();
  }
  for (const auto& [partition, state] : observer_.states()) report.leader_epochs += state.leader_epoch.value;
  if (transactions_) {
    using Outcome = TransactionHistory::Outcome;
    report.transactions_committed = transactions_->history().count(Outcome::COMMITTED);
    report.transactions_aborted = transactions_->history().count(Outcome::ABORTED);
    report.transactions_unknown = transactions_->history().count(Outcome::UNKNOWN);
  }
  if (group_) {
    report.group_generations = group_->history().generations();
    report.group_commits = group_->history().commits();
  }
  report.faults = faults_;
  if (report.violation) trace("VIOLATED " + *report.violation);
  return report;
}

RunReport run_seed(const RunSettings& settings) { return World(settings).run(); }

}  // namespace quokka::simulation
