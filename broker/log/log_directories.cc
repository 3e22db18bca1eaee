// Identity, creation and deletion, flush and checkpoints, retention, close. Loading is in log_directories_load.cc.
#include "broker/log/log_directories.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "broker/log/log_directory.h"
#include "broker/log/log_names.h"
#include "protocol/base/log.h"
#include "protocol/base/topic_name.h"

namespace quokka {
namespace {

// A flush that is under way knows the directory by its name, which is gone soon, or another log's. None begins after the fence.
void end_flushes(const PartitionLogPtr& log) {
  while (true) {
    {
      MutexLock lock(*log->mutex);
      log->log->fence();
      if (!log->log->flushing()) return;
    }
    // It is another thread's, and this one is the pool's and may wait for it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

LogDirectories::LogDirectories(Disk& disk, Pool& pool, Loop& loop, Random& random, Settings settings)
    : disk_(disk), pool_(pool), loop_(loop), random_(random), settings_(std::move(settings)), alive_(std::make_shared<bool>(true)) {
  for (const std::string& path : settings_.log_dirs) directories_.push_back(std::make_shared<Directory>(path));
}

LogDirectories::~LogDirectories() { *alive_ = false; }

Result<LogDirectories::Identity> LogDirectories::open() {
  Identity identity;
  std::string reasons;
  size_t usable = 0;
  for (const DirectoryPtr& directory : directories_) {
    auto status = open_directory(*directory);
    if (!status) {
      if (directory->refused) return status.error();
      directory->health->fail(status.error().message);
      reasons += "; " + status.error().message;
      continue;
    }
    ++usable;
    const MetaProperties& meta = directory->meta;
    if (meta.cluster_id && identity.cluster_id && *meta.cluster_id != *identity.cluster_id)
      return Error{ErrorCode::INCONSISTENT_CLUSTER_ID, directory->path() + "/meta.properties has cluster.id " + *meta.cluster_id +
                                                           ", another of log.dirs has " + *identity.cluster_id};
    if (meta.broker_id && identity.broker_id && *meta.broker_id != *identity.broker_id)
      return Error{ErrorCode::INVALID_CONFIG, directory->path() + "/meta.properties has broker.id " + std::to_string(meta.broker_id->value) +
                                                  ", another of log.dirs has " + std::to_string(identity.broker_id->value)};
    if (meta.cluster_id) identity.cluster_id = meta.cluster_id;
    if (meta.broker_id) identity.broker_id = meta.broker_id;
  }
  if (usable == 0) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "none of log.dirs can be used" + reasons};
  return identity;
}

Status LogDirectories::open_directory(Directory& directory) {
  if (auto status = disk_.make_directories(directory.path()); !status) return status;
  auto lock = disk_.lock(directory.path() + "/.lock");
  if (!lock) return lock.error();
  if (*lock == nullptr) {
    directory.refused = true;
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, "another process holds " + directory.path() + "/.lock: is a broker running on this log directory?"};
  }
  directory.lock = std::move(*lock);
  const std::string path = directory.path() + "/meta.properties";
  auto text = disk_.read_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return {};
  auto meta = decode_meta_properties(**text);
  if (!meta) {
    directory.refused = true;
    return Error{ErrorCode::INVALID_CONFIG, path + ": " + meta.error().message};
  }
  if (meta->version != 0) {
    directory.refused = true;
    return Error{ErrorCode::INVALID_CONFIG, path + " has version " + std::to_string(meta->version) + ": it belongs to a KRaft broker, not to one with ZooKeeper"};
  }
  directory.meta = std::move(*meta);
  return {};
}

Status LogDirectories::bind_identity(const std::string& cluster_id, BrokerId broker_id) {
  for (const DirectoryPtr& directory : directories_) {
    if (directory->health->offline()) continue;
    const std::string path = directory->path() + "/meta.properties";
    MetaProperties& meta = directory->meta;
    if (meta.cluster_id && *meta.cluster_id != cluster_id)
      return Error{ErrorCode::INCONSISTENT_CLUSTER_ID, path + " belongs to cluster " + *meta.cluster_id + ", ZooKeeper's cluster is " + cluster_id +
                                                           ": check zookeeper.connect and log.dirs"};
    if (meta.broker_id && *meta.broker_id != broker_id)
      return Error{ErrorCode::INVALID_CONFIG, path + " belongs to broker " + std::to_string(meta.broker_id->value) + ", this one has broker.id " +
                                                  std::to_string(broker_id.value) + ": set broker.id or log.dirs right"};
    if (meta.cluster_id && meta.broker_id) continue;
    meta.cluster_id = cluster_id;
    meta.broker_id = broker_id;
    const std::string text = encode_meta_properties(meta, loop_.wall_now());
    if (auto status = disk_.replace_file(path, bytes_of(text)); !status) directory->health->fail(status.error().message);
  }
  return {};
}

PartitionLogPtr LogDirectories::find(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto found = logs_.find(partition);
  return found == logs_.end() ? nullptr : found->second;
}

std::vector<PartitionLogPtr> LogDirectories::all() const {
  MutexLock lock(mutex_);
  std::vector<PartitionLogPtr> logs;
  logs.reserve(logs_.size());
  for (const auto& [partition, log] : logs_) logs.push_back(log);
  return logs;
}

std::vector<PartitionLogPtr> LogDirectories::logs_in(const Directory& directory) const {
  MutexLock lock(mutex_);
  std::vector<PartitionLogPtr> logs;
  for (const auto* map : {&logs_, &future_logs_})
    for (const auto& [partition, log] : *map)
      if (log->health == directory.health) logs.push_back(log);
  return logs;
}

std::vector<DirectoryHealthPtr> LogDirectories::directories() const {
  std::vector<DirectoryHealthPtr> all;
  for (const DirectoryPtr& directory : directories_) all.push_back(directory->health);
  return all;
}

bool LogDirectories::any_offline() const {
  return std::any_of(directories_.begin(), directories_.end(), [](const DirectoryPtr& d) { return d->health->offline(); });
}

void LogDirectories::write_behind(FileSlice slice) {
  pool_.run([slice = std::move(slice)] { slice.file->start_writeback(slice.position, slice.length); });
}

void LogDirectories::check_health() {
  for (const DirectoryPtr& directory : directories_) {
    if (!directory->health->offline() || directory->reported.exchange(true)) continue;
    Failed failed{directory->path(), directory->health->reason(), {}};
    for (const PartitionLogPtr& log : logs_in(*directory)) failed.partitions.push_back(log->partition);
    loop_.post([alive = alive_, this, failed = std::move(failed)] {
      if (*alive && on_offline_) (*on_offline_)(failed);
    });
  }
}

Uuid LogDirectories::draw_unique() {
  const uint64_t high = random_.next();
  return {high, random_.next()};
}

// The most free space; of equals the first in log.dirs.
Result<LogDirectories::DirectoryPtr> LogDirectories::choose(const std::optional<std::string>& wanted) const {
  DirectoryPtr best;
  int64_t most = -1;
  for (const DirectoryPtr& directory : directories_) {
    if (wanted && directory->path() != *wanted) continue;
    if (directory->health->offline()) continue;
    auto free = disk_.free_bytes(directory->path());
    if (!free) {
      directory->health->fail(free.error().message);
      continue;
    }
    if (*free <= most) continue;
    most = *free;
    best = directory;
  }
  if (best) return best;
  if (wanted) {
    const bool known = std::any_of(directories_.begin(), directories_.end(), [&](const DirectoryPtr& d) { return d->path() == *wanted; });
    if (!known) return Error{ErrorCode::LOG_DIR_NOT_FOUND, *wanted + " is not one of log.dirs"};
  }
  return Error{ErrorCode::KAFKA_STORAGE_ERROR, "no log directory is online"};
}

Result<PartitionLogPtr> LogDirectories::create(const TopicPartition& partition, std::optional<TopicId> topic_id, LogConfigPtr config,
                                               std::shared_ptr<Mutex> mutex, std::optional<std::string> wanted) {
  if (!is_valid_topic_name(partition.topic) || partition.partition.value < 0)
    return Error{ErrorCode::INVALID_TOPIC_EXCEPTION, "no log can have the name '" + partition.str() + "'"};
  if (PartitionLogPtr existing = find(partition)) {
    if (topic_id) {
      MutexLock lock(*existing->mutex);
      if (auto status = existing->log->set_topic_id(*topic_id); !status) return status.error();
    }
    return existing;
  }
  auto directory = choose(wanted);
  if (!directory) return directory.error();
  const DirectoryHealthPtr health = (*directory)->health;
  const std::string path = (*directory)->path() + "/" + partition.str();
  const auto failed = [&](const Error& error) {
    report(*health, error);
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, error.message};
  };
  if (auto status = disk_.make_directories(path); !status) return failed(status.error());
  if (auto status = disk_.sync_directory((*directory)->path()); !status) return failed(status.error());
  Log::Opening opening;
  opening.directory = path;
  opening.partition = partition;
  opening.config = std::move(config);
  opening.health = health;
  opening.now = loop_.wall_now();
  opening.jitter_draw = random_.next();
  auto log = Log::open(disk_, std::move(opening));
  if (!log) return failed(log.error());
  if (topic_id)
    if (auto status = (*log)->set_topic_id(*topic_id); !status) return status.error();
  auto created = std::make_shared<PartitionLog>(mutex ? std::move(mutex) : std::make_shared<Mutex>(), std::move(*log));
  MutexLock lock(mutex_);
  return logs_.emplace(partition, std::move(created)).first->second;
}

Status LogDirectories::remove(const TopicPartition& partition) { return rename_away(partition, false); }
Status LogDirectories::set_aside_stray(const TopicPartition& partition) { return rename_away(partition, true); }

Status LogDirectories::rename_away(const TopicPartition& partition, bool stray) {
  PartitionLogPtr log;
  {
    MutexLock lock(mutex_);
    const auto found = logs_.find(partition);
    if (found == logs_.end()) return Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "there is no log of " + partition.str()};
    log = found->second;
    logs_.erase(found);
  }
  const std::string parent = log->health->path();
  const auto kind = stray ? DirectoryName::Kind::stray : DirectoryName::Kind::deleted;
  const std::string path = parent + "/" + marked_directory_name(partition, draw_unique(), kind);
  end_flushes(log);
  std::string before;
  Duration delay;
  {
    MutexLock lock(*log->mutex);
    before = log->log->directory();
    delay = Duration::millis(log->log->config()->file_delete_delay_ms);
    log->log->moved_to(path);
  }
  auto status = disk_.rename(before, path);
  if (status.ok()) status = disk_.sync_directory(parent);
  if (!status) {
    report(*log->health, status.error());
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, status.error().message};
  }
  if (stray)
    log_warn("{}: this broker should not have the replica; its log was set aside as {}", partition, path);
  else
    log_info("{}: the log was deleted; {} is removed in {} ms", partition, path, delay.to_millis());
  if (!stray) remove_later({path}, delay);
  return {};
}

