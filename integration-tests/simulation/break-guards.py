#!/usr/bin/env python3
"""break-guards.py [ID ...]: switches the guards of hazards off, one after another, and says which seed of the simulation finds each.

For each entry one source file is compiled with one change, linked before the archives, and run from seed 1 on until a violation (at most SEEDS of them).
Run `make build/release/integration-tests/simulation/simulate` first. An entry whose text is not in its file any more is an error.
SEEDS=400 in the environment is the default. The tree itself is not changed.
"""
import os
import subprocess
import sys
import time

PROGRAM = "build/release/integration-tests/simulation/simulate"
CHUNK = 20

# id, file, what is there, what is there instead
GUARDS = [
    ("H1", "broker/replica/follower.cc", "if (leader.end_offset.value < 0) {", "if (true) {"),
    ("H3", "broker/replica/partition.cc", "  if (asked.value == -1 || asked == leader_epoch_) return ErrorCode::NONE;", "  return ErrorCode::NONE;"),
    ("H4", "broker/replica/leader.cc", "fetch.fetch_offset >= high_watermark_ && fetch.fetch_offset >= epoch_start_;", "true;"),
    ("H8", "broker/log/log_cut.cc", "  if (epochs_.truncate_from_end(offset)) epochs_dirty_ = true;\n  if (offset >= log_end()) return {};",
     "  if (offset >= log_end()) return {};\n  if (epochs_.truncate_from_end(offset)) epochs_dirty_ = true;"),
    ("H9", "broker/peers/replica_fetchers.cc", "data.diverging_epoch.epoch >= 0 || data.diverging_epoch.end_offset.value >= 0", "false"),
    ("H10", "broker/replica/partition.cc", "    if (read.last_fetched_epoch.value >= 0) {",
     "    if (read.follower) collect(leading_->on_follower_fetch(*read.follower, surroundings_.clock.now()), after);\n    if (read.last_fetched_epoch.value >= 0) {"),
    ("H11", "broker/replica/leader.cc", "return in_isr(id) || (pending_ && contains(pending_->isr, id));", "return in_isr(id);"),
    ("H12", "broker/replica/leader.cc", "case ProposalOutcome::unknown: effects.propose = pending_; break;", "case ProposalOutcome::unknown: pending_.reset(); break;"),
    ("H13", "broker/peers/isr_proposer.cc", "item.partition->on_isr_written(item.proposal, ProposalOutcome::unknown, std::nullopt);\n    return;",
     "item.partition->on_isr_written(item.proposal, ProposalOutcome::superseded, std::nullopt);\n    return;"),
    ("H14", "broker/replica/leader.cc", "case ProposalOutcome::superseded: break;", "case ProposalOutcome::superseded: pending_.reset(); effects.high_watermark = advance_high_watermark(now); break;"),
    ("H17", "broker/peers/isr_proposer.cc", "outcome == ZkOutcome::ok && stat.czxid == fetched_as.value", "outcome == ZkOutcome::ok"),
    ("H18", "broker/replica/leader.cc", "  if (!has_enough_replicas()) return std::nullopt;\n", ""),
    ("H29", "coord/controller/runner/fenced_writes.cc", "  ops.insert(ops.begin(), ZkOp::check(std::string(znodes::kControllerEpoch), epoch_version_));",
     "  ops.insert(ops.begin(), ZkOp::check(std::string(znodes::kControllerEpoch), -1));"),
    ("H30", "coord/controller/runner/shell_election.cc", "stat.ephemeral_owner == self.ports_.session.session_id();", "false;"),
    ("H32", "coord/controller/core.cc", "} else if (known->epoch != broker.epoch) {", "} else if (false) {"),
    ("H34", "coord/controller/runner/fenced_writes.cc", "case ZkOutcome::session_expired: return self->end(WritesEnd::expired);", "case ZkOutcome::session_expired: return;"),
    ("H42", "broker/replica/leader.cc", "case ProposalOutcome::unknown: effects.propose = pending_; break;",
     "case ProposalOutcome::unknown: committed_.isr = pending_->isr; pending_.reset(); effects.high_watermark = advance_high_watermark(now); break;"),
    ("H43", "broker/producer/producer_states.cc", "for (size_t i = 0; i < producer->batches_count; ++i) {", "for (size_t i = producer->batches_count; i < producer->batches_count; ++i) {"),
    ("H57", "broker/log/flush.cc", "  if (sync_directory_) return disk_->sync_directory(directory_);", "  if (false) return disk_->sync_directory(directory_);"),
    ("H58", "broker/disk/disk.cc", "    if (auto status = (*file)->sync(); !status) return status;", "    if (false) return Status();"),
    ("H66", "broker/log/log.cc", "  if (status.ok()) {\n    if (flush.trunc", "  if (true) {\n    if (flush.trunc"),
    ("A7", "broker/log/log.cc", "  if (!unstable) return high_watermark_;", "  return high_watermark_;"),
    ("A7 list", "broker/log/log_plan.cc", "  if (request.aborted_transactions) {", "  if (false) {"),
    ("A8", "broker/journal/journal.cc", "  committed_end_ = std::min(high_watermark, log_end);", "  committed_end_ = log_end;"),
    ("A9", "broker/txn/transaction_core.cc", "bool TransactionCore::is_busy(const std::string& id) const {", "bool TransactionCore::is_busy(const std::string& id) const {\n  return id.empty();"),
    ("H47", "broker/producer/producer_states.cc", "  if (batch.producer_epoch < producer->epoch)", "  if (false)"),
    ("H50", "broker/handlers/produce.cc", "    if (!services_.verifier.enabled()) {", "    if (true) {"),
    ("markers lost", "broker/txn/marker_sender.cc", "      for (Entry& entry : sent) try_later(std::move(entry));", ""),
    ("aborted after a start", "broker/log/log_loader.cc", "    if (completed && completed->aborted)", "    if (false)"),
    ("H55 doubt", "broker/journal/journal.cc", "  unload();\n  begin_load();\n}\n\n// --- Loading", "}\n\n// --- Loading"),
    ("H55 answer", "broker/journal/journal.cc", "  if (!settings_.answer_when_committed)", "  if (true)"),
    ("generation", "broker/group/group_offsets.cc", "  if (commit.generation != group.generation) return ErrorCode::ILLEGAL_GENERATION;", ""),
    ("sync generation", "broker/group/group_rebalance.cc", "  if (sync.generation != group.generation) return answer(refusal(ErrorCode::ILLEGAL_GENERATION));", ""),
    ("durable leader", "broker/replica/leader.cc", "settings_.durable ? std::min(synced_end_, log_end_) : log_end_", "log_end_"),
    ("durable follower", "broker/replica/partition.cc", "if (!following_ || log.fenced() || is_unsynced()) return std::nullopt;", "if (!following_ || log.fenced()) return std::nullopt;"),
]


