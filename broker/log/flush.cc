#include "broker/log/flush.h"

namespace quokka {

namespace {

Status write_file(Disk& disk, const std::string& path, Bytes content) {
  auto file = disk.open(path, content.empty() ? Disk::Open::create : Disk::Open::create_empty);
  if (!file) return file.error();
  if (content.empty()) {
    // Of a new empty file the name is enough; old content must not come back after a power loss.
    auto bytes = (*file)->size();
    if (!bytes) return bytes.error();
    if (*bytes == 0) return {};
    if (auto status = (*file)->truncate(0); !status) return status;
    return (*file)->sync();
  }
  if (auto status = (*file)->write_at(content, 0); !status) return status;
  return (*file)->sync();
}

}  // namespace

Status Flush::run() {
  for (const SegmentPtr& segment : sealed_) {
    if (segment->stale() || segment->removed()) continue;
    auto file = segment->file();
    if (!file) return file.error();
    if (auto status = (*file)->sync(); !status) return status;
    if (auto status = write_indexes(*segment); !status) return status;
  }
  if (active_) {
    auto file = active_->file();
    if (!file) return file.error();
    if (auto status = (*file)->sync(); !status) return status;
  }
  for (const PendingFile& snapshot : snapshots_)
    if (auto status = write_file(*disk_, snapshot.path, bytes_of(snapshot.content)); !status) return status;
  if (epochs_) return disk_->replace_file(directory_ + "/leader-epoch-checkpoint", bytes_of(*epochs_));
  if (sync_directory_) return disk_->sync_directory(directory_);
  return {};
}

Status Flush::write_indexes(const Segment& segment) {
  auto indexes = segment.indexes();
  if (!indexes) return indexes.error();
  if (auto status = write_file(*disk_, segment.path(".index"), bytes_of((*indexes)->offsets.encode())); !status) return status;
  if (auto status = write_file(*disk_, segment.path(".timeindex"), bytes_of((*indexes)->times.encode())); !status) return status;
  const auto& aborted = (*indexes)->aborted;
  const Status written = aborted.empty() ? disk_->remove(segment.path(".txnindex"))
                                         : write_file(*disk_, segment.path(".txnindex"), bytes_of(encode_txn_index(aborted)));
  if (!written) return written;
  segment.set_persisted();
  sync_directory_ = true;
  if (!segment.stale() && !segment.removed()) return {};
  // Deleted meanwhile: its other files are renamed or gone, these are nobody's.
  for (const char* suffix : {".index", ".timeindex", ".txnindex"})
    if (auto status = disk_->remove(segment.path(suffix)); !status) return status;
  return {};
}

}  // namespace quokka
