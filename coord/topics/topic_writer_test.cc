#include "coord/topics/topic_writer.h"

#include <gtest/gtest.h>

#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/controller.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

znodes::ReplicaLists lists(int32_t first, int32_t count) {
  znodes::ReplicaLists all;
  for (int32_t i = first; i < first + count; ++i) all[PartitionIndex(i)] = {BrokerId(1), BrokerId(2)};
  return all;
}

NewTopic topic(const std::string& name) { return {name, Uuid{1, 2}, {{"retention.ms", "5"}}, lists(0, 2)}; }

class TopicWriter : public ::testing::Test {
 protected:
  void SetUp() override {
    loop.run_ready();
    server.put("/brokers/topics", std::nullopt);
    server.put("/admin/delete_topics", std::nullopt);
    server.put("/config/topics", std::nullopt);
    server.put("/controller", znodes::encode(znodes::Controller{BrokerId(1), {1}, -1}));
    server.forget_writes();
  }
  template <class Start>
  Status run(Start start) {
    std::optional<Status> done;
    start([&](Status status) { done = std::move(status); });
    EXPECT_FALSE(done) << "answered inside the call";
    loop.run_ready();
    EXPECT_TRUE(done);
    return done.value_or(Status(Error{}));
  }
  Status create(const NewTopic& wanted) {
    return run([&](Function<void(Status)> done) { create_topic(zk, wanted, std::move(done)); });
  }
  Status check(const NewTopic& wanted) {
    return run([&](Function<void(Status)> done) { check_new_topic(zk, wanted, std::move(done)); });
  }
  Status add(const std::string& name, znodes::ReplicaLists added) {
    return run([&](Function<void(Status)> done) { add_partitions(zk, name, added, std::move(done)); });
  }
  Status remove(const std::string& name) {
    return run([&](Function<void(Status)> done) { request_topic_deletion(zk, name, std::move(done)); });
  }

  ManualLoop loop;
  FakeZookeeper server{loop};
  FakeSession zk{server, loop};
};

TEST_F(TopicWriter, TheConfigurationComesBeforeTheTopic) {
  ASSERT_TRUE(create(topic("t")).ok());
  ASSERT_EQ(server.writes().size(), 2u);
  EXPECT_EQ(server.writes()[0].op.path, "/config/topics/t");
  EXPECT_EQ(server.writes()[0].op.data, R"({"version":1,"config":{"retention.ms":"5"}})");
  EXPECT_EQ(server.writes()[1].op.path, "/brokers/topics/t");
  EXPECT_EQ(server.writes()[1].op.data,
            R"({"partitions":{"0":[1,2],"1":[1,2]},"topic_id":"AAAAAAAAAAEAAAAAAAAAAg","adding_replicas":{},"removing_replicas":{},"version":3})");
  EXPECT_TRUE(server.children("/config/changes").empty());
}

TEST_F(TopicWriter, ACheckWritesNothing) {
  EXPECT_TRUE(check(topic("t")).ok());
  EXPECT_TRUE(server.writes().empty());
}

TEST_F(TopicWriter, Refusals) {
  server.put("/brokers/topics/there", "x");
  server.put("/brokers/topics/a.b", "x");
  server.put("/admin/delete_topics/dying", std::nullopt);
  server.forget_writes();
  EXPECT_EQ(create(topic("there")).error().message, "Topic 'there' already exists.");
  EXPECT_EQ(create(topic("dying")).error().message, "Topic 'dying' is marked for deletion.");
  EXPECT_EQ(create(topic("a_b")).error().message, "Topic 'a_b' collides with existing topics: a.b");
  EXPECT_EQ(create(topic("a_b")).code(), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create(topic("a/b")).code(), ErrorCode::INVALID_TOPIC_EXCEPTION);
  NewTopic bad = topic("t");
  bad.assignment.erase(PartitionIndex(0));
  EXPECT_EQ(create(bad).code(), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_TRUE(server.writes().empty());
}

TEST_F(TopicWriter, ALostCreationIsFoundAgain) {
  for (bool performed : {true, false}) {
    const std::string name = performed ? "p" : "l";
    zk.lose_writes(1, performed);
    ASSERT_TRUE(create(topic(name)).ok());
    EXPECT_TRUE(server.has("/brokers/topics/" + name));
  }
  server.forget_writes();
  server.put("/config/topics/q", "{}");
  server.forget_writes();
  // The configuration is there, so that the lost write is the topic itself.
  zk.lose_writes(0, true);
  std::optional<Status> done;
  create_topic(zk, topic("q"), [&](Status status) { done = std::move(status); });
  while (server.writes().empty()) loop.run_one();
  zk.lose_writes(1, true);
  loop.run_ready();
  EXPECT_TRUE(done && done->ok());
}

TEST_F(TopicWriter, SomebodyElsesTopicIsNotOurs) {
  std::optional<Status> done;
  create_topic(zk, topic("t"), [&](Status status) { done = std::move(status); });
  while (server.writes().empty()) loop.run_one();  // its configuration
  zk.hold();
  loop.run_ready();
  server.put("/brokers/topics/t", R"({"partitions":{"0":[9]},"topic_id":"AAAAAAAAAAEAAAAAAAAAAw","version":3})");
  zk.lose_writes(1, false);
  zk.release();
  loop.run_ready();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->code(), ErrorCode::TOPIC_ALREADY_EXISTS);
}

