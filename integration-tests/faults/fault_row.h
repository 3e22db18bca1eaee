// The table of faults: a row says what is done to a cluster under load and what must hold then.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "integration-tests/faults/scene.h"

namespace quokka {

// One run's fault. Made anew for every run.
class Fault {
 public:
  virtual ~Fault() = default;

  // Why it cannot be done on this machine; empty if it can.
  virtual std::string missing() { return ""; }
  // Before the cluster is made.
  virtual void prepare(SceneOptions&) {}
  // Under load. Everything is healed when it returns.
  virtual void run(Scene& scene) = 0;
};

struct FaultRow {
  std::string name;   // "F1"; rows of one name differ in workload or variant
  std::string fault;  // in words
  Load load = Load::W1;
  std::function<std::unique_ptr<Fault>()> make;
  std::set<Anomaly> counted = {};  // allowed and counted: what acks=1, or a wanted unclean election, may lose
  int unavailable_ms_max = 0;      // no partition may be silent for longer; 0: measured only
};

std::span<const FaultRow> fault_rows();

// A fault that is one function.
std::function<std::unique_ptr<Fault>()> fault(void (*run)(Scene&));
// A fault that is a class.
template <class F, class... Arguments>
std::function<std::unique_ptr<Fault>()> fault_of(Arguments... arguments) {
  return [=] { return std::make_unique<F>(arguments...); };
}

// What is lost with a leader that acknowledged alone: the record, and with it the order of those who heard of it.
inline const std::set<Anomaly> acks_one_losses = {Anomaly::lost,      Anomaly::duplicate, Anomaly::inconsistent_offset,
                                                  Anomaly::reordered, Anomaly::poll_skip, Anomaly::nonmonotonic_poll};
// What was acknowledged is in memory on every replica; flush.messages=1 is for those who want more.
inline const std::set<Anomaly> unsynced_losses = acks_one_losses;

}  // namespace quokka
