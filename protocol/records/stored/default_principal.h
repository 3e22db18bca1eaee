// A principal as it travels in a forwarded request and in stored delegation tokens.
#pragma once

#include "protocol/wire/codec.h"

namespace quokka {

struct DefaultPrincipalData {
  static constexpr const char* kName = "DefaultPrincipalData";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  std::string_view type;
  std::string_view name;
  bool token_authenticated = false;
};

inline void fields(Codec& c, DefaultPrincipalData& m) {
  c.field(m.type, "type");
  c.field(m.name, "name");
  c.field(m.token_authenticated, "token_authenticated");
}

}  // namespace quokka