TEST_F(TopicWriter, PartitionsAreAddedAtTheEnd) {
  ASSERT_TRUE(create(topic("t")).ok());
  ASSERT_TRUE(add("t", lists(2, 2)).ok());
  auto stored = znodes::parse_topic("t", *server.data("/brokers/topics/t"));
  EXPECT_EQ(stored->partitions, lists(0, 4));
  EXPECT_EQ(stored->id, (Uuid{1, 2})) << "the rest stays";
  EXPECT_EQ(add("t", lists(2, 2)).code(), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(add("none", lists(2, 2)).code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(add("a/b", lists(2, 2)).code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  for (bool performed : {true, false}) {
    zk.lose_writes(1, performed);
    EXPECT_TRUE(add("t", lists(performed ? 4 : 5, 1)).ok());
  }
  EXPECT_EQ(znodes::parse_topic("t", *server.data("/brokers/topics/t"))->partitions.size(), 6u);
}

TEST_F(TopicWriter, PartitionsAddedByTwoAtATimeAreNotMixed) {
  ASSERT_TRUE(create(topic("t")).ok());
  std::optional<Status> done;
  add_partitions(zk, "t", lists(2, 2), [&](Status status) { done = std::move(status); });
  while (zk.waiting() > 0) loop.run_one();  // it has read the topic
  zk.hold();
  loop.run_ready();
  znodes::Topic other;
  other.id = Uuid{1, 2};
  other.partitions = lists(0, 3);
  server.put("/brokers/topics/t", znodes::encode(other));
  zk.release();
  loop.run_ready();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->code(), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(znodes::parse_topic("t", *server.data("/brokers/topics/t"))->partitions.size(), 3u);
}

TEST_F(TopicWriter, NoPartitionsAreAddedDuringAReassignment) {
  server.put("/brokers/topics/t", R"({"partitions":{"0":[1,2]},"adding_replicas":{"0":[2]},"removing_replicas":{},"version":3})");
  EXPECT_EQ(add("t", lists(1, 1)).code(), ErrorCode::REASSIGNMENT_IN_PROGRESS);
}

TEST_F(TopicWriter, DeletionIsRequested) {
  ASSERT_TRUE(create(topic("t")).ok());
  server.forget_writes();
  EXPECT_TRUE(remove("t").ok());
  EXPECT_TRUE(remove("t").ok()) << "again";
  ASSERT_EQ(server.writes().size(), 1u);
  EXPECT_EQ(server.writes()[0].op.data, std::nullopt);
  EXPECT_EQ(remove("none").code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(remove("..").code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  server.erase("/admin/delete_topics");
  zk.lose_writes(2, true);
  EXPECT_TRUE(remove("t").ok());
  EXPECT_TRUE(server.has("/admin/delete_topics/t"));
}

TEST_F(TopicWriter, TopicsAreListed) {
  server.put("/brokers/topics/b", "x");
  server.put("/brokers/topics/a", "x");
  server.put("/brokers/topics/not legal", "x");
  std::optional<Result<std::vector<std::string>>> listed;
  list_topics(zk, [&](Result<std::vector<std::string>> topics) { listed = std::move(topics); });
  loop.run_ready();
  EXPECT_EQ(listed->value(), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace quokka
