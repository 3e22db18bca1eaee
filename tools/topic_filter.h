// Topics by regular expression, as --topic of kafka-topics and --include of kafka-console-consumer name them.
#pragma once

#include <regex>
#include <string>

#include "protocol/base/result.h"
#include "protocol/base/topic_name.h"

namespace quokka {

// A whole name must match.
class TopicFilter {
 public:
  // As --topic of kafka-topics takes it: commas stand for "or"; quotes around the expression are dropped.
  static Result<TopicFilter> of_list(const std::string& text) {
    std::string expression;
    for (const char c : text) {
      if (c == ',') {
        expression += '|';
      } else if (c != ' ') {
        expression += c;
      }
    }
    while (!expression.empty() && (expression.front() == '"' || expression.front() == '\'')) expression.erase(0, 1);
    while (!expression.empty() && (expression.back() == '"' || expression.back() == '\'')) expression.pop_back();
    return of_regex(expression);
  }

  // As --include of kafka-console-consumer takes it.
  static Result<TopicFilter> of_regex(const std::string& expression) {
    TopicFilter filter;
    try {
      filter.expression_ = std::regex(expression, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return Error{ErrorCode::INVALID_REQUEST, expression + " is an invalid regex: " + error.what()};
    }
    return filter;
  }

  bool matches(const std::string& topic, bool exclude_internal) const {
    return std::regex_match(topic, expression_) && !(exclude_internal && is_internal_topic(topic));
  }

 private:
  std::regex expression_;
};

}  // namespace quokka
