// The command-line tools of this program. Each takes its arguments without the program's name and returns the exit code: 0 only if
// everything that was asked for was done.
#pragma once

#include <string>
#include <vector>

namespace quokka {

int kafka_topics(const std::vector<std::string>& arguments);
int kafka_consumer_groups(const std::vector<std::string>& arguments);
int kafka_console_producer(const std::vector<std::string>& arguments);
int kafka_console_consumer(const std::vector<std::string>& arguments);

}  // namespace quokka
