// What a broker is started with besides its properties file: arguments and environment variables.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/result.h"

namespace quokka {

struct CommandLine {
  bool help = false;
  bool version = false;
  std::string properties_path;
  std::vector<std::string> overrides;  // key=value
};

std::string command_line_usage();

// `server.properties [--override key=value]...`, as Kafka's. INVALID_CONFIG says what is wrong in one line.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

struct StartEnvironment {
  LogSettings log;  // a file in LOG_DIR if that is set; the console unless QUOKKA_LOG_CONSOLE=no; the level in QUOKKA_LOG_LEVEL
  std::string ignored;  // names of variables that are set and mean something to Java only, for one line in the log; "" if none is
};

// `lookup` is getenv, or a test's. INVALID_CONFIG names a variable with a value that cannot be used.
Result<StartEnvironment> read_environment(const char* (*lookup)(const char* name));

}  // namespace quokka
