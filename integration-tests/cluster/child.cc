#include "integration-tests/cluster/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace quokka {

Child::~Child() { kill(); }

void Child::start(const std::vector<std::string>& command, const std::string& log, const Variables& variables) {
  if (runs()) throw std::runtime_error(command[0] + " runs already");
  log_ = log;
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execv(words[0], words.data());
  ::_exit(127);
}

bool Child::has_ended(int how) {
  int status = 0;
  if (::waitpid(pid_, &status, how) == 0) return false;
  pid_ = 0;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

bool Child::runs() { return pid_ != 0 && !has_ended(WNOHANG); }

void Child::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  has_ended(0);
}

void Child::terminate() {
  if (pid_ != 0) ::kill(pid_, SIGTERM);
}

int Child::wait(int timeout_ms) {
  for (int waited_ms = 0; pid_ != 0 && !has_ended(WNOHANG); waited_ms += 10) {
    if (waited_ms >= timeout_ms) return -1;
    ::poll(nullptr, 0, 10);
  }
  return status_;
}

void Child::pause() {
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
}

void Child::resume() { ::kill(pid_, SIGCONT); }

std::string Child::output() const {
  std::ifstream file(log_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Child::last_lines(size_t bytes) const {
  std::string all = output();
  return all.size() <= bytes ? all : all.substr(all.find('\n', all.size() - bytes) + 1);
}

}  // namespace quokka
