// quokka-broker server.properties [--override key=value]...
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/config/broker_config.h"
#include "broker/config/command_line.h"
#include "protocol/base/log.h"

namespace {

using namespace quokka;

int refuse(const std::string& why) {
  std::fprintf(stderr, "quokka-broker: %s\n", why.c_str());
  return 1;
}

// SIGTERM and SIGINT are waited for by the main thread; a peer that hangs up must not kill the process.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, SIGTERM);
  sigaddset(&waited, SIGINT);
  sigaddset(&waited, SIGUSR1);  // from ourselves: the broker does not start, or cannot go on
  pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  return waited;
}

// Every segment and connection takes a descriptor: as many as this user may have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  log_info("at most {} open files", static_cast<uint64_t>(limit.rlim_cur));
}

int run(const CommandLine& command_line, const StartEnvironment& environment, const sigset_t& signals) {
  Result<LoadedConfig> config = load_broker_config(command_line.properties_path, command_line.overrides);
  if (!config) return refuse(config.error().message);
  if (const Status status = open_log(environment.log); !status) return refuse(status.error().message);
  if (!environment.ignored.empty()) log_info("{} mean something to Java only and are ignored", environment.ignored);
  for (const std::string& warning : config->remarks.warnings) log_warn("{}", warning);
  if (!config->remarks.not_acted_upon.empty()) {
    std::string names;
    for (const std::string& key : config->remarks.not_acted_upon) names += (names.empty() ? "" : ", ") + key;
    log_info("set but not acted upon yet: {}", names);
  }
  raise_descriptor_limit();

  bool failed = false;
  {
    Broker broker(*std::move(config));
    broker.start(
        [](const Status& status) {
          if (status) return;
          log_error("the broker does not start: {}", status.error().message);
          kill(getpid(), SIGUSR1);
        },
        [](const std::string& why) {
          log_error("this broker cannot go on: {}", why);
          kill(getpid(), SIGUSR1);
        });
    int signal = 0;
    sigwait(&signals, &signal);
    failed = signal == SIGUSR1;
    log_info("stopping");
    broker.stop();
  }
  log_info("stopped");
  flush_log();
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Result<CommandLine> command_line = parse_command_line({argv + 1, argv + argc});
  if (!command_line) return refuse(command_line.error().message + "\n" + command_line_usage());
  if (command_line->help) {
    std::puts(command_line_usage().c_str());
    return 0;
  }
  if (command_line->version) {
    std::puts("quokka-broker, speaks the protocol of Apache Kafka 3.9");
    return 0;
  }
  const Result<StartEnvironment> environment = read_environment([](const char* name) -> const char* { return std::getenv(name); });
  if (!environment) return refuse(environment.error().message);
  const sigset_t signals = block_signals();
  return run(*command_line, *environment, signals);
}
