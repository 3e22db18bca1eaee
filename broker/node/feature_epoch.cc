#include "broker/node/feature_epoch.h"

#include <utility>

#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

FeatureEpoch::FeatureEpoch(ZookeeperSession& session, std::atomic<int64_t>& epoch, Function<void(std::string)> refused)
    : session_(session), epoch_(epoch), refused_(std::move(refused)) {
  session_.add_listener(*this);
}

FeatureEpoch::~FeatureEpoch() { session_.remove_listener(*this); }

void FeatureEpoch::start(Function<void(bool)> known) {
  known_ = std::move(known);
  look();
}

void FeatureEpoch::on_session(SessionEvent event) {
  if (event == SessionEvent::established) look();
}

void FeatureEpoch::on_watch(WatchEvent, const std::string& path) {
  if (path == znodes::kFeature) look();
}

// exists() watches a znode that is not there as well.
void FeatureEpoch::look() {
  session_.exists(std::string(znodes::kFeature), Watch::yes, [this, alive = std::weak_ptr(alive_)](ZkOutcome outcome, const ZnodeStat&) {
    if (alive.expired()) return;
    if (outcome == ZkOutcome::ok) return read();
    if (outcome == ZkOutcome::no_node) epoch_.store(-1);
  });
}

void FeatureEpoch::read() {
  session_.get(std::string(znodes::kFeature), Watch::no,
               [this, alive = std::weak_ptr(alive_)](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                 if (alive.expired()) return;
                 if (outcome != ZkOutcome::ok) return epoch_.store(-1);
                 const Result<znodes::Feature> feature = znodes::parse_feature(data.value_or(std::string()));
                 if (!feature) {
                   log_error("{}", feature.error().message);
                   return epoch_.store(-1);
                 }
                 if (!feature->features.empty() && refused_)
                   return refused_("the cluster has finalized the feature " + feature->features.begin()->first +
                                   ", which this broker does not understand");
                 epoch_.store(feature->status == 1 ? stat.version : -1);
                 if (known_) std::exchange(known_, nullptr)(true);
               });
}

}  // namespace quokka
