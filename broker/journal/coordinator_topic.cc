#include "broker/journal/coordinator_topic.h"

#include <utility>

#include "broker/journal/coordinator_partition.h"
#include "coord/topics/topic_writer.h"
#include "protocol/base/loop.h"
#include "protocol/base/log.h"

namespace quokka {

CoordinatorTopic::Read coordinator_topic_reader(ZookeeperSession& session, Loop& coordination) {
  return [&session, &coordination](const std::string& topic, Function<void(Result<CoordinatorTopic::Assignment>)> done) {
    coordination.post([&session, topic, done = std::move(done)]() mutable {
      read_topic(session, topic, [done = std::move(done)](Result<StoredTopic> stored) mutable {
        if (stored) done(CoordinatorTopic::Assignment{stored->topic.id, static_cast<int32_t>(stored->topic.partitions.size())});
        else done(stored.error());
      });
    });
  };
}

CoordinatorTopic::CoordinatorTopic(std::string_view name, ViewHolder& view, Read read) : name_(name), view_(view), read_(std::move(read)) {}

void CoordinatorTopic::State::forget() {
  known.reset();
  in_view = false;
  is_reading = false;
  ++topics_before;
}

void CoordinatorTopic::learn_at_start(Function<void(Status)> done) { learn(std::move(done)); }

void CoordinatorTopic::learn(Function<void(Status)> done) {
  uint64_t number = 0;
  bool is_needed = false;
  {
    MutexLock lock(state_->mutex);
    is_needed = !state_->known && !state_->is_reading;
    if (is_needed) state_->is_reading = true;
    number = state_->topics_before;
  }
  if (!is_needed) {
    if (done) done({});
    return;
  }
  read_(name_, [name = name_, number, current = std::weak_ptr(state_), done = std::move(done)](Result<Assignment> read) mutable {
    const std::shared_ptr<State> state = current.lock();
    if (!state) return;
    {
      MutexLock lock(state->mutex);
      if (state->topics_before == number) {
        state->is_reading = false;
        if (read && read->partitions > 0 && !state->known) state->known = *read;
      }
    }
    const bool is_failure = !read && read.code() != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    // Asked for again by the next who needs it.
    if (is_failure) log_warn_every_for(name, Duration::seconds(10), "how many partitions {} has cannot be read: {}", name, read.error().message);
    if (done) done(is_failure ? Status(read.error()) : Status());
  });
}

void CoordinatorTopic::on_view() {
  const ClusterViewPtr view = view_.get();
  const TopicView* topic = view->topic(name_);
  {
    MutexLock lock(state_->mutex);
    if (topic == nullptr || topic->partitions.empty()) {
      if (state_->in_view) state_->forget();
      return;
    }
    if (state_->known) {
      const TopicId& known = state_->known->id;
      if (!known.is_zero() && !topic->id.is_zero() && known != topic->id) state_->forget();
    }
    state_->in_view = true;
    if (state_->known) {
      const int32_t seen = topic->partitions.back().index.value + 1;
      if (seen > state_->known->partitions)
        log_warn_every_for(name_, Duration::seconds(600),
                           "{} has grown from {} to {} partitions, which parts ids from what was stored under them: this broker goes on with {} until it starts "
                           "again; brokers that start with {} find nothing of most groups and transactional ids",
                           name_, state_->known->partitions, seen, state_->known->partitions, seen);
      return;
    }
  }
  learn();
}

std::optional<PartitionIndex> CoordinatorTopic::partition_of(std::string_view id) {
  {
    MutexLock lock(state_->mutex);
    if (state_->known) return coordinator_partition(id, state_->known->partitions);
  }
  if (view_.get()->topic(name_) != nullptr) learn();
  return std::nullopt;
}

}  // namespace quokka
