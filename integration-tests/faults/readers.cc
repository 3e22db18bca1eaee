#include "integration-tests/faults/readers.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "integration-tests/clients/group_member.h"
#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/workload.h"

namespace quokka {
namespace {

constexpr int patience_ms = 90'000, commit_interval_ms = 100;

using Positions = std::vector<RdKafka::TopicPartition*>;

// The sockets of one client. Each is held twice, so that its number is not another's when the client has closed it.
class Sockets final : public RdKafka::SocketCb {
 public:
  ~Sockets() override { cut(true); }

  void cut(bool cut) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cut_ = cut;
    for (int held : held_) {
      ::shutdown(held, SHUT_RDWR);
      ::close(held);
    }
    held_.clear();
  }

 private:
  int socket_cb(int domain, int type, int protocol) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cut_) {
      errno = ENETUNREACH;
      return -1;
    }
    const int made = ::socket(domain, type | SOCK_CLOEXEC, protocol);
    if (made >= 0) held_.push_back(::dup(made));
    return made;
  }

  std::mutex mutex_;
  bool cut_ = false;
  std::vector<int> held_;
};

}  // namespace

// On a thread of its own. Its log is the thread's until it is joined.
class Readers::Member final : private RdKafka::RebalanceCb {
 public:
  Member(Readers& owner, int number, const std::string& instance)
      : owner_(owner), name_(instance.empty() ? fmt::format("member {}", number) : instance), instance_(instance) {
    thread_ = std::thread([this] { run(); });
  }
  ~Member() override { end(false); }

