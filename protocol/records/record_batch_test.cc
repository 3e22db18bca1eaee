#include "protocol/records/record_batch.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(Sequence, wraps_at_the_largest_int) {
  EXPECT_EQ(sequence_add(INT32_MAX, 1), 0);
  EXPECT_EQ(sequence_add(INT32_MAX - 1, 1), INT32_MAX);
  EXPECT_EQ(sequence_add(INT32_MAX, 3), 2);
  EXPECT_EQ(sequence_subtract(0, 1), INT32_MAX);
  EXPECT_EQ(sequence_subtract(5, 5), 0);
}

}  // namespace
}  // namespace quokka
