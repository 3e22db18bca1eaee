#include "coord/znodes/config.h"

#include <algorithm>

#include "coord/znodes/json.h"
#include "protocol/base/topic_name.h"

namespace quokka::znodes {
namespace {

bool is_kept(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_entity(std::string_view entity_path) {
  return Error{ErrorCode::INVALID_REQUEST, "'" + std::string(entity_path) + "' names no entity below " + std::string(kConfig)};
}

bool is_broker_name(std::string_view name) {
  return name == kDefaultEntity || (!name.empty() && name.size() <= 10 && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

bool is_path_part(std::string_view part) { return !part.empty() && part != "." && part != ".." && part.find('\0') == std::string_view::npos; }

}  // namespace

std::string encode_config(const ConfigMap& config) {
  std::vector<std::string> keys;
  keys.reserve(config.size());
  for (const auto& each : config) keys.push_back(each.first);
  JsonWriter json;
  json.open().field("version", 1).open("config");
  for (const std::string& key : in_java_properties_order(std::move(keys))) json.field(key, config.at(key));
  return json.close().close().take();
}

Result<ConfigMap> parse_config(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  ConfigMap config;
  for (const auto& [key, value] : reader.fields(reader.root(), "config")) {
    const auto* string = std::get_if<std::string>(&value.value);
    if (string == nullptr) {
      reader.fail("config." + key, "not a string");
      break;
    }
    config[key] = *string;
  }
  if (!reader.ok()) return reader.error();
  return config;
}

std::string sanitize(std::string_view name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : name) {
    if (is_kept(c)) {
      text += c;
    } else {
      text += '%';
      text += kHex[static_cast<uint8_t>(c) >> 4];
      text += kHex[static_cast<uint8_t>(c) & 15];
    }
  }
  return text;
}

std::optional<std::string> desanitize(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      name += ' ';
    } else if (text[i] != '%') {
      name += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      name += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return name;
}

std::string encode(const ConfigChange& change) {
  return JsonWriter().open().field("version", 2).field("entity_path", change.entity_path).close().take();
}

Result<ConfigChange> parse_config_change(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  const JsonValue& root = reader.root();
  const int32_t version = reader.int32(root, "version");
  ConfigChange change;
  if (reader.ok() && version == 1) {
    const std::string type = reader.string(root, "entity_type");
    if (reader.ok() && type != "topics" && type != "clients") reader.fail("entity_type", "'" + type + "' is neither topics nor clients");
    change.entity_path = type + "/" + reader.string(root, "entity_name");
  } else if (reader.ok() && version == 2) {
    change.entity_path = reader.string(root, "entity_path");
  } else {
    reader.fail("version", std::to_string(version) + " is not supported");
  }
  if (!reader.ok()) return reader.error();
  return change;
}

std::string ConfigEntity::path() const {
  std::string text = std::string(name(type)) + "/" + entity;
  if (client) text += "/clients/" + *client;
  return text;
}

Result<ConfigEntity> parse_entity_path(std::string_view entity_path) {
  std::vector<std::string_view> parts;
  for (size_t from = 0; from <= entity_path.size() && parts.size() <= 4;) {
    const size_t slash = std::min(entity_path.find('/', from), entity_path.size());
    parts.push_back(entity_path.substr(from, slash - from));
    from = slash + 1;
  }
  if (parts.size() != 2 && parts.size() != 4) return bad_entity(entity_path);
  if (!std::all_of(parts.begin(), parts.end(), is_path_part)) return bad_entity(entity_path);
  const std::optional<ConfigType> type = config_type(parts[0]);
  if (!type) return bad_entity(entity_path);
  ConfigEntity entity;
  entity.type = *type;
  entity.entity = std::string(parts[1]);
  if (parts.size() == 4) {
    if (*type != ConfigType::users || parts[2] != "clients") return bad_entity(entity_path);
    entity.client = std::string(parts[3]);
  }
  if (*type == ConfigType::topics && !is_valid_topic_name(parts[1])) return validate_topic_name(parts[1]).error();
  if (*type == ConfigType::brokers && !is_broker_name(parts[1])) return bad_entity(entity_path);
  return entity;
}

}  // namespace quokka::znodes
