#include "integration-tests/faults/clock_rows.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace quokka {
namespace {

// Debian's package libfaketime, where a processor's libraries are.
std::string library() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib", ignored))
    if (const auto path = entry.path() / "faketime/libfaketimeMT.so.1"; std::filesystem::exists(path)) return path.string();
  return "";
}

}  // namespace

std::string ClockJumps::missing() { return library().empty() ? "libfaketime is not installed" : ""; }

// What is kept by time may be deleted by a clock that is ten years ahead: Kafka would do so as well.
void ClockJumps::prepare(SceneOptions& options) { options.topic_keys["retention.ms"] = "-1"; }

void ClockJumps::run(Scene& scene) {
  const int victim = scene.leader();
  const std::string clock = scene.cluster().directory() + "/clock";
  const auto set = [&](const std::string& offset) { std::ofstream(clock) << offset << '\n'; };
  set("+0");
  scene.cluster().stop_broker(victim);
  scene.cluster().start_broker(victim, {}, {{"LD_PRELOAD", library()},
                                            {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
                                            {"FAKETIME_TIMESTAMP_FILE", clock},
                                            {"FAKETIME_NO_CACHE", "1"}});
  scene.cluster().wait_until_ready(victim);
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "the broker with the clock is not in sync");
  const auto registered = scene.znodes().registration(victim);
  const int64_t before = scene.cluster().broker(victim).output().find("2036-") == std::string::npos;
  for (const char* offset : {"+1h", "-1h", "+10y", "-10y"}) {
    set(offset);
    scene.run_on(2000);
    scene.require(scene.workload().wait_for_every_partition(10'000), fmt::format("partitions stop serving when a clock jumps by {}", offset));
  }
  for (int i = 0; i < 10; ++i) {
    set(i % 2 == 0 ? "+1h" : "-1h");
    scene.run_on(200);
  }
  set("+0");
  const auto now = scene.znodes().registration(victim);
  scene.require(registered && now && now->czxid == registered->czxid, "the broker lost its session by the clock");
  if (before) scene.took_effect(fmt::format("the clock of broker {} jumped by hours and years", victim));
}

}  // namespace quokka
