// Brokers that must not start beside the one that runs: its id, its directory, a directory of another broker or cluster.
#include <filesystem>
#include <fstream>
#include <regex>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

class RefusalsTest : public ClusterFixture<RefusalsTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.brokers = 1;
    wanted.session_timeout_ms = 4000;
    return wanted;
  }

 protected:
  // Starts broker `number`, which ends by itself with status 1 and one line at the level of an error that matches `why`.
  static void expect_refusal(int number, const BrokerKeys& keys, const std::string& why) {
    cluster().start_broker(number, keys);
    EXPECT_EQ(cluster().broker(number).wait(client_timeout_ms), 1);
    const std::string output = cluster().broker(number).output();
    const std::regex line("(^|\n)[^\n]*(ERROR|error|quokka-broker:)[^\n]*" + why + "[^\n]*\n", std::regex::icase);
    EXPECT_TRUE(std::regex_search(output, line)) << output;
  }
  static void write_identity(int number, const std::string& broker_id, const std::string& cluster_id) {
    std::filesystem::create_directories(cluster().data_directory(number));
    std::ofstream(cluster().data_directory(number) + "/meta.properties") << "version=0\nbroker.id=" << broker_id << "\ncluster.id=" << cluster_id << '\n';
  }
  static std::string cluster_id() { return KafkaAdmin(cluster().address(1)).handle().clusterid(client_timeout_ms); }
  static void expect_first_unaffected(int64_t registered) {
    EXPECT_TRUE(cluster().broker(1).runs());
    ASSERT_TRUE(znodes().registration(1));
    EXPECT_EQ(znodes().registration(1)->czxid, registered);
    KafkaProducer producer(cluster().address(1));
    producer.send("of-the-first", RdKafka::Topic::PARTITION_UA, "x");
    producer.flush_all_delivered();
  }
};

TEST_F(RefusalsTest, F18TheIdOfABrokerThatRuns) {
  const int64_t registered = znodes().registration(1)->czxid;
  expect_refusal(18, {{"broker.id", "1"}}, "broker.*1.*(registered|already)");
  expect_first_unaffected(registered);
  EXPECT_EQ(znodes().children("/brokers/ids"), (std::vector<std::string>{"1"}));
}

TEST_F(RefusalsTest, F19TheDirectoryOfABrokerThatRuns) {
  const int64_t registered = znodes().registration(1)->czxid;
  expect_refusal(19, {{"log.dirs", cluster().data_directory(1)}}, "lock");
  expect_first_unaffected(registered);
}

TEST_F(RefusalsTest, F20TheDirectoryOfAnotherBroker) {
  write_identity(20, "7", cluster_id());
  expect_refusal(20, {}, "broker.id.*20.*7");
  EXPECT_FALSE(znodes().registration(20));
}

TEST_F(RefusalsTest, F20TheDirectoryOfAnotherCluster) {
  write_identity(21, "21", "AAAAAAAAAAAAAAAAAAAAAA");
  expect_refusal(21, {}, "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_FALSE(znodes().registration(21));
}

TEST_F(RefusalsTest, TheAddressOfABrokerThatRuns) {
  expect_refusal(22, {{"listeners", "PLAINTEXT://" + cluster().address(1)}}, "(address|port).*");
  EXPECT_FALSE(znodes().registration(22));
}

TEST_F(RefusalsTest, AValueThatIsNotAllowed) {
  expect_refusal(23, {{"num.partitions", "many"}}, "many.*num.partitions");
  expect_refusal(24, {{"authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"}}, "authorizer.class.name");
}

}  // namespace
}  // namespace quokka
