// How long a group of a hundred members is without an assignment: from the first join until all have one, and until all is settled after one
// member left and after one came. Members are librdkafka's, on a topic of as many partitions.
//
// QUOKKA_BOOTSTRAP names a cluster that runs already, of any broker; else one of three brokers is started. QUOKKA_MEMBERS: another number.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "integration-tests/clients/group_member.h"
#include "integration-tests/cluster/local_cluster.h"

namespace quokka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int settle_timeout_ms = 300'000;

int members_wanted() {
  const char* number = std::getenv("QUOKKA_MEMBERS");
  return number == nullptr ? 100 : std::atoi(number);
}

std::string bootstrap() {
  if (const char* servers = std::getenv("QUOKKA_BOOTSTRAP")) return servers;
  static LocalCluster cluster;
  return cluster.bootstrap();
}

// Every member has something unless there is nothing left for it, and every partition has one owner.
bool settled(const std::deque<std::unique_ptr<GroupMember>>& members, int partitions) {
  std::set<int32_t> given;
  size_t count = 0, idle = 0;
  for (const auto& member : members) {
    const std::set<int32_t> its = member->assignment();
    idle += its.empty() ? 1 : 0;
    count += its.size();
    given.insert(its.begin(), its.end());
  }
  const size_t most = std::max<size_t>(members.size(), static_cast<size_t>(partitions)) - static_cast<size_t>(partitions);
  return count == static_cast<size_t>(partitions) && given.size() == count && idle <= most;
}

double seconds_until_settled(const std::deque<std::unique_ptr<GroupMember>>& members, int partitions, Clock::time_point since) {
  if (!eventually(settle_timeout_ms, [&] { return settled(members, partitions); })) throw std::runtime_error("the group does not settle");
  return std::chrono::duration<double>(Clock::now() - since).count();
}

void settle(benchmark::State& state, const std::string& strategy) {
  const int partitions = members_wanted();
  const std::string servers = bootstrap();
  static int number = 0;
  for (auto _ : state) {
    const std::string name = "bench-" + strategy + "-" + std::to_string(getpid()) + "-" + std::to_string(++number);
    KafkaAdmin(servers).create_topic_and_wait(name, partitions, 3);
    const ClientKeys keys = {{"partition.assignment.strategy", strategy}, {"session.timeout.ms", "45000"}, {"fetch.wait.max.ms", "5000"}};
    std::deque<std::unique_ptr<GroupMember>> members;
    const auto rebalances = [&] {
      int sum = 0;
      for (const auto& member : members) sum += member->rebalances();
      return sum;
    };

    const auto began = Clock::now();
    for (int i = 0; i < partitions; ++i) members.push_back(std::make_unique<GroupMember>(servers, name, name, keys));
    const double all = seconds_until_settled(members, partitions, began);
    state.counters["callbacks_until_all"] = rebalances();

    // The first has settled longest; what it takes to close a client is not the group's affair.
    const auto leaving = Clock::now();
    std::unique_ptr<GroupMember> gone = std::move(members.front());
    members.pop_front();
    std::thread closer([&gone] { gone->leave(); });
    const double left = seconds_until_settled(members, partitions, leaving);
    closer.join();

    const auto joining = Clock::now();
    members.push_back(std::make_unique<GroupMember>(servers, name, name, keys));
    const double joined = seconds_until_settled(members, partitions, joining);

    state.counters["all_s"] = all;
    state.counters["one_left_s"] = left;
    state.counters["one_joined_s"] = joined;
    state.counters["callbacks"] = rebalances();
    state.SetIterationTime(all + left + joined);
    std::vector<std::thread> closers;
    for (const auto& member : members) closers.emplace_back([&member] { member->leave(); });
    for (std::thread& each : closers) each.join();
    KafkaAdmin(servers).delete_topic(name);
  }
}

BENCHMARK_CAPTURE(settle, eager_range, std::string("range"))->Iterations(1)->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(settle, cooperative_sticky, std::string("cooperative-sticky"))->Iterations(1)->UseManualTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace quokka
