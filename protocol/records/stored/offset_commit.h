// Records of __consumer_offsets that hold a committed offset: key versions 0 and 1, value versions as given below.
#pragma once

#include "protocol/wire/codec.h"

namespace quokka {

struct OffsetCommitKey {
  static constexpr const char* kName = "OffsetCommitKey";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = kNeverFlexible;
  std::string_view group;
  std::string_view topic;
  int32_t partition = 0;
};

inline void fields(Codec& c, OffsetCommitKey& m) {
  c.field(m.group, "group");
  c.field(m.topic, "topic");
  c.field(m.partition, "partition");
}

struct OffsetCommitValue {
  static constexpr const char* kName = "OffsetCommitValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  int64_t offset = 0;
  int32_t leader_epoch = -1;
  std::string_view metadata;
  int64_t commit_timestamp = 0;
  int64_t expire_timestamp = -1;
};

inline void fields(Codec& c, OffsetCommitValue& m) {
  c.field(m.offset, "offset");
  c.field(m.leader_epoch, "leader_epoch", since(3).or_dropped());
  c.field(m.metadata, "metadata");
  c.field(m.commit_timestamp, "commit_timestamp");
  c.field(m.expire_timestamp, "expire_timestamp", between(1, 1).or_dropped());
}

}  // namespace quokka
