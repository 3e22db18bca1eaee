// Topics in ZooKeeper as the broker that handles CreateTopics, CreatePartitions or DeleteTopics writes them. What follows (partition states,
// leaders, the deletion itself) is the controller's work: it watches these znodes.
//
// Functions return at once, `done` runs on the session's loop. When an answer is lost they look what has become of the write and finish it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "coord/znodes/config.h"
#include "coord/znodes/topic.h"
#include "protocol/base/result.h"

namespace quokka {

struct NewTopic {
  std::string name;
  TopicId id;                   // zero: none (inter.broker.protocol.version below 2.8)
  znodes::ConfigMap config;     // overrides, already validated
  znodes::ReplicaLists assignment;
};

// Whether the topic can be created: INVALID_TOPIC_EXCEPTION (name, or a collision of '.' and '_' with another topic), TOPIC_ALREADY_EXISTS,
// INVALID_REPLICA_ASSIGNMENT.
void check_new_topic(ZookeeperSession& session, const NewTopic& topic, Function<void(Status)> done);

// Checks, then writes /config/topics/<topic> and then /brokers/topics/<topic>: whoever sees the topic finds its configuration.
void create_topic(ZookeeperSession& session, NewTopic topic, Function<void(Status)> done);

struct StoredTopic {
  znodes::Topic topic;
  int32_t version = 0;  // of the znode
};
// UNKNOWN_TOPIC_OR_PARTITION if there is none.
void read_topic(ZookeeperSession& session, const std::string& name, Function<void(Result<StoredTopic>)> done);
// Names as they stand in ZooKeeper, sorted; illegal ones are left out.
void list_topics(ZookeeperSession& session, Function<void(Result<std::vector<std::string>>)> done);

// `added` goes on where the topic's partitions end, else INVALID_PARTITIONS: somebody else was faster. REASSIGNMENT_IN_PROGRESS.
void add_partitions(ZookeeperSession& session, const std::string& name, znodes::ReplicaLists added, Function<void(Status)> done);

// Success when the request is there, also when it was before. UNKNOWN_TOPIC_OR_PARTITION.
void request_topic_deletion(ZookeeperSession& session, const std::string& name, Function<void(Status)> done);

}  // namespace quokka
