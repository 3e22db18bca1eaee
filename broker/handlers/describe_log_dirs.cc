// DescribeLogDirs (key 35), versions 0-4: the log directories of this broker, with the size of the replicas in them that are asked for.
//
// Null topics ask for all. A directory that failed is listed with KAFKA_STORAGE_ERROR. The offset lag of a future replica is what it has still to copy,
// that of a current one 0, and -1 where the replica is not served. Version 3 brought an error of the whole, version 4 the size of the volume and what
// is left of it (KIP-827).
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/describe_log_dirs.h"

namespace quokka {

namespace {

using Directory = LogDirectories::DirectoryView;
using DirectoryResult = DescribeLogDirsResponse::DescribeLogDirsResult;
using Topic = DirectoryResult::DescribeLogDirsTopic;
using Wanted = std::optional<std::set<std::pair<std::string_view, PartitionIndex>>>;  // nullopt: all; names are borrowed from the call

Wanted wanted_of(const DescribeLogDirsRequest& request) {
  if (!request.topics) return std::nullopt;
  Wanted wanted(std::in_place);
  for (const auto& topic : *request.topics)
    for (PartitionIndex partition : topic.partitions) wanted->emplace(topic.topic, partition);
  return wanted;
}

// How far each current replica reaches.
std::map<TopicPartition, Offset> ends_of(const std::vector<Directory>& directories) {
  std::map<TopicPartition, Offset> ends;
  for (const Directory& directory : directories)
    for (const auto& replica : directory.partitions)
      if (!replica.future) ends[replica.partition] = replica.log_end;
  return ends;
}

// The answer with the memory it borrows from.
class Listing {
 public:
  Listing(const Services& services, const Wanted& wanted, const std::vector<Directory>& directories)
      : services_(services), wanted_(wanted), ends_(ends_of(directories)) {
    for (const Directory& directory : directories) add(directory);
    response_.results = results_;
  }
  const DescribeLogDirsResponse& response() const { return response_; }

 private:
  using Replicas = std::vector<Topic::DescribeLogDirsPartition>;

  int64_t lag(const Directory::Partition& replica) const {
    if (services_.replicas.find(replica.partition.topic, replica.partition.partition) == nullptr) return -1;
    if (!replica.future) return 0;
    const auto current = ends_.find(replica.partition);
    return current == ends_.end() ? -1 : current->second - replica.log_end;
  }

  void add(const Directory& directory) {
    DirectoryResult& result = results_.emplace_back();
    result.log_dir = directory.path;
    if (directory.offline) {
      result.error_code = ErrorCode::KAFKA_STORAGE_ERROR;
      return;
    }
    result.total_bytes = directory.total_bytes;
    result.usable_bytes = directory.free_bytes;
    std::map<std::string_view, Replicas>& replicas = replicas_.emplace_back();
    for (const auto& replica : directory.partitions) {
      if (wanted_ && !wanted_->contains({replica.partition.topic, replica.partition.partition})) continue;
      replicas[replica.partition.topic].push_back({replica.partition.partition, replica.bytes, lag(replica), replica.future});
    }
    std::vector<Topic>& topics = topics_.emplace_back();
    for (const auto& [name, partitions] : replicas) topics.push_back({name, partitions});
    result.topics = topics;
  }

  const Services& services_;
  const Wanted& wanted_;
  const std::map<TopicPartition, Offset> ends_;
  std::deque<std::map<std::string_view, Replicas>> replicas_;
  std::deque<std::vector<Topic>> topics_;
  std::vector<DirectoryResult> results_;
  DescribeLogDirsResponse response_;
};

}  // namespace

void handle_describe_log_dirs(Services& services, CallPtr call) {
  const auto decoded = decode_call<DescribeLogDirsRequest>(call);
  if (!decoded) return;
  // Looks at volumes and at every log: not on the connection's loop.
  services.pool.run([&services, wanted = wanted_of(decoded->request), answered = std::move(call)]() mutable {
    const std::vector<Directory> directories = services.log_directories.describe();
    const Listing listing(services, wanted, directories);
    reply(std::move(answered), listing.response());
  });
}

}  // namespace quokka
