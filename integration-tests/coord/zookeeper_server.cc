#include "integration-tests/coord/zookeeper_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "integration-tests/coord/loopback.h"
#include "protocol/base/check.h"

namespace quokka {
namespace {

constexpr const char* kJar = "/usr/share/java/zookeeper.jar";
constexpr const char* kJava = "/usr/bin/java";

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  QUOKKA_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "no free port");
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

bool ZookeeperServer::is_installed() { return ::access(kJar, R_OK) == 0 && ::access(kJava, X_OK) == 0; }

ZookeeperServer::ZookeeperServer() {
  char name[] = "/tmp/quokka-zookeeper-XXXXXX";
  QUOKKA_CHECK(::mkdtemp(name) != nullptr, "cannot make a directory below /tmp");
  directory_ = name;
  port_ = free_port();
  std::ofstream(directory_ + "/zoo.cfg") << "tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir=" << directory_ << "/data\nclientPort="
                                         << port_ << "\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n";
  start();
}

ZookeeperServer::~ZookeeperServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

ZookeeperServer& ZookeeperServer::shared() {
  static auto server = std::make_unique<ZookeeperServer>();
  return *server;
}

void ZookeeperServer::start() {
  QUOKKA_CHECK(pid_ == 0, "the server is running");
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int log = ::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execl(kJava, kJava, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no", "-cp", kJar,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", (directory_ + "/zoo.cfg").c_str(), nullptr);
    ::_exit(127);
  }
  for (int attempt = 0; attempt < 600; ++attempt) {
    if (ask("srvr").find("Mode:") != std::string::npos) return;
    ::poll(nullptr, 0, 50);
  }
  QUOKKA_CHECK(false, "the ZooKeeper server does not answer");
}

void ZookeeperServer::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void ZookeeperServer::pause() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  QUOKKA_CHECK(::waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status), "the server does not stop");
}

void ZookeeperServer::resume() { ::kill(pid_, SIGCONT); }

std::string ZookeeperServer::ask(const std::string& word) const {
  std::string answer;
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval patience{1, 0};  // a server that is just starting accepts and forgets
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address = loopback(port_);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::write(fd, word.data(), word.size()) > 0) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return answer;
}

}  // namespace quokka
