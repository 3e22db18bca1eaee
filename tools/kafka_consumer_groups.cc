// kafka-consumer-groups: lists, describes and deletes groups of consumers, and sets or deletes their offsets.
#include <algorithm>
#include <iostream>

#include "protocol/base/text_parts.h"
#include "tools/client_settings.h"
#include "tools/group_queries.h"
#include "tools/options.h"
#include "tools/reset_plan.h"
#include "tools/reset_offsets.h"
#include "tools/tool_properties.h"
#include "tools/tools.h"

namespace quokka {
namespace {

constexpr int64_t kTimeoutMs = 5000;

ToolUsage usage() {
  return {"kafka-consumer-groups",
          "This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets.",
          {{"bootstrap-server", Argument::TEXT, "REQUIRED: The servers to connect to: host:port, commas between several."},
           {"command-config", Argument::TEXT, "Property file with settings of the connection."},
           {"timeout", Argument::LONG, "How long to try, in ms, for instance while a coordinator is loading. 5000 unless given."},
           {"list", Argument::NONE, "List all consumer groups."},
           {"describe", Argument::NONE, "Describe groups: by default their partitions, offsets and lag."},
           {"delete", Argument::NONE, "Delete groups without members, with their offsets."},
           {"reset-offsets", Argument::NONE, "Set the offsets of groups without members: with --execute; else only show them."},
           {"delete-offsets", Argument::NONE, "Delete offsets of one group in the topics of --topic."},
           {"group", Argument::TEXT, "The consumer group. May be repeated."},
           {"all-groups", Argument::NONE, "Apply to all consumer groups."},
           {"topic", Argument::TEXT, "The topic, or topic:0,1,2 for some of its partitions. May be repeated."},
           {"all-topics", Argument::NONE, "Reset the offsets in all topics that the group has offsets in."},
           {"offsets", Argument::NONE, "With --describe: partitions, offsets and lag, which is the default."},
           {"members", Argument::NONE, "With --describe: the members of the group."},
           {"verbose", Argument::NONE, "With --describe --members: what each is assigned."},
           {"state", Argument::OPTIONAL_TEXT, "With --describe: state and coordinator of the group. With --list: the states too, or only groups in these."},
           {"explain", Argument::NONE, "With --describe: why the group rebalanced the last times, as far as a broker of Quokka coordinates it."},
           {"type", Argument::OPTIONAL_TEXT, "With --list: the types too, or only groups of these: classic, consumer."},
           {"dry-run", Argument::NONE, "Only show what would be set."},
           {"execute", Argument::NONE, "Set it."},
           {"export", Argument::NONE, "Show it as CSV, which --from-file reads."},
           {"to-offset", Argument::LONG, "Set this offset, or the nearest there is."},
           {"from-file", Argument::TEXT, "Set what is in a CSV file: topic,partition,offset, or group,topic,partition,offset."},
           {"to-datetime", Argument::TEXT, "Set the first offset since then: YYYY-MM-DDTHH:mm:SS.sss, in UTC unless a zone is named."},
           {"by-duration", Argument::TEXT, "Set the first offset since that long ago: PnDTnHnMnS."},
           {"to-earliest", Argument::NONE, "Set the beginning."},
           {"to-latest", Argument::NONE, "Set the end."},
           {"to-current", Argument::NONE, "Set the offset that is there, or the end where there is none."},
           {"shift-by", Argument::LONG, "Move the offset that is there by so many, backwards if negative."},
           {"new-consumer", Argument::NONE, "Accepted and ignored: there are no others."},
           {"zookeeper", Argument::TEXT, "Refused: groups are asked of brokers, named by --bootstrap-server."}}};
}

constexpr const char* kActions[] = {"list", "describe", "delete", "reset-offsets", "delete-offsets"};

std::optional<std::string> mistake_in_reset(const Options& options) {
  if (options.has("dry-run") && options.has("execute")) return "Option [reset-offsets] only accepts one of [execute] and [dry-run]";
  if (!options.has("group") && !options.has("all-groups")) return "Option [reset-offsets] takes one of these options: [group], [all-groups]";
  for (const std::string& scenario : reset_scenarios()) {
    if (auto conflict = options.conflict(scenario, reset_scenarios())) return conflict;
  }
  if (std::ranges::none_of(reset_scenarios(), [&](const std::string& scenario) { return options.has(scenario); })) {
    return "Option '[reset-offsets]' requires one of the following scenarios: [to-offset], [to-current], [to-datetime], [from-file], [by-duration], "
           "[to-earliest], [to-latest], [shift-by]";
  }
  if (!options.has("all-topics") && !options.has("topic") && !options.has("from-file")) {
    return "One of the reset scopes should be defined: --all-topics, --topic.";
  }
  return std::nullopt;
}

std::optional<std::string> mistake_in_describe(const Options& options) {
  if (!options.has("group") && !options.has("all-groups")) return "Option [describe] takes one of these options: [group], [all-groups]";
  const auto views = {"members", "offsets", "state", "explain"};
  if (std::ranges::count_if(views, [&](const char* view) { return options.has(view); }) > 1) {
    return "Option [describe] takes at most one of these options: [members], [offsets], [state], [explain]";
  }
  if (!options.text_or("state", "").empty()) return "Option [describe] does not take a value for [state]";
  return std::nullopt;
}

const std::vector<std::string> kStates{"PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty", "Assigning", "Reconciling"};
const std::vector<std::string> kTypes{"Consumer", "Classic"};

// The words of --state or --type, each one of `known` in any case.
Result<std::vector<std::string>> filter_words(const Options& options, const std::string& option) {
  const bool is_state = option == "state";
  const auto& known = is_state ? kStates : kTypes;
  const auto lower = [](std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return text;
  };
  std::vector<std::string> words;
  const std::string text = options.text_or(option, "");
  for (const std::string_view word : between_commas(text)) {
    const auto match = std::ranges::find(known, lower(std::string(word)), lower);
    if (match == known.end()) {
      std::string all;
      for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
      return Error{ErrorCode::INVALID_REQUEST, (is_state ? "Invalid state list '" + text + "'. Valid states are: " : "Invalid types list '" + text + "'. Valid types are: ") + all};
    }
    words.push_back(*match);
  }
  return words;
}

// What is wrong with the combination of options, if anything.
std::optional<std::string> mistake_in(const Options& options) {
  if (options.has("zookeeper")) return "--zookeeper is not supported: name brokers with --bootstrap-server";
  if (!options.has("bootstrap-server")) return "Missing required argument \"[bootstrap-server]\"";
  if (std::ranges::count_if(kActions, [&](const char* action) { return options.has(action); }) != 1) {
    return "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, --delete-offsets";
  }
  std::string unavailable;
  for (const char* option : {"members", "verbose", "offsets", "explain", "state", "type"}) {
    const bool is_of_list = std::string_view(option) == "state" || std::string_view(option) == "type";
    const bool is_of_describe = std::string_view(option) != "type";
    if (options.has(option) && !(is_of_describe && options.has("describe")) && !(is_of_list && options.has("list"))) {
      unavailable += (unavailable.empty() ? "" : ", ") + std::string(option);
    }
  }
  if (!unavailable.empty()) return "Option(s) [" + unavailable + "] are unavailable given other options on the command line";
  std::optional<std::string> mistake;
  if (options.has("describe")) mistake = mistake_in_describe(options);
  if (options.has("delete")) {
    if (!options.has("group") && !options.has("all-groups")) return "Option [delete] takes one of these options: [group], [all-groups]";
    if (options.has("topic")) return "The consumer does not support topic-specific offset deletion from a consumer group.";
  }
  if (options.has("delete-offsets") && (!options.has("group") || !options.has("topic"))) {
    return "Option [delete-offsets] takes the following options: [group], [topic]";
  }
  if (options.has("reset-offsets")) mistake = mistake_in_reset(options);
  if (!mistake) mistake = options.conflict("group", {"all-groups", "list"});
  if (!mistake) mistake = options.conflict("topic", {"list", "describe"});
  if (mistake) return mistake;
  for (const char* filter : {"state", "type"}) {
    if (const auto words = filter_words(options, filter); !words.ok()) return words.error().message;
  }
  for (const std::string& topic : options.texts("topic")) {
    if (const auto choice = parse_topic_choice(topic); !choice.ok()) return choice.error().message;
  }
  return std::nullopt;
}

void print_error(const std::string& message) { std::cout << "\nError: " << message << "\n"; }

class GroupsTool {
 public:
  GroupsTool(const Options& options, BlockingClient& client) : options_(options), client_(client) {}

