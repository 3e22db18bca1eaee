// Writes the ends of transactions to the leaders of their partitions (WriteTxnMarkers), again and again until each has them. One request a broker at a
// time, with all that is for it.
//
// Runs on one loop; send() is for any thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/peers/broker_link.h"
#include "broker/txn/transaction.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"
#include "protocol/messages/write_txn_markers.h"

namespace quokka {

class MarkerSender {
 public:
  struct Settings {
    LinkSettings link;
    Duration retry_pause = Duration::millis(100);
    // A partition that the view does not know so long is taken for deleted: word of a new one may be on its way.
    Duration unknown_max = Duration::seconds(3);
    size_t request_markers_max = 2000;
  };
  // Called on the sender's loop for each partition, in any order: its marker is committed, or will never have to be.
  using OnWritten = Function<void(const TopicPartition&)>;

  // `loop`, `streams` and `view` outlive this; the loop runs nothing any more when it is destroyed.
  MarkerSender(Loop& loop, Streams& streams, ViewHolder& view, Settings settings)
      : loop_(loop), view_(view), settings_(std::move(settings)), links_(loop, streams, view, settings_.link) {}

  // `coordinating` expires when the sender of the order leads no more: what is left is dropped then.
  void send(MarkerOrder order, LeaderEpoch coordinator_epoch, std::weak_ptr<const void> coordinating, OnWritten on_written);

 private:
  struct Job {
    MarkerOrder order;
    LeaderEpoch coordinator_epoch;
    std::weak_ptr<const void> coordinating;
    OnWritten on_written;
  };
  struct Entry {
    std::shared_ptr<Job> job;
    TopicPartition partition;
    std::optional<MonoTime> unknown_since;
  };
  struct Queue {
    std::deque<Entry> waiting;
    bool busy = false;
  };

  void route(Entry entry);
  void advance(BrokerId broker);
  void settle(std::vector<Entry> sent, const Array<WriteTxnMarkersResponse::WritableTxnMarkerResult>& results);
  void settle(Entry entry, ErrorCode error);
  void try_later(Entry entry);

  Loop& loop_;
  ViewHolder& view_;
  const Settings settings_;
  BrokerLinks links_;
  std::map<BrokerId, Queue> queues_;
  std::vector<Entry> later_;
  Loop::TimerId timer_ = 0;
};

}  // namespace quokka
