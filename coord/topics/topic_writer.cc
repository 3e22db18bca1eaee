#include "coord/topics/topic_writer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "coord/configs/config_writer.h"
#include "coord/session/ensure_path.h"
#include "coord/topics/placement.h"
#include "coord/znodes/paths.h"
#include "protocol/base/topic_name.h"

namespace quokka {
namespace {

using Done = Function<void(Status)>;

Error already_exists(const std::string& topic, const char* how) {
  return Error{ErrorCode::TOPIC_ALREADY_EXISTS, "Topic '" + topic + "' " + how};
}

// One topic being checked, and then created if that is wanted; kept alive by the callbacks it waits for.
class Creation : public std::enable_shared_from_this<Creation> {
 public:
  Creation(ZookeeperSession& session, NewTopic topic, bool check_only, Done done)
      : session_(session), topic_(std::move(topic)), check_only_(check_only), done_(std::move(done)) {}

  void start() {
    Status valid = validate_topic_name(topic_.name);
    if (valid.ok()) valid = validate_new_assignment(topic_.assignment);
    // An answer never comes inside the call: the first read carries a refusal along.
    session_.exists(std::string(znodes::kDeleteTopics), Watch::no, [self = shared_from_this(), v = std::move(valid)](ZkOutcome, const ZnodeStat&) mutable {
      if (!v.ok()) return self->done_(std::move(v));
      self->check_deletion();
    });
  }

 private:
  void check_deletion() {
    session_.exists(znodes::delete_topic_path(topic_.name), Watch::no, [self = shared_from_this()](ZkOutcome outcome, const ZnodeStat&) {
      if (outcome == ZkOutcome::ok) return self->done_(already_exists(self->topic_.name, "is marked for deletion."));
      if (outcome != ZkOutcome::no_node) return self->done_(zookeeper_error("read", znodes::delete_topic_path(self->topic_.name), outcome));
      self->check_existence();
    });
  }

  void check_existence() {
    session_.exists(znodes::topic_path(topic_.name), Watch::no, [self = shared_from_this()](ZkOutcome outcome, const ZnodeStat&) {
      if (outcome == ZkOutcome::ok) return self->done_(already_exists(self->topic_.name, "already exists."));
      if (outcome != ZkOutcome::no_node) return self->done_(zookeeper_error("read", znodes::topic_path(self->topic_.name), outcome));
      if (has_collision_characters(self->topic_.name)) return self->check_collisions();
      self->write();
    });
  }

  void check_collisions() {
    list_topics(session_, [self = shared_from_this()](Result<std::vector<std::string>> topics) {
      if (!topics.ok()) return self->done_(topics.error());
      std::string colliding;
      for (const std::string& each : *topics) {
        if (each == self->topic_.name) return self->done_(already_exists(self->topic_.name, "already exists."));
        if (topic_names_collide(each, self->topic_.name)) colliding += (colliding.empty() ? "" : ", ") + each;
      }
      if (!colliding.empty()) {
        return self->done_(Error{ErrorCode::INVALID_TOPIC_EXCEPTION, "Topic '" + self->topic_.name + "' collides with existing topics: " + colliding});
      }
      self->write();
    });
  }

  void write() {
    if (check_only_) return done_(Status());
    const znodes::ConfigEntity entity{znodes::ConfigType::topics, topic_.name, std::nullopt};
    write_config(session_, entity, topic_.config, [self = shared_from_this()](Status status) {
      if (!status.ok()) return self->done_(std::move(status));
      self->create();
    });
  }

  std::string encoded() const {
    znodes::Topic znode;
    znode.id = topic_.id;
    znode.partitions = topic_.assignment;
    return znodes::encode(znode);
  }

  void create() {
    session_.create(znodes::topic_path(topic_.name), encoded(), CreateMode::persistent, [self = shared_from_this()](ZkOutcome outcome, const std::string&) {
      switch (outcome) {
        case ZkOutcome::ok: return self->done_(Status());
        case ZkOutcome::node_exists: return self->done_(already_exists(self->topic_.name, "already exists."));
        case ZkOutcome::connection_loss: return self->look();
        case ZkOutcome::no_node:
          return ensure_path(self->session_, std::string(znodes::kTopics), [self](Status status) {
            if (!status.ok()) return self->done_(std::move(status));
            self->create();
          });
        default: self->done_(zookeeper_error("create", znodes::topic_path(self->topic_.name), outcome));
      }
    });
  }

  // Was the lost create performed?
  void look() {
    read_topic(session_, topic_.name, [self = shared_from_this()](Result<StoredTopic> stored) {
      if (stored.code() == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) return self->create();
      if (!stored.ok()) return self->done_(stored.error());
      const bool is_ours = stored->topic.id == self->topic_.id && stored->topic.partitions == self->topic_.assignment;
      if (!is_ours) return self->done_(already_exists(self->topic_.name, "already exists."));
      self->done_(Status());
    });
  }

