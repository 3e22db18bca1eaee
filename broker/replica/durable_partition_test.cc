// flush.messages=1: nothing is acknowledged before it is on the device, here and on every in-sync replica.
#include <gtest/gtest.h>

#include "broker/replica/partition.h"
#include "broker/replica/partition_for_test.h"

namespace quokka {
namespace {

using testing::kOne;
using testing::kPartition;
using testing::kThree;
using testing::kTwo;
using testing::leader_batches;
using testing::ReplicasOnMemory;

LogConfig flushed_every(int64_t messages) {
  LogConfig config;
  config.flush_messages = messages;
  return config;
}

size_t syncs_of_batches(const ReplicasOnMemory& broker) {
  size_t syncs = 0;
  for (const MemoryDisk::Operation& operation : broker.disk.operations()) syncs += operation.name == "sync" && operation.path.ends_with(".log") ? 1 : 0;
  return syncs;
}

TEST(DurablePartitionTest, AnAcknowledgementWaitsForTheDevicesOfAllInSyncReplicas) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce()->waits);
  ASSERT_TRUE(broker.fetch_as(kTwo, 1).ok()) << "2 has it on its device, for it asks from there on";
  EXPECT_TRUE(broker.acks.empty());
  EXPECT_EQ(broker.high_watermark(), Offset(0));
  broker.run();
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::NONE});
  EXPECT_EQ(broker.high_watermark(), Offset(1));
}

TEST(DurablePartitionTest, APowerLossAfterTheAcknowledgementKeepsTheRecord) {
  for (const bool durable : {true, false}) {
    ReplicasOnMemory broker(durable ? flushed_every(1) : LogConfig());
    ASSERT_EQ(broker.become(kOne, 0, {kOne}, true), ErrorCode::NONE);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(broker.produce().ok());
      if (durable) broker.run();
    }
    if (durable) {
      EXPECT_EQ(broker.acks.size(), 20u);
    }
    broker.restart(/*lose_power=*/true);
    ASSERT_EQ(broker.become(kOne, 1, {kOne}, true), ErrorCode::NONE);
    EXPECT_EQ(broker.log_end(), Offset(durable ? 20 : 0)) << "without the mode that is what a power loss does";
  }
}

TEST(DurablePartitionTest, ManyAppendsShareOneSync) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kOne, 0, {kOne}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  broker.run();
  broker.disk.forget_operations();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(broker.produce()->waits);
  broker.run();
  EXPECT_EQ(broker.acks.size(), 101u);
  EXPECT_EQ(syncs_of_batches(broker), 1u);
}

TEST(DurablePartitionTest, WhatComesWhileAFlushRunsIsFlushedNext) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kOne, 0, {kOne}), ErrorCode::NONE);
  ASSERT_TRUE(broker.produce().ok());
  bool once = false;
  broker.disk.set_fault([&](const MemoryDisk::Operation& operation) {
    // Appended by another thread, as it were, while the device is busy: the disk asks outside the partition's lock.
    if (operation.name == "sync" && !once) {
      once = true;
      broker.loop.post([&] { ASSERT_TRUE(broker.produce().ok()); });
    }
    return false;
  });
  broker.run();
  EXPECT_EQ(broker.acks.size(), 2u);
  EXPECT_EQ(broker.high_watermark(), Offset(2));
}

TEST(DurablePartitionTest, OneAcknowledgementWaitsForThisDeviceOnly) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kOne, 0, {kOne, kTwo}), ErrorCode::NONE);
  const auto permit = broker.partition()->permit_append(1);
  BatchToAppend batch = testing::to_append(testing::batch_of({}));
  std::vector<ErrorCode> done;
  const auto appended = broker.partition()->append(batch, permit->leader_epoch, AppendOrigin::CLIENT, [&](ErrorCode error) { done.push_back(error); },
                                                   {Partition::kNever, Partition::AckWhen::synced}, {});
  EXPECT_TRUE(appended->waits);
  EXPECT_TRUE(done.empty());
  broker.run();
  EXPECT_EQ(done, std::vector<ErrorCode>{ErrorCode::NONE});
  EXPECT_EQ(broker.high_watermark(), Offset(0));
}

