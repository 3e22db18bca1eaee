// Loading: what the directories hold becomes logs, on the pool, directories and partitions in parallel.
#include <algorithm>

#include "broker/log/log_directories.h"
#include "broker/log/log_directory.h"
#include "broker/log/log_names.h"

namespace quokka {

struct LogDirectories::Loading {
  ConfigOf config_of;
  // The loop's own.
  Function<void(const Progress&)> progress;
  Function<void(Result<LoadReport>)> done;

  Mutex mutex;
  LoadReport report GUARDED_BY(mutex);
  std::optional<Error> refusal GUARDED_BY(mutex);
  size_t directories_left GUARDED_BY(mutex) = 0;

  void note(std::string text) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    report.notes.push_back(std::move(text));
  }
};

void LogDirectories::load(ConfigOf config_of, Function<void(const Progress&)> progress, Function<void(Result<LoadReport>)> done) {
  auto loading = std::make_shared<Loading>();
  loading->config_of = std::move(config_of);
  loading->progress = std::move(progress);
  loading->done = std::move(done);
  {
    MutexLock lock(loading->mutex);
    loading->directories_left = directories_.size();
  }
  for (const DirectoryPtr& directory : directories_) pool_.run([this, loading, directory] { prepare(loading, directory); });
}

void LogDirectories::prepare(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory) {
  if (!directory->health->offline())
    if (auto status = find_partitions(*loading, *directory); !status) directory->health->fail(status.error().message);
  int workers = 0;
  {
    MutexLock lock(directory->mutex);
    const auto wanted = static_cast<size_t>(std::max(1, settings_.recovery_threads_per_directory));
    workers = directory->health->offline() ? 0 : static_cast<int>(std::min(wanted, directory->to_load.size()));
    directory->running = workers;
  }
  if (workers == 0) return finish_directory(loading, directory);
  for (int i = 0; i < workers; ++i) pool_.run([this, loading, directory] { load_next(loading, directory); });
}

Status LogDirectories::find_partitions(Loading& loading, Directory& directory) {
  // The mark goes before anything is loaded: a crash while loading must not look like a clean stop.
  const std::string mark = directory.path() + "/.kafka_cleanshutdown";
  auto clean = disk_.exists(mark);
  if (!clean) return clean.error();
  directory.was_clean = *clean;
  if (*clean) {
    if (auto status = disk_.remove(mark); !status) return status;
    if (auto status = disk_.sync_directory(directory.path()); !status) return status;
  }
  const auto read = [&](const char* name, OffsetCheckpoint& into) -> Status {
    const std::string path = directory.path() + "/" + name;
    auto text = disk_.read_file(path);
    if (!text) return text.error();
    if (!text->has_value()) return {};
    auto offsets = decode_offset_checkpoint(**text);
    if (offsets.ok())
      into = std::move(*offsets);
    else
      loading.note(path + " is damaged and not used: " + offsets.error().message);
    return {};
  };
  if (auto status = read("recovery-point-offset-checkpoint", directory.recovery_points); !status) return status;
  if (auto status = read("replication-offset-checkpoint", directory.high_watermarks); !status) return status;
  if (auto status = read("log-start-offset-checkpoint", directory.log_starts); !status) return status;
  if (auto status = read("cleaner-offset-checkpoint", directory.first_dirty); !status) return status;

  auto entries = disk_.list(directory.path());
  if (!entries) return entries.error();
  std::deque<std::string> to_load;
  std::vector<std::string> to_remove;
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = directory.path() + "/" + entry.name;
    if (!entry.is_directory) {
      if (entry.name.ends_with(".tmp"))
        if (auto status = disk_.remove(path); !status) return status;
      continue;
    }
    const auto name = parse_directory_name(entry.name);
    if (!name) {
      if (entry.name != "remote-log-index-cache") loading.note(path + " is no partition's directory and is left alone");
      continue;
    }
    if (name->partition.topic == "__cluster_metadata") continue;
    switch (name->kind) {
      case DirectoryName::Kind::partition:
      case DirectoryName::Kind::future: to_load.push_back(entry.name); break;
      case DirectoryName::Kind::deleted: to_remove.push_back(path); break;
      case DirectoryName::Kind::stray: loading.note(path + " was set aside as a stray replica; remove it when nobody needs it"); break;
    }
  }
  if (!to_remove.empty()) remove_later(std::move(to_remove), settings_.file_delete_delay);
  MutexLock lock(directory.mutex);
  directory.total = to_load.size();
  directory.to_load = std::move(to_load);
  return {};
}

