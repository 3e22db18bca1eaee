#include "broker/net/advertised_address.h"

#include <gtest/gtest.h>

#include "broker/net/test_peer.h"

namespace quokka {
namespace {

ListenerSettings advertising(const std::string& host, uint16_t port, const std::string& bind = "0.0.0.0") {
  ListenerSettings listener;
  listener.host = bind;
  listener.advertised_host = host;
  listener.advertised_port = port;
  return listener;
}

TEST(AdvertisedAddress, ReachableFromHere) {
  test::TestServer server;
  AdvertisedAddress found = check_advertised(advertising("127.0.0.1", server.port, "127.0.0.1"), server.port, Duration::seconds(5));
  EXPECT_TRUE(found.reachable);
  EXPECT_EQ(found.addresses, (std::vector<std::string>{"127.0.0.1"}));
  EXPECT_EQ(found.problem, "");
}

TEST(AdvertisedAddress, LoopbackOnAnOpenListenerIsSaid) {
  test::TestServer server;
  AdvertisedAddress found = check_advertised(advertising("localhost", server.port), server.port, Duration::seconds(5));
  EXPECT_TRUE(found.reachable);
  EXPECT_NE(found.problem.find("only programs on this machine"), std::string::npos) << found.problem;
}

TEST(AdvertisedAddress, WhatCannotBeReachedOrResolvedIsNamed) {
  AdvertisedAddress closed = check_advertised(advertising("127.0.0.1", 1), 9092, Duration::seconds(5));
  EXPECT_FALSE(closed.reachable);
  EXPECT_NE(closed.problem.find("127.0.0.1:1, which cannot be reached from here (Connection refused); this broker listens on port 9092"),
            std::string::npos)
      << closed.problem;
  AdvertisedAddress unknown = check_advertised(advertising("no.such.host.invalid", 9092), 9092, Duration::seconds(5));
  EXPECT_NE(unknown.problem.find("no.such.host.invalid:9092, which does not resolve"), std::string::npos) << unknown.problem;
}

TEST(AdvertisedAddress, AClientByAnotherAddressIsTold) {
  ListenerSettings listener = advertising("localhost", 9092);
  EXPECT_NE(redirect_warning(listener, {"127.0.0.1"}, "10.0.0.5").find("as 10.0.0.5 but will be told localhost:9092"), std::string::npos);
  EXPECT_EQ(redirect_warning(listener, {"127.0.0.1", "10.0.0.5"}, "10.0.0.5"), "");
  EXPECT_EQ(redirect_warning(listener, {"10.0.0.5"}, "127.0.0.1"), "");
  EXPECT_EQ(redirect_warning(listener, {}, "10.0.0.5"), "");
}

}  // namespace
}  // namespace quokka
