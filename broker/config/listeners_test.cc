#include "broker/config/listeners.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

constexpr const char* default_map = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT";

Result<Listeners> resolve(Properties given) {
  Properties effective = given;
  effective.try_emplace("listener.security.protocol.map", default_map);
  effective.try_emplace("listeners", "PLAINTEXT://:9092");
  effective.try_emplace("security.inter.broker.protocol", "PLAINTEXT");
  return resolve_listeners(effective, given);
}

void expect_error(Properties given, std::string_view text) {
  Result<Listeners> listeners = resolve(std::move(given));
  ASSERT_FALSE(listeners.ok()) << text;
  EXPECT_NE(listeners.error().message.find(text), std::string::npos) << listeners.error().message;
}

TEST(ListenersTest, SeveralWithNamesOfTheirOwn) {
  Result<Listeners> listeners = resolve({{"listeners", "internal://10.0.0.5:9092, EXTERNAL://0.0.0.0:9093,V6://[::1]:9094"},
                                         {"advertised.listeners", "INTERNAL://10.0.0.5:9092,external://kafka.example.org:19093"},
                                         {"listener.security.protocol.map", "INTERNAL:PLAINTEXT,external:plaintext,V6:PLAINTEXT"},
                                         {"inter.broker.listener.name", "internal"}});
  ASSERT_TRUE(listeners.ok()) << listeners.error().message;
  ASSERT_EQ(listeners->bound.size(), 3u);
  EXPECT_EQ(listeners->bound[0].str(), "INTERNAL://10.0.0.5:9092");
  EXPECT_EQ(listeners->bound[2].host, "::1");
  EXPECT_EQ(listeners->bound[2].str(), "V6://[::1]:9094");
  ASSERT_EQ(listeners->advertised.size(), 2u);
  EXPECT_EQ(listeners->advertised[1].str(), "EXTERNAL://kafka.example.org:19093");
  EXPECT_EQ(listeners->inter_broker, "INTERNAL");
  EXPECT_EQ(listeners->control_plane, std::nullopt);
}

TEST(ListenersTest, AdvertisedAreThoseBoundUnlessGiven) {
  Result<Listeners> listeners = resolve({{"listeners", "PLAINTEXT://h:1"}});
  ASSERT_TRUE(listeners.ok());
  EXPECT_EQ(listeners->advertised, listeners->bound);
}

TEST(ListenersTest, UnparsableOnes) {
  expect_error({{"listeners", "PLAINTEXT:9092"}}, "Unable to parse PLAINTEXT:9092 to a broker endpoint");
  expect_error({{"listeners", "PLAINTEXT://host"}}, "Unable to parse");
  expect_error({{"listeners", "PLAINTEXT://host:http"}}, "Unable to parse");
  expect_error({{"listeners", "PLAINTEXT://a b:1"}}, "Unable to parse");
  expect_error({{"listeners", "PLAINTEXT://host:70000"}}, "not within 0 to 65535");
  expect_error({{"listeners", "MINE://host:1"}}, "No security protocol defined for listener MINE");
  expect_error({{"listener.security.protocol.map", "PLAINTEXT:PLAIN"}}, "Invalid security protocol `PLAIN` defined in listener.security.protocol.map");
  expect_error({{"listener.security.protocol.map", "PLAINTEXT"}}, "not of the form LISTENER:PROTOCOL");
}

TEST(ListenersTest, NamesAndPortsAreUsedOnce) {
  expect_error({{"listeners", "PLAINTEXT://:1,PLAINTEXT://:2"}}, "Each listener must have a different name");
  const char* map = "A:PLAINTEXT,B:PLAINTEXT,C:PLAINTEXT";
  auto two = [&](const char* text) { return Properties{{"listeners", text}, {"listener.security.protocol.map", map}, {"inter.broker.listener.name", "A"}}; };
  expect_error(two("A://:9092,B://:9092"), "Each listener must have a different port");
  expect_error(two("A://127.0.0.1:9092,B://10.0.0.1:9092"), "one needs to be IPv4 and the other IPv6");
  expect_error(two("A://127.0.0.1:9092,B://host:9092"), "one needs to be IPv4 and the other IPv6");
  expect_error(two("A://127.0.0.1:9092,B://[::1]:9092,C://:9092"), "unless exactly one listener has an IPv4 address");
  EXPECT_TRUE(resolve(two("A://127.0.0.1:9092,B://[::1]:9092")).ok());
  EXPECT_TRUE(resolve(two("A://:0,B://:0")).ok());
  Properties advertised = two("A://:1,B://:2");
  advertised["advertised.listeners"] = "A://h:1,B://h:1";
  EXPECT_TRUE(resolve(advertised).ok()) << "advertised ports may be equal";
}

TEST(ListenersTest, InterBrokerListener) {
  expect_error({{"inter.broker.listener.name", "PLAINTEXT"}, {"security.inter.broker.protocol", "PLAINTEXT"}},
               "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set");
  expect_error({{"inter.broker.listener.name", "OTHER"}}, "Listener with name OTHER defined in inter.broker.listener.name not found");
  expect_error({{"inter.broker.listener.name", "SSL"}}, "must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are PLAINTEXT");
  expect_error({{"security.inter.broker.protocol", "SSL"}}, "must be a listener name defined in advertised.listeners");
}

TEST(ListenersTest, AdvertisedOnesAreReachableAndBound) {
  expect_error({{"advertised.listeners", "PLAINTEXT://0.0.0.0:9092"}}, "nonroutable meta-address 0.0.0.0");
  expect_error({{"listeners", "PLAINTEXT://0.0.0.0:9092"}}, "nonroutable meta-address 0.0.0.0");
  expect_error({{"advertised.listeners", "PLAINTEXT://h:1,SSL://h:2"}}, "must be equal to or a subset of the ones defined in listeners. Found PLAINTEXT,SSL");
}

TEST(ListenersTest, ControlPlane) {
  Properties two = {{"listeners", "A://h:1,B://h:2"}, {"listener.security.protocol.map", "A:PLAINTEXT,B:PLAINTEXT"}, {"inter.broker.listener.name", "A"}};
  two["control.plane.listener.name"] = "B";
  ASSERT_TRUE(resolve(two).ok());
  EXPECT_EQ(resolve(two)->control_plane, "B");
  two["control.plane.listener.name"] = "A";
  expect_error(two, "should have a different value from the inter broker listener name");
  two["control.plane.listener.name"] = "C";
  expect_error(two, "not found in listener.security.protocol.map");
}

}  // namespace
}  // namespace quokka
