// The checker is silent on what a correct cluster could do, and finds every anomaly that is put into it.
#include "integration-tests/faults/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

namespace quokka {
namespace {

constexpr int partitions = 3, producers = 4, brokers = 3;

// A history of a cluster that keeps its promises: producers overlap, some sends stay unknown (appended or not), some are refused, consumers read at
// their own pace, followers end at different places.
class CleanHistory {
 public:
  explicit CleanHistory(uint32_t seed) : random_(seed) {
    history_.run = seed;
    for (int i = 0; i < 600; ++i) send();
    for (int consumer = 0; consumer < 2; ++consumer) history_.consumers.push_back(read(below(2) == 0 ? 0.7 : 1.0));
    history_.final_read = read(1.0);
    for (int32_t partition = 0; partition < partitions; ++partition) store(partition);
    history_.controllers = {{1, 1}, {2, 2}, {1, 3}, {1, 3}};
  }
  History& history() { return history_; }

  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  // An acknowledged send, not the first of its partition.
  Send& acknowledged() {
    for (;;) {
      Send& send = history_.sends[static_cast<size_t>(below(static_cast<int>(history_.sends.size())))];
      if (send.outcome == Outcome::acknowledged && send.offset > 0) return send;
    }
  }
  Polled& final_at(int32_t partition, int64_t offset) { return *find(history_.final_read, partition, offset); }
  static Polls::iterator find(Polls& polls, int32_t partition, int64_t offset) {
    return std::find_if(polls.begin(), polls.end(), [&](const Polled& polled) { return polled.partition == partition && polled.offset == offset; });
  }
  void erase_everywhere(int32_t partition, int64_t offset) {
    for (Polls& polls : history_.consumers) std::erase_if(polls, [&](const Polled& polled) { return polled.partition == partition && polled.offset >= offset; });
    std::erase_if(history_.final_read, [&](const Polled& polled) { return polled.partition == partition && polled.offset == offset; });
  }
  ReplicaLog& replica(int32_t broker, int32_t partition) {
    return *std::find_if(history_.replicas.begin(), history_.replicas.end(),
                         [&](const ReplicaLog& log) { return log.broker == broker && log.partition == partition; });
  }

 private:
  void send() {
    now_ += below(1000);
    Send send;
    send.id = {below(producers), static_cast<int64_t>(history_.sends.size())};
    send.partition = below(partitions);
    send.invoked_ns = now_;
    send.completed_ns = now_ + 1 + below(5000);
    const int fate = below(20);
    send.outcome = fate == 0 ? Outcome::failed : fate == 1 ? Outcome::unknown : Outcome::acknowledged;
    if (fate > 1 || (fate == 1 && below(2) == 0)) {
      std::vector<RecordId>& log = logs_[static_cast<size_t>(send.partition)];
      if (send.outcome == Outcome::acknowledged && fate != 2) send.offset = static_cast<int64_t>(log.size());
      log.push_back(send.id);
    }
    history_.sends.push_back(send);
  }

  Polls read(double share) {
    Polls polls;
    std::vector<size_t> at(partitions, 0);
    for (int i = 0; i < 5000; ++i) {
      const auto partition = static_cast<size_t>(below(partitions));
      if (at[partition] >= static_cast<size_t>(static_cast<double>(logs_[partition].size()) * share)) continue;
      const auto number = static_cast<int32_t>(partition);
      polls.push_back({number, static_cast<int64_t>(at[partition]), Payload{history_.run, logs_[partition][at[partition]], number}});
      ++at[partition];
    }
    return polls;
  }

  void store(int32_t partition) {
    const auto size = static_cast<int64_t>(logs_[static_cast<size_t>(partition)].size());
    std::vector<StoredBatch> batches;
    int32_t epoch = 0;
    for (int64_t at = 0; at < size;) {
      const int64_t last = std::min<int64_t>(at + below(5), size - 1);
      if (below(20) == 0) ++epoch;
      batches.push_back({at, last, epoch, true, static_cast<uint32_t>(below(1 << 30))});
      at = last + 1;
    }
    for (int32_t broker = 1; broker <= brokers; ++broker) {
      ReplicaLog log{broker, partition, size, batches};
      // Behind in its checkpoint, and with a tail of its own above it: that is allowed.
      if (broker == 3) {
        log.high_watermark = batches[batches.size() / 2].base_offset;
        log.batches.back().fingerprint ^= 1;
        log.batches.back().crc_valid = false;
      }
      history_.replicas.push_back(log);
    }
  }

