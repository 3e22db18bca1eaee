#include "integration-tests/faults/clock_rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iterator>
#include <stdexcept>

#include "integration-tests/faults/preload_path.h"

namespace quokka {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr const char* wall_clock = "wall_clock";
constexpr hours years{10 * 365 * 24};
constexpr seconds jumps[] = {hours(1), hours(-1), years, -years};
constexpr int strobes = 100, strobe_ms = 20;

// How far ahead a broker's wall clock is: the file that preload/wall_clock.cc reads.
class MovedClock {
 public:
  explicit MovedClock(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) { set(seconds(0)); }
  ~MovedClock() { ::close(fd_); }
  MovedClock(const MovedClock&) = delete;
  MovedClock& operator=(const MovedClock&) = delete;

  const std::string& path() const { return path_; }
  void set(nanoseconds ahead) {
    const int64_t ns = ahead.count();
    if (::pwrite(fd_, &ns, sizeof ns, 0) != sizeof ns) throw std::runtime_error("cannot write " + path_);
  }

 private:
  const std::string path_;
  const int fd_;
};

}  // namespace

std::string ClockJumps::missing() { return missing_preload(wall_clock); }

// What is kept by time may be deleted by a clock that is ten years ahead: Kafka would do so as well.
void ClockJumps::prepare(SceneOptions& options) {
  options.topic_keys["retention.ms"] = "-1";
  // The broker comes back with its clock, and leads again.
  options.cluster.keys["leader.imbalance.check.interval.seconds"] = "1";
  options.cluster.keys["leader.imbalance.per.broker.percentage"] = "0";
}

void ClockJumps::run(Scene& scene) {
  const int victim = scene.leader();
  LocalCluster& cluster = scene.cluster();
  MovedClock clock(cluster.directory() + "/clock");
  cluster.stop_broker(victim);
  cluster.start_broker(victim, {}, {{"LD_PRELOAD", preload_path(wall_clock)}, {"WALL_CLOCK", clock.path()}});
  cluster.wait_until_ready(victim);
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "the broker with the clock is not in sync");
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.leader() == victim; }), "the broker with the clock does not lead again");
  const auto registered = scene.znodes().registration(victim);
  const auto told = [&](seconds ahead) {
    return cluster.broker(victim).output().find(fmt::format("fault: the wall clock is ahead by {} s", ahead.count())) != std::string::npos;
  };
  size_t seen = 0;
  for (const seconds ahead : jumps) {
    clock.set(ahead);
    scene.run_on(2000);
    scene.require(scene.workload().wait_for_every_partition(10'000), fmt::format("partitions stop serving when a clock jumps by {} s", ahead.count()));
    if (told(ahead)) ++seen;
  }
  if (seen == std::size(jumps)) scene.took_effect(fmt::format("the wall clock of broker {} jumped {} times", victim, seen));
  for (int i = 0; i < strobes; ++i) {
    clock.set(i % 2 == 0 ? hours(1) : hours(-1));
    scene.run_on(strobe_ms);
  }
  clock.set(seconds(0));
  const auto now = scene.znodes().registration(victim);
  scene.require(registered && now && now->czxid == registered->czxid, "the broker lost its session by the clock");
}

}  // namespace quokka