void LogDirectories::load_next(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory) {
  std::optional<std::string> name;
  bool last = false;
  {
    MutexLock lock(directory->mutex);
    if (directory->health->offline()) directory->to_load.clear();
    if (directory->to_load.empty()) {
      last = --directory->running == 0;
    } else {
      name = std::move(directory->to_load.front());
      directory->to_load.pop_front();
    }
  }
  if (!name) {
    if (last) finish_directory(loading, directory);
    return;
  }
  load_one(*loading, *directory, *name);
  Progress progress;
  progress.directory = directory->path();
  {
    MutexLock lock(directory->mutex);
    progress.partitions_done = ++directory->done;
    progress.partitions_total = directory->total;
    progress.partition = parse_directory_name(*name)->partition;
    progress.recovery = directory->last_recovery;
  }
  loop_.post([alive = alive_, loading, progress = std::move(progress)] {
    if (*alive && loading->progress) loading->progress(progress);
  });
  // One partition a turn, so that other work of the pool has its turn too.
  pool_.run([this, loading, directory] { load_next(loading, directory); });
}

void LogDirectories::load_one(Loading& loading, Directory& directory, const std::string& name) {
  const auto parsed = parse_directory_name(name);
  const TopicPartition& partition = parsed->partition;
  const auto offset_of = [&](const OffsetCheckpoint& offsets) {
    const auto found = offsets.find(partition);
    return found == offsets.end() ? Offset(0) : found->second;
  };
  const bool future = parsed->kind == DirectoryName::Kind::future;
  Log::Opening opening;
  opening.directory = directory.path() + "/" + name;
  opening.partition = partition;
  opening.config = loading.config_of(partition.topic);
  opening.health = directory.health;
  opening.clean = directory.was_clean;
  if (!future) {
    opening.recovery_point = offset_of(directory.recovery_points);
    opening.log_start = offset_of(directory.log_starts);
    opening.high_watermark = offset_of(directory.high_watermarks);
    if (const auto dirty = directory.first_dirty.find(partition); dirty != directory.first_dirty.end()) opening.first_dirty = dirty->second;
  }
  opening.now = loop_.wall_now();
  opening.jitter_draw = random_.next();
  Log::Recovery recovery;
  auto log = Log::open(disk_, std::move(opening), &recovery);
  {
    MutexLock lock(directory.mutex);
    directory.last_recovery = recovery;
  }
  for (const std::string& note : recovery.notes) loading.note(note);
  if (!log) {
    directory.health->fail(log.error().message);
    return;
  }
  auto loaded = std::make_shared<PartitionLog>(std::make_shared<Mutex>(), std::move(*log), future);
  bool twice = false;
  std::string other;
  {
    MutexLock lock(mutex_);
    auto& map = future ? future_logs_ : logs_;
    const auto placed = map.emplace(partition, loaded);
    twice = !placed.second;
    other = placed.first->second->health->path();
  }
  if (!twice) return;
  MutexLock lock(loading.mutex);
  loading.refusal = Error{ErrorCode::INVALID_CONFIG, partition.str() + " lies in both " + other + " and " + directory.path() +
                                                         ": keep the right one, move the other away, and start again"};
}

void LogDirectories::finish_directory(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory) {
  if (!directory->health->offline()) directory->loaded = true;
  {
    MutexLock lock(loading->mutex);
    if (--loading->directories_left > 0) return;
  }
  // The last one: nobody else works on `loading` any more.
  LoadReport report;
  std::optional<Error> refusal;
  {
    MutexLock lock(loading->mutex);
    report = std::move(loading->report);
    refusal = std::move(loading->refusal);
  }
  report.partitions = all().size();
  size_t usable = 0;
  for (const DirectoryPtr& each : directories_) {
    if (!each->health->offline()) {
      ++usable;
      continue;
    }
    each->reported = true;
    Failed failed{each->path(), each->health->reason(), {}};
    for (const PartitionLogPtr& log : logs_in(*each)) failed.partitions.push_back(log->partition);
    report.offline.push_back(std::move(failed));
  }
  if (!refusal && usable == 0) {
    std::string reasons;
    for (const Failed& failed : report.offline) reasons += (reasons.empty() ? "" : "; ") + failed.reason;
    refusal = Error{ErrorCode::KAFKA_STORAGE_ERROR, "none of log.dirs can be used: " + reasons};
  }
  loop_.post([alive = alive_, loading, report = std::move(report), refusal = std::move(refusal)]() mutable {
    if (!*alive) return;
    if (refusal)
      loading->done(std::move(*refusal));
    else
      loading->done(std::move(report));
  });
}

}  // namespace quokka