// Paths of files or whole directories. What is not removed when the broker stops is removed at its next start.
void LogDirectories::remove_later(std::vector<std::string> paths, Duration delay) {
  loop_.post([alive = alive_, this, paths = std::move(paths), delay]() mutable {
    if (!*alive) return;
    loop_.call_after(delay, [alive, this, paths = std::move(paths)]() mutable {
      if (!*alive) return;
      pool_.run([this, paths = std::move(paths)] {
        for (const std::string& path : paths) {
          const bool directory = path.ends_with("-delete");
          (void)(directory ? disk_.remove_tree(path) : disk_.remove(path));
        }
      });
    });
  });
}

void LogDirectories::flush_soon(PartitionLogPtr log) {
  pool_.run([this, log = std::move(log)] { (void)flush(log); });
}

Result<Offset> LogDirectories::flush(const PartitionLogPtr& log) {
  std::optional<Flush> flush;
  {
    MutexLock lock(*log->mutex);
    log->flush_wanted = false;
    log->last_flush = loop_.now();
    flush = log->log->begin_flush();
    if (!flush) {
      if (log->health->offline()) return Error{ErrorCode::KAFKA_STORAGE_ERROR, log->health->reason()};
      return log->log->recovery_point();
    }
  }
  const Status status = flush->run();
  std::function<void()> on_flushed;
  Offset recovery_point;
  {
    MutexLock lock(*log->mutex);
    log->log->end_flush(*std::move(flush), status);
    recovery_point = log->log->recovery_point();
    on_flushed = log->on_flushed;
  }
  if (on_flushed) on_flushed();
  if (status) return recovery_point;
  check_health();
  return Error{ErrorCode::KAFKA_STORAGE_ERROR, status.error().message};
}

