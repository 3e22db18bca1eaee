#include "coord/registration/cluster_admission.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "coord/session/ensure_path.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"

namespace quokka {
namespace {

Error refused(std::string why) { return {ErrorCode::INVALID_CONFIG, std::move(why)}; }

// From this version of its znode on a broker has features, and leaves the writing of in-sync sets to the controller.
constexpr int32_t broker_version_min = 5;

class Admission : public std::enable_shared_from_this<Admission> {
 public:
  Admission(ZookeeperSession& session, Function<void(Status)> done) : session_(session), done_(std::move(done)) {}

  void begin() {
    read(std::string(znodes::kMigration), [this](const std::string& text) {
      const Result<znodes::Migration> migration = znodes::parse_migration(text);
      if (!migration) return Status(migration.error());
      return Status(refused(fmt::format("znode {} says that this cluster is being migrated to KRaft (controller {}): a broker that stays with ZooKeeper cannot join it",
                                        znodes::kMigration, migration->kraft_controller_id)));
    }, [this] { ask_controller(); });
  }

 private:
  // A znode that is not there is no reason to refuse.
  void read(std::string path, Function<Status(const std::string&)> judge, Function<void()> next) {
    session_.get(path, Watch::no,
                 [self = shared_from_this(), path, judge = std::move(judge), next = std::move(next)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                   if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) return self->done_(zookeeper_error("read", path, outcome));
                   if (outcome == ZkOutcome::ok)
                     if (Status status = judge(data.value_or("")); !status) return self->done_(std::move(status));
                   next();
                 });
  }

  void ask_controller() {
    read(std::string(znodes::kController), [](const std::string& text) {
      const Result<znodes::Controller> controller = znodes::parse_controller(text);
      if (controller && controller->kraft_epoch >= 0)
        return Status(refused(fmt::format("znode {} is held by the KRaft controller {}: a broker that stays with ZooKeeper cannot join this cluster", znodes::kController,
                                          controller->broker.value)));
      return Status();  // what cannot be read is the election's to complain about
    }, [this] { ask_brokers(); });
  }

  void ask_brokers() {
    const std::string path(znodes::kBrokerIds);
    session_.get_children(path, Watch::no, [self = shared_from_this(), path](ZkOutcome outcome, std::vector<std::string> ids, const ZnodeStat&) {
      if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) return self->done_(zookeeper_error("list", path, outcome));
      self->ids_ = std::move(ids);
      self->ask_next_broker();
    });
  }

  void ask_next_broker() {
    if (ids_.empty()) return done_(Status());
    const std::string id = std::move(ids_.back());
    ids_.pop_back();
    read(std::string(znodes::kBrokerIds) + '/' + id, [id](const std::string& text) {
      const Result<znodes::Broker> broker = znodes::parse_broker(BrokerId(), text);
      if (broker && broker->version < broker_version_min)
        return Status(refused(fmt::format("broker {} of this cluster runs with an inter.broker.protocol.version before 2.7, and its leaders write in-sync sets into ZooKeeper "
                                          "themselves: raise it to 3.0 or newer before this broker joins", id)));
      return Status();
    }, [this] { ask_next_broker(); });
  }

  ZookeeperSession& session_;
  Function<void(Status)> done_;
  std::vector<std::string> ids_;  // of brokers still to be asked about
};

}  // namespace

void ask_admission(ZookeeperSession& session, Function<void(Status)> done) { std::make_shared<Admission>(session, std::move(done))->begin(); }

}  // namespace quokka
