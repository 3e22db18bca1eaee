// A real ZooKeeper server (Debian's package) as a child process, on a free port of this host, with its data in a temporary directory.
#pragma once

#include <sys/types.h>

#include <string>

namespace quokka {

class ZookeeperServer {
 public:
  // Returns when the server answers; stops the process (of the test) with a message if it does not.
  ZookeeperServer();
  ~ZookeeperServer();
  ZookeeperServer(const ZookeeperServer&) = delete;
  ZookeeperServer& operator=(const ZookeeperServer&) = delete;

  // Shared by the tests of one program, started on first use.
  static ZookeeperServer& shared();
  // False where the package is not installed.
  static bool is_installed();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const std::string& directory() const { return directory_; }

  // kill -9, and a start with the same data on the same port.
  void kill();
  void start();
  // SIGSTOP and SIGCONT: connections stay open and nothing is answered.
  void pause();
  void resume();
  // A four-letter word ("stat"); empty when the server does not answer.
  std::string ask(const std::string& word) const;

 private:
  std::string directory_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace quokka