  ZookeeperSession& session_;
  const NewTopic topic_;
  const bool check_only_;
  Done done_;
};

Status check_addition(const std::string& name, const znodes::Topic& topic, const znodes::ReplicaLists& added) {
  if (!topic.adding.empty() || !topic.removing.empty()) {
    return Error{ErrorCode::REASSIGNMENT_IN_PROGRESS, "A partition reassignment is in progress for the topic '" + name + "'."};
  }
  if (added.empty() || added.begin()->first.value != static_cast<int32_t>(topic.partitions.size())) {
    return Error{ErrorCode::INVALID_PARTITIONS, "Topic '" + name + "' currently has " + std::to_string(topic.partitions.size()) +
                                                    " partitions: its number of partitions was changed meanwhile, or would not increase."};
  }
  return {};
}

bool holds(const znodes::Topic& topic, const znodes::ReplicaLists& added) {
  return std::all_of(added.begin(), added.end(), [&](const auto& each) {
    const auto found = topic.partitions.find(each.first);
    return found != topic.partitions.end() && found->second == each.second;
  });
}

// `after_loss`: an earlier attempt may have been performed.
void add_partitions_once(ZookeeperSession& session, const std::string& name, znodes::ReplicaLists added, bool after_loss, Done done) {
  read_topic(session, name, [&session, name, added = std::move(added), after_loss, d = std::move(done)](Result<StoredTopic> stored) mutable {
    if (!stored.ok()) return d(stored.error());
    if (after_loss && holds(stored->topic, added)) return d(Status());
    Status allowed = check_addition(name, stored->topic, added);
    if (!allowed.ok()) return d(std::move(allowed));
    znodes::Topic topic = std::move(stored->topic);
    topic.partitions.insert(added.begin(), added.end());
    session.set(znodes::topic_path(name), znodes::encode(topic), stored->version,
                [&session, name, a = std::move(added), after_loss, d2 = std::move(d)](ZkOutcome outcome, const ZnodeStat&) mutable {
                  if (outcome == ZkOutcome::ok) return d2(Status());
                  const bool is_lost = outcome == ZkOutcome::connection_loss;
                  if (is_lost || outcome == ZkOutcome::bad_version) {
                    return add_partitions_once(session, name, std::move(a), after_loss || is_lost, std::move(d2));
                  }
                  d2(zookeeper_error("write", znodes::topic_path(name), outcome));
                });
  });
}

void create_deletion(ZookeeperSession& session, const std::string& name, Done done) {
  session.create(znodes::delete_topic_path(name), std::nullopt, CreateMode::persistent,
                 [&session, name, d = std::move(done)](ZkOutcome outcome, const std::string&) mutable {
                   switch (outcome) {
                     case ZkOutcome::ok:
                     case ZkOutcome::node_exists: return d(Status());
                     // Performed or not, asking once more is right as long as the topic is there.
                     case ZkOutcome::connection_loss: return request_topic_deletion(session, name, std::move(d));
                     case ZkOutcome::no_node:
                       return ensure_path(session, std::string(znodes::kDeleteTopics), [&session, name, d2 = std::move(d)](Status status) mutable {
                         if (!status.ok()) return d2(std::move(status));
                         create_deletion(session, name, std::move(d2));
                       });
                     default: return d(zookeeper_error("create", znodes::delete_topic_path(name), outcome));
                   }
                 });
}

}  // namespace

void check_new_topic(ZookeeperSession& session, const NewTopic& topic, Done done) {
  std::make_shared<Creation>(session, topic, true, std::move(done))->start();
}

void create_topic(ZookeeperSession& session, NewTopic topic, Done done) {
  std::make_shared<Creation>(session, std::move(topic), false, std::move(done))->start();
}

void read_topic(ZookeeperSession& session, const std::string& name, Function<void(Result<StoredTopic>)> done) {
  // An illegal name has no znode; the root stands for it, so that the answer comes on the loop as well.
  const bool is_legal = is_valid_topic_name(name);
  session.get(is_legal ? znodes::topic_path(name) : "/", Watch::no,
              [name, is_legal, d = std::move(done)](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) mutable {
                if (!is_legal || outcome == ZkOutcome::no_node) {
                  return d(Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "Topic '" + name + "' does not exist."});
                }
                if (outcome != ZkOutcome::ok) return d(zookeeper_error("read", znodes::topic_path(name), outcome));
                Result<znodes::Topic> topic = znodes::parse_topic(name, data.value_or(""));
                if (!topic.ok()) return d(topic.error());
                d(StoredTopic{std::move(*topic), stat.version});
              });
}

void list_topics(ZookeeperSession& session, Function<void(Result<std::vector<std::string>>)> done) {
  session.get_children(std::string(znodes::kTopics), Watch::no,
                       [d = std::move(done)](ZkOutcome outcome, std::vector<std::string> topics, const ZnodeStat&) mutable {
                         if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) return d(zookeeper_error("list", znodes::kTopics, outcome));
                         std::erase_if(topics, [](const std::string& each) { return !is_valid_topic_name(each); });
                         std::sort(topics.begin(), topics.end());
                         d(std::move(topics));
                       });
}

void add_partitions(ZookeeperSession& session, const std::string& name, znodes::ReplicaLists added, Done done) {
  add_partitions_once(session, name, std::move(added), false, std::move(done));
}

void request_topic_deletion(ZookeeperSession& session, const std::string& name, Done done) {
  const bool is_legal = is_valid_topic_name(name);
  session.exists(is_legal ? znodes::topic_path(name) : "/", Watch::no,
                 [&session, name, is_legal, d = std::move(done)](ZkOutcome outcome, const ZnodeStat&) mutable {
                   if (!is_legal || outcome == ZkOutcome::no_node) {
                     return d(Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "Topic '" + name + "' to delete does not exist."});
                   }
                   if (outcome != ZkOutcome::ok) return d(zookeeper_error("read", znodes::topic_path(name), outcome));
                   create_deletion(session, name, std::move(d));
                 });
}

}  // namespace quokka
