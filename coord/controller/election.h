// Who leads a partition: the rules by which the controller chooses a leader and the in-sync replicas that stay, as functions of values. Nothing
// here knows brokers, znodes or time; the controller's core calls these and proposes what they return.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/ids.h"

namespace quokka {

using Replicas = std::vector<BrokerId>;

// The replicas of one partition as its topic's znode names them. While a partition is being reassigned `replicas` is the target followed by those
// to be removed.
struct Assignment {
  Replicas replicas;  // the first is the preferred leader
  Replicas adding;
  Replicas removing;

  bool operator==(const Assignment&) const = default;
};

// The agreed state of one partition: what its state znode holds, and that znode's version.
struct LeaderAndIsr {
  BrokerId leader;            // -1 none
  LeaderEpoch leader_epoch;   // raised by every change the controller makes itself, not by AlterPartition
  Replicas isr;               // without a leader: the last members
  bool recovering = false;    // elected uncleanly, and the leader has not finished its recovery (KIP-704)
  ControllerEpoch controller_epoch;
  PartitionEpoch partition_epoch;  // version of the znode; -1 while it is not written

  bool operator==(const LeaderAndIsr&) const = default;
};

bool contains(const Replicas& replicas, BrokerId id);
// Those of `replicas` that are in `kept`, in their order.
Replicas intersection(const Replicas& replicas, const Replicas& kept);
Replicas difference(const Replicas& replicas, const Replicas& removed);
// "1,2,3"
std::string str(const Replicas& replicas);

// Below, `online` are the replicas that may lead: their broker is live, not shutting down, and their log directory works. nullopt: nobody can be
// elected. Every state returned has the next leader epoch and the partition epoch of the state it came from, which is the version to write at.

// A partition that never had a leader: the first replica online, in sync are all online.
std::optional<LeaderAndIsr> elect_new(const Replicas& replicas, const Replicas& online);

// The leader is gone: the first assigned replica that is online and in sync. With `unclean`, failing that the first online: it becomes the only
// in-sync replica, recovering, and records may be lost.
std::optional<LeaderAndIsr> elect_offline(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online, bool unclean);
// True when only an unclean election could find a leader.
bool only_unclean(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online);

// The leader's broker is shutting down: as elect_offline, never unclean; all shutting down leave the in-sync set.
std::optional<LeaderAndIsr> elect_controlled_shutdown(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online,
                                                      const Replicas& shutting_down);

// The first assigned replica leads, if it is online and in sync and does not lead already. The in-sync set stays.
std::optional<LeaderAndIsr> elect_preferred(const LeaderAndIsr& state, const Replicas& replicas, const Replicas& online);

// The first replica of the target that is online and in sync. The in-sync set stays.
std::optional<LeaderAndIsr> elect_reassigned(const LeaderAndIsr& state, const Replicas& target, const Replicas& online);

// For metrics. A reassignment that brings a new preferred leader counts as balanced until that one is in sync, which is when it may lead.
bool has_preferred_leader(const Assignment& assignment, const LeaderAndIsr& state);

// Nobody is elected: `gone` leave the in-sync set, and leadership if one of them leads. The set never becomes empty: if all its members are gone it
// stays, since each of them holds every committed record. nullopt: nothing changes.
std::optional<LeaderAndIsr> without_replicas(const LeaderAndIsr& state, const Replicas& gone);

}  // namespace quokka
