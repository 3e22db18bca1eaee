// Which protocols the members of the classic protocol know, by the number of them that know each: kept as members come, change and go, so that what a
// JoinGroup asks costs what it names itself, not what all others named before. PURE.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/consumer/consumer_values.h"
#include "protocol/base/check.h"

namespace quokka {

class KnownProtocols {
 public:
  // One member's, all of them at once. A name that is there twice counts once.
  void add(const std::vector<GroupProtocol>& of_member) {
    ++members_;
    for (const std::string_view name : names(of_member)) ++known_by_[std::string(name)];
  }
  void remove(const std::vector<GroupProtocol>& of_member) {
    QUOKKA_CHECK(members_ > 0, "protocols of a member that is not counted");
    --members_;
    for (const std::string_view name : names(of_member)) {
      const auto found = known_by_.find(name);
      QUOKKA_CHECK(found != known_by_.end(), "a protocol that is not counted: " + std::string(name));
      if (--found->second == 0) known_by_.erase(found);
    }
  }
  size_t members() const { return members_; }
  bool all_know(std::string_view name) const {
    const auto found = known_by_.find(name);
    return (found == known_by_.end() ? 0 : found->second) == members_;
  }
  bool all_know_one_of(const std::vector<GroupProtocol>& wanted) const {
    return std::any_of(wanted.begin(), wanted.end(), [this](const GroupProtocol& each) { return all_know(each.name); });
  }
  bool operator==(const KnownProtocols&) const = default;

 private:
  static std::set<std::string_view> names(const std::vector<GroupProtocol>& protocols) {
    std::set<std::string_view> all;
    for (const GroupProtocol& each : protocols) all.insert(each.name);
    return all;
  }

  size_t members_ = 0;
  std::map<std::string, size_t, std::less<>> known_by_;  // no entry is 0
};

}  // namespace quokka
