// kafka-topics: creates, lists, describes, alters and deletes topics.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "protocol/base/topic_name.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/list_partition_reassignments.h"
#include "tools/client_settings.h"
#include "tools/old_zookeeper.h"
#include "tools/options.h"
#include "tools/tool_properties.h"
#include "tools/tools.h"
#include "tools/topic_filter.h"
#include "tools/topic_text.h"

namespace quokka {
namespace {

constexpr int8_t kTopicResource = 2;
constexpr int8_t kDefaultConfigSource = 5;
constexpr int32_t kServerTimeoutMs = 30000;

ToolUsage usage() {
  return {"kafka-topics",
          "This tool helps to create, delete, describe, or change a topic.",
          {{"bootstrap-server", Argument::TEXT, "REQUIRED: The servers to connect to: host:port, commas between several."},
           {"command-config", Argument::TEXT, "Property file with settings of the connection."},
           {"list", Argument::NONE, "List all available topics."},
           {"create", Argument::NONE, "Create a new topic."},
           {"delete", Argument::NONE, "Delete a topic."},
           {"alter", Argument::NONE, "Raise the number of partitions. Configuration is altered with kafka-configs."},
           {"describe", Argument::NONE, "List details for the given topics."},
           {"topic", Argument::TEXT, "The topic; except for --create also a regular expression."},
           {"topic-id", Argument::TEXT, "The id of the topic to describe."},
           {"config", Argument::TEXT, "name=value: configuration of the topic being created. May be repeated."},
           {"delete-config", Argument::TEXT, "Not supported with --bootstrap-server: use kafka-configs."},
           {"partitions", Argument::INTEGER, "The number of partitions. If not given for --create, the cluster's default."},
           {"replication-factor", Argument::INTEGER, "The number of replicas of each partition. If not given, the cluster's default."},
           {"replica-assignment", Argument::TEXT, "Brokers of each partition by hand: 1:2,2:3 puts partition 0 on 1 and 2, 1 on 2 and 3."},
           {"under-replicated-partitions", Argument::NONE, "Describe only partitions with replicas out of sync."},
           {"unavailable-partitions", Argument::NONE, "Describe only partitions whose leader is not available."},
           {"under-min-isr-partitions", Argument::NONE, "Describe only partitions with fewer in-sync replicas than the minimum."},
           {"at-min-isr-partitions", Argument::NONE, "Describe only partitions with exactly the minimum of in-sync replicas."},
           {"topics-with-overrides", Argument::NONE, "Describe only topics with configuration of their own."},
           {"if-exists", Argument::NONE, "Alter, delete or describe only if the topic exists."},
           {"if-not-exists", Argument::NONE, "Create only if the topic does not exist."},
           {"exclude-internal", Argument::NONE, "Leave out internal topics when listing or describing."},
           {"partition-size-limit-per-response", Argument::INTEGER, "Accepted and not needed."},
           {"zookeeper", Argument::TEXT, "DEPRECATED: brokers are looked up there and then asked themselves. Use --bootstrap-server."},
           {"force", Argument::NONE, "Accepted for old scripts."},
           {"disable-rack-aware", Argument::NONE, "Accepted for old scripts."}}};
}

// An error a broker answered, with the broker's words if it has any.
Error answered(ErrorCode code, std::optional<std::string_view> message, const std::string& about) {
  std::string text = message && !message->empty() ? std::string(*message) : about + ": " + std::string(name(code));
  return Error{code, std::move(text)};
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_REQUEST, std::move(message)}; }

using Assignment = std::vector<std::vector<BrokerId>>;

Result<Assignment> parse_assignment(const std::string& text) {
  Assignment assignment;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    std::vector<BrokerId> brokers;
    for (size_t from = at; from <= comma;) {
      const size_t colon = std::min(text.find(':', from), comma);
      const std::string word = text.substr(from, colon - from);
      char* end = nullptr;
      const long id = std::strtol(word.c_str(), &end, 10);
      if (word.empty() || (*end != '\0' && *end != ' ')) return invalid("'" + word + "' in --replica-assignment is not a broker's id");
      const BrokerId broker(static_cast<int32_t>(id));
      if (std::ranges::count(brokers, broker) > 0) {
        return invalid("Partition replica lists may not contain duplicate entries: " + word);
      }
      brokers.push_back(broker);
      from = colon + 1;
    }
    if (!assignment.empty() && brokers.size() != assignment.front().size()) {
      std::string ids;
      for (const BrokerId broker : brokers) ids += (ids.empty() ? "" : ", ") + std::to_string(broker.value);
      return invalid("Partition " + std::to_string(assignment.size()) + " has different replication factor: [" + ids + "]");
    }
    assignment.push_back(std::move(brokers));
    at = comma + 1;
  }
  return assignment;
}

