// Carries proposed in-sync sets to the controller: AlterPartition (KIP-497), all that is pending in one request, one request in flight.
#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "broker/peers/controller_channel.h"
#include "broker/replica/partition.h"

namespace quokka {

class IsrProposer final : public IsrProposals {
 public:
  // `broker_epoch`: of this broker's registration; -1 while it has none, then nothing is sent. All outlive this.
  IsrProposer(BrokerId self, std::atomic<int64_t>& broker_epoch, Loop& loop, ControllerChannel& channel);

  // Any thread. A proposal for a partition replaces the one that still waits.
  void propose(PartitionPtr partition, IsrProposal proposal) override;

 private:
  struct Item {
    PartitionPtr partition;
    IsrProposal proposal;
  };
  using Items = std::map<TopicPartition, Item>;

  // On the loop.
  void flush();
  void flush_later();
  void send(Items items);
  void on_answer(Items items, ErrorCode error, const struct AlterPartitionResponse* response);

  static constexpr Duration kPause = Duration::millis(50);

  const BrokerId self_;
  std::atomic<int64_t>& broker_epoch_;
  Loop& loop_;
  ControllerChannel& channel_;
  Items waiting_;
  bool in_flight_ = false;
  bool pausing_ = false;
};

}  // namespace quokka
