#include "broker/handlers/control_requests.h"

#include <string>
#include <utility>

#include <fmt/core.h>

#include "coord/session/zookeeper_session.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

namespace {

ErrorCode check_fence(const Services& services, const ControlFence& fence) {
  if (fence.kraft) return ErrorCode::STALE_CONTROLLER_EPOCH;  // no migration is under way here
  if (fence.broker_epoch.value != -1 && fence.broker_epoch.value < services.broker_epoch.load()) return ErrorCode::STALE_BROKER_EPOCH;
  if (fence.controller_epoch < services.controller_epoch) return ErrorCode::STALE_CONTROLLER_EPOCH;
  return ErrorCode::NONE;
}

// On the queue again, with what ZooKeeper says. A server of it may be a little behind.
ErrorCode admit(Services& services, ControllerEpoch asked, ZkOutcome outcome, const ZnodeData& data) {
  const auto known = outcome == ZkOutcome::ok ? znodes::parse_controller_epoch(data.value_or("")) : Error{ErrorCode::UNKNOWN_SERVER_ERROR, "it does not answer"};
  if (known && *known > asked) return ErrorCode::STALE_CONTROLLER_EPOCH;
  if (known && *known == asked) {
    services.controller_epoch = asked;
    return ErrorCode::NONE;
  }
  log_warn_every(Duration::seconds(10), "a controller speaks with epoch {}, of which ZooKeeper does not know ({}): its request is carried out and the epoch not remembered. If this goes on, it is "
                 "no controller: give brokers a listener that clients do not reach (inter.broker.listener.name)",
                 asked, known ? fmt::format("it has {}", known->value) : known.error().message);
  return ErrorCode::NONE;
}

}  // namespace

void begin_control_request(Services& services, const ControlFence& fence, Function<void(ErrorCode error, Task done)> work) {
  services.control.begin([&services, fence, work = std::move(work)](Task done) mutable {
    const ErrorCode error = check_fence(services, fence);
    if (error != ErrorCode::NONE || fence.controller_epoch == services.controller_epoch) return work(error, std::move(done));
    services.coordination.post([&services, asked = fence.controller_epoch, work = std::move(work), done = std::move(done)]() mutable {
      services.session.get(std::string(znodes::kControllerEpoch), Watch::no,
                           [&services, asked, work = std::move(work), done = std::move(done)](ZkOutcome outcome, const ZnodeData& data, const ZnodeStat&) mutable {
                             services.pool.run([&services, asked, outcome, data, work = std::move(work), done = std::move(done)]() mutable {
                               work(admit(services, asked, outcome, data), std::move(done));
                             });
                           });
    });
  });
}

}  // namespace quokka
