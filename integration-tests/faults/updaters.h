// W5: writers update the keys of two compacted topics, and delete some. One reader follows each topic, another reads it from its start again and again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/faults/compacted_history.h"
#include "integration-tests/faults/side_load.h"

namespace quokka {

struct UpdatersOptions {
  std::string bootstrap;
  uint32_t run = 1;
};

class Updaters final : public SideLoad {
 public:
  static constexpr int32_t partitions = 2, writers = 3;
  static constexpr int delete_retention_ms = 5000, retention_ms = 20'000;
  enum Topic { compacted, limited, topics_end };  // limited: cleanup.policy=compact,delete, with DeleteRecords
  static std::string name(Topic topic) { return topic == compacted ? "latest" : "lately"; }
  // A cleaner that has work all the time, and what it works on.
  static ClientKeys topic_keys(Topic topic);
  static ClientKeys broker_keys();

  // The topics exist. Returns when every writer has been acknowledged something.
  explicit Updaters(const UpdatersOptions& options);
  ~Updaters() override;  // abandons what was not stopped

  // Deletes what comes before the middle of each partition of the limited topic, if its leader answers.
  void delete_records();

  int64_t achieved() const override { return acknowledged_; }
  int64_t achieved_min() const override { return 1000; }
  bool proves_something() const override { return SideLoad::proves_something() && cleaned_; }
  std::string str() const override;
  std::vector<std::string> stop(const History& first) override;
  void read_files(int32_t broker, const std::string& log_directory) override;
  Findings judge(const History& first) const override;

 private:
  class Writer;
  class Reader;

  void abandon();
  void read_end(Topic topic);

  const UpdatersOptions options_;
  std::atomic<bool> enough_updates_{false}, enough_{false}, abandoned_{false};
  std::atomic<bool> cleaned_{false};  // keys whose last word is a tombstone, and the tombstones, are gone from every partition of the compacted topic
  std::atomic<int64_t> acknowledged_{0}, begun_{0}, reads_{0}, deletions_{0}, refused_deletions_{0};
  std::array<CompactedHistory, topics_end> histories_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace quokka
