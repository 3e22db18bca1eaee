// The tools of groups as a user runs them: kafka-console-consumer.sh --group and kafka-consumer-groups.sh.
#include <algorithm>
#include <sstream>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

constexpr int32_t kPartitions = 4;

struct Ran {
  int exit = -1;
  std::string output;
};

class GroupToolsTest : public ClusterFixture<GroupToolsTest> {
 public:
  static ClusterOptions options() {
    return coordinator_options({{"group.initial.rebalance.delay.ms", "0"}});
  }

 protected:
  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }

  static void make_topic(const std::string& topic, int records) {
    KafkaAdmin(bootstrap()).create_topic_and_wait(topic, kPartitions, 3);
    produce(topic, 0, records);
  }
  static void produce(const std::string& topic, int first, int count) {
    KafkaProducer producer(bootstrap(), {{"acks", "all"}});
    for (int n = first; n < first + count; ++n) producer.send(topic, n % kPartitions, std::to_string(n));
    producer.flush_all_delivered();
  }

  static Child start_tool(const std::string& tool, std::vector<std::string> arguments) {
    static int number = 0;
    arguments.insert(arguments.begin(), {"scripts/" + tool + ".sh", "--bootstrap-server", bootstrap()});
    Child child;
    child.start(arguments, cluster().directory() + "/tool-" + std::to_string(++number) + ".log");
    return child;
  }
  static Ran run_tool(const std::string& tool, std::vector<std::string> arguments) {
    Child child = start_tool(tool, std::move(arguments));
    const int exit = child.wait(client_timeout_ms);
    return {exit, child.output()};
  }
  static Ran groups(std::vector<std::string> arguments) { return run_tool("kafka-consumer-groups", std::move(arguments)); }
  static std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  // The records among the lines.
  static std::vector<int> numbers(const std::string& output) {
    std::vector<int> found;
    for (const std::string& line : lines_of(output)) {
      if (!line.empty() && std::ranges::all_of(line, [](char c) { return c >= '0' && c <= '9'; })) found.push_back(std::stoi(line));
    }
    return found;
  }
  // CURRENT-OFFSET, LOG-END-OFFSET and LAG of each partition.
  static std::map<int, std::vector<std::string>> offsets(const std::string& group) {
    std::map<int, std::vector<std::string>> found;
    for (const std::string& line : lines_of(groups({"--describe", "--group", group}).output)) {
      std::istringstream words(line);
      std::string its_group, topic, partition, current, end, lag;
      if (words >> its_group >> topic >> partition >> current >> end >> lag && its_group == group) found[std::stoi(partition)] = {current, end, lag};
    }
    return found;
  }
  static bool has_members(const std::string& group, int count) {
    const std::string output = groups({"--describe", "--group", group, "--state"}).output;
    return output.find("Stable") != std::string::npos && output.ends_with(" " + std::to_string(count) + "\n");
  }
};

TEST_F(GroupToolsTest, AGroupGoesOnWhereItStopped) {
  make_topic("resume", 60);
  const Ran first = run_tool("kafka-console-consumer", {"--topic", "resume", "--group", "resume", "--from-beginning", "--max-messages", "25"});
  EXPECT_EQ(first.exit, 0) << first.output;
  const Ran second = run_tool("kafka-console-consumer", {"--topic", "resume", "--consumer-property", "group.id=resume", "--from-beginning", "--timeout-ms", "3000"});
  std::vector<int> all = numbers(first.output);
  EXPECT_EQ(all.size(), 25u) << first.output;
  const std::vector<int> rest = numbers(second.output);
  all.insert(all.end(), rest.begin(), rest.end());
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), 60u) << second.output;
  for (int n = 0; n < 60; ++n) EXPECT_EQ(all[static_cast<size_t>(n)], n) << "each once";
  for (const auto& [partition, its] : offsets("resume")) EXPECT_EQ(its, (std::vector<std::string>{"15", "15", "0"})) << partition;
}

