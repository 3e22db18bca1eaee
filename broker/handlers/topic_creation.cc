#include "broker/handlers/topic_creation.h"

#include <utility>

#include "broker/handlers/services.h"
#include "coord/topics/topic_writer.h"

namespace quokka {

namespace {

// Ids that mean something else, and those whose text looks like an option, are not given.
TopicId draw_topic_id(Random& random) {
  for (;;) {
    const uint64_t high = random.next();
    const TopicId id = TopicId::from_random(high, random.next());
    if (!id.is_reserved() && !id.str().starts_with('-')) return id;
  }
}

}  // namespace

void create_planned_topic(Services& services, TopicPlan plan, bool check_only, Function<void(Result<TopicId>)> done) {
  NewTopic topic;
  topic.name = std::move(plan.name);
  topic.config = std::move(plan.configs);
  topic.assignment = std::move(plan.assignment);
  if (!check_only) topic.id = draw_topic_id(services.random);
  auto finished = [id = topic.id, d = std::move(done)](Status status) mutable {
    if (status) d(id);
    else d(status.error());
  };
  if (check_only) check_new_topic(services.session, topic, std::move(finished));
  else create_topic(services.session, std::move(topic), std::move(finished));
}

}  // namespace quokka
