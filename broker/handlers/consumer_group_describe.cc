// ConsumerGroupDescribe (key 69), version 0: groups of the consumer protocol with their members, what each has and is to have. GROUP_ID_NOT_FOUND for one
// that is not known, or classic. Topics that are gone are left out.
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/consumer_group_describe.h"

namespace quokka {

namespace {

using GroupAnswer = ConsumerGroupDescribeResponse::DescribedGroup;
using MemberAnswer = GroupAnswer::Member;
using TopicAnswer = ConsumerGroupDescribeResponse::TopicPartitions;

// The arrays of an answer while it is made; growing does not move them.
struct Memory {
  std::deque<std::vector<PartitionIndex>> partitions;
  std::deque<std::vector<TopicAnswer>> topics;
  std::deque<std::vector<std::string_view>> names;
  std::deque<std::vector<MemberAnswer>> members;
};

ConsumerGroupDescribeResponse::Assignment assignment_of(const AssignedPartitions& from, const ClusterView& view, Memory& memory) {
  std::vector<TopicAnswer>& topics = memory.topics.emplace_back();
  for (const auto& [id, indexes] : from) {
    const TopicView* topic = view.topic(id);
    if (topic != nullptr) topics.push_back({id, topic->name, memory.partitions.emplace_back(indexes.begin(), indexes.end())});
  }
  return {topics};
}

Array<MemberAnswer> members_of(const ConsumerGroupDescription& group, const ClusterView& view, Memory& memory) {
  std::vector<MemberAnswer>& members = memory.members.emplace_back();
  for (const ConsumerGroupDescription::Member& each : group.members) {
    MemberAnswer& member = members.emplace_back();
    member.member_id = each.id;
    if (each.subscription.instance_id) member.instance_id = *each.subscription.instance_id;
    if (each.subscription.rack_id) member.rack_id = *each.subscription.rack_id;
    member.member_epoch = each.epoch;
    member.client_id = each.subscription.client_id;
    member.client_host = each.subscription.client_host;
    member.subscribed_topic_names = memory.names.emplace_back(each.subscription.topics.begin(), each.subscription.topics.end());
    if (each.subscription.topic_regex) member.subscribed_topic_regex = *each.subscription.topic_regex;
    member.assignment = assignment_of(each.assigned, view, memory);
    member.target_assignment = assignment_of(each.target, view, memory);
  }
  return members;
}

// The answers of the coordinator come together on the connection's loop.
class ConsumerGroupsDescription {
 public:
  ConsumerGroupsDescription(CallPtr call, const ConsumerGroupDescribeRequest& request, ViewHolder& view)
      : loop_(call->loop()),
        call_(std::move(call)),
        groups_(request.group_ids.begin(), request.group_ids.end()),
        found_(groups_.size()),
        left_(groups_.size()),
        wants_operations_(request.include_authorized_operations),
        view_(view) {}

  static void run(const std::shared_ptr<ConsumerGroupsDescription>& self, GroupCoordinator& coordinator) {
    if (self->groups_.empty()) return self->answer();
    for (size_t i = 0; i < self->groups_.size(); ++i) {
      coordinator.describe_consumer_group(self->groups_[i], [self, i](GroupShard::Described found) mutable {
        self->loop_.post([self, i, found = std::move(found)]() mutable {
          self->found_[i] = std::move(found);
          if (--self->left_ == 0) self->answer();
        });
      });
    }
  }

 private:
  void answer() {
    const ClusterViewPtr view = view_.get();
    Memory memory;
    std::vector<GroupAnswer> told;
    for (size_t i = 0; i < groups_.size(); ++i) {
      GroupAnswer& group = told.emplace_back();
      group.group_id = groups_[i];
      const GroupShard::Described& found = *found_[i];
      group.error_code = found.code();
      if (!found) {
        group.error_message = found.error().message;
        continue;
      }
      group.group_state = found->state;
      group.group_epoch = found->epoch;
      group.assignment_epoch = found->assignment_epoch;
      group.assignor_name = found->assignor;
      group.members = members_of(*found, *view, memory);
      if (wants_operations_) group.authorized_operations = kGroupOperations;
    }
    ConsumerGroupDescribeResponse response;
    response.groups = told;
    reply(std::move(call_), response);
  }

  Loop& loop_;
  CallPtr call_;
  const std::vector<std::string> groups_;
  std::vector<std::optional<GroupShard::Described>> found_;
  size_t left_;
  const bool wants_operations_;
  ViewHolder& view_;
};

}  // namespace

void handle_consumer_group_describe(Services& services, CallPtr call) {
  const auto decoded = decode_call<ConsumerGroupDescribeRequest>(call);
  if (!decoded) return;
  ConsumerGroupsDescription::run(std::make_shared<ConsumerGroupsDescription>(std::move(call), decoded->request, services.view), services.groups);
}

}  // namespace quokka
