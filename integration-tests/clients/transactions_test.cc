// Transactions with librdkafka: all or nothing over several partitions, zombies, time-outs, offsets, and deaths of coordinators and leaders.
#include <algorithm>
#include <set>

#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/transactional_client.h"

namespace quokka {
namespace {

constexpr int32_t kPartitions = 3;
constexpr int kStatePartitions = 5;
using Values = std::vector<std::string>;

class TransactionsTest : public ClusterFixture<TransactionsTest> {
 public:
  static ClusterOptions options() {
    return coordinator_options({{"transaction.state.log.num.partitions", std::to_string(kStatePartitions)},
                                {"transaction.abort.timed.out.transaction.cleanup.interval.ms", "200"}});
  }

 protected:
  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }

  static void make_topic(const std::string& name) { KafkaAdmin(bootstrap()).create_topic_and_wait(name, kPartitions, 3); }
  static Values sorted(Values values) {
    std::sort(values.begin(), values.end());
    return values;
  }
  static int leader_of(const std::string& topic, int32_t index) {
    const auto seen = KafkaAdmin(bootstrap()).metadata();
    for (const auto* each : *seen->topics()) {
      if (each->topic() != topic) continue;
      for (const auto* partition : *each->partitions()) {
        if (partition->id() == index) return partition->leader();
      }
    }
    return -1;
  }
  static int coordinator_of(const std::string& id) { return leader_of("__transaction_state", coordinator_partition(id, kStatePartitions).value); }
};

TEST_F(TransactionsTest, CommittedRecordsAreReadAndAbortedOnesAreNot) {
  make_topic("both");
  TransactionalClient producer(bootstrap(), "both");
  Values committed, all;
  for (int n = 0; n < 20; ++n) {
    producer.begin();
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      const std::string value = std::to_string(n) + "-" + std::to_string(partition);
      producer.send("both", partition, value);
      all.push_back(value);
      if (n % 3 != 0) committed.push_back(value);
    }
    if (n % 3 == 0) {
      producer.flush();
      producer.abort();
    } else {
      producer.commit();
    }
  }
  EXPECT_EQ(sorted(committed_values(bootstrap(), "both", kPartitions)), sorted(committed));
  EXPECT_EQ(sorted(all_values(bootstrap(), "both", kPartitions)), sorted(all));
}

TEST_F(TransactionsTest, AZombieIsFenced) {
  make_topic("fenced");
  TransactionalClient zombie(bootstrap(), "fenced");
  zombie.begin();
  zombie.send("fenced", 0, "of the zombie");
  zombie.flush();
  TransactionalClient successor(bootstrap(), "fenced");
  successor.begin();
  successor.send("fenced", 0, "of the successor");
  successor.commit();
  EXPECT_EQ(zombie.try_commit(), RdKafka::ERR__FENCED);
  EXPECT_EQ(committed_values(bootstrap(), "fenced", kPartitions), Values{"of the successor"});
}

TEST_F(TransactionsTest, AnOpenTransactionHoldsReadersBackUntilItTimesOut) {
  make_topic("slow");
  TransactionalClient slow(bootstrap(), "slow", {{"transaction.timeout.ms", "1000"}});
  slow.begin();
  slow.send("slow", 0, "never");
  slow.flush();
  TransactionalClient quick(bootstrap(), "quick");
  quick.begin();
  quick.send("slow", 0, "behind it");
  quick.commit();
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return committed_values(bootstrap(), "slow", kPartitions) == Values{"behind it"}; }));
  EXPECT_NE(slow.try_commit(), RdKafka::ERR_NO_ERROR);
}

TEST_F(TransactionsTest, OffsetsAreCommittedWithTheRecords) {
  make_topic("in");
  make_topic("out");
  {
    KafkaProducer producer(bootstrap(), {{"acks", "all"}});
    for (int n = 0; n < 60; ++n) producer.send("in", n % kPartitions, std::to_string(n));
    producer.flush_all_delivered();
  }
  // Each life copies some, commits or aborts, and is gone in the middle of a transaction; the next goes on from what is committed.
  for (int life = 0; life < 4; ++life) {
    TransactionalClient producer(bootstrap(), "copy");
    const auto consumer = make_committed_consumer(bootstrap(), "copiers", "in");
    for (int batch = 0; batch < 3; ++batch) {
      producer.begin();
      int copied = 0;
      ASSERT_TRUE(eventually(client_timeout_ms, [&] {
        const std::unique_ptr<RdKafka::Message> message(consumer->consume(100));
        if (message->err() != RdKafka::ERR_NO_ERROR) return copied > 0;
        producer.send("out", message->partition(), std::string(static_cast<const char*>(message->payload()), message->len()));
        return ++copied == 5;
      }));
      producer.flush();
      producer.send_offsets(*consumer);
      if (batch < 2) producer.commit();
    }
    consumer->close();
  }
  TransactionalClient last(bootstrap(), "copy");  // ends what the last life left open
  const Values out = committed_values(bootstrap(), "out", kPartitions);
  EXPECT_EQ(std::set<std::string>(out.begin(), out.end()).size(), out.size()) << "a record was copied twice";
  EXPECT_EQ(out.size(), 40u);
}

TEST_F(TransactionsTest, CoordinatorsAndLeadersMayDieAtAnyTime) {
  make_topic("deaths");
  const std::string id = "deaths";
  TransactionalClient producer(bootstrap(), id, {{"transaction.timeout.ms", "60000"}});
  Values committed;
  for (int n = 0; n < 12; ++n) {
    const int victim = n % 4 == 1 ? coordinator_of(id) : n % 4 == 3 ? leader_of("deaths", n % kPartitions) : 0;
    producer.begin();
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      const std::string value = std::to_string(n) + "-" + std::to_string(partition);
      producer.send("deaths", partition, value);
      if (n % 3 != 0) committed.push_back(value);
    }
    producer.flush();
    if (victim > 0) cluster().kill_broker(victim);
    if (n % 3 == 0) producer.abort();
    else producer.commit();
    if (victim > 0) cluster().start_all_brokers();
  }
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return sorted(committed_values(bootstrap(), "deaths", kPartitions)) == sorted(committed); }));
}

TEST_F(TransactionsTest, EverythingIsThereAfterAllBrokersDied) {
  make_topic("all-died");
  TransactionalClient producer(bootstrap(), "all-died");
  producer.begin();
  producer.send("all-died", 0, "committed");
  producer.commit();
  producer.begin();
  producer.send("all-died", 0, "aborted");
  producer.flush();
  producer.abort();
  producer.begin();
  producer.send("all-died", 1, "open");
  producer.flush();
  cluster().kill_all_brokers();
  cluster().start_all_brokers();
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return committed_values(bootstrap(), "all-died", kPartitions) == Values{"committed"}; }));
  producer.commit();
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return committed_values(bootstrap(), "all-died", kPartitions) == (Values{"committed", "open"}); }));
}

}  // namespace
}  // namespace quokka
