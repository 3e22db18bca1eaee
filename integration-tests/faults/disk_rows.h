// Faults of disks: full, without power, and calls that fail.
#pragma once

#include <map>
#include <memory>

#include "integration-tests/faults/disk.h"
#include "integration-tests/faults/fault_row.h"

namespace quokka {

// Brokers have their log directories on small disks of their own.
class DiskFault : public Fault {
 public:
  std::string missing() override { return SmallDisk::missing(); }
  void prepare(SceneOptions& options) override;

 protected:
  SmallDisk& disk(int broker) { return *disks_.at(broker); }
  void lose_power(Scene& scene, int broker);  // of the broker's machine: the process is gone as well
  void restore_power(Scene& scene, int broker);

 private:
  std::map<int, std::unique_ptr<SmallDisk>> disks_;
};

class DiskFull final : public DiskFault {  // F25
 public:
  enum class Where { leader, follower, everywhere };
  explicit DiskFull(Where where) : where_(where) {}
  void run(Scene& scene) override;

 private:
  const Where where_;
};

class PowerLoss final : public DiskFault {
 public:
  enum class What {
    leader,             // F21
    all,                // F22
    last_in_sync,       // F23: the others are down when it happens
    followers_quickly,  // F24: back before the session ends, again and again
  };
  explicit PowerLoss(What what, bool durable = false) : what_(what), durable_(durable) {}
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;

 private:
  void last_in_sync(Scene& scene);

  const What what_;
  const bool durable_;  // flush.messages=1: what is acknowledged is synced
};

// F27: of two log directories of the leader one fails as a whole.
class DirectoryFailure final : public Fault {
 public:
  std::string missing() override { return SmallDisk::missing(); }
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;

 private:
  std::string second(int broker) const { return disks_.at(broker)->path() + "/data"; }

  std::map<int, std::unique_ptr<SmallDisk>> disks_, good_disks_;
};

// F26: one call of a broker fails with EIO; which one, the seed says.
class FailingCall final : public Fault {
 public:
  std::string missing() override;
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;
};

// F31: a broker is killed at a call, again and again.
class KillAtCall final : public Fault {
 public:
  enum class Of {
    recovery,  // of its start and of the work that follows
    cleaning,  // that concerns a file which replaces segments or was replaced; also by a start that finds one
  };
  explicit KillAtCall(Of of) : of_(of) {}
  std::string missing() override;
  void prepare(SceneOptions& options) override;
  void run(Scene& scene) override;

 private:
  std::string plan(Scene& scene, const std::string& directory, int round) const;

  const Of of_;
};

}  // namespace quokka
