#include "broker/disk/memory_disk.h"

#include <algorithm>

namespace quokka {

namespace {

// One file's content, shared by its names and open handles.
struct Node {
  bool directory = false;
  std::string written;
  std::string synced;
  int64_t modified_ms = 0;
  size_t dropped_from = 0, dropped_to = 0;  // bytes of `written` that the device will never get

  size_t first_difference() const {
    const size_t common = std::min(written.size(), synced.size());
    return static_cast<size_t>(std::mismatch(written.begin(), written.begin() + static_cast<std::ptrdiff_t>(common), synced.begin()).first - written.begin());
  }
  void drop_unsynced() {
    const size_t from = first_difference();
    dropped_from = dropped_from == dropped_to ? from : std::min(dropped_from, from);
    dropped_to = std::max(dropped_to, written.size());
  }
  // What was written, as the device has it.
  std::string on_device() const {
    std::string content = written;
    for (size_t i = dropped_from; i < std::min(dropped_to, content.size()); ++i) content[i] = i < synced.size() ? synced[i] : '\0';
    return content;
  }
};
using NodePtr = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePtr>;

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() + 1 && path.compare(0, directory.size(), directory) == 0 && path[directory.size()] == '/';
}

Error missing(const std::string& path) { return Error{ErrorCode::KAFKA_STORAGE_ERROR, path + ": no such file or directory"}; }

}  // namespace

struct MemoryDisk::State {
  mutable Mutex mutex;
  Names names GUARDED_BY(mutex);    // as programs see them
  Names durable GUARDED_BY(mutex);  // as a power loss leaves them
  std::map<std::string, int64_t> locks GUARDED_BY(mutex);
  int64_t life GUARDED_BY(mutex) = 0;  // rises at every power loss or kill
  std::map<std::string, int64_t> free_bytes GUARDED_BY(mutex);
  std::function<bool(const Operation&)> fails GUARDED_BY(mutex);
  bool out_of_descriptors GUARDED_BY(mutex) = false;
  bool cold GUARDED_BY(mutex) = false;
  bool failed_syncs_drop GUARDED_BY(mutex) = false;
  std::function<int64_t()> now_ms GUARDED_BY(mutex);
  std::vector<Operation> operations GUARDED_BY(mutex);

  int64_t now() const REQUIRES(mutex) { return now_ms ? now_ms() : 0; }

  Status ask(const char* name, const std::string& path, const std::string& to = {}) REQUIRES(mutex) {
    Operation operation{name, path, to};
    const bool refused = fails && fails(operation);
    operations.push_back(operation);
    if (out_of_descriptors && (operation.name == "open" || operation.name == "list" || operation.name == "sync_directory"))
      return Error{kOutOfDescriptors, std::string(name) + " " + path + ": Too many open files"};
    if (refused) return Error{ErrorCode::KAFKA_STORAGE_ERROR, std::string(name) + " " + path + ": Input/output error"};
    return {};
  }
};

namespace {

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<MemoryDisk::State> state, std::string path, NodePtr node)
      : state_(std::move(state)), path_(std::move(path)), node_(std::move(node)) {}

  const std::string& path() const override { return path_; }
  int fd() const override { return -1; }
  Result<int64_t> size() const override {
    MutexLock lock(state_->mutex);
    return static_cast<int64_t>(node_->written.size());
  }
  Result<size_t> read_at(MutableBytes into, int64_t position) const override {
    MutexLock lock(state_->mutex);
    if (auto status = state_->ask("read", path_); !status) return status.error();
    const auto from = static_cast<size_t>(position);
    if (from >= node_->written.size()) return size_t{0};
    const size_t count = std::min(into.size(), node_->written.size() - from);
    std::memcpy(into.data(), node_->written.data() + from, count);
    return count;
  }
  bool is_cached(int64_t, int64_t) const override {
    MutexLock lock(state_->mutex);
    return !state_->cold;
  }
  void read_ahead(int64_t, int64_t) const override {}
  void forget_cached(int64_t, int64_t) const override {
    MutexLock lock(state_->mutex);
    (void)state_->ask("forget_cached", path_);
  }
  void start_writeback(int64_t, int64_t) const override {
    MutexLock lock(state_->mutex);
    (void)state_->ask("writeback", path_);
  }
  Status write_at(Bytes bytes, int64_t position) override {
    MutexLock lock(state_->mutex);
    auto status = state_->ask("write", path_);
    const size_t count = status.ok() ? bytes.size() : bytes.size() / 2;
    const auto from = static_cast<size_t>(position);
    if (node_->written.size() < from + count) node_->written.resize(from + count);
    std::memcpy(node_->written.data() + from, bytes.data(), count);
    node_->modified_ms = state_->now();
    return status;
  }
  Status truncate(int64_t size) override {
    MutexLock lock(state_->mutex);
    if (auto status = state_->ask("truncate", path_); !status) return status;
    node_->written.resize(static_cast<size_t>(size));
    return {};
  }
  void preallocate(int64_t, int64_t) override {}
  Status set_modified(WallTime when) override {
    MutexLock lock(state_->mutex);
    node_->modified_ms = when.ms;
    return {};
  }
  Status sync() override {
    MutexLock lock(state_->mutex);
    if (auto status = state_->ask("sync", path_); !status) {
      if (state_->failed_syncs_drop) node_->drop_unsynced();
      return status;
    }
    node_->synced = node_->on_device();
    return {};
  }

 private:
  const std::shared_ptr<MemoryDisk::State> state_;
  const std::string path_;
  const NodePtr node_;
};

