// One run: a cluster, its clients, what goes wrong, and the end, when all faults are healed and the promises are counted. All of it from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "integration-tests/simulation/broker_machine.h"
#include "integration-tests/simulation/client.h"
#include "integration-tests/simulation/groups.h"
#include "integration-tests/simulation/observer.h"
#include "integration-tests/simulation/transactions.h"
#include "protocol/base/log_capture.h"

namespace quokka::simulation {

enum class Fault {
  kill,                // kill -9 of one broker; it starts again some time later
  kill_all,            // of every broker at the same moment: the page cache survives
  power_loss,          // of one broker: unsynced writes are gone, or torn; with a durable topic at any time
  power_loss_all,      // of every broker at the same moment; with a durable topic only
  graceful_stop,       // SIGTERM, controlled shutdown
  pause,               // of one broker, shorter or longer than its session
  session_expiry,
  zookeeper_cut,       // the broker loses its ZooKeeper connection for a while; writes under way were performed or not
  zookeeper_writes,    // single writes lose their connection
  one_way_cut,         // packets from one machine to another
  partition,           // a set of brokers from the others, both ways
  reset,               // of one connection
  late_reset,          // the side that connected gives up, the other still gets what was sent
  disk_write_fails,
  disk_sync_fails,
  disk_sync_drops,     // a sync fails, and what it should have written is gone
  clock_step,
  reassign,
  elect_preferred,
  change_topics,       // others than the one that is written to
};
inline constexpr size_t kFaults = 20;
const char* name(Fault fault);

struct RunSettings {
  uint64_t seed = 1;
  Duration disturbed = Duration::seconds(60);  // faults happen for so long
  bool trace = false;                          // to standard output
  std::optional<Fault> only;                   // no other fault than this
};

struct RunReport {
  uint64_t seed = 0;
  std::optional<std::string> violation;
  uint64_t events = 0;
  uint64_t fingerprint = 0;
  Duration simulated;
  uint64_t acknowledged = 0;              // records with acks=all
  uint64_t acknowledged_unpromised = 0;   // with acks=1
  uint64_t lost_unpromised = 0;
  uint64_t resent = 0;
  uint64_t ids_given_up = 0;              // producers that could not know what became of a batch
  int64_t leader_epochs = 0;              // elections
  uint64_t transactions_committed = 0, transactions_aborted = 0, transactions_unknown = 0;
  uint64_t group_generations = 0, group_commits = 0;
  std::array<uint64_t, kFaults> faults{};
};

class World {
 public:
  explicit World(RunSettings settings);
  ~World();

  RunReport run();

 private:
  void begin();
  // Runs events until `when`, or until something is violated. With a condition it ends when that holds; false if it never did.
  bool run_until(MonoTime when, const std::function<bool()>& condition = nullptr);
  void disturb_later();
  void disturb();
  // False if the fault finds nothing to act upon.
  bool cause(Fault fault);
  // False where more is at stake than is promised.
  bool may_lose_data(int broker);
  bool disturb_network(Fault fault);
  void operate(Fault fault);
  bool end_broker(Fault fault);
  bool disturb_broker(Fault fault);
  void cut_for(const std::vector<std::pair<std::string, std::string>>& ways, Duration span);
  // Everybody is up and reaches everybody.
  bool is_calm() const;
  // A replica without its tail counts as in sync: nobody else may fail, more is not promised.
  bool is_delicate() const;
  void restart_later(int broker, Duration least, Duration most);
  void heal();
  void check_end();
  void check_transactions(MonoTime deadline);
  BrokerMachine& broker(int id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  int any_broker();
  std::string any_host();
  void trace(const std::string& what);
  // What brokers logged in the last event, with simulated time.
  void trace_log();

  const RunSettings settings_;
  std::unique_ptr<LogCapture> log_;  // while tracing
  Agenda agenda_;
  Network network_;
  Machine zookeeper_machine_;
  SimulatedLoop zookeeper_loop_;
  FakeZookeeper zookeeper_;
  History history_;
  ClusterShape shape_;
  std::vector<std::unique_ptr<BrokerMachine>> brokers_;
  Observer observer_;
  std::unique_ptr<TopicMaker> topic_maker_;
  std::unique_ptr<Operator> operator_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::unique_ptr<Transactions> transactions_;  // in some runs
  std::unique_ptr<Group> group_;                // in some runs
  std::array<uint64_t, kFaults> faults_{};
  std::vector<Fault> chosen_;  // those of this run
  Duration pace_;              // the longest time between two
  bool disturbing_ = false;
};

RunReport run_seed(const RunSettings& settings);

}  // namespace quokka::simulation
