// A network for a cluster under test: every server in a network namespace of its own, all on one bridge, and ways to break it. Needs to be root, and
// the kernel's network namespaces, veth, bridge and nftables.
//
// The test itself, and so its clients, are on the bridge and are called "client".
#pragma once

#include <map>
#include <string>

#include "integration-tests/cluster/local_cluster.h"

namespace quokka {

class Network {
 public:
  // Why there can be none here; empty if there can. `with_bandwidth`: tbf is wanted too.
  static std::string missing(bool with_bandwidth = false);

  Network();
  ~Network();  // after the servers have ended
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Makes the namespace of a server at its first call.
  ServerPlace place(const std::string& server);
  std::string host(const std::string& server) const;

  void cut(const std::string& a, const std::string& b);  // nothing goes either way
  void cut_one_way(const std::string& from, const std::string& to);
  void isolate(const std::string& server);               // from everything
  void lose(const std::string& server, int percent);     // of the packets that reach it
  void cap(const std::string& server, int kbit_per_s);   // of what reaches it
  void heal();

  // Packets that the rules above dropped, so that a cut which met nobody is noticed.
  int64_t dropped() const;

 private:
  std::string space(const std::string& server) const { return prefix_ + server; }
  std::string link(const std::string& server) const;  // the end on the bridge
  void rule(const std::string& server, const std::string& chain, const std::string& words);

  const std::string prefix_;  // of the namespaces' names
  const std::string bridge_;
  const std::string subnet_;  // "10.77.12."
  std::map<std::string, int> servers_;  // name -> number on the network
};

}  // namespace quokka