  // False: something that was asked for was not done, and the user knows. Errors: nothing more could be done.
  Result<bool> run() {
    if (options_.has("list")) return list();
    if (options_.has("describe")) return describe();
    if (options_.has("delete")) return remove();
    if (options_.has("reset-offsets")) return reset();
    return remove_offsets();
  }

 private:
  Result<bool> list() {
    const auto states = filter_words(options_, "state"), types = filter_words(options_, "type");
    if (!states.ok()) return states.error();
    if (!types.ok()) return types.error();
    const auto groups = list_consumer_groups(client_, {*states, *types});
    if (!groups.ok()) return groups.error();
    if (options_.has("state") || options_.has("type")) {
      std::cout << listing_text(*groups, options_.has("type"), options_.has("state"));
    } else {
      for (const ListedGroup& group : *groups) std::cout << group.id << "\n";
    }
    return true;
  }

  // Those of --group, or all, sorted, each once.
  Result<std::vector<std::string>> chosen_groups() {
    std::vector<std::string> ids = options_.texts("group");
    if (options_.has("all-groups")) {
      const auto groups = list_consumer_groups(client_, {});
      if (!groups.ok()) return groups.error();
      for (const ListedGroup& group : *groups) ids.push_back(group.id);
    }
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
  }

  Result<bool> describe() {
    const auto ids = chosen_groups();
    if (!ids.ok()) return ids.error();
    std::vector<DescribedConsumerGroup> groups;
    for (const std::string& id : *ids) {
      auto group = describe_consumer_group(client_, id, options_.has("explain"));
      if (!group.ok()) return group.error();
      groups.push_back(std::move(*group));
    }
    bool all_exist = true;
    for (const DescribedConsumerGroup& group : groups) {
      Status status;
      all_exist = show_state(group) && all_exist;
      if (options_.has("members")) {
        std::cout << members_text(group, options_.has("verbose"));
      } else if (options_.has("state")) {
        if (group.state != "Dead") std::cout << state_text(group);
      } else if (options_.has("explain")) {
        show_rebalances(group);
      } else {
        status = show_offsets(group);
      }
      if (!status.ok()) return status.error();
      std::cout << std::flush;
    }
    return all_exist;
  }

