#include "coord/configs/config_writer.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "coord/session/ensure_path.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"

namespace quokka {
namespace {

using Done = Function<void(Status)>;

Error no_controller(const std::string& path, const char* why) {
  return Error{ErrorCode::STALE_CONTROLLER_EPOCH, "cannot set the configuration at " + path + " " + why};
}

// One write under way; kept alive by the callbacks it waits for.
class ConfigWrite : public std::enable_shared_from_this<ConfigWrite> {
 public:
  ConfigWrite(ZookeeperSession& session, std::string path, std::string data, Done done)
      : session_(session), path_(std::move(path)), data_(std::move(data)), done_(std::move(done)) {}

  void start() {
    session_.get(std::string(znodes::kController), Watch::no, [self = shared_from_this()](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
      if (outcome == ZkOutcome::no_node) return self->done_(no_controller(self->path_, "while there is no controller"));
      if (outcome != ZkOutcome::ok) return self->done_(zookeeper_error("read", znodes::kController, outcome));
      Result<znodes::Controller> controller = znodes::parse_controller(data.value_or(""));
      if (!controller.ok()) return self->done_(controller.error());
      if (controller->kraft_epoch > 0) return self->done_(no_controller(self->path_, "directly when there is a KRaft controller"));
      self->set(stat.version);
    });
  }

 private:
  void set(int32_t controller_version) {
    std::vector<ZkOp> ops = {ZkOp::check(std::string(znodes::kController), controller_version), ZkOp::set(path_, data_, kAnyVersion)};
    session_.multi(std::move(ops), [self = shared_from_this()](MultiResult result) {
      if (result.outcome == ZkOutcome::ok) return self->done_(Status());
      if (result.failed_op() == std::optional<size_t>(0)) return self->done_(no_controller(self->path_, "because the controller has just changed"));
      if (result.outcome == ZkOutcome::connection_loss) return self->start();  // the same once more does no harm
      if (result.outcome == ZkOutcome::no_node) return self->create();
      self->done_(zookeeper_error("write", self->path_, result.outcome));
    });
  }

  void create() {
    ensure_path(session_, path_.substr(0, path_.rfind('/')), [self = shared_from_this()](Status status) {
      if (!status.ok()) return self->done_(std::move(status));
      self->session_.create(self->path_, self->data_, CreateMode::persistent, [self](ZkOutcome outcome, const std::string&) {
        if (outcome == ZkOutcome::ok) return self->done_(Status());
        if (outcome == ZkOutcome::node_exists || outcome == ZkOutcome::connection_loss || outcome == ZkOutcome::no_node) return self->start();
        self->done_(zookeeper_error("create", self->path_, outcome));
      });
    });
  }

  ZookeeperSession& session_;
  const std::string path_;
  const std::string data_;
  Done done_;
};

void notify(ZookeeperSession& session, const znodes::ConfigEntity& entity, Done done) {
  session.create(znodes::config_change_prefix(), znodes::encode(znodes::ConfigChange{entity.path()}), CreateMode::persistent_sequential,
                 [&session, entity, d = std::move(done)](ZkOutcome outcome, const std::string&) mutable {
                   if (outcome == ZkOutcome::ok) return d(Status());
                   // One notification too many is harmless, one too few is not.
                   if (outcome == ZkOutcome::connection_loss) return notify(session, entity, std::move(d));
                   if (outcome != ZkOutcome::no_node) return d(zookeeper_error("create", znodes::config_change_prefix(), outcome));
                   ensure_path(session, std::string(znodes::kConfigChanges), [&session, entity, d2 = std::move(d)](Status status) mutable {
                     if (!status.ok()) return d2(std::move(status));
                     notify(session, entity, std::move(d2));
                   });
                 });
}

// Removes an entity without configuration and without children, then the parents of a user's client for as long as they are empty as well.
class EntityRemoval : public std::enable_shared_from_this<EntityRemoval> {
 public:
  EntityRemoval(ZookeeperSession& session, const znodes::ConfigEntity& entity, Function<void(Result<bool>)> done)
      : session_(session), done_(std::move(done)) {
    paths_.push_back(znodes::config_path(entity.path()));
    if (!entity.client) return;
    const std::string user = znodes::config_path(entity.type, entity.entity);
    paths_.push_back(user + "/clients");
    paths_.push_back(user);
  }

  // The result: whether the entity itself is gone.
  void start() { look(0); }

 private:
  void look(size_t level) {
    if (level == paths_.size()) return done_(true);
    session_.get(paths_[level], Watch::no, [self = shared_from_this(), level](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
      if (outcome == ZkOutcome::no_node) return self->look(level + 1);
      if (outcome != ZkOutcome::ok) return self->done_(zookeeper_error("read", self->paths_[level], outcome));
      // The entity's own configuration is what is being emptied. What cannot be read above it is left alone.
      bool has_config = false;
      if (level > 0 && data) {
        Result<znodes::ConfigMap> config = znodes::parse_config(self->paths_[level], *data);
        has_config = !config.ok() || !config->empty();
      }
      if (stat.children > 0 || has_config) return self->done_(level > 0);
      self->remove(level, stat.version);
    });
  }

  void remove(size_t level, int32_t version) {
    session_.remove(paths_[level], level == 0 ? kAnyVersion : version, [self = shared_from_this(), level](ZkOutcome outcome) {
      switch (outcome) {
        case ZkOutcome::ok:
        case ZkOutcome::no_node: return self->look(level + 1);
        case ZkOutcome::connection_loss: return self->look(level);
        // Somebody configured it, or something below it, meanwhile.
        case ZkOutcome::not_empty:
        case ZkOutcome::bad_version: return self->done_(level > 0);
        default: return self->done_(zookeeper_error("delete", self->paths_[level], outcome));
      }
    });
  }

  ZookeeperSession& session_;
  std::vector<std::string> paths_;
  Function<void(Result<bool>)> done_;
};

}  // namespace

void write_config(ZookeeperSession& session, const znodes::ConfigEntity& entity, const znodes::ConfigMap& config, Done done) {
  std::make_shared<ConfigWrite>(session, znodes::config_path(entity.path()), znodes::encode_config(config), std::move(done))->start();
}

void change_config(ZookeeperSession& session, const znodes::ConfigEntity& entity, const znodes::ConfigMap& config, Done done) {
  auto then_notify = [&session, entity, d = std::move(done)](Status status) mutable {
    if (!status.ok()) return d(std::move(status));
    notify(session, entity, std::move(d));
  };
  const bool is_removed_when_empty =
      entity.type == znodes::ConfigType::users || entity.type == znodes::ConfigType::clients || entity.type == znodes::ConfigType::ips;
  if (!config.empty() || !is_removed_when_empty) return write_config(session, entity, config, std::move(then_notify));
  auto removal = std::make_shared<EntityRemoval>(session, entity, [&session, entity, next = std::move(then_notify)](Result<bool> removed) mutable {
    if (!removed.ok()) return next(removed.error());
    if (*removed) return next(Status());
    write_config(session, entity, {}, std::move(next));  // it has children: it stays, empty
  });
  removal->start();
}

}  // namespace quokka
