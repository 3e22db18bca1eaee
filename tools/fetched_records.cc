#include "tools/fetched_records.h"

#include <algorithm>

#include "protocol/records/control_record.h"
#include "protocol/records/legacy.h"

namespace quokka {
namespace {

Error corrupt(const BatchView& batch, std::string_view why) {
  return Error{ErrorCode::CORRUPT_MESSAGE,
               "the batch at offset " + std::to_string(batch.base_offset().value) + " is corrupt: " + std::string(why)};
}

constexpr DecompressionLimits kLimits{.decompressed_bytes_max = 1u << 30, .zstd_window_log_max = 31};

class Visitor {
 public:
  Visitor(Offset from, DecompressionScratch& scratch, const std::function<bool(const FetchedRecord&)>& visit)
      : next(from), scratch_(scratch), visit_(visit) {}

  Status v2(const BatchView& batch) {
    if (!batch.attributes().codec_is_known()) return corrupt(batch, "an unknown codec");
    Bytes records = batch.payload();
    if (batch.is_compressed() && batch.records_count() > 0) {
      if (Status status = decompress(batch.codec(), records, 2, kLimits, scratch_, plain_); !status.ok()) {
        return corrupt(batch, status.error().message);
      }
      records = plain_;
    }
    FetchedRecord fetched{batch.timestamp_type(), {}};
    RecordCursor cursor(batch, records);
    while (cursor.next(fetched.record)) {
      if (!see(fetched)) return {};
    }
    if (!cursor.ok()) return corrupt(batch, cursor.error());
    return {};
  }

  Status legacy(const BatchView& entry) {
    LegacyCursor cursor(entry, kLimits, scratch_, plain_);
    LegacyMessage message;
    FetchedRecord fetched;
    if (entry.magic() > 0) fetched.timestamp_type = entry.timestamp_type();
    while (cursor.next(message)) {
      fetched.record = RecordView{};
      fetched.record.offset = message.offset;
      fetched.record.timestamp_ms = message.timestamp_ms;
      fetched.record.key = message.key;
      fetched.record.value = message.value;
      if (!see(fetched)) return {};
    }
    if (cursor.error()) return corrupt(entry, cursor.error()->message);
    return {};
  }

  Offset next;
  bool stopped = false;

 private:
  bool see(const FetchedRecord& fetched) {
    if (fetched.record.offset < next) return true;
    next = fetched.record.offset.next();
    stopped = !visit_(fetched);
    return !stopped;
  }

  DecompressionScratch& scratch_;
  const std::function<bool(const FetchedRecord&)>& visit_;
  std::vector<uint8_t> plain_;
};

// Which batches belong to transactions that were aborted: the broker names those that begin in what it returned or were under way there.
class Aborted {
 public:
  explicit Aborted(std::vector<AbortedTransaction> transactions) : transactions_(std::move(transactions)) {
    std::ranges::sort(transactions_, std::ranges::greater{}, &AbortedTransaction::first_offset);
  }
  bool hides(const BatchView& batch) {
    while (!transactions_.empty() && transactions_.back().first_offset <= batch.last_offset()) {
      open_.insert(transactions_.back().producer_id);
      transactions_.pop_back();
    }
    if (batch.is_control()) {
      const auto marker = read_end_transaction_marker(batch);
      if (marker && marker->type == ControlRecordType::ABORT) open_.erase(batch.producer_id());
      return true;
    }
    return batch.is_transactional() && open_.contains(batch.producer_id());
  }

 private:
  std::vector<AbortedTransaction> transactions_;  // those still to come, the next one last
  std::set<ProducerId> open_;
};

}  // namespace

Result<Offset> visit_records(Bytes fetched, Offset from, bool read_committed, std::vector<AbortedTransaction> aborted, bool check_crcs,
                             DecompressionScratch& scratch, const std::function<bool(const FetchedRecord&)>& visit) {
  Visitor visitor(from, scratch, visit);
  Aborted transactions(read_committed ? std::move(aborted) : std::vector<AbortedTransaction>());
  BatchCursor cursor(fetched);
  while (const auto batch = cursor.next()) {
    if (check_crcs && !batch->crc_is_valid()) return corrupt(*batch, "its checksum is wrong");
    const bool hidden = transactions.hides(*batch);
    if (!hidden) {
      const Status status = batch->is_v2() ? visitor.v2(*batch) : visitor.legacy(*batch);
      if (!status.ok()) return status.error();
      if (visitor.stopped) return visitor.next;
    }
    visitor.next = std::max(visitor.next, batch->next_offset());
  }
  if (cursor.stop() == BatchCursor::Stop::CORRUPT) {
    return Error{ErrorCode::CORRUPT_MESSAGE, "what was fetched at offset " + std::to_string(visitor.next.value) + " holds " + std::string(cursor.why())};
  }
  return visitor.next;
}

}  // namespace quokka
