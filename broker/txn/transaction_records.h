// Records of __transaction_state: from the core's form to Kafka's bytes and back. Key version 0, value version 0.
#pragma once

#include "broker/journal/journal.h"
#include "broker/txn/transaction.h"
#include "protocol/base/result.h"

namespace quokka {

JournalEntry encode_transaction_record(const StoredTransaction& stored);
// nullopt: a kind of record that this version does not know. CORRUPT_MESSAGE and the like for anything else than a whole record.
Result<std::optional<StoredTransaction>> decode_transaction_record(Bytes key, std::optional<Bytes> value);

}  // namespace quokka