class MemoryLock final : public DirectoryLock {
 public:
  MemoryLock(std::shared_ptr<MemoryDisk::State> state, std::string path, int64_t life)
      : state_(std::move(state)), path_(std::move(path)), life_(life) {}
  ~MemoryLock() override {
    MutexLock lock(state_->mutex);
    if (state_->life == life_) state_->locks.erase(path_);
  }

 private:
  const std::shared_ptr<MemoryDisk::State> state_;
  const std::string path_;
  const int64_t life_;
};

}  // namespace

MemoryDisk::MemoryDisk() : state_(std::make_shared<State>()) {}
MemoryDisk::~MemoryDisk() = default;

void MemoryDisk::set_fault(std::function<bool(const Operation&)> fails) {
  MutexLock lock(state_->mutex);
  state_->fails = std::move(fails);
}

void MemoryDisk::set_out_of_descriptors(bool out) {
  MutexLock lock(state_->mutex);
  state_->out_of_descriptors = out;
}

void MemoryDisk::set_cold(bool cold) {
  MutexLock lock(state_->mutex);
  state_->cold = cold;
}

std::vector<MemoryDisk::Operation> MemoryDisk::operations() const {
  MutexLock lock(state_->mutex);
  return state_->operations;
}

void MemoryDisk::forget_operations() {
  MutexLock lock(state_->mutex);
  state_->operations.clear();
}

void MemoryDisk::set_failed_syncs_drop(bool drop) {
  MutexLock lock(state_->mutex);
  state_->failed_syncs_drop = drop;
}

void MemoryDisk::lose_power(const Torn& torn) {
  MutexLock lock(state_->mutex);
  Names left;
  for (const auto& [path, node] : state_->durable) {
    auto copy = std::make_shared<Node>();
    copy->directory = node->directory;
    copy->modified_ms = node->modified_ms;
    copy->synced = node->synced;
    if (torn && node->written != node->synced) {
      if (const auto kept = torn(path, node->first_difference(), node->written.size())) copy->synced = node->on_device().substr(0, *kept);
    }
    copy->written = copy->synced;
    left.emplace(path, std::move(copy));
  }
  state_->durable = left;
  state_->names = std::move(left);
  state_->locks.clear();
  ++state_->life;
}

void MemoryDisk::kill() {
  MutexLock lock(state_->mutex);
  for (const auto& [path, node] : state_->names) {
    if (node->dropped_from == node->dropped_to) continue;
    node->written = node->on_device();
    node->dropped_from = node->dropped_to = 0;
  }
  state_->locks.clear();
  ++state_->life;
}

void MemoryDisk::set_free_bytes(const std::string& directory, int64_t bytes) {
  MutexLock lock(state_->mutex);
  state_->free_bytes[directory] = bytes;
}

void MemoryDisk::set_wall_clock(std::function<int64_t()> now_ms) {
  MutexLock lock(state_->mutex);
  state_->now_ms = std::move(now_ms);
}

Result<std::shared_ptr<File>> MemoryDisk::open(const std::string& path, Open mode) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("open", path); !status) return status.error();
  auto found = state_->names.find(path);
  if (found == state_->names.end()) {
    if (mode == Open::read || mode == Open::read_write) return missing(path);
    if (state_->names.find(parent_directory(path)) == state_->names.end()) return missing(path);
    found = state_->names.emplace(path, std::make_shared<Node>()).first;
    found->second->modified_ms = state_->now();
  }
  if (found->second->directory) return Error{ErrorCode::KAFKA_STORAGE_ERROR, path + ": is a directory"};
  if (mode == Open::create_empty) found->second->written.clear();
  return std::shared_ptr<File>(std::make_shared<MemoryFile>(state_, path, found->second));
}

