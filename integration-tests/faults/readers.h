// W4: members of a group read the topic that the first load writes and commit what they have read. They come, go, die, stand still and are cut off.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/faults/group_history.h"
#include "integration-tests/faults/side_load.h"

namespace quokka {

struct ReadersOptions {
  std::string bootstrap, topic;
  int32_t partitions = 8;
  int members = 3;
};

class Readers final : public SideLoad {
 public:
  static constexpr int session_timeout_ms = 6000;
  inline static const std::string group = "readers";

  // Returns when every partition was committed.
  explicit Readers(const ReadersOptions& options);
  ~Readers() override;

  // Returns its number. `instance`: of a static member.
  int add(const std::string& instance = "");
  void leave(int number);  // with a word to the group, unless it is static
  void kill(int number);   // without one
  // It does not poll, and first of all commits when it goes on.
  void stand_still(int number, bool still);
  // Its connections end, and it gets no others.
  void cut_off(int number, bool cut);

  int64_t assignments(int number) const;  // that this member got so far
  int64_t refused() const { return refused_; }  // commits
  // Every partition is committed further than at the call.
  bool wait_for_every_partition(int timeout_ms) const;

  int64_t achieved() const override { return commits_; }
  int64_t achieved_min() const override { return 100; }
  std::string str() const override;
  std::vector<std::string> stop(const History& first) override;
  void read_files(int32_t, const std::string&) override {}
  Findings judge(const History& first) const override { return check_group(history_, first); }

 private:
  class Member;

  void advance(int32_t partition, int64_t offset);
  std::vector<int64_t> offsets() const;

  const ReadersOptions options_;
  std::atomic<int64_t> commits_{0}, refused_{0}, assignments_{0};
  std::vector<std::atomic<int64_t>> offsets_;  // committed, by partition
  std::vector<std::unique_ptr<Member>> members_;
  GroupHistory history_;
};

}  // namespace quokka
