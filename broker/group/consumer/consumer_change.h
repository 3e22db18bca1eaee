// What one request changes in a group of the consumer protocol: the records to be written as one batch, and the group as they will make it. PURE.
//
// In the order of calls: members come, go or say something new; then topics, epoch and target follow, for all of them; then a member takes its next step.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/consumer/consumer_group.h"
#include "protocol/base/result.h"

namespace quokka {

class ConsumerChange {
 public:
  // All outlive this.
  ConsumerChange(const ConsumerGroup& before, const GroupTopics& topics, const ConsumerGroupSettings& settings)
      : before_(before), topics_(topics), settings_(settings) {}

  // With what is changed so far.
  const ConsumerGroup& group() const { return draft_ ? *draft_ : before_; }

  // A group of the classic protocol goes over to this one: each has what it was assigned last, and is to have it.
  void begin_with(int32_t epoch, const std::map<std::string, ConsumerMember>& members);
  void subscribe(const std::string& member_id, ConsumerSubscription subscription);
  // A static member comes back as `new_id`: what was kept for `old_id` is its own.
  void replace(const std::string& old_id, const std::string& new_id);
  void remove(const std::string& member_id);
  void leave_for_a_while(const std::string& member_id);
  // Topics are as they are known now; if that is a change, the group needs a new epoch. True if it is none.
  bool refresh_topics();
  // If anything above calls for one.
  void begin_epoch();
  // If the group has a later epoch than its target.
  void compute_target();
  // Errors: see reconcile().
  Status advance(const std::string& member_id, const std::optional<AssignedPartitions>& owned);

  bool is_new_epoch() const { return is_new_epoch_; }
  std::vector<ConsumerRecord> take_records() { return std::move(records_); }

 private:
  void put(ConsumerRecord record);

  const ConsumerGroup& before_;
  const GroupTopics& topics_;
  const ConsumerGroupSettings& settings_;
  std::optional<ConsumerGroup> draft_;  // as long as nothing changes the group is not copied
  std::vector<ConsumerRecord> records_;
  bool is_new_epoch_ = false;
};

}  // namespace quokka
