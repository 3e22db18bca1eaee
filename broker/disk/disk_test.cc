#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "broker/disk/memory_disk.h"
#include "broker/disk/posix_disk.h"

namespace quokka {
namespace {

class PosixDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/quokka-disk-XXXXXX";
    root_ = mkdtemp(name);
  }
  void TearDown() override { EXPECT_TRUE(disk_.remove_tree(root_).ok()); }

  PosixDisk disk_;
  std::string root_;
};

TEST_F(PosixDiskTest, WritesReadsAndTruncates) {
  auto file = disk_.open(root_ + "/a", Disk::Open::create);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("hello world"), 0).ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("W"), 6).ok());
  (*file)->preallocate(0, 1 << 20);
  EXPECT_EQ(*(*file)->size(), 11);
  uint8_t buffer[20];
  EXPECT_EQ(*(*file)->read_at(buffer, 6), 5u);
  EXPECT_EQ(text_of({buffer, 5}), "World");
  EXPECT_TRUE((*file)->is_cached(0, 11));
  (*file)->read_ahead(0, 11);
  (*file)->start_writeback(0, 11);
  EXPECT_TRUE((*file)->sync().ok());
  ASSERT_TRUE((*file)->truncate(5).ok());
  EXPECT_EQ(*(*file)->size(), 5);
  EXPECT_EQ(*(*file)->read_at(buffer, 5), 0u);
}

TEST_F(PosixDiskTest, AMissingFileIsAStorageErrorThatNamesIt) {
  auto file = disk_.open(root_ + "/none", Disk::Open::read);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_NE(file.error().message.find(root_ + "/none"), std::string::npos);
  EXPECT_FALSE(disk_.read_file(root_ + "/none")->has_value());
  EXPECT_TRUE(disk_.remove(root_ + "/none").ok());
  EXPECT_TRUE(disk_.remove_tree(root_ + "/none").ok());
}

TEST_F(PosixDiskTest, F41WithoutDescriptorsAnOpenSaysThatItIsNotTheDisk) {
  ASSERT_TRUE(disk_.open(root_ + "/file", Disk::Open::create).ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const ErrorCode opened = disk_.open(root_ + "/file", Disk::Open::read).code();
  const ErrorCode listed = disk_.list(root_).code();
  const ErrorCode synced = disk_.sync_directory(root_).code();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const ErrorCode code : {opened, listed, synced}) EXPECT_EQ(code, kOutOfDescriptors);
  EXPECT_EQ(disk_.open(root_ + "/absent", Disk::Open::read).code(), ErrorCode::KAFKA_STORAGE_ERROR);
}

TEST_F(PosixDiskTest, DirectoriesListRenameAndGo) {
  ASSERT_TRUE(disk_.make_directories(root_ + "/x/y/z").ok());
  ASSERT_TRUE(disk_.make_directories(root_ + "/x/y/z").ok());
  ASSERT_TRUE(disk_.replace_file(root_ + "/x/f", bytes_of("one")).ok());
  ASSERT_TRUE(disk_.replace_file(root_ + "/x/f", bytes_of("two")).ok());
  EXPECT_EQ(**disk_.read_file(root_ + "/x/f"), "two");
  auto entries = disk_.list(root_ + "/x");
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].name, "f");
  EXPECT_EQ((*entries)[0].size, 3);
  EXPECT_TRUE((*entries)[1].is_directory);
  ASSERT_TRUE(disk_.rename(root_ + "/x", root_ + "/w").ok());
  EXPECT_FALSE(*disk_.exists(root_ + "/x"));
  EXPECT_TRUE(*disk_.exists(root_ + "/w/y/z"));
  ASSERT_TRUE(disk_.remove_tree(root_ + "/w").ok());
  EXPECT_FALSE(*disk_.exists(root_ + "/w"));
  EXPECT_GT(*disk_.free_bytes(root_), 0);
}

TEST_F(PosixDiskTest, ALockIsExclusiveUntilReleased) {
  auto first = disk_.lock(root_ + "/.lock");
  ASSERT_TRUE(first.ok());
  ASSERT_NE(*first, nullptr);
  auto second = disk_.lock(root_ + "/.lock");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second, nullptr);
  first->reset();
  EXPECT_NE(*disk_.lock(root_ + "/.lock"), nullptr);
}

TEST(MemoryDiskTest, APowerLossKeepsWhatWasSyncedUnderDurableNames) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/d").ok());
  ASSERT_TRUE(disk.sync_directory("/d").ok());
  auto kept = disk.open("/d/kept", Disk::Open::create);
  ASSERT_TRUE((*kept)->write_at(bytes_of("synced"), 0).ok());
  ASSERT_TRUE((*kept)->sync().ok());
  ASSERT_TRUE(disk.sync_directory("/d").ok());
  ASSERT_TRUE((*kept)->write_at(bytes_of(" and not"), 6).ok());
  auto nameless = disk.open("/d/nameless", Disk::Open::create);
  ASSERT_TRUE((*nameless)->write_at(bytes_of("x"), 0).ok());
  ASSERT_TRUE((*nameless)->sync().ok());
  disk.lose_power();
  EXPECT_EQ(**disk.read_file("/d/kept"), "synced");
  EXPECT_FALSE(*disk.exists("/d/nameless"));
}

TEST(MemoryDiskTest, APowerLossMayTearWhatWasNotSynced) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/d").ok());
  auto file = disk.open("/d/f", Disk::Open::create);
  ASSERT_TRUE((*file)->write_at(bytes_of("synced"), 0).ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE(disk.sync_directory("/d").ok());
  ASSERT_TRUE((*file)->write_at(bytes_of(" and not"), 6).ok());
  disk.lose_power([](const std::string& path, size_t least, size_t most) -> std::optional<size_t> {
    EXPECT_EQ(path, "/d/f");
    EXPECT_EQ(least, 6u);
    EXPECT_EQ(most, 14u);
    return 9;
  });
  EXPECT_EQ(**disk.read_file("/d/f"), "synced an");
}

TEST(MemoryDiskTest, WhatAFailedSyncDroppedNeverReachesTheDevice) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/d").ok());
  auto file = disk.open("/d/f", Disk::Open::create);
  ASSERT_TRUE((*file)->write_at(bytes_of("ab"), 0).ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("cd"), 2).ok());
  disk.set_failed_syncs_drop(true);
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "sync"; });
  EXPECT_FALSE((*file)->sync().ok());
  disk.set_fault(nullptr);
  ASSERT_TRUE((*file)->write_at(bytes_of("ef"), 4).ok());
  EXPECT_TRUE((*file)->sync().ok());
  EXPECT_EQ(**disk.read_file("/d/f"), "abcdef");
  disk.kill();
  EXPECT_EQ(**disk.read_file("/d/f"), std::string("ab\0\0ef", 6));
}

TEST(MemoryDiskTest, AFaultLeavesHalfOfAWrite) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.make_directories("/d").ok());
  auto file = disk.open("/d/f", Disk::Open::create);
  disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "write"; });
  EXPECT_FALSE((*file)->write_at(bytes_of("12345678"), 0).ok());
  disk.set_fault(nullptr);
  EXPECT_EQ(**disk.read_file("/d/f"), "1234");
}

}  // namespace
}  // namespace quokka
