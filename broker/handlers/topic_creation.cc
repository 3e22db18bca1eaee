#include "broker/handlers/topic_creation.h"

#include <utility>

#include "broker/handlers/services.h"
#include "coord/topics/topic_writer.h"
#include "protocol/base/log.h"
#include "protocol/base/topic_name.h"

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

// Consumers would wait in silence (and their users in vain) for a coordinator that cannot be.
void warn_of_missing_brokers(std::string_view name, int replication_factor, size_t live_brokers) {
  const std::string_view key =
      name == kGroupMetadataTopic ? "offsets.topic.replication.factor" : "transaction.state.log.replication.factor";
  log_warn_every_for(name, Duration::seconds(10),
                     "{} cannot be created: {} asks for {} replicas and {} brokers are live; start more brokers, or lower it on every broker", name, key,
                     replication_factor, live_brokers);
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

void create_automatic_topic(Services& services, std::string_view name, Function<void(Result<TopicId>)> done) {
  WantedTopic wanted = automatic_topic(name, services.config);
  const int replication_factor = wanted.replication_factor;
  const ClusterViewPtr view = services.view.get();
  Result<TopicPlan> plan = plan_topic(std::move(wanted), *view, services.config, services.config_sources, services.random);
  if (!plan) {
    if (is_internal_topic(name) && plan.code() == ErrorCode::INVALID_REPLICATION_FACTOR)
      warn_of_missing_brokers(name, replication_factor, view->brokers().size());
    return done(plan.error());
  }
  create_planned_topic(services, *std::move(plan), false, std::move(done));
}

void begin_automatic_topic(Services& services, std::string_view name) {
  if (!services.automatic_topics.add(name)) return;
  services.coordination.post([&services, topic = std::string(name)] {
    create_automatic_topic(services, topic, [&services, topic](Result<TopicId> id) {
      services.automatic_topics.remove(topic);
      if (id) log_info("{} is created: somebody asked for it", topic);
    });
  });
}

}  // namespace quokka
