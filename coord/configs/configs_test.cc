#include <gtest/gtest.h>

#include "coord/configs/change_notifications.h"
#include "coord/configs/config_store.h"
#include "coord/configs/config_writer.h"
#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/controller.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

using znodes::ConfigEntity;
using znodes::ConfigMap;
using znodes::ConfigType;

ConfigEntity topic(const std::string& name) { return {ConfigType::topics, name, std::nullopt}; }
ConfigEntity user_client(const std::string& user, const std::string& client) { return {ConfigType::users, user, client}; }

class ConfigsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop.run_ready();
    server.put("/config/changes", std::nullopt);
    server.put("/controller", znodes::encode(znodes::Controller{BrokerId(1), {1}, -1}));
    server.forget_writes();
  }
  void put_config(const ConfigEntity& entity, const ConfigMap& config) {
    server.put(znodes::config_path(entity.path()), znodes::encode_config(config));
  }
  Status change(const ConfigEntity& entity, const ConfigMap& config) {
    std::optional<Status> done;
    change_config(zk, entity, config, [&](Status status) { done = std::move(status); });
    loop.run_ready();
    EXPECT_TRUE(done);
    return done.value_or(Status(Error{}));
  }
  std::vector<std::string> written_paths() {
    std::vector<std::string> paths;
    for (const auto& write : server.writes()) {
      const char* kind = write.op.kind == ZkOp::Kind::check ? "check " : write.op.kind == ZkOp::Kind::set ? "set " : write.op.kind == ZkOp::Kind::create ? "create " : "delete ";
      paths.push_back(kind + write.op.path);
    }
    server.forget_writes();
    return paths;
  }

  ManualLoop loop;
  FakeZookeeper server{loop};
  FakeSession zk{server, loop};
};

// ---- writing ----

using ConfigWriter = ConfigsTest;
using Paths = std::vector<std::string>;

TEST_F(ConfigWriter, ChecksTheControllerAndNotifies) {
  put_config(topic("t"), {});
  server.forget_writes();
  ASSERT_TRUE(change(topic("t"), {{"retention.ms", "1"}}).ok());
  EXPECT_EQ(server.data("/config/topics/t"), R"({"version":1,"config":{"retention.ms":"1"}})");
  EXPECT_EQ(server.data("/config/changes/config_change_0000000000"), R"({"version":2,"entity_path":"topics/t"})");
  EXPECT_EQ(written_paths(), (Paths{"check /controller", "set /config/topics/t", "create /config/changes/config_change_0000000000"}));
  ASSERT_TRUE(change(topic("t"), {}).ok());
  EXPECT_EQ(server.data("/config/topics/t"), R"({"version":1,"config":{}})");
}

TEST_F(ConfigWriter, CreatesWhatIsMissing) {
  ASSERT_TRUE(change(user_client("u", "c"), {{"producer_byte_rate", "1"}}).ok());
  EXPECT_EQ(server.data("/config/users/u"), std::nullopt);
  EXPECT_EQ(server.data("/config/users/u/clients"), std::nullopt);
  EXPECT_NE(server.data("/config/users/u/clients/c"), std::nullopt);
  server.forget_writes();
  std::optional<Status> done;
  write_config(zk, topic("new"), {}, [&](Status status) { done = std::move(status); });
  loop.run_ready();
  EXPECT_TRUE(done && done->ok());
  EXPECT_EQ(written_paths(), (Paths{"create /config/topics", "create /config/topics/new"})) << "no notification";
}

