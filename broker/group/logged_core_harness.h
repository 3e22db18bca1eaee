// For tests: a coordinator's core with its log, topics that come and go, and time. A harness adds the members, and says what becomes of effects.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "broker/group/fake_topics.h"
#include "broker/group/group_core.h"
#include "broker/group/group_records.h"

namespace quokka {

class LoggedCoreHarness {
 public:
  explicit LoggedCoreHarness(GroupSettings s) : settings(std::move(s)), core(settings, topics) {}
  virtual ~LoggedCoreHarness() = default;

  FakeTopics topics;
  const GroupSettings settings;
  GroupCore core;
  std::vector<StoredGroupRecord> log;
  std::vector<std::string> lines;  // what happens

  virtual void perform(GroupEffects effects) = 0;

  GroupTime now() const { return {{1'000'000 + ms_ * 1000}, {1'700'000'000'000 + ms_}}; }

  // Each timer at its time.
  void wait_ms(int64_t span) {
    const int64_t begin = ms_, end = ms_ + span;
    for (;;) {
      const std::optional<MonoTime> next = core.wake_at();
      if (!next || *next > MonoTime{1'000'000 + end * 1000}) break;
      ms_ = std::max(ms_, (next->us - 1'000'000) / 1000);
      on_timer(ms_ - begin);
    }
    ms_ = end;
  }
  // Another broker takes over and reads the log.
  void move() {
    perform(core.on_unloaded());
    on_moved();
    for (size_t i = 0; i < log.size(); ++i) apply(log[i], i);
    perform(core.on_loaded(now()));
  }

 protected:
  virtual void on_timer(int64_t /*waited_ms*/) { perform(core.on_time(now())); }
  virtual void on_moved() {}

  // As a broker would that reads it.
  void apply(const StoredGroupRecord& record, size_t at) {
    const JournalEntry entry = encode_group_record(record);
    const auto decoded = decode_group_record(entry.key, entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
    ASSERT_TRUE(decoded.ok() && *decoded);
    ASSERT_EQ(**decoded, record);
    core.apply(**decoded, Offset(static_cast<int64_t>(at)), ProducerId(), now());
  }
  void append(const StoredGroupRecord& record) {
    log.push_back(record);
    apply(record, log.size() - 1);
  }

 private:
  int64_t ms_ = 0;
};

}  // namespace quokka
