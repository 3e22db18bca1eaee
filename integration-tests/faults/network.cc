#include "integration-tests/faults/network.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "integration-tests/faults/shell.h"

namespace quokka {
namespace {

constexpr const char* space_prefix = "quokka-";

// Namespaces of tests that were killed before they could clean up.
void remove_abandoned() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", ignored)) {
    const std::string name = entry.path().filename().string();
    std::smatch owner;
    static const std::regex ours("quokka-([0-9]+)-.*");
    if (std::regex_match(name, owner, ours) && ::kill(std::stoi(owner[1]), 0) != 0) shell("ip netns delete " + name);
  }
}

}  // namespace

std::string Network::missing(bool with_bandwidth) {
  if (::geteuid() != 0) return "network namespaces need root";
  const std::string probe = fmt::format("quokka-{}-probe", ::getpid());
  const ShellResult made = shell("ip netns add " + probe);
  if (made.status != 0) return "no network namespaces: " + made.output;
  ShellResult able = shell(fmt::format("ip link add qkp{0} type bridge && ip link delete qkp{0} && ip -n {1} link add qkv type veth peer name qkw && "
                                       "ip netns exec {1} nft 'add table ip fault; add chain ip fault in {{ type filter hook input priority 0; }}; "
                                       "add rule ip fault in numgen random mod 100 < 1 counter drop'",
                                       ::getpid() % 100'000, probe));
  if (able.status == 0 && with_bandwidth) able = shell("ip netns exec " + probe + " tc qdisc add dev qkv root tbf rate 1mbit burst 16kb latency 50ms");
  shell("ip netns delete " + probe);
  return able.status == 0 ? "" : "the network cannot be broken here: " + able.output;
}

Network::Network()
    : prefix_(fmt::format("{}{}-", space_prefix, ::getpid())),
      bridge_(fmt::format("qkb{}", ::getpid() % 100'000)),
      subnet_(fmt::format("10.77.{}.", ::getpid() % 250)) {
  remove_abandoned();
  shell("ip link delete " + bridge_);
  shell_or_throw(fmt::format("ip link add {0} type bridge && ip address add {1}254/24 dev {0} && ip link set {0} up", bridge_, subnet_));
}

Network::~Network() {
  // The link first: a namespace goes in its own time, and its links with it.
  for (const auto& [server, number] : servers_) shell(fmt::format("ip link delete {}; ip netns delete {}", link(server), space(server)));
  shell("ip link delete " + bridge_);
}

std::string Network::link(const std::string& server) const { return fmt::format("qk{}v{}", ::getpid() % 100'000, servers_.at(server)); }

std::string Network::host(const std::string& server) const { return subnet_ + (server == "client" ? "254" : std::to_string(servers_.at(server))); }

ServerPlace Network::place(const std::string& server) {
  if (servers_.try_emplace(server, static_cast<int>(servers_.size()) + 1).second) {
    shell_or_throw(fmt::format("ip netns add {0} && ip link add {1} type veth peer name eth0 netns {0} && ip link set {1} master {2} up && "
                               "ip -n {0} address add {3}/24 dev eth0 && ip -n {0} link set eth0 up && ip -n {0} link set lo up && "
                               "ip netns exec {0} nft 'add table ip fault; add chain ip fault in {{ type filter hook input priority 0; }}; "
                               "add chain ip fault out {{ type filter hook output priority 0; }}'",
                               space(server), link(server), bridge_, host(server)));
  }
  return {host(server), {"/bin/ip", "netns", "exec", space(server)}};
}

void Network::rule(const std::string& server, const std::string& chain, const std::string& words) {
  shell_or_throw(fmt::format("ip netns exec {} nft 'add rule ip fault {} {} counter drop'", space(server), chain, words));
}

void Network::cut(const std::string& a, const std::string& b) {
  if (a == "client") return cut(b, a);
  rule(a, "in", "ip saddr " + host(b));
  rule(a, "out", "ip daddr " + host(b));
}

void Network::cut_one_way(const std::string& from, const std::string& to) {
  if (to == "client") return rule(from, "out", "ip daddr " + host(to));
  rule(to, "in", "ip saddr " + host(from));
}

// Not from itself.
void Network::isolate(const std::string& server) {
  rule(server, "in", "ip saddr != " + host(server));
  rule(server, "out", "ip daddr != " + host(server));
}

void Network::lose(const std::string& server, int percent) { rule(server, "in", fmt::format("numgen random mod 100 < {}", percent)); }

void Network::cap(const std::string& server, int kbit_per_s) {
  shell_or_throw(fmt::format("tc qdisc add dev {} root tbf rate {}kbit burst 8kb latency 200ms", link(server), kbit_per_s));
}

void Network::heal() {
  for (const auto& [server, number] : servers_) {
    shell_or_throw(fmt::format("ip netns exec {0} nft 'flush chain ip fault in; flush chain ip fault out'", space(server)));
    shell("tc qdisc delete dev " + link(server) + " root");
  }
}

int64_t Network::dropped() const {
  int64_t packets = 0;
  static const std::regex counter("counter packets ([0-9]+)");
  for (const auto& [server, number] : servers_) {
    const std::string rules = shell_or_throw("ip netns exec " + space(server) + " nft list table ip fault");
    for (std::sregex_iterator at(rules.begin(), rules.end(), counter), end; at != end; ++at) packets += std::stoll((*at)[1]);
  }
  return packets;
}

}  // namespace quokka
