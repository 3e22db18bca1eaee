// Runs rows of the fault table and writes what came of them as a table.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "integration-tests/faults/fault_run.h"

namespace quokka {
namespace {

struct RowCount {
  std::map<Verdict, int> verdicts;
  std::map<Anomaly, int64_t> findings;
  int64_t acknowledged = 0, unavailable_ms = 0;
  std::vector<std::string> words;

  void add(const FaultOutcome& outcome, uint32_t seed) {
    ++verdicts[outcome.verdict];
    for (Anomaly anomaly : all_anomalies)
      if (const int64_t count = outcome.findings.count(anomaly)) findings[anomaly] += count;
    acknowledged += outcome.acknowledged;
    unavailable_ms = std::max(unavailable_ms, outcome.unavailable_ms);
    if (outcome.verdict == Verdict::passed) return;
    for (const std::string& each : outcome.words) words.push_back(fmt::format("{} (seed {}): {}", name(outcome.verdict), seed, each));
  }
};

bool is_wanted(const FaultRow& row, const std::string& wanted) {
  if (wanted.empty()) return true;
  std::istringstream names(wanted);
  for (std::string each; std::getline(names, each, ',');)
    if (each == row.name || each == row.name + '-' + name(row.load)) return true;
  return false;
}

std::string report_line(const FaultRow& row, RowCount& count) {
  std::string findings;
  for (const auto& [anomaly, number] : count.findings) findings += fmt::format("{}{} {}", findings.empty() ? "" : ", ", name(anomaly), number);
  int runs = 0;
  for (const auto& [verdict, number] : count.verdicts) runs += number;
  return fmt::format("| {} {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |", row.name, name(row.load), row.fault, runs,
                     count.verdicts[Verdict::passed], count.verdicts[Verdict::failed], count.verdicts[Verdict::invalid], count.verdicts[Verdict::skipped],
                     findings.empty() ? "none" : findings, count.acknowledged, count.unavailable_ms);
}

// usage: matrix REPORT [RUNS [ROWS [SEED]]]      ROWS: names with commas between, "F1" or, of one workload, "F1-W3"; all without
int run(int count, char** words) {
  if (count < 2 || words[1][0] == '-') return std::fprintf(stderr, "usage: %s REPORT [RUNS [F1,F4,... [SEED]]]\n", words[0]), 2;
  const int runs = count > 2 ? std::atoi(words[2]) : 1;
  const std::string wanted = count > 3 ? words[3] : "";
  const auto first_seed = static_cast<uint32_t>(count > 4 ? std::atoi(words[4]) : 1);
  std::string table = "| row | fault | runs | passed | failed | invalid | skipped | findings | acknowledged | longest unavailability, ms |\n"
                      "|---|---|---|---|---|---|---|---|---|---|\n";
  std::string details;
  bool good = true;
  for (const FaultRow& row : fault_rows()) {
    if (!is_wanted(row, wanted)) continue;
    RowCount total;
    for (int i = 0; i < runs; ++i) {
      const uint32_t seed = first_seed + static_cast<uint32_t>(i);
      const FaultOutcome outcome = run_fault(row, seed);
      total.add(outcome, seed);
      std::printf("%s %s seed %u: %s, %ld acknowledged, %ld ms\n", row.name.c_str(), name(row.load), seed, name(outcome.verdict),
                  static_cast<long>(outcome.acknowledged), static_cast<long>(outcome.unavailable_ms));
      for (const std::string& each : outcome.words) std::printf("    %s\n", each.c_str());
      std::fflush(stdout);
      if (outcome.verdict == Verdict::skipped) break;
    }
    good = good && total.verdicts[Verdict::failed] == 0 && total.verdicts[Verdict::invalid] == 0;
    table += report_line(row, total) + '\n';
    for (const std::string& each : total.words) details += fmt::format("- {} {}: {}\n", row.name, name(row.load), each);
    std::ofstream(words[1]) << table << '\n' << details;
  }
  std::printf("%s", table.c_str());
  return good ? 0 : 1;
}

}  // namespace
}  // namespace quokka

int main(int count, char** words) { return quokka::run(count, words); }
