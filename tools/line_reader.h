// Lines of text as records: what kafka-console-producer reads. `headers TAB key TAB value` with separators of the user's choice.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/result.h"
#include "tools/tool_properties.h"

namespace quokka {

struct LineRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  bool operator==(const LineRecord&) const = default;
};

class LineReader {
 public:
  // Reader properties: parse.key parse.headers ignore.error key.separator headers.delimiter headers.separator
  // headers.key.separator null.marker. An error says which two separators are equal.
  static Result<LineReader> configured(const Properties& properties);

  // One line without its end. An error names the line's number.
  Result<LineRecord> parse(const std::string& line);

 private:
  // What lies before `separator` from `from` on; nullopt: not wanted, or missing and errors are ignored.
  Result<std::optional<std::string>> part(bool wanted, const std::string& line, size_t from, const std::string& separator,
                                          const char* separator_name) const;
  Status add_headers(const std::string& text, LineRecord& record) const;
  Status add_header(const std::string& pair, LineRecord& record) const;
  bool is_null(const std::string& text) const { return null_marker_ && text == *null_marker_; }

  bool parse_key_ = false;
  bool parse_headers_ = false;
  bool ignore_error_ = false;
  std::string key_separator_ = "\t";
  std::string headers_delimiter_ = "\t";
  std::string headers_separator_ = ",";
  std::string headers_key_separator_ = ":";
  std::optional<std::string> null_marker_;
  int64_t line_number_ = 0;
};

}  // namespace quokka