TEST(DurablePartitionTest, AFollowerAsksOnWhenWhatItHasIsOnItsDevice) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kTwo, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->fetch_from());
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0), Offset(0), Offset(0)).ok());
  EXPECT_FALSE(broker.partition()->fetch_from());
  int synced = 0;
  ASSERT_TRUE(broker.partition()->await_sync([&](ErrorCode) { ++synced; }));
  EXPECT_EQ(synced, 0);
  broker.run();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(broker.partition()->fetch_from()->offset, Offset(3));
  EXPECT_FALSE(broker.partition()->await_sync([](ErrorCode) {}));
}

TEST(DurablePartitionTest, WhoLeadsWithAnUnsyncedEndSyncsItFirst) {
  ReplicasOnMemory broker(flushed_every(1));
  ASSERT_EQ(broker.become(kTwo, 0, {kOne, kTwo}), ErrorCode::NONE);
  ASSERT_TRUE(broker.partition()->append_fetched(LeaderEpoch(0), leader_batches(0, 3, 0), Offset(0), Offset(0)).ok());
  ASSERT_EQ(broker.become(kOne, 1, {kOne}), ErrorCode::NONE);
  EXPECT_EQ(broker.high_watermark(), Offset(0));
  broker.run();
  EXPECT_EQ(broker.high_watermark(), Offset(3));
}

TEST(DurablePartitionTest, TheModeMayBeginAndEndWhileTheBrokerRuns) {
  ReplicasOnMemory broker;
  ASSERT_EQ(broker.become(kOne, 0, {kOne}), ErrorCode::NONE);
  EXPECT_FALSE(broker.produce()->waits);
  broker.set_config(flushed_every(1));
  EXPECT_TRUE(broker.produce()->waits);
  broker.run();
  EXPECT_EQ(broker.high_watermark(), Offset(2));
  ASSERT_TRUE(broker.produce()->waits);
  broker.set_config({});
  EXPECT_EQ(broker.high_watermark(), Offset(3));
}

TEST(DurablePartitionTest, OtherNumbersFlushInTheBackground) {
  ReplicasOnMemory broker(flushed_every(5));
  ASSERT_EQ(broker.become(kOne, 0, {kOne}), ErrorCode::NONE);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(broker.produce()->waits);
  broker.run();
  EXPECT_EQ(syncs_of_batches(broker), 0u);
  EXPECT_FALSE(broker.produce()->waits);
  broker.run();
  EXPECT_EQ(syncs_of_batches(broker), 1u);
}

// fsyncgate, and a directory of two: its partitions are served no more, those of the other live on.
TEST(DurablePartitionTest, H66AfterAFailedSyncNothingIsAcknowledgedFromThatDirectory) {
  ReplicasOnMemory broker(flushed_every(1), {"/a", "/b"});
  broker.disk.set_free_bytes("/a", 1000);
  broker.disk.set_free_bytes("/b", 10);
  ASSERT_EQ(broker.become(kOne, 0, {kOne}, true, 0), ErrorCode::NONE);
  broker.disk.set_free_bytes("/b", 2000);
  ASSERT_EQ(broker.become(kOne, 0, {kOne}, true, 1), ErrorCode::NONE);
  ASSERT_EQ(broker.directories->find({kPartition.topic, PartitionIndex(1)})->health->path(), "/b");
  int failures = 0;
  broker.disk.set_fault([&](const MemoryDisk::Operation& operation) {
    return operation.name == "sync" && operation.path.starts_with("/a/") && failures++ == 0;  // once: the next would succeed, and prove nothing
  });
  ASSERT_TRUE(broker.produce()->waits);
  broker.run();
  EXPECT_EQ(broker.acks, std::vector<ErrorCode>{ErrorCode::KAFKA_STORAGE_ERROR});
  EXPECT_EQ(broker.failed_directories, std::vector<std::string>{"/a"});
  EXPECT_TRUE(broker.table->is_offline(kPartition));
  const PartitionPtr other = broker.partition(1);
  ASSERT_NE(other, nullptr);
  BatchToAppend batch = testing::to_append(testing::batch_of({}));
  ASSERT_TRUE(other->append(batch, LeaderEpoch(0), AppendOrigin::CLIENT, [&](ErrorCode error) { broker.acks.push_back(error); })->waits);
  broker.run();
  EXPECT_EQ(broker.acks.back(), ErrorCode::NONE);
  for (const MemoryDisk::Operation& operation : broker.disk.operations()) {
    if (operation.name == "write") {
      EXPECT_FALSE(failures > 1 && operation.path.starts_with("/a/"));
    }
  }
}

}  // namespace
}  // namespace quokka
