#include "tools/line_reader.h"

namespace quokka {
namespace {

Error bad(std::string message) { return Error{ErrorCode::INVALID_RECORD, std::move(message)}; }

}  // namespace

Result<LineReader> LineReader::configured(const Properties& properties) {
  LineReader reader;
  set_all(properties, {{"parse.key", &reader.parse_key_},
                       {"parse.headers", &reader.parse_headers_},
                       {"ignore.error", &reader.ignore_error_},
                       {"key.separator", &reader.key_separator_},
                       {"headers.delimiter", &reader.headers_delimiter_},
                       {"headers.separator", &reader.headers_separator_},
                       {"headers.key.separator", &reader.headers_key_separator_}});
  if (const auto at = properties.find("null.marker"); at != properties.end()) reader.null_marker_ = at->second;

  using Named = std::pair<const char*, const std::string*>;
  const Named headers[] = {{"headers.delimiter", &reader.headers_delimiter_},
                           {"headers.separator", &reader.headers_separator_},
                           {"headers.key.separator", &reader.headers_key_separator_}};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = i + 1; j < 3; ++j) {
      if (*headers[i].second == *headers[j].second) {
        return bad(std::string(headers[i].first) + " and " + headers[j].first + " may not be equal");
      }
    }
  }
  if (reader.null_marker_) {
    for (const Named& other : {Named{"key.separator", &reader.key_separator_}, headers[1], headers[0], headers[2]}) {
      if (*reader.null_marker_ == *other.second) return bad(std::string("null.marker and ") + other.first + " may not be equal");
    }
  }
  return reader;
}

Result<std::optional<std::string>> LineReader::part(bool wanted, const std::string& line, size_t from,
                                                    const std::string& separator, const char* separator_name) const {
  if (!wanted) return std::optional<std::string>();
  const size_t at = line.find(separator, from);
  if (at != std::string::npos) return std::optional<std::string>(line.substr(from, at - from));
  if (ignore_error_) return std::optional<std::string>();
  return bad("No " + std::string(separator_name) + " found on line number " + std::to_string(line_number_) + ": '" + line + "'");
}

Result<LineRecord> LineReader::parse(const std::string& line) {
  ++line_number_;
  LineRecord record;
  size_t at = 0;
  const auto headers = part(parse_headers_, line, at, headers_delimiter_, "headers delimiter");
  if (!headers.ok()) return headers.error();
  if (*headers) at += (*headers)->size() + headers_delimiter_.size();
  const auto key = part(parse_key_, line, at, key_separator_, "key separator");
  if (!key.ok()) return key.error();
  if (*key) at += (*key)->size() + key_separator_.size();
  const std::string value = line.substr(at);
  if (*key && !is_null(**key)) record.key = **key;
  if (!is_null(value)) record.value = value;
  if (*headers && !is_null(**headers)) {
    if (Status status = add_headers(**headers, record); !status.ok()) return status.error();
  }
  return record;
}

Status LineReader::add_headers(const std::string& text, LineRecord& record) const {
  std::vector<std::string> pairs;
  for (size_t at = 0; at != std::string::npos;) {
    const size_t end = text.find(headers_separator_, at);
    pairs.push_back(text.substr(at, end == std::string::npos ? end : end - at));
    at = end == std::string::npos ? end : end + headers_separator_.size();
  }
  // Nothing is meant behind a separator at the end, as Java splits.
  const bool is_split = pairs.size() > 1;
  while (is_split && !pairs.empty() && pairs.back().empty()) pairs.pop_back();
  for (const std::string& pair : pairs) {
    if (Status status = add_header(pair, record); !status.ok()) return status;
  }
  return {};
}

Status LineReader::add_header(const std::string& pair, LineRecord& record) const {
  const size_t colon = pair.find(headers_key_separator_);
  if (colon == std::string::npos) {
    if (!ignore_error_) return bad("No header key separator found in pair '" + pair + "' on line number " + std::to_string(line_number_));
    record.headers.emplace_back(pair, std::nullopt);
    return {};
  }
  const std::string key = pair.substr(0, colon);
  if (is_null(key)) return bad("Header keys should not be equal to the null marker '" + *null_marker_ + "' as they can't be null");
  const std::string value = pair.substr(colon + headers_key_separator_.size());
  record.headers.emplace_back(key, is_null(value) ? std::nullopt : std::optional(value));
  return {};
}

}  // namespace quokka
