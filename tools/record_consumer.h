// Reads the records of partitions from their leaders, without a group: finds leaders and offsets, goes on elsewhere when leaders change.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "tools/cluster.h"
#include "tools/fetched_records.h"

namespace quokka {

// Where a partition without a position begins, and where it goes on when its position is gone.
enum class StartAt { EARLIEST, LATEST, NOWHERE };  // NOWHERE: losing the position is an error

struct ConsumerSettings {
  bool read_committed = false;
  bool check_crcs = true;
  StartAt reset = StartAt::LATEST;
  Duration fetch_wait = Duration::millis(500);
  int32_t fetch_bytes_min = 1;
  int32_t fetch_bytes_max = 50 << 20;
  int32_t partition_bytes_max = 1 << 20;
  bool allow_auto_create_topics = true;
};

class RecordConsumer {
 public:
  // The topic, partition and record; false stops the poll.
  using OnRecord = std::function<bool(const TopicPartition&, const FetchedRecord&)>;

  RecordConsumer(Cluster& cluster, ConsumerSettings settings, std::function<void(const std::string&)> warn)
      : cluster_(cluster), settings_(settings), warn_(std::move(warn)) {}

  // All partitions of a topic, those to come included.
  void subscribe(const std::string& topic) { topics_[topic] = std::nullopt; }
  // One partition; `position` nullopt is as `reset` says.
  void assign(const TopicPartition& partition, std::optional<Offset> position);

  // One round of fetches from all leaders, at most `wait` long when there is nothing. Errors end the consumption; what passes is said to
  // `warn` and tried again.
  Status poll(Duration wait, const OnRecord& on_record);

 private:
  struct Partition {
    BrokerId leader;
    std::optional<Offset> position;
    StartAt reset = StartAt::LATEST;
  };
  using Partitions = std::map<TopicPartition, Partition>;

  Status refresh();
  Status find_positions();
  Status list_offsets(BrokerId leader, StartAt at, const std::vector<TopicPartition>& partitions);
  Status send_fetch(BrokerLink& link, const std::vector<TopicPartition>& partitions, Duration wait);
  Status receive_fetch(BrokerLink& link, const OnRecord& on_record, bool& stopped);
  Status on_partition(const TopicPartition& name, const struct FetchedPartition& fetched, const OnRecord& on_record, bool& stopped);
  Status on_error(const TopicPartition& name, ErrorCode code);
  void warn_once(const std::string& text);

  Cluster& cluster_;
  const ConsumerSettings settings_;
  const std::function<void(const std::string&)> warn_;
  std::map<std::string, std::optional<PartitionIndex>> topics_;  // nullopt: all partitions
  Partitions partitions_;
  bool metadata_is_old_ = true;
  Deadline metadata_expires_{};
  std::string last_warning_;
  DecompressionScratch scratch_;
};

}  // namespace quokka