  // What is worth saying before the group's table. False if there is no such group.
  static bool show_state(const DescribedConsumerGroup& group) {
    if (group.state == "Dead") print_error("Consumer group '" + group.id + "' does not exist.");
    std::cout << std::flush;
    if (group.state == "Empty") std::cerr << "\nConsumer group '" << group.id << "' has no active members.\n";
    if (group.state == "PreparingRebalance" || group.state == "CompletingRebalance") {
      std::cerr << "\nWarning: Consumer group '" << group.id << "' is rebalancing.\n";
    }
    return group.state != "Dead";
  }

  static void show_rebalances(const DescribedConsumerGroup& group) {
    if (!group.rebalances.empty()) {
      std::cout << rebalances_text(group);
    } else if (group.state != "Dead") {
      std::cerr << "\nThe coordinator of consumer group '" << group.id << "' remembers no rebalance of it.\n";
    }
  }

  Status show_offsets(const DescribedConsumerGroup& group) {
    const auto committed = committed_offsets(client_, group.id, std::nullopt, false);
    if (!committed.ok()) return committed.error();
    std::vector<TopicPartition> partitions;
    for (const auto& [partition, offset] : *committed) partitions.push_back(partition);
    for (const DescribedGroupMember& member : group.members) partitions.insert(partitions.end(), member.assignment.begin(), member.assignment.end());
    std::ranges::sort(partitions);
    partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
    const auto ends = listed_offsets(client_, partitions, kLatestTimestamp);
    if (!ends.ok()) return ends.error();
    OffsetsByPartition log_ends;
    for (const auto& [partition, end] : *ends) {
      if (end.ok()) log_ends[partition] = *end;
    }
    const auto rows = group_offsets(group, *committed, log_ends);
    if (!rows.empty() && group.state != "Dead") std::cout << offsets_text(group.id, rows);
    return {};
  }

  Result<bool> remove() {
    const auto ids = chosen_groups();
    if (!ids.ok()) return ids.error();
    std::vector<std::string> deleted;
    std::vector<std::pair<std::string, std::string>> failed;
    for (const std::string& id : *ids) {
      if (const Status status = delete_consumer_group(client_, id); status.ok()) deleted.push_back(id);
      else failed.emplace_back(id, status.error().message);
    }
    std::string names;
    for (const std::string& id : deleted) names += (names.empty() ? "'" : ", ") + id;
    if (names.empty()) names = "'";
    names += "'";
    if (failed.empty()) {
      std::cout << "Deletion of requested consumer groups (" << names << ") was successful.\n";
      return true;
    }
    print_error("Deletion of some consumer groups failed:");
    for (const auto& [id, why] : failed) std::cout << "* Group '" << id << "' could not be deleted due to: " << why << "\n";
    if (!deleted.empty()) std::cout << "\nThese consumer groups were deleted successfully: " << names << "\n";
    return false;
  }

