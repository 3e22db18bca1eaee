#include "coord/configs/config_store.h"

#include <utility>

#include "coord/session/ensure_path.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

constexpr znodes::ConfigType kTypes[] = {znodes::ConfigType::topics, znodes::ConfigType::clients, znodes::ConfigType::users, znodes::ConfigType::ips,
                                         znodes::ConfigType::brokers};

}  // namespace

// One load under way: what was read so far and how many answers are missing.
struct ConfigStore::Loading {
  znodes::ConfigType type = znodes::ConfigType::topics;
  Configs configs;
  size_t waiting = 0;
  std::optional<Error> error;
  Function<void(Result<Configs>)> done;
};

ConfigStore::ConfigStore(ZookeeperSession& session, Loop& loop)
    : session_(session), notifications_(session, loop, std::string(znodes::kConfigChanges), "config_change_") {
  session_.add_listener(*this);
}

ConfigStore::~ConfigStore() { session_.remove_listener(*this); }

template <class F>
auto ConfigStore::guarded(F f) {
  return [weak = std::weak_ptr<uint64_t>(round_), f = std::move(f)](auto&&... arguments) mutable {
    if (!weak.expired()) f(std::forward<decltype(arguments)>(arguments)...);
  };
}

void ConfigStore::read(const znodes::ConfigEntity& entity, Function<void(Result<znodes::ConfigMap>)> done) {
  const std::string path = znodes::config_path(entity.path());
  session_.get(path, Watch::no, guarded([this, entity, path, d = std::move(done)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                 Result<znodes::ConfigMap> config = znodes::ConfigMap();
                 if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) {
                   config = zookeeper_error("read", path, outcome);
                 } else if (data) {
                   config = znodes::parse_config(path, *data);
                 }
                 if (config.ok()) {
                   apply(entity, *config);
                 } else {
                   unread_.insert(entity.path());
                 }
                 d(std::move(config));
               }));
}

void ConfigStore::load(znodes::ConfigType type, Function<void(Result<Configs>)> done) {
  auto loading = std::make_shared<Loading>();
  loading->type = type;
  loading->done = std::move(done);
  load_children(loading, std::string(name(type)));
}

// `parent`: an entity path whose children are entities: "topics", "users", "users/u/clients".
void ConfigStore::load_children(std::shared_ptr<Loading> loading, std::string parent) {
  ++loading->waiting;
  const std::string path = znodes::config_path(parent);
  session_.get_children(path, Watch::no,
                        guarded([this, loading, parent, path](ZkOutcome outcome, std::vector<std::string> children, const ZnodeStat&) {
                          if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node && !loading->error) {
                            loading->error = zookeeper_error("list", path, outcome);
                          }
                          for (const std::string& child : children) {
                            const std::string entity_path = parent + "/" + child;
                            Result<znodes::ConfigEntity> entity = znodes::parse_entity_path(entity_path);
                            if (entity.ok()) {
                              load_entity(loading, *entity);
                            } else {
                              log_warn("ignoring znode {}: {}", znodes::config_path(entity_path), entity.error().message);
                            }
                          }
                          finish_one(loading);
                        }));
}

void ConfigStore::load_entity(std::shared_ptr<Loading> loading, const znodes::ConfigEntity& entity) {
  ++loading->waiting;
  const std::string path = znodes::config_path(entity.path());
  session_.get(path, Watch::no, guarded([this, loading, entity, path](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                 if (outcome == ZkOutcome::ok) {
                   if (entity.type == znodes::ConfigType::users && !entity.client && stat.children > 0) load_children(loading, entity.path() + "/clients");
                   Result<znodes::ConfigMap> config = data ? znodes::parse_config(path, *data) : Result<znodes::ConfigMap>(znodes::ConfigMap());
                   if (config.ok()) {
                     loading->configs[entity.path()] = *config;
                     apply(entity, std::move(*config));
                   } else {
                     log_error("{}", config.error().message);
                     loading->configs[entity.path()] = std::nullopt;
                     unread_.insert(entity.path());
                     seen_.insert(entity.path());  // what was known of it before is better than nothing
                   }
                 } else if (outcome != ZkOutcome::no_node && !loading->error) {
                   loading->error = zookeeper_error("read", path, outcome);
                 }
                 finish_one(loading);
               }));
}

