// For tests: how many random schedules are run. Under sanitizers, where each takes more than ten times as long, a tenth: the release build looks for wrong
// decisions, they for wrong memory.
#pragma once

#include <cstdint>

namespace quokka::testing {

#ifdef QUOKKA_SANITIZED
constexpr uint32_t schedules(uint32_t wanted) { return (wanted + 9) / 10; }
#else
constexpr uint32_t schedules(uint32_t wanted) { return wanted; }
#endif

}  // namespace quokka::testing
