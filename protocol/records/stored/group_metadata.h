// Records of __consumer_offsets that hold a group: key version 2, value versions as given below.
#pragma once

#include "protocol/wire/codec.h"

namespace quokka {

struct GroupMetadataKey {
  static constexpr const char* kName = "GroupMetadataKey";
  static constexpr int16_t kVersionMin = 2, kVersionMax = 2, kFlexibleFrom = kNeverFlexible;
  std::string_view group;
};

inline void fields(Codec& c, GroupMetadataKey& m) {
  c.field(m.group, "group", since(2));
}

struct GroupMetadataValue {
  static constexpr const char* kName = "GroupMetadataValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  struct MemberMetadata {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    std::string_view client_id;
    std::string_view client_host;
    int32_t rebalance_timeout = -1;
    int32_t session_timeout = 0;
    Bytes subscription;
    Bytes assignment;
  };
  std::string_view protocol_type;
  int32_t generation = 0;
  std::optional<std::string_view> protocol = std::string_view();
  std::optional<std::string_view> leader = std::string_view();
  int64_t current_state_timestamp = -1;
  Array<MemberMetadata> members;
};

inline void fields(Codec& c, GroupMetadataValue::MemberMetadata& m) {
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(3).or_dropped(), since(3));
  c.field(m.client_id, "client_id");
  c.field(m.client_host, "client_host");
  c.field(m.rebalance_timeout, "rebalance_timeout", since(1).or_dropped());
  c.field(m.session_timeout, "session_timeout");
  c.field(m.subscription, "subscription");
  c.field(m.assignment, "assignment");
}
inline void fields(Codec& c, GroupMetadataValue& m) {
  c.field(m.protocol_type, "protocol_type");
  c.field(m.generation, "generation");
  c.field(m.protocol, "protocol", always(), always());
  c.field(m.leader, "leader", always(), always());
  c.field(m.current_state_timestamp, "current_state_timestamp", since(2).or_dropped());
  c.field(m.members, "members");
}

}  // namespace quokka
