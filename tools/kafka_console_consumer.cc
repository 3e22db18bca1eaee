// kafka-console-consumer: prints the records of topics.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "protocol/base/text_parts.h"
#include "protocol/client/group_membership.h"
#include "tools/client_settings.h"
#include "tools/options.h"
#include "tools/record_consumer.h"
#include "tools/record_formatter.h"
#include "tools/tool_properties.h"
#include "tools/tools.h"
#include "tools/topic_filter.h"

namespace quokka {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

constexpr int kInterruptedExit = 128;
constexpr size_t kOutputBytes = 1 << 16;
constexpr Duration kInterruptDelay = Duration::millis(100);
constexpr Duration kTopicsAge = Duration::seconds(30);
constexpr int64_t kMillisMax = INT64_MAX / 4000;  // what the clock's microseconds have room for

ToolUsage usage() {
  return {"kafka-console-consumer",
          "This tool helps to read data from Kafka topics and outputs it to standard output.",
          {{"topic", Argument::TEXT, "The topic to consume."},
           {"include", Argument::TEXT, "Regular expression of the topics to consume."},
           {"whitelist", Argument::TEXT, "DEPRECATED: use --include."},
           {"partition", Argument::INTEGER, "The partition to consume, from its end unless --offset is given."},
           {"offset", Argument::TEXT, "The offset to begin at: a number, earliest or latest."},
           {"bootstrap-server", Argument::TEXT, "REQUIRED: The servers to connect to: host:port, commas between several."},
           {"from-beginning", Argument::NONE, "Begin with the earliest message instead of the latest."},
           {"max-messages", Argument::INTEGER, "The number of messages to consume before exiting."},
           {"timeout-ms", Argument::LONG, "Exit when no message comes for this time."},
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
           {"group", Argument::TEXT, "The consumer group: its members share the partitions, and go on where it was. Without one all partitions are read."},
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

// Where the partition named by --partition begins; `offset` is set for a number. Without --offset that is the end, whatever the properties say.
Result<StartAt> begin_of(const Options& options, std::optional<Offset>& offset) {
  const std::string word = options.text_or("offset", options.has("from-beginning") ? "earliest" : "latest");
  std::string lower = word;
  std::ranges::transform(lower, lower.begin(), [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
  if (lower == "earliest") return StartAt::EARLIEST;
  if (lower == "latest") return StartAt::LATEST;
  const auto number = number_in(word);
  if (!number || *number < 0) {
    return invalid("The provided offset value '" + word + "' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.");
  }
  offset = Offset(*number);
  return StartAt::LATEST;
}

Result<StartAt> reset_of(const Options& options, const Properties& properties) {
  std::string reset = options.has("from-beginning") ? "earliest" : "latest";
  set_text(properties, "auto.offset.reset", reset);
  if (options.has("from-beginning") && reset != "earliest") {
    return invalid("Can't simultaneously specify --from-beginning and 'auto.offset.reset=" + reset + "', please remove one option");
  }
  if (reset == "earliest") return StartAt::EARLIEST;
  if (reset == "latest") return StartAt::LATEST;
  if (reset == "none") return StartAt::NOWHERE;
  return invalid("Invalid value " + reset + " for configuration auto.offset.reset: String must be one of: latest, earliest, none");
}

Result<ConsumerSettings> consumer_settings(const Options& options, const Properties& properties) {
  ConsumerSettings settings;
  const auto reset = reset_of(options, properties);
  if (!reset.ok()) return reset.error();
  settings.reset = *reset;
  std::string isolation = "read_uncommitted";
  set_text(properties, "isolation.level", isolation);
  isolation = options.text_or("isolation-level", isolation);
  if (isolation != "read_uncommitted" && isolation != "read_committed") {
    return invalid("Invalid value " + isolation + " for configuration isolation.level: String must be one of: read_committed, read_uncommitted");
  }
  settings.read_committed = isolation == "read_committed";
  set_flag(properties, "check.crcs", settings.check_crcs);
  set_flag(properties, "allow.auto.create.topics", settings.allow_auto_create_topics);
  if (Status status = set_millis(properties, "fetch.max.wait.ms", settings.fetch_wait); !status.ok()) return status.error();
  for (const auto& [key, value] : {std::pair{"fetch.min.bytes", &settings.fetch_bytes_min},
                                   std::pair{"fetch.max.bytes", &settings.fetch_bytes_max},
                                   std::pair{"max.partition.fetch.bytes", &settings.partition_bytes_max}}) {
    int64_t number = *value;
    if (Status status = set_number(properties, key, 0, number); !status.ok()) return status.error();
    *value = static_cast<int32_t>(std::min<int64_t>(number, INT32_MAX));
  }
  return settings;
}

// The group of --group and of the properties, which must be the same one where both name one; nullopt: none is named, or one partition is read.
Result<std::optional<GroupMembershipSettings>> group_settings(const Options& options, const Properties& properties) {
  std::string group = options.text_or("group", "");
  const auto named = properties.find("group.id");
  if (named != properties.end() && !named->second.empty()) {
    if (!group.empty() && group != named->second) {
      return invalid("The group ids provided in different places (directly using '--group', via '--consumer-property', or via '--consumer.config') do "
                     "not match. Detected group ids: '" + group + "', '" + named->second + "'");
    }
    group = named->second;
  }
  if (options.has("group") && group.empty()) return invalid("--group names no group");
  if (group.empty() || options.has("partition")) return std::optional<GroupMembershipSettings>();
  GroupMembershipSettings settings;
  settings.group = group;
  std::string instance, assignors = "range,cooperative-sticky";
  set_text(properties, "group.instance.id", instance);
  if (!instance.empty()) settings.instance_id = instance;
  set_text(properties, "partition.assignment.strategy", assignors);
  auto known = parse_assignors(assignors);
  if (!known.ok()) return known.error();
  settings.assignors = std::move(*known);
  set_flag(properties, "enable.auto.commit", settings.auto_commit);
  set_flag(properties, "allow.auto.create.topics", settings.allow_auto_create_topics);
  for (const auto& [key, duration] : {std::pair{"session.timeout.ms", &settings.session_timeout},
                                      std::pair{"heartbeat.interval.ms", &settings.heartbeat_interval},
                                      std::pair{"max.poll.interval.ms", &settings.rebalance_timeout},
                                      std::pair{"auto.commit.interval.ms", &settings.auto_commit_interval}}) {
    if (Status status = set_millis(properties, key, *duration); !status.ok()) return status.error();
    *duration = std::min(*duration, Duration::millis(INT32_MAX));
  }
  if (settings.heartbeat_interval >= settings.session_timeout) return invalid("heartbeat.interval.ms must be lower than session.timeout.ms");
  return std::optional(std::move(settings));
}

Result<RecordFormatter> formatter_of(const Options& options) {
  auto properties = properties_of(options, "formatter-config", "");
  if (!properties.ok()) return properties.error();
  for (const auto& [option, key] : {std::pair{"key-deserializer", "key.deserializer"}, std::pair{"value-deserializer", "value.deserializer"}}) {
    if (const auto value = options.text(option); value && !value->empty()) (*properties)[key] = *value;
  }
  add_arguments(*properties, options.texts("property"));
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

// Which topics are read, when they are not named one by one.
struct Include {
  TopicFilter filter;
  bool exclude_internal = true;
};

class ConsoleConsumer {
 public:
  // `member`: nullptr without a group.
  ConsoleConsumer(const Options& options, RecordFormatter formatter, BlockingClient& client, RecordConsumer& consumer, GroupMembership* member)
      : limit_(options.number("max-messages").value_or(-1)),
        timeout_ms_(options.number("timeout-ms").value_or(-1)),
        skips_errors_(options.has("skip-message-on-error")),
        formatter_(std::move(formatter)),
        client_(client),
        consumer_(consumer),
        member_(member) {}

  int64_t count() const { return count_; }

  Status run(const std::optional<Include>& include) {
    MonoTime give_up = end_of_patience(), look_again = client_.now();
    while (interrupted == 0 && !has_all()) {
      if (include && client_.now() >= look_again) {
        if (Status status = subscribe(*include); !status.ok()) return status;
        look_again = client_.now() + kTopicsAge;
      }
      const int64_t before = count_;
      Status failure;
      const Duration wait = std::clamp(give_up - client_.now(), Duration{}, kInterruptDelay);
      if (Status joined = member_ != nullptr ? member_->poll(wait) : Status(); !joined.ok()) return joined;
      const Status status = consumer_.poll(wait, [&](const TopicPartition& partition, const FetchedRecord& record) {
        failure = on_record(partition, record);
        return failure.ok() && interrupted == 0 && !has_all();
      });
      if (Status written = output_.flush(); !written.ok()) return written;
      if (!failure.ok()) return failure;
      if (!status.ok()) return status;
      if (count_ > before) give_up = end_of_patience();
      if (client_.now() >= give_up) {
        std::cerr << "No message came within --timeout-ms " << timeout_ms_ << ".\n";
        // A cluster that was not there is not an empty topic.
        return member_ != nullptr && !member_->reached().ok() ? member_->reached() : consumer_.reached();
      }
    }
    return {};
  }

 private:
  MonoTime end_of_patience() const { return timeout_ms_ < 0 ? MonoTime{INT64_MAX} : client_.now() + Duration::millis(std::min(timeout_ms_, kMillisMax)); }
  bool has_all() const { return limit_ != -1 && count_ >= limit_; }

  Status subscribe(const Include& include) {
    const auto metadata = client_.persist([this] { return client_.metadata(std::nullopt, false); });
    if (!metadata.ok()) return metadata.error();
    std::set<std::string> topics;
    for (const auto& topic : metadata->message.topics) {
      const std::string topic_name(topic.name.value_or(""));
      if (include.filter.matches(topic_name, include.exclude_internal)) topics.insert(topic_name);
    }
    if (member_ != nullptr) {
      member_->subscribe(std::move(topics));
    } else {
      for (const std::string& topic : topics) consumer_.subscribe(topic);
    }
    return {};
  }

  Status on_record(const TopicPartition& partition, const FetchedRecord& record) {
    ++count_;
    const size_t before = output_.text.size();
    if (Status status = formatter_.format({partition.topic, partition.partition, record.timestamp_type, record.record}, output_.text); !status.ok()) {
      output_.text.resize(before);
      const std::string what = partition.str() + " offset " + std::to_string(record.record.offset.value) + ": " + status.error().message;
      if (!skips_errors_) return Error{status.code(), what};
      std::cerr << "ERROR Error processing message, skipping this message: " << what << "\n";
    }
    return output_.text.size() < kOutputBytes ? Status() : output_.flush();
  }

  const int64_t limit_;
  const int64_t timeout_ms_;
  const bool skips_errors_;
  RecordFormatter formatter_;
  BlockingClient& client_;
  RecordConsumer& consumer_;
  GroupMembership* const member_;
  Output output_;
  int64_t count_ = 0;
};

Result<std::optional<Include>> include_of(const Options& options, const Properties& properties) {
  if (options.has("topic")) return std::optional<Include>();
  auto filter = TopicFilter::of_regex(options.text("include").value_or(options.text_or("whitelist", "")));
  if (!filter.ok()) return filter.error();
  Include include{std::move(*filter)};
  set_flag(properties, "exclude.internal.topics", include.exclude_internal);
  return std::optional(std::move(include));
}

// What the command line and the files it names ask for.
struct Plan {
  ConsumerSettings settings;
  StartAt begin = StartAt::LATEST;  // of the partition that --partition names
  std::optional<Offset> offset;     // the same, as a number
  RecordFormatter formatter;
  std::optional<Include> include;
  BlockingClientSettings cluster;
  std::optional<GroupMembershipSettings> group;
};

Result<Plan> plan_of(const Options& options) {
  const auto properties = properties_of(options, "consumer.config", "consumer-property");
  if (!properties.ok()) return properties.error();
  std::optional<Offset> offset;
  const auto begin = begin_of(options, offset);
  if (!begin.ok()) return begin.error();
  const auto settings = consumer_settings(options, *properties);
  if (!settings.ok()) return settings.error();
  auto group = group_settings(options, *properties);
  if (!group.ok()) return group.error();
  auto formatter = formatter_of(options);
  if (!formatter.ok()) return formatter.error();
  auto include = include_of(options, *properties);
  if (!include.ok()) return include.error();
  auto cluster = client_settings(*options.text("bootstrap-server"), *properties, "console-consumer");
  if (!cluster.ok()) return cluster.error();
  return Plan{*settings, *begin, offset, std::move(*formatter), std::move(*include), std::move(*cluster), std::move(*group)};
}

}  // namespace

int kafka_console_consumer(const std::vector<std::string>& arguments) {
  Options options;
  if (const auto code = take_options(usage(), arguments, mistake_in, options)) return *code;
  auto plan = plan_of(options);
  if (!plan.ok()) return refuse(plan.error());
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  BlockingClient client(std::move(plan->cluster), warn);
  RecordConsumer consumer(client, plan->settings, warn);
  std::optional<GroupMembership> member;
  if (plan->group) {
    member.emplace(client, *plan->group,
                   GroupMembership::Reader{[&consumer] { return consumer.positions(); }, [&consumer](const auto& partitions) { consumer.read_only(partitions); }}, warn);
    if (options.has("topic")) member->subscribe({*options.text("topic")});
  } else if (const auto partition = options.number("partition")) {
    consumer.assign({*options.text("topic"), PartitionIndex(static_cast<int32_t>(*partition))}, plan->begin, plan->offset);
  } else if (options.has("topic")) {
    consumer.subscribe(*options.text("topic"));
  }
  ConsoleConsumer console(options, std::move(plan->formatter), client, consumer, member ? &*member : nullptr);
  Status status = console.run(plan->include);
  if (member) {
    const Status left = member->leave(status.ok());  // only what was written out is committed
    if (status.ok()) status = left;
  }
  const int code = status.ok() ? 0 : refuse(status.error());
  std::cerr << "Processed a total of " << console.count() << " messages\n";
  if (options.has("enable-systest-events")) std::cout << "shutdown_complete\n" << std::flush;
  return interrupted != 0 ? kInterruptedExit + interrupted : code;
}

}  // namespace quokka
