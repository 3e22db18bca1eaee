#include "coord/registration/registered_brokers.h"

#include <gtest/gtest.h>

#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log_capture.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

// As Kafka 3.9 writes it.
constexpr const char* kOfKafka =
    R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://k:9092"],"jmx_port":-1,"port":9092,"host":"k","version":5,"timestamp":"7"})";

class RegisteredBrokersTest : public ::testing::Test {
 protected:
  RegisteredBrokersTest() {
    server.put(std::string(znodes::kBrokerIds), std::nullopt);
    loop.run_ready();
  }
  void put(int id, bool has_it) {
    znodes::Broker broker;
    broker.endpoints = {{"PLAINTEXT", "h", 9000 + id, 0}};
    broker.has_consumer_protocol = has_it;
    put_text(id, encode(broker));
  }
  void put_text(int id, const std::string& text) { server.put(path(id), text); }
  static std::string path(int id) { return std::string(znodes::kBrokerIds) + "/" + std::to_string(id); }
  bool offered() {
    loop.run_ready();
    return all_have_it;
  }

  ManualLoop loop;
  FakeZookeeper server{loop};
  FakeSession zk{server, loop, 6000};
  std::atomic<bool> all_have_it{false};
};

TEST_F(RegisteredBrokersTest, OffersWhatEveryRegisteredBrokerHas) {
  put(1, true);
  RegisteredBrokers brokers(zk, all_have_it);
  EXPECT_FALSE(offered()) << "nothing was read yet";
  brokers.start();
  EXPECT_TRUE(offered());
  put(2, true);
  EXPECT_TRUE(offered());
}

TEST_F(RegisteredBrokersTest, AKafkaBrokerThatComesEndsTheOfferUntilItGoes) {
  put(1, true);
  RegisteredBrokers brokers(zk, all_have_it);
  brokers.start();
  ASSERT_TRUE(offered());
  LogCapture capture;
  put_text(7, kOfKafka);
  EXPECT_FALSE(offered());
  EXPECT_TRUE(capture.contains("broker 7 lacks the consumer protocol of groups (KIP-848): it is not offered"));
  put(2, true);
  EXPECT_FALSE(offered());
  server.erase(path(7));
  EXPECT_TRUE(offered());
  put_text(3, "{not json");
  EXPECT_FALSE(offered()) << "what cannot be read is no broker of ours";
}

TEST_F(RegisteredBrokersTest, ABrokerThatDeclinesTheProtocolEndsTheOffer) {
  put(1, true);
  put(2, false);
  RegisteredBrokers brokers(zk, all_have_it);
  brokers.start();
  EXPECT_FALSE(offered());
  server.erase(path(2));
  EXPECT_TRUE(offered());
}

TEST_F(RegisteredBrokersTest, AnotherSessionLooksAgain) {
  put(1, true);
  RegisteredBrokers brokers(zk, all_have_it);
  brokers.start();
  ASSERT_TRUE(offered());
  server.expire(zk.session_id());
  put_text(7, kOfKafka);
  EXPECT_FALSE(offered());
}

TEST_F(RegisteredBrokersTest, WhatComesAfterItsEndIsDropped) {
  put(1, true);
  {
    RegisteredBrokers brokers(zk, all_have_it);
    brokers.start();
  }
  EXPECT_FALSE(offered());
}

}  // namespace
}  // namespace quokka
