#include "integration-tests/faults/copiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <stdexcept>

#include "integration-tests/clients/group_member.h"
#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/replica_files.h"
#include "integration-tests/faults/workload.h"

namespace quokka {
namespace {

constexpr int call_timeout_ms = 5000, patience_ms = 90'000, copies_max = 20;
constexpr size_t copy_bytes = 64;
// Much shorter than the patience with the copiers. Who waits for an answer about its transaction does not hold its partitions, nor the group when members come
// or go; and a transaction that is left open does not hold the offsets that it was to commit.
constexpr const char *poll_interval_ms = "20000", *transaction_timeout_ms = "20000";

using Positions = std::vector<RdKafka::TopicPartition*>;

}  // namespace

// One process: a transactional producer and a member of the group, on a thread of its own. Its log is the thread's until it is joined.
class Copiers::Copier final : private RdKafka::DeliveryReportCb, private RdKafka::RebalanceCb {
 public:
  Copier(Copiers& owner, int number, std::string transactional_id)
      : owner_(owner), number_(number), transactional_id_(std::move(transactional_id)), random_(owner.options_.run * 1000 + static_cast<uint32_t>(number)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Copier() override { end(); }

  int64_t committed() const { return committed_; }
  std::string str() const {
    if (ended_) return fmt::format("copier {} has ended", number_);
    return fmt::format("copier {}: {} transactions committed, {} partitions, waits for {}", number_, committed_.load(), partitions_held_.load(), asks_for_.load());
  }
  void end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After end(). Throws what went wrong.
  void add_log(TransactionHistory& history) {
    if (!failure_.empty()) throw std::runtime_error(transactional_id_ + ": " + failure_);
    history.transactions.insert(history.transactions.end(), std::make_move_iterator(transactions_.begin()), std::make_move_iterator(transactions_.end()));
    history.told.insert(history.told.end(), told_.begin(), told_.end());
  }

 private:
  enum class Answer { done, abort, dead };

  bool is_over() const { return ended_ || owner_.enough_; }
  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }

  void run() try {
    open_consumer();
    while (!is_over()) {
      if (!producer_ && !open_producer()) continue;
      if (is_stale_ && !assigned_.empty() && !rewind()) continue;
      if (transaction() == Answer::dead) close_producer();
    }
    producer_.reset();
    consumer_->close();
  } catch (const std::exception& problem) {
    failure_ = problem.what();
  }

  void open_consumer() {
    consumer_ = make_group_consumer(owner_.options_.bootstrap, group,
                                    with_debug({{"isolation.level", "read_committed"}, {"socket.timeout.ms", "5000"}, {"check.crcs", "true"},
                                                {"max.poll.interval.ms", poll_interval_ms}}), this);
    if (consumer_->subscribe({owner_.options_.input}) != RdKafka::ERR_NO_ERROR) throw std::runtime_error("cannot subscribe");
  }

  // Ends what a producer with this id left open, and fences it.
  bool open_producer() {
    ClientKeys keys = {{"transactional.id", transactional_id_}, {"linger.ms", "2"}, {"socket.timeout.ms", "5000"}, {"transaction.timeout.ms", transaction_timeout_ms}};
    for (const auto& [key, value] : owner_.options_.producer_keys) keys[key] = value;
    producer_ = make_producer(owner_.options_.bootstrap, with_debug(keys), *this);
    is_stale_ = true;
    if (ask("init_transactions", [&] { return producer_->init_transactions(call_timeout_ms); }) == Answer::done) return true;
    close_producer();
    return false;
  }

  // Who was fenced waits before it takes its id back, or nobody of the two would get anything done.
  void close_producer() {
    std::string words;
    const bool fenced = producer_->fatal_error(words) == RdKafka::ERR__FENCED;
    producer_.reset();
    if (!fenced) return;
    ++owner_.fenced_;
    eventually(below(1500), [&] { return is_over(); });
  }