class TopicsTool {
 public:
  TopicsTool(const Options& options, BlockingClient& client) : options_(options), client_(client) {}

  Status run() {
    if (options_.has("create")) return create();
    if (options_.has("alter")) return alter();
    if (options_.has("delete")) return remove();
    if (options_.has("list")) return list();
    return describe_topics();
  }

 private:
  Status create() {
    const std::string topic = *options_.text("topic");
    const auto assignment = assignment_asked();
    if (!assignment.ok()) return assignment.error();
    std::vector<std::pair<std::string, std::string>> pairs;
    if (Status status = parse_configs(pairs); !status.ok()) return status;
    if (has_collision_characters(topic)) {
      std::cout << "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid "
                   "issues it is best to use either, but not both.\n";
    }
    const int64_t partitions = options_.number("partitions").value_or(-1);
    const int64_t replicas = options_.number("replication-factor").value_or(-1);
    if (options_.has("replication-factor") && (replicas < 1 || replicas > INT16_MAX)) {
      return invalid("The replication factor must be between 1 and 32767 inclusive");
    }
    if (options_.has("partitions") && partitions < 1) return invalid("The partitions must be greater than 0");

    CreateTopicsRequest::CreatableTopic wanted;
    wanted.name = topic;
    wanted.num_partitions = static_cast<int32_t>(partitions);
    wanted.replication_factor = static_cast<int16_t>(replicas);
    std::vector<CreateTopicsRequest::CreatableTopic::CreatableTopicConfig> configs;
    for (const auto& [key, value] : pairs) configs.push_back({key, value});
    wanted.configs = configs;
    std::vector<CreateTopicsRequest::CreatableTopic::CreatableReplicaAssignment> assigned;
    for (size_t i = 0; i < assignment->size(); ++i) assigned.push_back({PartitionIndex(static_cast<int32_t>(i)), (*assignment)[i]});
    wanted.assignments = assigned;
    std::vector<CreateTopicsRequest::CreatableTopic> topics{wanted};
    CreateTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = kServerTimeoutMs;
    const auto answer = client_.call_controller<CreateTopicsResponse>(request, [](const auto& response) { return says_elsewhere(response.topics); });
    if (!answer.ok()) return answer.error();
    for (const auto& result : answer->message.topics) {
      if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS && options_.has("if-not-exists")) return {};
      if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS && !result.error_message) return Error{result.error_code, "Topic '" + topic + "' already exists."};
    }
    if (Status status = first_error(answer->message.topics); !status.ok()) return status;
    std::cout << "Created topic " << topic << ".\n";
    return {};
  }

  // Of a response that names what was done topic by topic.
  static bool says_elsewhere(const auto& results) {
    return std::ranges::any_of(results, [](const auto& result) { return result.error_code == ErrorCode::NOT_CONTROLLER; });
  }
  static Status first_error(const auto& results) {
    for (const auto& result : results) {
      if (result.error_code == ErrorCode::NONE) continue;
      const std::optional<std::string_view> topic(result.name);
      return answered(result.error_code, result.error_message, "topic " + std::string(topic.value_or("")));
    }
    return {};
  }

  // Empty without --replica-assignment.
  Result<Assignment> assignment_asked() const {
    const std::string text = options_.text_or("replica-assignment", "");
    return text.empty() ? Assignment() : parse_assignment(text);
  }

  Status parse_configs(std::vector<std::pair<std::string, std::string>>& pairs) const {
    const auto trimmed = [](const std::string& text) {
      const size_t begin = text.find_first_not_of(" \t");
      return begin == std::string::npos ? std::string() : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
    };
    for (const std::string& word : options_.texts("config")) {
      const size_t equals = word.find('=');
      const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
      if (equals == 0 || value.empty() || value.find('=') != std::string::npos) {
        return invalid("requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".");
      }
      pairs.emplace_back(trimmed(word.substr(0, equals)), trimmed(value));
    }
    return {};
  }

  Result<Answer<MetadataResponse>> all_topics() {
    return client_.persist([this] { return client_.metadata(std::nullopt, false); });
  }

  // Names of the topics that --topic asks for, sorted; all without it.
  Result<std::vector<std::string>> chosen_topics(bool must_exist) {
    const auto answer = all_topics();
    if (!answer.ok()) return answer.error();
    const auto wanted = options_.text("topic");
    const auto filter = TopicFilter::of_list(wanted.value_or(".*"));
    if (!filter.ok()) return filter.error();
    std::vector<std::string> topics;
    for (const auto& topic : answer->message.topics) {
      const std::string topic_name(topic.name.value_or(""));
      if (filter->matches(topic_name, options_.has("exclude-internal"))) topics.push_back(topic_name);
    }
    std::ranges::sort(topics);
    if (topics.empty() && wanted && !wanted->empty() && must_exist) return invalid("Topic '" + *wanted + "' does not exist as expected");
    return topics;
  }

  Status list() {
    const auto topics = chosen_topics(false);
    if (!topics.ok()) return topics.error();
    for (const std::string& topic : *topics) std::cout << topic << "\n";
    if (topics->empty()) std::cout << "\n";  // as Kafka's tool
    return {};
  }

  Status alter() {
    const auto assignment = assignment_asked();
    if (!assignment.ok()) return assignment.error();
    const auto topics = chosen_topics(!options_.has("if-exists"));
    if (!topics.ok()) return topics.error();
    if (topics->empty()) return {};
    const auto metadata = client_.metadata(*topics, false);
    if (!metadata.ok()) return metadata.error();
    using Topic = CreatePartitionsRequest::CreatePartitionsTopic;
    std::vector<std::vector<Topic::CreatePartitionsAssignment>> assigned(topics->size());
    std::vector<Topic> wanted;
    for (size_t i = 0; i < topics->size(); ++i) {
      Topic& topic = wanted.emplace_back();
      topic.name = (*topics)[i];
      topic.count = static_cast<int32_t>(*options_.number("partitions"));
      topic.assignments.reset();
      if (assignment->empty()) continue;
      // The brokers of the partitions there are stand first and are left out.
      for (size_t p = partitions_of(metadata->message, (*topics)[i]); p < assignment->size(); ++p) assigned[i].push_back({(*assignment)[p]});
      topic.assignments = assigned[i];
    }
    CreatePartitionsRequest request;
    request.topics = wanted;
    request.timeout_ms = kServerTimeoutMs;
    const auto answer = client_.call_controller<CreatePartitionsResponse>(request, [](const auto& response) { return says_elsewhere(response.results); });
    return answer.ok() ? first_error(answer->message.results) : Status(answer.error());
  }

  static size_t partitions_of(const MetadataResponse& metadata, const std::string& topic_name) {
    for (const auto& topic : metadata.topics) {
      if (topic.name == topic_name) return topic.partitions.size();
    }
    return 0;
  }

  Status remove() {
    const auto topics = chosen_topics(!options_.has("if-exists"));
    if (!topics.ok()) return topics.error();
    if (topics->empty()) return {};
    std::vector<std::string_view> names(topics->begin(), topics->end());
    std::vector<DeleteTopicsRequest::DeleteTopicState> states;
    for (const std::string& topic : *topics) states.push_back({topic, {}});
    // Version 6 names topics in another field; both cannot be filled.
    const auto version = client_.persist([this]() -> Result<int16_t> {
      const auto controller = client_.controller();
      if (!controller.ok()) return controller.error();
      return (*controller)->version_of(ApiKey::DELETE_TOPICS, 1, DeleteTopicsRequest::kVersionMax);
    });
    if (!version.ok()) return version.error();
    DeleteTopicsRequest request;
    request.timeout_ms = kServerTimeoutMs;
    if (*version >= 6) {
      request.topics = states;
    } else {
      request.topic_names = names;
    }
    const auto answer = client_.call_controller<DeleteTopicsResponse>(request, [](const auto& response) { return says_elsewhere(response.responses); });
    return answer.ok() ? first_error(answer->message.responses) : Status(answer.error());
  }

  // The id of --topic-id; nullopt without one, and for the id of no topic, which Kafka takes for none.
  Result<std::optional<Uuid>> id_asked() const {
    const auto text = options_.text("topic-id");
    if (!text) return std::optional<Uuid>();
    const auto id = Uuid::parse(*text);
    if (!id) {
      return invalid("Input string `" + *text + "` decoded as " + std::to_string(text->size() * 6 / 8) +
                     " bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID");
    }
    return id->is_zero() ? std::optional<Uuid>() : id;
  }

  Status describe_topics() {
    const auto id = id_asked();
    if (!id.ok()) return id.error();
    std::optional<std::vector<std::string>> topics;  // nullopt: all, to find the one with the id
    if (!*id) {
      auto chosen = chosen_topics(!options_.has("if-exists"));
      if (!chosen.ok()) return chosen.error();
      if (chosen->empty()) return {};
      topics = std::move(*chosen);
    }
    const auto metadata = client_.persist([&] { return client_.metadata(topics, false); });
    if (!metadata.ok()) return metadata.error();
    std::vector<DescribedTopic> described;
    std::set<BrokerId> live;
    for (const auto& broker : metadata->message.brokers) live.insert(broker.node_id);
    for (const auto& topic : metadata->message.topics) {
      if (*id && topic.topic_id != **id) continue;
      if (topic.error_code != ErrorCode::NONE && topic.partitions.empty()) {
        return answered(topic.error_code, std::nullopt, "topic " + std::string(topic.name.value_or("")));
      }
      described.push_back(described_topic(topic));
    }
    if (*id && described.empty() && !options_.has("if-exists")) return invalid("TopicId '" + (*id)->str() + "' does not exist as expected");
    std::ranges::sort(described, {}, &DescribedTopic::name);
    if (Status status = add_configs(described); !status.ok()) return status;
    if (Status status = add_reassignments(described); !status.ok()) return status;
    DescribeChoice choice;
    choice.under_replicated = options_.has("under-replicated-partitions");
    choice.unavailable = options_.has("unavailable-partitions");
    choice.under_min_isr = options_.has("under-min-isr-partitions");
    choice.at_min_isr = options_.has("at-min-isr-partitions");
    choice.topics_with_overrides = options_.has("topics-with-overrides");
    for (const DescribedTopic& topic : described) std::cout << describe(topic, choice, live);
    return {};
  }

  static DescribedTopic described_topic(const MetadataResponse::MetadataResponseTopic& topic) {
    DescribedTopic result{std::string(topic.name.value_or("")), topic.topic_id, {}, {}, 1};
    for (const auto& partition : topic.partitions) {
      DescribedPartition described;
      described.index = partition.partition_index;
      if (partition.leader_id.value >= 0) described.leader = partition.leader_id;
      described.replicas.assign(partition.replica_nodes.begin(), partition.replica_nodes.end());
      described.isr.assign(partition.isr_nodes.begin(), partition.isr_nodes.end());
      result.partitions.push_back(std::move(described));
    }
    std::ranges::sort(result.partitions, {}, &DescribedPartition::index);
    return result;
  }

  Status add_configs(std::vector<DescribedTopic>& topics) {
    const auto broker = client_.any_broker();
    if (!broker.ok()) return broker.error();
    if (!(*broker)->serves(ApiKey::DESCRIBE_CONFIGS) || topics.empty()) return {};
    std::vector<DescribeConfigsRequest::DescribeConfigsResource> resources;
    for (const DescribedTopic& topic : topics) resources.push_back({kTopicResource, topic.name, std::nullopt});
    DescribeConfigsRequest request;
    request.resources = resources;
    const auto answer = (*broker)->call<DescribeConfigsResponse>(request, client_.settings().request_timeout, DescribeConfigsRequest::kVersionMax, 1);
    if (!answer.ok()) return answer.error();
    for (const auto& result : answer->message.results) {
      const auto topic = std::ranges::find(topics, result.resource_name, &DescribedTopic::name);
      if (topic == topics.end()) continue;
      if (result.error_code != ErrorCode::NONE) return answered(result.error_code, result.error_message, "configuration of topic " + topic->name);
      for (const auto& config : result.configs) {
        const std::string value(config.value.value_or("null"));
        if (config.config_source != kDefaultConfigSource) topic->overrides.emplace_back(config.name, value);
        if (config.name == "min.insync.replicas") topic->min_insync_replicas = static_cast<int32_t>(std::strtol(value.c_str(), nullptr, 10));
      }
    }
    return {};
  }

  Status add_reassignments(std::vector<DescribedTopic>& topics) {
    const auto controller = client_.controller();
    // Without a controller nothing is reassigned, and what can be described is described.
    if (!controller.ok() || !(*controller)->serves(ApiKey::LIST_PARTITION_REASSIGNMENTS)) return {};
    ListPartitionReassignmentsRequest request;
    request.timeout_ms = kServerTimeoutMs;
    const auto answer = (*controller)->call<ListPartitionReassignmentsResponse>(request, client_.settings().request_timeout);
    if (!answer.ok()) return answer.error();
    for (const auto& under_way : answer->message.topics) {
      const auto topic = std::ranges::find(topics, under_way.name, &DescribedTopic::name);
      if (topic == topics.end()) continue;
      for (const auto& moving : under_way.partitions) {
        const auto partition = std::ranges::find(topic->partitions, moving.partition_index, &DescribedPartition::index);
        if (partition == topic->partitions.end()) continue;
        partition->reassignment = DescribedPartition::Reassignment{{moving.replicas.begin(), moving.replicas.end()},
                                                                   {moving.adding_replicas.begin(), moving.adding_replicas.end()},
                                                                   {moving.removing_replicas.begin(), moving.removing_replicas.end()}};
      }
    }
    return {};
  }

  const Options& options_;
  BlockingClient& client_;
};

