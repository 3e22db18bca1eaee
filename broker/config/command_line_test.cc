#include "broker/config/command_line.h"

#include <gtest/gtest.h>

#include <map>

namespace quokka {
namespace {

TEST(CommandLineTest, FileAndOverridesInAnyForm) {
  Result<CommandLine> line = parse_command_line({"server.properties", "--override", "a=1", "--override=b=x=y", "-override", "c="});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->properties_path, "server.properties");
  EXPECT_EQ(line->overrides, (std::vector<std::string>{"a=1", "b=x=y", "c="}));
}

TEST(CommandLineTest, MistakesAreSaidInOneLineWithTheUsage) {
  for (std::vector<std::string> wrong : {std::vector<std::string>{}, {"a", "b"}, {"a", "--overide", "x=1"}, {"a", "--override"}}) {
    Result<CommandLine> line = parse_command_line(wrong);
    ASSERT_FALSE(line.ok());
    EXPECT_NE(line.error().message.find("USAGE"), std::string::npos);
    EXPECT_EQ(line.error().message.find('\n'), std::string::npos);
  }
  EXPECT_TRUE(parse_command_line({"--version"})->version);
  EXPECT_TRUE(parse_command_line({"--help"})->help);
}

std::map<std::string, std::string> variables;
const char* lookup(const char* name) {
  auto at = variables.find(name);
  return at == variables.end() ? nullptr : at->second.c_str();
}

TEST(CommandLineTest, EnvironmentSaysWhereLinesGo) {
  variables = {};
  EXPECT_TRUE(read_environment(lookup)->log.console);
  EXPECT_EQ(read_environment(lookup)->ignored, "");
  variables = {{"LOG_DIR", "/l"}, {"QUOKKA_LOG_CONSOLE", "no"}, {"QUOKKA_LOG_LEVEL", "debug"}, {"KAFKA_HEAP_OPTS", "-Xmx1G"}, {"JMX_PORT", "9"}};
  Result<StartEnvironment> environment = read_environment(lookup);
  ASSERT_TRUE(environment.ok());
  EXPECT_EQ(environment->log.directory, "/l");
  EXPECT_FALSE(environment->log.console);
  EXPECT_EQ(environment->log.level, LogLevel::debug);
  EXPECT_EQ(environment->ignored, "KAFKA_HEAP_OPTS, JMX_PORT");
  variables = {{"QUOKKA_LOG_LEVEL", "loud"}};
  EXPECT_FALSE(read_environment(lookup).ok());
}

}  // namespace
}  // namespace quokka
