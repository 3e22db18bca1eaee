// The settings of one topic's logs, typed. Each field names its topic key; the default is Kafka's. broker/config fills it.
//
// Rule: a topic's settings are computed anew from their sources (built-in defaults, server.properties, dynamic broker settings, topic overrides)
// whenever one of them changes (broker/config/topic_settings.h), never by editing a merged result (KAFKA-9254, KAFKA-17584: a topic lost its overrides).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "protocol/records/record_batch.h"

namespace quokka {

struct LogConfig {
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  // Segments
  int32_t segment_bytes = 1 << 30;                 // segment.bytes
  int64_t segment_ms = 604'800'000;                // segment.ms
  int64_t segment_jitter_ms = 0;                   // segment.jitter.ms
  int32_t segment_index_bytes = 10'485'760;        // segment.index.bytes
  int32_t index_interval_bytes = 4096;             // index.interval.bytes
  bool preallocate = false;                        // preallocate
  int64_t file_delete_delay_ms = 60'000;           // file.delete.delay.ms

  // Flush
  int64_t flush_messages = kForever;               // flush.messages
  int64_t flush_ms = kForever;                     // flush.ms

  // Retention
  bool cleanup_delete = true;                      // cleanup.policy has delete
  bool cleanup_compact = false;                    // cleanup.policy has compact
  int64_t retention_ms = 604'800'000;              // retention.ms; -1 unlimited
  int64_t retention_bytes = -1;                    // retention.bytes; -1 unlimited

  // Compaction
  int64_t delete_retention_ms = 86'400'000;        // delete.retention.ms
  int64_t min_compaction_lag_ms = 0;               // min.compaction.lag.ms
  int64_t max_compaction_lag_ms = kForever;        // max.compaction.lag.ms
  double min_cleanable_dirty_ratio = 0.5;          // min.cleanable.dirty.ratio

  // What may be appended
  int32_t max_message_bytes = 1'048'588;           // max.message.bytes: a whole batch
  TimestampType timestamp_type = TimestampType::CREATE_TIME;  // message.timestamp.type
  int64_t timestamp_before_max_ms = kForever;      // message.timestamp.before.max.ms
  int64_t timestamp_after_max_ms = kForever;       // message.timestamp.after.max.ms
  std::optional<CompressionCodec> compression;     // compression.type; nullopt is `producer`: keep what came
  int32_t gzip_level = -1;                         // compression.gzip.level
  int32_t lz4_level = 9;                           // compression.lz4.level
  int32_t zstd_level = 3;                          // compression.zstd.level
  bool down_conversion = true;                     // message.downconversion.enable

  // Replication
  int32_t min_insync_replicas = 1;                 // min.insync.replicas
  bool unclean_leader_election = false;            // unclean.leader.election.enable

  // Producers (broker-wide keys)
  int64_t producer_id_expiration_ms = 86'400'000;  // producer.id.expiration.ms
  size_t producers_max = 100'000;                  // of one partition

  // The age at which the active segment is rolled: records of a compacted topic must not stay in it longer than they may stay uncompacted.
  int64_t roll_ms() const { return cleanup_compact ? std::min(segment_ms, max_compaction_lag_ms) : segment_ms; }
  // Nothing is acknowledged before it is on the device.
  bool durable() const { return flush_messages == 1; }
  bool operator==(const LogConfig&) const = default;
};

using LogConfigPtr = std::shared_ptr<const LogConfig>;

}  // namespace quokka
