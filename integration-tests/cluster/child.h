// A server as a child process of a test, its output in a file. It ends with the test, however that ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace quokka {

class Child {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  Child() = default;
  ~Child();  // kill -9
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), status_(other.status_), log_(std::move(other.log_)) {}
  Child& operator=(Child&&) = delete;

  // Runs a program; what it prints is added to `log`.
  void start(const std::vector<std::string>& command, const std::string& log, const Variables& variables = {});

  bool runs();  // false once it has ended
  pid_t pid() const { return pid_; }

  void kill();       // kill -9, returns when it is gone
  void terminate();  // SIGTERM, returns at once
  // Waits for the end: the exit status, 128 + the signal it ended by, -1 if it still runs after so long. 0 if it was never started.
  int wait(int timeout_ms);
  void pause();  // SIGSTOP: connections stay open and nothing is answered
  void resume();

  std::string output() const;                  // all it printed
  std::string last_lines(size_t bytes = 3000) const;  // for messages

 private:
  bool has_ended(int how);  // waitpid's

  pid_t pid_ = 0;   // 0: not started, or gone
  int status_ = 0;  // of the last that ended, as wait() tells it
  std::string log_;
};

}  // namespace quokka
