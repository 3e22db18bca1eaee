// Faults of transactional producers and of their coordinators.
#pragma once

#include "integration-tests/faults/fault_row.h"

namespace quokka {

void two_producers_of_one_id(Scene& scene);  // F37: again and again another takes the transactional id of one that runs

// F37: records time out, after which a producer raises its own epoch (KIP-360).
class RaisedEpochs final : public Fault {
 public:
  void prepare(SceneOptions& options) override { options.copier_keys = {{"message.timeout.ms", "1500"}}; }
  void run(Scene& scene) override;
};

// F38: a transaction is left in a state when its coordinator is killed. Nobody asks for it again, and it ends.
class LeftTransaction final : public Fault {
 public:
  enum class At { ongoing, prepare_commit, prepare_abort, partly_marked };
  explicit LeftTransaction(At at) : at_(at) {}
  void run(Scene& scene) override;

 private:
  const At at_;
};

}  // namespace quokka
