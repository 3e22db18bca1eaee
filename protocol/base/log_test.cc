#include "protocol/base/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "protocol/base/ids.h"
#include "protocol/base/log_capture.h"

namespace quokka {
namespace {

TEST(LogTest, NamesLevelAndFolderAndFormatsIds) {
  LogCapture capture;
  log_info("broker {} leads {} at {}: {}", BrokerId(3), TopicPartition{"t", PartitionIndex(1)}, Offset(7), ErrorCode::NOT_CONTROLLER);
  log_warn("{} of {:.1f} in {}", true, 2.5, std::string("text"));
  EXPECT_EQ(capture.lines(), (std::vector<std::string>{"INFO [base] broker 3 leads t-1 at 7: NOT_CONTROLLER",
                                                       "WARN [base] true of 2.5 in text"}));
}

TEST(LogTest, ControlCharactersCannotForgeALine) {
  LogCapture capture;
  log_warn("client {}", std::string_view("a\n2026-01-01 00:00:00,000 ERROR [net] forged\x1b[31m"));
  EXPECT_EQ(capture.lines(), (std::vector<std::string>{"WARN [base] client a\\n2026-01-01 00:00:00,000 ERROR [net] forged\\x1b[31m"}));
}

TEST(LogTest, LevelsChangeAtRunTimeForAllAndForOne) {
  LogCapture capture(LogLevel::warn);
  log_info("unseen");
  set_log_level("base", LogLevel::debug);
  log_debug("seen");
  set_log_level("base", LogLevel::off);
  log_error("unseen");
  clear_log_level("base");
  set_log_level(LogLevel::info);
  log_info("seen too");
  EXPECT_EQ(capture.lines(), (std::vector<std::string>{"DEBUG [base] seen", "INFO [base] seen too"}));
}

TEST(LogTest, RepeatedLinesAreCountedInsteadOfWritten) {
  LogCapture capture;
  for (int i = 0; i < 5; ++i) {
    if (i == 4) detail::log_pass({__FILE__, 1}, "", Duration::seconds(1));
    log_warn_every(i < 4 ? Duration::seconds(1000) : Duration{}, "again {}", i);
  }
  for (const char* peer : {"a", "b", "a"}) log_warn_every_for(peer, Duration::seconds(1000), "from {}", peer);
  EXPECT_EQ(capture.lines(), (std::vector<std::string>{"WARN [base] again 0", "WARN [base] again 4 (3 more like this were left out)",
                                                       "WARN [base] from a", "WARN [base] from b"}));
}

TEST(LogTest, ReadsLevelNamesOfLog4j) {
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("FATAL"), LogLevel::error);
  EXPECT_EQ(parse_log_level("ALL"), LogLevel::trace);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

TEST(LogTest, FileGetsTimedLinesAndRotates) {
  char directory[] = "/tmp/quokka-log-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  std::string logs = std::string(directory) + "/made/here";
  ASSERT_TRUE(open_log({.directory = logs, .console = false, .level = LogLevel::info, .file_bytes_max = 200, .files_max = 2}).ok());
  for (int i = 0; i < 10; ++i) log_info("line {} of some length to fill the file", i);
  flush_log();
  std::ifstream file(logs + "/server.log");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  for (char& c : line)
    if (c >= '0' && c <= '9') c = '9';
  EXPECT_EQ(line, "9999-99-99 99:99:99,999 INFO [base] line 9 of some length to fill the file");
  EXPECT_TRUE(std::filesystem::exists(logs + "/server.1.log"));
  EXPECT_FALSE(std::filesystem::exists(logs + "/server.3.log"));
  ASSERT_TRUE(open_log({.directory = "", .console = true, .level = LogLevel::warn}).ok());
  std::filesystem::remove_all(directory);
}

TEST(LogTest, DirectoryThatCannotBeMadeIsNamed) {
  Status status = open_log({.directory = "/proc/none/logs"});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("/proc/none/logs"), std::string::npos);
}

}  // namespace
}  // namespace quokka