  // Goes on where the group does: what was read and not committed is read again.
  bool rewind() {
    const int64_t invoked_ns = monotonic_ns();
    Positions positions;
    for (int32_t partition : assigned_) positions.push_back(RdKafka::TopicPartition::create(owner_.options_.input, partition));
    bool done = consumer_->committed(positions, call_timeout_ms) == RdKafka::ERR_NO_ERROR;
    for (RdKafka::TopicPartition* each : positions) {
      done = done && each->err() == RdKafka::ERR_NO_ERROR;
      if (!done) break;
      each->set_offset(std::max<int64_t>(each->offset(), 0));
      told_.push_back({each->partition(), each->offset(), invoked_ns, monotonic_ns()});
      owner_.advance(each->partition(), each->offset());
      next_[each->partition()] = each->offset();
      done = consumer_->seek(*each, call_timeout_ms) == RdKafka::ERR_NO_ERROR;
    }
    RdKafka::TopicPartition::destroy(positions);
    is_stale_ = !done;
    if (done) return true;
    const std::unique_ptr<RdKafka::Message> message(consumer_->consume(20));  // serves a rebalance that may be the reason
    return false;
  }

  // Begun with the first record; ends with the outcome in the log.
  Answer transaction() {
    transactions_.emplace_back();
    Answer answer = copy();
    Transaction& transaction = transactions_.back();
    if (transaction.copies.empty()) {
      transactions_.pop_back();
      return answer;
    }
    if (answer == Answer::done && below(8) == 0) answer = Answer::abort;  // on purpose, without offsets
    if (answer == Answer::done) answer = send_offsets();
    if (answer == Answer::done && below(16) == 0) answer = Answer::abort;  // on purpose, with them
    if (answer == Answer::done) answer = commit();
    if (answer == Answer::done) return answer;
    is_stale_ = true;
    if (answer == Answer::dead) {
      look_for_forgotten(transaction);
      return answer;
    }
    if (below(2) == 0) producer_->flush(1000);  // else some are never sent
    answer = ask("abort_transaction", [&] { return producer_->abort_transaction(call_timeout_ms); });
    // What was to be committed and is aborted instead is aborted: the coordinator decides once.
    if (answer == Answer::done)
      transaction.outcome = Outcome::failed;
    else
      look_for_forgotten(transaction);
    return answer == Answer::done ? answer : Answer::dead;
  }

  // A record of it was acknowledged: a coordinator that knows of no transaction has forgotten one. Of an abort whose partitions it never heard of that is
  // the right answer, after which librdkafka gives the producer up.
  void look_for_forgotten(const Transaction& transaction) {
    const bool known = std::any_of(transaction.copies.begin(), transaction.copies.end(), [](const Copy& copy) { return copy.send.outcome == Outcome::acknowledged; });
    if (known && last_error_ == RdKafka::ERR_INVALID_TXN_STATE) ++owner_.forgotten_;
  }

  Answer copy() {
    Transaction& transaction = transactions_.back();
    while (static_cast<int>(transaction.copies.size()) < copies_max && !is_over()) {
      const std::unique_ptr<RdKafka::Message> message(consumer_->consume(50));
      producer_->poll(0);
      const bool is_begun = !transaction.copies.empty();
      if (is_stale_) return is_begun ? Answer::abort : Answer::done;  // partitions came or went
      if (message->err() != RdKafka::ERR_NO_ERROR) return Answer::done;
      int64_t& next = next_[message->partition()];
      if (message->offset() != next) {
        is_stale_ = true;
        return is_begun ? Answer::abort : Answer::done;
      }
      if (!is_begun && ask("begin_transaction", [&] { return producer_->begin_transaction(); }) != Answer::done) return Answer::dead;
      if (const Answer answer = send(*message); answer != Answer::done) return answer;
      ++next;
      transaction.offsets[message->partition()] = next;
    }
    return Answer::done;
  }

  Answer send(const RdKafka::Message& message) {
    Copy copy;
    copy.source_partition = message.partition();
    copy.source_offset = message.offset();
    copy.send.id = {number_, sequence_++};
    copy.send.partition = message.partition() % output_partitions;
    copy.send.invoked_ns = monotonic_ns();
    copy.send.completed_ns = Transaction::never;
    transactions_.back().copies.push_back(copy);
    std::string text = encode_payload({owner_.options_.run, copy.send.id, copy.send.partition}, copy_bytes);
    const RdKafka::ErrorCode error = producer_->produce(output, copy.send.partition, RdKafka::Producer::RK_MSG_COPY, text.data(), text.size(), nullptr, 0, 0,
                                                        reinterpret_cast<void*>(static_cast<intptr_t>(copy.send.id.sequence)));
    if (error == RdKafka::ERR_NO_ERROR) return Answer::done;
    return error == RdKafka::ERR__FATAL || error == RdKafka::ERR__FENCED ? Answer::dead : Answer::abort;
  }

