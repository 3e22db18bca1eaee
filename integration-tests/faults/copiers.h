// W3: consume, transform, produce. Processes of one group read a topic, copy what they read to another in transactions, and commit their offsets with them;
// some transactions are aborted on purpose. One reader follows what is committed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/faults/side_load.h"
#include "integration-tests/faults/transaction_history.h"

namespace quokka {

struct CopiersOptions {
  std::string bootstrap, input;
  int32_t input_partitions = 8;
  int copiers = 3;
  uint32_t run = 1;
  ClientKeys producer_keys = {};  // over those of every copier
};

class Copiers final : public SideLoad {
 public:
  static constexpr int32_t output_partitions = 4;
  inline static const std::string group = "copiers", output = "copies";

  // The output exists. Returns when each copier has committed.
  explicit Copiers(const CopiersOptions& options);
  ~Copiers() override;  // abandons what was not stopped

  // The transactional id of one of the copiers, from 0.
  static std::string transactional_id(int number) { return "copier-" + std::to_string(number); }
  // One more, which may have the transactional id of another; and its end. Returns its number.
  int add(const std::string& transactional_id);
  void end(int number);

  int64_t committed() const { return committed_; }
  int64_t fenced() const { return fenced_; }    // transactions ended by another producer with their id
  int64_t aborted_by_error() const { return aborted_by_error_; }
  bool wait_for_committed(int64_t more, int timeout_ms) const;

  int64_t achieved() const override { return committed_; }
  int64_t achieved_min() const override { return 30; }
  std::string str() const override;
  std::vector<std::string> stop(const History& first) override;
  void read_files(int32_t broker, const std::string& log_directory) override;
  Findings judge(const History& first) const override { return check_transactions(history_, first); }

 private:
  class Copier;

  void abandon();
  void advance(int32_t partition, int64_t offset);
  bool has_reached(const std::map<int32_t, int64_t>& ends) const;
  std::string where_they_are(const std::map<int32_t, int64_t>& ends) const;

  const CopiersOptions options_;
  std::atomic<int64_t> committed_{0}, fenced_{0}, aborted_by_error_{0}, forgotten_{0};
  std::vector<std::atomic<int64_t>> offsets_;  // of the input: committed or told
  std::atomic<bool> enough_{false}, abandoned_{false};
  std::vector<std::unique_ptr<Copier>> copiers_;
  TransactionHistory history_;
  Polls followed_;
  std::string follower_failure_;
  std::thread follower_;
};

}  // namespace quokka
