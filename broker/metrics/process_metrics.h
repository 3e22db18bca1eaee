// The series that Prometheus' own client libraries give every process: memory, CPU, descriptors, start time.
#pragma once

#include <string>

namespace quokka {

// Lines in Prometheus' text format, read from /proc/self now.
std::string render_process_metrics();

}  // namespace quokka
