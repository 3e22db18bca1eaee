#include "broker/handlers/zookeeper_offsets.h"

#include <charconv>
#include <utility>

#include "coord/session/ensure_path.h"

namespace quokka {

namespace {

std::string offset_path(const std::string& group, const TopicPartition& partition) {
  return "/consumers/" + group + "/offsets/" + partition.topic + "/" + std::to_string(partition.partition.value);
}

bool names_one_znode(const std::string& group, const std::string& path) {
  return !group.empty() && group.find('/') == std::string::npos && is_valid_znode_path(path);
}

}  // namespace

void commit_to_zookeeper(ZookeeperSession& session, const std::string& group, const TopicPartition& partition, int64_t offset,
                         Function<void(ErrorCode)> done) {
  const std::string path = offset_path(group, partition);
  if (!names_one_znode(group, path)) return done(ErrorCode::UNKNOWN_SERVER_ERROR);
  ensure_path(session, path, [&session, path, offset, d = std::move(done)](Status made) mutable {
    if (!made) return d(made.code());
    session.set(path, std::to_string(offset), kAnyVersion, [d2 = std::move(d)](ZkOutcome outcome, const ZnodeStat&) mutable {
      d2(outcome == ZkOutcome::ok ? ErrorCode::NONE : ErrorCode::UNKNOWN_SERVER_ERROR);
    });
  });
}

void fetch_from_zookeeper(ZookeeperSession& session, const std::string& group, const TopicPartition& partition,
                          Function<void(Result<std::optional<int64_t>>)> done) {
  const std::string path = offset_path(group, partition);
  if (!names_one_znode(group, path)) return done(Error{ErrorCode::UNKNOWN_SERVER_ERROR, path});
  session.get(path, Watch::no, [path, d = std::move(done)](ZkOutcome outcome, const ZnodeData& data, const ZnodeStat&) mutable {
    if (outcome == ZkOutcome::no_node) return d(std::optional<int64_t>());
    if (outcome != ZkOutcome::ok) return d(zookeeper_error("read", path, outcome));
    if (!data || data->empty()) return d(std::optional<int64_t>());
    int64_t offset = 0;
    const auto parsed = std::from_chars(data->data(), data->data() + data->size(), offset);
    if (parsed.ec != std::errc()) return d(Error{ErrorCode::UNKNOWN_SERVER_ERROR, path + " holds no offset"});
    d(std::optional(offset));
  });
}

}  // namespace quokka
