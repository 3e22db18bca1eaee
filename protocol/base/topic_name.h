// What may be the name of a topic. Every name that comes from outside (a request, a znode, a directory) passes here before it becomes part of
// a path.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace quokka {

inline constexpr size_t kTopicNameBytesMax = 249;

inline constexpr std::string_view kGroupMetadataTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionStateTopic = "__transaction_state";

bool is_valid_topic_name(std::string_view name);
// INVALID_TOPIC_EXCEPTION with the sentence Kafka's clients show.
Status validate_topic_name(std::string_view name);

bool is_internal_topic(std::string_view name);

// '.' and '_' become one in metric names, so two topics must not differ only there.
bool topic_names_collide(std::string_view a, std::string_view b);
bool has_collision_characters(std::string_view name);

}  // namespace quokka
