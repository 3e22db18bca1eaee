// Assertions that stay in release builds: a programmer's error stops the process with the place and both operands.
#pragma once

#include <sstream>
#include <string>

namespace quokka {

[[noreturn]] void check_failed(const char* file, int line, const char* expression, const std::string& detail);

template <class A, class B>
[[noreturn]] void check_op_failed(const char* file, int line, const char* expression, const A& a, const B& b) {
  std::ostringstream text;
  text << a << " against " << b;
  check_failed(file, line, expression, text.str());
}

}  // namespace quokka

#define QUOKKA_CHECK(condition, detail) \
  do { \
    if (!(condition)) [[unlikely]] ::quokka::check_failed(__FILE__, __LINE__, #condition, detail); \
  } while (false)

#define QUOKKA_CHECK_OP(a, op, b) \
  do { \
    const auto& check_a = (a); \
    const auto& check_b = (b); \
    if (!(check_a op check_b)) [[unlikely]] \
      ::quokka::check_op_failed(__FILE__, __LINE__, #a " " #op " " #b, check_a, check_b); \
  } while (false)
#define QUOKKA_CHECK_EQ(a, b) QUOKKA_CHECK_OP(a, ==, b)
#define QUOKKA_CHECK_LE(a, b) QUOKKA_CHECK_OP(a, <=, b)
#define QUOKKA_CHECK_LT(a, b) QUOKKA_CHECK_OP(a, <, b)
#define QUOKKA_CHECK_GE(a, b) QUOKKA_CHECK_OP(a, >=, b)
