// kafka-console-producer: lines of standard input become records of a topic.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <iostream>

#include "tools/line_reader.h"
#include "tools/old_zookeeper.h"
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
           {"batch-size", Argument::NUMBER, "Bytes of messages sent together (batch.size, 16384)."},
           {"max-partition-memory-bytes", Argument::NUMBER, "The same, and before it."},
           {"message-send-max-retries", Argument::NUMBER, "Attempts after the first one; unlimited within delivery.timeout.ms if not given."},
           {"retry-backoff-ms", Argument::NUMBER, "Pause before an attempt (100)."},
           {"timeout", Argument::NUMBER, "The longest time in ms a message waits for others (linger.ms, 1000)."},
           {"request-required-acks", Argument::TEXT, "all or -1, 1, 0 (-1)."},
           {"request-timeout-ms", Argument::NUMBER, "The time a broker has for an answer (1500)."},
           {"metadata-expiry-ms", Argument::NUMBER, "Accepted and not needed: metadata is asked for when it is wrong."},
           {"max-block-ms", Argument::NUMBER, "The longest wait for the topic's metadata (60000)."},
           {"max-memory-bytes", Argument::NUMBER, "Accepted and not needed."},
           {"socket-buffer-size", Argument::NUMBER, "Accepted and not needed."},
           {"line-reader", Argument::TEXT, "The class that reads lines: only the default one is built in."},
           {"property", Argument::TEXT,
            "key=value for the reader: parse.key parse.headers ignore.error key.separator headers.delimiter headers.separator "
            "headers.key.separator null.marker. May be repeated."},
           {"reader-config", Argument::TEXT, "Properties file for the reader."},
           {"producer-property", Argument::TEXT, "key=value for the producer. May be repeated."},
           {"producer.config", Argument::TEXT, "Properties file for the producer."}}};
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

// A tool's option, else the producer's property, else nothing.
struct Chosen {
  const Options& options;
  const ToolProperties& properties;

  std::optional<std::string> text(const char* option, const char* property) const {
    if (options.has(option)) return options.text(option);
    const auto at = properties.find(property);
    return at == properties.end() ? std::nullopt : std::optional(at->second);
  }
  Status number(const char* option, const char* property, int64_t least, const std::function<void(int64_t)>& set) const {
    const auto value = text(option, property);
    if (!value) return {};
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc() || end != value->data() + value->size() || number < least) {
      return invalid(std::string(property) + "=" + *value + " is not a number of at least " + std::to_string(least));
    }
    set(number);
    return {};
  }
};

Result<ProducerSettings> producer_settings(const Options& options, const ToolProperties& properties) {
  ProducerSettings settings;
  const Chosen chosen{options, properties};
  const std::string acks = chosen.text("request-required-acks", "acks").value_or("-1");
  if (acks != "all" && acks != "-1" && acks != "1" && acks != "0") return invalid("acks=" + acks + ": all, -1, 1 and 0 are possible");
  settings.acks = static_cast<int16_t>(acks == "1" ? 1 : acks == "0" ? 0 : -1);
  std::string codec = "none";
  if (options.has("compression-codec")) {
    codec = options.text_or("compression-codec", "");
    if (codec.empty()) codec = "gzip";
  } else if (const auto at = properties.find("compression.type"); at != properties.end()) {
    codec = at->second;
  }
  const auto known = codec_named(codec);
  if (!known) return invalid("Unknown compression name: " + codec);
  settings.compression.codec = *known;
  const auto ms = [](Duration& duration) { return [&duration](int64_t value) { duration = Duration::millis(value); }; };
  const auto bytes = [](size_t& size) { return [&size](int64_t value) { size = static_cast<size_t>(value); }; };
  for (Status status : {chosen.number("batch-size", "batch.size", 0, bytes(settings.batch_bytes)),
                        chosen.number("max-partition-memory-bytes", "batch.size", 0, bytes(settings.batch_bytes)),
                        chosen.number("message-send-max-retries", "retries", 0, [&](int64_t value) { settings.retries = value; }),
                        chosen.number("retry-backoff-ms", "retry.backoff.ms", 0, ms(settings.retry_backoff)),
                        chosen.number("request-timeout-ms", "request.timeout.ms", 1, ms(settings.request_timeout)),
                        chosen.number("max-block-ms", "max.block.ms", 0, ms(settings.max_block)),
                        chosen.number("-", "delivery.timeout.ms", 0, ms(settings.delivery_timeout)),
                        chosen.number("-", "max.request.size", 1, bytes(settings.request_bytes_max))}) {
    if (!status.ok()) return status.error();
  }
  settings.idempotent = settings.acks == -1 && settings.retries > 0;
  if (const auto at = properties.find("enable.idempotence"); at != properties.end()) {
    if (is_true(at->second) && !settings.idempotent) return invalid("enable.idempotence=true needs acks=all and retries");
    settings.idempotent = settings.idempotent && is_true(at->second);
  }
  for (const char* key : {"transactional.id", "partitioner.class", "interceptor.classes"}) {
    if (properties.contains(key)) return invalid(std::string(key) + " is not implemented by this tool");
  }
  return settings;
}

// Standard input line by line, with a time-out, so that what waits in batches is sent although nobody types.
class Input {
 public:
  enum class Got { LINE, NOTHING_YET, END };