void ConfigStore::finish_one(const std::shared_ptr<Loading>& loading) {
  if (--loading->waiting > 0) return;
  if (loading->error) return loading->done(*loading->error);
  loading->done(std::move(loading->configs));
}

void ConfigStore::load_next(size_t type, Function<void(Status)> done) {
  if (type == std::size(kTypes)) return done(Status());
  load(kTypes[type], [this, type, d = std::move(done)](Result<Configs> configs) mutable {
    if (!configs.ok()) return d(configs.error());
    load_next(type + 1, std::move(d));
  });
}

void ConfigStore::start(ConfigListener& listener, Function<void(Status)> done) {
  listener_ = &listener;
  tell_all_ = true;
  notifications_.start([this](std::vector<ChangeNotifications::Change> changes, Task then) { on_changes(std::move(changes), std::move(then)); });
  load_next(0, [this, d = std::move(done)](Status status) mutable {
    tell_all_ = false;
    d(std::move(status));
  });
}

void ConfigStore::on_session(SessionEvent event) {
  if (event == SessionEvent::expired) ++*round_;
  // Notifications live for a quarter of an hour; a session may have been gone for longer.
  if (event == SessionEvent::established && listener_ != nullptr) reload();
}

void ConfigStore::reload() {
  seen_.clear();
  load_next(0, [this, round = *round_](Status status) {
    if (round != *round_) return;  // the next session begins again
    if (!status.ok()) return log_error("configurations are not read again: {}", status.error().message);
    std::set<std::string> gone = unread_;
    for (const auto& [path, config] : configs_) gone.insert(path);
    for (const std::string& path : gone) {
      if (seen_.count(path) > 0) continue;
      Result<znodes::ConfigEntity> entity = znodes::parse_entity_path(path);
      if (entity.ok()) apply(*entity, {});
    }
  });
}

void ConfigStore::on_changes(std::vector<ChangeNotifications::Change> changes, Task done) {
  std::map<std::string, znodes::ConfigEntity> entities;
  for (const ChangeNotifications::Change& each : changes) {
    Result<znodes::ConfigChange> change = znodes::parse_config_change(each.path, each.data);
    Result<znodes::ConfigEntity> entity = change.ok() ? znodes::parse_entity_path(change->entity_path) : Result<znodes::ConfigEntity>(change.error());
    if (entity.ok()) {
      entities.emplace(change->entity_path, *entity);
    } else {
      log_warn("ignoring notification {}: {}", each.path, entity.error().message);
    }
  }
  if (entities.empty()) return done();
  auto waiting = std::make_shared<std::pair<size_t, Task>>(entities.size(), std::move(done));
  for (const auto& [path, entity] : entities) {
    read(entity, [waiting](Result<znodes::ConfigMap> config) {
      if (!config.ok()) log_error("a changed configuration is not applied: {}", config.error().message);
      if (--waiting->first == 0) waiting->second();
    });
  }
}

// Answers come in the order of calls, so the last one applied is the newest.
void ConfigStore::apply(const znodes::ConfigEntity& entity, znodes::ConfigMap config) {
  const std::string path = entity.path();
  seen_.insert(path);
  const auto known = configs_.find(path);
  const bool differs = known == configs_.end() ? !config.empty() : known->second != config;
  const bool was_unread = unread_.erase(path) > 0;
  if (differs || was_unread || tell_all_) {
    if (listener_ != nullptr) listener_->on_config(entity, config);
  }
  if (config.empty()) {
    configs_.erase(path);
  } else {
    configs_[path] = std::move(config);
  }
}

const znodes::ConfigMap& ConfigStore::config(std::string_view entity_path) const {
  static const znodes::ConfigMap kNone;
  const auto found = configs_.find(entity_path);
  return found == configs_.end() ? kNone : found->second;
}

void ConfigStore::forget(const znodes::ConfigEntity& entity) {
  configs_.erase(entity.path());
  unread_.erase(entity.path());
}

}  // namespace quokka
