// WriteTxnMarkers (key 27), versions 0-1, flexible from 1.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct WriteTxnMarkersRequest {
  static constexpr const char* kName = "WriteTxnMarkersRequest";
  static constexpr ApiKey kApiKey = ApiKey::WRITE_TXN_MARKERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct WritableTxnMarker {
    struct WritableTxnMarkerTopic {
      std::string_view name;
      Array<PartitionIndex> partition_indexes;
    };
    ProducerId producer_id{0};
    ProducerEpoch producer_epoch{0};
    bool transaction_result = false;
    Array<WritableTxnMarkerTopic> topics;
    int32_t coordinator_epoch = 0;
  };
  Array<WritableTxnMarker> markers;
};

inline void fields(Codec& c, WriteTxnMarkersRequest::WritableTxnMarker::WritableTxnMarkerTopic& m) {
  c.field(m.name, "name");
  c.field(m.partition_indexes, "partition_indexes");
}
inline void fields(Codec& c, WriteTxnMarkersRequest::WritableTxnMarker& m) {
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.transaction_result, "transaction_result");
  c.field(m.topics, "topics");
  c.field(m.coordinator_epoch, "coordinator_epoch");
}
inline void fields(Codec& c, WriteTxnMarkersRequest& m) {
  c.field(m.markers, "markers");
}

struct WriteTxnMarkersResponse {
  static constexpr const char* kName = "WriteTxnMarkersResponse";
  static constexpr ApiKey kApiKey = ApiKey::WRITE_TXN_MARKERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct WritableTxnMarkerResult {
    struct WritableTxnMarkerTopicResult {
      struct WritableTxnMarkerPartitionResult {
        PartitionIndex partition_index;
        ErrorCode error_code = ErrorCode::NONE;
      };
      std::string_view name;
      Array<WritableTxnMarkerPartitionResult> partitions;
    };
    ProducerId producer_id{0};
    Array<WritableTxnMarkerTopicResult> topics;
  };
  Array<WritableTxnMarkerResult> markers;
};

inline void fields(Codec& c, WriteTxnMarkersResponse::WritableTxnMarkerResult::WritableTxnMarkerTopicResult::WritableTxnMarkerPartitionResult& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, WriteTxnMarkersResponse::WritableTxnMarkerResult::WritableTxnMarkerTopicResult& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, WriteTxnMarkersResponse::WritableTxnMarkerResult& m) {
  c.field(m.producer_id, "producer_id");
  c.field(m.topics, "topics");
}
inline void fields(Codec& c, WriteTxnMarkersResponse& m) {
  c.field(m.markers, "markers");
}

}  // namespace quokka
