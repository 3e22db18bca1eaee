// Faults of the network: cuts, one-way cuts, loss, narrow links. Every server is in a namespace of its own.
#pragma once

#include <memory>

#include "integration-tests/faults/fault_row.h"
#include "integration-tests/faults/network.h"

namespace quokka {

class NetworkFault final : public Fault {
 public:
  enum class What {
    leader_from_zookeeper,   // F8
    leader_from_followers,   // F9
    isolated_leader,         // F10
    isolated_controller,     // F10
    leader_from_clients,     // F10
    deaf_leader,             // F11: followers' packets do not reach it
    mute_leader,             // F11: its packets do not reach the followers
    lossy_leader,            // F11
    narrow_follower,         // F14
  };
  explicit NetworkFault(What what) : what_(what) {}

  std::string missing() override { return Network::missing(what_ == What::narrow_follower); }
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;

 private:
  void break_it(Scene& scene, int leader);
  void cut_from_followers(Scene& scene, int leader);
  void wait_for_effect(Scene& scene, int leader);

  const What what_;
  std::unique_ptr<Network> network_;
};

}  // namespace quokka
