#include "broker/quota/replication_throttle.h"

namespace quokka {

bool ReplicationThrottle::holds_back(const std::string& topic, PartitionIndex partition, MonoTime now) {
  const int64_t limit = limit_;
  if (limit == unlimited || !topics_.is_throttled(settings_.side, topic, partition, settings_.self)) return false;
  return bytes_per_second(now) > static_cast<double>(limit);
}

void ReplicationThrottle::record(const std::string& topic, PartitionIndex partition, size_t bytes, MonoTime now) {
  if (bytes == 0 || !topics_.is_throttled(settings_.side, topic, partition, settings_.self)) return;
  MutexLock lock(mutex_);
  rate_.record(static_cast<int64_t>(bytes), now);
}

double ReplicationThrottle::bytes_per_second(MonoTime now) {
  MutexLock lock(mutex_);
  return rate_.per_second(now);
}

}  // namespace quokka
