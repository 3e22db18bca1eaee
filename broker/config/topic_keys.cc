#include "broker/config/topic_keys.h"

#include <algorithm>

namespace quokka {
namespace {

using enum ConfigType;
using enum UpdateMode;

// name, type, default, update, valid, broker key, of ZooKeeper mode, internal, documentation
constexpr ConfigKey kafka_keys[] = {
    {"cleanup.policy", list, "delete", cluster_wide, "[compact, delete]", "log.cleanup.policy", true, false,
     "What happens to old segments: delete removes them by age and size, compact keeps the last record of each key."},
    {"compression.gzip.level", int32, "-1", cluster_wide, "[1..9] or -1", "compression.gzip.level", true, false,
     "gzip level if compression.type is gzip; -1: the library's default."},
    {"compression.lz4.level", int32, "9", cluster_wide, "[1..17]", "compression.lz4.level", true, false,
     "LZ4 level if compression.type is lz4."},
    {"compression.type", text, "producer", cluster_wide, "[uncompressed, zstd, lz4, snappy, gzip, producer]", "compression.type", true, false,
     "Codec of stored batches; producer: as they came."},
    {"compression.zstd.level", int32, "3", cluster_wide, "[-131072..22]", "compression.zstd.level", true, false,
     "Zstandard level if compression.type is zstd."},
    {"delete.retention.ms", int64, "86400000", cluster_wide, "[0..]", "log.cleaner.delete.retention.ms", true, false,
     "Time that a deletion marker of a compacted topic is kept."},
    {"file.delete.delay.ms", int64, "60000", cluster_wide, "[0..]", "log.segment.delete.delay.ms", true, false,
     "Delay before a segment's files are removed from disk."},
    {"flush.messages", int64, "9223372036854775807", cluster_wide, "[1..]", "log.flush.interval.messages", true, false,
     "Records after which the log is flushed to disk; 1: every batch is on disk before it is acknowledged."},
    {"flush.ms", int64, "9223372036854775807", cluster_wide, "[0..]", "log.flush.interval.ms", true, false,
     "Time after which unflushed records are flushed to disk."},
    {"follower.replication.throttled.replicas", list, "", cluster_wide, "list of int:int, or *", "", true, false,
     "Replicas whose copying is throttled at the follower, as partition:broker, or * for all."},
    {"index.interval.bytes", int32, "4096", cluster_wide, "[0..]", "log.index.interval.bytes", true, false,
     "Bytes of log between two entries of the offset index."},
    {"leader.replication.throttled.replicas", list, "", cluster_wide, "list of int:int, or *", "", true, false,
     "Replicas whose copying is throttled at the leader, as partition:broker, or * for all."},
    {"local.retention.bytes", int64, "-2", cluster_wide, "[-2..]", "log.local.retention.bytes", true, false,
     "Bytes kept locally with tiered storage; -2: retention.bytes."},
    {"local.retention.ms", int64, "-2", cluster_wide, "[-2..]", "log.local.retention.ms", true, false,
     "Time kept locally with tiered storage; -2: retention.ms."},
    {"max.compaction.lag.ms", int64, "9223372036854775807", cluster_wide, "[1..]", "log.cleaner.max.compaction.lag.ms", true, false,
     "Longest time a record may stay uncompacted."},
    {"max.message.bytes", int32, "1048588", cluster_wide, "[0..]", "message.max.bytes", true, false,
     "Largest batch that is taken, compressed, with its header."},
    {"message.downconversion.enable", boolean, "true", cluster_wide, "", "log.message.downconversion.enable", true, false,
     "Whether records are converted for old consumers."},
    {"message.format.version", text, "3.0-IV1", cluster_wide, "any IBP version", "log.message.format.version", true, false,
     "Former way to set the record format; without effect."},
    {"message.timestamp.after.max.ms", int64, "9223372036854775807", cluster_wide, "[0..]", "log.message.timestamp.after.max.ms", true, false,
     "How far a record's timestamp may lie after the broker's clock."},
    {"message.timestamp.before.max.ms", int64, "9223372036854775807", cluster_wide, "[0..]", "log.message.timestamp.before.max.ms", true, false,
     "How far a record's timestamp may lie before the broker's clock."},
    {"message.timestamp.difference.max.ms", int64, "9223372036854775807", cluster_wide, "[0..]", "log.message.timestamp.difference.max.ms", true, false,
     "Former way to limit a record's timestamp in both directions."},
    {"message.timestamp.type", text, "CreateTime", cluster_wide, "[CreateTime, LogAppendTime]", "log.message.timestamp.type", true, false,
     "Whether records keep the producer's time or get the broker's."},
    {"min.cleanable.dirty.ratio", real, "0.5", cluster_wide, "[0..1]", "log.cleaner.min.cleanable.ratio", true, false,
     "Uncompacted part of a log above which it is compacted."},
    {"min.compaction.lag.ms", int64, "0", cluster_wide, "[0..]", "log.cleaner.min.compaction.lag.ms", true, false,
     "Time a record stays uncompacted at least."},
    {"min.insync.replicas", int32, "1", cluster_wide, "[1..]", "min.insync.replicas", true, false,
     "In-sync replicas that a write with acks=all needs."},
    {"preallocate", boolean, "false", cluster_wide, "", "log.preallocate", true, false,
     "Whether a new segment's file gets its full size at once."},
    {"remote.log.copy.disable", boolean, "false", cluster_wide, "", "", true, false,
     "Whether segments are no longer copied to remote storage."},
    {"remote.log.delete.on.disable", boolean, "false", cluster_wide, "", "", true, false,
     "Whether remote segments are deleted when remote storage is switched off."},
    {"remote.storage.enable", boolean, "false", cluster_wide, "", "", true, false,
     "Whether the topic uses remote storage."},
    {"retention.bytes", int64, "-1", cluster_wide, "", "log.retention.bytes", true, false,
     "Size of a partition above which old segments are deleted; -1: no limit."},
    {"retention.ms", int64, "604800000", cluster_wide, "[-1..]", "log.retention.ms", true, false,
     "Age after which segments are deleted; -1: no limit."},
    {"segment.bytes", int32, "1073741824", cluster_wide, "[14..]", "log.segment.bytes", true, false,
     "Size at which a new segment begins."},
    {"segment.index.bytes", int32, "10485760", cluster_wide, "[4..]", "log.index.size.max.bytes", true, false,
     "Largest offset index; a full one begins a new segment."},
    {"segment.jitter.ms", int64, "0", cluster_wide, "[0..]", "log.roll.jitter.ms", true, false,
     "Random part taken from segment.ms, so that segments do not all roll at once."},
    {"segment.ms", int64, "604800000", cluster_wide, "[1..]", "log.roll.ms", true, false,
     "Age at which a new segment begins."},
    {"unclean.leader.election.enable", boolean, "false", cluster_wide, "", "unclean.leader.election.enable", true, false,
     "Whether a replica that is not in sync may lead when no other is left; acknowledged records may be lost."},};

}  // namespace

std::span<const ConfigKey> topic_keys() { return kafka_keys; }

const ConfigKey* find_topic_key(std::string_view name) {
  auto at = std::lower_bound(std::begin(kafka_keys), std::end(kafka_keys), name,
                             [](const ConfigKey& key, std::string_view wanted) { return key.name < wanted; });
  return at != std::end(kafka_keys) && at->name == name ? at : nullptr;
}

}  // namespace quokka
