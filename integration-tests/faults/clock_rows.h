// F32: the wall clock of one broker jumps while it runs; its monotonic clock does not. By preload/wall_clock.cc.
#pragma once

#include "integration-tests/faults/fault_row.h"

namespace quokka {

class ClockJumps final : public Fault {
 public:
  std::string missing() override;
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;
};

}  // namespace quokka
