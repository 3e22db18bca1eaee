// Gathers what brokers must be told while the controller decides, and makes the requests of it in the order they must arrive: who is live, before
// anybody is made leader of something (else a follower cannot find its leader: H37); then LeaderAndIsr; then what clients may know, once the leaders
// know it; last StopReplica.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/controller/picture.h"

namespace quokka {

class Outbox {
 public:
  // The set of live brokers, to one broker.
  void live_brokers_to(BrokerId to) { live_brokers_to_.insert(to); }
  // Live brokers and every partition, to one broker that knows nothing yet.
  void everything_to(BrokerId to) { everything_to_.insert(to); }
  // The state of one partition as it is when the requests are made.
  void leader_and_isr(BrokerId to, const TopicPartition& tp, bool is_new);
  // The partition's state to all brokers, for their clients.
  void metadata(const TopicPartition& tp) { metadata_.insert(tp); }
  // The live brokers to all of them, with the partitions if there are any.
  void live_brokers_changed() { live_brokers_changed_ = true; }
  // A topic that is no longer there.
  void forgotten(const std::string& topic, const TopicPicture& picture);
  // A replica that is removed is not told anything else.
  void stop_replica(BrokerId to, const TopicPartition& tp, LeaderEpoch leader_epoch, bool remove);

  // What need not wait for the end of the event: who is live, and all that is known to those who know nothing.
  std::vector<Send> take_first(const Picture& picture, const std::set<std::string>& deleting, BrokerId controller, ControllerEpoch epoch);
  // The rest, when every partition is decided. Nothing goes to a broker that is not live in `picture`. Partitions of `deleting` topics are told to go.
  std::vector<Send> take_last(const Picture& picture, const std::set<std::string>& deleting, BrokerId controller, ControllerEpoch epoch);

 private:
  std::set<BrokerId> live_brokers_to_;
  std::set<BrokerId> everything_to_;
  std::map<BrokerId, std::map<TopicPartition, bool>> leader_and_isr_;  // is_new
  std::set<TopicPartition> metadata_;
  bool live_brokers_changed_ = false;
  std::vector<TopicView> forgotten_;
  std::map<BrokerId, std::map<TopicPartition, StopReplicaSend::Partition>> stop_replica_;
};

// One partition as brokers tell it to clients.
PartitionView partition_view(const Picture& picture, const TopicPartition& tp, const PartitionPicture& partition, bool deleting);

}  // namespace quokka
