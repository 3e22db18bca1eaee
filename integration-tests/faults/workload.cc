#include "integration-tests/faults/workload.h"

#include <fmt/format.h>
#include <time.h>

#include <random>
#include <stdexcept>

#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/recorded_producer.h"

namespace quokka {
namespace {

constexpr const char* socket_timeout_ms = "5000";
constexpr int final_read_timeout_ms = 60'000;

ClientKeys keys_of(const WorkloadOptions& options) {
  ClientKeys keys = durable_producer_keys();
  if (options.durability == Durability::all) return keys;
  keys["acks"] = "1";
  keys["enable.idempotence"] = "false";
  return keys;
}

}  // namespace

ClientKeys durable_producer_keys() {
  return {{"message.timeout.ms", "90000"}, {"socket.timeout.ms", socket_timeout_ms}, {"linger.ms", "5"}, {"acks", "all"}, {"enable.idempotence", "true"}};
}

int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool eventually_while_rising(int timeout_ms, const std::function<int64_t()>& progress, const std::function<bool()>& done) {
  while (!done()) {
    const int64_t before = progress();
    if (!eventually(timeout_ms, [&] { return done() || progress() > before; })) return false;
  }
  return true;
}

Polled polled_of(RdKafka::Message& message) {
  const Bytes bytes(static_cast<const uint8_t*>(message.payload()), message.payload() ? message.len() : 0);
  return {message.partition(), message.offset(), decode_payload(bytes), monotonic_ns()};
}

ClientKeys with_debug(ClientKeys keys) {
  if (const char* debug = ::getenv("QUOKKA_CLIENT_DEBUG")) keys["debug"] = debug;
  return keys;
}

void Acknowledgements::add(int32_t partition, int64_t now_ns) {
  ++count_;
  const int64_t before = last_ns_[static_cast<size_t>(partition)].exchange(now_ns);
  if (before == 0) return;
  int64_t longest = longest_gap_ns_;
  while (now_ns - before > longest && !longest_gap_ns_.compare_exchange_weak(longest, now_ns - before)) {
  }
}

// One producer on a thread of its own. Its log is the thread's until it is joined.
class Workload::Producer {
 public:
  Producer(Workload& owner, int32_t number) : owner_(owner), number_(number), random_(owner.options_.run * 1000 + static_cast<uint32_t>(number)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Producer() {
    if (thread_.joinable()) thread_.join();
  }

  std::vector<Send> take_log() {
    thread_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    return std::move(producer_->sends());
  }

 private:
  void run() try {
    const WorkloadOptions& options = owner_.options_;
    producer_ = std::make_unique<RecordedProducer>(RecordedProducer::Options{options.bootstrap, keys_of(options), options.run, number_, options.record_bytes},
                                                   [this](const Send& send) { owner_.acknowledgements_.add(send.partition, send.completed_ns); });
    const int64_t begin = monotonic_ns();
    while (!owner_.enough_) {
      // As many as are due by now, so that a stall does not make the run smaller.
      const int64_t due = (monotonic_ns() - begin) * options.records_per_s / 1'000'000'000;
      while (static_cast<int64_t>(producer_->sends().size()) < due && !owner_.enough_ && send()) {
      }
      producer_->poll(5);
    }
    producer_->finish(owner_.abandoned_ ? 0 : flush_timeout_ms);
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  bool send() { return producer_->send({owner_.options_.topic, std::uniform_int_distribution(0, owner_.options_.partitions - 1)(random_), {}, false}); }

  Workload& owner_;
  const int32_t number_;
  std::mt19937 random_;
  std::unique_ptr<RecordedProducer> producer_;
  std::string failure_;
  std::thread thread_;
};

// A consumer of all partitions from their beginnings, on a thread of its own.
class Workload::Consumer {
 public:
  explicit Consumer(Workload& owner) : owner_(owner), thread_([this] { run(); }) {}
  ~Consumer() {
    if (thread_.joinable()) thread_.join();
  }

  Polls take_log() {
    thread_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    return std::move(polls_);
  }

 private:
  void run() try {
    const WorkloadOptions& options = owner_.options_;
    follow_topic(options.bootstrap, options.topic, options.partitions, with_debug({{"socket.timeout.ms", socket_timeout_ms}, {"check.crcs", "true"}}), owner_.enough_,
                 [this](RdKafka::Message& message) { polls_.push_back(polled_of(message)); });
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  Workload& owner_;
  Polls polls_;
  std::string failure_;
  std::thread thread_;
};

Workload::Workload(const WorkloadOptions& options) : options_(options), acknowledgements_(options.partitions) {
  for (int32_t i = 0; i < options_.producers; ++i) producers_.push_back(std::make_unique<Producer>(*this, i));
  consumer_ = std::make_unique<Consumer>(*this);
}

Workload::~Workload() {
  abandoned_ = true;
  enough_ = true;
}

bool Workload::wait_for_every_partition(int timeout_ms) const {
  const int64_t begin = monotonic_ns();
  return eventually(timeout_ms, [&] {
    for (int32_t partition = 0; partition < options_.partitions; ++partition)
      if (acknowledgements_.last_ns(partition) <= begin) return false;
    return true;
  });
}

bool Workload::wait_for_acknowledged(int64_t count, int timeout_ms) const {
  return eventually_while_rising(timeout_ms, [&] { return acknowledgements_.count(); }, [&] { return acknowledgements_.count() >= count; });
}

History Workload::stop() {
  enough_ = true;
  History history;
  history.run = options_.run;
  for (const auto& producer : producers_) {
    std::vector<Send> sends = producer->take_log();
    history.sends.insert(history.sends.end(), sends.begin(), sends.end());
  }
  history.consumers.push_back(consumer_->take_log());
  read_topic(options_.bootstrap, options_.topic, options_.partitions, RdKafka::Topic::OFFSET_BEGINNING,
             [&](RdKafka::Message& message) { history.final_read.push_back(polled_of(message)); }, {{"check.crcs", "true"}}, final_read_timeout_ms);
  return history;
}

}  // namespace quokka
