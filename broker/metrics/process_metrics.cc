#include "broker/metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>

namespace quokka {
namespace {

size_t open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  size_t count = 0;
  while (dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  closedir(folder);
  return count == 0 ? 0 : count - 1;  // not the one that lists them
}

// Seconds since 1970 at which this program was started, from field 22 of /proc/self/stat and the boot time.
double start_seconds() {
  std::ifstream stat("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return 0;
  std::istringstream fields(text.substr(after_name + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  struct timespec boot {};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  auto wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  double up = static_cast<double>(boot.tv_sec) + static_cast<double>(boot.tv_nsec) / 1e9;
  return wall - up + std::strtod(field.c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::string render_process_metrics() {
  std::ostringstream out;
  out.precision(15);
  auto line = [&out](const char* name, const char* type, double value, const char* help) {
    out << "# HELP " << name << ' ' << help << ".\n# TYPE " << name << ' ' << type << '\n' << name << ' ' << value << '\n';
  };
  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0, resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  line("process_cpu_seconds_total", "counter", seconds(usage.ru_utime) + seconds(usage.ru_stime), "CPU time of this process, user and system");
  line("process_resident_memory_bytes", "gauge", resident_pages * page, "Memory of this process that lies in RAM");
  line("process_virtual_memory_bytes", "gauge", virtual_pages * page, "Address space of this process");
  line("process_open_fds", "gauge", static_cast<double>(open_descriptors()), "Open file descriptors");
  line("process_max_fds", "gauge", static_cast<double>(files.rlim_cur), "File descriptors that may be open");
  line("process_start_time_seconds", "gauge", start_seconds(), "When this process started, in seconds since 1970");
  return out.str();
}

}  // namespace quokka