constexpr const char* kActions[] = {"list", "describe", "create", "alter", "delete"};

// Which options a tool's action leaves no use for.
std::optional<std::string> conflict_in(const Options& options) {
  struct Rule {
    const char* option;
    std::vector<const char*> actions;  // it goes with these only
    std::vector<std::string> others;   // and not beside these options
  };
  const std::vector<std::string> filters{"under-replicated-partitions", "under-min-isr-partitions", "at-min-isr-partitions", "unavailable-partitions"};
  std::vector<Rule> rules{{"config", {"create", "alter"}, {}},
                          {"delete-config", {"alter"}, {"bootstrap-server"}},
                          {"partitions", {"create", "alter"}, {}},
                          {"replication-factor", {"create"}, {}},
                          {"replica-assignment", {"create", "alter"}, {}},
                          {"topic-id", {"describe"}, {}},
                          {"if-exists", {"alter", "delete", "describe"}, {}},
                          {"if-not-exists", {"create"}, {}},
                          {"exclude-internal", {"list", "describe"}, {}}};
  for (const std::string& filter : filters) rules.push_back({filter.c_str(), {"describe"}, {"topics-with-overrides"}});
  rules.push_back({"topics-with-overrides", {"describe"}, filters});
  if (options.has("create")) rules.push_back({"replica-assignment", {"create"}, {"partitions", "replication-factor"}});
  for (const auto& [option, actions, others] : rules) {
    std::vector<std::string> excluded = others;
    for (const char* action : kActions) {
      if (std::ranges::none_of(actions, [&](std::string_view allowed) { return allowed == action; })) excluded.insert(excluded.begin(), action);
    }
    if (auto conflict = options.conflict(option, excluded)) return conflict;
  }
  return std::nullopt;
}

