// A value or an error: how functions report operating errors. Programmer errors assert (check.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "protocol/base/check.h"
#include "protocol/base/error_code.h"

namespace quokka {

// What went wrong: the code that goes to a peer and a sentence for a person (what happened, to which topic, partition,
// client or file, and what to do).
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::UNKNOWN_SERVER_ERROR;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { QUOKKA_CHECK(ok(), error_text()); return std::get<0>(state_); }
  const T& value() const& { QUOKKA_CHECK(ok(), error_text()); return std::get<0>(state_); }
  T&& value() && { QUOKKA_CHECK(ok(), error_text()); return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const { QUOKKA_CHECK(!ok(), "no error in this result"); return std::get<1>(state_); }
  ErrorCode code() const { return ok() ? ErrorCode::NONE : error().code; }

 private:
  std::string error_text() const { return ok() ? std::string() : std::get<1>(state_).message; }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { QUOKKA_CHECK(!ok_, "no error in this result"); return error_; }
  ErrorCode code() const { return ok_ ? ErrorCode::NONE : error_.code; }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace quokka