  void dr_cb(RdKafka::Message& message) override {
    if (message.err() != RdKafka::ERR_NO_ERROR || transactions_.empty() || transactions_.back().copies.empty()) return;
    std::vector<Copy>& copies = transactions_.back().copies;
    const int64_t index = static_cast<int64_t>(reinterpret_cast<intptr_t>(message.msg_opaque())) - copies.front().send.id.sequence;
    if (index < 0 || index >= static_cast<int64_t>(copies.size())) return;  // of a transaction that was given up
    Send& send = copies[static_cast<size_t>(index)].send;
    send.completed_ns = monotonic_ns();
    send.offset = message.offset();
    send.outcome = Outcome::acknowledged;
  }

  // As the member of the generation that gave it what it read: one that was given to another since is refused.
  Answer send_offsets() {
    Positions positions;
    for (const auto& [partition, offset] : transactions_.back().offsets) positions.push_back(RdKafka::TopicPartition::create(owner_.options_.input, partition, offset));
    const Answer answer = ask("send_offsets_to_transaction", [&] { return producer_->send_offsets_to_transaction(positions, membership_.get(), call_timeout_ms); });
    RdKafka::TopicPartition::destroy(positions);
    return answer;
  }

  Answer commit() {
    Transaction& transaction = transactions_.back();
    transaction.commit_invoked_ns = monotonic_ns();
    transaction.outcome = Outcome::unknown;
    const Answer answer = ask("commit_transaction", [&] { return producer_->commit_transaction(call_timeout_ms); });
    if (answer != Answer::done) return answer;
    transaction.outcome = Outcome::acknowledged;
    transaction.completed_ns = monotonic_ns();
    for (const auto& [partition, offset] : transaction.offsets) owner_.advance(partition, offset);
    ++owner_.committed_;
    ++committed_;
    return answer;
  }

  // Again while the client says so.
  Answer ask(const char* what, const std::function<RdKafka::Error*()>& call) {
    asks_for_ = what;
    const Answer answer = ask(call);
    asks_for_ = "nothing";
    return answer;
  }
  Answer ask(const std::function<RdKafka::Error*()>& call) {
    last_error_ = RdKafka::ERR_NO_ERROR;
    const int64_t deadline = monotonic_ns() + int64_t{patience_ms} * 1'000'000;
    for (;;) {
      const std::unique_ptr<RdKafka::Error> error(call());
      if (!error) return Answer::done;
      if (error->is_retriable() && monotonic_ns() < deadline && !owner_.abandoned_) continue;
      std::string words;
      last_error_ = error->is_fatal() ? producer_->fatal_error(words) : error->code();
      if (error->txn_requires_abort()) {
        ++owner_.aborted_by_error_;
        return Answer::abort;
      }
      return Answer::dead;
    }
  }

  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode error, Positions& partitions) override {
    is_stale_ = true;
    assigned_.clear();
    partitions_held_ = 0;
    next_.clear();
    membership_.reset();
    if (error != RdKafka::ERR__ASSIGN_PARTITIONS) {
      consumer->unassign();
      return;
    }
    membership_.reset(consumer->groupMetadata());
    // It was put out of the group since: it will be told so.
    const bool is_member = generation_of(*consumer) >= 0;
    consumer->assign(partitions);
    for (const RdKafka::TopicPartition* each : partitions)
      if (is_member) assigned_.push_back(each->partition());
    partitions_held_ = static_cast<int>(assigned_.size());
  }

  Copiers& owner_;
  const int32_t number_;
  const std::string transactional_id_;
  std::mt19937 random_;
  std::deque<Transaction> transactions_;
  std::vector<GroupOffset> told_;
  int64_t sequence_ = 0;
  std::atomic<int64_t> committed_{0};
  std::atomic<bool> ended_{false};
  std::atomic<int> partitions_held_{0};
  std::atomic<const char*> asks_for_{"nothing"};  // of its producer, which has not answered
  std::unique_ptr<RdKafka::Producer> producer_;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer_;
  std::unique_ptr<RdKafka::ConsumerGroupMetadata> membership_;
  std::vector<int32_t> assigned_;
  std::map<int32_t, int64_t> next_;  // input partition -> the offset that is read next
  bool is_stale_ = true;             // positions are not those of the group
  RdKafka::ErrorCode last_error_ = RdKafka::ERR_NO_ERROR;
  std::string failure_;
  std::thread thread_;
};