def program_without(guard, directory):
    identity, path, there, instead = guard
    text = open(path).read()
    if text.count(there) < 1:
        sys.exit(f"{identity}: {path} has no such text any more: {there}")
    source = os.path.join(directory, "broken.cc")
    with open(source, "w") as out:
        out.write(text.replace(there, instead, 1))
    broken, program = os.path.join(directory, "broken.o"), os.path.join(directory, "simulate")
    # What make would do, with other names.
    steps = subprocess.run(["make", "-n", "-W", path, PROGRAM], capture_output=True, text=True, check=True).stdout.splitlines()
    compile_step = next(step for step in steps if f" -c {path} " in step).replace(f" -c {path} ", f" -c {source} ").replace(" -MMD -MP ", " -w ")
    link_step = next(step for step in reversed(steps) if f" -o {PROGRAM} " in step).replace(f" -o {PROGRAM} ", f" -o {program} {broken} ")
    subprocess.run(compile_step.rsplit(" -o ", 1)[0] + f" -o {broken}", shell=True, check=True)
    subprocess.run(link_step.split("; ", 1)[-1], shell=True, check=True)
    return program


def first_violation(program, seeds_max):
    begin = time.monotonic()
    for first in range(1, seeds_max + 1, CHUNK):
        out = subprocess.run([program, f"{first}-{min(first + CHUNK - 1, seeds_max)}"], capture_output=True, text=True).stdout
        found = sorted((line for line in out.splitlines() if line.startswith("seed ")), key=lambda line: int(line.split()[1].rstrip(":")))
        if found or "a process fell" in out:
            seed = found[0].split()[1].rstrip(":") if found else "?"
            return seed, time.monotonic() - begin, found[0].split("acknowledged, ", 1)[-1] if found else "a process fell"
    return None, time.monotonic() - begin, "found by no seed"


def main():
    wanted, seeds_max = sys.argv[1:], int(os.environ.get("SEEDS", "400"))
    missed = 0
    for guard in GUARDS:
        if wanted and guard[0] not in wanted:
            continue
        directory = f"build/broken-guards/{guard[0].replace(' ', '-')}"
        os.makedirs(directory, exist_ok=True)
        seed, seconds, what = first_violation(program_without(guard, directory), seeds_max)
        missed += seed is None
        print(f"{guard[0]}\tseed {seed}\t{seconds:.0f} s\t{what}", flush=True)
        os.remove(os.path.join(directory, "simulate"))
    sys.exit(1 if missed else 0)


main()
