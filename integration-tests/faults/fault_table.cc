#include <vector>

#include "integration-tests/faults/clock_rows.h"
#include "integration-tests/faults/compaction_rows.h"
#include "integration-tests/faults/disk_rows.h"
#include "integration-tests/faults/fault_row.h"
#include "integration-tests/faults/file_rows.h"
#include "integration-tests/faults/group_rows.h"
#include "integration-tests/faults/kill_rows.h"
#include "integration-tests/faults/network_rows.h"
#include "integration-tests/faults/pause_rows.h"
#include "integration-tests/faults/proxy_rows.h"
#include "integration-tests/faults/start_rows.h"
#include "integration-tests/faults/topic_rows.h"
#include "integration-tests/faults/transaction_rows.h"

namespace quokka {
namespace {

using What = NetworkFault::What;

constexpr int failover_ms_max = Scene::session_timeout_ms + Scene::tick_ms + 2000;

}  // namespace

std::span<const FaultRow> fault_rows() {
  static const std::vector<FaultRow> rows = {
      {"F0", "none", Load::W1, fault(no_fault), {}, 1000},
      {"F0", "none", Load::W2, fault(no_fault), {}, 1000},
      {"F0", "none", Load::W3, fault(no_fault), {}, 1000},
      {"F0", "none", Load::W5, fault(no_fault), {}, 1000},
      {"F1", "kill -9 of the leader until another leads", Load::W1, fault(kill_leader_for_long), {}, failover_ms_max},
      {"F1", "kill -9 of the leader until another leads", Load::W2, fault(kill_leader_for_long), acks_one_losses, failover_ms_max},
      {"F1", "kill -9 of the leader, started again soon, three times", Load::W1, fault(kill_leader_and_chase), {}, failover_ms_max},
      {"F1", "kill -9 of the leader until another leads", Load::W3, fault(kill_leader_for_long), {}, failover_ms_max},
      {"F1", "kill -9 of the leader, started again soon, three times", Load::W3, fault(kill_leader_and_chase), {}, failover_ms_max},
      {"F2", "kill -9 of a follower, the controller, each in turn", Load::W1, fault(kill_each_in_turn), {}, failover_ms_max},
      {"F2", "kill -9 of a follower, the controller, each in turn", Load::W3, fault(kill_each_in_turn), {}, failover_ms_max},
      {"F2", "kill -9 of a follower, the controller, each in turn", Load::W4, fault(kill_each_in_turn), {}, failover_ms_max},
      {"F3", "kill -9 of all brokers at once", Load::W1, fault(kill_all_at_once)},
      {"F3", "kill -9 of all brokers at once", Load::W3, fault(kill_all_at_once)},
      {"F4", "SIGTERM and start of each in turn", Load::W1, fault(restart_each_in_turn), {}, 3000},
      {"F4", "SIGTERM and start of each in turn", Load::W3, fault(restart_each_in_turn), {}, 3000},
      {"F4", "SIGTERM and start of each in turn", Load::W4, fault(restart_each_in_turn), {}, 3000},
      {"F5", "SIGSTOP of the leader, shorter than its session", Load::W1, fault(pause_leader_briefly)},
      {"F6", "SIGSTOP of the leader, longer than its session", Load::W1, fault(pause_leader_past_session)},
      {"F6", "SIGSTOP of the leader, longer than its session", Load::W2, fault(pause_leader_past_session), acks_one_losses},
      {"F7", "SIGSTOP of the controller, longer than its session", Load::W1, fault(pause_controller_past_session)},
      {"F8", "leader cut from ZooKeeper", Load::W1, fault_of<NetworkFault>(What::leader_from_zookeeper)},
      {"F8", "leader cut from ZooKeeper", Load::W2, fault_of<NetworkFault>(What::leader_from_zookeeper), acks_one_losses},
      {"F9", "leader cut from its followers", Load::W1, fault_of<NetworkFault>(What::leader_from_followers)},
      {"F10", "leader isolated", Load::W1, fault_of<NetworkFault>(What::isolated_leader)},
      {"F10", "controller isolated", Load::W1, fault_of<NetworkFault>(What::isolated_controller)},
      {"F10", "leader cut from clients", Load::W1, fault_of<NetworkFault>(What::leader_from_clients)},
      {"F11", "followers' packets do not reach the leader", Load::W1, fault_of<NetworkFault>(What::deaf_leader)},
      {"F11", "the leader's packets do not reach the followers", Load::W1, fault_of<NetworkFault>(What::mute_leader)},
      {"F11", "5 to 30 % of the leader's packets are lost", Load::W1, fault_of<NetworkFault>(What::lossy_leader)},
      {"F12", "all traffic is late by 50 to 2000 ms", Load::W1, fault_of<SlowNetwork>(SlowNetwork::What::delays)},
      {"F12", "connections reset in the middle of an answer, others left half open", Load::W1, fault_of<SlowNetwork>(SlowNetwork::What::broken_answers)},
      {"F12", "brokers clogged one after another, and let go in another order", Load::W1, fault_of<SlowNetwork>(SlowNetwork::What::swizzle)},
      {"F13", "an EndTxn held past its time-out; its connection ends with it", Load::W1, fault_of<HeldRequest>(ApiKey::END_TXN, true)},
      {"F13", "an EndTxn held past its time-out; its connection stays", Load::W1, fault_of<HeldRequest>(ApiKey::END_TXN, false)},
      {"F13", "a transactional Produce held past its time-out; its connection ends with it", Load::W1, fault_of<HeldRequest>(ApiKey::PRODUCE, true)},
      {"F13", "a transactional Produce held past its time-out; its connection stays", Load::W1, fault_of<HeldRequest>(ApiKey::PRODUCE, false)},
      {"F14", "a follower's link is too narrow", Load::W1, fault_of<NetworkFault>(What::narrow_follower)},
      {"F15", "kill -9 of the ZooKeeper leader", Load::W1, fault_of<ZookeeperFault>(ZookeeperFault::What::kill_leader)},
      {"F15", "no quorum of ZooKeeper servers for 15 s", Load::W1, fault_of<ZookeeperFault>(ZookeeperFault::What::lose_quorum)},
      {"F15", "kill -9 of all ZooKeeper servers", Load::W1, fault_of<ZookeeperFault>(ZookeeperFault::What::restart_all)},
      {"F16", "all brokers' sessions expire at once", Load::W1, fault(expire_all_sessions)},
      {"F17", "each ZooKeeper server stands still while the controller moves", Load::W1, fault_of<StaleZookeeper>()},
      {"F18", "a second broker with the id of one that runs", Load::W1, fault(second_broker_of_one_id), {}, 1000},
      {"F19", "a second broker on the log directory of one that runs", Load::W1, fault(second_broker_on_one_log_directory), {}, 1000},
      {"F20", "a broker with another cluster's or broker's log directory", Load::W1, fault(broker_of_another_cluster), {}, 1000},
      {"F21", "power loss of the leader's machine", Load::W1, fault_of<PowerLoss>(PowerLoss::What::leader)},
      {"F22", "power loss of all machines at once", Load::W1, fault_of<PowerLoss>(PowerLoss::What::all), unsynced_losses},
      {"F22", "power loss of all machines at once, flush.messages=1", Load::W1, fault_of<PowerLoss>(PowerLoss::What::all, true)},
      {"F23", "power loss of the last in-sync replica's machine", Load::W1, fault_of<PowerLoss>(PowerLoss::What::last_in_sync), unsynced_losses},
      {"F23", "power loss of the last in-sync replica's machine, flush.messages=1", Load::W1, fault_of<PowerLoss>(PowerLoss::What::last_in_sync, true)},
      {"F24", "power loss of followers' machines, back before the session ends, six times", Load::W1,
       fault_of<PowerLoss>(PowerLoss::What::followers_quickly)},
      {"F25", "the leader's disk is full", Load::W1, fault_of<DiskFull>(DiskFull::Where::leader)},
      {"F25", "a follower's disk is full", Load::W1, fault_of<DiskFull>(DiskFull::Where::follower)},
      {"F25", "all disks are full", Load::W1, fault_of<DiskFull>(DiskFull::Where::everywhere)},
      {"F26", "EIO of one call on one kind of file", Load::W1, fault_of<FailingCall>()},
      {"F27", "one of two log directories of the leader fails", Load::W1, fault_of<DirectoryFailure>()},
      {"F28", "segments of a killed broker cut inside their last two batches", Load::W1, fault(torn_tails)},
      {"F29", "a bit flipped in the last batches of a killed broker", Load::W1, fault(flipped_bits)},
      {"F30", "indexes, snapshots and checkpoints of a killed broker damaged", Load::W1, fault(damaged_side_files)},
      {"F31", "kill -9 at calls of recovery and of rolling segments, ten times", Load::W1, fault_of<KillAtCall>(KillAtCall::Of::recovery)},
      {"F31", "kill -9 at calls of a cleaning, ten times", Load::W5, fault_of<KillAtCall>(KillAtCall::Of::cleaning)},
      {"F32", "the leader's wall clock jumps by hours and years", Load::W1, fault_of<ClockJumps>()},
      {"F34", "reassignment to other brokers and numbers of replicas, with kills", Load::W1, fault_of<Reassignment>()},
      {"F35", "a topic deleted without one of its brokers, and made again", Load::W1, fault(recreate_topic_with_a_broker_down)},
      {"F36", "unclean election", Load::W1, fault_of<UncleanElection>(), acks_one_losses},
      {"F37", "another producer takes the transactional id of one that runs, three times", Load::W3, fault(two_producers_of_one_id)},
      {"F37", "records of transactions time out, producers raise their epochs", Load::W3, fault_of<RaisedEpochs>()},
      {"F38", "kill -9 of the coordinator of an ongoing transaction", Load::W3, fault_of<LeftTransaction>(LeftTransaction::At::ongoing)},
      {"F38", "kill -9 of the coordinator before any marker of a commit", Load::W3, fault_of<LeftTransaction>(LeftTransaction::At::prepare_commit)},
      {"F38", "kill -9 of the coordinator before any marker of an abort", Load::W3, fault_of<LeftTransaction>(LeftTransaction::At::prepare_abort)},
      {"F38", "kill -9 of the coordinator between the markers of a commit", Load::W3, fault_of<LeftTransaction>(LeftTransaction::At::partly_marked)},
      {"F39", "members of a group die without a word, one after another", Load::W4, fault(kill_members)},
      {"F39", "a member stands still, another is cut off, longer than their sessions", Load::W4, fault(hold_members)},
      {"F39", "static members started again, replaced and killed", Load::W4, fault(restart_static_members)},
      {"F39", "kill -9 of the group's coordinator, three times", Load::W4, fault(kill_group_coordinator)},
      {"F39", "members come and go all the time", Load::W4, fault(rebalance_storm)},
      {"F40", "kill -9 of leaders as they clean, DeleteRecords under way", Load::W5, fault(kill_leader_as_it_cleans)},
      {"F40", "kill -9 of followers as they clean, DeleteRecords under way", Load::W5, fault(kill_follower_as_it_cleans)},
      {"F40", "kill -9 of each in turn as it cleans, DeleteRecords under way", Load::W5, fault(kill_each_as_it_cleans)},
  };
  return rows;
}

}  // namespace quokka
