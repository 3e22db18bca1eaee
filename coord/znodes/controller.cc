#include "coord/znodes/controller.h"

#include <charconv>
#include <limits>

#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"

namespace quokka::znodes {

std::string encode(const Controller& controller) {
  return JsonWriter()
      .open()
      .field("version", 2)
      .field("brokerid", controller.broker.value)
      .field("timestamp", std::to_string(controller.timestamp.ms))
      .field("kraftControllerEpoch", controller.kraft_epoch)
      .close()
      .take();
}

Result<Controller> parse_controller(std::string_view text) {
  JsonReader reader(kController, text);
  const JsonValue& root = reader.root();
  Controller controller;
  controller.broker = BrokerId(reader.int32(root, "brokerid"));
  controller.timestamp.ms = reader.quoted_integer(root, "timestamp", 0);
  controller.kraft_epoch = reader.int32(root, "kraftControllerEpoch", -1);
  if (!reader.ok()) return reader.error();
  return controller;
}

std::string encode_controller_epoch(ControllerEpoch epoch) { return std::to_string(epoch.value); }

Result<ControllerEpoch> parse_controller_epoch(std::string_view text) {
  ControllerEpoch epoch;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), epoch.value);
  if (problem != std::errc() || stop != text.data() + text.size()) {
    return Error{ErrorCode::UNKNOWN_SERVER_ERROR, "znode " + std::string(kControllerEpoch) + ": '" + std::string(text.substr(0, 40)) + "' is no epoch"};
  }
  return epoch;
}

std::string encode(const Feature& feature) {
  JsonWriter json;
  json.open().open("features");
  for (const auto& [name, range] : feature.features) {
    json.open(name);
    if (feature.version < 2) json.field("min_version_level", range.min_version_level);
    json.field("max_version_level", range.max_version_level).close();
  }
  return json.close().field("version", feature.version).field("status", feature.status).close().take();
}

Result<Feature> parse_feature(std::string_view text) {
  constexpr int64_t kMax = std::numeric_limits<int16_t>::max();
  JsonReader reader(kFeature, text);
  const JsonValue& root = reader.root();
  Feature feature;
  feature.version = reader.int32(root, "version");
  if (reader.ok() && (feature.version < 1 || feature.version > 2)) reader.fail("version", std::to_string(feature.version) + " is not supported");
  feature.status = static_cast<int32_t>(reader.integer(root, "status", 0, 1));
  for (const auto& [name, value] : reader.fields(root, "features")) {
    if (!std::holds_alternative<JsonValue::Object>(value.value)) {
      reader.fail("features." + name, "not an object");
      break;
    }
    FinalizedRange range;
    range.min_version_level = static_cast<int16_t>(reader.integer(value, "min_version_level", 0, kMax, 0));
    range.max_version_level = static_cast<int16_t>(reader.integer(value, "max_version_level", 0, kMax));
    feature.features[name] = range;
  }
  if (!reader.ok()) return reader.error();
  return feature;
}

Result<Migration> parse_migration(std::string_view text) {
  JsonReader reader(kMigration, text);
  Migration migration;
  migration.kraft_controller_id = reader.int32(reader.root(), "kraft_controller_id", -1);
  migration.kraft_controller_epoch = reader.int32(reader.root(), "kraft_controller_epoch", -1);
  if (!reader.ok()) return reader.error();
  return migration;
}

std::string encode(const ProducerIdBlock& block) {
  return JsonWriter()
      .open()
      .field("version", 1)
      .field("broker", block.broker.value)
      .field("block_start", std::to_string(block.first))
      .field("block_end", std::to_string(block.last))
      .close()
      .take();
}

Result<ProducerIdBlock> parse_producer_id_block(std::string_view text) {
  JsonReader reader(kProducerIdBlock, text);
  const JsonValue& root = reader.root();
  ProducerIdBlock block;
  block.broker = BrokerId(reader.int32(root, "broker"));
  block.first = reader.quoted_integer(root, "block_start");
  block.last = reader.quoted_integer(root, "block_end");
  if (reader.ok() && (block.first < 0 || block.last < block.first)) reader.fail("block_end", "no block of ids");
  if (!reader.ok()) return reader.error();
  return block;
}

}  // namespace quokka::znodes
