// From a plan to the znodes of a topic.
#pragma once

#include "broker/handlers/topic_plans.h"
#include "protocol/base/function.h"
#include "protocol/base/result.h"

namespace quokka {

struct Services;

// On the loop of coordination, where `done` runs too. Gives the new topic's id; with `check_only` nothing is written and the id is zero. Errors:
// TOPIC_ALREADY_EXISTS (also one that is being deleted), INVALID_TOPIC_EXCEPTION (collides), and what ZooKeeper is unable to do.
void create_planned_topic(Services& services, TopicPlan plan, bool check_only, Function<void(Result<TopicId>)> done);

}  // namespace quokka
