#include "broker/journal/journal.h"

#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/record_batch.h"

namespace quokka {

namespace {

bool was_not_written(ErrorCode error) {
  return error == ErrorCode::NOT_ENOUGH_REPLICAS || error == ErrorCode::MESSAGE_TOO_LARGE || error == ErrorCode::RECORD_LIST_TOO_LARGE ||
         error == ErrorCode::INVALID_RECORD || error == ErrorCode::INVALID_TIMESTAMP || error == ErrorCode::FENCED_LEADER_EPOCH ||
         error == ErrorCode::INVALID_PRODUCER_EPOCH || error == ErrorCode::TRANSACTION_COORDINATOR_FENCED || error == ErrorCode::INVALID_TXN_STATE;
}

bool is_committed(ErrorCode error) { return error == ErrorCode::NONE || error == ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND; }

}  // namespace

Journal::Journal(Settings settings, Ports ports, JournalState& state) : settings_(std::move(settings)), ports_(ports), state_(state) {}

template <class F>
auto Journal::bound(F f) {
  return [this, load = load_, &loop = ports_.loop, f = std::move(f)](auto value) mutable {
    loop.post([this, load, f = std::move(f), value = std::move(value)]() mutable {
      if (load == load_) f(std::move(value));
    });
  };
}

// --- Leadership

void Journal::lead(LeaderEpoch epoch) {
  if (epoch < epoch_) return;
  epoch_ = epoch;
  if (phase_ == Phase::idle) begin_load();
}

void Journal::resign(std::optional<LeaderEpoch> epoch) {
  if (epoch && *epoch < epoch_) return;
  epoch_ = epoch.value_or(LeaderEpoch());
  if (phase_ == Phase::idle) {
    ++load_;  // a load that is to be tried again
    return;
  }
  log_debug("{}: this broker coordinates it no more", settings_.partition);
  unload();
}

void Journal::unload() {
  phase_ = Phase::idle;
  ++load_;
  log_.reset();
  if (timer_ != 0) ports_.loop.cancel(std::exchange(timer_, 0));
  std::map<uint64_t, Waiting> waiting;
  waiting.swap(waiting_);
  for (auto& [number, each] : waiting) {
    if (each.done) ports_.loop.post([done = std::move(each.done)]() mutable { done(ErrorCode::NOT_LEADER_OR_FOLLOWER); });
  }
  state_.on_unloaded();
}

void Journal::on_doubt(ErrorCode error) {
  log_warn("{}: the outcome of a write is not known ({}): its state is loaded again", settings_.partition, error);
  unload();
  begin_load();
}

// --- Loading

void Journal::begin_load() {
  phase_ = Phase::loading;
  ++load_;
  load_began_ = ports_.loop.now();
  records_loaded_ = 0;
  log_ = ports_.logs.find(settings_.partition);
  if (!log_) return unload();  // it went meanwhile
  read_on(std::nullopt);
}

void Journal::read_on(std::optional<Offset> from) {
  ports_.pool.run([log = log_, epoch = epoch_, from, bytes = settings_.load_bytes_max,
                   then = bound([this](Result<JournalLog::Chunk> chunk) { on_chunk(std::move(chunk)); })]() mutable {
    then(log->read(epoch, from, bytes));
  });
}

void Journal::on_chunk(Result<JournalLog::Chunk> chunk) {
  if (!chunk) return retry_load(chunk.error());
  Offset position = chunk->from;
  BatchCursor cursor(chunk->batches);
  while (const std::optional<BatchView> batch = cursor.next()) {
    if (batch->next_offset() <= position) continue;
    apply_batch(batch->bytes(), position);
    position = batch->next_offset();
  }
  if (cursor.position() == 0 && !chunk->batches.empty())
    return retry_load({ErrorCode::CORRUPT_MESSAGE, "its records at offset " + std::to_string(position.value) + " cannot be read"});
  // Nothing at all: what was below the log end is gone.
  if (position >= chunk->log_end || chunk->batches.empty()) return finish_load(chunk->log_end, chunk->high_watermark);
  read_on(position);
}

// The records from `from` on. One that has no key, or a batch that cannot be read, is passed over: the rest of the partition must not be lost with it.
void Journal::apply_batch(Bytes bytes, Offset from) {
  const BatchView batch(bytes);
  if (batch.is_control()) {
    const auto marker = read_end_transaction_marker(batch);
    if (marker) state_.apply_marker(batch.producer_id(), marker->type == ControlRecordType::COMMIT);
    return;
  }
  std::vector<uint8_t> plain;
  if (!batch.is_v2()) {
    return log_warn("{}: a message of an old format at offset {} is passed over", settings_.partition, batch.base_offset());
  }
  if (batch.is_compressed()) {
    DecompressionScratch scratch;
    if (const Status read = decompress(batch.codec(), batch.payload(), batch.magic(), {}, scratch, plain); !read)
      return log_error("{}: the batch at offset {} is passed over: {}", settings_.partition, batch.base_offset(), read.error().message);
  }
  RecordCursor records(batch, batch.is_compressed() ? Bytes(plain) : batch.payload());
  RecordView record;
  std::optional<Offset> batch_offset;
  while (records.next(record)) {
    if (!batch_offset) batch_offset = record.offset;
    if (record.offset < from) continue;
    ++records_loaded_;
    if (record.key) state_.apply({*record.key, record.value, *batch_offset, batch.is_transactional() ? batch.producer_id() : ProducerId()});
  }
  if (!records.ok())
    log_error("{}: the batch at offset {} is damaged ({}): the rest of it is passed over", settings_.partition, batch.base_offset(), records.error());
}

void Journal::finish_load(Offset log_end, Offset high_watermark) {
  phase_ = Phase::active;
  applied_end_ = log_end;
  committed_end_ = std::min(high_watermark, log_end);
  const Duration took = ports_.loop.now() - load_began_;
  if (records_loaded_ > 0)
    log_info("{}: loaded {} records in {} ms, epoch {}", settings_.partition, records_loaded_, took.to_millis(), epoch_);
  if (committed_end_ < applied_end_) {
    // What an earlier leader wrote is there to stay once this leadership has committed it; until then reads wait.
    log_->await_high_watermark(epoch_, log_end, bound([this, log_end](ErrorCode error) {
      if (error == ErrorCode::NONE) on_committed_up_to(log_end);
    }));
  }
  state_.on_loaded();
}

void Journal::retry_load(const Error& error) {
  Duration pause = settings_.load_retry;
  if (error.code == ErrorCode::FENCED_LEADER_EPOCH) {
    // The next epoch is on its way, and it may be this broker's.
    state_.on_unloaded();
    ++load_;
    pause = Duration::millis(20);
  } else {
    unload();
    if (error.code == ErrorCode::NOT_LEADER_OR_FOLLOWER || error.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) return;  // word of it is on its way
    log_error_every(Duration::seconds(10), "{} cannot be loaded, and is tried again: {}", settings_.partition, error.message);
  }
  auto again = bound([this](ErrorCode) { begin_load(); });
  ports_.loop.call_after(pause, [again = std::move(again)]() mutable { again(ErrorCode::NONE); });
}

// --- Writes and reads

void Journal::append(const std::vector<JournalEntry>& entries, const Terms& terms, Done done) {
  QUOKKA_CHECK(!entries.empty(), "a write without records");
  BatchFields fields;
  fields.compression = settings_.compression;
  fields.base_sequence = terms.base_sequence;
  fields.producer_id = terms.transaction;
  fields.producer_epoch = terms.producer_epoch;
  fields.is_transactional = terms.transaction.value >= 0;
  BatchBuilder builder(fields);
  const auto value_of = [](const JournalEntry& entry) { return entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt; };
  const int64_t now_ms = ports_.loop.wall_now().ms;
  for (const JournalEntry& entry : entries) builder.add(now_ms, Bytes(entry.key), value_of(entry));
  write(builder.build(), terms.guard,
        [&](Offset base) {
          for (const JournalEntry& entry : entries) state_.apply({Bytes(entry.key), value_of(entry), base, terms.transaction});
        },
        std::move(done));
}

void Journal::append_marker(ProducerId producer, ProducerEpoch producer_epoch, EndTransactionMarker marker, Done done) {
  write(write_end_transaction_marker(producer, producer_epoch, marker, ports_.loop.wall_now().ms), {},
        [&](Offset) { state_.apply_marker(producer, marker.type == ControlRecordType::COMMIT); }, std::move(done));
}

void Journal::write(std::vector<uint8_t> batch, TransactionGuard guard, Function<void(Offset)> apply, Done done) {
  if (phase_ != Phase::active) {
    return ports_.loop.post([done = std::move(done)]() mutable { done(ErrorCode::NOT_LEADER_OR_FOLLOWER); });
  }
  const uint64_t number = next_number_++;
  // Its end is known when append returns, which is before this runs.
  auto end = std::make_shared<Offset>();
  Result<JournalLog::Appended> appended =
      log_->append(epoch_, std::move(batch), guard, bound([this, number, end](ErrorCode error) { on_settled(number, *end, error); }));
  if (!appended) {
    if (!was_not_written(appended.code())) bound([this](ErrorCode error) { on_doubt(error); })(appended.code());
    return ports_.loop.post([done = std::move(done), error = appended.code()]() mutable { done(error); });
  }
  *end = appended->end;
  applied_end_ = appended->end;
  if (!settings_.answer_when_committed)
    ports_.loop.post([answer_now = std::exchange(done, nullptr)]() mutable { answer_now(ErrorCode::NONE); });
  wait(number, {appended->end, {}, false, std::move(done)});
  apply(appended->base_offset);
}

void Journal::when_committed(Done done) {
  if (phase_ != Phase::active) return done(ErrorCode::NOT_LEADER_OR_FOLLOWER);
  if (committed_end_ >= applied_end_) return done(ErrorCode::NONE);
  wait(next_number_++, {applied_end_, {}, true, std::move(done)});
}

void Journal::on_settled(uint64_t number, Offset end, ErrorCode error) {
  if (!is_committed(error)) {
    answer(number, error);
    return on_doubt(error);
  }
  answer(number, error);
  on_committed_up_to(end);
}

void Journal::on_committed_up_to(Offset end) {
  if (end <= committed_end_) return;
  committed_end_ = end;
  std::vector<Done> ready;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second.is_read && at->second.end <= end) {
      ready.push_back(std::move(at->second.done));
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
  for (Done& done : ready) done(ErrorCode::NONE);
}

void Journal::wait(uint64_t number, Waiting waiting) {
  waiting.until = ports_.loop.now() + settings_.write_timeout;
  waiting_.emplace(number, std::move(waiting));
  arm_timer();
}

void Journal::answer(uint64_t number, ErrorCode error) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;  // it timed out
  Done done = std::move(found->second.done);
  waiting_.erase(found);
  if (done) done(error);
}

void Journal::arm_timer() {
  if (timer_ != 0 || waiting_.empty()) return;
  timer_ = ports_.loop.call_at(waiting_.begin()->second.until, [this] {
    timer_ = 0;
    on_timer();
  });
}

void Journal::on_timer() {
  const MonoTime now = ports_.loop.now();
  while (!waiting_.empty() && waiting_.begin()->second.until <= now) answer(waiting_.begin()->first, ErrorCode::REQUEST_TIMED_OUT);
  arm_timer();
}

}  // namespace quokka
