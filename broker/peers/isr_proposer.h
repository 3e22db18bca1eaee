// Carries proposed in-sync sets to the controller: AlterPartition (KIP-497), all that is pending in one request, one request in flight.
//
// Before a replica is proposed to join, the epoch of its broker is read from ZooKeeper and compared with the one its fetches came with: a broker that
// began another life since may have lost the end of its log (KIP-903). Our controllers compare again; Kafka's with ZooKeeper do not.
#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "broker/peers/controller_channel.h"
#include "broker/replica/partition.h"
#include "coord/session/zookeeper_session.h"

namespace quokka {

class IsrProposer final : public IsrProposals {
 public:
  // `broker_epoch`: of this broker's registration; -1 while it has none, then nothing is sent. All outlive this.
  IsrProposer(BrokerId self, std::atomic<int64_t>& broker_epoch, Loop& loop, ControllerChannel& channel, ZookeeperSession& session);

  // Any thread. A proposal for a partition replaces the one that still waits, unless it was made under older epochs: threads may overtake each other.
  void propose(PartitionPtr partition, IsrProposal proposal) override;

 private:
  struct Item {
    PartitionPtr partition;
    IsrProposal proposal;
    bool verified = false;  // the joining broker's epoch was read
  };
  using Items = std::map<TopicPartition, Item>;

  // On the loop.
  void add(Item item);
  void verify(BrokerId joining, Items items);
  void look_whether_written(Item item);
  static void withdraw(const Item& item);  // that its replica joins
  void flush();
  void flush_later();
  void send(Items items);
  void on_answer(Items items, ErrorCode error, const struct AlterPartitionResponse* response);

  static constexpr Duration kPause = Duration::millis(50);

  const BrokerId self_;
  std::atomic<int64_t>& broker_epoch_;
  Loop& loop_;
  ControllerChannel& channel_;
  ZookeeperSession& session_;
  Items waiting_;
  bool in_flight_ = false;
  bool pausing_ = false;
};

}  // namespace quokka
