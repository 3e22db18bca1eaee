// Plays testdata/*.txt: what the coordinator of transactions does about each command (protocol/base/transcripts.h says how they are written).
#include <gtest/gtest.h>

#include "broker/txn/transaction_core_harness.h"
#include "protocol/base/transcripts.h"

namespace quokka {
namespace {

class Transcript final : public testing::HarnessPlayer<TransactionHarness> {
 private:
  // "1000/2": producer id and epoch.
  static TransactionalProducer producer(const std::string& word) {
    const size_t slash = word.find('/');
    return {ProducerId(std::stol(word.substr(0, slash))), ProducerEpoch(static_cast<int16_t>(std::stoi(word.substr(slash + 1))))};
  }
  static std::set<TopicPartition> partitions(const Words& words, size_t from) {
    std::set<TopicPartition> all;
    for (size_t i = from; i < words.size(); ++i) all.insert(tp(words[i]));
    return all;
  }

  void log_does(const std::string& what) {
    if (what == "commits") {
      harness_.fate = TransactionHarness::Fate::committed;
      harness_.commit_held();
    } else if (what == "holds") {
      harness_.fate = TransactionHarness::Fate::held;
    } else if (what == "refuses") {
      harness_.fate = TransactionHarness::Fate::refused;
    } else if (what == "is-slow") {
      harness_.perform(harness_.core.on_write_slow(harness_.held.front()));
    } else {
      ADD_FAILURE() << "a log does not " << what;
    }
  }

  void run(const std::string& verb, const Words& words) override {
    if (verb == "init") harness_.init(words.at(0), words.size() > 1 ? std::optional(producer(words[1])) : std::nullopt);
    else if (verb == "add") harness_.add(words.at(0), producer(words.at(1)), partitions(words, 2));
    else if (verb == "commit") harness_.end(words.at(0), producer(words.at(1)), true);
    else if (verb == "abort") harness_.end(words.at(0), producer(words.at(1)), false);
    else if (verb == "marker") harness_.write_marker();
    else if (verb == "log") log_does(words.at(0));
    else if (verb == "wait") harness_.advance(std::stol(words.at(0)) * 1000);
    else if (verb == "time-outs") harness_.perform(harness_.core.on_time_out_check(harness_.now));
    else if (verb == "expiry") harness_.perform(harness_.core.on_expiry_check(harness_.now));
    else if (verb == "retry") harness_.perform(harness_.core.on_retry(harness_.now));
    else if (verb == "move") harness_.move(words.at(0) == "whole");
    else if (verb == "verify") {
      for (const ErrorCode error : harness_.core.verify(words.at(0), producer(words.at(1)), {tp(words.at(2))})) harness_.lines.push_back(std::string(name(error)));
    } else ADD_FAILURE() << "no such command: " << verb;
  }
};

TEST(TransactionTranscripts, TheCoreDoesWhatTheySay) { testing::play_transcripts<Transcript>("broker/txn/testdata", 4); }

}  // namespace
}  // namespace quokka
