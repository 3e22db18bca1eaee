#include "broker/txn/transaction.h"

namespace quokka {

namespace {

constexpr TransactionStatus kAll[] = {TransactionStatus::EMPTY,         TransactionStatus::ONGOING,         TransactionStatus::PREPARE_COMMIT,
                                      TransactionStatus::PREPARE_ABORT, TransactionStatus::COMPLETE_COMMIT, TransactionStatus::COMPLETE_ABORT};

}  // namespace

std::string_view name(TransactionStatus status) {
  switch (status) {
    case TransactionStatus::EMPTY: return "Empty";
    case TransactionStatus::ONGOING: return "Ongoing";
    case TransactionStatus::PREPARE_COMMIT: return "PrepareCommit";
    case TransactionStatus::PREPARE_ABORT: return "PrepareAbort";
    case TransactionStatus::COMPLETE_COMMIT: return "CompleteCommit";
    case TransactionStatus::COMPLETE_ABORT: return "CompleteAbort";
  }
  return "";
}

std::optional<TransactionStatus> transaction_status_of(std::string_view text) {
  for (const TransactionStatus each : kAll) {
    if (name(each) == text) return each;
  }
  return std::nullopt;
}

ErrorCode transaction_write_error(ErrorCode error) {
  switch (error) {
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::NOT_ENOUGH_REPLICAS:
    case ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode::REQUEST_TIMED_OUT: return ErrorCode::COORDINATOR_NOT_AVAILABLE;
    case ErrorCode::NOT_LEADER_OR_FOLLOWER:
    case ErrorCode::FENCED_LEADER_EPOCH:
    case ErrorCode::KAFKA_STORAGE_ERROR: return ErrorCode::NOT_COORDINATOR;
    case ErrorCode::MESSAGE_TOO_LARGE:
    case ErrorCode::RECORD_LIST_TOO_LARGE: return ErrorCode::UNKNOWN_SERVER_ERROR;
    default: return error;
  }
}

}  // namespace quokka
