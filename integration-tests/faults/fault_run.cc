#include "integration-tests/faults/fault_run.h"

#include <fmt/format.h>

#include <exception>

namespace quokka {
namespace {

// Topics of coordinators small enough to be made at once, time-outs short enough to be seen, and an input that is read as it is written.
void prepare_for_coordinators(SceneOptions& options) {
  const BrokerKeys keys = {{"offsets.topic.num.partitions", std::to_string(coordinator_partitions)},
                           {"offsets.topic.replication.factor", "3"},
                           {"transaction.state.log.num.partitions", std::to_string(coordinator_partitions)},
                           {"group.initial.rebalance.delay.ms", "200"},
                           {"transaction.abort.timed.out.transaction.cleanup.interval.ms", "500"}};
  options.cluster.keys.insert(keys.begin(), keys.end());
  options.records_per_s = 60;
}

void prepare_for_cleaning(SceneOptions& options) {
  options.cluster.keys.merge(Updaters::broker_keys());
  options.records_per_s = 60;
}

// Brokers run, replicas are in sync again, and clients are served.
void require_healed(Scene& scene) {
  for (int id : scene.cluster().broker_ids())
    scene.require(scene.cluster().broker(id).runs(), fmt::format("broker {} has ended by itself: {}", id, scene.cluster().broker(id).last_lines(1500)));
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "not all replicas are in sync 60 s after the fault");
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "some partitions acknowledge nothing 60 s after the fault");
  const int64_t wanted = FaultOutcome::acknowledged_min + 200;
  if (SideLoad* load = scene.side_load()) {
    const int64_t more = load->achieved() + 10, enough = load->achieved_min();
    scene.require(eventually(Scene::heal_timeout_ms, [&] { return load->achieved() >= more; }), "the load beside the first gets nothing done 60 s after the fault");
    eventually_while_rising(Scene::heal_timeout_ms, [&] { return load->achieved(); }, [&] { return load->achieved() >= enough; });
  }
  scene.workload().wait_for_acknowledged(wanted, Scene::heal_timeout_ms);
}

void judge(const FaultRow& row, Scene& scene, FaultOutcome& outcome) {
  outcome.acknowledged = scene.workload().acknowledgements().count();
  outcome.unavailable_ms = scene.workload().acknowledgements().longest_gap_ms();
  outcome.words = scene.effects();
  const SideLoad* load = scene.side_load();
  if (load) outcome.words.push_back(load->str());
  std::vector<std::string> problems = scene.problems();
  for (Anomaly anomaly : all_anomalies) {
    const std::vector<std::string>& examples = outcome.findings.examples(anomaly);
    if (examples.empty()) continue;
    (row.counted.contains(anomaly) ? outcome.words : problems).push_back(fmt::format("{} {}: {}", name(anomaly), outcome.findings.count(anomaly), examples[0]));
  }
  if (row.unavailable_ms_max > 0 && outcome.unavailable_ms > row.unavailable_ms_max)
    problems.push_back(fmt::format("a partition acknowledged nothing for {} ms, {} are allowed", outcome.unavailable_ms, row.unavailable_ms_max));
  if (!problems.empty())
    outcome.verdict = Verdict::failed;
  else if (scene.effects().empty() || outcome.acknowledged < FaultOutcome::acknowledged_min || (load && !load->proves_something()))
    outcome.verdict = Verdict::invalid;
  outcome.words.insert(outcome.words.end(), problems.begin(), problems.end());
}

class FunctionFault final : public Fault {
 public:
  explicit FunctionFault(void (*function)(Scene&)) : function_(function) {}
  void run(Scene& scene) override { function_(scene); }

 private:
  void (*function_)(Scene&);
};

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::failed: return "failed";
    case Verdict::invalid: return "invalid";
    case Verdict::skipped: return "skipped";
  }
  return "?";
}

std::function<std::unique_ptr<Fault>()> fault(void (*run)(Scene&)) {
  return [run] { return std::make_unique<FunctionFault>(run); };
}

FaultOutcome run_fault(const FaultRow& row, uint32_t seed) {
  FaultOutcome outcome;
  try {
    const std::unique_ptr<Fault> fault = row.make();
    if (const std::string missing = fault->missing(); !missing.empty()) {
      outcome.verdict = Verdict::skipped;
      outcome.words = {missing};
      return outcome;
    }
    SceneOptions options;
    options.seed = seed;
    options.load = row.load;
    if (row.load == Load::W3 || row.load == Load::W4) prepare_for_coordinators(options);
    if (row.load == Load::W5) prepare_for_cleaning(options);
    options.cluster.session_timeout_ms = Scene::session_timeout_ms;
    options.cluster.tick_ms = Scene::tick_ms;
    options.cluster.keys["replica.lag.time.max.ms"] = "2000";
    fault->prepare(options);
    Scene scene(options);
    // What was found before says more than what it ends with.
    try {
      fault->run(scene);
      require_healed(scene);
      const History history = scene.stop_and_read_files();
      outcome.findings = check_history(history);
      if (const SideLoad* load = scene.side_load()) outcome.findings.add(load->judge(history));
    } catch (const std::exception& problem) {
      scene.require(false, problem.what());
    }
    judge(row, scene, outcome);
  } catch (const std::exception& problem) {
    outcome.verdict = Verdict::failed;
    outcome.words.push_back(problem.what());
  }
  return outcome;
}

}  // namespace quokka
