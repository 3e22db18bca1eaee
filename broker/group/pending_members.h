// Member ids that a group gave and that nobody joined with yet, each until its time. PURE.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "protocol/base/time.h"

namespace quokka {

class PendingMembers {
 public:
  bool empty() const { return until_.empty(); }
  size_t size() const { return until_.size(); }
  bool has(const std::string& member_id) const { return until_.count(member_id) != 0; }
  void put(const std::string& member_id, MonoTime until) {
    erase(member_id);
    until_.emplace(member_id, until);
    by_time_.emplace(until, member_id);
  }
  void erase(const std::string& member_id) {
    const auto found = until_.find(member_id);
    if (found == until_.end()) return;
    by_time_.erase({found->second, member_id});
    until_.erase(found);
  }
  // The id whose time ends first; nullptr if there is none.
  const std::pair<MonoTime, std::string>* first() const { return by_time_.empty() ? nullptr : &*by_time_.begin(); }
  void clear() {
    until_.clear();
    by_time_.clear();
  }

 private:
  std::map<std::string, MonoTime> until_;
  std::set<std::pair<MonoTime, std::string>> by_time_;  // the same
};

}  // namespace quokka
