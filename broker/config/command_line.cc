#include "broker/config/command_line.h"

#include <boost/program_options.hpp>
#include <exception>

namespace quokka {
namespace {

namespace po = boost::program_options;

po::options_description options() {
  po::options_description all("Options");
  all.add_options()("override", po::value<std::vector<std::string>>()->value_name("key=value"), "a key that beats the properties file; may be repeated")(
      "help", "this text")("version", "the version, and nothing else");
  return all;
}

}  // namespace

std::string command_line_usage() {
  return "USAGE: kafka-server-start.sh [-daemon] server.properties [--override key=value]*";
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  po::options_description all = options();
  all.add_options()("properties", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("properties", -1);
  po::variables_map values;
  try {
    using Style = po::command_line_style::style_t;
    int style = Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next | Style::allow_long_disguise;
    po::store(po::command_line_parser(arguments).options(all).positional(positional).style(style).run(), values);
  } catch (const std::exception& wrong) {
    return Error{ErrorCode::INVALID_CONFIG, std::string(wrong.what()) + ". " + command_line_usage()};
  }
  CommandLine line;
  line.help = values.count("help") > 0;
  line.version = values.count("version") > 0;
  if (values.count("override") > 0) line.overrides = values["override"].as<std::vector<std::string>>();
  std::vector<std::string> paths;
  if (values.count("properties") > 0) paths = values["properties"].as<std::vector<std::string>>();
  if (line.help || line.version) return line;
  if (paths.empty()) return Error{ErrorCode::INVALID_CONFIG, "no properties file is named. " + command_line_usage()};
  if (paths.size() > 1) return Error{ErrorCode::INVALID_CONFIG, "one properties file is taken, not also " + paths[1] + ". " + command_line_usage()};
  line.properties_path = paths[0];
  return line;
}

Result<StartEnvironment> read_environment(const char* (*lookup)(const char* name)) {
  auto value = [&](const char* name) { return std::string(lookup(name) ? lookup(name) : ""); };
  StartEnvironment environment;
  environment.log.directory = value("LOG_DIR");
  environment.log.console = value("QUOKKA_LOG_CONSOLE") != "no";
  if (std::string level = value("QUOKKA_LOG_LEVEL"); !level.empty()) {
    std::optional<LogLevel> parsed = parse_log_level(level);
    if (!parsed) return Error{ErrorCode::INVALID_CONFIG, "QUOKKA_LOG_LEVEL=" + level + ": it is one of TRACE, DEBUG, INFO, WARN, ERROR, OFF"};
    environment.log.level = *parsed;
  }
  for (const char* name : {"KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_GC_LOG_OPTS", "KAFKA_LOG4J_OPTS", "KAFKA_JMX_OPTS", "JMX_PORT", "KAFKA_OPTS", "EXTRA_ARGS"})
    if (!value(name).empty()) environment.ignored += (environment.ignored.empty() ? "" : ", ") + std::string(name);
  return environment;
}

}  // namespace quokka
