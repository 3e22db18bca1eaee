// Znodes of the controller: /controller, /controller_epoch, /feature, /migration, /latest_producer_id_block.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka::znodes {

struct Controller {
  BrokerId broker;
  WallTime timestamp;
  int32_t kraft_epoch = -1;  // not negative: a KRaft controller holds the cluster during a migration

  bool operator==(const Controller&) const = default;
};

std::string encode(const Controller& controller);
Result<Controller> parse_controller(std::string_view json);

// Decimal text, not JSON.
std::string encode_controller_epoch(ControllerEpoch epoch);
Result<ControllerEpoch> parse_controller_epoch(std::string_view text);

struct FinalizedRange {
  int16_t min_version_level = 0;  // only in version 1
  int16_t max_version_level = 0;
  bool operator==(const FinalizedRange&) const = default;
};

struct Feature {
  int32_t version = 2;  // 2 from inter.broker.protocol.version 3.3 on, else 1
  int32_t status = 1;   // 1 enabled, 0 disabled
  std::map<std::string, FinalizedRange> features;

  bool operator==(const Feature&) const = default;
};

std::string encode(const Feature& feature);
Result<Feature> parse_feature(std::string_view json);

// Written by a KRaft controller during a migration; only read, to refuse the start.
struct Migration {
  int32_t kraft_controller_id = -1;
  int32_t kraft_controller_epoch = -1;
};
Result<Migration> parse_migration(std::string_view json);

// The block of 1000 producer ids that was handed out last.
struct ProducerIdBlock {
  BrokerId broker;
  int64_t first = 0;
  int64_t last = -1;  // inclusive

  bool operator==(const ProducerIdBlock&) const = default;
};

std::string encode(const ProducerIdBlock& block);
Result<ProducerIdBlock> parse_producer_id_block(std::string_view json);

}  // namespace quokka::znodes
