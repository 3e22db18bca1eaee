#include "protocol/messages/api_table.h"

#include <array>

namespace quokka {

namespace {

constexpr ApiEntry kEntries[] = {
#define X(enumerator, name, key, version_min, version_max, flexible_from) \
  {ApiKey::enumerator, #name, version_min, version_max, flexible_from},
    QUOKKA_APIS(X)
#undef X
};

}  // namespace

const ApiEntry* api_entry(int16_t key) {
  for (const ApiEntry& entry : kEntries) {
    if (static_cast<int16_t>(entry.key) == key) return &entry;
  }
  return nullptr;
}

std::string_view name(ApiKey key) {
  const ApiEntry* entry = api_entry(static_cast<int16_t>(key));
  return entry == nullptr ? "UNKNOWN" : entry->name;
}

int16_t ApiEntry::request_header_version(int16_t version) const {
  if (flexible(version)) return 2;
  // ControlledShutdown v0 is older than client ids.
  return key == ApiKey::CONTROLLED_SHUTDOWN && version == 0 ? 0 : 1;
}

int16_t ApiEntry::response_header_version(int16_t version) const {
  // A client that asks in a version we lack reads our answer as v0, so ApiVersions never has tags in its header (KIP-511).
  if (key == ApiKey::API_VERSIONS) return 0;
  return flexible(version) ? 1 : 0;
}

}  // namespace quokka