Status LogDirectories::finish_truncation(const PartitionLogPtr& log) {
  const auto failed = [&log](const Error& error) {
    // Nothing may be appended on top of what a power loss could bring back.
    MutexLock lock(*log->mutex);
    log->log->fence();
    return error;
  };
  while (true) {
    if (auto flushed = flush(log); !flushed) return failed(flushed.error());
    {
      MutexLock lock(*log->mutex);
      if (log->log->fully_flushed()) break;
      if (log->log->fenced()) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the log of " + log->partition.str() + " takes no more changes"};
    }
    // The flush of the timer is under way; this thread is the pool's and may wait for it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (const DirectoryPtr& directory : directories_)
    if (directory->health == log->health)
      if (auto status = write_checkpoint(*directory, Checkpoint::recovery_point); !status) return failed(status.error());
  // Records that take the place of those truncated are not compacted.
  if (auto status = checkpoint_first_dirty(log); !status) return failed(status.error());
  return {};
}

Status LogDirectories::checkpoint_first_dirty(const PartitionLogPtr& log) {
  for (const DirectoryPtr& directory : directories_)
    if (directory->health == log->health) return write_checkpoint(*directory, Checkpoint::first_dirty);
  return {};
}

bool LogDirectories::needs_flush(const PartitionLogPtr& log, bool by_time) const {
  MutexLock lock(*log->mutex);
  if (by_time && (loop_.now() - log->last_flush).to_millis() < log->log->config()->flush_ms) return false;
  return !log->log->fully_flushed();
}

void LogDirectories::flush_due() {
  for (const PartitionLogPtr& log : all()) {
    if (needs_flush(log, true)) (void)flush(log);
  }
}

void LogDirectories::flush_all() {
  for (const DirectoryPtr& directory : directories_) {
    if (directory->health->offline()) continue;
    bool moved = false;
    for (const PartitionLogPtr& log : logs_in(*directory)) {
      const bool due = needs_flush(log, false);
      moved = moved || due;
      if (due && !flush(log)) break;
    }
    if (moved && !directory->health->offline()) (void)write_checkpoint(*directory, Checkpoint::recovery_point);
    if (directory->health->take_wants_descriptors()) close_idle_segments();
  }
  check_health();
}

void LogDirectories::checkpoint_high_watermarks() {
  for (const DirectoryPtr& directory : directories_)
    if (!directory->health->offline()) (void)write_checkpoint(*directory, Checkpoint::high_watermark);
  check_health();
}

void LogDirectories::checkpoint_log_starts() {
  for (const DirectoryPtr& directory : directories_)
    if (!directory->health->offline()) (void)write_checkpoint(*directory, Checkpoint::log_start);
  check_health();
}

OffsetCheckpoint LogDirectories::collect(const Directory& directory, Checkpoint which) const {
  OffsetCheckpoint offsets;
  for (const PartitionLogPtr& each : logs_in(directory)) {
    if (each->future) continue;
    MutexLock lock(*each->mutex);
    const Log& log = *each->log;
    switch (which) {
      case Checkpoint::recovery_point: offsets[each->partition] = log.recovery_point(); break;
      case Checkpoint::high_watermark: offsets[each->partition] = log.high_watermark(); break;
      case Checkpoint::log_start:
        // The first segment's name tells the rest.
        if (log.log_start() > log.segments()->front()->base_offset()) offsets[each->partition] = log.log_start();
        break;
      case Checkpoint::first_dirty:
        if (log.first_dirty()) offsets[each->partition] = *log.first_dirty();
        break;
    }
  }
  return offsets;
}

// Several threads may write one: what was collected last wins, and whoever returns successfully knows that its own or a later content is durable.
Status LogDirectories::write_checkpoint(Directory& directory, Checkpoint which) {
  static constexpr const char* kNames[] = {"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint",
                                           "cleaner-offset-checkpoint"};
  const auto index = static_cast<size_t>(which);
  uint64_t turn = 0;
  {
    MutexLock lock(directory.mutex);
    turn = ++directory.checkpoint_turn;
  }
  const std::string content = encode_offset_checkpoint(collect(directory, which));
  const std::string path = directory.path() + "/" + kNames[index];
  const std::string temporary = path + "." + std::to_string(turn) + ".tmp";
  const auto write = [&]() -> Status {
    {
      MutexLock lock(directory.mutex);
      auto& written = directory.written[index];
      if (written.content == content && written.durable) {
        written.turn = turn;  // what was collected before this must not come later
        return {};
      }
      // No log was ever compacted.
      if (which == Checkpoint::first_dirty && written.turn == 0 && directory.first_dirty.empty() && content == encode_offset_checkpoint({})) return {};
    }
    {
      auto file = disk_.open(temporary, Disk::Open::create_empty);
      if (!file) return file.error();
      if (auto status = (*file)->write_at(bytes_of(content), 0); !status) return status;
      if (auto status = (*file)->sync(); !status) return status;
    }
    {
      MutexLock lock(directory.mutex);
      if (directory.written[index].turn > turn) {
        if (auto status = disk_.remove(temporary); !status) return status;
      } else {
        if (auto status = disk_.rename(temporary, path); !status) return status;
        directory.written[index] = {turn, content, false};
      }
    }
    if (auto status = disk_.sync_directory(directory.path()); !status) return status;
    MutexLock lock(directory.mutex);
    if (directory.written[index].turn == turn) directory.written[index].durable = true;
    return {};
  };
  auto status = write();
  if (status.ok()) return {};
  report(*directory.health, status.error());
  return Error{ErrorCode::KAFKA_STORAGE_ERROR, status.error().message};
}

// Without a descriptor only the operation at hand fails.
void LogDirectories::report(DirectoryHealth& health, const Error& error) {
  if (error.code != kOutOfDescriptors) return health.fail(error.message);
  health.want_descriptors();
  log_error_every(Duration::seconds(10), "{}; the limit of open files is too low (ulimit -n)", error.message);
}

// Closes sealed segments that nobody read since the last call.
void LogDirectories::close_idle_segments() {
  for (const PartitionLogPtr& each : all()) {
    std::shared_ptr<const SegmentList> segments;
    {
      MutexLock lock(*each->mutex);
      segments = each->log->segments();
    }
    for (const SegmentPtr& segment : *segments) segment->drop_if_idle();
  }
}

void LogDirectories::apply_retention(WallTime now) {
  for (const PartitionLogPtr& each : all()) {
    if (each->health->offline()) continue;
    std::shared_ptr<const SegmentList> segments;
    LogConfigPtr config;
    {
      MutexLock lock(*each->mutex);
      segments = each->log->segments();
      config = each->log->config();
    }
    // Outside the lock: what the decision will ask of old segments, as far as it will look.
    for (const SegmentPtr& segment : *segments) {
      if (!segment->sealed() || !config->cleanup_delete || config->retention_ms < 0) break;
      const auto largest = segment->largest_timestamp();
      if (!largest || (*largest >= 0 && now.ms - *largest <= config->retention_ms)) break;
    }
    for (const SegmentPtr& segment : *segments) segment->drop_if_idle();
    std::vector<std::string> paths;
    std::string gone;
    {
      MutexLock lock(*each->mutex);
      auto removed = each->log->apply_retention(now);
      if (removed.ok()) paths = std::move(removed->paths);
      if (removed.ok() && removed->segments > 0)
        gone = fmt::format("{} segments with {} bytes are past retention; the log begins at {}", removed->segments, removed->bytes, each->log->log_start().value);
    }
    if (!gone.empty()) log_info("{}: {}", each->partition, gone);
    if (!paths.empty()) remove_later(std::move(paths), Duration::millis(config->file_delete_delay_ms));
  }
  check_health();
}

std::vector<LogDirectories::DirectoryView> LogDirectories::describe() const {
  std::vector<DirectoryView> views;
  for (const DirectoryPtr& directory : directories_) {
    DirectoryView view;
    view.path = directory->path();
    view.offline = directory->health->offline();
    if (!view.offline) {
      if (const auto free = disk_.free_bytes(view.path); free.ok()) view.free_bytes = *free;
      if (const auto total = disk_.total_bytes(view.path); total.ok()) view.total_bytes = *total;
      for (const PartitionLogPtr& log : logs_in(*directory)) {
        MutexLock lock(*log->mutex);
        view.partitions.push_back({log->partition, log->log->size_bytes(), log->log->log_end(), log->future});
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

void LogDirectories::start(Function<void(const Failed&)> offline) {
  on_offline_ = std::make_shared<Function<void(const Failed&)>>(std::move(offline));
  every(settings_.flush_interval, settings_.flush_interval, [this] { flush_all(); });
  if (settings_.flush_check_interval < settings_.flush_interval)
    every(settings_.flush_check_interval, settings_.flush_check_interval, [this] { flush_due(); });
  every(settings_.high_watermark_interval, settings_.high_watermark_interval, [this] { checkpoint_high_watermarks(); });
  every(settings_.log_start_interval, settings_.log_start_interval, [this] { checkpoint_log_starts(); });
  every(settings_.initial_delay, settings_.retention_interval, [this] { apply_retention(loop_.wall_now()); });
  every(settings_.producer_expiry_interval, settings_.producer_expiry_interval, [this] {
    for (const PartitionLogPtr& each : all()) {
      MutexLock lock(*each->mutex);
      each->log->expire_producers(loop_.wall_now());
    }
  });
}

void LogDirectories::every(Duration first, Duration interval, Function<void()> work) {
  arm(first, interval, std::make_shared<Function<void()>>(std::move(work)));
}

// The next turn is counted from the end of the one before, so that slow disks do not pile work up.
void LogDirectories::arm(Duration delay, Duration interval, std::shared_ptr<Function<void()>> work) {
  loop_.call_after(delay, [alive = alive_, this, interval, work = std::move(work)]() mutable {
    if (!*alive) return;
    pool_.run([alive, this, interval, work = std::move(work)]() mutable {
      (*work)();
      loop_.post([alive, this, interval, work = std::move(work)]() mutable {
        if (*alive) arm(interval, interval, std::move(work));
      });
    });
  });
}

void LogDirectories::stop() {
  *alive_ = false;
  on_offline_.reset();
}

bool LogDirectories::close_logs(const Directory& directory) {
  bool good = true;
  for (const PartitionLogPtr& each : logs_in(directory)) {
    MutexLock lock(*each->mutex);
    if (auto status = each->log->close(); !status) good = false;
  }
  return good;
}

void LogDirectories::close() {
  for (const DirectoryPtr& directory : directories_) {
    if (directory->health->offline()) continue;
    if (!directory->loaded) {
      // Nothing was changed: what was clean still is.
      if (directory->was_clean) (void)disk_.replace_file(directory->path() + "/.kafka_cleanshutdown", bytes_of(kCleanShutdownContent));
      directory->lock.reset();
      continue;
    }
    const bool closed = close_logs(*directory) && write_checkpoint(*directory, Checkpoint::recovery_point).ok() &&
                        write_checkpoint(*directory, Checkpoint::high_watermark).ok() && write_checkpoint(*directory, Checkpoint::log_start).ok();
    if (closed && !directory->health->offline()) {
      (void)disk_.replace_file(directory->path() + "/.kafka_cleanshutdown", bytes_of(kCleanShutdownContent));
      (void)disk_.remove(directory->path() + "/.lock");
    }
    directory->lock.reset();
  }
}

}  // namespace quokka
