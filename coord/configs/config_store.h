// The configurations of topics, brokers, users, clients and ips as they stand in ZooKeeper: read at the start, kept up to date by notifications.
// It keeps and tells strings; what they mean is broker/config's affair.
//
// Order at a broker's start: load(brokers), load(topics) before the logs are opened, start() at the end, which reads everything once more.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coord/configs/change_notifications.h"
#include "coord/session/zookeeper_session.h"
#include "coord/znodes/config.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

class ConfigListener {
 public:
  // The whole configuration; empty when the entity has none any more. On the session's loop.
  virtual void on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& config) = 0;

 protected:
  ~ConfigListener() = default;
};

// Used on the session's loop.
class ConfigStore final : public ZookeeperListener {
 public:
  // By entity path: "topics/t". Without a value: its znode cannot be understood.
  using Configs = std::map<std::string, std::optional<znodes::ConfigMap>>;

  // The session outlives this.
  ConfigStore(ZookeeperSession& session, Loop& loop);
  ~ConfigStore();
  ConfigStore(const ConfigStore&) = delete;
  ConfigStore& operator=(const ConfigStore&) = delete;

  // Reads one entity; one without a znode has an empty configuration. An unreadable znode is an error that names it.
  void read(const znodes::ConfigEntity& entity, Function<void(Result<znodes::ConfigMap>)> done);
  // Reads all entities of a type, users' clients with the users. Unreadable ones are logged.
  void load(znodes::ConfigType type, Function<void(Result<Configs>)> done);

  // Tells the listener every configuration there is, then `done`, then what changes. After an expired session all are read again, and what
  // differs is told.
  void start(ConfigListener& listener, Function<void(Status)> done);

  // As read last; empty when unknown.
  const znodes::ConfigMap& config(std::string_view entity_path) const;
  // Its topic was deleted: nobody notifies of that.
  void forget(const znodes::ConfigEntity& entity);

  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent, const std::string&) override {}

 private:
  struct Loading;

  void load_children(std::shared_ptr<Loading> loading, std::string parent);
  void load_entity(std::shared_ptr<Loading> loading, const znodes::ConfigEntity& entity);
  void finish_one(const std::shared_ptr<Loading>& loading);
  void load_next(size_t type, Function<void(Status)> done);
  void reload();
  void on_changes(std::vector<ChangeNotifications::Change> changes, Task done);
  void apply(const znodes::ConfigEntity& entity, znodes::ConfigMap config);
  template <class F>
  auto guarded(F f);

  ZookeeperSession& session_;
  ChangeNotifications notifications_;
  ConfigListener* listener_ = nullptr;
  std::map<std::string, znodes::ConfigMap, std::less<>> configs_;
  bool tell_all_ = false;                // the first time everything is told, later what differs
  std::set<std::string> seen_;           // read since the reload under way began
  std::set<std::string> unread_;         // could not be read the last time: told when they can, even if they are as before
  std::shared_ptr<uint64_t> round_ = std::make_shared<uint64_t>(0);  // one for each session
};

}  // namespace quokka
