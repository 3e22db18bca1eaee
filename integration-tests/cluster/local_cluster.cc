#include "integration-tests/cluster/local_cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace quokka {
namespace {

constexpr int first_port = 20'000, end_port = 32'000;

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool can_bind(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = address_of("127.0.0.1", port);
  bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

// Sends a text and returns what comes back, until the other end closes or so many bytes are there.
std::string ask(const std::string& host, int port, const std::string& text, size_t bytes_max = 1 << 24) {
  std::string answer;
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address = address_of(host, port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
    char buffer[4096];
    for (ssize_t got = 0; answer.size() < bytes_max && (got = ::read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return answer;
}

// The broker built with this test: beside it in build/<variant>, or in QUOKKA_BIN.
std::string broker_program() {
  namespace fs = std::filesystem;
  if (const char* given = ::getenv("QUOKKA_BIN")) return std::string(given) + "/quokka-broker";
  for (fs::path at = fs::read_symlink("/proc/self/exe").parent_path(); at != at.root_path(); at = at.parent_path())
    if (fs::exists(at / "quokka-broker")) return (at / "quokka-broker").string();
  throw std::runtime_error("there is no quokka-broker above this test's program: make all");
}

// ApiVersions v0, which a broker answers once it is ready for requests.
bool answers_requests(const std::string& host, int port) {
  static constexpr char request[] = "\0\0\0\x0a\0\x12\0\0\0\0\0\1\0\0";
  return ask(host, port, std::string(request, sizeof request - 1), 8).size() >= 8;
}

std::vector<std::string> joined(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string java_class_path() {
  std::string path = "/usr/share/java/zookeeper.jar";
  for (const char* logger : {"/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"})
    if (std::filesystem::exists(logger)) path += std::string(":") + logger;
  return path;
}

}  // namespace

bool eventually(int timeout_ms, const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

int free_port() {
  // Programs that run at the same time begin at different places.
  static int next = first_port + static_cast<int>(static_cast<unsigned>(::getpid()) * 97 % (end_port - first_port));
  for (int tried = 0; tried < end_port - first_port; ++tried) {
    int port = next;
    next = next + 1 < end_port ? next + 1 : first_port;
    if (can_bind(port)) return port;
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

LocalCluster::LocalCluster(ClusterOptions options) : options_(std::move(options)) {
  char name[] = "/tmp/quokka-cluster-XXXXXX";
  if (!::mkdtemp(name)) throw std::runtime_error("cannot make a directory below /tmp");
  directory_ = name;
  for (int i = 0; i < options_.zookeepers; ++i) zookeepers_.push_back({Child(), free_port(), free_port(), free_port(), place_of("zookeeper-" + std::to_string(i + 1))});
  for (int i = 1; i <= options_.zookeepers; ++i) start_zookeeper(i);
  for (int i = 1; i <= options_.zookeepers; ++i) wait_for_zookeeper(i);
  for (int id = 1; id <= options_.brokers; ++id) made_broker(id);
  if (options_.start_brokers) start_all_brokers();
}

LocalCluster::Broker& LocalCluster::made_broker(int id) {
  Broker& broker = brokers_[id];
  if (broker.port == 0) {
    broker.port = free_port();
    broker.admin_port = free_port();
    broker.place = place_of("broker-" + std::to_string(id));
  }
  return broker;
}

LocalCluster::~LocalCluster() {
  brokers_.clear();
  zookeepers_.clear();
  if (::getenv("QUOKKA_KEEP")) {
    std::fprintf(stderr, "kept: %s\n", directory_.c_str());
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string LocalCluster::broker_directory(int id) const { return directory_ + "/broker-" + std::to_string(id); }
std::string LocalCluster::zookeeper_directory(int number) const { return directory_ + "/zookeeper-" + std::to_string(number); }
std::string LocalCluster::data_directory(int id) const {
  const auto elsewhere = options_.data_directories.find(id);
  return elsewhere == options_.data_directories.end() ? broker_directory(id) + "/data" : elsewhere->second;
}
std::vector<std::string> LocalCluster::data_directories(int id) const {
  std::vector<std::string> all = {data_directory(id)};
  if (const auto second = options_.further_directories.find(id); second != options_.further_directories.end()) all.push_back(second->second);
  return all;
}
std::string LocalCluster::address(int id) const { return brokers_.at(id).place.host + ':' + std::to_string(brokers_.at(id).port); }

std::vector<int> LocalCluster::broker_ids() const {
  std::vector<int> ids;
  for (const auto& [id, broker] : brokers_) ids.push_back(id);
  return ids;
}

std::string LocalCluster::bootstrap() const {
  std::string all;
  for (const auto& [id, broker] : brokers_) all += (all.empty() ? "" : ",") + address(id);
  return all;
}

std::string LocalCluster::zookeeper_connect() const {
  std::string all;
  for (const Zookeeper& server : zookeepers_) all += (all.empty() ? "" : ",") + (server.place.host + ':' + std::to_string(server.port));
  return all + options_.chroot;
}

void LocalCluster::write_broker_properties(int id) {
  const Broker& broker = brokers_.at(id);
  std::string copies = std::to_string(std::min(options_.brokers, 3));
  std::string directories;
  for (const std::string& each : data_directories(id)) directories += (directories.empty() ? "" : ",") + each;
  BrokerKeys keys = {{"broker.id", std::to_string(id)},
                     {"listeners", "PLAINTEXT://" + address(id)},
                     {"log.dirs", directories},
                     {"zookeeper.connect", zookeeper_connect()},
                     {"zookeeper.session.timeout.ms", std::to_string(options_.session_timeout_ms)},
                     {"offsets.topic.replication.factor", copies},
                     {"transaction.state.log.replication.factor", copies},
                     {"transaction.state.log.min.isr", options_.brokers > 1 ? "2" : "1"},
                     {"group.initial.rebalance.delay.ms", "0"},
                     {"controlled.shutdown.retry.backoff.ms", "200"}};
  if (!runs_kafka(id)) {
    keys["quokka.admin.port"] = std::to_string(broker.admin_port);
    keys["quokka.admin.host"] = broker.place.host;
  }
  const BrokerKeys own = options_.keys_of ? options_.keys_of(id, broker.port) : BrokerKeys();
  for (const BrokerKeys* more : {static_cast<const BrokerKeys*>(&options_.keys), &own, static_cast<const BrokerKeys*>(&broker.keys)})
    for (const auto& [key, value] : *more) keys[key] = value;
  std::ofstream file(broker_directory(id) + "/server.properties");
  for (const auto& [key, value] : keys) file << key << '=' << value << '\n';
}

std::vector<std::string> LocalCluster::broker_command(int id) const {
  const std::string properties = broker_directory(id) + "/server.properties";
  if (!runs_kafka(id)) return joined(brokers_.at(id).place.enter, {broker_program(), properties});
  return joined(brokers_.at(id).place.enter,
                {"/usr/bin/java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j.configuration=file:" + options_.kafka_tree + "/config/log4j.properties",
                 "-cp", options_.kafka_tree + "/libs/*", "kafka.Kafka", properties});
}

void LocalCluster::start_broker(int id, const BrokerKeys& keys, const Child::Variables& variables) {
  Broker& broker = made_broker(id);
  for (const auto& [key, value] : keys) broker.keys[key] = value;
  std::filesystem::create_directories(broker_directory(id));
  write_broker_properties(id);
  broker.child.start(broker_command(id), broker_directory(id) + "/log", variables);
}

std::string LocalCluster::page(int id, const std::string& path) const {
  const Broker& broker = brokers_.at(id);
  return ask(broker.place.host, broker.admin_port, "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n");
}

std::optional<double> LocalCluster::metric(int id, const std::string& series) const {
  const std::string metrics = page(id, "/metrics"), line = "\n" + series + " ";
  const size_t found = metrics.find(line);
  return found == std::string::npos ? std::nullopt : std::optional(std::strtod(metrics.c_str() + found + line.size(), nullptr));
}

bool LocalCluster::is_ready(int id) const {
  if (runs_kafka(id)) return answers_requests(brokers_.at(id).place.host, brokers_.at(id).port);
  std::string answer = page(id, "/health/ready");
  return answer.starts_with("HTTP/1.") && answer.substr(8, 5) == " 200 ";
}

void LocalCluster::wait_until_ready(int id, int timeout_ms) {
  Broker& broker = brokers_.at(id);
  bool ready = false;
  eventually(timeout_ms, [&] { return (ready = is_ready(id)) || !broker.child.runs(); });
  if (!ready)
    throw std::runtime_error("broker " + std::to_string(id) + (broker.child.runs() ? " is not ready; " : " has ended; ") + "its log ends with\n" +
                             broker.child.last_lines());
}

int LocalCluster::stop_broker(int id, int timeout_ms) {
  Child& child = broker(id);
  child.terminate();
  int status = child.wait(timeout_ms);
  if (status < 0) throw std::runtime_error("broker " + std::to_string(id) + " does not stop; its log ends with\n" + child.last_lines());
  return status;
}

void LocalCluster::kill_all_brokers() {
  for (auto& [id, broker] : brokers_) broker.child.kill();
}

void LocalCluster::start_all_brokers() {
  for (auto& [id, broker] : brokers_)
    if (!broker.child.runs()) start_broker(id);
  for (auto& [id, broker] : brokers_) wait_until_ready(id);
}

void LocalCluster::start_zookeeper(int number) {
  Zookeeper& server = zookeepers_.at(static_cast<size_t>(number - 1));
  std::string directory = zookeeper_directory(number);
  if (std::filesystem::create_directories(directory + "/data")) {
    std::ofstream file(directory + "/zookeeper.properties");
    file << "dataDir=" << directory << "/data\nclientPort=" << server.port << "\nclientPortAddress=" << server.place.host << "\ntickTime=" << options_.tick_ms
         << "\ninitLimit=20\nsyncLimit=10\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n";
    for (size_t i = 0; i < zookeepers_.size() && zookeepers_.size() > 1; ++i)
      file << "server." << i + 1 << "=" << zookeepers_[i].place.host << ':' << zookeepers_[i].quorum_port << ':' << zookeepers_[i].election_port << '\n';
    std::ofstream(directory + "/data/myid") << number << '\n';
  }
  server.child.start(joined(server.place.enter, {"/usr/bin/java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
                      "-Dzookeeper.jmx.log4j.disable=true", "-Dlog4j.configuration=file:config/log4j.properties", "-cp", java_class_path(),
                      "org.apache.zookeeper.server.quorum.QuorumPeerMain", directory + "/zookeeper.properties"}),
                     directory + "/log");
}

std::string LocalCluster::zookeeper_mode(int number) const {
  const Zookeeper& server = zookeepers_.at(static_cast<size_t>(number - 1));
  std::string answer = ask(server.place.host, server.port, "srvr");
  size_t at = answer.find("Mode: ");
  if (at == std::string::npos) return "";
  at += 6;
  return answer.substr(at, answer.find('\n', at) - at);
}

void LocalCluster::wait_for_zookeeper(int number, int timeout_ms) {
  Child& child = zookeeper(number);
  bool serves = false;
  eventually(timeout_ms, [&] { return (serves = !zookeeper_mode(number).empty()) || !child.runs(); });
  if (!serves)
    throw std::runtime_error("ZooKeeper server " + std::to_string(number) + " does not serve (Debian's package zookeeper is needed); its log ends with\n" +
                             child.last_lines());
}

}  // namespace quokka