Result<bool> MemoryDisk::exists(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("exists", path); !status) return status.error();
  return state_->names.find(path) != state_->names.end();
}

Status MemoryDisk::rename(const std::string& from, const std::string& to) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("rename", from, to); !status) return status;
  const auto found = state_->names.find(from);
  if (found == state_->names.end()) return missing(from);
  const NodePtr node = found->second;
  state_->names.erase(found);
  state_->names[to] = node;
  if (!node->directory) return {};
  // A directory's entries go with it, as on a real disk where they belong to the directory and not to its name.
  for (Names* names : {&state_->names, &state_->durable}) {
    Names moved;
    for (auto at = names->begin(); at != names->end();) {
      if (is_below(at->first, from)) {
        moved.emplace(to + at->first.substr(from.size()), at->second);
        at = names->erase(at);
      } else {
        ++at;
      }
    }
    names->merge(moved);
  }
  return {};
}

Status MemoryDisk::remove(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("remove", path); !status) return status;
  state_->names.erase(path);
  return {};
}

Status MemoryDisk::remove_tree(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("remove_tree", path); !status) return status;
  std::erase_if(state_->names, [&](const auto& entry) { return entry.first == path || is_below(entry.first, path); });
  std::erase_if(state_->durable, [&](const auto& entry) { return entry.first == path || is_below(entry.first, path); });
  return {};
}

Result<std::vector<DirectoryEntry>> MemoryDisk::list(const std::string& directory) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("list", directory); !status) return status.error();
  if (state_->names.find(directory) == state_->names.end()) return missing(directory);
  std::vector<DirectoryEntry> entries;
  for (const auto& [path, node] : state_->names)
    if (is_below(path, directory) && path.find('/', directory.size() + 1) == std::string::npos)
      entries.push_back({path.substr(directory.size() + 1), node->directory, static_cast<int64_t>(node->written.size()), node->modified_ms});
  return entries;
}

Status MemoryDisk::make_directories(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("make_directories", path); !status) return status;
  for (std::string at = path; at != "/" && at != "."; at = parent_directory(at)) {
    NodePtr& node = state_->names[at];
    if (!node) {
      node = std::make_shared<Node>();
      node->directory = true;
    }
  }
  return {};
}

Status MemoryDisk::sync_directory(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("sync_directory", path); !status) return status;
  const auto self = state_->names.find(path);
  if (self == state_->names.end()) return missing(path);
  const auto child = [&](const std::string& name) { return is_below(name, path) && name.find('/', path.size() + 1) == std::string::npos; };
  for (auto entry = state_->durable.begin(); entry != state_->durable.end();)
    entry = child(entry->first) && state_->names.count(entry->first) == 0 ? state_->durable.erase(entry) : std::next(entry);
  for (const auto& [name, node] : state_->names)
    if (child(name)) state_->durable[name] = node;
  // Directories that hold it are taken as durable: they are made once, at set-up.
  for (std::string at = path; at != "/" && at != "."; at = parent_directory(at)) {
    const auto found = state_->names.find(at);
    if (found != state_->names.end()) state_->durable[at] = found->second;
  }
  return {};
}

Result<std::unique_ptr<DirectoryLock>> MemoryDisk::lock(const std::string& path) {
  MutexLock lock(state_->mutex);
  if (auto status = state_->ask("lock", path); !status) return status.error();
  if (state_->locks.count(path) != 0) return std::unique_ptr<DirectoryLock>();
  state_->locks[path] = state_->life;
  NodePtr& node = state_->names[path];
  if (!node) node = std::make_shared<Node>();
  return std::unique_ptr<DirectoryLock>(std::make_unique<MemoryLock>(state_, path, state_->life));
}

Result<int64_t> MemoryDisk::free_bytes(const std::string& directory) {
  MutexLock lock(state_->mutex);
  const auto found = state_->free_bytes.find(directory);
  return found == state_->free_bytes.end() ? int64_t{1} << 40 : found->second;
}

Result<int64_t> MemoryDisk::total_bytes(const std::string&) { return int64_t{1} << 41; }

}  // namespace quokka
