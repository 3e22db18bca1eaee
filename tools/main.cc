// One program for all tools: which one is said by the name it is called by (kafka-topics, kafka-topics.sh) or by its first argument.
#include <csignal>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tools.h"

namespace {

struct Tool {
  std::string_view name;
  int (*run)(const std::vector<std::string>&);
};

constexpr Tool kTools[] = {
    {"kafka-topics", quokka::kafka_topics},
    {"kafka-consumer-groups", quokka::kafka_consumer_groups},
    {"kafka-console-producer", quokka::kafka_console_producer},
    {"kafka-console-consumer", quokka::kafka_console_consumer},
};

const Tool* find(std::string_view name) {
  if (const size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  if (name.ends_with(".sh")) name.remove_suffix(3);
  for (const Tool& tool : kTools) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of a write
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const Tool* tool = find(argv[0]);
  if (tool == nullptr && !arguments.empty()) {
    tool = find(arguments.front());
    if (tool != nullptr) arguments.erase(arguments.begin());
  }
  if (tool != nullptr) return tool->run(arguments);
  std::cerr << "usage: quokka-tools TOOL [OPTION]...\nTools:";
  for (const Tool& each : kTools) std::cerr << " " << each.name;
  std::cerr << "\n";
  return 1;
}
