// kafka-console-consumer: prints the records of topics.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>

#include "tools/options.h"
#include "tools/record_consumer.h"
#include "tools/record_formatter.h"
#include "tools/tool_properties.h"
#include "tools/tools.h"
#include "tools/topic_filter.h"

namespace quokka {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int signal) { interrupted = signal; }

constexpr int kInterruptedExit = 128;
constexpr size_t kOutputBytes = 1 << 16;

ToolUsage usage() {
  return {"kafka-console-consumer",
          "This tool helps to read data from Kafka topics and outputs it to standard output.",
          {{"topic", Argument::TEXT, "The topic to consume."},
           {"include", Argument::TEXT, "Regular expression of the topics to consume."},
           {"whitelist", Argument::TEXT, "DEPRECATED: use --include."},
           {"partition", Argument::NUMBER, "The partition to consume, from its end unless --offset is given."},
           {"offset", Argument::TEXT, "The offset to begin at: a number, earliest or latest."},
           {"bootstrap-server", Argument::TEXT, "REQUIRED: The servers to connect to: host:port, commas between several."},
           {"from-beginning", Argument::NONE, "Begin with the earliest message instead of the latest."},
           {"max-messages", Argument::NUMBER, "The number of messages to consume before exiting."},
           {"timeout-ms", Argument::NUMBER, "Exit when no message comes for this time."},
           {"isolation-level", Argument::TEXT, "read_uncommitted (default) or read_committed, which leaves out messages of aborted transactions."},
           {"formatter", Argument::TEXT, "org.apache.kafka.tools.consumer.DefaultMessageFormatter, LoggingMessageFormatter or NoOpMessageFormatter."},
           {"property", Argument::TEXT,
            "key=value for the formatter: print.timestamp print.key print.offset print.partition print.headers print.value "
            "key.separator line.separator headers.separator null.literal key.deserializer value.deserializer headers.deserializer. "
            "May be repeated."},
           {"formatter-config", Argument::TEXT, "Properties file for the formatter."},
           {"key-deserializer", Argument::TEXT, "Class name of the deserializer of keys."},
           {"value-deserializer", Argument::TEXT, "Class name of the deserializer of values."},
           {"skip-message-on-error", Argument::NONE, "Go on after a message that cannot be shown."},
           {"consumer-property", Argument::TEXT, "key=value for the consumer. May be repeated."},
           {"consumer.config", Argument::TEXT, "Properties file for the consumer."},
           {"group", Argument::TEXT, "The consumer group: not yet served."},
           {"enable-systest-events", Argument::NONE, "Print shutdown_complete at the end."},
           {"zookeeper", Argument::TEXT, "Refused: consumers read from brokers, named by --bootstrap-server."}}};
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

std::optional<std::string> mistake_in(const Options& options) {
  if (options.has("zookeeper")) return "--zookeeper is not supported: name brokers with --bootstrap-server";
  const bool pattern = options.has("include") || options.has("whitelist");
  if (options.has("topic") == pattern) {
    return std::string("Exactly one of --include/--topic is required. ") +
           (options.has("whitelist") ? "--whitelist is DEPRECATED use --include instead; ignored if --include specified." : "");
  }
  if (options.has("partition")) {
    if (!options.has("topic")) return "The topic is required when partition is specified.";
    if (options.has("from-beginning") && options.has("offset")) return "Options from-beginning and offset cannot be specified together.";
    if (options.has("group")) return "Options group and partition cannot be specified together.";
  } else if (options.has("offset")) {
    return "The partition is required when offset is specified.";
  }
  if (!options.has("bootstrap-server")) return "Missing required argument \"[bootstrap-server]\"";
  return std::nullopt;
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

// `offset` is set for a number; a word sets where the consumer begins.
Result<ConsumerSettings> consumer_settings(const Options& options, const ToolProperties& properties, std::optional<Offset>& offset) {
  ConsumerSettings settings;
  const auto property = [&](const char* key) {
    const auto at = properties.find(key);
    return at == properties.end() ? std::string() : at->second;
  };
  if (options.has("group")) {
    return invalid("consumer groups are not yet served: leave --group out, and all partitions are read without one");
  }
  if (!property("group.id").empty()) {
    std::cerr << "WARN group.id=" << property("group.id") << " is ignored: consumer groups are not yet served, all partitions are read without one\n";
  }
  const std::string reset = property("auto.offset.reset");
  if (!reset.empty() && reset != "earliest" && reset != "latest" && reset != "none") return invalid("auto.offset.reset=" + reset + ": earliest, latest and none are possible");
  if (options.has("from-beginning") && !reset.empty() && reset != "earliest") {
    return invalid("Can't simultaneously specify --from-beginning and 'auto.offset.reset=" + reset + "', please remove one option");
  }
  settings.reset = options.has("from-beginning") || reset == "earliest" ? StartAt::EARLIEST : reset == "none" ? StartAt::NOWHERE : StartAt::LATEST;
  if (auto word = options.text("offset")) {
    std::string lower = *word;
    std::ranges::transform(lower, lower.begin(), [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
    if (lower == "earliest" || lower == "latest") {
      settings.reset = lower == "earliest" ? StartAt::EARLIEST : StartAt::LATEST;
    } else {
      int64_t number = -1;
      const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), number);
      if (error != std::errc() || end != word->data() + word->size() || number < 0) {
        return invalid("The provided offset value '" + *word + "' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.");
      }
      offset = Offset(number);
    }
  }
  std::string isolation = options.text_or("isolation-level", property("isolation.level"));
  if (isolation.empty()) isolation = "read_uncommitted";
  if (isolation != "read_uncommitted" && isolation != "read_committed") return invalid("--isolation-level " + isolation + ": read_uncommitted and read_committed are possible");
  settings.read_committed = isolation == "read_committed";
  if (!property("check.crcs").empty()) settings.check_crcs = is_true(property("check.crcs"));
  if (!property("allow.auto.create.topics").empty()) settings.allow_auto_create_topics = is_true(property("allow.auto.create.topics"));
  return settings;
}

Result<RecordFormatter> formatter_of(const Options& options) {
  auto properties = properties_of(options, "formatter-config", "property");
  if (!properties.ok()) return properties.error();
  for (const auto& [option, key] : {std::pair{"key-deserializer", "key.deserializer"}, std::pair{"value-deserializer", "value.deserializer"}}) {
    if (const auto value = options.text(option); value && !value->empty()) properties->try_emplace(key, *value);
  }
  return RecordFormatter::configured(options.text_or("formatter", "org.apache.kafka.tools.consumer.DefaultMessageFormatter"), *properties);
}

// Standard output in large pieces.
class Output {
 public:
  std::string text;

  Status flush() {
    const char* at = text.data();
    size_t left = text.size();
    while (left > 0) {
      const ssize_t written = ::write(STDOUT_FILENO, at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return invalid(std::string("Unable to write to standard out, closing consumer: ") + std::strerror(errno));
      at += written;
      left -= static_cast<size_t>(written);
    }
    text.clear();
    return {};
  }
};

class ConsoleConsumer {
 public:
  ConsoleConsumer(const Options& options, RecordFormatter formatter, Cluster& cluster) : options_(options), formatter_(std::move(formatter)), cluster_(cluster) {}

  int64_t count() const { return count_; }

  Status run(RecordConsumer& consumer, const std::optional<TopicFilter>& filter) {
    const int64_t limit = options_.number("max-messages").value_or(-1);
    const int64_t timeout_ms = options_.number("timeout-ms").value_or(-1);
    Deadline give_up = timeout_ms < 0 ? Deadline::max() : deadline_in(Duration::millis(timeout_ms));
    Deadline look_again{};
    while (interrupted == 0 && (limit < 0 || count_ < limit)) {
      if (filter && has_passed(look_again)) {
        if (Status status = subscribe(consumer, *filter); !status.ok() && !is_retriable(status.code())) return status;
        look_again = deadline_in(Duration::seconds(30));
      }
      const int64_t before = count_;
      Duration wait = Duration::millis(500);
      if (timeout_ms >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::microseconds>(give_up - std::chrono::steady_clock::now()).count();
        wait = std::clamp(Duration::micros(left), Duration::millis(1), wait);
      }
      Status failure;
      const Status status = consumer.poll(wait, [&](const TopicPartition& partition, const FetchedRecord& record) { return on_record(partition, record, limit, failure); });
      if (Status written = output_.flush(); !written.ok()) return written;
      if (!failure.ok()) return failure;
      if (!status.ok()) return status;
      if (timeout_ms >= 0 && count_ > before) give_up = deadline_in(Duration::millis(timeout_ms));
      if (timeout_ms >= 0 && has_passed(give_up)) {
        timed_out_ = true;
        return {};
      }
    }
    return {};
  }

  bool timed_out() const { return timed_out_; }

 private:
  Status subscribe(RecordConsumer& consumer, const TopicFilter& filter) {
    const auto metadata = cluster_.metadata(std::nullopt, false);
    if (!metadata.ok()) return metadata.error();
    for (const auto& topic : metadata->message.topics) {
      const std::string topic_name(topic.name.value_or(""));
      if (filter.matches(topic_name, true)) consumer.subscribe(topic_name);
    }
    return {};
  }

  bool on_record(const TopicPartition& partition, const FetchedRecord& record, int64_t limit, Status& failure) {
    ++count_;
    const size_t before = output_.text.size();
    Status status = formatter_.format({partition.topic, partition.partition, record.timestamp_type, record.record}, output_.text);
    if (!status.ok()) {
      output_.text.resize(before);
      const Error error{status.error().code, partition.str() + " offset " + std::to_string(record.record.offset.value) + ": " + status.error().message};
      if (!options_.has("skip-message-on-error")) {
        failure = error;
        return false;
      }
      std::cerr << "ERROR Error processing message, skipping this message: " << error.message << "\n";
    }
    if (output_.text.size() >= kOutputBytes) {
      failure = output_.flush();
      if (!failure.ok()) return false;
    }
    return interrupted == 0 && (limit < 0 || count_ < limit);
  }

  const Options& options_;
  RecordFormatter formatter_;
  Cluster& cluster_;
  Output output_;
  int64_t count_ = 0;
  bool timed_out_ = false;
};

Status run(const Options& options, int64_t& count) {
  const auto properties = properties_of(options, "consumer.config", "consumer-property");
  if (!properties.ok()) return properties.error();
  std::optional<Offset> offset;
  const auto settings = consumer_settings(options, *properties, offset);
  if (!settings.ok()) return settings.error();
  auto formatter = formatter_of(options);
  if (!formatter.ok()) return formatter.error();
  std::optional<TopicFilter> filter;
  if (!options.has("topic")) {
    auto parsed = TopicFilter::parse(options.has("include") ? *options.text("include") : *options.text("whitelist"));
    if (!parsed.ok()) return parsed.error();
    filter = std::move(*parsed);
  }
  auto cluster_settings = ClusterSettings::from(*options.text("bootstrap-server"), *properties, "console-consumer");
  if (!cluster_settings.ok()) return cluster_settings.error();
  Cluster cluster(std::move(*cluster_settings));
  RecordConsumer consumer(cluster, *settings, [](const std::string& text) { std::cerr << "WARN " << text << "\n"; });
  if (const auto partition = options.number("partition")) {
    consumer.assign({*options.text("topic"), PartitionIndex(static_cast<int32_t>(*partition))}, offset);
  } else if (options.has("topic")) {
    consumer.subscribe(*options.text("topic"));
  }
  ConsoleConsumer console(options, std::move(*formatter), cluster);
  const Status status = console.run(consumer, filter);
  count = console.count();
  if (status.ok() && console.timed_out()) std::cerr << "No message within --timeout-ms: end.\n";
  return status;
}

}  // namespace

int kafka_console_consumer(const std::vector<std::string>& arguments) {
  const ToolUsage tool = usage();
  const auto options = Options::parse(tool, arguments);
  if (!options.ok()) return refuse_usage(tool, options.error().message);
  if (const auto code = answer_help(tool, *options)) return *code;
  if (const auto mistake = mistake_in(*options)) return refuse_usage(tool, *mistake);
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  int64_t count = 0;
  const Status status = run(*options, count);
  if (!status.ok()) std::cerr << "ERROR " << status.error().message << "\n";
  std::cerr << "Processed a total of " << count << " messages\n";
  if (options->has("enable-systest-events")) std::cout << "shutdown_complete\n" << std::flush;
  if (interrupted != 0) return kInterruptedExit + interrupted;
  return status.ok() ? 0 : 1;
}

}  // namespace quokka
