// The operations a client is told it may do (KIP-430): bit n stands for the operation with Kafka's code n. Without an authorizer everything is
// allowed that makes sense for the resource.
#pragma once

#include <cstdint>

namespace quokka {

inline constexpr int32_t kTopicOperations = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr int32_t kGroupOperations = 1 << 3 | 1 << 6 | 1 << 8;
inline constexpr int32_t kClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

}  // namespace quokka