// What is wrong with the combination of options, if anything.
std::optional<std::string> mistake_in(const Options& options) {
  if (std::ranges::count_if(kActions, [&](const char* action) { return options.has(action); }) != 1) {
    return "Command must include exactly one action: --list, --describe, --create, --alter or --delete";
  }
  if (!options.has("bootstrap-server") && !options.has("zookeeper")) return "--bootstrap-server must be specified";
  if (options.has("describe") && options.has("if-exists") && !options.has("topic") && !options.has("topic-id")) {
    return "--topic or --topic-id is required to describe a topic";
  }
  if (!options.has("list") && !options.has("describe") && !options.has("topic")) return "Missing required argument \"[topic]\"";
  if (options.has("alter") && options.has("config")) {
    return "Option combination \"[[bootstrap-server], [config]]\" can't be used with option \"[alter]\" (the kafka-configs CLI supports altering "
           "topic configs with a --bootstrap-server option)";
  }
  if (options.has("alter") && !options.has("partitions")) return "Missing required argument \"[partitions]\"";
  return conflict_in(options);
}

// Kafka's tool writes to both; to who sees both it is said once.
int failed(const Error& error) {
  std::cout << "Error while executing topic command : " << error.message << "\n" << std::flush;
  if (::isatty(STDOUT_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) std::cerr << "ERROR " << name(error.code) << ": " << error.message << "\n";
  return 1;
}

Result<BlockingClientSettings> settings_of(const Options& options) {
  const auto properties = properties_of(options, "command-config", "");
  if (!properties.ok()) return properties.error();
  const auto servers = servers_of(options);
  if (!servers.ok()) return servers.error();
  return client_settings(*servers, *properties, "quokka-topics");
}

}  // namespace

int kafka_topics(const std::vector<std::string>& arguments) {
  Options options;
  if (const auto code = take_options(usage(), arguments, mistake_in, options)) return *code;
  auto settings = settings_of(options);
  if (!settings.ok()) return refuse(settings.error());
  if (options.has("describe") && options.has("if-exists") && options.has("topic") && options.has("topic-id")) {
    std::cout << "Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID\n";
  }
  BlockingClient client(std::move(*settings), warn);
  if (Status status = TopicsTool(options, client).run(); !status.ok()) return failed(status.error());
  std::cout << std::flush;
  return std::cout.good() ? 0 : 1;
}

}  // namespace quokka