TEST_F(GroupToolsTest, MembersShareAndOneTakesOver) {
  make_topic("share", 0);
  Child one = start_tool("kafka-console-consumer", {"--topic", "share", "--group", "share"});
  Child two = start_tool("kafka-console-consumer", {"--topic", "share", "--group", "share"});
  ASSERT_TRUE(eventually(client_timeout_ms, [] { return has_members("share", 2); }));
  const Ran members = groups({"--describe", "--group", "share", "--members", "--verbose"});
  EXPECT_NE(members.output.find("share(0,1)"), std::string::npos) << members.output;
  EXPECT_NE(members.output.find("share(2,3)"), std::string::npos) << members.output;
  const Ran refused = groups({"--reset-offsets", "--group", "share", "--topic", "share", "--to-earliest", "--execute"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_NE(refused.output.find("Assignments can only be reset if the group 'share' is inactive, but the current state is Stable."), std::string::npos);
  EXPECT_EQ(groups({"--delete", "--group", "share"}).exit, 1);

  two.terminate();
  EXPECT_EQ(two.wait(client_timeout_ms), 128 + 15) << two.output();
  ASSERT_TRUE(eventually(client_timeout_ms, [] { return has_members("share", 1); }));
  produce("share", 0, 40);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return numbers(one.output()).size() + numbers(two.output()).size() == 40; })) << one.output();
  const Ran why = groups({"--describe", "--group", "share", "--explain"});
  EXPECT_NE(why.output.find("left; client reason: the consumer is being closed"), std::string::npos) << why.output;
  one.terminate();
  EXPECT_EQ(one.wait(client_timeout_ms), 128 + 15);
}

TEST_F(GroupToolsTest, OffsetsAreResetExportedReadBackAndDeleted) {
  make_topic("reset", 40);
  ASSERT_EQ(run_tool("kafka-console-consumer", {"--topic", "reset", "--group", "reset", "--from-beginning", "--max-messages", "40"}).exit, 0);
  const auto reset = [](std::vector<std::string> how) {
    how.insert(how.begin(), {"--reset-offsets", "--group", "reset"});
    return groups(std::move(how));
  };
  EXPECT_EQ(reset({"--topic", "reset", "--to-earliest"}).exit, 0);
  EXPECT_EQ(offsets("reset").at(0)[0], "10") << "without --execute nothing changes";
  EXPECT_EQ(reset({"--topic", "reset:0,2", "--to-offset", "3", "--execute"}).exit, 0);
  EXPECT_EQ(reset({"--topic", "reset:1", "--shift-by", "-4", "--execute"}).exit, 0);
  EXPECT_EQ(offsets("reset"), (std::map<int, std::vector<std::string>>{{0, {"3", "10", "7"}}, {1, {"6", "10", "4"}}, {2, {"3", "10", "7"}}, {3, {"10", "10", "0"}}}));

  const std::string plan = cluster().directory() + "/plan.csv";
  Child exporting;
  exporting.start({"scripts/kafka-consumer-groups.sh", "--bootstrap-server", bootstrap(), "--reset-offsets", "--group", "reset", "--all-topics", "--to-current", "--export", "--dry-run"}, plan);
  ASSERT_EQ(exporting.wait(client_timeout_ms), 0);
  EXPECT_EQ(exporting.output(), "reset,0,3\nreset,1,6\nreset,2,3\nreset,3,10\n\n");
  EXPECT_EQ(reset({"--all-topics", "--to-latest", "--execute"}).exit, 0);
  EXPECT_EQ(offsets("reset").at(2)[2], "0");
  EXPECT_EQ(reset({"--from-file", plan, "--execute"}).exit, 0);
  EXPECT_EQ(offsets("reset").at(2)[0], "3");
  EXPECT_EQ(reset({"--topic", "reset", "--by-duration", "PT1H", "--execute"}).exit, 0);
  EXPECT_EQ(offsets("reset").at(2)[0], "0");
  EXPECT_EQ(numbers(run_tool("kafka-console-consumer", {"--topic", "reset", "--group", "reset", "--max-messages", "40"}).output).size(), 40u);

  EXPECT_EQ(groups({"--delete-offsets", "--group", "reset", "--topic", "reset:1"}).exit, 0);
  EXPECT_FALSE(offsets("reset").contains(1));
  EXPECT_EQ(groups({"--delete-offsets", "--group", "reset", "--topic", "no-such-topic"}).exit, 1);
  const Ran deleted = groups({"--delete", "--group", "reset"});
  EXPECT_EQ(deleted.exit, 0);
  EXPECT_EQ(deleted.output, "Deletion of requested consumer groups ('reset') was successful.\n");
  EXPECT_EQ(groups({"--list"}).output.find("reset\n"), std::string::npos);
  EXPECT_EQ(groups({"--describe", "--group", "reset"}).exit, 1);
}

}  // namespace
}  // namespace quokka
