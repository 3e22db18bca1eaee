// The version of /feature, which ApiVersions tells as finalized features epoch: -1 while the znode is missing or disabled.
#pragma once

#include <atomic>
#include <memory>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/result.h"

namespace quokka {

// On the session's loop.
class FeatureEpoch final : public ZookeeperListener {
 public:
  // `refused` is called once with a reason when a finalized feature is found that this broker does not understand.
  FeatureEpoch(ZookeeperSession& session, std::atomic<int64_t>& epoch, Function<void(std::string)> refused);
  ~FeatureEpoch();

  // `known` is called once, when /feature was read for the first time: on a new cluster that is when its first controller has created it.
  void start(Function<void(bool)> known);
  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent event, const std::string& path) override;

 private:
  void look();
  void read();

  ZookeeperSession& session_;
  std::atomic<int64_t>& epoch_;
  Function<void(std::string)> refused_;
  Function<void(bool)> known_;  // until it is called
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace quokka
