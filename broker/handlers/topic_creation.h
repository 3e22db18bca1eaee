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

// A topic that somebody asked for by name, with the settings of automatic_topic. On the loop of coordination. The name is among automatic_topics; the
// caller takes it out. A log line says why an internal topic could not be made.
void create_automatic_topic(Services& services, std::string_view name, Function<void(Result<TopicId>)> done);
// The same from any thread, without an answer; nothing if it is under way.
void begin_automatic_topic(Services& services, std::string_view name);

}  // namespace quokka
