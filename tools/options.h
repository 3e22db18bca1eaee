// Command lines as Kafka's tools take them: `--name value`, `--name=value`, `-name value`, options repeated, no abbreviations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace quokka {

enum class Argument { NONE, TEXT, INTEGER, LONG, OPTIONAL_TEXT };  // numbers of 32 and 64 bits

struct OptionSpec {
  std::string name;
  Argument argument = Argument::NONE;
  std::string help;
};

// What a tool understands, in the order its help shows. Every tool also has --help and --version.
struct ToolUsage {
  std::string tool;     // "kafka-topics"
  std::string purpose;  // one sentence
  std::vector<OptionSpec> options;

  std::string text() const;  // for --help
};

// A parsed command line. Values of options that take none or one are checked by parse.
class Options {
 public:
  // Errors say which word is wrong, in the words Kafka's tools use.
  static Result<Options> parse(const ToolUsage& usage, const std::vector<std::string>& arguments);

  bool has(const std::string& name) const { return values_.contains(name); }
  // The value given last; empty for an option given without one.
  std::optional<std::string> text(const std::string& name) const;
  std::string text_or(const std::string& name, std::string_view otherwise) const;
  std::optional<int64_t> number(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  // What to say if `option` is given beside one of `others`, itself left out.
  std::optional<std::string> conflict(const std::string& option, const std::vector<std::string>& others) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// Parses the command line into `options`. --help and --version are answered on standard output, a mistake (of the parser, or what `mistake_in`
// finds) on standard error: then the exit code is returned, and the tool ends with it.
std::optional<int> take_options(const ToolUsage& usage, const std::vector<std::string>& arguments,
                                std::optional<std::string> (*mistake_in)(const Options&), Options& options);

// A mistake on the command line, and how to see what is possible, on standard error. Returns the exit code, 1.
int refuse_usage(const ToolUsage& usage, const std::string& message);

// What ends a tool, on standard error. Returns the exit code, 1.
int refuse(const Error& error);

// What a tool says on standard error while it goes on.
void warn(const std::string& text);

}  // namespace quokka
