// Plays transcripts against a core, for tests: in a text file lines with '>' are commands, those below say what the core does about them. With
// QUOKKA_WRITE_TRANSCRIPTS=1 in the environment the files are written again.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace quokka::testing {

// A fresh Player for each *.txt of the folder. std::vector<std::string> Player::command(verb, words): what was done.
template <class Player>
void play_transcripts(const std::string& folder, size_t files_min) {
  const bool writes = std::getenv("QUOKKA_WRITE_TRANSCRIPTS") != nullptr;
  size_t played = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    SCOPED_TRACE(entry.path().string());
    ++played;
    std::ifstream file(entry.path());
    std::string expected, actual;
    Player player;
    for (std::string line; std::getline(file, line);) {
      expected += line + "\n";
      if (line.starts_with("#") || line.empty()) actual += line + "\n";
      if (!line.starts_with("> ")) continue;
      actual += line + "\n";
      std::istringstream text(line.substr(2));
      std::string verb;
      text >> verb;
      std::vector<std::string> words;
      for (std::string word; text >> word;) words.push_back(word);
      for (const std::string& done : player.command(verb, words)) actual += "  " + done + "\n";
    }
    if (writes) std::ofstream(entry.path()) << actual;
    else EXPECT_EQ(actual, expected);
  }
  EXPECT_GE(played, files_min);
}

// A player whose commands act on a harness that tells in `lines` what happens.
template <class Harness>
class HarnessPlayer {
 public:
  using Words = std::vector<std::string>;

  virtual ~HarnessPlayer() = default;
  Words command(const std::string& verb, const Words& words) {
    harness_.lines.clear();
    run(verb, words);
    return harness_.lines;
  }

 protected:
  virtual void run(const std::string& verb, const Words& words) = 0;

  // "key=value"
  static std::pair<std::string, std::string> pair(const std::string& word) {
    const size_t equals = word.find('=');
    return {word.substr(0, equals), word.substr(equals + 1)};
  }
  // "a,b,c"
  static Words listed(const std::string& word) {
    Words all;
    std::istringstream text(word);
    for (std::string each; std::getline(text, each, ',');) all.push_back(each);
    return all;
  }

  Harness harness_;
};

}  // namespace quokka::testing