  Result<bool> reset() {
    if (!options_.has("dry-run") && !options_.has("execute")) {
      std::cerr << "WARN: No action will be performed as the --execute option is missing. Give --dry-run to say that this is meant.\n";
    }
    const auto ids = chosen_groups();
    if (!ids.ok()) return ids.error();
    OffsetReset offsets(options_, client_);
    if (Status status = offsets.prepare(); !status.ok()) return status.error();
    ResetPlan plan;
    bool all_reset = true;
    for (const std::string& id : *ids) {
      const auto group = describe_consumer_group(client_, id, false);
      if (!group.ok()) return group.error();
      if (group->state != "Empty" && group->state != "Dead") {
        print_error("Assignments can only be reset if the group '" + id + "' is inactive, but the current state is " + group->state + ".");
        plan[id];
        all_reset = false;
        continue;
      }
      const auto wanted = offsets.plan(id);
      if (!wanted.ok()) return wanted.error();
      all_reset = !wanted->empty() && all_reset;
      if (options_.has("execute")) {
        if (Status status = commit_offsets(client_, id, *wanted); !status.ok()) return status.error();
      }
      plan[id] = *wanted;
    }
    const bool names_groups = options_.texts("group").size() != 1;
    if (options_.has("export")) std::cout << plan_text(plan, names_groups) << "\n";
    else if (!plan.empty()) std::cout << reset_text(plan);
    return all_reset;
  }

  Result<bool> remove_offsets() {
    const std::string group = *options_.text("group");
    std::string topics;
    for (const std::string& topic : options_.texts("topic")) topics += (topics.empty() ? "" : ", ") + topic;
    std::vector<TopicPartition> partitions;
    std::vector<std::pair<TopicPartition, std::optional<std::string>>> outcomes;
    for (const std::string& text : options_.texts("topic")) {
      const auto chosen = chosen_partitions(client_, text);
      if (!chosen.ok() && chosen.code() != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) return chosen.error();
      if (chosen.ok()) partitions.insert(partitions.end(), chosen->begin(), chosen->end());
      else outcomes.emplace_back(TopicPartition{text, PartitionIndex(-1)}, text_of_group_error(chosen.code()));
    }
    const auto deleted = delete_offsets(client_, group, partitions);
    if (!deleted.ok() && is_retriable(deleted.code())) return deleted.error();
    bool all_deleted = deleted.ok();
    for (const TopicPartition& partition : partitions) {
      ErrorCode code = deleted.code();
      if (deleted.ok()) {
        const auto outcome = deleted->find(partition);
        code = outcome == deleted->end() ? ErrorCode::UNKNOWN_SERVER_ERROR : outcome->second;
      }
      all_deleted = all_deleted && code == ErrorCode::NONE;
      outcomes.emplace_back(partition, code == ErrorCode::NONE ? std::nullopt : std::optional(text_of_group_error(code)));
    }
    if (!deleted.ok()) print_error(text_of_refusal(group, deleted.code()));
    else if (!all_deleted) print_error("Encounter some partition level error, see the follow-up details:");
    else std::cout << "Request succeed for deleting offsets with topic " << topics << " group " << group << "\n";
    std::ranges::sort(outcomes);
    std::cout << deleted_offsets_text(outcomes);
    return all_deleted && outcomes.size() == partitions.size();
  }

  static std::string text_of_refusal(const std::string& group, ErrorCode code) {
    switch (code) {
      case ErrorCode::INVALID_GROUP_ID: return "'" + group + "' is not valid.";
      case ErrorCode::GROUP_ID_NOT_FOUND: return "'" + group + "' does not exist.";
      case ErrorCode::GROUP_AUTHORIZATION_FAILED: return "Access to '" + group + "' is not authorized.";
      case ErrorCode::NON_EMPTY_GROUP: return "Deleting offsets of a consumer group '" + group + "' is forbidden if the group is not empty.";
      default: return "Encounter some unknown error: " + std::string(name(code));
    }
  }

  const Options& options_;
  BlockingClient& client_;
};

Result<BlockingClientSettings> settings_of(const Options& options) {
  const auto properties = properties_of(options, "command-config", "");
  if (!properties.ok()) return properties.error();
  auto settings = client_settings(*options.text("bootstrap-server"), *properties, "quokka-consumer-groups");
  if (!settings.ok()) return settings;
  const int64_t timeout_ms = options.number("timeout").value_or(kTimeoutMs);
  if (timeout_ms < 0) return Error{ErrorCode::INVALID_CONFIG, "--timeout " + std::to_string(timeout_ms) + ": a time is not negative"};
  settings->api_timeout = Duration::millis(std::min<int64_t>(timeout_ms, INT64_MAX / 4000));
  return settings;
}

}  // namespace

int kafka_consumer_groups(const std::vector<std::string>& arguments) {
  Options options;
  if (const auto code = take_options(usage(), arguments, mistake_in, options)) return *code;
  auto settings = settings_of(options);
  if (!settings.ok()) return refuse(settings.error());
  BlockingClient client(std::move(*settings), warn);
  const auto done = GroupsTool(options, client).run();
  if (!done.ok()) print_error("Executing consumer group command failed due to " + done.error().message);
  std::cout << std::flush;
  return done.ok() && *done && std::cout.good() ? 0 : 1;
}

}  // namespace quokka
