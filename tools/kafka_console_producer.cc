// kafka-console-producer: lines of standard input become records of a topic.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "tools/client_settings.h"
#include "tools/line_reader.h"
#include "tools/options.h"
#include "tools/record_producer.h"
#include "tools/tool_properties.h"
#include "tools/tools.h"

namespace quokka {
namespace {

constexpr size_t kLineBytesMax = 64u << 20;

ToolUsage usage() {
  return {"kafka-console-producer",
          "This tool helps to read data from standard input and publish it to Kafka.",
          {{"topic", Argument::TEXT, "REQUIRED: The topic to produce messages to."},
           {"bootstrap-server", Argument::TEXT, "REQUIRED: The servers to connect to: host:port, commas between several."},
           {"broker-list", Argument::TEXT, "DEPRECATED: use --bootstrap-server."},
           {"sync", Argument::NONE, "Send messages one at a time as they arrive."},
           {"compression-codec", Argument::OPTIONAL_TEXT, "none, gzip, snappy, lz4 or zstd; gzip if given without value."},
           {"batch-size", Argument::INTEGER, "Bytes of messages sent together (batch.size, 16384)."},
           {"max-partition-memory-bytes", Argument::INTEGER, "The same, and before it."},
           {"message-send-max-retries", Argument::INTEGER, "Attempts after the first one; unlimited within delivery.timeout.ms if not given."},
           {"retry-backoff-ms", Argument::LONG, "Pause before an attempt (100)."},
           {"timeout", Argument::LONG, "The longest time in ms a message waits for others (linger.ms, 1000)."},
           {"request-required-acks", Argument::TEXT, "all or -1, 1, 0 (-1)."},
           {"request-timeout-ms", Argument::INTEGER, "The time a broker has for an answer (1500)."},
           {"metadata-expiry-ms", Argument::LONG, "Accepted and not needed: metadata is asked for when it is wrong."},
           {"max-block-ms", Argument::LONG, "The longest wait for the topic's metadata (60000)."},
           {"max-memory-bytes", Argument::LONG, "Accepted and not needed."},
           {"socket-buffer-size", Argument::INTEGER, "Accepted and not needed."},
           {"line-reader", Argument::TEXT, "The class that reads lines: only the default one is built in."},
           {"property", Argument::TEXT,
            "key=value for the reader: parse.key parse.headers ignore.error key.separator headers.delimiter headers.separator "
            "headers.key.separator null.marker. May be repeated."},
           {"reader-config", Argument::TEXT, "Properties file for the reader."},
           {"producer-property", Argument::TEXT, "key=value for the producer. May be repeated."},
           {"producer.config", Argument::TEXT, "Properties file for the producer."}}};
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

// Options of the tool that stand for properties of the producer, and go before them.
constexpr std::pair<const char*, const char*> kOptionsOfProperties[] = {{"timeout", "linger.ms"},
                                                                        {"request-required-acks", "acks"},
                                                                        {"request-timeout-ms", "request.timeout.ms"},
                                                                        {"message-send-max-retries", "retries"},
                                                                        {"retry-backoff-ms", "retry.backoff.ms"},
                                                                        {"batch-size", "batch.size"},
                                                                        {"max-partition-memory-bytes", "batch.size"},
                                                                        {"max-block-ms", "max.block.ms"},
                                                                        {"compression-codec", "compression.type"}};

Result<Properties> producer_properties(const Options& options) {
  auto properties = properties_of(options, "producer.config", "producer-property");
  if (!properties.ok()) return properties;
  for (const auto& [option, key] : kOptionsOfProperties) {
    if (const auto value = options.text(option)) (*properties)[key] = *value;
  }
  if (options.has("compression-codec") && options.text_or("compression-codec", "").empty()) (*properties)["compression.type"] = "gzip";
  for (const char* key : {"transactional.id", "partitioner.class", "interceptor.classes"}) {
    if (properties->contains(key)) return invalid(std::string(key) + " is not implemented by this tool");
  }
  return properties;
}

Result<ProducerSettings> producer_settings(const Properties& properties) {
  ProducerSettings settings;
  std::string acks = "all", codec = "none";
  set_text(properties, "acks", acks);
  if (acks != "all" && acks != "-1" && acks != "1" && acks != "0") {
    return invalid("Invalid value " + acks + " for configuration acks: String must be one of: all, -1, 0, 1");
  }
  settings.acks = static_cast<int16_t>(acks == "1" ? 1 : acks == "0" ? 0 : -1);
  set_text(properties, "compression.type", codec);
  const auto known = codec_named(codec);
  if (!known) return invalid("Invalid value " + codec + " for configuration compression.type: String must be one of: none, gzip, snappy, lz4, zstd");
  settings.compression.codec = *known;
  auto batch_bytes = static_cast<int64_t>(settings.batch_bytes), request_bytes_max = static_cast<int64_t>(settings.request_bytes_max);
  for (const Status& status : {set_number(properties, "batch.size", 0, batch_bytes), set_number(properties, "max.request.size", 1, request_bytes_max),
                               set_number(properties, "retries", 0, settings.retries), set_millis(properties, "retry.backoff.ms", settings.retry_backoff),
                               set_millis(properties, "request.timeout.ms", settings.request_timeout), set_millis(properties, "max.block.ms", settings.max_block),
                               set_millis(properties, "delivery.timeout.ms", settings.delivery_timeout), set_millis(properties, "linger.ms", settings.linger)}) {
    if (!status.ok()) return status.error();
  }
  settings.batch_bytes = static_cast<size_t>(batch_bytes);
  settings.request_bytes_max = static_cast<size_t>(request_bytes_max);
  bool wants_idempotence = true;
  set_flag(properties, "enable.idempotence", wants_idempotence);
  settings.idempotent = wants_idempotence && settings.acks == -1 && settings.retries > 0;
  if (wants_idempotence && !settings.idempotent && properties.contains("enable.idempotence")) {
    return invalid("enable.idempotence=true needs acks=all and retries");
  }
  return settings;
}

// Standard input line by line, with a time-out, so that what waits in batches is sent although nobody types.
class Input {
 public:
  enum class Got { LINE, NOTHING_YET, END };

  // Lines end in \n, \r or \r\n. Waits at most `timeout_ms`, -1 for ever.
  Result<Got> next(std::string& line, int timeout_ms) {
    while (true) {
      if (after_return_ && at_ < buffer_.size()) {
        if (buffer_[at_] == '\n') searched_ = ++at_;
        after_return_ = false;
      }
      const size_t end = buffer_.find_first_of("\r\n", searched_);
      if (end != std::string::npos || (ended_ && at_ < buffer_.size())) {
        const size_t stop = std::min(end, buffer_.size());
        line.assign(buffer_, at_, stop - at_);
        after_return_ = end != std::string::npos && buffer_[end] == '\r';
        at_ = searched_ = std::min(stop + 1, buffer_.size());
        return Got::LINE;
      }
      if (ended_) return Got::END;
      buffer_.erase(0, at_);
      at_ = 0;
      searched_ = buffer_.size();
      if (buffer_.size() > kLineBytesMax) return invalid("a line of more than " + std::to_string(kLineBytesMax) + " bytes");
      pollfd polled{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&polled, 1, timeout_ms);
      if (ready == 0) return Got::NOTHING_YET;
      char chunk[65536];
      const ssize_t got = ready < 0 ? -1 : ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return invalid(std::string("standard input: ") + std::strerror(errno));
      ended_ = got == 0;
      buffer_.append(chunk, static_cast<size_t>(got));
    }
  }

 private:
  std::string buffer_;
  size_t at_ = 0;        // where the next line begins
  size_t searched_ = 0;  // up to here there is no end of a line
  bool after_return_ = false;  // a \n that follows belongs to the line before
  bool ended_ = false;
};

std::optional<Bytes> bytes_or_null(const std::optional<std::string>& text) { return text ? std::optional(bytes_of(*text)) : std::nullopt; }

// Reads to the end of the input. Errors end the tool; what was read before is still sent.
Status produce_lines(BlockingClient& client, RecordProducer& producer, LineReader& reader, Duration linger, const std::function<void(const Error&)>& refused) {
  const bool prompt = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  Input input;
  std::string line;
  std::vector<HeaderView> headers;
  MonoTime flush_at = client.now();
  bool prompted = false;
  while (true) {
    if (prompt && !prompted) std::cout << '>' << std::flush;
    prompted = true;
    int timeout_ms = -1;
    if (producer.has_records()) timeout_ms = static_cast<int>(std::clamp<int64_t>((flush_at - client.now()).to_millis() + 1, 0, INT32_MAX));
    const auto got = input.next(line, timeout_ms);
    if (!got.ok()) return got.error();
    if (*got == Input::Got::END) return {};
    if (*got == Input::Got::LINE) {
      prompted = false;
      const auto record = reader.parse(line);
      if (!record.ok()) return record.error();
      headers.clear();
      for (const auto& [key, value] : record->headers) headers.push_back({key, bytes_or_null(value)});
      if (!producer.has_records()) flush_at = client.now() + linger;
      const Status status = producer.add(client.wall_now().ms, bytes_or_null(record->key), bytes_or_null(record->value), headers);
      if (!status.ok()) refused(status.error());
    }
    if (client.now() >= flush_at) producer.flush();
  }
}

Status run(const Options& options, int64_t& failed_records) {
  const auto properties = producer_properties(options);
  if (!properties.ok()) return properties.error();
  const auto reader_properties = properties_of(options, "reader-config", "property");
  if (!reader_properties.ok()) return reader_properties.error();
  auto reader = LineReader::configured(*reader_properties);
  if (!reader.ok()) return reader.error();
  const auto settings = producer_settings(*properties);
  if (!settings.ok()) return settings.error();
  auto cluster = client_settings(options.text("bootstrap-server").value_or(options.text_or("broker-list", "")), *properties, "console-producer");
  if (!cluster.ok()) return cluster.error();
  BlockingClient client(std::move(*cluster), warn);

  const std::string topic = *options.text("topic");
  const auto on_failure = [&](const Error& error, int32_t records) {
    failed_records += records;
    std::cerr << "ERROR Error when sending " << records << " messages to topic " << topic << ": " << error.message << "\n";
  };
  RecordProducer producer(client, topic, *settings, on_failure, warn);
  if (Status status = producer.open(); !status.ok()) return status;
  const Duration linger = options.has("sync") ? Duration{} : settings->linger;
  const Status status = produce_lines(client, producer, *reader, linger, [&](const Error& error) { on_failure(error, 1); });
  producer.flush();
  return status;
}

std::optional<std::string> mistake_in(const Options& options) {
  if (!options.has("bootstrap-server") && !options.has("broker-list")) return "Missing required option(s) [bootstrap-server]";
  if (!options.has("topic")) return "Missing required argument \"[topic]\"";
  const std::string reader = options.text_or("line-reader", "LineMessageReader");
  if (!reader.ends_with("LineMessageReader")) return "--line-reader " + reader + ": only kafka.tools.ConsoleProducer$LineMessageReader is built in";
  return std::nullopt;
}

}  // namespace

int kafka_console_producer(const std::vector<std::string>& arguments) {
  Options options;
  if (const auto code = take_options(usage(), arguments, mistake_in, options)) return *code;
  int64_t failed_records = 0;
  if (Status status = run(options, failed_records); !status.ok()) return refuse(status.error());
  return failed_records == 0 ? 0 : 1;
}

}  // namespace quokka
