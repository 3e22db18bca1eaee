#include "broker/config/config_entries.h"

#include <set>

#include "broker/config/broker_keys.h"
#include "broker/config/topic_keys.h"
#include "broker/config/topic_settings.h"

namespace quokka {
namespace {

using Synonyms = std::vector<ConfigEntry::Synonym>;

void add_from(const Properties& values, const std::vector<std::string_view>& names, ConfigSource source, bool sensitive, Synonyms& out) {
  for (std::string_view name : names)
    if (auto at = values.find(std::string(name)); at != values.end())
      out.push_back({std::string(name), sensitive ? std::nullopt : std::optional(at->second), source});
}

// Strongest first, beginning with the first that has the very name (a listener's own value is not shown for the bare key).
Synonyms synonyms_of(std::string_view name, const ConfigSources& sources, bool sensitive) {
  std::vector<std::string_view> names = broker_key_synonyms(name);
  Properties fixed = sources.fixed;
  // Kafka fills either id with the other.
  if (fixed.contains("broker.id") && !fixed.contains("node.id")) fixed["node.id"] = fixed["broker.id"];
  else if (fixed.contains("node.id") && !fixed.contains("broker.id")) fixed["broker.id"] = fixed["node.id"];
  Synonyms all;
  add_from(sources.broker, names, ConfigSource::broker, sensitive, all);
  add_from(sources.cluster_default, names, ConfigSource::broker_default, sensitive, all);
  add_from(fixed, names, ConfigSource::fixed, sensitive, all);
  for (std::string_view synonym : names) {
    const ConfigKey* key = find_broker_key(synonym);
    if (key && key->default_value && key->name == synonym)
      all.push_back({std::string(synonym), sensitive ? std::nullopt : std::optional<std::string>(key->default_value), ConfigSource::built_in});
  }
  auto first = all.begin();
  while (first != all.end() && first->name != name) ++first;
  return Synonyms(first, all.end());
}

// The value of the key itself, without its synonyms: log.retention.ms is null where only the hours are set.
std::optional<std::string> own_value(const ConfigKey& key, const ConfigSources& sources) {
  for (const Properties* source : {&sources.broker, &sources.cluster_default, &sources.fixed})
    if (auto at = source->find(key.name); at != source->end()) return canonical_value(key, at->second);
  if (key.default_value) return key.default_value;
  return std::nullopt;
}

bool is_id(std::string_view name) { return name == "broker.id" || name == "node.id"; }

ConfigEntry entry_of(const std::string& name, const ConfigSources& sources) {
  const ConfigKey* key = find_broker_key(name);
  ConfigEntry entry;
  entry.name = name;
  entry.type = key ? key->type : ConfigType::unknown;
  entry.sensitive = !key || key->sensitive();
  entry.read_only = !key || key->name != name || key->update == UpdateMode::read_only || key->update == UpdateMode::dynamic_only;
  entry.synonyms = synonyms_of(name, sources, entry.sensitive);
  if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
  if (key && key->name == name && key->update != UpdateMode::dynamic_only) entry.documentation = key->documentation;
  if (entry.sensitive) return entry;
  if (key->name == name) entry.value = own_value(*key, sources);
  else if (!entry.synonyms.empty()) entry.value = entry.synonyms.front().value;
  if (is_id(name) && !entry.synonyms.empty()) entry.value = canonical_value(*key, *entry.synonyms.front().value);
  return entry;
}

}  // namespace

std::vector<ConfigEntry> describe_broker(const ConfigSources& sources) {
  std::set<std::string> names;
  for (const ConfigKey& key : broker_keys())
    if (!key.internal && key.update != UpdateMode::dynamic_only) names.insert(key.name);
  for (const Properties* source : {&sources.fixed, &sources.cluster_default, &sources.broker})
    for (const auto& [name, value] : *source) names.insert(name);
  std::vector<ConfigEntry> entries;
  entries.reserve(names.size());
  for (const std::string& name : names) entries.push_back(entry_of(name, sources));
  return entries;
}

std::vector<ConfigEntry> describe_broker_default(const ConfigSources& sources) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : sources.cluster_default) {
    ConfigEntry entry = entry_of(name, sources);
    entry.value = entry.sensitive ? std::nullopt : std::optional(value);
    std::erase_if(entry.synonyms, [](const ConfigEntry::Synonym& synonym) { return synonym.source != ConfigSource::broker_default; });
    entry.source = entry.synonyms.empty() ? ConfigSource::built_in : entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<ConfigEntry> describe_topic(const Properties& overrides, const ConfigSources& broker) {
  Properties effective = effective_topic_settings(overrides, broker);
  for (const auto& [name, value] : overrides) effective.try_emplace(name, value);
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : effective) {
    const ConfigKey* key = find_topic_key(name);
    ConfigEntry entry;
    entry.name = name;
    entry.type = key ? key->type : ConfigType::unknown;
    entry.sensitive = !key;
    entry.value = key ? std::optional(value) : std::nullopt;
    if (key && *key->counterpart != '\0') entry.synonyms = synonyms_of(key->counterpart, broker, false);
    if (overrides.contains(name)) entry.synonyms.insert(entry.synonyms.begin(), {name, entry.value, ConfigSource::topic});
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    if (key) entry.documentation = key->documentation;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace quokka
