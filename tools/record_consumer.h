// Reads the records of partitions from their leaders: finds leaders and offsets, goes on elsewhere when leaders change. Which partitions, is on others to
// say, for instance a member of a group (protocol/client/group_membership.h).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/fetch.h"
#include "tools/fetched_records.h"

namespace quokka {

// Where a partition without a position begins.
enum class StartAt { EARLIEST, LATEST, NOWHERE };  // NOWHERE: having no position is an error

struct ConsumerSettings {
  bool read_committed = false;
  bool check_crcs = true;
  StartAt reset = StartAt::LATEST;  // auto.offset.reset: where subscribed partitions begin, and all go on whose position is gone
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

  // `warn` gets one line for whatever passes and is tried again.
  RecordConsumer(BlockingClient& client, ConsumerSettings settings, std::function<void(const std::string&)> warn)
      : client_(client), settings_(settings), warn_(std::move(warn)) {}

  // All partitions of a topic, those to come included.
  void subscribe(const std::string& topic) { topics_[topic] = std::nullopt; }
  // One partition, from `position` on, without one from `begin` on.
  void assign(const TopicPartition& partition, StartAt begin, std::optional<Offset> position);
  // These instead of all others, each from its position on, without one from where the settings say. What was fetched before is not handed on.
  void read_only(const std::map<TopicPartition, std::optional<Offset>>& partitions);
  // The next record of each partition whose beginning is known.
  std::map<TopicPartition, Offset> positions() const;

  // Keeps one fetch under way at each leader; hands on what has come, after at most `wait` when nothing has. Errors end the consumption.
  Status poll(Duration wait, const OnRecord& on_record);

  // Why the cluster could not be asked for its metadata the last time; ok if it could.
  const Status& reached() const { return reached_; }

 private:
  using FetchedPartition = FetchResponse::FetchableTopicResponse::PartitionData;
  struct Partition {
    BrokerId leader;
    std::optional<Offset> position;
    StartAt begin = StartAt::LATEST;  // while there is no position
  };
  // Shared with the fetches under way, which may outlive the consumer.
  struct Fetches {
    uint64_t assignment = 0;  // counts calls of read_only
    std::set<BrokerId> under_way;
    std::deque<std::pair<BrokerId, Result<Answer<FetchResponse>>>> answers;
  };

  Status refresh();
  Status find_positions();
  Status list_offsets(BrokerId leader, StartAt at, const std::vector<TopicPartition>& partitions);
  void start_fetches();
  Status start_fetch(BrokerId leader, const std::vector<TopicPartition>& partitions);
  Status on_fetched(BrokerId leader, const Answer<FetchResponse>& answer, const OnRecord& on_record, bool& stopped);
  Status on_partition(const TopicPartition& name, Partition& partition, const FetchedPartition& fetched, const OnRecord& on_record, bool& stopped);
  Status on_error(const TopicPartition& name, Partition& partition, ErrorCode code);
  void warn_once(const std::string& text);

  BlockingClient& client_;
  const ConsumerSettings settings_;
  const std::function<void(const std::string&)> warn_;
  std::map<std::string, std::optional<PartitionIndex>> topics_;  // nullopt: all partitions
  std::map<TopicPartition, Partition> partitions_;
  bool is_told_partitions_ = false;  // by read_only: no others are looked for
  bool metadata_is_old_ = true;
  MonoTime metadata_expires_{};
  Status reached_;
  const std::shared_ptr<Fetches> fetches_ = std::make_shared<Fetches>();
  std::string last_warning_;
  DecompressionScratch scratch_;
};

}  // namespace quokka
