#include "integration-tests/faults/file_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "broker/log/log_names.h"
#include "protocol/records/record_batch.h"

namespace quokka {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> partition_directories(Scene& scene, int broker) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(scene.cluster().data_directory(broker))) {
    const auto name = parse_directory_name(entry.path().filename().string());
    if (name && name->kind == DirectoryName::Kind::partition && name->partition.topic == scene.topic()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<fs::path> files_with(const fs::path& directory, const std::string& suffix) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    if (entry.is_regular_file() && entry.path().filename().string().ends_with(suffix)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}
void write_file(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary | std::ios::trunc) << text; }

// Where the batches of a segment begin, and where the last ends.
std::vector<size_t> batch_places(const std::string& segment) {
  std::vector<size_t> places = {0};
  BatchCursor cursor(bytes_of(segment));
  while (cursor.next()) places.push_back(cursor.position());
  return places;
}

// A follower dies, its files are changed, it starts again and is in sync again. Rounds are different brokers.
template <class Damage>
void damage_and_restart(Scene& scene, int rounds, const Damage& damage) {
  for (int round = 0; round < rounds; ++round) {
    const int broker = scene.follower(scene.below(Scene::partitions));
    scene.cluster().kill_broker(broker);
    damage(broker);
    scene.start_again(broker);
    scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), fmt::format("broker {} is not in sync again", broker));
  }
}

// What may befall a file.
std::string damaged(Scene& scene, const std::string& content, int how) {
  std::string changed = content;
  switch (how) {
    case 0: return "";
    case 1: return std::string(content.size(), '\0');
    case 2: return content + std::string(24, '\x7f');
    case 3: return content.substr(0, content.size() / 2);
    default:
      for (char& each : changed) each = static_cast<char>(scene.below(256));
      return changed;
  }
}
constexpr int ways = 5;

}  // namespace

void torn_tails(Scene& scene) {
  int torn = 0;
  damage_and_restart(scene, 4, [&](int broker) {
    for (const fs::path& directory : partition_directories(scene, broker)) {
      const fs::path segment = files_with(directory, ".log").back();
      const std::vector<size_t> places = batch_places(read_file(segment));
      if (places.size() < 3) continue;
      const size_t from = places[places.size() - 3];
      fs::resize_file(segment, from + static_cast<size_t>(scene.below(static_cast<int>(places.back() - from))));
      ++torn;
    }
  });
  if (torn > 0) scene.took_effect(fmt::format("{} segments were cut inside their last two batches", torn));
}

namespace {

// A leader epoch that the partition comes to have, in a field without checksum: nothing tells that it is not the batch's.
bool is_a_later_epoch(const std::string& whole, const std::string& flipped, size_t batch) {
  constexpr size_t epoch_at = 12;
  constexpr int32_t epochs_max = 100;  // of a run
  const auto epoch = [&](const std::string& of) { return load_be<int32_t>(reinterpret_cast<const uint8_t*>(of.data()) + batch + epoch_at); };
  return epoch(flipped) > epoch(whole) && epoch(flipped) < epochs_max;
}

}  // namespace

void flipped_bits(Scene& scene) {
  int flipped = 0;
  damage_and_restart(scene, 4, [&](int broker) {
    for (const fs::path& directory : partition_directories(scene, broker)) {
      const fs::path segment = files_with(directory, ".log").back();
      std::string content = read_file(segment);
      const std::vector<size_t> places = batch_places(content);
      if (places.size() < 2) continue;
      const size_t from = places[places.size() - 2];
      // The length field as well: nothing of a batch can be trusted before its checksum holds.
      std::string flipped_content;
      do {
        flipped_content = content;
        char& byte = flipped_content[from + static_cast<size_t>(scene.below(static_cast<int>(places.back() - from)))];
        byte = static_cast<char>(byte ^ (1 << scene.below(8)));
      } while (is_a_later_epoch(content, flipped_content, from));
      write_file(segment, flipped_content);
      ++flipped;
    }
  });
  if (flipped > 0) scene.took_effect(fmt::format("a bit was flipped in the last batch of {} segments", flipped));
}

void damaged_side_files(Scene& scene) {
  static constexpr std::array in_partition = {".index", ".timeindex", ".snapshot", "leader-epoch-checkpoint"};
  static constexpr std::array in_directory = {"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"};
  int changed = 0;
  const auto change = [&](const fs::path& path) {
    if (const int how = scene.below(ways + 1); how < ways)
      write_file(path, damaged(scene, read_file(path), how));
    else
      fs::remove(path);
    ++changed;
  };
  damage_and_restart(scene, 4, [&](int broker) {
    for (const fs::path& directory : partition_directories(scene, broker))
      for (const char* suffix : in_partition)
        for (const fs::path& path : files_with(directory, suffix)) change(path);
    for (const char* name : in_directory)
      if (const fs::path path = fs::path(scene.cluster().data_directory(broker)) / name; fs::exists(path)) change(path);
  });
  if (changed > 0) scene.took_effect(fmt::format("{} files beside the logs were damaged", changed));
}

}  // namespace quokka
