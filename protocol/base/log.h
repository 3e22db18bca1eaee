// Log lines a person can act on: `2026-11-21 11:50:00,123 INFO [net] connection from 10.0.0.7:4711 closed: frame of 300 MB`.
//
//   log_info("broker {} registered at {}", id, endpoint);
//   log_warn_every(Duration::seconds(10), "cannot reach broker {}: {}", id, reason);
//
// The text is a fmt format string, checked when it is compiled. Arguments: numbers, texts, ids, error codes, and whatever has an
// operator<<. The name in brackets is the folder of the calling file. What arguments bring along is made harmless: control characters
// (line ends above all) are written as escapes, so that a line is a line.
//
// Any thread may log. Until open_log, lines from WARN up go to standard error, which is what tests and tools want.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "protocol/base/error_code.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

enum class LogLevel : uint8_t { trace, debug, info, warn, error, off };

std::string_view name(LogLevel level);  // "INFO"
// Log4j's names in any case, FATAL (as ERROR), ALL and OFF included; nullopt for anything else.
std::optional<LogLevel> parse_log_level(std::string_view text);

struct LogSettings {
  std::string directory;  // lines go to <directory>/server.log, which rotates to server.1.log ...; "" for no file. Made if missing.
  bool console = true;    // standard output
  LogLevel level = LogLevel::info;
  int64_t file_bytes_max = 100 << 20;
  int files_max = 10;  // rotated ones, beside the current
};

// At start, before other threads log. Calling it again replaces the settings. An error names the directory.
Status open_log(const LogSettings& settings);
// At the end of the process.
void flush_log();

// Any thread. Of all components, or of one ("net"), which then keeps its own.
void set_log_level(LogLevel level);
void set_log_level(std::string_view component, LogLevel level);
void clear_log_level(std::string_view component);
LogLevel log_level(std::string_view component = {});

namespace detail {

extern std::atomic<LogLevel> log_floor;  // the lowest level that any component writes

struct LogPlace {
  const char* file;
  int line;
};

std::string streamed(const void* value, void (*print)(std::ostream&, const void*));

// What fmt gets for an argument.
template <class T>
auto loggable(const T& value) {
  if constexpr (std::is_same_v<T, ErrorCode> || std::is_same_v<T, LogLevel>) {
    return name(value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return std::string_view(value);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_pointer_v<T>) {
    return value;
  } else {
    return streamed(&value, [](std::ostream& out, const void* v) { out << *static_cast<const T*>(v); });
  }
}

template <class T>
using Loggable = decltype(loggable(std::declval<const T&>()));

template <class... Args>
struct LogFormat {
  fmt::format_string<Loggable<Args>...> text;
  LogPlace place;

  template <class Text>
  consteval LogFormat(const Text& t, const char* file = __builtin_FILE(), int line = __builtin_LINE())  // NOLINT: implicit
      : text(t), place{file, line} {}
};

template <class... Args>
using LogText = std::type_identity_t<LogFormat<Args...>>;

// False if the component of the place does not write this level.
bool log_wants(LogLevel level, LogPlace place);
void log_line(LogLevel level, LogPlace place, std::string_view text);
// Of lines with the same place and key one per interval passes. Gives the number left out since the last one that did, -1 to leave out.
int64_t log_pass(LogPlace place, std::string_view key, Duration interval);
void log_line_after(LogLevel level, LogPlace place, int64_t left_out, std::string_view text);

template <class... Args>
void log_at(LogLevel level, const LogFormat<Args...>& format, const Args&... args) {
  if (level < log_floor.load(std::memory_order_relaxed) || !log_wants(level, format.place)) return;
  log_line(level, format.place, fmt::format(format.text, loggable(args)...));
}

template <class... Args>
void log_at_every(LogLevel level, std::string_view key, Duration interval, const LogFormat<Args...>& format, const Args&... args) {
  if (level < log_floor.load(std::memory_order_relaxed) || !log_wants(level, format.place)) return;
  int64_t left_out = log_pass(format.place, key, interval);
  if (left_out < 0) return;
  log_line_after(level, format.place, left_out, fmt::format(format.text, loggable(args)...));
}

}  // namespace detail

template <class... Args>
void log_debug(detail::LogText<Args...> format, const Args&... args) { detail::log_at(LogLevel::debug, format, args...); }
template <class... Args>
void log_info(detail::LogText<Args...> format, const Args&... args) { detail::log_at(LogLevel::info, format, args...); }
template <class... Args>
void log_warn(detail::LogText<Args...> format, const Args&... args) { detail::log_at(LogLevel::warn, format, args...); }
template <class... Args>
void log_error(detail::LogText<Args...> format, const Args&... args) { detail::log_at(LogLevel::error, format, args...); }

// At most one line an interval from this place in the code; the next one says how many were left out.
template <class... Args>
void log_info_every(Duration interval, detail::LogText<Args...> format, const Args&... args) {
  detail::log_at_every(LogLevel::info, {}, interval, format, args...);
}
template <class... Args>
void log_warn_every(Duration interval, detail::LogText<Args...> format, const Args&... args) {
  detail::log_at_every(LogLevel::warn, {}, interval, format, args...);
}
template <class... Args>
void log_error_every(Duration interval, detail::LogText<Args...> format, const Args&... args) {
  detail::log_at_every(LogLevel::error, {}, interval, format, args...);
}
// The same, counted for each key apart: a peer's address, a topic.
template <class... Args>
void log_warn_every_for(std::string_view key, Duration interval, detail::LogText<Args...> format, const Args&... args) {
  detail::log_at_every(LogLevel::warn, key, interval, format, args...);
}

}  // namespace quokka