  // Waits at most `timeout_ms`, -1 for ever.
  Result<Got> next(std::string& line, int timeout_ms) {
    while (true) {
      const size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos || (ended_ && at_ < buffer_.size())) {
        const size_t stop = end == std::string::npos ? buffer_.size() : end;
        line.assign(buffer_, at_, stop - at_);
        if (!line.empty() && line.back() == '\r') line.pop_back();
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
  bool ended_ = false;
};

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Reads to the end of the input. Errors end the tool; what was read before is still sent.
Status produce_lines(RecordProducer& producer, LineReader& reader, bool sync, Duration linger, const std::function<void(const Error&)>& refused) {
  const bool prompt = ::isatty(STDIN_FILENO) != 0;
  Input input;
  std::string line;
  std::vector<HeaderView> headers;
  Deadline flush_at = deadline_in(linger);
  bool prompted = false;
  while (true) {
    if (prompt && !prompted) std::cout << '>' << std::flush;
    prompted = true;
    int timeout_ms = -1;
    if (producer.has_records()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(flush_at - std::chrono::steady_clock::now()).count();
      timeout_ms = static_cast<int>(std::max<int64_t>(left, 0));
    }
    const auto got = input.next(line, timeout_ms);
    if (!got.ok()) return got.error();
    if (*got == Input::Got::NOTHING_YET) {
      producer.flush();
      continue;
    }
    if (*got == Input::Got::END) return {};
    prompted = false;
    const auto record = reader.parse(line);
    if (!record.ok()) return record.error();
    headers.clear();
    for (const auto& [key, value] : record->headers) headers.push_back({key, value ? std::optional(bytes_of(*value)) : std::nullopt});
    if (!producer.has_records()) flush_at = deadline_in(linger);
    const Status status = producer.add(now_ms(), record->key ? std::optional(bytes_of(*record->key)) : std::nullopt,
                                       record->value ? std::optional(bytes_of(*record->value)) : std::nullopt, headers);
    if (!status.ok()) refused(status.error());
    if (sync || (producer.has_records() && has_passed(flush_at))) producer.flush();
  }
}

Result<ToolProperties> properties_of(const Options& options, const std::string& file, const std::string& arguments) {
  ToolProperties properties;
  if (const auto path = options.text(file)) {
    auto read = read_tool_properties(*path);
    if (!read.ok()) return read.error();
    properties = std::move(*read);
  }
  if (Status status = add_arguments(properties, options.texts(arguments)); !status.ok()) return status.error();
  return properties;
}

Status run(const Options& options, int64_t& failed_records) {
  auto properties = properties_of(options, "producer.config", "producer-property");
  if (!properties.ok()) return properties.error();
  auto reader_properties = properties_of(options, "reader-config", "property");
  if (!reader_properties.ok()) return reader_properties.error();
  auto reader = LineReader::configured(*reader_properties);
  if (!reader.ok()) return reader.error();
  const auto settings = producer_settings(options, *properties);
  if (!settings.ok()) return settings.error();
  const auto servers = servers_of(options);
  if (!servers.ok()) return servers.error();
  auto cluster_settings = ClusterSettings::from(*servers, *properties, "console-producer");
  if (!cluster_settings.ok()) return cluster_settings.error();
  Cluster cluster(std::move(*cluster_settings));

  const std::string topic = *options.text("topic");
  const auto on_failure = [&](const Error& error, int32_t records) {
    failed_records += records;
    std::cerr << "ERROR Error when sending " << records << " messages to topic " << topic << ": " << error.message << "\n";
  };
  RecordProducer producer(cluster, topic, *settings, on_failure, [](const std::string& text) { std::cerr << "WARN " << text << "\n"; });
  if (Status status = producer.open(); !status.ok()) return status;
  const Chosen chosen{options, *properties};
  Duration linger = Duration::seconds(1);
  if (Status status = chosen.number("timeout", "linger.ms", 0, [&](int64_t ms) { linger = Duration::millis(ms); }); !status.ok()) return status;
  const Status status = produce_lines(producer, *reader, options.has("sync"), linger, [&](const Error& error) { on_failure(error, 1); });
  producer.flush();
  return status;
}

}  // namespace

int kafka_console_producer(const std::vector<std::string>& arguments) {
  const ToolUsage tool = usage();
  const auto options = Options::parse(tool, arguments);
  if (!options.ok()) return refuse_usage(tool, options.error().message);
  if (const auto code = answer_help(tool, *options)) return *code;
  if (!options->has("topic")) return refuse_usage(tool, "Missing required argument \"[topic]\"");
  if (!options->has("bootstrap-server") && !options->has("broker-list")) return refuse_usage(tool, "Missing required option(s) [bootstrap-server]");
  const std::string reader = options->text_or("line-reader", "LineMessageReader");
  if (!reader.ends_with("LineMessageReader")) {
    return refuse_usage(tool, "--line-reader " + reader + ": only kafka.tools.ConsoleProducer$LineMessageReader is built in");
  }
  int64_t failed_records = 0;
  if (Status status = run(*options, failed_records); !status.ok()) {
    std::cerr << "ERROR " << status.error().message << "\n";
    return 1;
  }
  return failed_records == 0 ? 0 : 1;
}

}  // namespace quokka