  std::mt19937 random_;
  History history_;
  std::vector<RecordId> logs_[partitions];
  int64_t now_ = 0;
};

class HistoryTest : public testing::TestWithParam<uint32_t> {
 protected:
  void expect_only(const std::set<Anomaly>& expected) {
    const Findings findings = check_history(clean_.history());
    for (Anomaly anomaly : all_anomalies)
      EXPECT_EQ(findings.count(anomaly) > 0, expected.contains(anomaly)) << name(anomaly) << '\n' << findings.str();
  }
  History& history() { return clean_.history(); }

  CleanHistory clean_{GetParam()};
};

TEST_P(HistoryTest, ACleanHistoryGivesNothing) {
  const Findings findings = check_history(history());
  EXPECT_TRUE(findings.empty()) << findings.str();
}

TEST_P(HistoryTest, ALostRecordIsFound) {
  const Send& send = clean_.acknowledged();
  // The last of its partition, as after an election of a replica that did not have it.
  int64_t last = 0;
  for (const Send& each : history().sends)
    if (each.partition == send.partition) last = std::max(last, each.offset);
  clean_.erase_everywhere(send.partition, last);
  for (int32_t broker = 1; broker <= brokers; ++broker) {
    ReplicaLog& log = clean_.replica(broker, send.partition);
    while (!log.batches.empty() && log.batches.back().last_offset >= last) log.batches.pop_back();
    log.high_watermark = std::min(log.high_watermark, log.batches.back().last_offset + 1);
  }
  // What was appended behind it and never acknowledged is not missed by anybody.
  std::erase_if(history().final_read, [&](const Polled& polled) { return polled.partition == send.partition && polled.offset > last; });
  expect_only({Anomaly::lost});
}

TEST_P(HistoryTest, ARecordInTheFilesThatNobodyGetsIsFound) {
  int64_t last = 0;
  for (Send& each : history().sends) {
    if (each.partition != 1) continue;
    if (each.offset < 0) each.outcome = Outcome::unknown;  // nobody can say where in the files it would be
    last = std::max(last, each.offset);
  }
  for (Polls& polls : history().consumers) std::erase_if(polls, [&](const Polled& polled) { return polled.partition == 1 && polled.offset >= last; });
  std::erase_if(history().final_read, [&](const Polled& polled) { return polled.partition == 1 && polled.offset >= last; });
  expect_only({Anomaly::undelivered});
}

TEST_P(HistoryTest, AnAcknowledgementWithoutOffsetMustStillBeRead) {
  Send send;
  send.id = {1, 100'000};
  send.partition = 0;
  send.outcome = Outcome::acknowledged;
  send.invoked_ns = send.completed_ns = 1;
  history().sends.push_back(send);
  expect_only({Anomaly::lost});
}

TEST_P(HistoryTest, ADuplicateIsFound) {
  const Polled again = clean_.final_at(0, 5);
  const auto end = std::count_if(history().final_read.begin(), history().final_read.end(), [](const Polled& polled) { return polled.partition == 0; });
  history().final_read.push_back({0, end, again.payload});
  // It is out of order as well: other records of its producer lie between.
  const Findings findings = check_history(history());
  EXPECT_EQ(findings.count(Anomaly::duplicate), 1) << findings.str();
}

TEST_P(HistoryTest, TwoRecordsAtOneOffsetAreFound) {
  Polls& polls = history().consumers[0];
  Polled& read = polls[static_cast<size_t>(clean_.below(static_cast<int>(polls.size())))];
  // One consumer got another record than everybody else.
  Send other;
  other.id = {producers, 1};
  other.partition = read.partition;
  history().sends.push_back(other);
  read.payload->id = other.id;
  expect_only({Anomaly::inconsistent_offset});
}

TEST_P(HistoryTest, AStaleLeaderIsFound) {
  Send* late = &clean_.acknowledged();
  while (late->offset > 50) late = &clean_.acknowledged();  // much comes behind it
  late->invoked_ns = late->completed_ns = std::numeric_limits<int64_t>::max();
  expect_only({Anomaly::reordered});
}

TEST_P(HistoryTest, AProducersRecordsOutOfOrderAreFound) {
  // The ids of two of one producer's records change places.
  for (size_t i = 0; i < history().final_read.size(); ++i)
    for (size_t j = i + 1; j < history().final_read.size(); ++j) {
      Polled &a = history().final_read[i], &b = history().final_read[j];
      if (a.partition != b.partition || a.payload->id.producer != b.payload->id.producer) continue;
      std::swap(a.payload, b.payload);
      EXPECT_GT(check_history(history()).count(Anomaly::reordered), 0);
      return;
    }
}

TEST_P(HistoryTest, PhantomsAreFound) {
  Polled& polled = clean_.final_at(2, 3);
  const Polled whole = polled;
  polled.payload->id.sequence = 1'000'000;  // never sent
  EXPECT_EQ(check_history(history()).count(Anomaly::phantom), 1);
  polled = whole;
  polled.payload->run ^= 1;  // of a topic that was deleted
  EXPECT_EQ(check_history(history()).count(Anomaly::phantom), 1);
  polled = whole;
  polled.payload->partition = 0;
  EXPECT_EQ(check_history(history()).count(Anomaly::phantom), 1);
  polled = whole;
  polled.payload.reset();  // damaged
  EXPECT_EQ(check_history(history()).count(Anomaly::phantom), 1);
  polled = whole;
  for (Send& send : history().sends)
    if (send.id == whole.payload->id) send.outcome = Outcome::failed;  // refused, and there
  EXPECT_GE(check_history(history()).count(Anomaly::phantom), 1);
}

TEST_P(HistoryTest, APollThatPassesARecordIsFound) {
  Polls& polls = history().consumers[1];
  polls.erase(CleanHistory::find(polls, 1, 7));
  expect_only({Anomaly::poll_skip});
}

TEST_P(HistoryTest, AConsumerThatBeginsBehindTheStartIsFound) {
  Polls& polls = history().consumers[1];
  polls.erase(CleanHistory::find(polls, 1, 0));
  expect_only({Anomaly::poll_skip});
  history().log_starts[1] = 1;  // unless the log begins there
  expect_only({});
}

TEST_P(HistoryTest, AConsumerThatGoesBackIsFound) {
  Polls& polls = history().consumers[1];
  const auto at = CleanHistory::find(polls, 1, 7);
  const Polled again = *at;
  polls.insert(at + 1, again);
  expect_only({Anomaly::nonmonotonic_poll});
}

TEST_P(HistoryTest, DivergenceBelowTheHighWatermarkIsFound) {
  ReplicaLog& log = clean_.replica(2, 1);
  const std::vector<StoredBatch> whole = log.batches;
  log.batches[2].fingerprint ^= 1;
  expect_only({Anomaly::divergence});
  log.batches = whole;
  for (int32_t broker = 1; broker <= brokers; ++broker) clean_.replica(broker, 1).batches[2].crc_valid = false;  // alike, and damaged alike
  expect_only({Anomaly::divergence});
}

TEST_P(HistoryTest, AReplicaThatEndsBelowItsHighWatermarkIsFound) {
  ReplicaLog& log = clean_.replica(1, 0);
  log.batches.pop_back();
  expect_only({Anomaly::divergence});
}

TEST_P(HistoryTest, AGapAndAFallingEpochAreFound) {
  for (int32_t broker = 1; broker <= brokers; ++broker) {
    std::vector<StoredBatch>& batches = clean_.replica(broker, 0).batches;
    batches.erase(batches.begin() + 3);
  }
  EXPECT_EQ(check_history(history()).count(Anomaly::divergence), brokers);
  for (int32_t broker = 1; broker <= brokers; ++broker) clean_.replica(broker, 1).batches[0].leader_epoch = 1000;
  EXPECT_EQ(check_history(history()).count(Anomaly::divergence), 2 * brokers);
}

TEST_P(HistoryTest, TwoControllersOfOneEpochAreFound) {
  history().controllers.push_back({3, 2});
  expect_only({Anomaly::two_controllers});
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryTest, testing::Range(1u, 21u));

TEST(PayloadTest, SurvivesARoundTripAndNoDamage) {
  const Payload payload{7, {3, 1'234'567'890'123}, 5};
  std::string text = encode_payload(payload, 100);
  EXPECT_EQ(text.size(), 100u);
  EXPECT_EQ(decode_payload(bytes_of(text)), payload);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_EQ(decode_payload(bytes_of(damaged)), std::nullopt) << i;
  }
  EXPECT_EQ(decode_payload(bytes_of(text.substr(0, 31))), std::nullopt);
}

}  // namespace
}  // namespace quokka
