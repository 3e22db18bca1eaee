#include "broker/peers/fetch_retry.h"

#include <algorithm>

namespace quokka {

namespace {

// What a leader answers that has not heard from the controller yet, or of a partition the follower has not heard all of; BROKER_NOT_AVAILABLE
// is the follower's own word for a leader it was not told the address of yet.
bool passes_by_itself(ErrorCode error) {
  return error == ErrorCode::UNKNOWN_TOPIC_ID || error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION || error == ErrorCode::NOT_LEADER_OR_FOLLOWER ||
         error == ErrorCode::UNKNOWN_LEADER_EPOCH || error == ErrorCode::FENCED_LEADER_EPOCH ||
         error == ErrorCode::BROKER_NOT_AVAILABLE;
}

}  // namespace

FetchRetry::Decision FetchRetry::on_refused(ErrorCode error, MonoTime now, Duration backoff) {
  if (!passes_by_itself(error)) return {backoff, true};
  if (!refused_since_) {
    refused_since_ = now;
    rest_ = std::min(kFirstRest, backoff);
  } else {
    rest_ = std::min(rest_ + rest_, backoff);
  }
  return {rest_, now - *refused_since_ >= kQuietMax};
}

}  // namespace quokka
