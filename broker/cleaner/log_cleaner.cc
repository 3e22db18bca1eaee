#include "broker/cleaner/log_cleaner.h"

#include <algorithm>

#include "protocol/base/log.h"

namespace quokka {

namespace {

constexpr Duration kFailurePauseMin = Duration::seconds(1);

// Timestamp of the segment's first batch; -1 if it is empty.
Result<int64_t> first_timestamp(const Segment& segment) {
  auto file = segment.file();
  if (!file) return file.error();
  uint8_t header[kBatchHeaderBytes] = {};
  auto read = (*file)->read_at(header, 0);
  if (!read) return read.error();
  return *read < kBatchMagicEndBytes ? int64_t{-1} : BatchView(header).max_timestamp_ms();
}

}  // namespace

struct LogCleaner::Candidate {
  CleaningPlan plan;
  CleanableRange range;
  bool due = false;
};

LogCleaner::LogCleaner(Settings settings, Ports ports)
    : settings_(std::move(settings)),
      ports_(ports),
      secret_{ports.random.next(), ports.random.next()},
      alive_(std::make_shared<bool>(true)),
      workers_(static_cast<size_t>(std::max(1, settings_.threads))) {}

LogCleaner::~LogCleaner() { *alive_ = false; }

void LogCleaner::start() {
  for (size_t worker = 0; worker < workers_.size(); ++worker) look(worker);
}

void LogCleaner::stop(Task done) {
  stopping_ = true;
  on_stopped_ = std::move(done);
  for (Worker& worker : workers_) {
    if (worker.timer == 0) continue;
    ports_.loop.cancel(std::exchange(worker.timer, 0));
  }
  for (size_t worker = 0; worker < workers_.size(); ++worker)
    if (!workers_[worker].busy) finish(worker);
}

template <class Work, class Then>
void LogCleaner::on_pool(size_t worker, Work work, Then then) {
  workers_[worker].busy = true;
  ports_.pool.run([alive = alive_, this, worker, work = std::move(work), then = std::move(then)]() mutable {
    auto result = work();
    ports_.loop.post([alive = std::move(alive), this, worker, then = std::move(then), result = std::move(result)]() mutable {
      if (!*alive) return;
      workers_[worker].busy = false;
      then(std::move(result));
    });
  });
}

// A worker that was told to stop: what it has begun is removed.
void LogCleaner::finish(size_t index) {
  Worker& worker = workers_[index];
  if (auto cleaning = std::exchange(worker.cleaning, nullptr)) {
    return on_pool(index,
                   [cleaning] {
                     cleaning->abandon();
                     return true;
                   },
                   [this, index](bool) { finish(index); });
  }
  const bool any_busy = std::any_of(workers_.begin(), workers_.end(), [](const Worker& each) { return each.busy || each.cleaning; });
  if (!any_busy && on_stopped_) ports_.loop.post(std::exchange(on_stopped_, nullptr));
}

void LogCleaner::rest(size_t worker, MonoTime until, void (LogCleaner::*then)(size_t)) {
  workers_[worker].timer = ports_.loop.call_at(until, [this, worker, then] {
    workers_[worker].timer = 0;
    (this->*then)(worker);
  });
}

// --- What to clean next

void LogCleaner::look(size_t worker) {
  if (stopping_) return finish(worker);
  if (looking_) return wait_to_look_.push_back(worker);
  looking_ = true;
  Failures failures;
  {
    MutexLock lock(mutex_);
    failures = failures_;
  }
  on_pool(worker, [this, busy = busy_, failures = std::move(failures), now = ports_.loop.now()] { return look_at_all(busy, failures, now); },
          [this, worker](Look look) { on_look(worker, std::move(look)); });
}

LogCleaner::Look LogCleaner::look_at_all(const std::set<TopicPartition>& busy, const Failures& failures, MonoTime now) {
  Look look;
  std::optional<Candidate> best;
  for (const PartitionLogPtr& log : ports_.directories.all()) {
    look.there.insert(log->partition);
    if (log->health->offline() || busy.contains(log->partition)) continue;
    CompactionView view;
    {
      MutexLock lock(*log->mutex);
      if (!log->log->config()->cleanup_compact) continue;
      view = log->log->compaction_view();
    }
    const auto failed = failures.find(log->partition);
    if (failed != failures.end() && failed->second.retry_at > now && failed->second.config == view.config) continue;
    auto found = look_at(log, std::move(view));
    if (!found) {
      look.unreadable.emplace_back(log, found.error());
      continue;
    }
    look.dirtiest = std::max(look.dirtiest, found->range.ratio());
    look.overdue_ms = std::max(look.overdue_ms, found->range.overdue_ms);
    if (found->due && (!best || found->range.ratio() > best->range.ratio())) best = std::move(*found);
  }
  if (!best) return look;
  Cleaning::Settings settings = settings_.cleaning;
  settings.secret = secret_;
  look.cleaning = std::make_shared<Cleaning>(ports_.disk, ports_.directories, std::move(best->plan), settings, ports_.loop.wall_now());
  return look;
}

Result<LogCleaner::Candidate> LogCleaner::look_at(const PartitionLogPtr& log, CompactionView view) const {
  const LogConfig& config = *view.config;
  DirtyLog dirty;
  dirty.log_start = view.log_start;
  dirty.log_end = view.log_end;
  dirty.first_dirty = view.first_dirty;
  dirty.min_compaction_lag_ms = config.min_compaction_lag_ms;
  dirty.max_compaction_lag_ms = config.max_compaction_lag_ms;
  dirty.min_cleanable_ratio = config.min_cleanable_dirty_ratio;
  const Offset first_dirty = first_dirty_offset(dirty);
  for (size_t i = 0; i < view.rewritable; ++i) {
    const Segment& segment = *(*view.segments)[i];
    DirtySegment each{segment.base_offset(), segment.seal()->next_offset, segment.seal()->bytes};
    if (each.next_offset > first_dirty && config.min_compaction_lag_ms > 0) {
      auto largest = segment.largest_timestamp();
      if (!largest) return largest.error();
      each.largest_timestamp = *largest;
    }
    if (each.next_offset > first_dirty && config.max_compaction_lag_ms < LogConfig::kForever) {
      auto first = first_timestamp(segment);
      if (!first) return first.error();
      each.first_timestamp = *first;
    }
    dirty.segments.push_back(each);
  }
  Candidate found;
  found.range = cleanable_range(dirty, ports_.loop.wall_now());
  found.due = is_due(dirty, found.range);
  found.plan = {log, std::move(view), first_dirty, found.range.segments, found.range.dirty_bytes};
  return found;
}

void LogCleaner::on_look(size_t index, Look look) {
  looking_ = false;
  if (!wait_to_look_.empty()) {
    const size_t next = wait_to_look_.front();
    wait_to_look_.pop_front();
    if (look.cleaning) busy_.insert(look.cleaning->log()->partition);
    this->look(next);
  }
  for (const auto& [log, error] : look.unreadable) on_failure(log, error, 0);
  {
    MutexLock lock(mutex_);
    std::erase_if(failures_, [&](const auto& failed) { return !look.there.contains(failed.first); });
    report_.dirtiest = look.dirtiest;
    report_.overdue_ms = look.overdue_ms;
    report_.last_run = ports_.loop.now();
  }
  Worker& worker = workers_[index];
  worker.cleaning = std::move(look.cleaning);
  if (worker.cleaning) {
    worker.partition = worker.cleaning->log()->partition;
    busy_.insert(worker.partition);
    worker.began = ports_.loop.now();
  }
  if (stopping_) return finish(index);
  if (!worker.cleaning) return rest(index, ports_.loop.now() + settings_.backoff, &LogCleaner::look);
  step(index);
}

// --- Cleaning

void LogCleaner::step(size_t index) {
  if (stopping_) return finish(index);
  on_pool(index,
          [this, cleaning = workers_[index].cleaning]() -> Result<Cleaning::State> {
            auto state = cleaning->step();
            if (!state || *state != Cleaning::State::done) return state;
            const PartitionLogPtr& log = cleaning->log();
            {
              MutexLock lock(*log->mutex);
              // What was truncated meanwhile grows anew from the active segment on.
              log->log->set_first_dirty(std::min(cleaning->end(), log->log->segments()->back()->base_offset()));
            }
            if (auto written = ports_.directories.checkpoint_first_dirty(log); !written) return written.error();
            return state;
          },
          [this, index](Result<Cleaning::State> state) { on_step(index, std::move(state)); });
}

void LogCleaner::on_step(size_t index, Result<Cleaning::State> state) {
  Worker& worker = workers_[index];
  if (state && *state == Cleaning::State::going_on) {
    const MonoTime at = io_allowed_at(worker.cleaning->step_bytes());
    if (at <= ports_.loop.now() || stopping_) return step(index);
    return rest(index, at, &LogCleaner::step);
  }
  if (!state)
    on_failure(worker.cleaning->log(), state.error(), worker.cleaning->dirty_bytes());
  else if (*state == Cleaning::State::done)
    on_done(worker);
  else
    log_info("{}: its log changed while it was cleaned; what was copied is dropped", worker.partition);
  busy_.erase(worker.partition);
  worker.cleaning.reset();
  look(index);
}

// When the next step may begin, after one of so many bytes: all workers share the rate.
MonoTime LogCleaner::io_allowed_at(int64_t bytes) {
  const double seconds = static_cast<double>(bytes) / std::max(settings_.bytes_per_second, 1.0);
  io_free_at_ = std::max(io_free_at_, ports_.loop.now()) + Duration::micros(static_cast<int64_t>(seconds * 1e6));
  return io_free_at_;
}

void LogCleaner::on_done(Worker& worker) {
  const Cleaning::Counts counts = worker.cleaning->counts();
  const double seconds = static_cast<double>((ports_.loop.now() - worker.began).us) / 1e6;
  log_info("{}: cleaned from offset {} to {}: {} records of {} bytes became {} of {} bytes, in {:.1f} s; the table of keys was {:.1f} % full",
           worker.partition, worker.cleaning->first_dirty(), worker.cleaning->end(), counts.records.records_read, counts.bytes_read,
           counts.records.records_kept, counts.bytes_written, seconds, counts.map_utilization * 100);
  if (counts.records.records_without_key > 0)
    log_warn("{}: {} records without key were removed: a compacted topic cannot hold any", worker.partition, counts.records.records_without_key);
  MutexLock lock(mutex_);
  failures_.erase(worker.partition);
  report_.recopy_percent = 100 * static_cast<double>(counts.bytes_written) / static_cast<double>(std::max<int64_t>(counts.bytes_read, 1));
  report_.map_utilization = counts.map_utilization;
  report_.seconds = seconds;
}

void LogCleaner::on_failure(const PartitionLogPtr& log, const Error& error, int64_t dirty_bytes) {
  if (log->health->offline()) return ports_.directories.check_health();
  Duration pause;
  LogConfigPtr config;
  {
    MutexLock lock(*log->mutex);
    config = log->log->config();
  }
  {
    MutexLock lock(mutex_);
    Failure& failure = failures_[log->partition];
    failure.pause = std::clamp(failure.pause + failure.pause, std::max(settings_.backoff, kFailurePauseMin), std::max(settings_.backoff, settings_.failure_backoff_max));
    failure.reason = error.message;
    failure.directory = log->health->path();
    failure.dirty_bytes = dirty_bytes;
    failure.retry_at = ports_.loop.now() + failure.pause;
    failure.config = std::move(config);
    pause = failure.pause;
  }
  log_warn("{}: its log cannot be cleaned, which is tried again in {} s: {}", log->partition, pause.to_millis() / 1000, error.message);
}

void LogCleaner::collect(MetricSink& sink) const {
  Failures failures;
  Report report;
  {
    MutexLock lock(mutex_);
    failures = failures_;
    report = report_;
  }
  const std::string cleaner = "kafka_log_LogCleaner", all = "kafka_log_LogCleanerManager";
  sink.gauge(cleaner, "cleaner-recopy-percent", {}, report.recopy_percent);
  sink.gauge(cleaner, "max-buffer-utilization-percent", {}, report.map_utilization * 100);
  sink.gauge(cleaner, "max-clean-time-secs", {}, report.seconds);
  sink.gauge(cleaner, "max-compaction-delay-secs", {}, static_cast<double>(report.overdue_ms) / 1000);
  sink.gauge(cleaner, "DeadThreadCount", {}, 0);
  sink.gauge(all, "max-dirty-percent", {}, report.dirtiest * 100);
  sink.gauge(all, "time-since-last-run-ms", {}, static_cast<double>((ports_.loop.now() - report.last_run).to_millis()));
  std::map<std::string, std::pair<double, double>> by_directory;
  for (const auto& directory : ports_.directories.directories()) by_directory[directory->path()];
  for (const auto& [partition, failure] : failures) {
    by_directory[failure.directory].first += 1;
    by_directory[failure.directory].second += static_cast<double>(failure.dirty_bytes);
    sink.gauge(all, "uncleanable-partition", {{"topic", partition.topic}, {"partition", std::to_string(partition.partition.value)}, {"reason", failure.reason}}, 1);
  }
  for (const auto& [directory, count_and_bytes] : by_directory) {
    sink.gauge(all, "uncleanable-partitions-count", {{"logDirectory", directory}}, count_and_bytes.first);
    sink.gauge(all, "uncleanable-bytes", {{"logDirectory", directory}}, count_and_bytes.second);
  }
}

}  // namespace quokka
