// Two kinds of time that never mix: monotonic for time-outs and sessions, wall clock for record timestamps and retention
// (a clock that jumps must not expire a session).
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>

namespace quokka {

struct Duration {
  int64_t us = 0;

  // Longer ones, which people write for "never", become this: 36,000 years, to which a time of day can still be added.
  static constexpr int64_t us_max = int64_t{1} << 60;

  static constexpr Duration micros(int64_t v) { return {v}; }
  static constexpr Duration millis(int64_t v) { return times(v, 1000); }
  static constexpr Duration seconds(int64_t v) { return times(v, 1000000); }
  constexpr int64_t to_millis() const { return us / 1000; }
  constexpr auto operator<=>(const Duration&) const = default;

 private:
  static constexpr Duration times(int64_t v, int64_t us_each) {
    if (v > us_max / us_each) return {us_max};
    if (v < -us_max / us_each) return {-us_max};
    return {v * us_each};
  }
};

// Microseconds since some start of the process's choice; never goes back.
struct MonoTime {
  int64_t us = 0;
  constexpr auto operator<=>(const MonoTime&) const = default;
};

constexpr MonoTime operator+(MonoTime t, Duration d) { return {t.us + d.us}; }
constexpr MonoTime operator-(MonoTime t, Duration d) { return {t.us - d.us}; }
constexpr Duration operator-(MonoTime a, MonoTime b) { return {a.us - b.us}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.us + b.us}; }

// Milliseconds since 1970-01-01 UTC, as Kafka's timestamps.
struct WallTime {
  int64_t ms = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, MonoTime t) { return out << t.us << "us"; }
inline std::ostream& operator<<(std::ostream& out, WallTime t) { return out << t.ms << "ms"; }

}  // namespace quokka
