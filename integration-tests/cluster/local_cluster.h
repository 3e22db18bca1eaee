// A real cluster for tests: ZooKeeper servers and brokers as child processes on free ports of this host, data in a temporary directory.
//
//   LocalCluster cluster({.brokers = 3});
//   ... cluster.bootstrap() ... cluster.kill_broker(2); cluster.start_broker(2); cluster.wait_until_ready(2);
//
// Whatever does not happen in time throws std::runtime_error with the end of the server's log, which fails the test. All ends with the
// object. QUOKKA_KEEP=1 in the environment keeps the directory, and says which it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/cluster/child.h"

namespace quokka {

// Looks every few milliseconds until the condition holds; false if it does not within `timeout_ms`.
bool eventually(int timeout_ms, const std::function<bool()>& condition);

// A port of the loopback address that nobody listens on, below those the kernel gives to clients. Not given twice by one process.
int free_port();

using BrokerKeys = std::map<std::string, std::string>;

// Where a server runs, if not simply on this host.
struct ServerPlace {
  std::string host = "127.0.0.1";
  std::vector<std::string> enter = {};  // the words that run a command there, before the command
};

struct ClusterOptions {
  int brokers = 3;  // ids 1, 2, ...
  int zookeepers = 1;  // 1 or 3
  BrokerKeys keys = {};  // of all brokers, over those the cluster sets
  int tick_ms = 1000;  // ZooKeeper's; a session's time-out is at least twice that
  int session_timeout_ms = 6000;
  std::string chroot = {};  // "/path" at the end of zookeeper.connect
  bool start_brokers = true;
  std::function<ServerPlace(const std::string& server)> place = {};  // of "broker-1", "zookeeper-2" ...
  std::function<BrokerKeys(int id, int port)> keys_of = {};  // of one broker, over those; `port` is where it listens
  std::map<int, std::string> data_directories = {};  // of brokers whose log directory is not in the cluster's own
  std::map<int, std::string> further_directories = {};  // a second log directory of a broker
  std::set<int> kafka_brokers = {};  // these run Apache Kafka ...
  std::string kafka_tree = {};       // ... whose jars are in libs/ below this
};

class LocalCluster {
 public:
  static constexpr int ready_timeout_ms = 120'000;

  // Returns when every server is ready.
  explicit LocalCluster(ClusterOptions options = {});
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  std::string bootstrap() const;        // of all brokers
  std::string address(int id) const;    // "127.0.0.1:port" of one
  std::vector<int> broker_ids() const;
  bool runs_kafka(int id) const { return options_.kafka_brokers.contains(id); }
  std::string zookeeper_connect() const;
  const std::string& directory() const { return directory_; }
  std::string data_directory(int id) const;
  std::vector<std::string> data_directories(int id) const;

  // Starts a broker, the first time with further keys of its own, and returns at once. `variables` are of this start only.
  void start_broker(int id, const BrokerKeys& keys = {}, const Child::Variables& variables = {});
  // It has registered and its logs are loaded: /health/ready says so, of Apache Kafka that it answers.
  void wait_until_ready(int id, int timeout_ms = ready_timeout_ms);
  bool is_ready(int id) const;
  Child& broker(int id) { return brokers_.at(id).child; }
  void kill_broker(int id) { broker(id).kill(); }
  void remove_broker(int id) { brokers_.erase(id); }  // kill -9, and forget it
  // SIGTERM; returns the exit status.
  int stop_broker(int id, int timeout_ms = ready_timeout_ms);
  void kill_all_brokers();
  void start_all_brokers();  // and waits until they are ready

  // A page of a broker's HTTP endpoint ("/metrics"), with its head; empty if there is no answer.
  std::string page(int id, const std::string& path) const;
  // Of its metrics: the value of `family_Value{name="..."}`. nullopt if it is not there.
  std::optional<double> metric(int id, const std::string& series) const;

  Child& zookeeper(int number) { return zookeepers_.at(static_cast<size_t>(number - 1)).child; }  // from 1
  void start_zookeeper(int number);
  void wait_for_zookeeper(int number, int timeout_ms = ready_timeout_ms);
  // "leader", "follower", "standalone"; empty if it does not serve.
  std::string zookeeper_mode(int number) const;

 private:
  struct Broker {
    Child child;
    int port = 0;
    int admin_port = 0;
    BrokerKeys keys;
    ServerPlace place;
  };
  struct Zookeeper {
    Child child;
    int port = 0, quorum_port = 0, election_port = 0;
    ServerPlace place;
  };

  ServerPlace place_of(const std::string& server) const { return options_.place ? options_.place(server) : ServerPlace(); }
  Broker& made_broker(int id);
  std::vector<std::string> broker_command(int id) const;
  void write_broker_properties(int id);
  std::string broker_directory(int id) const;
  std::string zookeeper_directory(int number) const;

  ClusterOptions options_;
  std::string directory_;
  std::map<int, Broker> brokers_;
  std::vector<Zookeeper> zookeepers_;
};

}  // namespace quokka
