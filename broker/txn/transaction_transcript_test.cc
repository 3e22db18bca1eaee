// Plays testdata/*.txt: lines with '>' are commands, those below say what the coordinator does about them. With QUOKKA_WRITE_TRANSCRIPTS=1 in the
// environment the files are written again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "broker/txn/transaction_core_harness.h"

namespace quokka {
namespace {

class Transcript {
 public:
  std::vector<std::string> command(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::vector<std::string> rest;
    for (std::string word; words >> word;) rest.push_back(word);
    on_.lines.clear();
    run(verb, rest);
    return on_.lines;
  }

 private:
  using Words = std::vector<std::string>;

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
      on_.fate = TransactionHarness::Fate::committed;
      on_.commit_held();
    } else if (what == "holds") {
      on_.fate = TransactionHarness::Fate::held;
    } else if (what == "refuses") {
      on_.fate = TransactionHarness::Fate::refused;
    } else if (what == "is-slow") {
      on_.perform(on_.core.on_write_slow(on_.held.front()));
    } else {
      ADD_FAILURE() << "a log does not " << what;
    }
  }

  void run(const std::string& verb, const Words& words) {
    if (verb == "init") on_.init(words.at(0), words.size() > 1 ? std::optional(producer(words[1])) : std::nullopt);
    else if (verb == "add") on_.add(words.at(0), producer(words.at(1)), partitions(words, 2));
    else if (verb == "commit") on_.end(words.at(0), producer(words.at(1)), true);
    else if (verb == "abort") on_.end(words.at(0), producer(words.at(1)), false);
    else if (verb == "marker") on_.write_marker();
    else if (verb == "log") log_does(words.at(0));
    else if (verb == "wait") on_.advance(std::stol(words.at(0)) * 1000);
    else if (verb == "time-outs") on_.perform(on_.core.on_time_out_check(on_.now));
    else if (verb == "expiry") on_.perform(on_.core.on_expiry_check(on_.now));
    else if (verb == "retry") on_.perform(on_.core.on_retry(on_.now));
    else if (verb == "move") on_.move(words.at(0) == "whole");
    else if (verb == "verify") {
      for (const ErrorCode error : on_.core.verify(words.at(0), producer(words.at(1)), {tp(words.at(2))})) on_.lines.push_back(std::string(name(error)));
    } else ADD_FAILURE() << "no such command: " << verb;
  }

  TransactionHarness on_;
};

TEST(TransactionTranscripts, TheCoreDoesWhatTheySay) {
  const bool write = std::getenv("QUOKKA_WRITE_TRANSCRIPTS") != nullptr;
  size_t played = 0;
  for (const auto& entry : std::filesystem::directory_iterator("broker/txn/testdata")) {
    if (entry.path().extension() != ".txt") continue;
    SCOPED_TRACE(entry.path().string());
    ++played;
    std::ifstream file(entry.path());
    std::string expected, actual;
    Transcript transcript;
    for (std::string line; std::getline(file, line);) {
      expected += line + "\n";
      if (line.starts_with("#") || line.empty()) actual += line + "\n";
      if (!line.starts_with("> ")) continue;
      actual += line + "\n";
      for (const std::string& done : transcript.command(line.substr(2))) actual += "  " + done + "\n";
    }
    if (write)
      std::ofstream(entry.path()) << actual;
    else
      EXPECT_EQ(actual, expected);
  }
  EXPECT_GE(played, 4u);
}

}  // namespace
}  // namespace quokka
