// simulate FIRST-LAST [--trace] [--only FAULT] [--seconds N]: runs seeds in two processes, says nothing of those that hold, and sums up at the end. A seed that
// does not hold ends it with the command that plays it again.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "integration-tests/simulation/world.h"
#include "protocol/base/log.h"

namespace {

using namespace quokka;
using namespace quokka::simulation;

constexpr int kProcesses = 2;

// What one process tells about one seed, as it goes through the pipe.
struct Told {
  uint64_t seed, events, fingerprint, simulated_us, acknowledged, acknowledged_unpromised, lost_unpromised, resent, ids_given_up, leader_epochs,
      transactions_committed, transactions_aborted, transactions_unknown, group_generations, group_commits;
  std::array<uint64_t, kFaults> faults;
  std::array<char, 600> violation;
};

Told told_of(const RunReport& report) {
  Told told{report.seed,    report.events,       report.fingerprint, static_cast<uint64_t>(report.simulated.us), report.acknowledged,
            report.acknowledged_unpromised, report.lost_unpromised, report.resent, report.ids_given_up, static_cast<uint64_t>(report.leader_epochs),
            report.transactions_committed, report.transactions_aborted, report.transactions_unknown, report.group_generations, report.group_commits, report.faults, {}};
  const std::string violation = report.violation.value_or("");
  std::strncpy(told.violation.data(), violation.c_str(), told.violation.size() - 1);
  return told;
}

struct Options {
  uint64_t first = 1, last = 1;
  RunSettings run;
  bool each = false;  // a line for every seed
};

int usage() {
  std::fputs("usage: simulate FIRST-LAST [--trace] [--each] [--only FAULT] [--seconds N]\n", stderr);
  return 2;
}

bool read_options(int argc, char** argv, Options& options) {
  if (argc < 2 || std::sscanf(argv[1], "%" SCNu64 "-%" SCNu64, &options.first, &options.last) != 2) return false;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--trace") {
      options.run.trace = true;
    } else if (word == "--each") {
      options.each = true;
    } else if (word == "--seconds" && i + 1 < argc) {
      options.run.disturbed = Duration::seconds(std::atoll(argv[++i]));
    } else if (word == "--only" && i + 1 < argc) {
      ++i;
      for (size_t fault = 0; fault < kFaults; ++fault) {
        if (name(static_cast<Fault>(fault)) == std::string(argv[i])) options.run.only = static_cast<Fault>(fault);
      }
      if (!options.run.only) return false;
    } else {
      return false;
    }
  }
  return true;
}

void run_share(const Options& options, uint64_t from, uint64_t step, int to) {
  for (uint64_t seed = from; seed <= options.last; seed += step) {
    RunSettings settings = options.run;
    settings.seed = seed;
    const Told told = told_of(run_seed(settings));
    if (write(to, &told, sizeof told) != sizeof told) return;
  }
}

void print(const Told& told) {
  std::printf("seed %" PRIu64 ": fingerprint %016" PRIx64 ", %" PRIu64 " events, %.0f s, %" PRIu64 " records acknowledged%s%s\n", told.seed, told.fingerprint,
              told.events, static_cast<double>(told.simulated_us) / 1e6, told.acknowledged, told.violation[0] != 0 ? ", " : "", told.violation.data());
}

int sum_up(const Options& options, int from) {
  Told sum{};
  uint64_t seeds = 0;
  std::map<uint64_t, std::string> violations;
  Told told;
  while (read(from, &told, sizeof told) == sizeof told) {
    ++seeds;
    if (options.each || told.violation[0] != 0) print(told);
    if (told.violation[0] != 0) {
      violations[told.seed] = told.violation.data();
      std::printf("  again: make simulation SEEDS=%" PRIu64 "-%" PRIu64 " TRACE=1%s%s%s%" PRId64 "\n", told.seed, told.seed, options.run.only ? " ONLY=" : "",
                  options.run.only ? name(*options.run.only) : "", " DISTURBED=", options.run.disturbed.us / 1000000);
    }
    std::fflush(stdout);
    sum.events += told.events;
    sum.simulated_us += told.simulated_us;
    sum.acknowledged += told.acknowledged;
    sum.acknowledged_unpromised += told.acknowledged_unpromised;
    sum.lost_unpromised += told.lost_unpromised;
    sum.resent += told.resent;
    sum.ids_given_up += told.ids_given_up;
    sum.leader_epochs += told.leader_epochs;
    sum.transactions_committed += told.transactions_committed;
    sum.transactions_aborted += told.transactions_aborted;
    sum.transactions_unknown += told.transactions_unknown;
    sum.group_generations += told.group_generations;
    sum.group_commits += told.group_commits;
    for (size_t i = 0; i < kFaults; ++i) sum.faults[i] += told.faults[i];
  }
  std::printf("%" PRIu64 " seeds, %zu violated; %.1f simulated hours, %" PRIu64 " events\n", seeds, violations.size(),
              static_cast<double>(sum.simulated_us) / 3.6e9, sum.events);
  std::printf("records acknowledged: %" PRIu64 " with acks=all, %" PRIu64 " with acks=1 of which %" PRIu64 " are gone; batches sent again %" PRIu64
              ", producer ids given up %" PRIu64 ", leader epochs %" PRIu64 "\n",
              sum.acknowledged, sum.acknowledged_unpromised, sum.lost_unpromised, sum.resent, sum.ids_given_up, sum.leader_epochs);
  std::printf("transactions: %" PRIu64 " committed, %" PRIu64 " aborted, %" PRIu64 " whose end was not told\n", sum.transactions_committed,
              sum.transactions_aborted, sum.transactions_unknown);
  std::printf("groups: %" PRIu64 " generations, %" PRIu64 " offsets committed\n", sum.group_generations, sum.group_commits);
  std::printf("faults:");
  for (size_t i = 0; i < kFaults; ++i) std::printf(" %s %" PRIu64, name(static_cast<Fault>(i)), sum.faults[i]);
  std::printf("\n");
  // A process that fell over told nothing of its seed.
  if (seeds != options.last - options.first + 1) std::printf("%" PRIu64 " seeds told nothing: a process fell\n", options.last - options.first + 1 - seeds);
  return violations.empty() && seeds == options.last - options.first + 1 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) return usage();
  set_log_level(options.run.trace ? LogLevel::info : LogLevel::off);
  int ends[2];
  if (pipe(ends) != 0) return 1;
  std::vector<pid_t> children;
  for (uint64_t i = 0; i < kProcesses && options.first + i <= options.last; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      run_share(options, options.first + i, kProcesses, ends[1]);
      std::fflush(stdout);
      std::_Exit(0);
    }
    children.push_back(child);
  }
  close(ends[1]);
  const int result = sum_up(options, ends[0]);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  return result;
}
