// DescribeGroups (key 15), versions 0-5: state and members of groups; one that is not known, or of the consumer protocol, is Dead. 3: authorized operations. 4: instance ids.
//
// Beyond Kafka: who asks for it (tag 31 of version 5) is told why each group rebalanced the last times.
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/describe_groups.h"

namespace quokka {

namespace {

using GroupAnswer = DescribeGroupsResponse::DescribedGroup;
using MemberAnswer = GroupAnswer::DescribedGroupMember;
using RebalanceAnswer = GroupAnswer::Rebalance;

std::vector<MemberAnswer> members_of(const GroupDescription& group) {
  std::vector<MemberAnswer> members;
  for (const GroupDescription::Member& each : group.members) {
    MemberAnswer& member = members.emplace_back();
    member.member_id = each.id;
    if (each.instance_id) member.group_instance_id = *each.instance_id;
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.member_metadata = bytes_of(each.metadata);
    member.member_assignment = bytes_of(each.assignment);
  }
  return members;
}

std::vector<RebalanceAnswer> rebalances_of(const GroupDescription& group) {
  std::vector<RebalanceAnswer> rebalances;
  for (const RebalanceNote& each : group.rebalances) {
    rebalances.push_back({each.began.ms, each.ended ? each.ended->ms : -1, each.generation, static_cast<int32_t>(each.members), each.reason});
  }
  return rebalances;
}

// The answers of the coordinator come together on the connection's loop.
class GroupsDescription {
 public:
  GroupsDescription(CallPtr call, const DescribeGroupsRequest& request)
      : loop_(call->loop()),
        call_(std::move(call)),
        groups_(request.groups.begin(), request.groups.end()),
        found_(groups_.size()),
        left_(groups_.size()),
        wants_operations_(request.include_authorized_operations),
        wants_rebalances_(request.include_rebalances) {}

  static void run(const std::shared_ptr<GroupsDescription>& self, GroupCoordinator& coordinator) {
    if (self->groups_.empty()) return self->answer();
    for (size_t i = 0; i < self->groups_.size(); ++i) {
      coordinator.describe(self->groups_[i], [self, i](Result<GroupDescription> found) mutable {
        self->loop_.post([self, i, found = std::move(found)]() mutable {
          self->found_[i] = std::move(found);
          if (--self->left_ == 0) self->answer();
        });
      });
    }
  }

 private:
  void answer() {
    std::vector<std::vector<MemberAnswer>> members;
    std::vector<std::vector<RebalanceAnswer>> rebalances;
    members.reserve(groups_.size());
    rebalances.reserve(groups_.size());
    std::vector<GroupAnswer> told;
    for (size_t i = 0; i < groups_.size(); ++i) {
      GroupAnswer& group = told.emplace_back();
      group.group_id = groups_[i];
      const Result<GroupDescription>& found = *found_[i];
      group.error_code = found.code();
      if (!found) continue;
      group.group_state = name(found->state);
      group.protocol_type = found->protocol_type;
      group.protocol_data = found->protocol;
      group.members = members.emplace_back(members_of(*found));
      if (wants_rebalances_) group.rebalances = rebalances.emplace_back(rebalances_of(*found));
      if (wants_operations_) group.authorized_operations = kGroupOperations;
    }
    DescribeGroupsResponse response;
    response.groups = told;
    reply(std::move(call_), response);
  }

  Loop& loop_;
  CallPtr call_;
  const std::vector<std::string> groups_;
  std::vector<std::optional<Result<GroupDescription>>> found_;
  size_t left_;
  const bool wants_operations_;
  const bool wants_rebalances_;
};

}  // namespace

void handle_describe_groups(Services& services, CallPtr call) {
  const auto decoded = decode_call<DescribeGroupsRequest>(call);
  if (!decoded) return;
  GroupsDescription::run(std::make_shared<GroupsDescription>(std::move(call), decoded->request), services.groups);
}

}  // namespace quokka
