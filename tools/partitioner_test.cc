#include "tools/partitioner.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(Partitioner, murmur2_is_kafkas) {
  // Values of org.apache.kafka.common.utils.Utils.murmur2.
  EXPECT_EQ(murmur2(bytes_of("21")), -973932308);
  EXPECT_EQ(murmur2(bytes_of("foobar")), -790332482);
  EXPECT_EQ(murmur2(bytes_of("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(murmur2(bytes_of("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(murmur2(bytes_of("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
  EXPECT_EQ(murmur2(bytes_of("abc")), 479470107);
}

TEST(Partitioner, a_key_has_one_partition) {
  for (int32_t count : {1, 2, 3, 100}) {
    const PartitionIndex partition = partition_of_key(bytes_of("foobar"), count);
    EXPECT_GE(partition.value, 0);
    EXPECT_LT(partition.value, count);
    EXPECT_EQ(partition, partition_of_key(bytes_of("foobar"), count));
  }
}

}  // namespace
}  // namespace quokka