  void end(bool with_a_word) {
    with_a_word_ = with_a_word;
    ended_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void stand_still(bool still) { still_ = still; }
  void cut_off(bool cut) { sockets_.cut(cut); }
  int64_t assignments() const { return assignments_; }
  // After end(). Throws what went wrong.
  void add_log(GroupHistory& history) {
    if (!failure_.empty()) throw std::runtime_error(name_ + ": " + failure_);
    history.ownerships.insert(history.ownerships.end(), ownerships_.begin(), ownerships_.end());
    history.offsets.insert(history.offsets.end(), offsets_.begin(), offsets_.end());
    ownerships_.clear();
    offsets_.clear();
  }

 private:
  void run() try {
    ClientKeys keys = {{"session.timeout.ms", std::to_string(session_timeout_ms)}, {"max.poll.interval.ms", std::to_string(session_timeout_ms)},
                       {"socket.timeout.ms", "2000"}, {"check.crcs", "true"}};
    // librdkafka looks for another coordinator when a commit has timed out: before its session ends there, or every death of a coordinator empties the group.
    if (!instance_.empty()) keys["group.instance.id"] = instance_;
    consumer_ = make_group_consumer(owner_.options_.bootstrap, group, with_debug(keys), this, &sockets_);
    if (consumer_->subscribe({owner_.options_.topic}) != RdKafka::ERR_NO_ERROR) throw std::runtime_error("cannot subscribe");
    int64_t committed_ns = monotonic_ns();
    while (!ended_) {
      if (still_) {
        eventually(patience_ms, [&] { return !still_ || ended_; });
        commit();
      }
      const std::unique_ptr<RdKafka::Message> message(consumer_->consume(50));
      if (message->err() == RdKafka::ERR_NO_ERROR) take(*message);
      if (monotonic_ns() - committed_ns < int64_t{commit_interval_ms} * 1'000'000) continue;
      commit();
      committed_ns = monotonic_ns();
    }
    if (with_a_word_) consumer_->close();
    consumer_.reset();
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  void take(RdKafka::Message& message) {
    ownerships_.back().polls.push_back(polled_of(message));
    const auto [next, is_first] = next_.try_emplace(message.partition(), 0);
    // Where it begins is the offset that the group was told.
    if (is_first) offsets_.push_back({message.partition(), message.offset(), assigned_ns_, monotonic_ns()});
    next->second = message.offset() + 1;
    is_dirty_ = true;
  }

  void commit() {
    if (!is_dirty_ || next_.empty()) return;
    const std::map<int32_t, int64_t> next = next_;
    Positions positions;
    for (const auto& [partition, offset] : next) positions.push_back(RdKafka::TopicPartition::create(owner_.options_.topic, partition, offset));
    const int64_t invoked_ns = monotonic_ns();
    const RdKafka::ErrorCode error = consumer_->commitSync(positions);
    const int64_t completed_ns = monotonic_ns();
    bool all = error == RdKafka::ERR_NO_ERROR;
    for (const RdKafka::TopicPartition* each : positions) {
      if (error != RdKafka::ERR_NO_ERROR || each->err() != RdKafka::ERR_NO_ERROR) {
        all = false;
        continue;
      }
      offsets_.push_back({each->partition(), each->offset(), invoked_ns, completed_ns});
      owner_.advance(each->partition(), each->offset());
    }
    RdKafka::TopicPartition::destroy(positions);
    ++(all ? owner_.commits_ : owner_.refused_);
    is_dirty_ = is_dirty_ && !all;
  }

  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode error, Positions& partitions) override {
    if (error != RdKafka::ERR__ASSIGN_PARTITIONS) {
      if (!consumer->assignment_lost()) commit();
      next_.clear();
      is_dirty_ = false;
      consumer->unassign();
      return;
    }
    assigned_ns_ = monotonic_ns();
    next_.clear();
    is_dirty_ = false;
    Ownership ownership{name_, generation_of(*consumer), {}, {}};
    for (const RdKafka::TopicPartition* each : partitions) ownership.partitions.insert(each->partition());
    // Put out of the group since, it owns nothing that counts.
    if (ownership.generation < 0) ownership.partitions.clear();
    ownerships_.push_back(ownership);
    consumer->assign(partitions);
    ++assignments_;
    ++owner_.assignments_;
  }

  Readers& owner_;
  const std::string name_, instance_;
  std::atomic<bool> ended_{false}, with_a_word_{false}, still_{false};
  std::atomic<int64_t> assignments_{0};
  Sockets sockets_;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer_;
  std::vector<Ownership> ownerships_;
  std::vector<GroupOffset> offsets_;
  std::map<int32_t, int64_t> next_;  // of this ownership, what was read
  bool is_dirty_ = false;            // not all of it is committed
  int64_t assigned_ns_ = 0;
  std::string failure_;
  std::thread thread_;
};

Readers::Readers(const ReadersOptions& options) : options_(options), offsets_(static_cast<size_t>(options.partitions)) {
  for (int i = 0; i < options_.members; ++i) add();
  if (!wait_for_every_partition(patience_ms)) throw std::runtime_error("the group does not begin: some partitions are not committed");
}

Readers::~Readers() {
  for (const auto& member : members_) member->cut_off(false);
}

int Readers::add(const std::string& instance) {
  const int number = static_cast<int>(members_.size());
  members_.push_back(std::make_unique<Member>(*this, number, instance));
  return number;
}

void Readers::leave(int number) { members_.at(static_cast<size_t>(number))->end(true); }
void Readers::kill(int number) { members_.at(static_cast<size_t>(number))->end(false); }
void Readers::stand_still(int number, bool still) { members_.at(static_cast<size_t>(number))->stand_still(still); }
void Readers::cut_off(int number, bool cut) { members_.at(static_cast<size_t>(number))->cut_off(cut); }
int64_t Readers::assignments(int number) const { return members_.at(static_cast<size_t>(number))->assignments(); }

std::vector<int64_t> Readers::offsets() const { return {offsets_.begin(), offsets_.end()}; }

bool Readers::wait_for_every_partition(int timeout_ms) const {
  const std::vector<int64_t> before = offsets();
  return eventually(timeout_ms, [&] {
    for (size_t i = 0; i < before.size(); ++i)
      if (offsets_[i] <= before[i]) return false;
    return true;
  });
}

void Readers::advance(int32_t partition, int64_t offset) {
  std::atomic<int64_t>& known = offsets_[static_cast<size_t>(partition)];
  for (int64_t before = known; before < offset && !known.compare_exchange_weak(before, offset);) {
  }
}

std::string Readers::str() const {
  return fmt::format("{} commits, {} refused or not answered; {} assignments to {} members", commits_.load(), refused_.load(), assignments_.load(), members_.size());
}

std::vector<std::string> Readers::stop(const History& first) {
  std::vector<std::string> problems;
  std::vector<int64_t> ends(offsets_.size(), 0);
  for (const Polled& polled : first.final_read) {
    int64_t& end = ends[static_cast<size_t>(polled.partition)];
    end = std::max(end, polled.offset + 1);
  }
  const auto committed_in_all = [&] { return std::accumulate(offsets_.begin(), offsets_.end(), int64_t{0}); };
  const bool all = eventually_while_rising(patience_ms, committed_in_all, [&] {
    for (size_t i = 0; i < ends.size(); ++i)
      if (offsets_[i] < ends[i]) return false;
    return true;
  });
  if (!all) problems.push_back("the group does not commit all there is");
  const std::map<int32_t, int64_t> committed = committed_offsets(options_.bootstrap, group, options_.topic, options_.partitions);
  const int64_t now = monotonic_ns();
  for (const auto& [partition, offset] : committed) history_.offsets.push_back({partition, offset, now, now + 1});
  for (const auto& member : members_) {
    member->end(true);
    member->add_log(history_);
  }
  return problems;
}

}  // namespace quokka
