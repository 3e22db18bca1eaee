// DeleteGroups (key 42), versions 0-2: groups without members go, with their committed offsets. Each name is answered once.
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/delete_groups.h"

namespace quokka {

namespace {

// The answers of the coordinator come together on the connection's loop.
class GroupsDeletion {
 public:
  GroupsDeletion(CallPtr call, std::vector<std::string> groups)
      : loop_(call->loop()), call_(std::move(call)), groups_(std::move(groups)), errors_(groups_.size()), left_(groups_.size()) {}

  static void run(const std::shared_ptr<GroupsDeletion>& self, GroupCoordinator& coordinator) {
    if (self->groups_.empty()) return self->answer();
    for (size_t i = 0; i < self->groups_.size(); ++i) {
      coordinator.delete_group(self->groups_[i], [self, i](ErrorCode error) {
        self->loop_.post([self, i, error] {
          self->errors_[i] = error;
          if (--self->left_ == 0) self->answer();
        });
      });
    }
  }

 private:
  void answer() {
    DeleteGroupsResponse response;
    std::vector<DeleteGroupsResponse::DeletableGroupResult> results;
    for (size_t i = 0; i < groups_.size(); ++i) results.push_back({groups_[i], errors_[i]});
    response.results = results;
    reply(std::move(call_), response);
  }

  Loop& loop_;
  CallPtr call_;
  const std::vector<std::string> groups_;
  std::vector<ErrorCode> errors_;
  size_t left_;
};

}  // namespace

void handle_delete_groups(Services& services, CallPtr call) {
  const auto decoded = decode_call<DeleteGroupsRequest>(call);
  if (!decoded) return;
  const std::set<std::string> distinct(decoded->request.groups_names.begin(), decoded->request.groups_names.end());
  auto deletion = std::make_shared<GroupsDeletion>(std::move(call), std::vector<std::string>(distinct.begin(), distinct.end()));
  GroupsDeletion::run(deletion, services.groups);
}

}  // namespace quokka
