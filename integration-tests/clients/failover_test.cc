// Brokers die and come back: the controller moves, a killed broker returns at once, a stopped one leaves nothing behind.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

using Clock = std::chrono::steady_clock;

int64_t ms_since(Clock::time_point begin) { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count(); }

class FailoverTest : public ClusterFixture<FailoverTest> {
 public:
  static constexpr int session_timeout_ms = 6000, tick_ms = 1000;
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.session_timeout_ms = session_timeout_ms;
    wanted.tick_ms = tick_ms;
    return wanted;
  }

 protected:
  // Every test finds three brokers and leaves three.
  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
    ASSERT_TRUE(eventually(client_timeout_ms, [] { return znodes().children("/brokers/ids").size() == 3 && znodes().controller() > 0; }));
  }
  static int not_controller() { return znodes().controller() % 3 + 1; }
  // In the order of the ids, without one.
  static std::string bootstrap_without(int left_out) {
    std::string all;
    for (int id : {1, 2, 3})
      if (id != left_out) all += (all.empty() ? "" : ",") + cluster().address(id);
    return all;
  }
  // The brokers that live name the controller of /controller to their clients. Until it has told them, a client may be sent to the old one, and
  // librdkafka does not ask again.
  static bool is_controller_known() {
    const int controller = znodes().controller();
    for (int id : {1, 2, 3})
      if (cluster().broker(id).runs() && KafkaAdmin(cluster().address(id)).handle().controllerid(1000) != controller) return false;
    return controller > 0;
  }
  static bool answers(int broker) {
    try {
      return KafkaAdmin(cluster().address(broker)).metadata(1000)->orig_broker_id() == broker;
    } catch (const std::exception&) {
      return false;
    }
  }
  static int64_t registered_at(int broker) {
    const std::optional<ZnodeStat> stat = znodes().registration(broker);
    return stat ? stat->czxid : -1;
  }
  // Record n went to partition n % 6: all are there once, in order.
  static void expect_numbers(const std::string& topic, int count, const std::string& brokers) {
    std::map<int32_t, int> next;
    for (const KafkaRecord& record : records_of(brokers, topic, 6)) {
      const int number = next[record.partition]++ * 6 + record.partition;
      ASSERT_EQ(record.value, std::to_string(number)) << "partition " << record.partition << " offset " << record.offset;
    }
    int read = 0;
    for (const auto& [partition, records] : next) read += records;
    EXPECT_EQ(read, count);
  }
  // Kills a broker, starts it at once, returns how long it was away.
  static int64_t bounce(int broker) {
    const int64_t before = registered_at(broker);
    cluster().kill_broker(broker);
    const Clock::time_point killed = Clock::now();
    cluster().start_broker(broker);
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return registered_at(broker) > before && answers(broker); })) << cluster().broker(broker).last_lines();
    return ms_since(killed);
  }
};

TEST_F(FailoverTest, TheControllerMovesAndTopicsCanBeMadeAgain) {
  const int killed = znodes().controller();
  const std::string epoch = znodes().text("/controller_epoch").value_or("");
  cluster().kill_broker(killed);
  const Clock::time_point begin = Clock::now();
  const auto moved = [&] {
    const int now = znodes().controller();
    return now > 0 && now != killed;
  };
  ASSERT_TRUE(eventually(session_timeout_ms + tick_ms + 2000, moved)) << "/controller is still at broker " << znodes().controller();
  RecordProperty("controller_moved_ms", static_cast<int>(ms_since(begin)));
  EXPECT_GT(std::stoi(znodes().text("/controller_epoch").value_or("0")), std::stoi(epoch));
  EXPECT_TRUE(eventually(2000, is_controller_known));
  KafkaAdmin(bootstrap_without(killed)).create_topic_and_wait("after-the-controller-died", 4, 2);
  KafkaProducer producer(bootstrap_without(killed), {{"acks", "all"}});
  for (int32_t partition = 0; partition < 4; ++partition) producer.send("after-the-controller-died", partition, "x");
  producer.flush_all_delivered();
}

