// A move-only callable, so that callbacks may own what they need (std::function wants copies).
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "protocol/base/check.h"

namespace quokka {

template <class Signature>
class Function;

// Empty after being moved from. Calling an empty one is a programmer's error.
template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}  // NOLINT: implicit by design

  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Function> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  Function(F&& f) : target_(std::make_unique<Held<std::decay_t<F>>>(std::forward<F>(f))) {}  // NOLINT: implicit by design

  explicit operator bool() const { return target_ != nullptr; }

  R operator()(Args... args) {
    QUOKKA_CHECK(target_ != nullptr, "an empty Function was called");
    return target_->call(std::forward<Args>(args)...);
  }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Held final : Target {
    explicit Held(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Target> target_;
};

using Task = Function<void()>;

}  // namespace quokka
