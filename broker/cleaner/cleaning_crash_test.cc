// H63 (KAFKA-12520): the process or the machine dies at any one operation of a cleaning on the disk. Whatever comes back holds exactly the latest value of
// each key, in segments that do not overlap, and can be cleaned again.
#include <set>

#include "broker/cleaner/test_cleaner.h"
#include "protocol/base/schedules.h"

namespace quokka {
namespace {

using testing::CompactedLife;
using testing::compacted;
using testing::KeysAndValues;
using testing::SeededRandom;

// The last: the names as they were at the end are on the device, but of the files only what was synced.
enum class Death { killed, power_lost, power_lost_names_kept };

LogConfig small() {
  LogConfig config = compacted(300);
  config.delete_retention_ms = 0;  // tombstones go with the second cleaning
  return config;
}

// A log with values, tombstones and transactions on the device, once cleaned, and dirty again.
void fill(CompactedLife& life) {
  for (int i = 0; i < 14; ++i) life.put("k" + std::to_string(i % 5), std::to_string(i));
  life.remove("k1");
  life.clean();
  const auto aborted = [](int sequence, const std::string& key) {
    return testing::KeyedBatch{.records = {{key, "aborted"}}, .producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence,
                               .transactional = true};
  };
  life.append(aborted(0, "k9"));
  for (int i = 20; i < 30; ++i) life.put("k" + std::to_string(i % 3 + 2), std::to_string(i));
  life.end_transaction(ProducerId(1), true);
  life.remove("k4");
  life.put("k5", "last");
  life.seal();
}

void expect_sound(CompactedLife& life, const KeysAndValues& wanted, const std::string& where) {
  KeysAndValues found = life.latest();
  found.erase("k9");  // aborted: a reader of committed records is told so
  EXPECT_EQ(found, wanted) << where;
  EXPECT_TRUE(life.names(".cleaned").empty()) << where;
  EXPECT_TRUE(life.names(".swap").empty()) << where;
  EXPECT_TRUE(life.names(".deleted").empty()) << where;
  std::optional<Offset> end;
  for (const SegmentPtr& segment : *life.log().segments()) {
    if (end) {
      EXPECT_GE(segment->base_offset(), *end) << where;
    }
    end = segment->sealed() ? segment->seal()->next_offset : segment->base_offset();
  }
}

// The names of the operations at which it may happen, in order.
std::vector<std::string> die_at(size_t operation, Death death) {
  MemoryDisk disk;
  KeysAndValues wanted;
  std::string where;
  std::vector<std::string> names;
  {
    CompactedLife life(disk, small());
    fill(life);
    wanted = life.latest();
    wanted.erase("k9");
    life.directories.checkpoint_high_watermarks();
    life.directories.flush_all();
    bool dead = false;
    disk.set_fault([&](const MemoryDisk::Operation& each) {
      if (each.name == "read" || each.name == "open" || each.name == "exists" || each.name == "list" || each.name == "forget_cached" || each.name == "writeback")
        return dead;
      if (!dead && names.size() == operation) {
        dead = true;
        where = (death == Death::killed ? "killed at " : "power lost at ") + each.name + " of " + each.path;
      }
      if (!dead) names.push_back(each.name);
      return dead;
    });
    auto cleaning = life.begin_cleaning();
    Result<Cleaning::State> state = Cleaning::State::going_on;
    while (state && *state == Cleaning::State::going_on) state = cleaning->step();
    // The disk of a dead process does nothing any more, so what is done after an error leaves no trace.
    disk.set_fault(nullptr);
    if (death == Death::power_lost_names_kept) {
      EXPECT_TRUE(disk.sync_directory("/a/t-0").ok());
    }
    if (death == Death::killed)
      disk.kill();
    else
      disk.lose_power();
  }
  CompactedLife life(disk, small());
  expect_sound(life, wanted, where);
  life.put("k6", "after");
  wanted["k6"] = "after";
  for (int i = 0; i < 2; ++i) {
    life.clean();
    life.advance(Duration::seconds(120));
    expect_sound(life, wanted, where + ", cleaned again");
    life.put("k6", "after");
  }
  return names;
}

TEST(CleaningCrash, H63NoOperationOfAReplacementIsTheWrongOneToDieAt) {
  for (const Death death : {Death::killed, Death::power_lost, Death::power_lost_names_kept}) {
    std::set<std::string> died_at;
    for (size_t operation = 0; operation < 2000; ++operation) {
      const auto before = die_at(operation, death);
      if (HasFailure()) return;
      if (before.size() < operation) break;  // it came to its end
      if (!before.empty()) died_at.insert(before.back());
    }
    for (const char* name : {"write", "sync", "rename", "sync_directory"}) EXPECT_TRUE(died_at.contains(name)) << name;
  }
}

// Records, tombstones, cleanings, kills and losses of power as they come: the log holds the latest values that are on the device, at least.
TEST(CleaningCrash, ACompactedLogHoldsTheLatestValuesAfterKills) {
  for (uint64_t seed = 1; seed <= testing::schedules(30); ++seed) {
    SeededRandom random(seed);
    MemoryDisk disk;
    KeysAndValues wanted;
    for (int life_number = 0; life_number < 6; ++life_number) {
      {
        CompactedLife life(disk, small());
        ASSERT_EQ(life.latest(), wanted) << "seed " << seed;
        const auto rounds = 1 + random.below(4);
        for (uint64_t round = 0; round < rounds; ++round) {
          const auto records = random.below(40);
          for (uint64_t i = 0; i < records; ++i) {
            const std::string key = "k" + std::to_string(random.below(9));
            if (random.below(5) == 0) {
              life.remove(key);
              wanted.erase(key);
            } else {
              const std::string value = std::to_string(random.next());
              life.put(key, value);
              wanted[key] = value;
            }
          }
          life.seal();
          life.advance(Duration::millis(static_cast<int64_t>(random.below(100'000))));
          auto cleaning = life.begin_cleaning(50 + random.below(400), 100 + random.below(600));
          const auto steps = random.below(60);
          bool done = false;
          for (uint64_t i = 0; i < steps && !done; ++i) {
            auto state = cleaning->step();
            ASSERT_TRUE(state.ok()) << "seed " << seed << ": " << state.error().message;
            done = *state == Cleaning::State::done;
          }
          if (done) life.log().set_first_dirty(cleaning->end());
          if (!done) cleaning->abandon();
          if (done && random.below(2) == 0) {
            ASSERT_TRUE(life.directories.checkpoint_first_dirty(life.partition).ok());
          }
          ASSERT_EQ(life.latest(), wanted) << "seed " << seed;
        }
        life.directories.flush_all();
      }
      if (random.below(2) == 0)
        disk.kill();
      else
        disk.lose_power();
    }
  }
}

}  // namespace
}  // namespace quokka