Copiers::Copiers(const CopiersOptions& options) : options_(options), offsets_(static_cast<size_t>(options.input_partitions)) {
  for (int i = 0; i < options_.copiers; ++i) add(transactional_id(i));
  follower_ = std::thread([this] {
    try {
      follow_topic(options_.bootstrap, output, output_partitions, with_debug({{"isolation.level", "read_committed"}, {"check.crcs", "true"}, {"socket.timeout.ms", "5000"}}), enough_,
                   [this](RdKafka::Message& message) { followed_.push_back(polled_of(message)); });
    } catch (const std::exception& problem) {
      follower_failure_ = problem.what();
    }
  });
  const bool begun = eventually(patience_ms, [&] {
    return std::all_of(copiers_.begin(), copiers_.end(), [](const auto& each) { return each->committed() > 0; });
  });
  if (begun) return;
  abandon();
  throw std::runtime_error("the copiers do not begin: some commit nothing");
}

Copiers::~Copiers() { abandon(); }

void Copiers::abandon() {
  abandoned_ = true;
  enough_ = true;
  if (follower_.joinable()) follower_.join();
}

int Copiers::add(const std::string& transactional_id) {
  const int number = static_cast<int>(copiers_.size());
  copiers_.push_back(std::make_unique<Copier>(*this, number, transactional_id));
  return number;
}

void Copiers::end(int number) { copiers_.at(static_cast<size_t>(number))->end(); }

bool Copiers::wait_for_committed(int64_t more, int timeout_ms) const {
  const int64_t wanted = committed_ + more;
  return eventually(timeout_ms, [&] { return committed_ >= wanted; });
}

void Copiers::advance(int32_t partition, int64_t offset) {
  std::atomic<int64_t>& known = offsets_[static_cast<size_t>(partition)];
  for (int64_t before = known; before < offset && !known.compare_exchange_weak(before, offset);) {
  }
}

bool Copiers::has_reached(const std::map<int32_t, int64_t>& ends) const {
  return std::all_of(ends.begin(), ends.end(), [&](const auto& end) { return offsets_[static_cast<size_t>(end.first)] >= end.second; });
}

std::string Copiers::where_they_are(const std::map<int32_t, int64_t>& ends) const {
  std::string words;
  for (const auto& [partition, end] : ends)
    if (const int64_t offset = offsets_[static_cast<size_t>(partition)]; offset < end) words += fmt::format("{}{} at {} of {}", words.empty() ? "" : ", ", partition, offset, end);
  for (const auto& copier : copiers_) words += "; " + copier->str();
  return words;
}

std::string Copiers::str() const {
  return fmt::format("{} transactions committed, {} aborted for an error, {} fenced", committed_.load(), aborted_by_error_.load(), fenced_.load());
}

std::vector<std::string> Copiers::stop(const History& first) {
  std::vector<std::string> problems;
  std::map<int32_t, int64_t> ends;
  for (const Polled& polled : first.final_read) ends[polled.partition] = std::max(ends[polled.partition], polled.offset + 1);
  const bool reached = eventually_while_rising(patience_ms, [&] { return committed_.load(); }, [&] { return has_reached(ends); });
  if (!reached) problems.push_back("the copiers do not come to the end of their input: " + where_they_are(ends));
  if (forgotten_ > 0) problems.push_back(fmt::format("{} transactions with acknowledged records could not be ended: INVALID_TXN_STATE", forgotten_.load()));
  enough_ = true;
  for (const auto& copier : copiers_) {
    copier->end();
    copier->add_log(history_);
  }
  follower_.join();
  if (!follower_failure_.empty()) problems.push_back(follower_failure_);
  history_.output.run = options_.run;
  history_.output.consumers.push_back(std::move(followed_));
  read_topic(options_.bootstrap, output, output_partitions, RdKafka::Topic::OFFSET_BEGINNING,
             [&](RdKafka::Message& message) { history_.output.final_read.push_back(polled_of(message)); }, {{"check.crcs", "true"}, {"isolation.level", "read_committed"}},
             patience_ms);
  history_.group_offsets = committed_offsets(options_.bootstrap, group, options_.input, options_.input_partitions);
  return problems;
}

void Copiers::read_files(int32_t broker, const std::string& log_directory) {
  for (ReplicaLog& log : read_replica_logs(broker, log_directory, output)) history_.output.replicas.push_back(std::move(log));
}

}  // namespace quokka