TEST_F(ConfigWriter, RefusesWithoutAController) {
  server.erase("/controller");
  EXPECT_EQ(change(topic("t"), {}).code(), ErrorCode::STALE_CONTROLLER_EPOCH);
  server.put("/controller", znodes::encode(znodes::Controller{BrokerId(1), {1}, 5}));
  server.forget_writes();
  EXPECT_EQ(change(topic("t"), {}).code(), ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_TRUE(server.writes().empty());
}

TEST_F(ConfigWriter, AControllerThatChangesMeanwhileRefuses) {
  put_config(topic("t"), {{"a", "1"}});
  std::optional<Status> done;
  change_config(zk, topic("t"), {{"a", "2"}}, [&](Status status) { done = std::move(status); });
  while (zk.waiting() > 0) loop.run_one();  // the read is performed
  zk.hold();
  loop.run_ready();
  server.put("/controller", znodes::encode(znodes::Controller{BrokerId(3000), {1}, 7}));
  zk.release();
  loop.run_ready();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->code(), ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(server.data("/config/topics/t"), R"({"version":1,"config":{"a":"1"}})");
}

TEST_F(ConfigWriter, LostAnswersDoNotLoseAChange) {
  put_config(topic("t"), {});
  for (bool performed : {true, false}) {
    zk.lose_writes(2, performed);
    ASSERT_TRUE(change(topic("t"), {{"k", performed ? "1" : "2"}}).ok());
    EXPECT_EQ(server.data("/config/topics/t"), znodes::encode_config({{"k", performed ? "1" : "2"}}));
    EXPECT_FALSE(server.children("/config/changes").empty());
  }
}

TEST_F(ConfigWriter, EmptyQuotasAreRemovedWithTheirEmptyParents) {
  ASSERT_TRUE(change(user_client("u", "c"), {{"k", "1"}}).ok());
  server.forget_writes();
  ASSERT_TRUE(change(user_client("u", "c"), {}).ok());
  EXPECT_EQ(written_paths(), (Paths{"delete /config/users/u/clients/c", "delete /config/users/u/clients", "delete /config/users/u",
                                    "create /config/changes/config_change_0000000001"}));
}

TEST_F(ConfigWriter, ParentsThatAreNeededStay) {
  ASSERT_TRUE(change(user_client("u", "c"), {{"k", "1"}}).ok());
  ASSERT_TRUE(change({ConfigType::users, "u", std::nullopt}, {{"k", "1"}}).ok());
  ASSERT_TRUE(change(user_client("u", "c"), {}).ok());
  EXPECT_FALSE(server.has("/config/users/u/clients"));
  EXPECT_TRUE(server.has("/config/users/u"));
  ASSERT_TRUE(change(user_client("u", "c"), {{"k", "1"}}).ok());
  ASSERT_TRUE(change({ConfigType::users, "u", std::nullopt}, {}).ok());
  EXPECT_EQ(server.data("/config/users/u"), R"({"version":1,"config":{}})") << "a client lies below it";
}

// ---- notifications ----

struct Seen {
  ChangeNotifications::Handler handler() {
    return [this](std::vector<ChangeNotifications::Change> changes, Task done) {
      for (const auto& each : changes) data.push_back(each.data);
      held = std::move(done);
      if (!hold) held();
    };
  }
  std::vector<std::string> data;
  Task held;
  bool hold = false;
};

class ChangeNotificationsTest : public ConfigsTest {
 protected:
  void add(int number, const std::string& data) {
    char name[32];
    std::snprintf(name, sizeof name, "/config/changes/c_%010d", number);
    server.put(name, data);
  }
  void start() {
    notifications.start(seen.handler());
    loop.run_ready();
  }

  ChangeNotifications notifications{zk, loop, "/config/changes", "c_"};
  Seen seen;
};

TEST_F(ChangeNotificationsTest, EachIsHandledOnceAndInOrder) {
  add(9, "nine");
  add(10, "ten");
  server.put("/config/changes/other", "ignored");
  start();
  EXPECT_EQ(seen.data, (std::vector<std::string>{"nine", "ten"}));
  add(11, "eleven");
  loop.run_ready();
  server.erase("/config/changes/c_0000000009");
  loop.run_ready();
  EXPECT_EQ(seen.data, (std::vector<std::string>{"nine", "ten", "eleven"}));
}

TEST_F(ChangeNotificationsTest, OneBatchAtATime) {
  seen.hold = true;
  add(1, "one");
  start();
  add(2, "two");
  loop.run_ready();
  EXPECT_EQ(seen.data, (std::vector<std::string>{"one"}));
  seen.hold = false;
  seen.held();
  loop.run_ready();
  EXPECT_EQ(seen.data, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ChangeNotificationsTest, OldOnesAreRemoved) {
  add(1, "one");
  start();
  loop.advance(Duration::seconds(14 * 60));
  add(2, "two");
  loop.run_ready();
  EXPECT_TRUE(server.has("/config/changes/c_0000000001"));
  loop.advance(Duration::seconds(2 * 60));
  add(3, "three");
  loop.run_ready();
  EXPECT_FALSE(server.has("/config/changes/c_0000000001"));
  EXPECT_TRUE(server.has("/config/changes/c_0000000002"));
  EXPECT_EQ(seen.data.size(), 3u);
}

TEST_F(ChangeNotificationsTest, ANewSessionWatchesAgain) {
  add(1, "one");
  start();
  server.expire(zk.session_id());
  add(2, "two");
  loop.run_ready();
  EXPECT_EQ(seen.data, (std::vector<std::string>{"one", "two"}));
  add(3, "three");
  loop.run_ready();
  EXPECT_EQ(seen.data.size(), 3u);
}

TEST_F(ChangeNotificationsTest, AMissingParentIsMade) {
  server.erase("/config/changes");
  start();
  EXPECT_TRUE(server.has("/config/changes"));
  add(1, "one");
  loop.run_ready();
  EXPECT_EQ(seen.data.size(), 1u);
}

// ---- the store ----

struct Told final : ConfigListener {
  void on_config(const ConfigEntity& entity, const ConfigMap& config) override { told.push_back(entity.path() + (config.empty() ? " -" : " " + config.begin()->second)); }
  std::vector<std::string> take() { return std::exchange(told, {}); }
  std::vector<std::string> told;
};

class ConfigStoreTest : public ConfigsTest {
 protected:
  void start() {
    store.start(told, [&](Status status) { started = std::move(status); });
    loop.run_ready();
  }

  ConfigStore store{zk, loop};
  Told told;
  std::optional<Status> started;
};

TEST_F(ConfigStoreTest, TellsAllAtTheStart) {
  put_config(topic("t"), {{"k", "1"}});
  put_config(topic("empty"), {});
  put_config(user_client("u", "c"), {{"k", "2"}});
  put_config({ConfigType::brokers, "<default>", std::nullopt}, {{"k", "3"}});
  put_config({ConfigType::ips, "127.0.0.1", std::nullopt}, {{"k", "4"}});
  server.put("/config/topics/un readable", "");
  server.put("/config/topics/broken", "nonsense");
  start();
  ASSERT_TRUE(started && started->ok());
  EXPECT_EQ(told.take(), (Paths{"topics/empty -", "topics/t 1", "users/u -", "users/u/clients/c 2", "ips/127.0.0.1 4", "brokers/<default> 3"}));
  EXPECT_EQ(store.config("topics/t"), (ConfigMap{{"k", "1"}}));
  EXPECT_EQ(store.config("topics/none"), ConfigMap{});
}

TEST_F(ConfigStoreTest, TellsWhatIsNotified) {
  start();
  put_config(topic("t"), {{"k", "1"}});
  loop.run_ready();
  EXPECT_TRUE(told.take().empty()) << "there is no watch on the entity itself";
  ASSERT_TRUE(change(topic("t"), {{"k", "2"}}).ok());
  EXPECT_EQ(told.take(), Paths{"topics/t 2"});
  ASSERT_TRUE(change(topic("t"), {}).ok());
  EXPECT_EQ(told.take(), Paths{"topics/t -"});
  server.put("/config/changes/config_change_0000000007", R"({"version":1,"entity_type":"clients","entity_name":"c"})");
  server.put("/config/changes/config_change_0000000008", "nonsense");
  server.put("/config/changes/config_change_0000000009", R"({"version":2,"entity_path":"topics/../x"})");
  loop.run_ready();
  EXPECT_TRUE(told.take().empty());
}

TEST_F(ConfigStoreTest, AfterAnExpiryItTellsWhatDiffers) {
  put_config(topic("gone"), {{"k", "1"}});
  put_config(topic("same"), {{"k", "1"}});
  put_config(topic("changed"), {{"k", "1"}});
  start();
  told.take();
  zk.disconnect();
  put_config(topic("changed"), {{"k", "2"}});
  put_config(topic("new"), {{"k", "3"}});
  server.erase("/config/topics/gone");
  loop.advance(Duration::seconds(60));
  zk.reconnect();
  loop.run_ready();
  EXPECT_EQ(told.take(), (Paths{"topics/changed 2", "topics/new 3", "topics/gone -"}));
}

TEST_F(ConfigStoreTest, WhatCouldNotBeReadIsToldOnceItCan) {
  server.put("/config/topics/bad", "{");
  put_config(topic("same"), {{"k", "1"}});
  start();
  told.take();
  ASSERT_TRUE(change(topic("bad"), {}).ok());
  EXPECT_EQ(told.take(), Paths{"topics/bad -"}) << "who was told nothing may have thought the worst";
  // The session ends under a read.
  int failed = 0;
  zk.disconnect();
  for (const char* name : {"same", "none"}) store.read(topic(name), [&](Result<ConfigMap> config) { failed += !config.ok(); });
  loop.advance(Duration::seconds(60));
  zk.reconnect();
  loop.run_ready();
  ASSERT_EQ(failed, 2);
  EXPECT_EQ(told.take(), (Paths{"topics/same 1", "topics/none -"}));
  ASSERT_TRUE(change(topic("same"), {{"k", "1"}}).ok());
  EXPECT_TRUE(told.take().empty());
}

TEST_F(ConfigStoreTest, ReadsOneEntityOrAll) {
  put_config(topic("a"), {{"k", "1"}});
  put_config(topic("b"), {});
  server.put("/config/topics/bad", "{");
  std::optional<Result<ConfigMap>> one;
  std::optional<Result<ConfigMap>> none;
  std::optional<Result<ConfigMap>> bad;
  std::optional<Result<ConfigStore::Configs>> all;
  store.read(topic("a"), [&](Result<ConfigMap> config) { one = std::move(config); });
  store.read(topic("none"), [&](Result<ConfigMap> config) { none = std::move(config); });
  store.read(topic("bad"), [&](Result<ConfigMap> config) { bad = std::move(config); });
  store.load(ConfigType::topics, [&](Result<ConfigStore::Configs> configs) { all = std::move(configs); });
  loop.run_ready();
  EXPECT_EQ(one->value(), (ConfigMap{{"k", "1"}}));
  EXPECT_EQ(none->value(), ConfigMap{});
  EXPECT_FALSE(bad->ok());
  EXPECT_EQ(all->value(), (ConfigStore::Configs{{"topics/a", ConfigMap{{"k", "1"}}}, {"topics/b", ConfigMap()}, {"topics/bad", std::nullopt}}));
}

}  // namespace
}  // namespace quokka