TEST_F(FailoverTest, LeadersOfAKilledBrokerMoveAndNothingAcknowledgedIsLost) {
  const int killed = not_controller();
  KafkaAdmin admin(bootstrap());
  admin.create_topic_and_wait("moving", 6, 3, {{"min.insync.replicas", "2"}});
  KafkaProducer producer(bootstrap(), {{"enable.idempotence", "true"}, {"acks", "all"}});
  for (int i = 0; i < 600; ++i) producer.send("moving", i % 6, std::to_string(i));
  producer.flush_all_delivered();
  cluster().kill_broker(killed);
  for (int i = 600; i < 1200; ++i) producer.send("moving", i % 6, std::to_string(i));
  producer.flush_all_delivered();
  expect_numbers("moving", 1200, bootstrap_without(killed));
  for (int32_t partition = 0; partition < 6; ++partition) EXPECT_NE(znodes().partition_state("moving", partition)->leader.value, killed);
}

TEST_F(FailoverTest, ARollingRestartUnderAnIdempotentProducer) {
  KafkaAdmin(bootstrap()).create_topic_and_wait("rolling", 6, 3, {{"min.insync.replicas", "2"}});
  std::atomic<bool> enough{false};
  std::string failure;
  std::atomic<int> sent{0};
  std::thread writer([&] {
    try {
      KafkaProducer producer(bootstrap(), {{"enable.idempotence", "true"}, {"acks", "all"}, {"linger.ms", "1"}});
      for (; !enough; ++sent) {
        producer.send("rolling", sent % 6, std::to_string(sent));
        if (sent % 200 == 199) producer.flush();  // so that it does not run ahead
      }
      producer.flush_all_delivered();
    } catch (const std::exception& problem) {
      failure = problem.what();
    }
  });
  const auto complete = [] {
    for (int32_t partition = 0; partition < 6; ++partition)
      if (znodes().partition_state("rolling", partition)->isr.size() != 3) return false;
    return true;
  };
  for (int id : {1, 2, 3}) {
    EXPECT_EQ(cluster().stop_broker(id), 0);
    cluster().start_broker(id);
    cluster().wait_until_ready(id);
    EXPECT_TRUE(eventually(client_timeout_ms, complete)) << "after the restart of broker " << id;
    const int before = sent;
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return sent > before + 400; })) << "after the restart of broker " << id;
  }
  enough = true;
  writer.join();
  EXPECT_EQ(failure, "");
  expect_numbers("rolling", sent, bootstrap());
}

TEST_F(FailoverTest, AKilledBrokerIsBackAtOnce) {
  const int64_t away = bounce(not_controller());
  EXPECT_LE(away, 2000);
  RecordProperty("back_after_ms", static_cast<int>(away));
}

TEST_F(FailoverTest, AKilledControllerIsBackAtOnce) {
  const int64_t away = bounce(znodes().controller());
  EXPECT_LE(away, 2000);
  EXPECT_TRUE(eventually(2000, is_controller_known));
  KafkaAdmin(bootstrap()).create_topic_and_wait("after-a-bounce-of-the-controller", 3, 3);
}

TEST_F(FailoverTest, ACleanStopLeavesNothingBehindAndMovesLeadersFirst) {
  KafkaAdmin(bootstrap()).create_topic_and_wait("handed-over", 6, 3);
  const int stopped = not_controller();
  EXPECT_EQ(cluster().stop_broker(stopped), 0);
  EXPECT_FALSE(znodes().registration(stopped)) << "/brokers/ids/" << stopped << " is left";
  for (int32_t partition = 0; partition < 6; ++partition) EXPECT_NE(znodes().partition_state("handed-over", partition)->leader.value, stopped);
  EXPECT_TRUE(std::filesystem::exists(cluster().data_directory(stopped) + "/.kafka_cleanshutdown"));
}

TEST_F(FailoverTest, ACleanStopOfTheControllerHandsItOn) {
  const int stopped = znodes().controller();
  EXPECT_EQ(cluster().stop_broker(stopped), 0);
  EXPECT_FALSE(znodes().registration(stopped));
  EXPECT_TRUE(eventually(2000, [&] { return znodes().controller() > 0 && znodes().controller() != stopped; }));
  EXPECT_TRUE(eventually(2000, is_controller_known));
  KafkaAdmin(bootstrap_without(stopped)).create_topic_and_wait("after-a-stop-of-the-controller", 3, 2);
}

}  // namespace
}  // namespace quokka
