#include "protocol/base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "protocol/base/log_capture.h"
#include "protocol/base/mutex.h"

namespace quokka {
namespace {

constexpr size_t limited_places_max = 4096;
constexpr std::array<std::string_view, 6> level_names = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace: return spdlog::level::trace;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::off;
}

// "broker/net/connection.cc" is of "net".
std::string_view component_of(std::string_view file) {
  size_t end = file.rfind('/');
  if (end == std::string_view::npos) return "main";
  size_t begin = file.rfind('/', end - 1);
  return file.substr(begin == std::string_view::npos ? 0 : begin + 1, end - (begin == std::string_view::npos ? 0 : begin + 1));
}

std::shared_ptr<spdlog::logger> logger_of(const std::vector<spdlog::sink_ptr>& sinks) {
  auto logger = std::make_shared<spdlog::logger>("quokka", sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::trace);
  logger->set_pattern("%Y-%m-%d %H:%M:%S,%e %v");
  logger->flush_on(spdlog::level::trace);
  // A full disk must not stop a broker: the line is lost, and standard error says so.
  logger->set_error_handler([](const std::string& what) { std::fprintf(stderr, "cannot write a log line: %s\n", what.c_str()); });
  return logger;
}

// Levels, sinks and limits of the process.
struct Log {
  Mutex mutex;
  std::shared_ptr<spdlog::logger> logger GUARDED_BY(mutex);
  LogLevel level GUARDED_BY(mutex) = LogLevel::warn;
  std::map<std::string, LogLevel, std::less<>> levels GUARDED_BY(mutex);
  LogCapture* capture GUARDED_BY(mutex) = nullptr;

  struct Limited {
    int64_t last_us = 0;
    int64_t left_out = 0;
  };
  Mutex limit_mutex;
  std::map<std::tuple<const char*, int, std::string>, Limited> limited GUARDED_BY(limit_mutex);
};

// Never destroyed: threads may log while the process ends.
Log& the_log() {
  static Log* log = [] {
    auto* made = new Log;
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    MutexLock lock(made->mutex);
    made->logger = logger_of(sinks);
    return made;
  }();
  return *log;
}

void set_floor(Log& log) REQUIRES(log.mutex) {
  LogLevel floor = log.level;
  for (const auto& [component, level] : log.levels) floor = std::min(floor, level);
  detail::log_floor.store(floor, std::memory_order_relaxed);
}

std::string without_control_characters(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) out += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += c;
    else out += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
  }
  return out;
}

}  // namespace

std::string_view name(LogLevel level) { return level_names[static_cast<size_t>(level)]; }

std::optional<LogLevel> parse_log_level(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (upper == "FATAL") return LogLevel::error;
  if (upper == "ALL") return LogLevel::trace;
  for (size_t i = 0; i < level_names.size(); ++i)
    if (upper == level_names[i]) return static_cast<LogLevel>(i);
  return std::nullopt;
}

Status open_log(const LogSettings& settings) {
  std::vector<spdlog::sink_ptr> sinks;
  if (settings.console) sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
  if (!settings.directory.empty()) {
    try {
      std::filesystem::create_directories(settings.directory);
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          settings.directory + "/server.log", static_cast<size_t>(settings.file_bytes_max), static_cast<size_t>(settings.files_max)));
    } catch (const std::exception& failure) {
      return Error{ErrorCode::KAFKA_STORAGE_ERROR, "cannot log to " + settings.directory + ": " + failure.what() +
                                                       "; set LOG_DIR to a directory that can be written"};
    }
  }
  auto logger = logger_of(sinks);
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.logger = std::move(logger);
  log.level = settings.level;
  set_floor(log);
  return {};
}

void flush_log() {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.logger->flush();
}

void set_log_level(LogLevel level) {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.level = level;
  set_floor(log);
}

void set_log_level(std::string_view component, LogLevel level) {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.levels[std::string(component)] = level;
  set_floor(log);
}

void clear_log_level(std::string_view component) {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.levels.erase(std::string(component));
  set_floor(log);
}

LogLevel log_level(std::string_view component) {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  auto own = log.levels.find(component);
  return own == log.levels.end() ? log.level : own->second;
}

namespace detail {

std::atomic<LogLevel> log_floor{LogLevel::warn};

std::string streamed(const void* value, void (*print)(std::ostream&, const void*)) {
  std::ostringstream out;
  print(out, value);
  return std::move(out).str();
}

bool log_wants(LogLevel level, LogPlace place) { return level >= log_level(component_of(place.file)); }

void log_line(LogLevel level, LogPlace place, std::string_view text) {
  std::string line = fmt::format("{} [{}] {}", name(level), component_of(place.file), without_control_characters(text));
  std::shared_ptr<spdlog::logger> logger;
  Log& log = the_log();
  {
    MutexLock lock(log.mutex);
    if (log.capture) {
      log.capture->take(std::move(line));
      return;
    }
    logger = log.logger;
  }
  logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

int64_t log_pass(LogPlace place, std::string_view key, Duration interval) {
  int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  Log& log = the_log();
  MutexLock lock(log.limit_mutex);
  auto [at, fresh] = log.limited.try_emplace({place.file, place.line, std::string(key)});
  if (!fresh && now_us - at->second.last_us < interval.us) {
    ++at->second.left_out;
    return -1;
  }
  int64_t left_out = std::exchange(at->second.left_out, 0);
  at->second.last_us = now_us;
  // A flood of keys (peers) costs their counts, not memory.
  if (log.limited.size() > limited_places_max) log.limited.clear();
  return left_out;
}

void log_line_after(LogLevel level, LogPlace place, int64_t left_out, std::string_view text) {
  if (left_out == 0) return log_line(level, place, text);
  log_line(level, place, fmt::format("{} ({} more like this were left out)", text, left_out));
}

}  // namespace detail

LogCapture::LogCapture(LogLevel level) : before_(log_level()) {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.capture = this;
  log.level = level;
  set_floor(log);
}

LogCapture::~LogCapture() {
  Log& log = the_log();
  MutexLock lock(log.mutex);
  log.capture = nullptr;
  log.level = before_;
  set_floor(log);
}

void LogCapture::take(std::string line) {
  MutexLock lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> LogCapture::lines() const {
  MutexLock lock(mutex_);
  return lines_;
}

std::vector<std::string> LogCapture::drain() {
  MutexLock lock(mutex_);
  return std::exchange(lines_, {});
}

bool LogCapture::contains(std::string_view text) const {
  MutexLock lock(mutex_);
  return std::any_of(lines_.begin(), lines_.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

}  // namespace quokka
